// A contract that changed without its C bindings: each of the three ways is planted in a copy of abi/, the way the
// compiler would write it, and must be seen twice. The build compares the committed header with the compiler's
// output (bindings.mjs --check); once the header is written anew, tests/unit/abi/test_bindings.c misses what
// abi/*.c was written for.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { id } from 'ethers';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const place = mkdtempSync(path.join(tmpdir(), 'kustodia-drift-'));
const abi = path.join(place, 'abi');
const json = path.join(abi, 'json/KustodiaEscrow.json');
const flags = ['-std=gnu17', '-D_GNU_SOURCE', '-I', place, '-I', root];
let objects;

before(() => {
    cpSync(path.join(root, 'abi'), abi, { recursive: true });
    const sources = readdirSync(abi).filter((name) => name.endsWith('.c')).map((name) => path.join(abi, name));
    execFileSync('cc', [...flags, '-c', ...sources], { cwd: place });
    objects = readdirSync(place).filter((name) => name.endsWith('.o')).map((name) => path.join(place, name));
});
after(() => rmSync(place, { recursive: true, force: true }));

/** The copy as it is committed, with one change of the compiler's output. */
function planted(change) {
    cpSync(path.join(root, 'abi/escrow_abi.h'), path.join(abi, 'escrow_abi.h'));
    const output = JSON.parse(readFileSync(path.join(root, 'abi/json/KustodiaEscrow.json'), 'utf8'));
    change(output);
    writeFileSync(json, JSON.stringify(output));
}

function bindings(...args) {
    const { status, stderr } = spawnSync(process.execPath, [path.join(abi, 'bindings.mjs'), ...args],
        { encoding: 'utf8' });
    return { status, stderr };
}

/** test_bindings.c with the copy's headers. */
function bindings_test() {
    const program = path.join(place, 'test_bindings');
    execFileSync('cc', [...flags, path.join(root, 'tests/unit/abi/test_bindings.c'), ...objects, '-o', program,
        '-lcmocka', '-lnettle', '-lsecp256k1']);
    const { status, stdout, stderr } = spawnSync(program, { encoding: 'utf8' });
    return { status, text: stdout + stderr };
}

function entry(output, type, name) {
    const found = output.abi.filter((one) => one.type === type && one.name === name);
    assert.equal(found.length, 1);
    return found[0];
}

/** Another type of an argument, and the hash that goes with it. */
function retyped(output, { type, name, table, at, to, digits }) {
    const { inputs } = entry(output, type, name);
    const signature = () => `${name}(${inputs.map((one) => one.type).join(',')})`;
    const like = output[table][signature()];
    assert.ok(like);
    delete output[table][signature()];
    inputs[at].type = to;
    const hash = id(signature()).slice(0, 2 + digits);
    output[table][signature()] = like.startsWith('0x') ? hash : hash.slice(2);
}

function seen_twice(change, missed) {
    planted(change);
    const check = bindings('--check');
    assert.equal(check.status, 1);
    assert.match(check.stderr, /abi\/escrow_abi\.h does not match abi\/json\/KustodiaEscrow\.json/);
    assert.equal(bindings().status, 0);
    assert.equal(bindings('--check').status, 0);
    const { status, text } = bindings_test();
    assert.notEqual(status, 0);
    assert.ok(text.includes(`the contract has no longer: ${missed}`), text);
}

test('nothing planted: nothing is seen', () => {
    planted(() => {});
    assert.deepEqual(bindings('--check'), { status: 0, stderr: '' });
    const { status, text } = bindings_test();
    assert.equal(status, 0, text);
});

test('a changed selector is seen', () => {
    seen_twice((output) => retyped(output, {
        type: 'function', name: 'dispute', table: 'methodIdentifiers', at: 1, to: 'uint16', digits: 8,
    }), 'dispute(bytes32 id,uint8 party,bytes32 reason)');
});

test('a changed topic is seen', () => {
    seen_twice((output) => retyped(output, {
        type: 'event', name: 'DisputeDismissed', table: 'eventTopics', at: 1, to: 'uint64', digits: 64,
    }), 'DisputeDismissed(bytes32 indexed id,uint256 round,bytes32 note)');
});

test('two arguments of one type that changed places are seen, though no hash moves', () => {
    seen_twice((output) => entry(output, 'function', 'dismiss').inputs.reverse(),
        'dismiss(bytes32 id,bytes32 note)');
    seen_twice((output) => entry(output, 'event', 'WalletsChanged').inputs.reverse(),
        'WalletsChanged(address indexed payout,address indexed refund)');
});

test('a selector that is not the hash of its signature is seen', () => {
    planted((output) => { output.methodIdentifiers['release(bytes32)'] = 'deadbeef'; });
    assert.equal(bindings('--check').status, 1);
    assert.equal(bindings().status, 0);
    const { status, text } = bindings_test();
    assert.notEqual(status, 0);
    assert.match(text, /release\(bytes32\): not the hash of its signature/);
});

test('a function that is gone stops the bindings', () => {
    planted((output) => { output.abi = output.abi.filter((one) => one.name !== 'release'); });
    const check = bindings('--check');
    assert.notEqual(check.status, 0);
    assert.match(check.stderr, /0 of function release/);
});
