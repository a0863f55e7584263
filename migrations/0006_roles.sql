-- What the admin announces about its own transfer, under its own names; and whom the escrow's roles were given,
-- which every look at the contracts asks for.
ALTER TABLE evidence DROP CONSTRAINT evidence_event_check;
ALTER TABLE evidence ADD CONSTRAINT evidence_event_check CHECK (event IN ('EscrowCreated', 'EscrowReleased',
    'DisputeRaised', 'DisputeDismissed', 'EscrowReverted', 'EscrowSplit', 'Transfer', 'Approval', 'RoleGranted',
    'RoleRevoked', 'DefaultAdminTransferScheduled', 'DefaultAdminTransferCanceled',
    'DefaultAdminDelayChangeScheduled', 'DefaultAdminDelayChangeCanceled', 'WalletsProposed', 'WalletsChanged',
    'PauseSet', 'Rescued', 'Other'));
CREATE INDEX evidence_roles ON evidence (note_hash, to_address, block_number, log_index)
    WHERE event IN ('RoleGranted', 'RoleRevoked') AND superseded_at IS NULL;
