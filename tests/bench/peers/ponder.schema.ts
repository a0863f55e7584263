import { onchainTable } from 'ponder';

/** What the daemon keeps of such a log, in the peer's own words. */
export const escrow_created = onchainTable('escrow_created', (t) => ({
    id: t.text().primaryKey(),
    escrow_id: t.hex().notNull(),
    from_address: t.hex().notNull(),
    amount: t.bigint().notNull(),
    custody_end: t.bigint().notNull(),
    terms: t.hex().notNull(),
    block_number: t.bigint().notNull(),
    block_hash: t.hex().notNull(),
    tx_hash: t.hex().notNull(),
}));
