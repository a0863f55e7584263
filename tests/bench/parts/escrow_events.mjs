// A chain full of our events: escrows made in batches, by the relayer's address, without the relayer. The node
// signs for it (development nodes can), so no daemon is needed and none is disturbed.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { Interface } from 'ethers';

import { ROOT } from '../../support/env.mjs';

const PER_TRANSACTION = 50;
const PER_BLOCK = 2;                 // transactions
const AMOUNT_UNITS = 1_000_000n;
const CUSTODY_S = 400 * 24 * 3600;
const GAS = '0x4c4b40';
const APPROVED = 2n ** 200n;

export const abi_of = (contract) => JSON.parse(readFileSync(path.join(ROOT, 'abi/json', `${contract}.json`), 'utf8')).abi;

export class EscrowEvents {
    constructor(env) {
        this.env = env;
        this.node = env.ground.node;
        this.relayer = env.ground.relayer.address;
        this.escrow = new Interface(abi_of('KustodiaEscrow'));
        this.token = new Interface(abi_of('TestMXNB'));
    }

    async #send(from, to, data) {
        return this.node('eth_sendTransaction', [{ from, to, data, gas: GAS }]);
    }

    async prepare(events) {
        const { node, relayer, env, token } = this;
        const { contracts } = env;
        await node('anvil_impersonateAccount', [relayer]);
        await this.#send(env.minter, contracts.token, token.encodeFunctionData('mint', [relayer, AMOUNT_UNITS * BigInt(events)]));
        await this.#send(relayer, contracts.token, token.encodeFunctionData('approve', [contracts.escrow, APPROVED]));
        await node('evm_mine');
        this.custody_end = await env.chain_time() + CUSTODY_S;
    }

    #terms() {
        return {
            id: `0x${randomBytes(32).toString('hex')}`, amount: AMOUNT_UNITS, custodyEnd: this.custody_end, lock: false,
            terms: `0x${randomBytes(32).toString('hex')}`,
        };
    }

    /** Gives { from, to, events }: the blocks they are in. */
    async make(events) {
        const number = async () => Number(await this.node('eth_blockNumber'));
        const from = await number() + 1;
        let last;
        for (let made = 0, sent = 0; made < events; made += PER_TRANSACTION, sent += 1) {
            const batch = Array.from({ length: Math.min(PER_TRANSACTION, events - made) }, () => this.#terms());
            last = await this.#send(this.relayer, this.env.contracts.escrow,
                this.escrow.encodeFunctionData('createMany', [batch]));
            if (sent % PER_BLOCK === PER_BLOCK - 1) {
                await this.node('evm_mine');
            }
        }
        const receipt = await this.env.wait_for(() => this.node('eth_getTransactionReceipt', [last]), 30_000, 'the last batch');
        if (receipt.status !== '0x1') {
            throw new Error('a batch of escrows reverted');
        }
        const logs = await this.logs(from, Number(receipt.blockNumber));
        const created = logs.filter((log) => log.topics[0] === this.escrow.getEvent('EscrowCreated').topicHash);
        if (created.length !== events) {
            throw new Error(`${created.length} escrows were made, not ${events}`);
        }
        return { from, to: Number(receipt.blockNumber), events, logs: logs.length };
    }

    logs(from, to) {
        const { token, escrow } = this.env.contracts;
        return this.node('eth_getLogs', [{
            fromBlock: `0x${from.toString(16)}`, toBlock: `0x${to.toString(16)}`, address: [token, escrow],
        }]);
    }
}
