// Seeds of the targets about the chain: node answers, their error texts, calls, logs. By hand; the real
// answers of a node lie beside them in the corpus.

import { readFileSync } from 'node:fs';
import path from 'node:path';

import { AbiCoder, Interface, concat, getBytes } from 'ethers';

import { ROOT } from '../support/env.mjs';

const face = (name) => new Interface(JSON.parse(readFileSync(path.join(ROOT, `abi/json/${name}.json`), 'utf8')).abi);
const escrow = face('KustodiaEscrow');
const token = face('TestMXNB');
const coder = AbiCoder.defaultAbiCoder();
const bytes32 = (digit) => `0x${digit.repeat(64)}`;
const account = (digit) => `0x${digit.repeat(40)}`;

const reply = (result) => `{"jsonrpc":"2.0","id":7,"result":${result}}`;
const error = (code, message, data = '') => `{"jsonrpc":"2.0","id":7,"error":{"code":${code},"message":"${message}"${data}}}`;
const LOG = `{"address":"${account('3')}","topics":["${bytes32('1')}","${bytes32('2')}"],"data":"0x0102","blockNumber":"0x10",`
    + `"blockHash":"${bytes32('2')}","transactionHash":"${bytes32('1')}","logIndex":"0x3","removed":false}`;
const RECEIPT = `{"transactionHash":"${bytes32('1')}","status":"0x1","blockNumber":"0x10","blockHash":"${bytes32('2')}",`
    + `"transactionIndex":"0x2","from":"${account('3')}","gasUsed":"0x5208","effectiveGasPrice":"0x3b9aca00","logs":[${LOG}],`
    + '"gasUsedForL1":"0x1"}';
const BLOCK = `{"number":"0x10","hash":"${bytes32('1')}","parentHash":"${bytes32('2')}","timestamp":"0x65","baseFeePerGas":"0x5f5e100"}`;
const TX = `{"hash":"${bytes32('1')}","from":"${account('3')}","to":null,"nonce":"0x7","gas":"0x5208","value":"0x0",`
    + `"input":"0xdeadbeef","type":"0x2","maxFeePerGas":"0x64","maxPriorityFeePerGas":"0x1","blockHash":"${bytes32('2')}","blockNumber":"0x10"}`;

/** Hostile values, each in the place of a number, a hash, the data of one answer. */
const ODD = {
    'odd-digits': '"0x123"', 'capital-x': '"0X12"', 'leading-zero': '"0x01"', empty: '"0x"', 'no-prefix': '"12"',
    'u64-and-one': '"0x10000000000000000"', 'u256-and-one': `"0x1${'0'.repeat(64)}"`, 'json-number': '16', float: '1.5',
    negative: '"-0x1"', nul: '"0x1\\u0000"', array: '["0x1"]', null: 'null', 'not-hex': '"0xzz"', blank: '" 0x1"',
};

export function answer() {
    const odd = Object.entries(ODD).flatMap(([name, value]) => [
        [`made-block-number-${name}`, reply(BLOCK.replace('"0x10"', value))],
        [`made-receipt-status-${name}`, reply(RECEIPT.replace('"status":"0x1"', `"status":${value}`))],
        [`made-log-data-${name}`, reply(`[${LOG.replace('"0x0102"', value)}]`)],
        [`made-result-${name}`, reply(value)],
    ]);
    const cuts = [1, 17, 30, 60, 200, 500, RECEIPT.length].map((n) => [`made-receipt-cut-${n}`, reply(RECEIPT).slice(0, n)]);
    return texts({
        'made-receipt': reply(RECEIPT),
        'made-block': reply(BLOCK),
        'made-tx': reply(TX),
        'made-logs': reply(`[${LOG},${LOG}]`),
        'made-receipt-log-of-another-transaction': reply(RECEIPT.replace(`"transactionHash":"${bytes32('1')}","logIndex"`, `"transactionHash":"${bytes32('4')}","logIndex"`)),
        'made-receipt-log-of-another-block': reply(RECEIPT.replace(`"blockHash":"${bytes32('2')}","transactionHash"`, `"blockHash":"${bytes32('4')}","transactionHash"`)),
        'made-log-five-topics': reply(`[${LOG.replace(`"${bytes32('1')}"`, Array(4).fill(`"${bytes32('1')}"`).join(','))}]`),
        'made-duplicate-key': reply(BLOCK.replace('{', '{"number":"0x11",')),
        'made-duplicate-result': '{"jsonrpc":"2.0","id":7,"result":"0x1","result":"0x2"}',
        'made-result-and-error': '{"jsonrpc":"2.0","id":7,"result":"0x1","error":{"code":1,"message":"x"}}',
        'made-neither': '{"jsonrpc":"2.0","id":7}',
        'made-other-id': '{"jsonrpc":"2.0","id":8,"result":"0x1"}',
        'made-text-id': '{"jsonrpc":"2.0","id":"7","result":"0x1"}',
        'made-huge-id': '{"jsonrpc":"2.0","id":18446744073709551623,"result":"0x1"}',
        'made-version-1': '{"jsonrpc":"1.0","id":7,"result":"0x1"}',
        'made-batch': `[${[7, 8, 9].map((id) => `{"jsonrpc":"2.0","id":${id},"result":"0x${id}"}`).join(',')}]`,
        'made-batch-out-of-order': `[${[9, 7, 8].map((id) => `{"jsonrpc":"2.0","id":${id},"result":"0x${id}"}`).join(',')}]`,
        'made-batch-same-id': `[${[7, 7, 8].map((id) => `{"jsonrpc":"2.0","id":${id},"result":"0x${id}"}`).join(',')}]`,
        'made-batch-one-short': `[${[7, 8].map((id) => `{"jsonrpc":"2.0","id":${id},"result":"0x${id}"}`).join(',')}]`,
        'made-batch-one-error': '{"jsonrpc":"2.0","id":null,"error":{"code":-32005,"message":"rate limit"}}',
        'made-error-revert': error(3, 'execution reverted: Paused', ',"data":"0x08c379a0"'),
        'made-error-revert-in-object': error(-32603, 'execution reverted', ',"data":{"data":"0x7939f424"}'),
        'made-error-revert-text': error(-32015, 'VM execution error. execution reverted', ',"data":"Reverted 0x7939f424"'),
        'made-error-revert-odd': error(3, 'execution reverted', ',"data":"0x793"'),
        'made-error-revert-long': error(3, 'execution reverted', `,"data":"0x${'ab'.repeat(1030)}"`),
        'made-error-nul': error(3, 'execution reverted: \\u0000\\u0001\\u00ff'),
        'made-error-code-text': '{"jsonrpc":"2.0","id":7,"error":{"code":"3","message":"x"}}',
        'made-error-long': error(-32000, 'x'.repeat(500)),
        'made-code': reply(`"0x${'60'.repeat(300)}"`),
        'made-deep': `${'['.repeat(1800)}${']'.repeat(1800)}`,
        'made-deep-object': reply(`${'{"a":'.repeat(300)}1${'}'.repeat(300)}`),
        'made-empty': '',
        'made-html': '<html><body>502 Bad Gateway</body></html>',
        'made-bom': '\ufeff{"jsonrpc":"2.0","id":7,"result":"0x1"}',
        ...Object.fromEntries(odd), ...Object.fromEntries(cuts),
        'made-bad-utf8': Buffer.concat([Buffer.from('{"jsonrpc":"2.0","id":7,"result":"'), Buffer.from([0xc0, 0x80, 0xff]), Buffer.from('"}')]),
    });
}

const texts = (seeds) => Object.fromEntries(Object.entries(seeds).map(([name, text]) => [name, Buffer.from(text)]));

export function verdict() {
    return texts(Object.fromEntries(['nonce too low: address 0x11, tx: 5 state: 6', 'nonce too high', 'already known',
        'transaction already imported', 'replacement transaction underpriced', 'insufficient funds for gas * price + value',
        'max fee per gas less than block base fee: address 0x11, maxFeePerGas: 1, baseFee: 2', 'intrinsic gas too low',
        'execution reverted: Paused', 'sequencer temporarily not available: nonce too low', 'context deadline exceeded',
        'exceeds max block range', 'query returned more than 10000 results', 'header not found', 'Too Many Requests',
        'method not found', 'safe block not found', 'something else entirely', '', 'NONCE TOO LOW', 'nonce  too low', '\xff\xfe']
        .map((text, i) => [`made-${String(i).padStart(2, '0')}`, text])));
}

export function abi() {
    const terms = (digit) => [bytes32(digit), 1_000_000n, 1_800_000_000n, digit === '1', bytes32('9')];
    const call = (name, args) => escrow.encodeFunctionData(name, args);
    const text = (reason) => concat(['0x08c379a0', coder.encode(['string'], [reason])]);
    const view = (state, party) => coder.encode(['uint88', 'uint40', 'uint40', 'uint40', 'uint8', 'bool', 'uint8', 'uint8'],
        [1_000_000n, 1n, 2n, 3n, state, true, party, 4]);
    const many = call('releaseMany', [[bytes32('1'), bytes32('2')]]);
    const made = {
        create: call('create', [terms('1')]),
        'create-many': call('createMany', [[terms('1'), terms('2'), terms('3')]]),
        'create-many-none': call('createMany', [[]]),
        release: call('release', [bytes32('1')]),
        'release-many': many,
        'release-many-gap': many.replace('20'.padStart(64, '0'), '40'.padStart(64, '0')),
        'release-many-short-count': many.replace('2'.padStart(64, '0'), '1'.padStart(64, '0')),
        'release-many-huge-count': many.replace('2'.padStart(64, '0'), 'f'.repeat(64)),
        dispute: call('dispute', [bytes32('1'), 1, bytes32('2')]),
        'dispute-party-0': call('dispute', [bytes32('1'), 0, bytes32('2')]),
        dismiss: call('dismiss', [bytes32('1'), bytes32('2')]),
        'resolve-revert': call('resolveRevert', [bytes32('1'), bytes32('2')]),
        'resolve-split': call('resolveSplit', [bytes32('1'), 400_000n, bytes32('2')]),
        'resolve-split-above-64-bits': call('resolveSplit', [bytes32('1'), 1n << 64n, bytes32('2')]),
        'release-early': call('releaseEarly', [bytes32('1')]),
        'refund-expired': call('refundExpired', [bytes32('1')]),
        hold: call('hold', [bytes32('1'), bytes32('2')]),
        transfer: token.encodeFunctionData('transfer', [account('1'), 5n]),
        approve: token.encodeFunctionData('approve', [account('1'), 5n]),
        'approve-unlimited': token.encodeFunctionData('approve', [account('1'), (1n << 256n) - 1n]),
        'transfer-dirty-address': token.encodeFunctionData('transfer', [account('1'), 5n]).replace('0'.repeat(24), `01${'0'.repeat(22)}`),
        'balance-of': token.encodeFunctionData('balanceOf', [account('1')]),
        allowance: token.encodeFunctionData('allowance', [account('1'), account('2')]),
        'answer-view': view(2, 1),
        'answer-view-state-6': view(6, 1),
        'answer-view-party-4': view(2, 4),
        'answer-paused': coder.encode(['uint8', 'uint64'], [3, 1_800_000_000n]),
        'answer-true': coder.encode(['bool'], [true]),
        'answer-bool-2': coder.encode(['uint256'], [2n]),
        'answer-address': coder.encode(['address'], [account('1')]),
        'answer-u64-and-one': coder.encode(['uint256'], [1n << 64n]),
        'answer-bytes': coder.encode(['bytes'], ['0x0102030405']),
        'answer-bytes-dirty-tail': coder.encode(['bytes'], ['0x0102030405']).replace(/00$/, '01'),
        'answer-words': coder.encode(['bytes32[]'], [[bytes32('1'), bytes32('2')]]),
        'revert-text': text('Pausable: paused'),
        'revert-text-control': text('a\nb\u0000c'),
        'revert-text-cut': text('ERC20: transfer amount exceeds balance').slice(0, 100),
        'revert-panic': concat(['0x4e487b71', coder.encode(['uint256'], [0x11n])]),
        'revert-panic-huge': concat(['0x4e487b71', `0x${'ff'.repeat(32)}`]),
        'revert-3-bytes': '0x4e487b',
        ...Object.fromEntries(escrow.fragments.filter(({ type }) => type === 'error').map((fragment) => [
            `revert-${fragment.name}`, escrow.encodeErrorResult(fragment, fragment.inputs.map(({ type }) => (type === 'bool' ? true
                : type.startsWith('bytes') ? bytes32('1') : type === 'address' ? account('1') : 3n)))])),
    };
    return Object.fromEntries(Object.entries(made).map(([name, hex]) => [`made-${name}`, Buffer.from(getBytes(hex))]));
}

/** One log of every event, with plain values; the first also spoilt in each way a log can be. */
export function log() {
    const value = ({ type }, i) => (type === 'bool' ? true : type === 'bytes32' ? bytes32('6') : type === 'address' ? account(String(i + 1)) : 2n);
    const seeds = {};
    for (const fragment of [...escrow.fragments, token.getEvent('Transfer')].filter(({ type }) => type === 'event')) {
        const { topics, data } = (fragment.name === 'Transfer' ? token : escrow).encodeEventLog(fragment, fragment.inputs.map(value));
        seeds[`made-${fragment.name}`] = Buffer.concat([Buffer.from([topics.length]), ...topics.map((topic) => Buffer.from(getBytes(topic))),
            Buffer.from(getBytes(data))]);
    }
    const good = seeds['made-EscrowCreated'];
    return {
        ...seeds,
        'made-one-topic-less': Buffer.concat([Buffer.from([2]), good.subarray(1)]),
        'made-one-byte-more': Buffer.concat([good, Buffer.from([0])]),
        'made-one-byte-less': good.subarray(0, good.length - 1),
        'made-no-topics': Buffer.from([0]),
        // As a token of another kind writes it: the value indexed too.
        'made-Transfer-four-topics': Buffer.concat([Buffer.from([4]), seeds['made-Transfer'].subarray(1), Buffer.alloc(32)]),
    };
}
