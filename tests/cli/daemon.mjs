// A stand-in for the daemon's socket: answers from a table and keeps what was asked. It knows the protocol
// (one JSON-RPC object per line), not the methods; what the real daemon answers is the scenarios' business.

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

export class Daemon {
    /** table: method -> (params, connection) => result, or { error } to answer with an error object. */
    constructor(table) {
        this.table = table;
        this.asked = [];
        this.folder = mkdtempSync(path.join(tmpdir(), 'relayerctl-'));
        this.socket = path.join(this.folder, 's');
        this.connections = new Set();
    }

    start() {
        this.server = createServer((connection) => {
            this.connections.add(connection);
            let text = '';
            connection.setEncoding('utf8').on('error', () => {}).on('data', (part) => {
                text += part;
                for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
                    this.#line(connection, text.slice(0, end));
                    text = text.slice(end + 1);
                }
            });
        });
        return new Promise((resolve) => { this.server.listen(this.socket, resolve); });
    }

    #line(connection, line) {
        const { jsonrpc, id, method, params } = JSON.parse(line);
        if (method !== 'help') {
            this.asked.push({ method, params });
        }
        const answer = this.table[method] ?? (() => ({
            error: { code: -32601, message: `unknown method ${method}`, data: { type: 'request.method' } },
        }));
        const result = answer(params, connection);
        if (result === undefined) {
            return;
        }
        const body = result.error === undefined ? { result } : { error: result.error };
        connection.write(`${JSON.stringify({ jsonrpc, id, ...body })}\n`);
    }

    async stop() {
        this.connections.forEach((connection) => connection.destroy());
        await new Promise((resolve) => { this.server.close(resolve); });
        rmSync(this.folder, { recursive: true, force: true });
    }
}
