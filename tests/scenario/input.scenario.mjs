// Bad input at the socket: every method, every field, and the protocol itself. Each refusal has its type and
// hint, and nothing in the database has changed afterwards.

import { createConnection } from 'node:net';
import { randomUUID } from 'node:crypto';

import { rpc_call } from '../support/rpc.mjs';
import { check, check_equal, check_refused, rows_count, with_env } from './bed.mjs';
import { rows_of } from './story.mjs';

const ANSWER_MS = 5000;
const DAY_S = 24 * 3600;
const READERS = /\.(get|list|timeline|time_left|explain|accounts|entries|trial_balance|verify|status|health|doctor)$/;

async function people(story) {
    await story.beneficiaries(['Seller', 'Buyer', 'Platform']);
    await story.payer('ana');
}

function order_of(story, more = {}) {
    return {
        payer: 'ana', seller: story.people.Seller.beneficiary_id, buyer: story.people.Buyer.beneficiary_id,
        amount: '1000.00', immediate_bps: 0, commissions: [], custody_seconds: DAY_S, ...more,
    };
}

/** Runs refusals one by one and proves afterwards that no row came or went. */
async function unchanged(env, work) {
    const before = await rows_count(env);
    await work();
    check_equal(await rows_count(env), before, 'rows after refused requests');
}

const one_of = (types) => async (call, what) => {
    try {
        await call;
    } catch (error) {
        if (types.includes(error.data?.type) && error.data.hint) {
            return;
        }
        throw new Error(`${what}: ${error.message} (${error.data?.type}), not one of ${types.join(', ')}`);
    }
    throw new Error(`${what}: was accepted`);
};

const refused_amount = one_of(['request.amount', 'request.params', 'request.limit']);
const refused_field = one_of(['request.params', 'request.not_found', 'request.amount', 'request.limit',
    'request.idempotency_key_missing']);

async function amounts(ground) {
    await with_env(ground, 'amounts', async ({ env, story }) => {
        await people(story);
        await unchanged(env, async () => {
            for (const amount of ['0', '0.00', '-1', '-1000.00', '+5', '1e9', '1000.001', '1,000.00', '1000.', '.5',
                ' 1000', '1000 ', '0x10', 'NaN', 'Infinity', '', '99999999999999999999', '90071992547409930.00',
                '١٢٣', 1000, -1, 1.5, true, null, [], {}, '99.99']) {
                await refused_amount(env.insist('payment.create', order_of(story, { amount })),
                    `an amount of ${JSON.stringify(amount)}`);
            }
            for (const immediate_bps of [-1, 10001, 1.5, '3000', null, 1]) {
                await refused_amount(env.insist('payment.create', order_of(story, { immediate_bps })),
                    `an immediate share of ${JSON.stringify(immediate_bps)} bps`);
            }
            for (const custody_seconds of [-1, 0, 1.5, '60', null, 2 ** 60]) {
                await refused_amount(env.insist('payment.create', order_of(story, { custody_seconds })),
                    `custody of ${JSON.stringify(custody_seconds)} seconds`);
            }
            const commission = (more) => [{ beneficiary_id: story.people.Platform.beneficiary_id, ...more }];
            for (const commissions of [commission({ bps: 10001 }), commission({ bps: -1 }), commission({ bps: 1 }),
                commission({}), commission({ bps: 1000, amount: '100.00' }), commission({ amount: '1000.01' }),
                'none', [1], Array(40).fill(commission({ bps: 200 })[0])]) {
                await refused_amount(env.insist('payment.create', order_of(story, { commissions })),
                    `commissions ${JSON.stringify(commissions).slice(0, 80)}`);
            }
        });
    });
}

async function fields(ground) {
    await with_env(ground, 'fields', async ({ env, story }) => {
        await people(story);
        const { methods } = await env.rpc('rpc.discover');
        check(methods.length >= 30, `only ${methods.length} methods are described`);
        await unchanged(env, async () => {
            for (const { name, params } of methods) {
                await refused_field(env.rpc(name, { idempotency_key: randomUUID(), colour: 'red' }),
                    `${name} with an unknown field`);
                await refused_field(env.rpc(name, [1]), `${name} with parameters by position`);
                for (const { name: field } of params ?? []) {
                    const wrong = { idempotency_key: randomUUID(), [field]: { not: ['this'] } };
                    await refused_field(env.rpc(name, wrong), `${name} with an object as ${field}`);
                }
            }
        });
    });
}

async function unknown_ids(ground) {
    await with_env(ground, 'unknown-ids', async ({ env }) => {
        const payment_id = randomUUID();
        await unchanged(env, async () => {
            for (const [method, params] of [
                ['payment.get', { payment_id }], ['payment.timeline', { payment_id }],
                ['payment.cancel', { payment_id }], ['escrow.get', { payment_id }],
                ['escrow.time_left', { payment_id }],
                ['escrow.release', { payment_id }], ['escrow.release_early', { payment_id, note: 'x' }],
                ['dispute.raise', { payment_id, party: 'buyer', raised_by: 'x', reason: 'x' }],
                ['dispute.resolve', { payment_id, resolution: 'approved', notes: 'x' }],
                ['tx.get', { tx_hash: `0x${'ab'.repeat(32)}` }],
                ['beneficiary.suspend', { beneficiary_id: payment_id, reason: 'x' }],
            ]) {
                const call = READERS.test(method) ? env.rpc(method, params) : env.insist(method, params);
                await check_refused(call, 'request.not_found', `${method} of an unknown id`);
            }
            for (const wrong of ['', 'x', 1, null, '0190', payment_id.slice(1), `${payment_id}0`]) {
                await refused_field(env.rpc('payment.get', { payment_id: wrong }),
                    `payment.get of ${JSON.stringify(wrong)}`);
            }
        });
    });
}

async function idempotency(ground) {
    await with_env(ground, 'idempotency', async ({ env, story }) => {
        await people(story);
        const idempotency_key = randomUUID();
        const first = await env.rpc('payment.create', order_of(story, { idempotency_key }));
        const before = await rows_count(env);
        const again = await env.rpc('payment.create', order_of(story, { idempotency_key }));
        check_equal(again.payment_id, first.payment_id, 'the same request again');
        await check_refused(env.rpc('payment.create', order_of(story, { idempotency_key, amount: '1000.01' })),
            'request.idempotency_key_reused', 'the same key with other content');
        await check_refused(env.rpc('payment.create', order_of(story)), 'request.idempotency_key_missing',
            'a mutation without a key');
        const parallel = randomUUID();
        const settled = await Promise.allSettled(Array.from({ length: 8 }, () => env.rpc('clabe.create',
            { user_ref: 'many', idempotency_key: parallel })));
        const ids = new Set(settled.filter((s) => s.status === 'fulfilled').map((s) => s.value.clabe_id));
        check_equal(ids.size, 1, 'CLABEs made by eight equal requests at once');
        const dry = await env.rpc('payment.create', order_of(story, {
            idempotency_key: randomUUID(), amount: '5000.00', dry_run: true,
        }));
        check(typeof dry === 'object', 'a dry run answers nothing');
        const after = await rows_count(env);
        check_equal(after.payment, before.payment, 'payments after a dry run');
    });
}

async function roles(ground) {
    await with_env(ground, 'roles', async ({ env, story }) => {
        await story.env.rpc('system.status');
        await unchanged(env, async () => {
            await check_refused(env.insist('dispute.resolve', {
                payment_id: randomUUID(), resolution: 'approved', notes: 'x',
            }), 'request.role', 'dispute.resolve without the arbiter role');
            await check_refused(env.insist('system.pause', { reason: 'x' }), 'request.role',
                'system.pause without the admin role');
        });
    }, { settings: { 'api.arbiter': '', 'api.admin': '' } });
}

/** Raw text to the socket; gives the first line of the answer, or undefined when the daemon hung up. */
function raw_ask(socket_path, text) {
    return new Promise((resolve, reject) => {
        const socket = createConnection(socket_path);
        let answer = '';
        const timer = setTimeout(() => { socket.destroy(); reject(new Error('no answer')); }, ANSWER_MS);
        const finish = (value) => { clearTimeout(timer); socket.destroy(); resolve(value); };
        socket.setEncoding('utf8');
        socket.on('data', (part) => {
            answer += part;
            if (answer.includes('\n')) {
                finish(answer.split('\n')[0]);
            }
        });
        socket.on('close', () => finish(undefined));
        socket.on('error', () => finish(undefined));
        socket.write(text);
    });
}

async function protocol(ground) {
    await with_env(ground, 'protocol', async ({ env }) => {
        await unchanged(env, async () => {
            for (const [text, code] of [
                ['{\n', -32700], ['not json\n', -32700], ['\u0000\n', -32700], ['[]\n', -32600], ['1\n', -32600],
                ['{}\n', -32600], ['{"jsonrpc":"1.0","id":1,"method":"help"}\n', -32600],
                ['{"jsonrpc":"2.0","id":{},"method":"help"}\n', -32600],
                ['{"jsonrpc":"2.0","id":1}\n', -32600], ['{"jsonrpc":"2.0","id":1,"method":7}\n', -32600],
                ['{"jsonrpc":"2.0","id":1,"method":"no.such"}\n', -32601],
                ['{"jsonrpc":"2.0","id":1,"method":"payment.get","params":7}\n', -32602],
                ['{"jsonrpc":"2.0","id":1,"id":2,"method":"help"}\n', -32700],
                [`${'['.repeat(5000)}\n`, -32700],
            ]) {
                const answer = await raw_ask(env.socket, text);
                check(answer !== undefined, `the daemon hung up on ${text.slice(0, 60)}`);
                const { error } = JSON.parse(answer);
                check(error !== undefined && [code, -32600].includes(error.code),
                    `${text.slice(0, 60).trim()}: ${answer.slice(0, 200)}, not ${code}`);
            }
            await raw_ask(env.socket, `${'x'.repeat(200_000)}\n`);
        });
        const status = await rpc_call(env.socket, 'system.status');
        check(typeof status === 'object', 'the daemon does not answer after bad requests');
    });
}

async function owner_names(ground) {
    await with_env(ground, 'views', async ({ env, story }) => {
        await people(story);
        const order = await story.create({
            payer: 'ana', seller: 'Seller', buyer: 'Buyer', amount: '1000.00', custody_seconds: DAY_S,
        });
        await story.pay(order);
        await story.reach(order, 'in_custody');
        for (const view of ['payment', 'escrow', 'dispute', 'payment_event', 'juno_transaction']) {
            const rows = await env.sql(`SELECT * FROM kustodia.${view}`);
            check(view === 'dispute' || rows.length > 0, `kustodia.${view} is empty`);
        }
        const events = rows_of(await env.rpc('payment.timeline', { payment_id: order.payment_id }));
        const types = events.map((event) => event.type);
        check_equal(types.filter((type) => type === 'escrow_created').length, 1, 'escrow_created events');
    });
}

export const scenarios = [
    { name: 'input: amounts, shares and periods', run: amounts },
    { name: 'input: every field of every method', run: fields },
    { name: 'input: unknown ids', run: unknown_ids },
    { name: 'input: idempotency keys and dry runs', run: idempotency },
    { name: 'input: roles', run: roles },
    { name: 'input: the protocol itself', run: protocol },
    { name: 'views: the owner\'s names', run: owner_names },
];
