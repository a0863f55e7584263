#!/usr/bin/env node
// Runs every test of this room: the forge tests on the exported bytecode, the gas gate, the proof of the
// core, some mutants chosen by the day, then the tests of the tools. Prints each failure, and last `N passed, N failed, N skipped`; status 1 unless all passed.
// A run that could not start counts as one failure: silence is never success.

import { readdirSync } from 'node:fs';
import path from 'node:path';

import { FORGE, ROOT, run, said } from './forge.mjs';

// Their closing lines say `N passed, N failed, N skipped`, too.
const GATES = [['gas.mjs'], ['prove.mjs'], ['mutate.mjs', '--sample', '3']];

function failed_to_run(what, result) {
    process.stdout.write(`FAILED ${what}\n${said(result)}\n`);
    return { passed: 0, failed: 1, skipped: 0 };
}

/** The deployed bytecode has to lie in out-export/ before the forge tests can create it. */
function export_check() {
    const result = run(process.execPath, ['tools/export.mjs', '--check']);
    return result.status === 0 ? null : failed_to_run('export --check', result);
}

function forge_test() {
    const result = run(FORGE, ['test', '--json'], { FOUNDRY_PROFILE: 'test' });
    let suites;
    try {
        suites = JSON.parse(result.stdout);
    } catch {
        return failed_to_run('forge test', result);
    }
    const counts = { passed: 0, failed: 0, skipped: 0 };
    const kinds = { Success: 'passed', Skipped: 'skipped' };
    for (const [suite, { test_results: tests }] of Object.entries(suites)) {
        for (const [name, { status, reason }] of Object.entries(tests)) {
            const kind = kinds[status] ?? 'failed';
            counts[kind] += 1;
            if (kind !== 'passed') {
                process.stdout.write(`${kind.toUpperCase()} ${suite} ${name}: ${reason ?? status}\n`);
            }
        }
    }
    const agrees = (result.status === 0) === (counts.failed === 0);
    return agrees && counts.passed > 0 ? counts : failed_to_run('forge test', result);
}

/** A tool that counts by itself: its last line is taken when it agrees with its status. */
function gate_run([tool, ...args]) {
    const result = run(process.execPath, [`tools/${tool}`, ...args]);
    const line = /(\d+) passed, (\d+) failed, (\d+) skipped\n$/.exec(result.stdout ?? '');
    const [passed, failed, skipped] = (line ?? []).slice(1).map(Number);
    if (line === null || passed === 0 || (result.status === 0) !== (failed === 0)) {
        return failed_to_run(tool, result);
    }
    if (failed > 0) {
        process.stdout.write(`FAILED ${tool}\n${said(result)}`);
    }
    return { passed, failed, skipped };
}

function tools_test() {
    const files = readdirSync(path.join(ROOT, 'tools/test')).filter((name) => name.endsWith('.test.mjs'))
        .map((name) => `tools/test/${name}`);
    const result = run(process.execPath, ['--test', '--test-reporter=tap', ...files]);
    const count = (word) => Number(new RegExp(`^# ${word} (\\d+)$`, 'm').exec(result.stdout)?.[1]);
    const counts = {
        passed: count('pass'),
        failed: count('fail') + count('cancelled'),
        skipped: count('skipped') + count('todo'),
    };
    const known = Object.values(counts).every(Number.isInteger);
    if (!known || (result.status === 0) !== (counts.failed === 0)) {
        return failed_to_run('tests of the tools', result);
    }
    if (counts.failed > 0) {
        process.stdout.write(result.stdout);
    }
    return counts;
}

const total = { passed: 0, failed: 0, skipped: 0 };
const stale = export_check();
for (const counts of stale === null ? [forge_test(), ...GATES.map(gate_run), tools_test()] : [stale]) {
    for (const kind of Object.keys(total)) {
        total[kind] += counts[kind];
    }
}
process.stdout.write(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
process.exitCode = total.failed === 0 ? 0 : 1;
