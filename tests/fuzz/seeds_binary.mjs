// Seeds of the targets that read bytes: one function for each target, from public vectors and by hand.

import { createHash } from 'node:crypto';

const bytes = (hex) => Buffer.from(hex.replace(/^0x/, ''), 'hex');
const plain = (name) => name.replace(/[^A-Za-z0-9_]/g, '_');
const is_hex = (text) => typeof text === 'string' && /^0x([0-9a-fA-F]{2})*$/.test(text);

/** At most `most` of the entries, evenly spread: enough shapes, few files. */
function thinned(entries, most) {
    const step = Math.max(1, entries.length / most);
    return Object.fromEntries(Array.from({ length: Math.min(most, entries.length) }, (_, i) => entries[Math.floor(i * step)]));
}

export function rlp(vectors_read) {
    const named = vectors_read('RLPTests').flatMap((file) => Object.entries(file))
        .filter(([, { out }]) => is_hex(out)).map(([name, { out }]) => [`vector-${plain(name)}`, bytes(out)]);
    const deep = (n) => Buffer.concat(Array.from({ length: n }, (_, i) => Buffer.from([0xc0 + Math.min(55, n - i - 1)])));
    return {
        ...thinned(named, 60),
        'made-nested-55': deep(56),
        'made-list-of-empty-lists': bytes('0xf838' + 'c0'.repeat(56)),
        'made-length-of-8-bytes': bytes('0xbfffffffffffffffff00'),
        'made-u256': bytes('0xa0' + 'ff'.repeat(32)),
        'made-u256-leading-zero': bytes('0xa000' + 'ff'.repeat(31)),
        'made-u256-33-bytes': bytes('0xa1' + 'ff'.repeat(33)),
        'made-address': bytes('0x94' + '11'.repeat(20)),
    };
}

export function tx(vectors_read) {
    const named = vectors_read('TransactionTests').flatMap((file) => Object.entries(file))
        .filter(([, { txbytes }]) => is_hex(txbytes)).map(([name, { txbytes }]) => [`vector-${plain(name)}`, bytes(txbytes)]);
    // A call of the relayer as the signer is asked for it, and cut at each place.
    const asked = bytes('0x02f84f82a4b10784017d784084773594008307a12094111111111111111111111111111111111111111180'
        + 'a467d42a8b' + '22'.repeat(32) + 'c0');
    const cuts = Object.fromEntries([1, 2, 3, 9, 20, 41, asked.length - 1].map((n) => [`made-cut-${n}`, asked.subarray(0, n)]));
    return {
        ...thinned(named, 110),
        ...cuts,
        'made-release-unsigned': asked,
        'made-blob-type': bytes('0x03' + 'c0'),
        'made-set-code-type': bytes('0x04c0'),
    };
}

const word = (n, value) => {
    const out = Buffer.alloc(n);
    out.writeUIntBE(value, Math.max(0, n - 6), Math.min(6, n));
    return out;
};
const frame = (...parts) => {
    const body = Buffer.concat(parts);
    return Buffer.concat([word(4, body.length), body]);
};
const payload = (content) => Buffer.concat([word(2, content.length), content]);

/** As keystore/PROTOCOL.md writes them. */
export function wire() {
    const hello = frame(word(1, 1), word(2, 1));
    const hello_ok = frame(word(1, 2), word(2, 1), word(1, 1), word(8, 42161), Buffer.alloc(20, 0x11));
    const sign = frame(word(1, 3), word(8, 7), word(8, 3), payload(Buffer.from('02c0', 'hex')));
    const signed = frame(word(1, 4), word(8, 7), payload(Buffer.from('02f801', 'hex')));
    const refused = frame(word(1, 5), word(8, 7), word(2, 303), payload(Buffer.from('an older fence')));
    return {
        'made-hello': hello,
        'made-hello-ok': hello_ok,
        'made-hello-ok-role-3': frame(word(1, 2), word(2, 1), word(1, 3), word(8, 42161), Buffer.alloc(20, 0x11)),
        'made-sign': sign,
        'made-sign-one-byte-more': frame(word(1, 3), word(8, 7), word(8, 3), payload(Buffer.from('02c0', 'hex')), word(1, 0)),
        'made-signed': signed,
        'made-refused': refused,
        'made-refused-241': frame(word(1, 5), word(8, 7), word(2, 101), payload(Buffer.alloc(241, 0x61))),
        'made-refused-240': frame(word(1, 5), word(8, 7), word(2, 101), payload(Buffer.alloc(240, 0x61))),
        'made-ping-pong': Buffer.concat([frame(word(1, 7)), frame(word(1, 8))]),
        'made-unknown-type-6': frame(word(1, 6)),
        'made-length-0': word(4, 0),
        'made-length-16385': Buffer.concat([word(4, 16385), Buffer.alloc(64)]),
        'made-length-2-to-32': Buffer.from('ffffffff01', 'hex'),
        'made-conversation': Buffer.concat([hello, hello_ok, sign, signed, refused]),
        'made-cut': Buffer.concat([hello, sign.subarray(0, 11)]),
    };
}

/** Records behind a good header; the first byte: how many get a right checksum, and the version (fuzz_record.c). */
export function record() {
    const old = (kind, role, day, nonce, fence, units, digest) => Buffer.concat([word(1, kind), word(1, role), word(2, 0), word(4, day),
        word(8, nonce), word(8, fence), word(8, units), Buffer.alloc(32, digest), Buffer.alloc(32, 0x22), Buffer.alloc(32, 0x33)]);
    const slot = (...fields) => {
        const bytes = Buffer.concat([old(...fields).subarray(0, 96), Buffer.alloc(64, 0x44), Buffer.alloc(64), Buffer.alloc(32, 0x33)]);
        bytes[2] = 1;       // a signature is there
        return bytes;
    };
    const file = (mode, ...slots) => Buffer.concat([word(1, mode), ...slots]);
    const one = slot(1, 1, 20000, 0, 1, 10, 0x11);
    const second = slot(1, 1, 20000, 1, 1, 10, 0x12);
    const first_old = old(1, 1, 20000, 0, 1, 10, 0x11);
    return {
        'made-v1-header-alone': file(0x40),
        'made-v1-two': file(0x42, first_old, old(2, 1, 20000, 0, 1, 0, 0x14)),
        'made-v1-last-short': file(0x41, first_old, first_old.subarray(0, 40)),
        'made-v1-first-unsealed': file(0x40, first_old, first_old),
        'made-three-prices': file(4, one, slot(2, 1, 20000, 0, 1, 0, 0x14), slot(2, 1, 20000, 0, 1, 0, 0x15),
            slot(3, 1, 20000, 0, 2, 0, 0x11)),
        'made-header-alone': file(0),
        'made-new': file(1, one),
        'made-two-roles': file(2, one, slot(1, 2, 20000, 0, 1, 5, 0x13)),
        'made-repriced': file(2, one, slot(2, 1, 20000, 0, 1, 0, 0x14)),
        'made-fenced': file(2, one, slot(3, 1, 20000, 0, 2, 0, 0x11)),
        'made-next-day': file(3, one, second, slot(1, 1, 20001, 2, 1, 7, 0x15)),
        'made-last-unsealed': file(1, one, second),
        'made-last-zero-checksum': file(1, one, second.fill(0, 224)),
        'made-last-short': file(1, one, one.subarray(0, 40)),
        'made-first-unsealed': file(0, one, one),
        'made-kind-9': file(1, slot(9, 1, 20000, 0, 1, 10, 0x11)),
        'made-role-3': file(1, slot(1, 3, 20000, 0, 1, 10, 0x11)),
        'made-units-huge': file(2, slot(1, 1, 20000, 0, 1, 0, 0x11).fill(0xff, 24, 32), one),
        'made-nonce-huge': file(2, slot(1, 1, 20000, 0, 1, 1, 0x11).fill(0xff, 8, 16), one),
        'made-nonce-far-apart': file(2, one, slot(1, 1, 20000, 70000, 1, 1, 0x16)),
        'made-empty-file': file(0x80),
        'made-header-cut': file(0x80, Buffer.from('kustodia-nonces')),
        'made-header-other': file(0x80, Buffer.alloc(128, 0x41)),
    };
}

/**
 * Choices from which fuzz_signer.c builds requests: for each, restart, call, key, what the call asks for, nonce, fence, price, changes.
 * Amounts below 40 are edges, from 40 on four times the number; key 0 is the right one, 255 the other.
 */
export function signer() {
    const asks = [[100], [1, 99, 50, 50], [], [2], [], [], [], [100], [], [], [], [100, 0], [100, 2]];
    const request = (call, { key = 0, nonce = call, fence = 100, price = 1, changes = 0, more = [], restart = 0 } = {}) =>
        [restart, call, key, ...(call < asks.length ? asks[call] : [3, 1]), nonce, fence, price, changes, ...more];
    const calls = asks.map((_, i) => i);
    // Any bytes are requests: these are the same each time.
    const drawn = (seed, n) => Buffer.concat(Array.from({ length: Math.ceil(n / 32) }, (_, i) => createHash('sha256')
        .update(`${seed}:${i}`).digest())).subarray(0, n);
    const file = (...requests) => Buffer.from(requests.flat());
    return {
        'made-every-call': file(...calls.map((call) => request(call))),
        'made-every-call-by-the-other-key': file(...calls.map((call) => request(call, { key: 255 }))),
        'made-restarts': file(...calls.flatMap((call) => [request(call), request(call, { restart: 255 })])),
        'made-prices': file(...calls.map((price) => request(2, { price, nonce: 5 })), request(2, { price: 0, nonce: 5, restart: 255 })),
        'made-fences': file(...[100, 249, 100, 255, 249, 255].map((fence, i) => request(2, { fence, nonce: i }))),
        'made-a-day-full': file(...calls.map((nonce) => request(11, { nonce })), request(11, { nonce: 20, fence: 31 })),
        'made-nonces-apart': file(...[0, 23, 250, 255, 0, 1].map((nonce) => request(2, { nonce }))),
        'made-every-field-changed': file(...Array.from({ length: 14 }, (_, i) => request(2, { nonce: i, changes: 128, more: [7, i] }))),
        'made-bytes-changed': file(...[0, 120, 200, 255].map((how, i) => request(2, { nonce: i, changes: 97, more: [how, 0, 9, 1] }))),
        'made-wide-batch': file(request(1, { more: [] }), [0, 1, 0, 1, 0, 0, 0, 9, 100, 1, 0]),
        ...Object.fromEntries([16, 64, 256, 512].map((n) => [`made-drawn-${n}`, drawn('kustodia', n)])),
        'made-zeros': Buffer.alloc(256),
        'made-ones': Buffer.alloc(256, 0xff),
        'made-empty': Buffer.alloc(0),
    };
}
