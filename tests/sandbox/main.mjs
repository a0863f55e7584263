// The Juno sandbox: node tests/sandbox/main.mjs --help

import fs from 'node:fs';
import { parseArgs } from 'node:util';
import { sandbox_start } from './sandbox.mjs';
import { Settings } from './settings.mjs';

const HELP = `Usage: node tests/sandbox/main.mjs --rpc URL --token ADDRESS --api-key KEY
           --api-secret-file FILE (--minter ADDRESS | --minter-key-file FILE) [options]

  --port P               public API, on 127.0.0.1 (0 or absent: any free port)
  --control-port C       control API, on 127.0.0.1 (0 or absent: any free port)
  --rpc URL              the chain node
  --token ADDRESS        TestMXNB on that chain
  --minter ADDRESS       the bank's wallet, an unlocked account of a development node
  --minter-key-file F    the bank's wallet, private key as 0x and 64 hex digits
  --api-key KEY          the client's key
  --api-secret-file F    file with the client's secret (a final newline does not count)
  --webhook URL          callback address, as if registered by POST /v4/webhooks
  --state-file F         keep everything in F, to survive a restart
  --set NAME=VALUE       a setting (may be repeated; see README.md)
  --fast                 delays of tens of milliseconds, no rate limit
  --seed N               dice of the probability faults (default 1)
  --log                  one line per request and per trouble on standard error
`;

const OPTIONS = {
    port: { type: 'string', default: '0' },
    'control-port': { type: 'string', default: '0' },
    rpc: { type: 'string' },
    token: { type: 'string' },
    minter: { type: 'string' },
    'minter-key-file': { type: 'string' },
    'api-key': { type: 'string' },
    'api-secret-file': { type: 'string' },
    webhook: { type: 'string' },
    'state-file': { type: 'string' },
    set: { type: 'string', multiple: true, default: [] },
    fast: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
    log: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
};

class UsageError extends Error {}

function whole_parse(name, text, most) {
    if (!/^[0-9]{1,10}$/.test(text) || Number(text) > most) {
        throw new UsageError(`--${name} must be a whole number from 0 to ${most}`);
    }
    return Number(text);
}

function file_read(name, path) {
    try {
        return fs.readFileSync(path, 'utf8').trim();
    } catch (error) {
        throw new UsageError(`--${name}: cannot read ${path}: ${error.code}`);
    }
}

function address_parse(name, text) {
    if (!/^0x[0-9a-fA-F]{40}$/.test(text)) {
        throw new UsageError(`--${name} must be 0x and 40 hex digits`);
    }
    return text;
}

function minter_parse(args) {
    const key_file = args['minter-key-file'];
    if ((key_file === undefined) === (args.minter === undefined)) {
        throw new UsageError('give either --minter or --minter-key-file');
    }
    if (key_file === undefined) return { minter: address_parse('minter', args.minter) };
    const private_key = file_read('minter-key-file', key_file);
    if (!/^0x[0-9a-fA-F]{64}$/.test(private_key)) {
        throw new UsageError('--minter-key-file must hold 0x and 64 hex digits');
    }
    return { private_key };
}

function settings_parse(args) {
    const settings = new Settings(args.fast);
    for (const text of args.set) {
        const cut = text.indexOf('=');
        if (cut < 1) throw new UsageError(`--set ${text}: expected NAME=VALUE`);
        const problem = settings.set(text.slice(0, cut), text.slice(cut + 1));
        if (problem !== null) throw new UsageError(`--set: ${problem}`);
    }
    return settings;
}

function options_parse(args) {
    for (const name of ['rpc', 'token', 'api-key', 'api-secret-file']) {
        if (args[name] === undefined) throw new UsageError(`--${name} is missing`);
    }
    if (!/^[^:\s]{1,128}$/.test(args['api-key'])) {
        throw new UsageError('--api-key must be 1 to 128 characters without colon or space');
    }
    const api_secret = file_read('api-secret-file', args['api-secret-file']);
    if (api_secret === '') throw new UsageError('--api-secret-file is empty');
    return {
        ...minter_parse(args),
        api_secret,
        api_key: args['api-key'],
        rpc: args.rpc,
        token: address_parse('token', args.token),
        port: whole_parse('port', args.port, 65535),
        control_port: whole_parse('control-port', args['control-port'], 65535),
        seed: whole_parse('seed', args.seed, 4294967295),
        settings: settings_parse(args),
        state_file: args['state-file'],
        webhook: args.webhook,
        log: args.log ? (line) => process.stderr.write(`${line}\n`) : () => {},
    };
}

function args_parse() {
    try {
        return parseArgs({ options: OPTIONS }).values;
    } catch (error) {
        throw new UsageError(error.message);
    }
}

async function main() {
    const args = args_parse();
    if (args.help) {
        process.stdout.write(HELP);
        return;
    }
    const sandbox = await sandbox_start(options_parse(args));
    process.stdout.write(`${JSON.stringify(sandbox.ready)}\n`);
    for (const signal of ['SIGINT', 'SIGTERM']) {
        process.once(signal, () => sandbox.stop().then(() => process.exit(0)));
    }
}

main().catch((error) => {
    process.stderr.write(`sandbox: ${error.message}\n`);
    process.exit(error instanceof UsageError ? 2 : 1);
});
