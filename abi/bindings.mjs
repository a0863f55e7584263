#!/usr/bin/env node
// Writes abi/escrow_abi.h and abi/mxnb_abi.h from the compiler's ABI in abi/json/.
//
//   node abi/bindings.mjs           write the headers
//   node abi/bindings.mjs --check   exit 1 when a header differs from what would be written
//
// A row holds the selector (or topic), the canonical signature it is the hash of, and the signature
// with the names of its arguments: two arguments of one type that change places keep their
// selector, so the names are what shows such a change (tests/unit/abi/test_bindings.c).
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));

const contracts = [
    {
        json: 'KustodiaEscrow.json', header: 'escrow_abi.h', prefix: 'ESCROW', errors: 'all',
        functions: ['create', 'createMany', 'release', 'releaseMany', 'dispute', 'dismiss',
            'resolveRevert', 'resolveSplit', 'releaseEarly', 'refundExpired', 'hold', 'escrow',
            'held', 'paused', 'payout', 'refund', 'token', 'funder', 'defaultAdmin', 'hasRole',
            'idOf'],
        events: ['EscrowCreated', 'EscrowReleased', 'DisputeRaised', 'DisputeDismissed',
            'EscrowReverted', 'EscrowSplit', 'PauseSet', 'WalletsProposed', 'WalletsChanged',
            'Rescued', 'RoleGranted', 'RoleRevoked', 'DefaultAdminTransferScheduled',
            'DefaultAdminTransferCanceled', 'DefaultAdminDelayChangeScheduled',
            'DefaultAdminDelayChangeCanceled'],
    },
    {
        json: 'TestMXNB.json', header: 'mxnb_abi.h', prefix: 'MXNB', errors: 'none',
        functions: ['transfer', 'approve', 'balanceOf', 'allowance', 'decimals', 'paused',
            'isBlacklisted'],
        events: ['Transfer'],
    },
];

function typeText(parameter, named) {
    let type = parameter.type;
    if (type.startsWith('tuple')) {
        const inner = parameter.components.map((part) => typeText(part, named)).join(',');
        type = `(${inner})${type.slice('tuple'.length)}`;
    }
    if (!named) return type;
    return [type, parameter.indexed ? 'indexed' : '', parameter.name].filter(Boolean).join(' ');
}

function signatureText(entry, named) {
    const inputs = entry.inputs.map((parameter) => typeText(parameter, named)).join(',');
    let text = `${entry.name}(${inputs})`;
    if (named && entry.outputs?.length) {
        text += ` returns (${entry.outputs.map((p) => typeText(p, true)).join(',')})`;
    }
    return text;
}

const macroName = (name) => name.replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1_$2').toUpperCase();

// One string literal, or several where a line would be too long.
function literal(text) {
    const pieces = text.match(/.{1,84}(?:,|$)/g);
    return pieces.map((piece) => `"${piece}"`).join(' \\\n          ');
}

function row(entry, first) {
    const parts = [`"${entry.name}"`, literal(signatureText(entry, false)),
        literal(signatureText(entry, true))];
    return `    X(${first}, \\\n      ${parts.join(', \\\n      ')})`;
}

// The compiler's own table of hashes: signature -> hex without 0x.
function hashOf(table, signature, what) {
    const hash = table[signature];
    if (!hash) throw new Error(`${what}: the compiler gives no hash for ${signature}`);
    return hash.replace(/^0x/, '');
}

function pick(abi, type, names, file) {
    const entries = abi.filter((entry) => entry.type === type);
    if (names === 'none') return [];
    if (names === 'all') return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    return names.map((name) => {
        const found = entries.filter((entry) => entry.name === name);
        if (found.length !== 1) throw new Error(`${file}: ${found.length} of ${type} ${name}`);
        return found[0];
    });
}

function selectorBlock(prefix, kind, entries, table, file) {
    if (entries.length === 0) return '';
    const rows = entries.map((entry) => {
        const signature = signatureText(entry, false);
        return { entry, hash: hashOf(table, signature, file) };
    });
    const defines = rows.map(({ entry, hash }) =>
        `#define ${prefix}_${kind}_${macroName(entry.name)} 0x${hash}u`).join('\n');
    const list = rows.map(({ entry, hash }) =>
        row(entry, `${macroName(entry.name)}, 0x${hash}u`));
    return `${defines}\n\n/* X(NAME, selector, name, signature, signature with names) */\n`
        + `#define ${prefix}_${kind}S(X) \\\n${list.join(' \\\n')}\n\n`;
}

function topicBlock(prefix, entries, table, file) {
    const rows = entries.map((entry) => {
        const signature = signatureText(entry, false);
        const bytes = hashOf(table, signature, file).match(/../g).map((byte) => `0x${byte}`);
        const lines = [0, 1, 2].map((i) => bytes.slice(i * 12, i * 12 + 12).join(', '));
        return { entry, bytes: lines.join(', \\\n     ') };
    });
    const defines = rows.map(({ entry, bytes }) =>
        `#define ${prefix}_TOPIC_${macroName(entry.name)} \\\n    {${bytes}}`).join('\n');
    const list = rows.map(({ entry }) => row(entry, macroName(entry.name)));
    return `${defines}\n\n/* X(NAME, name, signature, signature with names) */\n`
        + `#define ${prefix}_EVENTS(X) \\\n${list.join(' \\\n')}\n\n`;
}

function headerText({ json, header, prefix, functions, events, errors }) {
    const output = JSON.parse(readFileSync(join(folder, 'json', json), 'utf8'));
    const guard = `ABI_${header.replace('.', '_').toUpperCase()}`;
    const body = selectorBlock(prefix, 'FUNCTION', pick(output.abi, 'function', functions, json),
        output.methodIdentifiers, json)
        + selectorBlock(prefix, 'ERROR', pick(output.abi, 'error', errors, json),
            output.errorSelectors, json)
        + topicBlock(prefix, pick(output.abi, 'event', events, json), output.eventTopics, json);
    return `/* Written by abi/bindings.mjs from abi/json/${json}. Do not edit. */\n`
        + `#ifndef ${guard}\n#define ${guard}\n\n${body}#endif\n`;
}

let different = 0;
for (const contract of contracts) {
    const path = join(folder, contract.header);
    const text = headerText(contract);
    if (!process.argv.includes('--check')) {
        writeFileSync(path, text);
        continue;
    }
    let committed = '';
    try {
        committed = readFileSync(path, 'utf8');
    } catch (error) {
        if (error.code !== 'ENOENT') throw error;
    }
    if (committed !== text) {
        different += 1;
        console.error(`abi/${contract.header} does not match abi/json/${contract.json}: `
            + 'run node abi/bindings.mjs and read the difference');
    }
}
process.exitCode = different > 0 ? 1 : 0;
