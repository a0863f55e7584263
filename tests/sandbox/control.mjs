// The control port: plain JSON for tests and the demo, without credentials, on 127.0.0.1 only.
// Answers are the bare result, or {"error": "..."} with status 400 or 404.

import { MAX_CENTAVOS, centavos_format, centavos_parse, units_format } from './amount.mjs';
import { clabe_problem } from './clabe.mjs';
import { Refusal, body_object } from './http.mjs';

const ADVANCE_MAX_MS = 400 * 86_400_000;

function bad(message, status = 400) {
    return new Refusal(status, status, message);
}

function known_fields(body, names) {
    const extra = Object.keys(body).find((name) => !names.includes(name));
    if (extra !== undefined) throw bad(`unknown field "${extra}"; there are: ${names.join(', ')}`);
}

function format_all(totals, format) {
    return Object.fromEntries([...totals].map(([ref, amount]) => [ref, format(amount)]));
}

export class ControlApi {
    constructor({ store, clock, ledger, settings, faults, chain, webhooks, transactions, bank }) {
        Object.assign(this, {
            store,
            clock,
            ledger,
            settings,
            faults,
            chain,
            webhooks,
            transactions,
            bank,
        });
        this.routes = {
            'GET /health': () => this.#health(),
            'POST /deposit': (request) => this.#deposit(request),
            'POST /return': (request) => this.#return(request),
            'POST /clock/advance': (request) => this.#advance(request),
            'GET /books': () => this.#books(),
            'GET /transactions': () => this.#transactions(),
            'GET /faults': () => ({ faults: this.faults.list() }),
            'POST /faults': (request) => this.#faults_add(request),
            'POST /reset-faults': () => this.#faults_reset(),
            'GET /settings': () => ({ ...this.settings }),
            'POST /settings': (request) => this.#settings_set(request),
        };
    }

    async handle(request) {
        const route = this.routes[`${request.method} ${request.path}`];
        if (route === undefined) {
            return {
                status: 404,
                json: { error: `no such call; there are: ${Object.keys(this.routes).join(', ')}` },
            };
        }
        try {
            const json = await route(request);
            this.store.commit();
            return { status: 200, json };
        } catch (error) {
            if (!(error instanceof Refusal)) throw error;
            return { status: error.status, json: { error: error.message } };
        }
    }

    #health() {
        return {
            ok: true,
            now: new Date(this.clock.now()).toISOString(),
            head: this.chain.head,
            webhooks_delivered: this.webhooks.delivered,
        };
    }

    #deposit(request) {
        const body = body_object(request, false);
        known_fields(body, ['clabe', 'amount', 'sender_name', 'sender_clabe']);
        const { clabe, amount, sender_name, sender_clabe } = body;
        if (typeof clabe !== 'string' || this.bank.clabe_get(clabe) === undefined) {
            throw bad('clabe is not a CLABE of this account');
        }
        const centavos = typeof amount === 'string' ? centavos_parse(amount) : null;
        if (centavos === null || centavos === 0n || centavos > MAX_CENTAVOS) {
            throw bad('amount must be a positive decimal text such as "100.00"');
        }
        if (sender_clabe !== undefined && clabe_problem(sender_clabe) !== null) {
            throw bad(`sender_clabe ${clabe_problem(sender_clabe)}`);
        }
        if (
            sender_name !== undefined &&
            (typeof sender_name !== 'string' || sender_name.length > 120)
        ) {
            throw bad('sender_name must be a text of at most 120 characters');
        }
        const row = this.bank.deposit_start(centavos, {
            receiver_clabe: clabe,
            sender_name,
            sender_clabe,
        });
        return { fid: row.fid, deposit_id: row.deposit_id, clave_rastreo: row.clave_rastreo };
    }

    #return(request) {
        const body = body_object(request, false);
        known_fields(body, ['transaction_id', 'return_code']);
        const tx = this.transactions.get(body.transaction_id);
        if (tx === undefined) throw bad('transaction_id is not known', 404);
        const returnable =
            tx.type === 'REDEMPTION' &&
            tx.status === 'COMPLETE' &&
            tx.bank_id !== null &&
            tx.returned !== true;
        if (!returnable)
            throw bad('only a COMPLETE redemption to a bank account can be returned, once');
        const code = body.return_code ?? '01';
        if (typeof code !== 'string' || !/^[0-9]{2}$/.test(code)) {
            throw bad('return_code must be two digits');
        }
        const row = this.bank.payment_return(tx, code);
        return { fid: row.fid, status: tx.status };
    }

    #advance(request) {
        const body = body_object(request, false);
        known_fields(body, ['ms']);
        if (!Number.isSafeInteger(body.ms) || body.ms < 0 || body.ms > ADVANCE_MAX_MS) {
            throw bad(`ms must be a whole number from 0 to ${ADVANCE_MAX_MS}`);
        }
        const steps = this.clock.advance(body.ms);
        return { now: new Date(this.clock.now()).toISOString(), steps };
    }

    #faults_add(request) {
        const { rule, problem } = this.faults.add(body_object(request, false));
        if (problem !== undefined) throw bad(`fault: ${problem}`);
        return rule;
    }

    #faults_reset() {
        this.faults.reset();
        return { ok: true };
    }

    #settings_set(request) {
        const before = { ...this.settings };
        for (const [name, value] of Object.entries(body_object(request, false))) {
            const problem = this.settings.set(name, value);
            if (problem !== null) {
                Object.assign(this.settings, before);
                throw bad(problem);
            }
        }
        return { ...this.settings };
    }

    #transactions() {
        return {
            transactions: [...this.transactions.all()].map((tx) => this.transactions.details(tx)),
        };
    }

    async #books() {
        const mxnb = this.#books_mxnb();
        return {
            pesos: this.#books_pesos(),
            tokens: mxnb,
            chain: await this.#books_chain(),
            open_transactions: [...this.transactions.all()]
                .filter((tx) => tx.status === 'PENDING' || tx.status === 'IN_PROGRESS')
                .map((tx) => tx.id),
            open_deposits: this.bank
                .deposits()
                .filter((row) => row.status === 'pending')
                .map((row) => row.fid),
            broken_rules: this.ledger.broken_rules(),
        };
    }

    // in_total + returned_total = out_total + held.total, always.
    #books_pesos() {
        const { ledger } = this;
        const places = ['pending_issuance', 'mxn_balance', 'reserve', 'payout_in_flight'];
        const held = places.map((account) => [account, ledger.balance('MXN', account)]);
        const held_total = held.reduce((sum, [, amount]) => sum + amount, 0n);
        return {
            in: format_all(ledger.totals_by_ref('MXN', 'deposit'), centavos_format),
            in_total: centavos_format(ledger.total('MXN', 'deposit')),
            out: format_all(ledger.totals_by_ref('MXN', 'payout'), centavos_format),
            out_clabes: Object.fromEntries([...this.store.all('bank')].map((b) => [b.id, b.clabe])),
            out_total: centavos_format(ledger.total('MXN', 'payout')),
            returned: format_all(ledger.totals_by_ref('MXN', 'return'), centavos_format),
            returned_total: centavos_format(ledger.total('MXN', 'return')),
            held: { ...format_all(held, centavos_format), total: centavos_format(held_total) },
        };
    }

    // issued - redeemed = custody + locked + on_chain, and issued + credited - redeemed - withdrawn
    // = custody + locked = balance of the wallet once nothing is under way.
    #books_mxnb() {
        const { ledger } = this;
        const value = (amount) => units_format(amount);
        return {
            custody: value(ledger.balance('MXNB', 'custody')),
            locked: value(ledger.balance('MXNB', 'locked')),
            on_chain: value(ledger.balance('MXNB', 'on_chain')),
            issued: value(ledger.total('MXNB', 'issuance')),
            redeemed: value(ledger.total('MXNB', 'redemption')),
            withdrawn: value(ledger.total('MXNB', 'withdrawal')),
            credited: value(ledger.total('MXNB', 'crypto_deposit')),
        };
    }

    async #books_chain() {
        try {
            return {
                wallet: this.chain.address,
                wallet_balance: units_format(await this.chain.wallet_balance()),
            };
        } catch (error) {
            return { wallet: this.chain.address, wallet_balance: null, error: error.message };
        }
    }
}
