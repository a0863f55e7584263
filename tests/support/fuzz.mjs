// ./dev fuzz [TARGET] [SECONDS] [--keep]: each libFuzzer program of build/fuzz over its committed corpus.
//
// What it finds goes to build/fuzz/found/TARGET; --keep takes from there into tests/fuzz/corpus what reaches code
// the corpus does not. An input that breaks something lies in build/fuzz/broken and ends with status 1:
// mend the code, then commit that input as corpus/TARGET/broke-WHAT.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';

import { ROOT } from './env.mjs';

const SECONDS = 20;
const FILE_BYTES_MAX = 4096;
const KEPT_MAX = 80;            // found-* files of one target
const MEMORY_MAX_MIB = 1024;
const INPUT_S_MAX = 10;
const BUILD = path.join(ROOT, 'build/fuzz');
const PROGRAM = /^fuzz-([a-z_]+)$/;

const folder_of = (...parts) => {
    const folder = path.join(...parts);
    mkdirSync(folder, { recursive: true });
    return folder;
};
const corpus_of = (target) => path.join(ROOT, 'tests/fuzz/corpus', target);

function options_read(words) {
    const keep = words.includes('--keep');
    const rest = words.filter((word) => word !== '--keep');
    const seconds = /^\d+$/.test(rest.at(-1) ?? '') ? Number(rest.pop()) : SECONDS;
    const programs = readdirSync(path.join(BUILD, 'bin')).map((name) => PROGRAM.exec(name)?.[1])
        .filter((name) => name !== undefined).sort();
    const unknown = rest.filter((name) => !programs.includes(name));
    if (unknown.length > 0 || seconds < 1) {
        console.error(`there is no fuzz target ${unknown.join(', ')}; there are: ${programs.join(', ')}`);
        process.exit(3);
    }
    return { keep, seconds, targets: rest.length > 0 ? rest : programs };
}

function fuzzer_run(target, options, folders) {
    return spawnSync(path.join(BUILD, 'bin', `fuzz-${target}`), [...options, ...folders], {
        cwd: ROOT,
        encoding: 'utf8',
        maxBuffer: 256 * 1024 * 1024,
        env: { ...process.env, ASAN_OPTIONS: 'detect_leaks=1', UBSAN_OPTIONS: 'print_stacktrace=1' },
    });
}

/** New files of a corpus are named by libFuzzer after their hash. */
function finds_keep(target, found) {
    fuzzer_run(target, ['-merge=1', `-max_len=${FILE_BYTES_MAX}`], [corpus_of(target), found]);
    const fresh = readdirSync(corpus_of(target)).filter((name) => /^[0-9a-f]{40}$/.test(name))
        .map((name) => ({ name, bytes: statSync(path.join(corpus_of(target), name)).size }))
        .sort((a, b) => a.bytes - b.bytes || (a.name < b.name ? -1 : 1));
    const before = readdirSync(corpus_of(target)).filter((name) => name.startsWith('found-')).length;
    let kept = 0;
    for (const { name } of fresh) {
        if (before + kept < KEPT_MAX) {
            renameSync(path.join(corpus_of(target), name), path.join(corpus_of(target), `found-${name.slice(0, 12)}`));
            kept += 1;
        } else {
            rmSync(path.join(corpus_of(target), name));
        }
    }
    return kept;
}

function target_run(target, { seconds, keep }) {
    if (!existsSync(corpus_of(target)) || readdirSync(corpus_of(target)).length === 0) {
        console.log(`fuzz ${target}: FAILED, tests/fuzz/corpus/${target} is empty`);
        return false;
    }
    const found = folder_of(BUILD, 'found', target);
    const broken = path.join(folder_of(BUILD, 'broken'), `${target}-`);
    const { status, stderr } = fuzzer_run(target, [`-max_total_time=${seconds}`, `-max_len=${FILE_BYTES_MAX}`,
        `-rss_limit_mb=${MEMORY_MAX_MIB}`, `-timeout=${INPUT_S_MAX}`, '-print_final_stats=1', `-artifact_prefix=${broken}`],
    [found, corpus_of(target)]);
    const executions = /stat::number_of_executed_units:\s*(\d+)/.exec(stderr)?.[1] ?? 'unknown';
    const finds = /stat::new_units_added:\s*(\d+)/.exec(stderr)?.[1] ?? '0';
    if (status !== 0) {
        const why = stderr.split('\n').filter((line) => /does not hold|ERROR:|runtime error|Test unit written/.test(line));
        console.log(`fuzz ${target}: FAILED after ${executions} executions`);
        why.slice(0, 8).forEach((line) => console.log(`  ${line}`));
        return false;
    }
    const kept = keep ? `, ${finds_keep(target, found)} kept in the corpus` : '';
    console.log(`fuzz ${target}: ${executions} executions in ${seconds} s, ${finds} finds${kept}`);
    return true;
}

const options = options_read(process.argv.slice(2));
const passed = options.targets.filter((target) => target_run(target, options)).length;
const failed = options.targets.length - passed;
console.log(`${passed} passed, ${failed} failed, 0 skipped`);
process.exitCode = failed === 0 ? 0 : 1;
