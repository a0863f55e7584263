// Deployment to a LOCAL development chain: token behind its proxy, escrow, roles, minter, gas money. No key is
// held: every transaction is sent from an account the node itself has unlocked.

import { dataSlice, getAddress, getCreateAddress, id, toQuantity } from 'ethers';

import { contract_load, creation_code } from './build.mjs';
import { call_make } from './calls.mjs';
import { DEVELOPMENT_NODE, node_open, receipt_wait, ToolError, View } from './node.mjs';
import { constructor_arguments, deployment_describe } from './record.mjs';
import { roles_check } from './result.mjs';

const LOCAL_CHAIN_IDS = [31337, 42161];
const MINTER_ALLOWANCE_UNITS = 10n ** 18n;
const GAS_MONEY_WEI = 10n ** 19n;
const DEPLOY_GAS = 8_000_000n;
const CALL_GAS = 500_000n;
const RECEIPT_TIMEOUT_MS = 30_000;
const CREATION_OF_ESCROW = 2;       // its place in the plan
// Owner of the token's code alone, behind the proxy: nobody.
const NOBODY = '0x0000000000000000000000000000000000000001';
// Admin of the token's proxy, which cannot use the token: no account anybody works with. Nobody has its key; an
// upgrade is played by impersonation.
const UPGRADER = getAddress(dataSlice(id('admin of the local token\'s proxy'), 12));

/** A chain id of 42161 alone proves nothing: a local proxy of the real chain has it too. */
async function require_local_chain(call) {
    const chain_id = Number(await call('eth_chainId'));
    if (!LOCAL_CHAIN_IDS.includes(chain_id)) {
        throw new ToolError(`chain id ${chain_id} is none of ${LOCAL_CHAIN_IDS.join(', ')}`);
    }
    const client = await call('web3_clientVersion');
    if (!client.startsWith(DEVELOPMENT_NODE)) {
        throw new ToolError(`the node is "${client}", not anvil; only local chains are served without --key-file`);
    }
    return chain_id;
}

/**
 * Fills admin and guardian, and refuses what the escrow itself would refuse later, no more: the keys of a chain that is
 * thrown away may do several parts (a node with few accounts has no other).
 */
async function parties_choose(call, given) {
    const unlocked = (await call('eth_accounts')).map((account) => getAddress(account));
    const taken = [given.relayer, given.arbiter, given.minter, given.bridge, given.admin, given.guardian];
    const free = unlocked.filter((account) => !taken.includes(account));
    const admin = given.admin ?? free.shift();
    const guardian = given.guardian ?? free.shift() ?? admin;
    if (admin === undefined || !unlocked.includes(admin)) {
        throw new ToolError(`admin ${admin ?? ''} is not an unlocked account of the node`);
    }
    if (given.relayer === admin || given.relayer === given.arbiter) {
        throw new ToolError('the relayer must be neither the admin nor the arbiter');
    }
    return { ...given, admin, guardian };
}

/** The addresses the admin's next three creations will have. */
async function contracts_place(call, admin) {
    const nonce = Number(await call('eth_getTransactionCount', [admin, 'pending']));
    const at = (index) => getCreateAddress({ from: admin, nonce: nonce + index });
    return {
        code: { ...contract_load('TestMXNB'), address: at(0) },
        proxy: { ...contract_load('TestMXNBProxy'), address: at(1) },
        token: { ...contract_load('TestMXNB'), address: at(1) },
        escrow: { ...contract_load('KustodiaEscrow'), address: at(2) },
    };
}

function call_plan(contract, method, args) {
    return { what: method, to: contract.address, gas: CALL_GAS, data: contract.face.encodeFunctionData(method, args) };
}

/** What to send, in order, all from the admin. Gas is stated, because the node cannot estimate a call to a
 *  contract whose creation is still waiting for a block. */
function transactions_plan(parties, { code, proxy, token, escrow }) {
    const { admin, guardian, relayer, arbiter, minter, bridge } = parties;
    const args = constructor_arguments({ token: token.address, bridge }, admin);
    const grant = (role, account) => (
        { what: `grant ${role}`, gas: CALL_GAS, ...call_make(escrow, 'grant', [role, account]) });
    const plan = [
        { what: 'create TestMXNB', gas: DEPLOY_GAS, data: creation_code(code, [NOBODY]) },
        { what: 'create TestMXNBProxy', gas: DEPLOY_GAS, data: creation_code(proxy, [code.address]) },
        { what: 'create KustodiaEscrow', gas: DEPLOY_GAS, data: creation_code(escrow, args) },
        // The proxy's admin cannot use the token, and this admin is the token's owner.
        call_plan(proxy, 'changeAdmin', [UPGRADER]),
        call_plan(token, 'initialize', ['MXNB', 'MXNB', 'MXN', 6, admin, admin, admin, admin]),
        call_plan(token, 'initializeV2', ['MXNB']),
        call_plan(token, 'initializeV2_1', [admin]),
        call_plan(token, 'initializeV2_2', [[], 'MXNB']),
        call_plan(token, 'configureMinter', [minter, MINTER_ALLOWANCE_UNITS]),
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
        receipts.push(await receipt_wait(call, hash, plan[index].what, RECEIPT_TIMEOUT_MS));
    }
    return receipts;
}

/** The bridge's key is not ours: on a development node its transaction is made by impersonation. */
async function bridge_approve(call, parties, token, escrow) {
    const amount = BigInt(parties['bridge-allowance']);
    await call('anvil_impersonateAccount', [parties.bridge]);
    try {
        await transactions_run(call, parties.bridge, [call_plan(token, 'approve', [escrow.address, amount])]);
    } finally {
        await call('anvil_stopImpersonatingAccount', [parties.bridge]);
    }
}

/** given: the command line's options, addresses checked. Gives the record of the deployment. */
export async function deploy_locally(given) {
    const call = node_open(given.rpc, { local: true });
    const chain_id = await require_local_chain(call);
    const parties = await parties_choose(call, given);
    const contracts = await contracts_place(call, parties.admin);
    const { token, escrow } = contracts;
    const receipts = await transactions_run(call, parties.admin, transactions_plan(parties, contracts));
    if (given['bridge-allowance'] !== undefined) {
        await bridge_approve(call, parties, token, escrow);
    }
    const view = new View(call);
    const found = await view.ask(token, 'minterAllowance', [parties.minter]);
    if (found !== MINTER_ALLOWANCE_UNITS) {
        throw new ToolError(`the minter's allowance reads ${found} on the chain, expected ${MINTER_ALLOWANCE_UNITS}`);
    }
    const receipt = receipts[CREATION_OF_ESCROW];
    const described = await deployment_describe(view, escrow,
        { ...parties, token: token.address, escrow: escrow.address },
        { chain_id, first_admin: parties.admin, receipt, transactions: { create: receipt.transactionHash } });
    await roles_check(view, escrow, described);
    return { ...described, tokenProxyAdmin: UPGRADER };
}
