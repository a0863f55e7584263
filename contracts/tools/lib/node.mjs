// One JSON-RPC endpoint, the errors of these tools, and reads pinned to one block.

const ANSWER_TIMEOUT_MS = 15_000;
const ANSWER_MAX_BYTES = 32 * 1024 * 1024;
const RECEIPT_POLL_MS = 50;
/** How a development node's answer to web3_clientVersion begins. */
export const DEVELOPMENT_NODE = 'anvil/';
const LOOPBACK_HOSTS = ['127.0.0.1', 'localhost', '[::1]'];

/** Said to the user in one line. `status` is the exit status it asks for. */
export class ToolError extends Error {
    constructor(message, status = 1) {
        super(message);
        this.status = status;
    }
}

/** The node answered, with an error of its own. */
export class NodeError extends ToolError {
    constructor(method, error) {
        super(`${method}: ${error.message}`);
        this.code = error.code;
    }
}

function url_parse(text) {
    let target;
    try {
        target = new URL(text);
    } catch {
        throw new ToolError('the node\'s address is not a URL');
    }
    if (target.protocol !== 'http:' && target.protocol !== 'https:') {
        throw new ToolError(`a node is reached by http or https, not by ${target.protocol}`);
    }
    return target;
}

async function text_read(response) {
    const parts = [];
    let size = 0;
    for await (const part of response.body ?? []) {
        size += part.length;
        if (size > ANSWER_MAX_BYTES) {
            throw new ToolError(`the node's answer is longer than ${ANSWER_MAX_BYTES} bytes`);
        }
        parts.push(part);
    }
    return Buffer.concat(parts).toString('utf8');
}

/** What the node said, or a ToolError naming the host only: the rest of a node's URL may be a key. */
async function exchange(target, request) {
    try {
        const response = await fetch(target, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify(request),
            signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
        });
        return { status: response.status, answer: JSON.parse(await text_read(response)) };
    } catch (error) {
        if (error instanceof ToolError) {
            throw error;
        }
        // A refused connection hides its reason one level down.
        const reason = error instanceof SyntaxError ? 'the answer is not JSON' : error.cause?.message ?? error.message;
        throw new ToolError(`${target.host}: ${reason}`);
    }
}

/**
 * `call(method, params)` gives the result, or throws NodeError when the node refuses and ToolError when there
 * is no answer. local: a node on another machine is refused.
 */
export function node_open(url, { local = false } = {}) {
    const target = url_parse(url);
    if (local && (target.protocol !== 'http:' || !LOOPBACK_HOSTS.includes(target.hostname))) {
        throw new ToolError(`${target.host} is not on this machine; only local chains are served without --key-file`);
    }
    let last_id = 0;
    return async (method, params = []) => {
        last_id += 1;
        const { status, answer } = await exchange(target, { jsonrpc: '2.0', id: last_id, method, params });
        if (answer?.error) {
            throw new NodeError(method, answer.error);
        }
        if (answer?.result === undefined) {
            throw new ToolError(`${target.host}: ${method} was answered with HTTP ${status} and no result`);
        }
        return answer.result;
    };
}

/** Waits for a transaction of ours; one that reverted is an error. */
export async function receipt_wait(call, hash, what, timeout_ms) {
    const deadline = Date.now() + timeout_ms;
    while (Date.now() < deadline) {
        const receipt = await call('eth_getTransactionReceipt', [hash]);
        if (receipt !== null) {
            if (receipt.status !== '0x1') {
                throw new ToolError(`${what}: transaction ${hash} reverted`);
            }
            return receipt;
        }
        await new Promise((resolve) => setTimeout(resolve, RECEIPT_POLL_MS));
    }
    throw new ToolError(`${what}: no receipt for ${hash} after ${timeout_ms / 1000} s; run the same command again`);
}

/** Reads at one block: `block` is a tag, or { blockHash } so that every answer is of the same moment. */
export class View {
    constructor(call, block = 'latest') {
        this.call = call;
        this.block = block;
    }

    code(address) {
        return this.call('eth_getCode', [address, this.block]);
    }

    slot(address, slot) {
        return this.call('eth_getStorageAt', [address, slot, this.block]);
    }

    /** contract: { address, face }. Gives the one answer, or all of them when there are several. */
    async ask(contract, method, args = []) {
        const data = contract.face.encodeFunctionData(method, args);
        const answer = await this.call('eth_call', [{ to: contract.address, data }, this.block]);
        let values;
        try {
            values = contract.face.decodeFunctionResult(method, answer);
        } catch {
            throw new NodeError(method, { message: `${contract.address} gives no readable answer` });
        }
        return values.length === 1 ? values[0] : [...values];
    }
}
