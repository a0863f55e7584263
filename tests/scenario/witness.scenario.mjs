// Endpoints that lie: a log left out, a log invented, another block, another balance, a success called a
// failure. With two endpoints nobody can tell who lies: the money waits, and goes on by itself once they agree.
// With three the liar is named and put aside, and the money does not wait.

import { toBeHex } from 'ethers';

import { NodeProxy } from '../support/node_proxy.mjs';
import { sleep } from '../support/process.mjs';
import { check, check_equal, with_env } from './bed.mjs';
import { balanced, DAY_S, once_each, order_make, rows, STEP_MS } from './chain_bed.mjs';

const HELD_MS = 2500;             // many rounds: long enough for anything that would leave
const BALANCE_OF = '0x70a08231';
const TIMEOUT_MS = 1000;

const flipped = (hex) => `${hex.slice(0, -2)}${hex.endsWith('00') ? '11' : '00'}`;

/** What one endpoint says instead of the truth, by method. */
const LIES = {
    'a log left out': { eth_getLogs: (_call, answer) => answer.result.slice(0, -1) },
    'a log invented': {
        eth_getLogs: (_call, { result }) => result.concat(result.map((log) => (
            { ...log, transactionHash: flipped(log.transactionHash), logIndex: '0xfff' }))),
    },
    'a wrong block hash': {
        eth_getBlockByNumber: (call, { result }) => (result !== null && call.params[0].startsWith('0x')
            ? { ...result, hash: flipped(result.hash) } : result),
    },
    'a wrong balance': {
        eth_call: (call, { result }) => (call.params[0].data.startsWith(BALANCE_OF) && call.params[1] !== 'latest'
            ? toBeHex(BigInt(result) + 1n, 32) : result),
    },
};

function lie_tell(proxy, lie) {
    for (const [method, change] of Object.entries(lie)) {
        proxy.rule(method, async (call, forward) => {
            const answer = await forward();
            return answer.result === undefined ? answer : { result: change(call, answer) };
        });
    }
}

const lie_end = (proxy, lie) => Object.keys(lie).forEach((method) => proxy.rule(method, null));

/** A daemon with this many endpoints, each a proxy before the one real node. */
async function endpoints(ground, name, count, body) {
    const proxies = Array.from({ length: count }, () => new NodeProxy(ground.rpc_url));
    await Promise.all(proxies.map((proxy) => proxy.start()));
    try {
        await with_env(ground, name, async ({ env, story }) => {
            await story.beneficiaries(['Seller', 'Buyer']);
            await story.payer('ana');
            await body({ env, story, proxies });
            await balanced(env, story);
            await once_each(env);
        }, { settings: {
            'chain.rpc_url': proxies.map(({ url }) => url).join(','), 'chain.timeout_ms': TIMEOUT_MS,
        } });
    } finally {
        await Promise.all(proxies.map((proxy) => proxy.stop()));
    }
}

async function open_alarm(env, code) {
    const [row] = await env.sql(`SELECT subject, detail FROM alarm WHERE code = '${code}' AND cleared_at IS NULL`
        + ' ORDER BY last_at DESC LIMIT 1');
    return row;
}

async function order_paid(story, amount) {
    const order = await order_make(story, amount);
    story.expect(order, 'released');
    await story.pay(order);
    return order;
}

/** Not a log becomes final and not a withdrawal is believed while the endpoints differ. */
async function held(env, story, order, what) {
    const final = () => rows(env, 'evidence WHERE final_at IS NOT NULL');
    const before = await final();
    await sleep(HELD_MS);
    check_equal(await final(), before, `${what}: logs that became final meanwhile`);
    const state = await story.state(order);
    check(!['in_custody', 'releasing', 'completed'].includes(state), `${what}: the payment is ${state}`);
    check_equal(await rows(env, "effect WHERE kind = 'redeem'"), 0, `${what}: redemptions`);
}

function two_endpoints(ground) {
    return endpoints(ground, 'two-endpoints', 2, async ({ env, story, proxies }) => {
        const orders = [];
        for (const [what, lie] of Object.entries(LIES)) {
            const liar = proxies[what === 'a wrong block hash' ? 1 : orders.length % 2];
            lie_tell(liar, lie);
            const order = await order_paid(story, `${2000 + orders.length}.00`);
            orders.push(order);
            const alarm = await env.wait_for(() => open_alarm(env, 'endpoints_differ'), STEP_MS, `${what}: the alarm`);
            for (const { url } of proxies) {
                check(alarm.detail.includes(`${url} says `), `${what}: the alarm says "${alarm.detail}"`);
            }
            await held(env, story, order, what);
            lie_end(liar, lie);
            await story.reach(order, 'in_custody');
            await env.wait_for(async () => await open_alarm(env, 'endpoints_differ') === undefined, STEP_MS,
                `${what}: the alarm's end`);
        }
        check_equal(await rows(env, "alarm WHERE code = 'endpoint_lies'"), 0, 'endpoints called liars');
        await env.warp(DAY_S + 60);
        await story.reach_all(orders, 'completed');
    });
}

function three_endpoints(ground) {
    return endpoints(ground, 'three-endpoints', 3, async ({ env, story, proxies }) => {
        const orders = [];
        for (const [what, lie] of Object.entries(LIES)) {
            const at = what === 'a wrong block hash' ? 1 : orders.length % 3;
            const liar = proxies[at];
            await env.daemon_stop();       // whoever was put aside is asked again
            await env.daemon_start();
            lie_tell(liar, lie);
            const order = await order_paid(story, `${3000 + orders.length}.00`);
            orders.push(order);
            const alarm = await env.wait_for(async () => {
                const row = await open_alarm(env, 'endpoint_lies');
                return row?.subject === liar.url && row;
            }, STEP_MS, `${what}: the liar being named`);
            check(alarm.detail.includes('the others say '), `${what}: the alarm says "${alarm.detail}"`);
            await story.reach(order, 'in_custody');      // while it goes on lying
            lie_end(liar, lie);
            await env.ground.cluster.query(env.database,
                "UPDATE relayer.alarm SET cleared_at = now() WHERE code = 'endpoint_lies'", 'relayer');
        }
        await env.warp(DAY_S + 60);
        await story.reach_all(orders, 'completed');
        check_equal(await rows(env, "alarm WHERE code = 'endpoints_differ'"), 0, 'disagreements nobody could judge');
    });
}

/** A transaction that succeeded is called failed: nothing is planned anew for it. */
function receipt_flipped(ground) {
    return endpoints(ground, 'receipt-flipped', 3, async ({ env, story, proxies }) => {
        let lies = 0;
        proxies[0].rule('eth_getTransactionReceipt', async (_call, forward) => {
            const { result } = await forward();
            lies += result === null ? 0 : 1;
            return { result: result === null ? null : { ...result, status: '0x0' } };
        });
        const order = await order_paid(story, '2000.00');
        await story.reach(order, 'in_custody');
        await env.wait_for(async () => (await open_alarm(env, 'endpoint_lies'))?.subject === proxies[0].url, STEP_MS,
            'the liar being named');
        check(lies > 0, 'no receipt was asked for');
        await env.warp(DAY_S + 60);
        await story.reach(order, 'completed');
        check_equal(await rows(env, "tx WHERE state = 'reverted'"), 0, 'transactions believed to have failed');
    });
}

/** The first endpoint keeps every receipt back: our nonces are used, and by nobody it knows. */
function receipt_hidden(ground) {
    return endpoints(ground, 'receipt-hidden', 2, async ({ env, story, proxies }) => {
        let hidden = 0;
        proxies[0].rule('eth_getTransactionReceipt', async (_call, forward) => {
            const { result } = await forward();
            hidden += result === null ? 0 : 1;
            return { result: null };
        });
        const order = await order_paid(story, '2000.00');
        await story.reach(order, 'in_custody');
        await env.wait_for(async () => await rows(env, "tx WHERE state IN ('mined', 'final')") > 0, STEP_MS,
            'a receipt that the other endpoint has');
        check(hidden > 0, 'no receipt was asked for');
        await env.warp(DAY_S + 60);
        await story.reach(order, 'completed');
        check_equal(await rows(env, "tx WHERE state = 'lost'"), 0, 'transactions held lost');
        check_equal(await rows(env, "alarm WHERE code = 'foreign_nonce'"), 0, 'strangers seen on our nonces');
        proxies[0].rule('eth_getTransactionReceipt', null);      // or the audit rightly says what is missing
        await env.wait_for(async () => await rows(env, "tx WHERE state IN ('armed', 'sent')") === 0, STEP_MS,
            'the last receipt');
    });
}

/** One of two is away: there is no second opinion, and no money moves without one. */
function one_is_away(ground) {
    return endpoints(ground, 'one-is-away', 2, async ({ env, story, proxies }) => {
        proxies[1].whole(() => ({ status: 503, text: 'away' }));
        const order = await order_paid(story, '2000.00');
        const alarm = await env.wait_for(() => open_alarm(env, 'second_opinion_missing'), STEP_MS, 'the alarm');
        check(alarm.detail.includes(`${proxies[1].url} says nothing`), `the alarm says "${alarm.detail}"`);
        await held(env, story, order, 'one of two away');
        proxies[1].whole(null);
        await story.reach(order, 'in_custody');
        await env.wait_for(async () => await open_alarm(env, 'second_opinion_missing') === undefined, STEP_MS,
            "the alarm's end");
        await env.warp(DAY_S + 60);
        await story.reach(order, 'completed');
    });
}

export const scenarios = [
    { name: 'endpoints: two that differ hold the money until they agree', run: two_endpoints },
    { name: 'endpoints: of three the liar is named and put aside', run: three_endpoints },
    { name: 'endpoints: a success called a failure is not planned anew', run: receipt_flipped },
    { name: 'endpoints: a receipt kept back by one loses nothing', run: receipt_hidden },
    { name: 'endpoints: no second opinion, no money', run: one_is_away },
];
