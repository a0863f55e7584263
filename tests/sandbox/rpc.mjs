// JSON-RPC to the chain node: one call or one batch per HTTP request, nothing clever. An error the
// node answered is an RpcError; anything else (refused, timed out, not JSON) is a plain Error and
// says nothing about whether the call was carried out.

const TIMEOUT_MS = 10_000;

export class RpcError extends Error {
    constructor(error) {
        super(error.message ?? 'error without a message');
        this.code = error.code;
        this.data = error.data;
    }
}

export class Rpc {
    constructor(url) {
        this.url = url;
        this.next_id = 1;
    }

    async call(method, params) {
        const [answer] = await this.batch([[method, params]]);
        if (answer instanceof RpcError) throw answer;
        return answer;
    }

    // calls: [[method, params], ...]; the answers come in the same order, errors as RpcError
    // values.
    async batch(calls) {
        if (calls.length === 0) return [];
        const requests = calls.map(([method, params]) => ({
            jsonrpc: '2.0',
            id: this.next_id++,
            method,
            params,
        }));
        const answers = await this.#post(requests);
        if (!Array.isArray(answers)) {
            throw new Error(
                `node did not answer a batch: ${JSON.stringify(answers).slice(0, 200)}`,
            );
        }
        const by_id = new Map(answers.map((answer) => [answer.id, answer]));
        return requests.map((request) => {
            const answer = by_id.get(request.id);
            if (answer === undefined)
                throw new Error(`node left out the answer to ${request.method}`);
            return answer.error !== undefined ? new RpcError(answer.error) : answer.result;
        });
    }

    async #post(requests) {
        try {
            const response = await fetch(this.url, {
                method: 'POST',
                headers: { 'content-type': 'application/json' },
                body: JSON.stringify(requests),
                signal: AbortSignal.timeout(TIMEOUT_MS),
            });
            return await response.json();
        } catch (error) {
            const reason = error.cause?.code ?? error.cause?.message ?? error.message;
            throw new Error(
                `no answer from the chain node at ${new URL(this.url).host}: ${reason}`,
            );
        }
    }
}
