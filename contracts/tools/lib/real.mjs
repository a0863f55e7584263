// Deployment to a real chain, beside a token that is there already, with a key from a key file.
//
// Who is the admin first? As a rule the final admin itself, from the constructor on: the deployer's key, which
// lies on a machine, never has any power over the contract, and there is no time in which it could be stolen and
// used. The three grants are then the admin's to make; their data is printed. With --setup-by-deployer the
// deployer is admin first, grants the roles and begins the transfer, which the final admin accepts two days later.

import { existsSync } from 'node:fs';
import { dataLength, getCreateAddress, keccak256 } from 'ethers';

import { contract_load, creation_code, deployed_code } from './build.mjs';
import { call_make } from './calls.mjs';
import { Journal } from './journal.mjs';
import { key_open } from './keyfile.mjs';
import { DEVELOPMENT_NODE, node_open, NodeError, ToolError, View } from './node.mjs';
import {
    constructor_arguments, deployment_describe, record_compare, record_read, record_write,
} from './record.mjs';
import { roles_check } from './result.mjs';
import { step_send } from './sender.mjs';
import { token_describe, TOKEN_DECIMALS, TOKEN_FACE } from './token.mjs';

const ARBITRUM_ONE = 42161;
// As its issuer publishes it.
const MXNB = '0xF197FFC28c23E0309B5559e7a166f2c6164C80aA';
const ROLE_OF = { RELAYER: 'relayer', ARBITER: 'arbiter', GUARDIAN: 'guardian' };

async function require_chain(call, wanted) {
    const found = Number(await call('eth_chainId'));
    if (found !== wanted) {
        throw new ToolError(`the node is on chain ${found}, not on ${wanted} as --chain-id says`);
    }
}

/** A development node that plays Arbitrum One has a token of its own; the real chain has one MXNB. */
async function require_mxnb(call, given) {
    if (given['chain-id'] !== ARBITRUM_ONE || given.token === MXNB || given['other-token']) {
        return;
    }
    const client = await call('web3_clientVersion').catch((error) => {
        if (error instanceof NodeError) {
            return 'a node that does not say what it is';
        }
        throw error;
    });
    if (!client.startsWith(DEVELOPMENT_NODE)) {
        throw new ToolError(`--token ${given.token} is not MXNB, which is ${MXNB} on Arbitrum One; give that one,`
            + ' or --other-token if another is meant');
    }
}

async function require_token(view, token) {
    if (await view.code(token) === '0x') {
        throw new ToolError(`there is no contract at the token's address ${token} on this chain`);
    }
    const decimals = await view.ask({ address: token, face: TOKEN_FACE }, 'decimals').catch((error) => {
        throw new ToolError(`${token} does not say its decimals (${error.message}); it is no token`);
    });
    if (Number(decimals) !== TOKEN_DECIMALS) {
        throw new ToolError(`the token ${token} has ${decimals} decimals; this escrow's amounts are counted in`
            + ` ${TOKEN_DECIMALS}, as MXNB's are`);
    }
}

/** Who must not be whom, and why, each pair once. The bridge may be the relayer: with this daemon it is. */
const APART = [
    ['relayer', 'arbiter', 'who moves money must not decide disputes'],
    ['relayer', 'admin', 'who moves money must not grant roles'],
    ['relayer', 'guardian', 'a stolen relayer key is what the guardian stops'],
    ['arbiter', 'admin', 'who decides disputes must not grant roles'],
    ['arbiter', 'guardian', 'who decides disputes must not stop the pay-outs of what was decided'],
    ['admin', 'guardian', 'the guardian\'s pause is quick and ends by itself, and only another one may lift it early'],
    ['bridge', 'arbiter', 'who decides disputes must not hold the money'],
    ['bridge', 'admin', 'who holds the money must not choose the wallets it goes to'],
    ['bridge', 'guardian', 'who holds the money must not stop its pay-out'],
    ...['relayer', 'arbiter', 'admin', 'guardian', 'bridge'].map((party) => (
        ['deployer', party, 'the deployer\'s key lies on a machine and holds nothing once the contract is there'])),
    ...['relayer', 'arbiter', 'admin', 'guardian', 'bridge'].map((party) => (
        ['token', party, 'a token is nobody who could act, and would trap what it is sent'])),
];

/** What the contract would refuse, and what would make one key worth two. */
function require_apart(parties) {
    for (const [one, other, why] of APART) {
        if (parties[one] === parties[other]) {
            throw new ToolError(`the ${one} must not be the ${other}: ${why}; give each an address of its own`);
        }
    }
}

/** Steps in order, each with one nonce; the first creates the escrow. */
function steps_plan(escrow, parties, { first_admin, deployer }) {
    const data = creation_code(escrow, constructor_arguments(parties, first_admin));
    const steps = [{ what: 'create', data }];
    if (first_admin === deployer) {
        for (const [role, name] of Object.entries(ROLE_OF)) {
            steps.push({ what: `grant ${role}`, ...call_make(escrow, 'grant', [role, parties[name]]) });
        }
        steps.push({ what: 'begin-admin', ...call_make(escrow, 'begin-admin', [parties.admin]) });
    }
    return steps;
}

/** The nonce of the first step: the journal's, or the key's next, when nothing else of it is under way. */
async function first_nonce_choose({ call, view, journal }, deployer, token) {
    if (journal.first_nonce !== undefined) {
        return journal.first_nonce;
    }
    const [mined, pending] = [Number(await call('eth_getTransactionCount', [deployer, 'latest'])),
        Number(await call('eth_getTransactionCount', [deployer, 'pending']))];
    if (mined !== pending) {
        throw new ToolError(`the deployer ${deployer} has ${pending - mined} transactions under way; wait for them`);
    }
    journal.begin(mined, await token_describe(view, token));
    return mined;
}

/** What lies where the first step creates the escrow: { created, told }. */
async function place_look(view, escrow, { token, bridge }) {
    const code = await view.code(escrow.address);
    if (code === '0x') {
        return { created: false, told: `there is no contract at ${escrow.address}` };
    }
    const told = code === deployed_code(escrow, { token, funder: bridge })
        ? `an escrow of this build, token and bridge is at ${escrow.address}`
        : `another contract (${dataLength(code)} bytes) is at ${escrow.address}`;
    return { created: true, told };
}

function journal_open(file, parties, deployer, creation) {
    const names = ['chain-id', 'token', 'admin', 'relayer', 'arbiter', 'guardian', 'bridge', 'setup-by-deployer'];
    const terms = Object.fromEntries(names.map((name) => [name, parties[name]]));
    return new Journal(file, { ...terms, deployer, creation: keccak256(creation) });
}

/** What is left for the admin to do: [{ sender, does, to, value, data }]. */
function calls_left(escrow, parties, { first_admin, deployer }) {
    return first_admin === deployer ? [call_make(escrow, 'accept-admin', [])]
        : Object.entries(ROLE_OF).map(([role, name]) => call_make(escrow, 'grant', [role, parties[name]]));
}

/** The record an earlier run wrote, or undefined. */
function record_known(file) {
    if (!existsSync(file)) {
        return undefined;
    }
    if (!existsSync(`${file}.journal`)) {
        throw new ToolError(`${file} is there already and has no journal; name another --out`);
    }
    return record_read(file);
}

/**
 * given: the command line's options, addresses checked; the caller holds the lock of given.out. report(line): progress.
 * Gives { record, left } where left are the calls the admin still has to make.
 */
export async function deploy_for_real(given, report) {
    const known = record_known(given.out);
    const call = node_open(given.rpc);
    await require_chain(call, given['chain-id']);
    const view = new View(call);
    await require_mxnb(call, given);
    await require_token(view, given.token);
    const wallet = await key_open(given['key-file'], given['password-file']);
    const deployer = wallet.address;
    const first_admin = given['setup-by-deployer'] ? deployer : given.admin;
    const who = { first_admin, deployer };
    require_apart({ ...given, deployer });

    const build = contract_load('KustodiaEscrow');
    const creation = creation_code(build, constructor_arguments(given, first_admin));
    const journal = journal_open(`${given.out}.journal`, given, deployer, creation);
    const nonce = await first_nonce_choose({ call, view, journal }, deployer, given.token);
    const escrow = { ...build, address: getCreateAddress({ from: deployer, nonce }) };
    report(`${journal.found ? 'going on with' : 'deploying'} ${escrow.address} as ${deployer}`);

    const place = () => place_look(view, escrow, given);
    const sender = { call, wallet, journal, chain_id: given['chain-id'], report, place };
    const receipts = [];
    const steps = steps_plan(escrow, given, who);
    if (known !== undefined && journal.step(steps.length - 1) === undefined) {
        throw new ToolError(`${journal.file} ends before ${given.out} was written; it is not the journal of this record`);
    }
    for (const [index, step] of steps.entries()) {
        receipts.push(await step_send(sender, index, { ...step, nonce: nonce + index }));
    }
    const parties = { ...given, escrow: escrow.address };
    const found = await deployment_describe(view, escrow, parties, {
        chain_id: given['chain-id'], first_admin, receipt: receipts[0],
        transactions: Object.fromEntries(journal.state.steps.map(({ what, hash }) => [what, hash])),
    });
    const now = { ...found, deployer };
    const record = known ?? { ...now, ...journal.token };
    const waiting = first_admin === deployer ? [] : Object.keys(ROLE_OF);
    await roles_check(view, escrow, now, { first_admin, waiting });
    if (known === undefined) {
        record_write(given.out, record);
    }
    record_compare(given.out, record, now);
    return { record, left: calls_left(escrow, given, who) };
}
