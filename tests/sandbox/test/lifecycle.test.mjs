// Whole lives of transactions against a real chain: states, hashes, books, refusals, restarts.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { HDNodeWallet } from 'ethers';
import { books_verify, chain_start, eventually, sandbox_start, sleep } from './support.mjs';

const MINT = '/mint_platform/v1';
// Topic of Transfer(address,address,uint256), from the ERC-20 standard's published ABI.
const TRANSFER = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef';

let chain;
let box;

before(async () => {
    chain = await chain_start();
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

const word = (value) => BigInt(value).toString(16).padStart(64, '0');
const address_word = (address) => address.slice(2).toLowerCase().padStart(64, '0');

function send(from, data, to = chain.token) {
    return chain.call('eth_sendTransaction', [{ from, to, data, gas: '0x30d40' }]);
}

function token_transfer(from, to, units) {
    return send(from, `0xa9059cbb${address_word(to)}${word(units)}`);
}

async function receipt_of(hash) {
    return eventually(`receipt of ${hash}`,
        async () => await chain.call('eth_getTransactionReceipt', [hash]) ?? undefined);
}

// The one Transfer log of a transaction as [from, to, units].
async function transfer_of(hash) {
    const { status, logs } = await receipt_of(hash);
    assert.equal(status, '0x1');
    const transfers = logs.filter((entry) => entry.topics[0] === TRANSFER
        && entry.address === chain.token.toLowerCase());
    assert.equal(transfers.length, 1);
    const [entry] = transfers;
    return [`0x${entry.topics[1].slice(26)}`, `0x${entry.topics[2].slice(26)}`, BigInt(entry.data)];
}

function receipt_in(tx, step) {
    return tx.timeline.find((entry) => entry.step === step).receipt;
}

test('deposit: issued by itself, tokens minted to the wallet, linked by fid', async () => {
    const { fid, issuance } = await box.fund(box.ready.clabe, '1234.56');
    assert.equal(issuance.amount, 1234.56);
    assert.equal(issuance.currency, 'MXNB');
    assert.equal(issuance.details.fid, fid);
    assert.deepEqual(await transfer_of(receipt_in(issuance, 'Tokens minted')),
        [`0x${'0'.repeat(40)}`, box.ready.depositAddress.toLowerCase(), 1_234_560_000n]);
    const books = await box.control('GET', '/books');
    assert.equal(books.pesos.in[fid], '1234.56');
});

test('deposit: below 100 or to the MAIN CLABE issues nothing, the pesos are held', async () => {
    const count = async () => (await box.control('GET', '/transactions')).transactions.length;
    const known = await count();
    const start = (await box.control('GET', '/books')).pesos;
    const main = (await box.api('GET', '/spei/v1/clabes?clabe_type=MAIN')).payload.response[0].clabe;
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
    const { deposit_id } = await box.control('POST', '/deposit',
        { clabe: box.ready.clabe, amount: '777.77' });
    assert.ok(deposit_id);
    const row = await eventually('an issuance of that amount', async () => {
        const { payload } = await box.api('GET',
            `${MINT}/transactions?type=ISSUANCE&amount_from=777.77&amount_to=777.77`);
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
    assert.deepEqual(await transfer_of(receipt_in(tx, 'Tokens transferred')),
        [box.ready.depositAddress.toLowerCase(), chain.bridge.toLowerCase(), 321_090_000n]);
    await box.control('POST', '/settings', { pending_ms: 20, progress_ms: 20 });
});

test('crypto deposit: credited after N blocks, once per log, to the unit', async () => {
    await box.control('POST', '/settings', { confirmations: 4 });
    const before_all = (await box.control('GET', '/books')).tokens;
    const hash = await token_transfer(chain.bridge, box.ready.depositAddress, 100_000_001n);
    const { blockNumber } = await receipt_of(hash);
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
    assert.deepEqual(await transfer_of(receipt_in(tx, 'Tokens burned')),
        [box.ready.depositAddress.toLowerCase(), `0x${'0'.repeat(40)}`, 250_000_000n]);
    assert.equal(tx.currency, 'MXN');
    assert.match(tx.details.clave_rastreo, /^[0-9]{8}90710[0-9]{17}$/);
    assert.match(tx.details.cep_link, /^https:\/\/www\.banxico\.org\.mx\/cep\/go\?i=90710&s=[0-9]{8}&d=/);
    assert.equal((await box.control('GET', '/books')).pesos.out[bank_id], '250.00');
    await box.control('POST', '/settings', { redemption_evidence: false });
    const bare = await box.settled((await box.redeem('100.00', bank_id)).payload.id);
    assert.equal(bare.details.cep_link, undefined);
    await box.control('POST', '/settings', { redemption_evidence: true });
});

test('return: a completed payout comes back as a refund row with its tracking key, once', async () => {
    const bank_id = await box.bank_register('012180026050783858');
    const tx = await box.settled((await box.redeem('110.00', bank_id)).payload.id);
    const back = await box.control('POST', '/return',
        { transaction_id: tx.transaction_id, return_code: '02' });
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
    assert.match((await box.control('POST', '/return', { transaction_id: tx.transaction_id })).error, /once/);
    assert.match((await box.control('POST', '/return', { transaction_id: 'x' })).error, /not known/);
});

test('return: may be credited in tokens', async () => {
    await box.control('POST', '/settings', { returned_credit: 'mxnb', returned_status: 'COMPLETE' });
    const bank_id = await box.bank_register('002010077777777771');
    const tx = await box.settled((await box.redeem('120.00', bank_id)).payload.id);
    const before_return = (await box.control('GET', '/books')).tokens;
    await box.control('POST', '/return', { transaction_id: tx.transaction_id });
    await eventually('the tokens are back', async () => {
        const { tokens } = await box.control('GET', '/books');
        return Math.round((tokens.custody - before_return.custody) * 100) === 12000 ? true : undefined;
    });
    assert.equal((await box.transaction(tx.transaction_id)).status, 'COMPLETE');
    await box.control('POST', '/settings', { returned_credit: 'mxn', returned_status: 'FAILED' });
});

test('token refuses: a withdrawal to a blocked address fails and gives the tokens back', async () => {
    const before_all = (await box.control('GET', '/books')).tokens;
    await receipt_of(await send(chain.admin, `0xf9f92be4${address_word(chain.outsider)}`));
    const tx = await box.settled((await box.withdraw('10.00', chain.outsider)).payload.id, 'FAILED');
    assert.match(tx.timeline.at(-1).reason, /blacklisted/i);
    assert.equal((await box.control('GET', '/books')).tokens.custody, before_all.custody);
});

test('token refuses: minting waits for the end of a pause', async () => {
    await receipt_of(await send(chain.admin, '0x8456cb59'));
    const { fid } = await box.control('POST', '/deposit', { clabe: box.ready.clabe, amount: '130.00' });
    const issuance = await eventually('the issuance is there', async () => {
        const { transactions } = await box.control('GET', '/transactions');
        return transactions.find((tx) => tx.details.fid === fid && tx.status === 'IN_PROGRESS');
    });
    await sleep(600);
    assert.equal((await box.transaction(issuance.transaction_id)).status, 'IN_PROGRESS');
    assert.equal((await box.control('GET', '/books')).pesos.held.pending_issuance, '130.00');
    await receipt_of(await send(chain.admin, '0x3f4ba83a'));
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
    const moved = await Promise.all(hashes.map(transfer_of));
    assert.deepEqual(moved.map(([, , units]) => units),
        settled.map((tx) => BigInt(tx.amount) * 1_000_000n));
});

test('a request for more than there is changes nothing', async () => {
    const before_all = await box.control('GET', '/books');
    const answer = await box.withdraw('900000.00', chain.bridge);
    assert.deepEqual([answer.status, answer.error.code], [400, '0602']);
    assert.deepEqual(await box.control('GET', '/books'), before_all);
});

test('reorganisation: a transfer that vanishes before its last confirmation is not credited', async () => {
    await box.control('POST', '/settings', { confirmations: 1000 });
    const snapshot = await chain.call('evm_snapshot', []);
    const hash = await token_transfer(chain.bridge, box.ready.depositAddress, 5_000_000n);
    await receipt_of(hash);
    const row = await eventually('the transfer is seen', async () => {
        const { payload } = await box.api('GET',
            `${MINT}/transactions?type=CRYPTO_DEPOSIT&amount_from=5&amount_to=5`);
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
    const again = await token_transfer(chain.bridge, box.ready.depositAddress, 5_000_000n);
    await eventually('a later transfer is credited', async () => {
        const { transactions } = await box.control('GET', '/transactions');
        return transactions.find((other) => other.details.tx_hash === again
            && other.transaction_id !== row.id && other.status === 'COMPLETE');
    });
});

// Killed without warning in the middle of everything, started again on its state file.
async function restart_story(who, name) {
    const state = path.join(chain.dir, `state-${name}`);
    const arguments_ = ['--state-file', state, ...who];
    let other = await sandbox_start(chain, arguments_);
    const wallet = other.ready.depositAddress;
    await other.fund(other.ready.clabe, '2000.00');
    const bank_id = await other.bank_register();
    const key = 'restart-key';
    const ids = [(await other.redeem('500.00', bank_id, key)).payload.id];
    for (let i = 1; i <= 10; i++) ids.push((await other.withdraw(`${i}.00`, chain.bridge)).payload.id);
    await other.control('POST', '/deposit', { clabe: other.ready.clabe, amount: '300.00' });
    for (let kill = 0; kill < 5; kill++) {
        await sleep(30 + 40 * kill);
        await other.stop('SIGKILL');
        other = await sandbox_start(chain, arguments_);
    }
    assert.equal(other.ready.depositAddress, wallet);
    const settled = await Promise.all(ids.map((id) => other.settled(id)));
    const again = await other.redeem('500.00', bank_id, key);
    assert.equal(again.payload.id, ids[0], 'the idempotency key is remembered');
    const hashes = settled.slice(1).map((tx) => receipt_in(tx, 'Tokens transferred'));
    assert.equal(new Set(hashes).size, 10);
    await eventually('the last deposit is issued', async () => {
        const { tokens } = await other.control('GET', '/books');
        return tokens.issued === '2300.00' ? true : undefined;
    });
    const books = await other.control('GET', '/books');
    assert.deepEqual([books.tokens.withdrawn, books.tokens.redeemed, books.pesos.out_total],
        ['55.00', '500.00', '500.00']);
    await other.stop();
    return { books, wallet };
}

test('restart: killed five times, nothing lost, nothing twice (own key)', async () => {
    // The development phrase every anvil node starts with; account 9 is used by nobody else here.
    const { privateKey, address } = HDNodeWallet.fromPhrase(
        'test test test test test test test test test test test junk', undefined, "m/44'/60'/0'/0/9");
    const key_file = path.join(chain.dir, 'minter-key');
    fs.writeFileSync(key_file, privateKey, { mode: 0o600 });
    // configureMinter(address,uint256)
    await receipt_of(await send(chain.admin, `0x4e44d956${address_word(address)}${word(10n ** 18n)}`));
    const { books, wallet } = await restart_story(['--minter-key-file', key_file], 'key');
    assert.equal(wallet, address);
    books_verify(books);
});

test('restart: killed five times, nothing lost, nothing twice (unlocked account)', async () => {
    const accounts = await chain.call('eth_accounts', []);
    const minter = accounts[4];
    await receipt_of(await send(chain.admin, `0x4e44d956${address_word(minter)}${word(10n ** 18n)}`));
    const { books } = await restart_story(['--minter', minter], 'unlocked');
    books_verify(books);
});

// A sandbox of its own with tokens, started once and stopped; wallet is an unlocked account.
async function stopped_sandbox(index, name) {
    const minter = (await chain.call('eth_accounts', []))[index];
    await receipt_of(await send(chain.admin, `0x4e44d956${address_word(minter)}${word(10n ** 18n)}`));
    const state = path.join(chain.dir, `state-${name}`);
    const arguments_ = ['--state-file', state, '--minter', minter];
    const other = await sandbox_start(chain, arguments_);
    await other.fund(other.ready.clabe, '200.00');
    await other.stop();
    const start = (...extra) => sandbox_start(chain, [...arguments_, ...extra]);
    const append = (leg) => fs.appendFileSync(state, `${JSON.stringify([['leg', leg.id, leg]])}\n`);
    const changes = () => fs.readFileSync(state, 'utf8').trim().split('\n')
        .flatMap((line) => JSON.parse(line));
    return { minter, start, append, changes };
}

// Killed between sending a transaction and learning its hash: a leg with a nonce and without a hash.
test('restart: a transaction whose hash was lost is found by nonce and content', async () => {
    const { start, append, changes } = await stopped_sandbox(3, 'hash');
    let other = await start('--set', 'chain_poll_ms=60000');
    const { id } = (await other.withdraw('50.00', chain.bridge)).payload;
    const leg = await eventually('the transfer is sent', () => changes().findLast(
        ([kind, key, record]) => kind === 'leg' && key === id && record?.state === 'sent')?.[2]);
    await other.stop('SIGKILL');
    const { hash, ...armed } = { ...leg, state: 'armed' };
    append(armed);
    await receipt_of(hash);
    other = await start();
    assert.equal(receipt_in(await other.settled(id), 'Tokens transferred'), hash);
    books_verify(await other.control('GET', '/books'));
    await other.stop();
});

// Killed between storing a leg and sending it; before the restart its nonce is used by a payment the
// sandbox knows nothing of.
test('restart: a nonce somebody else used is given up for a new one', async () => {
    const { minter, start, append } = await stopped_sandbox(2, 'nonce');
    let other = await start('--set', 'pending_ms=600000');
    const { id } = (await other.withdraw('50.00', chain.bridge)).payload;
    await other.stop('SIGKILL');
    const foreign = await send(minter, '0x', chain.bridge);
    const { nonce } = await chain.call('eth_getTransactionByHash', [foreign]);
    const { blockNumber } = await receipt_of(foreign);
    append({ id, state: 'armed', polls: 0, method: 'transfer', to: chain.bridge,
        units: { $n: '50000000' }, nonce: Number(nonce), from_block: Number(blockNumber) - 1,
        request: { from: minter, to: chain.token, value: '0x0', nonce, gas: '0x30d40',
            maxPriorityFeePerGas: '0x0', maxFeePerGas: '0x77359400',
            data: `0xa9059cbb${address_word(chain.bridge)}${word(50_000_000n)}` } });
    other = await start('--set', 'pending_ms=600000');
    const hash = receipt_in(await other.settled(id), 'Tokens transferred');
    const sent = await chain.call('eth_getTransactionByHash', [hash]);
    assert.equal(Number(sent.nonce), Number(nonce) + 1);
    assert.equal((await transfer_of(hash))[2], 50_000_000n);
    books_verify(await other.control('GET', '/books'));
    await other.stop();
});

test('start: wrong token, no minter, foreign state file and bad usage are one clear sentence', async () => {
    const fails = (extra) => sandbox_start(chain, extra).then(
        async (started) => { await started.stop(); return 'started'; }, (error) => error.message);
    assert.match(await fails(['--token', chain.bridge]), /no contract at token address/);
    assert.match(await fails(['--minter', chain.outsider]), /not a minter/);
    assert.match(await fails(['--set', 'nonsense=1']), /unknown setting/);
    assert.match(await fails(['--unknown']), /Unknown option/);
    const state = path.join(chain.dir, 'state-key');
    assert.match(await fails(['--state-file', state]), /another chain, token or minter/);
    assert.match(await fails(['--rpc', 'http://127.0.0.1:9']), /127\.0\.0\.1:9/);
});
