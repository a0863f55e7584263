/*
 * relayerd: reads its settings, brings the schema up to date, opens the doors and runs the loop.
 *
 * Start here to read the daemon: engine/engine.h says what happens by itself, flows/payment.h what a
 * payment is, api/api.h what can be asked. A wrong setting or a chain that does not fit ends the program
 * with one sentence and status 2; a door that does not answer is waited for.
 */
#include <curl/curl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "abi/keccak.h"
#include "relayer/api/api.h"
#include "relayer/base/check.h"
#include "relayer/base/clock.h"
#include "relayer/base/config.h"
#include "relayer/base/fault.h"
#include "relayer/base/log.h"
#include "relayer/base/loop.h"
#include "relayer/base/metrics.h"
#include "relayer/engine/engine.h"
#include "relayer/engine/gate.h"
#include "relayer/net/http.h"
#include "relayer/store/db.h"
#include "relayer/store/migrate.h"

enum { STATUS_REFUSED = 2, STATUS_USAGE = 3, STOP_WAIT_MS = 10000, TICK_MS = 50, SETS_MAX = 64 };

struct daemon {
    uv_loop_t loop;
    struct config config;
    struct http_client *http;
    struct db *db;
    struct engine *engine;
    struct api *api;
    struct loop_timer *timer;
    struct loop_signal *sigterm, *sigint, *sighup;
    int64_t migrate_at_ms;
    int64_t stop_by_ms; /* 0 = running */
    int64_t lag_at_ms;
    bool announced;
    int status;
};

static void stop_now(struct daemon *d)
{
    loop_timer_free(d->timer);
    loop_signal_free(d->sigterm);
    loop_signal_free(d->sigint);
    loop_signal_free(d->sighup);
    api_free(d->api);
    if (d->engine != NULL)
        engine_close_doors(d->engine);
    http_client_free(d->http);
    db_free(d->db);
}

static void stop_begin(struct daemon *d, int status)
{
    if (d->stop_by_ms != 0)
        return;
    d->status = status;
    d->stop_by_ms = clock_mono_ms() + STOP_WAIT_MS;
    log_info("stopping", "finishing what is under way");
    engine_stop(d->engine);
    api_stop(d->api);
}

static void on_signal(void *ctx, int signum)
{
    struct daemon *d = ctx;
    if (signum == SIGHUP) {
        log_warn("reload", "settings are read at start only: restart to change them");
        return;
    }
    stop_begin(d, EXIT_SUCCESS);
}

static void try_migrate(struct daemon *d)
{
    if (clock_mono_ms() < d->migrate_at_ms)
        return;
    struct err err;
    int applied = 0;
    if (migrate_apply(d->config.database_url, &applied, &err)) {
        d->engine->schema_ready = true;
        engine_answers(d->engine, DOOR_DATABASE);
        if (applied > 0)
            log_info("migrated", "%d migrations applied", applied);
        return;
    }
    if (err.code == ERR_DB_AWAY) {
        engine_waits(d->engine, DOOR_DATABASE, &err);
        d->migrate_at_ms = clock_mono_ms() + 1000;
        return;
    }
    fprintf(stderr, "relayerd: %s\n", err.message);
    stop_begin(d, STATUS_REFUSED);
}

static void tick(void *ctx)
{
    struct daemon *d = ctx;
    int64_t now = clock_mono_ms();
    if (d->lag_at_ms != 0)
        metrics_set(METRIC_loop_lag, now > d->lag_at_ms ? now - d->lag_at_ms : 0);
    d->lag_at_ms = now + TICK_MS;
    if (d->stop_by_ms != 0) {
        if ((engine_idle(d->engine) && api_idle(d->api)) || now >= d->stop_by_ms)
            stop_now(d);
        return;
    }
    const char *refusal = gate_refusal(d->engine->gate);
    if (refusal != NULL) {
        fprintf(stderr, "relayerd: %s\n", refusal);
        log_error("refused", "%s", refusal);
        stop_begin(d, STATUS_REFUSED);
    } else if (api_wants_stop(d->api)) {
        stop_begin(d, EXIT_SUCCESS);
    } else if (!d->engine->schema_ready) {
        try_migrate(d);
    } else if (d->engine->ready && !d->announced) {
        d->announced = true;
        metrics_set(METRIC_start_time_seconds, clock_wall_ms() / 1000);
    }
}

static bool start(struct daemon *d)
{
    struct err err;
    struct http_limits limits = {.in_flight_max = 64, .queue_max = 1024};
    d->http = http_client_new(&d->loop, &limits);
    d->db = db_new(&d->loop, d->config.database_url, (unsigned)d->config.database_pool);
    d->engine = engine_start(&d->loop, &d->config, d->http, d->db, &err);
    if (d->engine != NULL)
        d->api = api_start(&d->loop, &d->config, d->engine, d->db, &err);
    if (d->engine == NULL || d->api == NULL) {
        fprintf(stderr, "relayerd: %s\n", err.message);
        if (d->engine != NULL)
            engine_stop(d->engine);
        stop_now(d);
        d->status = STATUS_REFUSED;
        return false;
    }
    d->sigterm = loop_signal_new(&d->loop, SIGTERM, on_signal, d);
    d->sigint = loop_signal_new(&d->loop, SIGINT, on_signal, d);
    d->sighup = loop_signal_new(&d->loop, SIGHUP, on_signal, d);
    d->timer = loop_timer_new(&d->loop, tick, d);
    loop_timer_start(d->timer, 0, TICK_MS);
    return true;
}

static int run(struct daemon *d)
{
    log_init(d->config.relayer_log_format, d->config.relayer_log_level,
             config_environment_name(d->config.relayer_environment), d->config.relayer_instance);
    signal(SIGPIPE, SIG_IGN);
    CHECK(keccak_selftest());
    CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == 0);
    CHECK(uv_loop_init(&d->loop) == 0);
    (void)start(d);
    uv_run(&d->loop, UV_RUN_DEFAULT);
    engine_free(d->engine);
    uv_run(&d->loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&d->loop) != 0)
        log_warn("loop_not_empty", "handles were left open at the end");
    curl_global_cleanup();
    return d->status;
}

static void usage(FILE *out)
{
    fputs("usage: relayerd --config FILE [--set section.key=value]...\n"
          "  --check-config   read the settings, say what is wrong, and end\n"
          "  --print-config   print every setting with where it is from, and end\n"
          "  --describe       print every setting with its meaning as an INI file, and end\n"
          "  --print-api      print the reference of the API, and end\n"
          "  --list-faults    print the named fault points of a test build, and end\n"
          "  --version, --help\n",
          out);
}

enum mode { MODE_RUN, MODE_CHECK, MODE_PRINT };

struct arguments {
    enum mode mode;
    const char *path;
    const char *sets[SETS_MAX];
    size_t sets_n;
};

/* -1: go on; otherwise the status to end with. */
static int parse_option(int option, struct arguments *a)
{
    switch (option) {
    case 'c':
        a->path = optarg;
        return -1;
    case 's':
        if (a->sets_n == SETS_MAX) {
            fprintf(stderr, "relayerd: more than %d --set\n", SETS_MAX);
            return STATUS_USAGE;
        }
        a->sets[a->sets_n++] = optarg;
        return -1;
    case 'k':
        a->mode = MODE_CHECK;
        return -1;
    case 'p':
        a->mode = MODE_PRINT;
        return -1;
    case 'd':
        config_describe(stdout);
        return EXIT_SUCCESS;
    case 'a':
        api_print_reference(stdout);
        return EXIT_SUCCESS;
    case 'l':
        (void)fault_list(stdout);
        return EXIT_SUCCESS;
    case 'v':
        puts("relayerd 0.1.0");
        return EXIT_SUCCESS;
    case 'h':
        usage(stdout);
        return EXIT_SUCCESS;
    }
    usage(stderr);
    return STATUS_USAGE;
}

int main(int argc, char **argv)
{
    static const struct option OPTIONS[] = {
        {"config", required_argument, NULL, 'c'}, {"set", required_argument, NULL, 's'},
        {"check-config", no_argument, NULL, 'k'}, {"print-config", no_argument, NULL, 'p'},
        {"describe", no_argument, NULL, 'd'},     {"print-api", no_argument, NULL, 'a'},
        {"list-faults", no_argument, NULL, 'l'},  {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
    };
    static struct daemon d;
    struct arguments arguments = {.mode = MODE_RUN};
    int option;
    while ((option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
        int status = parse_option(option, &arguments);
        if (status >= 0)
            return status;
    }
    if (optind < argc || arguments.path == NULL) {
        fprintf(stderr, "relayerd: %s\n",
                optind < argc ? "unexpected argument" : "--config is missing");
        usage(stderr);
        return STATUS_USAGE;
    }
    struct config_source source = {
        .path = arguments.path, .sets = arguments.sets, .sets_n = arguments.sets_n};
    struct err err;
    if (!config_load(&source, &d.config, &err) ||
        !migrate_check_conninfo(d.config.database_url, &err)) {
        fprintf(stderr, "relayerd: %s\n  hint: %s\n", err.message, err_info(err.code)->hint);
        return STATUS_REFUSED;
    }
    int status = EXIT_SUCCESS;
    if (arguments.mode == MODE_PRINT)
        config_print(&d.config, stdout);
    else if (arguments.mode == MODE_CHECK)
        puts("configuration is good");
    else
        status = run(&d);
    config_free(&d.config);
    return status;
}
