// Keccak, addresses, 256-bit integers, RLP and transactions against ethers, on published test cases
// (@ethersproject/testcases) and on seeded random values.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import {
    Signature, SigningKey, Transaction, accessListify, computeAddress, decodeRlp, encodeRlp,
    getAddress, id, keccak256, toBeHex,
} from 'ethers';
import { Random, ask, hexArgument, seed } from './oracle.mjs';

const require = createRequire(import.meta.url);

function testcases(name) {
    const folder = dirname(require.resolve('@ethersproject/testcases/package.json'));
    return JSON.parse(gunzipSync(readFileSync(join(folder, 'testcases', `${name}.json.gz`))));
}

const bare = (hex) => hexArgument(hex);
const lower = (hex) => hexArgument(hex.toLowerCase());

test('published hashes and selectors', () => {
    const hashes = testcases('hashes');
    ask(hashes.map((row) => ['keccak', bare(row.data)])).forEach((answer, i) => {
        assert.equal(answer.hash, bare(hashes[i].keccak256));
    });
    const signatures = testcases('contract-signatures');
    ask(signatures.map((row) => ['keccak', Buffer.from(row.signature).toString('hex')]))
        .forEach((answer, i) => {
            assert.equal(answer.hash.slice(0, 8), bare(signatures[i].sigHash));
        });
    assert.ok(hashes.length > 500 && signatures.length > 1800);
});

test('published checksummed addresses', () => {
    const accounts = testcases('accounts').filter((row) => row.address && row.checksumAddress);
    ask(accounts.map((row) => ['checksum', lower(row.address)])).forEach((answer, i) => {
        assert.equal(answer.address, accounts[i].checksumAddress);
    });
    assert.ok(accounts.length > 1000);
});

test('published RLP', () => {
    const rows = testcases('rlp-coder');
    ask(rows.map((row) => ['rlp', bare(row.encoded)])).forEach((answer, i) => {
        assert.equal(answer.copy, bare(rows[i].encoded), rows[i].name);
        assert.equal(encodeRlp(rows[i].decoded), rows[i].encoded);
    });
    assert.equal(rows.length, 61);
});

// Some published transactions cannot exist: the gas limit has more than 64 bits, or gas * price
// more than 256 (both refused by the TransactionTests of ethereum/tests too).
function isImpossible(rawUnsigned) {
    const [nonce, price, gas] = decodeRlp(rawUnsigned).slice(0, 3)
        .map((hex) => BigInt(hex === '0x' ? 0 : hex));
    return gas >> 64n !== 0n || nonce >= (1n << 64n) - 1n || (gas * price) >> 256n !== 0n;
}

test('published legacy transactions, with and without EIP-155', () => {
    const rows = testcases('transactions');
    const forms = [];
    for (const row of rows) {
        forms.push([row, row.unsignedTransaction, row.signedTransaction, 0],
            [row, row.unsignedTransactionChainId5, row.signedTransactionChainId5, 5]);
    }
    const unsigned = ask(forms.map((form) => ['tx-unsigned', bare(form[1])]));
    const signed = ask(forms.map((form) => ['tx-signed', bare(form[2])]));
    let impossible = 0;
    forms.forEach(([row, rawUnsigned, rawSigned, chain], i) => {
        if (isImpossible(rawUnsigned)) {
            assert.ok(unsigned[i].refused && signed[i].refused, row.name);
            impossible += 1;
            return;
        }
        assert.equal(unsigned[i].copy, bare(rawUnsigned), row.name);
        assert.equal(unsigned[i].sighash, bare(keccak256(rawUnsigned)));
        assert.equal(signed[i].copy, bare(rawSigned));
        assert.equal(signed[i].sender, lower(row.accountAddress));
        assert.equal(signed[i].sighash, unsigned[i].sighash);
        assert.equal(signed[i].chain, String(chain));
    });
    assert.ok(forms.length > 2000 && impossible < forms.length / 10, `${impossible} refused`);
});

test('published EIP-2930 and EIP-1559 transactions', () => {
    const rows = testcases('typed-transactions');
    const unsigned = ask(rows.map((row) => ['tx-unsigned', bare(row.unsigned)]));
    const signed = ask(rows.map((row) => ['tx-signed', bare(row.signed)]));
    let refused = 0;
    rows.forEach((row, i) => {
        const fields = Transaction.from(row.signed);
        // Made by masking fields: some have chain id 0 or a priority fee above the cap.
        if (fields.chainId === 0n
            || (fields.maxPriorityFeePerGas ?? 0n) > (fields.maxFeePerGas ?? 0n)) {
            assert.ok(signed[i].refused && unsigned[i].refused, row.name);
            refused += 1;
            return;
        }
        assert.equal(signed[i].copy, bare(row.signed), `${row.name} ${signed[i].refused}`);
        assert.equal(unsigned[i].copy, bare(row.unsigned), row.name);
        assert.equal(signed[i].sender, lower(row.address));
        assert.equal(signed[i].hash, bare(keccak256(row.signed)));
    });
    assert.ok(rows.length > 1700 && refused < rows.length / 4, `${refused} of ${rows.length}`);
});

test(`random integers (seed ${seed})`, () => {
    const random = new Random('integers');
    const limit = 1n << 256n;
    const values = Array.from({ length: 3000 }, () => [random.integer(256), random.integer(256)]);
    const word = (value) => bare(toBeHex(value, 32));
    const decimals = ask(values.map(([a]) => ['decimal', word(a)]));
    const results = ask(values.map(([a, b]) => ['arithmetic', word(a), word(b)]));
    const shown = (value) => (value < 0n || value >= limit ? 'none' : String(value));
    values.forEach(([a, b], i) => {
        assert.equal(decimals[i].dec, String(a));
        assert.equal(decimals[i].back, word(a));
        assert.equal(results[i].sum, shown(a + b));
        assert.equal(results[i].difference, shown(a - b));
        assert.equal(results[i].product, shown(a * (b & ((1n << 64n) - 1n))));
    });
});

function randomNest(random, depth) {
    if (depth === 0 || !random.chance(3)) {
        const sizes = [0, 1, 2, 20, 32, 54, 55, 56, 57, 255, 256, 300];
        return random.hex(random.pick(sizes));
    }
    return Array.from({ length: random.below(6) }, () => randomNest(random, depth - 1));
}

test(`random RLP and damaged RLP (seed ${seed})`, () => {
    const random = new Random('rlp');
    const encodings = Array.from({ length: 2000 }, () =>
        encodeRlp(Array.from({ length: random.below(5) }, () => randomNest(random, 6))));
    ask(encodings.map((hex) => ['rlp', bare(hex)])).forEach((answer, i) => {
        assert.equal(answer.copy, bare(encodings[i]));
    });
    const damaged = encodings.flatMap((hex) => [0, 1, 2].map(() => {
        const bytes = Buffer.from(hex.slice(2), 'hex');
        bytes[random.below(bytes.length)] ^= 1 + random.below(255);
        return `0x${bytes.toString('hex')}`;
    }));
    let accepted = 0;
    ask(damaged.map((hex) => ['rlp', bare(hex)])).forEach((answer, i) => {
        let canonical = false;
        try {
            canonical = encodeRlp(decodeRlp(damaged[i])) === damaged[i];
        } catch {
            // not RLP at all
        }
        assert.equal(answer.refused === undefined, canonical, damaged[i]);
        accepted += canonical ? 1 : 0;
    });
    assert.ok(accepted > 0 && accepted < damaged.length);
});

function randomTransaction(random) {
    const type = random.below(3);
    const fields = {
        type,
        nonce: Number(random.integer(53)),
        gasLimit: random.integer(64),
        to: random.chance(5) ? null : getAddress(random.hex(20)),
        value: random.integer(256),
        data: random.hex(random.pick([0, 0, 1, 1, 4, 36, 55, 56, 68, 260, 3000])),
        chainId: type === 0 && random.chance(3) ? 0n : 1n + random.integer(52),
    };
    if (type === 2) {
        fields.maxFeePerGas = random.integer(190);
        fields.maxPriorityFeePerGas = random.integer(256) % (fields.maxFeePerGas + 1n);
    } else {
        fields.gasPrice = random.integer(190);
    }
    if (type !== 0) {
        fields.accessList = accessListify(Array.from({ length: random.below(4) }, () => ({
            address: getAddress(random.hex(20)),
            storageKeys: Array.from({ length: random.below(4) }, () => random.hex(32)),
        })));
    }
    return Transaction.from(fields);
}

function intrinsicGas(tx) {
    const bytes = Buffer.from(tx.data.slice(2), 'hex');
    let gas = 21000;
    for (const byte of bytes) gas += byte === 0 ? 4 : 16;
    if (tx.to === null) gas += 32000 + 2 * Math.ceil(bytes.length / 32);
    for (const entry of tx.accessList ?? []) gas += 2400 + 1900 * entry.storageKeys.length;
    return String(gas);
}

function assertFields(answer, tx) {
    assert.equal(answer.type, String(tx.type));
    assert.equal(answer.chain, String(tx.chainId));
    assert.equal(answer.nonce, String(tx.nonce));
    assert.equal(answer.gas, String(tx.gasLimit));
    assert.equal(answer.value, String(tx.value));
    assert.equal(answer.to, tx.to === null ? '-' : lower(tx.to));
    assert.equal(answer.data, bare(tx.data));
    assert.equal(answer.gasPrice, tx.type === 2 ? '0' : String(tx.gasPrice));
    assert.equal(answer.maxFee, tx.type === 2 ? String(tx.maxFeePerGas) : '0');
    assert.equal(answer.priority, tx.type === 2 ? String(tx.maxPriorityFeePerGas) : '0');
    assert.equal(answer.sighash, bare(tx.unsignedHash));
    assert.equal(answer.intrinsic, intrinsicGas(tx));
}

test(`random transactions, signed by ethers (seed ${seed})`, () => {
    const random = new Random('transactions');
    const cases = Array.from({ length: 1500 }, () => {
        const tx = randomTransaction(random);
        const unsigned = tx.unsignedSerialized;
        const key = new SigningKey(random.hex(32));
        tx.signature = key.sign(tx.unsignedHash);
        return { tx, unsigned, signed: tx.serialized, sender: computeAddress(key.publicKey) };
    });
    const unsigned = ask(cases.map((one) => ['tx-unsigned', bare(one.unsigned)]));
    const signed = ask(cases.map((one) => ['tx-signed', bare(one.signed)]));
    cases.forEach(({ tx, unsigned: rawUnsigned, signed: rawSigned, sender }, i) => {
        assertFields(unsigned[i], tx);
        assertFields(signed[i], tx);
        assert.equal(unsigned[i].copy, bare(rawUnsigned));
        assert.equal(signed[i].copy, bare(rawSigned));
        assert.equal(signed[i].sender, lower(sender));
        assert.equal(signed[i].hash, bare(tx.hash));
        assert.equal(signed[i].parity, String(tx.signature.yParity));
    });
});

test(`the same signature with high s is refused (seed ${seed})`, () => {
    const random = new Random('high s');
    const order = BigInt('0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141');
    const raws = Array.from({ length: 200 }, () => {
        const tx = randomTransaction(random);
        const key = new SigningKey(random.hex(32));
        const { r, s, yParity } = Signature.from(key.sign(tx.unsignedHash));
        const items = decodeRlp(tx.type === 0 ? tx.unsignedSerialized
            : `0x${tx.unsignedSerialized.slice(4)}`).slice(0, tx.type === 0 ? 6 : undefined);
        const parity = 1 - yParity;
        const v = tx.type !== 0 ? BigInt(parity)
            : BigInt(parity) + (tx.chainId === 0n ? 27n : 35n + 2n * tx.chainId);
        const trim = (value) => (value === 0n ? '0x' : toBeHex(value));
        const list = encodeRlp([...items, trim(v), trim(BigInt(r)), trim(order - BigInt(s))]);
        return tx.type === 0 ? list : `0x0${tx.type}${list.slice(2)}`;
    });
    ask(raws.map((raw) => ['tx-signed', bare(raw)])).forEach((answer) => {
        assert.match(answer.refused, /upper half/);
    });
});

test('the role names hash as the contract hashes them', () => {
    const [answer] = ask([['keccak', Buffer.from('RELAYER').toString('hex')]]);
    assert.equal(answer.hash, bare(id('RELAYER')));
});
