// The public API: every request passes faults, credentials, rate limit, route, in this order, and
// the work of a route is committed before its answer is known to anyone.

import { SPEI_ROUTES } from './api_spei.mjs';
import { MINT_ROUTES } from './api_mint.mjs';
import { Refusal } from './http.mjs';

const ROUTES = [...SPEI_ROUTES, ...MINT_ROUTES];
const MINUTE_MS = 60_000;

// One-minute windows; past the limit the client is locked out for a whole minute.
class RateLimit {
    constructor(clock, settings) {
        this.clock = clock;
        this.settings = settings;
        this.window_start = 0;
        this.count = 0;
        this.locked_until = 0;
    }

    exceeded() {
        const limit = this.settings.rate_limit_per_minute;
        const now = this.clock.now();
        if (limit === 0) return false;
        if (now < this.locked_until) return true;
        if (now - this.window_start >= MINUTE_MS) {
            this.window_start = now;
            this.count = 0;
        }
        if (++this.count <= limit) return false;
        this.locked_until = now + MINUTE_MS;
        return true;
    }
}

function rate_limit_answer(status) {
    return new Refusal(status, '0801', 'Request rate limit exceeded; wait one minute').answer();
}

function fault_answer(rule) {
    const status = rule.status ?? 500;
    if (rule.html === true) {
        return { status, html: `<html><body><h1>${status} Bad Gateway</h1></body></html>` };
    }
    return new Refusal(status, rule.code ?? '0101', 'Unknown error').answer();
}

function route_run(bank, request) {
    let path_known = false;
    for (const [method, pattern, handler] of ROUTES) {
        const match = pattern.exec(request.path);
        if (match === null) continue;
        path_known = true;
        if (method !== request.method) continue;
        const result = handler(bank, { ...request, params: match.slice(1) });
        return {
            status: result.status,
            json: result.bare ?? { success: true, payload: result.payload },
        };
    }
    if (path_known) throw new Refusal(405, '0304', `${request.method} is not allowed here`);
    throw new Refusal(404, '1401', `no such endpoint: ${request.method} ${request.path}`);
}

export class PublicApi {
    constructor({ bank, auth, faults, clock, settings, log }) {
        Object.assign(this, { bank, auth, faults, log });
        this.rate_limit = new RateLimit(clock, settings);
        this.settings = settings;
    }

    async handle(request) {
        const subject = { method: request.method, path: request.path };
        const rule = (kind) => this.faults.take([kind], subject);
        if (rule('rate_limit_429') !== null) return rate_limit_answer(429);
        if (rule('rate_limit_420') !== null) return rate_limit_answer(420);
        const delay = rule('delay');
        if (delay !== null) await new Promise((resolve) => setTimeout(resolve, delay.delay_ms));
        const error = rule('error_5xx');
        if (error !== null && (error.when ?? 'before') === 'before') return fault_answer(error);
        const lost = rule('lost_answer');
        const answer = this.#execute(request);
        this.log(`${request.method} ${request.path} ${answer.status}`);
        if (lost !== null) return { drop: true };
        return error !== null ? fault_answer(error) : answer;
    }

    #execute(request) {
        const denied = this.auth.check(
            request.headers.authorization,
            request.method,
            request.target,
            request.body,
        );
        if (denied !== null) return new Refusal(401, denied.code, denied.message).answer();
        if (this.rate_limit.exceeded()) return rate_limit_answer(this.settings.rate_limit_status);
        try {
            return route_run(this.bank, request);
        } catch (error) {
            if (!(error instanceof Refusal)) throw error;
            return error.answer();
        } finally {
            this.bank.store.commit();
        }
    }
}
