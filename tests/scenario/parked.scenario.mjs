// What stands in the way of a payment, and how a person lets it go on: a blocked address parks it, and
// unparking repeats the same call; a paused contract is waited out by itself.

import { Interface } from 'ethers';

import { check, check_equal, check_refused, with_env } from './bed.mjs';

const DAY_S = 24 * 3600;
const STEP_MS = 60_000;
const PAUSE_CREATE = 1;
const face = new Interface([
    'function pause(uint8 bits)',
    'function unpause()',
    'function blacklister() view returns (address)',
    'function blacklist(address account)',
    'function unBlacklist(address account)',
]);

/** A transaction of an account that the development node has unlocked. */
async function send(env, from, to, name, args) {
    const hash = await env.ground.node('eth_sendTransaction', [{ from, to, data: face.encodeFunctionData(name, args) }]);
    const receipt = await env.wait_for(() => env.ground.node('eth_getTransactionReceipt', [hash]), STEP_MS,
        `${name} being mined`);
    check(receipt.status === '0x1', `${name} reverted`);
}

/** The token's issuer blocks the escrow, or lets it go. */
async function issuer_calls(env, name) {
    const { token, escrow } = env.contracts;
    const word = await env.ground.node('eth_call', [{ to: token, data: face.encodeFunctionData('blacklister') }, 'latest']);
    const [issuer] = face.decodeFunctionResult('blacklister', word);
    await env.ground.node('anvil_impersonateAccount', [issuer]);
    await send(env, issuer, token, name, [escrow]);
}

async function order_make(story) {
    await story.beneficiaries(['Seller', 'Buyer']);
    await story.payer('ana');
    const order = await story.create({
        payer: 'ana', seller: 'Seller', buyer: 'Buyer', amount: '2500.00', immediate_bps: 2000, custody_seconds: DAY_S,
    });
    story.expect(order, 'released');
    return order;
}

async function finish(env, story, order) {
    await story.reach(order, 'in_custody');
    await env.warp(DAY_S + 60);
    await story.reach(order, 'completed');
    const differences = await story.differences();
    check(differences.length === 0, differences.join('; '));
}

/** A blocked address changes nothing that the check of the contracts looks at: the daemon itself goes on. */
async function escrow_blocked(ground) {
    await with_env(ground, 'escrow-blocked', async ({ env, story }) => {
        const order = await order_make(story);
        await check_refused(env.insist('payment.unpark', { payment_id: order.payment_id }), 'request.state',
            'unparking a payment that is not parked');
        await issuer_calls(env, 'blacklist');
        await story.pay(order);
        await story.reach(order, 'parked');
        const status = await env.rpc('system.status');
        check(status.alarms.some((a) => a.code === 'payment_parked'), 'no alarm says that a payment is parked');
        check(!status.paused, `the daemon paused itself: ${status.pause_reason}`);
        const { reason } = await env.rpc('payment.get', { payment_id: order.payment_id });
        check(reason.startsWith('escrow_create:') && reason.includes('blacklisted'), `the reason is "${reason}"`);
        await issuer_calls(env, 'unBlacklist');
        await env.insist('payment.unpark', { payment_id: order.payment_id });
        await finish(env, story, order);
        const after = await env.rpc('system.status');
        check_equal(after.alarms.filter((a) => a.code === 'payment_parked').length, 0, 'alarms left');
        const [row] = await env.sql("SELECT count(*) AS n FROM effect WHERE kind = 'escrow_create'");
        check_equal(Number(row.n), 1, 'effects planned for the escrow');
    });
}

async function contract_paused(ground) {
    await with_env(ground, 'contract-paused', async ({ env, story }) => {
        const order = await order_make(story);
        await send(env, env.contracts.guardian, env.contracts.escrow, 'pause', [PAUSE_CREATE]);
        await story.pay(order);
        const waits = "SELECT failures FROM effect WHERE kind = 'escrow_create' AND state = 'planned' AND failures > 1";
        await env.wait_for(async () => (await env.sql(waits)).length === 1, STEP_MS, 'the creation to be held back');
        check_equal(await story.state(order), 'funding', 'state while the contract is paused');
        await send(env, env.contracts.admin, env.contracts.escrow, 'unpause', []);
        await finish(env, story, order);
    });
}

export const scenarios = [
    { name: 'parked: a blocked escrow parks, a person lets it go on', run: escrow_blocked },
    { name: 'parked: a paused contract is waited out', run: contract_paused },
];
