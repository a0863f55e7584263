// The commands of the documents, run. Every fenced block marked sh, js or python on a page is executed in
// order, by one shell per page, in a fresh embedded environment; the first that fails fails the page.
//
// The shell's folder looks like a clone in which ./dev up has run: .dev/up with state.json and contracts.json,
// build/dev, contracts. Lines that begin with ./dev are left out, because the environment is up already; that
// those commands exist is checked in run.mjs, and what they do is tested by whoever runs this.

import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { binary, Env, Ground, home_take, leftovers_stop, ROOT } from '../support/env.mjs';

const PAGE_MS = 180_000;
const OUTPUT_SHOWN = 1500;
const LANGUAGES = {
    sh: (body) => body.split('\n').filter((line) => !line.startsWith('./dev ')).join('\n'),
    js: (body, file) => `cat > ${file}.mjs <<'END_OF_BLOCK'\n${body}END_OF_BLOCK\nnode ${file}.mjs`,
    python: (body, file) => `cat > ${file}.py <<'END_OF_BLOCK'\n${body}END_OF_BLOCK\npython3 ${file}.py`,
};

/** Blocks to run: [{ language, body, line }]. */
export function blocks_of(text) {
    return [...text.matchAll(/^```(sh|js|python)\n([\s\S]*?)^```/gm)].map(({ 1: language, 2: body, index }) => ({
        language, body, line: text.slice(0, index).split('\n').length,
    }));
}

export function script_of(blocks) {
    const parts = blocks.map(({ language, body, line }, at) => (
        `echo '@ line ${line}'\n${LANGUAGES[language](body, `block-${at}`)}`));
    return ['set -euo pipefail', ...parts, 'echo @ end', ''].join('\n');
}

function shell_run(folder, script, env) {
    return new Promise((resolve) => {
        const child = spawn('bash', ['-c', script], { cwd: folder, env: { ...process.env, ...env }, detached: true });
        let text = '';
        // The whole process group: a program a block started must not outlive it.
        const timer = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), PAGE_MS);
        const take = (part) => { text += part; };
        child.stdout.setEncoding('utf8').on('data', take);
        child.stderr.setEncoding('utf8').on('data', take);
        child.on('close', (status, signal) => {
            clearTimeout(timer);
            resolve({ status: status ?? signal, text });
        });
    });
}

function folder_make(env) {
    const folder = path.join(env.home, 'clone');
    mkdirSync(path.join(folder, '.dev/up'), { recursive: true });
    mkdirSync(path.join(folder, 'build'));
    symlinkSync(path.dirname(path.dirname(binary('relayerd'))), path.join(folder, 'build/dev'));
    symlinkSync(path.join(ROOT, 'contracts'), path.join(folder, 'contracts'));
    symlinkSync(env.signer_config, path.join(folder, '.dev/up/signer.ini'));
    copyFileSync(path.join(env.home, 'contracts.json'), path.join(folder, '.dev/up/contracts.json'));
    writeFileSync(path.join(folder, '.dev/up/state.json'), JSON.stringify({
        socket: env.socket, control_url: env.control_url, rpc_url: env.ground.rpc_url,
        ops_url: `http://127.0.0.1:${env.http_port}`,
    }));
    return folder;
}

async function page_run(ground, page, serial) {
    const home = path.join(ground.home, `page-${serial}`);
    rmSync(home, { recursive: true, force: true });
    const env = new Env(ground, { home, database: `docs_${process.pid}_${serial}` });
    try {
        await env.start();
        const blocks = blocks_of(page.text);
        const { status, text } = await shell_run(folder_make(env), script_of(blocks), {});
        const broken = env.broken_lines();
        if (status === 0 && text.endsWith('@ end\n') && broken.length === 0) {
            return [];
        }
        const at = [...text.matchAll(/^@ line (\d+)$/gm)].at(-1)?.[1] ?? '?';
        return [`${page.name}:${at}: the commands ended with ${status}`,
            ...text.slice(-OUTPUT_SHOWN).split('\n'), ...broken.slice(0, 3)];
    } finally {
        await env.stop();
        await ground.cluster.database_drop(env.database);
    }
}

/** Runs the commands of all pages; verdict(name, problems) is called for each. */
export async function commands_run(pages, verdict) {
    const wanted = pages.filter(({ text }) => blocks_of(text).length > 0);
    const home = home_take(path.join(ROOT, '.dev/docs'));
    await leftovers_stop(home);
    const ground = new Ground(home);
    const failed = (error) => [error.message, ...(error.log === undefined ? [] : [`log: ${error.log}`])];
    try {
        await ground.start();
        for (const [serial, page] of wanted.entries()) {
            verdict(`commands of ${page.name} do what the page says`,
                await page_run(ground, page, serial).catch(failed));
        }
    } catch (error) {
        verdict('the environment for the commands of the pages', failed(error));
    } finally {
        await ground.stop();
    }
}
