// Kill -9 at every named fault point, and the books must not know.
//
// The same four payments run once undisturbed and once for each fault point; there the daemon dies by
// SIGKILL at the point and is started again. Everything that counts is then compared with the undisturbed
// run: the ledger by account class, payments, legs and effects, the bank's books, the tokens on the chain.
// Ids, times, hashes and fees differ between runs and are left out; amounts, states and numbers are not.

import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

import { binary, Env, home_remove } from '../support/env.mjs';
import { sleep, wait_for } from '../support/process.mjs';
import { rows_of, Story } from './story.mjs';

const CUSTODY_S = 30 * 24 * 3600;
const SETTLE_MS = 60_000;
const WATCH_MS = 25;
const RESTARTS_MAX = 20;
const LATER_HITS = 4;              // a pair's first death comes at the 1st, 2nd ... time of its point

/**
 * Points that one run may pass only once: what comes from Juno at the same time is stored in one batch, so how
 * often depends on the moment. A pair that begins here has its first death at the first time.
 */
const BATCHED = ['observer_deposits_read', 'observer_before_deposit', 'observer_deposit_stored', 'observer_txn_stored',
    'observer_match_stored'];

const NAMES = ['Seller', 'Buyer', 'Platform', 'Agent'];

/** Every fault point the daemon was built with: [{ name, where }]. */
export async function fault_points() {
    const { stdout } = await promisify(execFile)(binary('relayerd'), ['--list-faults']);
    return stdout.split('\n').filter((line) => line !== '').map((line) => {
        const [name, where] = line.split('\t');
        return { name, where };
    });
}

/** Starts the daemon again whenever it is dead, until told to stop; counts the deaths. */
class Supervisor {
    constructor(env, faults) {
        this.env = env;
        this.faults = [...faults];
        this.deaths = [];
        this.running = true;
        this.done = this.loop().catch((error) => {
            this.error = error;
        });
    }

    async loop() {
        while (this.running) {
            if (!this.env.daemon_alive()) {
                if (this.env.daemon !== undefined) {
                    // The process is gone a moment before its parent hears how it ended.
                    this.deaths.push(await wait_for(() => this.env.daemon.exited() !== undefined
                        && `${this.env.daemon.exited()}`, SETTLE_MS, 'the daemon\'s end being known', 5));
                }
                if (this.deaths.length > RESTARTS_MAX || !this.running) {
                    return;
                }
                await this.env.daemon_start({ fault: this.faults.shift(), wait: false });
            }
            await sleep(WATCH_MS);
        }
    }

    async stop() {
        this.running = false;
        await this.done;
        if (this.error !== undefined) {
            throw this.error;
        }
    }
}

/** Four payments that end in the four ways there are. */
async function payments_run(env) {
    const story = new Story(env);
    await wait_for(() => env.rpc('system.status'), SETTLE_MS, 'the daemon answering');
    await story.beneficiaries(NAMES);
    const order = (payer, more) => ({
        payer, seller: 'Seller', buyer: 'Buyer', custody_seconds: CUSTODY_S, ...more,
    });
    const orders = {
        released: order('a', { amount: '10000.00', immediate_bps: 3000,
            commissions: [['Platform', 150], ['Agent', 120]] }),
        reverted: order('b', { amount: '2500.50' }),
        dismissed: order('c', { amount: '4000.00', commissions: [['Platform', 300]] }),
        split: order('d', { amount: '8000.00', immediate_bps: 1000 }),
    };
    await Promise.all(Object.values(orders).map((o) => story.payer(o.payer)));
    for (const name of Object.keys(orders)) {
        orders[name] = await story.create(orders[name]);
    }
    await Promise.all(Object.values(orders).map((o) => story.pay(o)));
    await Promise.all(Object.values(orders).map((o) => story.reach(o, 'in_custody', SETTLE_MS)));
    await disputes_run(story, orders);
    await env.warp(CUSTODY_S + 60);
    await Promise.all(Object.values(orders).map((o) => story.reach(o, 'completed', SETTLE_MS)));
    story.expect(orders.released, 'released');
    story.expect(orders.reverted, 'reverted');
    story.expect(orders.dismissed, 'released');
    story.expect(orders.split, 'split', '2400.00');
    return { story, orders };
}

async function disputes_run(story, { reverted, dismissed, split }) {
    for (const order of [reverted, dismissed, split]) {
        await story.dispute(order, 'buyer', 'something is wrong');
    }
    await Promise.all([reverted, dismissed, split].map((o) => story.reach(o, 'disputed', SETTLE_MS)));
    await story.resolve(reverted, 'approved', 'the buyer is right');
    await story.resolve(dismissed, 'dismissed', 'the seller is right');
    await story.resolve(split, 'split', 'both are right', '2400.00');
    await story.reach(reverted, 'completed', SETTLE_MS);
    await story.reach(dismissed, 'in_custody', SETTLE_MS);
    await story.reach(split, 'completed', SETTLE_MS);
}

/** The whole outcome of a run in words that do not depend on ids, times or hashes. */
async function outcome_read(env, { story, orders }) {
    const names = new Map(Object.entries(orders).map(([name, order]) => [order.payment_id, name]));
    const { pesos, tokens } = await env.books();
    const label = (rows) => rows.map((row) => JSON.stringify({ ...row,
        ...(row.payment_id ? { payment_id: names.get(row.payment_id) ?? 'another payment' } : {}) })).sort();
    return {
        ledger: label(await env.sql('SELECT a.class, b.layer, sum(b.amount)::text AS amount FROM balance b '
            + 'JOIN account a ON a.id = b.account_id GROUP BY 1, 2 HAVING sum(b.amount) <> 0')),
        entries: label(await env.sql('SELECT t.payment_id, a.class, e.layer, sum(e.amount)::text AS net, '
            + 'sum(abs(e.amount))::text AS moved FROM entry e JOIN account a ON a.id = e.account_id '
            + 'JOIN txn t ON t.id = e.txn_id GROUP BY 1, 2, 3')),
        payments: label(await env.sql('SELECT id AS payment_id, state, outcome, amount_centavos, '
            + 'immediate_centavos, custody_centavos, commission_centavos, buyer_centavos FROM payment')),
        legs: label(await env.sql('SELECT payment_id, n, role, state, amount_centavos FROM leg')),
        escrows: label(await env.sql('SELECT payment_id, state, amount_units, rounds FROM escrow')),
        effects: label(await env.sql('SELECT kind, state, count(*) AS n FROM effect '
            + 'WHERE kind <> \'token_approve\' GROUP BY 1, 2')),
        bank: { in_total: pesos.in_total, out_total: pesos.out_total, held: pesos.held, tokens },
        juno: (await juno_counts(env)),
        differences: await story.differences(),
        broken: env.broken_lines(),
    };
}

/**
 * How many transactions of each kind and end the bank has seen: one too many is a double payment. What comes
 * back from the chain is summed instead: the lane may put several returns into one transfer, as they happen
 * to wait together.
 */
async function juno_counts(env) {
    const response = await fetch(`${env.control_url}/transactions`);
    const counts = {};
    for (const { transaction_type, status, amount } of (await response.json()).transactions) {
        const key = `${transaction_type} ${status}`;
        // Whole centavos, so that the sum is exact.
        counts[key] = (counts[key] ?? 0) + (transaction_type === 'CRYPTO_DEPOSIT' ? Math.round(amount * 100) : 1);
    }
    return Object.entries(counts).map(([key, n]) => `${key}: ${n}`).sort();
}

/** Rows of either side that the other lacks, in words; equal rows are matched one to one. */
function differences_of(wanted, found) {
    const words = [];
    for (const key of Object.keys(wanted)) {
        const text = (value) => (typeof value === 'string' ? value : JSON.stringify(value));
        const right = [found[key]].flat().map(text);
        for (const row of [wanted[key]].flat().map(text)) {
            const at = right.indexOf(row);
            if (at < 0) {
                words.push(`${key}: missing ${row}`);
            } else {
                right.splice(at, 1);
            }
        }
        words.push(...right.map((row) => `${key}: too much ${row}`));
    }
    return words;
}

let runs = 0;

/** One run with the daemon dying at the given fault points in turn. Gives { outcome, deaths }. */
async function run_once(ground, faults) {
    runs += 1;
    const serial = `${process.pid}_${runs}`;
    const env = new Env(ground, {
        home: path.join(ground.home, `kill-${runs}`), database: `kill_${serial}`,
    });
    let supervisor;
    let good = false;
    try {
        await env.prepare();
        supervisor = new Supervisor(env, faults);
        const ran = await payments_run(env);
        await settled_wait(env);
        const outcome = await outcome_read(env, ran);
        await supervisor.stop();
        good = true;
        return { outcome, deaths: supervisor.deaths };
    } catch (error) {
        error.message += ` (deaths: ${supervisor?.deaths.join(', ') || 'none'}; logs below ${env.home})`;
        throw error;
    } finally {
        await supervisor?.stop().catch(() => {});
        await env.stop();
        await ground.cluster.database_drop(env.database);
        if (good) {
            home_remove(env.home);
        }
    }
}

/** Completed payments may leave a posting or a reading for the next turn of the daemon: wait for quiet. */
async function settled_wait(env) {
    await wait_for(async () => {
        const [row] = await env.sql('SELECT count(*) AS n FROM effect '
            + 'WHERE state NOT IN (\'confirmed\', \'rejected\')');
        return Number(row.n) === 0 && (await env.books()).open_transactions.length === 0;
    }, SETTLE_MS, 'every effect being settled');
    rows_of(await env.rpc('ledger.trial_balance'));
}

/**
 * Scenarios for run.mjs: one for each fault point, one for each chosen pair (death at the first point, and
 * at the second one during recovery). The undisturbed outcome is made once, on whichever ground is first.
 */
export async function kill_scenarios({ pairs = 0 } = {}) {
    const points = await fault_points();
    let reference;
    const compare = async (ground, faults) => {
        reference ??= run_once(ground, []);
        const undisturbed = await reference;
        if (undisturbed.outcome.differences.length > 0 || undisturbed.outcome.broken.length > 0) {
            throw new Error(`the undisturbed run is wrong itself: ${undisturbed.outcome.differences
                .concat(undisturbed.outcome.broken).join('; ')}`);
        }
        const disturbed = await run_once(ground, faults);
        const killed = disturbed.deaths.filter((end) => end === 'SIGKILL').length;
        if (killed < disturbed.deaths.length) {
            throw new Error(`the daemon ended by itself: ${disturbed.deaths.join(', ')}`);
        }
        if (killed === 0) {
            throw new Error('the daemon was never killed: the four payments did not pass this point');
        }
        const words = differences_of(undisturbed.outcome, disturbed.outcome);
        if (words.length > 0) {
            throw new Error(`the outcome differs from the undisturbed run:\n    ${words.join('\n    ')}`);
        }
    };
    const singles = points.map(({ name, where }) => ({
        name: `kill -9 at ${name} (${where})`, run: (ground) => compare(ground, [name]),
    }));
    const doubles = Array.from({ length: Math.min(pairs, points.length ** 2) }, (_unused, at) => {
        // A stride that shares no factor with the number of pairs visits them all, evenly spread.
        const pick = (at * 7919) % (points.length ** 2);
        const [first, second] = [points[pick % points.length].name, points[Math.floor(pick / points.length)].name];
        const faults = [`${first}:${BATCHED.includes(first) ? 1 : 1 + (at % LATER_HITS)}`, second];
        return { name: `kill -9 at ${faults[0]}, then at ${second}`, run: (ground) => compare(ground, faults) };
    });
    return [...singles, ...doubles];
}
