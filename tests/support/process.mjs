// Child processes of a test environment: started with a log file, written down in a register before
// anything else happens, and stopped only when the process is certainly still the one we started.
//
// A process is known by its number and by its start time (field 22 of /proc/PID/stat), so a number that
// was given to a stranger after a crash or a reboot is never signalled.

import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';

const LOG_TAIL_LINES = 20;
const PORT_FIRST = 20000;   // below the kernel's range for outgoing connections, so nobody takes
const PORT_LAST = 32000;    // a chosen port between the choice and the listen
const PORT_TRIES = 200;

export class StartError extends Error {
    constructor(message, { log, hint } = {}) {
        super(message);
        this.log = log;
        this.hint = hint;
    }
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Polls until probe() gives something true; gives that, or throws after the deadline. */
export async function wait_for(probe, ms, what = 'the condition', step_ms = 50) {
    const deadline = Date.now() + ms;
    let last_error;
    for (;;) {
        try {
            const found = await probe();
            if (found) {
                return found;
            }
            last_error = undefined;
        } catch (error) {
            if (error instanceof StartError) {
                throw error;
            }
            last_error = error;
        }
        if (Date.now() >= deadline) {
            const reason = last_error === undefined ? '' : `: ${last_error.message}`;
            throw new Error(`${what} did not come true within ${ms} ms${reason}`);
        }
        await sleep(step_ms);
    }
}

export async function port_choose() {
    for (let tries = 0; tries < PORT_TRIES; tries += 1) {
        const port = PORT_FIRST + Math.floor(Math.random() * (PORT_LAST - PORT_FIRST));
        const free = await new Promise((resolve) => {
            const server = createServer();
            server.once('error', () => resolve(false));
            server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
        });
        if (free) {
            return port;
        }
    }
    throw new StartError(`no free port between ${PORT_FIRST} and ${PORT_LAST} on 127.0.0.1`);
}

/** The start time of a living process in clock ticks since boot; undefined when there is none. */
export function process_birth(pid) {
    let stat;
    try {
        stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    } catch {
        return undefined;
    }
    // The command name may hold spaces and brackets: fields are counted from the last ")".
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
}

export function log_tail(file, lines = LOG_TAIL_LINES) {
    try {
        return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
    } catch {
        return '';
    }
}

/** The processes of one environment, kept in a file so that a later run can find and stop them. */
export class ProcessRegister {
    constructor(file) {
        this.file = file;
    }

    list() {
        if (!existsSync(this.file)) {
            return [];
        }
        return JSON.parse(readFileSync(this.file, 'utf8'));
    }

    write(rows) {
        writeFileSync(`${this.file}.part`, `${JSON.stringify(rows, null, 1)}\n`);
        renameSync(`${this.file}.part`, this.file);
    }

    find(name) {
        return this.list().find((row) => row.name === name && process_birth(row.pid) === row.birth);
    }

    /**
     * Starts a program detached from this one, its output appended to a log file.
     * Gives { pid, exited } where exited() tells how it ended, or undefined while it lives.
     */
    start({ name, program, args, log, env = {}, cwd = '/' }) {
        const out = openSync(log, 'a', 0o600);
        const child = spawn(program, args, {
            cwd,
            detached: true,
            env: { ...process.env, ...env },
            stdio: ['ignore', out, out],
        });
        closeSync(out);
        if (child.pid === undefined) {
            child.once('error', () => {});
            throw new StartError(`${name}: cannot run ${program}`, { log });
        }
        let end;
        child.once('exit', (code, signal) => {
            end = signal ?? code;
        });
        child.unref();
        const row = { name, pid: child.pid, birth: process_birth(child.pid) ?? 'ended at once', log };
        this.write([...this.list().filter((other) => other.name !== name), row]);
        return { ...row, exited: () => end };
    }

    /** Those that live. */
    alive() {
        return this.list().filter((row) => process_birth(row.pid) === row.birth);
    }

    /**
     * Sends the signal, waits, and insists with SIGKILL. True when there was something to stop.
     * Only the row of a process that is gone is struck out: another one may have been started meanwhile.
     */
    async stop(name, { signal = 'SIGTERM', grace_ms = 8000 } = {}) {
        const row = this.find(name);
        if (row === undefined) {
            return false;
        }
        signal_send(row, signal);
        if (!await process_gone(row, grace_ms)) {
            signal_send(row, 'SIGKILL');
            if (!await process_gone(row, grace_ms)) {
                throw new Error(`${name} (process ${row.pid}) cannot be stopped`);
            }
        }
        this.write(this.list().filter((other) => other.pid !== row.pid || other.birth !== row.birth));
        return true;
    }
}

export function signal_send(row, signal) {
    try {
        process.kill(row.pid, signal);
    } catch (error) {
        if (error.code !== 'ESRCH') {
            throw error;
        }
    }
}

async function process_gone(row, ms) {
    const deadline = Date.now() + ms;
    while (process_birth(row.pid) === row.birth) {
        if (Date.now() >= deadline) {
            return false;
        }
        await sleep(20);
    }
    return true;
}

/** Waits until a started program is ready; a program that ends first is a clear error with its log. */
export async function process_ready(child, probe, ms, hint) {
    const checked = async () => {
        const end = child.exited();
        if (end !== undefined) {
            throw new StartError(`${child.name} ended at once (${end})`, { log: child.log, hint });
        }
        return probe();
    };
    try {
        return await wait_for(checked, ms, `${child.name} being ready`);
    } catch (error) {
        throw error instanceof StartError ? error
            : new StartError(error.message, { log: child.log, hint });
    }
}

/** The first file that exists, or a clear error naming what to do. */
export function program_find(candidates, what, hint) {
    for (const candidate of candidates) {
        if (existsSync(candidate)) {
            return path.resolve(candidate);
        }
    }
    throw new StartError(`${what} is not there (looked for ${candidates.join(', ')})`, { hint });
}
