// Two endpoints of one chain: the first asks for fewer requests, then dies, then comes back. Payments end as
// if nothing were, and system.status says at each moment who is asked and why.

import { CUT, NodeProxy } from '../support/node_proxy.mjs';
import { check, check_equal, with_env } from './bed.mjs';

const DAY_S = 24 * 3600;
const STEP_MS = 60_000;
const BACK_MS = 180_000;      // HEALTH_OPEN_MAX_MS and some more
const READS = ['eth_blockNumber', 'eth_getBlockByNumber', 'eth_getLogs', 'eth_call', 'eth_estimateGas', 'eth_getCode',
    'eth_getStorageAt', 'eth_getTransactionReceipt', 'eth_getTransactionByHash', 'eth_getTransactionCount',
    'eth_getBalance', 'eth_chainId'];

function rule_all(proxy, rule) {
    READS.forEach((method) => proxy.rule(method, rule));
}

const endpoints = async (env) => (await env.rpc('system.status')).chain.endpoints;

async function state_of(env, at, state, ms = STEP_MS) {
    await env.wait_for(async () => (await endpoints(env))[at].state === state, ms, `endpoint ${at} being ${state}`);
}

async function paid_through(env, story, amount) {
    const order = await story.create({
        payer: 'ana', seller: 'Seller', buyer: 'Buyer', amount, custody_seconds: DAY_S,
    });
    story.expect(order, 'released');
    await story.pay(order);
    await story.reach(order, 'in_custody');
    await env.warp(DAY_S + 60);
    await story.reach(order, 'completed');
}

async function first_fails(env, story, proxies) {
    const [first] = proxies;
    const [before] = await endpoints(env);
    check_equal(before.url, first.url, 'the first endpoint');
    check_equal([before.state, before.weight, before.limits], ['good', 1, 0], 'its state');

    rule_all(first, () => ({ error: { code: -32005, message: 'rate limit exceeded' } }));
    await paid_through(env, story, '2000.00');
    const [limited, spare] = await endpoints(env);
    check(limited.limits > 0 && limited.limited_until !== undefined, `after a limit: ${JSON.stringify(limited)}`);
    check_equal([limited.state, limited.failures, spare.limits], ['good', 0, 0], 'limits are no failures');
    check(spare.calls > limited.calls - before.calls, 'the spare endpoint was hardly asked');

    rule_all(first, () => CUT);
    await state_of(env, 0, 'away');
    check_equal((await env.rpc('system.status')).healthy, true, 'the daemon');
    await paid_through(env, story, '3000.00');

    rule_all(first, null);
    await state_of(env, 0, 'good', BACK_MS);
    const { calls } = (await endpoints(env))[0];
    await paid_through(env, story, '4000.00');
    check((await endpoints(env))[0].calls > calls, 'the first endpoint is asked again');
    const differences = await story.differences();
    check(differences.length === 0, differences.join('; '));
}

async function one_limits_and_dies(ground) {
    const proxies = [new NodeProxy(ground.rpc_url), new NodeProxy(ground.rpc_url)];
    for (const proxy of proxies) {
        await proxy.start();
    }
    try {
        await with_env(ground, 'endpoints', async ({ env, story }) => {
            await story.beneficiaries(['Seller', 'Buyer']);
            await story.payer('ana');
            await first_fails(env, story, proxies);
        }, { settings: { 'chain.rpc_url': proxies.map(({ url }) => url).join(','), 'chain.agree': 1 } });
    } finally {
        for (const proxy of proxies) {
            await proxy.stop();
        }
    }
}

export const scenarios = [
    { name: 'endpoints: the first limits, dies and comes back', run: one_limits_and_dies },
];
