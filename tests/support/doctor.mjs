// ./dev doctor: one line per question: verdict, what was found, and what to do when it is not good.

import { accessSync, constants, existsSync, readFileSync, statfsSync } from 'node:fs';
import path from 'node:path';

import { ROOT } from './env.mjs';
import { postgres_version } from './postgres.mjs';
import { process_birth, ProcessRegister } from './process.mjs';
import { node_open, rpc_call } from './rpc.mjs';

const UP = path.join(ROOT, '.dev/up');
const SOCKET_PATH_MAX = 107;
const DISK_LEAST_MIB = 1024;
const HEAD_AGE_MAX_S = 60;
const ANVIL = path.join(ROOT, 'contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil');

let failed = 0;

function tell(verdict, id, fact, fix) {
    failed += verdict === 'fail' ? 1 : 0;
    console.log(`${verdict.padEnd(5)} ${id.padEnd(12)} ${fact}${fix === undefined ? '' : `; ${fix}`}`);
}

async function ask(id, fix, question) {
    try {
        const { verdict = 'pass', fact } = await question();
        tell(verdict, id, fact, verdict === 'pass' ? undefined : fix);
    } catch (error) {
        tell('fail', id, error.message, fix);
    }
}

await ask('platform', 'the native tools exist for x86-64 Linux only', () => ({
    verdict: process.platform === 'linux' && process.arch === 'x64' ? 'pass' : 'fail',
    fact: `${process.platform} ${process.arch}, Node.js ${process.version}`,
}));
await ask('postgres', './dev setup', () => ({ fact: postgres_version() }));
await ask('anvil', './dev setup', () => {
    accessSync(ANVIL, constants.X_OK);
    return { fact: 'native binary installed' };
});
await ask('build', './dev build', () => {
    const lacking = ['relayerd', 'relayer-signer', 'relayer-keytool', 'relayerctl']
        .filter((name) => !existsSync(path.join(ROOT, 'build/dev/bin', name)));
    return lacking.length === 0 ? { fact: 'all programs are built' }
        : { verdict: 'fail', fact: `not built: ${lacking.join(', ')}` };
});
await ask('disk', 'free some space', () => {
    const { bavail, bsize } = statfsSync(ROOT);
    const free_mib = Math.floor((bavail * bsize) / 1048576);
    return { verdict: free_mib >= DISK_LEAST_MIB ? 'pass' : 'fail', fact: `${free_mib} MiB free` };
});
await ask('socket path', 'a private folder below the temporary folder is used instead', () => {
    const bytes = Buffer.byteLength(path.join(UP, 'relayer.sock'));
    return { verdict: bytes <= SOCKET_PATH_MAX ? 'pass' : 'warn', fact: `${bytes} of ${SOCKET_PATH_MAX} bytes` };
});
await ask('open files', 'ulimit -n 4096', () => {
    const limit = Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 0);
    return { verdict: limit >= 1024 ? 'pass' : 'warn', fact: `limit ${limit}` };
});

function leftovers() {
    const rows = new ProcessRegister(path.join(UP, 'processes.json')).list();
    return rows.filter((row) => process_birth(row.pid) === row.birth).map((row) => row.name);
}

const running = leftovers();
if (!existsSync(path.join(UP, 'state.json'))) {
    tell(running.length === 0 ? 'pass' : 'warn', 'environment', running.length === 0 ? 'not running'
        : `${running.join(', ')} left by a broken start`, running.length === 0 ? './dev up starts it' : './dev down');
} else {
    const state = JSON.parse(readFileSync(path.join(UP, 'state.json'), 'utf8'));
    await ask('processes', './dev down, then ./dev up', () => {
        const lacking = ['postgres', 'anvil', 'sandbox', 'relayerd'].filter((name) => !running.includes(name));
        return lacking.length === 0 ? { fact: running.join(', ') }
            : { verdict: 'fail', fact: `not running: ${lacking.join(', ')}` };
    });
    await ask('chain', 'look at .dev/up/log/anvil.log', async () => {
        const call = node_open(state.rpc_url);
        const block = await call('eth_getBlockByNumber', ['latest', false]);
        const code = await call('eth_getCode', [state.contracts.escrow, 'latest']);
        const age = Math.floor(Date.now() / 1000) - Number(block.timestamp);
        if (code === '0x') {
            return { verdict: 'fail', fact: `no contract at ${state.contracts.escrow}` };
        }
        return { verdict: age <= HEAD_AGE_MAX_S ? 'pass' : 'fail', fact: `block ${Number(block.number)}, age ${age} s` };
    });
    await ask('sandbox', 'look at .dev/up/log/sandbox.log', async () => {
        const answer = await fetch(`${state.control_url}/health`, { signal: AbortSignal.timeout(5000) });
        return { verdict: answer.ok ? 'pass' : 'fail', fact: `control port answers ${answer.status}` };
    });
    await ask('daemon', 'look at .dev/up/log/relayerd.log', async () => {
        const { checks } = await rpc_call(state.socket, 'system.doctor');
        checks.forEach(({ id, verdict, fact, fix }) => tell(verdict, id, fact, fix));
        return { fact: `answered ${checks.length} questions of its own` };
    });
}
process.exitCode = failed === 0 ? 0 : 1;
