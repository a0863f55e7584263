// What the daemon holds while a soak runs, read every few seconds: memory, open handles, the database's size.
// Flat means: the median of the last quarter is that of the second, within some per cent.

import { readdirSync } from 'node:fs';

import { daemon_pid, median, rss_mib } from '../bench/parts/measure.mjs';

const RSS_GROWTH_MOST = 1.05;
const HANDLES_GROWTH_MOST = 1.25;
const HANDLES_SLACK = 4;             // connections for money are opened anew each time
const QUARTERS = 4;

export class Watch {
    constructor(env, every_ms) {
        this.env = env;
        this.every_ms = every_ms;
        this.samples = [];
    }

    async #sample() {
        const pid = daemon_pid(this.env);
        const bytes = await this.env.ground.cluster.query(this.env.database, 'SELECT pg_database_size(current_database())');
        this.samples.push({
            s: performance.now() / 1000, rss: rss_mib(pid), handles: readdirSync(`/proc/${pid}/fd`).length,
            database: Number(bytes) / 1024 / 1024,
        });
    }

    start() {
        let under_way = Promise.resolve();
        const timer = setInterval(() => {
            under_way = this.#sample().catch((error) => { this.failure ??= error; });
        }, this.every_ms);
        this.stop = async () => {
            clearInterval(timer);
            await under_way;
            if (this.failure !== undefined) {
                throw this.failure;
            }
        };
    }

    #quarter(n, key) {
        const size = this.samples.length / QUARTERS;
        return median(this.samples.slice(Math.floor(n * size), Math.floor((n + 1) * size)).map((sample) => sample[key]));
    }

    /** Least squares, units of the key per hour. */
    #slope(key) {
        const n = this.samples.length;
        const mean = (of) => this.samples.reduce((sum, sample) => sum + of(sample), 0) / n;
        const [s_mean, mean_value] = [mean((x) => x.s), mean((x) => x[key])];
        const above = mean((x) => (x.s - s_mean) * (x[key] - mean_value));
        return (above / mean((x) => (x.s - s_mean) ** 2)) * 3600;
    }

    /** { first, second, last, slope } of a key: medians of the first, second and last quarter. */
    figures(key) {
        return { first: this.#quarter(0, key), second: this.#quarter(1, key), last: this.#quarter(3, key), slope: this.#slope(key) };
    }

    /** Medians of each tenth of the run: a step looks other than a slope. */
    tenths(key) {
        const size = this.samples.length / 10;
        return Array.from({ length: 10 }, (_unused, at) => this.samples.slice(Math.floor(at * size), Math.floor((at + 1) * size)))
            .filter((part) => part.length > 0).map((part) => median(part.map((sample) => sample[key])));
    }

    /** Differences from flat, in words. */
    growth() {
        const [rss, handles] = [this.figures('rss'), this.figures('handles')];
        const found = [];
        if (rss.last > rss.second * RSS_GROWTH_MOST) {
            found.push(`memory grew from ${rss.second.toFixed(1)} to ${rss.last.toFixed(1)} MiB`);
        }
        if (handles.last > handles.second * HANDLES_GROWTH_MOST + HANDLES_SLACK) {
            found.push(`open handles grew from ${handles.second} to ${handles.last}`);
        }
        return found;
    }
}
