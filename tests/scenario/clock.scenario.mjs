// Drills of time: custody ends to the second, the chain's clock stands still or jumps, and a node tells a
// wrong time. Nothing is released early, nothing stays behind.

import { check, check_equal, check_refused } from './bed.mjs';
import {
    DAY_S, drilled, once_each, order_make, own_chain, paid, rows, STEP_MS,
} from './chain_bed.mjs';

const HOUR_S = 3600;
const MARGIN_S = 2;                  // custody.release_margin_s, as config.def has it
const LOOKS = 12;                    // blocks that go by: the daemon has looked at several of them
const NODE_WRONG_DAYS = 3;
const RELEASE_SELECTOR = '0x67d42a8b';   // release(bytes32)

const releases = (env) => rows(env, "effect WHERE kind = 'escrow_release'");

/** All blocks from now on carry this second. */
async function clock_hold(env, second) {
    const { node } = env.ground;
    await node('anvil_setBlockTimestampInterval', [0]);
    await node('evm_setNextBlockTimestamp', [second]);
    await env.wait_for(async () => await env.chain_time() === second, STEP_MS, `the chain's clock at ${second}`);
    await blocks_pass(env);
}

/** The daemon has read blocks that were mined after this call. */
async function blocks_pass(env) {
    const wanted = Number(await env.ground.node('eth_blockNumber')) + LOOKS;
    await env.wait_for(async () => Number((await env.sql("SELECT number FROM head WHERE level = 'scanned'"))[0].number)
        >= wanted, STEP_MS, `block ${wanted} being read`);
}

/** What the contract says to a release now; undefined: it would be done. */
async function release_refusal(env, escrow_id) {
    const data = `${RELEASE_SELECTOR}${escrow_id}`;
    return env.ground.node('eth_call', [{ from: env.ground.relayer.address, to: env.contracts.escrow, data }, 'latest'])
        .then(() => undefined, (error) => error.message);
}

async function in_custody(env, story, amount) {
    const order = await order_make(story, amount);
    await story.pay(order);
    await story.reach(order, 'in_custody');
    const [{ custody_end, escrow_id }] = await env.sql("SELECT custody_end, encode(id, 'hex') AS escrow_id"
        + ` FROM escrow WHERE payment_id = '${order.payment_id}'`);
    return { order, end: Number(custody_end), escrow_id };
}

const settings = { 'custody.release_margin_s': MARGIN_S };

async function release_to_the_second(ground) {
    await own_chain(ground, 'own-clock', {}, (own) => drilled(own, 'to-the-second', settings, async ({ env, story }) => {
        const { order, end, escrow_id } = await in_custody(env, story, '2000.00');
        story.expect(order, 'released');
        await clock_hold(env, end - 1);
        check(await release_refusal(env, escrow_id) !== undefined, 'the contract releases a second early');
        for (const second of [end, end + MARGIN_S - 1]) {
            await clock_hold(env, second);
            check_equal(await release_refusal(env, escrow_id), undefined, `the contract's refusal at ${second - end}`);
            check_equal(await releases(env), 0, `releases planned ${second - end} seconds after the end`);
            check_equal(await story.state(order), 'in_custody', 'the payment before the margin is over');
        }
        await clock_hold(env, end + MARGIN_S);
        await story.reach(order, 'completed');
        await once_each(env);
    }));
}

async function dispute_in_the_last_second(ground) {
    await own_chain(ground, 'own-clock', {}, (own) => drilled(own, 'last-second', settings, async ({ env, story }) => {
        const [late, last] = [await in_custody(env, story, '2000.00'), await in_custody(env, story, '3000.00')];
        story.expect(late.order, 'released');
        story.expect(last.order, 'reverted');
        check(late.end < last.end, 'both custodies end in the same second');
        await clock_hold(env, late.end);
        await check_refused(story.dispute(late.order, 'buyer', 'too late'), 'request.state', 'a dispute at the end');
        await clock_hold(env, last.end - 1);
        await story.dispute(last.order, 'buyer', 'in the last second');
        await story.reach(last.order, 'disputed');
        await clock_hold(env, last.end + HOUR_S);
        check_equal(await story.state(last.order), 'disputed', 'a disputed payment after its end');
        await story.resolve(last.order, 'approved', 'the buyer is right');
        await story.reach_all([late.order, last.order], 'completed');
        await once_each(env);
    }));
}

/** The node's clock is days ahead of the chain: we believe it, the contract does not. */
async function node_ahead(ground) {
    await drilled(ground, 'clock-ahead', settings, async ({ env, story, proxy }) => {
        const { order, end } = await in_custody(env, story, '2000.00');
        story.expect(order, 'released');
        clock_move(proxy, NODE_WRONG_DAYS * DAY_S);
        await env.wait_for(async () => await rows(env, "effect WHERE kind = 'escrow_release' AND state = 'planned'"
            + ' AND failures > 1') === 1, STEP_MS, 'a release that the contract refuses in the dry run');
        check_equal(await rows(env, "tx WHERE kind = 'escrow_release'"), 0, 'releases that were signed early');
        clock_move(proxy, 0);
        check(await env.chain_time() < end, 'the drill took a day');
        await env.warp(DAY_S + HOUR_S);
        await story.reach(order, 'completed');
        await once_each(env);
    });
}

/** The node's clock goes back around the end of custody: it waits, and goes on when the time is right. */
async function node_behind(ground) {
    await drilled(ground, 'clock-behind', settings, async ({ env, story, proxy }) => {
        const { order } = await in_custody(env, story, '2000.00');
        story.expect(order, 'released');
        clock_move(proxy, -2 * HOUR_S);
        await env.warp(DAY_S + HOUR_S);
        await blocks_pass(env);
        check_equal(await releases(env), 0, 'releases before the time the node tells');
        check_equal(await story.state(order), 'in_custody', 'the payment while the clock is behind');
        clock_move(proxy, 0);
        await story.reach(order, 'completed');
        await once_each(env);
    });
}

/** Each header's time is the chain's and so much more. */
function clock_move(proxy, seconds) {
    proxy.rule('eth_getBlockByNumber', seconds === 0 ? null : async (_call, forward) => {
        const answer = await forward();
        return answer.result === null || answer.result === undefined ? answer
            : { result: { ...answer.result, timestamp: `0x${(Number(answer.result.timestamp) + seconds).toString(16)}` } };
    });
}

export const scenarios = [
    { name: 'clock: released at the second, not before', run: release_to_the_second },
    { name: 'clock: a dispute in the last second', run: dispute_in_the_last_second },
    { name: 'clock: a node that is days ahead', run: node_ahead },
    { name: 'clock: a node that goes back at the end of custody', run: node_behind },
];
