// Reorganisations of chosen depths, on a chain whose blocks are made by hand: each takes back the block that
// holds an escrow's creation. The evidence is superseded, never edited; the same bytes are sent again; each
// payment's ledger is, entry by entry, that of a payment whose chain stood still.

import { check, check_equal, with_env } from './bed.mjs';
import { balanced, DAY_S, once_each, order_make, own_chain, rows, STEP_MS } from './chain_bed.mjs';

const EPOCH_SLOTS = 80;                     // finalized = newest - 160 blocks
const FINAL_BLOCKS = 2 * EPOCH_SLOTS + 10;
const DEPTHS = [1, 2, 7, 32, 64];
// After a restart the daemon holds 128 headers at most: this is below them and above what is final.
const DEEPER_THAN_HELD = 140;
const AMOUNT = '3000.00';

const mine = (env, blocks) => env.ground.node('anvil_mine', [`0x${blocks.toString(16)}`]);
const LIVE = "evidence WHERE event = 'EscrowCreated' AND superseded_at IS NULL";
const SUPERSEDED = 'evidence WHERE superseded_at IS NOT NULL';

/** Blocks come by themselves, or only when asked for. */
const blocks_come = (env, seconds) => env.ground.node('evm_setIntervalMining', [seconds]);

async function head_read(env) {
    const head = Number(await env.ground.node('eth_blockNumber'));
    await env.wait_for(async () => await rows(env, `head WHERE level = 'scanned' AND number >= ${head}`) === 1, STEP_MS,
        `block ${head} being read`);
}

/** Until the payment is there, finality is moved on. */
async function reach_final(env, story, order, state) {
    await env.wait_for(async () => {
        await mine(env, FINAL_BLOCKS);
        await head_read(env);
        return await story.state(order) === state;
    }, 2 * STEP_MS, `${order.payment_id} reaching ${state}`);
}

/** What was booked for a payment, without ids and times. */
const booked = (env, order) => env.sql('SELECT t.kind, a.class, e.layer, e.amount FROM txn t JOIN entry e ON'
    + ` e.txn_id = t.id JOIN account a ON a.id = e.account_id WHERE t.payment_id = '${order.payment_id}'`
    + ' ORDER BY t.kind, a.class, e.layer, e.amount');

/** Its creation is seen, `depth` blocks deep, and not final. Blocks no longer come by themselves. */
async function created(env, story, depth) {
    const order = await order_make(story, AMOUNT);
    story.expect(order, 'released');
    await story.pay(order);
    const effect = (kind) => `effect e WHERE e.kind = '${kind}' AND e.payment_id = '${order.payment_id}'`;
    await env.wait_for(async () => await rows(env, `${effect('withdraw')} AND EXISTS (SELECT 1 FROM evidence v`
        + ' WHERE v.tx_hash = e.tx_hash)') === 1, STEP_MS, 'the withdrawal to be seen');
    await blocks_come(env, 0);
    await mine(env, FINAL_BLOCKS);
    await env.wait_for(async () => await rows(env, `${effect('escrow_create')} AND EXISTS (SELECT 1 FROM tx t`
        + " WHERE t.hash = e.tx_hash AND t.state = 'sent')") === 1, STEP_MS, 'the creation to be sent');
    const before = await rows(env, LIVE);
    await mine(env, 1);
    if (depth > 1) {
        await mine(env, depth - 1);
    }
    await head_read(env);
    check_equal(await rows(env, LIVE), before + 1, 'creations seen');
    return order;
}

async function depth_run(env, story, depth, { restart }) {
    const order = await created(env, story, depth);
    const live = await rows(env, LIVE);
    const superseded = await rows(env, SUPERSEDED);
    if (restart) {
        await env.daemon_kill();
    }
    await env.ground.node('anvil_reorg', [depth, []]);
    if (restart) {
        await env.daemon_start();
    }
    await env.wait_for(async () => await rows(env, SUPERSEDED) > superseded, STEP_MS,
        `the logs of ${depth} blocks being superseded`);
    await blocks_come(env, 1);
    await env.wait_for(async () => await rows(env, LIVE) === live, STEP_MS, 'the creation to be seen again');
    await reach_final(env, story, order, 'in_custody');
    check_equal(await rows(env, LIVE), live, `live creations after ${depth} blocks`);
    return order;
}

/** One daemon through all depths; before them a payment whose chain stands still. */
async function depths_run(env, story, depths, options) {
    await story.beneficiaries(['Seller', 'Buyer']);
    await story.payer('ana');
    const still = await created(env, story, 1);
    await blocks_come(env, 1);
    await reach_final(env, story, still, 'in_custody');
    const orders = [];
    for (const depth of depths) {
        orders.push(await depth_run(env, story, depth, options));
    }
    const alarms = (await env.sql('SELECT DISTINCT code FROM alarm ORDER BY code')).map(({ code }) => code);
    check_equal(alarms, depths.includes(DEEPER_THAN_HELD) ? ['reorg_too_deep'] : [], 'alarms');
    await env.warp(DAY_S + 60);
    for (const order of [still, ...orders]) {
        await reach_final(env, story, order, 'completed');
    }
    check_equal(await rows(env, "tx WHERE kind = 'escrow_create'"), orders.length + 1, 'creations signed');
    const wanted = await booked(env, still);
    check(wanted.length > 0, 'nothing is booked');
    for (const [at, order] of orders.entries()) {
        check_equal(await booked(env, order), wanted, `the ledger after ${depths[at]} blocks`);
    }
    await once_each(env);
    await balanced(env, story);
}

/** The block that everybody called final is replaced: said, and nothing of what was final is undone. */
async function below_finality(env, story) {
    await story.beneficiaries(['Seller', 'Buyer']);
    await story.payer('ana');
    const order = await created(env, story, 1);
    await blocks_come(env, 1);
    await reach_final(env, story, order, 'in_custody');
    await head_read(env);
    const final = "evidence WHERE final_at IS NOT NULL";
    const before = await rows(env, final);
    const [{ number }] = await env.sql(`SELECT max(block_number) AS number FROM ${LIVE}`);
    const head = Number(await env.ground.node('eth_blockNumber'));
    await env.ground.node('anvil_reorg', [head - Number(number) + 1, []]);   // empty blocks alone would be the same
    await env.wait_for(async () => await rows(env, "alarm WHERE code = 'change_below_finality'") === 1, STEP_MS,
        'the alarm');
    await env.wait_for(async () => await rows(env, "system_flag WHERE name = 'paused'") === 1, STEP_MS,
        'the daemon pausing itself');
    await mine(env, 1);
    await head_read(env);
    check(await rows(env, final) >= before, 'what was final is gone');
    check_equal(await story.state(order), 'in_custody', 'the payment');
}

const scenario = (name, body) => ({
    name: `reorg: ${name}`,
    long: true,
    run: (ground) => own_chain(ground, 'slow-finality', { epoch_slots: EPOCH_SLOTS },
        (slow) => with_env(slow, 'reorg', ({ env, story }) => body(env, story))),
});

export const scenarios = [
    scenario('depths 1 to 64 under a running daemon', (env, story) => depths_run(env, story, DEPTHS, { restart: false })),
    scenario('depths 1 to 64, and below all held headers, while the daemon is down', (env, story) => (
        depths_run(env, story, [...DEPTHS, DEEPER_THAN_HELD], { restart: true }))),
    scenario('a change below finality is said and undoes nothing', below_finality),
];
