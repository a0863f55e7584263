// House rules as programs: node tests/checks/run.mjs. Each rule also judges a planted bad example, one
// at a time, and a good one: a rule that cannot fail, or fails on good text, fails the run.

import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import * as c_rules from './c_rules.mjs';
import { counts_problems } from './counts.mjs';
import layers from './layers.mjs';
import * as tree_rules from './tree_rules.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const FILE_MAX_BYTES = 4 * 1024 * 1024;
const SHOWN_MAX = 30;

/** Every text file git knows or would add. */
function tree_read() {
    const names = execFileSync('git', ['-c', `safe.directory=${ROOT}`, '-C', ROOT, 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
        { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }).split('\0').filter((name) => name !== '');
    const files = [];
    for (const file of new Set(names)) {
        const about = statSync(path.join(ROOT, file), { throwIfNoEntry: false });
        if (about === undefined || !about.isFile() || about.size > FILE_MAX_BYTES) {
            continue;
        }
        const bytes = readFileSync(path.join(ROOT, file));
        if (!bytes.subarray(0, 8000).includes(0)) {
            files.push({ file, text: bytes.toString('utf8') });
        }
    }
    return files;
}

const files = tree_read();
let passed = 0;
let failed = 0;

function verdict(name, problems) {
    if (problems.length === 0) {
        passed += 1;
        return;
    }
    failed += 1;
    console.log(`FAIL ${name}`);
    problems.slice(0, SHOWN_MAX).forEach((line) => console.log(`  ${line}`));
    if (problems.length > SHOWN_MAX) {
        console.log(`  and ${problems.length - SHOWN_MAX} more`);
    }
}

for (const check of [layers, ...Object.values(c_rules), ...Object.values(tree_rules)]) {
    const silent = check.bad.filter((example) => check.run([example]).length === 0);
    const planted = [...silent.map((example) => `misses a planted example: ${example.text.slice(0, 70).trim()}`),
        ...check.run(check.good).map((line) => `objects to a good example: ${line}`)];
    verdict(`${check.name}: the rule itself`, planted);
    const problems = check.run(files);
    verdict(`${check.name} (${check.rule})`, problems);
}
verdict('./dev test counts honestly', counts_problems());
console.log(`${passed} passed, ${failed} failed, 0 skipped`);
process.exitCode = failed === 0 ? 0 : 1;
