// What an existing backend reads: the columns of the owner's entities under their own names, and one disputed
// payment's values, each known from the order, from the bank or from the chain, never from the daemon.

import { AbiCoder, getBytes, Interface, keccak256 } from 'ethers';

import { contract_load } from '../../contracts/tools/lib/build.mjs';
import { check, check_equal, with_env } from './bed.mjs';
import { rows_of } from './story.mjs';

const DAY_S = 24 * 3600;
const CHAIN_ID = 42161;

/** Written down from the tables of the owner's document, in its order. */
const COLUMNS = {
    payment: ['id', 'user_id', 'recipient_email', 'amount', 'currency', 'description', 'reference',
        'juno_transaction_id', 'blockchain_tx_hash', 'bitso_tracking_number', 'travel_rule_data', 'deposit_clabe',
        'payout_clabe', 'status', 'escrow_id', 'created_at', 'updated_at'],
    escrow: ['id', 'payment_id', 'smart_contract_escrow_id', 'blockchain_tx_hash', 'release_tx_hash',
        'custody_percent', 'custody_amount', 'release_amount', 'status', 'dispute_status', 'dispute_reason',
        'dispute_details', 'dispute_evidence', 'dispute_history', 'custody_end', 'created_at', 'updated_at'],
    dispute: ['id', 'escrow_id', 'raised_by', 'reason', 'details', 'evidence_url', 'status', 'admin_notes',
        'contract_dispute_raised_tx', 'contract_dispute_resolved_tx', 'created_at', 'updated_at'],
    payment_event: ['id', 'paymentId', 'type', 'description', 'created_at'],
    juno_transaction: ['id', 'type', 'reference', 'amount', 'status', 'tx_hash', 'created_at', 'updated_at'],
};

const TOLD = {
    reason: 'half of it is broken', details: 'two of four boxes', evidence_url: 'https://example.com/boxes',
};
const NOTES = 'both have a point';

async function columns_check(env) {
    const rows = await env.sql('SELECT table_name AS view, column_name AS name FROM information_schema.columns '
        + 'WHERE table_schema = \'kustodia\' ORDER BY table_name, ordinal_position');
    const found = {};
    rows.forEach(({ view, name }) => (found[view] ??= []).push(name));
    check_equal(Object.keys(found).sort(), Object.keys(COLUMNS).sort(), 'the views');
    for (const [view, names] of Object.entries(COLUMNS)) {
        check_equal(found[view], names, `the columns of ${view}`);
    }
}

/** A tenth at once, the rest in custody; a dispute splits that into 800.00 for the buyer and 1000.00. */
async function split_payment(env, story) {
    await story.beneficiaries(['Seller', 'Buyer']);
    await story.payer('ana');
    const order = await story.create({
        payer: 'ana', seller: 'Seller', buyer: 'Buyer', amount: '2000.00', immediate_bps: 1000,
        custody_seconds: DAY_S, description: 'four boxes',
    });
    await story.pay(order);
    await story.reach(order, 'in_custody');
    await env.insist('dispute.raise', {
        payment_id: order.payment_id, party: 'buyer', raised_by: 'ana@example.com', ...TOLD,
    });
    await story.reach(order, 'disputed');
    await story.resolve(order, 'split', NOTES, '800.00');
    await story.reach(order, 'completed');
    return order;
}

/** The escrow's id as the contract makes it, and the transactions and custody end of its logs. */
async function chain_facts(env, payment_id) {
    const { escrow, deployBlock } = env.contracts;
    const uuid = `0x${payment_id.replace(/-/g, '')}`;
    const id = keccak256(getBytes(AbiCoder.defaultAbiCoder().encode(['uint256', 'address', 'bytes16', 'uint8'],
        [CHAIN_ID, escrow, uuid, 0])));
    const face = new Interface(contract_load('KustodiaEscrow').abi);
    const logs = await env.ground.node('eth_getLogs', [{
        address: escrow, fromBlock: `0x${Number(deployBlock).toString(16)}`, topics: [null, id],
    }]);
    const facts = { id };
    for (const log of logs) {
        const { name, args } = face.parseLog(log);
        facts[name] = log.transactionHash;
        facts.custody_end = name === 'EscrowCreated' ? Number(args.custodyEnd) : facts.custody_end;
    }
    return facts;
}

/** The one row of a view without the columns that only time decides. */
async function row_read(env, view) {
    const rows = await env.sql(`SELECT * FROM kustodia.${view}`);
    check_equal(rows.length, 1, `rows of ${view}`);
    const { created_at, updated_at, ...row } = rows[0];
    check(Date.parse(created_at) <= Date.parse(updated_at), `${view}: made ${created_at}, changed ${updated_at}`);
    return row;
}

async function bank_transactions(env) {
    return (await (await fetch(`${env.control_url}/transactions`)).json()).transactions;
}

async function payment_check(env, story, order, chain) {
    const at_bank = await bank_transactions(env);
    const issued = at_bank.filter((tx) => tx.transaction_type === 'ISSUANCE');
    const paid_at_once = at_bank.filter((tx) => tx.transaction_type === 'REDEMPTION' && tx.amount === 200);
    check_equal([issued.length, paid_at_once.length], [1, 1], 'issuances and payouts of the tenth at the bank');
    check_equal(await row_read(env, 'payment'), {
        id: order.payment_id, user_id: 'ana', recipient_email: null, amount: 2000, currency: 'MXN',
        description: 'four boxes', reference: order.payment_id, juno_transaction_id: issued[0].transaction_id,
        blockchain_tx_hash: chain.EscrowCreated, bitso_tracking_number: paid_at_once[0].details.clave_rastreo,
        travel_rule_data: null, deposit_clabe: story.payers.ana,
        payout_clabe: story.people.Seller.clabe, status: 'completed', escrow_id: chain.id,
    }, 'the payment');
}

async function escrow_check(env, order, chain) {
    const { dispute_history, custody_end, ...row } = await row_read(env, 'escrow');
    check_equal(row, {
        id: chain.id, payment_id: order.payment_id, smart_contract_escrow_id: chain.id,
        blockchain_tx_hash: chain.EscrowCreated, release_tx_hash: chain.EscrowSplit, custody_percent: 90,
        custody_amount: 1800, release_amount: 1000, status: 'split', dispute_status: 'resolved',
        dispute_reason: TOLD.reason, dispute_details: TOLD.details, dispute_evidence: TOLD.evidence_url,
    }, 'the escrow');
    check_equal(Date.parse(custody_end) / 1000, chain.custody_end, 'the end of custody');
    check_equal(dispute_history.map((one) => [one.raised_by, one.reason, one.status, one.resolution]),
        [['ana@example.com', TOLD.reason, 'resolved', 'split']], 'the history of disputes');
}

async function owner_views(ground) {
    await with_env(ground, 'views', async ({ env, story }) => {
        await columns_check(env);
        const order = await split_payment(env, story);
        const chain = await chain_facts(env, order.payment_id);
        await payment_check(env, story, order, chain);
        await escrow_check(env, order, chain);
        const { id, ...dispute } = await row_read(env, 'dispute');
        check(id !== '', 'the dispute has no id');
        check_equal(dispute, {
            escrow_id: chain.id, raised_by: 'ana@example.com', ...TOLD, status: 'resolved', admin_notes: NOTES,
            contract_dispute_raised_tx: chain.DisputeRaised, contract_dispute_resolved_tx: chain.EscrowSplit,
        }, 'the dispute');
        const events = await env.sql('SELECT * FROM kustodia.payment_event');
        const timeline = rows_of(await env.rpc('payment.timeline', { payment_id: order.payment_id }));
        check_equal([...new Set(events.map((event) => event.paymentId))], [order.payment_id], 'payments with events');
        check_equal(events.map(({ type }) => type).sort(), timeline.map(({ type }) => type).sort(), 'events');
        check_equal(events.filter(({ type }) => type === 'escrow_created').length, 1, 'escrow_created events');
        const at_bank = (await bank_transactions(env)).map((tx) => tx.transaction_id);
        const kept = (await env.sql('SELECT id FROM kustodia.juno_transaction')).map((tx) => tx.id);
        check_equal(kept.sort(), at_bank.sort(), 'transactions of the bank');
    });
}

export const scenarios = [{ name: 'views: the owner\'s names and one payment\'s values', run: owner_views }];
