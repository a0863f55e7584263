-- Tries to break every rule of the ledger as a superuser, by hand and through the posting function, and expects
-- the right SQLSTATE each time. Run by psql on an empty database from the top of the tree:
--   tests/support/pg.sh run psql -X -q -f tests/database/rules.sql
-- Fails (ON_ERROR_STOP) at the first rule that can be broken; ends with the number of attempts refused.

\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE SCHEMA relayer;
SET search_path = relayer;
\ir ../../migrations/0001_ledger.sql
\ir ../../migrations/0002_custody.sql
\ir ../../migrations/0003_views.sql

CREATE TEMP TABLE refused (what text);

-- Runs sql, which must fail with exactly this SQLSTATE, and must leave nothing behind.
CREATE FUNCTION pg_temp.refuse(state text, what text, sql text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    got text := 'no error';
    message text;
BEGIN
    BEGIN
        EXECUTE sql;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS got = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
    END;
    IF got <> state THEN
        RAISE EXCEPTION '%: expected %, got % (%)', what, state, got, message;
    END IF;
    INSERT INTO refused VALUES (what);
END $$;

CREATE FUNCTION pg_temp.expect(what text, truth boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF truth IS NOT TRUE THEN
        RAISE EXCEPTION '%', what;
    END IF;
END $$;

-- A txn id, a 32 byte hash, a payment and a beneficiary by number.
CREATE FUNCTION pg_temp.t(n integer) RETURNS uuid LANGUAGE sql AS
    $$ SELECT ('018f0000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid $$;
CREATE FUNCTION pg_temp.h(n integer) RETURNS bytea LANGUAGE sql AS
    $$ SELECT sha256(n::text::bytea) $$;

-- Books by the function: lines are 'code layer amount'.
CREATE FUNCTION pg_temp.book(id integer, kind text, lines text[], resolves integer DEFAULT NULL,
                             hash integer DEFAULT NULL) RETURNS boolean LANGUAGE sql AS $$
    SELECT relayer.post(pg_temp.t(id), kind, NULL, NULL, pg_temp.t(resolves),
           pg_temp.h(coalesce(hash, id)), NULL, '',
           array_agg(split_part(l, ' ', 1) ORDER BY o), array_agg(split_part(l, ' ', 2) ORDER BY o),
           array_agg(split_part(l, ' ', 3)::bigint ORDER BY o))
      FROM unnest(lines) WITH ORDINALITY x (l, o)
$$;

-- An honest beginning: 1000 pesos arrive, are issued, and a withdrawal of 400 is reserved.
SELECT pg_temp.expect('a first booking is new', pg_temp.book(1, 'deposit',
    '{juno_mxn posted 100000,deposit_mxn:018f0000-0000-7000-8000-0000000000aa posted -100000}'));
SELECT pg_temp.expect('the same booking again is no news', NOT pg_temp.book(1, 'deposit',
    '{juno_mxn posted 100000,deposit_mxn:018f0000-0000-7000-8000-0000000000aa posted -100000}'));
SELECT pg_temp.expect('issuance', pg_temp.book(2, 'issuance',
    '{juno_mxnb posted 1000000000,owed_custody:018f0000-0000-7000-8000-0000000000aa posted -1000000000}'));
SELECT pg_temp.expect('reserve', pg_temp.book(3, 'reserve',
    '{juno_mxnb pending -400000000,bridge_mxnb pending 400000000}'));

-- Append only, for every role and in every session mode.
SELECT pg_temp.refuse('KU001', 'update txn', 'UPDATE txn SET reason = reason');
SELECT pg_temp.refuse('KU001', 'delete txn', 'DELETE FROM txn');
SELECT pg_temp.refuse('KU001', 'truncate txn', 'TRUNCATE txn CASCADE');
SELECT pg_temp.refuse('KU001', 'update entry', 'UPDATE entry SET amount = 1 WHERE n = 1');
SELECT pg_temp.refuse('KU001', 'update entry, no row', 'UPDATE entry SET amount = 1 WHERE false');
SELECT pg_temp.refuse('KU001', 'delete entry', 'DELETE FROM entry');
SELECT pg_temp.refuse('KU001', 'truncate entry', 'TRUNCATE entry');
SELECT pg_temp.refuse('KU001', 'delete balance', 'DELETE FROM balance');
SELECT pg_temp.refuse('KU001', 'truncate balance', 'TRUNCATE balance');
SELECT pg_temp.refuse('KU001', 'update account', 'UPDATE account SET side = 0');
SELECT pg_temp.refuse('KU001', 'delete account', 'DELETE FROM account');
SELECT pg_temp.refuse('KU001', 'truncate account', 'TRUNCATE account CASCADE');
SELECT pg_temp.refuse('KU001', 'update class', 'UPDATE account_class SET side = 0');
SELECT pg_temp.refuse('KU001', 'update asset', 'UPDATE asset SET scale = 3');
SET session_replication_role = replica;
SELECT pg_temp.refuse('KU001', 'update entry as a replica', 'UPDATE entry SET amount = 1');
SELECT pg_temp.refuse('KU008', 'set a balance as a replica', 'UPDATE balance SET amount = 1');
RESET session_replication_role;

-- Same id, other content.
SELECT pg_temp.refuse('KU006', 'same id, other hash',
    $$SELECT pg_temp.book(1, 'deposit', '{juno_mxn posted 5,world_mxn posted -5}', hash => 99)$$);

-- Whole and balanced, through the function.
SELECT pg_temp.refuse('KU007', 'unbalanced',
    $$SELECT pg_temp.book(10, 'deposit', '{juno_mxn posted 5,world_mxn posted -4}')$$);
SELECT pg_temp.refuse('KU007', 'balanced only across assets',
    $$SELECT pg_temp.book(10, 'deposit', '{juno_mxn posted 5,issuer_mxnb posted -5}')$$);
SELECT pg_temp.refuse('KU007', 'balanced only across layers',
    $$SELECT pg_temp.book(10, 'deposit', '{juno_mxn posted 5,world_mxn pending -5}')$$);
SELECT pg_temp.refuse('23514', 'one entry', $$SELECT pg_temp.book(10, 'deposit', '{juno_mxn posted 5}')$$);
SELECT pg_temp.refuse('23514', 'zero amount',
    $$SELECT pg_temp.book(10, 'deposit', '{juno_mxn posted 0,world_mxn posted 0}')$$);
SELECT pg_temp.refuse('23514', 'unknown kind',
    $$SELECT pg_temp.book(10, 'gift', '{juno_mxn posted 5,world_mxn posted -5}')$$);
SELECT pg_temp.refuse('KU007', 'unknown class',
    $$SELECT pg_temp.book(10, 'deposit', '{gold posted 5,world_mxn posted -5}')$$);
SELECT pg_temp.refuse('KU007', 'owner missing',
    $$SELECT pg_temp.book(10, 'deposit', '{deposit_mxn posted 5,world_mxn posted -5}')$$);
SELECT pg_temp.refuse('KU007', 'owner too much', $$SELECT pg_temp.book(10, 'deposit',
    '{juno_mxn:018f0000-0000-7000-8000-0000000000aa posted 5,world_mxn posted -5}')$$);
SELECT pg_temp.refuse('22P02', 'owner no uuid',
    $$SELECT pg_temp.book(10, 'deposit', '{deposit_mxn:me posted 5,world_mxn posted -5}')$$);
SELECT pg_temp.refuse('KU007', 'unknown layer',
    $$SELECT pg_temp.book(10, 'deposit', '{juno_mxn dreamt 5,world_mxn dreamt -5}')$$);
SELECT pg_temp.refuse('22003', 'balance beyond 64 bits', $$SELECT pg_temp.book(10, 'deposit',
    '{juno_mxn posted 9223372036854775807,world_mxn posted -9223372036854775807}')$$);

SELECT pg_temp.refuse('KU007', 'entry of no txn in the batch', $$SELECT relayer.post_many(
    ARRAY[pg_temp.t(10)], '{deposit}', '{NULL}', '{NULL}', '{NULL}', ARRAY[pg_temp.h(10)], NULL, '{""}',
    '{1,1,2,2}', '{juno_mxn,world_mxn,juno_mxn,world_mxn}', '{posted,posted,posted,posted}', '{5,-5,7,-7}')$$);

-- Whole and balanced, by hand.
SELECT pg_temp.refuse('KU007', 'txn without entries', $$INSERT INTO txn (id, kind, entries, command_hash)
    VALUES (pg_temp.t(20), 'correction', 2, pg_temp.h(20))$$);
SELECT pg_temp.refuse('KU007', 'entries added to an old txn', $$
    INSERT INTO entry SELECT pg_temp.t(1), 2 + row_number() OVER (), id, 'posted', 5 * sign(0.5 - (row_number()
    OVER () - 1)), 2, 0 FROM account WHERE asset = 'MXN' ORDER BY id LIMIT 2$$);
SELECT pg_temp.refuse('KU007', 'fewer entries than said', $$
    WITH x AS (INSERT INTO txn (id, kind, entries, command_hash)
               VALUES (pg_temp.t(20), 'correction', 3, pg_temp.h(20)))
    INSERT INTO entry SELECT pg_temp.t(20), v.n, a.id, 'posted', v.amount, b.version + 1, b.amount + v.amount
      FROM (VALUES (1, 'juno_mxn', 5), (2, 'deposit_mxn:018f0000-0000-7000-8000-0000000000aa', -5))
           v (n, code, amount)
      JOIN account a USING (code) JOIN balance b ON b.account_id = a.id AND b.layer = 'posted'$$);
SELECT pg_temp.refuse('KU008', 'entries without moving the balance', $$
    WITH x AS (INSERT INTO txn (id, kind, entries, command_hash)
               VALUES (pg_temp.t(20), 'correction', 2, pg_temp.h(20)))
    INSERT INTO entry SELECT pg_temp.t(20), v.n, a.id, 'posted', v.amount, b.version + 1, b.amount + v.amount
      FROM (VALUES (1, 'juno_mxn', 5), (2, 'deposit_mxn:018f0000-0000-7000-8000-0000000000aa', -5))
           v (n, code, amount)
      JOIN account a USING (code) JOIN balance b ON b.account_id = a.id AND b.layer = 'posted'$$);

-- By hand, all in one statement but for one lie: a gap in versions, a wrong running balance, reserved money
-- that is not.
CREATE FUNCTION pg_temp.forge(skip integer, lie integer, reserve integer) RETURNS text LANGUAGE sql AS $$
    SELECT format($f$
    WITH x AS (INSERT INTO txn (id, kind, entries, command_hash)
               VALUES (pg_temp.t(21), 'correction', 2, pg_temp.h(21))),
    line AS (SELECT v.n, a.id, v.amount, b.layer, b.version + 1 + %1$s AS version,
                    b.amount + v.amount + %2$s AS after, b.reserved + v.reserved + %3$s AS reserved
               FROM (VALUES (1, 'juno_mxnb', -7, -7), (2, 'bridge_mxnb', 7, 0)) v (n, code, amount, reserved)
               JOIN account a USING (code) JOIN balance b ON b.account_id = a.id AND b.layer = 'pending'),
    e AS (INSERT INTO entry (txn_id, n, account_id, layer, amount, account_version, balance_after,
                             reserved_after)
          SELECT pg_temp.t(21), n, id, layer, amount, version, after, reserved FROM line)
    UPDATE balance b SET version = line.version, amount = line.after, reserved = line.reserved
      FROM line WHERE b.account_id = line.id AND b.layer = line.layer$f$, skip, lie, reserve)
$$;
SELECT pg_temp.refuse('KU008', 'version gap', pg_temp.forge(1, 0, 0));
SELECT pg_temp.refuse('23505', 'version again', pg_temp.forge(-1, 0, 0));
SELECT pg_temp.refuse('KU008', 'wrong running balance', pg_temp.forge(0, 1, 0));
SELECT pg_temp.refuse('KU008', 'wrong reserved amount', pg_temp.forge(0, 0, 1));

-- A balance is what its last entry says.
SELECT pg_temp.refuse('KU008', 'set an amount', 'UPDATE balance SET amount = amount + 1');
SELECT pg_temp.refuse('KU008', 'set a version', 'UPDATE balance SET version = version + 1');
SELECT pg_temp.refuse('KU008', 'turn back a balance', $$UPDATE balance SET version = 0, amount = 0
    WHERE version > 0$$);
SELECT pg_temp.refuse('KU008', 'set reserved', $$UPDATE balance SET reserved = reserved + 1
    WHERE layer = 'pending'$$);
SELECT pg_temp.refuse('23505', 'a second balance', $$INSERT INTO balance (account_id, layer)
    SELECT id, 'posted' FROM account$$);

-- Limits: below zero what we hold, above zero what we owe, and reserved money counts as gone.
SELECT pg_temp.refuse('KU009', 'hold less than nothing',
    $$SELECT pg_temp.book(30, 'correction', '{bridge_mxnb posted -1,issuer_mxnb posted 1}')$$);
SELECT pg_temp.refuse('KU009', 'owe less than nothing', $$SELECT pg_temp.book(30, 'correction',
    '{owed_buyer:018f0000-0000-7000-8000-0000000000aa posted 1,issuer_mxnb posted -1}')$$);
SELECT pg_temp.refuse('KU009', 'reserve more than there is', $$SELECT pg_temp.book(30, 'reserve',
    '{juno_mxnb pending -600000001,bridge_mxnb pending 600000001}')$$);
SELECT pg_temp.refuse('KU009', 'spend what is reserved', $$SELECT pg_temp.book(30, 'correction',
    '{juno_mxnb posted -600000001,issuer_mxnb posted 600000001}')$$);
SELECT pg_temp.expect('incoming pending money does not hide it', pg_temp.book(31, 'reserve',
    '{juno_mxnb pending 400000000,issuer_mxnb pending -400000000}'));
SELECT pg_temp.refuse('KU009', 'spend what may never come', $$SELECT pg_temp.book(30, 'correction',
    '{juno_mxnb posted -600000001,issuer_mxnb posted 600000001}')$$);

-- A pending posting resolves once, and exactly.
SELECT pg_temp.refuse('KU010', 'undo less', $$SELECT pg_temp.book(40, 'settle',
    '{juno_mxnb pending 300000000,bridge_mxnb pending -300000000}', resolves => 3)$$);
SELECT pg_temp.refuse('KU010', 'undo elsewhere', $$SELECT pg_temp.book(40, 'settle',
    '{issuer_mxnb pending 400000000,bridge_mxnb pending -400000000}', resolves => 3)$$);
SELECT pg_temp.refuse('KU010', 'undo nothing', $$SELECT pg_temp.book(40, 'settle',
    '{juno_mxnb posted -400000000,bridge_mxnb posted 400000000}', resolves => 3)$$);
SELECT pg_temp.refuse('KU010', 'resolve what is not pending', $$SELECT pg_temp.book(40, 'settle',
    '{juno_mxnb posted -1,bridge_mxnb posted 1}', resolves => 2)$$);
SELECT pg_temp.refuse('23503', 'resolve what does not exist', $$SELECT pg_temp.book(40, 'settle',
    '{juno_mxnb posted -1,bridge_mxnb posted 1}', resolves => 999)$$);
SELECT pg_temp.expect('settle', pg_temp.book(41, 'settle', '{juno_mxnb pending 400000000,
bridge_mxnb pending -400000000,juno_mxnb posted -400000000,bridge_mxnb posted 400000000}'::text[], resolves => 3));
SELECT pg_temp.refuse('23505', 'resolve twice', $$SELECT pg_temp.book(42, 'cancel',
    '{juno_mxnb pending 400000000,bridge_mxnb pending -400000000}', resolves => 3)$$);
SELECT pg_temp.refuse('KU010', 'resolve a resolution', $$SELECT pg_temp.book(42, 'cancel',
    '{juno_mxnb pending -400000000,bridge_mxnb pending 400000000}', resolves => 41)$$);
SELECT pg_temp.expect('cancel', pg_temp.book(43, 'cancel',
    '{juno_mxnb pending -400000000,issuer_mxnb pending 400000000}', resolves => 31));
SELECT pg_temp.expect('nothing stays reserved',
    (SELECT count(*) = 0 FROM balance WHERE layer = 'pending' AND (amount, reserved) <> (0, 0)));

-- Custody: a payment, its promise and its end.
INSERT INTO beneficiary (id, name, clabe, ownership, juno_account_id, state)
VALUES (pg_temp.t(70), 'Test', repeat('1', 18), 'THIRD_PARTY', 'account', 'active');
INSERT INTO clabe (id, user_ref, clabe, state) VALUES (pg_temp.t(71), 'payer', repeat('2', 18), 'enabled');
INSERT INTO payment (id, payer_ref, clabe, seller_id, buyer_id, amount_centavos, immediate_centavos,
                     custody_centavos, commission_centavos, custody_seconds, state, terms_hash, expires_at)
VALUES ('018f0000-0000-7000-8000-0000000000aa', 'payer', repeat('2', 18), pg_temp.t(70), pg_temp.t(70),
        100000, 0, 100000, 0, 60, 'paying_out', pg_temp.h(1), now());
SELECT pg_temp.refuse('KU004', 'change the amount', 'UPDATE payment SET amount_centavos = 1, custody_centavos = 1');
SELECT pg_temp.refuse('KU004', 'skip a version', $$UPDATE payment SET state = 'parked', reason = 'x',
    parked_from = 'paying_out', version = version + 2$$);
SELECT pg_temp.refuse('KU005', 'close with money left',
    $$UPDATE payment SET state = 'completed', version = version + 1$$);
SELECT pg_temp.refuse('KU001', 'delete a payment', 'DELETE FROM payment');
SELECT pg_temp.refuse('KU001', 'truncate the timeline', 'TRUNCATE payment_event');
-- What was promised, seen or signed is not edited, in any session mode. Every column is tried twice.
INSERT INTO leg (payment_id, n, role, beneficiary_id, amount_centavos, state)
VALUES ('018f0000-0000-7000-8000-0000000000aa', 0, 'seller_final', pg_temp.t(70), 100000, 'planned');
INSERT INTO beneficiary (id, name, clabe, ownership, state)
VALUES (pg_temp.t(72), 'Other', repeat('3', 18), 'COMPANY_OWNED', 'registering');
INSERT INTO clabe (id, user_ref, state) VALUES (pg_temp.t(73), 'nobody yet', 'creating');
INSERT INTO deposit (fid, clabe, amount_centavos, state, payment_id, issuance_id, reported_at)
VALUES ('fid', repeat('2', 18), 100000, 'matched', '018f0000-0000-7000-8000-0000000000aa', 'issuance', now()),
       ('later', repeat('2', 18), 100000, 'unassigned', NULL, NULL, now());
INSERT INTO escrow (id, payment_id, amount_units, terms_hash, state, starts_at, custody_end, created_tx, ended_tx)
VALUES (pg_temp.h(80), '018f0000-0000-7000-8000-0000000000aa', 1000000000, pg_temp.h(1), 'active', 1, 2,
        pg_temp.h(81), pg_temp.h(82));
INSERT INTO dispute (id, payment_id, escrow_id, raised_by, party, reason, reason_hash, state, resolution,
                     buyer_centavos, resolved_by, raised_tx, resolved_tx)
VALUES (pg_temp.t(83), '018f0000-0000-7000-8000-0000000000aa', pg_temp.h(80), 'payer', 1, 'nothing came',
        pg_temp.h(83), 'resolved', 'split', 1, 'arbiter', pg_temp.h(81), pg_temp.h(82));
INSERT INTO tx (hash, chain_id, account, nonce, lane, kind, destination, raw, gas_limit, max_fee_wei, effects, state,
                fence) VALUES (pg_temp.h(81), 1, substr(pg_temp.h(84), 1, 20), 1, 'relayer', 'escrow_create',
                substr(pg_temp.h(85), 1, 20), '\x02', 100, 100, 1, 'sent', 1);
INSERT INTO juno_txn (id, kind, amount_units, state, fid, tx_hash, tracking_key, reported_at)
VALUES ('issuance', 'ISSUANCE', 1000000000, 'COMPLETE', 'fid', pg_temp.h(81), 'key', now());
INSERT INTO effect (id, payment_id, leg_n, subject_id, kind, door, lane, state, idem_key, amount_units, destination,
                    custody_seconds, custody_end, buyer_units, party, note_hash)
VALUES (pg_temp.t(86), '018f0000-0000-7000-8000-0000000000aa', 0, pg_temp.t(70), 'redeem', 'juno', 'relayer',
        'armed', pg_temp.t(87), 1000000000, 'account', 60, 2, 3, 1, pg_temp.h(1));
UPDATE payment SET custody_end = 2, buyer_centavos = 1;

-- Another value of the column's type.
CREATE FUNCTION pg_temp.other(col text, type text) RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN type IN ('smallint', 'integer', 'bigint', 'numeric') THEN format('%I + 1', col)
                WHEN type = 'boolean' THEN format('NOT %I', col)
                WHEN type = 'uuid' THEN 'gen_random_uuid()'
                WHEN type = 'bytea' THEN format('set_byte(%1$I, 0, get_byte(%1$I, 0) # 1)', col)
                WHEN type LIKE 'timestamp%' THEN format('%I + interval ''1 s''', col)
                ELSE format('%I || ''x''', col) END
$$;
-- Gives each column of the rows at place another value, then none; then takes the rows away.
CREATE FUNCTION pg_temp.edits(tbl text, place text, columns text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    c record;
    value text;
BEGIN
    FOR c IN SELECT x.col, i.data_type FROM unnest(columns) x (col) LEFT JOIN information_schema.columns i
              ON i.table_schema = 'relayer' AND i.table_name = tbl AND i.column_name = x.col LOOP
        FOREACH value IN ARRAY ARRAY[pg_temp.other(c.col, c.data_type), 'NULL'] LOOP
            PERFORM pg_temp.refuse('KU004', format('%s: set %s to %s', tbl, c.col, value),
                format('UPDATE relayer.%I SET %I = %s WHERE %s', tbl, c.col, value, place));
        END LOOP;
    END LOOP;
    PERFORM pg_temp.refuse('KU001', 'delete ' || tbl, format('DELETE FROM relayer.%I', tbl));
    PERFORM pg_temp.refuse('KU001', 'truncate ' || tbl, format('TRUNCATE relayer.%I CASCADE', tbl));
END $$;
CREATE FUNCTION pg_temp.edits_of_everything() RETURNS void LANGUAGE sql AS $$
    SELECT pg_temp.edits('payment', 'true',
        '{custody_seconds,terms_hash,payer_ref,accumulate,description,created_at,custody_end,buyer_centavos}');
    SELECT pg_temp.edits('leg', 'true', '{payment_id,n,role,beneficiary_id,amount_centavos,promised_centavos}');
    SELECT pg_temp.edits('deposit', $q$fid = 'fid'$q$,
        '{fid,clabe,amount_centavos,reported_at,payment_id,issuance_id,issued_unassigned}');
    SELECT pg_temp.edits('dispute', 'true', '{id,payment_id,escrow_id,raised_by,party,reason,details,evidence_url,
        reason_hash,resolution,resolved_by,raised_tx,resolved_tx,buyer_centavos,admin_notes}');
    SELECT pg_temp.edits('escrow', 'true',
        '{id,payment_id,amount_units,terms_hash,created_tx,starts_at,custody_end,ended_tx}');
    SELECT pg_temp.edits('tx', 'true',
        '{hash,chain_id,account,nonce,lane,kind,raw,destination,gas_limit,max_fee_wei,effects,fence}');
    SELECT pg_temp.edits('juno_txn', 'true', '{id,kind,amount_units,reported_at,fid,tx_hash,tracking_key}');
    SELECT pg_temp.edits('beneficiary', $q$state = 'active'$q$, '{id,clabe,ownership,juno_account_id}');
    SELECT pg_temp.edits('clabe', $q$state = 'enabled'$q$, '{id,user_ref,clabe}');
    SELECT pg_temp.edits('effect', 'true',
        '{leg_n,subject_id,lane,custody_seconds,custody_end,buyer_units,party,note_hash}');
$$;
SELECT pg_temp.edits_of_everything();
SET session_replication_role = replica;
SELECT pg_temp.edits_of_everything();
SELECT pg_temp.refuse('KU003', 'where an effect goes, as a replica', $$UPDATE effect SET destination = 'mine'$$);
SELECT pg_temp.refuse('KU004', 'the amount of a payment, as a replica',
    'UPDATE payment SET amount_centavos = 1, custody_centavos = 1');
SELECT pg_temp.refuse('KU001', 'delete an attempt, as a replica', 'DELETE FROM attempt');
SELECT pg_temp.refuse('KU001', 'delete an answer, as a replica', 'DELETE FROM attempt_answer');
RESET session_replication_role;

-- What the daemon does to these rows goes through: a value once, a leg cut anew while a dispute is carried out.
UPDATE deposit SET issuance_id = 'another', issued_unassigned = true WHERE fid = 'later';
UPDATE beneficiary SET state = 'active', juno_account_id = 'known' WHERE id = pg_temp.t(72);
UPDATE clabe SET state = 'enabled', clabe = repeat('4', 18) WHERE id = pg_temp.t(73);
UPDATE payment SET state = 'splitting', version = version + 1;
UPDATE leg SET amount_centavos = amount_centavos - 1;
UPDATE leg SET amount_centavos = amount_centavos + 1;
UPDATE leg SET state = 'redeeming';
SELECT pg_temp.refuse('KU004', 'cut a leg that is being paid', 'UPDATE leg SET amount_centavos = 1');
UPDATE payment SET state = 'paying_out', version = version + 1;

SELECT pg_temp.expect('no rule is broken so far',
    (SELECT count(*) = 0 FROM ledger_check()));

-- What only DDL can do, ledger_check tells.
CREATE FUNCTION pg_temp.tamper(rule_expected text, tamper_sql text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        ALTER TABLE relayer.txn DISABLE TRIGGER USER;
        ALTER TABLE relayer.entry DISABLE TRIGGER USER;
        ALTER TABLE relayer.balance DISABLE TRIGGER USER;
        EXECUTE tamper_sql;
        PERFORM pg_temp.expect('ledger_check misses: ' || rule_expected, EXISTS (
            SELECT 1 FROM relayer.ledger_check() c WHERE c.rule = rule_expected));
        RAISE EXCEPTION 'undo' USING ERRCODE = 'XX999';
    EXCEPTION WHEN SQLSTATE 'XX999' THEN
        INSERT INTO refused VALUES ('seen afterwards: ' || rule_expected);
    END;
END $$;
SELECT pg_temp.tamper('balance', $$UPDATE balance SET amount = amount + 1 WHERE version > 0$$);
SELECT pg_temp.tamper('asset_sum', $$UPDATE balance SET amount = amount + 1 WHERE version > 0$$);
SELECT pg_temp.tamper('txn_sum', 'UPDATE entry SET amount = amount + 1 WHERE n = 1');
SELECT pg_temp.tamper('entry_chain', 'UPDATE entry SET balance_after = balance_after + 1 WHERE n = 1');
SELECT pg_temp.tamper('entry_chain', $$DELETE FROM entry WHERE txn_id = pg_temp.t(3)$$);
SELECT pg_temp.tamper('txn_whole', $$DELETE FROM entry WHERE txn_id = pg_temp.t(3)$$);
SELECT pg_temp.tamper('balance_missing', 'DELETE FROM balance WHERE version = 0');
SELECT pg_temp.tamper('limit', $$UPDATE balance b SET amount = -1 FROM account a
    WHERE a.id = b.account_id AND a.code = 'juno_mxn' AND b.layer = 'posted'$$);
SELECT pg_temp.tamper('resolution', $$UPDATE entry SET amount = amount * 2 WHERE txn_id = pg_temp.t(41)$$);
SELECT pg_temp.tamper('payment_issued', $$UPDATE entry SET amount = amount - 1 WHERE txn_id = pg_temp.t(2)
    AND amount < 0$$);
SELECT pg_temp.expect('nothing of all this stayed', (SELECT count(*) = 0 FROM ledger_check()));

SELECT count(*) || ' attempts refused or seen' FROM refused;
