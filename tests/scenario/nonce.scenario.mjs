// Drills of the nonce: what an old backup, a node that forgot and a wrong judgement leave in our tables. The
// lane finds its way back by itself, and every effect goes once.

import { readFileSync } from 'node:fs';

import { AbiCoder, id, keccak256, Transaction, Wallet } from 'ethers';

import { check, check_equal } from './bed.mjs';
import { alarms, allowance_granted, change, drilled, ended, once_each, paid, rows, STEP_MS } from './chain_bed.mjs';

const FAR_AHEAD = 633;               // OpenZeppelin/openzeppelin-relayer issue 843: the drift that stopped it
const FAR_MS = 240_000;
const GAS = 100_000n;
const FEE_WEI = 5_000_000_000n;
const TRIES = 6;                     // above the five after which a used nonce is believed

const bytes = (hex) => `'\\x${hex.slice(2)}'`;

function relayer_wallet(env) {
    const { keyfile, password_file } = env.ground.relayer;
    return Wallet.fromEncryptedJsonSync(readFileSync(keyfile, 'utf8'), readFileSync(password_file, 'utf8').trim());
}

/** What the lane would have signed: the escrow's allowance, once for each of these nonces. */
async function allowances_sign(env, first, count) {
    const wallet = relayer_wallet(env);
    const { chainId } = Transaction.from((await env.sql(
        "SELECT '0x' || encode(raw, 'hex') AS raw FROM tx LIMIT 1"))[0].raw);
    const data = id('approve(address,uint256)').slice(0, 10)
        + AbiCoder.defaultAbiCoder().encode(['address', 'uint256'], [env.contracts.escrow, 10n ** 12n]).slice(2);
    const signed = [];
    for (let nonce = first; nonce < first + count; nonce += 1) {
        const raw = await wallet.signTransaction({
            type: 2, chainId, nonce, to: env.contracts.token, data, gasLimit: GAS,
            maxFeePerGas: FEE_WEI, maxPriorityFeePerGas: 0n,
        });
        signed.push({ nonce, raw, hash: keccak256(raw) });
    }
    return signed;
}

/** Rows as the lane leaves them for transactions that were sent, and that the node then forgot. */
async function rows_leave(env, signed, state) {
    const account = bytes(env.ground.relayer.address.toLowerCase());
    const list = (row) => signed.map(row).join(', ');
    await change(env, 'INSERT INTO tx (hash, chain_id, account, nonce, lane, kind, destination, raw, gas_limit,'
        + ' max_fee_wei, effects, state, sends, fence) VALUES '
        + list(({ nonce, raw, hash }) => `(${bytes(hash)}, 42161, ${account}, ${nonce}, 'relayer', 'token_approve',`
            + ` ${bytes(env.contracts.token.toLowerCase())}, ${bytes(raw)}, ${GAS}, ${FEE_WEI}, 0, '${state}',`
            + ` ${TRIES}, 1)`)
        + '; INSERT INTO nonce (chain_id, account, nonce, tx_hash) VALUES '
        + list(({ nonce, hash }) => `(42161, ${account}, ${nonce}, ${bytes(hash)})`));
}

const nonce_of = async (env) => Number(await env.ground.node('eth_getTransactionCount',
    [env.ground.relayer.address, 'latest']));

async function far_ahead(ground) {
    await drilled(ground, 'far-ahead', {}, async ({ env, story }) => {
        await allowance_granted(env);
        await env.daemon_stop();
        const first = await nonce_of(env);
        await rows_leave(env, await allowances_sign(env, first, FAR_AHEAD), 'sent');
        await env.daemon_start();
        await env.wait_for(async () => await nonce_of(env) >= first + FAR_AHEAD, FAR_MS,
            `${FAR_AHEAD} transactions that nobody had`);
        await ended(env, story, [await paid(story, '2000.00')]);
        await env.wait_for(async () => await rows(env, "tx WHERE state <> 'final'") === 0, STEP_MS,
            'every transaction being final');
        check_equal(await alarms(env, 'foreign_nonce'), 0, 'alarms about our own transactions');
        await once_each(env);
    });
}

/** A node lied about the count: three transactions were given up whose nonces the chain still asks for. */
async function given_up_wrongly(ground) {
    await drilled(ground, 'given-up', {}, async ({ env, story }) => {
        await allowance_granted(env);
        await env.daemon_stop();
        const first = await nonce_of(env);
        await rows_leave(env, await allowances_sign(env, first, 3), 'lost');
        await env.daemon_start();
        await ended(env, story, [await paid(story, '2000.00')]);
        check(await nonce_of(env) >= first + 3, 'the nonces were left out');
        await once_each(env);
    });
}

export const scenarios = [
    { name: `chain: stored counter ahead of the chain by ${FAR_AHEAD}`, run: far_ahead, long: true },
    { name: 'chain: nonces given up that the chain still asks for', run: given_up_wrongly },
];
