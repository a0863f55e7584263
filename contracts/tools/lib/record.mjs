// The record of a deployment: a file that says what was put on the chain and what has to be true of it.
// verify.mjs compares it with the chain, the daemon is configured from it.

import { closeSync, fsyncSync, openSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';
import { getAddress, isHexString, keccak256 } from 'ethers';

import { abi_digest, deployed_code } from './build.mjs';
import { ToolError } from './node.mjs';
import { token_describe } from './token.mjs';

export const FORMAT = 1;
export const ADMIN_DELAY_S = 2 * 24 * 3600;
const FILE_MAX_BYTES = 1024 * 1024;

/** Written aside, brought to the disk and renamed: a reader sees the whole file or none, also after a power cut. */
export function file_write(file, text, mode = 0o644) {
    const draft = `${file}.part`;
    const out = openSync(draft, 'w', mode);
    try {
        writeSync(out, text);
        fsyncSync(out);
    } finally {
        closeSync(out);
    }
    renameSync(draft, file);
    const folder = openSync(path.dirname(path.resolve(file)), 'r');
    try {
        fsyncSync(folder);
    } finally {
        closeSync(folder);
    }
}

/** A JSON file of ours, with a bound on its size. */
export function json_read(file) {
    let size;
    try {
        ({ size } = statSync(file));
    } catch (error) {
        throw new ToolError(`${file} cannot be read: ${error.code}`, 3);
    }
    if (size > FILE_MAX_BYTES) {
        throw new ToolError(`${file} is longer than ${FILE_MAX_BYTES} bytes`, 3);
    }
    try {
        return JSON.parse(readFileSync(file, 'utf8'));
    } catch (error) {
        throw new ToolError(`${file} is not JSON: ${error.message}`, 3);
    }
}

/** The constructor's arguments of an escrow of these parties. admin: who holds DEFAULT_ADMIN first. */
export function constructor_arguments({ token, bridge }, admin) {
    return [token, bridge, admin, ADMIN_DELAY_S, bridge, bridge];
}

/**
 * Reads the new contracts back and describes them. Throws when the escrow's code is not our build.
 * parties: { token, escrow, bridge, admin, guardian, relayer, arbiter, minter }, first_admin: the constructor's.
 */
export async function deployment_describe(view, contract, parties, { chain_id, first_admin, receipt, transactions }) {
    const code = await view.code(parties.escrow);
    if (code !== deployed_code(contract, { token: parties.token, funder: parties.bridge })) {
        throw new ToolError(`the code at ${parties.escrow} is not that of our build`);
    }
    const args = constructor_arguments(parties, first_admin);
    return {
        format: FORMAT,
        chainId: chain_id,
        token: parties.token,
        escrow: parties.escrow,
        deployBlock: Number(receipt.blockNumber),
        deployBlockHash: receipt.blockHash,
        admin: parties.admin,
        guardian: parties.guardian,
        relayer: parties.relayer,
        arbiter: parties.arbiter,
        minter: parties.minter ?? null,
        bridge: parties.bridge,
        payout: parties.bridge,
        refund: parties.bridge,
        adminDelaySeconds: ADMIN_DELAY_S,
        escrowCodeHash: keccak256(code),
        escrowConstructorArguments: contract.face.encodeDeploy(args),
        abiDigest: abi_digest(contract),
        ...await token_describe(view, parties.token),
        roles: {
            DEFAULT_ADMIN: [parties.admin],
            RELAYER: [parties.relayer],
            ARBITER: [parties.arbiter],
            GUARDIAN: [parties.guardian],
        },
        transactions,
    };
}

export function record_write(file, record) {
    file_write(file, `${JSON.stringify(record, null, 2)}\n`);
}

function differences(known, now, name = '') {
    const names = [known, now].map((value) => (object_is(value) ? Object.keys(value) : []));
    if (names[0].length === 0 || names[1].length === 0) {
        const told = [known, now].map((value) => JSON.stringify(value) ?? 'absent');
        return told[0] === told[1] ? [] : [`${name} is ${told[0]} there and ${told[1]} now`];
    }
    return [...new Set(names.flat())]
        .flatMap((key) => differences(known[key], now[key], name === '' ? key : `${name}.${key}`));
}

/** The record says what was deployed: what reads otherwise today is for a person to judge, never to be written over. */
export function record_compare(file, known, now) {
    const different = differences(known, now);
    if (different.length > 0) {
        throw new ToolError(`${file} and the chain differ: ${different.join('; ')}. The record stays as it is;`
            + ' run verify.mjs with it, find out who changed what, and change the record by hand only if that is right');
    }
}

const ADDRESSES = ['token', 'escrow', 'admin', 'guardian', 'relayer', 'arbiter', 'bridge', 'payout', 'refund'];
const HASHES = ['escrowCodeHash', 'abiDigest', 'tokenCodeHash', 'deployBlockHash'];
const ROLES = ['DEFAULT_ADMIN', 'RELAYER', 'ARBITER', 'GUARDIAN'];

const object_is = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

function address_is(value) {
    try {
        return getAddress(value) === value;
    } catch {
        return false;
    }
}

/** The record of a deployment, every field checked; what is wrong with the file is said in one line. */
export function record_read(file) {
    const record = json_read(file);
    const insist = (good, what) => {
        if (!good) {
            throw new ToolError(`${file}: ${what}`, 3);
        }
    };
    insist(record?.format === FORMAT,
        `"format" is not ${FORMAT}; this is no record of a deployment, or of another version`);
    for (const name of ['chainId', 'deployBlock', 'adminDelaySeconds']) {
        insist(Number.isSafeInteger(record[name]) && record[name] >= 0, `"${name}" is not a whole number`);
    }
    ADDRESSES.forEach((name) => insist(address_is(record[name]), `"${name}" is not an address with its checksum`));
    HASHES.forEach((name) => insist(isHexString(record[name], 32), `"${name}" is not a hash`));
    insist(isHexString(record.escrowConstructorArguments), '"escrowConstructorArguments" is not hex');
    const proxied = record.tokenImplementation !== null;
    insist(!proxied || address_is(record.tokenImplementation), '"tokenImplementation" is neither an address nor null');
    insist(proxied ? isHexString(record.tokenImplementationCodeHash, 32) : record.tokenImplementationCodeHash === null,
        '"tokenImplementationCodeHash" does not go with "tokenImplementation"');
    insist(isHexString(record.transactions?.create, 32), '"transactions.create" is not the hash of a transaction');
    ROLES.forEach((role) => insist(Array.isArray(record.roles?.[role]) && record.roles[role].every(address_is),
        `"roles.${role}" is not a list of addresses`));
    return record;
}

/** The daemon's settings for this deployment, ready to paste into its file. */
export function settings_text(record) {
    const rows = [
        ['chain_id', record.chainId], ['token', record.token], ['escrow', record.escrow], ['bridge', record.bridge],
        ['start_block', record.deployBlock], ['admin', record.admin], ['guardian', record.guardian],
        ['escrow_code_hash', record.escrowCodeHash], ['token_code_hash', record.tokenCodeHash],
        ['token_implementation', record.tokenImplementation],
        ['token_implementation_code_hash', record.tokenImplementationCodeHash],
    ];
    const lines = rows.filter(([, value]) => value !== null).map(([name, value]) => `${name} = ${value}`);
    return `[chain]\n${lines.join('\n')}\n`;
}
