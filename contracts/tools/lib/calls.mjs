// The calls an administrator or a guardian makes on an escrow, each with its data and what it does.

import { getAddress, id, ZeroAddress, ZeroHash } from 'ethers';

import { ToolError } from './node.mjs';

export const ROLES = {
    DEFAULT_ADMIN: ZeroHash, RELAYER: id('RELAYER'), ARBITER: id('ARBITER'), GUARDIAN: id('GUARDIAN'),
};
const PAUSE_BITS = { create: 1, payout: 2, both: 3 };
const UNITS_PATTERN = /^[1-9][0-9]{0,37}$/;

export function address_parse(what, text) {
    let address;
    try {
        address = getAddress(text);
    } catch {
        throw new ToolError(`${what}: "${text}" is not an address`, 3);
    }
    if (address === ZeroAddress) {
        throw new ToolError(`${what}: the zero address is nobody`, 3);
    }
    return address;
}

function role_parse(text) {
    if (ROLES[text] === undefined || text === 'DEFAULT_ADMIN') {
        throw new ToolError(`role "${text}" is none of RELAYER, ARBITER, GUARDIAN`
            + ' (the admin is changed by begin-admin and accept-admin)', 3);
    }
    return ROLES[text];
}

/** One row per call: parameters by name, who sends it, and { method, args, does } from their texts. */
export const CALLS = {
    grant: {
        parameters: ['ROLE', 'ADDRESS'], sender: 'admin',
        make: (role, who) => ({ method: 'grantRole', args: [role_parse(role), address_parse('ADDRESS', who)],
            does: `gives ${role} to ${who}, at once` }),
    },
    revoke: {
        parameters: ['ROLE', 'ADDRESS'], sender: 'admin',
        make: (role, who) => ({ method: 'revokeRole', args: [role_parse(role), address_parse('ADDRESS', who)],
            does: `takes ${role} from ${who}, at once` }),
    },
    'begin-admin': {
        parameters: ['ADDRESS'], sender: 'admin',
        make: (who) => ({ method: 'beginDefaultAdminTransfer', args: [address_parse('ADDRESS', who)],
            does: `lets ${who} accept the admin role once the delay is over` }),
    },
    'accept-admin': {
        parameters: [], sender: 'the new admin',
        make: () => ({ method: 'acceptDefaultAdminTransfer', args: [], does: 'takes the admin role over' }),
    },
    'cancel-admin': {
        parameters: [], sender: 'admin',
        make: () => ({ method: 'cancelDefaultAdminTransfer', args: [],
            does: 'withdraws a waiting transfer of the admin role' }),
    },
    'propose-wallets': {
        parameters: ['PAYOUT', 'REFUND'], sender: 'admin',
        make: (payout, refund) => ({ method: 'proposeWallets',
            args: [address_parse('PAYOUT', payout), address_parse('REFUND', refund)],
            does: `proposes payout ${payout} and refund ${refund}; they can be accepted two days later` }),
    },
    'accept-wallets': {
        parameters: [], sender: 'admin',
        make: () => ({ method: 'acceptWallets', args: [], does: 'puts the proposed wallets in force' }),
    },
    pause: {
        parameters: ['create|payout|both'], sender: 'guardian',
        make: (what) => {
            if (PAUSE_BITS[what] === undefined) {
                throw new ToolError(`pause: "${what}" is none of create, payout, both`, 3);
            }
            return { method: 'pause', args: [PAUSE_BITS[what]], does: `stops ${what} for at most seven days` };
        },
    },
    unpause: {
        parameters: [], sender: 'admin',
        make: () => ({ method: 'unpause', args: [], does: 'lifts every pause, at once' }),
    },
    rescue: {
        parameters: ['TOKEN', 'TO', 'UNITS'], sender: 'admin',
        make: (token, to, units) => {
            if (!UNITS_PATTERN.test(units)) {
                throw new ToolError(`rescue: "${units}" is not a whole number of the token's smallest units`, 3);
            }
            return { method: 'rescue', args: [address_parse('TOKEN', token), address_parse('TO', to), BigInt(units)],
                does: `sends ${units} units of ${token}, which lie here by mistake, to ${to}` };
        },
    },
};

/** { sender, does, to, value, data } of one call on a deployed escrow. contract: { face, address }. */
export function call_make(contract, name, texts) {
    const row = Object.hasOwn(CALLS, name) ? CALLS[name] : undefined;
    if (row === undefined) {
        throw new ToolError(`there is no call "${name}"; there are: ${Object.keys(CALLS).join(', ')}`, 3);
    }
    if (texts.length !== row.parameters.length) {
        throw new ToolError(`usage: ${[name, ...row.parameters].join(' ')}`, 3);
    }
    const { method, args, does } = row.make(...texts);
    const data = contract.face.encodeFunctionData(method, args);
    return { sender: row.sender, does, to: contract.address, value: '0', data };
}
