// A crowd: many open payments, put into the database in sets with every constraint and trigger in force. Half of
// them wait for their deposit; the other half are in custody, with an active escrow, legs and a posted ledger
// transaction each. What is in custody ends years from now: no escrow of the crowd exists on the chain, so none
// may fall due. What falls due are payments nobody paid, which the daemon then really expires.

const PER_SET = 5000;
const AMOUNT_CENTAVOS = 100_000;
const CUSTODY_S = 90 * 24 * 3600;
const UNITS_PER_CENTAVO = 10_000;

/* i numbers the crowd's members for ever; ids and CLABEs follow from it. */
const ID = "md5('crowd payment ' || i)::uuid";
const CLABE = "'7101809' || lpad(i::text, 11, '0')";

const set_sql = (first, last, seller, buyer, escrow_end, expire) => `
SET search_path = relayer;
BEGIN;
CREATE TEMP TABLE member ON COMMIT DROP AS
    SELECT i, ${ID} AS id, ${CLABE} AS clabe, i % 2 = 0 AS held,
           sha256(('crowd terms ' || i)::bytea) AS terms, sha256(('crowd escrow ' || i)::bytea) AS escrow_id,
           ${expire} AS expires_at
      FROM generate_series(${first}, ${last}) i;
INSERT INTO clabe (id, user_ref, clabe, state)
    SELECT md5('crowd clabe ' || i)::uuid, 'crowd-' || i, clabe, 'enabled' FROM member;
INSERT INTO payment (id, payer_ref, clabe, seller_id, buyer_id, description, amount_centavos, immediate_centavos,
                     custody_centavos, commission_centavos, custody_seconds, state, terms_hash, custody_end,
                     expires_at, due_at)
    SELECT id, 'crowd-' || i, clabe, '${seller}', '${buyer}', 'one of a crowd', ${AMOUNT_CENTAVOS}, 0,
           ${AMOUNT_CENTAVOS}, 0, ${CUSTODY_S}, CASE WHEN held THEN 'in_custody' ELSE 'waiting_deposit' END, terms,
           CASE WHEN held THEN ${escrow_end} END, expires_at, CASE WHEN NOT held THEN expires_at END FROM member;
INSERT INTO leg (payment_id, n, role, beneficiary_id, amount_centavos, state)
    SELECT id, 0, 'seller_final', '${seller}', ${AMOUNT_CENTAVOS}, 'planned' FROM member;
INSERT INTO payment_event (payment_id, type, amount_units)
    SELECT id, 'payment_created', ${AMOUNT_CENTAVOS * UNITS_PER_CENTAVO} FROM member;
INSERT INTO escrow (id, payment_id, amount_units, terms_hash, state, starts_at, custody_end)
    SELECT escrow_id, id, ${AMOUNT_CENTAVOS * UNITS_PER_CENTAVO}, terms, 'active', ${escrow_end} - ${CUSTODY_S},
           ${escrow_end} FROM member WHERE held;
SELECT post_many(t.ids, t.kinds, t.none, t.payments, t.none, t.hashes, NULL, t.reasons, l.txns, l.codes, l.layers,
                 l.amounts)
  FROM (SELECT array_agg(md5('crowd txn ' || i)::uuid ORDER BY i) AS ids, array_agg('correction'::text) AS kinds,
               array_agg(NULL::uuid) AS none, array_agg(id ORDER BY i) AS payments, array_agg(''::text) AS reasons,
               array_agg(sha256(('crowd txn ' || i)::bytea) ORDER BY i) AS hashes
          FROM member WHERE held) t,
       (SELECT array_agg(n ORDER BY n, side) AS txns, array_agg(class || ':' || id ORDER BY n, side) AS codes,
               array_agg('posted'::text) AS layers,
               array_agg(sign * ${AMOUNT_CENTAVOS * UNITS_PER_CENTAVO}::bigint ORDER BY n, side) AS amounts
          FROM (SELECT (row_number() OVER (ORDER BY i))::integer AS n, id FROM member WHERE held) m
               CROSS JOIN (VALUES (1, 'escrow_mxnb', 1), (2, 'owed_custody', -1)) side (side, class, sign)) l;
COMMIT;`;

/**
 * Members first..last of the crowd. expire: SQL of a member's expires_at, of its number i.
 */
export async function crowd_add(env, people, { first, last, expire = "now() + interval '30 days'" }) {
    const escrow_end = await env.chain_time() + 10 * CUSTODY_S;
    for (let from = first; from <= last; from += PER_SET) {
        await env.ground.cluster.query(env.database, set_sql(from, Math.min(last, from + PER_SET - 1),
            people.Seller.beneficiary_id, people.Buyer.beneficiary_id, escrow_end, expire), 'relayer');
    }
    await env.ground.cluster.query(env.database, 'ANALYZE', 'relayer');
}

/** The payments that are open now, by the daemon's own tables. */
export async function crowd_open(env) {
    const [{ n }] = await env.sql("SELECT count(*) AS n FROM payment"
        + " WHERE state NOT IN ('completed', 'expired', 'cancelled', 'parked')");
    return n;
}
