// Drills of a chain that goes back: a node answers from an older head for a while, a node restarts with an
// older state, a receipt arrives late for a block that is no more.

import { check, check_equal } from './bed.mjs';
import { CUT } from '../support/node_proxy.mjs';
import { alarms, allowance_granted, drilled, ended, once_each, own_chain, paid, rows, STEP_MS } from './chain_bed.mjs';

const BACK = 15;                     // blocks
const REQUESTS = 60;                 // of the daemon that are answered from the older head
const EPOCH_SLOTS = 12;              // finalized = newest - 24 blocks = 6 seconds at four blocks a second

const created = (state) => `tx WHERE kind = 'escrow_create' AND state = '${state}'`;

async function asked_again(env, proxy) {
    const wanted = proxy.requests + REQUESTS;
    await env.wait_for(() => proxy.requests >= wanted, STEP_MS, `${REQUESTS} more requests of the daemon`);
}

/** The newest block is an older one, then all is as before; a payment is paid in between. */
async function older_for_a_while(ground) {
    await drilled(ground, 'older-head', {}, async ({ env, story, proxy }) => {
        await allowance_granted(env);
        const before = await paid(story, '2000.00');
        await env.wait_for(async () => await rows(env, created('final')) === 1, STEP_MS, 'a creation that is final');
        proxy.head_hold(Number(await env.ground.node('eth_blockNumber')) - BACK);
        await asked_again(env, proxy);
        const meanwhile = await paid(story, '3000.00');
        await asked_again(env, proxy);
        proxy.head_hold(null);
        await ended(env, story, [before, meanwhile]);
        check_equal(await rows(env, "tx WHERE kind = 'escrow_create'"), 2, 'transactions signed for two creations');
        check_equal(await alarms(env, 'change_below_finality'), 0, 'alarms of a change that was none');
        await once_each(env);
    });
}

/** A creation whose bytes are stored and not sent. */
async function armed_only(env, story, proxy) {
    await allowance_granted(env);
    proxy.rule('eth_sendRawTransaction', () => CUT);
    const order = await paid(story, '2000.00');
    await env.wait_for(async () => await rows(env, created('armed')) === 1, STEP_MS, 'a stored creation');
    return order;
}

async function restarted_with_older_state(ground) {
    await own_chain(ground, 'older-state', { epoch_slots: EPOCH_SLOTS }, (own) => drilled(own, 'older-state', {},
        async ({ env, story, proxy }) => {
            const order = await armed_only(env, story, proxy);
            const snapshot = await own.node('evm_snapshot');
            proxy.rule('eth_sendRawTransaction', null);
            await env.wait_for(async () => await rows(env, "evidence WHERE event = 'EscrowCreated'") === 1
                && await rows(env, created('mined')) === 1, STEP_MS, 'the creation being seen');
            check(await own.node('evm_revert', [snapshot]), 'the node did not go back');
            await ended(env, story, [order]);
            check(await rows(env, 'evidence WHERE superseded_at IS NOT NULL') >= 1, 'nothing was superseded');
            check_equal(await rows(env, "tx WHERE kind = 'escrow_create'"), 1, 'transactions signed for one creation');
            await once_each(env);
        }));
}

/** The receipt is read, the block is taken back and that is noticed, and only then the receipt arrives. */
async function late_receipt(ground) {
    await own_chain(ground, 'late-receipt', { epoch_slots: EPOCH_SLOTS }, (own) => drilled(own, 'late-receipt', {},
        async ({ env, story, proxy }) => {
            const order = await armed_only(env, story, proxy);
            const receipts = receipt_keep(proxy);
            proxy.rule('eth_sendRawTransaction', null);
            const receipt = await env.wait_for(() => receipts.kept, STEP_MS, 'a receipt of the creation');
            await env.wait_for(async () => await rows(env, "evidence WHERE event = 'EscrowCreated'") === 1, STEP_MS,
                'the creation being seen');
            const depth = Number(await own.node('eth_blockNumber')) - Number(receipt.blockNumber) + 1;
            await own.node('anvil_reorg', [depth, []]);
            await env.wait_for(async () => await rows(env, 'evidence WHERE superseded_at IS NOT NULL') >= 1, STEP_MS,
                'the creation being taken back');
            receipts.let_go();
            await ended(env, story, [order]);
            check_equal(await rows(env, "tx WHERE kind = 'escrow_create'"), 1, 'transactions signed for one creation');
            await once_each(env);
        }));
}

function receipt_keep(proxy) {
    const held = {};
    const gate = new Promise((resolve) => {
        held.let_go = resolve;
    });
    proxy.rule('eth_getTransactionReceipt', async (_call, forward) => {
        const answer = await forward();
        if (answer.result !== null && answer.result !== undefined && held.kept === undefined) {
            held.kept = answer.result;
            await gate;
        }
        return answer;
    });
    return held;
}

export const scenarios = [
    { name: 'chain: a node that answers from an older head', run: older_for_a_while },
    { name: 'chain: a node restarted with an older state', run: restarted_with_older_state },
    { name: 'chain: a receipt of a block that was taken back', run: late_receipt },
];
