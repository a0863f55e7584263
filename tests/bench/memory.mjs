// What the daemon holds in memory (VmRSS): just started, and with many open payments in the database while some of
// them fall due all the time, twice, to see whether it grows. Prints one JSON object per line. Run by
// ./dev bench memory.

import { Story } from '../scenario/story.mjs';
import { sleep } from '../support/process.mjs';
import { crowd_add, crowd_open } from './parts/crowd.mjs';
import { daemon_pid, row_print, rss_mib, with_env } from './parts/measure.mjs';

const CROWD = Number(process.env.KUSTODIA_BENCH_CROWD ?? 100_000);
const RUN_S = Number(process.env.KUSTODIA_BENCH_SECONDS ?? 60);
const DUE_PER_S = 50;               // payments nobody paid, expiring all through the run
const SETTLE_S = 5;
const READINGS = 10;
const START_MIB_MOST = 24;
const CROWD_MIB_MOST = 64;
const GROWTH_MOST = 1.05;
const DUE = DUE_PER_S * RUN_S;

/** Readings over some seconds. */
async function rss_read(env, seconds) {
    const readings = [];
    for (let at = 0; at < READINGS; at += 1) {
        await sleep((seconds * 1000) / READINGS);
        readings.push(rss_mib(daemon_pid(env)));
    }
    return readings;
}

async function expired_count(env) {
    const [{ n }] = await env.sql("SELECT count(*) AS n FROM payment WHERE state = 'expired'");
    return n;
}

/** A daemon that has just started on what the database holds: its memory once it came to rest. */
async function start_read(env) {
    await env.daemon_stop();
    await env.daemon_start();
    await sleep(1000);
    return rss_read(env, SETTLE_S);
}

await with_env('memory', {}, async (env) => {
    row_print('memory.start', 'MiB', await rss_read(env, SETTLE_S), 'most', START_MIB_MOST);
    const story = new Story(env);
    await story.beneficiaries(['Seller', 'Buyer']);
    await crowd_add(env, story.people, { first: 1, last: CROWD / 10 });
    const small = await start_read(env);
    await env.daemon_stop();
    await crowd_add(env, story.people, { first: CROWD / 10 + 1, last: CROWD });
    // Every second one of these waits for its deposit and falls due, spread over the run.
    await crowd_add(env, story.people, {
        first: CROWD + 1, last: CROWD + 2 * DUE,
        expire: `now() + make_interval(secs => (i - ${CROWD}) * ${RUN_S}.0 / ${2 * DUE})`,
    });
    await env.daemon_start();
    const half_s = RUN_S / 2;
    await sleep((half_s - SETTLE_S) * 1000);
    const first = await rss_read(env, SETTLE_S);
    const expired_then = await expired_count(env);
    await sleep((half_s - SETTLE_S) * 1000);
    const second = await rss_read(env, SETTLE_S);
    const [open, expired] = [await crowd_open(env), await expired_count(env)];
    if (open < CROWD || expired <= expired_then || expired < DUE / 2) {
        throw new Error(`not what was to be measured: ${open} payments are open, ${expired_then}, then ${expired}`
            + ` of ${DUE} expired`);
    }
    const broken = env.broken_lines();
    if (broken.length > 0) {
        throw new Error(`the daemon says that something is broken: ${broken[0]}`);
    }
    row_print('memory.crowd', 'MiB', second, `most, with ${open} open payments after ${expired} fell due`,
        CROWD_MIB_MOST);
    const middle = [...first].sort((a, b) => a - b)[Math.floor(READINGS / 2)];
    row_print('memory.crowd_flat', 'MiB', second, `${half_s} s before (its ratio at most ${GROWTH_MOST})`, middle);
    const large = await start_read(env);
    row_print('memory.growth10', 'MiB', large, `just started on ${CROWD / 10} instead of ${CROWD}`,
        [...small].sort((a, b) => a - b)[Math.floor(READINGS / 2)]);
});
