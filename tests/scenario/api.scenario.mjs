// The API on a real daemon: events without gaps, stored answers across kill -9, dry runs that change
// nothing, switches that outlive the daemon, people's rows, and the HTTP port.

import { randomUUID } from 'node:crypto';
import { createConnection } from 'node:net';

import { keccak256, toUtf8Bytes } from 'ethers';

import { sleep, wait_for } from '../support/process.mjs';
import { check, check_equal, check_refused, check_unchanged, tables_digest, with_env } from './bed.mjs';
import { clabe_make, rows_of } from './story.mjs';

const DAY_S = 24 * 3600;
const INBOX_MAX = 10_000;
const STEP_MS = 30_000;
const PAUSE_LOOK_MS = 1500;          // several rounds of the courier

async function people(story) {
    await story.beneficiaries(['Seller', 'Buyer', 'Platform']);
    await story.payer('ana');
}

/** Opens a connection, subscribes, and collects what comes. */
function subscribe(socket_path, from_seq) {
    const events = [];
    const socket = createConnection(socket_path);
    let text = '';
    const answered = new Promise((resolve, reject) => {
        socket.setEncoding('utf8');
        socket.on('error', reject);
        socket.on('data', (part) => {
            text += part;
            const lines = text.split('\n');
            text = lines.pop();
            for (const message of lines.map((line) => JSON.parse(line))) {
                if (message.id !== undefined) {
                    resolve(message.result);
                } else {
                    events.push(message.params);
                }
            }
        });
    });
    const params = from_seq === undefined ? {} : { from_seq };
    socket.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'events.subscribe', params })}\n`);
    return { events, answered, close: () => socket.destroy() };
}

async function all_events(env) {
    const rows = await env.sql('SELECT seq FROM payment_event ORDER BY xid, seq');
    return rows.map((row) => Number(row.seq));
}

async function events(ground) {
    await with_env(ground, 'events', async ({ env, story }) => {
        await people(story);
        const live = subscribe(env.socket, 0);
        check_equal((await live.answered).subscribed, true, 'the subscription');
        const orders = await Promise.all([1, 2, 3, 4].map((n) => story.create({
            payer: 'ana', seller: 'Seller', buyer: 'Buyer', amount: `${1000 + n}.00`, custody_seconds: DAY_S,
        })));
        await Promise.all(orders.map((order) => story.pay(order)));
        await Promise.all(orders.map((order) => story.reach(order, 'in_custody')));
        const wanted = await all_events(env);
        await wait_for(async () => live.events.length >= wanted.length, STEP_MS, 'every event');
        check_equal(live.events.map((e) => e.seq), wanted, 'events as they came');
        check(live.events.every((e) => e.words.length > 0 && e.at.endsWith('Z')), 'an event without words or time');
        const half = wanted[Math.floor(wanted.length / 2)];
        const late = subscribe(env.socket, half);
        await late.answered;
        const rest = wanted.slice(wanted.indexOf(half) + 1);
        await wait_for(async () => late.events.length >= rest.length, STEP_MS, 'the rest of the events');
        check_equal(late.events.map((e) => e.seq), rest, 'events after a known one');
        await check_refused(env.rpc('events.subscribe', { from_seq: 999_999 }), 'request.not_found',
            'events after one that does not exist');
        live.close();
        late.close();
    });
}

async function answers_survive(ground) {
    await with_env(ground, 'answers', async ({ env, story }) => {
        await people(story);
        const idempotency_key = randomUUID();
        const request = {
            payer: 'ana', seller: story.people.Seller.beneficiary_id, buyer: story.people.Buyer.beneficiary_id,
            amount: '1000.00', custody_seconds: DAY_S, idempotency_key,
        };
        const first = await env.rpc('payment.create', request);
        check(first.replayed === undefined, 'a first answer says it is a replay');
        await env.daemon_kill();
        await env.daemon_start();
        const reordered = Object.fromEntries(Object.entries(request).reverse());
        const again = await env.rpc('payment.create', reordered);
        check_equal(again, { ...first, replayed: true }, 'the answer after kill -9');
        await check_refused(env.rpc('clabe.create', { user_ref: 'x', idempotency_key }),
            'request.idempotency_key_reused', 'the key of another method');
        const [row] = await env.sql('SELECT role, uid FROM request');
        check_equal([row.role, Number(row.uid)], ['operate', process.getuid()], 'who asked');
    });
}

/** The terms hash is what docs/reference/api.md says: worked out here from the order alone. */
async function terms(ground) {
    await with_env(ground, 'terms', async ({ env, story }) => {
        await people(story);
        const { Seller, Buyer, Platform } = story.people;
        const order = await story.create({
            payer: 'ana', seller: 'Seller', buyer: 'Buyer', amount: '10000.01', immediate_bps: 3000,
            commissions: [['Platform', 150]], custody_seconds: DAY_S,
        });
        const text = ['kustodia terms 1', `payment: ${order.payment_id}`, 'payer: ana',
            `seller: ${Seller.beneficiary_id}`, `buyer: ${Buyer.beneficiary_id}`, 'amount: 10000.01',
            'immediate: 3000.00', 'custody: 7000.01', `commission to: ${Platform.beneficiary_id}`,
            'commission: 150.00', `custody_seconds: ${DAY_S}`, ''].join('\n');
        check_equal(order.created.terms_hash, keccak256(toUtf8Bytes(text)), 'the terms hash');
        check_equal(order.created.seller_net, '6850.01', 'the seller\'s net');
    });
}

async function dry_runs(ground) {
    await with_env(ground, 'dry-runs', async ({ env, story }) => {
        await people(story);
        const order = await story.create({
            payer: 'ana', seller: 'Seller', buyer: 'Buyer', amount: '3000.00', custody_seconds: DAY_S,
        });
        const { payment_id } = order;
        await story.pay(order);
        await story.reach(order, 'in_custody');
        const before = await tables_digest(env);
        const raise = { payment_id, party: 'buyer', raised_by: 'ana', reason: 'x', dry_run: true };
        const dispute = await env.rpc('dispute.raise', raise);
        check_equal([dispute.state, dispute.dry_run], ['disputing', true], 'a dry dispute');
        check_equal([dispute.call.function, dispute.call.tried, dispute.call.would_succeed], ['dispute', true, true],
            'the call of a dry dispute');
        const early = await env.rpc('escrow.release_early', { payment_id, note: 'x', dry_run: true });
        const lines = early.postings.flatMap((posting) => posting.lines);
        check_equal(lines.map((line) => line.amount).sort(), ['-3000000000', '3000000000'], 'postings of a release');
        await check_refused(env.rpc('escrow.release', { payment_id, dry_run: true }), 'request.state',
            'a dry release before the end');
        await check_refused(env.rpc('payment.cancel', { payment_id, dry_run: true }), 'request.state',
            'a dry cancellation of a paid payment');
        await env.rpc('system.pause', { reason: 'x', dry_run: true });
        check_equal((await env.rpc('system.status')).paused, false, 'paused by a dry run');
        await check_unchanged(env, before, 'dry runs');
        check_equal(await story.state(order), 'in_custody', 'the state after dry runs');
    });
}

async function switches(ground) {
    await with_env(ground, 'switches', async ({ env, story }) => {
        await people(story);
        await env.insist('system.pause', { reason: 'key rotation' });
        const order = await story.create({
            payer: 'ana', seller: 'Seller', buyer: 'Buyer', amount: '1000.00', custody_seconds: DAY_S,
        });
        await env.daemon_kill();
        await env.daemon_start();
        const status = await wait_for(async () => {
            const found = await env.rpc('system.status');
            return found.ready ? found : undefined;
        }, STEP_MS, 'a ready daemon');
        check_equal([status.paused, status.pause_reason], [true, 'key rotation'], 'the pause after kill -9');
        await story.pay(order);
        await story.reach(order, 'bridging');
        await sleep(PAUSE_LOOK_MS);
        const sent = await env.sql('SELECT count(*) AS n FROM attempt a JOIN effect e ON e.id = a.effect_id '
            + 'WHERE e.payment_id IS NOT NULL');
        check_equal(Number(sent[0].n), 0, 'attempts at Juno while paused');
        await env.insist('system.resume', {});
        await story.reach(order, 'in_custody');
        await env.insist('system.stop', {});
        await wait_for(async () => !env.daemon_alive(), STEP_MS, 'the daemon to stop');
    });
}

async function bank_accounts(ground) {
    await with_env(ground, 'bank-accounts', async ({ env, story }) => {
        await people(story);
        const register = (more) => env.insist('beneficiary.register', {
            name: 'X', clabe: clabe_make(77), ownership: 'THIRD_PARTY', ...more,
        });
        const taken = { clabe: story.people.Seller.clabe };
        for (const more of [taken, { ...taken, dry_run: true }]) {
            const refusal = await check_refused(register(more), 'request.exists', 'a CLABE twice');
            check_equal(refusal.data.state, 'active', 'the state of what is there');
        }
        const wrong = `${clabe_make(77).slice(0, 17)}${(Number(clabe_make(77)[17]) + 1) % 10}`;
        await check_refused(register({ clabe: wrong }), 'request.params', 'a wrong check digit');
        for (const more of [{}, { dry_run: true }]) {
            const refusal = await check_refused(env.insist('clabe.create', { user_ref: 'ana', ...more }),
                'request.exists', 'a second CLABE');
            check_equal(refusal.data.state, 'enabled', 'the state of what is there');
        }
        const { beneficiary_id } = story.people.Seller;
        await env.insist('beneficiary.suspend', { beneficiary_id, reason: 'asked by the bank' });
        await check_refused(story.create({
            payer: 'ana', seller: 'Seller', buyer: 'Buyer', amount: '1000.00', custody_seconds: DAY_S,
        }), 'request.state', 'a payment to a suspended seller');
        const twice = await check_refused(env.insist('beneficiary.suspend', { beneficiary_id, reason: 'again' }),
            'request.state', 'suspending twice');
        check(twice.data.hint.includes('beneficiary.list'), `the hint is "${twice.data.hint}"`);
        await env.insist('beneficiary.verify', { beneficiary_id });
        const order = await story.create({
            payer: 'ana', seller: 'Seller', buyer: 'Buyer', amount: '1000.00', custody_seconds: DAY_S,
        });
        await check_refused(env.insist('payout.retry', { payment_id: order.payment_id, leg: 0 }), 'request.state',
            'ordering a planned payout again');
        await check_refused(env.insist('payout.retry', { payment_id: order.payment_id, leg: 9 }),
            'request.not_found', 'ordering a leg that is not there');
        const { fid } = await env.deposit(story.payers.ana, '999.99');
        await wait_for(async () => rows_of(await env.rpc('deposit.list', { state: 'unassigned' }))
            .find((d) => d.fid === fid), STEP_MS, 'the deposit');
        await check_refused(env.insist('deposit.assign', { fid, payment_id: order.payment_id }), 'request.amount',
            'a deposit of another amount');
        const exact = await env.deposit(story.payers.ana, '777.00');
        await wait_for(async () => rows_of(await env.rpc('deposit.list', { state: 'unassigned' }))
            .find((d) => d.fid === exact.fid), STEP_MS, 'the second deposit');
        const other = await story.create({
            payer: 'ana', seller: 'Seller', buyer: 'Buyer', amount: '777.00', custody_seconds: DAY_S,
        });
        const dry = await env.rpc('deposit.assign', { fid: exact.fid, payment_id: other.payment_id, dry_run: true });
        check_equal([dry.state, dry.postings, await story.state(other)], ['matched', [], 'waiting_deposit'],
            'a dry assignment, which books nothing itself');
        await check_refused(env.insist('deposit.assign', { fid: 'none', payment_id: order.payment_id }),
            'request.not_found', 'a deposit that is not there');
    });
}

async function payout_again(ground) {
    await with_env(ground, 'payout-again', async ({ env, story }) => {
        await people(story);
        await env.faults({ kind: 'transaction_failed', type: 'REDEMPTION', count: 1 });
        const order = await story.create({
            payer: 'ana', seller: 'Seller', buyer: 'Buyer', amount: '2000.00', custody_seconds: DAY_S,
        });
        const { payment_id } = order;
        story.expect(order, 'released');
        await story.pay(order);
        await story.reach(order, 'in_custody');
        await env.warp(DAY_S + 60);
        const [parked] = await wait_for(async () => {
            const rows = rows_of(await env.rpc('payout.list', { payment_id, state: 'parked' }));
            return rows.length > 0 ? rows : undefined;
        }, STEP_MS, 'a parked payout');
        const dry = await env.rpc('payout.retry', { payment_id, leg: parked.leg, dry_run: true });
        check_equal([dry.state, dry.postings, (await env.rpc('payout.get', { payment_id, leg: parked.leg })).state],
            ['planned', [], 'parked'], 'a dry retry, which books nothing itself');
        const idempotency_key = randomUUID();
        await env.insist('payout.retry', { payment_id, leg: parked.leg, idempotency_key });
        await story.reach(order, 'completed');
        const again = await env.rpc('payout.retry', { payment_id, leg: parked.leg, idempotency_key });
        check_equal(again.replayed, true, 'the same retry after the payout');
        const { history } = await env.rpc('payout.get', { payment_id, leg: parked.leg });
        check_equal(new Set(history.map((attempt) => attempt.effect_id)).size, 2, 'redemptions ordered');
        const differences = await story.differences();
        check(differences.length === 0, differences.join('; '));
    });
}

async function reads(ground) {
    await with_env(ground, 'reads', async ({ env, story }) => {
        await people(story);
        const order = await story.create({
            payer: 'ana', seller: 'Seller', buyer: 'Buyer', amount: '5000.00', immediate_bps: 2000,
            custody_seconds: DAY_S,
        });
        const { payment_id } = order;
        await story.pay(order);
        await story.reach(order, 'in_custody');
        const timeline = await env.rpc('payment.timeline', { payment_id });
        const created = timeline.events.find((event) => event.type === 'escrow_created');
        check_equal([created.amount, created.finality], ['4000.00', 'final'], 'the escrow in the timeline');
        const words = rows_of(await env.rpc('tx.explain', { tx_hash: created.tx_hash })).join(' ');
        check(words.includes('create') && words.includes('4000.00 MXNB') && words.includes(payment_id),
            `the explanation says ${words}`);
        const tx = await env.rpc('tx.get', { tx_hash: created.tx_hash });
        const [item] = tx.call.items;
        check_equal([item.amount, item.terms], ['4000.00', order.created.terms_hash], 'the decoded call');
        check_equal(tx.from.toLowerCase(), ground.relayer.address.toLowerCase(), 'the recovered sender');
        const by_payment = await env.rpc('escrow.get', { payment_id });
        const by_id = await env.rpc('escrow.get', { escrow_id: by_payment.escrow_id });
        check_equal(by_id.payment_id, payment_id, 'the escrow by its id');
        await check_refused(env.rpc('escrow.get', {}), 'request.params', 'an escrow of nothing');
        await check_refused(env.rpc('escrow.get', { payment_id, escrow_id: by_id.escrow_id }), 'request.params',
            'an escrow of two ids');
        const accounts = rows_of(await env.rpc('ledger.accounts', { payment_id }));
        const escrow = accounts.find((account) => account.class === 'escrow_mxnb');
        check_equal([escrow.posted, escrow.posted_text], ['4000000000', '4000.000000 MXNB'], 'the escrow account');
        const pages = [];
        for (let after; ;) {
            const page = rows_of(await env.rpc('beneficiary.list', { limit: 2, ...(after && { after }) }));
            pages.push(...page.map((row) => row.beneficiary_id));
            if (page.length < 2) {
                break;
            }
            after = page.at(-1).beneficiary_id;
        }
        check_equal(new Set(pages).size, 3, 'beneficiaries over all pages');
        const { as_of } = await env.rpc('payment.get', { payment_id });
        check(as_of.block > 0 && /^0x[0-9a-f]{64}$/.test(as_of.block_hash) && as_of.ledger_seq > 0,
            `as_of is ${JSON.stringify(as_of)}`);
    });
}

async function http_port(ground) {
    await with_env(ground, 'http', async ({ env }) => {
        const base = `http://127.0.0.1:${env.http_port}`;
        await wait_for(async () => (await fetch(`${base}/healthz`)).status === 200, STEP_MS, 'health');
        const metrics = await (await fetch(`${base}/metrics`)).text();
        check(/^relayerd_rpc_requests_total\{outcome="ok"\} [1-9]/m.test(metrics), 'no request was counted');
        for (let i = 0; i < 3; i += 1) {
            const answer = await fetch(env.webhook_url, { method: 'POST', body: '{"event":"made up"}' });
            check_equal(answer.status, 200, 'a webhook');
        }
        check_equal((await fetch(env.webhook_url, { method: 'POST', body: 'x'.repeat(70_000) })).status, 413,
            'a webhook that is too long');
        check_equal((await fetch(`${base}/nothing`)).status, 404, 'another path');
        const hooks = rows_of(await env.rpc('webhook.list', {})).filter((hook) => hook.bytes === 19);
        check_equal(hooks.map((hook) => hook.times), [3], 'the same webhook three times');
        const hook = await env.rpc('webhook.get', { id: hooks[0].id });
        check_equal(Buffer.from(hook.body.slice(2), 'hex').toString(), '{"event":"made up"}', 'its body');
        await ground.cluster.query(env.database, 'INSERT INTO relayer.inbox (source, body_hash, body) '
            + `SELECT 'test', sha256(n::text::bytea), '' FROM generate_series(1, ${INBOX_MAX + 50}) n`, 'relayer');
        check_equal((await fetch(env.webhook_url, { method: 'POST', body: '{"event":"newest"}' })).status, 200,
            'a webhook into a full inbox');
        const [kept] = await env.sql('SELECT count(*) AS n FROM inbox');
        check_equal(Number(kept.n), INBOX_MAX, 'webhooks kept');
        const [newest] = rows_of(await env.rpc('webhook.list', { limit: 1 }));
        check_equal(newest.bytes, '{"event":"newest"}'.length, 'the newest webhook kept');
    });
}

export const scenarios = [
    { name: 'api: events without gaps', run: events },
    { name: 'api: stored answers after kill -9', run: answers_survive },
    { name: 'api: the terms hash is as documented', run: terms },
    { name: 'api: dry runs change nothing', run: dry_runs },
    { name: 'api: pause outlives the daemon; stop stops', run: switches },
    { name: 'api: bank accounts, deposits and payouts refuse what is wrong', run: bank_accounts },
    { name: 'api: a payout that failed is ordered again, once', run: payout_again },
    { name: 'api: reads agree with each other', run: reads },
    { name: 'api: the HTTP port', run: http_port },
];
