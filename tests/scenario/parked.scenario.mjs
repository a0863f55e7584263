// What stands in the way of a payment, and how a person lets it go on: a blocked address parks it, and
// unparking repeats the same call; a paused contract is waited out by itself.

import { Interface, id } from 'ethers';

import { NodeProxy } from '../support/node_proxy.mjs';
import { check, check_equal, check_refused, with_env } from './bed.mjs';

const DAY_S = 24 * 3600;
const STEP_MS = 60_000;
const PAUSE_CREATE = 1;
const ON_CHAIN_ACTIVE = 1;
const ON_CHAIN_DISPUTED = 2;
const face = new Interface([
    'function grantRole(bytes32 role, address account)',
    'function revokeRole(bytes32 role, address account)',
    'function escrow(bytes32 id) view returns (tuple(uint88 amount, uint40 createdAt, uint40 custodyEnd, '
        + 'uint40 disputedAt, uint8 state, bool lock, uint8 party, uint8 round))',
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

/** The state of the only escrow, read from the chain itself. */
async function state_on_chain(env) {
    const [{ id: escrow_id }] = await env.sql("SELECT '0x' || encode(escrow_id, 'hex') AS id FROM effect"
        + " WHERE kind = 'escrow_create'");
    const answer = await env.ground.node('eth_call', [
        { to: env.contracts.escrow, data: face.encodeFunctionData('escrow', [escrow_id]) }, 'latest',
    ]);
    return Number(face.decodeFunctionResult('escrow', answer)[0].state);
}

/** The daemon paused itself over the lost role; a person ends that once the role is back. */
async function resume_when_as_recorded(env) {
    await env.wait_for(async () => (await env.rpc('system.status')).contracts.verdict === 'as recorded', STEP_MS,
        'the contract being as recorded');
    await env.insist('system.resume', {});
}

/**
 * K4 of the defects of the system before: a dispute that failed on the chain was written down as done. The
 * contract refuses because the relayer's role is gone; the node keeps the daemon from seeing that before
 * it has tried, or it would have paused itself.
 */
async function dispute_refused(ground) {
    const proxy = new NodeProxy(ground.rpc_url);
    await proxy.start();
    try {
        await with_env(ground, 'dispute-refused', ({ env, story }) => dispute_refused_run(env, story, proxy),
            { settings: { 'chain.rpc_url': proxy.url } });
    } finally {
        await proxy.stop();
    }
}

async function dispute_refused_run(env, story, proxy) {
    const { escrow, admin, relayer } = env.contracts;
    const order = await order_make(story);
    await story.pay(order);
    await story.reach(order, 'in_custody');
    proxy.rule('eth_getStorageAt', () => ({ error: { code: -32000, message: 'missing trie node' } }));
    await send(env, admin, escrow, 'revokeRole', [id('RELAYER'), relayer]);
    await story.dispute(order, 'buyer', 'nothing came');
    const told_as = (type) => env.sql(`SELECT seq FROM payment_event WHERE type = '${type}'`);
    await env.wait_for(async () => (await told_as('dispute_refused')).length === 1, STEP_MS, 'the refusal being told');
    check_equal(await story.state(order), 'in_custody', 'state after a refused dispute');
    check_equal((await told_as('dispute_raised')).length, 0, 'disputes told as raised');
    const [told] = await env.sql('SELECT contract_dispute_raised_tx AS tx FROM kustodia.dispute');
    check_equal(told.tx, null, 'the transaction of a refused dispute');
    check_equal(await state_on_chain(env), ON_CHAIN_ACTIVE, 'the escrow on the chain after a refused dispute');
    proxy.rule('eth_getStorageAt', null);
    await env.wait_for(async () => (await env.rpc('system.status')).paused, STEP_MS, 'the daemon pausing itself');
    await send(env, admin, escrow, 'grantRole', [id('RELAYER'), relayer]);
    await resume_when_as_recorded(env);
    await story.dispute(order, 'buyer', 'nothing came');
    await story.reach(order, 'disputed');
    check_equal((await told_as('dispute_raised')).length, 1, 'disputes told as raised once the contract took it');
    check_equal(await state_on_chain(env), ON_CHAIN_DISPUTED, 'the escrow on the chain after the dispute');
    await story.resolve(order, 'dismissed', 'it came after all');
    await finish(env, story, order);
}

export const scenarios = [
    { name: 'contract refuses: a dispute is not told as done', run: dispute_refused },
    { name: 'parked: a blocked escrow parks, a person lets it go on', run: escrow_blocked },
    { name: 'parked: a paused contract is waited out', run: contract_paused },
];
