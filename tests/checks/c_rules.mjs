// Rules about C text: calls that are banned, floats near money, clocks, lengths, switches, headers.

import { code_only, is_c, is_product_c, line_of, matches, problem, strings_kept } from './source.mjs';

const FUNCTION_LINES_MAX = 70;
const FILE_LINES_MAX = 800;
const COLUMNS_MAX = 100;
const COMMENT_COLUMNS_MAX = 110;
const CONTRACT_LEAST_CHARS = 30;

/** A rule that is one pattern over code without comments and literals. */
function pattern_rule({ name, rule, covers, pattern, say, good, bad }) {
    return {
        name,
        rule,
        run: (files) => files.filter((f) => covers(f.file)).flatMap(({ file, text }) => matches(code_only(text), pattern)
            .map(({ line, match }) => problem(file, line, say(match)))),
        good,
        bad,
    };
}

export const banned = pattern_rule({
    name: 'banned functions',
    rule: 'no call that cannot be bounded or cannot report an error',
    covers: is_c,
    pattern: /(?<![\w.>])(strcpy|strcat|sprintf|vsprintf|gets|strtok|strtok_r|atoi|atol|atoll|atof|[fsv]*scanf|alloca)\s*\(/g,
    say: (match) => `${match[1]} is banned`,
    good: [{ file: 'abi/a.c', text: 'snprintf(x, sizeof x, "strcpy(");\n/* atoi( is banned */\n' }],
    bad: ['strcpy(a, b);', 'n = atoi(text);', 'sscanf(t, "%d", &n);', 'p = alloca(9);', 'vsprintf(a, b, c);']
        .map((text) => ({ file: 'relayer/base/a.c', text: `${text}\n` })),
});

export const floats = pattern_rule({
    name: 'no floats near money',
    rule: 'amounts are integers; no float, double or conversion to one where money passes',
    covers: (file) => is_c(file) && /^(abi|keystore|relayer\/(money|flows|store|chain|juno|engine|api|audit))\//.test(file),
    pattern: /(?<!\w)(float|double|strtod|strtof|json_real\w*|json_number_value)(?!\w)/g,
    say: (match) => `${match[1]} near money`,
    good: [{ file: 'relayer/money/a.c', text: 'int64_t n; /* no double here */\n' },
        { file: 'relayer/base/metrics.c', text: 'double seconds;\n' }],
    bad: ['double amount;', 'float f;', 'x = strtod(s, 0);', 'n = json_real_value(j);']
        .map((text) => ({ file: 'relayer/juno/a.c', text: `${text}\n` })),
});

export const clocks = pattern_rule({
    name: 'one clock',
    rule: 'only relayer/base/clock reads the time',
    covers: (file) => is_product_c(file) && !file.startsWith('relayer/base/clock') && !file.startsWith('keystore/'),
    pattern: /(?<![\w.>])(time|gettimeofday|clock_gettime|uv_now|uv_hrtime|localtime|localtime_r)\s*\(/g,
    say: (match) => `${match[1]} outside relayer/base/clock`,
    good: [{ file: 'relayer/engine/a.c', text: 'now = clock_wall_ms(); x.time(3);\n' }],
    bad: [{ file: 'relayer/engine/a.c', text: 'now = time(NULL);\n' },
        { file: 'relayer/store/a.c', text: 'clock_gettime(CLOCK_REALTIME, &t);\n' }],
});

const SQL = /"[^"\n]*\b(SELECT\s[^"]*|INSERT\s+INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|CREATE\s+TABLE\s)/g;
export const sql = {
    name: 'SQL lives in the store',
    rule: 'no SQL outside relayer/store and migrations',
    run: (files) => files.filter((f) => is_product_c(f.file) && !f.file.startsWith('relayer/store/'))
        .flatMap(({ file, text }) => matches(strings_kept(text), SQL)
            .map(({ line }) => problem(file, line, 'SQL outside relayer/store'))),
    good: [{ file: 'relayer/store/a.c', text: 'db_add(s, "SELECT 1 FROM payment", 1);\n' },
        { file: 'relayer/api/a.c', text: '/* "SELECT x FROM y" is the store\'s */\nputs("Select one");\n' }],
    bad: [{ file: 'relayer/api/a.c', text: 'db_add(s, "SELECT id FROM payment", 1);\n' },
        { file: 'relayer/engine/a.c', text: 'x = "UPDATE payment SET state = $1";\n' }],
};

/** Functions by their braces in column 0, the layout .clang-format gives. */
function functions_of(text) {
    const lines = text.split('\n');
    const found = [];
    let open = -1;
    lines.forEach((line, at) => {
        if (line === '{') {
            open = at;
        } else if (/^}\s*$/.test(line) && open >= 0) {
            found.push({ line: open, length: at - open + 2 });   // braces, body and the signature's last line
            open = -1;
        }
    });
    return found;
}

export const lengths = {
    name: 'lengths',
    rule: `functions up to ${FUNCTION_LINES_MAX} lines, files up to ${FILE_LINES_MAX}, code up to ${COLUMNS_MAX} `
        + `columns, comments up to ${COMMENT_COLUMNS_MAX}`,
    run: (files) => files.filter((f) => is_c(f.file)).flatMap(({ file, text }) => [
        ...functions_of(code_only(text)).filter((f) => f.length > FUNCTION_LINES_MAX)
            .map((f) => problem(file, f.line, `function of ${f.length} lines (${FUNCTION_LINES_MAX} at most)`)),
        ...(text.split('\n').length - 1 > FILE_LINES_MAX
            ? [problem(file, 1, `${text.split('\n').length - 1} lines (${FILE_LINES_MAX} at most)`)] : []),
        ...text.split('\n').flatMap((line, at) => {
            const most = /^\s*(\/?\*|\/\/)/.test(line) ? COMMENT_COLUMNS_MAX : COLUMNS_MAX;
            const wide = [...line].length;
            return wide > most ? [problem(file, at + 1, `${wide} columns (${most} at most)`)] : [];
        }),
    ]),
    good: [{ file: 'abi/a.c', text: `int f(void)\n{\n${'    x();\n'.repeat(67)}}\n` }],
    bad: [{ file: 'abi/a.c', text: `int f(void)\n{\n${'    x();\n'.repeat(68)}}\n` },
        { file: 'abi/b.c', text: 'int x;\n'.repeat(801) },
        { file: 'abi/d.c', text: `int ${'x'.repeat(100)};\n` },
        { file: 'abi/c.c', text: `/* ${'x'.repeat(110)} */\n` }],
};

function enum_constants(files) {
    const names = new Set();
    for (const { text } of files) {
        for (const [, body] of code_only(text).matchAll(/\benum(?:\s+\w+)?\s*\{([^}]*)\}/g)) {
            for (const [, name] of body.matchAll(/(?:^|,)\s*([A-Z][A-Z0-9_]*)/g)) {
                names.add(name);
            }
        }
    }
    return names;
}

/** The text of the block whose "{" is at or after offset. */
function block_at(text, offset) {
    const begin = text.indexOf('{', offset);
    let depth = 0;
    for (let at = begin; at >= 0 && at < text.length; at += 1) {
        depth += text[at] === '{' ? 1 : text[at] === '}' ? -1 : 0;
        if (depth === 0) {
            return text.slice(begin, at + 1);
        }
    }
    return '';
}

export const switches = {
    name: 'no default over own enums',
    rule: 'a switch over an enum of ours names every case, so the compiler finds the forgotten one; a '
        + 'switch over a number from outside says so: default: /* foreign ... */',
    run(files) {
        const product = files.filter((f) => is_product_c(f.file));
        const own = enum_constants(product);
        return product.flatMap(({ file, text }) => {
            const code = code_only(text);
            return [...code.matchAll(/\bswitch\s*\(/g)].flatMap((match) => {
                const block = block_at(code, match.index);
                const fallback = block.search(/\bdefault\s*:/);
                const ours = [...block.matchAll(/\bcase\s+([A-Z][A-Z0-9_]*)/g)].some(([, name]) => own.has(name));
                if (fallback < 0 || !ours) {
                    return [];
                }
                const line = line_of(code, code.indexOf('{', match.index) + fallback);
                const said = text.split('\n')[line - 1].includes('/* foreign');
                return said ? [] : [problem(file, line, 'default: in a switch over an enum of ours')];
            });
        });
    },
    good: [{ file: 'abi/a.c', text: 'enum e { RED, BLUE };\nswitch (c) {\ncase 3: break;\ndefault: break;\n}\n' },
        { file: 'abi/b.c', text: 'switch (c) {\ncase RED: break;\ndefault: /* foreign byte */ break;\n}\n' }],
    bad: [{ file: 'abi/a.c', text: 'enum e { RED, BLUE = 4 };\nswitch (c) {\ncase BLUE: break;\ndefault: break;\n}\n' }],
};

export const headers = {
    name: 'headers are contracts',
    rule: 'every header begins with a comment that says what it promises, and has an include guard',
    run: (files) => files.filter((f) => is_product_c(f.file) && f.file.endsWith('.h')).flatMap(({ file, text }) => {
        const comment = /^\s*\/\*([\s\S]*?)\*\//.exec(text) ?? /^\s*\/\/((?:[^\n]*\n\/\/)*[^\n]*)/.exec(text);
        const problems = [];
        if (comment === null || comment[1].replace(/[\s*/]+/g, ' ').trim().length < CONTRACT_LEAST_CHARS) {
            problems.push(problem(file, 1, 'no leading comment that states the contract'));
        }
        if (!/^#ifndef \w+_H_?$/m.test(text) && !text.includes('#pragma once')) {
            problems.push(problem(file, 1, 'no include guard ..._H'));
        }
        return problems;
    }),
    good: [{ file: 'abi/a.h', text: `/* ${'A promise about bytes. '.repeat(4)}*/\n#ifndef KUSTODIA_ABI_A_H\n` }],
    bad: [{ file: 'abi/a.h', text: '#ifndef KUSTODIA_ABI_A_H\n' },
        { file: 'abi/b.h', text: `/* ${'A promise about bytes. '.repeat(4)}*/\nint x;\n` },
        { file: 'abi/c.h', text: '/* short */\n#ifndef KUSTODIA_ABI_C_H\n' }],
};

const FAULT_TABLE = 'relayer/base/fault.def';
export const fault_points = {
    name: 'fault points',
    rule: `every FAULT_POINT has its row in ${FAULT_TABLE} and every row stands in the code`,
    run(files) {
        const table = files.find((f) => f.file === FAULT_TABLE);
        const uses = files.filter((f) => is_product_c(f.file) && !f.file.startsWith('relayer/base/fault'))
            .flatMap(({ file, text }) => matches(code_only(text), /\bFAULT_POINT\s*\(\s*(\w+)\s*\)/g)
                .map(({ line, match }) => ({ file, line, name: match[1] })));
        const rows = table === undefined ? [] : matches(strings_kept(table.text), /^\s*X\(\s*(\w+)/gm)
            .map(({ line, match }) => ({ line, name: match[1] }));
        return [
            ...uses.filter((u) => !rows.some((r) => r.name === u.name))
                .map((u) => problem(u.file, u.line, `fault point ${u.name} has no row in ${FAULT_TABLE}`)),
            ...rows.filter((r) => !uses.some((u) => u.name === r.name))
                .map((r) => problem(FAULT_TABLE, r.line, `fault point ${r.name} stands nowhere in the code`)),
        ];
    },
    good: [{ file: FAULT_TABLE, text: 'X(before_send, "lane")\n' },
        { file: 'relayer/engine/a.c', text: 'FAULT_POINT(before_send);\n' }],
    bad: [{ file: FAULT_TABLE, text: 'X(never_reached, "lane")\n' },
        { file: 'relayer/engine/a.c', text: 'FAULT_POINT(unknown_name);\n' }],
};
