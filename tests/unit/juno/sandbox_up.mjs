// Starts a local chain and the Juno sandbox for test_sandbox.c, prints one line
//   <API address> <control address> <CLABE> <API key> <API secret>
// and stops everything when its standard input ends.

import { API_KEY, API_SECRET, chain_start, sandbox_start } from '../../sandbox/test/support.mjs';

const chain = await chain_start();
try {
    const sandbox = await sandbox_start(chain);
    const { url, controlUrl, clabe } = sandbox.ready;
    console.log([url, controlUrl, clabe, API_KEY, API_SECRET].join(' '));
    for await (const part of process.stdin) void part;
} finally {
    await chain.stop();
}
