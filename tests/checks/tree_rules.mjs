// Rules about the whole tree: machine paths, lockfiles, marks of unfinished work, migrations, API reference.

import { matches, problem } from './source.mjs';

const VENDORED = /^tests\/vectors\//;
// Spelled in two halves, so that this file does not break its own rule.
const MACHINE_PATHS = new RegExp(`(?<![\\w.$}-])/(${'wo'}rk|${'ro'}ot|${'ho'}me)/[\\w.]`, 'g');
const HOSTS = new RegExp(`\\b(registry\\.${'npm'}js\\.org|${'npm'}mirror\\.com|deb\\.${'deb'}ian\\.org|artifact${'ory'}\\w*\\.)`, 'g');
const MARKS = new RegExp(`\\b(${'TO'}${'DO'}|${'FIX'}${'ME'}|${'X'}XX)\\b`, 'g');
const PICTURES = /\p{Emoji_Presentation}/gu;

function text_rule({ name, rule, pattern, say, bad, covers = () => true }) {
    return {
        name,
        rule,
        run: (files) => files.filter((f) => !VENDORED.test(f.file) && covers(f.file))
            .flatMap(({ file, text }) => matches(text, pattern).map(({ line, match }) => problem(file, line, say(match)))),
        good: [{ file: 'README.md', text: 'Run ./dev test in the clone; the log is below .dev/log.\n' }],
        bad: bad.map((text) => ({ file: 'docs/a.md', text })),
    };
}

export const machine_paths = text_rule({
    name: 'no machine paths',
    rule: 'no path of one machine and no registry host in any file',
    pattern: new RegExp(`${MACHINE_PATHS.source}|${HOSTS.source}`, 'g'),
    say: (match) => `"${match[0]}" belongs to one machine or registry`,
    bad: [`see /${'ro'}ot/x\n`, `cd /${'wo'}rk/main\n`, `https://registry.${'npm'}js.org/a\n`],
});

export const marks = text_rule({
    name: 'no marks of unfinished work',
    rule: 'unfinished work is an issue, not a mark in a file',
    pattern: MARKS,
    say: (match) => `"${match[0]}"`,
    covers: (file) => !file.endsWith('package-lock.json'),
    bad: [`/* ${'TO'}DO: later */\n`, `# ${'FIX'}ME\n`],
});

export const pictures = text_rule({
    name: 'no pictograms',
    rule: 'plain text only',
    pattern: PICTURES,
    say: (match) => `pictogram ${match[0]}`,
    bad: [`done ${String.fromCodePoint(0x2705)}\n`],
});

export const lockfiles = {
    name: 'lockfiles',
    rule: 'a lockfile names exact versions and checksums, never a download address; a manifest names exact versions',
    run: (files) => files.filter((f) => /(^|\/)package(-lock)?\.json$/.test(f.file)).flatMap(({ file, text }) => {
        if (file.endsWith('package-lock.json')) {
            return matches(text, /"resolved"\s*:/g).map(({ line }) => problem(file, line, 'download address'));
        }
        const manifest = JSON.parse(text);
        return Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })
            .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
            .map(([name, version]) => problem(file, 1, `${name} is not pinned: ${version}`));
    }),
    good: [{ file: 'tests/package.json', text: '{"dependencies":{"ethers":"6.17.0"}}' }],
    bad: [{ file: 'tests/package-lock.json', text: '{"resolved": "x"}\n' },
        { file: 'tests/package.json', text: '{"dependencies":{"ethers":"^6.17.0"}}' }],
};

export const migrations = {
    name: 'migrations',
    rule: 'migrations/NNNN_name.sql are numbered without gap or double',
    run(files) {
        const names = files.map((f) => f.file).filter((f) => /^migrations\/.*\.sql$/.test(f)).sort();
        return names.flatMap((name, at) => {
            const wanted = `migrations/${String(at + 1).padStart(4, '0')}_`;
            return name.startsWith(wanted) ? [] : [problem(name, 1, `the next number is ${wanted}`)];
        });
    },
    good: [{ file: 'migrations/0001_a.sql', text: '' }, { file: 'migrations/0002_b.sql', text: '' }],
    bad: [{ file: 'migrations/0002_b.sql', text: '' }],
};

const METHOD_TABLES = /^relayer\/api\/methods.*\.(c|def)$/;
const API_PAGE = 'docs/reference/api.md';
export const api_reference = {
    name: 'API reference',
    rule: `every method of the method table stands in ${API_PAGE} as a heading, and no other does`,
    run(files) {
        const page = files.find((f) => f.file === API_PAGE);
        const names = files.filter((f) => METHOD_TABLES.test(f.file))
            .flatMap(({ file, text }) => matches(text, /"((?:[a-z]+\.[a-z_]+)|help)"/g)
                .map(({ line, match }) => ({ file, line, name: match[1] })));
        const headings = page === undefined ? [] : matches(page.text, /^#+ `?([a-z]+\.[a-z_]+|help)`?\s*$/gm)
            .map(({ line, match }) => ({ line, name: match[1] }));
        const known = new Set(names.map((n) => n.name));
        const told = new Set(headings.map((h) => h.name));
        return [
            ...names.filter((n) => !told.has(n.name))
                .map((n) => problem(n.file, n.line, `${n.name} is missing in ${API_PAGE}`)),
            ...headings.filter((h) => !known.has(h.name))
                .map((h) => problem(API_PAGE, h.line, `there is no method ${h.name}`)),
        ];
    },
    good: [{ file: 'relayer/api/methods.c', text: '{"payment.get", 1},\n' },
        { file: API_PAGE, text: '### payment.get\n' }],
    bad: [{ file: 'relayer/api/methods.c', text: '{"payment.create", 1},\n' },
        { file: API_PAGE, text: '### payment.forgotten\n' }],
};
