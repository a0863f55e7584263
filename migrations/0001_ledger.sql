-- The ledger: double entry in two layers, with its rules in the database.
--
-- Debits are positive, credits negative, amounts are smallest units of the account's asset (MXN scale 2, MXNB
-- scale 6). Everything is written by relayer.post_many; but no rule relies on that. Each rule is a statement-level
-- check over the rows a statement added, made when that statement ends (nothing is deferred), so a superuser who
-- writes by hand meets it too, in session_replication_role = replica as well: only DDL gets past, and
-- relayer.ledger_check() tells afterwards.
--
-- SQLSTATEs: KU001 history is append only; KU006 same id, other content; KU007 a transaction is not whole
-- (sum, number of entries, entries without their transaction); KU008 versions or balances do not continue the
-- account's history; KU009 limit of an account; KU010 a resolution does not mirror what it resolves.

CREATE SCHEMA IF NOT EXISTS relayer;

CREATE FUNCTION relayer.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on %.%: history is append only', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'KU001', HINT = 'book a correction instead';
END $$;

CREATE TABLE relayer.asset (
    code  text PRIMARY KEY,
    scale smallint NOT NULL CHECK (scale BETWEEN 0 AND 18)
);
INSERT INTO relayer.asset VALUES ('MXN', 2), ('MXNB', 6);

-- side 1: never below zero (what we hold); -1: never above zero (what we owe); 0: no limit.
-- The same table stands in relayer/money/accounts.c.
CREATE TABLE relayer.account_class (
    name  text PRIMARY KEY,
    asset text NOT NULL REFERENCES relayer.asset,
    owner text NOT NULL CHECK (owner IN ('none', 'payment', 'beneficiary')),
    side  smallint NOT NULL CHECK (side IN (-1, 0, 1)),
    UNIQUE (name, asset, side)
);
INSERT INTO relayer.account_class VALUES
    ('world_mxn', 'MXN', 'none', 0), ('juno_mxn', 'MXN', 'none', 1), ('juno_mxnb', 'MXNB', 'none', 1),
    ('issuer_mxnb', 'MXNB', 'none', 0), ('issuer_mxn', 'MXN', 'none', 0), ('bridge_mxnb', 'MXNB', 'none', 1),
    ('escrow_mxnb', 'MXNB', 'payment', 1), ('deposit_mxn', 'MXN', 'payment', -1),
    ('unassigned_mxn', 'MXN', 'none', -1), ('unassigned_mxnb', 'MXNB', 'none', -1),
    ('owed_immediate', 'MXNB', 'payment', -1), ('owed_custody', 'MXNB', 'payment', -1),
    ('owed_seller', 'MXNB', 'payment', -1), ('owed_buyer', 'MXNB', 'payment', -1),
    ('owed_commission', 'MXNB', 'payment', -1), ('commission', 'MXNB', 'beneficiary', -1),
    ('paid_out_mxn', 'MXN', 'none', 0), ('returned_mxnb', 'MXNB', 'none', 0);

CREATE TABLE relayer.account (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code           text NOT NULL UNIQUE,
    class          text NOT NULL,
    asset          text NOT NULL,
    side           smallint NOT NULL,
    payment_id     uuid,
    beneficiary_id uuid,
    opened_at      timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (class, asset, side) REFERENCES relayer.account_class (name, asset, side),
    CHECK (payment_id IS NULL OR beneficiary_id IS NULL),
    CHECK (code = class || coalesce(':' || payment_id, ':' || beneficiary_id, ''))
);
CREATE INDEX account_by_payment ON relayer.account (payment_id) WHERE payment_id IS NOT NULL;

-- The id is made by the writer, so writing again after a doubt is safe. command_hash says what it is.
-- xid: the database transaction that wrote it, which a sealer needs to order history.
CREATE TABLE relayer.txn (
    id           uuid PRIMARY KEY,
    kind         text NOT NULL CHECK (kind IN (
                 'deposit', 'issuance', 'issuance_unassigned', 'assign', 'reserve', 'settle', 'cancel',
                 'distribute', 'accumulate', 'returned', 'correction')),
    entries      smallint NOT NULL CHECK (entries >= 2),
    effect_id    uuid,
    payment_id   uuid,
    resolves     uuid UNIQUE REFERENCES relayer.txn CHECK (resolves <> id),
    command_hash bytea NOT NULL CHECK (length(command_hash) = 32),
    event_at     timestamptz NOT NULL DEFAULT now(),
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    xid          xid8 NOT NULL DEFAULT pg_current_xact_id(),
    reason       text NOT NULL DEFAULT ''
);
CREATE INDEX txn_by_payment ON relayer.txn (payment_id) WHERE payment_id IS NOT NULL;
CREATE INDEX txn_by_effect ON relayer.txn (effect_id) WHERE effect_id IS NOT NULL;

-- reserved_after: what open pending entries would take from the account's limit (0 on the posted layer).
-- txn_id and account_id point to rows that never go away. entry_check sees to it for a whole statement at once: a
-- declared foreign key would look row by row, half the cost of a batch, and not at all in replica mode.
CREATE TABLE relayer.entry (
    txn_id          uuid NOT NULL,
    n               smallint NOT NULL CHECK (n >= 1),
    account_id      bigint NOT NULL,
    layer           text NOT NULL CHECK (layer IN ('posted', 'pending')),
    amount          bigint NOT NULL CHECK (amount <> 0),
    account_version bigint NOT NULL CHECK (account_version >= 1),
    balance_after   bigint NOT NULL,
    reserved_after  bigint NOT NULL DEFAULT 0 CHECK (layer = 'pending' OR reserved_after = 0),
    PRIMARY KEY (txn_id, n),
    CONSTRAINT entry_version UNIQUE (account_id, layer, account_version)
);

-- Where each account stands: always what its last entry says. Both rows exist from the account's first moment,
-- because a row that does not exist cannot be locked.
CREATE TABLE relayer.balance (
    account_id bigint NOT NULL REFERENCES relayer.account,
    layer      text NOT NULL CHECK (layer IN ('posted', 'pending')),
    version    bigint NOT NULL DEFAULT 0,
    amount     bigint NOT NULL DEFAULT 0,
    reserved   bigint NOT NULL DEFAULT 0 CHECK (layer = 'pending' OR reserved = 0),
    PRIMARY KEY (account_id, layer)
) WITH (fillfactor = 50);

-- Which script of a daemon's connection committed last (relayer/store/db.h): how a lost COMMIT is resolved.
CREATE TABLE relayer.db_session (
    id      uuid PRIMARY KEY,
    script  bigint NOT NULL DEFAULT 0,
    used_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- What a pending entry adds to (or, in a resolution, gives back of) the amount reserved against the limit.
CREATE FUNCTION relayer.reserved_change(layer text, side smallint, resolving boolean, amount bigint)
RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN layer = 'pending' AND resolving = (side * sign(amount) > 0) AND side <> 0
           THEN amount ELSE 0 END
$$;

-- Every txn arrives with all its entries in one statement, numbered 1..n and adding up to zero per asset and layer.
-- Numbers are unique and none beyond n is let in (entry_check), so none can be added later.
CREATE FUNCTION relayer.txn_check() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    bad record;
BEGIN
    SELECT s.id, max(CASE WHEN s.total <> 0 THEN
               format('%s entries in %s add up to %s, not to zero', s.layer, s.asset, s.total) END) AS sum_wrong
      INTO bad
      FROM (SELECT t.id, t.entries, a.asset, e.layer, count(e.n) AS found, max(e.n) AS last,
                   sum(e.amount) AS total
              FROM added t LEFT JOIN relayer.entry e ON e.txn_id = t.id
              LEFT JOIN relayer.account a ON a.id = e.account_id
             GROUP BY t.id, t.entries, a.asset, e.layer) s
     GROUP BY s.id, s.entries
    HAVING sum(s.found) <> s.entries OR max(s.last) <> s.entries OR bool_or(s.total <> 0) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'txn %: %', bad.id, coalesce(bad.sum_wrong, 'it does not come with all of its entries')
            USING ERRCODE = 'KU007';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM added WHERE resolves IS NOT NULL) THEN
        RETURN NULL;
    END IF;
    -- A resolution undoes the pending entries of a txn that is none itself, one by one.
    SELECT a.id, a.resolves INTO bad FROM added a JOIN relayer.txn o ON o.id = a.resolves
     WHERE o.resolves IS NOT NULL
        OR ((SELECT array_agg((e.account_id, -e.amount) ORDER BY e.account_id, -e.amount)
               FROM relayer.entry e WHERE e.txn_id = a.id AND e.layer = 'pending')
            = (SELECT array_agg((e.account_id, e.amount) ORDER BY e.account_id, e.amount)
               FROM relayer.entry e WHERE e.txn_id = o.id AND e.layer = 'pending')) IS NOT TRUE
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'txn %: its pending entries do not undo those of %', bad.id, bad.resolves
            USING ERRCODE = 'KU010';
    END IF;
    RETURN NULL;
END $$;

-- An entry belongs to a txn that counts it, follows the entry before it, and has moved its account's balance (so
-- there is one: balance_check lets none stand without its account).
CREATE FUNCTION relayer.entry_check() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    bad record;
BEGIN
    SELECT e.txn_id, t.entries, e.account_id, e.layer, e.account_version,
           (e.n <= t.entries) IS NOT TRUE AS stray, (b.version >= e.account_version) IS NOT TRUE AS unmoved
      INTO bad
      FROM added e
      LEFT JOIN relayer.txn t ON t.id = e.txn_id
      LEFT JOIN relayer.balance b ON b.account_id = e.account_id AND b.layer = e.layer
      LEFT JOIN relayer.entry p ON p.account_id = e.account_id AND p.layer = e.layer
           AND p.account_version = e.account_version - 1
      -- The side matters to pending entries only; a key that is NULL costs nothing.
      LEFT JOIN relayer.account a ON a.id = CASE WHEN e.layer = 'pending' THEN e.account_id END
     WHERE (e.n <= t.entries) IS NOT TRUE
        -- Never beyond it: balance_check holds every balance to the last entry there is.
        OR (b.version >= e.account_version) IS NOT TRUE
        OR (p.account_version IS NULL AND e.account_version <> 1)
        OR e.balance_after <> coalesce(p.balance_after, 0) + e.amount
        OR e.reserved_after <> coalesce(p.reserved_after, 0)
           + coalesce(relayer.reserved_change(e.layer, a.side, t.resolves IS NOT NULL, e.amount), 0) LIMIT 1;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF bad.stray OR bad.entries <> (SELECT count(*) FROM added e WHERE e.txn_id = bad.txn_id) THEN
        RAISE EXCEPTION 'txn %: not all of its entries, or more than it has', bad.txn_id
            USING ERRCODE = 'KU007';
    ELSIF bad.unmoved THEN
        RAISE EXCEPTION 'account %, % layer: the balance does not stand at the last entry', bad.account_id,
            bad.layer USING ERRCODE = 'KU008';
    END IF;
    RAISE EXCEPTION 'account %, % layer: entry version % does not follow from the one before it',
        bad.account_id, bad.layer, bad.account_version USING ERRCODE = 'KU008';
END $$;

-- A balance can only be what the account's last entry says, and within the account's limit, where money
-- reserved on the pending layer counts as gone. The last entry is looked for from the balance's version on: were
-- it older, nothing would be found and the versions differ.
CREATE FUNCTION relayer.balance_check() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    bad record;
BEGIN
    SELECT s.* INTO bad
      FROM (SELECT c.account_id, c.layer, a.code, a.side,
                   (a.id IS NOT NULL AND c.version = coalesce(l.account_version, 0)
                    AND c.amount = coalesce(l.balance_after, 0)
                    AND c.reserved = coalesce(l.reserved_after, 0)) AS says_so,
                   CASE c.layer WHEN 'posted' THEN c.amount ELSE o.amount END AS posted,
                   CASE c.layer WHEN 'posted' THEN o.reserved ELSE c.reserved END AS reserved
              FROM changed c
              LEFT JOIN relayer.account a ON a.id = c.account_id
              LEFT JOIN relayer.balance o ON o.account_id = c.account_id
                   AND o.layer = CASE c.layer WHEN 'posted' THEN 'pending' ELSE 'posted' END
              LEFT JOIN LATERAL (SELECT e.account_version, e.balance_after, e.reserved_after FROM relayer.entry e
                                  WHERE e.account_id = c.account_id AND e.layer = c.layer
                                    AND e.account_version >= c.version
                                  ORDER BY e.account_version DESC LIMIT 1) l ON true) s
     WHERE NOT s.says_so
        OR (CASE s.side WHEN 1 THEN s.posted < -s.reserved WHEN -1 THEN s.posted > -s.reserved ELSE false END)
           IS NOT FALSE
     ORDER BY s.says_so LIMIT 1;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF NOT bad.says_so THEN
        RAISE EXCEPTION 'account %, % layer: the balance is not what its last entry says', bad.account_id,
            bad.layer USING ERRCODE = 'KU008', HINT = 'balances move by posting only';
    END IF;
    RAISE EXCEPTION 'account %: % posted and % reserved are beyond its limit', bad.code, bad.posted,
        bad.reserved USING ERRCODE = 'KU009';
END $$;

CREATE FUNCTION relayer.account_opened() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO relayer.balance (account_id, layer)
    SELECT a.id, l.layer FROM added a CROSS JOIN (VALUES ('posted'), ('pending')) l (layer);
    RETURN NULL;
END $$;

CREATE TRIGGER txn_whole AFTER INSERT ON relayer.txn REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION relayer.txn_check();
CREATE TRIGGER entry_rules AFTER INSERT ON relayer.entry REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION relayer.entry_check();
CREATE TRIGGER balance_rules AFTER UPDATE ON relayer.balance REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION relayer.balance_check();
CREATE TRIGGER balance_start AFTER INSERT ON relayer.balance REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION relayer.balance_check();
CREATE TRIGGER account_start AFTER INSERT ON relayer.account REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION relayer.account_opened();
CREATE TRIGGER txn_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON relayer.txn
    FOR EACH STATEMENT EXECUTE FUNCTION relayer.refuse_change();
CREATE TRIGGER entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON relayer.entry
    FOR EACH STATEMENT EXECUTE FUNCTION relayer.refuse_change();
CREATE TRIGGER balance_no_delete BEFORE DELETE OR TRUNCATE ON relayer.balance
    FOR EACH STATEMENT EXECUTE FUNCTION relayer.refuse_change();
CREATE TRIGGER account_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON relayer.account
    FOR EACH STATEMENT EXECUTE FUNCTION relayer.refuse_change();
CREATE TRIGGER account_class_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON relayer.account_class
    FOR EACH STATEMENT EXECUTE FUNCTION relayer.refuse_change();
CREATE TRIGGER asset_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON relayer.asset
    FOR EACH STATEMENT EXECUTE FUNCTION relayer.refuse_change();

ALTER TABLE relayer.txn ENABLE ALWAYS TRIGGER txn_whole;
ALTER TABLE relayer.entry ENABLE ALWAYS TRIGGER entry_rules;
ALTER TABLE relayer.balance ENABLE ALWAYS TRIGGER balance_rules;
ALTER TABLE relayer.balance ENABLE ALWAYS TRIGGER balance_start;
ALTER TABLE relayer.account ENABLE ALWAYS TRIGGER account_start;
ALTER TABLE relayer.txn ENABLE ALWAYS TRIGGER txn_append_only;
ALTER TABLE relayer.entry ENABLE ALWAYS TRIGGER entry_append_only;
ALTER TABLE relayer.balance ENABLE ALWAYS TRIGGER balance_no_delete;
ALTER TABLE relayer.account ENABLE ALWAYS TRIGGER account_append_only;
ALTER TABLE relayer.account_class ENABLE ALWAYS TRIGGER account_class_append_only;
ALTER TABLE relayer.asset ENABLE ALWAYS TRIGGER asset_append_only;

-- Makes the accounts a batch names and the ledger does not know yet. A code is <class>[:<owner>].
CREATE FUNCTION relayer.account_open(codes text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    bad text;
BEGIN
    SELECT c INTO bad FROM unnest(codes) c LEFT JOIN relayer.account_class k ON k.name = split_part(c, ':', 1)
     WHERE k.name IS NULL OR (k.owner = 'none') <> (strpos(c, ':') = 0) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'account "%": no such class, or its owner is missing or too much', bad
            USING ERRCODE = 'KU007';
    END IF;
    INSERT INTO relayer.account (code, class, asset, side, payment_id, beneficiary_id)
    SELECT c, k.name, k.asset, k.side,
           CASE k.owner WHEN 'payment' THEN split_part(c, ':', 2)::uuid END,
           CASE k.owner WHEN 'beneficiary' THEN split_part(c, ':', 2)::uuid END
      FROM unnest(codes) c JOIN relayer.account_class k ON k.name = split_part(c, ':', 1)
     ORDER BY c ON CONFLICT (code) DO NOTHING;
END $$;

-- Books transactions: the arrays txn_* have one element per transaction, entry_* one per entry; entry_txn is
-- the transaction's place (1..), and entries count up within it in the order given. event_ats may be NULL (now).
-- Returns how many were new: one that is there already with the same hash is left as it is, with another hash
-- refused. Needs READ COMMITTED: a balance is read after its lock was granted.
-- The settings keep every look-up (the checks' too, which run inside) on an index whatever the statistics say: a
-- plan made while the tables were young would otherwise read all of history each time; and one generic plan is
-- kept, because planning anew costs four times what running it does.
CREATE FUNCTION relayer.post_many(
    txn_ids uuid[], kinds text[], effects uuid[], payments uuid[], resolved uuid[], hashes bytea[],
    event_ats timestamptz[], reasons text[],
    entry_txns integer[], entry_codes text[], entry_layers text[], entry_amounts bigint[])
RETURNS integer LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    fresh uuid[];
    accounts bigint[];
    missing text[];
    counts integer[];
    low integer;
    high integer;
    all_fresh boolean;
    bad uuid;
BEGIN
    SELECT array_agg(c.entries ORDER BY c.txn), min(c.txn), max(c.txn) INTO counts, low, high
      FROM (SELECT x.txn, count(*) AS entries FROM unnest(entry_txns) x (txn) GROUP BY x.txn) c;
    IF (low = 1 AND high = cardinality(txn_ids) AND high = cardinality(counts)) IS NOT TRUE THEN
        RAISE EXCEPTION 'a transaction of this batch has no entry, or an entry no transaction'
            USING ERRCODE = 'KU007';
    END IF;
    FOR attempt IN 1..2 LOOP
        SELECT array_agg(a.id ORDER BY x.ord), array_agg(x.code) FILTER (WHERE a.id IS NULL)
          INTO accounts, missing
          FROM unnest(entry_codes) WITH ORDINALITY x (code, ord) LEFT JOIN relayer.account a ON a.code = x.code;
        EXIT WHEN missing IS NULL;
        PERFORM relayer.account_open(missing);
    END LOOP;
    -- Both layers of every account, in account order: no two batches wait for each other in a circle.
    PERFORM 1 FROM relayer.balance b WHERE b.account_id = ANY (accounts) ORDER BY b.account_id, b.layer
      FOR UPDATE;
    -- Under the locks: the same txn arriving twice at once names the same accounts, so the second one waited
    -- above and finds the first here. (Other content at the same instant meets the primary key instead.)
    SELECT array_agg(i.id) FILTER (WHERE t.id IS NULL),
           (array_agg(i.id) FILTER (WHERE t.command_hash IS DISTINCT FROM i.hash AND t.id IS NOT NULL))[1]
      INTO fresh, bad
      FROM unnest(txn_ids, hashes) i (id, hash) LEFT JOIN relayer.txn t ON t.id = i.id;
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION 'txn %: booked already with other content', bad USING ERRCODE = 'KU006';
    END IF;
    IF fresh IS NULL THEN
        RETURN 0;
    END IF;
    all_fresh := cardinality(fresh) = cardinality(txn_ids);
    WITH line AS (
        SELECT x.ord, txn_ids[x.txn] AS txn_id, x.account_id, x.layer, x.amount,
               row_number() OVER (PARTITION BY x.txn ORDER BY x.ord) AS n,
               coalesce(relayer.reserved_change(x.layer, a.side, resolved[x.txn] IS NOT NULL, x.amount), 0)
               AS change
          FROM unnest(entry_txns, accounts, entry_layers, entry_amounts)
               WITH ORDINALITY x (txn, account_id, layer, amount, ord)
          LEFT JOIN relayer.account a ON a.id = CASE WHEN x.layer = 'pending' THEN x.account_id END
         WHERE all_fresh OR txn_ids[x.txn] = ANY (fresh)
    ), new_txn AS (
        INSERT INTO relayer.txn (id, kind, entries, effect_id, payment_id, resolves, command_hash, event_at,
                                 reason)
        SELECT i.id, i.kind, i.entries, i.effect, i.payment, i.resolves, i.hash,
               coalesce(i.event_at, now()), coalesce(i.reason, '')
          FROM unnest(txn_ids, kinds, counts, effects, payments, resolved, hashes, event_ats, reasons)
               i (id, kind, entries, effect, payment, resolves, hash, event_at, reason)
         WHERE all_fresh OR i.id = ANY (fresh)
    ), new_entry AS (
        INSERT INTO relayer.entry (txn_id, n, account_id, layer, amount, account_version, balance_after,
                                   reserved_after)
        SELECT l.txn_id, l.n, l.account_id, l.layer, l.amount, b.version + row_number() OVER w,
               b.amount + sum(l.amount) OVER w, b.reserved + sum(l.change) OVER w
          FROM line l JOIN relayer.balance b USING (account_id, layer)
        WINDOW w AS (PARTITION BY l.account_id, l.layer ORDER BY l.ord)
    )
    UPDATE relayer.balance b
       SET version = b.version + d.entries, amount = b.amount + d.amount, reserved = b.reserved + d.change
      FROM (SELECT account_id, layer, count(*) AS entries, sum(amount) AS amount, sum(change) AS change
              FROM line GROUP BY account_id, layer) d
     WHERE b.account_id = d.account_id AND b.layer = d.layer;
    RETURN cardinality(fresh);
END $$;

-- One transaction: true if it was new.
CREATE FUNCTION relayer.post(
    txn_id uuid, kind text, effect uuid, payment uuid, resolves uuid, hash bytea, event_at timestamptz,
    reason text, codes text[], layers text[], amounts bigint[])
RETURNS boolean LANGUAGE sql AS $$
    SELECT relayer.post_many(ARRAY[txn_id], ARRAY[kind], ARRAY[effect], ARRAY[payment], ARRAY[resolves],
           ARRAY[hash], ARRAY[event_at], ARRAY[reason], array_fill(1, ARRAY[cardinality(codes)]), codes,
           layers, amounts) = 1
$$;

-- What stands where, by class. Per asset and layer the amounts add up to zero.
CREATE VIEW relayer.trial_balance AS
SELECT a.class, a.asset, b.layer, count(*) FILTER (WHERE b.amount <> 0) AS accounts_open,
       coalesce(sum(b.amount) FILTER (WHERE b.amount > 0), 0) AS debit,
       -coalesce(sum(b.amount) FILTER (WHERE b.amount < 0), 0) AS credit, sum(b.amount) AS amount
  FROM relayer.account a JOIN relayer.balance b ON b.account_id = a.id
 GROUP BY a.class, a.asset, b.layer;

-- Looks at the whole ledger again, believing no trigger. One row per broken rule and place; none is good.
CREATE FUNCTION relayer.ledger_check_entries() RETURNS TABLE (rule text, subject text, detail text)
LANGUAGE sql STABLE AS $$
    SELECT 'asset_sum', a.asset || ' ' || b.layer, 'balances add up to ' || sum(b.amount)
      FROM relayer.balance b JOIN relayer.account a ON a.id = b.account_id
     GROUP BY a.asset, b.layer HAVING sum(b.amount) <> 0
    UNION ALL
    SELECT 'txn_sum', e.txn_id::text, a.asset || ' ' || e.layer || ' adds up to ' || sum(e.amount)
      FROM relayer.entry e JOIN relayer.account a ON a.id = e.account_id
     GROUP BY e.txn_id, a.asset, e.layer HAVING sum(e.amount) <> 0
    UNION ALL
    SELECT 'txn_whole', t.id::text, 'has ' || count(e.n) || ' of ' || t.entries || ' entries'
      FROM relayer.txn t LEFT JOIN relayer.entry e ON e.txn_id = t.id
     GROUP BY t.id HAVING count(e.n) <> t.entries OR max(e.n) <> t.entries
    UNION ALL
    SELECT 'entry_txn', e.txn_id::text, 'entry ' || e.n || ' has no txn'
      FROM relayer.entry e LEFT JOIN relayer.txn t ON t.id = e.txn_id WHERE t.id IS NULL
    UNION ALL
    SELECT 'entry_account', e.txn_id::text, 'entry ' || e.n || ' has no account'
      FROM relayer.entry e LEFT JOIN relayer.account a ON a.id = e.account_id WHERE a.id IS NULL
    UNION ALL
    SELECT 'entry_chain', s.account_id || ' ' || s.layer, 'version ' || s.account_version
      FROM (SELECT e.*, relayer.reserved_change(e.layer, a.side, t.resolves IS NOT NULL, e.amount) AS change,
                   lag(e.account_version, 1, 0::bigint) OVER w AS version_before,
                   lag(e.balance_after, 1, 0::bigint) OVER w AS before,
                   lag(e.reserved_after, 1, 0::bigint) OVER w AS reserved_before
              FROM relayer.entry e JOIN relayer.account a ON a.id = e.account_id
              JOIN relayer.txn t ON t.id = e.txn_id
            WINDOW w AS (PARTITION BY e.account_id, e.layer ORDER BY e.account_version)) s
     WHERE s.account_version <> s.version_before + 1 OR s.balance_after <> s.before + s.amount
        OR s.reserved_after <> s.reserved_before + s.change
    UNION ALL
    SELECT 'balance', a.code || ' ' || b.layer, 'stands at ' || b.amount || ', entries say ' || s.amount
      FROM relayer.account a JOIN relayer.balance b ON b.account_id = a.id
      CROSS JOIN LATERAL (
           SELECT coalesce(sum(e.amount), 0) AS amount, count(*) AS entries FROM relayer.entry e
            WHERE e.account_id = b.account_id AND e.layer = b.layer) s
     WHERE b.amount <> s.amount OR b.version <> s.entries
    UNION ALL
    SELECT 'balance_missing', a.code, 'has ' || count(b.layer) || ' of 2 balances'
      FROM relayer.account a LEFT JOIN relayer.balance b ON b.account_id = a.id
     GROUP BY a.id, a.code HAVING count(b.layer) <> 2
    UNION ALL
    SELECT 'limit', a.code, p.amount || ' posted and ' || q.reserved || ' reserved'
      FROM relayer.account a
      JOIN relayer.balance p ON p.account_id = a.id AND p.layer = 'posted'
      JOIN relayer.balance q ON q.account_id = a.id AND q.layer = 'pending'
     WHERE a.side * (p.amount::numeric + q.reserved) < 0
    UNION ALL
    SELECT 'resolution', t.id::text, 'does not undo ' || t.resolves
      FROM relayer.txn t JOIN relayer.txn o ON o.id = t.resolves
     WHERE o.resolves IS NOT NULL
        OR (SELECT array_agg((e.account_id, -e.amount) ORDER BY e.account_id, -e.amount)
              FROM relayer.entry e WHERE e.txn_id = t.id AND e.layer = 'pending')
           IS DISTINCT FROM
           (SELECT array_agg((e.account_id, e.amount) ORDER BY e.account_id, e.amount)
              FROM relayer.entry e WHERE e.txn_id = o.id AND e.layer = 'pending')
$$;
