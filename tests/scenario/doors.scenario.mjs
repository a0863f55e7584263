// The doors of the daemon, away at start or in the middle: it stays up, says what it waits for, and goes on
// by itself. And the starts it must refuse, each with one clear sentence.

import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import { getAddress, id } from 'ethers';

import { contract_load, creation_code } from '../../contracts/tools/lib/build.mjs';
import { binary, home_remove, ROOT } from '../support/env.mjs';
import { process_birth, signal_send, sleep, wait_for } from '../support/process.mjs';
import { rpc_call } from '../support/rpc.mjs';
import { check, check_equal, transaction_mine, with_env } from './bed.mjs';

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

/** A payment runs to its end while a door goes away at the moment it is paid. */
async function interrupted(ground, name, door) {
    await with_env(ground, name, async ({ env, story }) => {
        await people(story);
        const order = await order_create(story);
        await story.pay(order);
        await while_away(env, door, VITAL);
        await order_complete(env, story, order);
    }, { settings: DOORS[door].settings });
}

/** The daemon is started without the door; once that is back, a payment runs to its end. */
async function away_at_start(ground, door) {
    await with_env(ground, `${door}-away-at-start`, async ({ env, story }) => {
        await while_away(env, door, VITAL_AT_START, async () => {
            await env.daemon_start({ wait: false });
            await wait_for(async () => (await rpc_call(env.socket, 'system.status')).ready
                || VITAL_AT_START.includes(door), START_MS, `a start without the ${door}`);
        });
        await people(story);
        const order = await order_create(story);
        await story.pay(order);
        await order_complete(env, story, order);
        check_equal(env.broken_lines(), [], 'what the daemon logged as broken');
    }, { start: false, settings: DOORS[door].settings });
}

async function while_away(env, door, vital, begin = async () => {}) {
    await DOORS[door].away(env);
    try {
        await begin();
        await named_as_waiting(env, door, vital);
        await sleep(AWAY_MS);
        check(env.daemon_alive(), `the daemon died without the ${door}`);
    } finally {
        await DOORS[door].back(env);
    }
}

async function order_create(story) {
    const order = await story.create(order_of({ amount: '2000.00', immediate_bps: 1000 }));
    story.expect(order, 'released');
    return order;
}

async function order_complete(env, story, order) {
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
}

/** Doors without which no work is done at all; the outage of another one is worked through. */
const VITAL = ['database', 'node'];
/** Doors without which the checks of the start do not end. */
const VITAL_AT_START = [...VITAL, 'signer'];

/** Status, health and the page for probes all name the door, why and since when. */
async function named_as_waiting(env, door, vital) {
    const health = await wait_for(async () => {
        const found = await env.rpc('system.health');
        return found.waiting_for.some((item) => item.door === door && item.since !== null) && found;
    }, START_MS, `system.health naming the ${door}`, 10);
    const { why, since } = health.waiting_for.find((item) => item.door === door);
    check(why !== '' && Math.abs(Date.parse(since) - Date.now()) < START_MS, `${door}: ${why}, since ${since}`);
    check(health.words.includes(`waiting for the ${door}: `) && !health.words.includes('everything answers'),
        `the words are "${health.words}"`);
    check(health.healthy === !vital.includes(door), `healthy is ${health.healthy} without the ${door}`);
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

/** It cannot start again; one that runs is killed. */
function signer_away(env) {
    renameSync(env.signer_config, `${env.signer_config}.away`);
    const daemon = env.register.find('relayerd');
    if (daemon === undefined) {
        return;
    }
    const pid = signer_pid(daemon.pid);
    check(pid !== undefined, 'no signer runs below the daemon');
    signal_send({ pid, birth: process_birth(pid) }, 'SIGKILL');
}

/** How each door goes away and comes back; by the names under which the daemon waits for them. */
const DOORS = {
    node: {
        settings: { 'chain.timeout_ms': HANG_MS },
        away: (env) => stopped(env.ground.register, 'anvil'),
        back: (env) => resumed(env.ground.register, 'anvil'),
    },
    juno: {
        settings: { 'juno.timeout_ms': HANG_MS },
        away: (env) => stopped(env.register, 'sandbox'),
        back: (env) => resumed(env.register, 'sandbox'),
    },
    database: {
        away: (env) => cut_connections(env, true),
        back: (env) => cut_connections(env, false),
    },
    signer: {
        away: signer_away,
        back: (env) => renameSync(`${env.signer_config}.away`, env.signer_config),
    },
};

/** What the daemon itself says on standard error, without its log; nothing of ours is in these lines. */
function own_words(env) {
    return readFileSync(env.daemon_log, 'utf8').split('\n')
        .filter((line) => line.startsWith('relayerd: ')).map((line) => line.slice('relayerd: '.length));
}

/** Starts the daemon with one thing wrong: it ends by itself, and this one sentence is all it says. */
async function refuses(ground, name, { spoil, says }) {
    await with_env(ground, name, async ({ env }) => {
        const spoilt = await spoil(env);
        await env.daemon_start({ wait: false });
        const end = await wait_for(() => env.daemon.exited() !== undefined && `${env.daemon.exited()}`, START_MS,
            'the daemon refusing to start');
        check(end !== '0' && !end.startsWith('SIG'), `it ended with ${end}`);
        check_equal(own_words(env), [says(env, spoilt)], 'what the daemon says of it');
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

const escrow_code = contract_load('KustodiaEscrow');
const lacks_role = (channel, role) => (env) => `the signer's ${channel} address ${
    getAddress(env.ground[channel].address)} does not hold the role ${role} in the escrow contract`;

const REFUSALS = [
    ['wrong chain id', {
        spoil: setting_spoil('config', 'chain_id', '31337'),
        says: () => 'wrong chain: the node is on chain 42161, the configuration says 31337',
    }],
    ['no contract code', {
        spoil: setting_spoil('config', 'escrow', NOBODY),
        says: () => `no contract code at the escrow address ${NOBODY} on this chain`,
    }],
    ['token without six decimals', {
        spoil: token_of_18_decimals, says: (_env, token) => `the token at ${token.toLowerCase()} has 18 decimals, MXNB has 6`,
    }],
    ['signer without its role as relayer', {
        spoil: role_revoke('relayer', 'RELAYER'), says: lacks_role('relayer', 'RELAYER'),
    }],
    ['signer without its role as arbiter', {
        spoil: role_revoke('arbiter', 'ARBITER'), says: lacks_role('arbiter', 'ARBITER'),
    }],
    ['both keys exchanged', {
        spoil: swap_keys,
        says: ({ ground: { relayer, arbiter } }) => `chain.bridge ${relayer.address.toLowerCase()} is not the signer's relayer address ${
            getAddress(arbiter.address)}`,
    }],
    ['unknown setting', {
        spoil: (env) => writeFileSync(env.config, `${readFileSync(env.config, 'utf8')}\n[custody]\ncolour = red\n`),
        says: (env) => `${path.basename(env.config)}:${readFileSync(env.config, 'utf8').split('\n').indexOf('colour = red') + 1
            }: unknown setting custody.colour`,
    }],
    ['a database url that libpq cannot read', {
        spoil: setting_spoil('config', 'url', 'postgres:/nowhere at all'),
        says: () => 'database.url: libpq cannot read it: it must be a URI such as '
            + 'postgresql://user@host:5432/name, or known key=value pairs such as host=/run/postgresql dbname=name',
    }],
    ['newer schema', {
        spoil: schema_of_tomorrow,
        says: () => `the schema has migration 9999 (tomorrow), this program knows only ${migrations_known()
            }: it is older than the schema`,
    }],
];

const migrations_known = () => readdirSync(path.join(ROOT, 'migrations')).filter((name) => name.endsWith('.sql')).length;

/** A second token on the chain, the same code but for its decimals. Gives its address. */
async function token_of_18_decimals(env) {
    const { admin, tokenImplementation } = env.contracts;
    const { contractAddress } = await transaction_mine(env, {
        from: env.minter, data: creation_code(contract_load('TestMXNBProxy'), [tokenImplementation]),
    }, 'a second token');
    const token = getAddress(contractAddress);
    await transaction_mine(env, {
        from: admin, to: token, data: contract_load('TestMXNB').face.encodeFunctionData('initialize',
            ['MXNB', 'MXNB', 'MXN', 18, admin, admin, admin, admin]),
    }, 'its 18 decimals');
    setting_spoil('config', 'token', token)(env);
    return token;
}

function role_revoke(channel, role) {
    return (env) => transaction_mine(env, {
        from: env.contracts.admin, to: env.contracts.escrow,
        data: escrow_code.face.encodeFunctionData('revokeRole', [id(role), env.ground[channel].address]),
    }, `taking the role ${role}`);
}

/** Relayer and arbiter exchange their key files. */
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
    { name: 'doors: the chain node hangs', run: (ground) => interrupted(ground, 'the chain node hangs', 'node') },
    { name: 'doors: Juno hangs', run: (ground) => interrupted(ground, 'Juno hangs', 'juno') },
    {
        name: 'doors: the database cuts every connection',
        run: (ground) => interrupted(ground, 'database connections are cut', 'database'),
    },
    { name: 'doors: an answer of Juno cannot be recorded', run: answer_not_recorded },
    { name: 'doors: the signer is killed', run: (ground) => interrupted(ground, 'the signer is killed', 'signer') },
    ...Object.keys(DOORS).map((door) => ({
        name: `doors: ${door} away at start`, run: (ground) => away_at_start(ground, door),
    })),
    { name: 'start: settings are checked and printed without secrets', run: config_is_checked },
    { name: 'env: a stopped environment stays stopped', run: stopped_for_good },
    ...REFUSALS.map(([name, what]) => ({
        name: `start: refused, ${name}`, run: (ground) => refuses(ground, `refused-${name.replace(/ /g, '-')}`, what),
    })),
];
