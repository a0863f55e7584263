// The journal of a deployment under way: every transaction's signed bytes are on disk before they are sent. A
// run that dies is taken up again by the same command: the bytes that were written are sent again, never others
// for the same step, and every step has one nonce, so that no step can happen twice.

import { existsSync } from 'node:fs';

import { ToolError } from './node.mjs';
import { file_write, FORMAT, json_read } from './record.mjs';

const OWNER_ONLY = 0o600;

export class Journal {
    /** terms: what this deployment is; a journal with other terms is another deployment's and is refused. */
    constructor(file, terms) {
        this.file = file;
        this.terms = terms;
        this.found = existsSync(file);
        this.state = this.found ? json_read(file) : { format: FORMAT, terms, steps: [] };
        if (!this.found) {
            return;
        }
        if (this.state.format !== FORMAT || !Array.isArray(this.state.steps)) {
            throw new ToolError(`${file} is not a journal of this tool`);
        }
        const other = Object.keys(terms).filter((name) => this.state.terms?.[name] !== terms[name]);
        if (other.length > 0) {
            throw new ToolError(`${file} is the journal of another deployment (${other.join(', ')} differ);`
                + ' finish that one with its own options, or move the file away and give another --out');
        }
    }

    get first_nonce() {
        return this.state.first_nonce;
    }

    /** The token as it was before anything was sent: it belongs in the record, however late that is written. */
    get token() {
        return this.state.token;
    }

    begin(first_nonce, token) {
        Object.assign(this.state, { first_nonce, token });
        this.write();
    }

    step(index) {
        return this.state.steps[index];
    }

    /** Only after this may the step's bytes leave. */
    record(step) {
        this.state.steps.push(step);
        this.write();
    }

    write() {
        file_write(this.file, `${JSON.stringify(this.state, null, 2)}\n`, OWNER_ONLY);
    }
}
