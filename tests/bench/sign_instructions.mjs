// sign, sign.recover: user-mode instructions of one signature, counted by callgrind and so the same on any
// machine, held against those of the bare library. What starting the program takes is left out: the
// difference of two runs.

import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

import { ROOT } from '../support/env.mjs';

const PROGRAM = path.join(ROOT, process.env.KUSTODIA_BUILD ?? 'build/release', 'bin/bench-sign');
const FEW = 20;
const MANY = 120;

async function counted(what, times) {
    const { stderr } = await promisify(execFile)('valgrind', ['--tool=callgrind', '--callgrind-out-file=/dev/null',
        PROGRAM, '--repeat', what, `${times}`]);
    const found = /Collected : (\d+)/.exec(stderr);
    if (found === null) {
        throw new Error(`callgrind counted nothing: ${stderr.slice(-300)}`);
    }
    return Number(found[1]);
}

const each = async (what) => Math.round((await counted(what, MANY) - await counted(what, FEW)) / (MANY - FEW));

const bare = await each('bare');
if (!(bare > 0)) {
    throw new Error(`the bare signature took ${bare} instructions`);
}
for (const [name, what] of [['sign', 'sign'], ['sign.recover', 'recover']]) {
    const ours = await each(what);
    console.log(JSON.stringify({
        name, value: ours, unit: 'instructions', against: 'bare secp256k1_ecdsa_sign_recoverable',
        against_value: bare, ratio: Number((ours / bare).toFixed(3)), samples: 1, min: ours, max: ours,
    }));
}
