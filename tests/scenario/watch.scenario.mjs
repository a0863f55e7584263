// The watcher's position: two daemons that follow the chain into one database, what an older race left
// behind in its tables, and one hash for two withdrawals.

import { randomBytes, randomUUID } from 'node:crypto';

import { signal_send } from '../support/process.mjs';
import { rpc_call } from '../support/rpc.mjs';
import { check, check_equal, check_refused, with_env } from './bed.mjs';
import { lines_with, Second } from './second.mjs';

const DAY_S = 24 * 3600;
const STEP_MS = 30_000;
const BEHIND_MAX = 8;            // blocks: two seconds of the local chain
const BLOCKS_WATCHED = 40;

const change = (env, sql) => env.ground.cluster.query(env.database, `SET search_path = relayer; ${sql}`, 'relayer');
const one = async (env, query) => (await env.sql(query))[0];

async function blocks_behind(env) {
    const { number } = await one(env, "SELECT number FROM head WHERE level = 'scanned'");
    return Number(await env.ground.node('eth_blockNumber')) - Number(number);
}

/** For a while: the position follows the chain, and the headers below it have no gap. */
async function watched(env, what) {
    const begun = Number(await env.ground.node('eth_blockNumber'));
    await env.wait_for(async () => Number(await env.ground.node('eth_blockNumber')) >= begun + BLOCKS_WATCHED,
        STEP_MS, 'the chain to go on');
    await env.wait_for(async () => await blocks_behind(env) <= BEHIND_MAX, STEP_MS, `${what}: the position to follow`);
    const { gaps } = await one(env, 'SELECT count(*) AS gaps FROM block b JOIN block a ON a.number = b.number + 1'
        + ' WHERE a.parent <> b.hash');
    check_equal(Number(gaps), 0, `${what}: headers that are not each other's parent`);
    const { above } = await one(env, "SELECT count(*) AS above FROM block WHERE number > (SELECT number FROM head"
        + " WHERE level = 'scanned')");
    check_equal(Number(above), 0, `${what}: headers above the position`);
}

async function payment_run(env, story, amount) {
    const order = await story.create({
        payer: 'ana', seller: 'Seller', buyer: 'Buyer', amount, immediate_bps: 1000, custody_seconds: DAY_S,
    });
    story.expect(order, 'released');
    await story.pay(order);
    await story.reach(order, 'in_custody');
    await env.warp(DAY_S + 60);
    await story.reach(order, 'completed');
}

/** Exactly one speaks to Juno; both name it, and the other one says whom to ask. */
async function one_speaks(env, second) {
    const sockets = { embedded: env.socket, second: second.socket };
    const named = async (socket) => (await rpc_call(socket, 'system.status')).doors.juno.spoken_to_by;
    const speaker = await named(env.socket);
    check(speaker in sockets, `nobody speaks to Juno: ${speaker}`);
    check_equal(await named(second.socket), speaker, 'who speaks to Juno, asked of the second');
    for (const [instance, socket] of Object.entries(sockets)) {
        const call = rpc_call(socket, 'recon.run');
        if (instance === speaker) {
            check_equal((await call).differences, [], 'differences');
        } else {
            const error = await check_refused(call, 'juno.elsewhere', `recon.run of ${instance}`);
            check(error.message.includes(speaker), `the error names nobody: ${error.message}`);
        }
    }
}

/** The first is killed for good: the second does everything, once the leases of the first have ended. */
async function survivor(env, story, second) {
    const first_socket = env.socket;
    await env.daemon_kill();
    env.socket = second.socket;
    try {
        await payment_run(env, story, '4000.00');
    } finally {
        env.socket = first_socket;
    }
}

async function two_daemons(ground) {
    await with_env(ground, 'two-watchers', async ({ env, story }) => {
        const second = new Second(env);
        await second.config_write();
        await second.start();
        try {
            await story.beneficiaries(['Seller', 'Buyer']);
            await story.payer('ana');
            await payment_run(env, story, '2000.00');
            await watched(env, 'two daemons');
            await one_speaks(env, second);
            await Promise.all([env.daemon_kill(), second.stop('SIGKILL')]);
            await Promise.all([env.daemon_start(), second.start()]);
            await watched(env, 'after both were killed');
            await payment_run(env, story, '3000.00');
            await survivor(env, story, second);
            await env.daemon_start();
        } finally {
            await second.stop('SIGTERM');
        }
        // Juno wants rising numbers for each key: two daemons that both spoke would refuse each other's.
        const refused = [...second.lines_with('Invalid nonce'), ...lines_with(env.daemon_log, 'Invalid nonce')];
        check_equal(refused, [], 'requests that Juno refused for their number');
        const { twice } = await one(env, 'SELECT count(*) AS twice FROM (SELECT 1 FROM evidence'
            + ' WHERE superseded_at IS NULL AND escrow_id IS NOT NULL GROUP BY escrow_id, event'
            + ' HAVING count(*) > 1) q');
        check_equal(Number(twice), 0, 'logs believed twice');
        const differences = await story.differences();
        check(differences.length === 0, differences.join('; '));
        check_equal(second.lines_with('"level":"broken"'), [], 'what the second daemon logged as broken');
    });
}

const WITHDRAWALS = '/mint_platform/v1/withdrawals';
const LEASE_MS = 30_000;            // LEASE_S of store/lease.h

/**
 * The daemon that speaks to Juno freezes while Juno's answer to a withdrawal is on its way, sleeps past its
 * leases, and wakes with that answer when the other one has brought the payment to its end.
 */
async function frozen_and_woken(ground) {
    await with_env(ground, 'frozen', async ({ env, story }) => {
        const second = new Second(env);
        await second.config_write();
        await story.beneficiaries(['Seller', 'Buyer']);
        await story.payer('ana');
        await second.start();
        const first = env.register.find('relayerd');
        const first_socket = env.socket;
        try {
            check_equal((await env.rpc('system.status')).doors.juno.spoken_to_by, 'embedded', 'who speaks to Juno');
            const order = await story.create({
                payer: 'ana', seller: 'Seller', buyer: 'Buyer', amount: '2000.00', custody_seconds: DAY_S,
            });
            story.expect(order, 'released');
            await env.faults({ kind: 'delay', method: 'POST', path: WITHDRAWALS, delay_ms: 2000 });
            await story.pay(order);
            await env.wait_for(() => one(env, "SELECT 1 AS found FROM effect WHERE kind = 'withdraw'"
                + " AND state = 'sent' AND external_id IS NULL"), STEP_MS, 'a withdrawal on its way', 10);
            signal_send(first, 'SIGSTOP');
            env.socket = second.socket;
            await story.reach(order, 'in_custody', 2 * LEASE_MS);
            await env.warp(DAY_S + 60);
            await story.reach(order, 'completed');
            signal_send(first, 'SIGCONT');
            await watched(env, 'after the first woke');
            await payment_run(env, story, '3000.00');
            const { attempts } = await one(env, 'SELECT count(*) AS attempts FROM attempt a JOIN effect e'
                + " ON e.id = a.effect_id WHERE e.kind = 'withdraw' AND e.amount_units = 2000000000");
            check(Number(attempts) === 2, `the withdrawal was attempted ${attempts} times, not by both`);
        } finally {
            signal_send(first, 'SIGCONT');
            env.socket = first_socket;
            await second.stop('SIGTERM');
        }
        const differences = await story.differences();
        check(differences.length === 0, differences.join('; '));
        check_equal(second.lines_with('"level":"broken"'), [], 'what the second daemon logged as broken');
    });
}

/** What the race between two watchers left: a position below its headers, or headers with a hole. */
const WRECKS = [
    ['a position below its headers', 'UPDATE head SET number = b.number, hash = b.hash, time = b.time FROM block b'
        + " WHERE level = 'scanned' AND b.number = head.number - 3"],
    ['headers with a hole', 'DELETE FROM block WHERE number = (SELECT max(number) - 5 FROM block)'],
    ['a position without its header', 'DELETE FROM block WHERE number = (SELECT max(number) FROM block)'],
    ['headers of another chain above the position', 'UPDATE head SET number = b.number, hash = b.hash FROM block b'
        + " WHERE level = 'scanned' AND b.number = head.number - 3;"
        + " UPDATE block SET hash = decode(repeat('ab', 32), 'hex') WHERE number = (SELECT max(number) FROM block)"],
];

async function wrecks_are_mended(ground) {
    await with_env(ground, 'wrecks', async ({ env, story }) => {
        await story.beneficiaries(['Seller', 'Buyer']);
        await story.payer('ana');
        for (const [what, sql] of WRECKS) {
            await env.wait_for(async () => Number((await one(env, 'SELECT count(*) AS n FROM block')).n) > 16, STEP_MS,
                'some headers');
            await env.daemon_stop();
            await change(env, sql);
            await env.daemon_start();
            await watched(env, what);
        }
        await payment_run(env, story, '2000.00');
        const { rollbacks } = await one(env, 'SELECT count(*) AS rollbacks FROM alarm'
            + " WHERE code IN ('watcher_stuck', 'reorg_too_deep', 'change_below_finality')");
        check_equal(Number(rollbacks), 0, 'alarms of the watcher');
    });
}

/** Two withdrawals of one amount that Juno reports under one hash, whose transaction has a log for each. */
async function one_hash_for_two(ground) {
    await with_env(ground, 'one-hash', async ({ env }) => {
        const hash = randomBytes(32).toString('hex');
        const bytes = (hex) => `'\\x${hex.replace('0x', '').toLowerCase()}'`;
        const [first, second] = [randomUUID(), randomUUID()];
        const effect = (id) => `('${id}', 'withdraw', 'juno', 'sent', '${randomUUID()}', 5000000, ${bytes(hash)},`
            + " now() + interval '1 hour')";
        const { number } = await env.wait_for(() => one(env, "SELECT number FROM head WHERE level = 'scanned'"),
            STEP_MS, 'a position');
        const log = (at) => `(${bytes(hash)}, ${at}, ${number}, ${bytes('11'.repeat(32))}, 1,`
            + ` ${bytes(env.contracts.token)}, 'Transfer', ${bytes('22'.repeat(20))},`
            + ` ${bytes(env.ground.relayer.address)}, 5000000, now())`;
        await change(env, 'INSERT INTO evidence (tx_hash, log_index, block_number, block_hash, block_time, address,'
            + ` event, from_address, to_address, amount_units, final_at) VALUES ${log(0)}, ${log(1)};`
            + ' INSERT INTO effect (id, kind, door, state, idem_key, amount_units, tx_hash, next_at)'
            + ` VALUES ${effect(first)}, ${effect(second)}`);
        const found = await env.wait_for(async () => {
            const rows = await env.sql(`SELECT evidence_id FROM effect WHERE id IN ('${first}', '${second}')`
                + " AND state = 'confirmed'");
            return rows.length === 2 ? rows : undefined;
        }, STEP_MS, 'both withdrawals to be confirmed');
        check(found[0].evidence_id !== found[1].evidence_id, 'one log confirmed two withdrawals');
        await watched(env, 'after both');
    });
}

export const scenarios = [
    { name: 'watch: two daemons on one database', run: two_daemons },
    { name: 'watch: a daemon frozen past its leases and woken', run: frozen_and_woken },
    { name: 'watch: what an old race left in the tables is mended', run: wrecks_are_mended },
    { name: 'watch: one hash for two withdrawals', run: one_hash_for_two },
];
