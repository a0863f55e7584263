// Drills of the signing lane: the node loses answers, swallows transactions, counts wrongly, asks for more
// than we pay; somebody else uses our nonce. Each payment ends all the same, each effect once.

import { existsSync } from 'node:fs';
import path from 'node:path';

import { keccak256 } from 'ethers';

import { ROOT } from '../support/env.mjs';
import { CUT } from '../support/node_proxy.mjs';
import { check, check_equal } from './bed.mjs';
import {
    alarms, allowance_granted, drilled, ended, once_each, paid, rows, STEP_MS,
} from './chain_bed.mjs';

const LOST_ANSWERS = 3;
const STORED_AHEAD = 10;
const COUNTS_BEHIND = 3;
const LATE_SENDS = 5;               // as many as the lane wants before it doubts
const DEAR_WEI = 50_000_000_000n;     // above chain.max_fee_wei of the settings' default
const GAS_MONEY_WEI = 10n ** 19n;

function answers_lost(ground) {
    return drilled(ground, 'answers-lost', {}, async ({ env, story, proxy }) => {
        let lost = 0;
        proxy.rule('eth_sendRawTransaction', async (_call, forward) => {
            const answer = await forward();
            lost += 1;
            return lost <= LOST_ANSWERS ? CUT : answer;
        });
        await ended(env, story, [await paid(story, '2000.00')]);
        check(lost > LOST_ANSWERS, `only ${lost} transactions were sent`);
        await once_each(env);
        check_equal(await rows(env, "tx WHERE kind = 'escrow_create'"), 1, 'transactions signed for the creation');
    });
}

/** The node says yes and forgets: what we have stored runs ahead of the chain. */
function sends_swallowed(ground, ahead) {
    const settings = { 'chain.batch_max': 1, 'chain.in_flight': ahead };
    return drilled(ground, `swallowed-${ahead}`, settings, async ({ env, story, proxy }) => {
        await allowance_granted(env);
        proxy.rule('eth_sendRawTransaction', (call) => ({ result: keccak256(call.params[0]) }));
        const orders = [];
        for (let at = 0; at < ahead; at += 1) {
            orders.push(await paid(story, `${2000 + at}.00`));
        }
        await env.wait_for(async () => await rows(env, "tx WHERE state = 'sent' AND sends > 1") === ahead, STEP_MS,
            `${ahead} transactions that the node has forgotten`);
        proxy.rule('eth_sendRawTransaction', null);
        await ended(env, story, orders);
        await once_each(env);
        check_equal(await rows(env, "tx WHERE state IN ('lost', 'reverted')"), 0, 'transactions given up');
    });
}

/** A node that is behind counts fewer of our transactions than there are. */
function counts_behind(ground) {
    return drilled(ground, 'counts-behind', {}, async ({ env, story, proxy }) => {
        await ended(env, story, [await paid(story, '2000.00')]);
        let lowered = 0;
        proxy.rule('eth_getTransactionCount', async (_call, forward) => {
            const { result } = await forward();
            lowered += 1;
            return { result: `0x${Math.max(0, Number(result) - COUNTS_BEHIND).toString(16)}` };
        });
        await ended(env, story, [await paid(story, '3000.00')]);
        check(lowered > 0, 'the count was never asked for');
        await once_each(env);
    });
}

/** Every other count is one too high: what is built on such a one would wait behind a gap for ever. */
function counts_ahead(ground) {
    return drilled(ground, 'counts-ahead', {}, async ({ env, story, proxy }) => {
        let asked = 0;
        proxy.rule('eth_getTransactionCount', async (_call, forward) => {
            const { result } = await forward();
            asked += 1;
            return { result: `0x${(Number(result) + (asked % 2)).toString(16)}` };
        });
        await ended(env, story, [await paid(story, '3000.00')]);
        check(asked > 1, 'the count was asked for once only');
        await once_each(env);
        const [{ gaps }] = await env.sql('SELECT max(nonce) - min(nonce) + 1 - count(*) AS gaps FROM nonce');
        check_equal(Number(gaps), 0, 'nonces that were left out');
    });
}

/** Our key signed elsewhere: the nonce of a stored transaction is gone. */
function foreign_nonce(ground) {
    return drilled(ground, 'foreign-nonce', {}, async ({ env, story, proxy }) => {
        await allowance_granted(env);
        proxy.rule('eth_sendRawTransaction', () => CUT);
        const order = await paid(story, '2000.00');
        await env.wait_for(async () => await rows(env, "tx WHERE kind = 'escrow_create' AND state = 'armed'") === 1,
            STEP_MS, 'a stored creation');
        const from = env.ground.relayer.address;
        await env.ground.node('anvil_impersonateAccount', [from]);
        await env.ground.node('eth_sendTransaction', [{ from, to: from, value: '0x0' }]);
        await env.ground.node('anvil_stopImpersonatingAccount', [from]);
        proxy.rule('eth_sendRawTransaction', null);
        await ended(env, story, [order]);
        check_equal(await rows(env, "tx WHERE state = 'lost'"), 1, 'transactions whose nonce was taken');
        check(await alarms(env, 'foreign_nonce') === 1, 'no alarm says that somebody uses our key');
        await once_each(env);
    });
}

/** Ours is mined, and the node has no receipt of it until the bytes have been offered often. */
function receipt_comes_late(ground) {
    return drilled(ground, 'receipt-late', {}, async ({ env, story, proxy }) => {
        await allowance_granted(env);
        proxy.rule('eth_getTransactionReceipt', () => ({ result: null }));
        const order = await paid(story, '2000.00');
        await env.wait_for(async () => await rows(env, `tx WHERE kind = 'escrow_create' AND sends > ${LATE_SENDS}`
            + " OR state = 'lost'") === 1, STEP_MS, 'bytes that were offered often');
        proxy.rule('eth_getTransactionReceipt', null);
        await ended(env, story, [order]);
        check_equal(await rows(env, "tx WHERE state = 'lost'"), 0, 'transactions of ours that were given up');
        await once_each(env);
    });
}

function fees_jump(ground) {
    return drilled(ground, 'fees-jump', {}, async ({ env, story, proxy }) => {
        await allowance_granted(env);
        proxy.rule('eth_getBlockByNumber', async (_call, forward) => {
            const answer = await forward();
            return { result: { ...answer.result, baseFeePerGas: `0x${DEAR_WEI.toString(16)}` } };
        });
        const order = await paid(story, '2000.00');
        await env.wait_for(() => alarms(env, 'fee_cap'), STEP_MS, 'an alarm about the fee');
        const { alarms: open } = await env.rpc('system.status');
        check(existsSync(path.join(ROOT, open.find(({ code }) => code === 'fee_cap').runbook)), 'the runbook it names');
        check_equal(await rows(env, "tx WHERE kind = 'escrow_create'"), 0, 'creations above the highest fee');
        proxy.rule('eth_getBlockByNumber', null);
        await ended(env, story, [order]);
        check_equal(await rows(env, "alarm WHERE code = 'fee_cap' AND cleared_at IS NULL"), 0, 'open alarms');
        await once_each(env);
    });
}

function gas_money_gone(ground) {
    return drilled(ground, 'gas-money', {}, async ({ env, story }) => {
        await allowance_granted(env);
        const { address } = env.ground.relayer;
        await env.ground.node('anvil_setBalance', [address, '0x0']);
        const order = await paid(story, '2000.00');
        await env.wait_for(() => alarms(env, 'gas_empty'), STEP_MS, 'an alarm about the gas money');
        await env.ground.node('anvil_setBalance', [address, `0x${GAS_MONEY_WEI.toString(16)}`]);
        await ended(env, story, [order]);
        check_equal(await rows(env, "alarm WHERE code = 'gas_empty' AND cleared_at IS NULL"), 0, 'open alarms');
        await once_each(env);
    });
}

export const scenarios = [
    { name: 'chain: answers lost after the node took the transaction', run: answers_lost },
    { name: 'chain: stored counter ahead of the chain by 1', run: (ground) => sends_swallowed(ground, 1) },
    {
        name: `chain: stored counter ahead of the chain by ${STORED_AHEAD}`,
        run: (ground) => sends_swallowed(ground, STORED_AHEAD),
    },
    { name: 'chain: a node that counts too few', run: counts_behind },
    { name: 'chain: a node that now and then counts too many', run: counts_ahead },
    { name: 'chain: somebody else used our nonce', run: foreign_nonce },
    { name: 'chain: a receipt that comes late', run: receipt_comes_late },
    { name: 'chain: fees jump above what we pay', run: fees_jump },
    { name: 'chain: no gas money', run: gas_money_gone },
];
