// A reorganisation takes back blocks whose logs we have stored but which were not final: the evidence is
// superseded, the same bytes are sent again, and the payment ends as if nothing had happened.

import { check, check_equal, with_env } from './bed.mjs';
import { DAY_S, own_chain } from './chain_bed.mjs';

const EPOCH_SLOTS = 12;          // finalized = newest - 24 blocks = 6 seconds at four blocks a second
const SEEN_MS = 60_000;

const count = async (env, query) => Number((await env.sql(`SELECT count(*) AS n FROM ${query}`))[0].n);

/** Drops the block that holds the escrow's creation, and everything above it. */
async function block_take_back(env) {
    const seen = "evidence WHERE event = 'EscrowCreated' AND final_at IS NULL AND superseded_at IS NULL";
    await env.wait_for(async () => await count(env, seen) === 1, SEEN_MS, 'the creation to be seen');
    const [row] = await env.sql(`SELECT block_number FROM ${seen}`);
    const head = Number(await env.ground.node('eth_blockNumber'));
    const depth = head - Number(row.block_number) + 1;
    await env.ground.node('anvil_reorg', [depth, []]);
    return depth;
}

async function reorg_run(env, story, { restart }) {
    await story.beneficiaries(['Seller', 'Buyer']);
    await story.payer('ana');
    const order = await story.create({
        payer: 'ana', seller: 'Seller', buyer: 'Buyer', amount: '3000.00', immediate_bps: 0,
        custody_seconds: DAY_S,
    });
    story.expect(order, 'released');
    await story.pay(order);
    if (restart) {
        await env.wait_for(async () => await count(env, "evidence WHERE event = 'EscrowCreated'") === 1, SEEN_MS,
            'the creation to be seen');
        await env.daemon_kill();
    }
    const depth = await block_take_back(env);
    if (restart) {
        await env.daemon_start();
    }
    await story.reach(order, 'in_custody');
    check(await count(env, 'evidence WHERE superseded_at IS NOT NULL') >= 1,
        `nothing was superseded by a reorganisation of ${depth} blocks`);
    check_equal(await count(env, "evidence WHERE event = 'EscrowCreated' AND superseded_at IS NULL"), 1,
        'live creations');
    check_equal(await count(env, "tx WHERE kind = 'escrow_create'"), 1, 'transactions signed for the creation');
    await env.warp(DAY_S + 60);
    await story.reach(order, 'completed');
    const differences = await story.differences();
    check(differences.length === 0, differences.join('; '));
}

const scenario = (name, options) => ({
    name: `reorg: ${name}`,
    run: (ground) => own_chain(ground, 'slow-finality', { epoch_slots: EPOCH_SLOTS },
        (slow) => with_env(slow, 'reorg', ({ env, story }) => reorg_run(env, story, options))),
});

export const scenarios = [
    scenario('a creation that was not final is taken back', { restart: false }),
    scenario('the same while the daemon is down', { restart: true }),
];
