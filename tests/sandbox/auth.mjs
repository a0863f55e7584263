// Authorization: Bitso <key>:<nonce>:<signature>
// signature = lower-case hex HMAC-SHA256, keyed with the secret as text, over
//   nonce + METHOD + raw request target (path with query) + raw body bytes, no separators.
// Nonces are whole numbers that strictly increase per key; the last one survives a restart when a
// state file is used. The signature is checked first: only the owner of the secret can use up a
// nonce.

import crypto from 'node:crypto';

const HEADER = /^Bitso ([^:\s]{1,128}):([0-9]{1,19}):([0-9a-f]{64})$/;

export class Auth {
    constructor(store, key, secret) {
        this.store = store;
        this.key = key;
        this.secret = secret;
    }

    // null when the request is the client's, else {code, message} for a 401.
    check(header, method, target, body) {
        const match = HEADER.exec(header ?? '');
        if (match === null) {
            return {
                code: '0201',
                message:
                    'Invalid credentials: expected "Authorization: Bitso ' +
                    '<key>:<nonce>:<64 lower-case hex digits>"',
            };
        }
        const [, key, nonce, signature] = match;
        const expected = crypto
            .createHmac('sha256', this.secret)
            .update(nonce)
            .update(method)
            .update(target)
            .update(body)
            .digest();
        const same = crypto.timingSafeEqual(expected, Buffer.from(signature, 'hex'));
        if (key !== this.key || !same) {
            return { code: '0201', message: 'Invalid API key or signature' };
        }
        const last = this.store.get('nonce', key)?.last ?? -1n;
        if (BigInt(nonce) <= last) {
            return {
                code: '0207',
                message: `Invalid nonce: ${nonce} is not above the last one used`,
            };
        }
        this.store.put('nonce', key, { last: BigInt(nonce) });
        this.store.commit();
        return null;
    }
}
