// What the observer must not lose: deposits beyond the first page of Juno's listing, whatever breaks the
// reading of it.

import { check, check_equal, with_env } from './bed.mjs';
import { centavos_of, pesos_of } from './story.mjs';

const DEPOSITS = 230;                // three pages of a listing
const PAGE = 100;
const STEP_MS = 60_000;
const LISTING = { kind: 'error_5xx', path: '/spei/v1/deposits', status: 503, html: true };

const count = async (env, table) => Number((await env.sql(`SELECT count(*) AS n FROM ${table}`))[0].n);
const stored_wait = (env, n, what) => env.wait_for(async () => await count(env, 'deposit') >= n, STEP_MS, what);

/** Pesos arrive while the daemon is dead; each amount is its own, so that nothing can stand in for another. */
async function deposits_while_dead(env, story) {
    await story.payer('ana');
    await env.daemon_kill();
    const sent = [];
    for (let i = 0; i < DEPOSITS; i += 1) {
        const amount = pesos_of(centavos_of('100.00') + BigInt(i));
        sent.push({ amount, fid: (await env.deposit(story.payers.ana, amount)).fid });
    }
    await env.wait_for(async () => (await env.books()).open_deposits.length === 0, STEP_MS, 'the deposits completing');
    return sent;
}

/** Every deposit once, with its own issuance, and the ledger agreeing with what the bank holds. */
async function all_known(env, sent) {
    await stored_wait(env, DEPOSITS, 'every deposit being stored');
    await env.wait_for(async () => await count(env, 'deposit WHERE issuance_id IS NOT NULL') === DEPOSITS,
        STEP_MS, 'every deposit finding its issuance');
    const rows = await env.sql('SELECT fid, amount_centavos::text AS centavos FROM deposit ORDER BY fid');
    const wanted = sent.map(({ fid, amount }) => ({ fid, centavos: `${centavos_of(amount)}` }))
        .sort((a, b) => (a.fid < b.fid ? -1 : 1));
    const by_fid = [...rows].sort((a, b) => (a.fid < b.fid ? -1 : 1));
    check_equal(by_fid, wanted, 'the deposits stored');
    const total = sent.reduce((sum, { amount }) => sum + centavos_of(amount), 0n) * 10000n;
    const [held] = await env.sql("SELECT sum(b.amount)::text AS units FROM balance b JOIN account a "
        + "ON a.id = b.account_id WHERE a.class = 'juno_mxnb' AND b.layer = 'posted'");
    check_equal(held.units, `${total}`, 'MXNB at Juno by the ledger');
    const { differences } = await env.rpc('recon.run');
    check_equal(differences, [], 'differences between ledger, chain and Juno');
    const mark = await env.wait_for(async () => (await env.sql(
        "SELECT value FROM counter WHERE name = 'observer:deposits'"))[0], STEP_MS, 'the mark of a whole walk');
    check(Number(mark.value) > 0, 'the mark was not moved');
}

async function killed_between_pages(ground) {
    await with_env(ground, 'observer-kill', async ({ env, story }) => {
        const sent = await deposits_while_dead(env, story);
        // Dies when the second page was read: the first is stored, nothing of the second is.
        await env.daemon_start({ fault: 'observer_deposits_read:2', wait: false });
        await env.wait_for(() => !env.daemon_alive(), STEP_MS, 'the daemon dying between two pages');
        check_equal(await count(env, 'deposit'), PAGE, 'deposits stored before the death');
        await env.daemon_start();
        await all_known(env, sent);
    });
}

async function refused_between_pages(ground) {
    await with_env(ground, 'observer-5xx', async ({ env, story }) => {
        const sent = await deposits_while_dead(env, story);
        // Every answer of the listing is thrown away now and then: walks break at any page.
        await env.faults({ ...LISTING, probability: 0.5 });
        await env.daemon_start();
        await all_known(env, sent);
    });
}

async function refused_after_one_page(ground) {
    await with_env(ground, 'observer-page', async ({ env, story }) => {
        const sent = await deposits_while_dead(env, story);
        await env.faults({ kind: 'delay', path: '/spei/v1/deposits', delay_ms: 700, count: 1000 });
        await env.daemon_start();
        await stored_wait(env, PAGE, 'the first page being stored');
        check_equal(await count(env, 'deposit'), PAGE, 'deposits stored before Juno fails');
        await env.faults({ ...LISTING, count: 3 });
        await new Promise((resolve) => { setTimeout(resolve, 3000); });
        await all_known(env, sent);
    });
}

export const scenarios = [
    { name: 'observer: kill -9 between two pages loses no deposit', run: killed_between_pages },
    { name: 'observer: a listing that fails half of the time loses no deposit', run: refused_between_pages },
    { name: 'observer: a 5xx after the first page loses no deposit', run: refused_after_one_page },
];
