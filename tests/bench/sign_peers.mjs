// One signed EIP-1559 token transfer: ours (bench-sign) beside viem and ethers, CPU time, same run, trial by
// trial. Prints one JSON object per line; run by ./dev bench sign. First all three must give the same bytes.

import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { Wallet } from 'ethers';
import { privateKeyToAccount } from 'viem/accounts';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const PROGRAM = path.join(ROOT, process.env.KUSTODIA_BUILD ?? 'build/release', 'bin/bench-sign');
const TRIALS = 7;
const OWN_OPERATIONS = 2000;
const PEER_OPERATIONS = 300;

// The transaction of tests/bench/sign.c.
const KEY = `0x${'46'.repeat(32)}`;
const TO = `0x${'22'.repeat(20)}`;
const DATA = `0xa9059cbb${'33'.repeat(20).padStart(64, '0')}${(1000000).toString(16).padStart(64, '0')}`;

const account = privateKeyToAccount(KEY);
const wallet = new Wallet(KEY);
const peers = {
    viem: (nonce) => account.signTransaction({
        type: 'eip1559', chainId: 42161, nonce, gas: 65000n, to: TO, value: 0n, data: DATA,
        maxFeePerGas: 2000000000n, maxPriorityFeePerGas: 1000000000n,
    }),
    ethers: (nonce) => wallet.signTransaction({
        type: 2, chainId: 42161, nonce, gasLimit: 65000n, to: TO, value: 0n, data: DATA,
        maxFeePerGas: 2000000000n, maxPriorityFeePerGas: 1000000000n,
    }),
};

const own = (...args) => execFileSync(PROGRAM, args, { encoding: 'latin1' }).trim();

async function peer_ns(sign) {
    const before = process.cpuUsage();
    for (let nonce = 0; nonce < PEER_OPERATIONS; nonce += 1) {
        await sign(nonce);
    }
    const spent = process.cpuUsage(before);
    return ((spent.user + spent.system) * 1000) / PEER_OPERATIONS;
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

const expected = `0x${own('--print')}`;
for (const [name, sign] of Object.entries(peers)) {
    const theirs = await sign(0);
    if (theirs !== expected) {
        console.error(`${name} gives other bytes than bench-sign:\n${theirs}\n${expected}`);
        process.exit(1);
    }
}
for (const [name, sign] of Object.entries(peers)) {
    const ours = [];
    const theirs = [];
    await peer_ns(sign); // warm up
    for (let trial = 0; trial < TRIALS; trial += 1) {
        ours.push(Number(own('--loop', `${OWN_OPERATIONS}`)));
        theirs.push(await peer_ns(sign));
    }
    console.log(JSON.stringify({
        name: `sign.${name}`, value: median(ours), unit: 'cpu_ns', against: name,
        against_value: Math.round(median(theirs)),
        ratio: Number(median(ours.map((value, i) => theirs[i] / value)).toFixed(1)), samples: TRIALS,
        min: Math.min(...ours), max: Math.max(...ours),
    }));
}
