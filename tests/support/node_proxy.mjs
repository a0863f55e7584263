// A chain node between the daemon and anvil that misbehaves on request. It changes answers, it never makes
// one up that the drill did not ask for: calls without a rule go through unchanged.

import { createServer } from 'node:http';

import { http_json } from './rpc.mjs';

const BODY_MAX = 4 * 1024 * 1024;

/** A rule gives this to cut the connection without an answer. */
export const CUT = Symbol('cut');
/** A gate gives this: the request is carried out, its answer is lost. */
export const LOST = Symbol('lost');

export class NodeProxy {
    /** target: the real node's URL. */
    constructor(target) {
        this.target = target;
        this.rules = new Map();
        this.gate = () => undefined;
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
     * { result } or { error }, with CUT, or with what `await forward()` gave. null: no rule any more.
     */
    rule(method, rule) {
        if (rule === null) {
            this.rules.delete(method);
        } else {
            this.rules.set(method, rule);
        }
    }

    /**
     * gate(calls) sees each whole request first: undefined lets it through, CUT cuts it before anything is
     * done, LOST after, { status, headers, text } answers it in the place of the node.
     */
    gate_set(gate) {
        this.gate = gate;
    }

    /** The node's own answer to another call than the one that came. */
    ask(call) {
        return http_json(this.target, 'POST', call);
    }

    async #answer(call) {
        const forward = () => this.ask(call);
        const rule = this.rules.get(call.method);
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
            const calls = [body].flat();
            const verdict = this.gate(calls);
            if (verdict?.status !== undefined) {
                response.writeHead(verdict.status, verdict.headers ?? {});
                response.end(verdict.text ?? '');
                return;
            }
            const answers = verdict === CUT ? [CUT] : await Promise.all(calls.map((call) => this.#answer(call)));
            if (verdict === LOST || answers.includes(CUT)) {
                request.socket.destroy();
                return;
            }
            response.setHeader('content-type', 'application/json');
            response.end(JSON.stringify(Array.isArray(body) ? answers : answers[0]));
        } catch {
            request.socket.destroy();    // the node behind is away: so is this one
        }
    }
}
