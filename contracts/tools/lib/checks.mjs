// The comparison of a live escrow with our build and with the record of its deployment. Every check gives a row
// { name, ok, found, wanted } with texts to read; all reads of the state are pinned to one block.

import { getCreateAddress, keccak256, ZeroAddress } from 'ethers';

import { abi_digest, contract_load, deployed_code } from './build.mjs';
import { ROLES } from './calls.mjs';
import { NodeError, ToolError } from './node.mjs';
import { roles_replay } from './roles.mjs';
import { implementation_read, TOKEN_DECIMALS, TOKEN_FACE } from './token.mjs';

const NOBODY = 'none';
const PAUSE_WORDS = { 0: 'not paused', 1: 'creates paused', 2: 'pay-outs paused', 3: 'creates and pay-outs paused' };

function row(name, found, wanted) {
    return { name, ok: `${found}` === `${wanted}`, found: `${found}`, wanted: `${wanted}` };
}

const names_text = (accounts) => [...accounts].sort().join(', ') || NOBODY;
const time_text = (seconds) => new Date(Number(seconds) * 1000).toISOString();

/** Both codes in full would not fit a line: the first byte that differs, and how many do. */
function code_row(name, found, wanted) {
    const [left, right] = [found, wanted].map((code) => Buffer.from(code.slice(2), 'hex'));
    const different = [];
    for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
        if (left[at] !== right[at]) {
            different.push(at);
        }
    }
    const byte_told = (byte) => byte?.toString(16).padStart(2, '0') ?? 'absent';
    const told = (code) => (different.length === 0 ? `${code.length} bytes`
        : `${code.length} bytes, byte ${different[0]} is ${byte_told(code[different[0]])}`);
    const more = different.length === 0 ? '' : ` (${different.length} bytes differ)`;
    return { name, ok: different.length === 0, found: told(left) + more, wanted: told(right) };
}

export class Checker {
    /** view: pinned to block; block: { number, hash }. range_max: blocks asked for logs at once. */
    constructor(call, view, record, { block, range_max }) {
        Object.assign(this, { call, view, record, block, range_max });
        this.build = contract_load('KustodiaEscrow');
        this.escrow = { ...this.build, address: record.escrow };
        this.rows = [];
        this.trusted = { escrow: false, token: false };
    }

    add(...rows) {
        this.rows.push(...rows);
    }

    /**
     * A question to a contract. Where its code is what it should be, a refusal is the node's trouble and nothing is
     * known (throws); where it is not, the refusal is part of the difference.
     */
    async ask(whose, contract, method, args = []) {
        try {
            return await this.view.ask(contract, method, args);
        } catch (error) {
            if (this.trusted[whose] || !(error instanceof NodeError)) {
                throw error;
            }
            return undefined;
        }
    }

    async asked(name, method, wanted, tell = (value) => value) {
        const value = await this.ask('escrow', this.escrow, method);
        this.add(row(name, value === undefined ? `no answer to ${method}()` : tell(value), wanted));
    }

    async run() {
        await this.code_check();
        await this.token_check();
        await this.wallets_check();
        await this.admin_check();
        await this.roles_check();
        await this.asked('pause', 'paused', PAUSE_WORDS[0],
            ([bits, until]) => (bits === 0n ? PAUSE_WORDS[0] : `${PAUSE_WORDS[bits]} until ${time_text(until)}`));
        return this.rows;
    }

    async code_check() {
        const { record, build } = this;
        const code = await this.view.code(record.escrow);
        this.add(code_row('escrow code', code, deployed_code(build, { token: record.token, funder: record.bridge })),
            row('escrow code hash', keccak256(code), record.escrowCodeHash),
            row('ABI digest (build against record, not the chain)', abi_digest(build), record.abiDigest));
        this.trusted.escrow = this.rows[0].ok;
        await this.creation_check();
    }

    /** The transaction that created the escrow, as the chain has it: where, when, and with which arguments. */
    async creation_check() {
        const { record, build } = this;
        const { create } = record.transactions;
        const made = await this.call('eth_getTransactionByHash', [create]);
        if (made === null) {
            throw new ToolError(`the node does not know ${create}, which created the escrow according to the record;`
                + ' ask one that keeps old transactions, and if that does not know it either, the record is wrong');
        }
        const address = made.to === null ? getCreateAddress({ from: made.from, nonce: Number(made.nonce) }) : NOBODY;
        const place = (escrow, block, hash) => `${escrow} in block ${block} ${hash}`;
        this.add(row('creation', place(address, Number(made.blockNumber), made.blockHash),
            place(record.escrow, record.deployBlock, record.deployBlockHash)));
        const found = made.input.startsWith(build.bytecode) ? `0x${made.input.slice(build.bytecode.length)}` : undefined;
        this.add(row('constructor arguments', found === undefined ? 'not after the creation code of our build'
            : this.arguments_told(found), this.arguments_wanted()));
    }

    arguments_told(data) {
        const { face } = this.build;
        let values;
        try {
            values = [...face.getAbiCoder().decode(face.deploy.inputs, data)];
        } catch {
            return 'not readable';
        }
        const [token, funder, admin, delay, payout, refund] = values;
        const told = `token ${token}, funder ${funder}, admin ${admin}, delay ${delay} s, payout ${payout},`
            + ` refund ${refund}`;
        return face.encodeDeploy(values) === data ? told : `${told}, and more than that`;
    }

    /** As recorded. What can never change later (the wallets and the first admin may) has fields of its own as well. */
    arguments_wanted() {
        const { token, bridge, adminDelaySeconds: delay, escrowConstructorArguments: data } = this.record;
        const told = this.arguments_told(data);
        return told.startsWith(`token ${token}, funder ${bridge}, `) && told.includes(`, delay ${delay} s, `) ? told
            : `${told}; but the record also says token ${token}, funder ${bridge}, delay ${delay} s`;
    }

    async token_check() {
        const { record, view } = this;
        const code_hash = keccak256(await view.code(record.token));
        const implementation = await implementation_read(view, record.token);
        this.add(row('token code hash', code_hash, record.tokenCodeHash),
            row('token implementation', implementation ?? NOBODY, record.tokenImplementation ?? NOBODY));
        const behind = implementation ?? record.tokenImplementation;
        if (behind !== null) {
            this.add(row('token implementation code hash', keccak256(await view.code(behind)),
                record.tokenImplementationCodeHash ?? NOBODY));
        }
        this.trusted.token = this.rows.filter(({ name }) => name.startsWith('token')).every(({ ok }) => ok);
        const decimals = await this.ask('token', { address: record.token, face: TOKEN_FACE }, 'decimals');
        this.add(row('token decimals', decimals ?? 'no answer', TOKEN_DECIMALS));
    }

    async wallets_check() {
        await this.asked('payout wallet', 'payout', this.record.payout);
        await this.asked('refund wallet', 'refund', this.record.refund);
        await this.asked('proposed wallets', 'proposedWallets', NOBODY, ([payout, refund, at]) => (at === 0n ? NOBODY
            : `payout ${payout}, refund ${refund}, acceptable from ${time_text(at)}`));
    }

    async admin_check() {
        await this.asked('admin', 'defaultAdmin', this.record.admin);
        await this.asked('admin transfer', 'pendingDefaultAdmin', NOBODY, ([to, at]) => (at === 0n ? NOBODY
            : `to ${to === ZeroAddress ? 'nobody' : to}, can be accepted from ${time_text(at)}`));
        await this.asked('admin delay', 'defaultAdminDelay', `${this.record.adminDelaySeconds} s`,
            (delay) => `${delay} s`);
        await this.asked('admin delay change', 'pendingDefaultAdminDelay', NOBODY, ([delay, at]) => (at === 0n ? NOBODY
            : `to ${delay} s, from ${time_text(at)}`));
    }

    /** The expected ones have each role and nobody else does; and the logs tell the same story as the contract. */
    async roles_check() {
        const { holders, named } = await roles_replay(this.call, this.escrow,
            { from: this.record.deployBlock, to: this.block.number, range_max: this.range_max });
        const silent = [];
        for (const role of Object.keys(holders)) {
            const wanted = this.record.roles[role] ?? [];
            const found = await this.holders_ask(ROLES[role] ?? role, new Set([...named, ...wanted]));
            this.add(row(`role ${role}`, found ?? 'no answer to hasRole()', names_text(wanted)));
            if (found !== names_text(holders[role])) {
                silent.push(role);
            }
        }
        const named_rightly = silent.length === 0 ? 'agree' : `disagree about ${silent.join(', ')}`;
        this.add(row('role logs and contract', named_rightly, 'agree'));
    }

    async holders_ask(role, candidates) {
        const found = [];
        for (const account of candidates) {
            const has = await this.ask('escrow', this.escrow, 'hasRole', [role, account]);
            if (has === undefined) {
                return undefined;
            }
            found.push(...(has ? [account] : []));
        }
        return names_text(found);
    }
}
