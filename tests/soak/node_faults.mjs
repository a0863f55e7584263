// The chain node of a soak: of a hundred requests one goes wrong, each way as often as the others; of a hundred
// counts of our transactions one is wrong; and now and then the node falls behind for a moment and says nothing
// of the newest blocks. It never says anything that no honest node ever said.

import { CUT, old_answer } from '../support/node_proxy.mjs';

const REQUEST_FAULTS = { lost_answer: 0.0025, cut: 0.0025, error_5xx: 0.0025, rate_limit_429: 0.0025 };
const COUNT_FAULTS = { count_ahead: 0.005, count_behind: 0.005 };
const LAG_CHANCE = 0.001;            // of a request that asks for the newest block
const LAG_MS = 1500;
const LAG_BLOCKS = 4;

const asks_newest = ({ method, params }) => method === 'eth_getBlockByNumber' && params[0] === 'latest';

export class NodeFaults {
    /** node: asks the real node. */
    constructor(proxy, node, dice) {
        Object.assign(this, { proxy, node, dice });
        this.counts = {};
        this.lag = { until_ms: 0, head: 0 };
    }

    install() {
        this.proxy.whole((calls, serve) => this.#request(calls, serve));
    }

    remove() {
        this.proxy.whole(null);
    }

    #note(kind) {
        this.counts[kind] = (this.counts[kind] ?? 0) + 1;
    }

    async #request(calls, serve) {
        const fault = this.dice.choose(`request ${calls[0].method}`, REQUEST_FAULTS);
        if (fault !== undefined) {
            this.#note(fault);
        }
        switch (fault) {
        case 'cut':
            return CUT;
        case 'error_5xx':
            return { status: 502, text: '<html>Bad Gateway</html>' };
        case 'rate_limit_429':
            return { status: 429, text: 'too many requests' };
        case 'lost_answer':
            await serve();
            return CUT;
        default:
            return this.#served(calls, serve);
        }
    }

    async #served(calls, serve) {
        if (calls.some(asks_newest) && this.dice.throw('lag') < LAG_CHANCE) {
            this.#note('lag');
            const head = Math.max(0, Number(await this.node('eth_blockNumber')) - LAG_BLOCKS);
            this.lag = { until_ms: Date.now() + LAG_MS, head };
        }
        const lags = Date.now() < this.lag.until_ms;
        return serve(async (call, forward) => {
            const answer = await (lags ? old_answer(call, forward, this.lag.head) : forward());
            return call.method === 'eth_getTransactionCount' ? this.#counted(answer) : answer;
        });
    }

    #counted(answer) {
        const fault = this.dice.choose('count', COUNT_FAULTS);
        const n = Number(answer.result);
        if (fault === undefined || answer.result === undefined || (fault === 'count_behind' && n === 0)) {
            return answer;
        }
        this.#note(fault);
        return { result: `0x${(fault === 'count_ahead' ? n + 1 : n - 1).toString(16)}` };
    }
}
