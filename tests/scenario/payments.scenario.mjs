// The promises of the custody payment that the demo does not show: deposits nobody expected, payments
// nobody paid, early release, a split by centavos, commissions below Juno's floor.

import { http_json } from '../support/rpc.mjs';
import { wait_for } from '../support/process.mjs';
import { check, check_equal, check_refused, with_env } from './bed.mjs';
import { rows_of } from './story.mjs';

const DAY_S = 24 * 3600;
const STEP_MS = 30_000;

const order_of = (more) => ({ payer: 'ana', seller: 'Seller', buyer: 'Buyer', custody_seconds: DAY_S, ...more });

async function people(story) {
    await story.beneficiaries(['Seller', 'Buyer', 'Platform']);
    await story.payer('ana');
}

async function nothing_left(story) {
    const differences = await story.differences();
    check(differences.length === 0, differences.join('; '));
}

async function deposit_wait(env, fid, state) {
    return wait_for(async () => rows_of(await env.rpc('deposit.list', { state })).find((d) => d.fid === fid),
        STEP_MS, `deposit ${fid} being ${state}`);
}

async function unexpected(ground) {
    await with_env(ground, 'unexpected', async ({ env, story }) => {
        await people(story);
        const { fid } = await env.deposit(story.payers.ana, '1500.00');
        await deposit_wait(env, fid, 'unassigned');
        const order = await story.create(order_of({ amount: '1500.00' }));
        check_equal(await story.state(order), 'waiting_deposit', 'an old deposit pays no new payment by itself');
        await env.insist('deposit.assign', { fid, payment_id: order.payment_id });
        await story.reach(order, 'in_custody');
        await env.warp(DAY_S + 60);
        await story.reach(order, 'completed');
        story.expect(order, 'released');
        await nothing_left(story);
    });
}

async function ambiguous(ground) {
    await with_env(ground, 'ambiguous', async ({ env, story }) => {
        await people(story);
        const first = await story.create(order_of({ amount: '900.00' }));
        const second = await story.create(order_of({ amount: '900.00' }));
        const fid = await story.pay(first);
        await deposit_wait(env, fid, 'unassigned');
        check_equal([await story.state(first), await story.state(second)], ['waiting_deposit', 'waiting_deposit'],
            'a deposit that could pay two payments pays none');
        await env.insist('deposit.assign', { fid, payment_id: second.payment_id });
        await story.reach(second, 'in_custody');
        check_equal(await story.state(first), 'waiting_deposit', 'the other payment still waits');
    });
}

async function wrong_amount(ground) {
    await with_env(ground, 'wrong-amount', async ({ env, story }) => {
        await people(story);
        const order = await story.create(order_of({ amount: '900.00' }));
        const { fid } = await env.deposit(story.payers.ana, '899.99');
        await deposit_wait(env, fid, 'unassigned');
        check_equal(await story.state(order), 'waiting_deposit', 'a centavo too little does not pay');
    });
}

async function cancelled(ground) {
    await with_env(ground, 'cancelled', async ({ env, story }) => {
        await people(story);
        const order = await story.create(order_of({ amount: '900.00' }));
        await env.insist('payment.cancel', { payment_id: order.payment_id });
        await story.reach(order, 'cancelled');
        const fid = await story.pay(order);
        await deposit_wait(env, fid, 'unassigned');
        check_equal(await story.state(order), 'cancelled', 'money that comes too late does not revive it');
        await check_refused(env.insist('payment.cancel', { payment_id: order.payment_id }), 'request.state',
            'cancelling twice');
    });
}

async function expired(ground) {
    await with_env(ground, 'expired', async ({ env, story }) => {
        await people(story);
        const { payment_id } = await env.insist('payment.create', {
            payer: 'ana', seller: story.people.Seller.beneficiary_id, buyer: story.people.Buyer.beneficiary_id,
            amount: '900.00', immediate_bps: 0, commissions: [], custody_seconds: DAY_S, expires_in_s: 60,
        });
        await env.sql('SELECT 1');
        await ground.cluster.query(env.database, 'UPDATE relayer.payment SET expires_at = now() - interval '
            + `'1 second', due_at = now() WHERE id = '${payment_id}'`, 'relayer');
        await story.reach({ payment_id }, 'expired');
        const events = rows_of(await env.rpc('payment.timeline', { payment_id })).map((e) => e.type);
        check(events.includes('payment_expired'), `the timeline says ${events.join(', ')}`);
    });
}

async function released_early(ground) {
    await with_env(ground, 'early', async ({ env, story }) => {
        await people(story);
        const order = await story.create(order_of({ amount: '3000.00', custody_seconds: 90 * DAY_S }));
        story.expect(order, 'released');
        await story.pay(order);
        await story.reach(order, 'in_custody');
        const left = await env.rpc('escrow.time_left', { payment_id: order.payment_id });
        check(left.seconds_left > 89 * DAY_S && left.seconds_left <= 90 * DAY_S,
            `time left of 90 days is ${left.seconds_left} s`);
        await check_refused(env.insist('escrow.release', { payment_id: order.payment_id }), 'request.state',
            'releasing before the end');
        await env.insist('escrow.release_early', { payment_id: order.payment_id, note: 'both agreed' });
        await story.reach(order, 'completed');
        await nothing_left(story);
    });
}

async function dispute_too_late(ground) {
    await with_env(ground, 'late', async ({ env, story }) => {
        await people(story);
        const order = await story.create(order_of({ amount: '3000.00' }));
        story.expect(order, 'released');
        await story.pay(order);
        await story.reach(order, 'in_custody');
        await env.warp(DAY_S + 60);
        await story.reach(order, 'completed');
        await check_refused(story.dispute(order, 'buyer', 'too late'), 'request.state', 'a dispute after the end');
        await nothing_left(story);
    });
}

async function small_commission(ground) {
    await with_env(ground, 'small-commission', async ({ env, story }) => {
        await people(story);
        const request = {
            payer: 'ana', seller: story.people.Seller.beneficiary_id, buyer: story.people.Buyer.beneficiary_id,
            amount: '1000.00', immediate_bps: 0, custody_seconds: DAY_S,
            commissions: [{ beneficiary_id: story.people.Platform.beneficiary_id, amount: '25.00' }],
        };
        await check_refused(env.insist('payment.create', request), 'request.amount',
            'a commission below the least Juno redeems');
        await commission_earn(env, story, { ...request, accumulate_commissions: true });
        check_equal(await commission_held(env), '-25000000', 'the commission waits in its beneficiary\'s account');
        check_equal((await env.books()).pesos.out_total, '975.00', 'pesos paid out');
        for (let times = 0; times < 3; times += 1) {
            await commission_earn(env, story, { ...request, accumulate_commissions: true });
        }
        // Four times 25 pesos reach the floor: one redemption takes them all.
        await env.wait_for(async () => (await env.books()).pesos.out_total === '4000.00', STEP_MS,
            'the accumulated commissions being paid');
        await env.wait_for(async () => await commission_held(env) === '0', STEP_MS, 'the account being empty');
        const { differences } = await env.rpc('audit.verify', { all: true });
        check_equal(differences, [], 'differences');
    });
}

async function commission_earn(env, story, request) {
    const { payment_id } = await env.insist('payment.create', request);
    const order = { payment_id, payer: 'ana', amount: '1000.00' };
    await story.pay(order);
    await story.reach(order, 'in_custody');
    await env.warp(DAY_S + 60);
    await story.reach(order, 'completed');
}

async function commission_held(env) {
    const rows = await env.sql('SELECT sum(b.amount)::text AS held FROM balance b JOIN account a '
        + 'ON a.id = b.account_id WHERE a.class = \'commission\' AND b.layer = \'posted\'');
    return rows[0].held;
}

async function faults_of_the_bank(ground) {
    await with_env(ground, 'juno-faults', async ({ env, story }) => {
        await people(story);
        for (const fault of [
            { kind: 'duplicate_webhook', count: 20 },
            { kind: 'out_of_order', count: 6 },
            { kind: 'lost_answer', method: 'POST', path: '/mint_platform/v1/redemptions', count: 1 },
            { kind: 'error_5xx', when: 'after', method: 'POST', path: '/mint_platform/v1/redemptions', count: 1 },
            { kind: 'error_5xx', when: 'before', method: 'POST', path: '/mint_platform/v1/withdrawals', count: 1 },
            { kind: 'lost_answer', method: 'POST', path: '/mint_platform/v1/withdrawals', count: 1 },
            { kind: 'rate_limit_429', method: 'GET', path: '/mint_platform/v1/transactions*', count: 2 },
        ]) {
            await env.faults(fault);
        }
        const order = await story.create(order_of({
            amount: '5000.00', immediate_bps: 2000, commissions: [['Platform', 300]],
        }));
        story.expect(order, 'released');
        await story.pay(order);
        await story.reach(order, 'in_custody', 180_000);
        await env.warp(DAY_S + 60);
        await story.reach(order, 'completed', 180_000);
        await nothing_left(story);
        const { faults } = await http_json(`${env.control_url}/faults`);
        const silent = faults.filter((f) => f.fired === 0).map((f) => `${f.kind} ${f.path ?? ''}`);
        check(silent.length === 0, `faults that never happened: ${silent.join(', ')}`);
    });
}

export const scenarios = [
    { name: 'payment: a deposit nobody expected waits, then is assigned', run: unexpected },
    { name: 'payment: a deposit that fits two payments pays none', run: ambiguous },
    { name: 'payment: a deposit of another amount pays none', run: wrong_amount },
    { name: 'payment: cancelled before it is paid', run: cancelled },
    { name: 'payment: expires when nobody pays', run: expired },
    { name: 'payment: released early by the arbiter', run: released_early },
    { name: 'payment: a dispute after the end is refused', run: dispute_too_late },
    { name: 'payment: a small commission is refused or set aside', run: small_commission },
    { name: 'juno: duplicate, late, lost and refused answers change nothing', run: faults_of_the_bank, long: true },
];
