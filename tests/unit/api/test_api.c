/* The method table and what is checked before a method runs; roles; the reference page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "relayer/api/api.h"
#include "relayer/api/methods.h"
#include "relayer/api/roles.h"
#include "relayer/api/words.h"

#define ID "\"01931f3e-7d4a-7c11-8a5e-3f9c2b7d6e10\""
#define DIGITS64 "1111111111111111111111111111111111111111111111111111111111111111"
#define HASH "0x" DIGITS64
#define ORDER(more)                                                                                \
    "{\"payer\":\"ana\",\"seller\":" ID ",\"buyer\":" ID ",\"custody_seconds\":60," more "}"

/* The code that checking these parameters gives, and the message. */
static enum err_code check(const char *method, const char *text, char message[ERR_MESSAGE_MAX])
{
    json_error_t wrong;
    json_t *params = json_loads(text, JSON_REJECT_DUPLICATES, &wrong);
    if (params == NULL)
        fail_msg("%s: %s", text, wrong.text);
    struct err e = {.code = ERR_NONE, .message = ""};
    bool ok = params_check(method_find(method), params, &e);
    json_decref(params);
    assert_int_equal(ok, e.code == ERR_NONE);
    snprintf(message, ERR_MESSAGE_MAX, "%s", e.message);
    return e.code;
}

static void expect(const char *method, const char *text, enum err_code code, const char *names)
{
    char message[ERR_MESSAGE_MAX];
    enum err_code got = check(method, text, message);
    if (got != code || strstr(message, names) == NULL)
        fail_msg("%s %s: %s \"%s\", not %s naming %s", method, text, err_info(got)->name, message,
                 err_info(code)->name, names);
}

static void test_amounts(void **state)
{
    (void)state;
    expect("payment.create", ORDER("\"amount\":\"1000.00\""), ERR_NONE, "");
    expect("payment.create", ORDER("\"amount\":\"1000\""), ERR_NONE, "");
    expect("payment.create", ORDER("\"amount\":1000"), ERR_AMOUNT, "amount: a JSON number");
    expect("payment.create", ORDER("\"amount\":1000.5"), ERR_AMOUNT, "amount: a JSON number");
    expect("payment.create", ORDER("\"amount\":\"1000.001\""), ERR_AMOUNT, "two decimals");
    expect("payment.create", ORDER("\"amount\":\"-1\""), ERR_AMOUNT, "amount");
    expect("payment.create", ORDER("\"amount\":\"0.00\""), ERR_AMOUNT, "more than zero");
    expect("payment.create", ORDER("\"amount\":\"1e3\""), ERR_AMOUNT, "amount");
    expect("payment.create", ORDER("\"amount\":null"), ERR_AMOUNT, "got null");
    expect("payment.create", ORDER("\"amount\":[]"), ERR_AMOUNT, "got an array");
}

static void test_fields(void **state)
{
    (void)state;
    expect("payment.create", ORDER("\"description\":\"x\""), ERR_PARAMS, "amount: is missing");
    expect("payment.create", ORDER("\"colour\":\"red\""), ERR_PARAMS, "colour");
    expect("payment.get", "{}", ERR_PARAMS, "payment_id: is missing");
    expect("payment.get", "{\"payment_id\":7}", ERR_PARAMS, "payment_id: expected a uuid string");
    expect("payment.get", "{\"payment_id\":\"7\"}", ERR_PARAMS, "is not a uuid");
    expect("payment.list", "{\"limit\":0}", ERR_PARAMS, "limit: 0 is not within 1 to 500");
    expect("payment.list", "{\"limit\":501}", ERR_PARAMS, "limit");
    expect("payment.list", "{\"limit\":1.0}", ERR_PARAMS, "limit: expected an integer");
    expect("payment.list", "{\"state\":\"in_custod\"}", ERR_PARAMS, "is not one of");
    expect("payment.list", "{\"state\":\"\"}", ERR_PARAMS, "is not one of");
    expect("payment.list", "{\"state\":\"parked\"}", ERR_NONE, "");
    expect("tx.get", "{\"tx_hash\":\"" HASH "\"}", ERR_NONE, "");
    expect("tx.get", "{\"tx_hash\":\"" HASH "11\"}", ERR_PARAMS, "tx_hash");
    expect("tx.get", "{\"tx_hash\":\"" DIGITS64 "\"}", ERR_PARAMS, "expected 0x");
    expect("clabe.create", "{\"user_ref\":\"\"}", ERR_PARAMS, "user_ref: has 0 bytes");
    expect("clabe.create", "{\"user_ref\":\"a\\u0001b\"}", ERR_PARAMS, "control character");
    expect("audit.verify", "{\"all\":\"yes\"}", ERR_PARAMS, "all: expected true or false");
}

static void test_mutation_fields(void **state)
{
    (void)state;
    expect("clabe.create", "{\"user_ref\":\"a\",\"idempotency_key\":\"12345678\"}", ERR_NONE, "");
    expect("clabe.create", "{\"user_ref\":\"a\",\"idempotency_key\":\"1234567\"}", ERR_PARAMS,
           "idempotency_key: has 7 bytes, allowed are 8 to 120");
    expect("clabe.create", "{\"user_ref\":\"a\",\"dry_run\":1}", ERR_PARAMS, "dry_run");
    expect("clabe.list", "{\"idempotency_key\":\"12345678\"}", ERR_PARAMS, "no such field");
}

static void test_lists(void **state)
{
    (void)state;
#define COMMISSIONS(items) ORDER("\"amount\":\"1000.00\",\"commissions\":[" items "]")
    expect("payment.create", COMMISSIONS("{\"beneficiary_id\":" ID ",\"bps\":100}"), ERR_NONE, "");
    expect("payment.create", COMMISSIONS("{\"beneficiary_id\":" ID ",\"bps\":10001}"), ERR_PARAMS,
           "commissions[0].bps");
    expect("payment.create", COMMISSIONS("{\"beneficiary_id\":" ID "},{\"bps\":1}"), ERR_PARAMS,
           "commissions[1].beneficiary_id: is missing");
    expect("payment.create", COMMISSIONS("{\"beneficiary_id\":" ID ",\"amount\":5}"), ERR_AMOUNT,
           "commissions[0].amount: a JSON number");
    expect("payment.create", COMMISSIONS("{\"beneficiary_id\":" ID ",\"share\":5}"), ERR_PARAMS,
           "commissions[0].share: there is no such field");
    expect("payment.create", COMMISSIONS("1"), ERR_PARAMS, "commissions[0]: expected an object");
    char many[4096] = ORDER("\"amount\":\"1000.00\",\"commissions\":[");
    size_t n = strlen(many) - 1; /* without the closing brace */
    for (int i = 0; i < 40; i++)
        n += (size_t)snprintf(many + n, sizeof many - n, "%s{\"bps\":1}", i > 0 ? "," : "");
    snprintf(many + n, sizeof many - n, "]}");
    expect("payment.create", many, ERR_LIMIT, "commissions: 40 items");
}

/* 032180000118359719 is the worked example of Wikipedia's article CLABE; 002010077777777771 that of the
 * npm package clabe-validator. */
static void test_clabe(void **state)
{
    (void)state;
    struct err e;
    assert_true(clabe_check("002010077777777771", &e, "clabe"));
    for (char digit = '0'; digit <= '9'; digit++) {
        char text[] = "032180000118359719";
        text[17] = digit;
        assert_int_equal(clabe_check(text, &e, "clabe"), digit == '9');
    }
    assert_false(clabe_check("00201007777777777", &e, "clabe"));
    assert_false(clabe_check("00201007777777777a", &e, "clabe"));
    char own[] = "710969000000000000";
    for (char digit = '0'; digit <= '9'; digit++) {
        own[17] = digit;
        assert_false(clabe_check(own, &e, "clabe"));
        if (strstr(e.message, "710") != NULL)
            return;
    }
    fail_msg("no check digit made the bank's own prefix the reason");
}

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < METHODS_N; i++) {
        const struct method *method = &METHODS[i];
        assert_ptr_equal(method_find(method->name), method);
        assert_non_null(method->run);
        assert_true(method->mutates || method->role == ROLE_READ);
        json_t *example = json_loads(method->example, 0, NULL);
        assert_non_null(example);
        struct err e = {.message = ""};
        if (!params_check(method, example, &e))
            fail_msg("the example of %s: %s", method->name, e.message);
        json_decref(example);
    }
    assert_null(method_find("payment"));
    assert_string_equal(method_nearest("payment.crate"), "payment.create");
    assert_string_equal(method_nearest("system.staus"), "system.status");
    assert_null(method_nearest("something.else.entirely"));
}

static struct roles roles_for(const char *list, enum role role, uid_t uid, gid_t gid)
{
    struct config config = {0};
    struct config_list *lists[ROLES_N] = {[ROLE_READ] = &config.api_read,
                                          [ROLE_OPERATE] = &config.api_operate,
                                          [ROLE_ARBITER] = &config.api_arbiter,
                                          [ROLE_ADMIN] = &config.api_admin};
    *lists[role] = (struct config_list){.n = 1, .item = {list}};
    struct lines_peer peer = {.uid = uid, .gid = gid, .groups = {77}, .groups_n = 1};
    return roles_of(&config, &peer);
}

static void test_roles(void **state)
{
    (void)state;
    struct roles admin = roles_for("uid:5", ROLE_ADMIN, 5, 9);
    assert_true(admin.has[ROLE_READ] && admin.has[ROLE_OPERATE] && admin.has[ROLE_ADMIN]);
    assert_false(admin.has[ROLE_ARBITER]);
    struct roles arbiter = roles_for("gid:77", ROLE_ARBITER, 5, 9);
    assert_true(arbiter.has[ROLE_READ] && arbiter.has[ROLE_ARBITER]);
    assert_false(arbiter.has[ROLE_OPERATE] || arbiter.has[ROLE_ADMIN]);
    assert_true(roles_for("gid:9", ROLE_READ, 5, 9).has[ROLE_READ]);
    assert_true(roles_for("self", ROLE_READ, getuid(), 9).has[ROLE_READ]);
    assert_false(roles_for("self", ROLE_READ, getuid() + 1, 9).has[ROLE_READ]);
    assert_false(roles_for("uid:6", ROLE_OPERATE, 5, 9).has[ROLE_READ]);
    assert_false(roles_for("gid:5", ROLE_READ, 5, 9).has[ROLE_READ]);
}

static void test_roles_check(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "", "root", "uid:", "uid:-1", "uid:1x", "gid:99999999999", "uid: 1"};
    struct err e;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        struct config config = {.api_arbiter = {.n = 1, .item = {BAD[i]}}};
        assert_false(roles_check(&config, &e));
        assert_int_equal(e.code, ERR_CONFIG_VALUE);
        assert_non_null(strstr(e.message, "api.arbiter"));
    }
    struct config good = {.api_admin = {.n = 3, .item = {"self", "uid:0", "gid:100"}}};
    assert_true(roles_check(&good, &e));
}

static void test_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < EVENT_WORDS_N; i++)
        assert_string_equal(event_words(EVENT_WORDS[i].type), EVENT_WORDS[i].words);
    assert_string_equal(event_words("no_such_event"), "no_such_event");
}

/* docs/reference/api.md is what the table says today. */
static void test_reference(void **state)
{
    (void)state;
    char *printed = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&printed, &n);
    assert_non_null(out);
    api_print_reference(out);
    assert_int_equal(fclose(out), 0);
    FILE *page = fopen("docs/reference/api.md", "r");
    assert_non_null(page);
    char *text = calloc(1, n + 2);
    assert_non_null(text);
    size_t got = fread(text, 1, n + 1, page);
    fclose(page);
    if (got != n || memcmp(text, printed, n) != 0)
        fail_msg(
            "docs/reference/api.md is out of date: relayerd --print-api > docs/reference/api.md");
    free(text);
    free(printed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_amounts),         cmocka_unit_test(test_fields),
        cmocka_unit_test(test_mutation_fields), cmocka_unit_test(test_lists),
        cmocka_unit_test(test_clabe),           cmocka_unit_test(test_table),
        cmocka_unit_test(test_roles),           cmocka_unit_test(test_roles_check),
        cmocka_unit_test(test_words),           cmocka_unit_test(test_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
