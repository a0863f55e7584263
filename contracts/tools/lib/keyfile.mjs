// The deployer's key: a Web3 Secret Storage v3 file and a file with its password. Neither is ever an argument,
// an environment variable or printed.

import { lstatSync, readFileSync } from 'node:fs';
import { isKeystoreJson, Wallet } from 'ethers';

import { ToolError } from './node.mjs';

const KEY_FILE_MAX_BYTES = 64 * 1024;
const SECRET_MAX_BYTES = 4096;
const OTHERS_MODE = 0o077;

/** Text of a file that nobody but its owner, who is us, can open. */
export function secret_read(file, what, max_bytes = SECRET_MAX_BYTES) {
    let about;
    try {
        about = lstatSync(file);
    } catch (error) {
        throw new ToolError(`the ${what} ${file} cannot be read: ${error.code}`);
    }
    if (!about.isFile()) {
        throw new ToolError(`the ${what} ${file} is not a plain file`);
    }
    if (about.uid !== process.getuid()) {
        throw new ToolError(`the ${what} ${file} belongs to another user`);
    }
    if ((about.mode & OTHERS_MODE) !== 0) {
        throw new ToolError(`others can open the ${what} ${file}; chmod 600 ${file}`);
    }
    if (about.size === 0 || about.size > max_bytes) {
        throw new ToolError(`the ${what} ${file} has ${about.size} bytes; 1 to ${max_bytes} are allowed`);
    }
    try {
        return readFileSync(file, 'utf8');
    } catch (error) {
        throw new ToolError(`the ${what} ${file} cannot be read: ${error.code}`);
    }
}

/** A final newline does not belong to a password. */
export function line_read(file, what) {
    return secret_read(file, what).replace(/\r?\n$/, '');
}

/** An ethers Wallet, which signs and does not connect. */
export async function key_open(key_file, password_file) {
    const json = secret_read(key_file, 'key file', KEY_FILE_MAX_BYTES);
    if (!isKeystoreJson(json)) {
        throw new ToolError(`the key file ${key_file} is not a Web3 Secret Storage v3 file`);
    }
    const password = line_read(password_file, 'password file');
    try {
        return await Wallet.fromEncryptedJson(json, password);
    } catch {
        // The library's own words may quote what it was given.
        throw new ToolError(`the key file ${key_file} does not open with the password in ${password_file}`);
    }
}
