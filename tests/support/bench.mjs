// ./dev bench [NAME ...] [--json] [--long]: runs every benchmark, each of which prints one JSON object per
// line; without --json a readable line, with the limit it is held against where there is one. A limit that is
// missed is said and fails nothing: a shared machine proves nothing. --long: growth at a hundred times the data.
//
// A benchmark is a program build/release/bin/bench-NAME (from tests/bench/NAME.c) or a script
// tests/bench/NAME.mjs; NAME_part.mjs belongs to NAME. With --json the objects go through unchanged.

import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';

import { ROOT } from './env.mjs';

const KEYS = ['name', 'value', 'unit', 'against', 'against_value', 'ratio', 'samples', 'min', 'max'];
/** What a row's ratio is to reach, by the row's name. Rows without a limit are there for comparison. */
const LIMITS = [
    [/^sign$/, '<=', 1.10], [/^sign\.recover$/, '<=', 2.3], [/^sign\.viem$/, '>=', 12], [/^sign\.ethers$/, '>=', 15],
    [/^ledger\.batch100$/, '>=', 0.8], [/^ledger\.single$/, '<=', 1.4], [/^ledger\.hot64$/, '>=', 5],
    [/^rpc.*\.c\d+$/, '>=', 0.8], [/^rpc.*\.c\d+\.p99$/, '<=', 3],
    [/^lifecycle\.(escrows|releases)_per_tx$/, '>=', 1], [/^lifecycle\.cpu$/, '<=', 1],
    [/^memory\.(start|crowd)$/, '<=', 1], [/^memory\.crowd_flat$/, '<=', 1.05],
    [/^start(\.recovery)?$/, '<=', 1],
    [/^relay$/, '>=', 0.8], [/^relay\.viem$/, '>=', 3], [/^relay\.cpu$/, '>=', 15], [/^relay\.memory$/, '<=', 1],
    [/^index$/, '>=', 0.6], [/^index\.ponder\.cold$/, '>=', 20], [/^index\.ponder\.warm$/, '>=', 3],
    [/^index\.(memory|empty\.cpu)$/, '<=', 1],
];
/** Programs that measure more with --long. */
const LONG = ['ledger', 'lifecycle'];
const BUILD = path.join(ROOT, 'build/release/bin');
const SCRIPTS = path.join(ROOT, 'tests/bench');

function benches_find() {
    const found = [];
    for (const name of existsSync(BUILD) ? readdirSync(BUILD).sort() : []) {
        if (name.startsWith('bench-')) {
            const short = name.slice('bench-'.length);
            found.push({
                name: short, program: path.join(BUILD, name), args: long && LONG.includes(short) ? ['--long'] : [],
            });
        }
    }
    for (const file of existsSync(SCRIPTS) ? readdirSync(SCRIPTS).sort() : []) {
        if (file.endsWith('.mjs')) {
            const script = path.join(SCRIPTS, file);
            const name = file.slice(0, -'.mjs'.length);
            const args = long && LONG.includes(name) ? [script, '--long'] : [script];
            found.push({ name, program: process.execPath, args });
        }
    }
    return found;
}

function bench_run({ program, args }) {
    return new Promise((resolve) => {
        const child = spawn(program, args, {
            cwd: ROOT, env: { ...process.env, KUSTODIA_BUILD: 'build/release' }, stdio: ['ignore', 'pipe', 'inherit'],
        });
        let text = '';
        child.stdout.setEncoding('utf8').on('data', (part) => { text += part; });
        child.on('error', () => resolve({ status: 127, text }));
        child.on('close', (status, signal) => resolve({ status: status ?? signal, text }));
    });
}

/** The objects of one benchmark; a line that is none, or lacks a key, is an error of the benchmark. */
function rows_of(name, text) {
    return text.split('\n').filter((line) => line.trim() !== '').map((line) => {
        const row = JSON.parse(line);
        const lacking = KEYS.filter((key) => !(key in row));
        if (lacking.length > 0) {
            throw new Error(`a line of ${name} lacks ${lacking.join(', ')}`);
        }
        return row;
    });
}

function limit_words(row) {
    // A row against "most" states its own limit.
    const [, sign, limit] = LIMITS.find(([name]) => name.test(row.name))
        ?? (/^most\b/.test(row.against) ? [null, '<=', 1] : []);
    if (sign === undefined) {
        return '';
    }
    if (!Number.isFinite(row.ratio)) {
        throw new Error(`${row.name} has no ratio to hold against its limit`);
    }
    const met = sign === '<=' ? row.ratio <= limit : row.ratio >= limit;
    return `  limit ${sign} ${limit}: ${met ? 'met' : 'MISSED'}`;
}

const number = (value) => (typeof value === 'number' ? value.toPrecision(4) : `${value}`);

function row_print(row) {
    if (row.value === null) {
        console.log(`${row.name.padEnd(26)} not measured: ${row.against}`);
        return;
    }
    console.log(`${row.name.padEnd(26)} ${number(row.value).padStart(11)} ${`${row.unit}`.padEnd(14)}`
        + ` ratio ${number(row.ratio).padStart(8)}  against ${row.against} ${number(row.against_value)}`
        + `  [${number(row.min)} .. ${number(row.max)}], ${row.samples} samples${limit_words(row)}`);
}

const json = process.argv.includes('--json');
const long = process.argv.includes('--long');
const asked = process.argv.slice(2).filter((word) => !['--json', '--long'].includes(word));
const benches = benches_find();
const belongs = (bench, name) => bench.name === name || bench.name.startsWith(`${name}_`);
const unknown = asked.filter((name) => !benches.some((bench) => belongs(bench, name)));
if (unknown.length > 0 || benches.length === 0) {
    console.error(`no benchmark ${unknown.join(', ')}; there are: ${benches.map((b) => b.name).join(', ') || 'none'}`);
    process.exit(3);
}
for (const bench of benches.filter((b) => asked.length === 0 || asked.some((name) => belongs(b, name)))) {
    const { status, text } = await bench_run(bench);
    try {
        rows_of(bench.name, text).forEach((row) => (json ? console.log(JSON.stringify(row)) : row_print(row)));
    } catch (error) {
        console.error(`${bench.name}: ${error.message}`);
        process.exitCode = 1;
    }
    if (status !== 0) {
        console.error(`${bench.name} ended with ${status}`);
        process.exitCode = 1;
    }
}
