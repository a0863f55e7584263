// The bed of the chain's drills: a daemon that reaches the chain through a proxy only, payments on it, and
// the two questions every drill ends with: did everybody get what is his, and was each effect sent once.

import path from 'node:path';

import { Ground } from '../support/env.mjs';
import { NodeProxy } from '../support/node_proxy.mjs';
import { check, check_equal, with_env } from './bed.mjs';

export const DAY_S = 24 * 3600;
export const STEP_MS = 60_000;

export const rows = async (env, query) => Number((await env.sql(`SELECT count(*) AS n FROM ${query}`))[0].n);
export const alarms = (env, code) => rows(env, `alarm WHERE code = '${code}'`);
export const change = (env, sql) => env.ground.cluster.query(env.database, `SET search_path = relayer; ${sql}`,
    'relayer');

/** Nothing is missing, nothing is too much, and the books agree with chain and bank. */
export async function balanced(env, story) {
    const differences = await story.differences();
    check(differences.length === 0, differences.join('; '));
    const verdict = await env.rpc('audit.verify', { all: true });
    check_equal(verdict.differences, [], 'what audit.verify found');
}

/** A fresh environment whose daemon reaches the chain through a proxy; every payment must end well in it. */
export async function drilled(ground, name, settings, body) {
    const proxy = new NodeProxy(ground.rpc_url);
    await proxy.start();
    try {
        await with_env(ground, name, async ({ env, story }) => {
            await story.beneficiaries(['Seller', 'Buyer']);
            await story.payer('ana');
            await body({ env, story, proxy });
            await balanced(env, story);
        }, { settings: { 'chain.rpc_url': proxy.url, ...settings } });
    } finally {
        await proxy.stop();
    }
}

/** A chain that nobody else uses: its clock and its blocks may be moved. */
export async function own_chain(ground, name, { epoch_slots = 1 }, body) {
    const own = new Ground(path.join(ground.home, name), { cluster: ground.cluster, epoch_slots });
    try {
        await own.chain_start();
        await own.keys_make();
        await body(own);
    } finally {
        await own.stop();
    }
}

export function order_make(story, amount, custody_seconds = DAY_S) {
    return story.create({ payer: 'ana', seller: 'Seller', buyer: 'Buyer', amount, custody_seconds });
}

/** An order that is paid and that the seller is to get. */
export async function paid(story, amount) {
    const order = await order_make(story, amount);
    story.expect(order, 'released');
    await story.pay(order);
    return order;
}

export async function ended(env, story, orders) {
    await story.reach_all(orders, 'in_custody');
    await env.warp(DAY_S + 60);
    await story.reach_all(orders, 'completed');
}

/** The escrow's allowance is granted: what is sent from now on belongs to payments. */
export const allowance_granted = (env) => env.wait_for(async () => (
    await rows(env, "tx WHERE kind = 'token_approve' AND state = 'final'") === 1), STEP_MS, 'the allowance');

/** Each effect of these kinds went in exactly one transaction that succeeded, and in no other one. */
export async function once_each(env, kinds = ['escrow_create', 'escrow_release', 'token_transfer']) {
    for (const kind of kinds) {
        const effects = await rows(env, `effect WHERE kind = '${kind}'`);
        const [{ sent }] = await env.sql("SELECT coalesce(sum(effects), 0) AS sent FROM tx"
            + ` WHERE kind = '${kind}' AND status = 1`);
        check_equal(Number(sent), effects, `${kind}: effects in transactions that succeeded`);
    }
}
