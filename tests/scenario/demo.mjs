// ./dev demo: twenty-four custody payments on real parts, from peso deposit to peso payouts, with the
// daemon killed twice on the way. The closing line is counted from answers of the daemon, of the chain and
// of the bank's own books; anything that does not add up makes the status non-zero.

import { rmSync } from 'node:fs';
import path from 'node:path';

import { Env, ENV_STEPS, Ground, GROUND_STEPS, home_take, leftovers_stop, ROOT } from '../support/env.mjs';
import { wait_for } from '../support/process.mjs';
import { failure_print, Steps } from '../support/steps.mjs';
import { centavos_of, pesos_of, rows_of, Story } from './story.mjs';

const HOME = home_take(path.join(ROOT, '.dev/demo'));
const CUSTODY_S = 7 * 24 * 3600;
const TOGETHER = 20;
const PAYMENTS = 4 + TOGETHER;
const SETTLE_MS = 180_000;
const CREATE_TXS_MAX = 5;            // of twenty escrows created together

const WORDS = {
    payment_created: 'the payment was agreed',
    deposit_received: 'the buyer\'s pesos arrived by SPEI',
    deposit_unassigned: 'a deposit arrived that matches no single payment',
    mxnb_issued: 'Juno issued MXNB for them',
    redemption_initiated: 'a payout was ordered',
    redemption_success: 'Juno redeemed the MXNB',
    payout_completed: 'pesos reached the bank account',
    commission_paid: 'a commission was paid',
    commission_accumulated: 'a commission was set aside until it reaches Juno\'s least amount',
    withdrawal_initiated: 'the custody share left Juno for the bridge wallet',
    bridge_funded: 'the bridge wallet holds the custody share',
    escrow_created: 'the escrow was created and funded',
    dispute_raised: 'a dispute was raised',
    dispute_dismissed: 'the dispute was dismissed, custody goes on',
    dispute_resolved: 'the arbiter decided',
    escrow_released: 'the escrow was released',
    returned_to_juno: 'the MXNB went back to Juno',
    payment_completed: 'everything is paid',
    payment_expired: 'nobody paid in time',
    payment_cancelled: 'the payment was cancelled',
    payment_parked: 'a person has to look',
    payout_returned: 'the bank sent a payout back',
};

const say = (text = '') => console.log(text);
const title = (text) => say(`\n== ${text}`);

async function timeline_print(env, order) {
    const events = rows_of(await env.rpc('payment.timeline', { payment_id: order.payment_id }));
    say(`\npayment ${order.payment_id}: ${order.amount} MXN from ${order.payer} to ${order.seller}`);
    for (const event of events) {
        const amount = event.amount === undefined || event.amount === null ? '' : ` ${event.amount}`;
        const proofs = [
            event.juno_id ? `Juno ${event.juno_id}` : '',
            event.fid ? `deposit ${event.fid}` : '',
            event.tx_hash ? `tx ${event.tx_hash}` : '',
        ].filter((proof) => proof !== '').join(', ');
        const when = `${event.at ?? event.created_at ?? ''}`.slice(11, 19);
        const words = WORDS[event.type] ?? event.type;
        say(`  ${when}  ${words}${amount}${proofs === '' ? '' : `  [${proofs}]`}`);
    }
    return events;
}

async function daemon_kill_and_start(env, when) {
    await env.daemon_kill();
    say(`kill -9 of the daemon ${when}; starting it again`);
    await env.daemon_start();
}

async function custody_over(env) {
    await env.warp(CUSTODY_S + 60);
    say(`the chain's clock moves ${CUSTODY_S / 86400} days forward`);
}

async function story_released(env, story) {
    title('(a) 30 % at once, 70 % in custody, two commissions; released and paid; killed in the middle');
    const order = await story.create({
        payer: 'ana', seller: 'Taller Solis', buyer: 'Ana Ruiz', amount: '10000.00', immediate_bps: 3000,
        commissions: [['Plataforma Uno', 150], ['Agente Dos', 120]], custody_seconds: CUSTODY_S,
    });
    story.expect(order, 'released');
    await story.pay(order);
    await story.reach(order, ['bridging', 'funding', 'in_custody']);
    await daemon_kill_and_start(env, `while the payment was ${await story.state(order)}`);
    await story.reach(order, 'in_custody');
    await custody_over(env);
    await story.reach(order, 'completed');
    await timeline_print(env, order);
    return [order];
}

async function story_reverted(env, story) {
    title('(b) a dispute is approved: the buyer gets his money back');
    const order = await story.create({
        payer: 'bruno', seller: 'Taller Solis', buyer: 'Bruno Gil', amount: '2500.50', custody_seconds: CUSTODY_S,
    });
    story.expect(order, 'reverted');
    await story.pay(order);
    await story.reach(order, 'in_custody');
    await story.dispute(order, 'buyer', 'nothing was delivered');
    await story.reach(order, 'disputed');
    await story.resolve(order, 'approved', 'the seller could show no delivery');
    await story.reach(order, 'completed');
    await timeline_print(env, order);
    return [order];
}

async function story_dismissed(env, story) {
    title('(c) a dispute is dismissed: custody goes on, then the seller is paid');
    const order = await story.create({
        payer: 'carla', seller: 'Taller Solis', buyer: 'Carla Paz', amount: '4000.00',
        commissions: [['Plataforma Uno', 300]], custody_seconds: CUSTODY_S,
    });
    story.expect(order, 'released');
    await story.pay(order);
    await story.reach(order, 'in_custody');
    await story.dispute(order, 'buyer', 'it came late');
    await story.reach(order, 'disputed');
    await story.resolve(order, 'dismissed', 'it came within the agreed time');
    await story.reach(order, 'in_custody');
    await custody_over(env);
    await story.reach(order, 'completed');
    await timeline_print(env, order);
    return [order];
}

async function story_split(env, story) {
    title('(d) a dispute is split between buyer and seller');
    const order = await story.create({
        payer: 'diego', seller: 'Taller Solis', buyer: 'Diego Mar', amount: '8000.00', immediate_bps: 1000,
        commissions: [['Plataforma Uno', 450]], custody_seconds: CUSTODY_S,
    });
    story.expect(order, 'split', '2400.00');
    await story.pay(order);
    await story.reach(order, 'in_custody');
    await story.dispute(order, 'seller', 'the buyer wants a part back');
    await story.reach(order, 'disputed');
    await story.resolve(order, 'split', 'a third of the goods were damaged', '2400.00');
    await story.reach(order, 'completed');
    await timeline_print(env, order);
    return [order];
}

async function story_together(env, story) {
    title(`(e) ${TOGETHER} payments together, in few transactions; killed in the middle`);
    const payers = Array.from({ length: TOGETHER }, (_unused, at) => `user-${at + 1}`);
    await Promise.all(payers.map((payer) => story.payer(payer)));
    const orders = await Promise.all(payers.map((payer, at) => story.create({
        payer, seller: 'Taller Solis', buyer: 'Ana Ruiz', amount: pesos_of(150000n + BigInt(at) * 1001n),
        immediate_bps: at % 2 === 0 ? 2000 : 0, custody_seconds: CUSTODY_S,
    })));
    orders.forEach((order) => story.expect(order, 'released'));
    await Promise.all(orders.map((order) => story.pay(order)));
    await wait_for(async () => {
        const states = await Promise.all(orders.map((order) => story.state(order)));
        return states.filter((state) => state === 'in_custody' || state === 'funding').length >= TOGETHER / 2;
    }, SETTLE_MS, 'half of the payments being funded');
    await daemon_kill_and_start(env, 'while the escrows were being created');
    await Promise.all(orders.map((order) => story.reach(order, 'in_custody', SETTLE_MS)));
    await custody_over(env);
    await Promise.all(orders.map((order) => story.reach(order, 'completed', SETTLE_MS)));
    const timelines = [];
    for (const order of orders) {
        timelines.push(rows_of(await env.rpc('payment.timeline', { payment_id: order.payment_id })));
    }
    await timeline_print(env, orders[0]);
    const hashes = (type) => new Set(timelines.flat().filter((e) => e.type === type).map((e) => e.tx_hash));
    const created = hashes('escrow_created').size;
    const released = hashes('escrow_released').size;
    say(`\n${TOGETHER} escrows: created in ${created} transactions, released in ${released}`);
    if (created > CREATE_TXS_MAX || released > CREATE_TXS_MAX) {
        throw new Error(`batching failed: more than ${CREATE_TXS_MAX} transactions for ${TOGETHER} escrows`);
    }
    return orders;
}

function table_print(rows) {
    if (rows.length === 0) {
        say('  (empty)');
        return;
    }
    const keys = Object.keys(rows[0]);
    const text = (value) => (value === null || value === undefined ? '-'
        : typeof value === 'object' ? JSON.stringify(value) : `${value}`);
    const widths = keys.map((key) => Math.max(key.length, ...rows.map((row) => text(row[key]).length)));
    const line = (cells) => say(`  ${cells.map((cell, at) => cell.padEnd(widths[at])).join('  ').trimEnd()}`);
    line(keys);
    rows.forEach((row) => line(keys.map((key) => text(row[key]))));
}

/** Everything there is to ask; gives the differences in words. */
async function accounts_close(env, story) {
    const differences = [];
    title('trial balance');
    const balance = await env.rpc('ledger.trial_balance');
    table_print(rows_of(balance));
    if (balance.balanced !== true) {
        differences.push('the trial balance does not balance');
    }
    title('three-way check: ledger = chain = Juno');
    const recon = await env.rpc('recon.run');
    table_print(Object.entries(recon.accounts).map(([account, row]) => ({ account, ...row })));
    differences.push(...recon.differences.map((d) => `three-way check: ${JSON.stringify(d)}`));
    title('audit.verify over everything');
    const audit = await env.rpc('audit.verify', { all: true });
    say(`  ${audit.checked} facts checked against the chain at finality ${audit.finality}: ${
        Object.entries(audit.looked_at).map(([what, n]) => `${n} ${what}`).join(', ')}`);
    differences.push(...audit.differences.map((d) => `audit: ${JSON.stringify(d)}`));
    if (audit.truncated || audit.differences_count !== audit.differences.length || audit.checked === 0) {
        differences.push(`audit: incomplete, ${audit.differences_count} differences in ${audit.checked} facts`);
    }
    title('the bank\'s own books');
    const { pesos } = await env.books();
    say(`  pesos in ${pesos.in_total}, pesos out ${pesos.out_total}, held ${pesos.held.total}`);
    if (centavos_of(pesos.in_total) !== centavos_of(pesos.out_total) + centavos_of(pesos.held.total)) {
        differences.push('pesos in differ from pesos out plus held');
    }
    differences.push(...await story.differences());
    differences.push(...env.broken_lines().map((line) => `the daemon's log: ${line}`));
    return differences;
}

async function stories_run(env) {
    const story = new Story(env);
    title('people and bank accounts');
    await story.beneficiaries(['Taller Solis', 'Ana Ruiz', 'Bruno Gil', 'Carla Paz', 'Diego Mar',
        'Plataforma Uno', 'Agente Dos']);
    await Promise.all(['ana', 'bruno', 'carla', 'diego'].map((payer) => story.payer(payer)));
    say(`${Object.keys(story.people).length} bank accounts, ${Object.keys(story.payers).length} deposit CLABEs`);
    const orders = [];
    for (const tell of [story_released, story_reverted, story_dismissed, story_split, story_together]) {
        orders.push(...await tell(env, story));
    }
    const states = await Promise.all(orders.map((order) => story.state(order)));
    const settled = states.filter((state) => state === 'completed').length;
    const differences = await accounts_close(env, story);
    differences.forEach((difference) => say(`DIFFERENCE ${difference}`));
    say(`\ndemo: ${settled} payments settled, ${differences.length} differences`);
    return settled === PAYMENTS && differences.length === 0;
}

async function main() {
    await leftovers_stop(HOME);
    rmSync(path.join(HOME, 'log'), { recursive: true, force: true });
    const steps = Steps.continued(GROUND_STEPS + ENV_STEPS);
    const ground = new Ground(HOME);
    const env = new Env(ground, { home: HOME });
    const clean = async () => {
        await env.stop();
        await ground.stop();
    };
    for (const signal of ['SIGINT', 'SIGTERM']) {
        process.once(signal, () => clean().finally(() => process.exit(130)));
    }
    try {
        await ground.start(steps);
        await env.start(steps);
        process.exitCode = await stories_run(env) ? 0 : 1;
    } catch (error) {
        error.log ??= env.daemon_log;
        error.hint ??= `logs are below ${path.join(HOME, 'log')}`;
        failure_print(error);
        process.exitCode = 1;
    } finally {
        await clean();
    }
}

await main();
