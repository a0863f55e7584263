// What the sandbox tests share: a private anvil with TestMXNB on it, the sandbox as a child
// process, and a small client that signs by itself (it shares no code with the sandbox).

import { execFileSync, spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
const ANVIL = path.join(ROOT, 'contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil');
export const MAIN = path.join(ROOT, 'tests/sandbox/main.mjs');
export const API_KEY = 'test-key';
export const API_SECRET = 'test-secret';
// Valid CLABEs of other banks, as published examples of the check digit have them.
export const BANK_CLABE = '032180000118359719';
export const OTHER_BANK_CLABE = '012180026050783858';

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Asks probe until it answers something other than undefined; fails the test after the deadline.
export async function eventually(what, probe, deadline_ms = 15_000) {
    const end = Date.now() + deadline_ms;
    for (;;) {
        const value = await probe();
        if (value !== undefined) return value;
        if (Date.now() > end) throw new Error(`never happened: ${what}`);
        await sleep(25);
    }
}

function free_port() {
    return new Promise((resolve, reject) => {
        const server = net.createServer();
        server.on('error', reject);
        server.listen(0, '127.0.0.1', () => {
            const { port } = server.address();
            server.close(() => resolve(port));
        });
    });
}

function child_stop(child, signal) {
    if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
    return new Promise((resolve) => {
        child.once('exit', resolve);
        child.kill(signal);
    });
}

// A development chain with the token deployed and `minter` (an unlocked account) set up.
export async function chain_start() {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'sandbox-test-'));
    const port = await free_port();
    const anvil = spawn(
        ANVIL,
        [
            '--port',
            String(port),
            '--host',
            '127.0.0.1',
            '--chain-id',
            '42161',
            '--hardfork',
            'cancun',
            '--block-time',
            '0.25',
            '--silent',
        ],
        { stdio: 'ignore' },
    );
    const rpc = `http://127.0.0.1:${port}`;
    const call = async (method, params) => {
        const response = await fetch(rpc, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
        });
        const { result, error } = await response.json();
        if (error !== undefined) throw new Error(`${method}: ${error.message}`);
        return result;
    };
    const accounts = await eventually('anvil answers', () =>
        call('eth_accounts', []).catch(() => undefined),
    );
    const [relayer, arbiter, minter, outsider] = accounts.slice(5);
    const out = path.join(dir, 'deployment.json');
    execFileSync(
        process.execPath,
        [
            path.join(ROOT, 'contracts/tools/deploy.mjs'),
            '--rpc',
            rpc,
            '--relayer',
            relayer,
            '--arbiter',
            arbiter,
            '--minter',
            minter,
            '--bridge',
            relayer,
            '--out',
            out,
        ],
        { stdio: 'pipe' },
    );
    const { token, admin } = JSON.parse(fs.readFileSync(out, 'utf8'));
    // Sandboxes a failed test has left behind go too.
    const sandboxes = new Set();
    const stop = async () => {
        for (const child of sandboxes) await child_stop(child, 'SIGKILL');
        await child_stop(anvil, 'SIGTERM');
        fs.rmSync(dir, { recursive: true });
    };
    return { rpc, call, sandboxes, dir, token, admin, minter, bridge: relayer, outsider, stop };
}

// The sandbox as its users run it. extra: more command line arguments.
export async function sandbox_start(chain, extra = []) {
    const secret_file = path.join(chain.dir, 'secret');
    fs.writeFileSync(secret_file, `${API_SECRET}\n`, { mode: 0o600 });
    const who = extra.includes('--minter-key-file') ? [] : ['--minter', chain.minter];
    const child = spawn(
        process.execPath,
        [
            MAIN,
            '--rpc',
            chain.rpc,
            '--token',
            chain.token,
            ...who,
            '--api-key',
            API_KEY,
            '--api-secret-file',
            secret_file,
            '--fast',
            ...extra,
        ],
        { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    chain.sandboxes.add(child);
    let output = '';
    let trouble = '';
    child.stdout.on('data', (part) => {
        output += part;
    });
    child.stderr.on('data', (part) => {
        trouble += part;
    });
    const line = await eventually('the sandbox is ready', () => {
        if (child.exitCode !== null) throw new Error(`sandbox ended: ${trouble}`);
        return output.includes('\n') ? output : undefined;
    });
    const ready = JSON.parse(line);
    return {
        ready,
        ...client_make(ready),
        stop: (signal = 'SIGTERM') => child_stop(child, signal),
    };
}

let last_nonce = Date.now();

export function authorization(method, target, body, nonce = ++last_nonce) {
    const signature = crypto
        .createHmac('sha256', API_SECRET)
        .update(`${nonce}${method}${target}${body}`)
        .digest('hex');
    return `Bitso ${API_KEY}:${nonce}:${signature}`;
}

// api(method, target, body?, headers?) -> {status, payload, error, text}; throws when the
// connection breaks; one request at a time, as increasing nonces ask for. control(method, path,
// body?) -> JSON.
export function client_make({ url, controlUrl }) {
    let lane = Promise.resolve();
    const api = (...request) => {
        const turn = lane.then(() => api_now(...request));
        lane = turn.catch(() => {});
        return turn;
    };
    const api_now = async (method, target, body, headers = {}) => {
        const text = body === undefined ? '' : JSON.stringify(body);
        const response = await fetch(url + target, {
            method,
            body: text === '' ? undefined : text,
            headers: {
                'content-type': 'application/json',
                authorization: authorization(method, target, text),
                ...headers,
            },
        });
        const answer = await response.text();
        const json = answer.startsWith('{') ? JSON.parse(answer) : {};
        return { status: response.status, ...json, text: answer };
    };
    const control = async (method, target, body) => {
        const response = await fetch(controlUrl + target, {
            method,
            headers: { 'content-type': 'application/json' },
            body: body === undefined ? undefined : JSON.stringify(body),
        });
        return response.json();
    };
    const transaction = async (id) =>
        (await api('GET', `/mint_platform/v1/transactions/${id}`)).payload;
    const settled = (id, status = 'COMPLETE') =>
        eventually(`${id} is ${status}`, async () => {
            const tx = await transaction(id);
            return tx.status === status ? tx : undefined;
        });
    return { api, control, transaction, settled, ...stories_make(api, control, settled) };
}

function stories_make(api, control, settled) {
    // Pesos in, tokens in custody; resolves to {fid, issuance}.
    const fund = async (clabe, amount) => {
        const { fid } = await control('POST', '/deposit', { clabe, amount });
        const issuance = await eventually(`issuance for ${fid}`, async () => {
            const { transactions } = await control('GET', '/transactions');
            return transactions.find((tx) => tx.details.fid === fid);
        });
        return { fid, issuance: await settled(issuance.transaction_id) };
    };
    const bank_register = async (clabe = BANK_CLABE) => {
        const { payload } = await api('POST', '/mint_platform/v1/accounts/banks', {
            clabe,
            tag: 'seller',
            recipient_legal_name: 'Test Seller',
            ownership: 'THIRD_PARTY',
        });
        await eventually('the bank account is usable', async () => {
            const list = (await api('GET', '/mint_platform/v1/accounts/banks')).payload;
            return list.some((bank) => bank.id === payload.id) ? true : undefined;
        });
        return payload.id;
    };
    const redeem = (amount, bank_id, key) =>
        api(
            'POST',
            '/mint_platform/v1/redemptions',
            { amount, asset: 'mxn', destination_bank_account_id: bank_id },
            key === undefined ? {} : { 'x-idempotency-key': key },
        );
    const withdraw = (amount, address, key) =>
        api(
            'POST',
            '/mint_platform/v1/withdrawals',
            {
                amount,
                address,
                asset: 'MXNB',
                blockchain: 'ARBITRUM',
                compliance: { travel_rule: {} },
            },
            key === undefined ? {} : { 'x-idempotency-key': key },
        );
    return { fund, bank_register, redeem, withdraw };
}

// The three identities of GET /books, on integers; throws naming the one that fails.
export function books_verify(books) {
    const cents = (text) => BigInt(text.replace('.', ''));
    const units = (text) => {
        const [whole, fraction] = text.split('.');
        return BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, '0'));
    };
    const { pesos, tokens, chain } = books;
    if (books.broken_rules.length > 0) throw new Error(books.broken_rules.join('; '));
    const came = cents(pesos.in_total) + cents(pesos.returned_total);
    const is = cents(pesos.out_total) + cents(pesos.held.total);
    if (came !== is) throw new Error(`pesos: ${came} came in, ${is} went out or are held`);
    const wallet = units(chain.wallet_balance);
    const owed = units(tokens.custody) + units(tokens.locked);
    if (wallet !== owed) throw new Error(`tokens: wallet holds ${wallet}, books say ${owed}`);
}
