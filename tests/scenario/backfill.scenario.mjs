// The watcher far behind, and a chain that is silent or whose clock is off.

import { NodeProxy } from '../support/node_proxy.mjs';
import { sleep } from '../support/process.mjs';
import { check, check_equal, with_env } from './bed.mjs';
import { alarms, balanced, DAY_S, drilled, ended, once_each, own_chain, paid, rows, STEP_MS } from './chain_bed.mjs';

const EMPTY_BLOCKS = 10_000;
const SOME_BLOCKS = 1000;
const REQUESTS_MAX = 120;        // headers alone, one each, would be ten thousand
const RANGE_REFUSED_ABOVE = 150;
const SILENT_S = 3;
const CLOCK_OFF_S = 3600;
const QUIET_MS = 2500;

const MINED_AT_ONCE = 500;

const hex = (number) => `0x${number.toString(16)}`;

async function mine(own, blocks) {
    for (let at = 0; at < blocks; at += MINED_AT_ONCE) {
        await own.node('anvil_mine', [hex(Math.min(MINED_AT_ONCE, blocks - at))]);
    }
}

const scanned = async (env) => Number((await env.sql("SELECT number FROM head WHERE level = 'scanned'"))[0].number);

async function caught_up(env, head) {
    await env.wait_for(async () => await scanned(env) >= head, STEP_MS, `block ${head} being read`);
}

/** Of given blocks: how often the newest one is asked for depends on how long the test takes. */
const about_blocks = ({ method, params }) => method === 'eth_getLogs'
    || (method === 'eth_getBlockByNumber' && params[0].startsWith('0x'));

/** Many blocks passed while the daemon was down; one holds a log of the token that is not ours. */
function far_behind(ground, { blocks, refuses }) {
    return own_chain(ground, 'far-behind', {}, (own) => drilled(own, 'far-behind', {},
        async ({ env, story, proxy }) => {
            const order = await paid(story, '2000.00');
            await story.reach(order, 'in_custody');
            await env.daemon_stop();
            const from = await scanned(env);
            const given = await env.sql('SELECT count(*) AS n FROM evidence');
            await mine(own, blocks / 2);
            const token = { from: env.minter, to: env.contracts.token, gas: '0x7a1200' };
            const bridge = own.relayer.address.slice(2).toLowerCase().padStart(64, '0');
            await own.node('eth_sendTransaction', [{ ...token, data: `0x095ea7b3${bridge}${'0'.repeat(63)}1` }]);
            await mine(own, blocks / 2);
            let calls = 0;
            let refused = 0;
            proxy.whole((list, serve) => {
                calls += list.filter(about_blocks).length;
                return serve();
            });
            proxy.rule('eth_getLogs', (call, forward) => {
                const [{ fromBlock, toBlock }] = call.params;
                if (refuses && Number(toBlock) - Number(fromBlock) >= RANGE_REFUSED_ABOVE) {
                    refused += 1;
                    return { error: { code: -32005, message: 'query returned more than 10000 results' } };
                }
                return forward();
            });
            const head = Number(await own.node('eth_blockNumber'));
            check(head - from >= blocks, `only ${head - from} blocks were made`);
            await env.daemon_start();
            await caught_up(env, head);
            if (refuses) {
                check(refused > 0, 'no range was refused');
            } else {
                check(calls <= REQUESTS_MAX, `${calls} questions about ${head - from} blocks`);
            }
            check_equal(await env.sql('SELECT count(*) AS n FROM evidence'), given, 'logs of ours in between');
            const { kept } = (await env.sql('SELECT count(*) AS kept FROM block'))[0];
            check(Number(kept) <= 300, `${kept} headers are kept`);
            check_equal(await alarms(env, 'watcher_stuck'), 0, 'alarms of the watcher');
            await ended(env, story, [await paid(story, '3000.00')]);
            await story.reach(order, 'completed');
            await once_each(env);
        }));
}

/** Our logs lie in blocks that are read as a range: found once, with their blocks' times. */
function logs_in_a_range(ground) {
    return own_chain(ground, 'logs-in-range', {}, (own) => drilled(own, 'logs-in-range', {},
        async ({ env, story, proxy }) => {
            await env.wait_for(async () => await rows(env, "tx WHERE kind = 'token_approve' AND state = 'final'") === 1,
                STEP_MS, 'the allowance');
            proxy.head_hold(Number(await own.node('eth_blockNumber')));    // the daemon sees nothing new
            const order = await paid(story, '2000.00');
            await env.wait_for(async () => await rows(env, "effect WHERE kind = 'withdraw' AND tx_hash IS NOT NULL") === 1,
                STEP_MS, 'the withdrawal');
            await mine(own, SOME_BLOCKS);
            proxy.head_hold(null);
            await story.reach(order, 'in_custody');
            const [log] = await env.sql("SELECT block_number, block_time FROM evidence WHERE event = 'Transfer'"
                + ' ORDER BY id LIMIT 1');
            const block = await own.node('eth_getBlockByNumber', [hex(Number(log.block_number)), false]);
            check_equal(Number(log.block_time), Number(block.timestamp), "the time of the log's block");
            check_equal(await rows(env, 'evidence WHERE superseded_at IS NOT NULL'), 0, 'logs superseded');
            await env.warp(DAY_S + 60);
            await story.reach(order, 'completed');
            await once_each(env);
        }));
}

const open_alarms = (env, code) => rows(env, `alarm WHERE code = '${code}' AND cleared_at IS NULL`);

/** No block comes: said, and over with the next one. */
function silent(ground) {
    return own_chain(ground, 'silent', {}, (own) => with_env(own, 'silent', async ({ env }) => {
        await own.node('evm_setIntervalMining', [0]);
        await env.wait_for(async () => await open_alarms(env, 'sequencer_silent') === 1, STEP_MS, 'the alarm');
        await sleep(QUIET_MS);
        check_equal((await env.sql("SELECT times FROM alarm WHERE code = 'sequencer_silent'"))[0].times, 1,
            'times the alarm was raised');
        await own.node('evm_setIntervalMining', [1]);
        await env.wait_for(async () => await open_alarms(env, 'sequencer_silent') === 0, STEP_MS, "the alarm's end");
    }, { settings: { 'chain.silent_s': SILENT_S } }));
}

/** The newest block's time steps back and forth: nothing is released early, nothing jams. */
function clock_steps(ground) {
    return own_chain(ground, 'clock-steps', {}, async (own) => {
        const proxy = new NodeProxy(own.rpc_url);
        await proxy.start();
        try {
            await with_env(own, 'clock-steps', async ({ env, story }) => {
                await story.beneficiaries(['Seller', 'Buyer']);
                await story.payer('ana');
                const order = await paid(story, '2000.00');
                await story.reach(order, 'in_custody');
                check_equal(await alarms(env, 'chain_clock'), 0, 'alarms of the clock before it steps');
                const step = (seconds) => proxy.rule('eth_getBlockByNumber', seconds === 0 ? null
                    : async (call, forward) => {
                        const { result } = await forward();
                        return { result: result === null || call.params[0] !== 'latest' ? result
                            : { ...result, timestamp: hex(Number(result.timestamp) + seconds) } };
                    });
                for (const seconds of [2 * DAY_S, -2 * DAY_S, 2 * DAY_S]) {
                    step(seconds);
                    await env.wait_for(async () => await open_alarms(env, 'chain_clock') === 1, STEP_MS, 'the alarm');
                    await sleep(QUIET_MS);
                    check_equal(await rows(env, "tx WHERE kind = 'escrow_release'"), 0, 'releases before the end');
                    step(0);
                    await env.wait_for(async () => await open_alarms(env, 'chain_clock') === 0, STEP_MS, "the alarm's end");
                }
                await env.warp(DAY_S + 60);
                await story.reach(order, 'completed');
                await once_each(env);
                await balanced(env, story);
            }, { settings: { 'chain.rpc_url': proxy.url, 'chain.clock_off_s': CLOCK_OFF_S } });
        } finally {
            await proxy.stop();
        }
    });
}

export const scenarios = [
    {
        name: 'watch: ten thousand blocks without our logs',
        run: (ground) => far_behind(ground, { blocks: EMPTY_BLOCKS, refuses: false }),
    },
    {
        name: 'watch: a node that refuses large ranges',
        run: (ground) => far_behind(ground, { blocks: SOME_BLOCKS, refuses: true }),
    },
    { name: 'watch: logs in a range are found once, with their times', run: logs_in_a_range },
    { name: 'watch: a silent sequencer is said', run: silent },
    { name: "watch: the chain's clock steps back and forth", run: clock_steps },
];
