#!/usr/bin/env node
// Compares a live escrow with our build and with the record of its deployment: code byte by byte, ABI, roles,
// admin, wallets, pause, the token's code and the code behind it. Everything is read at one block. Changes nothing.
//
//   node tools/verify.mjs (--rpc URL | --rpc-file FILE) --deployment FILE [--json] [--logs-range N]
//
// --deployment  the file deploy.mjs wrote
// --logs-range  most blocks asked for logs at once (default 1000000; a piece the node refuses is halved)
//
// One line per check. Exit status: 0 all equal, 5 a difference, 1 cannot tell (no node, or it refuses), 3 usage.

import { parseArgs } from 'node:util';
import { toQuantity } from 'ethers';

import { Checker } from './lib/checks.mjs';
import { line_read } from './lib/keyfile.mjs';
import { node_open, ToolError, View } from './lib/node.mjs';
import { record_read } from './lib/record.mjs';

const EXIT_CANNOT_TELL = 1;
const EXIT_USAGE = 3;
const EXIT_DIFFERS = 5;
const RANGE_DEFAULT = '1000000';

function options() {
    const text = { type: 'string' };
    let values;
    try {
        ({ values } = parseArgs({ options: {
            rpc: text, 'rpc-file': text, deployment: text, 'logs-range': { ...text, default: RANGE_DEFAULT },
            json: { type: 'boolean', default: false },
        } }));
    } catch (error) {
        throw new ToolError(error.message, EXIT_USAGE);
    }
    if ((values.rpc === undefined) === (values['rpc-file'] === undefined)) {
        throw new ToolError('--rpc is missing; give it, or --rpc-file, and not both', EXIT_USAGE);
    }
    if (values.deployment === undefined) {
        throw new ToolError('--deployment is missing: the file deploy.mjs wrote', EXIT_USAGE);
    }
    if (!/^[1-9][0-9]{0,8}$/.test(values['logs-range'])) {
        throw new ToolError('--logs-range is a number of blocks', EXIT_USAGE);
    }
    return { ...values, rpc: values.rpc ?? line_read(values['rpc-file'], 'file with the node\'s URL') };
}

/** The newest block, to which everything is pinned. */
async function block_pin(call) {
    const { number, hash } = await call('eth_getBlockByNumber', ['latest', false]);
    return { number: Number(number), hash };
}

/** A reorganisation while reading would mix two histories: logs are asked for by number. */
async function block_confirm(call, { number, hash }) {
    const now = await call('eth_getBlockByNumber', [toQuantity(number), false]);
    if (now?.hash !== hash) {
        throw new ToolError(`block ${number} was replaced while it was read; run it again`);
    }
}

async function verify({ rpc, deployment, 'logs-range': range }) {
    const record = record_read(deployment);
    const call = node_open(rpc);
    const chain_id = Number(await call('eth_chainId'));
    const chain = { name: 'chain', ok: chain_id === record.chainId, found: `${chain_id}`, wanted: `${record.chainId}` };
    const block = await block_pin(call);
    if (!chain.ok) {
        return { block, checks: [chain] };
    }
    const view = new View(call, { blockHash: block.hash });
    const rows = await new Checker(call, view, record, { block, range_max: Number(range) }).run();
    await block_confirm(call, block);
    return { block, checks: [chain, ...rows] };
}

function text_print({ block, checks }) {
    for (const { name, ok, found, wanted } of checks) {
        console.log(ok ? `ok       ${name}: ${found}` : `DIFFERS  ${name}: found ${found}, wanted ${wanted}`);
    }
    const different = checks.filter(({ ok }) => !ok).length;
    const verdict = different === 0 ? 'all equal' : `${different} of ${checks.length} differ`;
    console.log(`${verdict} at block ${block.number} ${block.hash}`);
}

try {
    const given = options();
    const result = await verify(given);
    const equal = result.checks.every(({ ok }) => ok);
    if (given.json) {
        console.log(JSON.stringify({ equal, ...result }));
    } else {
        text_print(result);
    }
    process.exitCode = equal ? 0 : EXIT_DIFFERS;
} catch (error) {
    process.stderr.write(`verify: ${error.message}\n`);
    process.exitCode = error.status ?? EXIT_CANNOT_TELL;
}
