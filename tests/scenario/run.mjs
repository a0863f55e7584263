// Scenario tests on real parts: PostgreSQL, a local chain, the Juno sandbox, signer and daemon.
//
//   node tests/scenario/run.mjs [--group chain|rest] [WORD ...]
//       only scenarios whose name has one of the words; chain: those whose topic (the word before the colon)
//       is one of CHAIN_TOPICS, and the deaths inside lane and watcher; rest: all others
//
// Two workers, each with a ground of its own (cluster, chain, keys); a scenario gets a fresh database,
// fresh contracts, a fresh sandbox and a fresh daemon on it. A scenario that throws has failed; one that
// calls t.skip(reason) is skipped; the logs of both stay below .dev/test.

import { existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { Env, Ground, home_remove, home_take, leftovers_stop, ROOT } from '../support/env.mjs';
import { failure_print } from '../support/steps.mjs';
import { kill_scenarios } from './kill.mjs';

const WORKERS = 2;
const KILL_PAIRS = 12;
const CHAIN_TOPICS = ['chain', 'lane', 'watch', 'reorg', 'endpoints', 'pool', 'daemons', 'faults', 'doors',
    'clock'];
const CHAIN_DEATHS = /^kill -9 at (lane|watcher)_/;
const HERE = path.dirname(fileURLToPath(import.meta.url));
const HOME = home_take(path.join(ROOT, '.dev/test'));

class Skip extends Error {}

/** Every *.scenario.mjs exports `scenarios`: [{ name, run(ground, t) }]. */
async function scenarios_load() {
    const found = [];
    for (const file of readdirSync(HERE).filter((name) => name.endsWith('.scenario.mjs')).sort()) {
        found.push(...(await import(path.join(HERE, file))).scenarios);
    }
    return [...found, ...await kill_scenarios({ pairs: KILL_PAIRS })];
}

const counts = { passed: 0, failed: 0, skipped: 0 };
const t = { skip: (reason) => { throw new Skip(reason); } };

async function scenario_run(scenario, ground) {
    const begun = Date.now();
    const took = () => `${((Date.now() - begun) / 1000).toFixed(1)} s`;
    try {
        await scenario.run(ground, t);
        counts.passed += 1;
        console.log(`ok   ${scenario.name} (${took()})`);
    } catch (error) {
        if (error instanceof Skip) {
            counts.skipped += 1;
            console.log(`SKIP ${scenario.name}: ${error.message}`);
            return;
        }
        counts.failed += 1;
        console.log(`FAIL ${scenario.name} (${took()})\n  ${error.message}`);
        if (error.log !== undefined) {
            console.log(`  log: ${error.log}`);
        }
    }
}

/** Folders of environments below this one, the innermost first: a scenario may have a chain of its own. */
function homes_below(home) {
    return (existsSync(home) ? readdirSync(home, { withFileTypes: true }) : []).filter((entry) => entry.isDirectory())
        .map((entry) => path.join(home, entry.name)).filter((place) => existsSync(path.join(place, 'processes.json')))
        .flatMap((place) => [...homes_below(place), place]);
}

/** Ends what a killed run left, and removes the folders of its scenarios; cluster and keys stay. */
async function home_clean(home) {
    for (const place of homes_below(home)) {
        await leftovers_stop(place);
        home_remove(place);
    }
    await leftovers_stop(home);
    rmSync(path.join(home, 'log'), { recursive: true, force: true });
}

async function worker_run(home, queue) {
    await home_clean(home);
    const ground = new Ground(home);
    try {
        await ground.start();
        for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
            await scenario_run(next, ground);
        }
    } finally {
        await ground.stop();
    }
}

/** Told to end (the time of a test group is over): nothing started here is left running. */
async function ended_early() {
    Env.closing = true;
    for (const home of [0, 1].map((at) => path.join(HOME, `w${at}`))) {
        for (const place of homes_below(home)) {
            await leftovers_stop(place);
        }
        await leftovers_stop(home);
    }
    process.exit(1);
}
for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, ended_early);
}

const in_chain = ({ name }) => CHAIN_TOPICS.includes(name.split(':')[0]) || CHAIN_DEATHS.test(name);
const GROUPS = { all: () => true, chain: in_chain, rest: (scenario) => !in_chain(scenario) };

const { values: { group }, positionals: words } = parseArgs({
    options: { group: { type: 'string', default: 'all' } }, allowPositionals: true,
});
if (GROUPS[group] === undefined) {
    console.error(`there is no group ${group} of scenarios; there are: ${Object.keys(GROUPS).join(', ')}`);
    process.exit(3);
}
try {
    const queue = (await scenarios_load()).filter(GROUPS[group])
        .filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)))
        .sort((a, b) => Number(b.long ?? false) - Number(a.long ?? false));   // so that no worker ends late
    const workers = Math.min(WORKERS, Math.max(1, queue.length));
    await Promise.all(Array.from({ length: workers }, (_unused, at) => worker_run(path.join(HOME, `w${at}`), queue)));
} catch (error) {
    failure_print(error, process.stdout);
    counts.failed += 1;
}
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed === 0 ? 0 : 1;
