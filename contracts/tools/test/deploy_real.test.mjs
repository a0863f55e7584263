// deploy.mjs on its way to a real chain (here a development node that is treated as one): what it makes, and each
// thing it refuses, with nothing sent and nothing written.

import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { getCreateAddress, Interface } from 'ethers';

import { Chain, door_open, json_load, local_deploy, MINTER, PARTIES, STRANGER, TOOLS, tool_run } from './support.mjs';

const DAYS_2_S = 2 * 24 * 3600;
const ABI = path.resolve(TOOLS, '../../abi/json');
// The number is the one published for the real proxy's code.
const IMPLEMENTATION_SLOT = '0x7050c9e0f4ca769c69bd3a8ef740bc37934f8e2c036e5a723fd8ee048ed3f8c3';
const UPGRADED = '0x4545454545454545454545454545454545454545';
const OTHER_ADMIN = '0x6767676767676767676767676767676767676767';
const escrow_face = new Interface(json_load(path.join(ABI, 'KustodiaEscrow.json')).abi);
const chain = new Chain();
let token;
let deployer;
let serial = 0;

before(async () => {
    await chain.start();
    ({ token } = await local_deploy(chain, 'local.json'));
    deployer = await chain.key_make('deployer');
});
after(() => chain.stop());

function options(changes = {}) {
    serial += 1;
    return {
        rpc: chain.url, 'chain-id': '42161', token, 'key-file': deployer.key, 'password-file': deployer.password,
        ...PARTIES, out: chain.file(`deployment-${serial}.json`), ...changes,
    };
}

const transactions = async () => Number(await chain.rpc('eth_getTransactionCount', [deployer.address, 'pending']));

async function verify(deployment) {
    const run = await tool_run('verify', { rpc: chain.url, deployment, json: true });
    return { status: run.status, stderr: run.stderr, checks: JSON.parse(run.stdout || '{}').checks };
}

const different = (checks) => checks.filter(({ ok }) => !ok).map(({ name }) => name);

test('the admin has every power from the first block; it makes the three printed grants, and all is equal',
    async () => {
    const given = options();
    const run = await tool_run('deploy', given);
    assert.equal(run.status, 0, run.stderr);
    assert.equal(await transactions(), 1, 'one transaction');
    const made = json_load(given.out);
    assert.equal(made.deployer, deployer.address);
    assert.equal(made.minter, null);
    assert.equal(statSync(`${given.out}.journal`).mode & 0o777, 0o600);

    const before_grants = await verify(given.out);
    assert.equal(before_grants.status, 5);
    assert.deepEqual(different(before_grants.checks), ['role RELAYER', 'role ARBITER', 'role GUARDIAN']);

    const calls = [...run.stdout.matchAll(/^ {4}to {3}(\S+)\n {4}data (\S+)$/gm)];
    assert.equal(calls.length, 3);
    for (const [, to, data] of calls) {
        assert.equal(to, made.escrow);
        assert.equal((await chain.send(made.admin, to, data)).status, '0x1');
    }
    const done = await verify(given.out);
    assert.equal(done.status, 0, JSON.stringify(done));
});

test('with --setup-by-deployer the roles are granted, and the admin accepts two days later', async () => {
    const given = options({ 'setup-by-deployer': true });
    const run = await tool_run('deploy', given);
    assert.equal(run.status, 0, run.stderr);
    const made = json_load(given.out);
    const waiting = await verify(given.out);
    assert.equal(waiting.status, 5);
    assert.deepEqual(different(waiting.checks), ['admin', 'admin transfer', 'role DEFAULT_ADMIN']);
    const transfer = waiting.checks.find(({ name }) => name === 'admin transfer');
    assert.match(transfer.found, new RegExp(`^to ${PARTIES.admin}, can be accepted from 20`, 'i'));

    await chain.rpc('evm_increaseTime', [DAYS_2_S + 1]);
    await chain.rpc('anvil_mine', ['0x1']);
    const accept = await tool_run('calldata', { deployment: given.out, json: true }, ['accept-admin']);
    const { to, data } = JSON.parse(accept.stdout);
    assert.equal((await chain.send(made.admin, to, data)).status, '0x1');
    const done = await verify(given.out);
    assert.equal(done.status, 0, JSON.stringify(done));
    const again = await tool_run('deploy', given);
    assert.equal(again.status, 0, again.stderr);
});

test('the same command again sends nothing and says the same', async () => {
    const given = options();
    assert.equal((await tool_run('deploy', given)).status, 0);
    const [made, count] = [json_load(given.out), await transactions()];
    const again = await tool_run('deploy', given);
    assert.equal(again.status, 0, again.stderr);
    assert.equal(await transactions(), count);
    assert.deepEqual(json_load(given.out), made);
});

/** A byte more behind the token's proxy is an upgrade; gives how to undo it. */
async function token_upgrade() {
    const before_upgrade = await chain.rpc('eth_getStorageAt', [token, IMPLEMENTATION_SLOT, 'latest']);
    const code = await chain.rpc('eth_getCode', [`0x${before_upgrade.slice(26)}`, 'latest']);
    await chain.rpc('anvil_setCode', [UPGRADED, `${code}00`]);
    await chain.rpc('anvil_setStorageAt', [token, IMPLEMENTATION_SLOT, `0x${UPGRADED.slice(2).padStart(64, '0')}`]);
    return () => chain.rpc('anvil_setStorageAt', [token, IMPLEMENTATION_SLOT, before_upgrade]);
}

test('a token upgraded between two runs: an error that says so, and the record stays', async (t) => {
    const given = options();
    assert.equal((await tool_run('deploy', given)).status, 0);
    const [text, made, count] = [readFileSync(given.out, 'utf8'), json_load(given.out), await transactions()];
    t.after(await token_upgrade());
    const again = await tool_run('deploy', given);
    assert.equal(again.status, 1);
    assert.ok(again.stderr.includes(`tokenImplementation is "${made.tokenImplementation}" there and "${UPGRADED}" now`),
        again.stderr);
    assert.match(again.stderr, /tokenImplementationCodeHash is "0x.* now\. The record stays as it is; run verify\.mjs/);
    assert.equal(readFileSync(given.out, 'utf8'), text);
    assert.equal(await transactions(), count);
    const found = await verify(given.out);
    assert.equal(found.status, 5);
    assert.ok(different(found.checks).includes('token implementation'));
});

test('a token upgraded before the record was written: the record has the token of the beginning', async (t) => {
    const given = options();
    const before_upgrade = json_load(chain.file('local.json'));
    let undo;
    const door = await door_open(chain.url, { after: async (method) => {
        if (method === 'eth_sendRawTransaction') {
            undo = await token_upgrade();
        }
        return true;
    } });
    t.after(async () => {
        door.close();
        await undo?.();
    });
    const run = await tool_run('deploy', { ...given, rpc: door.url });
    assert.equal(run.status, 1);
    assert.match(run.stderr, /tokenImplementation is .* there and .* now/);
    assert.equal(json_load(given.out).tokenImplementation, before_upgrade.tokenImplementation);
});

test('a record that was changed by hand is not written over', async () => {
    const given = options();
    assert.equal((await tool_run('deploy', given)).status, 0);
    const changed = { ...json_load(given.out), relayer: STRANGER };
    changed.roles.RELAYER = [STRANGER];
    writeFileSync(given.out, JSON.stringify(changed));
    const again = await tool_run('deploy', given);
    assert.equal(again.status, 1);
    assert.match(again.stderr, /relayer is "0x7.*" there and "0x1.*" now; roles\.RELAYER is \["0x7.*"\] there/);
    assert.deepEqual(json_load(given.out), changed);
});

test('a journal that ends before its record is refused, and nothing is sent', async () => {
    const given = options();
    assert.equal((await tool_run('deploy', given)).status, 0);
    const count = await transactions();
    const journal = json_load(`${given.out}.journal`);
    writeFileSync(`${given.out}.journal`, JSON.stringify({ ...journal, steps: [] }));
    const again = await tool_run('deploy', given);
    assert.equal(again.status, 1);
    assert.match(again.stderr, /it is not the journal of this record/);
    assert.equal(await transactions(), count);
});

/** Contracts this key has created from nonce `from` on. */
async function created_count(from) {
    let created = 0;
    for (let nonce = from; nonce < await transactions() + 2; nonce += 1) {
        const code = await chain.rpc('eth_getCode', [getCreateAddress({ from: deployer.address, nonce }), 'latest']);
        created += code === '0x' ? 0 : 1;
    }
    return created;
}

test('a second run while the first is at work is refused: one escrow', async (t) => {
    const [given, from] = [options(), await transactions()];
    let second;
    const door = await door_open(chain.url, { decide: async (method) => {
        if (method === 'eth_sendRawTransaction') {
            // The same file by another name: from its own folder.
            second = await tool_run('deploy', { ...given, out: path.basename(given.out) }, [], { cwd: chain.dir });
        }
    } });
    t.after(door.close);
    const first = await tool_run('deploy', { ...given, rpc: door.url });
    assert.equal(first.status, 0, first.stderr);
    assert.equal(second.status, 1);
    assert.match(second.stderr, /process \d+ on \S+ is at work on this deployment and holds .*\.lock; wait for it/);
    assert.equal(await created_count(from), 1);
    assert.ok(!existsSync(`${given.out}.lock`), 'the lock is gone');
    assert.equal((await verify(given.out)).status, 5, 'only the grants are missing');
});

test('runs started at once: each ends well or is refused, and there is one escrow', async () => {
    const [given, from] = [options(), await transactions()];
    const runs = await Promise.all([1, 2, 3].map(() => tool_run('deploy', given)));
    assert.ok(runs.some(({ status }) => status === 0), JSON.stringify(runs));
    for (const { status, stderr } of runs.filter((run) => run.status !== 0)) {
        assert.equal(status, 1);
        assert.match(stderr, /is at work on this deployment/);
    }
    assert.equal(await created_count(from), 1);
    assert.ok(existsSync(given.out));
});

test('a deployment of the same key by another name took the nonce: it says what is there', async (t) => {
    const [given, other, from] = [options(), options({ admin: OTHER_ADMIN }), await transactions()];
    let second;
    const door = await door_open(chain.url, { decide: async (method) => {
        if (method === 'eth_sendRawTransaction' && second === undefined) {
            second = await tool_run('deploy', other);
        }
    } });
    t.after(door.close);
    const first = await tool_run('deploy', { ...given, rpc: door.url });
    assert.equal(second.status, 0, second.stderr);
    assert.equal(first.status, 1);
    assert.match(first.stderr, /create: the node refuses transaction/);
    const again = await tool_run('deploy', given);
    assert.equal(again.status, 1);
    assert.match(again.stderr, /an escrow of this build, token and bridge is at 0x.*: do not begin anew/);
    assert.equal(await created_count(from), 1);
});

test('the same journal with other parties is refused', async () => {
    const given = options();
    assert.equal((await tool_run('deploy', given)).status, 0);
    const count = await transactions();
    const run = await tool_run('deploy', { ...given, arbiter: STRANGER });
    assert.equal(run.status, 1);
    assert.match(run.stderr, /is the journal of another deployment \(arbiter differ\)/);
    assert.equal(await transactions(), count);
});

test('a node given by a file of mode 0600 is used, and its address is not printed', async (t) => {
    const file = chain.file('node.url');
    const door = await door_open(chain.url);
    t.after(door.close);
    writeFileSync(file, `${door.url}/secret-path\n`, { mode: 0o600 });
    const run = await tool_run('deploy', options({ rpc: null, 'rpc-file': file, 'chain-id': '1' }));
    assert.match(run.stderr, /the node is on chain 42161, not on 1/);
    assert.doesNotMatch(run.stdout + run.stderr, /secret-path/);
});

test('a step that would fail on the chain is said before anything is sent', async () => {
    const count = await transactions();
    // The escrow refuses wallets that are its own address, which is known beforehand.
    const bridge = getCreateAddress({ from: deployer.address, nonce: count });
    const run = await tool_run('deploy', options({ bridge }));
    assert.equal(run.status, 1);
    assert.match(run.stderr, /create would fail/);
    assert.equal(await transactions(), count);
});

const file_copy = (from, name, mode) => {
    const to = chain.file(name);
    copyFileSync(from, to);
    chmodSync(to, mode);
    return to;
};
const file_text = (name, text) => {
    writeFileSync(chain.file(name), text, { mode: 0o600 });
    return chain.file(name);
};
const link_make = (from, name) => {
    symlinkSync(from, chain.file(name));
    return chain.file(name);
};
/** A contract that answers every call with one number. */
const number_contract = async (address, byte) => {
    await chain.rpc('anvil_setCode', [address, `0x60${byte}60005260206000f3`]);
    return address;
};

const REFUSED = [
    ['a node on another chain', async () => ({ 'chain-id': '421614' }), /the node is on chain 42161, not on 421614/],
    ['no chain id', async () => ({ 'chain-id': null }), /--chain-id is missing/],
    ['a chain id that is none', async () => ({ 'chain-id': 'arbitrum' }), /"arbitrum" is not a chain id/],
    ['an option of a local deployment', async () => ({ minter: MINTER }),
        /--minter belongs to a deployment without --key-file/],
    ['no admin', async () => ({ admin: null }), /--admin is missing/],
    ['an address with a wrong checksum', async () => ({ token: '0xE7f1725E7734CE288F8367e1Bb143E90bb3F0512' }),
        /--token: "0xE7f1.*" is not an address/],
    ['a token without code', async () => ({ token: STRANGER }), /there is no contract at the token's address/],
    ['a token with 18 decimals', async () =>
        ({ token: await number_contract('0x8888888888888888888888888888888888888888', '12') }),
        /has 18 decimals; this escrow's amounts are counted in 6/],
    ['a contract that is no token', async () => {
        const address = '0x9999999999999999999999999999999999999999';
        await chain.rpc('anvil_setCode', [address, '0x00']);
        return { token: address };
    }, /does not say its decimals/],
    ['an empty --out', async () => ({ out: '' }), /--out is empty/],
    ['a key file that is not there', async () => ({ 'key-file': chain.file('none') }),
        /the key file .* cannot be read: ENOENT/],
    ['a key file others can read', async () => ({ 'key-file': file_copy(deployer.key, 'open.json', 0o640) }),
        /others can open the key file .*chmod 600/],
    ['a password file others can read', async () => ({ 'password-file': file_copy(deployer.password,
        'open.password', 0o604) }),
        /others can open the password file/],
    ['a key file that is a link', async () => ({ 'key-file': link_make(deployer.key, 'link.json') }),
        /is not a plain file/],
    ['a key file that is none', async () => ({ 'key-file': file_text('odd.json', '{"version": 2}') }),
        /is not a Web3 Secret Storage v3 file/],
    ['a key file that is too long', async () => ({ 'key-file': file_text('long.json', 'x'.repeat(65537)) }),
        /has 65537 bytes/],
    ['an empty password file', async () => ({ 'password-file': file_text('empty.password', '') }), /has 0 bytes/],
    ['a wrong password', async () => ({ 'password-file': file_text('wrong.password', 'guess\n') }),
        /does not open with the password in/],
    ['a record that is there without a journal', async () => ({ out: file_text('there.json', '{}') }),
        /is there already and has no journal/],
    ['a journal that is none', async () => {
        const out = chain.file('odd-journal.json');
        writeFileSync(`${out}.journal`, '{"format": 9}');
        return { out };
    }, /is not a journal of this tool/],
];

// Every pair of parties but relayer and bridge, which may be one. The first pair that is one is named.
const PLAYERS = ['relayer', 'arbiter', 'admin', 'guardian', 'bridge'];
const APART = { ...PARTIES, bridge: '0x1212121212121212121212121212121212121212' };
const address_of = (party) => ({ ...APART, deployer: deployer.address, token })[party];
for (const [at, one] of PLAYERS.entries()) {
    for (const other of [...PLAYERS.slice(at + 1), 'deployer', 'token']) {
        const pair = new RegExp(`the (${one} must not be the ${other}|${other} must not be the ${one}): [a-z].*;`
            + ' give each an address of its own');
        const change = async () => ({ ...APART, [one]: address_of(other),
            'setup-by-deployer': other === 'deployer' ? true : null });
        if (`${one} ${other}` !== 'relayer bridge') {
            REFUSED.push([`the ${other} as ${one}`, change, pair]);
        }
    }
}

for (const [what, change, message] of REFUSED) {
    test(`refuses ${what}`, async () => {
        const [given, count] = [options(await change()), await transactions()];
        const was_there = existsSync(given.out);
        const run = await tool_run('deploy', given);
        assert.equal(run.status, 1);
        assert.match(run.stderr, message);
        assert.equal(run.stderr.trim().split('\n').length, 1, 'one line');
        assert.doesNotMatch(run.stdout + run.stderr, /a password|guess/, 'no secret is printed');
        assert.equal(await transactions(), count, 'nothing is sent');
        assert.equal(existsSync(given.out), was_there, 'nothing is written');
        assert.ok(!existsSync(`${given.out}.lock`), 'no lock stays');
    });
}

const REAL_NODE = (method) => (method === 'web3_clientVersion' ? { result: 'nitro/v3.11' } : undefined);
const SILENT_NODE = (method) => (method === 'web3_clientVersion'
    ? { error: { code: -32601, message: 'not served' } } : undefined);
for (const [what, decide] of [['the real chain', REAL_NODE], ['a node that does not say what it is', SILENT_NODE]]) {
    test(`on ${what} the token is MXNB, or another one is meant`, async (t) => {
        const door = await door_open(chain.url, { decide });
        t.after(door.close);
        const [given, count] = [options({ rpc: door.url }), await transactions()];
        const refused = await tool_run('deploy', given);
        assert.equal(refused.status, 1);
        assert.match(refused.stderr, /is not MXNB, which is 0xF197FFC28c23E0309B5559e7a166f2c6164C80aA on Arbitrum One/);
        assert.equal(await transactions(), count);
        const meant = await tool_run('deploy', { ...given, 'other-token': true });
        assert.equal(meant.status, 0, meant.stderr);
    });
}

test('on the real chain MXNB\'s published address goes on to the token\'s own checks', async (t) => {
    const door = await door_open(chain.url, { decide: REAL_NODE });
    t.after(door.close);
    const run = await tool_run('deploy', options({ rpc: door.url, token: '0xF197FFC28c23E0309B5559e7a166f2c6164C80aA' }));
    assert.match(run.stderr, /there is no contract at the token's address 0xF197/);
});

test('refuses a deployer without money', async () => {
    const poor = await chain.key_make('poor', { money: '0x3e8' });
    const run = await tool_run('deploy', options({ 'key-file': poor.key, 'password-file': poor.password }));
    assert.equal(run.status, 1);
    assert.match(run.stderr, /has 1000 wei, create may need|would fail/);
});

test('refuses while gas costs more than the limit', async (t) => {
    const count = await transactions();
    const door = await door_open(chain.url, {
        decide: (method) => (method === 'eth_getBlockByNumber'
            ? { result: { baseFeePerGas: '0x2540be401' } } : undefined),
    });
    t.after(door.close);
    const run = await tool_run('deploy', options({ rpc: door.url }));
    assert.equal(run.status, 1);
    assert.match(run.stderr, /gas costs 10000000001 wei now, more than 10000000000/);
    assert.equal(await transactions(), count);
});

test('refuses a deployer with a transaction under way', async (t) => {
    const door = await door_open(chain.url, {
        decide: (method, params) => (method === 'eth_getTransactionCount' && params[1] === 'pending'
            ? { result: '0xff' } : undefined),
    });
    t.after(door.close);
    const run = await tool_run('deploy', options({ rpc: door.url }));
    assert.equal(run.status, 1);
    assert.match(run.stderr, /transactions under way; wait for them/);
});

test('says that a nonce was used by something else, and does not take another', async (t) => {
    const given = options();
    // The creation is written down and never sent; then the key is used elsewhere.
    const door = await door_open(chain.url, { decide: (method) => (method === 'eth_sendRawTransaction'
        ? { silent: true } : undefined) });
    t.after(door.close);
    const cut = await tool_run('deploy', { ...given, rpc: door.url });
    assert.equal(cut.status, 1);
    await chain.send(deployer.address, STRANGER, '0x');
    const count = await transactions();
    const run = await tool_run('deploy', given);
    assert.equal(run.status, 1);
    assert.match(run.stderr, /was used by another transaction than 0x[0-9a-f]{64}, so this deployment cannot go on/);
    assert.match(run.stderr, /there is no contract at 0x.*: nothing was created, so the file .* may be moved away/);
    assert.equal(await transactions(), count);
    assert.ok(!existsSync(given.out));
});

test('the constructor has the printed arguments, and the ABI digest is printed', async () => {
    const given = options();
    const run = await tool_run('deploy', given);
    assert.equal(run.status, 0, run.stderr);
    const made = json_load(given.out);
    const { input } = await chain.rpc('eth_getTransactionByHash', [made.transactions.create]);
    const { bytecode } = json_load(path.join(ABI, 'KustodiaEscrow.json'));
    const printed = /^constructor arguments (0x[0-9a-f]+)\nABI digest (0x[0-9a-f]{64})$/m.exec(run.stdout);
    assert.equal(input, bytecode + printed?.[1].slice(2));
    assert.deepEqual(printed.slice(1), [made.escrowConstructorArguments, made.abiDigest]);
    const values = escrow_face.getAbiCoder().decode(escrow_face.deploy.inputs, made.escrowConstructorArguments);
    assert.deepEqual([...values].map(String),
        [token, PARTIES.bridge, PARTIES.admin, `${DAYS_2_S}`, PARTIES.bridge, PARTIES.bridge]);
});
