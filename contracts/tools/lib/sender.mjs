// One step of a deployment: signed, written down, sent, waited for. Each of the four may be the last thing a run
// does; the next run goes on from there.

import { Transaction } from 'ethers';

import { NodeError, receipt_wait, ToolError } from './node.mjs';

const RECEIPT_TIMEOUT_MS = 120_000;
// Only what the block asks is paid; the rest is room for a fee that rises while a run is interrupted.
const FEE_ROOM = 4n;
const FEE_MAX_WEI = 10_000_000_000n;
const GAS_MARGIN_PCT = 25n;

async function fees_choose(call) {
    const { baseFeePerGas } = await call('eth_getBlockByNumber', ['latest', false]);
    if (baseFeePerGas === undefined) {
        throw new ToolError('the chain has no base fee; it is too old for this contract');
    }
    const base = BigInt(baseFeePerGas);
    if (base > FEE_MAX_WEI) {
        throw new ToolError(`gas costs ${base} wei now, more than ${FEE_MAX_WEI}; wait, nothing was sent`);
    }
    const tip = BigInt(await call('eth_maxPriorityFeePerGas').catch((error) => {
        if (error instanceof NodeError) {
            return 0n;
        }
        throw error;
    }));
    const bounded = (fee) => (fee > FEE_MAX_WEI ? FEE_MAX_WEI : fee);
    return { maxFeePerGas: bounded(base * FEE_ROOM + tip), maxPriorityFeePerGas: bounded(tip) };
}

async function transaction_make({ call, wallet, chain_id }, { to, data, nonce, what }) {
    const estimate = await call('eth_estimateGas', [{ from: wallet.address, to, data }]).catch((error) => {
        throw new ToolError(`${what} would fail: ${error.message}`);
    });
    const fees = await fees_choose(call);
    const gas = BigInt(estimate) * (100n + GAS_MARGIN_PCT) / 100n;
    const balance = BigInt(await call('eth_getBalance', [wallet.address, 'latest']));
    if (balance < gas * fees.maxFeePerGas) {
        throw new ToolError(`the deployer ${wallet.address} has ${balance} wei,`
            + ` ${what} may need ${gas * fees.maxFeePerGas}`);
    }
    return Transaction.from({ type: 2, chainId: chain_id, nonce, to, data, gasLimit: gas, value: 0n, ...fees });
}

/** Sent again and again without harm: the bytes are always those of the journal. */
async function bytes_send(call, { raw, hash, what }) {
    try {
        await call('eth_sendRawTransaction', [raw]);
    } catch (error) {
        if (!(error instanceof NodeError)) {
            throw error;
        }
        // "Already known" and "nonce too low" are as good as sent, if it is ours that is known.
        if (await call('eth_getTransactionByHash', [hash]) === null) {
            throw new ToolError(`${what}: the node refuses transaction ${hash}: ${error.message}`);
        }
    }
}

/** The nonce may have been used by something that is not ours: then this step can never happen. */
async function require_nonce_free({ call, wallet, journal, place }, step) {
    const used = Number(await call('eth_getTransactionCount', [wallet.address, 'latest']));
    if (used <= step.nonce || await call('eth_getTransactionReceipt', [step.hash]) !== null) {
        return;
    }
    const { created, told } = await place();
    const advice = created
        ? 'do not begin anew, that might make a second escrow: find out who used this key and what that contract is'
        : `nothing was created, so the file ${journal.file} may be moved away and the same command run again`;
    throw new ToolError(`${step.what}: nonce ${step.nonce} of ${wallet.address} was used by another transaction than`
        + ` ${step.hash}, so this deployment cannot go on; ${told}: ${advice}`);
}

/** Brings step `index` about and gives its receipt. step: { what, to, data, nonce }. */
export async function step_send(sender, index, step) {
    const { call, wallet, journal, report } = sender;
    let known = journal.step(index);
    if (known === undefined) {
        const raw = await wallet.signTransaction(await transaction_make(sender, step));
        known = { what: step.what, nonce: step.nonce, hash: Transaction.from(raw).hash, raw };
        journal.record(known);
    }
    if (await call('eth_getTransactionReceipt', [known.hash]) === null) {
        await require_nonce_free(sender, known);
        await bytes_send(call, known);
    }
    const receipt = await receipt_wait(call, known.hash, known.what, RECEIPT_TIMEOUT_MS);
    report(`${step.what}: ${known.hash} in block ${Number(receipt.blockNumber)}`);
    return receipt;
}
