// node tests/fuzz/seeds.mjs: writes the first inputs of each fuzz target to tests/fuzz/corpus/TARGET (see
// corpus/README.md). Names begin with where a file is from: vector- (tests/vectors), made- (here), node-
// (captured from anvil, not written by this script). Same bytes each time it runs.

import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { ROOT } from '../support/env.mjs';
import * as binary from './seeds_binary.mjs';
import * as chain from './seeds_chain.mjs';
import * as texts from './seeds_text.mjs';

const FILE_BYTES_MAX = 4096;
const CORPUS = path.join(ROOT, 'tests/fuzz/corpus');

function seeds_write(target, seeds) {
    const folder = path.join(CORPUS, target);
    mkdirSync(folder, { recursive: true });
    for (const [name, bytes] of Object.entries(seeds)) {
        if (bytes.length <= FILE_BYTES_MAX) {
            writeFileSync(path.join(folder, name), bytes);
        }
    }
    console.log(`${target}: ${readdirSync(folder).length} files`);
}

/** Every JSON file below tests/vectors/ethereum-tests/FOLDER, parsed. */
function vectors_read(folder) {
    const top = path.join(ROOT, 'tests/vectors/ethereum-tests', folder);
    return readdirSync(top, { recursive: true }).filter((name) => name.endsWith('.json')).sort()
        .map((name) => JSON.parse(readFileSync(path.join(top, name), 'utf8')));
}

for (const [target, make] of Object.entries({ ...binary, ...chain, ...texts })) {
    seeds_write(target, make(vectors_read));
}
