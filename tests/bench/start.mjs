// From exec to ready (system.status says that every start check has passed), with more and more open payments in
// the database; and from kill -9 to the first step of a payment that was in flight, with all of them there.
// Prints one JSON object per line. Run by ./dev bench start.

import { Story } from '../scenario/story.mjs';
import { rpc_call } from '../support/rpc.mjs';
import { sleep } from '../support/process.mjs';
import { crowd_add, crowd_open } from './parts/crowd.mjs';
import { median, row_print, with_env } from './parts/measure.mjs';

const CROWD = Number(process.env.KUSTODIA_BENCH_CROWD ?? 100_000);
const STARTS = 5;
const RECOVERIES = 5;
const START_S_MOST = 2;
const RECOVERY_S_MOST = 5;
const POLL_MS = 5;
const PATIENCE_MS = 60_000;
const SETTLE_MS = 120_000;

/** Repeats probe() until it gives something true; errors count as not yet. Gives the seconds since `begun`. */
async function seconds_until(begun, probe, what) {
    for (;;) {
        if (await probe().catch(() => false)) {
            return (performance.now() - begun) / 1000;
        }
        if (performance.now() - begun > PATIENCE_MS) {
            throw new Error(`${what} did not come within ${PATIENCE_MS} ms`);
        }
        await sleep(POLL_MS);
    }
}

async function daemon_exec(env) {
    const begun = performance.now();
    await env.daemon_start({ wait: false });
    return begun;
}

async function starts_measure(env) {
    const samples = [];
    for (let at = 0; at < STARTS; at += 1) {
        await env.daemon_stop();
        const begun = await daemon_exec(env);
        samples.push(await seconds_until(begun, async () => (await rpc_call(env.socket, 'system.status')).ready,
            'the daemon being ready'));
    }
    return samples;
}

/** What the database says of one payment: its version counts its steps. */
async function version(env, payment_id) {
    const [row] = await env.sql(`SELECT version FROM payment WHERE id = '${payment_id}'`);
    return row.version;
}

/**
 * A payment is sent on its way and the daemon killed when it has begun to move; the time runs from the next exec
 * until a new daemon has committed the payment's next step.
 */
async function recovery_measure(env, story) {
    const order = await story.create({
        payer: 'payer', seller: 'Seller', buyer: 'Buyer', amount: '1000.00', custody_seconds: 3600,
    });
    await story.pay(order);
    await story.reach(order, ['waiting_issuance', 'issued', 'bridging', 'funding'], SETTLE_MS);
    await env.daemon_kill();
    const dead_at = await version(env, order.payment_id);
    const [{ state }] = await env.sql(`SELECT state FROM payment WHERE id = '${order.payment_id}'`);
    if (state === 'in_custody') {
        return undefined;           // it was faster than the kill: nothing was left to recover
    }
    const begun = await daemon_exec(env);
    const seconds = await seconds_until(begun, async () => await version(env, order.payment_id) > dead_at,
        'the payment moving on');
    await story.reach(order, 'in_custody', SETTLE_MS);
    return seconds;
}

await with_env('start', {}, async (env) => {
    const story = new Story(env);
    await story.beneficiaries(['Seller', 'Buyer']);
    await story.payer('payer');
    const by_size = [];
    let have = 0;
    for (const size of [CROWD / 100, CROWD / 10, CROWD]) {
        await crowd_add(env, story.people, { first: have + 1, last: size });
        have = size;
        by_size.push({ size: await crowd_open(env), samples: await starts_measure(env) });
    }
    const most = by_size.at(-1);
    row_print('start', 's', most.samples, `most, with ${most.size} open payments`, START_S_MOST);
    for (const [at, factor] of [[1, 10], [2, 100]]) {
        row_print(`start.growth${factor}`, 's', by_size[at].samples, `with ${by_size[0].size} instead of`
            + ` ${by_size[at].size}`, median(by_size[0].samples));
    }
    const recoveries = [];
    while (recoveries.length < RECOVERIES) {
        const seconds = await recovery_measure(env, story);
        if (seconds !== undefined) {
            recoveries.push(seconds);
        }
    }
    row_print('start.recovery', 's', recoveries, 'most', RECOVERY_S_MOST);
    const broken = env.broken_lines();
    if (broken.length > 0) {
        throw new Error(`the daemon says that something is broken: ${broken[0]}`);
    }
});
