// Round trips on the daemon's socket beside a bare libuv + jansson server that gives the same bytes: how many a
// second, and how long the slowest hundredth takes. Prints one JSON object per line. Run by ./dev bench rpc.
//
//   rpc.cN               system.health: the protocol alone (parse, envelope, role, parameters, answer), no database
//   rpc.payment_get.cN   payment.get: a read in the database, one snapshot of several statements
//
// Of each: round trips, .p99 of their time, and .cpu: the server's time on its core for one of them, in which what
// else the machine does is not contained.
//
// Both servers run on one core and the client on the other, turn by turn, so what else the machine does meets both.
// The ratio is the median of the pairs' ratios.

import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { availableParallelism } from 'node:os';

import { Story } from '../scenario/story.mjs';
import { binary } from '../support/env.mjs';
import { wait_for } from '../support/process.mjs';
import { crowd_add } from './parts/crowd.mjs';
import { core_us, daemon_pid, median, row_print, with_env } from './parts/measure.mjs';

const run = promisify(execFile);
const CONNECTIONS = [1, 8, 64];
const ROUNDS = Number(process.env.KUSTODIA_BENCH_ROUNDS ?? 9);
const ROUND_MS = 300;
const SERVER_CORE = '0';
const CLIENT_CORE = '1';
const CROWDS = [1_000, 10_000];
const PEER = 'bare libuv + jansson';
const ROWS = [['rate', 'round_trips/s', ''], ['p99', 'us', '.p99'], ['cpu', 'us', '.cpu']];
const pinned = availableParallelism() > 1;

const request = (method, params) => JSON.stringify({ jsonrpc: '2.0', id: 'bench', method, params });

/** server: { pid, socket }. */
async function load(server, connections, line) {
    const words = [binary('rpc-load'), server.socket, `${connections}`, `${ROUND_MS}`, line];
    const [program, ...args] = pinned ? ['taskset', '-c', CLIENT_CORE, ...words] : words;
    const before = core_us(server.pid);
    const result = JSON.parse((await run(program, args)).stdout);
    const cpu = (core_us(server.pid) - before) / result.answers;
    return { rate: result.answers / result.seconds, p99: result.p99_us, cpu };
}

async function core_give(pid) {
    if (pinned) {
        await run('taskset', ['-a', '-c', '-p', SERVER_CORE, `${pid}`]);
    }
}

/** A bare server that answers every request with what the daemon answers to this one. */
async function peer_start(env, name, result) {
    const document = path.join(env.home, `${name}.json`);
    const socket = path.join(path.dirname(env.socket), `${name}.sock`);
    writeFileSync(document, JSON.stringify(result));
    const child = env.register.start({
        name, program: binary('rpc-echo'), args: [socket, document], log: path.join(env.home, 'log', `${name}.log`),
    });
    await core_give(child.pid);
    const peer = { pid: child.pid, socket };
    await wait_for(() => load(peer, 1, request('ready', {})), 5000, `${name} answering`);
    return peer;
}

async function read_measure(env, name, method, params) {
    const peer_name = `peer-${method}`;
    const peer = await peer_start(env, peer_name, await env.rpc(method, params));
    const own = { pid: daemon_pid(env), socket: env.socket };
    const line = request(method, params);
    for (const connections of CONNECTIONS) {
        const pairs = [];
        for (let round = 0; round < ROUNDS; round += 1) {
            const theirs = await load(peer, connections, line);
            pairs.push({ theirs, ours: await load(own, connections, line) });
        }
        for (const [key, unit, suffix] of ROWS) {
            row_print(`${name}.c${connections}${suffix}`, unit, pairs.map(({ ours }) => ours[key]), PEER,
                median(pairs.map(({ theirs }) => theirs[key])),
                median(pairs.map(({ ours, theirs }) => ours[key] / theirs[key])));
        }
    }
    await env.register.stop(peer_name);
}

/** The same reads once the tables hold ten times as much: the server's own time and the round trips. */
async function growth_measure(env, story, reads) {
    const own = { pid: daemon_pid(env), socket: env.socket };
    const samples = Object.fromEntries(reads.map(({ name }) => [name, []]));
    let first = 1;
    for (const last of CROWDS) {
        await crowd_add(env, story.people, { first, last });
        first = last + 1;
        for (const { name, method, params } of reads) {
            const rates = [];
            for (let round = 0; round < ROUNDS; round += 1) {
                rates.push((await load(own, 1, request(method, params))).rate);
            }
            samples[name].push(rates);
        }
    }
    for (const [name, [few, many]] of Object.entries(samples)) {
        row_print(`${name}.growth10`, 'round_trips/s', many, `with ${CROWDS[0]} payments instead of ${CROWDS[1]}`,
            median(few));
    }
}

await with_env('rpc', {}, async (env) => {
    const story = new Story(env);
    await story.beneficiaries(['Seller', 'Buyer']);
    await story.payer('payer');
    const { payment_id } = await story.create({
        payer: 'payer', seller: 'Seller', buyer: 'Buyer', amount: '1000.00', immediate_bps: 3000, custody_seconds: 60,
    });
    await core_give(daemon_pid(env));
    await read_measure(env, 'rpc', 'system.health', {});
    await read_measure(env, 'rpc.payment_get', 'payment.get', { payment_id });
    await growth_measure(env, story, [
        { name: 'rpc', method: 'system.health', params: {} },
        { name: 'rpc.payment_get', method: 'payment.get', params: { payment_id } },
        { name: 'rpc.payment_list', method: 'payment.list', params: { limit: 10 } },
        { name: 'rpc.system_status', method: 'system.status', params: {} },
    ]);
});
