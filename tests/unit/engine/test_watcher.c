/* What the watcher decides without asking anybody: silence, a clock that is off, which logs are ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "abi/mxnb.h"
#include "relayer/engine/watcher_clock.h"
#include "relayer/engine/watcher_logs.h"

enum { SILENT_S = 120, OFF_S = 300, NOW_S = 1800000000 };

static struct config config;
static struct watcher_clock clock_state;
static struct chain_block block;

static int up(void **state)
{
    (void)state;
    memset(&config, 0, sizeof config);
    config.chain_silent_s = SILENT_S;
    config.chain_clock_off_s = OFF_S;
    memset(config.chain_escrow.b, 0xee, 20);
    memset(config.chain_token.b, 0xaa, 20);
    memset(config.chain_bridge.b, 0xbb, 20);
    watcher_clock_init(&clock_state);
    block = (struct chain_block){.present = true, .number = 1, .time = NOW_S};
    return 0;
}

/* Judges `mono_s` seconds after the first look, with this age of the newest block. */
static void judge(int64_t mono_s, int64_t age_s)
{
    watcher_clock_judge(&clock_state, &config, &block, 1000 + mono_s * 1000, NOW_S + age_s);
}

static void silence_is_measured_by_our_own_seconds(void **state)
{
    (void)state;
    judge(0, 0);
    assert_false(clock_state.silent);
    judge(SILENT_S - 1, 0); /* the wall clock was set back: no matter */
    assert_false(clock_state.silent);
    judge(SILENT_S, 0);
    assert_true(clock_state.silent);
    block.hash[0]++;
    judge(SILENT_S, 0);
    assert_false(clock_state.silent);
}

static void an_old_block_is_silence_soon_after_a_start(void **state)
{
    (void)state;
    judge(0, SILENT_S);
    assert_false(clock_state.silent); /* its successor may be on the way */
    judge(15, SILENT_S + 15);
    assert_true(clock_state.silent);
}

static void a_moving_chain_may_be_off_in_either_direction(void **state)
{
    (void)state;
    judge(0, OFF_S - 1);
    assert_false(clock_state.off);
    judge(1, OFF_S);
    assert_true(clock_state.off);
    judge(2, 1 - OFF_S);
    assert_false(clock_state.off);
    judge(3, -OFF_S);
    assert_true(clock_state.off);
    judge(60, OFF_S); /* it stands still: that is silence, not a clock */
    assert_false(clock_state.off);
}

static void nothing_is_said_where_the_settings_say_never(void **state)
{
    (void)state;
    config.chain_silent_s = config.chain_clock_off_s = 0;
    judge(0, 0);
    judge(100000, 100000);
    assert_false(clock_state.silent);
    assert_false(clock_state.off);
    judge(100000, -100000);
    assert_false(clock_state.off);
}

/* Before it is called silence: half of the time that is, 30 seconds at most. */
static void another_endpoint_is_asked_in_time(void **state)
{
    (void)state;
    assert_false(watcher_clock_stale(&clock_state, &config, 1000000));
    judge(0, 0);
    assert_false(watcher_clock_stale(&clock_state, &config, 1000 + 29999));
    assert_true(watcher_clock_stale(&clock_state, &config, 1000 + 30000));
    config.chain_silent_s = 20;
    assert_false(watcher_clock_stale(&clock_state, &config, 1000 + 9999));
    assert_true(watcher_clock_stale(&clock_state, &config, 1000 + 10000));
    config.chain_silent_s = 0;
    assert_false(watcher_clock_stale(&clock_state, &config, 1000 + 29999));
    block.hash[0]++;
    judge(29, 0);
    assert_false(watcher_clock_stale(&clock_state, &config, 1000 + 58999));
    assert_true(watcher_clock_stale(&clock_state, &config, 1000 + 59000));
}

static struct chain_log transfer(uint8_t from, uint8_t to)
{
    static uint8_t amount[32] = {[31] = 7};
    struct chain_log log = {.topics_n = 3, .data = {amount, sizeof amount}, .block_number = 9};
    memset(log.address, 0xaa, 20);
    memcpy(log.topics[0], mxnb_topic_transfer, 32);
    memset(log.topics[1] + 12, from, 20);
    memset(log.topics[2] + 12, to, 20);
    return log;
}

static void transfers_of_the_bridge_are_kept_and_no_others(void **state)
{
    struct seen_log seen;
    struct escrow_admin_event admin;
    struct chain_log log = transfer(0xbb, 0x01);
    (void)state;
    assert_int_equal(watcher_log_read(&config, &log, &seen, &admin), WATCHER_LOG_KEPT);
    assert_string_equal(seen.event, "Transfer");
    assert_int_equal(seen.amount_units, 7);
    log = transfer(0x01, 0xbb);
    assert_int_equal(watcher_log_read(&config, &log, &seen, &admin), WATCHER_LOG_KEPT);
    log = transfer(0x01, 0x02);
    assert_int_equal(watcher_log_read(&config, &log, &seen, &admin), WATCHER_LOG_STRANGE);
    memset(log.address, 0xee, 20); /* of the escrow everything is kept */
    assert_int_equal(watcher_log_read(&config, &log, &seen, &admin), WATCHER_LOG_ADMIN);
    assert_string_equal(seen.event, "Other");
}

/* Each byte that a lying endpoint could change changes the digest. */
static void a_digest_covers_the_whole_log(void **state)
{
    struct seen_log first, other;
    struct escrow_admin_event admin;
    const struct chain_log honest = transfer(0xbb, 0x01);
    uint8_t data[32] = {[31] = 8};
    (void)state;
    (void)watcher_log_read(&config, &honest, &first, &admin);
    for (int what = 0; what < 6; what++) {
        struct chain_log log = honest;
        uint8_t *const place[] = {log.topics[2] + 31, log.block_hash, log.tx_hash, log.address};
        if (what < 4)
            place[what][0] ^= 1;
        else if (what == 4)
            log.log_index++;
        else
            log.data = (struct bytes){data, sizeof data};
        (void)watcher_log_read(&config, &log, &other, &admin);
        assert_memory_not_equal(first.digest, other.digest, 32);
    }
}

#define TEST(name) cmocka_unit_test_setup(name, up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(silence_is_measured_by_our_own_seconds),
        TEST(an_old_block_is_silence_soon_after_a_start),
        TEST(a_moving_chain_may_be_off_in_either_direction),
        TEST(nothing_is_said_where_the_settings_say_never),
        TEST(another_endpoint_is_asked_in_time),
        TEST(transfers_of_the_bridge_are_kept_and_no_others),
        TEST(a_digest_covers_the_whole_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
