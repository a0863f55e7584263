// A soak: real parts, payments made all the time, one request in a hundred to the node and to Juno going wrong.
// The seed decides which; how fast the machine is decides how many. In the end every payment has ended as
// ordered, the books of ledger, bank and chain agree, nothing waits for a person, and memory is flat.

import { http_json, rpc_call } from '../support/rpc.mjs';
import { sleep } from '../support/process.mjs';
import { Dice } from './dice.mjs';
import { Load } from './load.mjs';
import { NodeFaults } from './node_faults.mjs';
import { Watch } from './watch.mjs';

const SAMPLES_LEAST = 12;
const SAMPLE_MOST_MS = 5000;
const SETTLE_MS = 240_000;
const VERIFY_MS = 600_000;           // it asks the node again about every row
const LOCKOUT_FROM_S = 300;          // a rate limit of Juno silences us for a minute: in long soaks only
const JUNO_FAULTS = [
    { kind: 'lost_answer', probability: 0.003 },
    { kind: 'error_5xx', when: 'before', status: 503, html: true, probability: 0.003 },
    { kind: 'error_5xx', when: 'after', probability: 0.002 },
    { kind: 'delay', delay_ms: 300, probability: 0.002 },
    { kind: 'duplicate_webhook', probability: 0.01 },
    { kind: 'out_of_order', probability: 0.01 },
];

async function juno_faults_fired(env) {
    const { faults } = await http_json(`${env.control_url}/faults`);
    const fired = {};
    for (const fault of faults) {
        const name = fault.when === undefined ? fault.kind : `${fault.kind} ${fault.when}`;
        fired[name] = (fired[name] ?? 0) + fault.fired;
    }
    return fired;
}

async function count(env, from) {
    const [{ n }] = await env.sql(`SELECT count(*) AS n FROM ${from}`);
    return Number(n);
}

/** What is not as it must be once all has settled, in words. */
async function differences_find(env, story, load) {
    const found = [...load.wrong, ...await story.differences(), ...env.broken_lines()];
    for (const order of load.open.values()) {
        found.push(`payment ${order.payment_id} is stuck in ${await story.state(order)}`);
    }
    const { differences } = await env.rpc('recon.run');
    const verdict = await rpc_call(env.socket, 'audit.verify', { all: true }, VERIFY_MS);
    const { balanced } = await env.rpc('ledger.trial_balance');
    found.push(...[...differences, ...verdict.differences].map((difference) => JSON.stringify(difference)));
    if (balanced !== true) {
        found.push('the trial balance is not zero');
    }
    if (verdict.checked === 0) {
        found.push('audit.verify checked nothing');
    }
    for (const state of ['parked', 'unknown', 'sent', 'armed', 'planned']) {
        const n = await count(env, `effect WHERE state = '${state}'`);
        if (n > 0) {
            found.push(`${n} effects are left ${state}`);
        }
    }
    return { found, checked: verdict.checked };
}

/**
 * proxy: the NodeProxy that the daemon's chain.rpc_url names. say(line) tells how it goes.
 * Gives { settled, node, juno, figures, checked, differences }.
 */
export async function soak_run({ env, story, proxy }, { seconds, seed, say = () => {} }) {
    const dice = new Dice(seed);
    const load = new Load(env, story, dice);
    await load.people();
    const node = new NodeFaults(proxy, env.ground.node, dice);
    for (const fault of JUNO_FAULTS) {
        await env.faults(fault);
    }
    node.install();
    const watch = new Watch(env, Math.min(SAMPLE_MOST_MS, (seconds * 1000) / SAMPLES_LEAST));
    watch.start();
    const begun = Date.now();
    const lockout = seconds < LOCKOUT_FROM_S ? undefined
        : setTimeout(() => env.faults({ kind: 'rate_limit_429', count: 1 }).catch(() => {}), seconds * 100);
    const telling = setInterval(() => say(`${Math.round((Date.now() - begun) / 1000)} s: ${load.made} made,`
        + ` ${load.settled} settled`), 30_000);
    try {
        await load.run(begun + seconds * 1000);
    } finally {
        clearInterval(telling);
        clearTimeout(lockout);
        await watch.stop();
        node.remove();
    }
    const juno = await juno_faults_fired(env);
    await http_json(`${env.control_url}/reset-faults`, 'POST');
    say(`no more payments and faults; ${load.open.size} are open`);
    await load.settle(SETTLE_MS);
    await sleep(SAMPLE_MOST_MS);     // the last blocks become final
    const { found, checked } = await differences_find(env, story, load);
    return {
        settled: load.settled, made: load.made, kinds: load.kinds, node: node.counts, juno, checked,
        figures: Object.fromEntries(['rss', 'handles', 'database'].map((key) => [key, watch.figures(key)])),
        samples: watch.samples.length, tenths: watch.tenths('rss'), growth: watch.growth(), differences: found,
        alarms: await env.sql('SELECT code, count(*)::integer AS n FROM alarm GROUP BY code ORDER BY code'),
    };
}
