// What the tests of the tools share: a development node of their own, a door in front of it that can be told what
// to do with each request, and the tools as child processes.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { encryptKeystoreJsonSync, Wallet } from 'ethers';

export const TOOLS = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const ANVIL = path.resolve(TOOLS, '../node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil');
const START_TIMEOUT_MS = 20_000;
const OWNER_ONLY = 0o600;

export const PARTIES = {
    relayer: '0x1111111111111111111111111111111111111111',
    bridge: '0x1111111111111111111111111111111111111111',
    arbiter: '0x2222222222222222222222222222222222222222',
    guardian: '0x5555555555555555555555555555555555555555',
    admin: '0x6666666666666666666666666666666666666666',
};
export const MINTER = '0x3333333333333333333333333333333333333333';
export const STRANGER = '0x7777777777777777777777777777777777777777';

export async function port_free() {
    const server = net.createServer();
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address();
    await new Promise((resolve) => server.close(resolve));
    return port;
}

export async function rpc_ask(url, method, params = []) {
    const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    return (await response.json()).result;
}

/** A development node and a folder, both gone after stop(). */
export class Chain {
    async start({ block_time_s = 0.25, chain_id = 42161 } = {}) {
        this.dir = mkdtempSync(path.join(os.tmpdir(), 'deploy-'));
        const port = await port_free();
        this.url = `http://127.0.0.1:${port}`;
        this.anvil = spawn(ANVIL, [
            '--host', '127.0.0.1', '--port', `${port}`, '--chain-id', `${chain_id}`,
            '--hardfork', 'cancun', '--block-time', `${block_time_s}`, '--silent',
        ], { stdio: 'ignore' });
        const deadline = Date.now() + START_TIMEOUT_MS;
        for (;;) {
            try {
                await this.rpc('eth_chainId');
                return this;
            } catch (error) {
                if (Date.now() > deadline) {
                    throw error;
                }
                await new Promise((resolve) => setTimeout(resolve, 50));
            }
        }
    }

    stop() {
        this.anvil.kill();
        rmSync(this.dir, { recursive: true });
    }

    rpc(method, params) {
        return rpc_ask(this.url, method, params);
    }

    file(name) {
        return path.join(this.dir, name);
    }

    /** A call from any account, mined; gives its receipt. */
    async send(from, to, data) {
        await this.rpc('anvil_impersonateAccount', [from]);
        await this.rpc('anvil_setBalance', [from, '0xde0b6b3a7640000']);
        const hash = await this.rpc('eth_sendTransaction', [{ from, to, data, gas: '0x7a120' }]);
        await this.rpc('anvil_mine', ['0x1']);
        return this.rpc('eth_getTransactionReceipt', [hash]);
    }

    /** A key file with its password file, both as the tools want them, and money for gas. */
    async key_make(name, { money = '0xde0b6b3a7640000' } = {}) {
        const wallet = Wallet.createRandom();
        const [key, password] = [this.file(`${name}.json`), this.file(`${name}.password`)];
        const json = encryptKeystoreJsonSync(wallet, 'a password', { scrypt: { N: 1024, r: 8, p: 1 } });
        writeFileSync(key, json, { mode: OWNER_ONLY });
        writeFileSync(password, 'a password\n', { mode: OWNER_ONLY });
        await this.rpc('anvil_setBalance', [wallet.address, money]);
        return { address: wallet.address, key, password };
    }
}

/** Starts a tool; options as { name: value }, null leaves one out, true is a flag. */
export function tool_start(name, options, words = [], spawn_options = {}) {
    const args = Object.entries(options).filter(([, value]) => value !== null)
        .flatMap(([option, value]) => (value === true ? [`--${option}`] : [`--${option}`, value]));
    return spawn(process.execPath, [path.join(TOOLS, `${name}.mjs`), ...args, ...words], spawn_options);
}

/** Waits for a started tool: { status, stdout, stderr }. */
export function tool_end(child) {
    const result = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr']) {
        child[stream].setEncoding('utf8').on('data', (part) => { result[stream] += part; });
    }
    return new Promise((resolve) => {
        child.on('close', (status, signal) => resolve({ status: status ?? signal, ...result }));
    });
}

export function tool_run(name, options, words, spawn_options) {
    return tool_end(tool_start(name, options, words, spawn_options));
}

/**
 * A door in front of a node: decide(method, params) gives undefined to pass the request on, or { result } or
 * { error } to answer it in the node's place, or { silent: true } to cut the connection. after(method) is called
 * when the node has answered, before its answer goes on; returning false keeps the answer back.
 */
export async function door_open(node_url, { decide = () => undefined, after = () => true } = {}) {
    const server = http.createServer(async (request, response) => {
        let text = '';
        for await (const part of request) {
            text += part;
        }
        const { id, method, params } = JSON.parse(text);
        const own = await decide(method, params);
        if (own?.silent) {
            response.destroy();
            return;
        }
        const answer = own ?? await (await fetch(node_url, {
            method: 'POST', headers: { 'content-type': 'application/json' }, body: text,
        })).json();
        if (own === undefined && !await after(method)) {
            response.destroy();
            return;
        }
        response.end(JSON.stringify({ jsonrpc: '2.0', ...answer, id }));
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

/** Token and escrow on a chain by the local path; gives the record, which lies in the chain's folder under `name`. */
export async function local_deploy(chain, name) {
    const out = chain.file(name);
    const { relayer, bridge, arbiter } = PARTIES;
    const run = await tool_run('deploy', { rpc: chain.url, relayer, bridge, arbiter, minter: MINTER, out });
    if (run.status !== 0) {
        throw new Error(run.stderr);
    }
    return json_load(out);
}

export function json_load(file) {
    return JSON.parse(readFileSync(file, 'utf8'));
}
