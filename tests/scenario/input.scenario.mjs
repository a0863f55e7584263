// Bad input at the socket: every method, every field, and the protocol itself. Each refusal has its type and
// hint, and nothing in the database has changed afterwards.

import { createConnection } from 'node:net';
import { randomUUID } from 'node:crypto';

import { wait_for } from '../support/process.mjs';
import { rpc_call } from '../support/rpc.mjs';
import { check, check_equal, check_refused, check_unchanged, tables_digest, with_env } from './bed.mjs';
import { rows_of } from './story.mjs';

const ANSWER_MS = 5000;
const DAY_S = 24 * 3600;

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

/** Runs refusals, repetitions and dry runs, and proves afterwards that no row came, went or became another. */
async function unchanged(env, work) {
    const before = await tables_digest(env);
    await work();
    await check_unchanged(env, before, 'requests that must change nothing');
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

/** Values that a field of this kind must refuse. */
function wrong_values(type, schema) {
    switch (type) {
    case 'string':
        return [7, {}, 'a\u0007b', 'x'.repeat(schema.maxLength + 1), ...(schema.minLength > 0 ? [''] : [])];
    case 'uuid':
        return [7, '', 'x', '0190', `${randomUUID()}0`];
    case 'amount':
        return [1000, '1e9', '-1', '0', '1.001', {}];
    case 'integer':
        return ['5', 1.5, true, schema.minimum - 1, schema.maximum + 1];
    case 'boolean':
        return ['true', 1, []];
    case 'choice':
        return ['no such choice', '', 7];
    case 'hash':
        return ['0x12', 7, `0x${'zz'.repeat(32)}`];
    case 'clabe':
        return [12180000000000015, '', '012180000000000016', '710969000000000005'];
    case 'list':
        return ['none', {}, [7], Array(schema.maxItems + 1).fill({})];
    default:
        throw new Error(`${type} is a kind of field that this test does not know`);
    }
}

/** A request that only its ids make impossible, without effect where it would have one. */
const harmless = ({ 'x-mutates': mutates, 'x-example': example }) => ({
    ...example, ...(mutates && { idempotency_key: randomUUID(), dry_run: true }),
});

async function answer_or_error(call) {
    try {
        return { result: await call };
    } catch (error) {
        check(typeof error.data?.type === 'string', `no answer: ${error.message}`);
        return { error };
    }
}

/** What the daemon said, without what the client puts before it. */
const words_of = (error, method) => error.message.replace(`${method}: `, '');

/** Wrong in one field only: the refusal begins with the name of that field. */
async function check_names_field(env, method, params, field, what) {
    const { error } = await answer_or_error(env.rpc(method, params));
    check(error !== undefined, `${method} with ${what}: was accepted`);
    check(['request.params', 'request.amount', 'request.limit'].includes(error.data.type) && error.data.hint !== '',
        `${method} with ${what}: ${error.data.type}, hint "${error.data.hint}"`);
    const words = words_of(error, method);
    check(words.startsWith(`${field}:`) || words.startsWith(`${field}[`),
        `${method} with ${what}: "${words}" does not begin with ${field}`);
}

async function fields(ground) {
    await with_env(ground, 'fields', async ({ env, story }) => {
        await people(story);
        const { methods } = await env.rpc('rpc.discover');
        check(methods.length >= 30, `only ${methods.length} methods are described`);
        await unchanged(env, async () => {
            for (const method of methods) {
                const { name, params } = method;
                const good = harmless(method);
                const { error } = await answer_or_error(env.rpc(name, good));
                check(error?.data.type !== 'request.params', `the example of ${name} is refused: ${error?.message}`);
                await refused_field(env.rpc(name, [1]), `${name} with parameters by position`);
                await check_names_field(env, name, { ...good, colour: 'red' }, 'colour', 'an unknown field');
                for (const { name: field, required, schema, 'x-type': type } of params) {
                    for (const wrong of [null, ...wrong_values(type, schema)]) {
                        await check_names_field(env, name, { ...good, [field]: wrong }, field,
                            `${field} = ${JSON.stringify(wrong).slice(0, 60)}`);
                    }
                    const { [field]: _left_out, ...rest } = good;
                    if (required) {
                        await check_names_field(env, name, rest, field, `${field} left out`);
                    }
                }
            }
        });
    });
}

const UNKNOWN = {
    uuid: () => randomUUID(),
    hash: () => `0x${'ab'.repeat(32)}`,
    string: () => 'none',
    integer: () => 999_999_999,
};
const ID_FIELDS = ['payment_id', 'beneficiary_id', 'escrow_id', 'tx_hash', 'fid', 'id'];

/** Every method, every field that is an id: not found by name, or an empty list. */
async function unknown_ids(ground) {
    await with_env(ground, 'unknown-ids', async ({ env, story }) => {
        await people(story);
        const { methods } = await env.rpc('rpc.discover');
        let tried = 0;
        await unchanged(env, async () => {
            for (const method of methods) {
                const ids = method.params.filter(({ name }) => ID_FIELDS.includes(name));
                for (const { name: field, 'x-type': type } of ids) {
                    const params = { ...harmless(method) };
                    ids.filter(({ required }) => !required).forEach(({ name }) => delete params[name]);
                    delete params.all;
                    params[field] = UNKNOWN[type]();
                    tried += 1;
                    await check_unknown(env, method.name, params, field);
                }
            }
            for (const field of ['seller', 'buyer']) {
                const error = await check_refused(env.insist('payment.create', order_of(story, {
                    [field]: randomUUID() })), 'request.not_found', `an unknown ${field}`);
                check(words_of(error, 'payment.create').startsWith(`${field}:`), `an unknown ${field}: ${error.message}`);
            }
        });
        check(tried >= 20, `only ${tried} ids were tried`);
    });
}

async function check_unknown(env, method, params, field) {
    const { error, result } = await answer_or_error(env.rpc(method, params));
    if (/^(.*\.list|ledger\.(accounts|entries))$/.test(method)) {
        check(error === undefined && rows_of(result).length === 0,
            `${method} of an unknown ${field}: ${error?.message ?? JSON.stringify(result)}`);
        return;
    }
    check(error?.data.type === 'request.not_found', `${method} of an unknown ${field}: ${
        error === undefined ? 'was accepted' : `${error.data.type}, ${error.message}`}`);
    check(Object.keys(params).some((name) => words_of(error, method).startsWith(`${name}:`)),
        `${method} of an unknown ${field} names no field: ${error.message}`);
}

async function idempotency(ground) {
    await with_env(ground, 'idempotency', async ({ env, story }) => {
        await people(story);
        const idempotency_key = randomUUID();
        const first = await env.rpc('payment.create', order_of(story, { idempotency_key }));
        await unchanged(env, async () => {
            const again = await env.rpc('payment.create', order_of(story, { idempotency_key }));
            check_equal(again.payment_id, first.payment_id, 'the same request again');
            await check_refused(env.rpc('payment.create', order_of(story, { idempotency_key, amount: '1000.01' })),
                'request.idempotency_key_reused', 'the same key with other content');
            await check_refused(env.rpc('payment.create', order_of(story)), 'request.idempotency_key_missing',
                'a mutation without a key');
            const dry = await env.rpc('payment.create', order_of(story, {
                idempotency_key: randomUUID(), amount: '5000.00', dry_run: true,
            }));
            check(typeof dry === 'object', 'a dry run answers nothing');
        });
        const parallel = randomUUID();
        const settled = await Promise.allSettled(Array.from({ length: 8 }, () => env.rpc('clabe.create',
            { user_ref: 'many', idempotency_key: parallel })));
        const ids = new Set(settled.filter((s) => s.status === 'fulfilled').map((s) => s.value.clabe_id));
        check_equal(ids.size, 1, 'CLABEs made by eight equal requests at once');
    });
}

/** What each grant of the settings opens: [granted, roles]. */
const GRANTS = [
    [[], []],
    [['read'], ['read']],
    [['operate'], ['read', 'operate']],
    [['arbiter'], ['read', 'arbiter']],
    [['admin'], ['read', 'operate', 'admin']],
];

/** Every method under every grant: refused by role, or not for that reason. */
async function roles(ground) {
    await with_env(ground, 'roles', async ({ env }) => {
        const { methods } = await env.rpc('rpc.discover');
        await unchanged(env, async () => {
            for (const [granted, open] of GRANTS) {
                await env.daemon_stop();
                env.settings = Object.fromEntries(['read', 'operate', 'arbiter', 'admin']
                    .map((role) => [`api.${role}`, granted.includes(role) ? 'self' : '']));
                await env.daemon_start({ wait: false });
                await wait_for(() => answer_or_error(env.rpc('help')), ANSWER_MS, 'the daemon answering');
                for (const method of methods) {
                    const { error } = await answer_or_error(env.rpc(method.name, harmless(method)));
                    const refused = error?.data.type === 'request.role';
                    check(refused === !open.includes(method['x-role']), `${method.name} (${method['x-role']}) with [${
                        granted}]: ${error?.message ?? 'was answered'}`);
                    check(!refused || error.message.includes(method['x-role']), `no role in "${error?.message}"`);
                }
            }
        });
    });
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

export const scenarios = [
    { name: 'input: amounts, shares and periods', run: amounts },
    { name: 'input: every field of every method', run: fields },
    { name: 'input: unknown ids', run: unknown_ids },
    { name: 'input: idempotency keys and dry runs', run: idempotency },
    { name: 'input: every method under every grant', run: roles },
    { name: 'input: the protocol itself', run: protocol },
];
