// The documents against the tree: links lead somewhere, commands, methods and tables agree with the sources,
// reference pages are current, and the commands of the pages are run (commands.mjs).
// A rule that finds nothing to look at is a failure too: silence never passes.
//
//   node tests/docs/run.mjs [WORD ...]     with words: only the commands of pages whose name has one of them

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { alarms_check, codes_raised, names_problems } from './alarms.mjs';
import { blocks_of, commands_run } from './commands.mjs';
import { reference_check } from './reference.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const pages = execFileSync('git', ['-c', `safe.directory=${ROOT}`, '-C', ROOT, 'ls-files', '--cached', '--others', '--exclude-standard', '*.md'],
    { encoding: 'utf8' }).split('\n').filter((name) => name !== '' && existsSync(path.join(ROOT, name)))
    .map((name) => ({ name, text: readFileSync(path.join(ROOT, name), 'utf8') }));

const fenced = (text) => [...text.matchAll(/^```[^\n]*\n([\s\S]*?)^```/gm)].map(([, body]) => body).join('\n');
const prose = (text) => text.replace(/^```[\s\S]*?^```/gm, '');
const slug = (heading) => heading.toLowerCase().replace(/[`*_]/g, (c) => (c === '_' ? '_' : ''))
    .replace(/[^\p{L}\p{N}\s_-]/gu, '').trim().replace(/\s/g, '-');

function links_check({ name, text }) {
    const problems = [];
    for (const [, target] of prose(text).matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^(https?|mailto):/.test(target)) {
            continue;
        }
        const [file, anchor] = target.split('#');
        const place = file === '' ? path.join(ROOT, name) : path.resolve(ROOT, path.dirname(name), file);
        if (!existsSync(place)) {
            problems.push(`${name}: the link ${target} leads nowhere`);
        } else if (anchor !== undefined && place.endsWith('.md')) {
            const headings = [...readFileSync(place, 'utf8').matchAll(/^#+\s+(.*)$/gm)].map(([, h]) => slug(h));
            if (!headings.includes(anchor)) {
                problems.push(`${name}: ${target}: there is no such heading`);
            }
        }
    }
    return problems;
}

const DEV_COMMANDS = new Set([...readFileSync(path.join(ROOT, 'dev'), 'utf8')
    .matchAll(/^ {2}([a-z]+) {2,}|^ {2}([a-z]+) \[|^ {8}(help) \|/gm)].map(([, a, b, c]) => a ?? b ?? c));

function commands_check({ name, text }) {
    return [...text.matchAll(/\.\/dev ([a-z]+)/g)].map(([, command]) => command)
        .filter((command) => !DEV_COMMANDS.has(command)).map((command) => `${name}: there is no ./dev ${command}`);
}

function api_methods() {
    const page = path.join(ROOT, 'docs/reference/api.md');
    return existsSync(page) ? new Set([...readFileSync(page, 'utf8').matchAll(/^#+ `?([a-z]+\.[a-z_]+|help)`?\s*$/gm)]
        .map(([, method]) => method)) : undefined;
}

function methods_check({ name, text }) {
    const methods = api_methods();
    if (methods === undefined) {
        return [`${name}: docs/reference/api.md is not there`];
    }
    return [...fenced(text).matchAll(/relayerctl(?: --?[a-z-]+ \S+)* ([a-z]+\.[a-z_]+)|"method": ?"([a-z.]+\.[a-z_]+)"/g)]
        .map(([, a, b]) => a ?? b).filter((method) => !methods.has(method))
        .map((method) => `${name}: there is no method ${method}`);
}

/** The arrows of relayer/HACKING.md are the rows of tests/checks/layers.txt, in the same order. */
function arrows_check(page, layers) {
    const rows = layers.split('\n').filter((line) => /^[a-z]/.test(line))
        .map((line) => line.split(':').map((part) => part.trim().replace(/\s+/g, ' ')).join(' | '));
    const told = [...page.matchAll(/^\| `((?:abi|keystore|relayer)[\w/]*)` \|([^|]*)\|([^|]*)\|$/gm)]
        .map(([, ...cells]) => cells.map((cell) => cell.trim()).join(' | '));
    return [
        ...rows.filter((row) => !told.includes(row)).map((row) => `relayer/HACKING.md lacks the row: ${row}`),
        ...told.filter((row) => !rows.includes(row)).map((row) => `tests/checks/layers.txt has no row: ${row}`),
        ...(rows.length > 0 && rows.join('\n') === told.join('\n') ? [] : ['the tables differ, or are empty']),
    ];
}

/** Twins in two languages run the same commands: every block that is run is the same in both. */
function twins_check(one, other) {
    const bodies = (page) => blocks_of(page.text).map(({ language, body }) => `${language}\n${body}`);
    const [left, right] = [bodies(one), bodies(other)];
    return left.length > 0 && left.join('\0') === right.join('\0') ? []
        : [`the commands of ${one.name} (${left.length}) and ${other.name} (${right.length}) differ`];
}

let passed = 0;
let failed = 0;
function verdict(what, problems) {
    passed += problems.length === 0 ? 1 : 0;
    failed += problems.length === 0 ? 0 : 1;
    if (problems.length > 0) {
        console.log(`FAIL ${what}`);
        problems.forEach((line) => console.log(`  ${line}`));
    }
}

verdict('the rules themselves', [
    links_check({ name: 'README.md', text: '[x](no/such/file.md)' }).length === 1 ? '' : 'a dead link is missed',
    commands_check({ name: 'a.md', text: './dev fly' }).length === 1 ? '' : 'an unknown command is missed',
    DEV_COMMANDS.has('setup') && DEV_COMMANDS.has('doctor') ? '' : 'the commands of ./dev are not understood',
    arrows_check('| `abi` | | nettle |\n', 'abi : : nettle\n').length === 0 ? '' : 'equal arrows are refused',
    arrows_check('| `abi` | | nettle |\n', 'abi : : uv\n').length > 0 ? '' : 'a wrong arrow is missed',
    codes_raised('a.c', '    engine_alarm(e, x ? "one_code" : "other_code", "");').codes.length === 2 ? '' : 'a code is missed',
    codes_raised('a.c', '    engine_alarm(e, which[i], "");').problems.length === 1 ? '' : 'a code that cannot be told passes',
    codes_raised('a.c', '    x = "INSERT INTO alarm AS a (code)"\n    " SELECT \'an_alarm\', 1";').codes.length === 1 ? '' : 'an insert is missed',
    names_problems('a.md', 'relayerctl no.such', new Set(['a.b'])).length === 1 ? '' : 'an unknown method is missed',
    twins_check({ text: '```sh\na\n```\n' }, { text: '```sh\nb\n```\n' }).length === 1 ? '' : 'unequal twins are missed',
].filter((line) => line !== ''));
verdict('README.md and relayer/HACKING.md are there', ['README.md', 'relayer/HACKING.md']
    .filter((name) => !pages.some((page) => page.name === name)).map((name) => `${name} is missing`));
const page_of = (name) => pages.find((page) => page.name === name) ?? { name, text: '' };

async function pages_judge() {
    reference_check(verdict);
    alarms_check(ROOT, verdict);
    verdict('arrows of relayer/HACKING.md', arrows_check(page_of('relayer/HACKING.md').text,
        readFileSync(path.join(ROOT, 'tests/checks/layers.txt'), 'utf8')));
    verdict('README.md and README.es.md', twins_check(page_of('README.md'), page_of('README.es.md')));
    for (const page of pages) {
        verdict(`links of ${page.name}`, links_check(page));
        verdict(`commands of ${page.name}`, commands_check(page));
        verdict(`methods of ${page.name}`, fenced(page.text).includes('relayerctl') || fenced(page.text).includes('"method"')
            ? methods_check(page) : []);
    }
}

const words = process.argv.slice(2);
if (words.length === 0) {
    await pages_judge();
}
// The pages for users of the daemon. The Spanish twin has the same commands: they are run once.
const RUN = /^(README\.md|docs\/.*\.md)$/;
await commands_run(pages.filter(({ name }) => RUN.test(name)
    && (words.length === 0 || words.some((word) => name.includes(word)))), verdict);
console.log(`${passed} passed, ${failed} failed, 0 skipped`);
process.exitCode = failed === 0 ? 0 : 1;
