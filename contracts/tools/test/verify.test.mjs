// verify.mjs: its exit statuses, what it says when it cannot tell, and how it reads logs in pieces. What it finds in
// tampered contracts is tested by tests/scenario/deploy.scenario.mjs.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { Chain, door_open, local_deploy, MINTER, PARTIES, port_free, STRANGER, tool_run } from './support.mjs';

const EXIT = { equal: 0, cannot_tell: 1, usage: 3, differs: 5 };
const chain = new Chain();
let record;

before(async () => {
    await chain.start();
    record = await local_deploy(chain, 'deployment.json');
});
after(() => chain.stop());

const verify = (changes = {}) => tool_run('verify',
    { rpc: chain.url, deployment: chain.file('deployment.json'), ...changes });

async function door(t, hooks) {
    const made = await door_open(chain.url, hooks);
    t.after(made.close);
    return made.url;
}

function changed(name, change) {
    const copy = structuredClone(record);
    change(copy);
    writeFileSync(chain.file(name), JSON.stringify(copy));
    return chain.file(name);
}

test('all equal: a line per check, status 0', async () => {
    const run = await verify();
    assert.equal(run.status, EXIT.equal, run.stderr);
    const lines = run.stdout.trim().split('\n');
    assert.match(lines.pop(), /^all equal at block \d+ 0x[0-9a-f]{64}$/);
    const names = lines.map((line) => /^ok {7}([^:]+): /.exec(line)?.[1]);
    assert.deepEqual(names, [
        'chain', 'escrow code', 'escrow code hash', 'ABI digest (build against record, not the chain)', 'creation',
        'constructor arguments', 'token code hash',
        'token implementation', 'token implementation code hash', 'token decimals', 'payout wallet', 'refund wallet',
        'proposed wallets', 'admin', 'admin transfer', 'admin delay', 'admin delay change', 'role DEFAULT_ADMIN',
        'role RELAYER', 'role ARBITER', 'role GUARDIAN', 'role logs and contract', 'pause',
    ]);
});

test('--json is one object with the block and the checks', async () => {
    const run = await verify({ json: true });
    const { equal, block, checks } = JSON.parse(run.stdout);
    assert.equal(equal, true);
    assert.match(block.hash, /^0x[0-9a-f]{64}$/);
    assert.ok(checks.every(({ name, ok, found, wanted }) => name && ok && found === wanted));
});

// One field of the record at a time: each has a check that notices.
const RECORDED = [
    ['escrow code hash', (r) => { r.escrowCodeHash = `0x${'1'.repeat(64)}`; }],
    ['ABI digest (build against record, not the chain)', (r) => { r.abiDigest = `0x${'1'.repeat(64)}`; }],
    ['creation', (r) => { r.deployBlock -= 1; }],
    ['creation', (r) => { r.deployBlockHash = `0x${'1'.repeat(64)}`; }],
    ...['token', 'bridge', 'admin'].map((party) => ['constructor arguments', (r) => {
        const word = r[party].slice(2).toLowerCase();
        r.escrowConstructorArguments = r.escrowConstructorArguments.replace(word, STRANGER.slice(2));
    }]),
    ['constructor arguments', (r) => { r.escrowConstructorArguments += '00'; }],
    ['token code hash', (r) => { r.tokenCodeHash = `0x${'1'.repeat(64)}`; }],
    ['token implementation', (r) => { r.tokenImplementation = STRANGER; }],
    ['token implementation code hash', (r) => { r.tokenImplementationCodeHash = `0x${'1'.repeat(64)}`; }],
    ['payout wallet', (r) => { r.payout = STRANGER; }],
    ['refund wallet', (r) => { r.refund = STRANGER; }],
    ['admin', (r) => { r.admin = STRANGER; }],
    ['role DEFAULT_ADMIN', (r) => { r.roles.DEFAULT_ADMIN = [STRANGER]; }],
    ['role RELAYER', (r) => { r.roles.RELAYER = []; }],
    ['role ARBITER', (r) => { r.roles.ARBITER.push(STRANGER); }],
    ['role GUARDIAN', (r) => { r.roles.GUARDIAN = [STRANGER]; }],
];
for (const [name, change] of RECORDED) {
    test(`another ${name} in the record is a difference of that name alone`, async () => {
        const run = await verify({ deployment: changed('changed.json', change), json: true });
        assert.equal(run.status, EXIT.differs, run.stderr);
        const { equal, checks } = JSON.parse(run.stdout);
        assert.equal(equal, false);
        assert.deepEqual(checks.filter(({ ok }) => !ok).map((check) => check.name), [name]);
    });
}

/** The creation as a node tells it, one thing changed. */
async function creation_changed(t, change) {
    const made = await chain.rpc('eth_getTransactionByHash', [record.transactions.create]);
    const url = await door(t, { decide: (method) => (method === 'eth_getTransactionByHash'
        ? { result: change(made) } : undefined) });
    return verify({ rpc: url, json: true });
}

const CREATIONS = [
    ['other arguments', 'constructor arguments', (made) => ({ ...made, input: made.input.replace(
        record.admin.slice(2).toLowerCase(), STRANGER.slice(2)) })],
    ['arguments that are cut', 'constructor arguments', (made) => ({ ...made, input: made.input.slice(0, -64) })],
    ['other code', 'constructor arguments', (made) => ({ ...made, input: made.input.replace('0x60', '0x61') })],
    ['another nonce', 'creation', (made) => ({ ...made, nonce: '0xff' })],
    ['a call, which creates nothing', 'creation', (made) => ({ ...made, to: STRANGER })],
];
for (const [what, name, change] of CREATIONS) {
    test(`a creation on the chain with ${what} is named`, async (t) => {
        const run = await creation_changed(t, change);
        assert.equal(run.status, EXIT.differs, run.stderr);
        const names = JSON.parse(run.stdout).checks.filter(({ ok }) => !ok).map((check) => check.name);
        assert.deepEqual(names, [name]);
    });
}

test('a creation the node does not know: it cannot tell', async (t) => {
    const run = await creation_changed(t, () => null);
    assert.equal(run.status, EXIT.cannot_tell);
    assert.match(run.stderr, /does not know 0x[0-9a-f]{64}, which created the escrow.*keeps old transactions/);
});

test('another token in the record is found in code, arguments and token', async () => {
    const run = await verify({ deployment: changed('changed.json', (r) => { r.token = STRANGER; }), json: true });
    assert.equal(run.status, EXIT.differs);
    const names = JSON.parse(run.stdout).checks.filter(({ ok }) => !ok).map(({ name }) => name);
    for (const name of ['escrow code', 'constructor arguments', 'token code hash', 'token implementation',
        'token decimals']) {
        assert.ok(names.includes(name), name);
    }
});

test('another chain is a difference, and nothing else is asked', async () => {
    const run = await verify({ deployment: changed('changed.json', (r) => { r.chainId = 1; }) });
    assert.equal(run.status, EXIT.differs);
    assert.match(run.stdout, /^DIFFERS {2}chain: found 42161, wanted 1\n1 of 1 differ at block/);
});

test('an address without a contract differs in code, and every question to it has no answer', async () => {
    const run = await verify({ deployment: changed('changed.json', (r) => { r.escrow = STRANGER; }) });
    assert.equal(run.status, EXIT.differs, run.stderr);
    assert.match(run.stdout, /DIFFERS {2}escrow code: found 0 bytes, byte 0 is absent/);
    assert.match(run.stdout, /DIFFERS {2}payout wallet: found no answer to payout\(\)/);
    assert.match(run.stdout, /DIFFERS {2}role RELAYER: found no answer to hasRole\(\)/);
});

const USAGE = [
    ['no deployment', { deployment: null }, /--deployment is missing/],
    ['no node', { rpc: null }, /--rpc is missing/],
    ['an unknown option', { chain: '1' }, /chain/],
    ['a range that is no number', { 'logs-range': '0' }, /--logs-range is a number of blocks/],
    ['a record that is not there', { deployment: '/nonexistent' }, /cannot be read: ENOENT/],
];
for (const [what, changes, message] of USAGE) {
    test(`${what} is status 3`, async () => {
        const run = await verify(changes);
        assert.equal(run.status, EXIT.usage);
        assert.match(run.stderr, message);
        assert.equal(run.stdout, '');
    });
}

const BAD_RECORDS = [
    ['another format', (r) => { r.format = 2; }, /"format" is not 1/],
    ['no escrow', (r) => { delete r.escrow; }, /"escrow" is not an address/],
    ['an address without checksum', (r) => { r.token = r.token.toLowerCase(); },
        /"token" is not an address with its checksum/],
    ['a block that is a text', (r) => { r.deployBlock = '8'; }, /"deployBlock" is not a whole number/],
    ['a hash that is cut', (r) => { r.tokenCodeHash = '0x12'; }, /"tokenCodeHash" is not a hash/],
    ['an implementation without hash', (r) => { r.tokenImplementationCodeHash = null; }, /does not go with/],
    ['a role that is no list', (r) => { r.roles.ARBITER = r.arbiter; }, /"roles.ARBITER" is not a list of addresses/],
    ['no creation', (r) => { delete r.transactions.create; }, /"transactions.create" is not the hash/],
    ['arguments that are no hex', (r) => { r.escrowConstructorArguments = 'x'; },
        /"escrowConstructorArguments" is not hex/],
];
for (const [what, change, message] of BAD_RECORDS) {
    test(`a record with ${what} is status 3`, async () => {
        const run = await verify({ deployment: changed('bad.json', change) });
        assert.equal(run.status, EXIT.usage);
        assert.match(run.stderr, message);
    });
}

test('a record that is not JSON, or too long, is status 3', async () => {
    writeFileSync(chain.file('bad.json'), '{');
    assert.match((await verify({ deployment: chain.file('bad.json') })).stderr, /is not JSON/);
    writeFileSync(chain.file('bad.json'), ' '.repeat(1024 * 1024 + 1));
    const run = await verify({ deployment: chain.file('bad.json') });
    assert.equal(run.status, EXIT.usage);
    assert.match(run.stderr, /is longer than/);
});

test('no node: it cannot tell', async () => {
    const run = await verify({ rpc: `http://127.0.0.1:${await port_free()}` });
    assert.equal(run.status, EXIT.cannot_tell);
    assert.match(run.stderr, /ECONNREFUSED/);
    assert.equal(run.stdout, '');
});

for (const method of ['eth_getTransactionByHash', 'eth_getCode', 'eth_getStorageAt', 'eth_call', 'eth_getLogs']) {
    test(`a node that refuses ${method}: it cannot tell, and never calls it equal or different`, async (t) => {
        const url = await door(t, { decide: (asked) => (asked === method
            ? { error: { code: -32005, message: 'limit exceeded' } } : undefined) });
        const run = await verify({ rpc: url });
        assert.equal(run.status, EXIT.cannot_tell);
        assert.match(run.stderr, /limit exceeded/);
        assert.equal(run.stdout, '');
    });
}

test('a connection that is cut: it cannot tell', async (t) => {
    const run = await verify({ rpc: await door(t, { decide: (method) => (method === 'eth_call'
        ? { silent: true } : undefined) }) });
    assert.equal(run.status, EXIT.cannot_tell);
});

test('a block replaced while it was read: it cannot tell', async (t) => {
    const url = await door(t, {
        decide: (method, params) => (method === 'eth_getBlockByNumber' && params[0] !== 'latest'
            ? { result: { hash: `0x${'2'.repeat(64)}` } } : undefined),
    });
    const run = await verify({ rpc: url });
    assert.equal(run.status, EXIT.cannot_tell);
    assert.match(run.stderr, /was replaced while it was read/);
});

test('every read is of one block', async (t) => {
    const asked = new Set();
    const url = await door(t, {
        decide: (method, params) => {
            const at = { eth_call: 1, eth_getCode: 1, eth_getStorageAt: 2 }[method];
            if (at !== undefined) {
                asked.add(params[at].blockHash);
            }
        },
    });
    const run = await verify({ rpc: url, json: true });
    assert.equal(run.status, EXIT.equal, run.stderr);
    assert.deepEqual([...asked], [JSON.parse(run.stdout).block.hash]);
});

test('logs are asked for in pieces a node accepts, without gap or overlap', async (t) => {
    await chain.rpc('anvil_mine', ['0x1388']);
    const ranges = [];
    let refused = 0;
    const url = await door(t, {
        decide: (method, params) => {
            if (method !== 'eth_getLogs') {
                return undefined;
            }
            const [from, to] = [Number(params[0].fromBlock), Number(params[0].toBlock)];
            if (to - from + 1 > 700) {
                refused += 1;
                return { error: { code: -32000, message: 'range too large' } };
            }
            ranges.push([from, to]);
            return undefined;
        },
    });
    const run = await verify({ rpc: url, json: true });
    assert.equal(run.status, EXIT.equal, run.stderr);
    assert.ok(refused > 0);
    assert.equal(ranges[0][0], record.deployBlock);
    assert.equal(ranges.at(-1)[1], JSON.parse(run.stdout).block.number);
    ranges.slice(1).forEach(([from], at) => assert.equal(from, ranges[at][1] + 1));
});

test('a role revoked and granted again is held once', async () => {
    for (const call of ['revoke', 'grant', 'revoke', 'grant']) {
        const run = await tool_run('calldata', { deployment: chain.file('deployment.json'), json: true }, [call,
            'GUARDIAN', record.guardian]);
        const { to, data } = JSON.parse(run.stdout);
        assert.equal((await chain.send(record.admin, to, data)).status, '0x1');
    }
    assert.equal((await verify()).status, EXIT.equal);
});

test('a token of the ERC-1967 kind is read in the newer slot, one without proxy is recorded as such', async () => {
    const { implementation_read } = await import('../lib/token.mjs');
    const { View } = await import('../lib/node.mjs');
    const call = (method, params) => chain.rpc(method, params);
    // The number is the one ERC-1967 prints.
    const slot = '0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc';
    const word = `0x${STRANGER.slice(2).padStart(64, '0')}`;
    await chain.rpc('anvil_setStorageAt', [PARTIES.admin, slot, word]);
    assert.equal(await implementation_read(new View(call), PARTIES.admin), STRANGER);
    assert.equal(await implementation_read(new View(call), MINTER), null);
});
