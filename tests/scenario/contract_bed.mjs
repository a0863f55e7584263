// What the scenarios about the contracts share: calls of the escrow by its admin, a daemon that paused itself
// and says why, an effect that waits.

import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { Interface, getAddress, toQuantity } from 'ethers';

import { ROOT } from '../support/env.mjs';
import { sleep } from '../support/process.mjs';
import { check, check_equal } from './bed.mjs';

export const STEP_MS = 30_000;
export const QUIET_MS = 2500;           // many ticks of every part: long enough for anything that would leave
export const SOON = { 'chain.contract_check_s': 1 };
export const STRANGER = getAddress('0x00000000000000000000000000000000000000aa');
const ADMIN_DELAY_S = 2 * 24 * 3600;
const CALL_GAS = 1_000_000n;

const face = new Interface(JSON.parse(readFileSync(path.join(ROOT, 'abi/json/KustodiaEscrow.json'), 'utf8')).abi);

/** A call of the escrow by an unlocked account of the development node. */
export async function escrow_called(env, from, method, args) {
    const { node } = env.ground;
    const hash = await node('eth_sendTransaction', [{
        from, to: env.contracts.escrow, gas: toQuantity(CALL_GAS),
        data: face.encodeFunctionData(method, args),
    }]);
    const receipt = await env.wait_for(() => node('eth_getTransactionReceipt', [hash]), STEP_MS, `${method} being mined`);
    check(receipt.status === '0x1', `${method} reverted`);
}

export const admin_calls = (env, method, args) => escrow_called(env, env.contracts.admin, method, args);

/** From one admin to the next, after the delay; both accounts are unlocked. */
export async function admin_moves(env, from, to) {
    await escrow_called(env, from, 'beginDefaultAdminTransfer', [to]);
    await env.warp(ADMIN_DELAY_S + 1);
    await escrow_called(env, to, 'acceptDefaultAdminTransfer', []);
}

export async function open_alarms(env, code) {
    const { alarms } = await env.rpc('system.status');
    return alarms.filter((alarm) => alarm.code === code).map((alarm) => alarm.subject).sort();
}

/** Paused, for this reason, with one alarm for each item that differs and no other. */
export async function paused_for(env, named) {
    const status = await env.wait_for(async () => {
        const found = await env.rpc('system.status');
        return found.paused && found.contracts.verdict === 'changed'
            && found.contracts.differences.length === named.length && found;
    }, STEP_MS, `the daemon pausing itself for ${named}`);
    check_equal(status.contracts.differences.map(({ what }) => what).sort(), [...named].sort(), 'what differs');
    for (const { what, found, wanted } of status.contracts.differences) {
        check(found !== '' && wanted !== '' && found !== wanted, `${what}: found ${found}, wanted ${wanted}`);
    }
    check(status.pause_reason.includes(`contract changed: ${status.contracts.differences[0].what} is `),
        `the reason is "${status.pause_reason}"`);
    await env.wait_for(async () => (await open_alarms(env, 'contract_changed')).length === named.length, STEP_MS,
        'an alarm for each');
    check_equal(await open_alarms(env, 'contract_changed'), [...named].sort(), 'the alarms');
    const { checks } = await env.rpc('system.doctor');
    check_equal(checks.find((item) => item.id === 'contracts').verdict, 'fail', 'what doctor says of the contracts');
}

export const resume = (env) => env.rpc('system.resume', { idempotency_key: randomUUID() });

/** An effect of the payment is decided and stays where it is: an attempt is written down, and a transaction
 *  stored, before a byte of it leaves for Juno or the chain. */
export async function effect_waits(env, order, kind) {
    const rows = () => env.sql("SELECT e.state IN ('planned', 'armed') AS open, e.tx_hash, e.attempts + (SELECT count(*)"
        + ` FROM attempt a WHERE a.effect_id = e.id) AS attempts FROM effect e WHERE e.kind = '${kind}'`
        + ` AND e.payment_id = '${order.payment_id}'`);
    await env.wait_for(async () => (await rows()).length === 1, STEP_MS, `the ${kind} being decided`);
    await sleep(QUIET_MS);
    check_equal(await rows(), [{ open: true, tx_hash: null, attempts: 0 }], `the ${kind} of a paused daemon`);
}
