// Several relayer keys: shared work, a kill in the middle, keys that change while payments are under way, and
// daemons that share lanes. Nothing may be done twice and nothing forgotten.

import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

import { id } from 'ethers';

import { port_choose } from '../support/process.mjs';
import { rpc_call } from '../support/rpc.mjs';
import { check, check_equal, check_refused, with_env } from './bed.mjs';
import { admin_calls, open_alarms } from './contract_bed.mjs';
import { Second, lines_with } from './second.mjs';

const DAY_S = 24 * 3600;
const STEP_MS = 60_000;
const SETTLE_MS = 240_000;
const RELAYER = id('RELAYER');
const ARBITER = id('ARBITER');
const SMALL = { 'chain.batch_max': 5, 'chain.batch_wait_ms': 50, 'chain.contract_check_s': 1 };
const WRONG_PASSWORD = 'this is not the password\n';

const one = async (env, query) => (await env.sql(query))[0];
const lanes = async (env) => (await env.rpc('system.status')).lanes;
const lane_named = async (env, name) => (await lanes(env)).find(({ lane }) => lane === name);

/** An environment with further keys that hold RELAYER before the daemon starts. */
async function with_pool(ground, name, keys, body) {
    await with_env(ground, name, async ({ env, story }) => {
        for (const key of keys) {
            await admin_calls(env, 'grantRole', [RELAYER, env.keys[key].address]);
        }
        await env.daemon_start();
        await story.beneficiaries(['Seller', 'Buyer']);
        await story.payer('ana');
        await body({ env, story });
        check_equal(env.broken_lines(), [], 'what the daemon logged as broken');
    }, { start: false, keys, settings: SMALL });
}

async function orders_pay(story, n) {
    const orders = [];
    for (let i = 0; i < n; i += 1) {
        const order = await story.create({
            payer: 'ana', seller: 'Seller', buyer: 'Buyer', amount: `${1000 + orders.length + 10 * story.paid}.00`,
            custody_seconds: DAY_S,
        });
        story.expect(order, 'released');
        await story.pay(order);
        orders.push(order);
    }
    story.paid += n;
    return orders;
}

async function orders_end(env, story, orders) {
    await story.reach_all(orders, 'in_custody', SETTLE_MS);
    await env.warp(DAY_S + 60);
    await story.reach_all(orders, 'completed', SETTLE_MS);
}

/**
 * Every escrow was made once and ended once; the bank's books agree; no draft holds an effect. What a revoked key
 * had under way when its role went fails on the chain, is planned anew, and does not count.
 */
async function nothing_twice(env, story, revoked = []) {
    const { twice } = await one(env, "SELECT count(*) AS twice FROM (SELECT 1 FROM evidence WHERE superseded_at IS NULL"
        + " AND escrow_id IS NOT NULL GROUP BY escrow_id, event HAVING count(*) > 1) q");
    check_equal(Number(twice), 0, 'logs of the escrow seen twice');
    const { reverted } = await one(env, "SELECT count(*) AS reverted FROM tx WHERE state IN ('reverted', 'lost')"
        + ` AND NOT (state = 'reverted' AND '0x' || encode(account, 'hex') = ANY (ARRAY[${revoked.map((address) => (
            `'${address.toLowerCase()}'`)).join(', ')}]::text[]))`);
    check_equal(Number(reverted), 0, 'transactions that were for nothing');
    const { held } = await one(env, 'SELECT count(*) AS held FROM effect WHERE drafted_by IS NOT NULL');
    check_equal(Number(held), 0, 'effects that a lane still holds');
    const differences = await story.differences();
    check(differences.length === 0, differences.join('; '));
}

const accounts_used = async (env, kind) => (await env.sql("SELECT DISTINCT '0x' || encode(account, 'hex') AS account"
    + ` FROM tx WHERE kind = '${kind}'`)).map(({ account }) => account).sort();
const of_keys = (env, names) => names.map((name) => env.keys[name].address.toLowerCase()).sort();

async function pool_under_load(ground) {
    await with_pool(ground, 'pool', ['relayer.2'], async ({ env, story }) => {
        story.paid = 0;
        const orders = await orders_pay(story, 30);
        await env.wait_for(async () => Number((await one(env, "SELECT count(*) AS n FROM tx WHERE kind = 'escrow_create'")).n)
            >= 2, STEP_MS, 'two transactions');
        await env.daemon_kill();
        await env.daemon_start();
        await orders_end(env, story, orders);
        await nothing_twice(env, story);
        check_equal(await accounts_used(env, 'escrow_create'), of_keys(env, ['relayer', 'relayer.2']), 'who created');
        check_equal(await accounts_used(env, 'token_transfer'), of_keys(env, ['relayer']), 'who moved tokens');
    });
}

/** A new key in, its role, the old one's role away, the old key out: payments go on all the while. */
async function key_replaced(env, { place, beside, role }) {
    const fresh = await env.key_make(`${beside}-new`);
    const old = env.keys[place];
    env.keys = { ...env.keys, [beside]: fresh };
    await env.config_write();
    const { keys } = await env.rpc('system.reload', { idempotency_key: randomUUID() });
    check_equal(keys[beside], fresh.address, `the key at ${beside}`);
    await env.wait_for(async () => (await open_alarms(env, 'lane_without_role')).includes(beside), STEP_MS,
        'the alarm of a key without its role');
    await admin_calls(env, 'grantRole', [role, fresh.address]);
    await env.wait_for(async () => (await lane_named(env, beside)).has_role, STEP_MS, 'the role to be seen');
    await admin_calls(env, 'revokeRole', [role, old.address]);
    await env.wait_for(async () => !(await lane_named(env, place)).has_role, STEP_MS, 'the role to be gone');
    const { [beside]: _gone, ...rest } = env.keys;
    env.keys = { ...rest, [place]: fresh };
    await env.config_write();
    await env.rpc('system.reload', { idempotency_key: randomUUID() });
    await env.wait_for(async () => (await open_alarms(env, 'lane_without_role')).length === 0, STEP_MS,
        'the alarms to end');
    check_equal((await env.rpc('system.status')).paused, false, 'paused');
    return old.address;
}

async function keys_rotate(ground) {
    await with_pool(ground, 'rotation', ['relayer.2'], async ({ env, story }) => {
        story.paid = 0;
        const { pid } = env.register.find('relayerd');
        const first = await orders_pay(story, 8);
        const revoked = await key_replaced(env, { place: 'relayer.2', beside: 'relayer.3', role: RELAYER });
        await story.reach_all(first, 'in_custody', SETTLE_MS);
        await story.dispute(first[0], 'buyer', 'never came');
        await story.reach(first[0], 'disputed');
        await key_replaced(env, { place: 'arbiter', beside: 'arbiter.2', role: ARBITER });
        await story.resolve(first[0], 'dismissed', 'it came');
        await story.reach(first[0], ['in_custody', 'releasing', 'completed']);
        const second = await orders_pay(story, 8);
        await orders_end(env, story, [...first, ...second]);
        await nothing_twice(env, story, [revoked]);
        check_equal(await accounts_used(env, 'dispute_dismiss'), of_keys(env, ['arbiter']), 'who dismissed');
        check_equal(env.register.find('relayerd').pid, pid, 'the daemon');
    });
}

/** Settings that do not work: the signer at work never stopped, and says so. */
async function bad_reload(ground) {
    await with_pool(ground, 'bad-reload', ['relayer.2'], async ({ env, story }) => {
        story.paid = 0;
        const password = readFileSync(env.keys['relayer.2'].password_file, 'utf8');
        const before = await lanes(env);
        writeFileSync(env.keys['relayer.2'].password_file, WRONG_PASSWORD);
        await check_refused(env.rpc('system.reload', { idempotency_key: randomUUID() }), 'signer.reload', 'a wrong password');
        writeFileSync(env.keys['relayer.2'].password_file, password);
        env.keys = { ...env.keys, relayer: env.keys['relayer.2'], 'relayer.2': env.keys.relayer };
        const bridge = env.ground.relayer.address;
        await env.config_write();
        const error = await check_refused(env.rpc('system.reload', { idempotency_key: randomUUID() }), 'signer.reload', 'another address for the bridge');
        check(!error.message.includes('undefined') && error.message.includes('chain.bridge'), error.message);
        env.keys = { ...env.keys, relayer: env.keys['relayer.2'], 'relayer.2': env.keys.relayer };
        await env.config_write();
        check_equal(env.keys.relayer.address, bridge, 'the bridge');
        check_equal((await lanes(env)).map(({ account }) => account), before.map(({ account }) => account), 'the keys');
        await orders_end(env, story, await orders_pay(story, 3));
        await env.rpc('system.reload', { idempotency_key: randomUUID() });
        await orders_end(env, story, await orders_pay(story, 3));
        await nothing_twice(env, story);
    });
}

/** Two daemons and two relayer keys: both sign; when one is killed the other goes on with both. */
async function daemons_share(ground) {
    await with_pool(ground, 'shared', ['relayer.2'], async ({ env, story }) => {
        story.paid = 0;
        const second = new Second(env);
        await second.config_write();
        await Promise.all([env.daemon_kill()]);
        await Promise.all([env.daemon_start(), second.start()]);
        try {
            await orders_end(env, story, await orders_pay(story, 10));
            const third = await orders_pay(story, 10);
            await env.daemon_kill();
            const socket = env.socket;
            env.socket = second.socket;
            await orders_end(env, story, third);
            await nothing_twice(env, story);
            env.socket = socket;
            check_equal(second.lines_with('"level":"broken"'), [], 'what the second daemon logged as broken');
        } finally {
            await second.stop('SIGTERM');
        }
    });
}

/** The one that speaks to Juno loses it, the other one reaches it. */
async function juno_key_given_up(ground) {
    await with_env(ground, 'juno-key', async ({ env, story }) => {
        story.paid = 0;
        // Who starts first has the key: the one behind the dead door.
        const dead = new Second(env);
        await dead.config_write();
        const settings = readFileSync(dead.config, 'utf8');
        const nowhere = settings.replace(`http://127.0.0.1:${env.juno_port}`, `http://127.0.0.1:${await port_choose()}`);
        check(nowhere !== settings, 'no address of Juno to change');
        writeFileSync(dead.config, nowhere, { mode: 0o600 });
        await dead.start();
        await env.wait_for(async () => (await rpc_call(dead.socket, 'system.status')).doors.juno.spoken_to_by === 'second',
            STEP_MS, 'the second to have the key');
        await env.daemon_start();
        try {
            await env.wait_for(async () => (await env.rpc('system.status')).doors.juno.spoken_to_by === 'embedded',
                STEP_MS, 'the key to pass to the one that reaches Juno');
            check_equal(dead.lines_with('juno_key_given_up').length, 1, 'how often the key was given up');
            await story.beneficiaries(['Seller', 'Buyer']);
            await story.payer('ana');
            await orders_end(env, story, await orders_pay(story, 2));
            await nothing_twice(env, story);
        } finally {
            await dead.stop('SIGTERM');
        }
        check_equal(lines_with(env.daemon_log, '"level":"broken"'), [], 'what the daemon logged as broken');
    }, { start: false });
}

export const scenarios = [
    { name: 'pool: two keys under load, killed in the middle', run: pool_under_load },
    { name: 'pool: keys rotate while payments are under way', run: keys_rotate },
    { name: 'pool: settings that do not work change nothing', run: bad_reload },
    { name: 'pool: two daemons share the lanes', run: daemons_share },
    { name: 'juno: the key is given up by a daemon that cannot reach Juno', run: juno_key_given_up },
];
