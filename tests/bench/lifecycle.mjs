// Whole custody payments through real node, PostgreSQL, sandbox, signer and daemon: how many settle in a
// second, how many escrows share a transaction, what one costs the daemon and its signer in CPU, and what the
// daemon holds in memory at the end. Prints one JSON object per line. Run by ./dev bench lifecycle.
//
// Growth: a tenth of the payments at once, and with --long ten times as many. The daemon looks for news as often as
// its defaults say.
//
// A round: all deposits at once, custody, the chain's clock moved past its end, all paid out. The CPU is that of
// the whole payment (deposit, issuance, escrow, release, payout), of both our processes, with what the clock and
// the watching client cause in the meantime; not that of PostgreSQL, of the node or of the sandbox.

import { Story, rows_of } from '../scenario/story.mjs';
import {
    AS_SHIPPED, daemon_pid, median, own_cpu_us, row_print, rss_mib, with_env,
} from './parts/measure.mjs';

const ROUNDS = 3;
const PAYMENTS = Number(process.env.KUSTODIA_BENCH_PAYMENTS ?? 200);
const FEWER = Math.max(1, Math.floor(PAYMENTS / 10));
const MORE = process.argv.includes('--long') ? PAYMENTS * 10 : 0;
const CUSTODY_S = 24 * 3600;
const SETTLE_MS = 900_000;
const ESCROWS_PER_TX_LEAST = 50;
const CPU_MS_PER_ESCROW_MOST = 1;

async function orders_make(story, payers) {
    const orders = await Promise.all(payers.map((payer) => story.create({
        payer, seller: 'Seller', buyer: 'Buyer', amount: '1000.00', custody_seconds: CUSTODY_S,
    })));
    orders.forEach((order) => story.expect(order, 'released'));
    return orders;
}

/** How many of the orders share a transaction, on the average, in the event of this type. */
async function orders_per_tx(env, orders, type) {
    const hashes = new Set();
    for (const order of orders) {
        const events = rows_of(await env.rpc('payment.timeline', { payment_id: order.payment_id }));
        hashes.add(events.find((event) => event.type === type).tx_hash);
    }
    return orders.length / hashes.size;
}

async function round_run(env, story, payers) {
    const orders = await orders_make(story, payers);
    const [cpu_before, begun] = [own_cpu_us(daemon_pid(env)), performance.now()];
    await Promise.all(orders.map((order) => story.pay(order)));
    await story.reach_all(orders, 'in_custody', SETTLE_MS);
    await env.warp(CUSTODY_S + 60);
    await story.reach_all(orders, 'completed', SETTLE_MS);
    const seconds = (performance.now() - begun) / 1000;
    const cpu = (own_cpu_us(daemon_pid(env)) - cpu_before) / 1000 / orders.length;
    return {
        rate: orders.length / seconds, cpu,
        created_per_tx: await orders_per_tx(env, orders, 'escrow_created'),
        released_per_tx: await orders_per_tx(env, orders, 'escrow_released'),
    };
}

await with_env('lifecycle', { ...AS_SHIPPED, 'chain.batch_wait_ms': 1000 }, async (env) => {
    const start_mib = rss_mib(daemon_pid(env));
    const story = new Story(env);
    await story.beneficiaries(['Seller', 'Buyer']);
    const payers = Array.from({ length: Math.max(PAYMENTS, MORE) }, (_unused, at) => `user-${at}`);
    for (const payer of payers) {
        await story.payer(payer);
    }
    const rounds = [];
    const fewer = [];
    for (let round = 0; round < ROUNDS; round += 1) {
        fewer.push(await round_run(env, story, payers.slice(0, FEWER)));
        rounds.push(await round_run(env, story, payers.slice(0, PAYMENTS)));
    }
    const more = MORE > 0 ? [await round_run(env, story, payers)] : [];
    const differences = [...await story.differences(), ...env.broken_lines()];
    if (differences.length > 0) {
        throw new Error(`the money does not add up: ${differences.join('; ')}`);
    }
    const of = (key, among = rounds) => among.map((round) => round[key]);
    row_print('lifecycle', 'payments/s', of('rate'), 'the first round', of('rate')[0]);
    row_print('lifecycle.escrows_per_tx', 'escrows', of('created_per_tx'), 'least', ESCROWS_PER_TX_LEAST);
    row_print('lifecycle.releases_per_tx', 'escrows', of('released_per_tx'), 'least', ESCROWS_PER_TX_LEAST);
    row_print('lifecycle.cpu', 'ms/escrow', of('cpu'), 'most', CPU_MS_PER_ESCROW_MOST);
    row_print('lifecycle.cpu_growth10', 'ms/escrow', of('cpu'), `${FEWER} payments at once instead of ${PAYMENTS}`,
        median(of('cpu', fewer)));
    if (more.length > 0) {
        row_print('lifecycle.cpu_growth100', 'ms/escrow', of('cpu', more), `${FEWER} payments at once instead of ${MORE}`,
            median(of('cpu', fewer)));
        row_print('lifecycle.rate_growth10', 'payments/s', of('rate', more), `${PAYMENTS} payments at once`, median(of('rate')));
    }
    row_print('lifecycle.memory_after', 'MiB', [rss_mib(daemon_pid(env))], 'at start', start_mib);
});
