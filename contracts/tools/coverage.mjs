#!/usr/bin/env node
// Runs the tests on an instrumented build and fails unless they reach every line, function and branch
// of the escrow: KustodiaEscrow.sol and what it imports from src/.
//
//   node tools/coverage.mjs     last line: `100 % of N lines, N branches, N functions`, or what is missed
//
// The invariants are left out, so that the figure is what the tests with an expectation of their own
// reach, and so are gas limits, which an instrumented build cannot keep. forge counts the paths of if,
// while and require; both sides of `||` and `?:` are one to it.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const FORGE = path.join(ROOT, 'node_modules/@foundry-rs/forge-linux-amd64/bin/forge');
const ENTRY = 'src/KustodiaEscrow.sol';
const LEFT_OUT = 'test/{invariant,gas}/*';
const OUTPUT_MAX_BYTES = 64 * 1024 * 1024;

/** What no call can reach, each with its reason: { file, text: the whole line, trimmed, reason }. */
const UNREACHABLE = [];

/** `file` and all it imports from this repository, directly or not; `read(file)` gives the text. */
export function sources_from(file, read, found = new Set()) {
    if (found.has(file)) {
        return found;
    }
    found.add(file);
    for (const [, target] of read(file).matchAll(/\bfrom\s+"(\.[^"]+)"/g)) {
        sources_from(path.posix.join(path.posix.dirname(file), target), read, found);
    }
    return found;
}

/** Interfaces have nothing to run; all else must be in the report. */
export function has_code(text) {
    return /^(abstract contract|contract|library) /m.test(text);
}

/** lcov text -> Map of file -> { lines, branches, functions }, each [{ line, taken }]. */
export function read_lcov(text) {
    const files = new Map();
    let current = null;
    const kinds = {
        DA: (at) => current.lines.push({ line: Number(at[0]), taken: at[1] !== '0' }),
        BRDA: (at) => current.branches.push({ line: Number(at[0]), taken: at[3] !== '0' && at[3] !== '-' }),
        FN: (at) => current.named.set(at[1], Number(at[0])),
        FNDA: (at) => current.functions.push({ line: current.named.get(at[1]), taken: at[0] !== '0' }),
    };
    for (const line of text.split('\n')) {
        const [kind, rest] = [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)];
        if (kind === 'SF') {
            current = { lines: [], branches: [], functions: [], named: new Map() };
            files.set(rest, current);
        } else if (kinds[kind] !== undefined) {
            kinds[kind](rest.split(','));
        }
    }
    return files;
}

/**
 * @param files names of the sources with code @param report of read_lcov @param read source text
 * @param unreachable as UNREACHABLE
 * @returns problems as lines, and how many of each kind were reached
 */
export function judge({ files, report, read, unreachable }) {
    const problems = [];
    const reached = { lines: 0, branches: 0, functions: 0 };
    const used = new Set();
    for (const file of files) {
        const found = report.get(file);
        if (found === undefined || found.lines.length === 0) {
            problems.push(`${file}: not in the report`);
            continue;
        }
        const source = read(file).split('\n');
        for (const kind of Object.keys(reached)) {
            const missed = found[kind].filter((spot) => !spot.taken);
            reached[kind] += found[kind].length - missed.length;
            for (const { line } of missed) {
                const text = source[line - 1].trim();
                const excuse = unreachable.find((entry) => entry.file === file && entry.text === text);
                if (excuse === undefined) problems.push(`${file}:${line}: ${kind} missed: ${text}`);
                else used.add(excuse);
            }
        }
    }
    const stale = unreachable.filter((entry) => !used.has(entry));
    problems.push(...stale.map((entry) => `${entry.file}: reached, take it off the list: ${entry.text}`));
    return { problems, reached };
}

function measure() {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'coverage-'));
    const file = path.join(folder, 'lcov.info');
    try {
        const args = ['coverage', '--no-match-path', LEFT_OUT, '--report', 'lcov', '--report-file', file];
        const run = spawnSync(FORGE, args, {
            cwd: ROOT,
            encoding: 'utf8',
            maxBuffer: OUTPUT_MAX_BYTES,
            env: {
                ...process.env,
                CONTRACTS_FROM: 'source',
                FOUNDRY_PROFILE: 'test',
                FOUNDRY_FUZZ_RUNS: '32',
                FOUNDRY_OUT: 'out/coverage',
                FOUNDRY_CACHE_PATH: 'cache/coverage',
            },
        });
        if (run.status !== 0 || !existsSync(file)) {
            const told = `${run.stdout ?? ''}${run.stderr ?? run.error}`.split('\n');
            throw new Error(['forge coverage failed', ...told.filter((line) => !/PASS|^Ran|: ok/.test(line))].join('\n'));
        }
        return read_lcov(readFileSync(file, 'utf8'));
    } finally {
        rmSync(folder, { recursive: true });
    }
}

function main() {
    const read = (file) => readFileSync(path.join(ROOT, file), 'utf8');
    const files = [...sources_from(ENTRY, read)].filter((file) => has_code(read(file)));
    const { problems, reached } = judge({ files, report: measure(), read, unreachable: UNREACHABLE });
    problems.forEach((line) => process.stderr.write(`coverage: ${line}\n`));
    if (problems.length === 0) {
        const { lines, branches, functions } = reached;
        process.stdout.write(`100 % of ${lines} lines, ${branches} branches, ${functions} functions\n`);
    }
    process.exitCode = problems.length === 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    main();
}
