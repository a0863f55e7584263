// The exported files say what the compiler says, and the check notices when they do not.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const TOOLS = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const COMMITTED = path.resolve(TOOLS, '../../abi/json');

function run(...args) {
    return spawnSync(process.execPath, [path.join(TOOLS, 'export.mjs'), ...args], { encoding: 'utf8' });
}

function load(name, dir = COMMITTED) {
    return JSON.parse(readFileSync(path.join(dir, `${name}.json`), 'utf8'));
}

test('the committed files are the compiler output', () => {
    const check = run('--check');
    assert.equal(check.status, 0, check.stderr);
});

test('the check fails on one changed selector and names the file', (t) => {
    const dir = mkdtempSync(path.join(os.tmpdir(), 'export-'));
    t.after(() => rmSync(dir, { recursive: true }));
    assert.equal(run('--dir', dir).status, 0);
    assert.equal(run('--check', '--dir', dir).status, 0);
    const escrow = load('KustodiaEscrow', dir);
    escrow.methodIdentifiers['held()'] = '00000000';
    writeFileSync(path.join(dir, 'KustodiaEscrow.json'), `${JSON.stringify(escrow, null, 2)}\n`);
    const check = run('--check', '--dir', dir);
    assert.equal(check.status, 1);
    assert.match(check.stderr, /KustodiaEscrow\.json/);
    assert.doesNotMatch(check.stderr, /TestMXNB/);
});

test('an unknown option is refused', () => {
    assert.equal(run('--chekc').status, 1);
});

// The numbers below are those published for MXNB and Circle's FiatToken, not taken from our output.
test('TestMXNB has the selectors of the real token', () => {
    const found = load('TestMXNB').methodIdentifiers;
    const wanted = {
        'transfer(address,uint256)': 'a9059cbb',
        'transferFrom(address,address,uint256)': '23b872dd',
        'approve(address,uint256)': '095ea7b3',
        'balanceOf(address)': '70a08231',
        'allowance(address,address)': 'dd62ed3e',
        'permit(address,address,uint256,uint256,uint8,bytes32,bytes32)': 'd505accf',
        'permit(address,address,uint256,uint256,bytes)': '9fd5a6cf',
        'transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)':
            'e3ee160e',
        'transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)': 'cf092995',
        'receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)':
            'ef55bec6',
        'cancelAuthorization(address,bytes32,uint8,bytes32,bytes32)': '5a049a70',
        'isBlacklisted(address)': 'fe575a87',
        'paused()': '5c975abb',
        'rescueERC20(address,address,uint256)': 'b2118a8d',
        'updateRescuer(address)': '2ab60045',
        'initialize(string,string,string,uint8,address,address,address,address)': '3357162b',
        'decimals()': '313ce567',
    };
    for (const [signature, selector] of Object.entries(wanted)) {
        assert.equal(found[signature], selector, signature);
    }
});

test('TestMXNBProxy has the selectors of the real proxy', () => {
    assert.deepEqual(load('TestMXNBProxy').methodIdentifiers, {
        'admin()': 'f851a440',
        'changeAdmin(address)': '8f283970',
        'implementation()': '5c60da1b',
        'upgradeTo(address)': '3659cfe6',
        'upgradeToAndCall(address,bytes)': '4f1ef286',
    });
});

test('TestMXNB has the topics of the real token', () => {
    const found = load('TestMXNB').eventTopics;
    const wanted = {
        'Transfer(address,address,uint256)':
            '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef',
        'Approval(address,address,uint256)':
            '0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925',
        'Mint(address,address,uint256)':
            '0xab8530f87dc9b59234c4623bf917212bb2536d647574c8e7e5da92c2ede0c9f8',
        'Burn(address,uint256)': '0xcc16f5dbb4873280815c1ee09dbd06736cffcc184412cf7a71a0fdb75d397ca5',
        'Blacklisted(address)': '0xffa4e6181777692565cf28528fc88fd1516ea86b56da075235fa575af6a4b855',
        'UnBlacklisted(address)': '0x117e3210bb9aa7d9baff172026820255c6f6c30ba8999d1c2fd88e2848137c4e',
        'Pause()': '0x6985a02210a168e66602d3235cb6db0e70f92b3ba4d376a33c0f3d9434bff625',
        'Unpause()': '0x7805862f689e2f13df9f062ff482ad3ad112aca9e0847911ed832e158c525b33',
        'AuthorizationUsed(address,bytes32)':
            '0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5',
        'AuthorizationCanceled(address,bytes32)':
            '0x1cdd46ff242716cdaa72d159d339a485b3438398348d68f09d7c8c0a59353d81',
    };
    for (const [signature, topic] of Object.entries(wanted)) {
        assert.equal(found[signature], topic, signature);
    }
});

test('the deployed contracts fit the chain and keep nothing of this machine', () => {
    for (const name of ['KustodiaEscrow', 'TestMXNB', 'TestMXNBProxy']) {
        const { deployedBytecode, compiler } = load(name);
        assert.ok((deployedBytecode.length - 2) / 2 <= 24576, `${name}: EIP-170`);
        assert.equal(compiler.viaIR, true);
        assert.equal(compiler.evmVersion, 'cancun');
        const text = readFileSync(path.join(COMMITTED, `${name}.json`), 'utf8');
        assert.doesNotMatch(text, /node_modules|\.sol"/);
    }
});
