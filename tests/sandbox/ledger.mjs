// The bank's own books: every movement is one journal row that takes an amount from one account and
// gives the same amount to another, per asset, so the sum over all accounts is zero by construction
// and the journal can be added up again from nothing (books_check does, on every GET /books).
//
// Accounts, pesos in centavos (MXN):
//   spei                the banking system outside; negative = pesos that came in
//   pending_issuance    pesos waiting for their tokens
//   mxn_balance         the client's free peso balance
//   reserve             pesos behind tokens in circulation
//   payout:<bank id>    pesos paid out to a registered bank account, net of returned payments
// Accounts, tokens in 1e-6 (MXNB):
//   supply              the issuer; negative = tokens in circulation
//   custody             tokens the client may spend at Juno
//   locked              tokens inside an open redemption or withdrawal
//   on_chain            tokens that left for wallets outside Juno

import { UNITS_PER_CENTAVO } from './amount.mjs';

export class Ledger {
    constructor(store, clock) {
        this.store = store;
        this.clock = clock;
        this.balances = { MXN: new Map(), MXNB: new Map() };
        for (const row of store.all('journal')) this.#apply(row);
    }

    #apply(row) {
        const balances = this.balances[row.asset];
        balances.set(row.from, (balances.get(row.from) ?? 0n) - row.amount);
        balances.set(row.to, (balances.get(row.to) ?? 0n) + row.amount);
    }

    // reason is what happened (deposit, issuance, redemption, return, ...), ref the id it belongs
    // to.
    move(asset, from, to, amount, why) {
        if (amount <= 0n) throw new Error(`journal: amount ${amount} is not positive`);
        const id = this.store.count('journal') + 1;
        const row = { id, at: this.clock.now(), asset, from, to, amount, ...why };
        this.store.put('journal', id, row);
        this.#apply(row);
    }

    balance(asset, account) {
        return this.balances[asset].get(account) ?? 0n;
    }

    // Sum of the rows with this reason, per ref.
    totals_by_ref(asset, reason) {
        const totals = new Map();
        for (const row of this.store.all('journal')) {
            if (row.asset !== asset || row.reason !== reason) continue;
            totals.set(row.ref, (totals.get(row.ref) ?? 0n) + row.amount);
        }
        return totals;
    }

    total(asset, reason) {
        let sum = 0n;
        for (const amount of this.totals_by_ref(asset, reason).values()) sum += amount;
        return sum;
    }

    // The rules the books must always obey; returns those that are broken, in words.
    broken_rules() {
        const broken = [];
        for (const asset of ['MXN', 'MXNB']) {
            const { sum, balances } = this.#recount(asset);
            if (sum !== 0n) broken.push(`${asset}: accounts add up to ${sum}, not to zero`);
            for (const [account, value] of balances) {
                const outside = ['spei', 'supply', 'on_chain'].includes(account);
                if (value < 0n && !outside)
                    broken.push(`${asset}: ${account} is negative (${value})`);
                if (value !== this.balance(asset, account)) {
                    broken.push(
                        `${asset}: ${account} is ${this.balance(asset, account)} but its ` +
                            `journal adds up to ${value}`,
                    );
                }
            }
        }
        const circulating = -this.balance('MXNB', 'supply');
        const reserve = this.balance('MXN', 'reserve') * UNITS_PER_CENTAVO;
        if (circulating !== reserve) {
            broken.push(
                `tokens in circulation ${circulating} differ from their reserve ${reserve}`,
            );
        }
        return broken;
    }

    #recount(asset) {
        const balances = new Map();
        for (const row of this.store.all('journal')) {
            if (row.asset !== asset) continue;
            balances.set(row.from, (balances.get(row.from) ?? 0n) - row.amount);
            balances.set(row.to, (balances.get(row.to) ?? 0n) + row.amount);
        }
        let sum = 0n;
        for (const value of balances.values()) sum += value;
        return { sum, balances };
    }
}
