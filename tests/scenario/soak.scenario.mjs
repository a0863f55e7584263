// The soak of ./dev soak, short: what it finds in minutes it must also be able to find here, and its seed must
// decide what befalls whom.

import { NodeProxy } from '../support/node_proxy.mjs';
import { Dice } from '../soak/dice.mjs';
import { soak_run } from '../soak/soak.mjs';
import { check, check_equal, with_env } from './bed.mjs';

const SECONDS = 30;
const SEED = 7;
const SETTLED_LEAST = 10;            // on a machine that does other things too
const THROWS = 2000;
const CHOICES = { first: 0.01, second: 0.02 };

async function short_soak(ground) {
    const proxy = new NodeProxy(ground.rpc_url);
    await proxy.start();
    try {
        await with_env(ground, 'soak', async ({ env, story }) => {
            const report = await soak_run({ env, story, proxy }, { seconds: SECONDS, seed: SEED });
            check_equal(report.differences, [], 'what is wrong after the soak');
            check(report.settled >= SETTLED_LEAST, `${report.settled} payments settled, not ${SETTLED_LEAST}`);
            check(Object.keys(report.node).length > 0, 'no fault befell the node');
            check(Object.values(report.juno).some((n) => n > 0), 'no fault befell Juno');
        }, { settings: { 'chain.rpc_url': proxy.url }, sandbox_args: ['--seed', `${SEED}`] });
    } finally {
        await proxy.stop();
    }
}

const thrown = (seed) => {
    const dice = new Dice(seed);
    return Array.from({ length: THROWS }, () => dice.choose('a', CHOICES) ?? 'none');
};

async function seed_decides() {
    check_equal(thrown(1), thrown(1), 'the same seed');
    check(JSON.stringify(thrown(1)) !== JSON.stringify(thrown(2)), 'two seeds fall alike');
    const share = (name) => thrown(1).filter((choice) => choice === name).length / THROWS;
    check(share('first') > 0.003 && share('first') < 0.02, `${share('first')} of the throws, not one in a hundred`);
    check(share('second') > 0.01 && share('second') < 0.035, `${share('second')} of the throws, not two in a hundred`);
    const [mixed, alone] = [new Dice(3), new Dice(3)];
    mixed.throw('other');
    check_equal(mixed.throw('one'), alone.throw('one'), 'a throw of one kind after one of another');
}

export const scenarios = [
    { name: 'soak: half a minute with faults settles and balances', run: short_soak, long: true },
    { name: 'soak: the seed decides what befalls', run: seed_decides },
];
