// Whole custody payments through real node, PostgreSQL, sandbox, signer and daemon: how many settle in a
// second, how many escrows share a transaction, what one costs the daemon in CPU, and what it holds in memory.
// Prints one JSON object per line. Run by ./dev bench lifecycle.

import { readFileSync } from 'node:fs';
import path from 'node:path';

import { Env, Ground, home_take, leftovers_stop, ROOT } from '../support/env.mjs';
import { Story, rows_of } from '../scenario/story.mjs';

const HOME = home_take(path.join(ROOT, '.dev/bench'));
const ROUNDS = 3;
const PAYMENTS = Number(process.env.KUSTODIA_BENCH_PAYMENTS ?? 150);
const CUSTODY_S = 24 * 3600;
const SETTLE_MS = 300_000;
const TICKS_PER_S = 100;            // USER_HZ of every Linux there is
const ESCROWS_PER_TX_LEAST = 50;
const CPU_MS_PER_ESCROW_MOST = 1;
const START_MIB_MOST = 24;

function cpu_ms(pid) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_S;
}

function rss_mib(pid) {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))[1]) / 1024;
}

function row_print(name, unit, values, against, against_value, ratio_of) {
    const sorted = [...values].sort((a, b) => a - b);
    const value = sorted[Math.floor(sorted.length / 2)];
    console.log(JSON.stringify({
        name, value, unit, against, against_value, ratio: ratio_of(value), samples: values.length,
        min: sorted[0], max: sorted.at(-1),
    }));
}

async function round_run(env, story, round) {
    const payers = Array.from({ length: PAYMENTS }, (_unused, at) => `round-${round}-user-${at}`);
    await Promise.all(payers.map((payer) => story.payer(payer)));
    const orders = await Promise.all(payers.map((payer) => story.create({
        payer, seller: 'Seller', buyer: 'Buyer', amount: '1000.00', custody_seconds: CUSTODY_S,
    })));
    orders.forEach((order) => story.expect(order, 'released'));
    const pid = env.register.find('relayerd').pid;
    const [cpu_before, begun] = [cpu_ms(pid), Date.now()];
    await Promise.all(orders.map((order) => story.pay(order)));
    await story.reach_all(orders, 'in_custody', SETTLE_MS);
    await env.warp(CUSTODY_S + 60);
    await story.reach_all(orders, 'completed', SETTLE_MS);
    const seconds = (Date.now() - begun) / 1000;
    const hashes = new Set();
    for (const order of orders) {
        const events = rows_of(await env.rpc('payment.timeline', { payment_id: order.payment_id }));
        hashes.add(events.find((event) => event.type === 'escrow_created').tx_hash);
    }
    return { rate: PAYMENTS / seconds, cpu: (cpu_ms(pid) - cpu_before) / PAYMENTS, per_tx: PAYMENTS / hashes.size };
}

await leftovers_stop(HOME);
const ground = new Ground(HOME);
const env = new Env(ground, { home: HOME, settings: { 'chain.batch_wait_ms': 1000 } });
try {
    await ground.start();
    await env.start();
    const start_mib = rss_mib(env.register.find('relayerd').pid);
    const story = new Story(env);
    await story.beneficiaries(['Seller', 'Buyer']);
    const rounds = [];
    for (let round = 0; round < ROUNDS; round += 1) {
        rounds.push(await round_run(env, story, round));
    }
    const differences = await story.differences();
    if (differences.length > 0) {
        throw new Error(`the money does not add up: ${differences.join('; ')}`);
    }
    const of = (key) => rounds.map((round) => round[key]);
    row_print('lifecycle', 'payments/s', of('rate'), 'the first round', of('rate')[0], (v) => v / of('rate')[0]);
    row_print('lifecycle.escrows_per_tx', 'escrows', of('per_tx'), 'least', ESCROWS_PER_TX_LEAST,
        (v) => v / ESCROWS_PER_TX_LEAST);
    row_print('lifecycle.cpu', 'ms/escrow', of('cpu'), 'most', CPU_MS_PER_ESCROW_MOST,
        (v) => v / CPU_MS_PER_ESCROW_MOST);
    row_print('lifecycle.memory_start', 'MiB', [start_mib], 'most', START_MIB_MOST, (v) => v / START_MIB_MOST);
    row_print('lifecycle.memory_after', 'MiB', [rss_mib(env.register.find('relayerd').pid)], 'at start', start_mib,
        (v) => v / start_mib);
} finally {
    await env.stop();
    await ground.stop();
}
