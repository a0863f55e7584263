// Restarts: killed at bad moments and started again on the state file.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { HDNodeWallet } from 'ethers';
import { books_verify, chain_start, eventually, sandbox_start, sleep } from './support.mjs';
import { address_word, receipt_in, token_of, word } from './token.mjs';

let chain;
let token;

before(async () => {
    chain = await chain_start();
    token = token_of(chain);
});
after(() => chain?.stop());

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
    for (let i = 1; i <= 10; i++)
        ids.push((await other.withdraw(`${i}.00`, chain.bridge)).payload.id);
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
    assert.deepEqual(
        [books.tokens.withdrawn, books.tokens.redeemed, books.pesos.out_total],
        ['55.00', '500.00', '500.00'],
    );
    await other.stop();
    return { books, wallet };
}

test('restart: killed five times, nothing lost, nothing twice (own key)', async () => {
    // The development phrase every anvil node starts with; account 9 is used by nobody else here.
    const { privateKey, address } = HDNodeWallet.fromPhrase(
        'test test test test test test test test test test test junk',
        undefined,
        "m/44'/60'/0'/0/9",
    );
    const key_file = path.join(chain.dir, 'minter-key');
    fs.writeFileSync(key_file, privateKey, { mode: 0o600 });
    await token.minter_add(address);
    const { books, wallet } = await restart_story(['--minter-key-file', key_file], 'key');
    assert.equal(wallet, address);
    books_verify(books);
});

test('restart: killed five times, nothing lost, nothing twice (unlocked account)', async () => {
    const accounts = await chain.call('eth_accounts', []);
    const minter = accounts[4];
    await token.minter_add(minter);
    const { books } = await restart_story(['--minter', minter], 'unlocked');
    books_verify(books);
});

// A sandbox of its own with tokens, started once and stopped; wallet is an unlocked account.
async function stopped_sandbox(index, name) {
    const minter = (await chain.call('eth_accounts', []))[index];
    await token.minter_add(minter);
    const state = path.join(chain.dir, `state-${name}`);
    const arguments_ = ['--state-file', state, '--minter', minter];
    const other = await sandbox_start(chain, arguments_);
    await other.fund(other.ready.clabe, '200.00');
    await other.stop();
    const start = (...extra) => sandbox_start(chain, [...arguments_, ...extra]);
    const append = (leg) => fs.appendFileSync(state, `${JSON.stringify([['leg', leg.id, leg]])}\n`);
    const changes = () =>
        fs
            .readFileSync(state, 'utf8')
            .trim()
            .split('\n')
            .flatMap((line) => JSON.parse(line));
    return { minter, start, append, changes };
}

// Killed between sending a transaction and learning its hash: a leg with a nonce and without a
// hash.
test('restart: a transaction whose hash was lost is found by nonce and content', async () => {
    const { start, append, changes } = await stopped_sandbox(3, 'hash');
    let other = await start('--set', 'chain_poll_ms=60000');
    const { id } = (await other.withdraw('50.00', chain.bridge)).payload;
    const leg = await eventually(
        'the transfer is sent',
        () =>
            changes().findLast(
                ([kind, key, record]) => kind === 'leg' && key === id && record?.state === 'sent',
            )?.[2],
    );
    await other.stop('SIGKILL');
    const { hash, ...armed } = { ...leg, state: 'armed' };
    append(armed);
    await token.receipt_of(hash);
    other = await start();
    assert.equal(receipt_in(await other.settled(id), 'Tokens transferred'), hash);
    books_verify(await other.control('GET', '/books'));
    await other.stop();
});

// Killed between storing a leg and sending it; before the restart its nonce is used by a payment
// the sandbox knows nothing of.
test('restart: a nonce somebody else used is given up for a new one', async () => {
    const { minter, start, append } = await stopped_sandbox(2, 'nonce');
    let other = await start('--set', 'pending_ms=600000');
    const { id } = (await other.withdraw('50.00', chain.bridge)).payload;
    await other.stop('SIGKILL');
    const foreign = await token.send(minter, '0x', chain.bridge);
    const { nonce } = await chain.call('eth_getTransactionByHash', [foreign]);
    const { blockNumber } = await token.receipt_of(foreign);
    append({
        id,
        state: 'armed',
        polls: 0,
        method: 'transfer',
        to: chain.bridge,
        units: { $n: '50000000' },
        nonce: Number(nonce),
        from_block: Number(blockNumber) - 1,
        request: {
            from: minter,
            to: chain.token,
            value: '0x0',
            nonce,
            gas: '0x30d40',
            maxPriorityFeePerGas: '0x0',
            maxFeePerGas: '0x77359400',
            data: `0xa9059cbb${address_word(chain.bridge)}${word(50_000_000n)}`,
        },
    });
    other = await start('--set', 'pending_ms=600000');
    const hash = receipt_in(await other.settled(id), 'Tokens transferred');
    const sent = await chain.call('eth_getTransactionByHash', [hash]);
    assert.equal(Number(sent.nonce), Number(nonce) + 1);
    assert.equal((await token.transfer_of(hash))[2], 50_000_000n);
    books_verify(await other.control('GET', '/books'));
    await other.stop();
});

test('start: what does not fit is one clear sentence', async () => {
    const fails = (extra) =>
        sandbox_start(chain, extra).then(
            async (started) => {
                await started.stop();
                return 'started';
            },
            (error) => error.message,
        );
    assert.match(await fails(['--token', chain.bridge]), /no contract at token address/);
    assert.match(await fails(['--minter', chain.outsider]), /not a minter/);
    assert.match(await fails(['--set', 'nonsense=1']), /unknown setting/);
    assert.match(await fails(['--unknown']), /Unknown option/);
    const state = path.join(chain.dir, 'state-key');
    assert.match(await fails(['--state-file', state]), /another chain, token or minter/);
    assert.match(await fails(['--rpc', 'http://127.0.0.1:9']), /127\.0\.0\.1:9/);
});
