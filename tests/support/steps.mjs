// Progress for people: `[4/9] starting PostgreSQL ... ok 0.3 s`. A failed step shows the end of its log,
// the log's path and what to do about it. No colour, no cursor tricks: it reads the same in a file.

import { log_tail } from './process.mjs';

export class Steps {
    constructor(total, out = process.stdout) {
        this.total = total;
        this.done = 0;
        this.out = out;
    }

    /** Goes on counting where ./dev stopped (KUSTODIA_STEP of its own steps are done). */
    static continued(more, out = process.stdout) {
        const before = Number(process.env.KUSTODIA_STEP ?? 0);
        const steps = new Steps(before + more, out);
        steps.done = before;
        return steps;
    }

    /** Runs one step. What work() returns, when a text, is printed after the time. */
    async run(title, work) {
        this.done += 1;
        this.out.write(`[${this.done}/${this.total}] ${title} ... `);
        const begun = Date.now();
        try {
            const note = await work();
            const seconds = ((Date.now() - begun) / 1000).toFixed(1);
            this.out.write(`ok ${seconds} s${typeof note === 'string' ? `, ${note}` : ''}\n`);
        } catch (error) {
            this.out.write('FAILED\n');
            throw error;
        }
    }
}

/** The same shape, silent: scenario tests start many environments. */
export const quiet_steps = { run: async (_title, work) => { await work(); } };

/** Tells people what went wrong: message, last lines of the log, its path, what to do. */
export function failure_print(error, out = process.stderr) {
    out.write(`\n${error.message}\n`);
    if (error.log !== undefined) {
        const tail = log_tail(error.log);
        out.write(`--- last lines of ${error.log}\n${tail === '' ? '(empty)' : tail}\n---\n`);
    }
    if (error.hint !== undefined) {
        out.write(`hint: ${error.hint}\n`);
    }
}
