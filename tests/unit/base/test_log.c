/* Log lines and metrics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "relayer/base/log.h"
#include "relayer/base/metrics.h"
#include "tests/unit/base/child.h"

static void masked_is(const char *from, const char *to)
{
    char text[128];
    (void)snprintf(text, sizeof text, "%s", from);
    log_mask(text);
    assert_string_equal(text, to);
}

static void mask_hides_clabes_only(void **state)
{
    (void)state;
    masked_is("646180110400000007", "646***0007");
    masked_is("to 646180110400000007, then 002115016003269411.", "to 646***0007, then 002***9411.");
    masked_is("clabe=646180110400000007;x", "clabe=646***0007;x");
    masked_is("64618011040000000", "64618011040000000");     /* 17 digits */
    masked_is("6461801104000000071", "6461801104000000071"); /* 19 digits */
    masked_is("0xab646180110400000007", "0xab646180110400000007");
    masked_is("646180110400000007f0", "646180110400000007f0");
    masked_is("", "");
}

static void log_json(void)
{
    log_init(LOG_FORMAT_JSON, LOG_LEVEL_INFO, "embedded", "one");
    log_debug("hidden", "not shown");
    log_info("payment_moved", "state=%s \"q\" \\ tab\t nl\n clabe 646180110400000007", "paid");
    log_broken("promise", "utf \xc3\xa9");
}

static void json_lines_are_whole_and_escaped(void **state)
{
    (void)state;
    char out[2048];
    assert_int_equal(child_run(log_json, out, sizeof out), 0);
    assert_null(strstr(out, "hidden"));
    assert_non_null(strstr(out, "{\"ts\":\"20"));
    assert_non_null(strstr(out,
                           "\"level\":\"info\",\"event\":\"payment_moved\",\"env\":\"embedded\","
                                "\"instance\":\"one\",\"msg\":\"state=paid \\\"q\\\" \\\\ tab"
                                "\\u0009 nl"
                                "\\u000a clabe 646***0007\"}\n"));
    assert_non_null(strstr(out, "\"level\":\"broken\",\"event\":\"promise\""));
    assert_null(strstr(out, "646180110400000007"));
    int lines = 0;
    for (const char *c = out; *c != '\0'; c++)
        lines += *c == '\n' ? 1 : 0;
    assert_int_equal(lines, 2);
}

static void log_long(void)
{
    log_init(LOG_FORMAT_JSON, LOG_LEVEL_INFO, "embedded", "one");
    char text[8000];
    memset(text, '"', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    log_info("long", "%s", text);
}

static void long_lines_are_cut_and_stay_json(void **state)
{
    (void)state;
    char out[LOG_LINE_MAX + 100];
    assert_int_equal(child_run(log_long, out, sizeof out), 0);
    size_t n = strlen(out);
    assert_true(n <= LOG_LINE_MAX);
    assert_string_equal(out + n - 5, "\\\"\"}\n");
}

static void log_text(void)
{
    log_init(LOG_FORMAT_TEXT, LOG_LEVEL_WARN, "live", "one");
    log_info("hidden", "not shown");
    log_warn("slow", "line\nbreak");
}

static void text_lines_are_one_line(void **state)
{
    (void)state;
    char out[512];
    assert_int_equal(child_run(log_text, out, sizeof out), 0);
    assert_null(strstr(out, "hidden"));
    assert_non_null(strstr(out, " warn   slow: line break\n"));
}

static void metrics_count_and_print(void **state)
{
    (void)state;
    metrics_add(METRIC_rpc_ok, 3);
    metrics_add(METRIC_rpc_ok, 2);
    metrics_set(METRIC_db_queued, 7);
    metrics_add(METRIC_db_queued, -2);
    metrics_set(METRIC_loop_lag, 1234);
    metrics_set(METRIC_chain_head_age, -1500);
    assert_int_equal(metrics_get(METRIC_rpc_ok), 5);
    size_t n = 0;
    char *text = metrics_text(&n);
    assert_int_equal(strlen(text), n);
    assert_non_null(strstr(text, "# TYPE relayerd_rpc_requests_total counter\n"));
    assert_non_null(strstr(text, "\nrelayerd_rpc_requests_total{outcome=\"ok\"} 5\n"));
    assert_non_null(strstr(text, "\nrelayerd_rpc_requests_total{outcome=\"error\"} 0\n"));
    assert_non_null(strstr(text, "\nrelayerd_db_queued 5\n"));
    assert_non_null(strstr(text, "\nrelayerd_loop_lag_seconds 1.234\n"));
    assert_non_null(strstr(text, "\nrelayerd_chain_head_age_seconds -1.500\n"));
    free(text);
}

/* Prometheus refuses an exposition in which a family appears twice or a counter lacks _total. */
static void metrics_families_stand_together(void **state)
{
    (void)state;
    size_t n = 0;
    char *text = metrics_text(&n);
    for (char *type = strstr(text, "# TYPE "); type != NULL; type = strstr(type + 1, "# TYPE ")) {
        size_t name_n = strcspn(type + 7, " ");
        char again[160];
        (void)snprintf(again, sizeof again, "# TYPE %.*s ", (int)name_n, type + 7);
        assert_null(strstr(type + 1, again));
        bool counter = strncmp(type + 7 + name_n, " counter", 8) == 0;
        assert_int_equal(counter, strncmp(type + 7 + name_n - 6, "_total", 6) == 0);
    }
    free(text);
}

static void metrics_lower_a_counter(void)
{
    metrics_add(METRIC_rpc_ok, -1);
}

static void metrics_set_a_counter(void)
{
    metrics_set(METRIC_rpc_ok, 1);
}

static void metrics_counters_only_grow(void **state)
{
    (void)state;
    assert_true(WIFSIGNALED(child_run(metrics_lower_a_counter, NULL, 0)));
    assert_true(WIFSIGNALED(child_run(metrics_set_a_counter, NULL, 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mask_hides_clabes_only),
        cmocka_unit_test(json_lines_are_whole_and_escaped),
        cmocka_unit_test(long_lines_are_cut_and_stay_json),
        cmocka_unit_test(text_lines_are_one_line),
        cmocka_unit_test(metrics_count_and_print),
        cmocka_unit_test(metrics_families_stand_together),
        cmocka_unit_test(metrics_counters_only_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
