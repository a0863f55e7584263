// After a deployment: what the new escrow itself says of its parties. verify.mjs looks deeper, and later.

import { ROLES } from './calls.mjs';
import { ToolError } from './node.mjs';

/**
 * expected: token, bridge, admin, relayer, arbiter, guardian. first_admin may still be the admin, or was it once;
 * roles in `waiting` may or may not be granted yet.
 */
export async function roles_check(view, escrow, expected, { first_admin = expected.admin, waiting = [] } = {}) {
    const facts = [
        ['token', await view.ask(escrow, 'token'), [expected.token]],
        ['funder', await view.ask(escrow, 'funder'), [expected.bridge]],
        ['payout', await view.ask(escrow, 'payout'), [expected.bridge]],
        ['refund', await view.ask(escrow, 'refund'), [expected.bridge]],
        ['admin', await view.ask(escrow, 'defaultAdmin'), [expected.admin, first_admin]],
    ];
    const holders = { RELAYER: expected.relayer, ARBITER: expected.arbiter, GUARDIAN: expected.guardian };
    for (const [role, account] of Object.entries(holders).filter(([role]) => !waiting.includes(role))) {
        facts.push([role, await view.ask(escrow, 'hasRole', [ROLES[role], account]), [true]]);
    }
    for (const [what, found, wanted] of facts) {
        if (!wanted.includes(found)) {
            throw new ToolError(`${what} reads ${found} on the chain, expected ${wanted[0]}`);
        }
    }
}
