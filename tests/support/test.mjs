// ./dev test [group ...]: runs the groups, sums what they counted, ends with one closing line.
//
// A group is a command that prints `N passed, N failed, N skipped` alone on a line, or Node's own test
// runner, or ctest with cmocka programs. A command that counts nothing, or ends badly without having
// counted a failure, is itself one failure: silence never passes. Skips are printed with their reason.
//
// A group has parts, and no part runs twice: `chain` is made of parts of unit and scenario, so in a whole run
// it repeats what those found and adds nothing to the sum.

import { spawn } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import path from 'node:path';

import { counts_of_ctest, counts_of_script, counts_of_tap, sums_of } from './counts.mjs';
import { ROOT } from './env.mjs';
import { log_tail } from './process.mjs';

const LOGS = path.join(ROOT, '.dev/log');
// Programs of ctest that belong to a group of their own.
const OTHER_GROUPS = '^(process|differential|database)-';
// Programs of the rooms that talk to the chain, and the committed inputs of the fuzz targets.
const CHAIN_PROGRAMS = '^(unit-chain|unit-engine|fuzz)-';
const GROUP_MINUTES_MAX = 30;
const LINES_SHOWN_MAX = 40;

const in_root = (...parts) => path.join(ROOT, ...parts);
const here = (name) => existsSync(in_root(name));

/** Runs a command with its output in a log; gives the exit status and the whole output. */
function command_run(log, program, args, env = {}) {
    return new Promise((resolve) => {
        const out = createWriteStream(log, { flags: 'a' });
        const child = spawn(program, args, { cwd: ROOT, env: { ...process.env, ...env } });
        const timer = setTimeout(() => child.kill('SIGTERM'), GROUP_MINUTES_MAX * 60_000);
        let text = '';
        const take = (part) => {
            out.write(part);
            text += part;
        };
        child.stdout.setEncoding('utf8').on('data', take);
        child.stderr.setEncoding('utf8').on('data', take);
        child.on('error', (error) => take(`cannot run ${program}: ${error.message}\n`));
        child.on('close', (status, signal) => {
            clearTimeout(timer);
            out.end(() => resolve({ status: status ?? signal, text }));
        });
    });
}

function skip_reasons(text) {
    return text.split('\n').filter((line) => /^\s*(\d+: )?(SKIP\b|\[  SKIPPED \] \D)|# SKIP\b/.test(line))
        .map((line) => line.trim());
}

/** A test program of any of the three kinds, from what stands in its folder. */
async function folder_run(log, folder) {
    if (here(`${folder}/run.sh`)) {
        return { result: await command_run(log, 'bash', [in_root(folder, 'run.sh')]), counts: counts_of_script };
    }
    if (here(`${folder}/run.mjs`)) {
        const args = [in_root(folder, 'run.mjs')];
        return { result: await command_run(log, process.execPath, args), counts: counts_of_script };
    }
    const files = tests_below(in_root(folder));
    if (files.length === 0) {
        return undefined;
    }
    const args = ['--test', '--test-reporter=tap', ...files];
    return { result: await command_run(log, process.execPath, args), counts: counts_of_tap };
}

function tests_below(folder) {
    if (!existsSync(folder)) {
        return [];
    }
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
        const place = path.join(folder, entry.name);
        return entry.isDirectory() ? tests_below(place) : entry.name.endsWith('.test.mjs') ? [place] : [];
    }).sort();
}

/** The programs ctest knows, chosen by options of ctest. */
async function ctest_run(log, build, choice = []) {
    const args = ['--test-dir', in_root(build), '--verbose', '--parallel', `${cpus().length}`, ...choice];
    const env = { ASAN_OPTIONS: 'detect_leaks=1:abort_on_error=1', UBSAN_OPTIONS: 'print_stacktrace=1' };
    return { result: await command_run(log, 'ctest', args, env), counts: counts_of_ctest };
}

async function asan_run(log) {
    for (const args of [['--preset', 'asan'], ['--build', '--preset', 'asan']]) {
        const result = await command_run(log, 'cmake', args);
        if (result.status !== 0) {
            return { result, counts: () => undefined };
        }
    }
    return ctest_run(log, 'build/asan');
}

const scenarios_run = async (log, ...args) => ({
    result: await command_run(log, process.execPath, [in_root('tests/scenario/run.mjs'), ...args]),
    counts: counts_of_script,
});

const PARTS = {
    checks: (log) => folder_run(log, 'tests/checks'),
    'unit-chain': (log) => ctest_run(log, 'build/dev', ['--tests-regex', CHAIN_PROGRAMS]),
    'unit-rest': (log) => ctest_run(log, 'build/dev', ['--exclude-regex', `${OTHER_GROUPS}|${CHAIN_PROGRAMS}`]),
    asan: asan_run,
    contracts: async (log) => ({
        result: await command_run(log, 'bash', [in_root('contracts/test.sh')]), counts: counts_of_script,
    }),
    sandbox: (log) => folder_run(log, 'tests/sandbox'),
    cli: (log) => folder_run(log, 'tests/cli'),
    signer: (log) => ctest_run(log, 'build/dev', ['--tests-regex', '^process-']),
    database: (log) => folder_run(log, 'tests/database'),
    differential: (log) => folder_run(log, 'tests/differential'),
    'scenario-chain': (log) => scenarios_run(log, '--group', 'chain'),
    'scenario-rest': (log) => scenarios_run(log, '--group', 'rest'),
    docs: (log) => folder_run(log, 'tests/docs'),
};

/** In the order of a whole run. A group that is not here is the part of its name. */
const SEVERAL = {
    unit: ['unit-rest', 'unit-chain'],
    scenario: ['scenario-rest', 'scenario-chain'],
    chain: ['unit-chain', 'scenario-chain'],
};
const GROUPS = ['checks', 'unit', 'asan', 'contracts', 'sandbox', 'cli', 'signer', 'database', 'differential',
    'scenario', 'chain', 'docs'];

/** The lines that name a failure, each with the indented lines that explain it. */
function failure_lines(text) {
    const shown = [];
    let inside = false;
    for (const line of text.split('\n')) {
        const names_one = /^\s*(\d+: )?(not ok|FAIL|\[  FAILED  \] \w+$|.*\*\*\*Failed)/.test(line);
        inside = names_one || (inside && /^\s{2,}\S/.test(line));
        if (inside) {
            shown.push(line);
        }
    }
    return shown;
}

function failures_print(name, log, text) {
    const lines = failure_lines(text);
    console.log(`--- ${name}: what failed (all of it in ${log})`);
    console.log(lines.length > 0 ? lines.slice(0, LINES_SHOWN_MAX).join('\n') : log_tail(log));
    console.log('---');
}

const ran_already = new Map();      // part -> what it counted

async function part_run(name) {
    const log = path.join(LOGS, `test-${name}.log`);
    createWriteStream(log).end();
    const begun = Date.now();
    const ran = await PARTS[name](log);
    const took = `${((Date.now() - begun) / 1000).toFixed(1)} s`;
    if (ran === undefined) {
        console.log(`${name}: skipped, tests/${name} has no tests`);
        return { passed: 0, failed: 0, skipped: 1 };
    }
    const { result, counts } = ran;
    const sums = sums_of(result, counts);
    if (sums.silent) {
        console.log(`${name}: ended with ${result.status} and counted no failure: counted as one`);
    }
    console.log(`${name}: ${words_of(sums)} in ${took}`);
    skip_reasons(result.text).slice(0, LINES_SHOWN_MAX).forEach((line) => console.log(`  ${line}`));
    if (sums.failed > 0) {
        failures_print(name, log, readFileSync(log, 'utf8'));
    }
    return sums;
}

const words_of = ({ passed, failed, skipped }) => `${passed} passed, ${failed} failed, ${skipped} skipped`;

function add(total, sums) {
    for (const key of Object.keys(total)) {
        total[key] += sums[key];
    }
}

/** Runs the parts that have not run yet; gives what those counted. */
async function group_run(name) {
    const fresh = { passed: 0, failed: 0, skipped: 0 };
    const whole = { passed: 0, failed: 0, skipped: 0 };
    const parts = SEVERAL[name] ?? [name];
    for (const part of parts) {
        const before = ran_already.get(part);
        const sums = before ?? await part_run(part);
        ran_already.set(part, sums);
        add(whole, sums);
        if (before === undefined) {
            add(fresh, sums);
        }
    }
    if (parts.length > 1) {
        console.log(`${name}: ${words_of(whole)}, all of ${parts.join(', ')}`);
    }
    return fresh;
}

mkdirSync(LOGS, { recursive: true });
const chosen = process.argv.length > 2 ? process.argv.slice(2) : GROUPS;
const unknown = chosen.filter((name) => !GROUPS.includes(name));
if (unknown.length > 0) {
    console.error(`there is no test group ${unknown.join(', ')}; there are: ${GROUPS.join(', ')}`);
    process.exit(3);
}
const total = { passed: 0, failed: 0, skipped: 0 };
for (const name of chosen) {
    add(total, await group_run(name));
}
console.log(words_of(total));
process.exitCode = total.failed === 0 ? 0 : 1;
