// Every behaviour the public sources disagree about, or that a test wants to turn, with its
// default. Set with --set name=value at start or POST /settings on the control port.

import { centavos_parse } from './amount.mjs';

const one_of = (...values) => ({
    parse: (v) => values.find((known) => String(known) === String(v)),
    hint: values.join(' or '),
});
const flag = {
    parse: (v) =>
        v === true || v === 'true' ? true : v === false || v === 'false' ? false : undefined,
    hint: 'true or false',
};
const whole = (least, most) => ({
    parse: (v) => {
        const n = typeof v === 'string' && /^[0-9]{1,12}$/.test(v) ? Number(v) : v;
        return Number.isSafeInteger(n) && n >= least && n <= most ? n : undefined;
    },
    hint: `a whole number from ${least} to ${most}`,
});
const text = {
    parse: (v) => (typeof v === 'string' && v.length > 0 && v.length <= 120 ? v : undefined),
    hint: 'a text of 1 to 120 characters',
};
const pesos = {
    parse: (v) => (typeof v === 'string' && centavos_parse(v) !== null ? v : undefined),
    hint: 'pesos as a decimal text, such as "100.00"',
};
const delay = whole(0, 86_400_000);

// name: [type, default, default with --fast]
const TABLE = {
    amount_type: [one_of('both', 'string', 'number'), 'both'],
    issuance_link: [flag, true],
    redemption_evidence: [flag, true],
    creation_status: [one_of('IN_PROGRESS', 'PENDING'), 'IN_PROGRESS'],
    idempotency_conflict: [one_of('original', 'error'), 'original'],
    idempotency_retention_ms: [whole(0, 999_999_999_999), 0],
    multiple_user_clabes: [flag, true],
    asset_code: [text, 'mxnb'],
    business_name: [text, 'Sandbox Custodia SA de CV'],
    server_time_zone: [text, 'America/Mexico_City'],
    minimum_mxn: [pesos, '100.00'],
    travel_rule_threshold_mxn: [pesos, '21500.00'],
    returned_status: [one_of('FAILED', 'COMPLETE'), 'FAILED'],
    returned_credit: [one_of('mxn', 'mxnb'), 'mxn'],
    confirmations: [whole(1, 1000), 1],
    rate_limit_per_minute: [whole(0, 1_000_000), 300, 0],
    rate_limit_status: [one_of(420, 429), 420],
    webhook_retries: [whole(0, 10), 3],
    webhook_retry_ms: [delay, 1000, 50],
    deposit_ms: [delay, 1000, 20],
    issuance_start_ms: [delay, 2000, 20],
    pending_ms: [delay, 1000, 20],
    progress_ms: [delay, 2000, 20],
    payout_ms: [delay, 1000, 20],
    bank_propagation_ms: [delay, 5000, 50],
    chain_poll_ms: [whole(10, 60_000), 500, 50],
};

export class Settings {
    constructor(fast) {
        for (const [name, [, slow_value, fast_value]] of Object.entries(TABLE)) {
            this[name] = fast && fast_value !== undefined ? fast_value : slow_value;
        }
    }

    // null when set, else the problem in words; nothing changes then.
    set(name, value) {
        if (!Object.hasOwn(TABLE, name)) {
            return `unknown setting "${name}"; there are: ${Object.keys(TABLE).join(', ')}`;
        }
        const parsed = TABLE[name][0].parse(value);
        if (parsed === undefined) return `${name} must be ${TABLE[name][0].hint}`;
        if (name === 'server_time_zone' && !time_zone_exists(parsed)) {
            return `${name} must be a time zone such as UTC or America/Mexico_City`;
        }
        this[name] = parsed;
        return null;
    }
}

export function time_zone_exists(name) {
    try {
        new Intl.DateTimeFormat('en-CA', { timeZone: name });
        return true;
    } catch {
        return false;
    }
}
