// The doors of the daemon, away at start or in the middle: it stays up, says what it waits for, and goes on
// by itself. And the starts it must refuse, each with one clear sentence.

import { execFile } from 'node:child_process';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import { binary, home_remove } from '../support/env.mjs';
import { process_birth, signal_send, sleep, wait_for } from '../support/process.mjs';
import { rpc_call } from '../support/rpc.mjs';
import { check, with_env } from './bed.mjs';

const DAY_S = 24 * 3600;
const AWAY_MS = 3000;
const START_MS = 30_000;
const HANG_MS = 1000;
const SCRIPT_WAITS_MS = 10_000;     // DB_WAIT_MS of store/db.h
const RECOVERY_MS = 30_000;
const WITHDRAWALS = '/mint_platform/v1/withdrawals';

async function people(story) {
    await story.beneficiaries(['Seller', 'Buyer']);
    await story.payer('ana');
}

const order_of = (more) => ({ payer: 'ana', seller: 'Seller', buyer: 'Buyer', custody_seconds: DAY_S, ...more });

/** A payment runs to its end while `away` interrupts it at the moment it is paid. */
async function interrupted(ground, name, { door, away, back, settings }) {
    await with_env(ground, name, async ({ env, story }) => {
        await people(story);
        const order = await story.create(order_of({ amount: '2000.00', immediate_bps: 1000 }));
        story.expect(order, 'released');
        await story.pay(order);
        await away(env);
        await named_as_waiting(env, door);
        await sleep(AWAY_MS);
        check(env.daemon_alive(), `the daemon died while ${name}`);
        await back(env);
        await story.reach(order, 'in_custody');
        await env.warp(DAY_S + 60);
        await story.reach(order, 'completed');
        const differences = await story.differences();
        check(differences.length === 0, differences.join('; '));
        const { words, waiting_for } = await wait_for(async () => {
            const health = await env.rpc('system.health');
            return health.waiting_for.length === 0 && health;
        }, START_MS, 'every door answering');
        check(words === 'everything answers', `with ${JSON.stringify(waiting_for)} the words are "${words}"`);
    }, { settings });
}

/** Doors without which no work is done at all; the outage of another one is worked through. */
const VITAL = ['database', 'node'];

/** Status, health and the page for probes all name the door, why and since when. */
async function named_as_waiting(env, door) {
    const health = await wait_for(async () => {
        const found = await env.rpc('system.health');
        return found.waiting_for.some((item) => item.door === door && item.since !== null) && found;
    }, START_MS, `system.health naming the ${door}`, 10);
    const { why, since } = health.waiting_for.find((item) => item.door === door);
    check(why !== '' && Math.abs(Date.parse(since) - Date.now()) < START_MS, `${door}: ${why}, since ${since}`);
    check(health.words.includes(`waiting for the ${door}: `) && !health.words.includes('everything answers'),
        `the words are "${health.words}"`);
    check(health.healthy === !VITAL.includes(door), `healthy is ${health.healthy} without the ${door}`);
    const status = await env.rpc('system.status');
    check(status.waiting_for.some((item) => item.door === door) && status.doors[door].answers === false,
        `system.status does not name the ${door}: ${JSON.stringify(status.waiting_for)}`);
    const page = await fetch(`http://127.0.0.1:${env.http_port}/healthz`);
    const body = await page.text();
    check(page.status === (health.healthy ? 200 : 503) && body.includes(`waiting for the ${door}: `),
        `/healthz: ${page.status} ${body}`);
}

const stopped = (register, name) => signal_send(register.find(name), 'SIGSTOP');
const resumed = (register, name) => signal_send(register.find(name), 'SIGCONT');

function chain_away(ground) {
    return interrupted(ground, 'the chain node hangs', {
        door: 'node', settings: { 'chain.timeout_ms': HANG_MS },
        away: async (env) => stopped(env.ground.register, 'anvil'),
        back: async (env) => resumed(env.ground.register, 'anvil'),
    });
}

function juno_away(ground) {
    return interrupted(ground, 'Juno hangs', {
        door: 'juno', settings: { 'juno.timeout_ms': HANG_MS },
        away: async (env) => stopped(env.register, 'sandbox'),
        back: async (env) => resumed(env.register, 'sandbox'),
    });
}

function database_away(ground) {
    return interrupted(ground, 'database connections are cut', {
        door: 'database',
        away: (env) => cut_connections(env, true),
        back: (env) => cut_connections(env, false),
    });
}

async function cut_connections(env, away) {
    await env.ground.cluster.query('postgres', `ALTER DATABASE ${env.database} ALLOW_CONNECTIONS ${!away}`);
    if (away) {
        await env.ground.cluster.query('postgres',
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${env.database}'`);
    }
}

/** Juno carries a withdrawal out, and its answer cannot be written down for longer than a script waits. */
async function answer_not_recorded(ground) {
    await with_env(ground, 'answer-not-recorded', async ({ env, story }) => {
        await people(story);
        const order = await story.create(order_of({ amount: '2000.00' }));
        story.expect(order, 'released');
        await env.faults({ kind: 'delay', method: 'POST', path: WITHDRAWALS, delay_ms: AWAY_MS });
        await story.pay(order);
        await env.wait_for(async () => (await env.sql("SELECT 1 FROM effect WHERE kind = 'withdraw'"
            + " AND state = 'sent' AND external_id IS NULL")).length > 0, START_MS, 'a withdrawal on its way');
        await cut_connections(env, true);
        await sleep(AWAY_MS + SCRIPT_WAITS_MS + AWAY_MS);
        await cut_connections(env, false);
        await story.reach(order, 'in_custody', RECOVERY_MS);
        await env.warp(DAY_S + 60);
        await story.reach(order, 'completed');
        const differences = await story.differences();
        check(differences.length === 0, differences.join('; '));
    });
}

/** The signer is the daemon's only child program. */
function signer_pid(daemon_pid) {
    const children = readFileSync(`/proc/${daemon_pid}/task/${daemon_pid}/children`, 'utf8').trim();
    const pids = children.split(' ').filter((word) => word !== '').map(Number);
    return pids.find((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('relayer-signer'));
}

function signer_away(ground) {
    return interrupted(ground, 'the signer is killed', {
        door: 'signer',
        away: async (env) => {
            renameSync(env.signer_config, `${env.signer_config}.away`);   // so that it cannot start again
            const pid = signer_pid(env.register.find('relayerd').pid);
            check(pid !== undefined, 'no signer runs below the daemon');
            signal_send({ pid, birth: process_birth(pid) }, 'SIGKILL');
        },
        back: async (env) => renameSync(`${env.signer_config}.away`, env.signer_config),
    });
}

async function nothing_there_at_start(ground) {
    await with_env(ground, 'away-at-start', async ({ env, story }) => {
        const anvil = env.ground.register;
        stopped(anvil, 'anvil');
        stopped(env.register, 'sandbox');
        try {
            await env.daemon_start({ wait: false });
            await wait_for(() => rpc_call(env.socket, 'system.status'), START_MS, 'an answer');
            await named_as_waiting(env, 'node');
        } finally {
            resumed(anvil, 'anvil');
            resumed(env.register, 'sandbox');
        }
        await people(story);
    }, { start: false });
}

/** Starts the daemon with one thing wrong; it must end by itself with one sentence that names it. */
async function refuses(ground, name, { spoil, says }) {
    await with_env(ground, name, async ({ env }) => {
        await spoil(env);
        await env.daemon_start({ wait: false });
        const end = await wait_for(() => env.daemon.exited() !== undefined && `${env.daemon.exited()}`, START_MS,
            'the daemon refusing to start');
        check(end !== '0' && !end.startsWith('SIG'), `it ended with ${end}`);
        const log = readFileSync(env.daemon_log, 'utf8');
        check(says.test(log), `the log does not say it (${says}): ${log.split('\n').slice(-4).join(' | ')}`);
    }, { start: false });
}

function setting_spoil(file, key, value) {
    return (env) => {
        const text = readFileSync(env[file], 'utf8');
        const changed = text.replace(new RegExp(`^${key} = .*$`, 'm'), `${key} = ${value}`);
        check(changed !== text, `${key} is not in ${env[file]}`);
        writeFileSync(env[file], changed);
    };
}

const NOBODY = '0x00000000000000000000000000000000000000aa';

const REFUSALS = [
    ['wrong chain id', { spoil: setting_spoil('config', 'chain_id', '31337'), says: /chain.?id/i }],
    ['no contract code', { spoil: setting_spoil('config', 'escrow', NOBODY), says: /no (contract )?code|no contract/i }],
    ['token without six decimals', {
        // The escrow contract answers no decimals(): it stands for any contract that is not the token.
        spoil: (env) => setting_spoil('config', 'token', env.contracts.escrow)(env), says: /decimals|token/i,
    }],
    ['signer without its role', { spoil: swap_keys, says: /role/i }],
    ['unknown setting', {
        spoil: (env) => writeFileSync(env.config, `${readFileSync(env.config, 'utf8')}\n[custody]\ncolour = red\n`),
        says: /colour/,
    }],
    ['a database url that libpq cannot read', {
        spoil: setting_spoil('config', 'url', 'postgres:/nowhere at all'), says: /database\.url/,
    }],
    ['newer schema', { spoil: schema_of_tomorrow, says: /newer|schema/i }],
];

/** Relayer and arbiter exchange their key files: each address then lacks the role of its channel. */
function swap_keys(env) {
    const { relayer, arbiter } = env.ground;
    const text = readFileSync(env.signer_config, 'utf8');
    writeFileSync(env.signer_config, text
        .replace(relayer.keyfile, '@').replace(arbiter.keyfile, relayer.keyfile).replace('@', arbiter.keyfile)
        .replace(relayer.password_file, '@').replace(arbiter.password_file, relayer.password_file)
        .replace('@', arbiter.password_file));
}

/** A first start makes the schema; then a migration of a later version is written into its table. */
async function schema_of_tomorrow(env) {
    await env.daemon_start();
    await env.daemon_stop();
    await env.ground.cluster.query(env.database, 'INSERT INTO relayer.migration (version, name, checksum) '
        + 'SELECT 9999, \'tomorrow\', checksum FROM relayer.migration LIMIT 1', 'relayer');
}

/** The tests' own promise: nothing they started lives on in a folder that is gone. */
async function stopped_for_good(ground) {
    await with_env(ground, 'stopped', async ({ env }) => {
        const refused = await Promise.resolve().then(() => home_remove(env.home)).catch((error) => error.message);
        check(/relayerd .*lives/.test(refused), `a folder in use was removed: ${refused}`);
        await env.stop();
        const again = await env.daemon_start().catch((error) => error.message);
        check(/stopped/.test(again) && !env.daemon_alive(), `started after the end: ${again}`);
    });
}

async function config_is_checked(ground) {
    await with_env(ground, 'check-config', async ({ env }) => {
        const run = promisify(execFile);
        const { stdout } = await run(binary('relayerd'), ['--config', env.config, '--print-config']);
        check(stdout.includes(path.basename(env.config)), 'the origin of a value is not printed');
        const secret = readFileSync(env.juno_secret_file, 'utf8').trim();
        check(!stdout.includes(secret), 'a secret was printed');
        await run(binary('relayerd'), ['--config', env.config, '--check-config']);
    }, { start: false });
}

export const scenarios = [
    { name: 'doors: the chain node hangs', run: chain_away },
    { name: 'doors: Juno hangs', run: juno_away },
    { name: 'doors: the database cuts every connection', run: database_away },
    { name: 'doors: an answer of Juno cannot be recorded', run: answer_not_recorded },
    { name: 'doors: the signer is killed', run: signer_away },
    { name: 'doors: nothing answers at start', run: nothing_there_at_start },
    { name: 'start: settings are checked and printed without secrets', run: config_is_checked },
    { name: 'env: a stopped environment stays stopped', run: stopped_for_good },
    ...REFUSALS.map(([name, what]) => ({
        name: `start: refused, ${name}`, run: (ground) => refuses(ground, `refused-${name.replace(/ /g, '-')}`, what),
    })),
];
