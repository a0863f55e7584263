// Seeds of the targets that read texts of people and of Juno: settings, requests, key files, short values.

import { readFileSync } from 'node:fs';
import path from 'node:path';

import { ROOT } from '../support/env.mjs';

const texts = (seeds) => Object.fromEntries(Object.entries(seeds).map(([name, text]) => [name, Buffer.from(text)]));
const numbered = (list) => texts(Object.fromEntries(list.map((text, i) => [`made-${String(i).padStart(2, '0')}`, text])));
const of_tree = (file) => readFileSync(path.join(ROOT, file), 'utf8');

export function text() {
    return numbered(['', '0x', '0x0', '0x00', '0x1', '0X1', '0x01', '0xffffffffffffffff', '0x10000000000000000', `0x${'f'.repeat(64)}`,
        `0x1${'0'.repeat(64)}`, 'deadBEEF', '0xdeadbee', '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed',
        '0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed', '0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed', '0', '1', '01', '18446744073709551616',
        '115792089237316195423570985008687907853269984665640564039457584007913129639935',
        '115792089237316195423570985008687907853269984665640564039457584007913129639936', '1000', '1000.5', '1000.00', '1000.000', '.5', '5.',
        '9000000000', '9000000000.01', '0.000001', '-1', '+1', '1e2', '1E+2', '1E-2', '1e400', '0.0000001', '1,000', ' 1',
        '01931f3e-7d4a-7c11-8a5e-3f9c2b7d6e10', '01931F3E-7D4A-7C11-8A5E-3F9C2B7D6E10', '01931f3e7d4a7c118a5e3f9c2b7d6e10',
        '2026-11-21T04:34:54Z', '2026-11-21T04:34:54.123456789+00:00', '2026-11-21T04:34:54+0000', '2026-02-30T00:00:00Z', '0000-00-00T00:00:00Z',
        '9999-12-31T23:59:59.999Z', '2024-02-29T23:59:60Z', 'a.b_c:d-e', '..', '-a']);
}

const DEPOSIT = '{"fid":"f-1","receiver_clabe":"710969000000000012","amount":"1000.50","status":"complete","created_at":'
    + '"2026-11-21T04:34:54+00:00","clave_rastreo":"KEY1","sender_clabe":"032180000118359719","deposit_type":"SPEI","refunded_withdrawal":null}';
const TXN = '{"id":"t-1","transaction_type":"REDEMPTION","amount":300,"summary_status":"IN_PROGRESS","created_at":null,"updated_at":'
    + '"2026-11-21T04:34:54Z","details":{"fid":"f-1","clave_rastreo":"KEY","cep_link":"https://x","timeline":[{"status":"RETURNED"}]}}';
const BANK = '{"id":"b-1","clabe":"032180000118359719","recipient_legal_name":"Núñez","tag":"k-1"}';
const CLABE = '{"clabe":"710969000000000012","type":"AUTO_PAYMENT","status":"ENABLED"}';
const good = (payload) => `{"success":true,"payload":${payload}}`;

/** In the shapes of docs.bitso.com/juno that tests/unit/juno uses. */
export function juno() {
    return texts({
        'made-deposits': good(`{"response":[${DEPOSIT}]}`),
        'made-deposit-refund': good(`{"response":[${DEPOSIT.replace('null}', '{"transaction_id":"t-9","wid":"w"}}')}]}`),
        'made-deposit-state-unknown': good(`{"response":[${DEPOSIT.replace('complete', 'DREAMING')}]}`),
        'made-txns': good(`{"content":[${TXN}]}`),
        'made-txn': good(TXN),
        'made-txn-hash': good(TXN.replace('REDEMPTION', 'CRYPTO_WITHDRAWAL').replace('"fid":"f-1"', `"transaction_hash":"0x${'1'.repeat(64)}","hash":"0x${'1'.repeat(64)}"`)),
        'made-banks': good(`[${BANK}]`),
        'made-bank': good(BANK),
        'made-clabes': good(`{"content":[${CLABE}]}`),
        'made-clabe': good(CLABE),
        'made-balances': good('{"balances":[{"asset":"mxnbj","balance":"12.5"},{"asset":"mxn","balance":3}]}'),
        'made-op': good('{"id":"r-1","summary_status":"PENDING"}'),
        'made-error': '{"success":false,"error":{"code":"0201","message":"nonce 710969000000000012"}}',
        'made-error-number': '{"success":false,"error":{"code":32002,"message":"x"}}',
        'made-error-bare': '{"success":false}',
        'made-number-float': good(TXN.replace('300', '300.000001')),
        'made-number-exponent': good(TXN.replace('300', '3e2')),
        'made-number-huge': good(TXN.replace('300', `1${'0'.repeat(400)}`)),
        'made-number-negative': good(TXN.replace('300', '-0')),
        'made-number-leading-zero': good(TXN.replace('300', '0300')),
        'made-number-cut': good(TXN.replace('300', '3.')),
        'made-number-in-text': good(TXN.replace('"KEY"', '"\\"12\\\\ 3"')),
        'made-key-twice': good(TXN.replace('{', '{"id":"t-2",')),
        'made-id-path': good(TXN.replace('t-1', '../t')),
        'made-name-long': good(BANK.replace('Núñez', `${'ñ'.repeat(90)}`)),
        'made-cut': good(DEPOSIT).slice(0, 60),
        'made-nul': good(BANK.replace('b-1', 'b\\u0000')),
        'made-deep': good('['.repeat(900) + ']'.repeat(900)),
        'made-empty': '',
        'made-html': '<html></html>',
    });
}

export function keyfile(vectors_read) {
    const [vectors] = vectors_read('KeyStoreTests');
    const real = Object.entries(vectors).map(([name, { json }]) => [`vector-${name}`, JSON.stringify(json)]);
    const base = { version: 3, id: '3198bc9c-6672-5ab3-d995-4942343ae5b6', address: '11'.repeat(20), crypto: {
        cipher: 'aes-128-ctr', cipherparams: { iv: '00'.repeat(16) }, ciphertext: '22'.repeat(32), kdf: 'scrypt',
        kdfparams: { dklen: 32, n: 4096, r: 8, p: 6, salt: '33'.repeat(32) }, mac: '44'.repeat(32) } };
    const made = (change) => {
        const copy = structuredClone(base);
        change(copy);
        return JSON.stringify(copy);
    };
    return texts({
        ...Object.fromEntries(real),
        'made-light': JSON.stringify(base),
        'made-version-1': made((k) => { k.version = 1; }),
        'made-version-text': made((k) => { k.version = '3'; }),
        'made-address-0x': made((k) => { k.address = `0x${k.address}`; }),
        'made-address-odd': made((k) => { k.address = k.address.slice(1); }),
        'made-no-address': made((k) => { delete k.address; }),
        'made-n-huge': made((k) => { k.crypto.kdfparams.n = 2 ** 52; }),
        'made-n-float': JSON.stringify(base).replace('4096', '4096.0'),
        'made-salt-65': made((k) => { k.crypto.kdfparams.salt = '33'.repeat(65); }),
        'made-salt-7': made((k) => { k.crypto.kdfparams.salt = '33'.repeat(7); }),
        'made-checksum-wrong': made((k) => { k.kustodia = { checksum: '55'.repeat(32) }; }),
        'made-pbkdf2': made((k) => { k.crypto.kdf = 'pbkdf2'; k.crypto.kdfparams = { c: 262144, dklen: 32, prf: 'hmac-sha256', salt: '33'.repeat(32) }; }),
        'made-prf': made((k) => { k.crypto.kdf = 'pbkdf2'; k.crypto.kdfparams = { c: 262144, dklen: 32, prf: 'hmac-sha1', salt: '33'.repeat(32) }; }),
        'made-capital-crypto': JSON.stringify(base).replace('"crypto"', '"Crypto"'),
        'made-key-twice': JSON.stringify(base).replace('{', '{"version":3,'),
        'made-cut': JSON.stringify(base).slice(0, 200),
        'made-array': '[]',
        'made-empty': '',
        'made-blank': '  \n',
    });
}

const ID = '01931f3e-7d4a-7c11-8a5e-3f9c2b7d6e10';

/** The examples of the API reference, then wrong ones. */
export function request() {
    const page = of_tree('docs/reference/api.md');
    const examples = [...page.matchAll(/\{"jsonrpc": ?"2\.0".*"method": ?"([a-z._]+)".*\}/g)].map(([line, name]) => [`made-${name}`, line]);
    const call = (method, params) => JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    const clabe = '012180000000000015';
    return texts({
        ...Object.fromEntries(examples),
        'made-register': call('beneficiary.register', { name: 'Taller Solis', clabe, ownership: 'THIRD_PARTY', idempotency_key: ID }),
        'made-register-clabe-digit': call('beneficiary.register', { name: 'x', clabe: clabe.replace(/5$/, '6'), ownership: 'THIRD_PARTY' }),
        'made-register-nvio': call('beneficiary.register', { name: 'x', clabe: '710969000000000012', ownership: 'COMPANY_OWNED' }),
        'made-choice-cut': call('beneficiary.register', { name: 'x', clabe, ownership: 'COMPANY' }),
        'made-choice-both': call('beneficiary.register', { name: 'x', clabe, ownership: 'COMPANY_OWNED|THIRD_PARTY' }),
        'made-name-control': call('beneficiary.register', { name: 'a\u0001', clabe, ownership: 'THIRD_PARTY' }),
        'made-name-long': call('beneficiary.register', { name: 'é'.repeat(61), clabe, ownership: 'THIRD_PARTY' }),
        'made-field-long': call('payment.get', { [`${'x'.repeat(39)}é`]: 1 }),
        'made-text-cut-in-a-letter': call('payment.get', { payment_id: `${'x'.repeat(39)}é` }),
        'made-list': call('payment.list', { state: 'in_custody', limit: 20 }),
        'made-limit-501': call('payment.list', { limit: 501 }),
        'made-limit-text': call('payment.list', { limit: '20' }),
        'made-get': call('payment.get', { payment_id: ID }),
        'made-create': call('payment.create', { idempotency_key: ID, user_ref: 'ana', payer: 'ana', amount: '1000.00', custody_seconds: 86400,
            release_to: [{ beneficiary_id: ID, share_bps: 10000 }], refund_to: { beneficiary_id: ID } }),
        'made-amount-number': '{"jsonrpc":"2.0","id":1,"method":"payment.create","params":{"amount":1000.00}}',
        'made-hash-without-0x': call('tx.get', { tx_hash: 'ab'.repeat(32), hash: 'ab'.repeat(32) }),
        'made-hash-capital': call('tx.get', { tx_hash: `0X${'ab'.repeat(32)}`, hash: `0X${'ab'.repeat(32)}` }),
        'made-unknown-method': call('payment.crate', {}),
        'made-no-method': '{"params":{"payment_id":"x","limit":1}}',
        'made-params-array': call('payment.get', [ID]),
        'made-nul': '{"method":"payment.get","params":{"payment_id":"\\u0000"}}',
    });
}

export function config() {
    const filled = (file) => of_tree(`deploy/${file}`).replace(/^[#;].*\n/gm, '').replace(/@(\w+)@/g, (_, name) => (/ADDRESS|TOKEN$|ESCROW$|BRIDGE|IMPLEMENTATION$|ADMIN|GUARDIAN|RELAYER$|ARBITER$/.test(name) ? `0x${'1'.repeat(40)}`
        : /HASH/.test(name) ? `0x${'2'.repeat(64)}` : /PORT|BLOCK|ID$/.test(name) ? '1234' : /URL/.test(name) ? 'http://127.0.0.1:1' : 'text'));
    const daemon = filled('relayer.embedded.ini.in');
    const signer = filled('signer.embedded.ini.in');
    return texts({
        'made-daemon': daemon,
        'made-signer': signer,
        'made-daemon-live': daemon.replace(/environment *=.*/, 'environment = live'),
        'made-unknown-key': `${daemon}\nnothing = 1\n`,
        'made-section-open': '[chain\nrpc_url = x\n',
        'made-key-twice': daemon.replace(/(chain_id *=.*)/, '$1\n$1'),
        'made-no-equals': '[chain]\nrpc_url\n',
        'made-crlf': daemon.slice(0, 1500).replace(/\n/g, '\r\n'),
        'made-nul': '[chain]\nrpc_url = a\0b\n',
        'made-number-huge': '[chain]\nchain_id = 18446744073709551616\n',
        'made-line-long': `[chain]\nrpc_url = ${'x'.repeat(3000)}\n`,
        'made-list-17': `[chain]\nrpc_url = ${Array(17).fill('http://a').join(',')}\n`,
        'made-no-newline': '[signer]\nchain_id = 1',
        'made-deposits-17': signer.replace(/juno_deposit *=.*/, `juno_deposit = ${Array(17).fill(`0x${'3'.repeat(40)}`).join(',')}`),
        'made-empty': '',
    });
}
