// The chain node of a soak: of a hundred requests one goes wrong, each way as often as the others; of a hundred
// counts of our transactions one is wrong; and now and then the node falls behind for a moment and says nothing
// of the newest blocks. It never says anything that no honest node ever said.

import { CUT } from '../support/node_proxy.mjs';

const REQUEST_FAULTS = { lost_answer: 0.0025, cut: 0.0025, error_5xx: 0.0025, rate_limit_429: 0.0025 };
const COUNT_FAULTS = { count_ahead: 0.005, count_behind: 0.005 };
const LAG_CHANCE = 0.002;            // of a question about heads
const LAG_MS = 1500;
const LAG_BLOCKS = 4;
const HEAD_TAGS = ['latest', 'safe', 'finalized'];

const hex = (n) => `0x${n.toString(16)}`;

export class NodeFaults {
    constructor(proxy, dice) {
        this.proxy = proxy;
        this.dice = dice;
        this.counts = {};
        this.lag = undefined;        // { until_ms, behind }
    }

    install() {
        const { proxy } = this;
        proxy.whole((calls, serve) => this.#request(calls, serve));
        proxy.rule('eth_getTransactionCount', (_call, forward) => this.#count(forward));
        proxy.rule('eth_getBlockByNumber', (call, forward) => this.#block(call, forward));
        proxy.rule('eth_blockNumber', async (_call, forward) => this.#number(await forward()));
        proxy.rule('eth_getLogs', async (_call, forward) => this.#logs(await forward()));
        proxy.rule('eth_getTransactionReceipt', async (_call, forward) => this.#receipt(await forward()));
    }

    remove() {
        this.proxy.whole(null);
        this.proxy.rules.clear();
        this.lag = undefined;
    }

    #note(kind) {
        this.counts[kind] = (this.counts[kind] ?? 0) + 1;
    }

    async #request(calls, serve) {
        const fault = this.dice.choose(`request ${calls[0].method}`, REQUEST_FAULTS);
        if (fault !== undefined) {
            this.#note(fault);
        }
        if (fault === undefined || fault === 'lost_answer') {
            const answer = await serve();
            return fault === undefined ? answer : CUT;
        }
        return {
            cut: CUT,
            error_5xx: { status: 502, text: '<html>Bad Gateway</html>' },
            rate_limit_429: { status: 429, headers: { 'retry-after': '1' }, text: 'too many requests' },
        }[fault];
    }

    async #count(forward) {
        const answer = await forward();
        const fault = this.dice.choose('count', COUNT_FAULTS);
        const n = Number(answer.result);
        if (fault === undefined || (fault === 'count_behind' && n === 0)) {
            return answer;
        }
        this.#note(fault);
        return { result: hex(fault === 'count_ahead' ? n + 1 : n - 1) };
    }

    /** Where this node believes the chain ends while it lags; undefined: it does not. */
    #end(newest) {
        if (this.lag === undefined || Date.now() >= this.lag.until_ms) {
            this.lag = undefined;
            return undefined;
        }
        this.lag.end ??= newest - LAG_BLOCKS;
        return this.lag.end;
    }

    async #block(call, forward) {
        const answer = await forward();
        const [tag, whole] = call.params;
        if (tag === 'latest' && this.lag === undefined && this.dice.throw('lag') < LAG_CHANCE) {
            this.#note('lag');
            this.lag = { until_ms: Date.now() + LAG_MS };
        }
        const end = answer.result ? this.#end(Number(answer.result.number)) : undefined;
        if (end === undefined || Number(answer.result.number) <= end) {
            return answer;
        }
        return HEAD_TAGS.includes(tag)
            ? forward({ ...call, params: [hex(Math.max(0, end)), whole] }) : { result: null };
    }

    #number(answer) {
        const end = this.#end(Number(answer.result));
        return end === undefined ? answer : { result: hex(Math.min(end, Number(answer.result))) };
    }

    #logs(answer) {
        const end = this.lag?.end;
        return end === undefined || !Array.isArray(answer.result) ? answer
            : { result: answer.result.filter((log) => Number(log.blockNumber) <= end) };
    }

    #receipt(answer) {
        const end = this.lag?.end;
        return end !== undefined && answer.result && Number(answer.result.blockNumber) > end ? { result: null } : answer;
    }
}
