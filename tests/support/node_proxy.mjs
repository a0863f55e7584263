// A chain node between the daemon and anvil that misbehaves on request. It changes answers, it never makes
// one up that the drill did not ask for: calls without a rule go through unchanged.

import { createServer } from 'node:http';

import { http_json } from './rpc.mjs';

const BODY_MAX = 4 * 1024 * 1024;

/** A rule gives this to cut the connection without an answer. */
export const CUT = Symbol('cut');

const quantity = (number) => `0x${number.toString(16)}`;

/** Where each method says of which block it speaks. */
const BLOCK_AT = {
    eth_getBalance: 1, eth_getCode: 1, eth_getTransactionCount: 1, eth_call: 1, eth_estimateGas: 1, eth_getStorageAt: 2,
};

/**
 * The answer of a node whose newest block is `head`: to everything, so that it never contradicts itself.
 * Above its head there is no block, no receipt and no log.
 */
export async function old_answer(call, forward, head) {
    const [first] = call.params;
    const asked = (at, value) => ({
        ...call, params: call.params.map((param, n) => (n === at ? value : param)),
    });
    switch (call.method) {
    case 'eth_blockNumber':
        return { result: quantity(head) };
    case 'eth_getBlockByNumber': {
        const answer = await forward();
        if (Number(answer.result?.number ?? 0) <= head) {
            return answer;
        }
        return first.startsWith('0x') ? { result: null } : forward(asked(0, quantity(head)));
    }
    case 'eth_getTransactionReceipt':
    case 'eth_getTransactionByHash': {
        const answer = await forward();
        return Number(answer.result?.blockNumber ?? 0) <= head ? answer : { result: null };
    }
    case 'eth_getLogs': {
        const answer = await forward();
        return answer.result === undefined ? answer
            : { result: answer.result.filter((log) => Number(log.blockNumber) <= head) };
    }
    default: {
        const at = BLOCK_AT[call.method];
        return at !== undefined && call.params[at] === 'latest' ? forward(asked(at, quantity(head))) : forward();
    }
    }
}

export class NodeProxy {
    #whole = null;

    /** target: the real node's URL. */
    constructor(target) {
        this.target = target;
        this.rules = new Map();
        this.requests = 0;           // that have come, for a drill that waits until the daemon has asked again
        this.server = createServer((request, response) => this.#serve(request, response));
    }

    async start() {
        await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
        this.url = `http://127.0.0.1:${this.server.address().port}`;
    }

    async stop() {
        this.server.closeAllConnections();
        await new Promise((resolve) => this.server.close(resolve));
    }

    /**
     * rule(call, forward) answers this method from now on: with a JSON-RPC answer without id, such as
     * { result } or { error }, with CUT, or with what `await forward()` gave (forward(other) asks the node
     * something else). null: no rule any more.
     */
    rule(method, rule) {
        if (rule === null) {
            this.rules.delete(method);
        } else {
            this.rules.set(method, rule);
        }
    }

    /**
     * rule(calls, serve) answers whole requests from now on, before any rule of a method: with
     * { status, headers, text }, or with CUT. `await serve(answer)` gives that as it would be without the rule,
     * each call answered by answer(call, forward) where that is given. null: no rule any more.
     */
    whole(rule) {
        this.#whole = rule;
    }

    /** From now on the newest block is this one, however many there are. null: it is the node's again. */
    head_hold(head) {
        this.whole(head === null ? null
            : (_calls, serve) => serve((call, forward) => old_answer(call, forward, head)));
    }

    async #answer(call, rule) {
        const forward = (other = call) => http_json(this.target, 'POST', other);
        const answer = await (rule === undefined ? forward() : rule(call, forward));
        return answer === CUT ? CUT : { ...answer, jsonrpc: '2.0', id: call.id };
    }

    async #serve(request, response) {
        try {
            let text = '';
            for await (const part of request) {
                text += part;
                if (text.length > BODY_MAX) {
                    throw new Error('too long');
                }
            }
            const body = JSON.parse(text);
            this.requests += 1;
            const calls = [body].flat();
            const serve = async (answer) => {
                const answers = await Promise.all(calls.map((call) => this.#answer(call,
                    answer ?? this.rules.get(call.method))));
                return answers.includes(CUT) ? CUT : {
                    status: 200, text: JSON.stringify(Array.isArray(body) ? answers : answers[0]),
                };
            };
            const answer = await (this.#whole === null ? serve() : this.#whole(calls, serve));
            if (answer === CUT) {
                request.socket.destroy();
                return;
            }
            response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
            response.end(answer.text);
        } catch {
            request.socket.destroy();    // the node behind is away: so is this one
        }
    }
}
