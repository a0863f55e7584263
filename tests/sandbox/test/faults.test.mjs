// Faults as the client meets them, and webhooks.

import assert from 'node:assert/strict';
import http from 'node:http';
import { after, afterEach, before, test } from 'node:test';
import { books_verify, chain_start, eventually, sandbox_start } from './support.mjs';

const MINT = '/mint_platform/v1';

let chain;
let box;
let receiver;

// A callback address that remembers what it got; `status` is what it answers.
function receiver_start() {
    const got = [];
    const state = { got, status: 200 };
    const server = http.createServer((request, response) => {
        let text = '';
        request.on('data', (part) => {
            text += part;
        });
        request.on('end', () => {
            got.push(JSON.parse(text));
            response.writeHead(state.status);
            response.end();
        });
    });
    return new Promise((resolve) => {
        server.listen(0, '127.0.0.1', () =>
            resolve(
                Object.assign(state, {
                    url: `http://127.0.0.1:${server.address().port}/hook`,
                    of: (id) =>
                        got
                            .filter((event) => event.payload.transaction_id === id)
                            .map((event) => event.payload.status),
                    stop: () => {
                        server.closeAllConnections();
                        server.close();
                    },
                }),
            ),
        );
    });
}

before(async () => {
    receiver = await receiver_start();
    chain = await chain_start();
    box = await sandbox_start(chain);
    await box.fund(box.ready.clabe, '10000.00');
    const { status, message, webhooks } = await box.api('POST', '/v4/webhooks', {
        callback_url: receiver.url,
        events: ['TRANSACTION'],
    });
    assert.deepEqual([status, message], [200, 'Webhook successfully created']);
    assert.equal(webhooks[0].callback_url, receiver.url);
});
after(async () => {
    await box?.stop();
    await chain?.stop();
    receiver?.stop();
});
afterEach(async () => {
    await box.control('POST', '/reset-faults');
    books_verify(
        await eventually('nothing is open', async () => {
            const books = await box.control('GET', '/books');
            if (books.open_transactions.length > 0) return undefined;
            // The wallet is read from the chain a moment after the books: a transaction that was included
            // in between shows in one and not yet in the other.
            try {
                books_verify(books);
            } catch {
                return undefined;
            }
            return books;
        }),
    );
});

const fault = async (rule) =>
    assert.equal((await box.control('POST', '/faults', rule)).error, undefined);
const withdrawals = async () =>
    (await box.api('GET', `${MINT}/transactions?type=CRYPTO_WITHDRAWAL&size=100`)).payload
        .totalElements;
const ON_WITHDRAWAL = { method: 'POST', path: `${MINT}/withdrawals` };

test('lost answer: executed once, the same key finds it', async () => {
    const known = await withdrawals();
    await fault({ kind: 'lost_answer', ...ON_WITHDRAWAL });
    await assert.rejects(box.withdraw('11.00', chain.bridge, 'lost-1'), /fetch failed/);
    assert.equal(await withdrawals(), known + 1);
    const again = await box.withdraw('11.00', chain.bridge, 'lost-1');
    assert.equal(again.status, 200);
    assert.equal(await withdrawals(), known + 1);
    await box.settled(again.payload.id);
});

test('error 5xx: before means not executed, after means executed', async () => {
    const known = await withdrawals();
    await fault({ kind: 'error_5xx', when: 'before', ...ON_WITHDRAWAL });
    assert.equal((await box.withdraw('12.00', chain.bridge, 'before-1')).status, 500);
    assert.equal(await withdrawals(), known);
    await fault({ kind: 'error_5xx', when: 'after', status: 502, html: true, ...ON_WITHDRAWAL });
    const answer = await box.withdraw('12.00', chain.bridge, 'after-1');
    assert.equal(answer.status, 502);
    assert.match(answer.text, /^<html>/);
    assert.equal(await withdrawals(), known + 1);
});

test('error code 34003: answered as refused although executed', async () => {
    const known = await withdrawals();
    await fault({ kind: 'error_5xx', when: 'after', status: 400, code: 34003, ...ON_WITHDRAWAL });
    const answer = await box.withdraw('13.00', chain.bridge);
    assert.deepEqual([answer.status, answer.error.code], [400, 34003]);
    assert.equal(await withdrawals(), known + 1);
});

test('429 and 420: not executed, only as often as asked, only where asked', async () => {
    const known = await withdrawals();
    await fault({ kind: 'rate_limit_429', count: 2, path: `${MINT}/*` });
    await fault({ kind: 'rate_limit_420', ...ON_WITHDRAWAL });
    const statuses = [];
    for (let i = 0; i < 4; i++) {
        statuses.push((await box.withdraw('1.00', chain.bridge, `limited-${i}`)).status);
    }
    assert.deepEqual(statuses, [429, 429, 420, 200]);
    assert.equal((await box.api('GET', '/spei/v1/deposits')).status, 200);
    assert.equal(await withdrawals(), known + 1);
});

test('delay: answered late', async () => {
    await fault({ kind: 'delay', delay_ms: 300, path: `${MINT}/balances` });
    const start = Date.now();
    assert.equal((await box.api('GET', `${MINT}/balances`)).status, 200);
    assert.ok(Date.now() - start >= 295);
});

test('webhooks: one per status change, in order, with the transaction', async () => {
    const { payload } = await box.withdraw('14.00', chain.bridge);
    await box.settled(payload.id);
    await eventually('three events', () =>
        receiver.of(payload.id).length >= 3 ? true : undefined,
    );
    assert.deepEqual(receiver.of(payload.id), ['PENDING', 'IN_PROGRESS', 'COMPLETE']);
    const last = receiver.got.findLast((event) => event.payload.transaction_id === payload.id);
    assert.equal(last.event, 'TRANSACTION');
    assert.deepEqual(last.payload, await box.transaction(payload.id));
});

test('webhooks: duplicated', async () => {
    await fault({ kind: 'duplicate_webhook', count: 3, type: 'CRYPTO_WITHDRAWAL' });
    const { payload } = await box.withdraw('15.00', chain.bridge);
    await box.settled(payload.id);
    await eventually('six events', () => (receiver.of(payload.id).length >= 6 ? true : undefined));
    assert.deepEqual(receiver.of(payload.id), [
        'PENDING',
        'PENDING',
        'IN_PROGRESS',
        'IN_PROGRESS',
        'COMPLETE',
        'COMPLETE',
    ]);
});

test('webhooks: out of order', async () => {
    await fault({ kind: 'out_of_order', type: 'CRYPTO_WITHDRAWAL' });
    const { payload } = await box.withdraw('16.00', chain.bridge);
    await box.settled(payload.id);
    await eventually('three events', () =>
        receiver.of(payload.id).length >= 3 ? true : undefined,
    );
    assert.deepEqual(receiver.of(payload.id), ['IN_PROGRESS', 'PENDING', 'COMPLETE']);
});

test('webhooks: a receiver that answers 500 is tried again', async () => {
    receiver.status = 500;
    const { payload } = await box.withdraw('17.00', chain.bridge);
    await eventually('tried twice', () => (receiver.of(payload.id).length >= 2 ? true : undefined));
    assert.equal(
        new Set(receiver.of(payload.id)).size,
        1,
        'the first event again, not the next one',
    );
    receiver.status = 200;
    await box.settled(payload.id);
    await eventually('all arrived', () =>
        receiver.of(payload.id).at(-1) === 'COMPLETE' ? true : undefined,
    );
});

test('webhooks: registration is checked', async () => {
    const post = (body) => box.api('POST', '/v4/webhooks', body);
    for (const body of [
        { callback_url: 'ftp://x', events: ['TRANSACTION'] },
        { callback_url: receiver.url, events: ['OTHER'] },
        { events: ['TRANSACTION'] },
    ]) {
        assert.equal((await post(body)).error.code, 32002);
    }
    const twice = await post({ callback_url: receiver.url, events: ['TRANSACTION'] });
    assert.equal(twice.webhooks.length, 1);
});

test('control port: wrong calls are refused with the reason', async () => {
    const post = (where, body) => box.control('POST', where, body);
    assert.match((await post('/faults', { kind: 'nonsense' })).error, /one of/);
    assert.match((await post('/deposit', { clabe: '1', amount: '100.00' })).error, /not a CLABE/);
    for (const amount of [100, '0', '-1', '1.001', '99999999999999']) {
        assert.match(
            (await post('/deposit', { clabe: box.ready.clabe, amount })).error,
            /positive decimal/,
        );
    }
    assert.match(
        (await post('/deposit', { clabe: box.ready.clabe, amount: '1', other: 1 })).error,
        /other/,
    );
    assert.match((await post('/clock/advance', { ms: -1 })).error, /whole number/);
    assert.match(
        (await post('/settings', { amount_type: 'string', nonsense: 1 })).error,
        /unknown setting/,
    );
    assert.equal((await box.control('GET', '/settings')).amount_type, 'both', 'nothing half done');
    assert.match((await post('/nowhere', {})).error, /no such call/);
});
