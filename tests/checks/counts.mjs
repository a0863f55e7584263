// The counting of ./dev test judged on planted outputs: it must never take a failure or silence for a pass.

import { counts_of_ctest, counts_of_script, counts_of_tap, sums_of } from '../support/counts.mjs';

const CTEST_END = (failed, of) => `${failed === 0 ? 100 : 50}% tests passed, ${failed} tests failed out of ${of}\n`;

const CASES = [
    ['a script that passes', counts_of_script, 0, 'ok\n3 passed, 0 failed, 1 skipped\n', [3, 0, 1]],
    ['a script that fails', counts_of_script, 1, '3 passed, 2 failed, 0 skipped\n', [3, 2, 0]],
    ['a script that dies after counting', counts_of_script, 'SIGKILL', '3 passed, 0 failed, 0 skipped\n', [3, 1, 0]],
    ['a script that says nothing', counts_of_script, 0, '', [0, 1, 0]],
    ['a script that runs nothing', counts_of_script, 0, '0 passed, 0 failed, 0 skipped\n', [0, 1, 0]],
    ['Node tests', counts_of_tap, 1, '# tests 4\n# pass 2\n# fail 1\n# cancelled 1\n# skipped 0\n# todo 0\n', [2, 2, 0]],
    ['Node without tests', counts_of_tap, 0, '# tests 0\n# pass 0\n# fail 0\n', [0, 1, 0]],
    ['cmocka', counts_of_ctest, 0, `1: [  PASSED  ] 5 test(s).\n2: [  PASSED  ] 2 test(s).\n${CTEST_END(0, 2)}`, [7, 0, 0]],
    ['cmocka that fails', counts_of_ctest, 8,
        `1: [  PASSED  ] 4 test(s).\n1: [  FAILED  ] 3 test(s), listed below:\n${CTEST_END(1, 1)}`, [4, 3, 0]],
    ['a program that crashes', counts_of_ctest, 8, `1: [  PASSED  ] 5 test(s).\n${CTEST_END(1, 2)}`, [5, 1, 0]],
    ['ctest without tests', counts_of_ctest, 0, 'No tests were found!!!\n', [0, 1, 0]],
    ['Node inside ctest', counts_of_ctest, 0, `7: # pass 9\n7: # fail 0\n7: # skipped 1\n${CTEST_END(0, 1)}`, [9, 0, 1]],
];

export function counts_problems() {
    return CASES.flatMap(([what, counts, status, text, wanted]) => {
        const { passed, failed, skipped } = sums_of({ status, text }, counts);
        const found = [passed, failed, skipped];
        return found.join() === wanted.join() ? [] : [`${what}: counted ${found.join()}, not ${wanted.join()}`];
    });
}
