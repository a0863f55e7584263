// Faults of a chain node in random mixes: what providers do on a bad day, by a seeded generator, so that a
// run can be repeated. Every fault is one that a real node has shown (facts of the providers' documents and
// issue lists); none invents a block, a log or a receipt.

import { sleep } from './process.mjs';
import { CUT, old_answer } from './node_proxy.mjs';

const LONG_BODY = 10 * 1024 * 1024;
const LAG_MAX = 20;
const SLOW_MS_MAX = 400;
const RATE_PCT_MAX = 60;             // of the requests of one mix
const KINDS_OF_A_MIX = 5;
/**
 * A refusal for the rate is remembered: the daemon keeps a distance between its questions for minutes after. A
 * run has this many, so that it ends; whoever would have got more gets a page with status 500.
 */
export const RATE_REFUSALS_MAX = 4;

/** Texts of nodes that refuse to answer, for reads and for sends (code -32000 unless given). */
const READ_TEXTS = [
    { message: 'header not found' }, { message: 'missing trie node' },
    { message: 'context deadline exceeded' }, { code: -32603, message: 'internal error' },
    { code: -32601, message: 'the method does not exist/is not available' }, { message: 'no response' },
];
const SEND_TEXTS = [
    { message: 'nonce too low: address 0x00, tx: 3 state: 4' }, { message: 'nonce too high: address 0x00, tx: 9 state: 4' },
    { message: 'max fee per gas less than block base fee: address 0x00, maxFeePerGas: 1 baseFee: 2' },
    { message: 'insufficient funds for gas * price + value: address 0x00 have 0 want 1' },
    { message: 'sequencer temporarily not available' }, { message: 'sequencer internal error' },
    { message: 'failed to publish transaction to any of the forwarding targets' },
    { message: 'currently not accepting transactions due to expected surplus being below threshold' },
    { message: 'queue full' }, { message: 'sequencer pending tx pool full, please try again' },
    { message: 'context deadline exceeded' }, { message: 'internal error' },
];

/** Numbers from 0 to below 1, the same ones for the same seed (mulberry32). */
export function generator(seed) {
    let state = seed >>> 0;
    return () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let mixed = Math.imul(state ^ (state >>> 15), state | 1);
        mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
        return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
}

const is_send = (calls) => calls.some(({ method }) => method === 'eth_sendRawTransaction');
const asks_logs = (calls) => calls.some(({ method }) => method === 'eth_getLogs');

/** fault(serve, tools) answers one request instead of serve(). tools: { calls, pick(list), below(n), head() }. */
const FAULTS = {
    answer_lost: async (serve) => {
        await serve();
        return CUT;
    },
    cut: () => CUT,
    http_429: () => ({ status: 429, headers: { 'retry-after': '1' }, text: 'Too Many Requests' }),
    http_500: () => ({ status: 500, text: '<html><body>500 Internal Server Error</body></html>' }),
    html: () => ({ status: 200, headers: { 'content-type': 'text/html' }, text: '<html><body>maintenance</body></html>' }),
    long_body: () => ({ status: 200, text: `{"jsonrpc":"2.0","id":1,"result":"${'a'.repeat(LONG_BODY)}"}` }),
    truncated: async (serve, { below }) => altered(await serve(), (text) => text.slice(0, below(text.length))),
    wrong_id: async (serve) => altered_json(await serve(), (answer) => ({ ...answer, id: answer.id + 1000 })),
    doubled: async (serve) => altered(await serve(), (text) => {
        const answers = [JSON.parse(text)].flat();
        return JSON.stringify([...answers, answers[0]]);
    }),
    old_head: async (serve, { below, head }) => {
        const old = Math.max(1, await head() - 1 - below(LAG_MAX));
        return serve((call, forward) => old_answer(call, forward, old));
    },
    /** The newest blocks are not in its index of logs yet, and its head says so. */
    no_logs: async (serve, { below, head }) => {
        const old = Math.max(1, await head() - 1 - below(LAG_MAX));
        return serve(async (call, forward) => (call.method === 'eth_getLogs' ? { result: [] }
            : old_answer(call, forward, old)));
    },
    refusal: (serve, { calls, pick }) => {
        const error = { code: -32000, ...pick(is_send(calls) ? SEND_TEXTS : READ_TEXTS) };
        return serve(() => ({ error }));
    },
    slow: async (serve, { below }) => {
        await sleep(below(SLOW_MS_MAX));
        return serve();
    },
};
export const FAULT_KINDS = Object.keys(FAULTS);

const altered = (answer, change) => (answer === CUT ? CUT : { ...answer, text: change(answer.text) });
const altered_json = (answer, change) => altered(answer, (text) => {
    const body = JSON.parse(text);
    return JSON.stringify(Array.isArray(body) ? body.map(change) : change(body));
});

/**
 * Puts the faults of changing mixes into a proxy. A mix is a few kinds and a rate, drawn by the generator; it
 * lasts for requests_each requests.
 */
export class NodeFaults {
    constructor(proxy, { seed, requests_each, node }) {
        this.next = generator(seed);
        this.requests_each = requests_each;
        this.head = async () => Number(await node('eth_blockNumber'));
        this.injected = Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 0]));
        this.logs_owed = 0;          // no_logs was drawn for a request that asks for none: the next one gets it
        this.mixes = 0;              // mixes that injected at least one fault
        this.requests = 0;
        this.#mix_draw();
        proxy.whole((calls, serve) => this.#serve(calls, serve));
    }

    #below(n) {
        return Math.floor(this.next() * n);
    }

    #mix_draw() {
        this.kinds = Array.from({ length: 1 + this.#below(KINDS_OF_A_MIX) }, () => FAULT_KINDS[this.#below(FAULT_KINDS.length)]);
        this.rate = (1 + this.#below(RATE_PCT_MAX)) / 100;
        this.left = this.requests_each;
        this.hit = false;
    }

    /** undefined: this request is served as it is. */
    #kind_draw(for_logs) {
        if (for_logs && this.logs_owed > 0) {
            this.logs_owed -= 1;
            return 'no_logs';
        }
        if (this.next() >= this.rate) {
            return undefined;
        }
        const kind = this.kinds[this.#below(this.kinds.length)];
        if (kind === 'http_429' && this.injected.http_429 >= RATE_REFUSALS_MAX) {
            return 'http_500';
        }
        if (kind !== 'no_logs' || for_logs) {
            return kind;
        }
        this.logs_owed = 1;
        return undefined;
    }

    async #serve(calls, serve) {
        this.requests += 1;
        this.left -= 1;
        if (this.left < 0) {
            this.#mix_draw();
        }
        const kind = this.#kind_draw(asks_logs(calls));
        if (kind === undefined) {
            return serve();
        }
        const answer = await FAULTS[kind](serve, {
            calls, head: this.head, below: (n) => this.#below(n), pick: (list) => list[this.#below(list.length)],
        });
        this.injected[kind] += 1;
        this.mixes += this.hit ? 0 : 1;
        this.hit = true;
        return answer;
    }
}
