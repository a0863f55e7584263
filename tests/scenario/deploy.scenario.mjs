// Deployment and verification on a chain that is treated as a real one: a key file of our own keytool, a token that is
// there already. Then one thing at a time is tampered with, and verify names it and nothing else; and deployments that
// are killed at each transaction end, when run again, with one escrow.

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import { getAddress, getCreateAddress, id, Interface, keccak256, toBeHex, zeroPadValue } from 'ethers';

import { door_open, json_load, tool_end, tool_run, tool_start } from '../../contracts/tools/test/support.mjs';
import { binary, ROOT } from '../support/env.mjs';
import { wait_for } from '../support/process.mjs';
import { check, check_equal } from './bed.mjs';

const run = promisify(execFile);
const EXIT_DIFFERS = 5;
const WALLET_DELAY_S = 2 * 24 * 3600;
const RECEIPT_MS = 20_000;
const ONE_ETHER = '0xde0b6b3a7640000';
const CODE_BYTE = 5000;
const SLOTS_SEARCHED = 16;
const SETUP_TRANSACTIONS = 5;      // the creation, three grants, the begun transfer of the admin role
const proxy_face = new Interface(json_load(path.join(ROOT, 'abi/json/TestMXNBProxy.json')).abi);

const random_address = () => getAddress(`0x${randomBytes(20).toString('hex')}`);
let serial = 0;

/** One deployment: its folder, its token, its parties, its key. */
class Case {
    constructor(ground) {
        serial += 1;
        this.ground = ground;
        this.folder = path.join(ground.home, `deploy-${serial}`);
        this.record_file = path.join(this.folder, 'deployment.json');
    }

    async prepare() {
        rmSync(this.folder, { recursive: true, force: true });
        mkdirSync(this.folder, { mode: 0o700 });
        await this.key_make();
        const [bridge, arbiter] = [random_address(), random_address()];
        const local = path.join(this.folder, 'token.json');
        await this.tool('deploy', { relayer: bridge, bridge, arbiter, minter: random_address(), out: local });
        const { token, tokenProxyAdmin, admin, guardian } = json_load(local);
        this.upgrader = tokenProxyAdmin;
        this.options = {
            rpc: this.ground.rpc_url, 'chain-id': '42161', token, 'key-file': this.key_file,
            'password-file': this.password_file, admin, guardian, arbiter, relayer: bridge, bridge,
            out: this.record_file,
        };
    }

    async key_make() {
        this.key_file = path.join(this.folder, 'deployer.json');
        this.password_file = path.join(this.folder, 'deployer.password');
        writeFileSync(this.password_file, `${randomBytes(24).toString('hex')}\n`, { mode: 0o600 });
        const keytool = binary('relayer-keytool');
        await run(keytool, ['new', '--light', '--password-file', this.password_file, '--out', this.key_file]);
        const { stdout } = await run(keytool, ['address', '--key', this.key_file]);
        this.deployer = getAddress(/0x[0-9a-fA-F]{40}/.exec(stdout)[0]);
        await this.ground.node('anvil_setBalance', [this.deployer, ONE_ETHER]);
    }

    /** A tool of ours that must succeed; gives what it printed. */
    async tool(name, options, words) {
        const result = await tool_run(name, { rpc: this.ground.rpc_url, ...options }, words);
        check(result.status === 0, `${name} ended with ${result.status}: ${result.stderr}`);
        return result.stdout;
    }

    /** Deploys by key file and makes the grants that were printed, as the admin. */
    async deploy() {
        const printed = await this.tool('deploy', this.options);
        for (const [, to, data] of printed.matchAll(/^ {4}to {3}(\S+)\n {4}data (\S+)$/gm)) {
            await this.send(this.options.admin, to, data);
        }
        this.record = json_load(this.record_file);
    }

    /** A call as calldata.mjs prints it, from an unlocked account. */
    async act(from, ...words) {
        const result = await tool_run('calldata', { deployment: this.record_file, json: true }, words);
        check(result.status === 0, `calldata ${words.join(' ')}: ${result.stderr}`);
        const { to, data } = JSON.parse(result.stdout);
        await this.send(from, to, data);
    }

    async send(from, to, data) {
        const hash = await this.ground.node('eth_sendTransaction', [{ from, to, data, gas: '0x7a120' }]);
        const receipt = await wait_for(() => this.ground.node('eth_getTransactionReceipt', [hash]),
            RECEIPT_MS, 'a receipt');
        check(receipt.status === '0x1', `the transaction to ${to} reverted`);
    }

    async verify() {
        const result = await tool_run('verify', { rpc: this.ground.rpc_url, deployment: this.record_file, json: true });
        check(result.stdout !== '', `verify said nothing: ${result.stderr}`);
        const { checks } = JSON.parse(result.stdout);
        return { status: result.status, different: checks.filter(({ ok }) => !ok) };
    }

    async verify_equal(when) {
        const { status, different } = await this.verify();
        check_equal(different, [], `differences ${when}`);
        check_equal(status, 0, `exit status ${when}`);
    }

    /** Exactly these checks differ; gives their rows. */
    async verify_names(names, when) {
        const { status, different } = await this.verify();
        check_equal(different.map(({ name }) => name), names, `what differs ${when}`);
        check_equal(status, EXIT_DIFFERS, `exit status ${when}`);
        return different;
    }

    code(address) {
        return this.ground.node('eth_getCode', [address, 'latest']);
    }

    code_set(address, code) {
        return this.ground.node('anvil_setCode', [address, code]);
    }

    transactions() {
        return this.ground.node('eth_getTransactionCount', [this.deployer, 'latest']).then(Number);
    }
}

async function with_case(ground, body, { deploy = true } = {}) {
    const one = new Case(ground);
    await one.prepare();
    if (deploy) {
        await one.deploy();
        await one.verify_equal('after the deployment');
    }
    await body(one);
    rmSync(one.folder, { recursive: true });
}

async function code_tampered(one) {
    const code = Buffer.from((await one.code(one.record.escrow)).slice(2), 'hex');
    code[CODE_BYTE] ^= 1;
    await one.code_set(one.record.escrow, `0x${code.toString('hex')}`);
    const { status, different } = await one.verify();
    check_equal(status, EXIT_DIFFERS, 'exit status');
    const row = different.find(({ name }) => name === 'escrow code');
    check(row?.found.includes(`byte ${CODE_BYTE} is`) && row.found.includes('(1 bytes differ)'),
        `escrow code: ${row?.found}`);
    check(different.some(({ name }) => name === 'escrow code hash'), 'the code hash is not named');
}

async function stranger_granted(one) {
    const stranger = random_address();
    await one.act(one.record.admin, 'grant', 'ARBITER', stranger);
    const [row] = await one.verify_names(['role ARBITER'], 'after a grant to a stranger');
    check(row.found.includes(stranger), `the stranger is not named: ${row.found}`);
    await one.act(one.record.admin, 'revoke', 'ARBITER', stranger);
    await one.verify_equal('after the revocation');
}

async function relayer_revoked(one) {
    await one.act(one.record.admin, 'revoke', 'RELAYER', one.record.relayer);
    const [row] = await one.verify_names(['role RELAYER'], 'after the revocation of the relayer');
    check_equal(row.found, 'none', 'who holds RELAYER');
}

/** The access-control mapping lies in slot 0: a role's members are a mapping at the head of its entry. */
function role_slot(role, account) {
    const entry = keccak256(id(role) + zeroPadValue('0x00', 32).slice(2));
    return keccak256(zeroPadValue(account, 32) + entry.slice(2));
}

async function role_written(one) {
    const slot = role_slot('GUARDIAN', one.record.guardian);
    check_equal(BigInt(await one.ground.node('eth_getStorageAt', [one.record.escrow, slot, 'latest'])), 1n, 'the slot');
    await one.ground.node('anvil_setStorageAt', [one.record.escrow, slot, toBeHex(0, 32)]);
    await one.verify_names(['role GUARDIAN', 'role logs and contract'], 'after a role was taken without a log');
}

async function wallets_changed(one) {
    const [payout, refund] = [random_address(), random_address()];
    await one.act(one.record.admin, 'propose-wallets', payout, refund);
    const [waiting] = await one.verify_names(['proposed wallets'], 'while wallets are proposed');
    check(waiting.found.includes(payout) && waiting.found.includes(refund),
        `the proposal is not told: ${waiting.found}`);
    await one.ground.node('evm_increaseTime', [WALLET_DELAY_S]);
    await one.ground.node('evm_mine');
    await one.act(one.record.admin, 'accept-wallets');
    const rows = await one.verify_names(['payout wallet', 'refund wallet'], 'after the wallets changed');
    check_equal(rows.map(({ found }) => found), [payout, refund], 'the wallets found');
}

async function wallet_written(one) {
    const { escrow, payout } = one.record;
    const thief = random_address();
    for (let slot = 0; slot < SLOTS_SEARCHED; slot += 1) {
        const word = await one.ground.node('eth_getStorageAt', [escrow, toBeHex(slot, 32), 'latest']);
        if (word.endsWith(payout.slice(2).toLowerCase())) {
            const changed = word.slice(0, -40) + thief.slice(2).toLowerCase();
            await one.ground.node('anvil_setStorageAt', [escrow, toBeHex(slot, 32), changed]);
            const [row] = await one.verify_names(['payout wallet'], 'after a storage write');
            check_equal(row.found, thief, 'the wallet found');
            return;
        }
    }
    check(false, 'the payout wallet is in no slot');
}

async function token_upgraded(one) {
    const next = random_address();
    await one.code_set(next, `${await one.code(one.record.tokenImplementation)}00`);
    await one.ground.node('anvil_impersonateAccount', [one.upgrader]);
    await one.ground.node('anvil_setBalance', [one.upgrader, ONE_ETHER]);
    await one.send(one.upgrader, one.record.token, proxy_face.encodeFunctionData('upgradeTo', [next]));
    const [row] = await one.verify_names(['token implementation', 'token implementation code hash'],
        'after an upgrade of the token');
    check_equal(row.found, next, 'the implementation found');
}

/** A byte more, which nothing reaches: the token goes on answering, so only its code tells. */
async function token_code_changed(one) {
    const { tokenImplementation, token } = one.record;
    const code = await one.code(tokenImplementation);
    await one.code_set(tokenImplementation, `${code}00`);
    await one.verify_names(['token implementation code hash'], 'after the code behind the token changed');
    await one.code_set(tokenImplementation, code);
    await one.verify_equal('after it changed back');
    await one.code_set(token, `${await one.code(token)}00`);
    await one.verify_names(['token code hash'], 'after the proxy itself changed');
}

async function paused(one) {
    await one.act(one.record.guardian, 'pause', 'both');
    const [row] = await one.verify_names(['pause'], 'while paused');
    check(row.found.startsWith('creates and pay-outs paused until 20'), `what is paused: ${row.found}`);
    await one.act(one.record.admin, 'unpause');
    await one.verify_equal('after unpausing');
}

/**
 * Runs the deployment through a door that kills it at the first transaction it sends: before the node gets it, or
 * after the node took it and before the answer arrives. Gives how the run ended.
 */
async function deploy_killed(one, options, { sent }) {
    let child;
    const fatal = (method) => method === 'eth_sendRawTransaction';
    const door = await door_open(one.ground.rpc_url, {
        decide: (method) => (fatal(method) && !sent && child.kill('SIGKILL') ? { silent: true } : undefined),
        after: (method) => !(fatal(method) && child.kill('SIGKILL')),
    });
    try {
        child = tool_start('deploy', { ...options, rpc: door.url });
        return (await tool_end(child)).status;
    } finally {
        door.close();
    }
}

/** One escrow: at the address of the first nonce there is code, and no other transaction created a contract. */
async function one_escrow_check(one, transactions) {
    const record = json_load(one.record_file);
    check_equal(await one.transactions(), transactions, 'transactions of the deployer');
    check_equal(record.escrow, getCreateAddress({ from: one.deployer, nonce: 0 }), 'the escrow');
    for (let nonce = 1; nonce < transactions + 2; nonce += 1) {
        const other = getCreateAddress({ from: one.deployer, nonce });
        check_equal(await one.code(other), '0x', `code of nonce ${nonce}`);
    }
}

async function killed_at_creation(one, sent) {
    check_equal(await deploy_killed(one, one.options, { sent }), 'SIGKILL', 'the first run');
    check(!existsSync(one.record_file), 'the killed run wrote a record');
    check(existsSync(`${one.record_file}.journal`), 'the killed run left no journal');
    await one.deploy();
    await one_escrow_check(one, 1);
    await one.verify_equal('after the second run');
}

/** Each transaction twice: the first run dies before it was sent, the next one after. */
async function killed_at_each_step(one) {
    const options = { ...one.options, 'setup-by-deployer': true };
    for (let kill = 0; kill < 2 * SETUP_TRANSACTIONS; kill += 1) {
        const end = await deploy_killed(one, options, { sent: kill % 2 === 1 });
        check_equal(end, 'SIGKILL', `run ${kill + 1}`);
        check(!existsSync(one.record_file), 'a killed run wrote a record');
    }
    one.options = options;
    await one.tool('deploy', options);
    await one_escrow_check(one, SETUP_TRANSACTIONS);
    await one.verify_names(['admin', 'admin transfer', 'role DEFAULT_ADMIN'], 'while the transfer waits');
}

const scenario = (name, body, options) => (
    { name: `deploy: ${name}`, run: (ground) => with_case(ground, body, options) });

export const scenarios = [
    scenario('one byte of the code flipped is named', code_tampered),
    scenario('a role given to a stranger is named', stranger_granted),
    scenario('a revoked relayer is named', relayer_revoked),
    scenario('a role taken without a log is named', role_written),
    scenario('wallets proposed and changed are named', wallets_changed),
    scenario('a wallet changed by a storage write is named', wallet_written),
    scenario('an upgrade of the token is named', token_upgraded),
    scenario('other code at the token or behind it is named', token_code_changed),
    scenario('a pause is named', paused),
    scenario('killed after the creation was sent, run again: one escrow',
        (one) => killed_at_creation(one, true), { deploy: false }),
    scenario('killed before the creation was sent, run again: one escrow',
        (one) => killed_at_creation(one, false), { deploy: false }),
    scenario('killed at each transaction of a setup by the deployer: one escrow',
        killed_at_each_step, { deploy: false }),
];
