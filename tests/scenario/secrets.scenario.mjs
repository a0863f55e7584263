// No key in the daemon: its whole memory and a core of it are searched for both private keys and their
// passwords, as bytes and as text, after both keys have signed. The keys are opened here by an independent
// library. The same search must find what is no secret: the keys here, and their addresses in the daemon.

import { execFile } from 'node:child_process';
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import { Wallet } from 'ethers';

import { program_find } from '../support/process.mjs';
import { check, check_equal, with_env } from './bed.mjs';

const CHUNK = 1 << 20;
const OVERLAP = 128;                // more than the longest needle
const CUSTODY_S = 3600;
const GCORE = '/usr/bin/gcore';

/** Bytes in every form in which they could lie about: { what: Buffer }. */
function forms(what, bytes) {
    const hex = bytes.toString('hex');
    return {
        [`${what}, bytes`]: bytes,
        [`${what}, bytes backwards`]: Buffer.from(bytes).reverse(),
        [`${what}, hex`]: Buffer.from(hex, 'latin1'),
        [`${what}, HEX`]: Buffer.from(hex.toUpperCase(), 'latin1'),
    };
}

/** What must be nowhere in the daemon. A password is hexadecimal text: its bytes are looked for as well. */
function secrets_of(ground) {
    return ['relayer', 'arbiter'].reduce((needles, role) => {
        const { keyfile, password_file } = ground[role];
        const password = readFileSync(password_file, 'utf8').trim();
        const wallet = Wallet.fromEncryptedJsonSync(readFileSync(keyfile, 'utf8'), password);
        check_equal(wallet.address.toLowerCase(), ground[role].address.toLowerCase(), `the ${role}'s key file`);
        return {
            ...needles,
            ...forms(`${role}'s key`, Buffer.from(wallet.privateKey.slice(2), 'hex')),
            ...forms(`${role}'s password`, Buffer.from(password, 'hex')),
        };
    }, {});
}

/** What the daemon knows: it asked the signer for both addresses. */
const known_of = (ground) => Object.fromEntries(['relayer', 'arbiter'].map((role) => (
    [`${role}'s address`, Buffer.from(ground[role].address.slice(2), 'hex')])));

/** The readable mappings of a process as [from, to). */
function mappings_of(pid) {
    return readFileSync(`/proc/${pid}/maps`, 'latin1').split('\n')
        .map((line) => /^([0-9a-f]+)-([0-9a-f]+) r/.exec(line)).filter((found) => found !== null)
        .map(([, from, to]) => [BigInt(`0x${from}`), BigInt(`0x${to}`)]);
}

const memory_search = (pid, needles) => file_search(`/proc/${pid}/mem`, mappings_of(pid), needles);
const core_search = (core, needles) => file_search(core, [[0n, BigInt(statSync(core).size)]], needles);

/** Which of the needles stand in these ranges of a file, and how many bytes could be read there. */
function file_search(file, ranges, needles) {
    const fd = openSync(file, 'r');
    const found = new Set();
    let searched = 0;
    try {
        for (const range of ranges) {
            searched += range_search(fd, range, (chunk) => {
                Object.keys(needles).filter((what) => chunk.includes(needles[what])).forEach((what) => found.add(what));
            });
        }
    } finally {
        closeSync(fd);
    }
    return { found: [...found].sort(), searched };
}

function range_search(fd, [from, to], look) {
    const chunk = Buffer.alloc(CHUNK);
    let read = 0;
    for (let at = from; at < to; at += BigInt(CHUNK - OVERLAP)) {
        try {
            const length = Number(to - at < BigInt(CHUNK) ? to - at : BigInt(CHUNK));
            const n = readSync(fd, chunk, 0, length, at);
            look(chunk.subarray(0, n));
            read += n;
        } catch (error) {
            if (error.code !== 'EIO' && error.code !== 'EFAULT') {
                throw error;
            }
        }
    }
    return read;
}

/** What a crash would leave of the process, which goes on. Gives the file. */
async function core_take(pid, folder) {
    const program = program_find([GCORE], 'gcore', './dev setup installs gdb');
    await promisify(execFile)(program, ['-o', path.join(folder, 'core'), `${pid}`]);
    return path.join(folder, `core.${pid}`);
}

/** One payment goes to the seller, one goes back by the arbiter's word: both keys have signed. */
async function both_keys_sign({ env, story }) {
    await story.beneficiaries(['Seller', 'Buyer']);
    const orders = {};
    for (const payer of ['ana', 'eva']) {
        await story.payer(payer);
        orders[payer] = await story.create({
            payer, seller: 'Seller', buyer: 'Buyer', amount: '1000.00', custody_seconds: CUSTODY_S,
        });
        await story.pay(orders[payer]);
    }
    await story.reach_all(Object.values(orders), 'in_custody');
    await story.dispute(orders.eva, 'buyer', 'nothing came');
    await story.reach(orders.eva, 'disputed');
    await story.resolve(orders.eva, 'approved', 'the buyer is right');
    await story.reach(orders.eva, 'completed');
    await env.warp(CUSTODY_S + 60);
    await story.reach(orders.ana, 'completed');
    const lanes = await env.sql('SELECT DISTINCT lane FROM tx WHERE status = 1 ORDER BY lane');
    check_equal(lanes.map(({ lane }) => lane), ['arbiter', 'relayer'], 'keys that have signed');
}

/** The daemon's memory and core hold what is known to it, and nothing else that was looked for. */
async function no_secret_in_daemon(ground, t) {
    const secrets = secrets_of(ground);
    const known = known_of(ground);
    const here = memory_search(process.pid, secrets);
    if (here.searched === 0) {
        t.skip('this account may not read the memory of its own processes');
    }
    check_equal(here.found, Object.keys(secrets).sort(), 'what the search finds here, where all of it is');
    await with_env(ground, 'secrets', async ({ env, story }) => {
        await both_keys_sign({ env, story });
        const { pid } = env.register.find('relayerd');
        const needles = { ...secrets, ...known };
        const core = await core_take(pid, env.home);
        for (const [where, { found, searched }] of Object.entries({
            memory: memory_search(pid, needles), core: core_search(core, needles),
        })) {
            check(searched > CHUNK, `only ${searched} bytes of the daemon's ${where} could be read`);
            check_equal(found, Object.keys(known).sort(), `what stands in the daemon's ${where}`);
        }
    });
}

export const scenarios = [{
    name: 'secrets: no private key and no password in the daemon\'s memory and core', run: no_secret_in_daemon,
}];
