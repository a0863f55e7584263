// What is to be known of a token: its code, and the code behind it when it is a proxy.

import { dataSlice, getAddress, Interface, keccak256, toBeHex, toUtf8Bytes } from 'ethers';

export const TOKEN_FACE = new Interface(['function decimals() view returns (uint8)']);
export const TOKEN_DECIMALS = 6;

// MXNB's proxy is of the kind before ERC-1967; a token of the newer kind is read in the newer slot.
const IMPLEMENTATION_SLOTS = [
    keccak256(toUtf8Bytes('org.zeppelinos.proxy.implementation')),
    toBeHex(BigInt(keccak256(toUtf8Bytes('eip1967.proxy.implementation'))) - 1n, 32),
];

/** Address of the code behind the token, or null when it is no proxy of these two kinds. */
export async function implementation_read(view, token) {
    for (const slot of IMPLEMENTATION_SLOTS) {
        const value = await view.slot(token, slot);
        if (BigInt(value) !== 0n) {
            return getAddress(dataSlice(toBeHex(value, 32), 12));
        }
    }
    return null;
}

/** { tokenCodeHash, tokenImplementation, tokenImplementationCodeHash } at the view's block. */
export async function token_describe(view, token) {
    const implementation = await implementation_read(view, token);
    return {
        tokenCodeHash: keccak256(await view.code(token)),
        tokenImplementation: implementation,
        tokenImplementationCodeHash: implementation === null ? null : keccak256(await view.code(implementation)),
    };
}
