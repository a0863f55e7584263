// Payouts that must wait: to a suspended account, with a key that Juno does not take for now, and accumulated
// commissions whose redemption was refused or came back.

import { http_json } from '../support/rpc.mjs';
import { sleep } from '../support/process.mjs';
import { check, check_equal, with_env } from './bed.mjs';
import { centavos_of, rows_of } from './story.mjs';

const DAY_S = 24 * 3600;
const STEP_MS = 60_000;
const HOLD_MS = 150_000;             // the courier holds for a minute after Juno refused the key
const RACE_S = 10;                   // an open transaction: long enough for a deposit to be issued
const REST_S = 60;                   // a commission account rests this long after its first refusal
const EARLY_MS = 10_000;             // ten looks of the sweeper
const REDEMPTIONS = '/mint_platform/v1/redemptions';

async function people(story) {
    await story.beneficiaries(['Seller', 'Other', 'Buyer', 'Platform']);
    await story.payer('ana');
}

const at_once = (seller, amount) => ({
    payer: 'ana', seller, buyer: 'Buyer', amount, immediate_bps: 10000, custody_seconds: 0,
});

/** Centavos that left for a person's bank account and did not come back, by the bank's own books. */
async function got(env, story, name) {
    const { pesos } = await env.books();
    const sum_of = (amounts) => Object.entries(amounts)
        .filter(([id]) => pesos.out_clabes[id] === story.people[name].clabe)
        .reduce((sum, [, amount]) => sum + centavos_of(amount), 0n);
    return sum_of(pesos.out) - sum_of(pesos.returned);
}

const alarms = async (env, code) => (await env.rpc('system.status')).alarms.filter((a) => a.code === code);

async function alarm_wait(env, code, n) {
    return env.wait_for(async () => {
        const open = await alarms(env, code);
        return open.length === n ? open : undefined;
    }, STEP_MS, `${n} open alarms ${code}`);
}

async function legs_wait(env, { payment_id }, roles, state) {
    await env.wait_for(async () => {
        const legs = rows_of(await env.rpc('payout.list', { payment_id }));
        return roles.every((role) => legs.some((leg) => leg.role === role && leg.state === state));
    }, STEP_MS, `${roles.join(' and ')} being ${state}`);
}

async function nothing_left(story) {
    const differences = await story.differences();
    check(differences.length === 0, differences.join('; '));
}

const suspend = (env, story, name) => env.insist('beneficiary.suspend', {
    beneficiary_id: story.people[name].beneficiary_id, reason: 'asked by the bank',
});
const verify = (env, story, name) => env.insist('beneficiary.verify', {
    beneficiary_id: story.people[name].beneficiary_id,
});

async function suspended_in_custody(ground) {
    await with_env(ground, 'suspended', async ({ env, story }) => {
        await people(story);
        const order = await story.create({
            payer: 'ana', seller: 'Seller', buyer: 'Buyer', amount: '5000.00', immediate_bps: 2000,
            commissions: [['Platform', 300]], custody_seconds: DAY_S,
        });
        story.expect(order, 'released');
        await story.pay(order);
        await story.reach(order, 'in_custody');
        await legs_wait(env, order, ['seller_immediate'], 'paid');
        check_equal(await got(env, story, 'Seller'), 100_000n, 'the immediate share');
        await suspend(env, story, 'Seller');
        await env.warp(DAY_S + 60);
        await legs_wait(env, order, ['commission'], 'paid');
        const [alarm] = await alarm_wait(env, 'payout_waits_suspended', 1);
        check_equal(alarm.subject, story.people.Seller.beneficiary_id, 'whom the alarm names');
        check_equal([await story.state(order), await got(env, story, 'Seller'), await got(env, story, 'Platform')],
            ['paying_out', 100_000n, 15_000n], 'the payment and what left while the seller is suspended');
        await legs_wait(env, order, ['seller_final'], 'planned');
        await verify(env, story, 'Seller');
        await story.reach(order, 'completed');
        await alarm_wait(env, 'payout_waits_suspended', 0);
        await nothing_left(story);
    });
}

async function suspended_before_it_was_sent(ground) {
    await with_env(ground, 'suspended-armed', async ({ env, story }) => {
        await people(story);
        await env.insist('system.pause', { reason: 'a look at the bank' });
        const order = await story.create(at_once('Seller', '2500.00'));
        story.expect(order, 'released');
        await story.pay(order);
        await legs_wait(env, order, ['seller_immediate'], 'redeeming');
        await suspend(env, story, 'Seller');
        await env.insist('system.resume', {});
        const other = await story.create(at_once('Other', '1500.00'));
        story.expect(other, 'released');
        await story.pay(other);
        await story.reach(other, 'completed');
        await alarm_wait(env, 'payout_waits_suspended', 1);
        const [sent] = await env.sql('SELECT count(*) AS n FROM attempt a JOIN effect e ON e.id = a.effect_id '
            + `WHERE e.payment_id = '${order.payment_id}'`);
        check_equal([Number(sent.n), await got(env, story, 'Seller')], [0, 0n], 'requests and pesos for the suspended');
        await verify(env, story, 'Seller');
        await story.reach(order, 'completed');
        await alarm_wait(env, 'payout_waits_suspended', 0);
        await nothing_left(story);
    });
}

/** The suspension is committed between the look at the payment and the order of its redemption. */
async function suspended_meanwhile(ground) {
    await with_env(ground, 'suspended-race', async ({ env, story }) => {
        await people(story);
        const order = await story.create(at_once('Seller', '2500.00'));
        story.expect(order, 'released');
        const open = ground.cluster.query(env.database, "BEGIN; UPDATE relayer.beneficiary SET state = 'suspended', "
            + `reason = 'race' WHERE id = '${story.people.Seller.beneficiary_id}'; `
            + `SELECT pg_sleep(${RACE_S}); COMMIT`, 'relayer');
        await story.pay(order);
        await env.wait_for(async () => (await env.sql("SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
            + "AND query LIKE 'INSERT INTO effect%'")).length > 0, RACE_S * 1000, 'the order meeting the suspension');
        await open;
        await alarm_wait(env, 'payout_waits_suspended', 1);
        const [planned] = await env.sql("SELECT count(*) AS n FROM effect WHERE kind = 'redeem'");
        check_equal([Number(planned.n), await got(env, story, 'Seller')], [0, 0n], 'redemptions planned and pesos paid');
        await verify(env, story, 'Seller');
        await story.reach(order, 'completed');
        await nothing_left(story);
    });
}

async function key_not_allowed(ground) {
    await with_env(ground, 'key-not-allowed', async ({ env, story }) => {
        await people(story);
        await env.faults({
            kind: 'error_5xx', status: 403, code: '0213', method: 'POST', path: REDEMPTIONS, count: 1,
        });
        const order = await story.create(at_once('Seller', '2500.00'));
        story.expect(order, 'released');
        await story.pay(order);
        await alarm_wait(env, 'juno_stop', 1);
        await story.reach(order, 'completed', HOLD_MS);
        const effects = await env.sql("SELECT id, state FROM effect WHERE kind = 'redeem'");
        check_equal(effects.map((e) => e.state), ['confirmed'], 'redemptions ordered');
        const answers = await env.sql('SELECT outcome FROM attempt_answer '
            + `WHERE effect_id = '${effects[0].id}' ORDER BY n`);
        check_equal(answers.map((a) => a.outcome), ['not_happened', 'happened'], 'answers to its one key');
        await alarm_wait(env, 'juno_stop', 0);
        await nothing_left(story);
    });
}

/** A payment whose commission of 50 pesos is below the least Juno redeems, in custody. */
async function small_order(env, story) {
    const { payment_id } = await env.insist('payment.create', {
        payer: 'ana', seller: story.people.Seller.beneficiary_id, buyer: story.people.Buyer.beneficiary_id,
        amount: '1000.00', immediate_bps: 0, custody_seconds: DAY_S, accumulate_commissions: true,
        commissions: [{ beneficiary_id: story.people.Platform.beneficiary_id, amount: '50.00' }],
    });
    const order = { payment_id, payer: 'ana', amount: '1000.00' };
    await story.pay(order);
    await story.reach(order, 'in_custody');
    return order;
}

const sweeps = (env) => env.sql('SELECT id, state, external_id, extract(epoch FROM created_at) AS created, '
    + "extract(epoch FROM updated_at) AS updated FROM effect WHERE kind = 'redeem' AND payment_id IS NULL "
    + 'ORDER BY created_at');

async function sweeps_wait(env, states) {
    return env.wait_for(async () => {
        const rows = await sweeps(env);
        return rows.map((row) => row.state).join() === states.join() ? rows : undefined;
    }, (REST_S * 1000) + STEP_MS, `sweeps being ${states.join(' and ')}`);
}

/** Posted balances by class, only those that are not zero. */
async function balances(env) {
    const rows = await env.sql('SELECT a.class, sum(b.amount)::text AS held FROM balance b JOIN account a '
        + "ON a.id = b.account_id WHERE b.layer = 'posted' AND a.class IN ('commission', 'juno_mxn', 'juno_mxnb', "
        + "'paid_out_mxn') GROUP BY a.class HAVING sum(b.amount) <> 0 ORDER BY a.class");
    return Object.fromEntries(rows.map((row) => [row.class, row.held]));
}

/** Two commissions of 50 pesos; the sweep of both is the next redemption, and it fails at Juno. */
async function sweep_failed(env, story) {
    const first = await small_order(env, story);
    await env.warp(DAY_S + 60);
    await story.reach(first, 'completed');
    const second = await small_order(env, story);
    await suspend(env, story, 'Platform');
    await env.warp(DAY_S + 60);
    await legs_wait(env, second, ['seller_final'], 'paid');
    await env.faults({ kind: 'transaction_failed', type: 'REDEMPTION', count: 1 });
    await verify(env, story, 'Platform');
    await story.reach(second, 'completed');
    await sweeps_wait(env, ['rejected']);
}

async function refused_sweep(ground) {
    await with_env(ground, 'sweep-refused', async ({ env, story }) => {
        await people(story);
        await sweep_failed(env, story);
        const [alarm] = await alarm_wait(env, 'sweep_refused', 1);
        check_equal(alarm.subject, story.people.Platform.beneficiary_id, 'whom the alarm names');
        await alarm_wait(env, 'effect_parked', 0);
        await env.daemon_kill();
        await env.daemon_start();
        await sleep(EARLY_MS);
        check_equal((await sweeps(env)).length, 1, 'redemptions ordered while the account rests');
        const [first, next] = await sweeps_wait(env, ['rejected', 'confirmed']);
        check(next.created - first.updated >= REST_S, `ordered again ${next.created - first.updated} s later`);
        await alarm_wait(env, 'sweep_refused', 0);
        check_equal(await got(env, story, 'Platform'), 10_000n, 'the commissions paid');
        await env.wait_for(async () => Object.keys(await balances(env)).length === 0, STEP_MS, 'the accounts being empty');
        await came_back(env, story, next);
    });
}

/** The bank sends the paid commissions back: their pesos lie at Juno again, booked once. */
async function came_back(env, story, { external_id }) {
    await http_json(`${env.control_url}/return`, 'POST', { transaction_id: external_id });
    await env.wait_for(async () => Object.keys(await balances(env)).length > 0, STEP_MS, 'the return being booked');
    await sleep(EARLY_MS);
    check_equal(await balances(env), { juno_mxn: '10000', paid_out_mxn: '-10000' }, 'the accounts after the return');
    check_equal(await got(env, story, 'Platform'), 0n, 'what the beneficiary has');
    const named = (await alarms(env, 'payout_returned')).filter((a) => a.subject === external_id);
    check_equal(named.map((a) => a.detail.includes(story.people.Platform.beneficiary_id)), [true],
        'alarms that name the return and whose it is');
    const { differences } = await env.rpc('audit.verify', { all: true });
    check_equal(differences, [], 'differences');
}

export const scenarios = [
    { name: 'payment: suspended in custody, the seller is paid after', run: suspended_in_custody },
    { name: 'payment: suspended before the request was sent', run: suspended_before_it_was_sent },
    { name: 'payment: suspended while its payout is being ordered', run: suspended_meanwhile },
    { name: 'payment: a key Juno does not take for now', run: key_not_allowed },
    { name: 'payment: refused commissions rest, returned ones are booked', run: refused_sweep },
];
