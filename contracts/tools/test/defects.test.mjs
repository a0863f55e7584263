// The defects of the system before that lay in files rather than in calls: K3, K10, K11, K13, K16. Their
// halves on the chain are in test/defects/KustodiaDefects.t.sol. Three have a half in another room: K4 (a refused
// dispute is not told as done) is a scenario on the daemon, K12 (amounts) a unit test of our reader, K13 (the end in
// every time zone) a differential test; the last test here sees to it that they stay.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { computeAddress, id, Wallet } from 'ethers';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
const ESCROW = JSON.parse(readFileSync(path.join(ROOT, 'abi/json/KustodiaEscrow.json'), 'utf8'));
const OUTPUT_MAX_BYTES = 16 * 1024 * 1024;

// Written by hand from the specification: what a caller may rely on.
const TERMS = '(bytes32 id,uint88 amount,uint40 custodyEnd,bool lock,bytes32 terms)';
const CALLS = [
    `create(${TERMS} t)`,
    `createMany(${TERMS}[] ts)`,
    `createWithAuthorization(${TERMS} t,uint256 validBefore,bytes sig)`,
    'release(bytes32 id)',
    'releaseMany(bytes32[] ids)',
    'refundExpired(bytes32 id)',
    'dispute(bytes32 id,uint8 party,bytes32 reason)',
    'hold(bytes32 id,bytes32 reason)',
    'dismiss(bytes32 id,bytes32 note)',
    'resolveRevert(bytes32 id,bytes32 note)',
    'resolveSplit(bytes32 id,uint88 buyerAmount,bytes32 note)',
    'releaseEarly(bytes32 id)',
];

/** `create((bytes32 id,...) t)`, with the names or as it is hashed. */
function signature(item, named) {
    const type = ({ type: text, components, name }) => {
        const inner = components && `(${components.map(type).join(',')})`;
        const whole = inner === undefined ? text : text.replace('tuple', inner);
        return named ? `${whole} ${name}` : whole;
    };
    return `${item.name}(${item.inputs.map(type).join(',')})`;
}

const functions = ESCROW.abi.filter((item) => item.type === 'function');
const events = ESCROW.abi.filter((item) => item.type === 'event');

/** What stands in C: the rows of the generated header that the relayer encodes its calls from. */
function header_selectors() {
    const text = readFileSync(path.join(ROOT, 'abi/escrow_abi.h'), 'utf8');
    return [...text.matchAll(/^#define ESCROW_FUNCTION_(\w+) 0x([0-9a-f]{8})u$/gm)].map((match) => match[2]);
}

/** Types in all depths of a list of parameters. */
function types_of(parameters) {
    return parameters.flatMap(({ type, components }) => [type, ...types_of(components ?? [])]);
}

test('K03: every call the relayer makes is one the contract has', () => {
    const selectors = header_selectors();
    assert.ok(selectors.length >= 15);
    const known = new Set(functions.map((item) => id(signature(item, false)).slice(2, 10)));
    for (const selector of selectors) {
        assert.ok(known.has(selector), `${selector} is not in the ABI`);
        // The dispatcher compares with a PUSH of the selector: 63 for four bytes, less for leading zeros.
        const bytes = selector.replace(/^(00)+/, '');
        const push = (0x5f + bytes.length / 2).toString(16);
        assert.ok(ESCROW.deployedBytecode.includes(push + bytes), `${selector} is not in the code`);
    }
});

test('K03: the compiler and an independent hash agree on every selector', () => {
    assert.equal(functions.length, Object.keys(ESCROW.methodIdentifiers).length);
    for (const item of functions) {
        const text = signature(item, false);
        assert.equal(ESCROW.methodIdentifiers[text], id(text).slice(2, 10), text);
    }
});

test('K10: no log and no call has room for text', () => {
    const free = (type) => /^(string|bytes)(\[|$)/.test(type);
    for (const item of events) {
        assert.deepEqual(types_of(item.inputs).filter(free), [], item.name);
    }
    for (const item of functions) {
        const allowed = item.name === 'createWithAuthorization' ? ['bytes'] : [];
        assert.deepEqual(types_of(item.inputs).filter(free), allowed, `${item.name}: the signature alone`);
    }
});

test('K11: names and order of all arguments are those of the specification', () => {
    const found = new Set(functions.map((item) => signature(item, true)));
    for (const call of CALLS) {
        assert.ok(found.has(call), call);
    }
});

test('K11: no call of the relayer or the arbiter names an address', () => {
    const names = new Set(CALLS.map((call) => call.split('(')[0]));
    const called = functions.filter((item) => names.has(item.name));
    assert.equal(called.length, CALLS.length);
    for (const item of called) {
        assert.ok(!types_of(item.inputs).includes('address'), item.name);
    }
});

/**
 * Private keys in clear: a PEM block, or a 32-byte number whose own address stands somewhere too.
 * @param files [{ file, text }]
 */
function keys_in(files) {
    const addresses = new Set(files.flatMap(({ text }) => text.match(/(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])/gi) ?? [])
        .map((address) => address.toLowerCase()));
    const is_key = (number) => {
        try {
            return addresses.has(computeAddress(`0x${number}`).slice(2).toLowerCase());
        } catch {
            return false; // zero, or not below the order of the curve
        }
    };
    return files.filter(({ text }) => {
        const numbers = [...text.matchAll(/(?<![0-9a-f])(?:0x)?([0-9a-f]{64})(?![0-9a-f])/gi)];
        return /-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/]{32}/.test(text) || numbers.some((n) => is_key(n[1]));
    }).map(({ file }) => file);
}

/** Every file under version control but tests/, whose published vectors have keys on purpose. */
function repository_files() {
    const list = spawnSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8', maxBuffer: OUTPUT_MAX_BYTES });
    assert.equal(list.status, 0, list.stderr);
    return list.stdout.split('\0').filter((file) => file !== '' && !file.startsWith('tests/'))
        .map((file) => ({ file, text: readFileSync(path.join(ROOT, file), 'latin1') }));
}

test('K16: no private key stands in a file of the repository', () => {
    const files = repository_files();
    assert.ok(files.length > 100);
    assert.deepEqual(keys_in(files), []);
});

test('K16: the search finds a planted key in each form', () => {
    const wallet = Wallet.createRandom();
    const owner = { file: 'docs/a.md', text: `the bridge is ${wallet.address}` };
    assert.deepEqual(keys_in([owner, { file: 'b.env', text: `KEY=${wallet.privateKey}` }]), ['b.env']);
    assert.deepEqual(keys_in([owner, { file: 'b.md', text: `"${wallet.privateKey.slice(2).toUpperCase()}"` }]), ['b.md']);
    const label = ['-----BEGIN', 'EC PRIVATE', 'KEY-----'].join(' ');
    assert.deepEqual(keys_in([{ file: 'c.pem', text: `${label}\n${'MHcCAQEE'.repeat(8)}\n` }]), ['c.pem']);
    assert.deepEqual(keys_in([owner, { file: 'd.md', text: `hash ${id('something')}` }]), []);
});

/** Sources of the daemon and of the bindings, in C and SQL. */
function daemon_sources() {
    return repository_files().filter(({ file }) => /^(relayer|abi|migrations)\/.*\.(c|h|sql)$/.test(file));
}

const CALENDAR_TO_SECONDS = /\b(mktime|timelocal|timegm|strptime|getdate_r?)\s*\(|\bAT TIME ZONE\b/i;

test('K13: nothing in the daemon makes seconds of a calendar time', () => {
    const sources = daemon_sources();
    assert.ok(sources.length > 100);
    assert.deepEqual(sources.filter(({ text }) => CALENDAR_TO_SECONDS.test(text)).map(({ file }) => file), []);
    assert.match('end = mktime(&local);', CALENDAR_TO_SECONDS);
});

test('K04, K12, K13: the halves in other rooms are there', () => {
    const halves = {
        'tests/scenario/parked.scenario.mjs': "name: 'contract refuses: a dispute is not told as done', run: dispute_refused",
        'tests/unit/money/test_money.c': 'cmocka_unit_test(test_K12_amounts_have_six_decimals_and_lose_none)',
        'tests/differential/defects.test.mjs': "test('K13: the end of custody that reaches the contract",
    };
    for (const [file, text] of Object.entries(halves)) {
        assert.ok(readFileSync(path.join(ROOT, file), 'utf8').includes(text), `${file}: ${text}`);
    }
});
