// Content checks of request bodies. Each field has a check that returns null or the problem in
// words; everything found is reported together, as Juno's 32002 does.

import { getAddress } from 'ethers';
import { MAX_CENTAVOS, centavos_parse } from './amount.mjs';
import { NVIO_BANK, clabe_problem } from './clabe.mjs';
import { Refusal } from './http.mjs';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function refuse_32002(field, message) {
    throw new Refusal(400, 32002, 'Request validation failed', [{ field, message }]);
}

// spec: {name: [check, required]}. Unknown fields are refused.
export function body_check(body, spec) {
    const details = [];
    for (const [name, [check, required]] of Object.entries(spec)) {
        if (!Object.hasOwn(body, name)) {
            if (required) details.push({ field: name, message: 'is required' });
            continue;
        }
        const problem = check(body[name]);
        if (problem !== null) details.push({ field: name, message: problem });
    }
    for (const name of Object.keys(body)) {
        if (!Object.hasOwn(spec, name))
            details.push({ field: name, message: 'is not a known field' });
    }
    if (details.length > 0) throw new Refusal(400, 32002, 'Request validation failed', details);
}

export const text_check = (most) => (value) =>
    typeof value === 'string' && value.trim() !== '' && value.length <= most
        ? null
        : `must be a text of 1 to ${most} characters`;

export const word_check =
    (...words) =>
    (value) =>
        words.includes(value) ? null : `must be ${words.join(' or ')}`;

export const uuid_check = (value) =>
    typeof value === 'string' && UUID.test(value) ? null : 'must be a UUID';

export const nullable = (check) => (value) => (value === null ? null : check(value));

export function bank_clabe_check(value) {
    const problem = clabe_problem(value);
    if (problem !== null) return problem;
    return value.startsWith(NVIO_BANK) ? 'must not be managed by NVIO' : null;
}

export function address_check(value) {
    if (typeof value !== 'string' || !/^0x[0-9a-fA-F]{40}$/.test(value)) {
        return 'must be 0x and 40 hex digits';
    }
    try {
        getAddress(value);
        return null;
    } catch {
        return 'checksum of the address is wrong';
    }
}

// amount as the setting amount_type allows it, at least `minimum` centavos.
export function amount_check(amount_type, minimum) {
    return (value) => {
        const type = typeof value;
        const fits =
            type === amount_type ||
            (amount_type === 'both' && (type === 'string' || type === 'number'));
        if (!fits) return `must be a ${amount_type === 'both' ? 'string or number' : amount_type}`;
        const centavos = centavos_parse(String(value));
        if (centavos === null || centavos > MAX_CENTAVOS) {
            return 'must be a positive decimal with at most 2 decimals';
        }
        if (centavos < minimum) return 'is below the minimum';
        return null;
    };
}

const OBJECT_MEMBERS = {
    travel_rule: ['vasp', 'beneficiary'],
    vasp: ['did'],
    beneficiary: ['name', 'type'],
};

function object_problem(name, value) {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) {
        return `${name} must be an object`;
    }
    const extra = Object.keys(value).find((member) => !OBJECT_MEMBERS[name].includes(member));
    return extra === undefined ? null : `${name}.${extra} is not a known field`;
}

// Three shapes: {} (own self-custodial wallet), {vasp} (same owner), {vasp, beneficiary}.
function travel_rule_problem(rule) {
    const problem = object_problem('travel_rule', rule);
    if (problem !== null) return problem;
    if (rule.beneficiary !== undefined && rule.vasp === undefined) {
        return 'travel_rule.vasp is required with a beneficiary';
    }
    if (rule.vasp !== undefined) {
        const inner = object_problem('vasp', rule.vasp);
        if (inner !== null) return inner;
        if (text_check(200)(rule.vasp.did) !== null) return 'vasp.did must be a text';
    }
    if (rule.beneficiary === undefined) return null;
    const inner = object_problem('beneficiary', rule.beneficiary);
    if (inner !== null) return inner;
    if (text_check(200)(rule.beneficiary.name) !== null) return 'beneficiary.name must be a text';
    return ['NATURAL', 'LEGAL'].includes(rule.beneficiary.type)
        ? null
        : 'beneficiary.type must be NATURAL or LEGAL';
}

export function compliance_check(value) {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) {
        return 'must be an object, {} at least';
    }
    const extra = Object.keys(value).find((member) => member !== 'travel_rule');
    if (extra !== undefined) return `compliance.${extra} is not a known field`;
    return Object.hasOwn(value, 'travel_rule') ? travel_rule_problem(value.travel_rule) : null;
}

// ---- query strings ----

export function query_page(query, { page_name, size_name, first, size }) {
    const number = (name, fallback, least, most) => {
        const text = query.get(name);
        if (text === null) return fallback;
        if (!/^[0-9]{1,9}$/.test(text) || Number(text) < least || Number(text) > most) {
            throw new Refusal(
                400,
                '0319',
                `${name} must be a whole number from ${least} to ${most}`,
            );
        }
        return Number(text);
    };
    return {
        page: number(page_name, first, first, 999_999_999),
        size: number(size_name, size, 1, 100),
    };
}

export function query_word(query, name, words) {
    const text = query.get(name);
    if (text === null) return null;
    const word = text.toUpperCase();
    if (!words.includes(word)) {
        throw new Refusal(400, '0304', `${name} must be one of ${words.join(', ')}`);
    }
    return word;
}

export function query_day(query, name) {
    const text = query.get(name);
    if (text !== null && !/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(text)) {
        throw new Refusal(400, '0304', `${name} must be YYYY-MM-DD`);
    }
    return text;
}
