/* fuzz-requests --requests N --seed S: so many requests to the signer (fuzz_signer.c), made of numbers
 * drawn from the seed, and a line for each answer there was. The same seed gives the same requests on
 * every machine. Exit status 0: not one of them was signed against the rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keystore/policy.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_signer.h"
#include "tests/fuzz/mutate.h"

enum { INPUT_BYTES = 1024 };

static uint64_t requests, seed;

static void no_request_gets_past_the_policy(void **state)
{
    static uint8_t input[INPUT_BYTES];
    uint64_t numbers = seed * 2 + 1;

    (void)state;
    while (signer_counts.requests < requests) {
        for (size_t i = 0; i < sizeof input; i++)
            input[i] = (uint8_t)(mutate_draw(&numbers) >> 32);
        assert_int_equal(LLVMFuzzerTestOneInput(input, sizeof input), 0);
    }
}

/* A run in which nothing is allowed, or one rule is never met, shows nothing. 304 is a failing disk, 305
 * failing memory, 306 takes more copies of one call than an input holds. */
static void every_rule_was_met(void **state)
{
    (void)state;
    static const int rules[] = {
#define X(name, number, slug, hint) number,
#include "keystore/refusal.def"
#undef X
    };

    print_message("%" PRIu64 " requests, %" PRIu64 " signed, %" PRIu64 " restarts\n",
                  signer_counts.requests, signer_counts.signatures, signer_counts.restarts);
    assert_true(signer_counts.signatures * 20 > signer_counts.requests);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        uint64_t n = signer_counts.refusals[rules[i]];

        print_message("%d %s: %" PRIu64 "\n", rules[i], refusal_slug((enum refusal)rules[i]), n);
        if (rules[i] < REFUSAL_RECORD || rules[i] > REFUSAL_PRICES)
            assert_true(n > 0);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_request_gets_past_the_policy),
        cmocka_unit_test(every_rule_was_met),
    };

    if (argc != 5 || strcmp(argv[1], "--requests") != 0 || strcmp(argv[3], "--seed") != 0) {
        fprintf(stderr, "usage: %s --requests N --seed S\n", argv[0]);
        return 3;
    }
    requests = strtoull(argv[2], NULL, 10);
    seed = strtoull(argv[4], NULL, 10);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
