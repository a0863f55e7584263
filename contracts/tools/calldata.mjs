#!/usr/bin/env node
// Prints the data of a call an administrator or a guardian makes on a deployed escrow, so that nobody encodes by
// hand. It sends nothing and needs no node: paste the data into the Safe, or into whatever signs.
//
//   node tools/calldata.mjs --deployment FILE [--json | --data] CALL [PARAMETER ...]
//
// --json prints one object, --data the data alone. Without CALL it lists the calls. Exit status 3 on a bad one.

import { parseArgs } from 'node:util';

import { call_make, CALLS } from './lib/calls.mjs';
import { contract_load } from './lib/build.mjs';
import { ToolError } from './lib/node.mjs';
import { record_read } from './lib/record.mjs';

const EXIT_USAGE = 3;

function options() {
    try {
        return parseArgs({
            options: { deployment: { type: 'string' }, json: { type: 'boolean' }, data: { type: 'boolean' } },
            allowPositionals: true,
        });
    } catch (error) {
        throw new ToolError(error.message, EXIT_USAGE);
    }
}

const APART = { RELAYER: ['ARBITER', 'DEFAULT_ADMIN'], ARBITER: ['RELAYER'], DEFAULT_ADMIN: ['RELAYER'] };

/** What the contract itself would refuse is refused here already, before a Safe's owners sign it. */
function conflict_check({ roles }, name, texts) {
    const [role, who] = { grant: texts, 'begin-admin': ['DEFAULT_ADMIN', texts[0]] }[name] ?? [];
    const is_who = (account) => account.toLowerCase() === who.toLowerCase();
    const held = (APART[role] ?? []).find((other) => roles[other].some(is_who));
    if (held !== undefined) {
        throw new ToolError(`${who} holds ${held}, and the contract keeps ${role} apart from it`, EXIT_USAGE);
    }
}

function main() {
    const { values, positionals: [name, ...texts] } = options();
    if (name === undefined) {
        Object.entries(CALLS).forEach(([one, { parameters, sender }]) => (
            console.log(`${[one, ...parameters].join(' ').padEnd(40)} sent by ${sender}`)));
        return;
    }
    if (values.deployment === undefined) {
        throw new ToolError('--deployment is missing: the file deploy.mjs wrote', EXIT_USAGE);
    }
    const record = record_read(values.deployment);
    const call = call_make({ face: contract_load('KustodiaEscrow').face, address: record.escrow }, name, texts);
    conflict_check(record, name, texts);
    const text = `${name}: ${call.does}\nfrom  ${call.sender}\nto    ${call.to}\nvalue 0\ndata  ${call.data}`;
    console.log(values.json ? JSON.stringify(call) : values.data ? call.data : text);
}

try {
    main();
} catch (error) {
    process.stderr.write(`calldata: ${error.message}\n`);
    process.exitCode = error.status ?? 1;
}
