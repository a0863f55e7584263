// Who holds which role, from the contract's own logs: a question to the contract can only be asked about addresses
// one already knows, the logs also name those nobody expected.

import { toQuantity } from 'ethers';

import { ROLES } from './calls.mjs';
import { NodeError, ToolError } from './node.mjs';

const RANGE_LEAST = 100;
const LOGS_MAX = 10_000;

/** Role events of blocks from..to, asked for in pieces: a piece the node refuses is halved, then they grow again. */
async function logs_read(call, contract, { from, to, range_max }) {
    const topics = [['RoleGranted', 'RoleRevoked'].map((name) => contract.face.getEvent(name).topicHash)];
    const logs = [];
    let range = range_max;
    for (let first = from; first <= to;) {
        const last = Math.min(first + range - 1, to);
        const filter = { address: contract.address, topics, fromBlock: toQuantity(first), toBlock: toQuantity(last) };
        try {
            logs.push(...await call('eth_getLogs', [filter]));
        } catch (error) {
            if (!(error instanceof NodeError) || range <= RANGE_LEAST) {
                throw error;
            }
            range = Math.max(RANGE_LEAST, Math.floor(Math.min(range, last - first + 1) / 2));
            continue;
        }
        if (logs.length > LOGS_MAX) {
            throw new ToolError(`more than ${LOGS_MAX} changes of roles since block ${from}`);
        }
        first = last + 1;
        range = Math.min(range * 2, range_max);
    }
    return logs;
}

function role_name(hash) {
    return Object.keys(ROLES).find((name) => ROLES[name] === hash) ?? hash;
}

/**
 * blocks: { from, to, range_max }, the last being how many a node is asked for at once.
 * Gives { holders: { ROLE: Set }, named: Set } after all grants and revocations of these blocks; `named` are all
 * addresses that ever occur. A role that is none of ours has its hash as name.
 */
export async function roles_replay(call, contract, blocks) {
    const holders = Object.fromEntries(Object.keys(ROLES).map((role) => [role, new Set()]));
    const named = new Set();
    for (const log of await logs_read(call, contract, blocks)) {
        const { name, args } = contract.face.parseLog(log);
        const role = role_name(args.role);
        holders[role] ??= new Set();
        named.add(args.account);
        if (name === 'RoleGranted') {
            holders[role].add(args.account);
        } else {
            holders[role].delete(args.account);
        }
    }
    return { holders, named };
}
