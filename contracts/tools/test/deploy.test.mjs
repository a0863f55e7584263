// deploy.mjs against a real development node, and everything it must refuse.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Interface, id } from 'ethers';

const TOOLS = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const ANVIL = path.resolve(TOOLS, '../node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil');
const ABI = path.resolve(TOOLS, '../../abi/json');
const BRIDGE = '0x1111111111111111111111111111111111111111';
const ARBITER = '0x2222222222222222222222222222222222222222';
const MINTER = '0x3333333333333333333333333333333333333333';
const START_TIMEOUT_MS = 20_000;

let dir;
let anvil;
let url;

async function port_free() {
    const server = net.createServer();
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address();
    await new Promise((resolve) => server.close(resolve));
    return port;
}

async function rpc(method, params = []) {
    const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    return (await response.json()).result;
}

function deploy(changes = {}) {
    const given = {
        rpc: url, relayer: BRIDGE, bridge: BRIDGE, arbiter: ARBITER, minter: MINTER,
        out: path.join(dir, 'deployment.json'), ...changes,
    };
    const args = Object.entries(given)
        .filter(([, value]) => value !== null)
        .flatMap(([name, value]) => [`--${name}`, value]);
    const child = spawn(process.execPath, [path.join(TOOLS, 'deploy.mjs'), ...args]);
    let stderr = '';
    child.stderr.on('data', (chunk) => { stderr += chunk; });
    return new Promise((resolve) => {
        child.on('close', (status) => resolve({ status, stderr, out: given.out }));
    });
}

/** A node that is not anvil, or is on another chain: answers two questions and no more. */
async function node_fake(t, chain_id, client) {
    const server = http.createServer((request, response) => {
        let text = '';
        request.on('data', (chunk) => { text += chunk; });
        request.on('end', () => {
            const { method } = JSON.parse(text);
            const answers = { eth_chainId: chain_id, web3_clientVersion: client };
            assert.ok(method in answers, `${method} must not be asked`);
            response.end(JSON.stringify({ jsonrpc: '2.0', id: 1, result: answers[method] }));
        });
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    return `http://127.0.0.1:${server.address().port}`;
}

before(async () => {
    dir = mkdtempSync(path.join(os.tmpdir(), 'deploy-'));
    const port = await port_free();
    url = `http://127.0.0.1:${port}`;
    anvil = spawn(ANVIL, [
        '--host', '127.0.0.1', '--port', String(port), '--chain-id', '42161',
        '--hardfork', 'cancun', '--block-time', '1', '--silent',
    ], { stdio: 'ignore' });
    const deadline = Date.now() + START_TIMEOUT_MS;
    for (;;) {
        try {
            await rpc('eth_chainId');
            return;
        } catch (error) {
            if (Date.now() > deadline) {
                throw error;
            }
            await new Promise((resolve) => setTimeout(resolve, 50));
        }
    }
});

after(() => {
    anvil.kill();
    rmSync(dir, { recursive: true });
});

test('deploys a chain on which one custody payment can be locked', async () => {
    const run = await deploy({ 'bridge-allowance': '5000000' });
    assert.equal(run.status, 0, run.stderr);
    const made = JSON.parse(readFileSync(run.out, 'utf8'));
    assert.equal(made.chainId, 42161);
    assert.ok(made.deployBlock > 0);
    assert.notEqual(made.admin, made.relayer);
    assert.equal(BigInt(await rpc('eth_getBalance', [BRIDGE, 'latest'])) / 10n ** 18n, 9n);
    assert.equal(BigInt(await rpc('eth_getBalance', [MINTER, 'latest'])), 10n ** 19n);

    // Mint to the bridge and lock, as minter and relayer would.
    const token = new Interface(JSON.parse(readFileSync(path.join(ABI, 'TestMXNB.json'))).abi);
    const escrow = new Interface(JSON.parse(readFileSync(path.join(ABI, 'KustodiaEscrow.json'))).abi);
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

const REFUSED = [
    ['a host that is not this machine', { rpc: 'http://192.0.2.1:8545' }, /not on this machine/],
    ['a missing address', { arbiter: null }, /--arbiter is missing/],
    ['a malformed address', { minter: '0x1234' }, /--minter: "0x1234" is not an address/],
    ['one address as relayer and arbiter', { arbiter: BRIDGE }, /neither the admin nor the arbiter/],
    ['an admin the node has not unlocked', { admin: '0x4444444444444444444444444444444444444444' }, /is not an unlocked account/],
    ['an allowance that is no whole number', { 'bridge-allowance': '1.5' }, /whole number of units/],
];

for (const [what, changes, message] of REFUSED) {
    test(`refuses ${what}`, async () => {
        const blocks = await rpc('eth_getTransactionCount', [(await rpc('eth_accounts'))[0], 'pending']);
        const run = await deploy({ ...changes, out: path.join(dir, 'refused.json') });
        assert.equal(run.status, 1);
        assert.match(run.stderr, message);
        assert.ok(!existsSync(run.out), 'nothing is written');
        const now = await rpc('eth_getTransactionCount', [(await rpc('eth_accounts'))[0], 'pending']);
        assert.equal(now, blocks, 'nothing is sent');
    });
}

test('refuses a relayer that is the admin', async () => {
    const [first] = await rpc('eth_accounts');
    const run = await deploy({ admin: first, relayer: first, out: path.join(dir, 'refused.json') });
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
