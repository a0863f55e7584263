// Whole lives of transactions against a real chain: states, hashes, books, refusals.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { books_verify, chain_start, eventually, sandbox_start, sleep } from './support.mjs';
import { receipt_in, token_of } from './token.mjs';

const MINT = '/mint_platform/v1';

let chain;
let token;
let box;

before(async () => {
    chain = await chain_start();
    token = token_of(chain);
    box = await sandbox_start(chain);
});
after(async () => {
    await box?.stop();
    await chain?.stop();
});
afterEach(async () => {
    await box.control('POST', '/reset-faults');
    await eventually('nothing is open', async () => {
        const books = await box.control('GET', '/books');
        return books.open_transactions.length === 0 ? true : undefined;
    });
    books_verify(await box.control('GET', '/books'));
});

test('deposit: issued by itself, tokens minted to the wallet, linked by fid', async () => {
    const { fid, issuance } = await box.fund(box.ready.clabe, '1234.56');
    assert.equal(issuance.amount, 1234.56);
    assert.equal(issuance.currency, 'MXNB');
    assert.equal(issuance.details.fid, fid);
    assert.deepEqual(await token.transfer_of(receipt_in(issuance, 'Tokens minted')), [
        `0x${'0'.repeat(40)}`,
        box.ready.depositAddress.toLowerCase(),
        1_234_560_000n,
    ]);
    const books = await box.control('GET', '/books');
    assert.equal(books.pesos.in[fid], '1234.56');
});

test('deposit: below 100 or to the MAIN CLABE issues nothing, the pesos are held', async () => {
    const count = async () => (await box.control('GET', '/transactions')).transactions.length;
    const known = await count();
    const start = (await box.control('GET', '/books')).pesos;
    const main = (await box.api('GET', '/spei/v1/clabes?clabe_type=MAIN')).payload.response[0]
        .clabe;
    await box.control('POST', '/deposit', { clabe: box.ready.clabe, amount: '99.99' });
    await box.control('POST', '/deposit', { clabe: main, amount: '500.00' });
    await box.control('POST', '/clock/advance', { ms: 60_000 });
    await sleep(300);
    assert.equal(await count(), known);
    const end = (await box.control('GET', '/books')).pesos;
    assert.equal(Math.round((end.held.mxn_balance - start.held.mxn_balance) * 100), 59999);
});

test('deposit: no link when issuance_link is off', async () => {
    await box.control('POST', '/settings', { issuance_link: false });
    const { deposit_id } = await box.control('POST', '/deposit', {
        clabe: box.ready.clabe,
        amount: '777.77',
    });
    assert.ok(deposit_id);
    const row = await eventually('an issuance of that amount', async () => {
        const { payload } = await box.api(
            'GET',
            `${MINT}/transactions?type=ISSUANCE&amount_from=777.77&amount_to=777.77`,
        );
        return payload.content[0];
    });
    const tx = await box.settled(row.id);
    assert.deepEqual(tx.details, { method: 'SPEI' });
    await box.control('POST', '/settings', { issuance_link: true });
});

test('withdrawal: PENDING, IN_PROGRESS, COMPLETE with the hash of a real transfer', async () => {
    await box.control('POST', '/settings', { pending_ms: 60_000, progress_ms: 60_000 });
    const { payload } = await box.withdraw('321.09', chain.bridge);
    assert.equal(payload.summary_status, 'PENDING');
    assert.equal(payload.currency, 'mxnb');
    assert.equal(payload.updated_at, null);
    await box.control('POST', '/clock/advance', { ms: 60_000 });
    assert.equal((await box.transaction(payload.id)).status, 'IN_PROGRESS');
    await box.control('POST', '/clock/advance', { ms: 60_000 });
    const tx = await box.settled(payload.id);
    assert.deepEqual(await token.transfer_of(receipt_in(tx, 'Tokens transferred')), [
        box.ready.depositAddress.toLowerCase(),
        chain.bridge.toLowerCase(),
        321_090_000n,
    ]);
    await box.control('POST', '/settings', { pending_ms: 20, progress_ms: 20 });
});

test('crypto deposit: credited after N blocks, once per log, to the unit', async () => {
    await box.control('POST', '/settings', { confirmations: 4 });
    const before_all = (await box.control('GET', '/books')).tokens;
    const hash = await token.transfer(chain.bridge, box.ready.depositAddress, 100_000_001n);
    const { blockNumber } = await token.receipt_of(hash);
    const row = await eventually('the transfer is seen', async () => {
        const { payload } = await box.api('GET', `${MINT}/transactions?type=CRYPTO_DEPOSIT`);
        return payload.content[0];
    });
    const tx = await box.settled(row.id);
    const head = Number(await chain.call('eth_blockNumber', []));
    assert.ok(head - Number(blockNumber) + 1 >= 4, 'not before the fourth block');
    assert.equal(tx.amount, 100.000001);
    assert.equal(tx.details.tx_hash, hash);
    assert.equal(receipt_in(tx, 'Tokens received'), hash);
    assert.equal(tx.details.sender_address.toLowerCase(), chain.bridge.toLowerCase());
    const books = await box.control('GET', '/books');
    assert.equal(Math.round((books.tokens.custody - before_all.custody) * 1e6), 100_000_001);
    assert.equal(books.tokens.credited, '100.000001');
    await box.control('POST', '/settings', { confirmations: 1 });
});

test('redemption: tokens burned, pesos paid out, evidence by setting', async () => {
    const bank_id = await box.bank_register();
    const { payload } = await box.redeem('250.00', bank_id);
    const tx = await box.settled(payload.id);
    assert.deepEqual(await token.transfer_of(receipt_in(tx, 'Tokens burned')), [
        box.ready.depositAddress.toLowerCase(),
        `0x${'0'.repeat(40)}`,
        250_000_000n,
    ]);
    assert.equal(tx.currency, 'MXN');
    assert.match(tx.details.clave_rastreo, /^[0-9]{8}90710[0-9]{17}$/);
    assert.match(
        tx.details.cep_link,
        /^https:\/\/www\.banxico\.org\.mx\/cep\/go\?i=90710&s=[0-9]{8}&d=/,
    );
    assert.equal((await box.control('GET', '/books')).pesos.out[bank_id], '250.00');
    await box.control('POST', '/settings', { redemption_evidence: false });
    const bare = await box.settled((await box.redeem('100.00', bank_id)).payload.id);
    assert.equal(bare.details.cep_link, undefined);
    await box.control('POST', '/settings', { redemption_evidence: true });
});

test('return: a completed payout comes back as a refund row, once', async () => {
    const bank_id = await box.bank_register('012180026050783858');
    const tx = await box.settled((await box.redeem('110.00', bank_id)).payload.id);
    const back = await box.control('POST', '/return', {
        transaction_id: tx.transaction_id,
        return_code: '02',
    });
    assert.equal(back.status, 'FAILED');
    const refunds = (await box.api('GET', '/spei/v1/deposits?only_refunds=true')).payload.response;
    assert.equal(refunds.length, 1);
    assert.equal(refunds[0].fid, back.fid);
    assert.equal(refunds[0].amount, '110.00');
    assert.equal(refunds[0].clave_rastreo, tx.details.clave_rastreo);
    assert.equal(refunds[0].refunded_withdrawal.transaction_id, tx.transaction_id);
    const now = await box.transaction(tx.transaction_id);
    assert.equal(now.status, 'FAILED');
    assert.equal(now.timeline.at(-1).return_code, '02');
    const { pesos } = await box.control('GET', '/books');
    assert.deepEqual([pesos.out[bank_id], pesos.returned[bank_id]], ['110.00', '110.00']);
    assert.match(
        (await box.control('POST', '/return', { transaction_id: tx.transaction_id })).error,
        /once/,
    );
    assert.match(
        (await box.control('POST', '/return', { transaction_id: 'x' })).error,
        /not known/,
    );
});

test('return: may be credited in tokens', async () => {
    await box.control('POST', '/settings', {
        returned_credit: 'mxnb',
        returned_status: 'COMPLETE',
    });
    const bank_id = await box.bank_register('002010077777777771');
    const tx = await box.settled((await box.redeem('120.00', bank_id)).payload.id);
    const before_return = (await box.control('GET', '/books')).tokens;
    await box.control('POST', '/return', { transaction_id: tx.transaction_id });
    await eventually('the tokens are back', async () => {
        const { tokens } = await box.control('GET', '/books');
        return Math.round((tokens.custody - before_return.custody) * 100) === 12000
            ? true
            : undefined;
    });
    assert.equal((await box.transaction(tx.transaction_id)).status, 'COMPLETE');
    await box.control('POST', '/settings', { returned_credit: 'mxn', returned_status: 'FAILED' });
});

test('token refuses: a withdrawal to a blocked address fails, tokens back', async () => {
    const before_all = (await box.control('GET', '/books')).tokens;
    await token.block(chain.outsider);
    const tx = await box.settled(
        (await box.withdraw('10.00', chain.outsider)).payload.id,
        'FAILED',
    );
    assert.match(tx.timeline.at(-1).reason, /blacklisted/i);
    assert.equal((await box.control('GET', '/books')).tokens.custody, before_all.custody);
});

test('token refuses: minting waits for the end of a pause', async () => {
    await token.pause();
    const { fid } = await box.control('POST', '/deposit', {
        clabe: box.ready.clabe,
        amount: '130.00',
    });
    const issuance = await eventually('the issuance is there', async () => {
        const { transactions } = await box.control('GET', '/transactions');
        return transactions.find((tx) => tx.details.fid === fid && tx.status === 'IN_PROGRESS');
    });
    await sleep(600);
    assert.equal((await box.transaction(issuance.transaction_id)).status, 'IN_PROGRESS');
    assert.equal((await box.control('GET', '/books')).pesos.held.pending_issuance, '130.00');
    await token.unpause();
    await box.settled(issuance.transaction_id);
});

test('failed by the bank: the money is where it was', async () => {
    const bank_id = (await box.api('GET', `${MINT}/accounts/banks`)).payload[0].id;
    const before_all = await box.control('GET', '/books');
    await box.control('POST', '/faults', { kind: 'transaction_failed', type: 'REDEMPTION' });
    const tx = await box.settled((await box.redeem('100.00', bank_id)).payload.id, 'FAILED');
    assert.equal(tx.timeline.at(-1).status, 'FAILED');
    const after_all = await box.control('GET', '/books');
    assert.deepEqual([after_all.tokens, after_all.pesos], [before_all.tokens, before_all.pesos]);
});

test('many at once: every transaction has its own nonce and its own transfer', async () => {
    await box.fund(box.ready.clabe, '5000.00');
    const answers = [];
    for (let i = 1; i <= 30; i++) answers.push(await box.withdraw(`${i}.00`, chain.bridge));
    const settled = await Promise.all(answers.map(({ payload }) => box.settled(payload.id)));
    const hashes = settled.map((tx) => receipt_in(tx, 'Tokens transferred'));
    assert.equal(new Set(hashes).size, 30);
    const moved = await Promise.all(hashes.map(token.transfer_of));
    assert.deepEqual(
        moved.map(([, , units]) => units),
        settled.map((tx) => BigInt(tx.amount) * 1_000_000n),
    );
});

test('a request for more than there is changes nothing', async () => {
    const before_all = await box.control('GET', '/books');
    const answer = await box.withdraw('900000.00', chain.bridge);
    assert.deepEqual([answer.status, answer.error.code], [400, '0602']);
    assert.deepEqual(await box.control('GET', '/books'), before_all);
});

test('reorganisation: a transfer that vanishes in time is not credited', async () => {
    await box.control('POST', '/settings', { confirmations: 1000 });
    const snapshot = await chain.call('evm_snapshot', []);
    const hash = await token.transfer(chain.bridge, box.ready.depositAddress, 5_000_000n);
    await token.receipt_of(hash);
    const row = await eventually('the transfer is seen', async () => {
        const { payload } = await box.api(
            'GET',
            `${MINT}/transactions?type=CRYPTO_DEPOSIT&amount_from=5&amount_to=5`,
        );
        return payload.content[0];
    });
    const before_all = (await box.control('GET', '/books')).tokens;
    assert.equal(row.summary_status, 'IN_PROGRESS');
    assert.equal(await chain.call('evm_revert', [snapshot]), true);
    await chain.call('anvil_mine', ['0x50']);
    const tx = await box.settled(row.id, 'FAILED');
    assert.match(tx.timeline.at(-1).reason, /reorganisation/);
    assert.deepEqual((await box.control('GET', '/books')).tokens, before_all);
    await box.control('POST', '/settings', { confirmations: 1 });
    const again = await token.transfer(chain.bridge, box.ready.depositAddress, 5_000_000n);
    await eventually('a later transfer is credited', async () => {
        const { transactions } = await box.control('GET', '/transactions');
        return transactions.find(
            (other) =>
                other.details.tx_hash === again &&
                other.transaction_id !== row.id &&
                other.status === 'COMPLETE',
        );
    });
});
