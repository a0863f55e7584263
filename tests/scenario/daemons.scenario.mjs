// Drills of the processes around a lane: two daemons prepare the same effect, the signer dies before and after
// it has signed. One transaction comes of it, and it is the one that was decided.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { process_birth, signal_send } from '../support/process.mjs';
import { check, check_equal } from './bed.mjs';
import { allowance_granted, drilled, ended, once_each, paid, rows, STEP_MS } from './chain_bed.mjs';
import { lines_with, Second } from './second.mjs';

const LEASE_MS = 30_000;             // LEASE_S of store/lease.h
const PATIENT_MS = 120_000;          // a call may take as long as the daemon that asked is frozen

/** The answers of a method are kept back from the first one on, until they are let go. */
function answers_keep(proxy, method) {
    const kept = { n: 0 };
    const gate = new Promise((resolve) => {
        kept.let_go = () => {
            proxy.rule(method, null);
            resolve();
        };
    });
    proxy.rule(method, async (_call, forward) => {
        const answer = await forward();
        kept.n += 1;
        await gate;
        return answer;
    });
    return kept;
}

const lane_owner = async (env) => (await env.sql("SELECT owner FROM lease WHERE name LIKE 'lane:relayer:%'"))[0].owner;

/** The holder freezes after its dry run; the other one takes the lease and sends; the first wakes and goes on. */
async function prepared_twice(ground) {
    await drilled(ground, 'prepared-twice', { 'chain.timeout_ms': PATIENT_MS }, async ({ env, story, proxy }) => {
        await allowance_granted(env);
        const holder = await lane_owner(env);
        const first = env.register.find('relayerd');
        const first_socket = env.socket;
        const second = new Second(env);
        await second.config_write();
        await second.start();
        try {
            const kept = answers_keep(proxy, 'eth_estimateGas');
            const order = await paid(story, '2000.00');
            await env.wait_for(() => kept.n > 0, STEP_MS, 'a dry run of the first');
            const count = await env.ground.node('eth_getTransactionCount', [env.ground.relayer.address, 'latest']);
            signal_send(first, 'SIGSTOP');
            kept.let_go();
            env.socket = second.socket;
            await story.reach(order, 'in_custody', 2 * LEASE_MS);
            check(await lane_owner(env) !== holder, 'the frozen one still holds the lane');
            // A count that is behind, or the first would see by it that another transaction was sent.
            proxy.rule('eth_getTransactionCount', () => ({ result: count }));
            signal_send(first, 'SIGCONT');
            await env.wait_for(() => lines_with(env.daemon_log, '"lane_race"').length > 0, STEP_MS,
                'the first finding out that it was late');
            proxy.rule('eth_getTransactionCount', null);
            await ended(env, story, [order]);
            check_equal(await rows(env, "tx WHERE kind = 'escrow_create'"), 1, 'transactions signed for one creation');
            await once_each(env);
        } finally {
            signal_send(first, 'SIGCONT');
            env.socket = first_socket;
            await second.stop('SIGTERM');
        }
        check_equal(second.lines_with('"level":"broken"'), [], 'what the second daemon logged as broken');
    });
}

/** The signer is the daemon's only child program. */
function signer_of(daemon_pid) {
    const children = readFileSync(`/proc/${daemon_pid}/task/${daemon_pid}/children`, 'utf8').trim();
    const pid = children.split(' ').filter((word) => word !== '').map(Number)
        .find((one) => readFileSync(`/proc/${one}/comm`, 'utf8').startsWith('relayer-signer'));
    check(pid !== undefined, 'no signer runs below the daemon');
    return { pid, birth: process_birth(pid) };
}

/** A creation is drafted, and the signer has the request and does not answer. */
async function request_in_hand(env, story) {
    await allowance_granted(env);
    const signer = signer_of(env.register.find('relayerd').pid);
    signal_send(signer, 'SIGSTOP');
    const order = await paid(story, '2000.00');
    const [draft] = await env.wait_for(async () => {
        const found = await env.sql("SELECT encode(unsigned, 'hex') AS call, nonce FROM draft WHERE kind = 'escrow_create'");
        return found.length === 1 && found;
    }, STEP_MS, 'a draft');
    return { signer, order, draft };
}

/** What was sent in the end is the draft, once. */
async function draft_was_sent(env, story, { order, draft }) {
    await ended(env, story, [order]);
    const sent = await env.sql("SELECT encode(raw, 'hex') AS raw, nonce FROM tx WHERE kind = 'escrow_create'");
    check_equal(sent.map(({ nonce }) => nonce), [draft.nonce], 'nonces of the creation');
    // The signed bytes are the unsigned ones with a longer list header and the signature behind.
    const body = draft.call.slice(draft.call.indexOf('82a4b1'));
    check(sent[0].raw.includes(body), 'another call was sent than the draft');
    await once_each(env);
}

async function killed_before_it_signed(ground) {
    await drilled(ground, 'killed-before', {}, async ({ env, story }) => {
        const held = await request_in_hand(env, story);
        signal_send(held.signer, 'SIGKILL');
        await draft_was_sent(env, story, held);
    });
}

async function killed_after_it_signed(ground) {
    await drilled(ground, 'killed-after', {}, async ({ env, story }) => {
        const record = path.join(env.home, 'signer.record');
        const held = await request_in_hand(env, story);
        const before = existsSync(record) ? readFileSync(record) : Buffer.alloc(0);
        const daemon = env.register.find('relayerd');
        signal_send(daemon, 'SIGSTOP');
        signal_send(held.signer, 'SIGCONT');
        await env.wait_for(() => !readFileSync(record).equals(before), STEP_MS, 'a signature in the signer\'s record');
        signal_send(held.signer, 'SIGKILL');
        await env.daemon_kill();
        await env.daemon_start();
        await draft_was_sent(env, story, held);
    });
}

export const scenarios = [
    { name: 'daemons: the same effect prepared by two', run: prepared_twice },
    { name: 'daemons: the signer is killed before it signed', run: killed_before_it_signed },
    { name: 'daemons: the signer is killed after it signed', run: killed_after_it_signed },
];
