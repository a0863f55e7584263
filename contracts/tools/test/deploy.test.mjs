// deploy.mjs against a real development node, and everything it must refuse.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Interface, id } from 'ethers';

import { Chain, door_open, json_load, MINTER, PARTIES, port_free, TOOLS, tool_run } from './support.mjs';

const ABI = path.resolve(TOOLS, '../../abi/json');
const BRIDGE = PARTIES.bridge;
const chain = new Chain();
const rpc = (method, params) => chain.rpc(method, params);

async function deploy(changes = {}) {
    const given = {
        rpc: chain.url, relayer: BRIDGE, bridge: BRIDGE, arbiter: PARTIES.arbiter, minter: MINTER,
        out: chain.file('deployment.json'), ...changes,
    };
    return { ...await tool_run('deploy', given), out: given.out };
}

/** A node that is not anvil, or is on another chain: answers two questions and no more. */
async function node_fake(t, chain_id, client) {
    const answers = { eth_chainId: chain_id, web3_clientVersion: client };
    const door = await door_open(undefined, {
        decide: (method) => {
            assert.ok(method in answers, `${method} must not be asked`);
            return { result: answers[method] };
        },
    });
    t.after(door.close);
    return door.url;
}

before(() => chain.start({ block_time_s: 1 }));
after(() => chain.stop());

test('deploys a chain on which one custody payment can be locked', async () => {
    const run = await deploy({ 'bridge-allowance': '5000000' });
    assert.equal(run.status, 0, run.stderr);
    const made = json_load(run.out);
    assert.equal(made.chainId, 42161);
    assert.ok(made.deployBlock > 0);
    assert.notEqual(made.admin, made.relayer);
    assert.equal(BigInt(await rpc('eth_getBalance', [BRIDGE, 'latest'])) / 10n ** 18n, 9n);
    assert.equal(BigInt(await rpc('eth_getBalance', [MINTER, 'latest'])), 10n ** 19n);

    // Mint to the bridge and lock, as minter and relayer would.
    const token = new Interface(json_load(path.join(ABI, 'TestMXNB.json')).abi);
    const escrow = new Interface(json_load(path.join(ABI, 'KustodiaEscrow.json')).abi);
    for (const account of [MINTER, BRIDGE]) {
        await rpc('anvil_impersonateAccount', [account]);
    }
    const now = Number((await rpc('eth_getBlockByNumber', ['latest', false])).timestamp);
    const terms = [id('payment'), 5_000_000n, now + 3600, false, id('terms')];
    await rpc('eth_sendTransaction', [{
        from: MINTER, to: made.token, gas: '0x30d40',
        data: token.encodeFunctionData('mint', [BRIDGE, 5_000_000n]),
    }]);
    await rpc('anvil_mine', ['0x1']);
    const hash = await rpc('eth_sendTransaction', [{
        from: BRIDGE, to: made.escrow, gas: '0x30d40',
        data: escrow.encodeFunctionData('create', [terms]),
    }]);
    await rpc('anvil_mine', ['0x1']);
    const receipt = await rpc('eth_getTransactionReceipt', [hash]);
    assert.equal(receipt.status, '0x1');
    const log = escrow.parseLog(receipt.logs.find((entry) => entry.address === made.escrow.toLowerCase()));
    assert.equal(log.name, 'EscrowCreated');
    assert.equal(log.args.id, terms[0]);
    const held = await rpc('eth_call', [{ to: made.escrow, data: escrow.encodeFunctionData('held') }, 'latest']);
    assert.equal(BigInt(held), 5_000_000n);
});

test('puts the token behind a proxy which only an account of its own may upgrade', async () => {
    const run = await deploy();
    assert.equal(run.status, 0, run.stderr);
    const made = json_load(run.out);
    // The slots' numbers are those published for the real proxy's code.
    const slots = {
        tokenImplementation: '0x7050c9e0f4ca769c69bd3a8ef740bc37934f8e2c036e5a723fd8ee048ed3f8c3',
        tokenProxyAdmin: '0x10d6a54a4754c8869d6886b5f5d7fbfa5b4522237ea5c60d11bc4e7a1ff9390b',
    };
    for (const [name, slot] of Object.entries(slots)) {
        const value = await rpc('eth_getStorageAt', [made.token, slot, 'latest']);
        assert.equal(`0x${value.slice(-40)}`, made[name].toLowerCase(), name);
    }
    const accounts = (await rpc('eth_accounts')).map((account) => account.toLowerCase());
    assert.ok(!accounts.includes(made.tokenProxyAdmin.toLowerCase()), 'all accounts of the node can use the token');
    const token = new Interface(json_load(path.join(ABI, 'TestMXNB.json')).abi);
    const ask = async (address, method) => token.decodeFunctionResult(method,
        await rpc('eth_call', [{ to: address, data: token.encodeFunctionData(method) }, 'latest']))[0];
    assert.equal(await ask(made.token, 'owner'), made.admin);
    assert.equal(await ask(made.token, 'symbol'), 'MXNB');
    assert.equal(await ask(made.tokenImplementation, 'owner'), '0x0000000000000000000000000000000000000001');
});

test('prints the settings of the daemon, each as the file has it', async () => {
    const run = await deploy();
    const made = json_load(run.out);
    const lines = run.stdout.slice(run.stdout.indexOf('[chain]')).trim().split('\n');
    const wanted = {
        chain_id: made.chainId, token: made.token, escrow: made.escrow, bridge: made.bridge,
        start_block: made.deployBlock, admin: made.admin, guardian: made.guardian,
        escrow_code_hash: made.escrowCodeHash, token_code_hash: made.tokenCodeHash,
        token_implementation: made.tokenImplementation,
        token_implementation_code_hash: made.tokenImplementationCodeHash,
    };
    assert.deepEqual(lines, ['[chain]', ...Object.entries(wanted).map(([name, value]) => `${name} = ${value}`)]);
});

const REFUSED = [
    ['a host that is not this machine', { rpc: 'http://192.0.2.1:8545' }, /not on this machine/],
    ['a missing address', { arbiter: null }, /--arbiter is missing/],
    ['a malformed address', { minter: '0x1234' }, /--minter: "0x1234" is not an address/],
    ['one address as relayer and arbiter', { arbiter: BRIDGE }, /neither the admin nor the arbiter/],
    ['an admin the node has not unlocked', { admin: '0x4444444444444444444444444444444444444444' },
        /is not an unlocked account/],
    ['an address that is nobody', { arbiter: `0x${'0'.repeat(40)}` }, /--arbiter: the zero address is nobody/],
    ['an option of a real deployment', { token: BRIDGE }, /--token belongs to a deployment with --key-file/],
    ['two nodes', { 'rpc-file': '/dev/null' }, /--rpc is missing; give it, or --rpc-file, and not both/],
    ['an allowance that is no whole number', { 'bridge-allowance': '1.5' }, /whole number of units/],
];

for (const [what, changes, message] of REFUSED) {
    test(`refuses ${what}`, async () => {
        const blocks = await rpc('eth_getTransactionCount', [(await rpc('eth_accounts'))[0], 'pending']);
        const run = await deploy({ ...changes, out: chain.file('refused.json') });
        assert.equal(run.status, 1);
        assert.match(run.stderr, message);
        assert.ok(!existsSync(run.out), 'nothing is written');
        const now = await rpc('eth_getTransactionCount', [(await rpc('eth_accounts'))[0], 'pending']);
        assert.equal(now, blocks, 'nothing is sent');
    });
}

test('refuses a relayer that is the admin', async () => {
    const [first] = await rpc('eth_accounts');
    const run = await deploy({ admin: first, relayer: first, out: chain.file('refused.json') });
    assert.equal(run.status, 1);
    assert.match(run.stderr, /neither the admin nor the arbiter/);
});

test('refuses another chain', async (t) => {
    const run = await deploy({ rpc: await node_fake(t, '0x1', 'anvil/v1.7.1') });
    assert.equal(run.status, 1);
    assert.match(run.stderr, /chain id 1 is none of 31337, 42161/);
});

test('refuses a local door to the real chain', async (t) => {
    const run = await deploy({ rpc: await node_fake(t, '0xa4b1', 'nitro/v3.11') });
    assert.equal(run.status, 1);
    assert.match(run.stderr, /not anvil/);
});

test('says so when no node answers', async () => {
    const run = await deploy({ rpc: `http://127.0.0.1:${await port_free()}` });
    assert.equal(run.status, 1);
    assert.match(run.stderr, /ECONNREFUSED/);
});
