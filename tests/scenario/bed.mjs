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

/** Tables, or rows of them, that move by themselves: not looked at when nothing may have changed. */
const MOVES = {
    block: 'the chain goes on',
    head: 'the chain goes on',
    lease: 'its holder renews it',
    counter: 'numbers of requests to Juno, and how far its deposits were read',
    db_session: 'the last script of each connection',
    // The lane grants the escrow its token allowance by itself, at a moment of its own. What a request would
    // have done on the chain begins in effect, of which only that allowance is left out.
    tx: 'of the allowance',
    nonce: 'of the allowance',
    draft: 'of the allowance',
    evidence: 'of the allowance',
};
const PARTS = {
    effect: "effect WHERE kind <> 'token_approve'",
    alarm: '(SELECT id, code, subject, detail, first_at, cleared_at FROM alarm) a',   // seen again: times, last_at
};

/** What is written in every table that a refused request must not change: { table: "N rows, digest" }. */
export async function tables_digest(env) {
    const tables = await env.sql("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'relayer'");
    const looked_at = tables.map(({ name }) => name).filter((name) => MOVES[name] === undefined).sort();
    const rows = await env.sql(looked_at.map((name) => (
        `SELECT '${name}' AS name, count(*) || ' rows, ' || coalesce(md5(string_agg(r::text, '|' ORDER BY r::text)), '')`
        + ` AS digest FROM (SELECT * FROM ${PARTS[name] ?? name}) r`)).join(' UNION ALL '));
    return Object.fromEntries(rows.map(({ name, digest }) => [name, digest]));
}

/** Fails with the names of the tables that are not as they were. */
export async function check_unchanged(env, before, what) {
    const now = await tables_digest(env);
    const changed = Object.keys(now).filter((name) => now[name] !== before[name]);
    check(changed.length === 0, `${what} changed ${changed.map((name) => (
        `${name} (${before[name]}; now ${now[name]})`)).join(', ')}`);
}
