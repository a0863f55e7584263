// The gas gate sees a figure that changed, one that is missing and one that is new.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { gas_differences } from '../gas.mjs';

const MEASURED = [{ name: 'create', gas: 100 }, { name: 'release', gas: 50 }];

test('equal figures are no difference', () => {
    assert.deepEqual(gas_differences(MEASURED, { create: 100, release: 50 }), []);
});

test('one unit more or less, a missing and a new figure are differences', () => {
    assert.equal(gas_differences(MEASURED, { create: 99, release: 50 }).length, 1);
    assert.equal(gas_differences(MEASURED, { create: 100, release: 51 }).length, 1);
    assert.match(gas_differences(MEASURED, { create: 100 })[0], /^release: committed not there, now 50$/);
    assert.match(gas_differences(MEASURED, { create: 100, release: 50, gone: 1 })[0], /^gone: .* not measured$/);
});
