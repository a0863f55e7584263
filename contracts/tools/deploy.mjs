#!/usr/bin/env node
// Deploys KustodiaEscrow from abi/json, and writes a record of it for verify.mjs and the daemon.
//
// To a LOCAL development chain, with TestMXNB behind its proxy; from accounts the node has unlocked:
//
//   node tools/deploy.mjs --rpc URL --relayer ADDR --arbiter ADDR --minter ADDR --bridge ADDR
//                         --out FILE [--admin ADDR] [--guardian ADDR] [--bridge-allowance UNITS]
//
// To a REAL chain, beside the token that is there, with the deployer's key from a key file:
//
//   node tools/deploy.mjs --rpc URL --chain-id N --token ADDR --key-file FILE --password-file FILE
//                         --admin ADDR --relayer ADDR --arbiter ADDR --guardian ADDR --bridge ADDR
//                         --out FILE [--setup-by-deployer] [--other-token]
//
// --rpc               the node; with --rpc-file FILE the URL is read from a file of mode 0600 instead
// --bridge            funder, payout wallet and refund wallet; may be the relayer's address
// --admin             DEFAULT_ADMIN of the escrow, never the relayer. Locally also owner of the token, an
//                     unlocked account, by default the first free one
// --guardian          locally by default the second free account
// --bridge-allowance  local: let the escrow pull this many units (1e-6 MXNB) from the bridge
// --key-file          Web3 Secret Storage v3, mode 0600, as its password file
// --setup-by-deployer the deployer grants the roles and hands the admin role over (lib/real.mjs says when)
// --other-token       on Arbitrum One: --token is meant, though it is not MXNB's published address
//
// A real deployment keeps FILE.journal: each transaction is on disk before it is sent. After a crash the same
// command goes on where it was, and never creates a second escrow; FILE.lock keeps a second run away meanwhile.
// FILE is written last, after everything was read back from the chain, and never again: a later run compares it
// with the chain. A local deployment is a new one each time and writes FILE anew.
// Exit status 1 and one line on standard error otherwise.

import path from 'node:path';
import { parseArgs } from 'node:util';

import { address_parse } from './lib/calls.mjs';
import { line_read } from './lib/keyfile.mjs';
import { deploy_locally } from './lib/local.mjs';
import { with_lock } from './lib/lock.mjs';
import { ToolError } from './lib/node.mjs';
import { deploy_for_real } from './lib/real.mjs';
import { record_write, settings_text } from './lib/record.mjs';

const ADDRESSES = ['relayer', 'arbiter', 'minter', 'bridge', 'admin', 'guardian', 'token'];
const LOCAL = {
    needs: ['relayer', 'arbiter', 'minter', 'bridge', 'out'],
    may: ['admin', 'guardian', 'bridge-allowance'],
};
const REAL = {
    needs: ['chain-id', 'token', 'key-file', 'password-file', 'admin', 'relayer', 'arbiter', 'guardian', 'bridge',
        'out'],
    may: ['setup-by-deployer', 'other-token'],
};

function options() {
    const text = { type: 'string' };
    const names = new Set([...LOCAL.needs, ...LOCAL.may, ...REAL.needs, 'rpc', 'rpc-file']);
    const { values } = parseArgs({ options: {
        ...Object.fromEntries([...names].map((name) => [name, text])),
        'setup-by-deployer': { type: 'boolean' },
        'other-token': { type: 'boolean' },
    } });
    const real = values['key-file'] !== undefined;
    const mode = real ? REAL : LOCAL;
    if ((values.rpc === undefined) === (values['rpc-file'] === undefined)) {
        throw new ToolError('--rpc is missing; give it, or --rpc-file, and not both');
    }
    for (const name of mode.needs) {
        if (values[name] === undefined) {
            throw new ToolError(`--${name} is missing`);
        }
    }
    for (const name of Object.keys(values)) {
        if (![...mode.needs, ...mode.may, 'rpc', 'rpc-file'].includes(name)) {
            throw new ToolError(`--${name} belongs to a deployment ${real ? 'without' : 'with'} --key-file`);
        }
    }
    return { real, given: values_check(values) };
}

function values_check(values) {
    if (values.out === '') {
        throw new ToolError('--out is empty; name the file the record is written to');
    }
    const given = { 'setup-by-deployer': false, 'other-token': false, ...values, out: path.resolve(values.out) };
    given.rpc ??= line_read(values['rpc-file'], 'file with the node\'s URL');
    for (const name of ADDRESSES.filter((one) => values[one] !== undefined)) {
        given[name] = address_parse(`--${name}`, values[name]);
    }
    const allowance = values['bridge-allowance'];
    if (allowance !== undefined && !/^[1-9][0-9]{0,26}$/.test(allowance)) {
        throw new ToolError('--bridge-allowance is a whole number of units of 1e-6 MXNB');
    }
    if (values['chain-id'] !== undefined) {
        if (!/^[1-9][0-9]{0,14}$/.test(values['chain-id'])) {
            throw new ToolError(`--chain-id: "${values['chain-id']}" is not a chain id; Arbitrum One is 42161`);
        }
        given['chain-id'] = Number(values['chain-id']);
    }
    return given;
}

function say(line) {
    process.stdout.write(`${line}\n`);
}

function left_print(calls) {
    if (calls.length === 0) {
        return;
    }
    say('\nThe admin still has to send, each with value 0:');
    calls.forEach(({ does, to, data }) => say(`  ${does}\n    to   ${to}\n    data ${data}`));
    say('Nothing may be locked here before verify.mjs finds everything equal.');
}

async function main() {
    const { real, given } = options();
    const { record, left } = real ? await with_lock(given.out, () => deploy_for_real(given, say))
        : { record: await deploy_locally(given), left: [] };
    if (!real) {
        record_write(given.out, record);
    }
    say(`deployed: token ${record.token}, escrow ${record.escrow}, code ${record.escrowCodeHash}`);
    say(`constructor arguments ${record.escrowConstructorArguments}`);
    say(`ABI digest ${record.abiDigest}`);
    say(`\nFor the daemon's file:\n\n${settings_text(record)}`);
    left_print(left);
}

main().catch((error) => {
    process.stderr.write(`deploy: ${error.message}\n`);
    process.exitCode = 1;
});
