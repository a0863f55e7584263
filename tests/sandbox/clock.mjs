// The sandbox's clock and its agenda. Time is the machine's time plus an offset that only grows;
// tests move it forward with clock_advance. What is due is data, {at, kind, ref}, never a closure:
// so an agenda can be stored and taken up again after a restart.

const LONGEST_TIMER_MS = 60_000;

export class Clock {
    constructor(store) {
        this.store = store;
        this.handlers = new Map();
        this.timer = null;
        this.running = false;
        const saved = store.get('clock', 'main');
        this.offset_ms = saved?.offset_ms ?? 0;
        this.next_job = saved?.next_job ?? 1;
    }

    now() {
        return Date.now() + this.offset_ms;
    }

    on(kind, handler) {
        this.handlers.set(kind, handler);
    }

    start() {
        this.running = true;
        this.#arm();
    }

    stop() {
        this.running = false;
        clearTimeout(this.timer);
    }

    // Runs handler `kind` with `ref` once, delay_ms from now. Survives a restart.
    schedule(delay_ms, kind, ref) {
        const job = { id: this.next_job++, at: this.now() + delay_ms, kind, ref };
        this.store.put('job', job.id, job);
        this.#save();
        this.#arm();
    }

    // Moves time forward, running everything that falls due on the way at its own moment, so that
    // a chain of steps (pending, in progress, complete) unrolls within one call. Returns the count.
    advance(ms) {
        const target = this.now() + ms;
        let count = 0;
        for (;;) {
            const job = this.#earliest();
            if (job === null || job.at > target) break;
            if (job.at > this.now()) this.offset_ms += job.at - this.now();
            this.#run(job);
            count++;
        }
        if (target > this.now()) this.offset_ms += target - this.now();
        this.#save();
        this.store.commit();
        this.#arm();
        return count;
    }

    #save() {
        this.store.put('clock', 'main', { offset_ms: this.offset_ms, next_job: this.next_job });
    }

    #earliest() {
        let best = null;
        for (const job of this.store.all('job')) {
            if (best === null || job.at < best.at || (job.at === best.at && job.id < best.id)) {
                best = job;
            }
        }
        return best;
    }

    #run(job) {
        this.store.remove('job', job.id);
        const handler = this.handlers.get(job.kind);
        if (handler === undefined) throw new Error(`no handler for job ${job.kind}`);
        handler(job.ref);
        this.store.commit();
    }

    #arm() {
        clearTimeout(this.timer);
        if (!this.running) return;
        const job = this.#earliest();
        if (job === null) return;
        const wait = Math.min(Math.max(job.at - this.now(), 0), LONGEST_TIMER_MS);
        this.timer = setTimeout(() => this.#fire(), wait);
    }

    #fire() {
        for (;;) {
            const job = this.#earliest();
            if (job === null || job.at > this.now()) break;
            this.#run(job);
        }
        this.#arm();
    }
}
