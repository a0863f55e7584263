-- Custody payments: what was promised, what was done about it, and what was seen outside.
-- 0001_ledger.sql comes first: it makes schema relayer, the ledger tables and the append-only guard
-- relayer.refuse_change(). Units: *_centavos = MXN scale 2; *_units = MXNB scale 6 (1 centavo = 10 000 units).

CREATE TABLE beneficiary (
    id              uuid PRIMARY KEY,
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    clabe           text NOT NULL UNIQUE CHECK (clabe ~ '^[0-9]{18}$'),
    ownership       text NOT NULL CHECK (ownership IN ('COMPANY_OWNED', 'THIRD_PARTY')),
    juno_account_id text UNIQUE,
    state           text NOT NULL CHECK (state IN ('registering', 'active', 'suspended', 'refused')),
    reason          text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CHECK (state <> 'active' OR juno_account_id IS NOT NULL)
);

-- One deposit CLABE per end user, never per payment, never handed to another user.
CREATE TABLE clabe (
    id         uuid PRIMARY KEY,
    user_ref   text NOT NULL UNIQUE CHECK (length(user_ref) BETWEEN 1 AND 120),
    clabe      text UNIQUE CHECK (clabe ~ '^[0-9]{18}$'),
    state      text NOT NULL CHECK (state IN ('creating', 'enabled', 'disabled')),
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK (state <> 'enabled' OR clabe IS NOT NULL)
);

CREATE TABLE payment (
    id                  uuid PRIMARY KEY,
    payer_ref           text NOT NULL,
    clabe               text NOT NULL REFERENCES clabe (clabe),
    seller_id           uuid NOT NULL REFERENCES beneficiary,
    buyer_id            uuid NOT NULL REFERENCES beneficiary,
    description         text NOT NULL DEFAULT '',
    amount_centavos     bigint NOT NULL CHECK (amount_centavos > 0),
    immediate_centavos  bigint NOT NULL CHECK (immediate_centavos >= 0),
    custody_centavos    bigint NOT NULL CHECK (custody_centavos >= 0),
    commission_centavos bigint NOT NULL CHECK (commission_centavos BETWEEN 0 AND custody_centavos),
    custody_seconds     bigint NOT NULL CHECK (custody_seconds >= 0),
    accumulate          boolean NOT NULL DEFAULT false,
    state               text NOT NULL CHECK (state IN (
        'waiting_deposit', 'waiting_issuance', 'issued', 'bridging', 'funding', 'in_custody',
        'disputing', 'disputed', 'dismissing', 'releasing', 'reverting', 'splitting', 'returning',
        'paying_out', 'completed', 'expired', 'cancelled', 'parked')),
    parked_from         text,
    outcome             text NOT NULL DEFAULT 'open'
                        CHECK (outcome IN ('open', 'released', 'reverted', 'split')),
    reason              text,
    version             bigint NOT NULL DEFAULT 1,
    effect_id           uuid,           -- the custody strand's effect under way
    buyer_centavos      bigint NOT NULL DEFAULT 0
                        CHECK (buyer_centavos BETWEEN 0 AND custody_centavos),
    terms_hash          bytea NOT NULL CHECK (length(terms_hash) = 32),
    custody_end         bigint,         -- UNIX seconds, chain time, as recorded by the contract
    expires_at          timestamptz NOT NULL,
    due_at              timestamptz,    -- when the runner looks next; NULL = waits for a fact
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    CHECK (immediate_centavos + custody_centavos = amount_centavos),
    CHECK (state <> 'parked' OR (reason IS NOT NULL AND parked_from IS NOT NULL))
);
CREATE INDEX payment_due ON payment (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX payment_custody_end ON payment (custody_end) WHERE state = 'in_custody';
CREATE INDEX payment_open_by_clabe ON payment (clabe) WHERE state = 'waiting_deposit';
CREATE INDEX payment_listing ON payment (created_at, id);

-- Each part of a payment that leaves by SPEI. n is stable: 0 = immediate share.
CREATE TABLE leg (
    payment_id      uuid NOT NULL REFERENCES payment,
    n               smallint NOT NULL CHECK (n BETWEEN 0 AND 31),
    role            text NOT NULL CHECK (role IN
                    ('seller_immediate', 'seller_final', 'commission', 'buyer_refund')),
    beneficiary_id  uuid NOT NULL REFERENCES beneficiary,
    amount_centavos bigint NOT NULL CHECK (amount_centavos >= 0),
    promised_centavos bigint NOT NULL,     -- its first amount: a decided dispute cuts amount_centavos anew
    state           text NOT NULL CHECK (state IN
                    ('planned', 'redeeming', 'paid', 'accumulated', 'void', 'returned', 'parked')),
    effect_id       uuid,
    juno_id         text,
    tracking_key    text,
    cep_url         text,
    PRIMARY KEY (payment_id, n)
);
CREATE INDEX leg_by_juno ON leg (juno_id) WHERE juno_id IS NOT NULL;

-- The on-chain record of a payment's custody share. id = keccak256(abi.encode(chainid, contract, uuid, leg)).
CREATE TABLE escrow (
    id           bytea PRIMARY KEY CHECK (length(id) = 32),
    payment_id   uuid NOT NULL UNIQUE REFERENCES payment,
    amount_units bigint NOT NULL CHECK (amount_units > 0),
    terms_hash   bytea NOT NULL CHECK (length(terms_hash) = 32),
    state        text NOT NULL CHECK (state IN
                 ('planned', 'active', 'disputed', 'released', 'reverted', 'split')),
    starts_at    bigint,                -- UNIX seconds of the creating block
    custody_end  bigint,
    rounds       smallint NOT NULL DEFAULT 0,
    created_tx   bytea CHECK (length(created_tx) = 32),
    ended_tx     bytea CHECK (length(ended_tx) = 32),
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE dispute (
    id             uuid PRIMARY KEY,
    payment_id     uuid NOT NULL REFERENCES payment,
    escrow_id      bytea NOT NULL REFERENCES escrow,
    raised_by      text NOT NULL,
    party          smallint NOT NULL CHECK (party BETWEEN 1 AND 3),
    reason         text NOT NULL,
    details        text NOT NULL DEFAULT '',
    evidence_url   text NOT NULL DEFAULT '',
    reason_hash    bytea NOT NULL CHECK (length(reason_hash) = 32),
    state          text NOT NULL CHECK (state IN
                   ('pending', 'raised', 'dismissing', 'dismissed', 'resolving', 'resolved', 'refused')),
    resolution     text CHECK (resolution IN ('approved', 'dismissed', 'split')),
    buyer_centavos bigint,
    admin_notes    text NOT NULL DEFAULT '',
    resolved_by    text,
    raised_tx      bytea CHECK (length(raised_tx) = 32),
    resolved_tx    bytea CHECK (length(resolved_tx) = 32),
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX dispute_one_open ON dispute (payment_id)
    WHERE state IN ('pending', 'raised', 'dismissing', 'resolving');

-- A SPEI deposit as Juno reports it. One row per fid, for ever.
CREATE TABLE deposit (
    fid             text PRIMARY KEY CHECK (length(fid) BETWEEN 1 AND 80),
    clabe           text NOT NULL,
    amount_centavos bigint NOT NULL CHECK (amount_centavos > 0),
    state           text NOT NULL CHECK (state IN ('unassigned', 'matched', 'refund')),
    reason          text,
    payment_id      uuid UNIQUE REFERENCES payment,
    issuance_id     text UNIQUE,           -- the ISSUANCE that consumed this deposit, once seen complete
    issued_unassigned boolean NOT NULL DEFAULT false,  -- it was issued while it belonged to no payment
    reported_at     timestamptz NOT NULL,
    seen_at         timestamptz NOT NULL DEFAULT now(),
    CHECK ((state = 'matched') = (payment_id IS NOT NULL))
);
CREATE INDEX deposit_not_issued ON deposit (amount_centavos, reported_at)
    WHERE issuance_id IS NULL AND state IN ('matched', 'unassigned');
CREATE INDEX deposit_unassigned ON deposit (seen_at) WHERE state = 'unassigned';

-- A transaction as Juno reports it. An issuance belongs to one deposit (deposit.issuance_id), a redemption or
-- withdrawal to one effect (effect.external_id), a credited transfer to one effect (effect.tx_hash).
CREATE TABLE juno_txn (
    id           text PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 80),
    kind         text NOT NULL CHECK (kind IN
                 ('ISSUANCE', 'REDEMPTION', 'CRYPTO_DEPOSIT', 'CRYPTO_WITHDRAWAL', 'CONVERSION')),
    amount_units bigint NOT NULL CHECK (amount_units >= 0),
    state        text NOT NULL CHECK (state IN ('PENDING', 'IN_PROGRESS', 'COMPLETE', 'FAILED', 'RETURNED')),
    fid          text,
    tx_hash      bytea CHECK (length(tx_hash) = 32),
    tracking_key text,
    cep_url      text,
    reported_at  timestamptz NOT NULL,
    seen_at      timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX juno_txn_open ON juno_txn (kind) WHERE state IN ('PENDING', 'IN_PROGRESS');
CREATE INDEX juno_txn_by_hash ON juno_txn (tx_hash) WHERE tx_hash IS NOT NULL;

-- One row per thing we do outside. Its key is derived from its id, stored before the first attempt, never changed.
CREATE TABLE effect (
    id           uuid PRIMARY KEY,
    payment_id   uuid REFERENCES payment,
    leg_n        smallint,
    subject_id   uuid,                  -- beneficiary or clabe for effects without a payment
    kind         text NOT NULL CHECK (kind IN (
        'redeem', 'withdraw', 'bank_register', 'clabe_create',
        'escrow_create', 'escrow_release', 'escrow_release_early', 'dispute_raise',
        'dispute_dismiss', 'dispute_revert', 'dispute_split', 'token_transfer', 'token_approve')),
    door         text NOT NULL CHECK (door IN ('juno', 'chain')),
    lane         text CHECK (lane IN ('relayer', 'arbiter')),
    state        text NOT NULL CHECK (state IN (
        'planned', 'armed', 'sent', 'unknown', 'confirmed', 'rejected', 'parked')),
    idem_key     uuid NOT NULL UNIQUE,
    amount_units bigint NOT NULL DEFAULT 0 CHECK (amount_units >= 0),
    destination  text NOT NULL DEFAULT '',     -- Juno bank account id, or 0x address
    escrow_id    bytea CHECK (length(escrow_id) = 32),
    custody_seconds bigint,
    custody_end  bigint,                -- UNIX seconds, fixed when first armed, never moved by a retry
    buyer_units  bigint,
    party        smallint,
    note_hash    bytea CHECK (length(note_hash) = 32),
    request_hash bytea CHECK (length(request_hash) = 32),
    external_id  text,                  -- Juno's transaction id, once known
    tx_hash      bytea CHECK (length(tx_hash) = 32),
    evidence_id  bigint,                -- the log that confirmed it; one log confirms one effect
    attempts     integer NOT NULL DEFAULT 0,
    failures     integer NOT NULL DEFAULT 0,
    fence        bigint,
    claimed_until timestamptz,
    claimed_by   text,
    next_at      timestamptz NOT NULL DEFAULT now(),
    first_sent_at timestamptz,
    last_error   text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    CHECK (door = 'juno' OR lane IS NOT NULL),
    CHECK (kind <> 'redeem' OR length(destination) > 0),
    CHECK (kind NOT IN ('redeem', 'withdraw', 'token_transfer', 'escrow_create') OR amount_units > 0)
);
CREATE INDEX effect_due ON effect (door, next_at) WHERE state IN ('planned', 'armed', 'sent', 'unknown');
CREATE INDEX effect_by_payment ON effect (payment_id);
CREATE INDEX effect_by_tx ON effect (tx_hash) WHERE tx_hash IS NOT NULL;
CREATE INDEX effect_by_escrow ON effect (escrow_id) WHERE escrow_id IS NOT NULL;
-- One transfer may carry many returns to Juno; any other log is used once.
CREATE UNIQUE INDEX effect_evidence_once ON effect (evidence_id)
    WHERE evidence_id IS NOT NULL AND kind <> 'token_transfer';
CREATE UNIQUE INDEX effect_by_external ON effect (external_id) WHERE external_id IS NOT NULL;

CREATE TABLE attempt (
    effect_id   uuid NOT NULL REFERENCES effect,
    n           integer NOT NULL,
    sent_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (effect_id, n)
);

-- What came of an attempt; a missing row means the answer never arrived.
CREATE TABLE attempt_answer (
    effect_id   uuid NOT NULL,
    n           integer NOT NULL,
    outcome     text NOT NULL CHECK (outcome IN ('happened', 'not_happened', 'unknown', 'refused')),
    detail      text NOT NULL DEFAULT '',
    answered_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (effect_id, n),
    FOREIGN KEY (effect_id, n) REFERENCES attempt
);

-- A signed transaction, stored before it is first sent.
CREATE TABLE tx (
    hash          bytea PRIMARY KEY CHECK (length(hash) = 32),
    chain_id      bigint NOT NULL,
    account       bytea NOT NULL CHECK (length(account) = 20),
    nonce         bigint NOT NULL CHECK (nonce >= 0),
    lane          text NOT NULL,
    kind          text NOT NULL,
    destination   bytea NOT NULL CHECK (length(destination) = 20),
    raw           bytea NOT NULL,
    gas_limit     bigint NOT NULL,
    max_fee_wei   numeric(78, 0) NOT NULL,
    effects       integer NOT NULL,
    state         text NOT NULL CHECK (state IN ('armed', 'sent', 'mined', 'final', 'reverted', 'lost')),
    sends         integer NOT NULL DEFAULT 0,
    fence         bigint NOT NULL,
    block_number  bigint,
    block_hash    bytea CHECK (length(block_hash) = 32),
    status        smallint,
    gas_used      bigint,
    fee_wei       numeric(78, 0),
    last_error    text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX tx_open ON tx (lane, nonce) WHERE state IN ('armed', 'sent', 'mined');

-- Each (chain, account, nonce) is used once. A row is written in the transaction that stores the bytes.
CREATE TABLE nonce (
    chain_id bigint NOT NULL,
    account  bytea NOT NULL CHECK (length(account) = 20),
    nonce    bigint NOT NULL,
    tx_hash  bytea NOT NULL REFERENCES tx (hash),
    PRIMARY KEY (chain_id, account, nonce)
);

-- The transaction a lane is having signed. Kept before the signer sees it: a signer refuses another call for a
-- nonce it has signed, so after a crash exactly these bytes must be signed again.
CREATE TABLE draft (
    lease       text PRIMARY KEY,
    chain_id    bigint NOT NULL,
    account     bytea NOT NULL CHECK (length(account) = 20),
    nonce       bigint NOT NULL CHECK (nonce >= 0),
    kind        text NOT NULL,
    destination bytea NOT NULL CHECK (length(destination) = 20),
    unsigned    bytea NOT NULL,
    gas_limit   bigint NOT NULL,
    max_fee_wei numeric(78, 0) NOT NULL,
    effect_ids  uuid[] NOT NULL,
    at          timestamptz NOT NULL DEFAULT now()
);

-- A log of one of our contracts, as found in a block. Superseded when the block leaves the chain, never edited.
CREATE TABLE evidence (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tx_hash       bytea NOT NULL CHECK (length(tx_hash) = 32),
    log_index     integer NOT NULL CHECK (log_index >= 0),
    block_number  bigint NOT NULL,
    block_hash    bytea NOT NULL CHECK (length(block_hash) = 32),
    block_time    bigint NOT NULL,
    address       bytea NOT NULL CHECK (length(address) = 20),
    event         text NOT NULL CHECK (event IN ('EscrowCreated', 'EscrowReleased', 'DisputeRaised',
                  'DisputeDismissed', 'EscrowReverted', 'EscrowSplit', 'Transfer', 'Approval', 'Other')),
    escrow_id     bytea CHECK (length(escrow_id) = 32),
    from_address  bytea CHECK (length(from_address) = 20),
    to_address    bytea CHECK (length(to_address) = 20),
    amount_units  bigint,
    buyer_units   bigint,
    custody_end   bigint,
    party         smallint,
    round         integer,
    early         boolean,
    note_hash     bytea,                  -- terms, reason or note
    seen_at       timestamptz NOT NULL DEFAULT now(),
    final_at      timestamptz,
    superseded_at timestamptz,
    CHECK (final_at IS NULL OR superseded_at IS NULL)
);
CREATE UNIQUE INDEX evidence_live ON evidence (tx_hash, log_index) WHERE superseded_at IS NULL;
CREATE INDEX evidence_by_escrow ON evidence (escrow_id) WHERE superseded_at IS NULL;
CREATE INDEX evidence_not_final ON evidence (block_number) WHERE final_at IS NULL AND superseded_at IS NULL;

ALTER TABLE effect ADD FOREIGN KEY (evidence_id) REFERENCES evidence;

CREATE TABLE block (
    number bigint PRIMARY KEY,
    hash   bytea NOT NULL CHECK (length(hash) = 32),
    parent bytea NOT NULL CHECK (length(parent) = 32),
    time   bigint NOT NULL
);

CREATE TABLE head (
    level  text PRIMARY KEY CHECK (level IN ('latest', 'safe', 'finalized', 'policy', 'scanned')),
    number bigint NOT NULL,
    hash   bytea NOT NULL CHECK (length(hash) = 32),
    time   bigint NOT NULL,
    at     timestamptz NOT NULL DEFAULT now()
);

-- The timeline, and the outbox of events.subscribe. Append only.
CREATE TABLE payment_event (
    seq        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid        xid8 NOT NULL DEFAULT pg_current_xact_id(),
    payment_id uuid REFERENCES payment,
    type       text NOT NULL,
    detail     text NOT NULL DEFAULT '',
    actor      text NOT NULL DEFAULT 'relayer',
    amount_units bigint,
    juno_id    text,
    tx_hash    bytea CHECK (length(tx_hash) = 32),
    at         timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX payment_event_by_payment ON payment_event (payment_id, seq);

-- Answers given to mutating calls: same key and same parameters get the same answer.
CREATE TABLE request (
    key         text PRIMARY KEY CHECK (length(key) BETWEEN 8 AND 120),
    method      text NOT NULL,
    params_hash bytea NOT NULL CHECK (length(params_hash) = 32),
    reply       text NOT NULL,
    uid         bigint NOT NULL,
    role        text NOT NULL,
    at          timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE inbox (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source      text NOT NULL,
    body_hash   bytea NOT NULL CHECK (length(body_hash) = 32),
    headers     text NOT NULL DEFAULT '',
    body        bytea NOT NULL CHECK (length(body) <= 65536),
    times       integer NOT NULL DEFAULT 1,
    received_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (source, body_hash)
);

CREATE TABLE lease (
    name  text PRIMARY KEY,
    owner text NOT NULL,
    token bigint NOT NULL,
    until timestamptz NOT NULL
);

-- Counters that must never step back: Juno request nonces by key, the deposit cursor, pause flags.
CREATE TABLE counter (
    name  text PRIMARY KEY,
    value bigint NOT NULL
);

CREATE TABLE alarm (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code       text NOT NULL,
    subject    text NOT NULL DEFAULT '',
    detail     text NOT NULL,
    times      integer NOT NULL DEFAULT 1,
    first_at   timestamptz NOT NULL DEFAULT now(),
    last_at    timestamptz NOT NULL DEFAULT now(),
    cleared_at timestamptz
);
CREATE UNIQUE INDEX alarm_open ON alarm (code, subject) WHERE cleared_at IS NULL;

-- History is append only for every role.
CREATE TRIGGER payment_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payment_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER attempt_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON attempt
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER attempt_answer_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON attempt_answer
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER nonce_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON nonce
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER request_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON request
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Evidence: only final_at and superseded_at may be set, once each.
CREATE FUNCTION evidence_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.final_at IS NOT NULL AND NEW.final_at IS DISTINCT FROM OLD.final_at)
       OR (OLD.superseded_at IS NOT NULL AND NEW.superseded_at IS DISTINCT FROM OLD.superseded_at)
       OR (to_jsonb(NEW) - 'final_at' - 'superseded_at')
          IS DISTINCT FROM (to_jsonb(OLD) - 'final_at' - 'superseded_at') THEN
        RAISE EXCEPTION 'evidence is superseded, never edited' USING ERRCODE = 'KU002';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER evidence_once BEFORE UPDATE ON evidence
    FOR EACH ROW EXECUTE FUNCTION evidence_guard();
CREATE TRIGGER evidence_no_delete BEFORE DELETE OR TRUNCATE ON evidence
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What an effect is (who, how much, where to, under which key) never changes, and an ended effect stays ended.
CREATE FUNCTION effect_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.idem_key, NEW.kind, NEW.door, NEW.amount_units, NEW.destination)
       IS DISTINCT FROM (OLD.id, OLD.idem_key, OLD.kind, OLD.door, OLD.amount_units, OLD.destination)
       OR NEW.escrow_id IS DISTINCT FROM OLD.escrow_id
       OR NEW.payment_id IS DISTINCT FROM OLD.payment_id
       OR (OLD.request_hash IS NOT NULL AND NEW.request_hash IS DISTINCT FROM OLD.request_hash)
       OR (OLD.external_id IS NOT NULL AND NEW.external_id IS DISTINCT FROM OLD.external_id) THEN
        RAISE EXCEPTION 'effect %: what it does cannot change', OLD.id USING ERRCODE = 'KU003';
    END IF;
    IF OLD.state IN ('confirmed', 'rejected') AND NEW.state <> OLD.state THEN
        RAISE EXCEPTION 'effect %: already %', OLD.id, OLD.state USING ERRCODE = 'KU003';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER effect_fixed BEFORE UPDATE ON effect FOR EACH ROW EXECUTE FUNCTION effect_guard();
CREATE TRIGGER effect_no_delete BEFORE DELETE OR TRUNCATE ON effect
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A payment closes only with empty accounts, and what was promised never changes.
CREATE FUNCTION payment_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    left_over text;
BEGIN
    IF (NEW.id, NEW.amount_centavos, NEW.immediate_centavos, NEW.custody_centavos,
        NEW.commission_centavos, NEW.seller_id, NEW.buyer_id, NEW.clabe)
       IS DISTINCT FROM (OLD.id, OLD.amount_centavos, OLD.immediate_centavos, OLD.custody_centavos,
        OLD.commission_centavos, OLD.seller_id, OLD.buyer_id, OLD.clabe) THEN
        RAISE EXCEPTION 'payment %: its terms cannot change', OLD.id USING ERRCODE = 'KU004';
    END IF;
    IF NEW.version <> OLD.version + 1 AND NEW.state <> OLD.state THEN
        RAISE EXCEPTION 'payment %: version must rise by one', OLD.id USING ERRCODE = 'KU004';
    END IF;
    IF NEW.state = 'completed' AND OLD.state <> 'completed' THEN
        SELECT string_agg(a.code || ' ' || b.layer || ' ' || b.amount, ', ') INTO left_over
          FROM account a JOIN balance b ON b.account_id = a.id
         WHERE a.payment_id = NEW.id AND b.amount <> 0;
        IF left_over IS NOT NULL THEN
            RAISE EXCEPTION 'payment %: cannot close with %', NEW.id, left_over USING ERRCODE = 'KU005';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payment_fixed BEFORE UPDATE ON payment FOR EACH ROW EXECUTE FUNCTION payment_guard();
CREATE TRIGGER payment_no_delete BEFORE DELETE OR TRUNCATE ON payment
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What was promised, and what was seen or signed, is not edited: not by the daemon, not by a superuser at a prompt.
-- keep() says for one table which columns never change (fixed), which may be filled in once and then never change
-- (once), and which may change only until the condition closed is true of the old row (until); and that no row of
-- it goes away. The conditions stand in the trigger's WHEN clause, so an update that keeps to them costs nothing.
CREATE FUNCTION keep_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed text;
BEGIN
    SELECT string_agg(c, ', ') INTO changed FROM unnest(TG_ARGV) c
     WHERE to_jsonb(OLD) -> c IS DISTINCT FROM to_jsonb(NEW) -> c;
    RAISE EXCEPTION '%: % cannot change', TG_TABLE_NAME, changed USING ERRCODE = 'KU004',
        HINT = 'what was promised, seen or signed stays as it was written';
END $$;

CREATE FUNCTION keep(tbl text, fixed text[], once text[] DEFAULT '{}', until text[] DEFAULT '{}',
                     closed text DEFAULT 'true') RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    broken text;
    names text;
BEGIN
    SELECT string_agg(format('%s AND OLD.%I IS DISTINCT FROM NEW.%I', r.condition, r.name, r.name), ' OR '),
           string_agg(quote_literal(r.name), ', ')
      INTO broken, names
      FROM (SELECT c, 'true' FROM unnest(fixed) c
            UNION ALL SELECT c, format('OLD.%I IS NOT NULL', c) FROM unnest(once) c
            UNION ALL SELECT c, closed FROM unnest(until) c) r (name, condition);
    EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE ON %I FOR EACH ROW WHEN (%s)'
                   ' EXECUTE FUNCTION keep_refuse(%s)', tbl || '_kept', tbl, broken, names);
    EXECUTE format('CREATE OR REPLACE TRIGGER %I BEFORE DELETE OR TRUNCATE ON %I'
                   ' FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', tbl || '_no_delete', tbl);
END $$;

DO $$
BEGIN
    PERFORM keep('payment', '{custody_seconds,terms_hash,payer_ref,accumulate,description,created_at}',
                 '{custody_end}', '{buyer_centavos}', 'OLD.buyer_centavos <> 0');
    PERFORM keep('leg', '{payment_id,n,role,beneficiary_id,promised_centavos}');
    PERFORM keep('deposit', '{fid,clabe,amount_centavos,reported_at}', '{payment_id,issuance_id}',
                 '{issued_unassigned}', 'OLD.issuance_id IS NOT NULL');
    PERFORM keep('dispute', '{id,payment_id,escrow_id,raised_by,party,reason,details,evidence_url,reason_hash}',
                 '{resolution,resolved_by,raised_tx,resolved_tx}', '{buyer_centavos,admin_notes}',
                 'OLD.resolution IS NOT NULL');
    PERFORM keep('escrow', '{id,payment_id,amount_units,terms_hash}',
                 '{created_tx,starts_at,custody_end,ended_tx}');
    PERFORM keep('tx', '{hash,chain_id,account,nonce,lane,kind,raw,destination,gas_limit,max_fee_wei,effects,fence}');
    PERFORM keep('juno_txn', '{id,kind,amount_units,reported_at}', '{fid,tx_hash,tracking_key}');
    PERFORM keep('beneficiary', '{id,clabe,ownership}', '{juno_account_id}');
    PERFORM keep('clabe', '{id,user_ref}', '{clabe}');
    PERFORM keep('effect', '{leg_n,subject_id,lane,custody_seconds,buyer_units,party,note_hash}', '{custody_end}');
END $$;
DROP FUNCTION keep;

-- The terms hash covers the commissions as they were promised, so their first amounts are kept.
CREATE FUNCTION leg_promise() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.promised_centavos := NEW.amount_centavos;
    RETURN NEW;
END $$;
CREATE TRIGGER leg_promised BEFORE INSERT ON leg FOR EACH ROW EXECUTE FUNCTION leg_promise();

-- A leg's amount changes only when a decided dispute cuts the custody share anew, and only before it is paid.
CREATE FUNCTION leg_amount_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'planned' OR NOT EXISTS (SELECT 1 FROM payment p WHERE p.id = OLD.payment_id
                                                AND p.state IN ('reverting', 'splitting')) THEN
        RAISE EXCEPTION 'leg: amount_centavos cannot change' USING ERRCODE = 'KU004',
            HINT = 'only a dispute that is being carried out cuts the planned legs anew';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER leg_amount BEFORE UPDATE ON leg FOR EACH ROW
    WHEN (OLD.amount_centavos IS DISTINCT FROM NEW.amount_centavos) EXECUTE FUNCTION leg_amount_guard();

-- All of these hold in session_replication_role = replica too.
DO $$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT g.tgrelid::regclass AS tbl, g.tgname FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid
              WHERE c.relnamespace = 'relayer'::regnamespace AND NOT g.tgisinternal AND g.tgenabled <> 'A' LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', t.tbl, t.tgname);
    END LOOP;
END $$;
