-- Schema kustodia: what an existing backend reads, under the entity and column names of the Kustodia
-- document. Views only; ids are our uuids as text, amounts are decimals (MXN), a column the relayer has no
-- data for is NULL. "user" is not kept here: user_id is the reference the backend gave us.
--
-- Then relayer.ledger_check(): every rule of ledger and custody looked at again, believing no trigger.

CREATE SCHEMA kustodia;

CREATE FUNCTION kustodia.hex_0x(value bytea) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT '0x' || encode(value, 'hex')
$$;

CREATE FUNCTION kustodia.mxn(centavos numeric) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT round(centavos / 100, 2)
$$;

CREATE VIEW kustodia.payment AS
SELECT p.id::text AS id,
       p.payer_ref AS user_id,
       NULL::text AS recipient_email,
       kustodia.mxn(p.amount_centavos) AS amount,
       'MXN'::text AS currency,
       p.description,
       p.id::text AS reference,
       d.issuance_id AS juno_transaction_id,
       kustodia.hex_0x(e.created_tx) AS blockchain_tx_hash,
       (SELECT l.tracking_key FROM relayer.leg l
         WHERE l.payment_id = p.id AND l.tracking_key IS NOT NULL ORDER BY l.n LIMIT 1)
           AS bitso_tracking_number,
       NULL::jsonb AS travel_rule_data,
       p.clabe AS deposit_clabe,
       s.clabe AS payout_clabe,
       p.state AS status,
       kustodia.hex_0x(e.id) AS escrow_id,
       p.created_at,
       p.updated_at
  FROM relayer.payment p
  JOIN relayer.beneficiary s ON s.id = p.seller_id
  LEFT JOIN relayer.deposit d ON d.payment_id = p.id
  LEFT JOIN relayer.escrow e ON e.payment_id = p.id;

CREATE VIEW kustodia.escrow AS
SELECT kustodia.hex_0x(e.id) AS id,
       e.payment_id::text AS payment_id,
       kustodia.hex_0x(e.id) AS smart_contract_escrow_id,
       kustodia.hex_0x(e.created_tx) AS blockchain_tx_hash,
       kustodia.hex_0x(e.ended_tx) AS release_tx_hash,
       round(p.custody_centavos * 100.0 / p.amount_centavos, 4) AS custody_percent,
       kustodia.mxn(p.custody_centavos) AS custody_amount,
       CASE WHEN e.state IN ('released', 'split')
            THEN kustodia.mxn(p.custody_centavos - p.buyer_centavos) END AS release_amount,
       e.state AS status,
       last.state AS dispute_status,
       last.reason AS dispute_reason,
       last.details AS dispute_details,
       last.evidence_url AS dispute_evidence,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'id', h.id, 'raised_by', h.raised_by, 'reason', h.reason, 'status', h.state,
                   'resolution', h.resolution, 'created_at', h.created_at) ORDER BY h.created_at, h.id),
               '[]'::jsonb)
          FROM relayer.dispute h WHERE h.escrow_id = e.id) AS dispute_history,
       to_timestamp(e.custody_end) AS custody_end,
       e.created_at,
       e.updated_at
  FROM relayer.escrow e
  JOIN relayer.payment p ON p.id = e.payment_id
  LEFT JOIN LATERAL (SELECT * FROM relayer.dispute d WHERE d.escrow_id = e.id
                      ORDER BY d.created_at DESC, d.id DESC LIMIT 1) last ON true;

CREATE VIEW kustodia.dispute AS
SELECT d.id::text AS id,
       kustodia.hex_0x(d.escrow_id) AS escrow_id,
       d.raised_by,
       d.reason,
       d.details,
       d.evidence_url,
       d.state AS status,
       d.admin_notes,
       kustodia.hex_0x(d.raised_tx) AS contract_dispute_raised_tx,
       kustodia.hex_0x(d.resolved_tx) AS contract_dispute_resolved_tx,
       d.created_at,
       d.updated_at
  FROM relayer.dispute d;

-- "paymentId" is spelt as in the document.
CREATE VIEW kustodia.payment_event AS
SELECT v.seq AS id,
       v.payment_id::text AS "paymentId",
       v.type,
       v.detail AS description,
       v.at AS created_at
  FROM relayer.payment_event v WHERE v.payment_id IS NOT NULL;

CREATE VIEW kustodia.juno_transaction AS
SELECT j.id,
       j.kind AS type,
       coalesce(j.tracking_key, j.fid) AS reference,
       kustodia.mxn(j.amount_units / 10000.0) AS amount,
       j.state AS status,
       kustodia.hex_0x(j.tx_hash) AS tx_hash,
       j.reported_at AS created_at,
       j.updated_at
  FROM relayer.juno_txn j;

-- The payments' part: what was promised, what was booked and what is left agree.
CREATE FUNCTION relayer.ledger_check_payments() RETURNS TABLE (rule text, subject text, detail text)
LANGUAGE sql STABLE AS $$
    SELECT 'payment_legs', p.id::text,
           'its legs add up to ' || sum(l.amount_centavos) || ' of ' || p.amount_centavos || ' centavos'
      FROM relayer.payment p JOIN relayer.leg l ON l.payment_id = p.id AND l.state <> 'void'
     GROUP BY p.id, p.amount_centavos HAVING sum(l.amount_centavos) <> p.amount_centavos
    UNION ALL
    -- The pesos issued to a payment are its immediate and its custody share, each exactly.
    SELECT 'payment_issued', p.id::text,
           c.class || ' received ' || c.units || ' units, not ' || c.due
      FROM relayer.payment p
      CROSS JOIN LATERAL (
           SELECT s.class, s.due, coalesce(-sum(e.amount), 0) AS units, count(e.n) AS entries
             FROM (VALUES ('owed_immediate', p.immediate_centavos::numeric * 10000),
                          ('owed_custody', p.custody_centavos::numeric * 10000)) s (class, due)
             LEFT JOIN relayer.account a ON a.payment_id = p.id AND a.class = s.class
             LEFT JOIN relayer.entry e ON e.account_id = a.id AND e.layer = 'posted' AND EXISTS (
                  SELECT 1 FROM relayer.txn t WHERE t.id = e.txn_id AND t.kind IN ('issuance', 'assign'))
            GROUP BY s.class, s.due) c
     WHERE c.entries > 0 AND c.units <> c.due
    UNION ALL
    SELECT 'payment_closed', p.id::text, a.code || ' ' || b.layer || ' still holds ' || b.amount
      FROM relayer.payment p JOIN relayer.account a ON a.payment_id = p.id
      JOIN relayer.balance b ON b.account_id = a.id
     WHERE p.state IN ('completed', 'expired', 'cancelled') AND b.amount <> 0
    UNION ALL
    -- An effect under way has exactly its reservation open; one that ended has none.
    SELECT 'effect_reserved', x.id::text, 'ended as ' || x.state || ', its reservation ' || t.id || ' is open'
      FROM relayer.effect x JOIN relayer.txn t ON t.effect_id = x.id AND t.kind = 'reserve'
     WHERE x.state = 'confirmed' AND x.updated_at < now() - interval '1 hour'
       AND NOT EXISTS (SELECT 1 FROM relayer.txn r WHERE r.resolves = t.id)
$$;

CREATE FUNCTION relayer.ledger_check() RETURNS TABLE (rule text, subject text, detail text)
LANGUAGE sql STABLE AS $$
    SELECT * FROM relayer.ledger_check_entries()
    UNION ALL
    SELECT * FROM relayer.ledger_check_payments()
$$;
