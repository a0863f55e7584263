#!/usr/bin/env node
// Proves proof/EscrowProof.sol over src/EscrowCore.sol with the compiler's own model checker and z3.
//
//   node tools/prove.mjs                   every property with proved, VIOLATED or UNDECIDED
//   node tools/prove.mjs --plant OLD NEW   the same after replacing OLD (which must occur exactly once in
//                                          EscrowCore.sol) by NEW; ends at the first violation
//
// Last line: `N passed, N failed, 0 skipped`; status 1 unless everything was proved. What the solver does
// not decide in time, what the checker does not understand and an assertion it did not look at all count
// as failed.
//
// The engine is BMC over steps without loops that assume and re-establish an explicit invariant: that is
// a proof by induction, not a search up to a bound. (CHC, which would have to find the invariant by itself,
// did not end within ten minutes.) The checker knows no `revert SomeError(...)` of another unit and would go
// on behind it: it is given plain `revert();` instead, which ends the call in the same way.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

import { ROOT } from './forge.mjs';

const PROOF = 'proof/EscrowProof.sol';
const CORE = 'src/EscrowCore.sol';
const TYPES = 'src/IKustodiaEscrow.sol';
const QUERY_S_MOST = 20;
const TOTAL_MS_MOST = 300_000;
const ANSWER_BYTES_MOST = 1 << 20;
const QUERIES_MOST = 2000;
const NAMED_REVERT = /\brevert IKustodiaEscrow\.\w+\([^;]*\);/g;
const UNSUPPORTED = ['8364', '7650', '5724'];

class ProofError extends Error {}

/** The text with `old` replaced; it must be there exactly once. */
function replaced_once(text, old, fresh) {
    const found = text.split(old).length - 1;
    if (old === '' || found !== 1) {
        throw new ProofError(`"${old}" occurs ${found} times in ${CORE}, not once`);
    }
    return text.replace(old, () => fresh);
}

function sources_read(plant) {
    const text = (name) => readFileSync(path.join(ROOT, name), 'utf8');
    const core = plant === undefined ? text(CORE) : replaced_once(text(CORE), ...plant);
    const plain = core.replace(NAMED_REVERT, 'revert();');
    if (/\brevert\b(?!\(\);)/.test(plain)) {
        throw new ProofError(`${CORE} has a revert in a form this tool does not know`);
    }
    return { [PROOF]: text(PROOF), [CORE]: plain, [TYPES]: text(TYPES) };
}

/** Asks z3. `tally` counts the answers and makes an end to it all when the limits are reached. */
function query_answer(query, tally) {
    tally.asked += 1;
    const spent = tally.asked > QUERIES_MOST || Date.now() > tally.until;
    if (spent || (tally.stop_at_first && tally.sat > 0)) {
        return 'unknown\n';
    }
    const run = spawnSync('z3', [`-T:${QUERY_S_MOST}`, '-in'], {
        input: query, encoding: 'utf8', maxBuffer: ANSWER_BYTES_MOST, timeout: (QUERY_S_MOST + 5) * 1000,
    });
    if (run.error?.code === 'ENOENT') {
        throw new ProofError('z3 is not installed; ./dev setup installs it');
    }
    const answer = run.stdout ?? '';
    const word = answer.split('\n', 1)[0].trim();
    tally[word === 'unsat' || word === 'sat' ? word : 'other'] += 1;
    return word === 'unsat' ? 'unsat\n' : word === 'sat' ? answer : 'unknown\n';
}

function check(sources, tally) {
    const input = {
        language: 'Solidity',
        sources: Object.fromEntries(Object.entries(sources).map(([name, content]) => [name, { content }])),
        settings: {
            evmVersion: 'cancun',
            outputSelection: { '*': { '*': [] } },
            modelChecker: {
                engine: 'bmc', solvers: ['smtlib2'], contracts: { [PROOF]: ['EscrowProof'] },
                targets: ['assert', 'overflow', 'underflow', 'divByZero'],
                showProvedSafe: true, showUnproved: true, showUnsupported: true,
            },
        },
    };
    const compiler = createRequire(import.meta.url)('solc');
    const answer = compiler.compile(JSON.stringify(input), {
        smtSolver: (query) => ({ contents: query_answer(query, tally) }),
    });
    return JSON.parse(answer).errors ?? [];
}

/** What a message of the checker says, or undefined when it is not about a property. */
function verdict_of({ severity, errorCode, message }) {
    if (severity === 'error' || UNSUPPORTED.includes(errorCode)) {
        return 'UNDECIDED';
    }
    if (!/^(BMC|CHC): /.test(message)) {
        return undefined;
    }
    if (/check is safe!/.test(message)) {
        return 'proved';
    }
    return /happens here/.test(message) ? 'VIOLATED' : 'UNDECIDED';
}

/** An assertion's name is the comment behind it; arithmetic is named by its text and place. */
function property_name(sources, { sourceLocation, message }) {
    if (sourceLocation === undefined || !(sourceLocation.file in sources)) {
        return message.split('\n', 1)[0];
    }
    const { file, start, end } = sourceLocation;
    const text = sources[file];
    const comment = /^[^\n]*?\/\/ ([^\n]*)/.exec(text.slice(end))?.[1];
    if (text.slice(start).startsWith('assert(') && comment !== undefined) {
        return comment;
    }
    const kind = /Underflow|Overflow/.exec(message)?.[0].toLowerCase();
    const line = text.slice(0, start).split('\n').length;
    const subject = text.slice(start, end).replace(/\s+/g, ' ');
    return kind === undefined ? `${subject} (${file}:${line}): ${message.split('\n', 1)[0]}`
        : `no ${kind} in ${subject} (${file}:${line})`;
}

/** The worst verdict of each property: one assertion is looked at once per way that leads to it. */
function verdicts_gather(sources, messages) {
    const order = ['proved', 'UNDECIDED', 'VIOLATED'];
    const verdicts = new Map();
    for (const message of messages) {
        const verdict = verdict_of(message);
        if (verdict !== undefined) {
            const name = property_name(sources, message);
            const before = verdicts.get(name) ?? 'proved';
            verdicts.set(name, order[Math.max(order.indexOf(before), order.indexOf(verdict))]);
        }
    }
    for (const [, name] of sources[PROOF].matchAll(/assert\([^\n]*; \/\/ ([^\n]*)/g)) {
        verdicts.set(name, verdicts.get(name) ?? 'UNDECIDED');
    }
    return verdicts;
}

function main(args) {
    const plant = args[0] === '--plant' ? args.slice(1) : undefined;
    if (plant === undefined ? args.length > 0 : plant.length !== 2) {
        throw new ProofError('usage: prove.mjs [--plant OLD NEW]');
    }
    const sources = sources_read(plant);
    const tally = {
        asked: 0, sat: 0, unsat: 0, other: 0, until: Date.now() + TOTAL_MS_MOST, stop_at_first: plant !== undefined,
    };
    const verdicts = verdicts_gather(sources, check(sources, tally));
    // A question without an answer must never get lost between the checker's messages.
    if (tally.asked === 0 || tally.unsat !== tally.asked) {
        const what = `${tally.asked} questions, ${tally.unsat} of them refuted`;
        verdicts.set(what, tally.sat > 0 ? 'VIOLATED' : 'UNDECIDED');
    }
    verdicts.forEach((verdict, name) => process.stdout.write(`${verdict.padEnd(10)} ${name}\n`));
    const passed = [...verdicts.values()].filter((verdict) => verdict === 'proved').length;
    const failed = verdicts.size - passed;
    process.stdout.write(`${passed} passed, ${failed} failed, 0 skipped\n`);
    process.exitCode = failed === 0 ? 0 : 1;
}

try {
    main(process.argv.slice(2));
} catch (error) {
    process.stderr.write(`prove: ${error.message}\n`);
    process.exitCode = 1;
}
