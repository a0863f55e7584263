// Records in memory, optionally backed by an append-only file: one line per commit, each line a
// JSON array of [kind, id, record or null]. A line is written before the caller answers anyone, so
// a killed sandbox comes back with everything it has ever admitted; a torn last line (the commit
// nobody was told about) is dropped. BigInt values are stored as {"$n":"123"}.

import fs from 'node:fs';

function value_encode(_key, value) {
    return typeof value === 'bigint' ? { $n: value.toString() } : value;
}

function value_decode(_key, value) {
    const tagged = value !== null && typeof value === 'object' && typeof value.$n === 'string';
    return tagged ? BigInt(value.$n) : value;
}

export class Store {
    constructor(path) {
        this.kinds = new Map();
        this.changes = new Map();
        this.fd = null;
        if (path !== undefined) this.#open(path);
    }

    #kind(kind) {
        let records = this.kinds.get(kind);
        if (records === undefined) {
            records = new Map();
            this.kinds.set(kind, records);
        }
        return records;
    }

    get(kind, id) {
        return this.#kind(kind).get(String(id));
    }

    all(kind) {
        return this.#kind(kind).values();
    }

    count(kind) {
        return this.#kind(kind).size;
    }

    // Also called after changing a record in place: it marks the record for the next commit.
    put(kind, id, record) {
        this.#kind(kind).set(String(id), record);
        this.changes.set(`${kind}\n${id}`, [kind, String(id), record]);
    }

    remove(kind, id) {
        this.#kind(kind).delete(String(id));
        this.changes.set(`${kind}\n${id}`, [kind, String(id), null]);
    }

    commit() {
        if (this.changes.size === 0) return;
        if (this.fd !== null) {
            const line = JSON.stringify([...this.changes.values()], value_encode);
            fs.writeSync(this.fd, `${line}\n`);
        }
        this.changes.clear();
    }

    close() {
        this.commit();
        if (this.fd !== null) fs.closeSync(this.fd);
        this.fd = null;
    }

    #open(path) {
        let text = '';
        try {
            text = fs.readFileSync(path, 'utf8');
        } catch (error) {
            if (error.code !== 'ENOENT') throw error;
        }
        const whole = text.slice(0, text.lastIndexOf('\n') + 1);
        for (const line of whole.split('\n')) {
            if (line !== '') this.#replay(line, path);
        }
        if (whole.length !== text.length) fs.truncateSync(path, Buffer.byteLength(whole));
        this.fd = fs.openSync(path, 'a', 0o600);
    }

    #replay(line, path) {
        let changes;
        try {
            changes = JSON.parse(line, value_decode);
        } catch {
            throw new Error(
                `state file ${path} is damaged: a line in it is not JSON; remove it to ` +
                    'start afresh',
            );
        }
        for (const [kind, id, record] of changes) {
            if (record === null) this.#kind(kind).delete(id);
            else this.#kind(kind).set(id, record);
        }
    }
}
