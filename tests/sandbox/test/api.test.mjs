// The public API on the wire: credentials, content, listings, idempotency.

import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, beforeEach, test } from 'node:test';
import {
    API_KEY,
    BANK_CLABE,
    OTHER_BANK_CLABE,
    authorization,
    chain_start,
    eventually,
    sandbox_start,
} from './support.mjs';

let chain;
let box;
const MINT = '/mint_platform/v1';

before(async () => {
    chain = await chain_start();
    box = await sandbox_start(chain);
});
after(async () => {
    await box?.stop();
    await chain?.stop();
});
beforeEach(() =>
    box.control('POST', '/settings', {
        amount_type: 'both',
        idempotency_conflict: 'original',
        multiple_user_clabes: true,
        rate_limit_per_minute: 0,
        bank_propagation_ms: 50,
    }),
);

// A request written by hand, so that target and headers go out exactly as given.
function raw_request(method, target, headers, body = '') {
    return new Promise((resolve, reject) => {
        const request = http.request(
            {
                host: '127.0.0.1',
                port: box.ready.port,
                method,
                path: target,
                headers: { 'content-type': 'application/json', ...headers },
            },
            (response) => {
                let text = '';
                response.on('data', (part) => {
                    text += part;
                });
                response.on('end', () =>
                    resolve({ status: response.statusCode, ...JSON.parse(text) }),
                );
            },
        );
        request.on('error', reject);
        request.end(body);
    });
}

function refused(answer, status, code, message) {
    assert.equal(answer.status, status, answer.text);
    assert.equal(answer.success, false);
    assert.equal(answer.error.code, code);
    if (message !== undefined) assert.match(JSON.stringify(answer.error), message);
}

test('credentials: the query is signed, the exact body is signed', async () => {
    const target = '/spei/v1/deposits?page=1&page_size=5';
    const good = await raw_request('GET', target, {
        authorization: authorization('GET', target, ''),
    });
    assert.equal(good.status, 200);
    const without_query = authorization('GET', '/spei/v1/deposits', '');
    refused(await raw_request('GET', target, { authorization: without_query }), 401, '0201');
    const spaced = '{ "tag": "x" }';
    const bank_target = `${MINT}/accounts/banks`;
    const signed = authorization('POST', bank_target, '{"tag":"x"}');
    refused(await raw_request('POST', bank_target, { authorization: signed }, spaced), 401, '0201');
    refused(await raw_request('GET', target, {}), 401, '0201');
    refused(await raw_request('GET', target, { authorization: `Bearer ${API_KEY}` }), 401, '0201');
});

test('credentials: a nonce must increase, and a bad signature does not use one up', async () => {
    const target = `${MINT}/balances`;
    const nonce = Date.now() + 1_000_000;
    const header = (n) => ({ authorization: authorization('GET', target, '', n) });
    const spoiled = header(nonce).authorization.replace(/.$/, (c) => (c === '0' ? '1' : '0'));
    refused(await raw_request('GET', target, { authorization: spoiled }), 401, '0201');
    assert.equal((await raw_request('GET', target, header(nonce))).status, 200);
    refused(await raw_request('GET', target, header(nonce)), 401, '0207');
    refused(await raw_request('GET', target, header(nonce - 1)), 401, '0207');
    assert.equal((await raw_request('GET', target, header(nonce + 1))).status, 200);
    // The clients of the other tests count from the present.
    await box.stop();
    box = await sandbox_start(chain);
});

test('unknown endpoint and wrong method', async () => {
    refused(await box.api('GET', `${MINT}/redeem`), 404, '1401');
    refused(await box.api('DELETE', `${MINT}/balances`), 405, '0304');
});

test('content: not JSON, not an object, wrong content type', async () => {
    const target = `${MINT}/redemptions`;
    const send = (body, type) =>
        raw_request(
            'POST',
            target,
            { 'content-type': type, authorization: authorization('POST', target, body) },
            body,
        );
    refused(await send('{"amount":', 'application/json'), 400, 32002);
    refused(await send('[]', 'application/json'), 400, 32002);
    refused(await send('{}', 'text/plain'), 415, 32002);
    refused(await send('x'.repeat(70_000), 'application/json'), 413, '0304');
});

test('CLABEs: created AUTO_PAYMENT and valid, found again, quota by setting', async () => {
    const made = await box.api('POST', `${MINT}/clabes`, {});
    assert.equal(made.status, 201);
    assert.equal(made.payload.type, 'AUTO_PAYMENT');
    const found = await box.api('GET', `/spei/v1/clabes/${made.payload.clabe}`);
    assert.equal(found.payload.status, 'ENABLED');
    const { payload } = await box.api('GET', '/spei/v1/clabes?clabe_type=MAIN');
    assert.equal(payload.response.length, 1);
    refused(await box.api('GET', '/spei/v1/clabes/710969000000099999'), 404, '1401');
    refused(await box.api('GET', '/spei/v1/clabes?clabe_type=OTHER'), 400, '0304');
    refused(await box.api('POST', `${MINT}/clabes`, { user: 1 }), 400, 32002, /user/);
    await box.control('POST', '/settings', { multiple_user_clabes: false });
    refused(
        await box.api('POST', `${MINT}/clabes`),
        400,
        32002,
        /Multiple User CLABEs not enabled/,
    );
});

test('bank accounts: check digit, NVIO, twins, unknown fields, propagation', async () => {
    const body = {
        tag: 't',
        recipient_legal_name: 'Someone',
        clabe: OTHER_BANK_CLABE,
        ownership: 'THIRD_PARTY',
    };
    const post = (change) => box.api('POST', `${MINT}/accounts/banks`, { ...body, ...change });
    refused(await post({ clabe: '012180026050783859' }), 400, 32002, /check digit/);
    refused(await post({ clabe: box.ready.clabe }), 400, 32002, /NVIO/);
    refused(await post({ ownership: 'MINE' }), 400, 32002, /COMPANY_OWNED/);
    refused(await post({ account_holder_name: 'x' }), 400, 32002, /account_holder_name/);
    refused(await post({ recipient_legal_name: undefined }), 400, 32002, /required/);
    await box.control('POST', '/settings', { bank_propagation_ms: 5000 });
    const { id } = (await post({ currency: 'MXN' })).payload;
    refused(await post({}), 400, 32002, /registered already/);
    const listed = async () =>
        (await box.api('GET', `${MINT}/accounts/banks`)).payload.some((bank) => bank.id === id);
    assert.equal(await listed(), false, 'not propagated yet');
    refused(await box.redeem('100', id), 400, 32002, /not a known bank account/);
    await box.control('POST', '/clock/advance', { ms: 5000 });
    assert.equal(await listed(), true);
    const changed = await box.api('PUT', `${MINT}/accounts/banks/${id}`, { tag: 'new' });
    assert.equal(changed.payload.tag, 'new');
    refused(
        await box.api('PUT', `${MINT}/accounts/banks/${id}`, { clabe: BANK_CLABE }),
        400,
        32002,
    );
    assert.equal((await box.api('DELETE', `${MINT}/accounts/banks/${id}`)).status, 200);
    assert.equal(await listed(), false);
    refused(await box.redeem('100', id), 400, 32002, /not a known bank account/);
    refused(await box.api('DELETE', `${MINT}/accounts/banks/${id}`), 404, '1401');
});

test('blockchain accounts: registered once, checksum checked', async () => {
    const body = { tag: 'bridge', network: 'ARBITRUM', address: chain.bridge };
    assert.equal((await box.api('POST', `${MINT}/accounts/blockchain`, body)).status, 200);
    refused(await box.api('POST', `${MINT}/accounts/blockchain`, body), 400, 32002, /already/);
    const mixed = { ...body, address: '0xf197FFC28c23E0309B5559e7a166f2c6164C80aA' };
    refused(await box.api('POST', `${MINT}/accounts/blockchain`, mixed), 400, 32002, /checksum/);
    const { payload } = await box.api('GET', `${MINT}/accounts/blockchain`);
    assert.deepEqual(
        payload.map((wallet) => wallet.address),
        [chain.bridge],
    );
});

test('amounts: type by setting, minimum, decimals, sign', async () => {
    const bank_id = await box.bank_register();
    await box.fund(box.ready.clabe, '1000.00');
    for (const bad of [
        '99.99',
        99.99,
        '100.001',
        100.001,
        '-100',
        -100,
        '0',
        '1e3',
        1e21,
        true,
        null,
        '',
    ]) {
        refused(await box.redeem(bad, bank_id), 400, 32002, /amount/);
    }
    await box.control('POST', '/settings', { amount_type: 'string' });
    refused(await box.redeem(100, bank_id), 400, 32002, /must be a string/);
    assert.equal((await box.redeem('100', bank_id)).status, 200);
    await box.control('POST', '/settings', { amount_type: 'number' });
    refused(await box.redeem('100', bank_id), 400, 32002, /must be a number/);
    const taken = await box.redeem(100.1, bank_id);
    assert.equal(taken.payload.amount, 100.1);
    await box.control('POST', '/settings', { amount_type: 'both' });
    refused(await box.redeem('5000', bank_id), 400, '0602');
});

test('redemption: unknown destination refused, missing destination pays the platform', async () => {
    await box.fund(box.ready.clabe, '300.00');
    refused(await box.redeem('100', BANK_CLABE), 400, 32002, /UUID/);
    refused(await box.redeem('100', '00000000-0000-4000-8000-000000000000'), 400, 32002, /known/);
    for (const body of [
        { amount: '100', asset: 'MXN' },
        { amount: '100', asset: 'mxn', destination_bank_account_id: null },
    ]) {
        const { payload } = await box.api('POST', `${MINT}/redemptions`, body);
        assert.equal(payload.method, 'BITSO_TRANSFER');
        await box.settled(payload.id);
    }
    const { pesos } = await box.control('GET', '/books');
    assert.equal(pesos.held.mxn_balance, '200.00');
    // The peso balance buys tokens again, and no more than it holds.
    const buy = (amount) =>
        box.api('POST', `${MINT}/issuance`, { amount, network: 'ARBITRUM', asset: 'MXNB' });
    refused(await buy('200.01'), 400, '0602');
    refused(await buy('99'), 400, 32002, /minimum/);
    const bought = await buy('200.00');
    assert.equal(bought.payload.summary_status, 'IN_PROGRESS');
    await box.settled(bought.payload.id);
    assert.equal((await box.control('GET', '/books')).pesos.held.mxn_balance, '0.00');
});

test('withdrawal: compliance object, travel rule above the threshold, its shape', async () => {
    await box.fund(box.ready.clabe, '50000.00');
    const post = (amount, compliance) =>
        box.api('POST', `${MINT}/withdrawals`, {
            amount,
            address: chain.bridge,
            asset: 'MXNB',
            blockchain: 'ARBITRUM',
            compliance,
        });
    refused(await post('100', undefined), 400, 32002, /compliance/);
    refused(await post('21500.00', {}), 400, 32002, /travel_rule/);
    assert.equal((await post('21499.99', {})).status, 200);
    assert.equal((await post('21500.00', { travel_rule: {} })).status, 200);
    const vasp = { did: 'did:example:vasp' };
    const wrong = [
        [],
        { other: 1 },
        { travel_rule: null },
        { travel_rule: { originator_name: 'x' } },
        { travel_rule: { beneficiary: { name: 'x', type: 'NATURAL' } } },
        { travel_rule: { vasp: {} } },
        { travel_rule: { vasp, beneficiary: { name: 'x', type: 'ROBOT' } } },
    ];
    for (const compliance of wrong)
        refused(await post('100', compliance), 400, 32002, /compliance/);
    const full = { travel_rule: { vasp, beneficiary: { name: 'x', type: 'NATURAL' } } };
    assert.equal((await post('100', full)).status, 200);
    refused(await box.withdraw('100', box.ready.depositAddress), 400, 32002, /deposit address/);
    refused(await box.withdraw('100', '0x1234'), 400, 32002, /address/);
});

test('idempotency: the same key gives the original as it stands now', async () => {
    const bank_id = await box.bank_register('002010077777777771');
    await box.fund(box.ready.clabe, '500.00');
    const before_all = (await box.control('GET', '/transactions')).transactions.length;
    const key = 'b0b8a3c2-7c1c-11f0-8de9-0242ac120002';
    refused(await box.redeem('99', bank_id, key), 400, 32002);
    const first = await box.redeem('200', bank_id, key);
    assert.equal(
        first.payload.summary_status,
        'IN_PROGRESS',
        'a refused request does not use the key up',
    );
    await box.settled(first.payload.id);
    const again = await box.redeem('200', bank_id, key);
    assert.equal(again.payload.id, first.payload.id);
    assert.equal(again.payload.summary_status, 'COMPLETE');
    const other_body = await box.redeem('150', bank_id, key);
    assert.equal(other_body.payload.id, first.payload.id);
    assert.equal(other_body.payload.amount, 200);
    await box.control('POST', '/settings', { idempotency_conflict: 'error' });
    refused(await box.redeem('150', bank_id, key), 409, 32002);
    assert.equal((await box.redeem('200', bank_id, key)).payload.id, first.payload.id);
    refused(await box.redeem('200', bank_id, 'k'.repeat(37)), 400, 32002);
    const { transactions } = await box.control('GET', '/transactions');
    assert.equal(transactions.length, before_all + 1);
    await box.control('POST', '/settings', { idempotency_retention_ms: 60_000 });
    await box.control('POST', '/clock/advance', { ms: 61_000 });
    const forgotten = await box.redeem('200', bank_id, key);
    assert.notEqual(forgotten.payload.id, first.payload.id);
    await box.control('POST', '/settings', { idempotency_retention_ms: 0 });
});

test('test deposits: names must be the business name, amount a string', async () => {
    const body = {
        amount: '150.00',
        receiver_clabe: box.ready.clabe,
        receiver_name: box.ready.businessName,
        sender_name: box.ready.businessName,
    };
    const post = (change) => box.api('POST', '/spei/test/deposits', { ...body, ...change });
    refused(await post({ amount: 150 }), 400, 32002, /string/);
    refused(await post({ amount: '0.00' }), 400, 32002, /positive/);
    refused(await post({ sender_name: 'Somebody' }), 400, 32002, /business name/);
    refused(await post({ receiver_clabe: BANK_CLABE }), 400, 32002, /not a CLABE/);
    const skipped = await post({ sender_name: 'Somebody', skip_validation: true });
    assert.match(skipped.payload.tracking_code, /^TESTSPEI[0-9]{1,22}$/);
    const made = await post({ sender_clabe: BANK_CLABE });
    const row = await eventually('the deposit is complete', async () => {
        const { payload } = await box.api('GET', `/spei/v1/deposits?sender_clabe=${BANK_CLABE}`);
        return payload.response.find((deposit) => deposit.status === 'complete');
    });
    assert.equal(row.clave_rastreo, made.payload.tracking_code);
    assert.equal(row.amount, '150.00');
});

// A deposit is issued a moment after it is complete: until then a row may come between two questions.
const all_at_rest = () =>
    eventually('nothing is on its way', async () => {
        const books = await box.control('GET', '/books');
        const open = [...books.open_transactions, ...books.open_deposits];
        return open.length === 0 && Number(books.pesos.held.pending_issuance) === 0 ? true : undefined;
    });

test('listings: filters, pages and their bounds', async () => {
    await all_at_rest();
    const deposits = (query) => box.api('GET', `/spei/v1/deposits?${query}`);
    const all = (await deposits('page_size=100')).payload;
    assert.equal(all.response.length, all.total_items);
    const first = (await deposits('page=1&page_size=2')).payload.response;
    const second = (await deposits('page=2&page_size=2')).payload.response;
    assert.deepEqual(
        [...first, ...second].map((row) => row.fid),
        all.response.slice(0, 4).map((row) => row.fid),
    );
    assert.ok(first[0].created_at >= first[1].created_at, 'newest first');
    for (const bad of [
        'page=0',
        'page_size=101',
        'page=x',
        'start_date=today',
        'timezone=Mars',
        'deposit_status=DONE',
    ]) {
        assert.equal((await deposits(bad)).status, 400, bad);
    }
    const long_ago = await deposits('start_date=2001-01-01&end_date=2001-12-31');
    assert.equal(long_ago.payload.total_items, 0);
    assert.equal((await deposits('deposit_status=FAILED')).payload.total_items, 0);
    assert.equal((await deposits('only_refunds=true')).payload.total_items, 0);

    const rows = (query) => box.api('GET', `${MINT}/transactions?${query}`);
    const whole = (await rows('size=100')).payload;
    assert.equal(whole.content.length, whole.totalElements);
    const pages = [(await rows('page=0&size=3')).payload, (await rows('page=1&size=3')).payload];
    assert.deepEqual(
        pages.flatMap((page) => page.content.map((row) => row.id)),
        whole.content.slice(0, 6).map((row) => row.id),
    );
    for (const type of ['ISSUANCE', 'REDEMPTION', 'CRYPTO_WITHDRAWAL']) {
        const { content } = (await rows(`type=${type}&size=100`)).payload;
        assert.ok(content.length > 0 && content.every((row) => row.transaction_type === type));
    }
    const snake = (await rows('amount_from=21500&amount_to=21500')).payload.content;
    const camel = (await rows('amountFrom=21500&amountTo=21500')).payload.content;
    assert.ok(snake.length === 1 && snake[0].amount === 21500);
    assert.deepEqual(camel, snake);
    assert.equal((await rows('isoDateFrom=2100-01-01T00:00:00Z')).payload.totalElements, 0);
    assert.equal((await rows('iso_date_to=2001-01-01T00:00:00Z')).payload.totalElements, 0);
    for (const bad of ['type=GIFT', 'size=0', 'isoDateFrom=2100-01-01', 'amount_from=x']) {
        assert.equal((await rows(bad)).status, 400, bad);
    }
    const missing = '00000000-0000-4000-8000-000000000000';
    refused(await box.api('GET', `${MINT}/transactions/${missing}`), 404, '1401');
});

test('deposit days are those of the server or of the asked time zone', async () => {
    const row = (await box.api('GET', '/spei/v1/deposits?page_size=1')).payload.response[0];
    const day = (zone) =>
        new Intl.DateTimeFormat('en-CA', { timeZone: zone }).format(
            new Date(row.created_at.slice(0, 23) + 'Z'),
        );
    const found = async (zone, date) =>
        (
            await box.api(
                'GET',
                `/spei/v1/deposits?timezone=${zone}&start_date=${date}&end_date=${date}`,
            )
        ).payload.response.some((other) => other.fid === row.fid);
    // Fourteen hours ahead and eleven behind UTC: never the same calendar day.
    const [east, west] = ['Pacific/Kiritimati', 'Pacific/Pago_Pago'];
    assert.notEqual(day(east), day(west));
    assert.deepEqual(
        [await found(east, day(east)), await found(east, day(west)), await found(west, day(west))],
        [true, false, true],
    );
});

test('rate limit: locked out for a minute', async () => {
    await box.control('POST', '/clock/advance', { ms: 120_000 });
    await box.control('POST', '/settings', { rate_limit_per_minute: 3 });
    const statuses = [];
    for (let i = 0; i < 5; i++) statuses.push((await box.api('GET', `${MINT}/balances`)).status);
    assert.deepEqual(statuses, [200, 200, 200, 420, 420]);
    await box.control('POST', '/clock/advance', { ms: 59_000 });
    refused(await box.api('GET', `${MINT}/balances`), 420, '0801');
    await box.control('POST', '/clock/advance', { ms: 1_500 });
    assert.equal((await box.api('GET', `${MINT}/balances`)).status, 200);
});
