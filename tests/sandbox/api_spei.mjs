// The /spei/v1 part of the public API: CLABEs and deposits. Pages are counted from 1.

import { MAX_CENTAVOS, centavos_parse } from './amount.mjs';
import {
    body_check,
    query_day,
    query_page,
    query_word,
    refuse_32002,
    text_check,
} from './checks.mjs';
import { clabe_problem } from './clabe.mjs';
import { Refusal, body_object } from './http.mjs';
import { time_zone_exists } from './settings.mjs';
import { timestamp_format } from './transactions.mjs';

const CLABE_TYPES = ['AUTO_PAYMENT', 'MAIN', 'INTERNATIONAL'];
const CLABE_STATUSES = ['ENABLED', 'DISABLED', 'BLOCKED'];
const DEPOSIT_STATUSES = ['COMPLETE', 'PENDING', 'FAILED'];

// Keeps the rows created on the days from start_date to end_date, both included, as a calendar in
// the server's (or the asked) time zone has them.
function days_filter(bank, query) {
    const start = query_day(query, 'start_date');
    const end = query_day(query, 'end_date');
    const zone = query.get('timezone') ?? bank.settings.server_time_zone;
    if (!time_zone_exists(zone)) throw new Refusal(400, '0304', 'timezone is not known');
    if (start === null && end === null) return () => true;
    const format = new Intl.DateTimeFormat('en-CA', {
        timeZone: zone,
        year: 'numeric',
        month: '2-digit',
        day: '2-digit',
    });
    return (row) => {
        const day = format.format(row.created_at);
        return (start === null || day >= start) && (end === null || day <= end);
    };
}

// Newest first, as the documented SPEI listings are.
function page_answer(rows, query, view) {
    const { page, size } = query_page(query, {
        page_name: 'page',
        size_name: 'page_size',
        first: 1,
        size: 25,
    });
    const newest_first = rows.reverse();
    return {
        response: newest_first.slice((page - 1) * size, page * size).map(view),
        page,
        page_size: size,
        total_items: rows.length,
        total_pages: Math.ceil(rows.length / size),
    };
}

function clabes_list(bank, { query }) {
    const type = query_word(query, 'clabe_type', CLABE_TYPES);
    const status = query_word(query, 'status', CLABE_STATUSES);
    const in_days = days_filter(bank, query);
    const rows = bank
        .clabes()
        .filter(
            (row) =>
                (type === null || row.type === type) &&
                (status === null || row.status === status) &&
                in_days(row),
        );
    return { status: 200, payload: page_answer(rows, query, (row) => bank.clabe_view(row)) };
}

function clabe_get(bank, { params }) {
    const row = bank.clabe_get(params[0]);
    if (row === undefined) throw new Refusal(404, '1401', 'CLABE not found');
    return { status: 200, payload: bank.clabe_view(row) };
}

function deposits_list(bank, { query }) {
    const type = query_word(query, 'clabe_type', CLABE_TYPES);
    const status = query_word(query, 'deposit_status', DEPOSIT_STATUSES);
    const refunds = query_word(query, 'only_refunds', ['TRUE', 'FALSE']) === 'TRUE';
    const receiver = query.get('receiver_clabe');
    const sender = query.get('sender_clabe');
    const in_days = days_filter(bank, query);
    const rows = bank
        .deposits()
        .filter(
            (row) =>
                (type === null || bank.clabe_get(row.receiver_clabe).type === type) &&
                (status === null || row.status.toUpperCase() === status) &&
                (!refunds || row.refunded_withdrawal !== null) &&
                (receiver === null || row.receiver_clabe === receiver) &&
                (sender === null || row.sender_clabe === sender) &&
                in_days(row),
        );
    return { status: 200, payload: page_answer(rows, query, (row) => bank.deposit_view(row)) };
}

// The stage-only mock deposit. The names must be the account's own registered business name.
function deposit_test(bank, request) {
    const body = body_object(request, false);
    const own_name = (value) =>
        body.skip_validation === true || value === bank.settings.business_name
            ? text_check(120)(value)
            : 'must be the registered business name of the account';
    const receiver = (value) =>
        bank.clabe_get(value) === undefined ? 'is not a CLABE of this account' : null;
    body_check(body, {
        amount: [(value) => (typeof value === 'string' ? null : 'must be a string'), true],
        receiver_clabe: [receiver, true],
        receiver_name: [own_name, true],
        sender_name: [own_name, true],
        sender_clabe: [clabe_problem, false],
        skip_validation: [
            (value) => (typeof value === 'boolean' ? null : 'must be true or false'),
            false,
        ],
    });
    const centavos = centavos_parse(body.amount);
    if (centavos === null || centavos === 0n || centavos > MAX_CENTAVOS) {
        refuse_32002('amount', 'must be a positive decimal with at most 2 decimals');
    }
    const row = bank.deposit_start(centavos, body);
    return {
        status: 200,
        payload: { tracking_code: row.clave_rastreo, created_at: timestamp_format(row.created_at) },
    };
}

export const SPEI_ROUTES = [
    ['GET', /^\/spei\/v1\/clabes\/?$/, clabes_list],
    ['GET', /^\/spei\/v1\/clabes\/([0-9]{1,30})$/, clabe_get],
    ['GET', /^\/spei\/v1\/deposits\/?$/, deposits_list],
    ['POST', /^\/spei\/test\/deposits$/, deposit_test],
];
