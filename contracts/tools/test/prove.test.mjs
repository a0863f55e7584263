// A planted bug is found by the proof, and a plant that does not fit is refused.

import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';

import { ROOT, run } from '../forge.mjs';

const prove = (...args) => run(process.execPath, [path.join(ROOT, 'tools/prove.mjs'), ...args]);

test('a book that keeps what was paid is reported as violated', () => {
    const result = prove('--plant', 'held - e.amount, e.amount', 'held, e.amount');
    assert.equal(result.status, 1, result.stderr);
    assert.match(result.stdout, /^VIOLATED +a payment takes exactly the amount off the book$/m);
    assert.match(result.stdout, /, [1-9][0-9]* failed, 0 skipped\n$/);
});

test('a plant whose text is not there exactly once is refused', () => {
    for (const text of ['no such text', 'held']) {
        const result = prove('--plant', text, 'x');
        assert.equal(result.status, 1);
        assert.match(result.stderr, /occurs \d+ times .* not once/);
    }
});
