// Drills of the signing lane in a public mempool (replacement, cancel), its gas money, its drain, and the order in
// which transactions leave. The pool stands in the proxy: what the daemon sends waits there until the test
// lets it go to the chain, so no drill depends on time.

import { Transaction } from 'ethers';

import { NodeProxy, CUT } from '../support/node_proxy.mjs';
import { check, check_equal, check_refused, transaction_mine, with_env } from './bed.mjs';

const DAY_S = 24 * 3600;
const STEP_MS = 120_000;
const GWEI = 10n ** 9n;
const PLENTY_WEI = 10n ** 19n;
const LOW_WEI = 4_000_000_000_000_000n;        // below chain.gas_low_wei of the settings' default
const CREATIONS = "tx WHERE kind = 'escrow_create'";
const PUBLIC = { 'chain.mempool': 'public', 'chain.stuck_s': 2 };

const hex = (value) => `0x${BigInt(value).toString(16)}`;
const rows = async (env, query) => Number((await env.sql(`SELECT count(*) AS n FROM ${query}`))[0].n);
const open_alarms = (env, code) => rows(env, `alarm WHERE code = '${code}' AND cleared_at IS NULL`);
const wait_rows = (env, query, wanted, what) => env.wait_for(
    async () => await rows(env, query) === wanted, STEP_MS, `${what} (${wanted} of ${query})`);
const key = (() => { let n = 0; return () => `lane-drill-${n += 1}`; })();
const act = (env, method, params = {}) => env.insist(method, { ...params, idempotency_key: key() });

/** What the daemon sends waits here while `held`: true, false, or which transactions. */
class Pool {
    constructor(proxy, node) {
        Object.assign(this, { node, held: false, sent: new Map() });
        proxy.rule('eth_sendRawTransaction', (call, forward) => {
            const tx = Transaction.from(call.params[0]);
            this.sent.set(tx.hash, call.params[0]);
            const held = typeof this.held === 'function' ? this.held(tx) : this.held;
            return held ? { result: tx.hash } : forward();
        });
    }

    /** The transactions that were offered for a nonce, oldest first. */
    offered(nonce) {
        return [...this.sent.values()].map((raw) => Transaction.from(raw)).filter((tx) => tx.nonce === nonce);
    }

    mine(hash) {
        return this.node('eth_sendRawTransaction', [this.sent.get(hash)]);
    }
}

/** ends: false = a payment stays parked, so nobody has got everything. */
async function drilled(ground, name, settings, body, { ends = true } = {}) {
    const proxy = new NodeProxy(ground.rpc_url);
    await proxy.start();
    try {
        await with_env(ground, name, async ({ env, story }) => {
            await story.beneficiaries(['Seller', 'Buyer']);
            await story.payer('ana');
            await wait_rows(env, "tx WHERE kind = 'token_approve' AND state = 'final'", 1, 'the allowance');
            await body({ env, story, proxy, pool: new Pool(proxy, ground.node) });
            const differences = ends ? await story.differences() : [];
            check(differences.length === 0, differences.join('; '));
            const verdict = await env.rpc('audit.verify', { all: true });
            check_equal(verdict.differences, [], 'what audit.verify found');
        }, { settings: { 'chain.rpc_url': proxy.url, ...settings } });
    } finally {
        await proxy.stop();
        await ground.node('anvil_setBalance', [ground.relayer.address, hex(PLENTY_WEI)]);
    }
}

async function paid(story, amount) {
    const order = await story.create({
        payer: 'ana', seller: 'Seller', buyer: 'Buyer', amount, custody_seconds: DAY_S,
    });
    story.expect(order, 'released');
    await story.pay(order);
    return order;
}

async function ended(env, story, orders) {
    await story.reach_all(orders, 'in_custody');
    await env.warp(DAY_S + 60);
    await story.reach_all(orders, 'completed');
}

/** Orders whose creations are planned and wait, because the lanes are draining. */
async function planned(env, story, n) {
    await act(env, 'system.drain', { reason: 'a drill' });
    const orders = [];
    for (let at = 0; at < n; at += 1) {
        orders.push(await paid(story, `${2000 + at}.00`));
    }
    await wait_rows(env, "effect WHERE kind = 'escrow_create' AND state = 'planned'", n, 'planned creations');
    check_equal(await rows(env, CREATIONS), 0, 'creations signed while draining');
    return orders;
}

/** A creation that the pool holds: { order, first } with its first version. */
async function stuck(env, story, pool) {
    pool.held = true;
    const order = await paid(story, '2000.00');
    await wait_rows(env, `${CREATIONS} AND state = 'sent' AND version = 1`, 1, 'a creation that is sent');
    const [{ hash, nonce }] = await env.sql(`SELECT '0x' || encode(hash, 'hex') AS hash, nonce FROM ${CREATIONS}`);
    return { order, first: hash, nonce: Number(nonce) };
}

async function version_wait(env, pool, nonce, version) {
    await env.wait_for(async () => await rows(env, `tx WHERE nonce = ${nonce} AND version = ${version}`
        + " AND state = 'sent'") === 1, STEP_MS, `version ${version} being sent`);
    const [{ hash }] = await env.sql("SELECT '0x' || encode(hash, 'hex') AS hash FROM tx"
        + ` WHERE nonce = ${nonce} AND version = ${version}`);
    return pool.offered(nonce).find((tx) => tx.hash === hash);
}

async function counted(env, nonce, hash) {
    const found = await env.sql("SELECT '0x' || encode(hash, 'hex') AS hash, state FROM tx"
        + ` WHERE nonce = ${nonce} AND state <> 'replaced'`);
    check_equal(found, [{ hash, state: 'final' }], 'the version that counts');
}

/* --- public mode --------------------------------------------------------------------------------- */

function replaced(ground) {
    return drilled(ground, 'replaced', PUBLIC, async ({ env, story, pool }) => {
        const { order, first, nonce } = await stuck(env, story, pool);
        const second = await version_wait(env, pool, nonce, 2);
        const before = Transaction.from(pool.sent.get(first));
        check(second.maxFeePerGas * 1000n >= before.maxFeePerGas * 1125n,
            `${second.maxFeePerGas} wei are less than an eighth above ${before.maxFeePerGas}`);
        check_equal([second.to, second.data, second.gasLimit, second.nonce],
            [before.to, before.data, before.gasLimit, before.nonce], 'the call of the second version');
        await pool.mine(second.hash);
        pool.held = false;
        await ended(env, story, [order]);
        await counted(env, nonce, second.hash);
        check_equal(await rows(env, `tx WHERE nonce = ${nonce} AND state = 'replaced'`) >= 1, true, 'a replaced version');
        check_equal(await rows(env, "evidence WHERE event = 'EscrowCreated'"), 1, 'escrows created');
    });
}

/** A dear base fee is not waited out: the next version comes at once, without chain.stuck_s. */
function fee_jump(ground) {
    const settings = { ...PUBLIC, 'chain.stuck_s': 86400 };
    return drilled(ground, 'fee-jump', settings, async ({ env, story, proxy, pool }) => {
        const { order, first, nonce } = await stuck(env, story, pool);
        const dear = Transaction.from(pool.sent.get(first)).maxFeePerGas + GWEI;
        proxy.rule('eth_getBlockByNumber', async (_call, forward) => {
            const answer = await forward();
            return { result: { ...answer.result, baseFeePerGas: hex(dear) } };
        });
        const second = await version_wait(env, pool, nonce, 2);
        check(second.maxFeePerGas > dear, `${second.maxFeePerGas} wei do not pay the base fee of ${dear}`);
        proxy.rule('eth_getBlockByNumber', null);
        await pool.mine(second.hash);
        pool.held = false;
        await ended(env, story, [order]);
        await counted(env, nonce, second.hash);
    });
}

function first_wins(ground) {
    return drilled(ground, 'first-wins', PUBLIC, async ({ env, story, pool }) => {
        const { order, first, nonce } = await stuck(env, story, pool);
        await version_wait(env, pool, nonce, 2);
        await env.daemon_kill();
        await pool.mine(first);
        await env.daemon_start();
        pool.held = false;
        await ended(env, story, [order]);
        await counted(env, nonce, first);
        const [{ hash }] = await env.sql("SELECT '0x' || encode(tx_hash, 'hex') AS hash FROM effect"
            + " WHERE kind = 'escrow_create'");
        check_equal(hash, first, 'the transaction of the effect');
        check_equal(await rows(env, "tx WHERE state IN ('lost', 'reverted')"), 0, 'transactions given up');
    });
}

function cap_reached(ground) {
    return drilled(ground, 'cap-reached', PUBLIC, async ({ env, story, proxy, pool }) => {
        proxy.rule('eth_getBlockByNumber', async (_call, forward) => {
            const answer = await forward();
            return { result: { ...answer.result, baseFeePerGas: hex(6n * GWEI) } };
        });
        const { order, first, nonce } = await stuck(env, story, pool);
        await env.wait_for(() => open_alarms(env, 'tx_stuck'), STEP_MS, 'an alarm about the stuck transaction');
        check_equal(await rows(env, `tx WHERE nonce = ${nonce}`), 1, 'versions above the highest fee');
        proxy.rule('eth_getBlockByNumber', null);
        pool.held = false;       // the same bytes are sent again
        await ended(env, story, [order]);
        await counted(env, nonce, first);
        check_equal(await open_alarms(env, 'tx_stuck'), 0, 'open alarms');
    });
}

async function cancelled(env, story, pool) {
    const found = await stuck(env, story, pool);
    const dry = await env.rpc('tx.cancel', { tx_hash: found.first, dry_run: true });
    check_equal(dry.dry_run, true, 'a dry run');
    const answer = await act(env, 'tx.cancel', { tx_hash: found.first });
    check_equal(answer.nonce, found.nonce, 'the nonce that is cancelled');
    await env.wait_for(async () => await rows(env, `tx WHERE nonce = ${found.nonce} AND kind = 'cancel'`
        + " AND state = 'sent'") === 1, STEP_MS, 'a cancel that is sent');
    const nothing = pool.offered(found.nonce).find((tx) => tx.data === '0x');
    check_equal([nothing.to.toLowerCase(), nothing.value, nothing.gasLimit],
        [env.ground.relayer.address.toLowerCase(), 0n, 21000n], 'the cancel');
    return { ...found, nothing };
}

const CANCELS = { ...PUBLIC, 'chain.stuck_s': 86400 };

function cancel_wins(ground) {
    return drilled(ground, 'cancel-wins', CANCELS, async ({ env, story, pool }) => {
        const { order, nonce, nothing } = await cancelled(env, story, pool);
        await check_refused(act(env, 'tx.cancel', { tx_hash: nothing.hash }), 'request.state', 'cancelling a cancel');
        check_equal(await rows(env, "effect WHERE kind = 'escrow_create' AND state = 'sent'"), 1,
            'effects that wait for the end of the cancel');
        await pool.mine(nothing.hash);
        pool.held = false;
        await ended(env, story, [order]);
        await counted(env, nonce, nothing.hash);
        const [{ hash }] = await env.sql("SELECT nonce::int AS hash FROM tx WHERE kind = 'escrow_create' AND state = 'final'");
        check_equal(hash > nonce, true, 'the creation that happened has a later nonce');
        check_equal(await rows(env, "evidence WHERE event = 'EscrowCreated'"), 1, 'escrows created');
    });
}

/** The cancel is replaced in its turn, and the block takes the older one: it is a cancel all the same. */
function older_cancel_wins(ground) {
    return drilled(ground, 'older-cancel-wins', { ...CANCELS, 'chain.stuck_s': 2 }, async ({ env, story, pool }) => {
        const { order, nonce, nothing } = await cancelled(env, story, pool);
        await env.wait_for(async () => await rows(env, `tx WHERE nonce = ${nonce} AND kind = 'cancel'`) >= 2, STEP_MS,
            'a second cancel');
        await pool.mine(nothing.hash);
        pool.held = false;
        await env.wait_for(async () => await rows(env, `tx WHERE nonce = ${nonce} AND state = 'final'`) === 1, STEP_MS,
            'the older cancel being final');
        await counted(env, nonce, nothing.hash);
        await ended(env, story, [order]);
    });
}

/** The database is older than the signer's record: its fencing token is raised until the signer takes it. */
function older_token(ground) {
    return drilled(ground, 'older-token', {}, async ({ env, story }) => {
        for (let start = 0; start < 3; start += 1) {
            const order = await paid(story, `${2100 + start}.00`);
            await story.reach(order, 'in_custody');      // signed under the token of this start
            await env.daemon_stop();
            await env.daemon_start();
        }
        const [{ token }] = await env.sql("SELECT max(token) AS token FROM lease WHERE name LIKE 'lane:relayer:%'");
        check(Number(token) >= 3, `the lane's token is ${token} after four starts`);
        await env.daemon_stop();
        await env.ground.cluster.query(env.database, "UPDATE relayer.lease SET token = 0 WHERE name LIKE 'lane:%'", 'relayer');
        await env.daemon_start();
        const order = await paid(story, '2200.00');
        await story.reach(order, 'in_custody');
        check_equal(await rows(env, "alarm WHERE code = 'signer_fence'") > 0, true, 'the alarm of an older token');
        await wait_rows(env, "alarm WHERE code = 'signer_fence' AND cleared_at IS NULL", 0, 'the end of the alarm');
        await env.warp(DAY_S + 60);
        await story.reach(order, 'completed');
    }, { ends: false });
}

function cancel_loses(ground) {
    return drilled(ground, 'cancel-loses', CANCELS, async ({ env, story, pool }) => {
        const { order, nonce, first } = await cancelled(env, story, pool);
        await pool.mine(first);
        pool.held = false;
        await ended(env, story, [order]);
        await counted(env, nonce, first);
        check_equal(await rows(env, "evidence WHERE event = 'EscrowCreated'"), 1, 'escrows created');
    });
}

/** A transfer is not refused by the chain when it comes twice: after a cancel a person decides. */
function cancel_of_a_transfer(ground) {
    return drilled(ground, 'cancel-transfer', CANCELS, async ({ env, story, pool }) => {
        pool.held = (tx) => tx.to.toLowerCase() === env.contracts.token.toLowerCase();
        const order = await paid(story, '2000.00');
        await story.reach(order, 'in_custody');
        await env.warp(DAY_S + 60);
        await wait_rows(env, "tx WHERE kind = 'token_transfer' AND state = 'sent'", 1, 'a transfer that is sent');
        const [{ hash }] = await env.sql("SELECT '0x' || encode(hash, 'hex') AS hash FROM tx"
            + " WHERE kind = 'token_transfer'");
        const { nonce } = await act(env, 'tx.cancel', { tx_hash: hash });
        await wait_rows(env, `tx WHERE nonce = ${nonce} AND kind = 'cancel' AND state = 'final'`, 1, 'a cancel');
        await wait_rows(env, "effect WHERE kind = 'token_transfer' AND state = 'parked'", 1, 'a parked transfer');
        check_equal(await rows(env, "tx WHERE kind = 'token_transfer'"), 1, 'transfers signed');
    }, { ends: false });
}

function no_cancel(ground) {
    return drilled(ground, 'no-cancel', {}, async ({ env, story }) => {
        const order = await paid(story, '2000.00');
        await ended(env, story, [order]);
        const [{ hash }] = await env.sql("SELECT '0x' || encode(hash, 'hex') AS hash FROM tx LIMIT 1");
        const error = await check_refused(act(env, 'tx.cancel', { tx_hash: hash }), 'request.state',
            'a cancel where nothing waits');
        check(error.message.includes('chain.mempool is none'), error.message);
    });
}

/* --- gas money and batches ----------------------------------------------------------------------- */

const balance_known = (env, wei) => env.wait_for(
    async () => (await env.rpc('system.status')).lanes[0].gas_wei === `${wei}`, STEP_MS, 'the balance being read');

function gas_low(ground) {
    return drilled(ground, 'gas-low', {}, async ({ env, story }) => {
        const { address } = env.ground.relayer;
        await env.ground.node('anvil_setBalance', [address, hex(LOW_WEI)]);
        const order = await paid(story, '2000.00');
        await env.wait_for(() => open_alarms(env, 'gas_low'), STEP_MS, 'an alarm that there is little');
        await story.reach(order, 'in_custody');       // little is still enough
        const { lanes } = await env.rpc('system.status');
        check_equal([lanes[0].lane, lanes[0].gas_low, BigInt(lanes[0].gas_wei) <= LOW_WEI], ['relayer', true, true],
            'the lane in system.status');
        await env.ground.node('anvil_setBalance', [address, hex(PLENTY_WEI)]);
        await ended(env, story, [order]);
        await wait_rows(env, "alarm WHERE code = 'gas_low' AND cleared_at IS NULL", 0, 'open alarms');
    });
}

/** What is open is always covered: a second one that could eat into it is not signed. */
function gas_covers_open(ground) {
    const settings = { 'chain.batch_max': 1, 'chain.in_flight': 2 };
    return drilled(ground, 'gas-open', settings, async ({ env, story, pool }) => {
        const { address } = env.ground.relayer;
        pool.held = true;
        const orders = [await paid(story, '2000.00')];
        await wait_rows(env, `${CREATIONS} AND state = 'sent'`, 1, 'a creation that is sent');
        const [{ cost }] = await env.sql(`SELECT (gas_limit * max_fee_wei)::text AS cost FROM ${CREATIONS}`);
        const enough_for_one = BigInt(cost) + 1n;
        await env.ground.node('anvil_setBalance', [address, hex(enough_for_one)]);
        await balance_known(env, enough_for_one);
        orders.push(await paid(story, '3000.00'));
        await env.wait_for(() => open_alarms(env, 'gas_empty'), STEP_MS, 'a refusal');
        check_equal(await rows(env, CREATIONS), 1, 'creations signed');
        await env.ground.node('anvil_setBalance', [address, hex(PLENTY_WEI)]);
        await wait_rows(env, `${CREATIONS} AND state = 'sent'`, 2, 'both creations');
        pool.held = false;
        await ended(env, story, orders);
        check_equal(await open_alarms(env, 'gas_empty'), 0, 'open alarms');
    });
}

function gas_refused(ground) {
    return drilled(ground, 'gas-refused', {}, async ({ env, story }) => {
        const { address } = env.ground.relayer;
        await env.ground.node('anvil_setBalance', [address, '0x1']);
        await balance_known(env, 1n);
        const order = await paid(story, '2000.00');
        await env.wait_for(() => open_alarms(env, 'gas_empty'), STEP_MS, 'a refusal');
        check_equal(await rows(env, CREATIONS), 0, 'creations signed without the money');
        check_equal(await rows(env, "effect WHERE kind = 'escrow_create' AND state = 'planned'"), 1, 'effects that wait');
        await env.ground.node('anvil_setBalance', [address, hex(PLENTY_WEI)]);
        await ended(env, story, [order]);
        check_equal(await open_alarms(env, 'gas_empty'), 0, 'open alarms');
    });
}

function batch_gas(ground) {
    return drilled(ground, 'batch-gas', { 'chain.batch_gas_max': 400_000 }, async ({ env, story }) => {
        const orders = await planned(env, story, 6);
        await act(env, 'system.resume');
        await ended(env, story, orders);
        const headroom = 1.5;
        const over = await rows(env, `${CREATIONS} AND effects > 1 AND gas_limit > ${400_000 * headroom}`);
        check_equal(over, 0, 'batches above the most gas');
        const several = await rows(env, `${CREATIONS} AND effects > 1`);
        check(several >= 1, 'every creation went alone: cut, not halved to one');
    });
}

/* --- drain and orderly stop ---------------------------------------------------------------------- */

function drain(ground) {
    return drilled(ground, 'drain', {}, async ({ env, story, pool }) => {
        pool.held = true;
        const orders = [await paid(story, '2000.00')];
        await wait_rows(env, `${CREATIONS} AND state = 'sent'`, 1, 'a creation that is sent');
        await act(env, 'system.drain', { reason: 'moving' });
        orders.push(await paid(story, '3000.00'));
        await wait_rows(env, "effect WHERE kind = 'escrow_create' AND state = 'planned'", 1, 'a second one, planned');
        let status = await env.rpc('system.status');
        check_equal([status.draining, status.drained, status.left], [true, false, 1], 'draining, drained, left');
        pool.held = false;
        status = await env.wait_for(async () => {
            const now = await env.rpc('system.status');
            return now.drained ? now : undefined;
        }, STEP_MS, 'the drain');
        check_equal([status.left, status.lanes[0].planned], [0, 1], 'left, planned');
        check_equal(await rows(env, CREATIONS), 1, 'creations signed');
        await env.daemon_stop();
        check_equal(await rows(env, 'lease WHERE until > now()'), 0, 'leases kept by a daemon that is gone');
        await env.daemon_start();
        check_equal((await env.rpc('system.status')).draining, true, 'draining after a restart');
        await act(env, 'system.resume');
        await ended(env, story, orders);
    });
}

/* --- order --------------------------------------------------------------------------------------- */

/** answer(call, forward) meets the first offers of the lowest nonce; none above it may come before it is in. */
function in_order(ground, name, answer) {
    const settings = { 'chain.batch_max': 1, 'chain.in_flight': 4 };
    return drilled(ground, name, settings, async ({ env, story, proxy }) => {
        const orders = await planned(env, story, 4);
        const taken = [], early = [];
        let first;
        proxy.rule('eth_sendRawTransaction', async (call, forward) => {
            const { nonce, hash } = Transaction.from(call.params[0]);
            first ??= { nonce, refusals: 3 };
            if (nonce === first.nonce && first.refusals > 0) {
                first.refusals -= 1;
                return answer;
            }
            if (taken.length > 0 && nonce > Math.max(...taken) + 1) {
                early.push(nonce);
            }
            if (taken.length === 0 && nonce > first.nonce) {
                early.push(nonce);
            }
            const sent = await forward();
            if (sent.result === hash) {
                taken.push(nonce);
            }
            return sent;
        });
        await act(env, 'system.resume');
        await ended(env, story, orders);
        check_equal(early, [], 'nonces that left before the one below was accepted');
        check_equal(first.refusals, 0, 'refusals left');
    });
}

const MANY = 36;                 // more than one round of a lane looks at

/** Finality stands still while more are mined than a lane may have open; then all become final. */
function many_not_final(ground) {
    const settings = { 'chain.batch_max': 1, 'chain.in_flight': 32 };
    return drilled(ground, 'many', settings, async ({ env, story, proxy }) => {
        const orders = await planned(env, story, MANY);
        const frozen = new Map();
        proxy.rule('eth_getBlockByNumber', async (call, forward) => {
            const [tag] = call.params;
            if (tag !== 'safe' && tag !== 'finalized') {
                return forward();
            }
            if (!frozen.has(tag)) {
                frozen.set(tag, await forward());
            }
            return frozen.get(tag);
        });
        await env.wait_for(() => frozen.has('finalized'), STEP_MS, 'finality standing still');
        await act(env, 'system.resume');
        await wait_rows(env, `${CREATIONS} AND state = 'mined'`, MANY, 'creations mined and not final');
        proxy.rule('eth_getBlockByNumber', null);
        await ended(env, story, orders);
        check_equal(await rows(env, CREATIONS), MANY, 'creations signed');
    });
}

const NONCE_HIGH = { error: { code: -32000, message: 'nonce too high' } };
const FEE_LOW = { error: { code: -32000, message: 'max fee per gas less than block base fee' } };

function fee_low(ground) {
    return drilled(ground, 'fee-low', {}, async ({ env, story, proxy }) => {
        proxy.rule('eth_sendRawTransaction', () => FEE_LOW);
        const order = await paid(story, '2000.00');
        await env.wait_for(() => open_alarms(env, 'fee_low'), STEP_MS, 'an alarm that the fee is too low');
        proxy.rule('eth_sendRawTransaction', null);
        await ended(env, story, [order]);
        check_equal(await rows(env, CREATIONS), 1, 'creations signed');
        check_equal(await open_alarms(env, 'fee_low'), 0, 'open alarms');
    });
}

/** A number that the record has and the chain does not count: the draft is dropped, a later number is used. */
function nonce_taken(ground) {
    return drilled(ground, 'nonce-taken', {}, async ({ env, story }) => {
        const from = env.ground.relayer.address;
        const orders = await planned(env, story, 1);
        const nonce = Number(await env.ground.node('eth_getTransactionCount', [from, 'latest']));
        // Another daemon stores a transaction of that number just when the draft is stored.
        await env.ground.cluster.query(env.database, 'SET search_path = relayer; CREATE FUNCTION number_take()'
            + ' RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO relayer.tx (hash, chain_id, account, nonce, lane,'
            + ' kind, destination, raw, gas_limit, max_fee_wei, effects, state, fence)'
            + " SELECT decode(repeat('ab', 32), 'hex'), chain_id, account, NEW.nonce, lane, kind, destination, raw,"
            + " gas_limit, max_fee_wei, 1, 'final', fence FROM relayer.tx LIMIT 1 ON CONFLICT DO NOTHING;"
            + ' INSERT INTO relayer.nonce (chain_id, account, nonce, tx_hash) SELECT chain_id, account, nonce, hash'
            + " FROM relayer.tx WHERE hash = decode(repeat('ab', 32), 'hex') ON CONFLICT DO NOTHING;"
            + ' RETURN NULL; END $$; CREATE TRIGGER number_taken AFTER INSERT ON draft FOR EACH ROW'
            + ' EXECUTE FUNCTION number_take()', 'relayer');
        await act(env, 'system.resume');
        await wait_rows(env, "effect WHERE kind = 'escrow_create' AND last_error LIKE 'its nonce was taken%'", 1,
            'a dropped draft');
        await env.ground.node('anvil_impersonateAccount', [from]);
        await transaction_mine(env, { from, to: from, value: '0x0', gas: '0x5208' }, 'another use of our nonce');
        await env.ground.node('anvil_stopImpersonatingAccount', [from]);
        await ended(env, story, orders);
        const [{ used }] = await env.sql(`SELECT nonce::int AS used FROM ${CREATIONS} AND state = 'final'`);
        check(used > nonce, `the creation has nonce ${used}`);
    });
}

export const scenarios = [
    { name: 'lane: public, a stuck transaction is replaced', run: replaced },
    { name: 'lane: public, the base fee jumps above what was offered', run: fee_jump },
    { name: 'lane: public, the first version is mined after its replacement was sent', run: first_wins },
    { name: 'lane: public, no room below the highest fee', run: cap_reached },
    { name: 'lane: public, a cancel wins', run: cancel_wins },
    { name: 'lane: public, an older cancel wins', run: older_cancel_wins },
    { name: 'lane: public, a cancel loses', run: cancel_loses },
    { name: 'lane: an older token is raised', run: older_token },
    { name: 'lane: public, a cancelled transfer is parked', run: cancel_of_a_transfer },
    { name: 'lane: no cancel without a mempool', run: no_cancel },
    { name: 'lane: little gas money', run: gas_low },
    { name: 'lane: no transaction is signed that the account cannot pay', run: gas_refused },
    { name: 'lane: what is open stays covered', run: gas_covers_open },
    { name: 'lane: batches are cut by gas', run: batch_gas },
    { name: 'lane: a drain', run: drain },
    { name: 'lane: lost answers keep the order', run: (ground) => in_order(ground, 'order-lost', CUT) },
    { name: 'lane: refusals keep the order', run: (ground) => in_order(ground, 'order-high', NONCE_HIGH) },
    { name: 'lane: the fee stays too low', run: fee_low },
    { name: 'lane: a number that is taken', run: nonce_taken },
    { name: 'lane: more wait for finality than a round looks at', run: many_not_final, long: true },
];
