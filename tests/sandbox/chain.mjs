// Juno's on-chain leg. One wallet does everything: it is the token's minter, the hot wallet that
// holds every client token, and the deposit address the client sends tokens back to.
//
// Outgoing: a leg (mint, burn or transfer) is a stored record that goes
//   queued -> armed (nonce and exact transaction stored) -> sent -> done | refused
// Legs are sent one after another, each with the next nonce; whatever is in doubt is sent again
// with the same nonce and the same content, so it can happen once only. Receipts are awaited in
// parallel.
// Incoming: Transfer logs to the wallet, scanned block by block, re-scanned after a reorganisation.

import { Interface, Wallet, getAddress, keccak256, zeroPadValue } from 'ethers';
import { Rpc, RpcError } from './rpc.mjs';
import { MAX_UNITS } from './amount.mjs';

const TOKEN = new Interface([
    'function mint(address to, uint256 amount) returns (bool)',
    'function burn(uint256 amount)',
    'function transfer(address to, uint256 amount) returns (bool)',
    'function balanceOf(address owner) view returns (uint256)',
    'function decimals() view returns (uint8)',
    'function isMinter(address account) view returns (bool)',
    'event Transfer(address indexed from, address indexed to, uint256 value)',
]);
const TRANSFER_TOPIC = TOKEN.getEvent('Transfer').topicHash;
const ZERO_TOPIC = zeroPadValue('0x', 32);
const REORG_DEPTH = 64;
const SCAN_BLOCKS = 1000;
const POLLS_BEFORE_RESEND = 40;
// A first token costs an account 17,100 gas more than a further one, and the payee's balance may be zero again by the
// time the transfer is mined.
const ZERO_AGAIN_GAS = 25_000n;

const hex = (value) => `0x${BigInt(value).toString(16)}`;
const says = (error, ...words) =>
    error instanceof RpcError && words.some((word) => error.message.toLowerCase().includes(word));

function leg_calldata(leg) {
    if (leg.method === 'mint') return TOKEN.encodeFunctionData('mint', [leg.to, leg.units]);
    if (leg.method === 'burn') return TOKEN.encodeFunctionData('burn', [leg.units]);
    return TOKEN.encodeFunctionData('transfer', [leg.to, leg.units]);
}

export class Chain {
    // events: leg_done(id, hash), leg_refused(id, reason), transfer_seen(transfer),
    //         transfer_lost(id), transfer_final(id), open_transfers() -> [{id, hash, block}]
    constructor({ store, settings, rpc_url, token, private_key, minter, log }) {
        this.store = store;
        this.settings = settings;
        this.rpc = new Rpc(rpc_url);
        this.token = getAddress(token);
        this.wallet = private_key === undefined ? null : new Wallet(private_key);
        this.address = this.wallet === null ? getAddress(minter) : this.wallet.address;
        this.topic = zeroPadValue(this.address, 32).toLowerCase();
        this.log = log;
        this.events = null;
        this.next_nonce = null;
        this.head = 0;
        this.running = false;
        this.wakers = new Set();
    }

    // Checks that node, token and wallet are what they should be; throws one clear sentence if not.
    async open() {
        this.chain_id = Number(await this.rpc.call('eth_chainId', []));
        const code = await this.rpc.call('eth_getCode', [this.token, 'latest']);
        if (code === '0x') throw new Error(`no contract at token address ${this.token}`);
        const decimals = Number(await this.#read('decimals', []));
        if (decimals !== 6) throw new Error(`token has ${decimals} decimals; MXNB has 6`);
        if (!(await this.#read('isMinter', [this.address]))) {
            throw new Error(`${this.address} is not a minter of the token; configure it first`);
        }
        const genesis = await this.rpc.call('eth_getBlockByNumber', ['0x0', false]);
        const head = await this.rpc.call('eth_getBlockByNumber', ['latest', false]);
        const place = this.store.get('scan', 'main');
        if (place === undefined) {
            this.store.put('scan', 'main', {
                genesis: genesis.hash,
                token: this.token,
                wallet: this.address,
                number: Number(head.number),
                hash: head.hash,
            });
            this.store.commit();
        } else if (
            place.genesis !== genesis.hash ||
            place.token !== this.token ||
            place.wallet !== this.address
        ) {
            throw new Error(
                'the state file belongs to another chain, token or minter; remove it or ' +
                    'give the right ones',
            );
        }
    }

    start(events) {
        this.events = events;
        this.running = true;
        this.loops = Promise.all([
            this.#loop(() => this.#send_next()),
            this.#loop(() => this.#poll()),
        ]);
    }

    async stop() {
        this.running = false;
        this.#wake();
        await this.loops;
    }

    enqueue(leg) {
        this.store.put('leg', leg.id, { state: 'queued', polls: 0, ...leg });
        this.#wake();
    }

    async wallet_balance() {
        return BigInt(await this.#read('balanceOf', [this.address]));
    }

    async #read(name, args) {
        const data = await this.rpc.call('eth_call', [
            { to: this.token, data: TOKEN.encodeFunctionData(name, args) },
            'latest',
        ]);
        return TOKEN.decodeFunctionResult(name, data)[0];
    }

    // Runs step until stopped; a step that returns true is repeated at once.
    async #loop(step) {
        while (this.running) {
            let more = false;
            try {
                more = await step();
            } catch (error) {
                this.log(`chain: ${error.message}; trying again`);
            }
            if (!more && this.running) await this.#pause();
        }
    }

    #pause() {
        return new Promise((resolve) => {
            const end = () => {
                clearTimeout(timer);
                this.wakers.delete(end);
                resolve();
            };
            const timer = setTimeout(end, this.settings.chain_poll_ms);
            this.wakers.add(end);
        });
    }

    #wake() {
        for (const end of this.wakers) end();
    }

    // ---- outgoing ----

    async #send_next() {
        const legs = [...this.store.all('leg')];
        const armed = legs
            .filter((leg) => leg.state === 'armed')
            .sort((a, b) => a.nonce - b.nonce)[0];
        const leg = armed ?? legs.find((candidate) => candidate.state === 'queued');
        if (leg === undefined) return false;
        if (leg.state === 'queued' && !(await this.#arm(leg))) return true;
        await this.#send(leg);
        return true;
    }

    // Fixes nonce and content of the transaction and stores them. False when the token refuses it.
    async #arm(leg) {
        const call = { from: this.address, to: this.token, data: leg_calldata(leg) };
        const [estimate, block] = await this.rpc.batch([
            ['eth_estimateGas', [call]],
            ['eth_getBlockByNumber', ['latest', false]],
        ]);
        if (says(estimate, 'revert')) {
            this.#settle(leg, () => this.events.leg_refused(leg.id, estimate.message));
            return false;
        }
        for (const answer of [estimate, block]) if (answer instanceof RpcError) throw answer;
        const gas = BigInt(estimate);
        if (this.next_nonce === null) this.next_nonce = await this.#first_free_nonce();
        leg.nonce = this.next_nonce;
        leg.from_block = Number(block.number);
        leg.request = {
            ...call,
            value: '0x0',
            nonce: hex(leg.nonce),
            gas: hex((gas * 13n) / 10n + ZERO_AGAIN_GAS),
            maxPriorityFeePerGas: '0x0',
            maxFeePerGas: hex(BigInt(block.baseFeePerGas) * 2n + 1n),
        };
        if (this.wallet !== null) await this.#sign(leg);
        leg.state = 'armed';
        this.next_nonce++;
        this.#save(leg);
        return true;
    }

    async #sign(leg) {
        const { gas, from, ...rest } = leg.request;
        leg.raw = await this.wallet.signTransaction({
            ...rest,
            type: 2,
            chainId: this.chain_id,
            nonce: leg.nonce,
            gasLimit: gas,
        });
        leg.hash = keccak256(leg.raw);
    }

    async #first_free_nonce() {
        const count = Number(
            await this.rpc.call('eth_getTransactionCount', [this.address, 'pending']),
        );
        const ours = [...this.store.all('leg')].map((leg) => (leg.nonce ?? -1) + 1);
        return Math.max(count, ...ours);
    }

    async #send(leg) {
        try {
            const hash =
                this.wallet !== null
                    ? await this.rpc.call('eth_sendRawTransaction', [leg.raw])
                    : await this.rpc.call('eth_sendTransaction', [leg.request]);
            leg.hash = hash;
        } catch (error) {
            if (!(await this.#send_failed(leg, error))) return;
        }
        leg.state = 'sent';
        leg.polls = 0;
        this.#save(leg);
    }

    // True when the transaction is known to be with the node all the same.
    async #send_failed(leg, error) {
        if (says(error, 'already known', 'already imported') && leg.hash !== undefined) return true;
        if (!says(error, 'nonce too low')) throw error;
        leg.hash = await this.#find_sent(leg);
        if (leg.hash !== undefined) return true;
        // Somebody else used this nonce of ours: nothing of this leg has happened.
        this.next_nonce = null;
        leg.state = 'queued';
        delete leg.nonce;
        this.#save(leg);
        return false;
    }

    // Hash under which this very leg (same nonce, same calldata) stands on chain, or undefined.
    async #find_sent(leg) {
        const range = { address: this.token, fromBlock: hex(leg.from_block), toBlock: 'latest' };
        const logs = (
            await this.rpc.batch([
                ['eth_getLogs', [{ ...range, topics: [TRANSFER_TOPIC, this.topic] }]],
                ['eth_getLogs', [{ ...range, topics: [TRANSFER_TOPIC, null, this.topic] }]],
            ])
        ).flatMap((answer) => {
            if (answer instanceof RpcError) throw answer;
            return answer;
        });
        const hashes = [...new Set(logs.map((entry) => entry.transactionHash))];
        const found = await this.rpc.batch(hashes.map((h) => ['eth_getTransactionByHash', [h]]));
        return found.find(
            (tx) =>
                tx !== null &&
                Number(tx.nonce) === leg.nonce &&
                getAddress(tx.from) === this.address &&
                tx.input === leg.request.data,
        )?.hash;
    }

    #save(leg) {
        this.store.put('leg', leg.id, leg);
        this.store.commit();
    }

    // The leg's end and its effect on the books are one commit. The record goes: its nonce is on
    // chain.
    #settle(leg, effect) {
        this.store.remove('leg', leg.id);
        effect();
        this.store.commit();
    }

    // ---- polling ----

    async #poll() {
        this.head = Number(await this.rpc.call('eth_blockNumber', []));
        await this.#poll_receipts();
        await this.#scan();
        await this.#poll_transfers();
        return false;
    }

    async #poll_receipts() {
        const sent = [...this.store.all('leg')].filter((leg) => leg.state === 'sent').slice(0, 100);
        const receipts = await this.#receipts(sent);
        sent.forEach((leg, i) => this.#receipt_take(leg, receipts[i]));
    }

    #receipts(items) {
        return this.rpc.batch(items.map(({ hash }) => ['eth_getTransactionReceipt', [hash]]));
    }

    #receipt_take(leg, receipt) {
        if (receipt instanceof RpcError) throw receipt;
        if (receipt === null) {
            leg.polls++;
            if (leg.polls < POLLS_BEFORE_RESEND) return;
            leg.state = 'armed';
            this.#save(leg);
            this.#wake();
            return;
        }
        if (receipt.status === '0x1')
            this.#settle(leg, () => this.events.leg_done(leg.id, leg.hash));
        else
            this.#settle(leg, () =>
                this.events.leg_refused(leg.id, `transaction ${leg.hash} reverted`),
            );
    }

    async #scan() {
        const place = this.store.get('scan', 'main');
        const seen = await this.rpc.call('eth_getBlockByNumber', [hex(place.number), false]);
        const reorganised = seen === null || seen.hash !== place.hash;
        const first = reorganised ? Math.max(place.number - REORG_DEPTH, 0) : place.number + 1;
        if (first > this.head) return;
        const last = Math.min(this.head, first + SCAN_BLOCKS - 1);
        const [block, logs] = await this.rpc.batch([
            ['eth_getBlockByNumber', [hex(last), false]],
            [
                'eth_getLogs',
                [
                    {
                        address: this.token,
                        fromBlock: hex(first),
                        toBlock: hex(last),
                        topics: [TRANSFER_TOPIC, null, this.topic],
                    },
                ],
            ],
        ]);
        if (logs instanceof RpcError) throw logs;
        if (block === null || block instanceof RpcError) return;
        for (const entry of logs) this.#transfer_take(entry);
        this.store.put('scan', 'main', { ...place, number: last, hash: block.hash });
        this.store.commit();
    }

    #transfer_take(entry) {
        // A mint comes from nobody and is this bank's own issuance, not a deposit.
        if (entry.topics[1] === ZERO_TOPIC || entry.topics[1] === this.topic) return;
        const transfer = {
            hash: entry.transactionHash,
            log_index: Number(entry.logIndex),
            block: Number(entry.blockNumber),
            from: getAddress(`0x${entry.topics[1].slice(26)}`),
            units: BigInt(entry.data),
        };
        if (transfer.units === 0n || transfer.units > MAX_UNITS) {
            this.log(`chain: transfer ${transfer.hash} of ${transfer.units} units is not credited`);
            return;
        }
        this.events.transfer_seen(transfer);
    }

    async #poll_transfers() {
        const open = this.events.open_transfers().slice(0, 100);
        const receipts = await this.#receipts(open);
        open.forEach((transfer, i) => {
            const receipt = receipts[i];
            if (receipt instanceof RpcError) throw receipt;
            if (receipt === null) {
                if (this.head > transfer.block + REORG_DEPTH)
                    this.events.transfer_lost(transfer.id);
                return;
            }
            const depth = this.head - Number(receipt.blockNumber) + 1;
            if (depth >= this.settings.confirmations) this.events.transfer_final(transfer.id);
        });
        this.store.commit();
    }
}
