// Dice that fall alike for the same seed: what befalls the n-th request of a kind depends on nothing else, so
// the order in which different kinds come in changes nothing.

import { createHash } from 'node:crypto';

const WORD = 2 ** 32;

export class Dice {
    constructor(seed) {
        this.seed = seed;
        this.thrown = new Map();
    }

    /** A number in [0, 1): the next of this kind. */
    throw(kind) {
        const n = this.thrown.get(kind) ?? 0;
        this.thrown.set(kind, n + 1);
        return createHash('sha256').update(`${this.seed}|${kind}|${n}`).digest().readUInt32BE(0) / WORD;
    }

    /** The next of this kind among choices { name: probability }; undefined for the rest of 1. */
    choose(kind, choices) {
        let left = this.throw(kind);
        for (const [name, probability] of Object.entries(choices)) {
            if (left < probability) {
                return name;
            }
            left -= probability;
        }
        return undefined;
    }
}
