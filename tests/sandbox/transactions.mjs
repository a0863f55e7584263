// The mint platform's transactions: PENDING -> IN_PROGRESS -> COMPLETE or FAILED, and for a payout
// COMPLETE -> returned. Each step is a job of the clock or an event of the chain, and moves the
// books in the same commit as the status.
//
//   ISSUANCE           pesos pending_issuance -> reserve, tokens minted to custody
//   REDEMPTION         tokens custody -> locked at once, burned, then pesos reserve -> payout
//   CRYPTO_WITHDRAWAL  tokens custody -> locked at once, then transferred on chain
//   CRYPTO_DEPOSIT     a Transfer log to the wallet, credited to custody when deep enough

import crypto from 'node:crypto';
import { UNITS_PER_CENTAVO, units_to_json_number } from './amount.mjs';

const CRYPTO_TYPES = ['CRYPTO_DEPOSIT', 'CRYPTO_WITHDRAWAL'];
const REFUSED_RETRY_FACTOR = 10;
const NVIO_PARTICIPANT = '90710';

// Juno's own timestamps carry nanoseconds.
export function timestamp_format(ms) {
    return ms === null ? null : new Date(ms).toISOString().replace('Z', '000000Z');
}

export class Transactions {
    constructor({ store, clock, ledger, settings, faults, chain, webhooks }) {
        Object.assign(this, { store, clock, ledger, settings, faults, chain, webhooks });
        clock.on('tx_progress', (id) => this.#progress(this.get(id)));
        clock.on('tx_leg', (id) => this.#leg_start(this.get(id)));
        clock.on('tx_payout', (id) => this.#payout(this.get(id)));
    }

    get(id) {
        return this.store.get('transaction', id);
    }

    all() {
        return this.store.all('transaction');
    }

    // ---- requests ----

    // pesos are already in pending_issuance. source: {method, fid?}
    issuance_start(centavos, source, status) {
        const details = { method: source.method };
        if (source.fid !== undefined && this.settings.issuance_link) details.fid = source.fid;
        return this.#create('ISSUANCE', centavos * UNITS_PER_CENTAVO, status, {
            method: source.method,
            details,
            steps: ['Issuance requested'],
        });
    }

    // The client's own request, paid from the free peso balance; null when that does not suffice.
    issuance_request(centavos) {
        if (this.ledger.balance('MXN', 'mxn_balance') < centavos) return null;
        const tx = this.issuance_start(
            centavos,
            { method: 'BITSO_TRANSFER' },
            this.settings.creation_status,
        );
        this.ledger.move('MXN', 'mxn_balance', 'pending_issuance', centavos, {
            reason: 'issuance_request',
            ref: tx.id,
        });
        return tx;
    }

    // bank: a registered bank account, or null for the platform itself. null when short of tokens.
    redemption_request(centavos, bank) {
        const units = centavos * UNITS_PER_CENTAVO;
        if (this.ledger.balance('MXNB', 'custody') < units) return null;
        const method = bank === null ? 'BITSO_TRANSFER' : 'SPEI';
        const details = { method };
        if (bank !== null) details.destination_bank_account_id = bank.id;
        const tx = this.#create('REDEMPTION', units, this.settings.creation_status, {
            method,
            details,
            bank_id: bank?.id ?? null,
            steps: ['Redemption requested'],
        });
        this.ledger.move('MXNB', 'custody', 'locked', units, { reason: 'lock', ref: tx.id });
        return tx;
    }

    withdrawal_request(centavos, address) {
        const units = centavos * UNITS_PER_CENTAVO;
        if (this.ledger.balance('MXNB', 'custody') < units) return null;
        const tx = this.#create('CRYPTO_WITHDRAWAL', units, 'PENDING', {
            method: 'BLOCKCHAIN',
            details: { address, blockchain: 'ARBITRUM' },
            steps: ['Withdrawal requested'],
        });
        this.ledger.move('MXNB', 'custody', 'locked', units, { reason: 'lock', ref: tx.id });
        return tx;
    }

    // A payout comes back after completion. Returns the returned centavos.
    payment_return(tx, return_code) {
        const centavos = tx.units / UNITS_PER_CENTAVO;
        const account = `payout:${tx.bank_id}`;
        const to_tokens = this.settings.returned_credit === 'mxnb';
        this.ledger.move('MXN', account, to_tokens ? 'pending_issuance' : 'mxn_balance', centavos, {
            reason: 'return',
            ref: tx.bank_id,
        });
        if (to_tokens) this.issuance_start(centavos, { method: 'REFUND' }, 'PENDING');
        tx.returned = true;
        this.#step(tx, 'Payment returned', { return_code });
        this.#status_set(tx, this.settings.returned_status);
        return centavos;
    }

    // ---- steps ----

    #create(type, units, status, { steps, ...fields }) {
        const now = this.clock.now();
        const tx = {
            id: crypto.randomUUID(),
            seq: this.store.count('transaction') + 1,
            type,
            units,
            status,
            created_at: now,
            updated_at: null,
            timeline: [],
            ...fields,
        };
        for (const step of steps) this.#step(tx, step, {});
        this.store.put('transaction', tx.id, tx);
        if (type !== 'CRYPTO_DEPOSIT') {
            const started = status === 'IN_PROGRESS';
            const wait = started ? this.settings.progress_ms : this.settings.pending_ms;
            this.clock.schedule(wait, started ? 'tx_leg' : 'tx_progress', tx.id);
        }
        this.webhooks.notify(this.details(tx));
        return tx;
    }

    #step(tx, step, extra) {
        tx.timeline.push({ step, status: 'COMPLETE', at: this.clock.now(), ...extra });
    }

    #status_set(tx, status) {
        tx.status = status;
        tx.updated_at = this.clock.now();
        this.store.put('transaction', tx.id, tx);
        this.webhooks.notify(this.details(tx));
    }

    #progress(tx) {
        this.clock.schedule(this.settings.progress_ms, 'tx_leg', tx.id);
        this.#status_set(tx, 'IN_PROGRESS');
    }

    #leg_start(tx) {
        const fault = this.faults.take(['transaction_failed'], { type: tx.type });
        if (fault !== null) {
            this.#fail(tx, 'refused by the bank');
            return;
        }
        const leg = { id: tx.id, units: tx.units };
        if (tx.type === 'ISSUANCE')
            this.chain.enqueue({ ...leg, method: 'mint', to: this.chain.address });
        else if (tx.type === 'REDEMPTION') this.chain.enqueue({ ...leg, method: 'burn' });
        else this.chain.enqueue({ ...leg, method: 'transfer', to: tx.details.address });
    }

    leg_done(id, hash) {
        const tx = this.get(id);
        const centavos = tx.units / UNITS_PER_CENTAVO;
        if (tx.type === 'ISSUANCE') {
            this.ledger.move('MXN', 'pending_issuance', 'reserve', centavos, {
                reason: 'issuance',
                ref: tx.id,
            });
            this.ledger.move('MXNB', 'supply', 'custody', tx.units, {
                reason: 'issuance',
                ref: tx.id,
            });
            this.#step(tx, 'Tokens minted', { receipt: hash });
            this.#status_set(tx, 'COMPLETE');
        } else if (tx.type === 'REDEMPTION') {
            this.ledger.move('MXNB', 'locked', 'supply', tx.units, {
                reason: 'redemption',
                ref: tx.id,
            });
            this.ledger.move('MXN', 'reserve', 'payout_in_flight', centavos, {
                reason: 'redemption',
                ref: tx.id,
            });
            this.#step(tx, 'Tokens burned', { receipt: hash });
            this.store.put('transaction', tx.id, tx);
            this.clock.schedule(this.settings.payout_ms, 'tx_payout', tx.id);
        } else {
            this.ledger.move('MXNB', 'locked', 'on_chain', tx.units, {
                reason: 'withdrawal',
                ref: tx.id,
            });
            this.#step(tx, 'Tokens transferred', { receipt: hash });
            this.#status_set(tx, 'COMPLETE');
        }
    }

    // The token refused (paused, blocked address, ...). A withdrawal fails; minting and burning are
    // the bank's own business and are tried again.
    leg_refused(id, reason) {
        const tx = this.get(id);
        if (tx.type === 'CRYPTO_WITHDRAWAL') {
            this.#fail(tx, reason);
            return;
        }
        const wait = Math.max(this.settings.progress_ms * REFUSED_RETRY_FACTOR, 100);
        this.clock.schedule(wait, 'tx_leg', tx.id);
    }

    #fail(tx, reason) {
        if (tx.type === 'ISSUANCE') {
            this.ledger.move(
                'MXN',
                'pending_issuance',
                'mxn_balance',
                tx.units / UNITS_PER_CENTAVO,
                { reason: 'issuance_failed', ref: tx.id },
            );
        } else {
            this.ledger.move('MXNB', 'locked', 'custody', tx.units, {
                reason: 'unlock',
                ref: tx.id,
            });
        }
        tx.timeline.push({ step: 'Failed', status: 'FAILED', at: this.clock.now(), reason });
        this.#status_set(tx, 'FAILED');
    }

    #payout(tx) {
        const centavos = tx.units / UNITS_PER_CENTAVO;
        if (tx.bank_id === null) {
            this.ledger.move('MXN', 'payout_in_flight', 'mxn_balance', centavos, {
                reason: 'bitso_transfer',
                ref: tx.id,
            });
            this.#step(tx, 'Balance credited', {});
        } else {
            this.ledger.move('MXN', 'payout_in_flight', `payout:${tx.bank_id}`, centavos, {
                reason: 'payout',
                ref: tx.bank_id,
            });
            this.#evidence_add(tx);
            this.#step(tx, 'Payment sent', {});
        }
        this.#status_set(tx, 'COMPLETE');
    }

    // The tracking key in NVIO's form: date, participant code, serial, 30 digits in all.
    #evidence_add(tx) {
        const day = new Date(this.clock.now()).toISOString().slice(0, 10);
        tx.clave_rastreo =
            day.replaceAll('-', '') + NVIO_PARTICIPANT + String(tx.seq).padStart(17, '0');
        if (!this.settings.redemption_evidence) return;
        const seal = Buffer.from(`sandbox:${tx.id}`).toString('base64url');
        tx.details.clave_rastreo = tx.clave_rastreo;
        tx.details.cep_link =
            'https://www.banxico.org.mx/cep/go?' +
            `i=${NVIO_PARTICIPANT}&s=${day.replaceAll('-', '')}&d=${seal}`;
    }

    // ---- tokens arriving from the chain ----

    transfer_seen(transfer) {
        const key = `${transfer.hash}:${transfer.log_index}`;
        const known = this.store.get('transfer', key);
        if (known !== undefined && !known.lost) {
            known.block = transfer.block;
            this.store.put('transfer', key, known);
            return;
        }
        const tx = this.#create('CRYPTO_DEPOSIT', transfer.units, 'IN_PROGRESS', {
            method: 'BLOCKCHAIN',
            steps: [],
            details: {
                tx_hash: transfer.hash,
                log_index: transfer.log_index,
                sender_address: transfer.from,
                address: this.chain.address,
                blockchain: 'ARBITRUM',
            },
        });
        this.store.put('transfer', key, {
            key,
            id: tx.id,
            hash: transfer.hash,
            block: transfer.block,
            open: true,
            lost: false,
        });
    }

    open_transfers() {
        return [...this.store.all('transfer')].filter((transfer) => transfer.open);
    }

    #transfer_close(id, lost) {
        const transfer = this.open_transfers().find((candidate) => candidate.id === id);
        this.store.put('transfer', transfer.key, Object.assign(transfer, { open: false, lost }));
        return this.get(id);
    }

    transfer_final(id) {
        const tx = this.#transfer_close(id, false);
        this.ledger.move('MXNB', 'on_chain', 'custody', tx.units, {
            reason: 'crypto_deposit',
            ref: tx.id,
        });
        this.#step(tx, 'Tokens received', { receipt: tx.details.tx_hash });
        this.#status_set(tx, 'COMPLETE');
    }

    transfer_lost(id) {
        const tx = this.#transfer_close(id, true);
        tx.timeline.push({
            step: 'Failed',
            status: 'FAILED',
            at: this.clock.now(),
            reason: 'dropped by a chain reorganisation',
        });
        this.#status_set(tx, 'FAILED');
    }

    // ---- what the client sees ----

    #currency(tx) {
        const code = this.settings.asset_code;
        if (CRYPTO_TYPES.includes(tx.type)) return code.toLowerCase();
        return tx.type === 'REDEMPTION' ? 'MXN' : code.toUpperCase();
    }

    // Shape of a creation's answer and of a row in the list.
    summary(tx) {
        return {
            id: tx.id,
            amount: units_to_json_number(tx.units),
            currency: this.#currency(tx),
            transaction_type: tx.type,
            method: tx.method,
            summary_status: tx.status,
            created_at: timestamp_format(tx.created_at),
            updated_at: timestamp_format(tx.updated_at),
        };
    }

    // Shape of GET /transactions/{id} and of a webhook.
    details(tx) {
        return {
            transaction_id: tx.id,
            amount: units_to_json_number(tx.units),
            currency: this.#currency(tx),
            transaction_type: tx.type,
            status: tx.status,
            network: 'ARBITRUM',
            details: tx.details,
            timeline: tx.timeline.map(({ at, ...step }) => ({
                ...step,
                timestamp: timestamp_format(at),
            })),
            created_at: timestamp_format(tx.created_at),
            updated_at: timestamp_format(tx.updated_at),
        };
    }
}
