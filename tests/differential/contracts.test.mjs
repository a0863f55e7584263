// The escrow and token bindings against ethers' own reading of the same compiler output.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readFileSync, readdirSync } from 'node:fs';
import { AbiCoder, Interface, getAddress, id, keccak256, toBeHex } from 'ethers';
import { Random, ask, hexArgument as bare, seed } from './oracle.mjs';

function contractInterface(name) {
    const file = new URL(`../../abi/json/${name}.json`, import.meta.url);
    return new Interface(JSON.parse(readFileSync(file, 'utf8')).abi);
}

const escrow = contractInterface('KustodiaEscrow');
const token = contractInterface('TestMXNB');
const callNames = ['create', 'createMany', 'release', 'releaseMany', 'dispute', 'dismiss',
    'resolveRevert', 'resolveSplit', 'releaseEarly', 'refundExpired', 'hold'];
const zero32 = '00'.repeat(32);
const zero20 = '00'.repeat(20);

function randomTerms(random) {
    return [random.hex(32), random.integer(64), random.integer(40), random.chance(2),
        random.hex(32)];
}

const termsText = ([escrowId, amount, end, lock, terms]) =>
    [bare(escrowId), amount, end, lock ? 1 : 0, bare(terms)].join(',');

/** One random call: what ethers encodes, and what the oracle must say about it. */
function randomCall(random) {
    const one = random.hex(32);
    const note = random.hex(32);
    const size = 1 + random.below(random.chance(20) ? 200 : 8);
    const many = Array.from({ length: size }, () => random.hex(32));
    const expected = { n: '1', party: '0', buyer: '0', note: zero32, id: bare(one) };
    const name = random.pick(callNames);
    let args = [one];
    if (name === 'create' || name === 'createMany') {
        const list = (name === 'create' ? [one] : many).map(() => randomTerms(random));
        args = name === 'create' ? list : [list];
        delete expected.id;
        expected.n = String(list.length);
        list.forEach((terms, i) => { expected[`terms${i}`] = termsText(terms); });
    } else if (name === 'releaseMany') {
        args = [many];
        expected.n = String(many.length);
        expected.id = many.length === 1 ? bare(many[0]) : many.map(bare);
    } else if (name === 'dispute') {
        const party = 1 + random.below(2);
        args = [one, party, note];
        Object.assign(expected, { party: String(party), note: bare(note) });
    } else if (name === 'resolveSplit') {
        const buyer = random.integer(64);
        args = [one, buyer, note];
        Object.assign(expected, { buyer: String(buyer), note: bare(note) });
    } else if (['dismiss', 'resolveRevert', 'hold'].includes(name)) {
        args = [one, note];
        expected.note = bare(note);
    }
    const data = escrow.encodeFunctionData(name, args);
    return { data, expected: { name, ...expected, copy: bare(data) } };
}

test(`escrow calls (seed ${seed})`, () => {
    const random = new Random('escrow calls');
    const calls = Array.from({ length: 3000 }, () => randomCall(random));
    ask(calls.map((call) => ['escrow-call', bare(call.data)])).forEach((answer, i) => {
        assert.deepEqual(answer, calls[i].expected);
    });
});

test(`escrow calls with values beyond their types are refused (seed ${seed})`, () => {
    const random = new Random('dirty calls');
    const dirty = Array.from({ length: 500 }, () => {
        const [escrowId, , end, lock, terms] = randomTerms(random);
        const head = escrow.getFunction('create').selector;
        const words = [escrowId, toBeHex((1n << 64n) + random.integer(24), 32), toBeHex(end, 32),
            toBeHex(lock ? 1 : 0, 32), terms];
        const spoil = random.below(3);
        if (spoil > 0) words[1] = toBeHex(1, 32);
        if (spoil === 1) words[2] = toBeHex((1n << 40n) + random.integer(200), 32);
        if (spoil === 2) words[3] = toBeHex(2n + random.integer(200), 32);
        return head + words.map((word) => word.slice(2)).join('');
    });
    ask(dirty.map((data) => ['escrow-call', bare(data)])).forEach((answer) => {
        assert.ok(answer.refused);
    });
});

test('no other function of the two contracts is one of our calls', () => {
    const others = [...escrow.fragments, ...token.fragments]
        .filter((part) => part.type === 'function' && !callNames.includes(part.name))
        .map((part) => part.selector + zero32.repeat(part.inputs.length));
    assert.ok(others.length > 60);
    ask(others.map((data) => ['escrow-call', bare(data)])).forEach((answer) => {
        assert.ok(answer.refused);
    });
});

test('escrow views', () => {
    const random = new Random('views');
    for (let i = 0; i < 20; i += 1) {
        const [escrowId, role, account] = [random.hex(32), random.hex(32), random.hex(20)];
        const [answer] = ask([['escrow-views', bare(escrowId), bare(role), bare(account)]]);
        for (const name of ['held', 'payout', 'refund', 'token', 'funder', 'paused', 'defaultAdmin']) {
            assert.equal(answer[name], bare(escrow.encodeFunctionData(name)));
        }
        assert.equal(answer.escrow, bare(escrow.encodeFunctionData('escrow', [escrowId])));
        assert.equal(answer.hasRole, bare(escrow.encodeFunctionData('hasRole', [role, account])));
    }
});

test(`answers of escrow(id) (seed ${seed})`, () => {
    const random = new Random('answers');
    const rows = Array.from({ length: 500 }, () => [random.integer(64), random.integer(40),
        random.integer(40), random.integer(40), random.below(6), random.chance(2), random.below(4),
        random.below(256)]);
    const data = rows.map((row) => escrow.encodeFunctionResult('escrow', [row]));
    ask(data.map((hex) => ['escrow-view', bare(hex)])).forEach((answer, i) => {
        const [amount, created, end, disputed, state, lock, party, round] = rows[i].map((value) =>
            String(typeof value === 'boolean' ? Number(value) : value));
        assert.deepEqual(answer, { amount, created, end, disputed, state, lock, party, round });
    });
});

function randomEvent(random) {
    const [escrowId, hash, who] = [random.hex(32), random.hex(32), getAddress(random.hex(20))];
    const [a, b, flag] = [random.integer(64), random.integer(64), random.chance(2)];
    const round = random.below(256);
    const party = 1 + random.below(3);
    const lowerWho = bare(who.toLowerCase());
    const kinds = {
        EscrowCreated: [[escrowId, who, a, b, flag, hash],
            { amount: a, end: b, lock: Number(flag), terms: bare(hash), from: lowerWho }],
        EscrowReleased: [[escrowId, who, a, flag],
            { amount: a, early: Number(flag), to: lowerWho }],
        DisputeRaised: [[escrowId, party, round, hash], { party, round, note: bare(hash) }],
        DisputeDismissed: [[escrowId, round, hash], { round, note: bare(hash) }],
        EscrowReverted: [[escrowId, who, a, hash], { amount: a, to: lowerWho, note: bare(hash) }],
        EscrowSplit: [[escrowId, a, b, hash], { buyer: a, seller: b, note: bare(hash) }],
    };
    const name = random.pick(Object.keys(kinds));
    const [args, fields] = kinds[name];
    const nothing = { amount: 0, end: 0, buyer: 0, seller: 0, lock: 0, early: 0, party: 0,
        round: 0,
        terms: zero32, note: zero32, from: zero20, to: zero20 };
    const expected = { ...nothing, name, id: bare(escrowId), ...fields };
    for (const key of Object.keys(expected)) expected[key] = String(expected[key]);
    return { log: escrow.encodeEventLog(name, args), expected };
}

function logArguments({ topics, data }) {
    return [topics.map((topic) => topic.slice(2)).join(''), bare(data)];
}

test(`escrow logs (seed ${seed})`, () => {
    const random = new Random('logs');
    const events = Array.from({ length: 2000 }, () => randomEvent(random));
    ask(events.map(({ log }) => ['escrow-event', ...logArguments(log)])).forEach((answer, i) => {
        assert.deepEqual(answer, events[i].expected);
    });
});

test('logs of the other events are not escrow events', () => {
    const account = getAddress('0x00000000000000000000000000000000000000aa');
    const logs = [escrow.encodeEventLog('PauseSet', [1, 2, account]),
        escrow.encodeEventLog('WalletsChanged', [account, account]),
        escrow.encodeEventLog('RoleGranted', [id('RELAYER'), account, account]),
        token.encodeEventLog('Transfer', [account, account, 1])];
    ask(logs.map((log) => ['escrow-event', ...logArguments(log)])).forEach((answer) => {
        assert.ok(answer.refused);
    });
});

function randomAdminEvent(random) {
    const [role, account, other] = [random.hex(32), getAddress(random.hex(20)),
        getAddress(random.hex(20))];
    const [at, bits, amount] = [random.integer(48), 1 + random.below(3), random.integer(256)];
    const delay_s = random.integer(48);
    const [who, second] = [account, other].map((address) => bare(address.toLowerCase()));
    const kinds = {
        RoleGranted: [[role, account, other], { role: bare(role), account: who }],
        RoleRevoked: [[role, account, other], { role: bare(role), account: who }],
        DefaultAdminTransferScheduled: [[account, at], { account: who, at }],
        DefaultAdminTransferCanceled: [[], {}],
        DefaultAdminDelayChangeScheduled: [[delay_s, at], { delay_s, at }],
        DefaultAdminDelayChangeCanceled: [[], {}],
        WalletsProposed: [[account, other, at], { account: who, refund: second, at }],
        WalletsChanged: [[account, other], { account: who, refund: second }],
        PauseSet: [[bits, at, account], { account: who, bits, at }],
        Rescued: [[other, account, amount], { account: who, token: second, amount }],
    };
    const name = random.pick(Object.keys(kinds));
    const [args, fields] = kinds[name];
    const expected = { name, at: 0, delay_s: 0, bits: 0, amount: 0, role: zero32, account: zero20,
        refund: zero20, token: zero20, ...fields };
    for (const key of Object.keys(expected)) expected[key] = String(expected[key]);
    return { log: escrow.encodeEventLog(name, args), expected };
}

test(`administrative logs of the escrow (seed ${seed})`, () => {
    const random = new Random('administrative logs');
    const events = Array.from({ length: 1000 }, () => randomAdminEvent(random));
    ask(events.map(({ log }) => ['escrow-admin', ...logArguments(log)])).forEach((answer, i) => {
        assert.deepEqual(answer, events[i].expected);
    });
    const { log } = randomEvent(random);
    const cut = { topics: events[0].log.topics.slice(0, -1), data: events[0].log.data };
    for (const wrong of [log, cut]) {
        assert.ok(ask([['escrow-admin', ...logArguments(wrong)]])[0].refused);
    }
});

test(`escrow ids (seed ${seed})`, () => {
    const random = new Random('ids');
    const rows = Array.from({ length: 500 }, () => [random.integer(64), getAddress(random.hex(20)),
        random.hex(16), random.below(256)]);
    ask(rows.map(([chain, contract, payment, leg]) => ['escrow-id', bare(toBeHex(chain, 8)),
        bare(contract), bare(payment), bare(toBeHex(leg, 1))])).forEach((answer, i) => {
        const encoded = AbiCoder.defaultAbiCoder()
            .encode(['uint256', 'address', 'bytes16', 'uint8'], rows[i]);
        assert.equal(answer.id, bare(keccak256(encoded)));
    });
});

function randomValue(random, type) {
    if (type === 'address') return getAddress(random.hex(20));
    if (type.startsWith('uint')) return random.integer(Number(type.slice(4)));
    return random.hex(32);
}

test(`every custom error is named and printed with its values (seed ${seed})`, () => {
    const random = new Random('errors');
    const errors = escrow.fragments.filter((part) => part.type === 'error');
    const cases = errors.flatMap((error) => [0, 1, 2].map(() => {
        const values = error.inputs.map((input) => randomValue(random, input.type));
        const shown = error.inputs.map((input, i) => ` ${input.name}=${values[i]}`).join('');
        return { name: error.name, data: escrow.encodeErrorResult(error, values),
            text: `${error.name}${shown}` };
    }));
    const retry = new Set(['CustodyRunning', 'PausedUntil']);
    const done = new Set(['EscrowExists', 'WrongState', 'NothingPayable']);
    ask(cases.map((one) => ['revert', bare(one.data)])).forEach((answer, i) => {
        const { name, text } = cases[i];
        assert.equal(answer.name, name);
        assert.equal(answer.row, '1');
        assert.equal(answer.text, text);
        assert.equal(answer.class, retry.has(name) ? 'retry' : done.has(name) ? 'done' : 'alarm');
    });
    assert.ok(errors.length > 30);
});

/** Every text a contract of contracts/src can revert with, string literals joined. */
function revertTexts() {
    const folder = new URL('../../contracts/src/', import.meta.url);
    return readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.sol')).flatMap((name) => {
        const text = readFileSync(new URL(name, folder), 'utf8').replace(/\/\/.*$/gm, '');
        return [...text.matchAll(/\b(?:require\s*\((?:[^;"]*),|revert\s*\()\s*((?:"[^"]*"\s*)+)\)\s*;/g)]
            .map(([, literals]) => [...literals.matchAll(/"([^"]*)"/g)].map(([, part]) => part).join(''));
    });
}

test('every text the token reverts with has a row', () => {
    const texts = [...new Set(revertTexts())];
    assert.ok(texts.length > 30);
    const face = new Interface(['error Error(string)']);
    const cases = texts.map((text) => bare(face.encodeErrorResult('Error', [text])));
    ask(cases.map((data) => ['revert', data])).forEach((answer, i) => {
        assert.equal(answer.text, texts[i]);
        assert.equal(answer.row, '1', `"${texts[i]}" has no row in abi/escrow_revert.c`);
    });
    const [stranger] = ask([['revert', bare(face.encodeErrorResult('Error', ['no such text']))]]);
    assert.deepEqual([stranger.row, stranger.class], ['0', 'alarm']);
});

test(`token calls and logs (seed ${seed})`, () => {
    const random = new Random('token');
    const cases = Array.from({ length: 1000 }, () => {
        const [to, spender] = [getAddress(random.hex(20)), getAddress(random.hex(20))];
        const amount = random.integer(64);
        const lower = (address) => bare(address.toLowerCase());
        const [name, args, fields] = random.pick([
            ['transfer', [to, amount], { to: lower(to), amount }],
            ['approve', [to, amount], { to: lower(to), amount }],
            ['balanceOf', [to], { to: lower(to) }],
            ['allowance', [to, spender], { to: lower(to), spender: lower(spender) }],
            ['decimals', [], {}],
            ['paused', [], {}],
            ['isBlacklisted', [to], { to: lower(to) }],
        ]);
        const data = token.encodeFunctionData(name, args);
        const expected = { name, amount: 0, to: zero20, spender: zero20, ...fields,
            copy: bare(data) };
        expected.amount = String(expected.amount);
        const log = token.encodeEventLog('Transfer', [to, spender, amount]);
        return { data, expected, log,
            transfer: { amount: String(amount), from: lower(to), to: lower(spender) } };
    });
    ask(cases.map((one) => ['mxnb-call', bare(one.data)])).forEach((answer, i) => {
        assert.deepEqual(answer, cases[i].expected);
    });
    ask(cases.map(({ log }) => ['mxnb-event', ...logArguments(log)])).forEach((answer, i) => {
        assert.deepEqual(answer, cases[i].transfer);
    });
});
