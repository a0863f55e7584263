// The payments of a soak: made all the time, at a steady rate, each of a kind that the dice choose; every one of
// them must end as its order says. Amounts differ, so that no deposit can stand in for another.

import { sleep } from '../support/process.mjs';
import { pesos_of } from '../scenario/story.mjs';

const PAYERS = 40;
const OPEN_MAX = 120;                // more than these at once would only measure the sandbox
const RATE_PER_S = 3;
const LOOK_MS = 1000;
const FIRST_CENTAVOS = 250_000;
const STEP_CENTAVOS = 100;           // so that shares need no rounding
const CUSTODY_S = 5;
const DISPUTED_CUSTODY_S = 3600;
const KINDS = { disputed: 0.1, shared: 0.2 };   // the rest: one leg, released
const ENDS = ['completed', 'expired', 'cancelled', 'parked'];

export class Load {
    constructor(env, story, dice) {
        Object.assign(this, { env, story, dice });
        this.open = new Map();       // payment id -> order
        this.made = 0;
        this.settled = 0;
        this.kinds = {};
        this.wrong = [];
    }

    async people() {
        await this.story.beneficiaries(['Seller', 'Buyer', 'Platform']);
        for (let at = 0; at < PAYERS; at += 1) {
            await this.story.payer(`payer-${at}`);
        }
    }

    #order() {
        const kind = this.dice.choose('payment', KINDS) ?? 'released';
        const at = this.made;
        this.made += 1;
        this.kinds[kind] = (this.kinds[kind] ?? 0) + 1;
        return {
            kind, payer: `payer-${at % PAYERS}`, seller: 'Seller', buyer: 'Buyer',
            amount: pesos_of(BigInt(FIRST_CENTAVOS + at * STEP_CENTAVOS)),
            custody_seconds: kind === 'disputed' ? DISPUTED_CUSTODY_S : CUSTODY_S,
            ...(kind === 'shared' ? { immediate_bps: 2000, commissions: [['Platform', 1000]] } : {}),
        };
    }

    async #make() {
        const order = await this.story.create(this.#order());
        this.open.set(order.payment_id, order);
        this.story.expect(order, order.kind === 'disputed' ? 'reverted' : 'released');
        await this.story.pay(order);
    }

    /** One look at all that are open: a dispute is raised and resolved where one belongs, ends are counted. */
    async look() {
        const states = new Map((await this.env.sql("SELECT id, state FROM payment WHERE state <> 'completed'"))
            .map(({ id, state }) => [id, state]));
        for (const [id, order] of this.open) {
            const state = states.get(id) ?? 'completed';
            if (ENDS.includes(state)) {
                this.open.delete(id);
                this.settled += Number(state === 'completed');
                if (state !== 'completed') {
                    this.wrong.push(`payment ${id} ended as ${state}`);
                }
            } else if (order.kind === 'disputed' && state === 'in_custody' && !order.raised) {
                order.raised = true;
                await this.story.dispute(order, 'buyer', 'nothing came');
            } else if (order.kind === 'disputed' && state === 'disputed' && !order.resolved) {
                order.resolved = true;
                await this.story.resolve(order, 'approved', 'nothing came indeed');
            }
        }
    }

    /** Makes payments until the time is over. */
    async run(until_ms) {
        const begun = Date.now();
        let looked = 0;
        while (Date.now() < until_ms) {
            const wanted = ((Date.now() - begun) / 1000) * RATE_PER_S;
            if (this.made < wanted && this.open.size < OPEN_MAX) {
                await this.#make();
            } else {
                await sleep(20);
            }
            if (Date.now() - looked >= LOOK_MS) {
                looked = Date.now();
                await this.look();
            }
        }
    }

    /** Waits until nothing is open any more; what is open after this time is stuck. */
    async settle(patience_ms) {
        const deadline = Date.now() + patience_ms;
        while (this.open.size > 0 && Date.now() < deadline) {
            await sleep(LOOK_MS);
            await this.look();
        }
    }
}
