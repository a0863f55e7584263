// The contracts against what was deployed: a clean start says so; whatever is changed on the chain, at run
// time or before the start, pauses the daemon, raises an alarm and lets nothing out until it is put right.

import { readFileSync } from 'node:fs';

import { getAddress, id, toQuantity, zeroPadValue } from 'ethers';

import { signal_send, sleep } from '../support/process.mjs';
import { check, check_equal, check_refused, with_env } from './bed.mjs';
import {
    QUIET_MS, SOON, STEP_MS, STRANGER, admin_calls, admin_moves, effect_waits, open_alarms, paused_for, resume,
} from './contract_bed.mjs';

const DAY_S = 24 * 3600;
const ANNOUNCED_S = 3 * DAY_S;
const NEW_CODE = getAddress('0x00000000000000000000000000000000000000bb');
const PROXY_SLOT = id('org.zeppelinos.proxy.implementation');
const GAS_MONEY_WEI = 10n ** 18n;

const code_of = (env, address) => env.ground.node('eth_getCode', [address, 'latest']);
const code_set = (env, address, code) => env.ground.node('anvil_setCode', [address, code]);
const slot_of = (env, address, slot) => env.ground.node('eth_getStorageAt', [address, slot, 'latest']);
const slot_set = (env, address, slot, word) => env.ground.node('anvil_setStorageAt', [address, slot, word]);
/** Its last bit is another one. */
const flipped = (code) => `${code.slice(0, -1)}${(Number.parseInt(code.at(-1), 16) ^ 1).toString(16)}`;

async function wallets_move(env, wallet) {
    await admin_calls(env, 'proposeWallets', [wallet, wallet]);
    await env.warp(2 * DAY_S + 1);
    await admin_calls(env, 'acceptWallets', []);
}

/** The address of the code behind the token; undefined where the token is no proxy. */
async function implementation_of(env) {
    const word = await slot_of(env, env.contracts.token, PROXY_SLOT);
    return BigInt(word) === 0n ? undefined : `0x${word.slice(-40)}`;
}

/** Code that does the same at another address: the payment after it shows that only the address changed. */
async function token_upgrade(env) {
    const code = await code_of(env, await implementation_of(env) ?? env.contracts.token);
    await code_set(env, NEW_CODE, code);
    await slot_set(env, env.contracts.token, PROXY_SLOT, zeroPadValue(NEW_CODE, 32));
}

/** A role for somebody whom nobody expects. */
const stranger_as = (role) => ({
    named: ['role_holder'],
    change: (env) => admin_calls(env, 'grantRole', [id(role), STRANGER]),
    restore: (env) => admin_calls(env, 'revokeRole', [id(role), STRANGER]),
});

/** What is changed, which items must be named for it, and how it is put right. Each restores from `kept`. */
const CHANGES = {
    'one bit of the escrow\'s code': {
        named: ['escrow_code'],
        keep: (env) => code_of(env, env.contracts.escrow),
        change: (env, kept) => code_set(env, env.contracts.escrow, flipped(kept)),
        restore: (env, kept) => code_set(env, env.contracts.escrow, kept),
    },
    'the escrow\'s code by one that answers nothing': {
        named: ['escrow_code'],
        keep: (env) => code_of(env, env.contracts.escrow),
        change: (env) => code_set(env, env.contracts.escrow, '0xfe'),
        restore: (env, kept) => code_set(env, env.contracts.escrow, kept),
    },
    'the token\'s code': {
        named: async (env) => (await implementation_of(env) === undefined
            ? ['token_code'] : ['token_implementation_code']),
        keep: async (env) => {
            const address = await implementation_of(env) ?? env.contracts.token;
            return { address, code: await code_of(env, address) };
        },
        change: (env, { address, code }) => code_set(env, address, flipped(code)),
        restore: (env, { address, code }) => code_set(env, address, code),
    },
    'the contract behind the token': {
        named: ['token_implementation'],
        keep: (env) => slot_of(env, env.contracts.token, PROXY_SLOT),
        change: token_upgrade,
        restore: (env, kept) => slot_set(env, env.contracts.token, PROXY_SLOT, kept),
    },
    'the relayer\'s role': {
        named: ['relayer_role'],
        change: (env) => admin_calls(env, 'revokeRole', [id('RELAYER'), env.ground.relayer.address]),
        restore: (env) => admin_calls(env, 'grantRole', [id('RELAYER'), env.ground.relayer.address]),
    },
    'the guardian': {
        named: ['guardian_role'],
        change: (env) => admin_calls(env, 'revokeRole', [id('GUARDIAN'), env.contracts.guardian]),
        restore: (env) => admin_calls(env, 'grantRole', [id('GUARDIAN'), env.contracts.guardian]),
    },
    'a stranger as RELAYER': stranger_as('RELAYER'),
    'a stranger as ARBITER': stranger_as('ARBITER'),
    'a stranger as GUARDIAN': stranger_as('GUARDIAN'),
    'the admin': {
        named: ['admin'],
        change: async (env) => {
            await env.ground.node('anvil_impersonateAccount', [STRANGER]);
            await env.ground.node('anvil_setBalance', [STRANGER, toQuantity(GAS_MONEY_WEI)]);
            await admin_moves(env, env.contracts.admin, STRANGER);
        },
        restore: (env) => admin_moves(env, STRANGER, env.contracts.admin),
    },
    'both wallets': {
        named: ['payout', 'refund'],
        change: (env) => wallets_move(env, STRANGER),
        restore: (env) => wallets_move(env, env.ground.relayer.address),
    },
};

async function people(story) {
    await story.beneficiaries(['Seller', 'Buyer']);
    await story.payer('ana');
}

const order_of = (amount) => ({ payer: 'ana', seller: 'Seller', buyer: 'Buyer', amount, custody_seconds: 5 * DAY_S });

/** Money in custody and money on its way, while a contract is not what it was. */
async function nothing_leaves(env, story, held) {
    const late = await story.create(order_of('3000.00'));
    story.expect(late, 'released');
    await story.pay(late);
    await effect_waits(env, late, 'withdraw');
    const before = await env.token_balance(env.contracts.escrow);
    await env.warp(5 * DAY_S + 60);
    await effect_waits(env, held, 'escrow_release');
    check_equal(await env.token_balance(env.contracts.escrow), before, 'what the escrow holds');
    check_equal(await env.token_balance(STRANGER), 0n, 'what a stranger got');
    await check_refused(resume(env), 'chain.contract_changed', 'resuming while it differs');
    check((await env.rpc('system.status')).paused, 'a refused resume resumed');
    return late;
}

/** Put right: the alarm ends, the pause does not, until a person ends it; then the money goes on. */
async function goes_on(env, story, orders) {
    await env.wait_for(async () => (await open_alarms(env, 'contract_changed')).length === 0, STEP_MS,
        'the alarms to end');
    const status = await env.rpc('system.status');
    check_equal([status.paused, status.contracts.verdict, status.contracts.differences], [true, 'as recorded', []],
        'after it was put right');
    await resume(env);
    const [held, late] = orders;
    await story.reach(held, 'completed');
    await story.reach(late, 'in_custody');
    await env.warp(5 * DAY_S + 60);
    await story.reach(late, 'completed');
    const differences = await story.differences();
    check(differences.length === 0, differences.join('; '));
    check(!(await env.rpc('system.status')).paused, 'paused again');
}

async function in_custody(story) {
    await people(story);
    const held = await story.create(order_of('2000.00'));
    story.expect(held, 'released');
    await story.pay(held);
    await story.reach(held, 'in_custody');
    return held;
}

/** A change while the daemon runs. */
function changed_at_run_time(what) {
    const { named, keep = async () => undefined, change, restore } = CHANGES[what];
    return (ground) => with_env(ground, 'contract', async ({ env, story }) => {
        const held = await in_custody(story);
        const kept = await keep(env);
        const wanted = typeof named === 'function' ? await named(env) : named;
        await change(env, kept);
        await paused_for(env, wanted);
        const late = await nothing_leaves(env, story, held);
        await restore(env, kept);
        await goes_on(env, story, [held, late]);
    }, { settings: SOON });
}

/** A change while it is away: it comes up, follows the chain, and is paused before anything leaves. */
function changed_before_start(what) {
    const { named, keep = async () => undefined, change, restore } = CHANGES[what];
    return (ground) => with_env(ground, 'contract-before', async ({ env, story }) => {
        const held = await in_custody(story);
        await env.daemon_stop();
        const kept = await keep(env);
        await change(env, kept);
        await env.daemon_start();
        await paused_for(env, named);
        const late = await nothing_leaves(env, story, held);
        await env.daemon_kill();
        await env.daemon_start();
        await paused_for(env, named);
        await restore(env, kept);
        await env.daemon_stop();
        await env.daemon_start();
        await goes_on(env, story, [held, late]);
    }, { settings: SOON });
}

async function clean_start(ground) {
    await with_env(ground, 'contract-clean', async ({ env }) => {
        const first = (await env.rpc('system.status')).contracts;
        check_equal([first.verdict, first.differences], ['as recorded', []], 'a clean start');
        const proxy = await implementation_of(env) !== undefined;
        check_equal(first.not_compared, proxy ? [] : ['token_implementation_code'], 'what is not compared');
        const latest = Number(await env.ground.node('eth_blockNumber'));
        check(first.block > 0 && first.block <= latest, `checked at block ${first.block} of ${latest}`);
        await env.wait_for(async () => (await env.rpc('system.status')).contracts.block > first.block, STEP_MS,
            'the timer to look again');
        const { checks } = await env.rpc('system.doctor');
        check_equal(checks.find((item) => item.id === 'contracts').verdict, 'pass', 'what doctor says');
        check(readFileSync(env.daemon_log, 'utf8').includes('contracts_checked'), 'the log does not say it');
    }, { settings: SOON });
}

/** What no setting says is not compared, and the daemon says which. */
async function empty_settings(ground) {
    const empty = { 'chain.escrow_code_hash': '', 'chain.token_code_hash': '', 'chain.admin': '', 'chain.guardian': '' };
    await with_env(ground, 'contract-empty', async ({ env }) => {
        const { contracts, paused } = await env.rpc('system.status');
        check_equal([contracts.verdict, paused], ['as recorded', false], 'without settings');
        for (const item of ['escrow_code', 'token_code', 'admin', 'guardian_role']) {
            check(contracts.not_compared.includes(item), `${item} is not named: ${contracts.not_compared}`);
            check(readFileSync(env.daemon_log, 'utf8').includes(`${item} is not compared`), `no log line for ${item}`);
        }
        await code_set(env, env.contracts.escrow, flipped(await code_of(env, env.contracts.escrow)));
        await sleep(QUIET_MS + 1000);
        check(!(await env.rpc('system.status')).paused, 'paused for something that is not compared');
    }, { settings: { ...SOON, ...empty } });
}

/** One look that differs is no proof: an endpoint may lag, a block may leave the chain. */
async function one_look(ground) {
    await with_env(ground, 'contract-once', async ({ env }) => {
        const kept = await code_of(env, env.contracts.escrow);
        const verdict = async () => (await env.rpc('system.status')).contracts.verdict;
        await code_set(env, env.contracts.escrow, flipped(kept));
        await env.wait_for(async () => await verdict() !== 'as recorded', STEP_MS, 'the first look');
        await code_set(env, env.contracts.escrow, kept);
        await check_refused(resume(env), 'chain.contract_changed', 'resuming while it differs');
        await env.wait_for(async () => await verdict() === 'as recorded', STEP_MS, 'the second look');
        const { paused } = await env.rpc('system.status');
        check(!paused, 'paused for one look');
        check_equal(await open_alarms(env, 'contract_changed'), [], 'the alarms');
        const [{ n }] = await env.sql("SELECT count(*) AS n FROM alarm WHERE code = 'contract_changed'");
        check_equal(Number(n), 0, 'alarms ever raised');
    });
}

/** A node that does not answer neither makes a difference nor ends one. */
async function node_hangs_meanwhile(ground) {
    await with_env(ground, 'contract-hang', async ({ env }) => {
        const kept = await code_of(env, env.contracts.escrow);
        await code_set(env, env.contracts.escrow, flipped(kept));
        await paused_for(env, ['escrow_code']);
        const anvil = env.ground.register.find('anvil');
        signal_send(anvil, 'SIGSTOP');
        try {
            await env.wait_for(async () => (await env.rpc('system.health')).waiting_for
                .some(({ door }) => door === 'node'), STEP_MS, 'the node being waited for');
            await sleep(QUIET_MS);
            const { contracts, paused } = await env.rpc('system.status');
            check_equal([contracts.verdict, paused], ['changed', true], 'while the node hangs');
            check(contracts.block > 0, 'the block of the last answered look is lost');
            await check_refused(resume(env), 'chain.contract_changed', 'resuming while nothing answers');
        } finally {
            signal_send(anvil, 'SIGCONT');
        }
        await code_set(env, env.contracts.escrow, kept);
        await env.wait_for(async () => (await open_alarms(env, 'contract_changed')).length === 0, STEP_MS, 'its end');
        await resume(env);
    }, { settings: { ...SOON, 'chain.timeout_ms': 1000 } });
}

/** The timer is an hour away: the escrow's own log makes the daemon look at once. */
async function log_makes_it_look(ground) {
    await with_env(ground, 'contract-log', async ({ env }) => {
        await admin_calls(env, 'revokeRole', [id('ARBITER'), env.ground.arbiter.address]);
        await paused_for(env, ['arbiter_role']);
        await admin_calls(env, 'grantRole', [id('ARBITER'), env.ground.arbiter.address]);
        await env.wait_for(async () => (await open_alarms(env, 'contract_changed')).length === 0, STEP_MS, 'its end');
        const names = await env.sql("SELECT DISTINCT event FROM evidence WHERE event LIKE 'Role%' ORDER BY event");
        check_equal(names.map(({ event }) => event), ['RoleGranted', 'RoleRevoked'], 'the evidence');
    }, { settings: { 'chain.contract_check_s': 3600 } });
}

/** What announces a change, or takes it back, is told; nothing stops for it. */
async function notices(ground) {
    await with_env(ground, 'contract-notice', async ({ env }) => {
        check_equal(await open_alarms(env, 'contract_notice'), [], 'notices of a deployment');
        await admin_calls(env, 'proposeWallets', [STRANGER, STRANGER]);
        await admin_calls(env, 'beginDefaultAdminTransfer', [STRANGER]);
        await admin_calls(env, 'cancelDefaultAdminTransfer', []);
        await admin_calls(env, 'changeDefaultAdminDelay', [ANNOUNCED_S]);
        await admin_calls(env, 'rollbackDefaultAdminDelay', []);
        await admin_calls(env, 'grantRole', [id('GUARDIAN'), env.contracts.guardian]);     // holds it already
        const wanted = ['DefaultAdminDelayChangeCanceled', 'DefaultAdminDelayChangeScheduled',
            'DefaultAdminTransferCanceled', 'DefaultAdminTransferScheduled', 'WalletsProposed'];
        await env.wait_for(async () => (await open_alarms(env, 'contract_notice')).length === wanted.length, STEP_MS,
            'the notices');
        check_equal(await open_alarms(env, 'contract_notice'), wanted, 'the notices');
        const { paused, alarms, contracts } = await env.rpc('system.status');
        check_equal([paused, contracts.verdict], [false, 'as recorded'], 'after the notices');
        const detail_of = (subject) => alarms.find((alarm) => alarm.subject === subject).detail;
        check(detail_of('WalletsProposed').includes(STRANGER), `the notice says "${detail_of('WalletsProposed')}"`);
        check(detail_of('DefaultAdminDelayChangeScheduled').includes(`waits ${ANNOUNCED_S} seconds`),
            `the notice says "${detail_of('DefaultAdminDelayChangeScheduled')}"`);
    }, { settings: SOON });
}

/** A former stranger is none: the logs name him, the contract does not. The timer is an hour away. */
async function stranger_comes_and_goes(ground) {
    await with_env(ground, 'contract-stranger', async ({ env }) => {
        await admin_calls(env, 'grantRole', [id('ARBITER'), STRANGER]);
        await paused_for(env, ['role_holder']);
        const { contracts } = await env.rpc('system.status');
        check_equal(contracts.differences[0].found, `ARBITER ${STRANGER}`, 'who it is');
        await env.daemon_stop();
        await env.daemon_start();
        await paused_for(env, ['role_holder']);
        await admin_calls(env, 'revokeRole', [id('ARBITER'), STRANGER]);
        await env.wait_for(async () => (await open_alarms(env, 'contract_changed')).length === 0, STEP_MS, 'its end');
        await env.daemon_stop();
        await env.daemon_start();
        check_equal((await env.rpc('system.status')).contracts.verdict, 'as recorded', 'after he lost it');
        await resume(env);
    }, { settings: { 'chain.contract_check_s': 3600 } });
}

export const scenarios = [
    { name: 'contract: a clean start says that they were checked', run: clean_start },
    { name: 'contract: what no setting says is not compared, and said so', run: empty_settings },
    { name: 'contract: one look that differs is no proof', run: one_look },
    { name: 'contract: a node that hangs ends no difference', run: node_hangs_meanwhile },
    { name: 'contract: a log of the escrow makes the daemon look', run: log_makes_it_look },
    { name: 'contract: a stranger with a role, until he loses it', run: stranger_comes_and_goes },
    { name: 'contract: announced changes are told, nothing stops', run: notices },
    ...Object.keys(CHANGES).map((what) => ({
        name: `contract: changed at run time, ${what}`, run: changed_at_run_time(what),
    })),
    ...['one bit of the escrow\'s code', 'both wallets'].map((what) => ({
        name: `contract: changed before the start, ${what}`, run: changed_before_start(what),
    })),
];
