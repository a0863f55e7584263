#!/usr/bin/env node
// Compares the branching trees of test/trees with the tests and the contract.
//
//   node tools/trees.mjs      status 1 and a line per difference
//
// A tree is a file <function>.tree: the function's name, below it branches (`when` the call, `given`
// the state), indented by four spaces each, and leaves: `it <what is expected> -> <File>.<test>`.
// Each function the contract declares has a tree; each leaf names a test there is; each test of
// test/escrow is a leaf; no branch is empty.

import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const INDENT = 4;

/** Contract functions by name, and `constructor`; those starting with _ are internal. */
export function functions_of(source) {
    const names = [...source.matchAll(/^ {4}function ([a-z]\w*)\(/gm)].map((match) => match[1]);
    return [...(/^ {4}constructor\(/m.test(source) ? ['constructor'] : []), ...names];
}

/** `File.test` of every test function of one source. */
export function tests_of(file, source) {
    const owner = path.basename(file, '.t.sol');
    return [...source.matchAll(/^ {4}function (test\w+)\(/gm)].map((match) => `${owner}.${match[1]}`);
}

/** The leaves of one tree, and what is wrong with its form. */
export function leaves_of(name, text) {
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    const problems = [];
    const leaves = [];
    const depth_of = (line) => (line.length - line.trimStart().length) / INDENT;
    lines.forEach((line, at) => {
        const words = line.trim();
        const depth = depth_of(line);
        const next = at + 1 < lines.length ? depth_of(lines[at + 1]) : 0;
        const bad = (what) => problems.push(`${name}.tree:${at + 1}: ${what}`);
        if (at === 0) {
            if (words !== name || depth !== 0) bad(`the first line is the function's name, ${name}`);
        } else if (!Number.isInteger(depth) || depth < 1) {
            bad(`indented by a multiple of ${INDENT}`);
        } else if (words.startsWith('it ')) {
            const leaf = /^it \S.* -> (\w+\.test\w+)$/.exec(words);
            if (leaf === null) bad('a leaf is `it <what is expected> -> <File>.<test>`');
            else leaves.push({ at: `${name}.tree:${at + 1}`, test: leaf[1] });
            if (next > depth) bad('a leaf has nothing below it');
        } else if (/^(when|given) \S/.test(words)) {
            if (next !== depth + 1) bad('an empty branch');
        } else {
            bad('a line starts with when, given or it');
        }
    });
    return { leaves, problems };
}

/**
 * @param trees [{ name, text }] @param tests names of all tests @param owed tests that must be leaves
 * @param functions what the contract declares @param known what it has, inherited calls included
 */
export function differences({ trees, tests, owed, functions, known }) {
    const read = trees.map(({ name, text }) => leaves_of(name, text));
    const leaves = read.flatMap((tree) => tree.leaves);
    const named = new Set(leaves.map((leaf) => leaf.test));
    const planted = new Set(trees.map((tree) => tree.name));
    const there = new Set(tests);
    return [
        ...read.flatMap((tree) => tree.problems),
        ...leaves.filter((leaf) => !there.has(leaf.test)).map((leaf) => `${leaf.at}: no test ${leaf.test}`),
        ...owed.filter((test) => !named.has(test)).map((test) => `${test} is no leaf of any tree`),
        ...functions.filter((name) => !planted.has(name)).map((name) => `${name} has no tree`),
        ...trees.filter((tree) => !known.includes(tree.name))
            .map((tree) => `${tree.name}.tree: the contract has no such function`),
    ];
}

function sources_below(folder, ending) {
    return readdirSync(path.join(ROOT, folder), { recursive: true })
        .filter((name) => name.endsWith(ending))
        .map((name) => ({ name, text: readFileSync(path.join(ROOT, folder, name), 'utf8') }));
}

export function check_repository() {
    const tests_below = (folder) => sources_below(folder, '.t.sol').flatMap(({ name, text }) => tests_of(name, text));
    const abi = JSON.parse(readFileSync(path.join(ROOT, '../abi/json/KustodiaEscrow.json'), 'utf8'));
    const inherited = Object.keys(abi.methodIdentifiers).map((signature) => signature.split('(')[0]);
    const functions = functions_of(readFileSync(path.join(ROOT, 'src/KustodiaEscrow.sol'), 'utf8'));
    const trees = sources_below('test/trees', '.tree')
        .map(({ name, text }) => ({ name: path.basename(name, '.tree'), text }));
    const problems = differences({
        trees,
        tests: tests_below('test'),
        owed: tests_below('test/escrow'),
        functions,
        known: [...functions, ...inherited],
    });
    return { problems, trees: trees.length };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    const { problems, trees } = check_repository();
    problems.forEach((line) => process.stderr.write(`trees: ${line}\n`));
    process.stdout.write(`${trees} trees, ${problems.length} differences\n`);
    process.exitCode = problems.length === 0 ? 0 : 1;
}
