// The documents against the tree: links lead somewhere, commands and files that are named exist.
// A rule that finds nothing to look at is a failure too: silence never passes.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const pages = execFileSync('git', ['-C', ROOT, 'ls-files', '--cached', '--others', '--exclude-standard', '*.md'],
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
    .matchAll(/^ {2}([a-z]+) {2,}|^ {2}([a-z]+) \[/gm)].map(([, a, b]) => a ?? b));

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

/** The reference page is what the daemon says of itself: written by relayerd --print-api. */
function reference_check() {
    const relayerd = path.join(ROOT, process.env.KUSTODIA_BUILD ?? 'build/dev', 'bin/relayerd');
    const page = pages.find(({ name }) => name === 'docs/reference/api.md');
    if (!existsSync(relayerd)) {
        return [`${relayerd} is not built: ./dev build`];
    }
    const said = execFileSync(relayerd, ['--print-api'], { encoding: 'utf8' });
    return page?.text === said ? [] : ['docs/reference/api.md is not what relayerd --print-api prints now'];
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
].filter((line) => line !== ''));
verdict('README.md and relayer/HACKING.md are there', ['README.md', 'relayer/HACKING.md']
    .filter((name) => !pages.some((page) => page.name === name)).map((name) => `${name} is missing`));
verdict('the API reference is up to date', reference_check());
for (const page of pages) {
    verdict(`links of ${page.name}`, links_check(page));
    verdict(`commands of ${page.name}`, commands_check(page));
    verdict(`methods of ${page.name}`, fenced(page.text).includes('relayerctl') || fenced(page.text).includes('"method"')
        ? methods_check(page) : []);
}
console.log(`${passed} passed, ${failed} failed, 0 skipped`);
process.exitCode = failed === 0 ? 0 : 1;
