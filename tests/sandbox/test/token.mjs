// What the tests do to the token and read from the chain by hand, without an EVM library, so that
// they agree with nobody by accident.

import assert from 'node:assert/strict';
import { eventually } from './support.mjs';

// Topic of Transfer(address,address,uint256), from the ERC-20 standard's published ABI.
const TRANSFER = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef';

export const word = (value) => BigInt(value).toString(16).padStart(64, '0');
export const address_word = (address) => address.slice(2).toLowerCase().padStart(64, '0');

// Hash that a transaction's timeline gives for a step.
export function receipt_in(tx, step) {
    return tx.timeline.find((entry) => entry.step === step).receipt;
}

export function token_of(chain) {
    const send = (from, data, to = chain.token) =>
        chain.call('eth_sendTransaction', [{ from, to, data, gas: '0x30d40' }]);
    const receipt_of = (hash) =>
        eventually(
            `receipt of ${hash}`,
            async () => (await chain.call('eth_getTransactionReceipt', [hash])) ?? undefined,
        );
    // The one Transfer log of a transaction as [from, to, units].
    const transfer_of = async (hash) => {
        const { status, logs } = await receipt_of(hash);
        assert.equal(status, '0x1');
        const transfers = logs.filter(
            (entry) => entry.topics[0] === TRANSFER && entry.address === chain.token.toLowerCase(),
        );
        assert.equal(transfers.length, 1);
        const [{ topics, data }] = transfers;
        return [`0x${topics[1].slice(26)}`, `0x${topics[2].slice(26)}`, BigInt(data)];
    };
    const transfer = (from, to, units) => send(from, `0xa9059cbb${address_word(to)}${word(units)}`);
    // As the token's administrator: each waits until it is in a block.
    const admin = async (data) => receipt_of(await send(chain.admin, data));
    const pause = () => admin('0x8456cb59');
    const unpause = () => admin('0x3f4ba83a');
    const block = (account) => admin(`0xf9f92be4${address_word(account)}`);
    const minter_add = (account) => admin(`0x4e44d956${address_word(account)}${word(10n ** 18n)}`);
    return { send, transfer, receipt_of, transfer_of, pause, unpause, block, minter_add };
}
