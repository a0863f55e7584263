// Our contracts' events from the chain into the database: the daemon's watcher end to end, durable, beside jansson
// alone on the same answers and beside ponder on the same chain. Prints one JSON object per line. Run by
// ./dev bench index.
//
//   index           events a second from the first commit to the last, of the largest span
//   index.cpu       the daemon's CPU of one event beside that of parsing and decoding it
//   index.growthN   CPU of one event with N times the events
//   index.ponder.*  the peer, from exec to its last row: cold, then warm (what it fetched is still in its cache)
//   index.empty.*   ten thousand blocks without an event of ours
//   index.memory    the most the daemon held

import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import { binary } from '../support/env.mjs';
import { sleep } from '../support/process.mjs';
import { EscrowEvents } from './parts/escrow_events.mjs';
import { core_us, daemon_pid, row_missing, row_print, with_env } from './parts/measure.mjs';
import { ponder_missing, ponder_run } from './parts/peer_ponder.mjs';

const run = promisify(execFile);
const LARGEST = Number(process.env.KUSTODIA_BENCH_EVENTS ?? 10_000);
const SIZES = [LARGEST / 100, LARGEST / 10, LARGEST];
const EMPTY_BLOCKS = Number(process.env.KUSTODIA_BENCH_BLOCKS ?? 10_000);
const MINED_AT_ONCE = 500;
const FLOOR_S = 2;
const FLOOR_BLOCKS = 64;             // of one question, as the daemon asks
const RSS_MIB_MOST = 32;
const EMPTY_CPU_MS_MOST = 1000;
const PATIENCE_MS = 180_000;
const POLL_MS = 50;

/** What parsing and decoding alone does with the same answers. */
async function floor_measure(env, events, span) {
    const lines = [];
    for (let from = span.from; from <= span.to; from += FLOOR_BLOCKS) {
        const logs = await events.logs(from, Math.min(span.to, from + FLOOR_BLOCKS - 1));
        lines.push(JSON.stringify({ jsonrpc: '2.0', id: 1, result: logs }));
    }
    const file = path.join(env.home, 'logs.json');
    writeFileSync(file, `${lines.join('\n')}\n`);
    const { logs, cpu_s, wall_s } = JSON.parse((await run(binary('index-floor'), [file, `${FLOOR_S}`])).stdout);
    return { rate: logs / wall_s, cpu_us: (cpu_s * 1e6) / logs };
}

const scanned = async (env) => {
    const [row] = await env.sql("SELECT number FROM head WHERE level = 'scanned'").catch(() => []);
    return Number(row?.number ?? 0);
};

/** A fresh database, a fresh daemon that begins at the span, until it stands at its end. */
async function watch_measure(env, span) {
    const { cluster } = env.ground;
    await env.daemon_stop();
    await cluster.database_drop(env.database);
    await cluster.database_create(env.database);
    env.settings['chain.start_block'] = span.from;
    await env.daemon_start();
    const pid = daemon_pid(env);
    await env.wait_for(async () => await scanned(env) >= span.to, PATIENCE_MS, 'the watcher reaching the end');
    const cpu_us = core_us(pid);
    const peak = Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))[1]) / 1024;
    const [figures] = await env.sql('SELECT count(*) AS n, extract(epoch FROM max(seen_at) - min(seen_at)) AS seconds,'
        + ' count(*) FILTER (WHERE seen_at > (SELECT min(seen_at) FROM evidence)) AS later FROM evidence'
        + ` WHERE superseded_at IS NULL AND block_number BETWEEN ${span.from} AND ${span.to}`);
    if (Number(figures.n) !== span.logs) {
        throw new Error(`${figures.n} logs were stored, the chain has ${span.logs}`);
    }
    // One commit alone has no rate: small spans are there for their CPU.
    const rate = Number(figures.later) > 0 ? Number(figures.later) / Number(figures.seconds) : undefined;
    return { cpu_us, peak, rate };
}

/** The daemon's CPU of a start that finds no event: what is not the events' own. */
const start_span = async (env) => ({ from: Number(await env.ground.node('eth_blockNumber')), to: 0, events: 0 });

async function start_cost(env) {
    const span = await start_span(env);
    return (await watch_measure(env, { ...span, to: span.from, logs: 0 })).cpu_us;
}

async function ponder_measure(env, span, ours) {
    const missing = ponder_missing();
    if (missing !== undefined) {
        row_missing('index.ponder.cold', 'events/s', missing);
        row_missing('index.ponder.warm', 'events/s', missing);
        return;
    }
    const { cluster } = env.ground;
    await cluster.database_drop(`${env.database}_ponder`);
    await cluster.database_create(`${env.database}_ponder`);
    for (const [temper, at_least] of [['cold', 20], ['warm', 3]]) {
        const peer = await ponder_run(env, span, temper);
        const rate = span.events / peer.seconds;
        row_print(`index.ponder.${temper}`, 'events/s', [ours.rate], `ponder 0.16.10 ${temper} (at least ${at_least} times)`, rate);
        row_print(`index.ponder.${temper}_cpu`, 'us/event', [(peer.cpu_s * 1e6) / span.events], 'the daemon', ours.event_us);
        row_print(`index.ponder.${temper}_memory`, 'MiB', [peer.peak], 'the daemon', ours.peak);
    }
}

async function empty_measure(env) {
    await env.daemon_stop();
    const from = Number(await env.ground.node('eth_blockNumber')) + 1;
    for (let mined = 0; mined < EMPTY_BLOCKS; mined += MINED_AT_ONCE) {
        await env.ground.node('anvil_mine', [`0x${Math.min(MINED_AT_ONCE, EMPTY_BLOCKS - mined).toString(16)}`]);
    }
    const begun = performance.now();
    const figures = await watch_measure(env, { from, to: from + EMPTY_BLOCKS - 1, events: 0, logs: 0 });
    return { ...figures, seconds: (performance.now() - begun) / 1000 };
}

await with_env('index', {}, async (env) => {
    await env.daemon_stop();
    const events = new EscrowEvents(env);
    await events.prepare(SIZES.reduce((sum, size) => sum + size, 0));
    const spans = [];
    for (const size of SIZES) {
        spans.push(await events.make(size));
    }
    await sleep(1000);               // the last of them is final
    const largest = spans.at(-1);
    const floor = await floor_measure(env, events, largest);
    const start_us = await start_cost(env);
    const costs = [];
    for (const span of spans) {
        const figures = await watch_measure(env, span);
        costs.push({ ...figures, event_us: Math.max(0, figures.cpu_us - start_us) / span.logs });
    }
    const ours = costs.at(-1);
    if (ours.rate === undefined) {
        throw new Error(`${LARGEST} events came in one commit: KUSTODIA_BENCH_EVENTS is too small`);
    }
    row_print('index', 'events/s', [ours.rate], 'jansson parses and decodes', floor.rate);
    row_print('index.cpu', 'us/event', [ours.event_us], 'jansson parses and decodes', floor.cpu_us);
    row_print('index.growth10', 'us/event', [ours.event_us], `${SIZES[1]} events instead of ${LARGEST}`, costs[1].event_us);
    row_print('index.growth100', 'us/event', [ours.event_us], `${SIZES[0]} events instead of ${LARGEST}`, costs[0].event_us);
    row_print('index.memory', 'MiB', [Math.max(...costs.map(({ peak }) => peak))], 'most', RSS_MIB_MOST);
    await ponder_measure(env, largest, ours);
    const empty = await empty_measure(env);
    row_print('index.empty.cpu', 'ms', [empty.cpu_us / 1000], `most, for ${EMPTY_BLOCKS} blocks, the start included`, EMPTY_CPU_MS_MOST);
    row_print('index.empty.time', 's', [empty.seconds], 'its CPU', empty.cpu_us / 1e6);
});
