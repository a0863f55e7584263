/* Booking through the door: the same postings the flows make, against the rules of the database. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relayer/store/ledger.h"
#include "tests/unit/store/store_fixture.h"

static struct fixture *F;
static struct uuid PAYMENT;

static int setup(void **state)
{
    (void)state;
    F = fixture_open("ledger_test", 8);
    PAYMENT = uuid_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_close(F);
    return 0;
}

static void expect_sql(const char *sql, const char *first)
{
    struct ended e = fixture_sql(F, sql);
    if (!e.ok)
        fail_msg("%s", e.err.message);
    assert_string_equal(e.first, first);
}

static struct ended book(const struct posting *p)
{
    struct db_script *script = db_script_new();
    ledger_add(script, p);
    return fixture_run(F, script);
}

static struct posting issuance(int64_t units)
{
    struct posting p = {.kind = POSTING_ISSUANCE, .txn_id = uuid_new()};
    p.has_payment = true;
    p.payment_id = PAYMENT;
    posting_add(&p, LAYER_POSTED, ACCOUNT_JUNO_MXNB, NULL, units);
    posting_add(&p, LAYER_POSTED, ACCOUNT_OWED_CUSTODY, &PAYMENT, -units);
    return p;
}

static struct posting reserve(int64_t units)
{
    struct posting p = {.kind = POSTING_RESERVE, .txn_id = uuid_new()};
    posting_add(&p, LAYER_PENDING, ACCOUNT_JUNO_MXNB, NULL, -units);
    posting_add(&p, LAYER_PENDING, ACCOUNT_BRIDGE_MXNB, NULL, units);
    return p;
}

struct chart_seen {
    int calls, rows;
};

static void check_chart(void *ctx, const struct err *err, struct db_result *res)
{
    struct chart_seen *seen = ctx;
    static const char *const OWNER[] = {"none", "payment", "beneficiary"};
    assert_null(err);
    seen->calls++;
    seen->rows = db_rows(res, 0);
    for (int i = 0; i < seen->rows; i++) {
        enum account_class class;
        assert_true(account_class_parse(db_get(res, 0, i, 0), &class));
        const struct account_info *info = account_info(class);
        assert_string_equal(db_get(res, 0, i, 1), account_asset_name(info->asset));
        assert_string_equal(db_get(res, 0, i, 2), OWNER[info->owner]);
        assert_int_equal(db_get_i64(res, 0, i, 3), info->side);
    }
}

/* The chart of accounts stands twice: in C and in SQL. */
static void test_chart_agrees(void **state)
{
    (void)state;
    struct chart_seen seen = {0};
    struct db_script *script = db_script_new();
    db_add(script, "SELECT name, asset, owner, side FROM account_class", DB_ANY);
    db_query(F->db, script, check_chart, &seen);
    while (seen.calls == 0)
        uv_run(&F->loop, UV_RUN_ONCE);
    assert_int_equal(seen.rows, ACCOUNT_CLASS_LAST);
}

static void test_book_once(void **state)
{
    (void)state;
    struct posting p = issuance(1000000000);
    snprintf(p.reason, sizeof p.reason, "%s", "odd \"text\" \\ {1,NULL} ' \xc3\xb1");
    assert_string_equal(book(&p).first, "1");
    assert_string_equal(book(&p).first, "0"); /* again: nothing */
    expect_sql("SELECT amount FROM balance JOIN account a ON a.id = account_id"
               " WHERE a.code = 'juno_mxnb' AND layer = 'posted'",
               "1000000000");
    expect_sql("SELECT reason FROM txn ORDER BY recorded_at DESC LIMIT 1", p.reason);
    p.reason[0] = '\0';
    assert_string_equal(book(&p).first, "0"); /* the reason is not part of what it is */
    p.line[0].amount++;
    p.line[1].amount--;
    struct ended e = book(&p);
    assert_int_equal(e.err.code, ERR_DB_RULE);
    assert_string_equal(e.sqlstate, "KU006");
}

static void test_reserve_settle_cancel(void **state)
{
    (void)state;
    struct posting money = issuance(5000);
    assert_true(book(&money).ok);
    struct posting first = reserve(400), second = reserve(300);
    assert_true(book(&first).ok && book(&second).ok);
    struct posting settle = {.kind = POSTING_SETTLE, .txn_id = uuid_new()};
    posting_undo_pending(&settle, &first);
    posting_add(&settle, LAYER_POSTED, ACCOUNT_JUNO_MXNB, NULL, -400);
    posting_add(&settle, LAYER_POSTED, ACCOUNT_BRIDGE_MXNB, NULL, 400);
    assert_true(book(&settle).ok);
    struct posting cancel = {.kind = POSTING_CANCEL, .txn_id = uuid_new()};
    posting_undo_pending(&cancel, &second);
    assert_true(book(&cancel).ok);
    struct posting again = {.kind = POSTING_CANCEL, .txn_id = uuid_new()};
    posting_undo_pending(&again, &second);
    struct ended e = book(&again);
    assert_int_equal(e.err.code, ERR_DB_CONFLICT); /* resolves is unique */
    assert_string_equal(e.constraint, "txn_resolves_key");
    expect_sql("SELECT amount FROM balance JOIN account a ON a.id = account_id"
               " WHERE a.code = 'bridge_mxnb' AND layer = 'posted'",
               "400");
    expect_sql(
        "SELECT count(*) FROM balance WHERE layer = 'pending' AND (amount, reserved) <> (0, 0)",
        "0");
}

static void test_limit_refuses_the_whole_script(void **state)
{
    (void)state;
    struct posting good = issuance(7), bad = reserve(INT64_C(9000000000000000));
    struct db_script *script = db_script_new();
    ledger_add(script, &good);
    ledger_add(script, &bad);
    struct ended e = fixture_run(F, script);
    assert_int_equal(e.err.code, ERR_DB_RULE);
    assert_string_equal(e.sqlstate, "KU009");
    assert_int_equal(e.failed_stmt, 1);
    assert_string_equal(book(&good).first, "1"); /* so it had not been booked */
}

static void test_batch(void **state)
{
    (void)state;
    enum { N = 300 };
    static struct posting batch[N];
    for (int i = 0; i < N; i++)
        batch[i] = issuance(1 + i);
    struct db_script *script = db_script_new();
    ledger_add_many(script, batch, N);
    assert_string_equal(fixture_run(F, script).first, "300");
    /* A batch that repeats some and adds some books the new ones only. */
    for (int i = 0; i < N / 2; i++)
        batch[i] = issuance(1);
    script = db_script_new();
    ledger_add_many(script, batch, N);
    assert_string_equal(fixture_run(F, script).first, "150");
    expect_sql("SELECT count(*) FROM ledger_check()", "0");
}

/* Everybody at once on the same accounts, with the same ids twice: each is booked once, in one history. */
static void test_concurrent(void **state)
{
    (void)state;
    enum { N = 400 };
    static struct posting p[N];
    static struct ended e[2 * N];
    expect_sql("SELECT count(*) FROM txn WHERE kind = 'correction'", "0");
    for (int i = 0; i < N; i++) {
        p[i] = (struct posting){.kind = POSTING_CORRECTION, .txn_id = uuid_new()};
        /* Opposite order of accounts in every other posting: an unordered lock would deadlock. */
        bool odd = i % 2 != 0;
        posting_add(&p[i], LAYER_POSTED, odd ? ACCOUNT_WORLD_MXN : ACCOUNT_PAID_OUT_MXN, NULL, 5);
        posting_add(&p[i], LAYER_POSTED, odd ? ACCOUNT_PAID_OUT_MXN : ACCOUNT_WORLD_MXN, NULL, -5);
        for (int twice = 0; twice < 2; twice++) {
            struct db_script *script = db_script_new();
            ledger_add(script, &p[i]);
            fixture_start(F, script, false, &e[2 * i + twice]);
        }
    }
    fixture_wait(F, e, 2 * N);
    for (int i = 0; i < N; i++) {
        /* The second finds the first's row, or, at the very same instant, its primary key. */
        int booked = 0;
        for (int twice = 0; twice < 2; twice++) {
            const struct ended *one = &e[2 * i + twice];
            booked += one->ok && strcmp(one->first, "1") == 0;
            assert_true(one->ok || one->err.code == ERR_DB_CONFLICT);
        }
        assert_int_equal(booked, 1);
    }
    expect_sql("SELECT count(*) FROM txn WHERE kind = 'correction'", "400");
    expect_sql("SELECT count(*) FROM ledger_check()", "0");
}

static void test_hash_covers_everything(void **state)
{
    (void)state;
    struct posting base = issuance(10), p;
    uint8_t was[32], is[32];
    ledger_command_hash(&base, was);
    p = base;
    snprintf(p.reason, sizeof p.reason, "other");
    ledger_command_hash(&p, is);
    assert_memory_equal(was, is, 32);
#define CHANGED(change)                                                                            \
    do {                                                                                           \
        p = base;                                                                                  \
        change;                                                                                    \
        ledger_command_hash(&p, is);                                                               \
        assert_memory_not_equal(was, is, 32);                                                      \
    } while (0)
    CHANGED(p.kind = POSTING_ASSIGN);
    CHANGED(p.txn_id.b[15] ^= 1);
    CHANGED(p.has_resolves = true);
    CHANGED(p.payment_id.b[0] ^= 1);
    CHANGED(p.has_payment = false);
    CHANGED(p.has_effect = true);
    CHANGED(p.line[0].amount += INT64_C(1) << 40);
    CHANGED(p.line[0].class = ACCOUNT_BRIDGE_MXNB);
    CHANGED(p.line[0].layer = LAYER_PENDING);
    CHANGED(p.line[1].owner.b[3] ^= 1);
    CHANGED(p.line[1].has_owner = false);
    CHANGED(p.n = 1);
#undef CHANGED
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chart_agrees),
        cmocka_unit_test(test_book_once),
        cmocka_unit_test(test_reserve_settle_cancel),
        cmocka_unit_test(test_limit_refuses_the_whole_script),
        cmocka_unit_test(test_batch),
        cmocka_unit_test(test_concurrent),
        cmocka_unit_test(test_hash_covers_everything),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
