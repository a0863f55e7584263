import { ponder } from 'ponder:registry';
import { escrow_created } from 'ponder:schema';

ponder.on('Escrow:EscrowCreated', async ({ event, context }) => {
    await context.db.insert(escrow_created).values({
        id: event.id,
        escrow_id: event.args.id,
        from_address: event.args.from,
        amount: event.args.amount,
        custody_end: event.args.custodyEnd,
        terms: event.args.terms,
        block_number: event.block.number,
        block_hash: event.block.hash,
        tx_hash: event.transaction.hash,
    });
});
