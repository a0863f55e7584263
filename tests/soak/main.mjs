// ./dev soak [MINUTES] [--seed N]: prints how it went; status 1 when memory grew, a payment did not end as
// ordered, or the books differ.

import { rmSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { Story } from '../scenario/story.mjs';
import { Env, Ground, home_take, leftovers_stop, ROOT } from '../support/env.mjs';
import { NodeProxy } from '../support/node_proxy.mjs';
import { soak_run } from './soak.mjs';

const MINUTES = 10;
const MINUTES_MOST = 7 * 24 * 60;
const SEED_MOST = 0xffffffff;

function arguments_read() {
    const { values, positionals } = parseArgs({ options: { seed: { type: 'string', default: '1' } }, allowPositionals: true });
    const minutes = positionals.length === 0 ? MINUTES : Number(positionals[0]);
    const seed = Number(values.seed);
    if (positionals.length > 1 || !(minutes > 0 && minutes <= MINUTES_MOST)) {
        throw new Error(`soak: MINUTES is a number above 0, at most ${MINUTES_MOST}`);
    }
    if (!Number.isInteger(seed) || seed < 0 || seed > SEED_MOST) {
        throw new Error(`soak: --seed is a whole number from 0 to ${SEED_MOST}`);
    }
    return { minutes, seed };
}

const words = (counts) => Object.entries(counts).map(([name, n]) => `${name} ${n}`).join(', ') || 'none';
const figure = ({ first, second, last, slope }, unit) => `${first.toFixed(1)} first quarter, ${second.toFixed(1)} second,`
    + ` ${last.toFixed(1)} last ${unit}; slope ${slope.toFixed(1)} an hour`;

function report_print(report) {
    console.log(`settled         ${report.settled} of ${report.made} payments (${words(report.kinds)})`);
    console.log(`faults, node    ${words(report.node)}`);
    console.log(`faults, Juno    ${words(report.juno)}`);
    console.log(`memory          ${figure(report.figures.rss, 'MiB')} (${report.samples} samples)`);
    console.log(`                tenths of the run: ${report.tenths.map((mib) => mib.toFixed(1)).join(' ')} MiB`);
    console.log(`open handles    ${figure(report.figures.handles, '')}`);
    console.log(`database        ${figure(report.figures.database, 'MiB')}`);
    console.log(`alarms raised   ${report.alarms.map(({ code, n }) => `${code} ${n}`).join(', ') || 'none'}`);
    console.log(`books           ${report.checked} rows verified, ${report.differences.length} differences`);
    [...report.growth, ...report.differences].forEach((line) => console.log(`WRONG           ${line}`));
}

async function soak({ minutes, seed }) {
    const home = home_take(path.join(ROOT, '.dev/soak'));
    await leftovers_stop(home);
    rmSync(path.join(home, 'log'), { recursive: true, force: true });
    const ground = new Ground(home);
    let [env, proxy] = [];
    try {
        await ground.start();
        proxy = new NodeProxy(ground.rpc_url);
        await proxy.start();
        env = new Env(ground, { home, settings: { 'chain.rpc_url': proxy.url }, sandbox_args: ['--seed', `${seed}`] });
        await env.start();
        console.log(`soak            ${minutes} min, seed ${seed}`);
        const report = await soak_run({ env, story: new Story(env), proxy },
            { seconds: minutes * 60, seed, say: (line) => console.log(`                ${line}`) });
        report_print(report);
        return report.growth.length + report.differences.length === 0;
    } finally {
        await env?.stop();
        await proxy?.stop();
        await ground.stop();
    }
}

try {
    process.exitCode = await soak(arguments_read()) ? 0 : 1;
} catch (error) {
    console.error(error.message);
    process.exitCode = /^soak: /.test(error.message) ? 3 : 1;
}
