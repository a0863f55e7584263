// The people of the stories and what they do, through the daemon's API and the sandbox's bank only.
// What everybody should have got in the end is worked out here, in BigInt centavos, from the orders given:
// it never comes from the daemon, so the daemon cannot agree with itself.

import { wait_for } from '../support/process.mjs';

const CLABE_WEIGHTS = [3, 7, 1];
const BANK = '012';                 // any bank but Juno's own 710, which it refuses as a destination
const SETTLE_MS = 120_000;
const STEP_MS = 60_000;

/** A well-formed CLABE: bank, branch, account and the check digit. */
export function clabe_make(serial) {
    const body = `${BANK}180${String(serial).padStart(11, '0')}`;
    const sum = [...body].reduce((s, digit, at) => s + ((Number(digit) * CLABE_WEIGHTS[at % 3]) % 10), 0);
    return `${body}${(10 - (sum % 10)) % 10}`;
}

export function centavos_of(text) {
    const match = /^(\d+)(?:\.(\d{1,2}))?$/.exec(text);
    if (match === null) {
        throw new Error(`"${text}" is no amount`);
    }
    return BigInt(match[1]) * 100n + BigInt((match[2] ?? '').padEnd(2, '0'));
}

export function pesos_of(centavos) {
    return `${centavos / 100n}.${String(centavos % 100n).padStart(2, '0')}`;
}

/** The rows of a listing, whatever the listing calls them: the only array of the answer. */
export function rows_of(answer) {
    const lists = Object.values(answer).filter(Array.isArray);
    if (lists.length !== 1) {
        throw new Error(`expected one list in ${JSON.stringify(answer).slice(0, 200)}`);
    }
    return lists[0];
}

export class Story {
    constructor(env) {
        this.env = env;
        this.people = {};          // name -> { beneficiary_id, clabe }: registered bank accounts
        this.payers = {};          // name -> CLABE to pay into
        this.expected = {};        // name -> centavos that must reach the bank account
        this.serial = 0;
    }

    async beneficiary(name, ownership = 'THIRD_PARTY') {
        this.serial += 1;
        const clabe = clabe_make(this.serial);
        const { beneficiary_id } = await this.env.insist('beneficiary.register', { name, clabe, ownership });
        this.people[name] = { beneficiary_id, clabe };
        this.expected[name] = 0n;
    }

    async beneficiaries(names) {
        for (const name of names) {
            await this.beneficiary(name);
        }
        await wait_for(async () => {
            const active = rows_of(await this.env.rpc('beneficiary.list', { state: 'active', limit: 100 }));
            return names.every((name) => active.some((b) => b.beneficiary_id === this.people[name].beneficiary_id));
        }, STEP_MS, 'the bank accounts being registered');
    }

    /** A user's CLABE, once the bank has opened it. */
    async payer(name) {
        await this.env.insist('clabe.create', { user_ref: name });
        const row = await wait_for(async () => rows_of(await this.env.rpc('clabe.list', { user_ref: name }))
            .find((c) => c.state === 'enabled'), STEP_MS, `a CLABE for ${name}`);
        this.payers[name] = row.clabe;
    }

    /**
     * order: { payer, seller, buyer, amount, immediate_bps, commissions: [[name, bps]], custody_seconds }.
     * Gives the order with its payment_id, ready for the other steps.
     */
    async create(order) {
        const created = await this.env.insist('payment.create', {
            payer: order.payer,
            seller: this.people[order.seller].beneficiary_id,
            buyer: this.people[order.buyer].beneficiary_id,
            amount: order.amount,
            immediate_bps: order.immediate_bps ?? 0,
            commissions: (order.commissions ?? []).map(([name, bps]) => ({
                beneficiary_id: this.people[name].beneficiary_id, bps,
            })),
            custody_seconds: order.custody_seconds,
            description: order.description ?? 'a story',
        });
        return { ...order, payment_id: created.payment_id, created };
    }

    async pay(order) {
        const { fid } = await this.env.deposit(this.payers[order.payer], order.amount);
        return fid;
    }

    async state(order) {
        return (await this.env.rpc('payment.get', { payment_id: order.payment_id })).state;
    }

    /** Waits for one of the states; a payment that parked or ended otherwise fails at once, with its reason. */
    async reach(order, states, ms = SETTLE_MS) {
        const wanted = [states].flat();
        const ends = ['completed', 'expired', 'cancelled', 'parked'];
        const found = await wait_for(async () => {
            const payment = await this.env.rpc('payment.get', { payment_id: order.payment_id });
            return wanted.includes(payment.state) || ends.includes(payment.state) ? payment : undefined;
        }, ms, `payment ${order.payment_id} reaching ${wanted.join(' or ')}`);
        if (!wanted.includes(found.state)) {
            throw new Error(`payment ${order.payment_id} is ${found.state}, not ${wanted.join(' or ')}`
                + `${found.reason === undefined ? '' : `: ${found.reason}`}`);
        }
        return found;
    }

    /** Many at once, asked one after the other: a hundred pollers would measure themselves. */
    async reach_all(orders, state, ms = SETTLE_MS) {
        const deadline = Date.now() + ms;
        for (const order of orders) {
            await this.reach(order, state, Math.max(1000, deadline - Date.now()));
        }
    }

    dispute(order, party, reason) {
        return this.env.insist('dispute.raise', {
            payment_id: order.payment_id, party, raised_by: order.payer, reason,
        });
    }

    resolve(order, resolution, notes, buyer_amount = undefined) {
        return this.env.insist('dispute.resolve', {
            payment_id: order.payment_id, resolution, notes, ...(buyer_amount === undefined ? {} : { buyer_amount }),
        });
    }

    /**
     * What an order must bring whom, by its end: released, reverted, or split (buyer_amount). A commission
     * is counted from the whole amount and paid out of the custody share; in a split it shrinks with the
     * seller's part, rounded down, and what is left over is the seller's.
     */
    expect(order, outcome, buyer_amount = '0.00') {
        const amount = centavos_of(order.amount);
        const immediate = (amount * BigInt(order.immediate_bps ?? 0)) / 10000n;
        const custody = amount - immediate;
        const buyer = { released: 0n, reverted: custody, split: centavos_of(buyer_amount) }[outcome];
        const for_seller = custody - buyer;
        this.expected[order.buyer] += buyer;
        this.expected[order.seller] += immediate + for_seller;
        for (const [name, bps] of order.commissions ?? []) {
            const whole = (amount * BigInt(bps)) / 10000n;
            const share = custody === 0n ? 0n : (whole * for_seller) / custody;
            this.expected[name] += share;
            this.expected[order.seller] -= share;
        }
    }

    /** Compares the bank's own books with what everybody should have got; gives differences in words. */
    async differences() {
        const { pesos, tokens, open_transactions, broken_rules } = await this.env.books();
        const paid = {};
        for (const [id, amount] of Object.entries(pesos.out)) {
            const clabe = pesos.out_clabes[id] ?? id;
            paid[clabe] = (paid[clabe] ?? 0n) + centavos_of(amount);
        }
        const found = broken_rules.map((rule) => `the bank's books: ${rule}`);
        for (const [name, { clabe }] of Object.entries(this.people)) {
            const got = paid[clabe] ?? 0n;
            delete paid[clabe];
            if (got !== this.expected[name]) {
                found.push(`${name} got ${pesos_of(got)} MXN, not ${pesos_of(this.expected[name])}`);
            }
        }
        for (const [clabe, amount] of Object.entries(paid)) {
            found.push(`${pesos_of(amount)} MXN went to ${clabe}, a stranger`);
        }
        if (open_transactions.length > 0) {
            found.push(`${open_transactions.length} transactions are still open at the bank`);
        }
        for (const place of ['custody', 'locked', 'on_chain']) {
            if (Number(tokens[place]) !== 0) {
                found.push(`${tokens[place]} MXNB are left in ${place} at the bank`);
            }
        }
        const { escrow, bridge } = this.env.contracts;
        for (const [what, address] of [['the escrow contract', escrow], ['the bridge wallet', bridge]]) {
            const left = await this.env.token_balance(address);
            if (left !== 0n) {
                found.push(`${left} units of MXNB are left in ${what}`);
            }
        }
        return found;
    }
}
