// ponder, an indexer from npm, on the same chain and the same PostgreSQL as the daemon. It lives in
// tests/bench/peers with a lockfile of its own, is installed without scripts and is no part of the product.

import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { ROOT } from '../../support/env.mjs';
import { port_choose, sleep } from '../../support/process.mjs';
import { abi_of } from './escrow_events.mjs';
import { process_children } from './measure.mjs';

const PEERS = path.join(ROOT, 'tests/bench/peers');
const PROGRAM = path.join(PEERS, 'node_modules/ponder/dist/esm/bin/ponder.js');
const PATIENCE_MS = 180_000;
const TICKS_PER_S = 100;

/** Why it cannot be measured; undefined: it can. */
export function ponder_missing() {
    return existsSync(PROGRAM) ? undefined
        : 'ponder 0.16.10 is not installed (cd tests/bench/peers && npm ci --ignore-scripts)';
}

/** CPU of a process in seconds, its ended threads included, and the most memory it held. */
function figures_of(pid) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const peak = Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))[1]) / 1024;
    return process_children(pid).map(figures_of).reduce((sum, one) => ({ cpu_s: sum.cpu_s + one.cpu_s, peak: sum.peak + one.peak }),
        { cpu_s: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S, peak });
}

/** Indexes the span into a schema of its own; gives { seconds, cpu_s, peak } from exec to its last row. */
export async function ponder_run(env, span, schema) {
    const { cluster } = env.ground;
    const out = openSync(path.join(env.home, 'log', `${schema}.log`), 'w');
    const database = `postgresql://relayer@localhost/${env.database}_ponder?host=${encodeURIComponent(cluster.place)}&port=54329`;
    const begun = performance.now();
    const child = spawn(process.execPath, [PROGRAM, 'start', '--schema', schema, '--port', `${await port_choose()}`], {
        cwd: PEERS, stdio: ['ignore', out, out], env: {
            ...process.env, RPC_URL: env.ground.rpc_url, ESCROW: env.contracts.escrow, FROM_BLOCK: `${span.from}`,
            TO_BLOCK: `${span.to}`, DATABASE: database, ABI: JSON.stringify(abi_of('KustodiaEscrow')),
            PONDER_TELEMETRY_DISABLED: 'true',
        },
    });
    closeSync(out);
    let ended;
    child.once('close', (status) => { ended = `ended with ${status}`; });
    try {
        for (;;) {
            const rows = await cluster.query(`${env.database}_ponder`, `SELECT count(*) FROM ${schema}.escrow_created`)
                .catch(() => '0');
            if (Number(rows) >= span.events) {
                return { seconds: (performance.now() - begun) / 1000, ...figures_of(child.pid) };
            }
            if (ended !== undefined || performance.now() - begun > PATIENCE_MS) {
                throw new Error(`ponder ${ended ?? 'took too long'}: see ${env.home}/log/${schema}.log`);
            }
            await sleep(100);
        }
    } finally {
        child.kill('SIGKILL');
    }
}
