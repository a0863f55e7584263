// The bank's side that is not a mint transaction: CLABEs, SPEI deposits, registered bank accounts,
// registered blockchain addresses.

import crypto from 'node:crypto';
import { centavos_format, centavos_parse } from './amount.mjs';
import { clabe_make } from './clabe.mjs';
import { timestamp_format } from './transactions.mjs';

const OUTSIDE_CLABE = '646180110400000007';

export class Bank {
    constructor({ store, clock, ledger, settings, transactions }) {
        Object.assign(this, { store, clock, ledger, settings, transactions });
        clock.on('deposit_complete', (fid) => this.#deposit_complete(this.deposit_get(fid)));
        clock.on('deposit_issue', (fid) => this.#deposit_issue(this.deposit_get(fid)));
        if (store.count('clabe') === 0) {
            this.clabe_create('AUTO_PAYMENT');
            this.clabe_create('MAIN');
            store.commit();
        }
    }

    // ---- CLABEs ----

    clabe_create(type) {
        const now = this.clock.now();
        const clabe = clabe_make(this.store.count('clabe') + 1);
        const row = { clabe, type, status: 'ENABLED', created_at: now, updated_at: now };
        this.store.put('clabe', clabe, row);
        return row;
    }

    clabe_get(clabe) {
        return this.store.get('clabe', clabe);
    }

    clabes() {
        return [...this.store.all('clabe')];
    }

    clabe_main() {
        return this.clabes().find((row) => row.type === 'MAIN').clabe;
    }

    clabe_view(row) {
        return {
            clabe: row.clabe,
            type: row.type,
            status: row.status,
            deposit_minimum_amount:
                row.type === 'AUTO_PAYMENT' ? this.settings.minimum_mxn : '0.01',
            deposit_maximum_amounts: { operation: null, daily: null, weekly: null, monthly: null },
            created_at: timestamp_format(row.created_at),
            updated_at: timestamp_format(row.updated_at),
        };
    }

    // ---- SPEI deposits ----

    // source: {receiver_clabe, sender_clabe?, sender_name?, receiver_name?}
    deposit_start(centavos, source) {
        const seq = this.store.count('deposit') + 1;
        const now = this.clock.now();
        const day = new Date(now).toISOString().slice(0, 10).replaceAll('-', '');
        const row = {
            seq,
            fid: crypto.randomBytes(16).toString('hex'),
            deposit_id: crypto.randomUUID(),
            centavos,
            status: 'pending',
            receiver_clabe: source.receiver_clabe,
            receiver_name: source.receiver_name ?? this.settings.business_name,
            sender_clabe: source.sender_clabe ?? OUTSIDE_CLABE,
            sender_name: source.sender_name ?? 'Sandbox Payer',
            deposit_type: 'SPEI',
            clave_rastreo: `TESTSPEI${day}${String(seq).padStart(14, '0')}`,
            refunded_withdrawal: null,
            created_at: now,
            updated_at: now,
        };
        this.store.put('deposit', row.fid, row);
        this.clock.schedule(this.settings.deposit_ms, 'deposit_complete', row.fid);
        return row;
    }

    deposit_get(fid) {
        return this.store.get('deposit', fid);
    }

    deposits() {
        return [...this.store.all('deposit')];
    }

    // Booked on arrival. Only an AUTO_PAYMENT CLABE issues, and only from the minimum up; anything
    // else stays in the free peso balance.
    #deposit_complete(row) {
        const auto =
            this.clabe_get(row.receiver_clabe).type === 'AUTO_PAYMENT' &&
            row.centavos >= centavos_parse(this.settings.minimum_mxn);
        this.ledger.move('MXN', 'spei', auto ? 'pending_issuance' : 'mxn_balance', row.centavos, {
            reason: 'deposit',
            ref: row.fid,
        });
        row.status = 'complete';
        row.updated_at = this.clock.now();
        this.store.put('deposit', row.fid, row);
        if (auto) this.clock.schedule(this.settings.issuance_start_ms, 'deposit_issue', row.fid);
    }

    #deposit_issue(row) {
        this.transactions.issuance_start(row.centavos, { method: 'SPEI', fid: row.fid }, 'PENDING');
    }

    // A completed payout comes back from the other bank: a refund row carrying its tracking key.
    payment_return(tx, return_code) {
        const centavos = this.transactions.payment_return(tx, return_code);
        const now = this.clock.now();
        const row = {
            seq: this.store.count('deposit') + 1,
            fid: crypto.randomBytes(16).toString('hex'),
            deposit_id: crypto.randomUUID(),
            centavos,
            status: 'complete',
            receiver_clabe: this.clabe_main(),
            receiver_name: this.settings.business_name,
            sender_clabe: this.store.get('bank', tx.bank_id).clabe,
            sender_name: 'SPEI',
            deposit_type: 'REFUND_CREDITED_WITHDRAWAL',
            clave_rastreo: tx.clave_rastreo,
            refunded_withdrawal: {
                transaction_id: tx.id,
                clave_rastreo: tx.clave_rastreo,
                return_code,
            },
            created_at: now,
            updated_at: now,
        };
        this.store.put('deposit', row.fid, row);
        return row;
    }

    deposit_view(row) {
        return {
            fid: row.fid,
            deposit_id: row.deposit_id,
            receiver_clabe: row.receiver_clabe,
            receiver_name: row.receiver_name,
            sender_clabe: row.sender_clabe,
            sender_name: row.sender_name,
            status: row.status,
            amount: centavos_format(row.centavos),
            currency: 'mxn',
            deposit_type: row.deposit_type,
            clave_rastreo: row.clave_rastreo,
            refunded_withdrawal: row.refunded_withdrawal,
            created_at: timestamp_format(row.created_at),
            updated_at: timestamp_format(row.updated_at),
        };
    }

    // ---- registered bank accounts ----

    // A deleted account keeps its record, for the books name it; it is no longer usable.
    banks() {
        return [...this.store.all('bank')].filter((bank) => bank.deleted !== true);
    }

    bank_create(fields) {
        const now = this.clock.now();
        const bank = {
            id: crypto.randomUUID(),
            ...fields,
            usable_at: now + this.settings.bank_propagation_ms,
        };
        this.store.put('bank', bank.id, bank);
        return bank;
    }

    bank_change(bank, fields) {
        this.store.put('bank', bank.id, Object.assign(bank, fields));
    }

    // Known to the rest of the bank: listed and usable as a destination.
    bank_usable(bank) {
        return bank.deleted !== true && this.clock.now() >= bank.usable_at;
    }

    bank_get(id) {
        const bank = this.store.get('bank', id);
        return bank?.deleted === true ? undefined : bank;
    }

    bank_view(bank) {
        return {
            id: bank.id,
            tag: bank.tag,
            recipient_legal_name: bank.recipient_legal_name,
            clabe: bank.clabe,
            ownership: bank.ownership,
        };
    }

    // ---- registered blockchain addresses ----

    wallets() {
        return [...this.store.all('wallet')];
    }

    wallet_create(fields) {
        const wallet = { id: crypto.randomUUID(), ...fields };
        this.store.put('wallet', wallet.id, wallet);
        return wallet;
    }
}
