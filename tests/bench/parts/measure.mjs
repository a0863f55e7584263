// What the benchmark scripts share: the folder of a run, figures of a process, the lines of ./dev bench.

import { readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';

import { Env, Ground, home_take, leftovers_stop, ROOT } from '../../support/env.mjs';

/** Time on a core of all threads of a process, to the nanosecond; what others do on the machine is not in it. */
export function core_us(pid) {
    const threads = readdirSync(`/proc/${pid}/task`);
    return threads.reduce((sum, thread) => sum
        + Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0]) / 1000, 0);
}

/** Processes started by this one that live. */
export function process_children(pid) {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number);
}

/** Of a daemon and the signer it started. */
export function own_cpu_us(daemon) {
    return core_us(daemon) + process_children(daemon).reduce((sum, pid) => sum + core_us(pid), 0);
}

/** How often the daemon looks by itself, by its defaults: the embedded configuration is hastier, for tests. */
export const AS_SHIPPED = { 'chain.poll_ms': 250, 'juno.poll_ms': 2000 };

export function rss_mib(pid) {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))[1]) / 1024;
}

export function median(values) {
    const sorted = [...values].sort((a, b) => a - b);
    const middle = Math.floor(sorted.length / 2);
    return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** One line of ./dev bench. ratio: the value against the other; the median's, unless given. */
export function row_print(name, unit, values, against, against_value, ratio = median(values) / against_value) {
    console.log(JSON.stringify({
        name, value: median(values), unit, against, against_value, ratio, samples: values.length,
        min: Math.min(...values), max: Math.max(...values),
    }));
}

/** A row that could not be measured here, and why. */
export function row_missing(name, unit, why) {
    console.log(JSON.stringify({
        name, value: null, unit, against: why, against_value: null, ratio: null, samples: 0, min: null, max: null,
    }));
}

/** Runs body(env) on real parts in a folder of its own, and stops them whatever happens. */
export async function with_env(name, settings, body) {
    const home = home_take(path.join(ROOT, '.dev/bench', name));
    await leftovers_stop(home);
    rmSync(path.join(home, 'log'), { recursive: true, force: true });    // what is judged is this run's
    const ground = new Ground(home);
    const env = new Env(ground, { home, settings });
    try {
        await ground.start();
        await env.start();
        await body(env);
    } finally {
        await env.stop();
        await ground.stop();
    }
}

/** The daemon's process number. */
export const daemon_pid = (env) => env.register.find('relayerd').pid;
