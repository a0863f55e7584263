// Faults on demand: rules a test installs through the control port. A rule says what goes wrong
// (kind), where (method and path of a request, or type of a transaction), and how often (the next
// `count` matches, or each match with `probability`). The dice are seeded, so a run can be
// repeated.

const HTTP_KINDS = ['lost_answer', 'error_5xx', 'rate_limit_429', 'rate_limit_420', 'delay'];
const WEBHOOK_KINDS = ['duplicate_webhook', 'out_of_order'];
const TRANSACTION_KINDS = ['transaction_failed'];
export const FAULT_KINDS = [...HTTP_KINDS, ...WEBHOOK_KINDS, ...TRANSACTION_KINDS];

const FIELDS = {
    kind: (v) => FAULT_KINDS.includes(v) || `must be one of ${FAULT_KINDS.join(', ')}`,
    method: (v) => typeof v === 'string' || 'must be a string such as "POST"',
    path: (v) => typeof v === 'string' || 'must be a path; a final * matches any rest',
    type: (v) => typeof v === 'string' || 'must be a transaction type such as "REDEMPTION"',
    count: (v) => (Number.isSafeInteger(v) && v > 0) || 'must be a whole number above 0',
    probability: (v) => (typeof v === 'number' && v > 0 && v <= 1) || 'must be in (0, 1]',
    when: (v) => v === 'before' || v === 'after' || 'must be "before" or "after" (execution)',
    status: (v) => (Number.isInteger(v) && v >= 400 && v < 600) || 'must be 400 to 599',
    code: (v) => typeof v === 'string' || Number.isInteger(v) || 'must be a string or a number',
    html: (v) => typeof v === 'boolean' || 'must be true or false',
    delay_ms: (v) => (Number.isSafeInteger(v) && v > 0 && v <= 600_000) || 'must be 1 to 600000',
};

// mulberry32: 32 bits of state, enough to throw the same dice twice.
function dice_make(seed) {
    let state = seed >>> 0;
    return () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let t = Math.imul(state ^ (state >>> 15), state | 1);
        t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
}

function path_matches(pattern, path) {
    if (pattern.endsWith('*')) return path.startsWith(pattern.slice(0, -1));
    return pattern === path;
}

export class Faults {
    constructor(seed) {
        this.seed = seed;
        this.reset();
    }

    reset() {
        this.dice = dice_make(this.seed);
        this.rules = [];
        this.next_id = 1;
    }

    // Returns {rule} or {problem}.
    add(input) {
        if (input === null || typeof input !== 'object') return { problem: 'must be an object' };
        for (const [name, value] of Object.entries(input)) {
            if (FIELDS[name] === undefined) return { problem: `unknown field "${name}"` };
            const verdict = FIELDS[name](value);
            if (verdict !== true) return { problem: `${name} ${verdict}` };
        }
        if (input.kind === undefined) return { problem: 'kind is missing' };
        if (input.count !== undefined && input.probability !== undefined) {
            return { problem: 'give count or probability, not both' };
        }
        if (input.kind === 'delay' && input.delay_ms === undefined) {
            return { problem: 'delay_ms is missing' };
        }
        const rule = { id: this.next_id++, fired: 0, ...input };
        if (rule.count === undefined && rule.probability === undefined) rule.count = 1;
        this.rules.push(rule);
        return { rule };
    }

    list() {
        return this.rules;
    }

    // Uses up and returns the first rule of one of these kinds that matches, or null.
    // subject: {method, path, type}, whichever apply.
    take(kinds, subject) {
        for (const rule of this.rules) {
            if (!kinds.includes(rule.kind) || !this.#matches(rule, subject)) continue;
            if (rule.count !== undefined) {
                if (rule.count === 0) continue;
                rule.count--;
            } else if (this.dice() >= rule.probability) {
                continue;
            }
            rule.fired++;
            return rule;
        }
        return null;
    }

    #matches(rule, subject) {
        if (rule.method !== undefined && rule.method !== subject.method) return false;
        if (rule.type !== undefined && rule.type !== subject.type) return false;
        return rule.path === undefined || path_matches(rule.path, subject.path ?? '');
    }
}
