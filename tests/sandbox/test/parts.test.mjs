// The parts that need no chain.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import {
    centavos_format,
    centavos_parse,
    MAX_UNITS,
    units_format,
    units_to_json_number,
} from '../amount.mjs';
import { Auth } from '../auth.mjs';
import { clabe_make, clabe_problem } from '../clabe.mjs';
import { Clock } from '../clock.mjs';
import { Faults } from '../faults.mjs';
import { Ledger } from '../ledger.mjs';
import { Settings } from '../settings.mjs';
import { Store } from '../store.mjs';

function dir_with(t) {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'sandbox-parts-'));
    t.after(() => fs.rmSync(dir, { recursive: true }));
    return dir;
}

test('amounts: exact texts in and out', () => {
    assert.equal(centavos_parse('100'), 10000n);
    assert.equal(centavos_parse('100.5'), 10050n);
    assert.equal(centavos_parse('0.01'), 1n);
    assert.equal(centavos_format(10050n), '100.50');
    assert.equal(centavos_format(-1n), '-0.01');
    assert.equal(units_format(123_450_001n), '123.450001');
    assert.equal(units_format(1n), '0.000001');
    for (const bad of [
        '',
        '-1',
        '+1',
        '1.',
        '.5',
        '1.234',
        '01',
        '1e3',
        ' 1',
        '1 ',
        '1,5',
        '0x10',
    ]) {
        assert.equal(centavos_parse(bad), null, `"${bad}" is not an amount`);
    }
});

test('amounts: a JSON number is exact up to the cap and refused above', () => {
    assert.equal(JSON.stringify(units_to_json_number(MAX_UNITS)), '999999999.999999');
    assert.equal(JSON.stringify(units_to_json_number(100_100_000n)), '100.1');
    assert.equal(JSON.stringify(units_to_json_number(12_345_678_901_230_000n)), '12345678901.23');
    assert.throws(() => units_to_json_number(MAX_UNITS * 10n + 1n), /exactly/);
});

test('CLABE: published examples', () => {
    for (const good of [
        '032180000118359719',
        '646180110400000007',
        '002010077777777771',
        '012180026050783858',
    ]) {
        assert.equal(clabe_problem(good), null, good);
    }
    assert.match(clabe_problem('646180157000000000'), /check digit/);
    for (const bad of [
        '03218000011835971',
        '0321800001183597190',
        '03218000011835971x',
        '032-80000118359719',
        32180000118359719,
    ]) {
        assert.notEqual(clabe_problem(bad), null, String(bad));
    }
});

test('CLABE: every single wrong digit is caught, and ours are valid', () => {
    const good = clabe_make(123_456);
    assert.equal(clabe_problem(good), null);
    assert.ok(good.startsWith('710969'));
    for (let i = 0; i < 18; i++) {
        for (let digit = 0; digit < 10; digit++) {
            if (String(digit) === good[i]) continue;
            const wrong = good.slice(0, i) + digit + good.slice(i + 1);
            assert.match(clabe_problem(wrong), /check digit/, wrong);
        }
    }
});

// Expectation computed with: printf '%s' <bytes> | openssl dgst -sha256 -hmac test-secret
test('signature: agrees with OpenSSL over nonce, method, target with query and body', () => {
    const auth = new Auth(new Store(), 'k', 'test-secret');
    const signature = 'f0af82ccef4e08063d3589f00c14b75a3ce0ea6761f6c44c6e9452358130ec98';
    const header = `Bitso k:1234567890:${signature}`;
    const target = '/mint_platform/v1/redemptions?x=1';
    const body = Buffer.from('{"amount": "100.00"}');
    const checks = [
        ['Bitso k:1234567890:' + signature.replace('f', 'e'), 'POST', target, body],
        [header.replace('Bitso', 'Bearer'), 'POST', target, body],
        [header.replace(' k:', ' other:'), 'POST', target, body],
        [header.replace('1234567890', '1234567891'), 'POST', target, body],
        [header.replace(signature, signature.toUpperCase()), 'POST', target, body],
        [header, 'PUT', target, body],
        [header, 'POST', '/mint_platform/v1/redemptions', body],
        [header, 'POST', target, Buffer.from('{"amount":"100.00"}')],
        [undefined, 'POST', target, body],
    ];
    for (const arguments_ of checks) {
        assert.equal(auth.check(...arguments_)?.code, '0201', String(arguments_[0]));
    }
    assert.equal(auth.check(header, 'POST', target, body), null);
    assert.equal(auth.check(header, 'POST', target, body).code, '0207', 'the same nonce again');
});

test('store: comes back, forgets a torn line, refuses a damaged one', (t) => {
    const file = path.join(dir_with(t), 'state');
    const store = new Store(file);
    store.put('thing', 'a', { amount: 5n });
    store.put('thing', 'b', { amount: 7n });
    store.commit();
    store.remove('thing', 'b');
    store.close();
    fs.appendFileSync(file, '[["thing","c",{"am');
    const again = new Store(file);
    assert.deepEqual([...again.all('thing')], [{ amount: 5n }]);
    again.put('thing', 'd', { amount: 9n });
    again.close();
    assert.equal(new Store(file).get('thing', 'd').amount, 9n, 'written after the torn line went');
    fs.writeFileSync(file, 'not json\n');
    assert.throws(() => new Store(file), /damaged/);
});

test('clock: advance runs each step at its own moment, in order', () => {
    const clock = new Clock(new Store());
    const seen = [];
    const start = clock.now();
    clock.on('step', (n) => {
        seen.push([n, Math.round((clock.now() - start) / 1000)]);
        if (n < 3) clock.schedule(10_000, 'step', n + 1);
    });
    clock.schedule(10_000, 'step', 1);
    assert.equal(clock.advance(9_000), 0);
    assert.equal(clock.advance(60_000), 3);
    assert.deepEqual(seen, [
        [1, 10],
        [2, 20],
        [3, 30],
    ]);
    assert.ok(clock.now() - start >= 69_000);
});

test('ledger: names each rule that is broken', () => {
    const store = new Store();
    const ledger = new Ledger(store, new Clock(store));
    const why = { reason: 'test', ref: 'x' };
    ledger.move('MXN', 'spei', 'reserve', 100n, why);
    ledger.move('MXNB', 'supply', 'custody', 1_000_000n, why);
    assert.deepEqual(ledger.broken_rules(), []);
    ledger.move('MXN', 'reserve', 'payout:1', 1n, why);
    assert.match(ledger.broken_rules().join(), /circulation/);
    ledger.move('MXN', 'payout:1', 'reserve', 2n, why);
    assert.match(ledger.broken_rules().join(), /payout:1 is negative/);
    store.get('journal', 1).amount = 99n;
    assert.match(ledger.broken_rules().join(), /journal adds up/);
    assert.throws(() => ledger.move('MXN', 'a', 'b', 0n, why), /not positive/);
});

test('faults: count, matching, and dice that repeat with the seed', () => {
    const faults = new Faults(7);
    faults.add({ kind: 'error_5xx', method: 'POST', path: '/a/*', count: 2 });
    const take = (method, where) => faults.take(['error_5xx'], { method, path: where }) !== null;
    assert.equal(take('GET', '/a/b'), false);
    assert.equal(take('POST', '/b'), false);
    assert.deepEqual(
        [take('POST', '/a/b'), take('POST', '/a/c'), take('POST', '/a/d')],
        [true, true, false],
    );
    const throws = (seed) => {
        const rolled = new Faults(seed);
        rolled.add({ kind: 'lost_answer', probability: 0.3 });
        return Array.from({ length: 200 }, () => rolled.take(['lost_answer'], {}) !== null);
    };
    assert.deepEqual(throws(1), throws(1));
    assert.notDeepEqual(throws(1), throws(2));
    const hits = throws(1).filter(Boolean).length;
    assert.ok(hits > 30 && hits < 90, `${hits} of 200 at 0.3`);
});

test('faults: a wrong rule is refused with its reason', () => {
    const faults = new Faults(1);
    const wrong = [
        [null, /object/],
        [{}, /kind/],
        [{ kind: 'x' }, /one of/],
        [{ kind: 'delay' }, /delay_ms/],
        [{ kind: 'lost_answer', count: 0 }, /above 0/],
        [{ kind: 'lost_answer', other: 1 }, /unknown/],
        [{ kind: 'lost_answer', count: 1, probability: 1 }, /not both/],
        [{ kind: 'lost_answer', probability: 2 }, /\(0, 1\]/],
    ];
    for (const [rule, reason] of wrong) assert.match(faults.add(rule).problem, reason);
    assert.deepEqual(faults.list(), []);
});

test('settings: unknown names and values are refused and change nothing', () => {
    const settings = new Settings(false);
    assert.match(settings.set('amount_typ', 'string'), /unknown setting/);
    assert.match(settings.set('amount_type', 'text'), /both or string or number/);
    assert.match(settings.set('pending_ms', '-1'), /whole number/);
    assert.match(settings.set('minimum_mxn', '1.234'), /decimal/);
    assert.match(settings.set('server_time_zone', 'Mars/Base'), /time zone/);
    assert.equal(settings.amount_type, 'both');
    assert.equal(settings.set('rate_limit_status', '429'), null);
    assert.equal(settings.rate_limit_status, 429);
});
