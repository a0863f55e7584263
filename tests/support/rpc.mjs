// Small JSON-RPC clients: the daemon's unix socket (one object per line) and a chain node (HTTP).

import { randomUUID } from 'node:crypto';
import { createConnection } from 'node:net';

import { sleep } from './process.mjs';

const LINE_MAX = 16 * 1024 * 1024;
const ANSWER_TIMEOUT_MS = 20_000;
const AGAIN_MS = 100;
const RPC_IDEMPOTENCY_IN_PROGRESS = 103;
const RPC_BUSY = 104;

/** The daemon answered, with an error. `code`, `data` are the answer's own. */
export class RpcError extends Error {
    constructor(method, error) {
        super(`${method}: ${error.message} (${error.code})`);
        this.code = error.code;
        this.data = error.data ?? {};
    }
}

/** No answer came: the daemon is away or went away in the middle. */
export class AwayError extends Error {}

/** One request on a connection of its own; the connection's end is the caller's certainty. */
export function rpc_call(socket_path, method, params = {}, timeout_ms = ANSWER_TIMEOUT_MS) {
    return new Promise((resolve, reject) => {
        const id = randomUUID();
        const socket = createConnection(socket_path);
        let text = '';
        const away = (reason) => {
            socket.destroy();
            reject(new AwayError(`${method}: ${reason}`));
        };
        socket.setEncoding('utf8');
        socket.setTimeout(timeout_ms, () => away(`no answer within ${timeout_ms} ms`));
        socket.on('error', (error) => away(error.message));
        socket.on('close', () => away('the connection closed without an answer'));
        socket.on('data', (part) => {
            text += part;
            const end = text.indexOf('\n');
            if (end < 0) {
                return text.length > LINE_MAX ? away('the answer is too long') : undefined;
            }
            socket.destroy();
            const answer = JSON.parse(text.slice(0, end));
            if (answer.id !== id) {
                return reject(new Error(`${method}: the answer carries the id ${answer.id}, not ours`));
            }
            if (answer.error !== undefined) {
                return reject(new RpcError(method, answer.error));
            }
            return resolve(answer.result);
        });
        socket.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
    });
}

/**
 * One mutation, insisted on: the same idempotency key is sent again while the daemon is away or still
 * busy with it, so the caller gets the one true answer however often the daemon died on the way.
 */
export async function rpc_insist(socket_path, method, params, ms = 60_000) {
    const request = { idempotency_key: randomUUID(), ...params };
    const deadline = Date.now() + ms;
    for (;;) {
        try {
            return await rpc_call(socket_path, method, request);
        } catch (error) {
            const again = error instanceof AwayError || error.data?.retryable === true
                || error.code === RPC_IDEMPOTENCY_IN_PROGRESS || error.code === RPC_BUSY;
            if (!again || Date.now() >= deadline) {
                throw error;
            }
        }
        await sleep(AGAIN_MS);
    }
}

/** A chain node: call(method, params) gives the result or throws. */
export function node_open(url) {
    let last_id = 0;
    return async (method, params = []) => {
        last_id += 1;
        const response = await fetch(url, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ jsonrpc: '2.0', id: last_id, method, params }),
            signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
        });
        const answer = await response.json();
        if (answer.error !== undefined) {
            throw new Error(`${method}: ${answer.error.message}`);
        }
        return answer.result;
    };
}

/** JSON over HTTP: the sandbox's control port. */
export async function http_json(url, method = 'GET', body = undefined) {
    const response = await fetch(url, {
        method,
        headers: body === undefined ? {} : { 'content-type': 'application/json' },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
    const text = await response.text();
    if (!response.ok) {
        throw new Error(`${method} ${url}: ${response.status} ${text.slice(0, 300)}`);
    }
    return text === '' ? {} : JSON.parse(text);
}
