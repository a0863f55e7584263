// Reading C well enough for house rules: comments and literals blanked out, lines kept in place.

/** The text with every comment, string and character literal blanked; same length, same line breaks. */
export function code_only(text) {
    return blank(text, /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g);
}

/** The text with only comments blanked: string literals stay. */
export function strings_kept(text) {
    return text.replace(/"(?:[^"\\\n]|\\.)*"|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g,
        (part) => (part.startsWith('"') ? part : part.replace(/[^\n]/g, ' ')));
}

function blank(text, pattern) {
    return text.replace(pattern, (part) => part.replace(/[^\n]/g, ' '));
}

export function line_of(text, offset) {
    let line = 1;
    for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) {
        line += 1;
    }
    return line;
}

/** Every match of a pattern as { line, match }. */
export function matches(text, pattern) {
    return [...text.matchAll(pattern)].map((match) => ({ line: line_of(text, match.index), match }));
}

export const is_c = (file) => /\.[ch]$/.test(file);
/** Product code: what runs in a process of ours, not its tests. */
export const is_product_c = (file) => is_c(file) && /^(abi|keystore|relayer)\//.test(file);

export function problem(file, line, text) {
    return `${file}:${line}: ${text}`;
}
