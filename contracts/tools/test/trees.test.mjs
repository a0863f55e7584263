// Trees, tests and contract agree, and the check sees when they do not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check_repository, differences, functions_of, tests_of } from '../trees.mjs';

const GOOD = 'pay\n    when early\n        it reverts -> Pay.test_early\n    it pays -> Pay.testFuzz_pays\n';
const TESTS = ['Pay.test_early', 'Pay.testFuzz_pays'];

function found(text, change = {}) {
    return differences({
        trees: [{ name: 'pay', text }],
        tests: TESTS,
        owed: TESTS,
        functions: ['pay'],
        known: ['pay'],
        ...change,
    });
}

test('the trees of this repository agree with its tests and its contract', () => {
    const { problems, trees } = check_repository();
    assert.deepEqual(problems, []);
    assert.ok(trees >= 25);
});

test('a tree that agrees passes', () => {
    assert.deepEqual(found(GOOD), []);
});

test('a leaf without a test, a test without a leaf, a function without a tree', () => {
    assert.match(found(GOOD, { tests: ['Pay.test_early'], owed: [] }).join(), /tree:4: no test Pay\.testFuzz_pays/);
    assert.match(found(GOOD, { owed: [...TESTS, 'Pay.test_new'] }).join(), /Pay\.test_new is no leaf/);
    assert.match(found(GOOD, { functions: ['pay', 'refund'] }).join(), /refund has no tree/);
    assert.match(found(GOOD, { functions: [], known: [] }).join(), /no such function/);
});

test('a tree out of shape', () => {
    const broken = [
        [GOOD.replace('pay\n', 'play\n'), /the first line/],
        [GOOD.replace('    when', '   when'), /indented/],
        [GOOD.replace('        it reverts -> Pay.test_early\n', ''), /an empty branch/],
        [GOOD.replace(' -> Pay.testFuzz_pays', ''), /a leaf is/],
        [GOOD.replace('when early', 'if early'), /starts with/],
        [`${GOOD}        it pays twice -> Pay.test_early\n`, /nothing below/],
    ];
    for (const [text, problem] of broken) {
        assert.match(found(text, { owed: [] }).join('\n'), problem);
    }
});

test('the names are read from Solidity', () => {
    const source = 'contract A {\n    constructor(\n    function pay(uint256 a)\n    function _in() private\n}\n';
    assert.deepEqual(functions_of(source), ['constructor', 'pay']);
    const tests = 'contract P {\n    function test_a() public {}\n    function testFuzz_b(uint8 x)\n    function help() private\n}\n';
    assert.deepEqual(tests_of('escrow/Pay.t.sol', tests), ['Pay.test_a', 'Pay.testFuzz_b']);
});
