// The embedded environment, described once: `./dev up`, the demo and every scenario test start it here.
//
//   Ground  a PostgreSQL cluster, a local chain and the two keys: slow to start, shared by many runs
//   Env     on a ground: contracts, Juno sandbox, database, configuration, signer and daemon of one run
//
// Everything lives in one folder (`home`): log/, keys/, processes.json, the generated configuration. A
// process is written down when it starts, so a later run stops what a killed run left behind.

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
    chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { Cluster, path_is_odd } from './postgres.mjs';
import {
    port_choose, process_birth, process_ready, ProcessRegister, program_find, StartError, wait_for,
} from './process.mjs';
import { http_json, node_open, rpc_call, rpc_insist } from './rpc.mjs';
import { quiet_steps } from './steps.mjs';

const run = promisify(execFile);

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const CHAIN_ID = 42161;
const BLOCK_TIME_S = 0.25;
// With none kept, anvil answers a read of "latest" with an error while it mines the next block.
const STATES_KEPT = 64;
const BALANCE_ETH = 1_000_000;
const KEY_BALANCE_WEI = '0x8ac7230489e80000';   // ten ether
const MINTER_ACCOUNT = 5;            // an unlocked account of the development node
const SOCKET_PATH_MAX = 107;
const START_MS = 30_000;
const API_KEY = 'embedded';
const HOMES_MAX = 8;
const ANVIL = path.join(ROOT, 'contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil');

/** Steps of a whole start, for the progress count. */
export const GROUND_STEPS = 3;
export const ENV_STEPS = 4;

function build_folder() {
    return path.resolve(ROOT, process.env.KUSTODIA_BUILD ?? 'build/dev');
}

/** A program of ours from the build folder (KUSTODIA_BUILD, build/dev unless set). */
export function binary(name) {
    return program_find([path.join(build_folder(), 'bin', name)], name, './dev build');
}

function home_prepare(home) {
    mkdirSync(path.join(home, 'log'), { recursive: true });
    mkdirSync(path.join(home, 'keys'), { recursive: true, mode: 0o700 });
    owner_write(home);
}

/** Who runs this folder: when that process is gone, ./dev down and the next run clean up after it. */
function owner_write(home) {
    const owner = { pid: process.pid, birth: process_birth(process.pid) };
    writeFileSync(path.join(home, 'owner.json'), `${JSON.stringify(owner)}\n`);
}

function owner_read(home) {
    const file = path.join(home, 'owner.json');
    return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

/** The folder, or a numbered one beside it while another living run of this clone uses it. */
export function home_take(base) {
    for (let n = 1; n <= HOMES_MAX; n += 1) {
        const home = n === 1 ? base : `${base}-${n}`;
        const owner = owner_read(home);
        if (owner === undefined || process_birth(owner.pid) !== owner.birth) {
            mkdirSync(home, { recursive: true });
            owner_write(home);
            return home;
        }
    }
    throw new StartError(`${HOMES_MAX} runs use this clone already`, { hint: './dev down cleans up after killed ones' });
}

function secret_write(file, text) {
    writeFileSync(file, text, { mode: 0o600 });
    chmodSync(file, 0o600);
}

export class Ground {
    /** epoch_slots: `finalized` trails the newest block by twice as many blocks. */
    constructor(home, { cluster, epoch_slots = 1 } = {}) {
        this.home = home;
        this.epoch_slots = epoch_slots;
        home_prepare(home);
        this.register = new ProcessRegister(path.join(home, 'processes.json'));
        this.own_cluster = cluster === undefined;
        this.cluster = cluster ?? new Cluster({ home, register: this.register });
    }

    async start(steps = quiet_steps) {
        await steps.run('starting PostgreSQL', async () => {
            await this.cluster.start();
            return this.cluster.moved;
        });
        await steps.run('starting the local chain', () => this.chain_start());
        await steps.run('making keys', () => this.keys_make());
    }

    async chain_start() {
        const program = program_find([ANVIL], 'anvil', './dev setup');
        await this.register.stop('anvil');
        this.chain_port = await port_choose();
        this.rpc_url = `http://127.0.0.1:${this.chain_port}`;
        const child = this.register.start({
            name: 'anvil',
            program,
            args: ['--chain-id', `${CHAIN_ID}`, '--hardfork', 'cancun', '--block-time', `${BLOCK_TIME_S}`,
                '--slots-in-an-epoch', `${this.epoch_slots}`,
                // A node that forgets cannot be reorganised; only the tests that do so pay for the memory.
                ...(this.epoch_slots === 1 ? ['--prune-history', `${STATES_KEPT}`] : []), '--balance', `${BALANCE_ETH}`, '--silent',
                '--host', '127.0.0.1', '--port', `${this.chain_port}`],
            log: path.join(this.home, 'log', 'anvil.log'),
        });
        this.node = node_open(this.rpc_url);
        await process_ready(child, () => this.node('eth_chainId'), START_MS,
            'anvil comes from contracts/node_modules; ./dev setup installs it again');
    }

    /** Throw-away keys: the fast scrypt setting is for this environment only. */
    async keys_make() {
        for (const role of ['relayer', 'arbiter']) {
            this[role] = await key_new(path.join(this.home, 'keys'), role);
        }
    }

    async stop() {
        await this.register.stop('anvil');
        if (this.own_cluster) {
            await this.cluster.stop();
        }
    }

    /** Removes everything that was made here. */
    destroy() {
        if (this.own_cluster) {
            this.cluster.destroy();
        }
        rmSync(this.home, { recursive: true, force: true });
    }
}

/** The key of this name in the folder; made when it is not there. */
async function key_new(folder, name) {
    const keytool = binary('relayer-keytool');
    const keyfile = path.join(folder, `${name}.json`);
    const password_file = path.join(folder, `${name}.password`);
    if (!existsSync(keyfile)) {
        secret_write(password_file, `${randomBytes(24).toString('hex')}\n`);
        await run(keytool, ['new', '--light', '--password-file', password_file, '--out', keyfile]);
    }
    return { keyfile, password_file, address: await key_address(keytool, keyfile) };
}

async function key_address(keytool, keyfile) {
    const { stdout } = await run(keytool, ['address', '--key', keyfile]);
    const found = /0x[0-9a-fA-F]{40}/.exec(stdout);
    if (found === null) {
        throw new StartError(`relayer-keytool address printed no address: ${stdout.trim()}`);
    }
    return found[0];
}

/** Removes a run's folder, never from under a process or from another living run. */
export function home_remove(home) {
    const alive = new ProcessRegister(path.join(home, 'processes.json')).alive();
    const owner = owner_read(home);
    if (alive.length > 0) {
        throw new Error(`${home} is not removed: ${alive.map(({ name, pid }) => `${name} (process ${pid})`)} lives`);
    }
    if (owner !== undefined && owner.pid !== process.pid && process_birth(owner.pid) === owner.birth) {
        throw new Error(`${home} is not removed: process ${owner.pid} is at work there`);
    }
    rmSync(home, { recursive: true, force: true });
}

/** Stops whatever a former run in this folder left running. Gives the names. */
export async function leftovers_stop(home) {
    const register = new ProcessRegister(path.join(home, 'processes.json'));
    const stopped = [];
    for (const { name } of register.list().reverse()) {
        const signal = name === 'postgres' ? 'SIGINT' : 'SIGTERM';
        if (await register.stop(name, { signal })) {
            stopped.push(name);
        }
    }
    return stopped;
}

export class Env {
    /** The whole program ends: no environment starts a daemon any more. */
    static closing = false;

    /**
     * home: this run's folder. database: its name on the ground's cluster. settings: overrides such as
     * { 'chain.batch_max': 10 }. sandbox_args: more arguments for the sandbox. keys: names of further keys of the
     * signer, such as 'relayer.2'; their accounts have ether, their roles are the test's to give.
     */
    constructor(ground, { home, database = 'relayer', settings = {}, sandbox_args = [], keys = [] } = {}) {
        this.ground = ground;
        this.home = home ?? ground.home;
        this.database = database;
        this.settings = settings;
        this.sandbox_args = sandbox_args;
        this.key_names = keys;
        this.stopped = false;
        home_prepare(this.home);
        this.register = new ProcessRegister(path.join(this.home, 'processes.json'));
        this.daemon_log = path.join(this.home, 'log', 'relayerd.log');
    }

    /** Everything but the daemon. */
    async prepare(steps = quiet_steps) {
        await steps.run('deploying the contracts', () => this.contracts_deploy());
        await steps.run('starting the Juno sandbox', () => this.sandbox_start());
        await steps.run('writing the configuration', () => this.config_write());
    }

    async start(steps = quiet_steps) {
        await this.prepare(steps);
        await steps.run('starting the signer and the daemon', () => this.daemon_start());
    }

    async contracts_deploy() {
        const accounts = await this.ground.node('eth_accounts');
        this.minter = accounts[MINTER_ACCOUNT];
        const out = path.join(this.home, 'contracts.json');
        const { relayer, arbiter } = this.ground;
        try {
            await run(process.execPath, [path.join(ROOT, 'contracts/tools/deploy.mjs'),
                '--rpc', this.ground.rpc_url, '--relayer', relayer.address, '--arbiter', arbiter.address,
                '--minter', this.minter, '--bridge', relayer.address, '--out', out]);
        } catch (error) {
            throw new StartError(`deployment failed: ${(error.stderr ?? error.message).trim()}`,
                { log: path.join(this.ground.home, 'log', 'anvil.log') });
        }
        this.contracts = JSON.parse(readFileSync(out, 'utf8'));
        // A new deployment is a new run: what the signer remembers of another chain would only refuse.
        rmSync(path.join(this.home, 'signer.record'), { force: true });
    }

    async sandbox_start() {
        this.http_port ??= await port_choose();
        this.juno_port ??= await port_choose();
        this.control_port ??= await port_choose();
        this.juno_secret_file = path.join(this.home, 'keys', 'juno.secret');
        if (!existsSync(this.juno_secret_file)) {
            secret_write(this.juno_secret_file, randomBytes(24).toString('hex'));
        }
        const log = path.join(this.home, 'log', 'sandbox.log');
        const before = existsSync(log) ? statSync(log).size : 0;
        const child = this.register.start({
            name: 'sandbox',
            program: process.execPath,
            args: [path.join(ROOT, 'tests/sandbox/main.mjs'), '--port', `${this.juno_port}`,
                '--control-port', `${this.control_port}`, '--rpc', this.ground.rpc_url,
                '--token', this.contracts.token, '--minter', this.minter, '--api-key', API_KEY,
                '--api-secret-file', this.juno_secret_file, '--webhook', this.webhook_url, '--fast',
                ...this.sandbox_args],
            log,
        });
        this.control_url = `http://127.0.0.1:${this.control_port}`;
        const ready = await process_ready(child, () => ready_line(log, before), START_MS,
            'npm packages of tests/ may be missing: ./dev setup');
        this.deposit_address = ready.depositAddress;
    }

    get webhook_url() {
        return `http://127.0.0.1:${this.http_port}/webhook/juno`;
    }

    /** The socket's path: in the run's folder, or in a private temporary one when that cannot hold it. */
    socket_choose() {
        const near = path.join(this.home, 'relayer.sock');
        if (Buffer.byteLength(near) <= SOCKET_PATH_MAX && !path_is_odd(near)) {
            return near;
        }
        this.socket_folder ??= mkdtempSync(path.join(tmpdir(), 'kustodia-'));
        return path.join(this.socket_folder, 'relayer.sock');
    }

    async config_write() {
        this.database_made ??= await this.ground.cluster.database_create(this.database).then(() => true);
        this.socket = this.socket_choose();
        this.config = path.join(this.home, 'relayer.ini');
        this.signer_config = path.join(this.home, 'signer.ini');
        this.keys ??= await this.keys_make();
        const { relayer, arbiter } = this.keys;
        const values = {
            SOCKET: this.socket,
            HTTP_PORT: this.http_port,
            DATABASE: this.ground.cluster.conninfo(this.database),
            RPC_URL: this.ground.rpc_url,
            CHAIN_ID,
            TOKEN: this.contracts.token,
            ESCROW: this.contracts.escrow,
            BRIDGE: relayer.address,
            START_BLOCK: this.contracts.deployBlock,
            ...await this.contracts_recorded(),
            SIGNER: binary('relayer-signer'),
            SIGNER_CONFIG: this.signer_config,
            JUNO_URL: `http://127.0.0.1:${this.juno_port}`,
            JUNO_KEY: API_KEY,
            JUNO_SECRET_FILE: this.juno_secret_file,
            DEPOSIT_ADDRESS: this.deposit_address,
            RECORD_FILE: path.join(this.home, 'signer.record'),
            RELAYER_KEYFILE: relayer.keyfile,
            RELAYER_PASSWORD_FILE: relayer.password_file,
            ARBITER_KEYFILE: arbiter.keyfile,
            ARBITER_PASSWORD_FILE: arbiter.password_file,
        };
        template_write('relayer.embedded.ini.in', this.config, values);
        template_write('signer.embedded.ini.in', this.signer_config, values);
        const more = Object.entries(this.keys).filter(([name]) => name.includes('.'));
        writeFileSync(this.signer_config, more.map(([name, { keyfile, password_file }]) => (
            `\n[key.${name}]\nkeyfile = ${keyfile}\npassword_file = ${password_file}\n`)).join(''), { flag: 'a' });
    }

    /** The signer's keys by name; changed in a test, they are its settings after the next config_write. */
    async keys_make() {
        const { relayer, arbiter } = this.ground;
        const keys = { relayer, arbiter };
        for (const name of this.key_names) {
            keys[name] = await this.key_make(name);
        }
        return keys;
    }

    async key_make(name) {
        const key = await key_new(path.join(this.home, 'keys'), name);
        await this.ground.node('anvil_setBalance', [key.address, KEY_BALANCE_WEI]);
        return key;
    }

    /** What the daemon holds the contracts against: as the deployment's file has it, else as it reads now. */
    async contracts_recorded() {
        const { contracts } = this;
        const { keccak256 } = await import('ethers');   // not above: ./dev down works without npm packages
        const code_hash = async (address) => keccak256(await this.ground.node('eth_getCode', [address, 'latest']));
        return {
            ESCROW_CODE_HASH: contracts.escrowCodeHash ?? await code_hash(contracts.escrow),
            TOKEN_CODE_HASH: contracts.tokenCodeHash ?? await code_hash(contracts.token),
            TOKEN_IMPLEMENTATION: contracts.tokenImplementation ?? '',
            TOKEN_IMPLEMENTATION_CODE_HASH: contracts.tokenImplementationCodeHash ?? '',
            ADMIN: contracts.admin,
            GUARDIAN: contracts.guardian,
        };
    }

    /** fault: a fault point's name (optionally "name:N"); the daemon kills itself there.
     *  wait: until the daemon says that its start checks have passed. */
    async daemon_start({ fault, wait = true, env = {} } = {}) {
        if (this.stopped || Env.closing) {
            throw new StartError('the environment is stopped: nothing is started in it any more');
        }
        const sets = Object.entries(this.settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
        this.daemon = this.register.start({
            name: 'relayerd',
            program: binary('relayerd'),
            args: ['--config', this.config, ...sets],
            log: this.daemon_log,
            env: { ...env, ...(fault === undefined ? {} : { KUSTODIA_FAULT: fault }) },
        });
        if (wait) {
            await process_ready(this.daemon, async () => {
                const status = await rpc_call(this.socket, 'system.status');
                if (!status.ready) {
                    throw new Error(status.words);
                }
                return status;
            }, START_MS, `the configuration is ${this.config}`);
        }
    }

    daemon_alive() {
        return this.register.find('relayerd') !== undefined;
    }

    /** kill -9: no goodbye, no flush. */
    daemon_kill() {
        return this.register.stop('relayerd', { signal: 'SIGKILL' });
    }

    daemon_stop() {
        return this.register.stop('relayerd', { signal: 'SIGTERM' });
    }

    /** For good: whoever starts the daemon again after a death cannot do so after this. */
    async stop() {
        this.stopped = true;
        await this.daemon_stop();
        await this.register.stop('sandbox');
        if (this.socket_folder !== undefined) {
            rmSync(this.socket_folder, { recursive: true, force: true });
        }
    }

    rpc(method, params) {
        return rpc_call(this.socket, method, params);
    }

    /** A mutation that is repeated with its key until the daemon has answered it. */
    insist(method, params) {
        return rpc_insist(this.socket, method, params);
    }

    /** Pesos arrive by SPEI: amount is a decimal text. Gives the sandbox's answer ({ fid }). */
    deposit(clabe, amount, more = {}) {
        return http_json(`${this.control_url}/deposit`, 'POST', { clabe, amount, ...more });
    }

    books() {
        return http_json(`${this.control_url}/books`);
    }

    faults(plan) {
        return http_json(`${this.control_url}/faults`, 'POST', plan);
    }

    /** Moves the chain's clock forward and mines a block there. */
    async warp(seconds) {
        await this.ground.node('evm_increaseTime', [seconds]);
        await this.ground.node('evm_mine');
    }

    async chain_time() {
        const block = await this.ground.node('eth_getBlockByNumber', ['latest', false]);
        return Number(block.timestamp);
    }

    /** MXNB of an account in units of 1e-6. */
    async token_balance(address) {
        const data = `0x70a08231${address.slice(2).toLowerCase().padStart(64, '0')}`;
        return BigInt(await this.ground.node('eth_call', [{ to: this.contracts.token, data }, 'latest']));
    }

    /** Rows of a query as objects; the daemon's schema is in the path. */
    async sql(query) {
        const text = await this.ground.cluster.query(this.database,
            `SET search_path = relayer; SELECT coalesce(json_agg(q), '[]') FROM (${query}) q`, 'relayer');
        return JSON.parse(text);
    }

    /** Log lines in which the daemon says that something is broken: any of them fails a test. */
    broken_lines() {
        return readFileSync(this.daemon_log, 'utf8').split('\n')
            .filter((line) => line.includes('"level":"broken"'));
    }

    wait_for(probe, ms, what) {
        return wait_for(probe, ms, what);
    }
}

function ready_line(log, from) {
    const fresh = readFileSync(log).subarray(from).toString('utf8');
    const line = fresh.split('\n').find((l) => l.startsWith('{') && l.includes('"ready":true'));
    return line === undefined ? undefined : JSON.parse(line);
}

function template_write(template, file, values) {
    const text = readFileSync(path.join(ROOT, 'deploy', template), 'utf8');
    const filled = text.replace(/@([A-Z_]+)@/g, (_all, name) => {
        if (values[name] === undefined) {
            throw new Error(`deploy/${template} asks for ${name}, which is not known`);
        }
        return `${values[name]}`;
    });
    secret_write(file, filled);
}
