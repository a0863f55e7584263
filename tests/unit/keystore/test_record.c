// record.h: claims, re-pricing, fences, day amounts; and the file after every kind of crash and
// damage.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keystore/record.h"

static char folder[] = "/tmp/kustodia-record-XXXXXX";
static char path[64];
static struct record *record;
static struct policy_verdict verdict;
static char error[512];
static const struct record_identity identity = {42161, {{1, 1, 1}, {2, 2, 2}}};

static int folder_make(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/nonces", folder);
    return 0;
}

static int folder_remove(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static int fresh(void **state)
{
    (void)state;
    unlink(path);
    record = record_open(path, &identity, error);
    return record && record_is_new(record) ? 0 : -1;
}

static int closed(void **state)
{
    (void)state;
    record_close(record);
    record = NULL;
    return 0;
}

static void reopen(void)
{
    record_close(record);
    record = record_open(path, &identity, error);
    if (!record)
        print_error("%s\n", error);
    assert_non_null(record);
    assert_false(record_is_new(record));
}

// `call` and `price` stand for what is hashed; the digest depends on both.
static struct record_claim claim_of(uint64_t nonce, uint8_t call, uint8_t price)
{
    return (struct record_claim){.role = WIRE_ROLE_RELAYER, .nonce = nonce, .fence = 1, .units = 10,
                                 .max_day_units = 1000000, .day = 20000, .call_hash = {call},
                                 .digest = {call, price, (uint8_t)nonce}};
}

static enum refusal claim(struct record_claim c)
{
    verdict.refusal = REFUSAL_NONE;
    bool ok = record_claim(record, &c, &verdict);
    assert_int_equal(ok, verdict.refusal == REFUSAL_NONE);
    return verdict.refusal;
}

static off_t file_bytes(void)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

static void test_one_digest_for_a_nonce(void **state)
{
    (void)state;
    assert_int_equal(claim(claim_of(5, 1, 1)), REFUSAL_NONE);
    assert_int_equal(file_bytes(), 2 * RECORD_BYTES);
    assert_int_equal(claim(claim_of(5, 2, 1)), REFUSAL_NONCE_USED);
    assert_int_equal(claim(claim_of(5, 1, 1)), REFUSAL_NONE); // the same again
    assert_int_equal(file_bytes(), 2 * RECORD_BYTES);
    assert_int_equal(claim(claim_of(5, 1, 2)), REFUSAL_NONE); // the same call, another price
    assert_int_equal(file_bytes(), 3 * RECORD_BYTES);
    assert_int_equal(claim(claim_of(5, 1, 1)), REFUSAL_NONE); // back to the first price
    reopen();
    assert_int_equal(claim(claim_of(5, 2, 1)), REFUSAL_NONCE_USED);
    assert_int_equal(claim(claim_of(5, 1, 3)), REFUSAL_NONE);
    assert_int_equal(claim(claim_of(4, 2, 1)), REFUSAL_NONE); // a lower, free nonce
    assert_int_equal(claim(claim_of(6, 2, 1)), REFUSAL_NONE);
}

static void test_cancel_takes_a_signed_call_only(void **state)
{
    (void)state;
    struct record_claim cancel = claim_of(5, 9, 2);
    cancel.cancels = true;
    cancel.units = 0;
    assert_int_equal(claim(cancel), REFUSAL_CANCEL); // nothing was signed for it
    assert_int_equal(claim(claim_of(5, 1, 1)), REFUSAL_NONE);
    assert_int_equal(claim(claim_of(5, 9, 2)), REFUSAL_NONCE_USED); // not as a cancel
    assert_int_equal(claim(cancel), REFUSAL_NONE);
    cancel.digest[1] = 3; // at another fee
    assert_int_equal(claim(cancel), REFUSAL_NONE);
    reopen();
    assert_int_equal(claim(claim_of(5, 1, 1)), REFUSAL_NONCE_USED); // the call is over
    assert_int_equal(claim(cancel), REFUSAL_NONE);
    assert_int_equal(record_day_units(record, WIRE_ROLE_RELAYER), 10); // counted once
}

static void test_roles_are_apart(void **state)
{
    (void)state;
    struct record_claim arbiter = claim_of(5, 2, 1);
    arbiter.role = WIRE_ROLE_ARBITER;
    assert_int_equal(claim(claim_of(5, 1, 1)), REFUSAL_NONE);
    assert_int_equal(claim(arbiter), REFUSAL_NONE);
    reopen();
    assert_int_equal(claim(arbiter), REFUSAL_NONE);
    assert_int_equal(claim(claim_of(5, 1, 1)), REFUSAL_NONE);
    assert_int_equal(file_bytes(), 3 * RECORD_BYTES);
    assert_int_equal(record_day_units(record, WIRE_ROLE_RELAYER), 10);
    assert_int_equal(record_day_units(record, WIRE_ROLE_ARBITER), 10);
}

static void test_fence_only_grows(void **state)
{
    (void)state;
    struct record_claim c = claim_of(1, 1, 1);
    c.fence = 7;
    assert_int_equal(claim(c), REFUSAL_NONE);
    struct record_claim late = claim_of(2, 1, 1);
    late.fence = 6;
    assert_int_equal(claim(late), REFUSAL_FENCE);
    c.fence = 9; // the same digest: nothing new to sign, but the fence must last
    assert_int_equal(claim(c), REFUSAL_NONE);
    late.fence = 8;
    assert_int_equal(claim(late), REFUSAL_FENCE);
    reopen();
    assert_int_equal(claim(late), REFUSAL_FENCE);
    c.fence = 8; // even for what is signed already
    assert_int_equal(claim(c), REFUSAL_FENCE);
    late.fence = 9;
    assert_int_equal(claim(late), REFUSAL_NONE);
    struct record_claim other = claim_of(1, 1, 1); // the other lane has its own
    other.role = WIRE_ROLE_ARBITER;
    assert_int_equal(claim(other), REFUSAL_NONE);
}

static void test_day_units(void **state)
{
    (void)state;
    struct record_claim c = claim_of(1, 1, 1);
    c.max_day_units = 25;
    assert_int_equal(claim(c), REFUSAL_NONE);
    c.digest[9] = 1; // re-priced: counted once
    assert_int_equal(claim(c), REFUSAL_NONE);
    assert_int_equal(record_day_units(record, WIRE_ROLE_RELAYER), 10);
    c = claim_of(2, 1, 1);
    c.max_day_units = 19;
    assert_int_equal(claim(c), REFUSAL_DAY_UNITS);
    c.max_day_units = 20;
    assert_int_equal(claim(c), REFUSAL_NONE);
    reopen();
    c = claim_of(3, 1, 1);
    c.max_day_units = 29;
    assert_int_equal(claim(c), REFUSAL_DAY_UNITS);
    c.day--; // a clock set back opens nothing
    assert_int_equal(claim(c), REFUSAL_DAY_UNITS);
    c.units = UINT64_MAX;
    c.max_day_units = UINT64_MAX;
    assert_int_equal(claim(c), REFUSAL_DAY_UNITS);
    c = claim_of(3, 1, 1);
    c.max_day_units = 10;
    c.day++;
    assert_int_equal(claim(c), REFUSAL_NONE);
    assert_int_equal(record_day_units(record, WIRE_ROLE_RELAYER), 10);
}

static void test_nonce_window(void **state)
{
    (void)state;
    assert_int_equal(claim(claim_of(100000, 1, 1)), REFUSAL_NONE);
    assert_int_equal(claim(claim_of(100000 - RECORD_NONCE_WINDOW, 1, 1)), REFUSAL_NONCE_OLD);
    assert_int_equal(claim(claim_of(100001 - RECORD_NONCE_WINDOW, 1, 1)), REFUSAL_NONE);
    assert_int_equal(claim(claim_of(0, 1, 1)), REFUSAL_NONCE_OLD);
    assert_int_equal(claim(claim_of(100001 + RECORD_NONCE_AHEAD, 1, 1)), REFUSAL_NONCE_AHEAD);
    assert_int_equal(claim(claim_of(UINT64_MAX, 1, 1)), REFUSAL_NONCE_AHEAD);
    assert_int_equal(claim(claim_of(100000 + RECORD_NONCE_AHEAD, 1, 1)), REFUSAL_NONE);
    // A nonce that takes the place of an older one in memory: the older is refused, not forgotten.
    assert_int_equal(claim(claim_of(100001, 1, 1)), REFUSAL_NONE);
    assert_int_equal(claim(claim_of(100001 - RECORD_NONCE_WINDOW, 2, 1)), REFUSAL_NONCE_OLD);
    reopen();
    assert_int_equal(claim(claim_of(100000, 2, 1)), REFUSAL_NONCE_USED);
}

static void test_a_thousand_and_back(void **state)
{
    (void)state;
    for (uint64_t nonce = 0; nonce < 1000; nonce++)
        assert_int_equal(claim(claim_of(nonce, 1, 1)), REFUSAL_NONE);
    reopen();
    assert_int_equal(record_tail_bytes(record), 0);
    assert_int_equal(record_day_units(record, WIRE_ROLE_RELAYER), 10000);
    for (uint64_t nonce = 0; nonce < 1000; nonce++)
        assert_int_equal(claim(claim_of(nonce, 2, 1)), REFUSAL_NONCE_USED);
}

static void file_change(off_t at, const void *data, size_t n)
{
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, data, n, at), (ssize_t)n);
    close(fd);
}

static void three_records(void)
{
    record_close(record);
    assert_int_equal(fresh(NULL), 0);
    for (uint64_t nonce = 0; nonce < 3; nonce++)
        assert_int_equal(claim(claim_of(nonce, 1, 1)), REFUSAL_NONE);
    record_close(record);
    record = NULL;
}

// A crash in the middle of the last write, at every byte: short, or made longer and still zero.
static void test_cut_off_tail(void **state)
{
    (void)state;
    static const uint8_t zeros[RECORD_BYTES];
    for (int keep = 0; keep < RECORD_BYTES; keep++) {
        for (int filled = 0; filled < 2; filled++) {
            if (filled && keep > RECORD_BYTES - 32)
                continue; // part of the checksum stands: cannot be told from damage
            three_records();
            assert_int_equal(truncate(path, 3 * RECORD_BYTES + keep), 0);
            if (filled)
                file_change(3 * RECORD_BYTES + keep, zeros, (size_t)(RECORD_BYTES - keep));
            reopen();
            assert_int_equal(record_tail_bytes(record), filled ? RECORD_BYTES : keep);
            assert_int_equal(file_bytes(), 3 * RECORD_BYTES);
            assert_int_equal(claim(claim_of(1, 2, 1)), REFUSAL_NONCE_USED);
            assert_int_equal(claim(claim_of(2, 2, 1)), REFUSAL_NONE); // its signature never left
        }
    }
}

static void assert_refused(const char *word)
{
    record = record_open(path, &identity, error);
    assert_null(record);
    assert_non_null(strstr(error, word));
    assert_non_null(strstr(error, path));
}

static void test_any_flipped_bit_stops_the_start(void **state)
{
    (void)state;
    three_records();
    uint8_t bytes[4 * RECORD_BYTES];
    int fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, bytes, sizeof bytes), sizeof bytes);
    close(fd);
    for (size_t at = 0; at < sizeof bytes; at++) {
        uint8_t changed = bytes[at] ^ (uint8_t)(1 << at % 8);
        file_change((off_t)at, &changed, 1);
        record = record_open(path, &identity, error);
        assert_null(record);
        assert_int_equal(file_bytes(), 4 * RECORD_BYTES); // nothing was removed
        file_change((off_t)at, &bytes[at], 1);
    }
    reopen();
}

static void test_missing_or_swapped_records(void **state)
{
    (void)state;
    uint8_t bytes[4 * RECORD_BYTES];
    three_records();
    int fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, bytes, sizeof bytes), sizeof bytes);
    close(fd);
    // The second record taken out: each one is bound to the one before.
    file_change(2 * RECORD_BYTES, bytes + 3 * RECORD_BYTES, RECORD_BYTES);
    assert_int_equal(truncate(path, 3 * RECORD_BYTES), 0);
    assert_refused("damaged at byte 256");
    // Zeros in the middle are damage, not a tail.
    three_records();
    static const uint8_t zeros[RECORD_BYTES];
    file_change(2 * RECORD_BYTES, zeros, RECORD_BYTES);
    assert_refused("damaged at byte 256");
}

static void test_other_identity(void **state)
{
    (void)state;
    three_records();
    struct record_identity other = identity;
    other.chain_id = 1;
    assert_null(record_open(path, &other, error));
    assert_non_null(strstr(error, "another chain"));
    for (int i = 0; i < 2; i++) {
        other = identity;
        other.address[i][19] = 9;
        assert_null(record_open(path, &other, error));
    }
    reopen();
}

static void test_one_signer_at_a_time(void **state)
{
    (void)state;
    assert_null(record_open(path, &identity, error));
    assert_non_null(strstr(error, "in use"));
}

static void test_wrong_files(void **state)
{
    (void)state;
    three_records();
    assert_int_equal(chmod(path, 0640), 0);
    assert_refused("chmod 600");
    assert_int_equal(chmod(path, 0600), 0);
    static const char text[400] = "something else";
    file_change(0, text, sizeof text);
    assert_refused("not a nonce record");
    for (off_t n = RECORD_BYTES; n > 0; n--) { // a short one is not taken for a cut-off header
        assert_int_equal(truncate(path, n), 0);
        assert_refused("not a nonce record");
        assert_int_equal(file_bytes(), n);
    }
    assert_null(record_open(folder, &identity, error));
    assert_null(record_open("/nonexistent/nonces", &identity, error));
}

// A header that a crash cut off at first start.
static void test_cut_off_header(void **state)
{
    (void)state;
    for (int keep = 0; keep < RECORD_BYTES; keep += 9) {
        three_records();
        assert_int_equal(truncate(path, keep), 0);
        record = record_open(path, &identity, error);
        assert_non_null(record);
        assert_true(record_is_new(record));
        assert_int_equal(claim(claim_of(1, 1, 1)), REFUSAL_NONE);
        reopen();
        assert_int_equal(claim(claim_of(1, 2, 1)), REFUSAL_NONCE_USED);
    }
}

// A disk that takes half a record: refused, the file as before, and claims go on once there is
// room.
static void test_full_disk(void **state)
{
    (void)state;
    struct rlimit old, small;
    assert_int_equal(claim(claim_of(1, 1, 1)), REFUSAL_NONE);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 2 * RECORD_BYTES + RECORD_BYTES / 2;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum refusal refusal = claim(claim_of(2, 1, 1));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(refusal, REFUSAL_RECORD);
    assert_int_equal(file_bytes(), 2 * RECORD_BYTES);
    assert_int_equal(record_day_units(record, WIRE_ROLE_RELAYER), 10);
    assert_int_equal(claim(claim_of(2, 2, 1)), REFUSAL_NONE); // the refused digest was not recorded
    reopen();
    assert_int_equal(claim(claim_of(2, 1, 1)), REFUSAL_NONCE_USED);
}

// Same call: everything but the fees. Each other field makes another call.
static void test_call_hash(void **state)
{
    (void)state;
    uint8_t base[32], other[32];
    struct tx tx = {.type = TX_EIP1559, .chain_id = 1, .nonce = 1, .gas_limit = 50000,
                    .has_to = true,
                    .max_fee = u256_from_u64(10), .data = {(const uint8_t *)"abcd", 4}}, changed;
    record_call_hash(&tx, base);
    changed = tx;
    changed.max_fee = u256_from_u64(11);
    changed.max_priority_fee = u256_from_u64(3);
    record_call_hash(&changed, other);
    assert_memory_equal(base, other, 32);
    for (int i = 0; i < 5; i++) {
        changed = tx;
        if (i == 0)
            changed.to[19] = 1;
        else if (i == 1)
            changed.value = u256_from_u64(1);
        else if (i == 2)
            changed.gas_limit++;
        else if (i == 3)
            changed.data.p = (const uint8_t *)"abce";
        else
            changed.has_to = false;
        record_call_hash(&changed, other);
        assert_memory_not_equal(base, other, 32);
    }
}

#define RECORD_TEST(name) cmocka_unit_test_setup_teardown(name, fresh, closed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RECORD_TEST(test_one_digest_for_a_nonce),
        RECORD_TEST(test_cancel_takes_a_signed_call_only), RECORD_TEST(test_roles_are_apart),
        RECORD_TEST(test_fence_only_grows), RECORD_TEST(test_day_units),
        RECORD_TEST(test_nonce_window), RECORD_TEST(test_a_thousand_and_back),
        RECORD_TEST(test_cut_off_tail), RECORD_TEST(test_any_flipped_bit_stops_the_start),
        RECORD_TEST(test_missing_or_swapped_records), RECORD_TEST(test_other_identity),
        RECORD_TEST(test_one_signer_at_a_time), RECORD_TEST(test_wrong_files),
        RECORD_TEST(test_cut_off_header), RECORD_TEST(test_full_disk),
        cmocka_unit_test(test_call_hash),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
