// Our own build of a contract, from abi/json: what is deployed, and what the chain is compared with.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { concat, Interface, keccak256, toUtf8Bytes, zeroPadValue } from 'ethers';

import { ToolError } from './node.mjs';

const FOLDER = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../abi/json');

/** { name, abi, face, bytecode, deployedBytecode, immutableReferences }. */
export function contract_load(name) {
    let file;
    try {
        file = JSON.parse(readFileSync(path.join(FOLDER, `${name}.json`), 'utf8'));
    } catch (error) {
        throw new ToolError(`abi/json/${name}.json cannot be read: ${error.message}`);
    }
    return { name, face: new Interface(file.abi), ...file };
}

export function creation_code(contract, args) {
    return concat([contract.bytecode, contract.face.encodeDeploy(args)]);
}

/** The code as it must lie on the chain. immutables: { name: address }, every one of the contract. */
export function deployed_code(contract, immutables) {
    const code = Buffer.from(contract.deployedBytecode.slice(2), 'hex');
    for (const [name, places] of Object.entries(contract.immutableReferences)) {
        if (immutables[name] === undefined) {
            throw new ToolError(`${contract.name} has an immutable "${name}" of which nothing is known`);
        }
        const word = Buffer.from(zeroPadValue(immutables[name], 32).slice(2), 'hex');
        places.forEach(({ start, length }) => word.copy(code, start, 32 - length));
    }
    return `0x${code.toString('hex')}`;
}

function sorted(value) {
    if (Array.isArray(value)) {
        return value.map(sorted);
    }
    return value === null || typeof value !== 'object' ? value
        : Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]));
}

/** keccak256 of the ABI as JSON without spaces, keys in order. */
export function abi_digest(contract) {
    return keccak256(toUtf8Bytes(JSON.stringify(sorted(contract.abi))));
}
