#!/usr/bin/env node
// Measures what each call of the escrow costs (test/gas/) and compares it with snapshots/escrow.json.
//
//   node tools/gas.mjs            status 1 when a figure differs, is missing or is new, or a ceiling broke
//   node tools/gas.mjs --write    writes the file; the difference belongs into the commit that caused it
//
// Forge's own comparison is not enough: it does not happen under --json, and a figure that the file
// lacks passes it.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { FORGE, ROOT, run, said } from './forge.mjs';

const COMMITTED = path.join(ROOT, 'snapshots/escrow.json');
const MEASURE_MS_MOST = 300_000;

/** Runs the suite; gives [{name, gas}] in order of names. Throws when a test of it failed. */
export function gas_measure() {
    const result = run(FORGE, ['test', '--json'], { FOUNDRY_PROFILE: 'gas' }, { timeout: MEASURE_MS_MOST });
    if (result.status !== 0) {
        throw new Error(`the gas suite failed\n${said(result)}`);
    }
    const tests = Object.values(JSON.parse(result.stdout)).flatMap((suite) => Object.values(suite.test_results));
    const figures = tests.flatMap((test) => Object.entries(test.gas_snapshots.escrow ?? {}));
    if (tests.length === 0 || figures.length !== tests.length) {
        throw new Error(`${tests.length} tests of the gas suite left ${figures.length} figures`);
    }
    return figures.map(([name, gas]) => ({ name, gas: Number(gas) })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** One line per figure that is not as committed. */
export function gas_differences(measured, committed) {
    const found = new Map(measured.map(({ name, gas }) => [name, gas]));
    const names = [...new Set([...found.keys(), ...Object.keys(committed)])].sort();
    return names.filter((name) => found.get(name) !== committed[name]).map((name) => {
        const [before, now] = [committed[name] ?? 'not there', found.get(name) ?? 'not measured'];
        return `${name}: committed ${before}, now ${now}`;
    });
}

function main() {
    const { values } = parseArgs({ options: { write: { type: 'boolean', default: false } } });
    const measured = gas_measure();
    if (values.write) {
        const figures = Object.fromEntries(measured.map(({ name, gas }) => [name, gas]));
        writeFileSync(COMMITTED, `${JSON.stringify(figures, null, 2)}\n`);
    }
    const committed = existsSync(COMMITTED) ? JSON.parse(readFileSync(COMMITTED, 'utf8')) : {};
    const differences = gas_differences(measured, committed);
    differences.forEach((line) => process.stdout.write(`FAILED ${line}\n`));
    const same = measured.filter(({ name, gas }) => committed[name] === gas).length;
    process.stdout.write(`${same} passed, ${differences.length} failed, 0 skipped\n`);
    process.exitCode = differences.length === 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    try {
        main();
    } catch (error) {
        process.stderr.write(`gas: ${error.message}\n`);
        process.exitCode = 1;
    }
}
