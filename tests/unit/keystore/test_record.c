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

#include "abi/keccak.h"
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
    record = record_open(path, &identity, NULL, error);
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
    record = record_open(path, &identity, NULL, error);
    if (!record)
        print_error("%s\n", error);
    assert_non_null(record);
    assert_false(record_is_new(record));
}

// `call` and `price` stand for what is hashed; the digest depends on both.
static struct record_claim claim_of(uint64_t nonce, uint8_t call, uint8_t price)
{
    return (struct record_claim){.key = WIRE_KEY_RELAYER, .nonce = nonce, .fence = 1, .units = 10,
                                 .max_day_units = 1000000, .day = 20000, .call_hash = {call},
                                 .digest = {call, price, (uint8_t)nonce}};
}

static off_t file_bytes(void)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

// A stand-in that can be told from any other.
static struct signature signature_of(const uint8_t digest[32])
{
    struct signature signature = {.y_parity = digest[1] & 1};
    memcpy(signature.r, digest, 32);
    memset(signature.s, digest[2] ^ 0x5a, 32);
    return signature;
}

static enum refusal claim(struct record_claim c)
{
    const struct signature *kept;
    verdict.refusal = REFUSAL_NONE;
    off_t before = file_bytes();
    bool ok = record_judge(record, &c, &kept, &verdict);
    assert_int_equal(file_bytes(), before); // judging writes nothing
    if (ok) {
        struct signature fresh_one = signature_of(c.digest);
        if (kept)
            assert_memory_equal(kept, &fresh_one, sizeof fresh_one);
        ok = record_keep(record, &c, &fresh_one, &verdict);
    }
    assert_int_equal(ok, verdict.refusal == REFUSAL_NONE);
    return verdict.refusal;
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
    arbiter.key = WIRE_KEY_ARBITER;
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
    other.key = WIRE_KEY_ARBITER;
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

// Whoever held the lane between signed with another record: the first nonce of a new fence may be
// anywhere, and counts as the highest from then on.
static void test_a_takeover_may_jump(void **state)
{
    (void)state;
    struct record_claim far_ahead = claim_of(50 + RECORD_NONCE_AHEAD, 1, 1);
    assert_int_equal(claim(claim_of(10, 1, 1)), REFUSAL_NONE);
    assert_int_equal(claim(far_ahead), REFUSAL_NONCE_AHEAD);
    far_ahead.fence = 2;
    assert_int_equal(claim(far_ahead), REFUSAL_NONE);
    struct record_claim next = far_ahead;
    next.nonce += RECORD_NONCE_AHEAD + 1;
    assert_int_equal(claim(next), REFUSAL_NONCE_AHEAD);
    reopen();
    assert_int_equal(claim(next), REFUSAL_NONCE_AHEAD);
    next.nonce--;
    next.digest[2]++; // its own
    assert_int_equal(claim(next), REFUSAL_NONE);
    next.fence = 3;
    next.nonce = 10 + RECORD_NONCE_AHEAD - RECORD_NONCE_WINDOW; // wraps: far beyond all there is
    assert_int_equal(claim(next), REFUSAL_NONE);
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
    record = record_open(path, &identity, NULL, error);
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
        record = record_open(path, &identity, NULL, error);
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
    assert_refused("damaged at byte 512");
    // Zeros in the middle are damage, not a tail.
    three_records();
    static const uint8_t zeros[RECORD_BYTES];
    file_change(2 * RECORD_BYTES, zeros, RECORD_BYTES);
    assert_refused("damaged at byte 512");
}

static void test_other_identity(void **state)
{
    (void)state;
    three_records();
    struct record_identity other = identity;
    other.chain_id = 1;
    assert_null(record_open(path, &other, NULL, error));
    assert_non_null(strstr(error, "another chain"));
    reopen();
}

// A key that is taken out and comes back finds what it signed; another in its place has its own
// nonces; the day's amount is one for all relayer keys, whichever of them are there.
static void test_keys_come_and_go(void **state)
{
    (void)state;
    assert_int_equal(claim(claim_of(5, 1, 1)), REFUSAL_NONE);
    struct record_identity pool = identity;
    pool.address[0][19] = 9; // instead of the first
    pool.address[2][19] = 7; // relayer.2
    record_close(record);
    record = record_open(path, &pool, NULL, error);
    assert_non_null(record);
    assert_int_equal(file_bytes(), 4 * RECORD_BYTES); // two keys have begun
    assert_int_equal(record_day_units(record, WIRE_ROLE_RELAYER), 10);
    struct record_claim second = claim_of(5, 2, 1);
    assert_int_equal(claim(second), REFUSAL_NONE); // another key: its nonce 5 is free
    second.key = 2;
    assert_int_equal(claim(second), REFUSAL_NONE);
    second.call_hash[0] = 3;
    assert_int_equal(claim(second), REFUSAL_NONCE_USED);
    assert_int_equal(record_day_units(record, WIRE_ROLE_RELAYER), 30);
    second = claim_of(6, 2, 1);
    second.key = 2;
    second.max_day_units = 39;
    assert_int_equal(claim(second), REFUSAL_DAY_UNITS);
    second.key = 1; // the arbiter's amount is another
    assert_int_equal(claim(second), REFUSAL_NONE);
    reopen(); // the first keys again
    assert_int_equal(file_bytes(), 7 * RECORD_BYTES);
    assert_int_equal(claim(claim_of(5, 2, 1)), REFUSAL_NONCE_USED);
    assert_int_equal(record_day_units(record, WIRE_ROLE_RELAYER), 30);
    record_close(record);
    record = record_open(path, &pool, NULL, error);
    assert_non_null(record);
    assert_int_equal(file_bytes(), 7 * RECORD_BYTES); // no key begins twice
    second = claim_of(5, 3, 1);
    second.key = 2;
    assert_int_equal(claim(second), REFUSAL_NONCE_USED);
}

static void test_keys_have_an_end(void **state)
{
    (void)state;
    struct record_identity other = identity;
    for (int i = 3; i <= RECORD_NUMBERS_MAX; i++) {
        other.address[2][0] = (uint8_t)i;
        other.address[2][1] = (uint8_t)(i >> 8);
        record_close(record);
        record = record_open(path, &other, NULL, error);
        assert_non_null(record);
    }
    record_close(record);
    other.address[2][2] = 1;
    record = record_open(path, &other, NULL, error);
    assert_null(record);
    assert_non_null(strstr(error, "has seen 256 keys"));
}

static int waits;

static void end_the_other(void)
{
    waits++;
    record_close(record);
    record = NULL;
}

static void test_waits_for_the_other(void **state)
{
    (void)state;
    assert_int_equal(claim(claim_of(5, 1, 1)), REFUSAL_NONE);
    struct record *next = record_open(path, &identity, end_the_other, error);
    assert_non_null(next);
    assert_int_equal(waits, 1);
    record = next;
    assert_int_equal(claim(claim_of(5, 2, 1)), REFUSAL_NONCE_USED);
}

// As a signer that makes a version 1 file over does while this one waits for the old file.
static void put_another_in_its_place(void)
{
    char draft[80];
    waits++;
    snprintf(draft, sizeof draft, "%s.draft", path);
    struct record *old = record;
    record = record_open(draft, &identity, NULL, error);
    assert_non_null(record);
    assert_int_equal(rename(draft, path), 0);
    assert_int_equal(claim(claim_of(5, 1, 1)), REFUSAL_NONE);
    record_close(record);
    record = NULL;
    record_close(old);
}

static void test_takes_the_file_of_that_name(void **state)
{
    (void)state;
    waits = 0;
    struct record *next = record_open(path, &identity, put_another_in_its_place, error);
    assert_non_null(next);
    assert_int_equal(waits, 1);
    record = next;
    assert_null(record_open(path, &identity, NULL, error)); // locked: it is not the old one
    assert_non_null(strstr(error, "in use"));
    assert_int_equal(claim(claim_of(5, 2, 1)), REFUSAL_NONCE_USED);
}

static void test_one_signer_at_a_time(void **state)
{
    (void)state;
    assert_null(record_open(path, &identity, NULL, error));
    assert_non_null(strstr(error, "in use"));
}

static void test_wrong_files(void **state)
{
    (void)state;
    three_records();
    assert_int_equal(chmod(path, 0640), 0);
    assert_refused("chmod 600");
    assert_int_equal(chmod(path, 0600), 0);
    static const char text[RECORD_BYTES + 1] = "something else";
    file_change(0, text, sizeof text);
    assert_refused("not a nonce record");
    for (off_t n = RECORD_BYTES; n > 0; n--) { // a short one is not taken for a cut-off header
        assert_int_equal(truncate(path, n), 0);
        assert_refused("not a nonce record");
        assert_int_equal(file_bytes(), n);
    }
    assert_null(record_open(folder, &identity, NULL, error));
    assert_null(record_open("/nonexistent/nonces", &identity, NULL, error));
}

// A header that a crash cut off at first start.
static void test_cut_off_header(void **state)
{
    (void)state;
    for (int keep = 0; keep < RECORD_BYTES; keep += 9) {
        three_records();
        assert_int_equal(truncate(path, keep), 0);
        record = record_open(path, &identity, NULL, error);
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

// Every price of a call keeps its own signature, through other prices, fences and a restart; claim()
// compares what is kept with the stand-in of the digest.
static void assert_kept(struct record_claim c)
{
    const struct signature *kept;
    assert_true(record_judge(record, &c, &kept, &verdict));
    assert_non_null(kept);
    struct signature expected = signature_of(c.digest);
    assert_memory_equal(kept, &expected, sizeof expected);
}

static void test_signatures_are_kept(void **state)
{
    (void)state;
    const struct signature *kept;
    struct record_claim fresh_claim = claim_of(5, 1, 1), higher = claim_of(5, 1, 2);
    assert_true(record_judge(record, &fresh_claim, &kept, &verdict));
    assert_null(kept);
    for (uint8_t price = 1; price <= 5; price++)
        assert_int_equal(claim(claim_of(5, 1, price)), REFUSAL_NONE);
    higher.fence = 9;
    assert_int_equal(claim(higher), REFUSAL_NONE);
    for (int round = 0; round < 2; round++) {
        for (uint8_t price = 1; price <= 5; price++) {
            struct record_claim c = claim_of(5, 1, price);
            c.fence = 9;
            assert_kept(c);
        }
        reopen();
    }
}

static void test_prices_are_bounded(void **state)
{
    (void)state;
    struct record_claim c = claim_of(5, 1, 0);
    for (int price = 0; price < RECORD_PRICES_MAX; price++) {
        c.digest[5] = (uint8_t)price;
        assert_int_equal(claim(c), REFUSAL_NONE);
    }
    c.digest[5] = RECORD_PRICES_MAX;
    assert_int_equal(claim(c), REFUSAL_PRICES);
    reopen();
    assert_int_equal(claim(c), REFUSAL_PRICES);
    c.digest[5] = 0; // a copy that was signed is given again
    assert_int_equal(claim(c), REFUSAL_NONE);
    assert_int_equal(claim(claim_of(6, 1, 0)), REFUSAL_NONE);
}

// ---- version 1, as FORMAT.md has it, by hand

static void v1_seal(uint8_t slot[128], const uint8_t link[32])
{
    struct keccak hash;
    keccak_init(&hash);
    keccak_update(&hash, link, 32);
    keccak_update(&hash, slot, 96);
    keccak_final(&hash, slot + 96);
}

static size_t v1_make(uint8_t file[8 * 128])
{
    // kind, role, day, nonce, fence, units, call and price of the digest
    static const uint8_t rows[][8] = {{1, 1, 3, 0, 1, 10, 1, 1}, {1, 1, 4, 1, 1, 20, 1, 1},
                                      {2, 1, 4, 1, 1, 0, 1, 2},  {3, 1, 4, 1, 7, 0, 1, 1},
                                      {1, 2, 4, 0, 2, 30, 2, 1}};
    static const uint8_t no_link[32];
    memset(file, 0, 8 * 128);
    memcpy(file, "kustodia-nonces", 16);
    file[19] = 1;
    file[23] = 128;
    file[30] = 42161 >> 8;
    file[31] = 42161 & 0xff;
    memcpy(file + 32, identity.address[0], 20);
    memcpy(file + 52, identity.address[1], 20);
    v1_seal(file, no_link);
    for (size_t i = 0; i < 5; i++) {
        uint8_t *slot = file + 128 * (i + 1);
        slot[0] = rows[i][0];
        slot[1] = rows[i][1];
        slot[7] = rows[i][2];
        slot[15] = rows[i][3];
        slot[23] = rows[i][4];
        slot[31] = rows[i][5];
        memcpy(slot + 32, ((uint8_t[]){rows[i][6], rows[i][7], rows[i][3]}), 3);
        slot[64] = rows[i][6];
        v1_seal(slot, slot - 32);
    }
    return 6 * 128;
}

static void file_make(const uint8_t *bytes, size_t n)
{
    record_close(record);
    record = NULL;
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_int_equal(write(fd, bytes, n), (ssize_t)n);
    close(fd);
}

static struct record_claim v1_claim(enum wire_role role, uint64_t nonce, uint8_t call,
                                    uint8_t price)
{
    struct record_claim c = claim_of(nonce, call, price);
    c.key = role == WIRE_ROLE_ARBITER;
    c.fence = 7;
    c.day = 4;
    return c;
}

// Nothing that version 1 remembered is forgotten. It kept no signatures: those of its digests are
// made once more, and kept from then on.
static void test_version_1_is_made_over(void **state)
{
    (void)state;
    uint8_t file[8 * 128];
    size_t n = v1_make(file);
    const struct signature *kept;
    for (size_t tail = 0; tail < 128; tail += 40) { // a crash of the old program may stand behind
        file_make(file, n + tail);
        record = record_open(path, &identity, NULL, error);
        assert_non_null(record);
        assert_true(record_is_upgraded(record) && !record_is_new(record));
        assert_int_equal(record_tail_bytes(record), tail);
        assert_int_equal(file_bytes(), 6 * RECORD_BYTES);
        assert_int_equal(record_day_units(record, WIRE_ROLE_RELAYER), 20);
        assert_int_equal(record_day_units(record, WIRE_ROLE_ARBITER), 30);
    }
    struct record_claim known = v1_claim(WIRE_ROLE_RELAYER, 1, 1, 2), low = known;
    low.fence = 6;
    assert_int_equal(claim(low), REFUSAL_FENCE);
    assert_int_equal(claim(v1_claim(WIRE_ROLE_RELAYER, 0, 9, 1)), REFUSAL_NONCE_USED);
    assert_int_equal(claim(v1_claim(WIRE_ROLE_ARBITER, 0, 1, 1)), REFUSAL_NONCE_USED);
    assert_true(record_judge(record, &known, &kept, &verdict));
    assert_null(kept);
    assert_int_equal(claim(known), REFUSAL_NONE);
    assert_kept(known);
    reopen();
    assert_false(record_is_upgraded(record));
    assert_kept(known);
    assert_int_equal(record_day_units(record, WIRE_ROLE_RELAYER), 20);
}

static void test_version_1_that_is_not_made_over(void **state)
{
    (void)state;
    uint8_t file[8 * 128], after[8 * 128];
    char draft[80];
    snprintf(draft, sizeof draft, "%s.upgrade", path);
    size_t n = v1_make(file);
    for (size_t at = 24; at < n; at += 61) { // damage, or another identity: the file stays
        file[at] ^= 4;
        file_make(file, n);
        assert_refused(at < 128 ? "another chain" : "damaged at byte");
        int fd = open(path, O_RDONLY);
        assert_int_equal(read(fd, after, sizeof after), (ssize_t)n);
        close(fd);
        assert_memory_equal(after, file, n);
        assert_int_not_equal(access(draft, F_OK), 0);
        file[at] ^= 4;
    }
    file_make(file, n);
    int left = open(draft, O_WRONLY | O_CREAT | O_EXCL, 0600); // by an upgrade that a crash cut off
    assert_int_equal(write(left, file, 100), 100);
    close(left);
    reopen();
    assert_true(record_is_upgraded(record));
    assert_int_not_equal(access(draft, F_OK), 0);
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
        RECORD_TEST(test_nonce_window), RECORD_TEST(test_a_takeover_may_jump),
        RECORD_TEST(test_a_thousand_and_back),
        RECORD_TEST(test_cut_off_tail), RECORD_TEST(test_any_flipped_bit_stops_the_start),
        RECORD_TEST(test_missing_or_swapped_records), RECORD_TEST(test_other_identity),
        RECORD_TEST(test_keys_come_and_go), RECORD_TEST(test_keys_have_an_end),
        RECORD_TEST(test_waits_for_the_other), RECORD_TEST(test_takes_the_file_of_that_name),
        RECORD_TEST(test_one_signer_at_a_time), RECORD_TEST(test_wrong_files),
        RECORD_TEST(test_cut_off_header), RECORD_TEST(test_full_disk),
        RECORD_TEST(test_signatures_are_kept), RECORD_TEST(test_prices_are_bounded),
        RECORD_TEST(test_version_1_is_made_over),
        RECORD_TEST(test_version_1_that_is_not_made_over),
        cmocka_unit_test(test_call_hash),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
