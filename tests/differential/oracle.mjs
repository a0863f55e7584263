// Asks abi-oracle (tests/differential/oracle.c) and makes seeded random values.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const oraclePath = process.env.ABI_ORACLE
    ?? fileURLToPath(new URL('../../build/dev/bin/abi-oracle', import.meta.url));

/** Hex of a command's argument: without 0x, "-" for no bytes. */
export const hexArgument = (hex) => (hex.replace(/^0x/, '') || '-');

/** Asks many commands in one run; answers in the same order as { refused } or { key: value }. */
export function ask(commands) {
    if (!existsSync(oraclePath)) {
        throw new Error(`${oraclePath} is missing: build the target abi-oracle or set ABI_ORACLE`);
    }
    const input = commands.map((words) => `${words.join(' ')}\n`).join('');
    const run = spawnSync(oraclePath, { input, maxBuffer: 1 << 30, encoding: 'utf8' });
    if (run.status !== 0) throw new Error(`abi-oracle: ${run.error ?? run.stderr}`);
    const lines = run.stdout.split('\n').slice(0, -1);
    if (lines.length !== commands.length) {
        throw new Error(`abi-oracle answered ${lines.length} of ${commands.length} commands`);
    }
    return lines.map(parseAnswer);
}

function parseAnswer(line) {
    if (line.startsWith('refused')) return { refused: line.slice(7).trim() || 'yes' };
    const answer = {};
    const [fields, text] = line.split('text=');
    for (const field of fields.trim().split(' ')) {
        const at = field.indexOf('=');
        const key = field.slice(0, at);
        const value = field.slice(at + 1);
        if (key in answer) answer[key] = [answer[key], value].flat();
        else answer[key] = value;
    }
    if (text !== undefined) answer.text = text;
    return answer;
}

/** The seed of this run: fixed, unless TEST_SEED asks for another. */
export const seed = Number(process.env.TEST_SEED ?? 20261121);

/** A small seeded generator; every test makes its own, so one test can run alone. */
export class Random {
    #state;

    constructor(name) {
        this.#state = seed >>> 0;
        for (const letter of name) this.#state = (this.#state * 31 + letter.charCodeAt(0)) >>> 0;
    }

    /** 0 .. 2^32-1 (xorshift over a Weyl sequence). */
    word() {
        this.#state = (this.#state + 0x9e3779b9) >>> 0;
        let x = this.#state;
        x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
        x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
        return (x ^ (x >>> 15)) >>> 0;
    }

    below(limit) {
        return this.word() % limit;
    }

    chance(of) {
        return this.below(of) === 0;
    }

    pick(list) {
        return list[this.below(list.length)];
    }

    /** 0x and n random bytes. */
    hex(n) {
        let out = '0x';
        for (let i = 0; i < n; i += 1) out += (this.word() & 255).toString(16).padStart(2, '0');
        return out;
    }

    /** An integer of 0..bits bits: small and large ones, zero and the maximum are all common. */
    integer(bits) {
        if (this.chance(10)) return 0n;
        if (this.chance(10)) return (1n << BigInt(bits)) - 1n;
        const width = 1 + this.below(bits);
        return BigInt(this.hex(Math.ceil(bits / 8))) & ((1n << BigInt(width)) - 1n);
    }
}
