// calldata.mjs: the data of each call, against selectors and words written out here, and what it refuses.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import { PARTIES, STRANGER, tool_run } from './support.mjs';

const EXIT_USAGE = 3;
const ESCROW = '0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0';
const TOKEN = '0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512';
const HASH = `0x${'1'.repeat(64)}`;
const dir = mkdtempSync(path.join(os.tmpdir(), 'calldata-'));
const deployment = path.join(dir, 'deployment.json');
const { admin, guardian, relayer, arbiter, bridge } = PARTIES;
writeFileSync(deployment, JSON.stringify({
    format: 1, chainId: 42161, deployBlock: 8, adminDelaySeconds: 172800, token: TOKEN, escrow: ESCROW, admin, guardian,
    relayer, arbiter, bridge, payout: bridge, refund: bridge, escrowCodeHash: HASH, abiDigest: HASH,
    tokenCodeHash: HASH, deployBlockHash: HASH, transactions: { create: HASH },
    escrowConstructorArguments: '0x', tokenImplementation: null, tokenImplementationCodeHash: null,
    roles: { DEFAULT_ADMIN: [admin], RELAYER: [relayer], ARBITER: [arbiter], GUARDIAN: [guardian] },
}));
after(() => rmSync(dir, { recursive: true }));

const word = (hex) => hex.toLowerCase().replace(/^0x/, '').padStart(64, '0');
// keccak256 of the role's name; of the last, the escrow's own constant zero.
const GUARDIAN = '8b5b16d04624687fcf0d0228f19993c9157c1ed07b41d8d430fd9100eb099fe8';
const calldata = (...words) => tool_run('calldata', { deployment, json: true }, words);

// Selectors of the access-control calls are those published with OpenZeppelin's interfaces.
const CALLS = [
    [['grant', 'GUARDIAN', STRANGER], `0x2f2ff15d${GUARDIAN}${word(STRANGER)}`, 'admin'],
    [['revoke', 'GUARDIAN', STRANGER], `0xd547741f${GUARDIAN}${word(STRANGER)}`, 'admin'],
    [['begin-admin', STRANGER], `0x634e93da${word(STRANGER)}`, 'admin'],
    [['accept-admin'], '0xcefc1429', 'the new admin'],
    [['cancel-admin'], '0xd602b9fd', 'admin'],
    [['unpause'], '0x3f4ba83a', 'admin'],
];
for (const [words, data, sender] of CALLS) {
    test(`${words.join(' ')}`, async () => {
        const run = await calldata(...words);
        assert.equal(run.status, 0, run.stderr);
        const call = JSON.parse(run.stdout);
        assert.deepEqual([call.to, call.value, call.data, call.sender], [ESCROW, '0', data, sender]);
    });
}

test('the words of wallets, pause and rescue', async () => {
    const tail = async (...words) => JSON.parse((await calldata(...words)).stdout).data.slice(10);
    assert.equal(await tail('propose-wallets', STRANGER, TOKEN), word(STRANGER) + word(TOKEN));
    assert.equal(await tail('accept-wallets'), '');
    assert.equal(await tail('pause', 'create'), word('1'));
    assert.equal(await tail('pause', 'payout'), word('2'));
    assert.equal(await tail('pause', 'both'), word('3'));
    assert.equal(await tail('rescue', TOKEN, STRANGER, '255'), word(TOKEN) + word(STRANGER) + word('ff'));
});

test('without a call it lists them; the text form has the same data', async () => {
    const list = await tool_run('calldata', {});
    assert.equal(list.status, 0);
    assert.match(list.stdout, /^grant ROLE ADDRESS +sent by admin$/m);
    const alone = await tool_run('calldata', { deployment, data: true }, ['unpause']);
    assert.equal(alone.stdout, '0x3f4ba83a\n');
    const text = await tool_run('calldata', { deployment }, ['pause', 'both']);
    assert.match(text.stdout, new RegExp(`^from {2}guardian\\nto {4}${ESCROW}\\nvalue 0\\ndata {2}0x[0-9a-f]{72}$`,
        'm'));
});

const REFUSED = [
    [['fly'], /there is no call "fly"; there are: grant, revoke/],
    [['toString'], /there is no call "toString"/],
    [['grant', 'GUARDIAN'], /usage: grant ROLE ADDRESS/],
    [['grant', 'OWNER', STRANGER], /role "OWNER" is none of RELAYER, ARBITER, GUARDIAN/],
    [['grant', 'DEFAULT_ADMIN', STRANGER], /the admin is changed by begin-admin/],
    [['grant', 'GUARDIAN', '0x12'], /ADDRESS: "0x12" is not an address/],
    [['revoke', 'GUARDIAN', `0x${'0'.repeat(40)}`], /the zero address is nobody/],
    [['grant', 'RELAYER', arbiter], /holds ARBITER, and the contract keeps RELAYER apart from it/],
    [['grant', 'RELAYER', admin], /holds DEFAULT_ADMIN/],
    [['grant', 'ARBITER', relayer], /holds RELAYER/],
    [['begin-admin', relayer], /holds RELAYER/],
    [['pause', 'all'], /"all" is none of create, payout, both/],
    [['rescue', TOKEN, STRANGER, '1.5'], /"1.5" is not a whole number/],
    [['unpause', 'now'], /usage: unpause/],
];
for (const [words, message] of REFUSED) {
    test(`refuses ${words.join(' ')}`, async () => {
        const run = await calldata(...words);
        assert.equal(run.status, EXIT_USAGE);
        assert.match(run.stderr, message);
        assert.equal(run.stdout, '');
    });
}

test('needs the record', async () => {
    const run = await tool_run('calldata', {}, ['unpause']);
    assert.equal(run.status, EXIT_USAGE);
    assert.match(run.stderr, /--deployment is missing/);
});
