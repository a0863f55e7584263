// Random mixes of what a node does wrong, through the only endpoint there is, while payments flow. Each ends
// well, each effect goes once, the books agree. The seed is printed; KUSTODIA_SEEDS=7,8 runs others,
// KUSTODIA_MIXES=5000 more mixes of each.

import { FAULT_KINDS, NodeFaults, RATE_REFUSALS_MAX } from '../support/node_faults.mjs';
import { check, check_equal } from './bed.mjs';
import { alarms, DAY_S, drilled, once_each, paid, rows, STEP_MS } from './chain_bed.mjs';

const SEEDS = (process.env.KUSTODIA_SEEDS ?? '1').split(',').map(Number);
const MIXES = Number(process.env.KUSTODIA_MIXES ?? 500);
const REQUESTS_EACH = 8;
const LEAST_OF_A_KIND = Math.ceil(MIXES / 25);
const MIX_MS = 1000;                 // at most, on average
const SETTLE_MS = 900_000;
const ROUNDS_LEAST = 3;
const ORDERS_EACH = 4;
const SETTINGS = { 'chain.poll_ms': 20, 'chain.in_flight': 4, 'chain.batch_max': 3, 'chain.timeout_ms': 2000 };

/** Orders that are paid, reach custody, and end when the time has come, as often as the mixes last. */
async function payments_flow(env, story, faults) {
    const deadline = Date.now() + MIXES * MIX_MS + SETTLE_MS;
    let made = 0;
    for (let round = 0; round < ROUNDS_LEAST || faults.mixes < MIXES; round += 1) {
        check(Date.now() < deadline, `only ${faults.mixes} mixes in ${faults.requests} requests`);
        const orders = [];
        for (let at = 0; at < ORDERS_EACH; at += 1) {
            made += 1;
            orders.push(await paid(story, `${2000 + made}.00`));
        }
        await story.reach_all(orders, 'in_custody', SETTLE_MS);
        await env.warp(DAY_S + 60);
        await story.reach_all(orders, 'completed', SETTLE_MS);
    }
    return made;
}

function mixed(ground, seed) {
    return drilled(ground, `faults-${seed}`, SETTINGS, async ({ env, story, proxy }) => {
        const faults = new NodeFaults(proxy, { seed, requests_each: REQUESTS_EACH, node: env.ground.node });
        const made = await payments_flow(env, story, faults);
        proxy.whole(null);
        await env.wait_for(async () => await rows(env, "tx WHERE state NOT IN ('final', 'reverted')") === 0, STEP_MS,
            'every transaction being final');
        const words = Object.entries(faults.injected).map(([kind, n]) => `${kind} ${n}`).join(', ');
        console.log(`     seed ${seed}: ${made} payments through ${faults.mixes} mixes, ${faults.requests} requests: ${words}`);
        const least = (kind) => (kind === 'http_429' ? Math.min(RATE_REFUSALS_MAX, LEAST_OF_A_KIND) : LEAST_OF_A_KIND);
        check_equal(FAULT_KINDS.filter((kind) => faults.injected[kind] < least(kind)), [],
            `kinds injected less than ${LEAST_OF_A_KIND} times`);
        check_equal(await alarms(env, 'foreign_nonce'), 0, 'transactions of ours that were taken for a stranger\'s');
        await once_each(env);
    });
}

export const scenarios = SEEDS.map((seed) => ({
    name: `faults: ${MIXES} mixes of node faults, seed ${seed}`, run: (ground) => mixed(ground, seed), long: true,
}));
