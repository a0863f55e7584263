// Verification and the three-way check on real parts: they agree with an honest history, while money moves
// and at rest, and each kind of forgery in the books, made with every rule of the database switched off, is
// found at its place. relayerctl says so by its exit status.

import { execFile } from 'node:child_process';

import { binary } from '../support/env.mjs';
import { check, check_equal, check_refused, with_env } from './bed.mjs';

const DAY_S = 24 * 3600;
const DIFFERENCE = 5;

const order_of = (more) => ({ payer: 'ana', seller: 'Seller', buyer: 'Buyer', custody_seconds: DAY_S, ...more });

/** relayerctl's exit status and output. */
function cli(env, ...args) {
    return new Promise((resolve) => {
        execFile(binary('relayerctl'), ['-s', env.socket, ...args], (error, out, err) => {
            resolve({ status: error?.code ?? 0, out, err });
        });
    });
}

async function agrees(env, params, what) {
    const report = await env.rpc('audit.verify', params);
    check(report.differences.length === 0, `${what}: ${JSON.stringify(report.differences.slice(0, 3))}`);
    check(report.checked > 0, `${what}: nothing was checked`);
    return report;
}

async function balanced(env, what) {
    const { differences, accounts } = await env.rpc('recon.run');
    check(differences.length === 0, `${what}: ${JSON.stringify(differences)}`);
    return accounts;
}

/** Runs sql with all triggers of the tables switched off, as somebody with the owner's rights could. */
function forge(env, tables, sql) {
    const off = tables.map((table) => `ALTER TABLE relayer.${table} DISABLE TRIGGER USER;`).join(' ');
    const on = tables.map((table) => `ALTER TABLE relayer.${table} ENABLE TRIGGER USER;`).join(' ');
    return env.ground.cluster.query(env.database, `BEGIN; ${off} ${sql}; ${on} COMMIT`);
}

/** One disputed and refunded payment, one released, one in custody; gives their orders. */
async function history(env, story) {
    await story.beneficiaries(['Seller', 'Buyer', 'Platform']);
    await Promise.all(['ana', 'bea', 'eva'].map((payer) => story.payer(payer)));
    const released = await story.create(order_of({ amount: '3000.00', immediate_bps: 2000,
        commissions: [['Platform', 500]] }));
    const reverted = await story.create(order_of({ amount: '1200.00', payer: 'bea' }));
    await Promise.all([story.pay(released), story.pay(reverted)]);
    await balanced(env, 'while deposits arrive');
    await Promise.all([released, reverted].map((order) => story.reach(order, 'in_custody')));
    await agrees(env, { all: true }, 'in custody');
    await story.dispute(reverted, 'buyer', 'nothing came');
    await story.reach(reverted, 'disputed');
    await story.resolve(reverted, 'approved', 'nothing came indeed');
    await agrees(env, { all: true }, 'while tokens return');
    await env.warp(DAY_S + 60);
    await balanced(env, 'while an escrow is released');
    await Promise.all([released, reverted].map((order) => story.reach(order, 'completed')));
    const held = await story.create(order_of({ amount: '700.00', payer: 'eva', custody_seconds: 30 * DAY_S }));
    await story.pay(held);
    await story.reach(held, 'in_custody');
    return { released, reverted, held };
}

async function honest(ground) {
    await with_env(ground, 'audit-honest', async ({ env, story }) => {
        const { released, held } = await history(env, story);
        const all = await agrees(env, { all: true }, 'everything');
        check(all.looked_at.transactions >= 8, `only ${all.looked_at.transactions} transactions were looked at`);
        check_equal(all.looked_at.escrows, 3, 'escrows looked at');
        check(all.as_of.block > 0, 'the report names no block');
        const accounts = await balanced(env, 'at rest');
        check_equal([accounts.escrow_mxnb.ledger, accounts.escrow_mxnb.chain], ['700.00', '700.00'], 'escrow');
        check_equal(accounts.juno_mxnb.in_flight, '0.00', 'in flight at rest');
        const one = await agrees(env, { payment_id: held.payment_id }, 'one payment');
        check_equal(one.looked_at.escrows, 1, 'escrows of one payment');
        const [{ hash }] = await env.sql(`SELECT '0x' || encode(created_tx, 'hex') AS hash FROM escrow x WHERE
            x.payment_id = '${released.payment_id}'`);
        const tx = await agrees(env, { tx_hash: hash }, 'one transaction');
        check_equal(tx.looked_at.transactions, 1, 'transactions of one hash');
        await check_refused(env.rpc('audit.verify', { tx_hash: `0x${'00'.repeat(32)}` }), 'request.not_found',
            'an unknown transaction');
        await check_refused(env.rpc('audit.verify', { payment_id: '0190a1b2-c3d4-7e5f-8a6b-000000000001' }),
            'request.not_found', 'an unknown payment');
        const told = await cli(env, 'audit', 'verify', '--all');
        check_equal([told.status, JSON.parse(told.out).differences], [0, []], `relayerctl: ${told.err}`);
    });
}

const OF_TERMS = /^payment [0-9a-f-]{36}$/;
const SWAP = 'UPDATE relayer.payment SET seller_id = buyer_id, buyer_id = seller_id';
const OF_RELEASE = "(SELECT id FROM relayer.effect WHERE kind = 'escrow_release' LIMIT 1)";

/** A leg is for somebody else, and so is where its redemption went: the two agree with each other. */
const paid_to = (name) => `UPDATE relayer.leg SET beneficiary_id = b.id FROM relayer.beneficiary b
        WHERE role = 'seller_final' AND b.name = '${name}';
    UPDATE relayer.effect e SET destination = b.juno_account_id FROM relayer.leg l, relayer.beneficiary b
        WHERE l.effect_id = e.id AND l.role = 'seller_final' AND b.name = '${name}'`;
const commission_to = (name) => 'UPDATE relayer.leg SET beneficiary_id = (SELECT id FROM relayer.beneficiary WHERE'
    + ` name = '${name}') WHERE role = 'commission'`;

// name, tables, change, undo, what a difference must mention
const FORGERIES = [
    ['an entry\'s amount', ['entry'],
        'UPDATE relayer.entry SET amount = amount + sign(amount) * 10000 WHERE txn_id = (SELECT id FROM relayer.txn'
        + ` WHERE kind = 'settle' AND effect_id = ${OF_RELEASE}) AND layer = 'posted'`,
        'UPDATE relayer.entry SET amount = amount - sign(amount) * 10000 WHERE txn_id = (SELECT id FROM relayer.txn'
        + ` WHERE kind = 'settle' AND effect_id = ${OF_RELEASE}) AND layer = 'posted'`, /^(effect|ledger)/],
    ['an account\'s balance', ['balance'],
        'UPDATE relayer.balance SET amount = amount + 10000 WHERE layer = \'posted\' AND account_id = (SELECT id FROM'
        + ' relayer.account WHERE code = \'juno_mxnb\')',
        'UPDATE relayer.balance SET amount = amount - 10000 WHERE layer = \'posted\' AND account_id = (SELECT id FROM'
        + ' relayer.account WHERE code = \'juno_mxnb\')', /^ledger/],
    ['the amount of a log', ['evidence'],
        'UPDATE relayer.evidence SET amount_units = amount_units + 1 WHERE event = \'EscrowReleased\'',
        'UPDATE relayer.evidence SET amount_units = amount_units - 1 WHERE event = \'EscrowReleased\'', /^tx 0x.* log/],
    ['the receiver of a log', ['evidence'],
        'UPDATE relayer.evidence SET to_address = from_address, from_address = to_address WHERE event = \'Transfer\'',
        'UPDATE relayer.evidence SET to_address = from_address, from_address = to_address WHERE event = \'Transfer\'',
        /^tx 0x.* log/],
    ['the block of a transaction', ['tx'],
        'UPDATE relayer.tx SET block_number = block_number - 1 WHERE kind = \'escrow_create\'',
        'UPDATE relayer.tx SET block_number = block_number + 1 WHERE kind = \'escrow_create\'', /^tx 0x/],
    ['the stored bytes of a transaction', ['tx'],
        'UPDATE relayer.tx SET raw = set_byte(raw, 20, get_byte(raw, 20) # 1)',
        'UPDATE relayer.tx SET raw = set_byte(raw, 20, get_byte(raw, 20) # 1)', /^tx 0x/],
    ['the amount of an effect', ['effect'],
        'UPDATE relayer.effect SET amount_units = amount_units + 10000 WHERE kind = \'withdraw\'',
        'UPDATE relayer.effect SET amount_units = amount_units - 10000 WHERE kind = \'withdraw\'', /^(tx 0x|effect)/],
    ['where a payout went', ['effect'],
        'UPDATE relayer.effect SET destination = destination || \'x\' WHERE kind = \'redeem\'',
        'UPDATE relayer.effect SET destination = left(destination, -1) WHERE kind = \'redeem\'', /^payment .* leg/],
    ['the state of an escrow', ['escrow'],
        'UPDATE relayer.escrow SET state = \'released\' WHERE state = \'active\'',
        'UPDATE relayer.escrow SET state = \'active\' WHERE ended_tx IS NULL', /^escrow 0x/],
    ['the amount of an escrow', ['escrow'],
        'UPDATE relayer.escrow SET amount_units = amount_units + 1', 'UPDATE relayer.escrow SET amount_units = amount_units - 1',
        /^escrow 0x/],
    ['what Juno redeemed', ['juno_txn'],
        'UPDATE relayer.juno_txn SET amount_units = amount_units + 10000 WHERE kind = \'REDEMPTION\'',
        'UPDATE relayer.juno_txn SET amount_units = amount_units - 10000 WHERE kind = \'REDEMPTION\'', /^effect .*redeem/],
    ['what Juno issued', ['juno_txn'],
        'UPDATE relayer.juno_txn SET amount_units = amount_units + 10000 WHERE kind = \'ISSUANCE\'',
        'UPDATE relayer.juno_txn SET amount_units = amount_units - 10000 WHERE kind = \'ISSUANCE\'', /^payment/],
    ['the terms of a payment', ['payment'],
        'UPDATE relayer.payment SET terms_hash = set_byte(terms_hash, 0, get_byte(terms_hash, 0) # 1)',
        'UPDATE relayer.payment SET terms_hash = set_byte(terms_hash, 0, get_byte(terms_hash, 0) # 1)',
        /^(tx 0x.* log|escrow)/],
    ['who is paid, and the account it went to', ['leg', 'effect'], paid_to('Platform'), paid_to('Seller'),
        /^payment .* leg/],
    ['who gets a commission', ['leg'], commission_to('Buyer'), commission_to('Platform'), OF_TERMS],
    ['a commission and what was promised of it', ['leg'],
        'UPDATE relayer.leg SET amount_centavos = amount_centavos + 1, promised_centavos = promised_centavos + 1'
        + ' WHERE role = \'commission\'',
        'UPDATE relayer.leg SET amount_centavos = amount_centavos - 1, promised_centavos = promised_centavos - 1'
        + ' WHERE role = \'commission\'', OF_TERMS],
    ['how long custody lasts', ['payment'],
        'UPDATE relayer.payment SET custody_seconds = custody_seconds + 1',
        'UPDATE relayer.payment SET custody_seconds = custody_seconds - 1', OF_TERMS],
    ['who pays', ['payment'], 'UPDATE relayer.payment SET payer_ref = payer_ref || \'x\'',
        'UPDATE relayer.payment SET payer_ref = left(payer_ref, -1)', OF_TERMS],
    ['who pays, with his CLABE', ['payment', 'clabe'],
        'UPDATE relayer.payment SET payer_ref = payer_ref || \'x\';'
        + ' UPDATE relayer.clabe SET user_ref = user_ref || \'x\'',
        'UPDATE relayer.payment SET payer_ref = left(payer_ref, -1);'
        + ' UPDATE relayer.clabe SET user_ref = left(user_ref, -1)', OF_TERMS],
    ['who sells and who buys', ['payment'], SWAP, SWAP, OF_TERMS],
    ['the terms in all our books', ['payment', 'escrow'],
        'UPDATE relayer.payment SET terms_hash = set_byte(terms_hash, 0, get_byte(terms_hash, 0) # 1);'
        + ' UPDATE relayer.escrow SET terms_hash = set_byte(terms_hash, 0, get_byte(terms_hash, 0) # 1)',
        'UPDATE relayer.payment SET terms_hash = set_byte(terms_hash, 0, get_byte(terms_hash, 0) # 1);'
        + ' UPDATE relayer.escrow SET terms_hash = set_byte(terms_hash, 0, get_byte(terms_hash, 0) # 1)',
        /^tx 0x.* log/],
];

async function forged(ground) {
    await with_env(ground, 'audit-forged', async ({ env, story }) => {
        await history(env, story);
        await agrees(env, { all: true }, 'before any forgery');
        for (const [name, tables, change, undo, where] of FORGERIES) {
            await forge(env, tables, change);
            const { differences, differences_count } = await env.rpc('audit.verify', { all: true });
            check(differences.some((d) => where.test(d.where)),
                `${name}: not found at ${where}; found ${JSON.stringify(differences.slice(0, 3))}`);
            check(differences_count >= differences.length, `${name}: differences are not counted`);
            check(differences.every((d) => d.expected !== '' && d.found !== '' && d.hint !== ''),
                `${name}: a difference says too little: ${JSON.stringify(differences)}`);
            await forge(env, tables, undo);
            await agrees(env, { all: true }, `after undoing ${name}`);
        }
        await forge(env, ['evidence'], 'UPDATE relayer.evidence SET round = round + 1 WHERE event = \'EscrowReleased\'');
        const told = await cli(env, 'audit', 'verify', '--all', '-o', 'table');
        check_equal(told.status, DIFFERENCE, `relayerctl's exit status (${told.err})`);
        check(/round 0 +round|round 1 +round 0/.test(told.out), `relayerctl does not show the difference: ${told.out}`);
    });
}

/** A centavo that leaves the bridge wallet behind the daemon's back shows in the three-way check. */
async function tokens_lost(ground) {
    await with_env(ground, 'audit-lost', async ({ env, story }) => {
        await story.beneficiaries(['Seller', 'Buyer']);
        await story.payer('ana');
        const order = await story.create(order_of({ amount: '500.00' }));
        await story.pay(order);
        await story.reach(order, 'in_custody');
        await balanced(env, 'before');
        const { relayer } = env.ground;
        // mint(address,uint256) by the sandbox's minter: one unit nobody accounts for.
        await env.ground.node('eth_sendTransaction', [{ from: env.minter, to: env.contracts.token, gas: '0x30d40',
            data: `0x40c10f19${relayer.address.slice(2).toLowerCase().padStart(64, '0')}${'1'.padStart(64, '0')}` }]);
        await env.wait_for(async () => await env.token_balance(relayer.address) === 1n, 10_000, 'the token being minted');
        const { differences } = await env.rpc('recon.run');
        check_equal(differences.map((d) => d.where), ['account bridge_mxnb'], 'differences');
        const told = await cli(env, 'recon');
        check_equal(told.status, DIFFERENCE, 'relayerctl\'s exit status');
    });
}

export const scenarios = [
    { name: 'audit: an honest history has no differences', run: honest },
    { name: 'audit: every forgery is found', run: forged },
    { name: 'audit: a token too much shows in the three-way check', run: tokens_lost },
];
