-- The administrative logs of the escrow under their own names. Rows written before this call them 'Other'.
ALTER TABLE evidence DROP CONSTRAINT evidence_event_check;
ALTER TABLE evidence ADD CONSTRAINT evidence_event_check CHECK (event IN ('EscrowCreated', 'EscrowReleased',
    'DisputeRaised', 'DisputeDismissed', 'EscrowReverted', 'EscrowSplit', 'Transfer', 'Approval', 'RoleGranted',
    'RoleRevoked', 'DefaultAdminTransferScheduled', 'WalletsProposed', 'WalletsChanged', 'PauseSet', 'Rescued',
    'Other'));
