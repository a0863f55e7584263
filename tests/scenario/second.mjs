// A second daemon on the database of the first.

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { binary } from '../support/env.mjs';
import { port_choose, process_ready } from '../support/process.mjs';
import { rpc_call } from '../support/rpc.mjs';
import { check } from './bed.mjs';

const START_MS = 30_000;

/** A second daemon with a signer of its own beside the first: same keys, same database. */
export class Second {
    constructor(env) {
        this.env = env;
        this.config = path.join(env.home, 'second.ini');
        this.log = path.join(env.home, 'log', 'second.log');
        this.socket = `${env.socket}2`;
    }

    /** settings: more that differ from the first, as { 'rpc_url': 'http://...' }. */
    async config_write(settings = {}) {
        const signer = path.join(this.env.home, 'second-signer.ini');
        const set = (text, key, value) => {
            const changed = text.replace(new RegExp(`^${key} = .*$`, 'm'), () => `${key} = ${value}`);
            check(changed !== text, `no ${key} to change`);
            return changed;
        };
        const record = path.join(this.env.home, 'second.record');
        writeFileSync(signer, set(readFileSync(this.env.signer_config, 'utf8'), 'record_file', record), { mode: 0o600 });
        let text = readFileSync(this.env.config, 'utf8');
        const port = await port_choose();
        for (const [key, value] of [['instance', 'second'], ['socket', this.socket], ['port', port], ['config', signer],
            ...Object.entries(settings)]) {
            text = set(text, key, value);
        }
        writeFileSync(this.config, text, { mode: 0o600 });
    }

    async start() {
        const child = this.env.register.start({
            name: 'second', program: binary('relayerd'), args: ['--config', this.config], log: this.log,
        });
        await process_ready(child, async () => {
            const status = await rpc_call(this.socket, 'system.status');
            check(status.ready, status.waiting_for ?? 'not ready');
            return true;
        }, START_MS, `the configuration is ${this.config}`);
    }

    stop(signal) {
        return this.env.register.stop('second', { signal });
    }

    lines_with(text) {
        return lines_with(this.log, text);
    }
}

export function lines_with(log, text) {
    return readFileSync(log, 'utf8').split('\n').filter((line) => line.includes(text));
}
