#!/usr/bin/env node
// Compiles the deployed contracts and writes abi/json/<Contract>.json, from which the C bindings
// are generated and the bytecode is deployed.
//
//   node tools/export.mjs            write the files
//   node tools/export.mjs --check    write nothing; status 1 when a committed file differs
//   ... --dir DIR                    another folder than abi/json
//
// The output is the same on every machine: keys sorted, sources and settings only. The contracts
// are compiled apart from the tests, because the IR pipeline numbers what it is given and may order
// code differently in other company.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Interface } from 'ethers';

const CONTRACTS = ['KustodiaEscrow', 'TestMXNB', 'TestMXNBProxy'];
const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const FORGE = path.join(ROOT, 'node_modules/@foundry-rs/forge-linux-amd64/bin/forge');
const OUT = path.join(ROOT, 'out-export');
const COMMITTED = path.resolve(ROOT, '../abi/json');

function fail(message) {
    process.stderr.write(`export: ${message}\n`);
    process.exit(1);
}

function compile() {
    if (!existsSync(FORGE)) {
        fail('forge is not installed; run `npm ci --ignore-scripts` in contracts/');
    }
    const sources = CONTRACTS.map((name) => `src/${name}.sol`);
    const run = spawnSync(FORGE, ['build', '--ast', ...sources], {
        cwd: ROOT,
        encoding: 'utf8',
        env: {
            ...process.env,
            FOUNDRY_PROFILE: 'default',
            FOUNDRY_OUT: 'out-export',
            FOUNDRY_CACHE_PATH: 'cache-export',
        },
    });
    if (run.status !== 0) {
        fail(`forge build failed\n${run.stdout ?? ''}${run.stderr ?? run.error}`);
    }
}

/** Same value with the keys of every object in order. */
function sorted(value) {
    if (Array.isArray(value)) {
        return value.map(sorted);
    }
    if (value === null || typeof value !== 'object') {
        return value;
    }
    return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]));
}

/** Immutables are keyed by AST node number in the artifact; the node itself knows the name. */
function immutables_by_name(artifact) {
    const names = new Map();
    const visit = (node) => {
        if (node === null || typeof node !== 'object') {
            return;
        }
        if (node.nodeType === 'VariableDeclaration') {
            names.set(String(node.id), node.name);
        }
        Object.values(node).forEach(visit);
    };
    visit(artifact.ast);
    const references = Object.entries(artifact.deployedBytecode.immutableReferences ?? {});
    return Object.fromEntries(references.map(([id, places]) => {
        if (!names.has(id)) {
            fail(`immutable ${id} of the compiler output has no declaration`);
        }
        return [names.get(id), places];
    }));
}

function described(name) {
    const artifact = JSON.parse(readFileSync(path.join(OUT, `${name}.sol`, `${name}.json`), 'utf8'));
    const metadata = artifact.metadata;
    const face = new Interface(artifact.abi);
    const events = artifact.abi.filter((item) => item.type === 'event');
    const errors = artifact.abi.filter((item) => item.type === 'error');
    const event_signature = (item) => face.getEvent(item.name).format('sighash');
    const error_signature = (item) => face.getError(item.name).format('sighash');
    return {
        contractName: name,
        abi: artifact.abi,
        methodIdentifiers: artifact.methodIdentifiers,
        eventTopics: Object.fromEntries(
            events.map((item) => [event_signature(item), face.getEvent(item.name).topicHash]),
        ),
        errorSelectors: Object.fromEntries(
            errors.map((item) => [error_signature(item), face.getError(item.name).selector]),
        ),
        bytecode: artifact.bytecode.object,
        deployedBytecode: artifact.deployedBytecode.object,
        immutableReferences: immutables_by_name(artifact),
        compiler: {
            name: 'solc-js',
            version: metadata.compiler.version,
            evmVersion: metadata.settings.evmVersion,
            optimizer: metadata.settings.optimizer,
            viaIR: metadata.settings.viaIR ?? false,
            metadata: metadata.settings.metadata,
        },
    };
}

function main() {
    const { values } = parseArgs({
        options: {
            check: { type: 'boolean', default: false },
            dir: { type: 'string', default: COMMITTED },
        },
    });
    const { check, dir } = values;
    compile();
    mkdirSync(dir, { recursive: true });
    const stale = [];
    for (const name of CONTRACTS) {
        const file = path.join(dir, `${name}.json`);
        const text = `${JSON.stringify(sorted(described(name)), null, 2)}\n`;
        const before = existsSync(file) ? readFileSync(file, 'utf8') : null;
        if (before === text) {
            continue;
        }
        stale.push(path.relative(path.dirname(ROOT), file));
        if (!check) {
            writeFileSync(file, text);
        }
    }
    if (check && stale.length > 0) {
        fail(`differs from the compiler output: ${stale.join(', ')}; run contracts/tools/export.mjs`);
    }
    const verb = check ? 'checked' : 'exported';
    process.stdout.write(`${verb} ${CONTRACTS.join(', ')}: ${stale.length} changed\n`);
}

main();
