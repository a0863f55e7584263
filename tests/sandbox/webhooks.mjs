// Deliveries to the client's callback addresses: one POST per status change, five seconds each, a
// few retries. Deliveries live in memory only: a restart loses them, as a hint may be lost.

const TIMEOUT_MS = 5_000;
const QUEUE_MAX = 10_000;

export class Webhooks {
    constructor({ store, settings, faults, log }) {
        this.store = store;
        this.settings = settings;
        this.faults = faults;
        this.log = log;
        this.held = [];
        this.chain = Promise.resolve();
        this.queued = 0;
        this.delivered = 0;
        this.stopped = false;
    }

    register(callback_url) {
        const known = [...this.store.all('webhook')].find((w) => w.callback_url === callback_url);
        if (known !== undefined) return known;
        const id = this.store.count('webhook') + 1;
        const webhook = { id, callback_url, event: 'transaction' };
        this.store.put('webhook', id, webhook);
        return webhook;
    }

    stop() {
        this.stopped = true;
        clearTimeout(this.held_timer);
    }

    // Deliveries keep their order unless an out_of_order fault holds one back behind the next.
    notify(payload) {
        if (this.store.count('webhook') === 0) return;
        const body = JSON.stringify({ event: 'TRANSACTION', payload });
        const subject = { type: payload.transaction_type };
        if (this.faults.take(['out_of_order'], subject) !== null) {
            this.held.push(body);
            clearTimeout(this.held_timer);
            this.held_timer = setTimeout(
                () => this.#release_held(),
                4 * this.settings.progress_ms + 500,
            );
            return;
        }
        const copies = this.faults.take(['duplicate_webhook'], subject) !== null ? 2 : 1;
        for (let i = 0; i < copies; i++) this.#queue(body);
        this.#release_held();
    }

    #release_held() {
        clearTimeout(this.held_timer);
        for (const body of this.held.splice(0).reverse()) this.#queue(body);
    }

    #queue(body) {
        for (const webhook of this.store.all('webhook')) {
            if (this.queued >= QUEUE_MAX) {
                this.log(`webhook: ${QUEUE_MAX} deliveries are waiting; this one is dropped`);
                continue;
            }
            this.queued++;
            this.chain = this.chain
                .then(() => this.#deliver(webhook.callback_url, body))
                .finally(() => {
                    this.queued--;
                });
        }
    }

    async #deliver(url, body) {
        for (
            let attempt = 0;
            attempt <= this.settings.webhook_retries && !this.stopped;
            attempt++
        ) {
            if (attempt > 0) {
                await new Promise((resolve) => setTimeout(resolve, this.settings.webhook_retry_ms));
            }
            try {
                const response = await fetch(url, {
                    method: 'POST',
                    body,
                    headers: { 'content-type': 'application/json' },
                    signal: AbortSignal.timeout(TIMEOUT_MS),
                });
                await response.arrayBuffer();
                if (response.status < 500) {
                    this.delivered++;
                    return;
                }
            } catch (error) {
                this.log(`webhook: ${error.message}`);
            }
        }
    }
}
