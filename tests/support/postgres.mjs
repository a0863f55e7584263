// A private PostgreSQL cluster: own data folder, unix socket only, never the system's cluster.
//
// PostgreSQL refuses to run as root, so root hands the cluster to the `postgres` account of the package.
// Where that account cannot reach the project folder (a clone below a 0700 home), or where the socket's
// path would be longer than the 107 bytes a unix address holds, the cluster lives in a private folder
// below the system's temporary folder instead; `place` says which. fsync stays on: durability is what is tested.

import { execFile, execFileSync } from 'node:child_process';
import {
    chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync,
    statSync, writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import { log_tail, process_ready, StartError } from './process.mjs';

const run = promisify(execFile);

const SOCKET_NAME = 54329;          // only names the socket file; nothing listens on TCP
const SOCKET_PATH_MAX = 107;
const VERSIONS_ROOT = '/usr/lib/postgresql';
const ANSWER_MAX = 64 * 1024 * 1024;
const SETTINGS = {
    listen_addresses: '',
    port: SOCKET_NAME,
    max_connections: 100,
    shared_buffers: '64MB',
    log_min_messages: 'warning',
    log_line_prefix: '%m [%p] ',
    timezone: 'UTC',
};

export function postgres_programs() {
    const versions = existsSync(VERSIONS_ROOT)
        ? readdirSync(VERSIONS_ROOT).filter((name) => /^[0-9]+$/.test(name)).map(Number) : [];
    const newest = versions.sort((a, b) => b - a)
        .find((v) => existsSync(`${VERSIONS_ROOT}/${v}/bin/initdb`));
    if (newest === undefined) {
        throw new StartError(`no PostgreSQL server below ${VERSIONS_ROOT}`, { hint: './dev setup' });
    }
    return { folder: `${VERSIONS_ROOT}/${newest}/bin`, version: newest };
}

/** The account the server runs under: { uid, gid } for root, undefined when we are it ourselves. */
function server_account() {
    if (process.getuid() !== 0) {
        return undefined;
    }
    const line = readFileSync('/etc/passwd', 'utf8').split('\n').find((l) => l.startsWith('postgres:'));
    if (line === undefined) {
        throw new StartError('root cannot run PostgreSQL and there is no account "postgres"',
            { hint: './dev setup' });
    }
    const fields = line.split(':');
    return { uid: Number(fields[2]), gid: Number(fields[3]) };
}

function as_server(account, program, args) {
    if (account === undefined) {
        return [program, args];
    }
    return ['setpriv', [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups', '--',
        program, ...args]];
}

/** Every folder above must let the account pass: a 0700 home of another user does not. */
function folder_reachable(folder, account) {
    for (let at = path.resolve(folder); at !== '/'; at = path.dirname(at)) {
        const about = statSync(at);
        const shift = about.uid === account.uid ? 6 : about.gid === account.gid ? 3 : 0;
        if (((about.mode >> shift) & 1) === 0) {
            return false;
        }
    }
    return true;
}

/** Characters that mean something to libpq's host lists or to an INI file. */
export function path_is_odd(place) {
    return /[,;#'"\\\s]/.test(place);
}

export class Cluster {
    /** home: the environment's folder; register: where the server process is written down. */
    constructor({ home, register }) {
        this.home = home;
        this.register = register;
        this.account = server_account();
        this.log = path.join(home, 'log', 'postgres.log');
        this.note = path.join(home, 'postgres.place');
    }

    /** Chooses the cluster's folder once and remembers it for later runs. */
    place_choose() {
        if (existsSync(this.note)) {
            const noted = readFileSync(this.note, 'utf8').trim();
            if (existsSync(noted)) {
                return noted;
            }
        }
        let place = path.join(this.home, 'postgres');
        const socket = path.join(place, `.s.PGSQL.${SOCKET_NAME}.lock`);
        const reachable = this.account === undefined || folder_reachable(this.home, this.account);
        const fits = Buffer.byteLength(socket) <= SOCKET_PATH_MAX && !path_is_odd(socket);
        if (!reachable || !fits) {
            place = mkdtempSync(path.join(tmpdir(), 'kustodia-pg-'));
            this.moved = `${reachable ? 'this path cannot hold a socket' : 'the account postgres '
                + 'cannot enter this folder'}, so the database lives in ${place}`;
        } else {
            mkdirSync(place, { recursive: true });
        }
        chmodSync(place, 0o700);
        if (this.account !== undefined) {
            chownSync(place, this.account.uid, this.account.gid);
        }
        writeFileSync(this.note, `${place}\n`);
        return place;
    }

    get place() {
        if (this.chosen === undefined) {
            this.chosen = this.place_choose();
        }
        return this.chosen;
    }

    async create() {
        const data = path.join(this.place, 'data');
        if (existsSync(path.join(data, 'kustodia-ready'))) {
            return;
        }
        rmSync(data, { recursive: true, force: true });
        const [program, args] = as_server(this.account, `${postgres_programs().folder}/initdb`, [
            '--pgdata', data, '--no-sync', '--auth=trust', '--encoding=UTF8', '--locale=C.UTF-8',
            '--username=postgres', '--data-checksums',
        ]);
        try {
            await run(program, args, { cwd: '/' });
        } catch (error) {
            throw new StartError(`initdb failed: ${(error.stderr ?? error.message).trim()}`,
                { hint: `./dev doctor; the folder is ${this.place}` });
        }
        writeFileSync(path.join(data, 'kustodia-ready'), 'initdb finished\n');
    }

    async start() {
        if (this.register.find('postgres') !== undefined) {
            return;
        }
        await this.create();
        // The folder is quoted: the setting is a list, and a comma in a path would cut it.
        const settings = { ...SETTINGS, unix_socket_directories: `"${this.place}"` };
        const flags = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
        const [program, args] = as_server(this.account, `${postgres_programs().folder}/postgres`,
            ['-D', path.join(this.place, 'data'), ...flags]);
        const child = this.register.start({ name: 'postgres', program, args, log: this.log });
        await process_ready(child, () => this.query('postgres', 'SELECT 1'), 30_000,
            'look at the log; ./dev down removes leftovers of a killed run');
    }

    stop() {
        // SIGINT is PostgreSQL's "fast" shutdown: open transactions are rolled back, nothing is lost.
        return this.register.stop('postgres', { signal: 'SIGINT', grace_ms: 20_000 });
    }

    /** The text psql prints for one or more statements: fields by tab, rows by line. */
    async query(database, sql, user = 'postgres') {
        const { stdout } = await run(`${postgres_programs().folder}/psql`, [
            '--no-psqlrc', '--quiet', '--no-align', '--tuples-only', '--field-separator=\t',
            '--set=ON_ERROR_STOP=1', '-h', this.place, '-p', String(SOCKET_NAME), '-U', user,
            '-d', database, '-c', sql,
        ], { maxBuffer: ANSWER_MAX });
        return stdout;
    }

    /** A fresh database owned by the daemon's own role, which is no superuser. */
    async database_create(name) {
        if (!/^[a-z][a-z0-9_]{0,50}$/.test(name)) {
            throw new Error(`"${name}" is no plain database name`);
        }
        const roles = await this.query('postgres', "SELECT 1 FROM pg_roles WHERE rolname = 'relayer'");
        if (roles.trim() === '') {
            await this.query('postgres', 'CREATE ROLE relayer LOGIN');
        }
        await this.query('postgres', `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
        await this.query('postgres', `CREATE DATABASE ${name} OWNER relayer TEMPLATE template0`);
    }

    database_drop(name) {
        return this.query('postgres', `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    }

    async database_exists(name) {
        const found = await this.query('postgres',
            `SELECT 1 FROM pg_database WHERE datname = '${name}'`);
        return found.trim() !== '';
    }

    /** What libpq needs to reach a database here. */
    conninfo(database) {
        const host = this.place.replace(/[\\']/g, '\\$&');
        return `host='${host}' port=${SOCKET_NAME} user=relayer dbname=${database}`;
    }

    /** Removes the cluster with everything in it. The server must be stopped. */
    destroy() {
        if (existsSync(this.note)) {
            const place = readFileSync(this.note, 'utf8').trim();
            rmSync(place, { recursive: true, force: true });
            rmSync(this.note, { force: true });
        }
        this.chosen = undefined;
    }

    tail() {
        return log_tail(this.log);
    }
}

export function postgres_version() {
    const { folder } = postgres_programs();
    return execFileSync(`${folder}/postgres`, ['--version'], { encoding: 'utf8' }).trim();
}
