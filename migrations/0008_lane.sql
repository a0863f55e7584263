-- Versions of one transaction. A nonce is one call; its versions differ in fees only, or the last one carries nothing
-- and cancels it. One of them counts (any state but 'replaced'): the newest, or the one that a block holds.
ALTER TABLE tx DROP CONSTRAINT tx_state_check;
ALTER TABLE tx ADD CONSTRAINT tx_state_check CHECK (state IN
    ('armed', 'sent', 'mined', 'final', 'reverted', 'lost', 'replaced'));
ALTER TABLE tx ADD COLUMN version smallint NOT NULL DEFAULT 1 CHECK (version BETWEEN 1 AND 500);
ALTER TABLE tx ADD COLUMN cancel_asked_at timestamptz;    -- an operator wants it replaced by nothing
CREATE UNIQUE INDEX tx_one_counts ON tx (chain_id, account, nonce) WHERE state <> 'replaced';
CREATE UNIQUE INDEX tx_versions ON tx (chain_id, account, nonce, version);

-- 'draining': the lanes take nothing new and finish what is open.
ALTER TABLE system_flag DROP CONSTRAINT system_flag_name_check;
ALTER TABLE system_flag ADD CONSTRAINT system_flag_name_check CHECK (name IN ('paused', 'draining'));
