// Nodes that do not tell the truth about the contracts: one refuses a single question, one is behind, one of
// two lies. Silence holds the money, an old answer ends nothing, a lie that another node contradicts stops
// nothing.

import { readFileSync } from 'node:fs';

import { Interface, id, toBeHex } from 'ethers';

import { NodeProxy } from '../support/node_proxy.mjs';
import { sleep } from '../support/process.mjs';
import { check, check_equal, check_refused, with_env } from './bed.mjs';
import { QUIET_MS, SOON, STEP_MS, admin_calls, effect_waits, open_alarms, paused_for, resume } from './contract_bed.mjs';

const DAY_S = 24 * 3600;
const SILENCE_MS = 15_000;        // CONTRACT_UNCHECKED_MIN_MS
const HAS_ROLE = new Interface(['function hasRole(bytes32,address)']).getFunction('hasRole').selector;

/** A fresh environment behind a proxy; urls says which endpoints the daemon has. */
async function behind(ground, name, body, urls = (proxy) => proxy.url) {
    const proxy = new NodeProxy(ground.rpc_url);
    await proxy.start();
    try {
        await with_env(ground, name, ({ env, story }) => body({ env, story, proxy }),
            { settings: { ...SOON, 'chain.rpc_url': urls(proxy) } });
    } finally {
        await proxy.stop();
    }
}

async function doctor_says(env, check_id) {
    const { checks } = await env.rpc('system.doctor');
    return checks.find((item) => item.id === check_id).verdict;
}

/** Everything is answered but the storage: signing would go on, and no look would ever end. */
async function one_question_refused(ground) {
    await behind(ground, 'contract-refused', async ({ env, story, proxy }) => {
        await story.beneficiaries(['Seller', 'Buyer']);
        await story.payer('ana');
        proxy.rule('eth_getStorageAt', () => ({ error: { code: -32000, message: 'missing trie node' } }));
        await sleep(SILENCE_MS / 2);
        check(!(await env.rpc('system.status')).contracts.unchecked, 'unchecked too early');
        await env.wait_for(async () => (await open_alarms(env, 'contract_unchecked')).length === 1, STEP_MS, 'the alarm');
        const { contracts, paused, alarms } = await env.rpc('system.status');
        check_equal([contracts.verdict, contracts.unchecked, paused], ['not checked for too long', true, false], 'status');
        check(contracts.age_s >= SILENCE_MS / 1000, `the last look is ${contracts.age_s} s old`);
        const { detail } = alarms.find(({ code }) => code === 'contract_unchecked');
        check(detail.includes('missing trie node'), `the alarm says "${detail}"`);
        check_equal(await doctor_says(env, 'contracts_looked_at'), 'fail', 'what doctor says');
        const order = await story.create({
            payer: 'ana', seller: 'Seller', buyer: 'Buyer', amount: '2000.00', custody_seconds: DAY_S,
        });
        story.expect(order, 'released');
        await story.pay(order);
        await effect_waits(env, order, 'withdraw');
        proxy.rule('eth_getStorageAt', null);
        await story.reach(order, 'in_custody');
        check_equal(await open_alarms(env, 'contract_unchecked'), [], 'alarms after the node answers');
        check_equal((await env.rpc('system.status')).contracts.verdict, 'as recorded', 'after the node answers');
        check_equal(await doctor_says(env, 'contracts_looked_at'), 'pass', 'what doctor says then');
    });
}

/** The node falls back to a block of before the change: what was is not what is. */
async function node_falls_back(ground) {
    await behind(ground, 'contract-stale', async ({ env, proxy }) => {
        const { node } = ground;
        const old = await node('eth_getBlockByNumber', ['latest', false]);
        await admin_calls(env, 'revokeRole', [id('GUARDIAN'), env.contracts.guardian]);
        await paused_for(env, ['guardian_role']);
        let told = 0;
        proxy.rule('eth_getBlockByNumber', async (call, forward) => {
            if (call.params[0] !== 'latest') {
                return forward();
            }
            told += 1;
            return { result: old };
        });
        await sleep(2 * QUIET_MS);
        check(told > 2, 'nobody asked for the newest block');
        const { contracts, paused } = await env.rpc('system.status');
        check_equal([contracts.verdict, contracts.differences.length, paused], ['changed', 1, true], 'behind a stale node');
        check_equal(await open_alarms(env, 'contract_changed'), ['guardian_role'], 'the alarm behind a stale node');
        await check_refused(resume(env), 'chain.contract_changed', 'resuming behind a stale node');
        proxy.rule('eth_getBlockByNumber', null);
        await admin_calls(env, 'grantRole', [id('GUARDIAN'), env.contracts.guardian]);
        await env.wait_for(async () => (await open_alarms(env, 'contract_changed')).length === 0, STEP_MS, 'its end');
        await resume(env);
    });
}

/** The first endpoint lies about one role all the time, the second does not: every second look contradicts it. */
async function one_of_two_lies(ground) {
    await behind(ground, 'contract-liar', async ({ env, proxy }) => {
        const question = HAS_ROLE + id('GUARDIAN').slice(2);
        let lies = 0;
        proxy.rule('eth_call', async (call, forward) => {
            if (!call.params[0].data.startsWith(question)) {
                return forward();
            }
            lies += 1;
            return { result: toBeHex(0, 32) };
        });
        await env.wait_for(async () => lies >= 4, STEP_MS, 'the lies being heard');
        const { paused } = await env.rpc('system.status');
        check(!paused, 'one endpoint alone stopped the daemon');
        const [{ n }] = await env.sql("SELECT count(*) AS n FROM alarm WHERE code = 'contract_changed'");
        check_equal(Number(n), 0, 'alarms ever raised');
        check(readFileSync(env.daemon_log, 'utf8').includes('contract_differs'), 'the log is silent about the lies');
        await admin_calls(env, 'revokeRole', [id('GUARDIAN'), env.contracts.guardian]);      // now both say so
        await paused_for(env, ['guardian_role']);
    }, (proxy) => `${proxy.url},${ground.rpc_url}`);
}

export const scenarios = [
    { name: 'contract: a node that refuses one question holds the money', run: one_question_refused },
    { name: 'contract: a node that falls back makes nothing clean', run: node_falls_back },
    { name: 'contract: one endpoint of two that lies stops nothing', run: one_of_two_lies },
];
