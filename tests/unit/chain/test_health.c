/* Which endpoint is asked next, and why: the rules of relayer/chain/health.h with a clock of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "relayer/chain/health.h"

enum { N = 3, NONE = N };

static struct health all[N];
static int64_t now;

static int up(void **state)
{
    (void)state;
    memset(all, 0, sizeof all);
    all[0].weight = 1;
    now = 1000000;
    return 0;
}

static size_t choose(void)
{
    struct health_choice choice = health_choose(all, N, (1u << N) - 1, N, now);

    if (choice.i < N)
        assert_true(choice.at_ms <= now);
    return choice.i;
}

static enum health_state state_of(size_t i)
{
    return health_state(all, N, i, now);
}

static void good(size_t i)
{
    health_good(&all[i], health_ask(&all[i], now), false, now);
}

static void fails(size_t i)
{
    health_failed(&all[i], health_ask(&all[i], now), now);
}

static void limits(size_t i, int64_t retry_ms)
{
    health_limited(&all[i], health_ask(&all[i], now), retry_ms, now);
}

/* ---- who is next ---- */

static void the_first_takes_all_unless_weights_say_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(choose(), 0);
        good(0);
    }
    all[0].weight = 0; /* no weight at all */
    assert_int_equal(choose(), 0);
}

static void weights_share_in_proportion(void **state)
{
    size_t got[N] = {0};

    (void)state;
    all[0].weight = 5;
    all[1].weight = 3;
    all[2].weight = 0;
    for (size_t i = 0; i < 80; i++)
        got[choose()]++;
    assert_int_equal(got[0], 50);
    assert_int_equal(got[1], 30);
    assert_int_equal(got[2], 0);

    /* One less: the others share in their own proportion, the spare one still rests. */
    for (size_t i = 0; i < HEALTH_OPEN_AFTER; i++)
        fails(0);
    memset(got, 0, sizeof got);
    for (size_t i = 0; i < 10; i++)
        got[choose()]++;
    assert_int_equal(got[1], 10);
    fails(1);
    assert_int_equal(choose(), 2); /* and comes when nobody better is there */
}

/* What one owes from earlier turns does not bring in a spare that stands before it in the list. */
static void a_spare_rests_whatever_the_others_owe(void **state)
{
    (void)state;
    all[0].weight = 0;
    all[1].weight = 5;
    all[2].weight = 5;
    for (size_t i = 0; i < 7; i++) {
        (void)health_choose(all, N, 6, N, now);
        assert_int_equal(health_choose(all, N, 3, N, now).i, 1);
        assert_int_equal(health_choose(all, N, 5, N, now).i, 2);
    }
}

static void only_those_allowed_are_chosen(void **state)
{
    (void)state;
    assert_int_equal(health_choose(all, N, 1u << 2, N, now).i, 2);
    assert_int_equal(health_choose(all, N, 0, N, now).i, NONE);
    assert_int_equal(health_choose(all, N, 7, 1, now).i, 1); /* preferred */
    assert_int_equal(health_choose(all, N, 5, 1, now).i, 0); /* but not allowed */
    fails(1);
    assert_int_equal(health_choose(all, N, 7, 1, now).i, 0); /* nor after it failed, */
    good(1);
    limits(1, 100);
    assert_int_equal(health_choose(all, N, 7, 1, now).i, 0); /* nor when it would have to wait */
}

/* ---- failures ---- */

static void one_failure_sends_it_behind_for_a_while(void **state)
{
    (void)state;
    fails(0);
    assert_int_equal(state_of(0), HEALTH_FAILING);
    assert_int_equal(choose(), 1);
    now += HEALTH_BEHIND_MS - 1;
    assert_int_equal(choose(), 1);
    now += 1;
    assert_int_equal(state_of(0), HEALTH_GOOD);
    assert_int_equal(choose(), 0);
    fails(0);
    good(0);
    assert_int_equal(state_of(0), HEALTH_GOOD);
}

static void failures_in_a_row_open_the_circuit(void **state)
{
    (void)state;
    for (unsigned i = 1; i < HEALTH_OPEN_AFTER; i++)
        fails(0);
    good(0);
    fails(0);
    assert_int_equal(state_of(0), HEALTH_FAILING); /* not in a row */
    for (unsigned i = 1; i < HEALTH_OPEN_AFTER; i++)
        fails(0);
    assert_int_equal(state_of(0), HEALTH_AWAY);
    now += HEALTH_OPEN_MAX_MS;
    assert_int_equal(state_of(0), HEALTH_AWAY); /* until it answers */
    assert_int_equal(choose(), 1);
    good(0);
    assert_int_equal(state_of(0), HEALTH_GOOD);
    assert_int_equal(all[0].failures, 2 * HEALTH_OPEN_AFTER - 1);
}

/* Saying "I cannot" is an answer: it stands behind, but nobody takes it for away. */
static void an_endpoint_that_cannot_is_not_away(void **state)
{
    (void)state;
    for (size_t i = 0; i < 10; i++)
        health_unable(&all[0], health_ask(&all[0], now), now);
    assert_int_equal(state_of(0), HEALTH_FAILING);
    for (size_t i = 0; i < HEALTH_OPEN_AFTER; i++)
        fails(0);
    assert_int_equal(state_of(0), HEALTH_AWAY);
    health_unable(&all[0], health_ask(&all[0], now), now);
    assert_int_equal(state_of(0), HEALTH_FAILING);
}

static void one_question_at_a_time_tries_it(void **state)
{
    struct health_ticket trial;

    (void)state;
    for (size_t i = 0; i < HEALTH_OPEN_AFTER; i++)
        fails(0);
    assert_int_equal(health_to_try(all, N, now), NONE); /* its pause is not over */
    now += HEALTH_OPEN_MIN_MS;
    assert_int_equal(health_to_try(all, N, now), 0);
    trial = health_ask(&all[0], now);
    assert_true(trial.trial);
    assert_int_equal(health_to_try(all, N, now), NONE);
    assert_int_equal(health_choose(all, N, 1, N, now).i, NONE);
    health_untold(&all[0], trial); /* taken back: the next may try */
    assert_int_equal(health_to_try(all, N, now), 0);
    assert_int_equal(health_choose(all, N, 1, N, now).i, 0); /* the only one that is left */
}

static void its_pause_grows_to_a_maximum(void **state)
{
    int64_t pause = HEALTH_OPEN_MIN_MS;
    struct health_ticket early;

    (void)state;
    early = health_ask(&all[0], now);
    for (size_t i = 0; i < HEALTH_OPEN_AFTER; i++)
        fails(0);
    health_failed(&all[0], early, now); /* was under way: says nothing new */
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal(all[0].open_until_ms - now, pause);
        fails(0); /* before its time, because nobody else was left: nor does this */
        assert_int_equal(all[0].open_until_ms - now, pause);
        now += pause - 1;
        assert_int_equal(health_to_try(all, N, now), NONE);
        now += 1;
        assert_int_equal(health_to_try(all, N, now), 0);
        fails(0);
        pause = 2 * pause < HEALTH_OPEN_MAX_MS ? 2 * pause : HEALTH_OPEN_MAX_MS;
    }
    assert_int_equal(pause, HEALTH_OPEN_MAX_MS);
    good(0);
    for (size_t i = 0; i < HEALTH_OPEN_AFTER; i++)
        fails(0);
    assert_int_equal(all[0].open_until_ms - now, HEALTH_OPEN_MIN_MS);
}

/* A write goes out to one that is away, and is not its trial. */
static void a_write_tries_nothing(void **state)
{
    struct health_ticket write;

    (void)state;
    for (size_t i = 0; i < HEALTH_OPEN_AFTER; i++)
        fails(0);
    now += HEALTH_OPEN_MIN_MS;
    write = health_write(&all[0], now);
    assert_int_equal(health_to_try(all, N, now), 0);
    health_failed(&all[0], write, now);
    assert_int_equal(health_to_try(all, N, now), 0);
    health_good(&all[0], health_write(&all[0], now), false, now);
    assert_int_equal(state_of(0), HEALTH_GOOD);
}

/* ---- limits ---- */

static void a_limit_rests_for_as_long_as_it_says(void **state)
{
    struct health_choice choice;

    (void)state;
    limits(0, 3000);
    assert_int_equal(choose(), 1);
    choice = health_choose(all, N, 1, N, now);
    assert_int_equal(choice.i, 0);
    assert_int_equal(choice.at_ms, now + 3000);
    now += 3000;
    assert_int_equal(choose(), 0);

    limits(0, 0); /* at once is not believed */
    assert_int_equal(health_choose(all, N, 1, N, now).at_ms, now + HEALTH_RETRY_MIN_MS);
    limits(0, INT64_MAX);
    assert_int_equal(all[0].limited_until_ms, now + HEALTH_RETRY_MAX_MS);
    assert_int_equal(all[0].limits, 3);
    assert_int_equal(all[0].failures, 0);
    assert_int_equal(state_of(0), HEALTH_GOOD);
}

static void a_limit_without_a_time_doubles(void **state)
{
    int64_t wait = HEALTH_LIMIT_MIN_MS;

    (void)state;
    for (size_t i = 0; i < 80; i++) {
        limits(0, -1);
        assert_int_equal(all[0].limited_until_ms, now + wait);
        wait = 2 * wait < HEALTH_LIMIT_MAX_MS ? 2 * wait : HEALTH_LIMIT_MAX_MS;
        now = all[0].limited_until_ms;
    }
    now += 1;
    good(0);
    now += HEALTH_LIMIT_MAX_MS;
    limits(0, -1);
    assert_int_equal(all[0].limited_until_ms, now + HEALTH_LIMIT_MIN_MS);
}

/* Twenty questions at once, all refused: that is one limit. */
static void a_burst_is_one_limit(void **state)
{
    struct health_ticket ticket[20];

    (void)state;
    for (size_t i = 0; i < 20; i++)
        ticket[i] = health_ask(&all[0], now);
    for (size_t i = 0; i < 20; i++)
        health_limited(&all[0], ticket[i], -1, now + 5);
    assert_int_equal(all[0].interval_ms, HEALTH_INTERVAL_FIRST_MS);
    assert_int_equal(all[0].limited_until_ms, now + 5 + HEALTH_LIMIT_MIN_MS);
    assert_int_equal(all[0].limits, 20);
}

static void the_pace_is_learnt_and_taken_back(void **state)
{
    int64_t interval = HEALTH_INTERVAL_FIRST_MS;
    size_t answers = 0;

    (void)state;
    for (size_t i = 0; i < 12; i++) {
        limits(0, 100);
        assert_int_equal(all[0].interval_ms, interval);
        interval = 2 * interval < HEALTH_INTERVAL_MAX_MS ? 2 * interval : HEALTH_INTERVAL_MAX_MS;
        now += 60000;
    }
    assert_int_equal(interval, HEALTH_INTERVAL_MAX_MS);
    good(0);
    assert_int_equal(health_choose(all, N, 1, N, now).at_ms, now + HEALTH_INTERVAL_MAX_MS);
    assert_int_equal(choose(), 1); /* somebody else is free */
    while (all[0].interval_ms > 0) {
        int64_t before = all[0].interval_ms;

        now += before;
        good(0);
        assert_true(all[0].interval_ms <= before && all[0].interval_ms >= before - before / 8 - 1);
        answers++;
        assert_true(answers < 5000);
    }
    assert_true(answers > 10 * HEALTH_INTERVAL_EVERY);
    now += HEALTH_INTERVAL_MAX_MS;
    assert_int_equal(choose(), 0);
    good(0);
    assert_int_equal(choose(), 0); /* no pause any more */
}

/* A short wait for a good one is better than a liar on trial; a long one is not. */
static void what_is_limited_for_long_is_passed_over(void **state)
{
    struct health_choice choice;

    (void)state;
    assert_true(health_accuse(&all[1], now));
    now = all[1].aside_until_ms;
    assert_int_equal(state_of(1), HEALTH_TRIAL);
    limits(0, HEALTH_WAIT_MAX_MS);
    choice = health_choose(all, N, 3, N, now);
    assert_int_equal(choice.i, 0);
    assert_int_equal(choice.at_ms, now + HEALTH_WAIT_MAX_MS);
    limits(0, HEALTH_WAIT_MAX_MS + 1);
    choice = health_choose(all, N, 3, N, now);
    assert_int_equal(choice.i, 1);
    assert_true(choice.at_ms <= now);
    for (size_t i = 0; i < HEALTH_OPEN_AFTER; i++)
        fails(1); /* then one that is away */
    assert_int_equal(health_choose(all, N, 3, N, now).i, 1);
    (void)health_ask(&all[1], now);
    assert_int_equal(health_choose(all, N, 3, N, now).i, 0);
}

/* ---- liars ---- */

static void a_liar_is_never_asked_while_aside(void **state)
{
    (void)state;
    assert_true(health_accuse(&all[0], now));
    assert_int_equal(state_of(0), HEALTH_ASIDE);
    for (size_t i = 1; i < N; i++)
        for (size_t k = 0; k < HEALTH_OPEN_AFTER; k++)
            fails(i);
    assert_int_equal(choose(), 1);
    assert_int_equal(health_choose(all, N, 1, N, now).i, NONE);
    good(0); /* an answer under way changes nothing */
    now += HEALTH_ASIDE_MS - 1;
    assert_int_equal(health_choose(all, N, 1, N, now).i, NONE);
    now += 1;
    assert_int_equal(health_choose(all, N, 1, N, now).i, 0);
}

static void a_liar_earns_trust_back(void **state)
{
    int64_t aside = HEALTH_ASIDE_MS;

    (void)state;
    for (size_t i = 0; i < 8; i++) {
        assert_true(health_accuse(&all[0], now));
        assert_false(health_accuse(&all[0], now + 1)); /* changes nothing */
        assert_int_equal(all[0].aside_until_ms, now + aside);
        now += aside;
        assert_int_equal(state_of(0), HEALTH_TRIAL);
        assert_int_equal(choose(), 1);
        now += aside - 1;
        good(0);
        assert_int_equal(state_of(0), HEALTH_TRIAL);
        aside = 2 * aside < HEALTH_ASIDE_MAX_MS ? 2 * aside : HEALTH_ASIDE_MAX_MS;
    }
    now += 1;
    assert_int_equal(state_of(0), HEALTH_GOOD);
    assert_int_equal(choose(), 0);
    assert_true(health_accuse(&all[0], now)); /* long ago is forgotten */
    assert_int_equal(all[0].aside_until_ms, now + HEALTH_ASIDE_MS);
}

/* ---- speed ---- */

static void answers_in(size_t i, int64_t ms, size_t times)
{
    for (size_t k = 0; k < times; k++) {
        struct health_ticket ticket = health_ask(&all[i], now);

        now += ms;
        health_good(&all[i], ticket, true, now);
    }
}

static void a_slow_one_stands_behind(void **state)
{
    (void)state;
    answers_in(0, 3000, 8);
    assert_int_equal(state_of(0), HEALTH_GOOD); /* nobody to compare it with */
    answers_in(1, 100, 8);
    assert_int_equal(state_of(0), HEALTH_SLOW);
    assert_int_equal(choose(), 1);
    assert_int_equal(health_choose(all, N, 1, N, now).i, 0); /* it is still asked, */
    assert_int_equal(health_choose(all, N, 7, 0, now).i, 0); /* and still gives a second opinion */
    fails(1);
    assert_int_equal(choose(), 0); /* beside the one that works */

    /* Not beside one that is no better, nor when it is quick enough. */
    up(state);
    answers_in(0, 3000, 20);
    answers_in(1, 800, 20);
    assert_int_equal(state_of(0), HEALTH_GOOD);
    up(state);
    answers_in(0, HEALTH_SLOW_MS, 20);
    answers_in(1, 1, 20);
    assert_int_equal(state_of(0), HEALTH_GOOD);
}

static void a_slow_one_is_measured_again(void **state)
{
    (void)state;
    answers_in(1, 100, 8);
    answers_in(0, 3000, 8);
    assert_int_equal(health_to_try(all, N, now), NONE);
    for (size_t i = 0; i < 20 && state_of(0) == HEALTH_SLOW; i++) {
        now += HEALTH_MEASURE_MS;
        assert_int_equal(health_to_try(all, N, now), 0);
        assert_int_equal(health_to_try(all, N, now), NONE); /* once */
        answers_in(0, 100, 1);
    }
    assert_int_equal(state_of(0), HEALTH_GOOD);
    assert_int_equal(choose(), 0);
}

/* ---- Retry-After ---- */

static void reads_retry_after(void **state)
{
    static const struct {
        const char *retry;
        int64_t ms;
    } rows[] = {
        {"7", 7000},
        {"0", HEALTH_RETRY_MIN_MS},
        {"300", HEALTH_RETRY_MAX_MS},
        {"301", HEALTH_RETRY_MAX_MS},
        {"99999999999999999999999999", HEALTH_RETRY_MAX_MS},
        {"", -1},
        {"-1", -1},
        {"7s", -1},
        {"1.5", -1},
        {"soon", -1},
        {"Sun, 06 Nov 1994 08:49:37 GMT", -1}, /* a date */
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t got = health_retry_ms(rows[i].retry);

        if (got != rows[i].ms)
            fail_msg("\"%s\" is %lld ms", rows[i].retry, (long long)got);
    }
}

static void every_state_has_its_word(void **state)
{
    (void)state;
    for (int a = HEALTH_GOOD; a <= HEALTH_ASIDE; a++)
        for (int b = HEALTH_GOOD; b < a; b++)
            assert_string_not_equal(health_state_name((enum health_state)a),
                                    health_state_name((enum health_state)b));
}

#define TEST(name) cmocka_unit_test_setup(name, up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_takes_all_unless_weights_say_else),
        TEST(weights_share_in_proportion),
        TEST(a_spare_rests_whatever_the_others_owe),
        TEST(only_those_allowed_are_chosen),
        TEST(one_failure_sends_it_behind_for_a_while),
        TEST(failures_in_a_row_open_the_circuit),
        TEST(an_endpoint_that_cannot_is_not_away),
        TEST(one_question_at_a_time_tries_it),
        TEST(its_pause_grows_to_a_maximum),
        TEST(a_write_tries_nothing),
        TEST(a_limit_rests_for_as_long_as_it_says),
        TEST(a_limit_without_a_time_doubles),
        TEST(a_burst_is_one_limit),
        TEST(the_pace_is_learnt_and_taken_back),
        TEST(what_is_limited_for_long_is_passed_over),
        TEST(a_liar_is_never_asked_while_aside),
        TEST(a_liar_earns_trust_back),
        TEST(a_slow_one_stands_behind),
        TEST(a_slow_one_is_measured_again),
        TEST(reads_retry_after),
        TEST(every_state_has_its_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
