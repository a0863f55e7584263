#!/usr/bin/env node
// Deploys TestMXNB and KustodiaEscrow from abi/json to a LOCAL development chain and sets them up:
// roles, minter, gas money. It holds no key: every transaction is sent from an account the node
// itself has unlocked. It refuses anything but an anvil node on this machine.
//
//   node tools/deploy.mjs --rpc URL --relayer ADDR --arbiter ADDR --minter ADDR --bridge ADDR
//                         --out FILE [--admin ADDR] [--guardian ADDR] [--bridge-allowance UNITS]
//
// --bridge            funder, payout wallet and refund wallet; may be the relayer's address
// --admin             DEFAULT_ADMIN of the escrow and owner of the token; must be unlocked by the
//                     node and must not be the relayer. Default: the first free dev account
// --guardian          default: the second free dev account
// --bridge-allowance  let the escrow pull this many units (1e-6 MXNB) from the bridge; without it
//                     the bridge's own key has to approve
//
// Writes FILE (JSON, see `deployment`) only after every receipt was read and the result was read
// back from the chain. Exit status 1 and one line on stderr otherwise.

import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Interface, concat, getAddress, getCreateAddress, id, toQuantity } from 'ethers';

const ABI = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../abi/json');
const LOCAL_CHAIN_IDS = [31337, 42161];
const LOOPBACK_HOSTS = ['127.0.0.1', 'localhost', '[::1]'];
const ADMIN_DELAY_S = 2 * 24 * 3600;
const MINTER_ALLOWANCE_UNITS = 10n ** 18n;
const GAS_MONEY_WEI = 10n ** 19n;
const DEPLOY_GAS = 8_000_000n;
const CALL_GAS = 500_000n;
const ANSWER_TIMEOUT_MS = 10_000;
const RECEIPT_TIMEOUT_MS = 30_000;
const RECEIPT_POLL_MS = 50;

class DeployError extends Error {}

function options() {
    const text = { type: 'string' };
    const { values } = parseArgs({
        options: {
            rpc: text, relayer: text, arbiter: text, minter: text, bridge: text, admin: text,
            guardian: text, out: text, 'bridge-allowance': text,
        },
    });
    for (const name of ['rpc', 'relayer', 'arbiter', 'minter', 'bridge', 'out']) {
        if (values[name] === undefined) {
            throw new DeployError(`--${name} is missing`);
        }
    }
    for (const name of ['relayer', 'arbiter', 'minter', 'bridge', 'admin', 'guardian']) {
        if (values[name] !== undefined) {
            values[name] = checked_address(name, values[name]);
        }
    }
    const allowance = values['bridge-allowance'];
    if (allowance !== undefined && !/^[1-9][0-9]{0,26}$/.test(allowance)) {
        throw new DeployError('--bridge-allowance is a whole number of units of 1e-6 MXNB');
    }
    return values;
}

function checked_address(name, value) {
    try {
        return getAddress(value);
    } catch {
        throw new DeployError(`--${name}: "${value}" is not an address`);
    }
}

/** One JSON-RPC endpoint: `call(method, params)` gives the result or throws. */
function node_open(url) {
    const target = new URL(url);
    if (target.protocol !== 'http:' || !LOOPBACK_HOSTS.includes(target.hostname)) {
        throw new DeployError(`${target.origin} is not on this machine; only local chains are served`);
    }
    let last_id = 0;
    return async (method, params = []) => {
        last_id += 1;
        const response = await fetch(target, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ jsonrpc: '2.0', id: last_id, method, params }),
            signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
        });
        const answer = await response.json();
        if (answer.error !== undefined) {
            throw new DeployError(`${method}: ${answer.error.message}`);
        }
        return answer.result;
    };
}

/** A chain id of 42161 alone proves nothing: a local proxy of the real chain has it too. */
async function require_local_chain(call) {
    const chain_id = Number(await call('eth_chainId'));
    if (!LOCAL_CHAIN_IDS.includes(chain_id)) {
        throw new DeployError(`chain id ${chain_id} is none of ${LOCAL_CHAIN_IDS.join(', ')}`);
    }
    const client = await call('web3_clientVersion');
    if (!client.startsWith('anvil/')) {
        throw new DeployError(`the node is "${client}", not anvil; only local chains are served`);
    }
    return chain_id;
}

/** Fills admin and guardian, and refuses what the escrow itself would refuse later. */
async function parties_choose(call, given) {
    const unlocked = (await call('eth_accounts')).map((account) => getAddress(account));
    const taken = [given.relayer, given.arbiter, given.minter, given.bridge, given.admin, given.guardian];
    const free = unlocked.filter((account) => !taken.includes(account));
    const admin = given.admin ?? free.shift();
    const guardian = given.guardian ?? free.shift() ?? admin;
    if (admin === undefined || !unlocked.includes(admin)) {
        throw new DeployError(`admin ${admin ?? ''} is not an unlocked account of the node`);
    }
    if (given.relayer === admin || given.relayer === given.arbiter) {
        throw new DeployError('the relayer must be neither the admin nor the arbiter');
    }
    return { ...given, admin, guardian };
}

function contract_load(name) {
    const file = JSON.parse(readFileSync(path.join(ABI, `${name}.json`), 'utf8'));
    return { name, face: new Interface(file.abi), bytecode: file.bytecode };
}

function creation_code(contract, args) {
    return concat([contract.bytecode, contract.face.encodeDeploy(args)]);
}

async function receipt_wait(call, hash, what) {
    const deadline = Date.now() + RECEIPT_TIMEOUT_MS;
    while (Date.now() < deadline) {
        const receipt = await call('eth_getTransactionReceipt', [hash]);
        if (receipt !== null) {
            if (receipt.status !== '0x1') {
                throw new DeployError(`${what}: transaction ${hash} reverted`);
            }
            return receipt;
        }
        await new Promise((resolve) => setTimeout(resolve, RECEIPT_POLL_MS));
    }
    throw new DeployError(`${what}: no receipt for ${hash} after ${RECEIPT_TIMEOUT_MS} ms`);
}

/** What to send, in order, all from the admin. Gas is stated, because the node cannot estimate a
 *  call to a contract whose creation is still waiting for a block. */
function transactions_plan(parties, token, escrow) {
    const { admin, guardian, relayer, arbiter, minter, bridge } = parties;
    const grant = (role, account) => ({
        what: `grant ${role}`,
        to: escrow.address,
        gas: CALL_GAS,
        data: escrow.face.encodeFunctionData('grantRole', [id(role), account]),
    });
    const plan = [
        { what: 'create TestMXNB', gas: DEPLOY_GAS, data: creation_code(token, [admin]) },
        {
            what: 'create KustodiaEscrow',
            gas: DEPLOY_GAS,
            data: creation_code(escrow, [token.address, bridge, admin, ADMIN_DELAY_S, bridge, bridge]),
        },
        {
            what: 'configure minter',
            to: token.address,
            gas: CALL_GAS,
            data: token.face.encodeFunctionData('configureMinter', [minter, MINTER_ALLOWANCE_UNITS]),
        },
        grant('RELAYER', relayer),
        grant('ARBITER', arbiter),
        grant('GUARDIAN', guardian),
    ];
    for (const account of new Set([relayer, arbiter, minter, bridge])) {
        if (account !== admin) {
            plan.push({ what: `gas money for ${account}`, to: account, gas: 21_000n, value: GAS_MONEY_WEI });
        }
    }
    return plan;
}

async function transactions_run(call, from, plan) {
    const hashes = [];
    for (const { to, data, gas, value } of plan) {
        const transaction = { from, to, data, gas: toQuantity(gas), value: toQuantity(value ?? 0n) };
        hashes.push(await call('eth_sendTransaction', [transaction]));
    }
    const receipts = [];
    for (const [index, hash] of hashes.entries()) {
        receipts.push(await receipt_wait(call, hash, plan[index].what));
    }
    return receipts;
}

/** The bridge's key is not ours: on a development node its transaction is made by impersonation. */
async function bridge_approve(call, parties, token, escrow) {
    const amount = BigInt(parties['bridge-allowance']);
    const approval = {
        what: 'approve the escrow',
        to: token.address,
        gas: CALL_GAS,
        data: token.face.encodeFunctionData('approve', [escrow.address, amount]),
    };
    await call('anvil_impersonateAccount', [parties.bridge]);
    try {
        await transactions_run(call, parties.bridge, [approval]);
    } finally {
        await call('anvil_stopImpersonatingAccount', [parties.bridge]);
    }
}

async function read(call, contract, method, args = []) {
    const data = contract.face.encodeFunctionData(method, args);
    const answer = await call('eth_call', [{ to: contract.address, data }, 'latest']);
    return contract.face.decodeFunctionResult(method, answer)[0];
}

async function result_check(call, parties, token, escrow) {
    const facts = [
        ['token', await read(call, escrow, 'token'), token.address],
        ['funder', await read(call, escrow, 'funder'), parties.bridge],
        ['payout', await read(call, escrow, 'payout'), parties.bridge],
        ['refund', await read(call, escrow, 'refund'), parties.bridge],
        ['admin', await read(call, escrow, 'defaultAdmin'), parties.admin],
        ['RELAYER', await read(call, escrow, 'hasRole', [id('RELAYER'), parties.relayer]), true],
        ['ARBITER', await read(call, escrow, 'hasRole', [id('ARBITER'), parties.arbiter]), true],
        ['GUARDIAN', await read(call, escrow, 'hasRole', [id('GUARDIAN'), parties.guardian]), true],
        ['minter', await read(call, token, 'minterAllowance', [parties.minter]), MINTER_ALLOWANCE_UNITS],
    ];
    for (const [what, found, wanted] of facts) {
        if (found !== wanted) {
            throw new DeployError(`${what} reads ${found} on the chain, expected ${wanted}`);
        }
    }
}

async function deploy() {
    const given = options();
    const call = node_open(given.rpc);
    const chain_id = await require_local_chain(call);
    const parties = await parties_choose(call, given);
    const nonce = Number(await call('eth_getTransactionCount', [parties.admin, 'pending']));
    const token = {
        ...contract_load('TestMXNB'),
        address: getCreateAddress({ from: parties.admin, nonce }),
    };
    const escrow = {
        ...contract_load('KustodiaEscrow'),
        address: getCreateAddress({ from: parties.admin, nonce: nonce + 1 }),
    };
    const plan = transactions_plan(parties, token, escrow);
    const receipts = await transactions_run(call, parties.admin, plan);
    if (given['bridge-allowance'] !== undefined) {
        await bridge_approve(call, parties, token, escrow);
    }
    await result_check(call, parties, token, escrow);

    const deployment = {
        chainId: chain_id,
        token: token.address,
        escrow: escrow.address,
        deployBlock: Number(receipts[0].blockNumber),
        deployBlockHash: receipts[0].blockHash,
        admin: parties.admin,
        guardian: parties.guardian,
        relayer: parties.relayer,
        arbiter: parties.arbiter,
        minter: parties.minter,
        bridge: parties.bridge,
        adminDelaySeconds: ADMIN_DELAY_S,
    };
    // Written aside and renamed: a reader sees the whole file or none.
    const draft = `${given.out}.part`;
    writeFileSync(draft, `${JSON.stringify(deployment, null, 2)}\n`);
    renameSync(draft, given.out);
    process.stdout.write(`deployed token ${token.address} and escrow ${escrow.address}\n`);
}

deploy().catch((error) => {
    // A refused connection hides its reason one level down.
    const reason = error.cause?.message ?? error.message;
    process.stderr.write(`deploy: ${reason}\n`);
    process.exitCode = 1;
});
