// The lock of a deployment: who gets it, what a dead run leaves, and that nobody else's is ever removed.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, beforeEach, test } from 'node:test';

import { with_lock } from '../lib/lock.mjs';
import { tool_end, TOOLS } from './support.mjs';

const RUNS = 8;
const HOLD_MAX_MS = 60_000;
const folder = mkdtempSync(path.join(os.tmpdir(), 'lock-'));
const target = path.join(folder, 'record.json');
const lock = `${target}.lock`;
const go = path.join(folder, 'go');

beforeEach(() => readdirSync(folder).forEach((name) => rmSync(path.join(folder, name))));
after(() => rmSync(folder, { recursive: true }));

/** A process that has ended: its number is nobody's. */
async function dead_pid() {
    const child = spawn(process.execPath, ['-e', '']);
    await tool_end(child);
    return child.pid;
}

/** A run in a process of its own: takes the lock, says so and holds it until it may go, or ends with status 1. */
function run_start() {
    const body = `console.log('taken');
        const end = Date.now() + ${HOLD_MAX_MS};
        while (!existsSync(${JSON.stringify(go)}) && Date.now() < end) {
            await new Promise((done) => setTimeout(done, 20));
        }`;
    const text = `import { existsSync } from 'node:fs';
        import { with_lock } from ${JSON.stringify(path.join(TOOLS, 'lib/lock.mjs'))};
        await with_lock(${JSON.stringify(target)}, async () => { ${body} })
            .catch((error) => { console.error(error.message); process.exitCode = 1; });`;
    return tool_end(spawn(process.execPath, ['--input-type=module', '-e', text]));
}

const leave = (text) => writeFileSync(lock, text);

test('the lock names its holder and goes with it, also when the body fails', async () => {
    assert.equal(await with_lock(target, async () => readFileSync(lock, 'utf8')),
        `${process.pid} ${os.hostname()}\n`);
    assert.deepEqual(readdirSync(folder), []);
    await assert.rejects(with_lock(target, async () => { throw new Error('of the body'); }), /of the body/);
    assert.deepEqual(readdirSync(folder), []);
});

test('a dead run\'s lock is taken over', async () => {
    leave(`${await dead_pid()} ${os.hostname()}\n`);
    assert.match(await with_lock(target, async () => readFileSync(lock, 'utf8')), new RegExp(`^${process.pid} `));
    assert.deepEqual(readdirSync(folder), []);
});

const KEPT = [
    ['of a living process', async () => `1 ${os.hostname()}\n`, /process 1 on \S+ is at work/],
    ['of another machine', async () => `${await dead_pid()} not-${os.hostname()}\n`, /on not-\S+ is at work/],
    ['that names nobody', async () => '', /another run is at work.*Only if you are sure/],
];
for (const [what, make, message] of KEPT) {
    test(`a lock ${what} is kept, and the body does not run`, async () => {
        const text = await make();
        leave(text);
        await assert.rejects(with_lock(target, () => assert.fail('the body ran')), message);
        assert.equal(readFileSync(lock, 'utf8'), text);
        assert.deepEqual(readdirSync(folder), ['record.json.lock']);
    });
}

test('a takeover that another run has begun is left to it', async () => {
    leave(`${await dead_pid()} ${os.hostname()}\n`);
    writeFileSync(`${lock}.taking`, `1 ${os.hostname()}\n`);
    await assert.rejects(with_lock(target, () => assert.fail('the body ran')), /holds .*\.lock\.taking/);
    assert.ok(existsSync(`${lock}.taking`));
});

test('a folder that is not there is said', async () => {
    await assert.rejects(with_lock(path.join(folder, 'none/record.json'), () => undefined), /cannot be made: ENOENT/);
});

for (const stale of [false, true]) {
    test(`of ${RUNS} runs at once ${stale ? 'on a dead run\'s lock ' : ''}one gets it`, async () => {
        if (stale) {
            leave(`${await dead_pid()} ${os.hostname()}\n`);
        }
        let ended = 0;
        const runs = await Promise.all(Array.from({ length: RUNS }, () => run_start().then((run) => {
            ended += 1;
            if (ended === RUNS - 1) {
                writeFileSync(go, '');
            }
            return run;
        })));
        assert.equal(runs.filter(({ stdout }) => stdout === 'taken\n').length, 1, JSON.stringify(runs));
        assert.equal(runs.filter(({ status, stderr }) => status === 1 && stderr.includes('is at work')).length, RUNS - 1);
        assert.deepEqual(readdirSync(folder), ['go']);
    });
}
