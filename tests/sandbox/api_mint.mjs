// The /mint_platform/v1 part of the public API, and /v4/webhooks. Pages are counted from 0.

import crypto from 'node:crypto';
import { centavos_parse, UNITS_PER_CENTAVO, units_to_json_number } from './amount.mjs';
import {
    address_check,
    amount_check,
    bank_clabe_check,
    body_check,
    compliance_check,
    nullable,
    query_page,
    query_word,
    refuse_32002,
    text_check,
    uuid_check,
    word_check,
} from './checks.mjs';
import { Refusal, body_object } from './http.mjs';

const TYPES = ['ISSUANCE', 'REDEMPTION', 'CRYPTO_DEPOSIT', 'CRYPTO_WITHDRAWAL', 'CONVERSION'];
const STATUSES = ['PENDING', 'IN_PROGRESS', 'COMPLETE', 'FAILED'];
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,36}$/;

// ---- idempotency ----

// Runs `start` once per key. The same key again answers the original transaction as it stands now;
// a key used with another request does the same or is refused, as the setting idempotency_conflict
// says. A request that was refused has not used its key up.
function once_per_key(bank, request, start) {
    const { store, clock, settings, transactions } = bank;
    const key = request.headers['x-idempotency-key'];
    if (key === undefined) return { status: 200, payload: transactions.summary(start()) };
    if (!IDEMPOTENCY_KEY.test(key)) {
        refuse_32002('X-Idempotency-Key', 'must be 1 to 36 printable characters');
    }
    const digest = crypto
        .createHash('sha256')
        .update(`${request.method} ${request.path}\n`)
        .update(request.body)
        .digest('hex');
    const used = store.get('idempotency', key);
    const retention = settings.idempotency_retention_ms;
    const remembered = used !== undefined && (retention === 0 || clock.now() - used.at < retention);
    if (!remembered) {
        const tx = start();
        store.put('idempotency', key, { key, digest, tx_id: tx.id, at: clock.now() });
        return { status: 200, payload: transactions.summary(tx) };
    }
    if (used.digest !== digest && settings.idempotency_conflict === 'error') {
        throw new Refusal(409, 32002, 'X-Idempotency-Key was used with another request');
    }
    return { status: 200, payload: transactions.summary(transactions.get(used.tx_id)) };
}

function minimum(bank) {
    return centavos_parse(bank.settings.minimum_mxn);
}

// ---- money movements ----

function issuance_create(bank, request) {
    return once_per_key(bank, request, () => {
        const body = body_object(request, false);
        body_check(body, {
            amount: [amount_check(bank.settings.amount_type, minimum(bank)), true],
            network: [word_check('ARBITRUM'), true],
            asset: [word_check('MXNB'), true],
        });
        const tx = bank.transactions.issuance_request(centavos_parse(String(body.amount)));
        if (tx === null) throw new Refusal(400, '0602', 'Not enough mxn');
        return tx;
    });
}

function redemption_create(bank, request) {
    return once_per_key(bank, request, () => {
        const body = body_object(request, false);
        body_check(body, {
            amount: [amount_check(bank.settings.amount_type, minimum(bank)), true],
            asset: [word_check('mxn', 'MXN'), true],
            destination_bank_account_id: [nullable(uuid_check), false],
        });
        const id = body.destination_bank_account_id ?? null;
        const account = id === null ? null : bank.bank_get(id.toLowerCase());
        if (account === undefined || (account !== null && !bank.bank_usable(account))) {
            refuse_32002('destination_bank_account_id', 'is not a known bank account');
        }
        const tx = bank.transactions.redemption_request(
            centavos_parse(String(body.amount)),
            account,
        );
        if (tx === null) throw new Refusal(400, '0602', 'Not enough mxnb');
        return tx;
    });
}

function withdrawal_create(bank, request) {
    return once_per_key(bank, request, () => {
        const body = body_object(request, false);
        body_check(body, {
            amount: [amount_check(bank.settings.amount_type, 1n), true],
            address: [address_check, true],
            asset: [word_check('MXNB'), true],
            blockchain: [word_check('ARBITRUM'), true],
            compliance: [compliance_check, true],
        });
        const centavos = centavos_parse(String(body.amount));
        const threshold = centavos_parse(bank.settings.travel_rule_threshold_mxn);
        if (centavos >= threshold && body.compliance.travel_rule === undefined) {
            refuse_32002('compliance.travel_rule', 'is required from the travel-rule threshold up');
        }
        if (body.address.toLowerCase() === bank.transactions.chain.address.toLowerCase()) {
            refuse_32002('address', 'is the deposit address of this account');
        }
        const tx = bank.transactions.withdrawal_request(centavos, body.address);
        if (tx === null) throw new Refusal(400, '0602', 'Not enough mxnb');
        return tx;
    });
}

// ---- transactions and balances ----

// The two public pages disagree on the spelling of the filters: both are understood.
function either(query, snake, camel) {
    return query.get(snake) ?? query.get(camel);
}

function amount_filter(query, snake, camel) {
    const text = either(query, snake, camel);
    if (text === null) return null;
    const centavos = centavos_parse(text);
    if (centavos === null) throw new Refusal(400, '0304', `${snake} must be a decimal`);
    return centavos * UNITS_PER_CENTAVO;
}

function date_filter(query, snake, camel) {
    const text = either(query, snake, camel);
    if (text === null) return null;
    if (
        !/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$/.test(text) ||
        Number.isNaN(Date.parse(text))
    ) {
        throw new Refusal(400, '0304', `${snake} must be YYYY-MM-DDTHH:MM:SSZ`);
    }
    return Date.parse(text);
}

function transactions_list(bank, { query }) {
    const type = query_word(query, query.has('type') ? 'type' : 'transaction_type', TYPES);
    const status = query_word(query, query.has('status') ? 'status' : 'summary_status', STATUSES);
    const amount_from = amount_filter(query, 'amount_from', 'amountFrom');
    const amount_to = amount_filter(query, 'amount_to', 'amountTo');
    const from = date_filter(query, 'iso_date_from', 'isoDateFrom');
    const to = date_filter(query, 'iso_date_to', 'isoDateTo');
    const ascending =
        query_word(query, 'sort', ['CREATEDAT,DESC', 'CREATEDAT,ASC']) === 'CREATEDAT,ASC';
    const { page, size } = query_page(query, {
        page_name: 'page',
        size_name: 'size',
        first: 0,
        size: 20,
    });
    const rows = [...bank.transactions.all()].filter(
        (tx) =>
            (type === null || tx.type === type) &&
            (status === null || tx.status === status) &&
            (amount_from === null || tx.units >= amount_from) &&
            (amount_to === null || tx.units <= amount_to) &&
            (from === null || tx.created_at >= from) &&
            (to === null || tx.created_at <= to),
    );
    if (!ascending) rows.reverse();
    const content = rows
        .slice(page * size, (page + 1) * size)
        .map((tx) => bank.transactions.summary(tx));
    const pages = Math.ceil(rows.length / size);
    return {
        status: 200,
        payload: {
            content,
            number: page,
            size,
            totalElements: rows.length,
            totalPages: pages,
            numberOfElements: content.length,
            first: page === 0,
            last: page + 1 >= pages,
            empty: content.length === 0,
        },
    };
}

function transaction_get(bank, { params }) {
    const tx = bank.transactions.get(params[0].toLowerCase());
    if (tx === undefined) throw new Refusal(404, '1401', 'Transaction not found');
    return { status: 200, payload: bank.transactions.details(tx) };
}

function balances_get(bank) {
    const custody = units_to_json_number(bank.ledger.balance('MXNB', 'custody'));
    const pesos = bank.ledger.balance('MXN', 'mxn_balance') * UNITS_PER_CENTAVO;
    return {
        status: 200,
        payload: {
            balances: [
                { asset: bank.settings.asset_code, balance: custody },
                { asset: 'mxn', balance: units_to_json_number(pesos) },
            ],
        },
    };
}

// ---- CLABEs ----

function clabe_create(bank, request) {
    body_check(body_object(request, true), {});
    const extra = bank.clabes().filter((row) => row.type === 'AUTO_PAYMENT').length - 1;
    if (!bank.settings.multiple_user_clabes && extra >= 1) {
        throw new Refusal(400, 32002, 'Multiple User CLABEs not enabled');
    }
    const row = bank.clabe_create('AUTO_PAYMENT');
    return { status: 201, payload: { clabe: row.clabe, type: row.type } };
}

// ---- bank accounts ----

const BANK_FIELDS = {
    tag: [text_check(60), true],
    recipient_legal_name: [text_check(120), true],
    clabe: [bank_clabe_check, true],
    ownership: [word_check('COMPANY_OWNED', 'THIRD_PARTY'), true],
    currency: [word_check('MXN', 'mxn'), false],
};

function banks_list(bank) {
    const usable = bank.banks().filter((account) => bank.bank_usable(account));
    return { status: 200, payload: usable.map((account) => bank.bank_view(account)) };
}

function clabe_unused_check(bank, clabe, own_id) {
    const twin = bank.banks().find((account) => account.clabe === clabe && account.id !== own_id);
    if (twin !== undefined) refuse_32002('clabe', 'is registered already');
}

function bank_create(bank, request) {
    const body = body_object(request, false);
    body_check(body, BANK_FIELDS);
    clabe_unused_check(bank, body.clabe, null);
    const { currency, ...fields } = body;
    return { status: 200, payload: bank.bank_view(bank.bank_create(fields)) };
}

function bank_find(bank, id) {
    const account = bank.bank_get(id.toLowerCase());
    if (account === undefined) throw new Refusal(404, '1401', 'Bank account not found');
    return account;
}

// The CLABE may be sent along but not changed: a destination's account number is fixed once known.
function bank_update(bank, request) {
    const account = bank_find(bank, request.params[0]);
    const body = body_object(request, false);
    const same_clabe = (value) =>
        value === account.clabe ? null : 'cannot be changed; register another account';
    const optional = Object.fromEntries(
        Object.entries(BANK_FIELDS).map(([k, [c]]) => [k, [c, false]]),
    );
    body_check(body, { ...optional, clabe: [same_clabe, false] });
    const { currency, ...fields } = body;
    bank.bank_change(account, fields);
    return { status: 200, payload: bank.bank_view(account) };
}

function bank_delete(bank, request) {
    const account = bank_find(bank, request.params[0]);
    bank.bank_change(account, { deleted: true });
    return { status: 200, payload: bank.bank_view(account) };
}

// ---- blockchain accounts, webhooks ----

function wallets_list(bank) {
    return { status: 200, payload: bank.wallets() };
}

function wallet_create(bank, request) {
    const body = body_object(request, false);
    body_check(body, {
        tag: [text_check(60), true],
        network: [word_check('ARBITRUM'), true],
        address: [address_check, true],
    });
    const lower = body.address.toLowerCase();
    if (bank.wallets().some((wallet) => wallet.address.toLowerCase() === lower)) {
        refuse_32002('address', 'is registered already');
    }
    return { status: 200, payload: bank.wallet_create(body) };
}

function callback_check(value) {
    const fits =
        typeof value === 'string' && value.length <= 500 && /^https?:\/\/[^\s/]+/.test(value);
    return fits ? null : 'must be an http or https URL of at most 500 characters';
}

function events_check(value) {
    return Array.isArray(value) && value.length === 1 && value[0] === 'TRANSACTION'
        ? null
        : 'must be ["TRANSACTION"]';
}

// Unlike the rest of the API this answer has no envelope.
function webhook_create(bank, request) {
    const body = body_object(request, false);
    body_check(body, { callback_url: [callback_check, true], events: [events_check, true] });
    const webhook = bank.webhooks.register(body.callback_url);
    return { status: 200, bare: { message: 'Webhook successfully created', webhooks: [webhook] } };
}

const ID = '([0-9a-fA-F-]{36})';
const mint = (path) => new RegExp(`^/mint_platform/v1/${path}$`);

export const MINT_ROUTES = [
    ['POST', mint('clabes'), clabe_create],
    ['POST', mint('issuance'), issuance_create],
    ['POST', mint('redemptions'), redemption_create],
    ['POST', mint('withdrawals'), withdrawal_create],
    ['GET', mint('transactions'), transactions_list],
    ['GET', mint(`transactions/${ID}`), transaction_get],
    ['GET', mint('balances'), balances_get],
    ['GET', mint('accounts/banks'), banks_list],
    ['POST', mint('accounts/banks'), bank_create],
    ['PUT', mint(`accounts/banks/${ID}`), bank_update],
    ['DELETE', mint(`accounts/banks/${ID}`), bank_delete],
    ['GET', mint('accounts/blockchain'), wallets_list],
    ['POST', mint('accounts/blockchain'), wallet_create],
    ['POST', /^\/v4\/webhooks$/, webhook_create],
];
