#!/usr/bin/env node
// Puts each fault of tools/mutants.mjs into a copy of the contracts and runs the forge tests on it.
//
//   node tools/mutate.mjs                 all; minutes. Writes MUTANTS.md when all of them were run
//   node tools/mutate.mjs --sample 4      some, chosen by the day, or by --seed N
//   node tools/mutate.mjs --only NAME     one
//
// Last line: `N passed, N failed, 0 skipped`. A mutant passes when it is killed, or survives and is listed as
// equivalent. One that does not compile or takes too long proves nothing and fails.

import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { FORGE, ROOT, run, said } from './forge.mjs';
import { MUTANTS } from './mutants.mjs';

// The tests are compiled once, beside the sound sources; they create the contracts from out-export/ (see
// test/support/Deployed.sol), and only what lies there is built anew, from the sources in mutant/.
const TESTS = ['src', 'test', 'tools', 'foundry.toml'];
const SOURCES = ['src', 'tools', 'foundry.toml'];
const MUTANT_MS_MOST = 120_000;
// The first run compiles all tests, too.
const SOUND_MS_MOST = 600_000;
const DAY_MS = 86_400_000;

/** From where to where in the text the mutant's fault can lie; empty when there is no such function. */
function scope_of(text, { within }) {
    if (within === undefined) {
        return { start: 0, end: text.length };
    }
    const start = text.search(new RegExp(`^ {4}function ${within}\\(`, 'm'));
    return start < 0 ? { start: 0, end: 0 } : { start, end: text.indexOf('\n    }\n', start) + 1 };
}

function mutant_apply(text, mutant) {
    const { start, end } = scope_of(text, mutant);
    return text.slice(0, start) + text.slice(start, end).replace(mutant.old, () => mutant.fresh) + text.slice(end);
}

/** The mutants whose text is not in its file, or its function, exactly once. */
function misfits() {
    const names = MUTANTS.map((mutant) => mutant.name);
    return MUTANTS.filter((mutant) => {
        const text = readFileSync(path.join(ROOT, mutant.file), 'utf8');
        const { start, end } = scope_of(text, mutant);
        const found = text.slice(start, end).split(mutant.old).length - 1;
        return found !== 1 || mutant.old === mutant.fresh || names.filter((name) => name === mutant.name).length !== 1;
    });
}

/** Every mutant has the same chance; the same seed gives the same choice. */
function sample_choose(count, seed) {
    const step = 17;        // shares no factor with the number of mutants, so it reaches each of them
    const start = (seed * count) % MUTANTS.length;
    return Array.from({ length: count }, (_unused, at) => MUTANTS[(start + at * step) % MUTANTS.length]);
}

function chosen_of(values) {
    if (values.only !== undefined) {
        const found = MUTANTS.filter(({ name }) => name === values.only);
        return found.length > 0 ? found : fail(`there is no mutant "${values.only}"`);
    }
    if (values.sample === undefined) {
        return MUTANTS;
    }
    const count = Number(values.sample);
    const seed = Number(values.seed ?? Math.floor(Date.now() / DAY_MS));
    if (!Number.isInteger(count) || count < 1 || count > MUTANTS.length || !Number.isInteger(seed) || seed < 0) {
        fail(`--sample takes 1..${MUTANTS.length}, --seed a number from 0 on`);
    }
    process.stdout.write(`seed ${seed}\n`);
    return sample_choose(count, seed);
}

function fail(message) {
    process.stderr.write(`mutate: ${message}\n`);
    process.exit(1);
}

function folder_fill(folder, names) {
    names.forEach((name) => cpSync(path.join(ROOT, name), path.join(folder, name), { recursive: true }));
    symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
    return folder;
}

/** Without the IR pipeline, which takes far longer: the rules do not depend on it. */
function contracts_build(copy, ms_most) {
    const environment = { FOUNDRY_PROFILE: 'test', FOUNDRY_OUT: path.join(copy, 'out-export') };
    const args = ['build', 'src/KustodiaEscrow.sol', 'src/TestMXNB.sol', 'src/TestMXNBProxy.sol'];
    return run(FORGE, args, environment, { cwd: path.join(copy, 'mutant'), timeout: ms_most });
}

/** Builds what lies in mutant/ and runs the tests on it. */
function tests_run(copy, ms_most) {
    const built = contracts_build(copy, ms_most);
    if (built.status !== 0) {
        return built;
    }
    const environment = { FOUNDRY_PROFILE: 'test', CONTRACTS_FROM: 'export' };
    return run(FORGE, ['test', '--json', '--fail-fast'], environment, { cwd: copy, timeout: ms_most });
}

/** killed, by its first failed test; survived; or broken: no answer of the tests at all. */
function outcome_of(result) {
    let suites;
    try {
        suites = JSON.parse(result.stdout);
    } catch {
        return { outcome: 'broken', by: said(result).trim().split('\n').slice(0, 3).join(' ') };
    }
    for (const [suite, { test_results: tests }] of Object.entries(suites)) {
        const failed = Object.keys(tests).find((name) => tests[name].status === 'Failure');
        if (failed !== undefined) {
            return { outcome: 'killed', by: `${suite.split(':')[1]}.${failed.split('(')[0]}` };
        }
    }
    const whole = result.status === 0 && Object.keys(suites).length > 0;
    return { outcome: whole ? 'survived' : 'broken', by: '' };
}

function mutant_run(copy, mutant) {
    const file = path.join(copy, 'mutant', mutant.file);
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, mutant_apply(text, mutant));
    try {
        return outcome_of(tests_run(copy, MUTANT_MS_MOST));
    } finally {
        writeFileSync(file, text);
    }
}

function is_good(mutant, { outcome }) {
    return outcome === 'killed' || (outcome === 'survived' && mutant.equivalent !== undefined);
}

/** Which sources and tests the copy is of. */
function version_read() {
    const git = (...args) => run('git', args).stdout.trim();
    const changed = git('status', '--porcelain', '--', 'src', 'test') !== '';
    return `commit ${git('rev-parse', '--short=12', 'HEAD')}${changed ? ', with changes not yet committed' : ''}`;
}

function report_write(version, results) {
    const killed = results.filter(({ outcome }) => outcome === 'killed').length;
    const row = ({ mutant, outcome, by }) => `| ${mutant.name} | ${path.basename(mutant.file, '.sol')} `
        + `| ${mutant.breaks} | ${outcome} | ${mutant.equivalent ?? by} |`;
    writeFileSync(path.join(ROOT, 'MUTANTS.md'), [
        '# Mutants', '',
        'Written by `node tools/mutate.mjs`, which puts one fault at a time into the contract and runs the forge tests.',
        `Run on ${version}: ${results.length} mutants, ${killed} killed.`, '',
        '| mutant | file | what it breaks | result | first test that failed, or why nobody can tell |',
        '|---|---|---|---|---|', ...results.map(row), '',
    ].join('\n'));
}

function main() {
    const text = { type: 'string' };
    const { values } = parseArgs({ options: { sample: text, seed: text, only: text } });
    const strange = misfits();
    if (strange.length > 0) {
        fail(`these mutants do not fit the source any more: ${strange.map(({ name }) => name).join(', ')}`);
    }
    const chosen = chosen_of(values);
    const version = version_read();
    const copy = folder_fill(mkdtempSync(path.join(os.tmpdir(), 'mutants-')), TESTS);
    folder_fill(path.join(copy, 'mutant'), SOURCES);
    const results = [];
    try {
        const sound = outcome_of(tests_run(copy, SOUND_MS_MOST));
        if (sound.outcome !== 'survived') {
            fail(`the tests fail without any mutant: ${sound.outcome} ${sound.by}`);
        }
        for (const mutant of chosen) {
            const result = mutant_run(copy, mutant);
            results.push({ mutant, ...result });
            const word = is_good(mutant, result) ? '' : 'FAILED ';
            process.stdout.write(`${word}${result.outcome} ${mutant.name}: ${mutant.breaks} ${result.by}\n`);
        }
    } finally {
        rmSync(copy, { recursive: true, force: true });
    }
    if (chosen.length === MUTANTS.length) {
        report_write(version, results);
    }
    const passed = results.filter(({ mutant, ...result }) => is_good(mutant, result)).length;
    process.stdout.write(`${passed} passed, ${results.length - passed} failed, 0 skipped\n`);
    process.exitCode = passed === results.length ? 0 : 1;
}

main();
