// One transaction for each effect, durable: the daemon beside the same number of pre-signed calls sent to the same
// node, and beside a sender made with viem as well as it can be (fixed gas and fees, nonces counted here, many in
// flight, HTTP batches). Prints one JSON object per line. Run by ./dev bench relay.
//
//   relay        transactions a second of the daemon, from the first that was stored to the last that was final
//   relay.viem   the same against viem's rate
//   relay.cpu    CPU of one transaction, viem's process beside the daemon with its signer
//   relay.memory what the daemon held at the end
//
// The daemon's transactions are escrow creations of real payments; the others pay nobody: token transfers of nothing.

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { Interface, Wallet } from 'ethers';
import { createWalletClient, defineChain, http } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';

import { CUT, NodeProxy } from '../support/node_proxy.mjs';
import { Story } from '../scenario/story.mjs';
import { AS_SHIPPED, daemon_pid, own_cpu_us, rss_mib, row_print, with_env } from './parts/measure.mjs';
import { abi_of } from './parts/escrow_events.mjs';

const TRANSACTIONS = Number(process.env.KUSTODIA_BENCH_TRANSACTIONS ?? 200);
const IN_FLIGHT = 64;
const RSS_MIB_MOST = 24;
const CHAIN_ID = 42161;
const GAS = 200_000n;
const FEE_WEI = 10n ** 10n;
const TIP_WEI = 10n ** 8n;
const PATIENCE_MS = 300_000;
const KEYS = { signed: `0x${'51'.repeat(32)}`, viem: `0x${'52'.repeat(32)}` };
const VIEM = 'viem';

/** Calls of `count` raw transactions in flight together, by HTTP batches; the time until the last is mined. */
async function presigned_measure(env, data) {
    const wallet = new Wallet(KEYS.signed);
    await fund(env, wallet.address);
    const raws = [];
    for (let nonce = 0; nonce < TRANSACTIONS; nonce += 1) {
        raws.push(await wallet.signTransaction({
            type: 2, chainId: CHAIN_ID, nonce, gasLimit: GAS, to: env.contracts.token, data,
            maxFeePerGas: FEE_WEI, maxPriorityFeePerGas: TIP_WEI,
        }));
    }
    const begun = performance.now();
    for (let at = 0; at < raws.length; at += IN_FLIGHT) {
        await fetch(env.ground.rpc_url, {
            method: 'POST', headers: { 'content-type': 'application/json' },
            body: JSON.stringify(raws.slice(at, at + IN_FLIGHT).map((raw, id) => ({
                jsonrpc: '2.0', id, method: 'eth_sendRawTransaction', params: [raw],
            }))),
        }).then((answer) => answer.json());
    }
    return { rate: TRANSACTIONS / await mined_s(env, wallet.address, begun) };
}

async function fund(env, address) {
    await env.ground.node('anvil_setBalance', [address, '0x3635c9adc5dea00000']);
}

async function mined_s(env, address, begun) {
    await env.wait_for(async () => Number(await env.ground.node('eth_getTransactionCount', [address, 'latest'])) >= TRANSACTIONS,
        PATIENCE_MS, 'the transactions being mined');
    return (performance.now() - begun) / 1000;
}

/** In a process of its own, whose CPU is viem's. */
async function viem_measure(env, data) {
    const { address } = privateKeyToAccount(KEYS.viem);
    await fund(env, address);
    const child = fork(fileURLToPath(import.meta.url), [VIEM], {
        env: { ...process.env, BENCH_RPC: env.ground.rpc_url, BENCH_TO: env.contracts.token, BENCH_DATA: data },
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    return new Promise((resolve, reject) => {
        child.once('message', async ({ cpu_us, begun_ms }) => {
            await env.wait_for(async () => Number(await env.ground.node('eth_getTransactionCount', [address, 'latest']))
                >= TRANSACTIONS, PATIENCE_MS, 'the transactions of viem being mined');
            resolve({ rate: TRANSACTIONS / ((Date.now() - begun_ms) / 1000), cpu_us: cpu_us / TRANSACTIONS });
        });
        child.once('close', (status) => { if (status !== 0) { reject(new Error(`viem ended with ${status}`)); } });
    });
}

async function viem_send() {
    const { BENCH_RPC, BENCH_TO, BENCH_DATA } = process.env;
    const chain = defineChain({
        id: CHAIN_ID, name: 'bench', nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
        rpcUrls: { default: { http: [BENCH_RPC] } },
    });
    const client = createWalletClient({
        account: privateKeyToAccount(KEYS.viem), chain, transport: http(BENCH_RPC, { batch: { batchSize: 100, wait: 0 } }),
    });
    const before = process.cpuUsage();
    const begun_ms = Date.now();
    let nonce = 0;
    const sender = async () => {
        while (nonce < TRANSACTIONS) {
            const mine = nonce;
            nonce += 1;
            await client.sendTransaction({
                to: BENCH_TO, data: BENCH_DATA, nonce: mine, gas: GAS, maxFeePerGas: FEE_WEI, maxPriorityFeePerGas: TIP_WEI,
            });
        }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, sender));
    const spent = process.cpuUsage(before);
    process.send({ cpu_us: spent.user + spent.system, begun_ms });
}

/**
 * Behind a proxy that keeps the count of our transactions to itself, payments come as far as they can without one;
 * then the daemon starts anew on the node itself, with all creations planned: so it is its lane that is measured,
 * and not how fast the bank hands out tokens.
 */
async function daemon_measure(env) {
    const proxy = new NodeProxy(env.ground.rpc_url);
    await proxy.start();
    proxy.rule('eth_getTransactionCount', () => CUT);
    env.settings['chain.rpc_url'] = proxy.url;
    await env.daemon_stop();
    await env.daemon_start();
    const story = new Story(env);
    await story.beneficiaries(['Seller', 'Buyer']);
    const orders = [];
    for (let at = 0; at < TRANSACTIONS; at += 1) {
        await story.payer(`user-${at}`);
        orders.push(await story.create({
            payer: `user-${at}`, seller: 'Seller', buyer: 'Buyer', amount: '1000.00', custody_seconds: 30 * 24 * 3600,
        }));
    }
    await Promise.all(orders.map((order) => story.pay(order)));
    await env.wait_for(async () => {
        const [{ n }] = await env.sql("SELECT count(*) AS n FROM effect WHERE kind = 'escrow_create' AND state = 'planned'");
        return Number(n) === TRANSACTIONS;
    }, PATIENCE_MS, 'all creations being planned');
    await env.daemon_stop();
    await proxy.stop();
    delete env.settings['chain.rpc_url'];
    await env.daemon_start();
    await story.reach_all(orders, 'in_custody', PATIENCE_MS);
    const pid = daemon_pid(env);
    const [cpu_us, rss] = [own_cpu_us(pid), rss_mib(pid)];
    const [{ n, seconds }] = await env.sql('SELECT count(*) AS n, extract(epoch FROM max(updated_at) - min(created_at))'
        + " AS seconds FROM tx WHERE kind = 'escrow_create' AND status = 1");
    if (Number(n) !== TRANSACTIONS) {
        throw new Error(`${n} transactions, not one for each of ${TRANSACTIONS} effects`);
    }
    return { rate: TRANSACTIONS / Number(seconds), cpu_us: cpu_us / TRANSACTIONS, rss };
}

async function relay() {
    const settings = { ...AS_SHIPPED, 'chain.batch_max': 1, 'chain.in_flight': 32 };
    await with_env('relay', settings, async (env) => {
        const token = new Interface(abi_of('TestMXNB'));
        const data = token.encodeFunctionData('approve', [env.contracts.escrow, 1n]);
        const ours = await daemon_measure(env);
        const signed = await presigned_measure(env, data);
        const viem = await viem_measure(env, data);
        row_print('relay', 'tx/s', [ours.rate], 'the same number pre-signed', signed.rate);
        row_print('relay.viem', 'tx/s', [ours.rate], 'viem 2.57.1', viem.rate);
        row_print('relay.cpu', 'us/tx', [viem.cpu_us], 'the daemon with its signer, its start included', ours.cpu_us);
        row_print('relay.memory', 'MiB', [ours.rss], 'most', RSS_MIB_MOST);
    });
}

if (process.argv[2] === VIEM) {
    await viem_send();
    process.exit(0);
}
await relay();
