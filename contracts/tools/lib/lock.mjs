// One run at a time on one record: two would choose the same nonce and write over each other's journal. The lock is
// a file that names its holder. A dead holder's lock is taken over, so that a run which died can be run again.

import { closeSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import os from 'node:os';

import { ToolError } from './node.mjs';

const OWNER_ONLY = 0o600;
const HOLDER_PATTERN = /^([1-9][0-9]{0,9}) (\S{1,255})\n$/;

/** False when the file is there already; the check and the making are one step. */
function file_make(file) {
    let out;
    try {
        out = openSync(file, 'wx', OWNER_ONLY);
    } catch (error) {
        if (error.code === 'EEXIST') {
            return false;
        }
        throw new ToolError(`the lock ${file} cannot be made: ${error.code}`);
    }
    try {
        writeSync(out, `${process.pid} ${os.hostname()}\n`);
    } finally {
        closeSync(out);
    }
    return true;
}

/** The text of a lock, or undefined when it has gone. */
function holder_read(file) {
    try {
        return readFileSync(file, 'utf8');
    } catch (error) {
        if (error.code === 'ENOENT') {
            return undefined;
        }
        throw new ToolError(`the lock ${file} cannot be read: ${error.code}`);
    }
}

/** Only of a process of this machine can it be known that it is dead. */
function holder_is_dead(text) {
    const [, pid, host] = HOLDER_PATTERN.exec(text) ?? [];
    if (pid === undefined || host !== os.hostname()) {
        return false;
    }
    try {
        process.kill(Number(pid), 0);
        return Number(pid) === process.pid;     // a number that came round again: this run has no lock yet
    } catch (error) {
        return error.code === 'ESRCH';
    }
}

function refuse(file, text) {
    const [, pid, host] = HOLDER_PATTERN.exec(text) ?? [];
    const who = pid === undefined ? 'another run' : `process ${pid} on ${host}`;
    throw new ToolError(`${who} is at work on this deployment and holds ${file}; wait for it, then run the same command`
        + ' again. Only if you are sure that no such run is alive, remove that file');
}

/**
 * Of those who found the same dead holder one makes FILE.taking; only it may replace the lock, and only while that
 * still names the dead one: whoever comes later finds the new holder.
 */
function takeover(file, dead) {
    const taking = `${file}.taking`;
    if (!file_make(taking)) {
        refuse(taking, holder_read(taking) ?? '');
    }
    const now = holder_read(file);
    if (now !== dead) {
        rmSync(taking);
        refuse(file, now ?? '');
    }
    renameSync(taking, file);
}

/** Runs body() while no other run can be at work on `target`. */
export async function with_lock(target, body) {
    const file = `${target}.lock`;
    if (!file_make(file)) {
        const holder = holder_read(file) ?? '';
        if (!holder_is_dead(holder)) {
            refuse(file, holder);
        }
        takeover(file, holder);
    }
    try {
        return await body();
    } finally {
        rmSync(file, { force: true });
    }
}
