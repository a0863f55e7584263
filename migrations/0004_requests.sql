-- What the API keeps for itself, and the order in which events are given out.

-- Switches set by people that outlive the daemon. 'paused' is the only one so far.
CREATE TABLE system_flag (
    name   text PRIMARY KEY CHECK (name IN ('paused')),
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 160),
    uid    bigint NOT NULL,
    at     timestamptz NOT NULL DEFAULT now()
);

-- What system.status counts must not cost more with history.
CREATE INDEX payment_open ON payment (state) WHERE state NOT IN ('completed', 'expired', 'cancelled');
CREATE INDEX effect_parked ON effect (id) WHERE state = 'parked';

-- events.subscribe reads in the order (xid, seq) below the snapshot's watermark. seq alone would not do: a
-- transaction may take a number, and commit after a later number was given out.
CREATE INDEX payment_event_order ON payment_event (xid, seq);
