// Drills of the signing lane: the node loses answers, swallows transactions, counts wrongly, asks for more
// than we pay; somebody else uses our nonce. Each payment ends all the same, each effect once.

import { keccak256 } from 'ethers';

import { NodeProxy, CUT } from '../support/node_proxy.mjs';
import { check, check_equal, with_env } from './bed.mjs';

const DAY_S = 24 * 3600;
const STEP_MS = 60_000;
const LOST_ANSWERS = 3;
const STORED_AHEAD = 10;
const COUNTS_BEHIND = 3;
const DEAR_WEI = 50_000_000_000n;     // above chain.max_fee_wei of the settings' default
const GAS_MONEY_WEI = 10n ** 19n;

const rows = async (env, query) => Number((await env.sql(`SELECT count(*) AS n FROM ${query}`))[0].n);
const alarms = (env, code) => rows(env, `alarm WHERE code = '${code}'`);

/** A fresh environment whose daemon reaches the chain through a proxy; every payment must end well in it. */
async function drilled(ground, name, settings, body) {
    const proxy = new NodeProxy(ground.rpc_url);
    await proxy.start();
    try {
        await with_env(ground, name, async ({ env, story }) => {
            await story.beneficiaries(['Seller', 'Buyer']);
            await story.payer('ana');
            await body({ env, story, proxy });
            const differences = await story.differences();
            check(differences.length === 0, differences.join('; '));
            const verdict = await env.rpc('audit.verify', { all: true });
            check_equal(verdict.differences, [], 'what audit.verify found');
        }, { settings: { 'chain.rpc_url': proxy.url, ...settings } });
    } finally {
        await proxy.stop();
    }
}

async function paid(story, amount) {
    const order = await story.create({
        payer: 'ana', seller: 'Seller', buyer: 'Buyer', amount, custody_seconds: DAY_S,
    });
    story.expect(order, 'released');
    await story.pay(order);
    return order;
}

async function ended(env, story, orders) {
    await story.reach_all(orders, 'in_custody');
    await env.warp(DAY_S + 60);
    await story.reach_all(orders, 'completed');
}

/** Each effect of these kinds went in exactly one transaction that succeeded, and in no other one. */
async function once_each(env, kinds = ['escrow_create', 'escrow_release', 'token_transfer']) {
    for (const kind of kinds) {
        const effects = await rows(env, `effect WHERE kind = '${kind}'`);
        const [{ sent }] = await env.sql("SELECT coalesce(sum(effects), 0) AS sent FROM tx"
            + ` WHERE kind = '${kind}' AND status = 1`);
        check_equal(Number(sent), effects, `${kind}: effects in transactions that succeeded`);
    }
}

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
        await env.wait_for(async () => await rows(env, "tx WHERE kind = 'token_approve' AND state = 'final'") === 1,
            STEP_MS, 'the allowance');
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

/** Our key signed elsewhere: the nonce of a stored transaction is gone. */
function foreign_nonce(ground) {
    return drilled(ground, 'foreign-nonce', {}, async ({ env, story, proxy }) => {
        await env.wait_for(async () => await rows(env, "tx WHERE kind = 'token_approve' AND state = 'final'") === 1,
            STEP_MS, 'the allowance');
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

function fees_jump(ground) {
    return drilled(ground, 'fees-jump', {}, async ({ env, story, proxy }) => {
        await env.wait_for(async () => await rows(env, "tx WHERE kind = 'token_approve' AND state = 'final'") === 1,
            STEP_MS, 'the allowance');
        proxy.rule('eth_getBlockByNumber', async (_call, forward) => {
            const answer = await forward();
            return { result: { ...answer.result, baseFeePerGas: `0x${DEAR_WEI.toString(16)}` } };
        });
        const order = await paid(story, '2000.00');
        await env.wait_for(() => alarms(env, 'fee_cap'), STEP_MS, 'an alarm about the fee');
        check_equal(await rows(env, "tx WHERE kind = 'escrow_create'"), 0, 'creations above the highest fee');
        proxy.rule('eth_getBlockByNumber', null);
        await ended(env, story, [order]);
        check_equal(await rows(env, "alarm WHERE code = 'fee_cap' AND cleared_at IS NULL"), 0, 'open alarms');
        await once_each(env);
    });
}

function gas_money_gone(ground) {
    return drilled(ground, 'gas-money', {}, async ({ env, story }) => {
        await env.wait_for(async () => await rows(env, "tx WHERE kind = 'token_approve' AND state = 'final'") === 1,
            STEP_MS, 'the allowance');
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
    { name: 'chain: somebody else used our nonce', run: foreign_nonce },
    { name: 'chain: fees jump above what we pay', run: fees_jump },
    { name: 'chain: no gas money', run: gas_money_gone },
];
