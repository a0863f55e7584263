// ./dev bench [NAME ...] [--json]: runs every benchmark, each of which prints one JSON object per line.
//
// A benchmark is a program build/release/bin/bench-NAME (from tests/bench/NAME.c) or a script
// tests/bench/NAME.mjs; NAME_part.mjs belongs to NAME. With --json the objects go through unchanged.

import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';

import { ROOT } from './env.mjs';

const KEYS = ['name', 'value', 'unit', 'against', 'against_value', 'ratio', 'samples', 'min', 'max'];
const BUILD = path.join(ROOT, 'build/release/bin');
const SCRIPTS = path.join(ROOT, 'tests/bench');

function benches_find() {
    const found = [];
    for (const name of existsSync(BUILD) ? readdirSync(BUILD).sort() : []) {
        if (name.startsWith('bench-')) {
            found.push({ name: name.slice('bench-'.length), program: path.join(BUILD, name), args: [] });
        }
    }
    for (const file of existsSync(SCRIPTS) ? readdirSync(SCRIPTS).sort() : []) {
        if (file.endsWith('.mjs')) {
            const script = path.join(SCRIPTS, file);
            found.push({ name: file.slice(0, -'.mjs'.length), program: process.execPath, args: [script] });
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

const number = (value) => (typeof value === 'number' ? value.toPrecision(4) : `${value}`);

function row_print(row) {
    console.log(`${row.name.padEnd(26)} ${number(row.value).padStart(11)} ${`${row.unit}`.padEnd(14)}`
        + ` ratio ${number(row.ratio).padStart(8)}  against ${row.against} ${number(row.against_value)}`
        + `  [${number(row.min)} .. ${number(row.max)}], ${row.samples} samples`);
}

const json = process.argv.includes('--json');
const asked = process.argv.slice(2).filter((word) => word !== '--json');
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
