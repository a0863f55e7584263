// A scenario's bed: a fresh environment on a ground, cleaned up afterwards. The folder with the logs stays
// when the scenario fails; any line the daemon logged as broken fails it.

import path from 'node:path';

import { Env, home_remove } from '../support/env.mjs';
import { RpcError } from '../support/rpc.mjs';
import { Story } from './story.mjs';

let serial = 0;

/** Runs body({ env, story, bed }) in a fresh environment; options go to Env; start: false = no daemon yet. */
export async function with_env(ground, name, body, { start = true, ...options } = {}) {
    serial += 1;
    const env = new Env(ground, {
        home: path.join(ground.home, `${name}-${serial}`), database: `s_${process.pid}_${serial}`, ...options,
    });
    try {
        await (start ? env.start() : env.prepare());
        await body({ env, story: new Story(env) });
        const broken = start ? env.broken_lines() : [];
        if (broken.length > 0) {
            throw new Error(`the daemon logged: ${broken.slice(0, 3).join('\n  ')}`);
        }
    } catch (error) {
        error.message += `\n  logs: ${env.home}`;
        throw error;
    } finally {
        await env.stop();
        await ground.cluster.database_drop(env.database);
    }
    home_remove(env.home);
}

export function check(condition, message) {
    if (!condition) {
        throw new Error(message);
    }
}

export function check_equal(found, wanted, what) {
    const [left, right] = [found, wanted].map((value) => JSON.stringify(value,
        (_key, v) => (typeof v === 'bigint' ? `${v}` : v)));
    check(left === right, `${what}: ${left}, not ${right}`);
}

const TRANSACTION_GAS = '0x7a1200';
const MINED_MS = 30_000;

/** Sends { from, to, data } from an account the development node has unlocked; gives its receipt. */
export async function transaction_mine(env, transaction, what) {
    const { node } = env.ground;
    const hash = await node('eth_sendTransaction', [{ gas: TRANSACTION_GAS, ...transaction }]);
    const receipt = await env.wait_for(() => node('eth_getTransactionReceipt', [hash]), MINED_MS, `${what} being mined`);
    check(receipt.status === '0x1', `${what} reverted`);
    return receipt;
}

/** The call must be answered by an error of this type, with a hint; gives the error. */
export async function check_refused(call, type, what) {
    let error;
    try {
        await call;
    } catch (caught) {
        error = caught;
    }
    check(error !== undefined, `${what}: was accepted`);
    check(error instanceof RpcError, `${what}: ${error.message}`);
    check(error.data.type === type, `${what}: error ${error.data.type} (${error.message}), not ${type}`);
    check(typeof error.data.hint === 'string' && error.data.hint !== '', `${what}: the error has no hint`);
    return error;
}

/** Everything a bad request must not change. */
export async function rows_count(env) {
    const tables = ['payment', 'leg', 'escrow', 'dispute', 'effect', 'txn', 'entry', 'beneficiary', 'clabe'];
    const counts = {};
    for (const table of tables) {
        // The lane grants the escrow its token allowance by itself, at a moment of its own.
        const own = table === 'effect' ? " WHERE kind <> 'token_approve'" : '';
        const [row] = await env.sql(`SELECT count(*) AS n FROM ${table}${own}`);
        counts[table] = Number(row.n);
    }
    return counts;
}
