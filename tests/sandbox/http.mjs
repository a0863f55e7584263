// Plain HTTP: reads a request whole (with a limit), hands it over raw, writes the answer whole.

import http from 'node:http';

const BODY_MAX_BYTES = 64 * 1024;
const TARGET_MAX = 4096;

// An answer that is not a success; thrown by routes, changes nothing.
export class Refusal extends Error {
    constructor(status, code, message, details) {
        super(message);
        this.status = status;
        this.code = code;
        this.details = details;
    }

    answer() {
        const error = { code: this.code, message: this.message };
        if (this.details !== undefined) error.details = this.details;
        return { status: this.status, json: { success: false, error } };
    }
}

function body_read(request) {
    return new Promise((resolve, reject) => {
        const parts = [];
        let size = 0;
        request.on('data', (part) => {
            size += part.length;
            if (size <= BODY_MAX_BYTES) parts.push(part);
        });
        request.on('end', () => {
            if (size > BODY_MAX_BYTES) {
                reject(new Refusal(413, '0304', `body is larger than ${BODY_MAX_BYTES} bytes`));
            } else {
                resolve(Buffer.concat(parts));
            }
        });
        request.on('error', reject);
    });
}

async function request_read(request) {
    if (request.url.length > TARGET_MAX)
        throw new Refusal(414, '0304', 'request target is too long');
    const body = await body_read(request);
    const cut = request.url.indexOf('?');
    const path = cut < 0 ? request.url : request.url.slice(0, cut);
    const query = new URLSearchParams(cut < 0 ? '' : request.url.slice(cut + 1));
    return {
        method: request.method,
        target: request.url,
        path,
        query,
        body,
        headers: request.headers,
    };
}

function answer_write(response, answer) {
    const text = answer.html ?? JSON.stringify(answer.json);
    const type = answer.html !== undefined ? 'text/html' : 'application/json';
    response.writeHead(answer.status, {
        'content-type': type,
        'content-length': Buffer.byteLength(text),
        ...answer.headers,
    });
    response.end(text);
}

// handle(request) -> {status, json | html, headers?} or {drop: true} to cut the connection
// unanswered. Listens on 127.0.0.1 only; resolves to {port, close()}.
export function http_listen(port, handle, log) {
    const server = http.createServer(async (request, response) => {
        let answer;
        try {
            answer = await handle(await request_read(request));
        } catch (error) {
            if (!(error instanceof Refusal)) {
                log(`internal error in ${request.method} ${request.url}: ${error.stack}`);
                answer = new Refusal(500, '0101', 'Unknown error').answer();
            } else {
                answer = error.answer();
            }
        }
        if (answer.drop) request.socket.destroy();
        else answer_write(response, answer);
    });
    return new Promise((resolve, reject) => {
        server.on('error', reject);
        server.listen(port, '127.0.0.1', () =>
            resolve({
                port: server.address().port,
                close: () =>
                    new Promise((done) => {
                        server.close(done);
                        server.closeAllConnections();
                    }),
            }),
        );
    });
}

// The body as a JSON object; an empty one is {} where allowed.
export function body_object(request, empty_allowed) {
    if (request.body.length === 0 && empty_allowed) return {};
    const type = (request.headers['content-type'] ?? '').split(';')[0].trim().toLowerCase();
    if (type !== 'application/json') {
        throw new Refusal(415, 32002, 'Content-Type must be application/json');
    }
    let value;
    try {
        value = JSON.parse(request.body.toString('utf8'));
    } catch {
        throw new Refusal(400, 32002, 'Request body is not JSON');
    }
    if (value === null || typeof value !== 'object' || Array.isArray(value)) {
        throw new Refusal(400, 32002, 'Request body must be a JSON object');
    }
    return value;
}
