-- What the ledger is held against: the same tables, keys and indexes, none of our rules, and the shortest
-- set-based function that moves money in them. Amounts move from one account to another.
CREATE SCHEMA floor;
CREATE TABLE floor.account (LIKE relayer.account INCLUDING INDEXES);
CREATE TABLE floor.txn (LIKE relayer.txn INCLUDING INDEXES INCLUDING DEFAULTS);
CREATE TABLE floor.entry (LIKE relayer.entry INCLUDING INDEXES INCLUDING DEFAULTS);
CREATE TABLE floor.balance (LIKE relayer.balance INCLUDING INDEXES INCLUDING DEFAULTS) WITH (fillfactor = 50);
ALTER TABLE floor.txn ADD FOREIGN KEY (resolves) REFERENCES floor.txn;
ALTER TABLE floor.entry ADD FOREIGN KEY (txn_id) REFERENCES floor.txn,
                        ADD FOREIGN KEY (account_id) REFERENCES floor.account;
ALTER TABLE floor.balance ADD FOREIGN KEY (account_id) REFERENCES floor.account;

CREATE FUNCTION floor.move(ids uuid[], hashes bytea[], froms bigint[], tos bigint[], amounts bigint[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO floor.txn (id, kind, entries, command_hash)
    SELECT id, 'correction', 2, hash FROM unnest(ids, hashes) x (id, hash);
    INSERT INTO floor.entry (txn_id, n, account_id, layer, amount, account_version, balance_after)
    SELECT l.id, l.n, l.account, 'posted', l.amount, b.version + row_number() OVER w,
           b.amount + sum(l.amount) OVER w
      FROM (SELECT id, 1 AS n, account, -amount AS amount, o FROM unnest(ids, froms, amounts)
                   WITH ORDINALITY x (id, account, amount, o)
            UNION ALL
            SELECT id, 2, account, amount, o FROM unnest(ids, tos, amounts)
                   WITH ORDINALITY x (id, account, amount, o)) l
      JOIN floor.balance b ON b.account_id = l.account AND b.layer = 'posted'
    WINDOW w AS (PARTITION BY l.account ORDER BY l.o, l.n);
    UPDATE floor.balance b SET version = b.version + d.n, amount = b.amount + d.amount
      FROM (SELECT account, sum(amount) AS amount, count(*) AS n
              FROM (SELECT unnest(froms) AS account, -unnest(amounts) AS amount
                    UNION ALL SELECT unnest(tos), unnest(amounts)) x GROUP BY account) d
     WHERE b.account_id = d.account AND b.layer = 'posted';
END $$;

-- One transfer, as a careful hand-written function does it: rows locked in order, then moved.
CREATE FUNCTION floor.move_one(id uuid, hash bytea, source bigint, target bigint, amount bigint)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    s floor.balance;
    t floor.balance;
BEGIN
    PERFORM 1 FROM floor.balance b WHERE b.account_id IN (source, target) AND b.layer = 'posted'
      ORDER BY b.account_id FOR UPDATE;
    INSERT INTO floor.txn (id, kind, entries, command_hash) VALUES (move_one.id, 'correction', 2, hash);
    UPDATE floor.balance b SET version = b.version + 1, amount = b.amount - move_one.amount
     WHERE b.account_id = source AND b.layer = 'posted' RETURNING b.* INTO s;
    UPDATE floor.balance b SET version = b.version + 1, amount = b.amount + move_one.amount
     WHERE b.account_id = target AND b.layer = 'posted' RETURNING b.* INTO t;
    INSERT INTO floor.entry (txn_id, n, account_id, layer, amount, account_version, balance_after)
    VALUES (move_one.id, 1, source, 'posted', -move_one.amount, s.version, s.amount),
           (move_one.id, 2, target, 'posted', move_one.amount, t.version, t.amount);
END $$;
