import { createConfig } from 'ponder';

const { RPC_URL, ESCROW, FROM_BLOCK, TO_BLOCK, DATABASE, ABI } = process.env;

export default createConfig({
    database: { kind: 'postgres', connectionString: DATABASE! },
    chains: { local: { id: 42161, rpc: RPC_URL!, pollingInterval: 250 } },
    contracts: {
        Escrow: {
            chain: 'local', abi: JSON.parse(ABI!), address: ESCROW as `0x${string}`,
            startBlock: Number(FROM_BLOCK), endBlock: Number(TO_BLOCK),
        },
    },
});
