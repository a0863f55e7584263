// The escrow is covered to the last branch, and the gate sees what is not.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { has_code, judge, read_lcov, sources_from } from '../coverage.mjs';

const TOOL = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../coverage.mjs');

const SOURCES = {
    'src/A.sol': 'import {I} from "./I.sol";\nimport {B} from "./core/B.sol";\nimport {X} from "@x/X.sol";\ncontract A {}\n',
    'src/I.sol': 'interface I {}\n',
    'src/core/B.sol': 'import {I} from "../I.sol";\nlibrary B {\n    if (x) revert();\n}\n',
};
const read = (file) => SOURCES[file];
const covered = 'SF:src/A.sol\nDA:4,7\nend_of_record\nSF:src/core/B.sol\nFN:2,B.f\nFNDA:3,B.f\nDA:3,9\nBRDA:3,0,0,1\nend_of_record\n';

function judged(lcov, unreachable = []) {
    return judge({ files: ['src/A.sol', 'src/core/B.sol'], report: read_lcov(lcov), read, unreachable });
}

test('every line, branch and function of the escrow is reached', () => {
    const run = spawnSync(process.execPath, [TOOL], { encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr);
    const [, lines, branches, functions] = /^100 % of (\d+) lines, (\d+) branches, (\d+) functions\n$/.exec(run.stdout);
    assert.ok(Number(lines) >= 150 && Number(branches) >= 30 && Number(functions) >= 30, run.stdout);
});

test('the sources follow the imports and leave packages and interfaces out', () => {
    const found = [...sources_from('src/A.sol', read)];
    assert.deepEqual(found.sort(), ['src/A.sol', 'src/I.sol', 'src/core/B.sol']);
    assert.deepEqual(found.filter((file) => has_code(read(file))), ['src/A.sol', 'src/core/B.sol']);
});

test('a full report passes', () => {
    assert.deepEqual(judged(covered), { problems: [], reached: { lines: 2, branches: 1, functions: 1 } });
});

test('a line, a branch, a function or a file that is missed fails', () => {
    const missed = [
        ['DA:3,9', 'DA:3,0', 'src/core/B.sol:3: lines missed: if (x) revert();'],
        ['BRDA:3,0,0,1', 'BRDA:3,0,0,0', 'src/core/B.sol:3: branches missed: if (x) revert();'],
        ['BRDA:3,0,0,1', 'BRDA:3,0,0,-', 'src/core/B.sol:3: branches missed: if (x) revert();'],
        ['FNDA:3,B.f', 'FNDA:0,B.f', 'src/core/B.sol:2: functions missed: library B {'],
        ['SF:src/core/B.sol', 'SF:src/core/C.sol', 'src/core/B.sol: not in the report'],
    ];
    for (const [from, to, problem] of missed) {
        assert.deepEqual(judged(covered.replace(from, to)).problems, [problem]);
    }
});

test('an excuse covers its line only, and is refused when the line is reached', () => {
    const excuse = { file: 'src/core/B.sol', text: 'if (x) revert();', reason: 'never' };
    assert.deepEqual(judged(covered.replace('BRDA:3,0,0,1', 'BRDA:3,0,0,0'), [excuse]).problems, []);
    assert.equal(judged(covered, [excuse]).problems.length, 1);
});
