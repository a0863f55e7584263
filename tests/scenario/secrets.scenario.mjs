// No key in the daemon: its whole memory and its core are searched for both private keys, as bytes and as
// text. The keys are opened here by an independent library; the search itself is proved on a planted copy.

import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

import { Wallet } from 'ethers';

import { check, with_env } from './bed.mjs';

const CHUNK = 1 << 20;
const OVERLAP = 128;

function keys_open(ground) {
    return [ground.relayer, ground.arbiter].map(({ keyfile, password_file }) => {
        const password = readFileSync(password_file, 'utf8').trim();
        const wallet = Wallet.fromEncryptedJsonSync(readFileSync(keyfile, 'utf8'), password);
        return Buffer.from(wallet.privateKey.slice(2), 'hex');
    });
}

/** Where in a process's memory one of the needles stands, by mapping; unreadable mappings are left out. */
function memory_search(pid, needles) {
    const maps = readFileSync(`/proc/${pid}/maps`, 'latin1').split('\n')
        .map((line) => /^([0-9a-f]+)-([0-9a-f]+) r/.exec(line)).filter((m) => m !== null);
    const memory = openSync(`/proc/${pid}/mem`, 'r');
    const found = [];
    let searched = 0;
    try {
        for (const [line, from, to] of maps) {
            searched += range_search(memory, [BigInt(`0x${from}`), BigInt(`0x${to}`)], (chunk) => {
                if (needles.some((needle) => chunk.includes(needle))) {
                    found.push(line);
                }
            });
        }
    } finally {
        closeSync(memory);
    }
    return { found, searched };
}

function range_search(memory, [from, to], look) {
    const chunk = Buffer.alloc(CHUNK);
    let read = 0;
    for (let at = from; at < to; at += BigInt(CHUNK - OVERLAP)) {
        try {
            const length = Number(to - at < BigInt(CHUNK) ? to - at : BigInt(CHUNK));
            const n = readSync(memory, chunk, 0, length, at);
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

async function no_key_in_memory(ground, t) {
    const keys = keys_open(ground);
    const needles = keys.flatMap((key) => [key, Buffer.from(key.toString('hex'), 'latin1'),
        Buffer.from(key).reverse()]);
    const planted = memory_search(process.pid, needles);
    if (planted.searched === 0) {
        t.skip('this account may not read the memory of its own processes');
    }
    check(planted.found.length > 0, 'the search does not find the keys even here, where they are');
    await with_env(ground, 'secrets', async ({ env, story }) => {
        await story.beneficiaries(['Seller', 'Buyer']);
        await story.payer('ana');
        const order = await story.create({
            payer: 'ana', seller: 'Seller', buyer: 'Buyer', amount: '1000.00', custody_seconds: 3600,
        });
        await story.pay(order);
        await story.reach(order, 'in_custody');
        const daemon = memory_search(env.register.find('relayerd').pid, needles);
        check(daemon.searched > CHUNK, 'the daemon\'s memory could not be read');
        check(daemon.found.length === 0, `a private key stands in the daemon's memory: ${daemon.found.join('; ')}`);
    });
}

export const scenarios = [{ name: 'secrets: no private key in the daemon\'s memory', run: no_key_in_memory }];
