// ./dev up | status | down: the embedded environment for people, built from env.mjs like every test's.

import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { Env, ENV_STEPS, Ground, GROUND_STEPS, leftovers_stop, ROOT } from './env.mjs';
import { process_birth, ProcessRegister } from './process.mjs';
import { rpc_call } from './rpc.mjs';
import { failure_print, Steps } from './steps.mjs';

const DEV = path.join(ROOT, '.dev');
const UP = path.join(DEV, 'up');
const STATE = path.join(UP, 'state.json');
const HOME_DEPTH_MAX = 3;

function processes_alive() {
    return new ProcessRegister(path.join(UP, 'processes.json')).list()
        .filter((row) => process_birth(row.pid) === row.birth);
}

function state_read() {
    return existsSync(STATE) ? JSON.parse(readFileSync(STATE, 'utf8')) : undefined;
}

function state_print(state) {
    const cli = `${process.env.KUSTODIA_BUILD ?? 'build/dev'}/bin/relayerctl`;
    console.log(`
socket   ${state.socket}
ops      ${state.ops_url}/healthz and /metrics
sandbox  ${state.control_url}  (POST /deposit {"clabe", "amount"} plays the buyer's bank)
chain    ${state.rpc_url}
logs     ${path.join(UP, 'log')}

try
  ${cli} status
  ${cli} help payment.create
  ${cli} clabe.create -k user_ref=ana -k idempotency_key=first-clabe

stop with ./dev down`);
}

async function up() {
    const running = processes_alive().map((row) => row.name);
    const old = state_read();
    if (old !== undefined && ['postgres', 'anvil', 'sandbox', 'relayerd'].every((n) => running.includes(n))) {
        console.log('already running');
        state_print(old);
        return;
    }
    await leftovers_stop(UP);
    rmSync(path.join(UP, 'log'), { recursive: true, force: true });
    rmSync(STATE, { force: true });
    const steps = Steps.continued(GROUND_STEPS + ENV_STEPS);
    const ground = new Ground(UP);
    const env = new Env(ground, { home: UP });
    try {
        await ground.start(steps);
        await env.start(steps);
    } catch (error) {
        await leftovers_stop(UP);
        throw error;
    }
    const state = {
        socket: env.socket,
        ops_url: `http://127.0.0.1:${env.http_port}`,
        control_url: env.control_url,
        rpc_url: ground.rpc_url,
        config: env.config,
        database: ground.cluster.conninfo(env.database),
        contracts: env.contracts,
    };
    writeFileSync(STATE, `${JSON.stringify(state, null, 2)}\n`);
    state_print(state);
}

async function down() {
    const stopped = await leftovers_stop(UP);
    rmSync(STATE, { force: true });
    for (const home of homes_abandoned()) {
        stopped.push(...await leftovers_stop(home));
    }
    console.log(stopped.length === 0 ? 'nothing was running' : `stopped ${stopped.join(', ')}`);
}

/** Folders of demos and tests whose runner is gone: a run that was killed. */
function homes_abandoned(folder = DEV, depth = 0) {
    const found = [];
    for (const entry of existsSync(folder) ? readdirSync(folder, { withFileTypes: true }) : []) {
        const place = path.join(folder, entry.name);
        if (entry.isDirectory() && entry.name !== 'postgres' && depth < HOME_DEPTH_MAX) {
            found.push(...homes_abandoned(place, depth + 1));
        } else if (entry.name === 'owner.json') {
            const owner = JSON.parse(readFileSync(place, 'utf8'));
            if (process_birth(owner.pid) !== owner.birth) {
                found.push(folder);
            }
        }
    }
    return found;
}

async function status() {
    const alive = processes_alive();
    const state = state_read();
    if (alive.length === 0) {
        console.log('nothing is running; ./dev up starts it');
        process.exitCode = 1;
        return;
    }
    for (const row of alive) {
        console.log(`${row.name.padEnd(10)} process ${row.pid}, log ${row.log}`);
    }
    if (state === undefined) {
        console.log('a start is under way or was broken off; ./dev down cleans up');
        process.exitCode = 1;
        return;
    }
    try {
        console.log(`daemon     ${JSON.stringify(await rpc_call(state.socket, 'system.status'))}`);
    } catch (error) {
        console.log(`daemon     does not answer: ${error.message}`);
        process.exitCode = 1;
    }
    state_print(state);
}

const command = { up, down, status }[process.argv[2]];
if (command === undefined) {
    console.error('usage: node embedded.mjs up|status|down');
    process.exit(3);
}
command().catch((error) => {
    failure_print(error);
    process.exitCode = 1;
});
