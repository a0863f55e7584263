// What a test command counted, read from what it printed. Judged itself by tests/checks/counts.mjs.

const count = (text, pattern) => [...text.matchAll(pattern)].reduce((sum, m) => sum + Number(m[1]), 0);

/** The closing line every script of ours prints. */
export function counts_of_script({ text }) {
    const lines = [...text.matchAll(/^(\d+) passed, (\d+) failed, (\d+) skipped\r?$/gm)];
    const last = lines.at(-1);
    return last && { passed: Number(last[1]), failed: Number(last[2]), skipped: Number(last[3]) };
}

export function counts_of_tap({ text }) {
    if (!/^# tests \d+$/m.test(text)) {
        return undefined;
    }
    return {
        passed: count(text, /^# pass (\d+)$/gm),
        failed: count(text, /^# fail (\d+)$/gm) + count(text, /^# cancelled (\d+)$/gm),
        skipped: count(text, /^# skipped (\d+)$/gm) + count(text, /^# todo (\d+)$/gm),
    };
}

/** cmocka's and Node's own sums; a program that died before printing them counts through ctest's list. */
export function counts_of_ctest({ text }) {
    if (!/^\d+% tests passed/m.test(text)) {
        return undefined;
    }
    const counts = {
        passed: count(text, /\[  PASSED  \] (\d+) test\(s\)/g) + count(text, /^\d+: \W pass (\d+)$/gmu),
        failed: count(text, /\[  FAILED  \] (\d+) test\(s\)/g) + count(text, /^\d+: \W fail (\d+)$/gmu),
        skipped: count(text, /\[  SKIPPED \] (\d+) test\(s\)/g) + count(text, /^\d+: \W skipped (\d+)$/gmu),
    };
    const programs_failed = Number(/(\d+) tests? failed out of/.exec(text)?.[1] ?? 0);
    return { ...counts, failed: Math.max(counts.failed, programs_failed) };
}

/**
 * The sums of one command ({ status, text }). A command that counted nothing, or ended badly without having
 * counted a failure, is one failure, marked silent: silence never passes.
 */
export function sums_of(result, counts) {
    const sums = counts(result) ?? { passed: 0, failed: 0, skipped: 0 };
    const counted = sums.passed + sums.failed + sums.skipped > 0;
    if (sums.failed === 0 && (result.status !== 0 || !counted)) {
        return { ...sums, failed: 1, silent: true };
    }
    return sums;
}
