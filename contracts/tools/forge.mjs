// What the tools that run forge share: where things lie, and one way to run a program.

import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
/** The program itself: npm's launcher of the same name reports success when forge failed. */
export const FORGE = path.join(ROOT, 'node_modules/@foundry-rs/forge-linux-amd64/bin/forge');
const OUTPUT_MAX_BYTES = 64 * 1024 * 1024;

/** Runs a program in contracts/ unless `options` says otherwise; gives what spawnSync gives. */
export function run(program, args, environment = {}, options = {}) {
    return spawnSync(program, args, {
        cwd: ROOT,
        encoding: 'utf8',
        maxBuffer: OUTPUT_MAX_BYTES,
        env: { ...process.env, ...environment },
        ...options,
    });
}

/** All that a program said, for a message about its failure. */
export function said(result) {
    return `${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}`;
}
