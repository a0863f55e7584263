// relayerctl against a stand-in daemon: what goes out on the wire, what is printed, and every exit code.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Daemon } from './daemon.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const PROGRAM = path.resolve(ROOT, process.env.KUSTODIA_BUILD ?? 'build/dev', 'bin/relayerctl');
const PAYMENT = '0190a1b2-c3d4-7e5f-8a6b-000000000001';
const HASH = `0x${'ab'.repeat(32)}`;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const DONE = 0;
const ERROR_ANSWER = 1;
const UNREACHABLE = 2;
const USAGE = 3;
const WAIT_TIMEOUT = 4;
const DIFFERENCE = 5;

const integer = (name) => ({ name, required: false, description: `${name} of it`, schema: { type: 'integer' },
    'x-type': 'integer' });
const HELP = {
    'payment.create': { name: 'payment.create', summary: 'Creates one.', 'x-role': 'operate', 'x-mutates': true,
        result: { description: 'its id' }, 'x-example': { amount: '1.00' },
        params: [{ name: 'amount', required: true, description: 'MXN', schema: { type: 'string' }, 'x-type': 'amount' },
            integer('custody_seconds')] },
    'payment.list': { name: 'payment.list', 'x-mutates': false, params: [integer('limit')] },
};

let looks = 0;
let differences = [];
let verdict = 'pass';

const TABLE = {
    help: ({ method }) => (method === undefined
        ? { methods: [{ name: 'payment.get', role: 'read', doc: 'one payment' }] }
        : HELP[method] ?? { params: [] }),
    'payment.create': () => ({ payment_id: PAYMENT, state: 'waiting_deposit' }),
    'payment.list': () => ({ payments: [{ payment_id: PAYMENT, amount: '1,000.00', note: 'a "b"' },
        { payment_id: 'second', amount: '5.00', reason: null }], as_of: { block: 7 } }),
    'payment.get': ({ payment_id }) => {
        if (payment_id !== PAYMENT) {
            return { error: { code: 106, message: 'no such payment', data: { type: 'request.not_found',
                retryable: false, hint: 'check the id', state: 'gone', request_id: 'r-9' } } };
        }
        looks += 1;
        return { payment_id, state: looks > 2 ? 'completed' : 'paying_out', legs: [{ n: 0, state: 'paid' }] };
    },
    'payment.timeline': ({ payment_id }) => ({ payment_id, state: 'in_custody', reason: null,
        waiting_for: 'the end of the custody period',
        events: [{ seq: 1, at: '2026-11-21T04:05:06.789Z', type: 'escrow_created', amount: '700.00',
            words: 'the escrow was created and funded', tx_hash: HASH, evidence: '2 logs in block 9',
            juno_id: null, detail: 'evil\u001b[2Jtext' }] }),
    'escrow.time_left': ({ escrow_id }) => ({ escrow_id, state: 'active', seconds_left: 259199,
        starts_at: '2025-05-27T23:59:08.000Z', ends_at: '2025-05-30T23:59:08.000Z' }),
    'audit.verify': () => ({ checked: 12, finality: 'finalized', differences }),
    'recon.run': () => ({ rows: [], differences }),
    'system.status': () => ({ ready: true,
        doors: { database: { answers: true }, node: { answers: false } } }),
    'system.doctor': () => ({ checks: [{ id: 'chain', verdict, fact: 'block 7', fix: '' }] }),
    'system.silent': () => undefined,
    'events.subscribe': ({ from_seq }, connection) => {
        setTimeout(() => [1, 2].forEach((seq) => connection.write(`${JSON.stringify({ jsonrpc: '2.0',
            method: 'event', params: { seq: from_seq + seq, type: 'payment_created' } })}\n`)), 20);
        return { subscribed: true };
    },
};

const daemon = new Daemon(TABLE);
before(() => daemon.start());
after(() => daemon.stop());

/** Runs relayerctl; gives { status, out, err, asked }. */
function run(args, { input = '', socket = daemon.socket, env = {}, cwd = ROOT } = {}) {
    daemon.asked = [];
    const clean = { ...process.env, TZ: 'America/Mexico_City', ...env };
    if (env.RELAYER_SOCKET === undefined) {
        delete clean.RELAYER_SOCKET;
    }
    return new Promise((resolve, reject) => {
        const child = spawn(PROGRAM, socket === undefined ? args : ['-s', socket, ...args], { cwd, env: clean });
        const text = { out: '', err: '' };
        child.stdout.setEncoding('utf8').on('data', (part) => { text.out += part; });
        child.stderr.setEncoding('utf8').on('data', (part) => { text.err += part; });
        child.on('error', reject);
        child.on('close', (status) => resolve({ status, ...text, asked: daemon.asked }));
        child.stdin.on('error', () => {});
        child.stdin.end(input);
    });
}

test('the program is built', () => {
    assert.ok(existsSync(PROGRAM), `${PROGRAM} is missing: ./dev build`);
});

test('values are typed by the daemon\'s help; money stays text', async () => {
    const { status, asked, err, out } = await run(['payment.create', '-k', 'amount=1000.00', '-k', 'custody_seconds=60',
        '-k', 'commissions=[{"bps":150}]', '-k', 'description=12', '-k', 'accumulate_commissions=true']);
    assert.equal(status, DONE);
    const [{ params }] = asked;
    const { idempotency_key, ...rest } = params;
    assert.deepEqual(rest, { amount: '1000.00', custody_seconds: 60, commissions: [{ bps: 150 }],
        description: '12', accumulate_commissions: true });
    assert.match(idempotency_key, UUID);
    assert.equal(err, `idempotency_key: ${idempotency_key}\n`);
    assert.deepEqual(JSON.parse(out), { payment_id: PAYMENT, state: 'waiting_deposit' });
});

test('a given key is kept, and a read gets none', async () => {
    const made = await run(['payment', 'create', '-k', 'idempotency_key=my-own-key', '--dry-run']);
    assert.deepEqual(made.asked[0].params, { idempotency_key: 'my-own-key', dry_run: true });
    assert.equal(made.err, '');
    const list = await run(['payment', 'list', '-k', 'limit=2', '-k', 'state=null']);
    assert.deepEqual(list.asked, [{ method: 'payment.list', params: { limit: 2, state: null } }]);
});

test('a JSON object by argument or standard input, -k above it', async () => {
    const argument = await run(['payment.list', '{"limit": 1, "state": "parked"}', '-k', 'limit=3']);
    assert.deepEqual(argument.asked[0].params, { limit: 3, state: 'parked' });
    const piped = await run(['payment.list', '-'], { input: '{"limit": 9}' });
    assert.deepEqual(piped.asked[0].params, { limit: 9 });
    for (const bad of ['{"limit": 1, "limit": 2}', '[1]', '{', '{"a"}']) {
        const refused = await run(['payment.list', bad]);
        assert.equal(refused.status, USAGE, bad);
        assert.deepEqual(refused.asked, [], bad);
        assert.match(refused.err, /^relayerctl: the argument (is no JSON|holds no JSON object)/);
    }
});

test('output formats', async () => {
    const table = await run(['payment.list', '-o', 'table']);
    assert.equal(table.out, [
        'as_of.block: 7',
        'payments:',
        'payment_id                            amount    note   reason',
        `${PAYMENT}  1,000.00  a "b"  -`,
        'second                                5.00      -      -',
        '',
    ].join('\n'));
    const csv = await run(['payment.list', '-o', 'csv']);
    assert.equal(csv.out, `payment_id,amount,note,reason\r\n${PAYMENT},"1,000.00","a ""b""",\r\nsecond,5.00,,\r\n`);
    const jsonl = await run(['payment.list', '-o', 'jsonl']);
    assert.deepEqual(jsonl.out.trim().split('\n').map((line) => JSON.parse(line).payment_id), [PAYMENT, 'second']);
    const json = await run(['payment.list']);
    assert.deepEqual(JSON.parse(json.out).as_of, { block: 7 });
});

test('an object of objects is a table for people', async () => {
    const { out } = await run(['status', '-o', 'table']);
    assert.equal(out, 'doors:\nname      answers\ndatabase  true\nnode      false\nready: true\n');
});

test('--filter gives one field, bare', async () => {
    assert.equal((await run(['payment.list', '--filter', 'payments.1.payment_id'])).out, 'second\n');
    assert.deepEqual(JSON.parse((await run(['payment.list', '--filter', 'as_of'])).out), { block: 7 });
    const none = await run(['payment.list', '--filter', 'payments.7.payment_id']);
    assert.equal(none.status, ERROR_ANSWER);
    assert.equal(none.err, 'error: the result has no field payments.7.payment_id\n');
});

test('an error answer: message, state, hint, request', async () => {
    const { status, err, out } = await run(['payment.get', '0190a1b2-c3d4-7e5f-8a6b-000000000002']);
    assert.equal(status, ERROR_ANSWER);
    assert.equal(out, '');
    assert.equal(err, 'error: no such payment (request.not_found, 106)\nstate: gone\nhint: check the id\nrequest: r-9\n');
    assert.equal((await run(['no.such'])).status, ERROR_ANSWER);
});

test('nobody there, and nobody answering', async () => {
    const away = await run(['status'], { socket: path.join(daemon.folder, 'nothing') });
    assert.equal(away.status, UNREACHABLE);
    assert.match(away.err, /^error: cannot connect to .*nothing.*\nhint: does relayerd run/);
    const silent = await run(['system.silent', '--timeout', '1']);
    assert.equal(silent.status, UNREACHABLE);
    assert.match(silent.err, /hint: it may have been done/);
});

test('wrong usage asks nothing', async () => {
    const wrong = [[], ['-k', 'novalue', 'payment.list'], ['-k', '=x', 'payment.list'], ['-o', 'xml', 'payment.list'],
        ['--colour', 'payment.list'], ['--timeout', '-1', 'payment.list'], ['--timeout', '1x', 'payment.list'],
        ['payment.get', 'not-an-id'], ['wait', 'payment', PAYMENT], ['wait', 'payment', PAYMENT, '--for', 'state'],
        ['wait', 'payment'], ['events', 'more'], ['--from', 'x', 'events'],
        ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']];
    for (const args of wrong) {
        const { status, err, asked } = await run(args);
        assert.equal(status, USAGE, args.join(' '));
        assert.notEqual(err, '', args.join(' '));
        assert.deepEqual(asked, [], args.join(' '));
    }
    const help = await run(['--help']);
    assert.equal(help.status, DONE);
    assert.match(help.out, /^usage: relayerctl/);
});

test('ids are recognised by their shape; escrow 0 is not missing', async () => {
    const cases = [
        [['payment.get', PAYMENT], { payment_id: PAYMENT }],
        [['escrow', 'time_left', '0'], { escrow_id: '0' }],
        [['escrow', 'time_left', HASH], { escrow_id: HASH }],
        [['escrow', 'time_left', PAYMENT], { payment_id: PAYMENT }],
        [['audit', 'verify', HASH], { tx_hash: HASH }],
        [['audit', 'verify', PAYMENT], { payment_id: PAYMENT }],
        [['audit', 'verify', '--all'], { all: true }],
        [['timeline', PAYMENT], { payment_id: PAYMENT }],
    ];
    looks = 0;
    for (const [args, params] of cases) {
        const { status, asked } = await run(args);
        assert.equal(status, DONE, args.join(' '));
        assert.deepEqual(asked[0].params, params, args.join(' '));
    }
});

test('escrow time_left in words, local and UTC', async () => {
    const { out } = await run(['escrow', 'time_left', '0', '-o', 'table']);
    assert.equal(out, [
        '71h 59m 59s left of the custody period of escrow 0 (state active)',
        'start (local): 2025-05-27 17:59:08 -0600',
        'start (UTC):   2025-05-27T23:59:08.000Z',
        'end   (local): 2025-05-30 17:59:08 -0600',
        'end   (UTC):   2025-05-30T23:59:08.000Z',
        '',
    ].join('\n'));
});

test('timeline in words, without control characters', async () => {
    const { out } = await run(['timeline', PAYMENT, '-o', 'table']);
    assert.equal(out, [
        `payment ${PAYMENT} is in_custody`,
        '2026-11-21T04:05:06Z  the escrow was created and funded  700.00',
        `      tx ${HASH}`,
        '      proof 2 logs in block 9',
        '      note evil [2Jtext',
        'now: the end of the custody period',
        '',
    ].join('\n'));
});

test('help METHOD for people', async () => {
    const { out, asked } = await run(['help', 'payment.create', '-o', 'table']);
    assert.deepEqual(asked, []);
    assert.equal(out, [
        'payment.create (operate)',
        '  Creates one.',
        'gives',
        '  its id',
        'parameters',
        '  amount             amount    required  MXN',
        '  custody_seconds    integer             custody_seconds of it',
        'example',
        '  relayerctl payment.create \'{"amount":"1.00"}\'',
        '',
    ].join('\n'));
    assert.equal(JSON.parse((await run(['help', 'payment.list'])).out).name, 'payment.list');
});

test('wait: done, timed out, hopeless, unknown', async () => {
    looks = 0;
    const done = await run(['wait', 'payment', PAYMENT, '--for', 'state=completed', '--timeout', '20']);
    assert.equal(done.status, DONE);
    assert.equal(JSON.parse(done.out).state, 'completed');
    const bare = await run(['wait', 'payment', PAYMENT, '--for', 'state=completed', '--filter', 'state']);
    assert.equal(bare.out, 'completed\n');
    assert.equal(looks, 4);
    const field = await run(['wait', 'payment', PAYMENT, '--for', 'legs.0.state=paid', '--timeout', '5']);
    assert.equal(field.status, DONE);
    looks = -1000;
    const late = await run(['wait', 'payment', PAYMENT, '--for', 'state=completed', '--timeout', '1']);
    assert.equal(late.status, WAIT_TIMEOUT);
    assert.equal(late.err, 'error: state was not completed within 1 s; it is paying_out\n');
    looks = 1000;
    const never = await run(['wait', 'payment', PAYMENT, '--for', 'state=in_custody', '--timeout', '20']);
    assert.equal(never.status, ERROR_ANSWER);
    assert.match(never.err, /ended as completed and will never be in_custody/);
    const unknown = await run(['wait', 'payment', PAYMENT.replace(/1$/, '2'), '--for', 'state=x']);
    assert.equal(unknown.status, ERROR_ANSWER);
    const away = await run(['wait', 'payment', PAYMENT, '--for', 'state=x', '--timeout', '1'],
        { socket: path.join(daemon.folder, 'nothing') });
    assert.equal(away.status, UNREACHABLE);
});

test('events end by themselves without --follow', async () => {
    const { status, out, asked } = await run(['events', '--from', '41']);
    assert.equal(status, DONE);
    assert.deepEqual(asked, [{ method: 'events.subscribe', params: { from_seq: 41 } }]);
    assert.deepEqual(out.trim().split('\n').map((line) => JSON.parse(line).seq), [42, 43]);
});

test('differences give exit code 5, failed checks 1', async () => {
    assert.equal((await run(['audit', 'verify', '--all'])).status, DONE);
    differences = [{ where: `tx ${HASH} log 3`, expected: 'amount 5', found: 'amount 6', hint: 'look' }];
    const audit = await run(['audit', 'verify', '--all', '-o', 'table']);
    assert.equal(audit.status, DIFFERENCE);
    assert.match(audit.out, /checked: 12\nfinality: finalized\ndifferences:\nwhere +expected +found +hint\n/);
    assert.equal((await run(['recon'])).status, DIFFERENCE);
    differences = [];
    assert.equal((await run(['recon'])).status, DONE);
    assert.equal((await run(['doctor'])).status, DONE);
    verdict = 'fail';
    assert.equal((await run(['doctor'])).status, ERROR_ANSWER);
});

test('the socket: flag, environment, what ./dev up left here', async () => {
    const env = { RELAYER_SOCKET: daemon.socket };
    assert.equal((await run(['status'], { socket: undefined, env })).status, DONE);
    const folder = mkdtempSync(path.join(tmpdir(), 'relayerctl-up-'));
    try {
        mkdirSync(path.join(folder, '.dev/up'), { recursive: true });
        writeFileSync(path.join(folder, '.dev/up/state.json'), JSON.stringify({ socket: daemon.socket }));
        assert.equal((await run(['status'], { socket: undefined, cwd: folder })).status, DONE);
        const flag = await run(['status'], { socket: path.join(daemon.folder, 'nothing'), env, cwd: folder });
        assert.equal(flag.status, UNREACHABLE);
        const long = await run(['status'], { socket: `/${'x'.repeat(200)}` });
        assert.equal(long.status, USAGE);
    } finally {
        rmSync(folder, { recursive: true, force: true });
    }
});
