// ./dev coverage [--last] [FILE...]: which branches of our code the unit tests and fuzz corpora reach, for each room, from
// the counters of build/coverage (--last: those of the run before). With files named, also each branch that
// nothing takes, by line.
//
// Branches are those of our own conditions: gcov's marks for exceptions do not exist in C, and the assertion
// CHECK has one side that must never be taken, so its lines are left out.

import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

import { ROOT } from './env.mjs';

const BUILD = path.join(ROOT, 'build/coverage');
const ROOMS = ['abi', 'keystore', 'relayer/base', 'relayer/money', 'relayer/flows', 'relayer/net', 'relayer/store', 'relayer/chain',
    'relayer/juno', 'relayer/engine', 'relayer/api', 'relayer/cli'];
const WATCHED = new Set(['abi', 'keystore', 'relayer/money', 'relayer/flows']);
const GOAL_PERCENT = 95;
// Programs that other programs start under valgrind or node count nothing of their own here.
const PROGRAMS = '^(unit|fuzz|process)-';
const UNMEASURED = /\bCHECK\(/;

function files_below(folder, ending) {
    return readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(ending)).map((name) => path.join(folder, name));
}

function tests_run() {
    spawnSync('find', [BUILD, '-name', '*.gcda', '-delete']);
    const { status, stdout } = spawnSync('ctest', ['--test-dir', BUILD, '--tests-regex', PROGRAMS], { cwd: ROOT, encoding: 'utf8' });
    const failed = /tests passed, (\d+) tests failed out of (\d+)/.exec(stdout);
    console.log(`${failed?.[2] ?? 'no'} programs run, ${failed?.[1] ?? 'all'} failed`);
    if (status !== 0) {
        console.log(stdout.split('\n').filter((line) => line.includes('Failed')).join('\n'));
    }
    return status === 0;
}

/** Of every source file: line -> the counts of its branches, summed over all programs that have it. */
function counters_read() {
    const sources = new Map();
    for (const notes of files_below(BUILD, '.gcda')) {
        const { stdout } = spawnSync('gcov', ['--json-format', '--stdout', '--branch-probabilities', notes],
            { cwd: BUILD, encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 });
        for (const document of stdout.split('\n').filter((line) => line.startsWith('{'))) {
            for (const { file, lines } of JSON.parse(document).files) {
                file_add(sources, path.normalize(file.startsWith('/') ? path.relative(ROOT, file) : file), lines);
            }
        }
    }
    return sources;
}

function file_add(sources, file, lines) {
    if (!/^(abi|keystore|relayer)\/.*\.c$/.test(file)) {
        return;
    }
    if (!sources.has(file)) {
        sources.set(file, new Map());
    }
    const known = sources.get(file);
    for (const { line_number, branches } of lines.filter((line) => line.branches.length > 0)) {
        const before = known.get(line_number) ?? branches.map(() => 0);
        known.set(line_number, branches.map(({ count }, i) => (before[i] ?? 0) + count));
    }
}

/** { all, taken, missing: [line] } of a file. */
function file_sum(file, lines) {
    const text = readFileSync(path.join(ROOT, file), 'utf8').split('\n');
    const sum = { all: 0, taken: 0, missing: [] };
    for (const [line, counts] of [...lines].sort(([a], [b]) => a - b)) {
        if (UNMEASURED.test(text[line - 1] ?? '')) {
            continue;
        }
        const taken = counts.filter((count) => count > 0).length;
        sum.all += counts.length;
        sum.taken += taken;
        if (taken < counts.length) {
            sum.missing.push({ line, text: (text[line - 1] ?? '').trim(), taken, of: counts.length });
        }
    }
    return sum;
}

const room_of = (file) => ROOMS.filter((room) => file.startsWith(`${room}/`)).sort((a, b) => b.length - a.length)[0];
const percent = ({ taken, all }) => (all === 0 ? 100 : (100 * taken) / all);
const add = (a, b) => ({ all: a.all + b.all, taken: a.taken + b.taken });

const shown = process.argv.slice(2);
const ran_well = shown.includes('--last') || tests_run();
const rooms = new Map(ROOMS.map((room) => [room, { sum: { all: 0, taken: 0 }, files: [] }]));
for (const [file, lines] of counters_read()) {
    const room = rooms.get(room_of(file));
    const sum = file_sum(file, lines);
    if (room !== undefined) {
        room.sum = add(room.sum, sum);
        room.files.push({ file, ...sum });
    }
}
console.log('branches taken, for each room (the goal of 95 % is for those marked *); files below it that hold most of the rest');
let failed = ran_well ? 0 : 1;
let passed = 0;
for (const [room, { sum, files }] of rooms) {
    const watched = WATCHED.has(room);
    console.log(`${watched ? '*' : ' '} ${room.padEnd(16)} ${percent(sum).toFixed(1).padStart(5)} %  ${sum.taken} of ${sum.all}`);
    files.filter((f) => watched && percent(f) < GOAL_PERCENT).sort((a, b) => b.all - b.taken - (a.all - a.taken)).slice(0, 6)
        .forEach((f) => console.log(`      ${f.file.padEnd(34)} ${percent(f).toFixed(1)} %  ${f.all - f.taken} not taken`));
    if (watched) {
        passed += percent(sum) >= GOAL_PERCENT ? 1 : 0;
        failed += percent(sum) >= GOAL_PERCENT ? 0 : 1;
    }
    files.filter(({ file }) => shown.includes(file)).forEach(({ file, missing }) => missing
        .forEach(({ line, text, taken, of }) => console.log(`      ${file}:${line}: ${taken} of ${of}: ${text}`)));
}
console.log(`${passed} passed, ${failed} failed, 0 skipped`);
process.exitCode = failed === 0 ? 0 : 1;
