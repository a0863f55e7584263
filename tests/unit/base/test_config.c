/* Settings: every source, every type, every rule; each bad input gives its own clear error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relayer/base/config.h"

#define ADDRESS_A "0x1111111111111111111111111111111111111111"
#define ADDRESS_B "0xAbCdEf0000000000000000000000000000000002"

static const char complete[] = "; a comment\n"
                               "[database]\n"
                               "url = host=/run/pg dbname=relayer\n"
                               "[chain]\n"
                               "rpc_url = http://127.0.0.1:8545 , https://rpc.example/v1\n"
                               "token = " ADDRESS_A "\n"
                               "escrow=" ADDRESS_B "\r\n"
                               "  bridge = " ADDRESS_A "\n"
                               "# another comment\n"
                               "\n"
                               "[signer]\n"
                               "config = signer.ini\n"
                               "[juno]\n"
                               "url = http://127.0.0.1:9000\n"
                               "api_key = key-of-a-test\n"
                               "api_secret = secret-of-a-test\n"
                               "deposit_address = " ADDRESS_A "\n";

#define HASH_DIGITS_63 "1234567890123456789012345678901234567890123456789012345678901ab"
#define HASH_A "0xC" HASH_DIGITS_63
/* What a live daemon must be told of its contracts. */
#define CONTRACTS                                                                                  \
    "escrow_code_hash = " HASH_A "\ntoken_code_hash = " HASH_A "\nadmin = " ADDRESS_B              \
    "\nguardian = " ADDRESS_A "\ntoken_implementation = " ADDRESS_B                                \
    "\ntoken_implementation_code_hash = " HASH_A "\n"

struct fixture {
    char folder[64];
    char path[96];
    char secret_path[96];
    const char *env_name, *env_value;
    struct config config;
    struct err e;
};

static struct fixture fixture;

static const char *env_of_test(void *ctx, const char *name)
{
    struct fixture *f = ctx;
    return f->env_name != NULL && strcmp(f->env_name, name) == 0 ? f->env_value : NULL;
}

static void file_write(const char *path, const char *text, size_t n, mode_t mode)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static int set_up(void **state)
{
    fixture = (struct fixture){.folder = "/tmp/kustodia-config-XXXXXX"};
    *state = &fixture;
    if (mkdtemp(fixture.folder) == NULL)
        return -1;
    (void)snprintf(fixture.path, sizeof fixture.path, "%s/relayer.ini", fixture.folder);
    (void)snprintf(fixture.secret_path, sizeof fixture.secret_path, "%s/secret", fixture.folder);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    config_free(&f->config);
    (void)unlink(f->path);
    (void)unlink(f->secret_path);
    return rmdir(f->folder);
}

static bool load(struct fixture *f, const char *text, const char *const *sets, size_t sets_n)
{
    file_write(f->path, text, strlen(text), 0600);
    struct config_source source = {f->path, sets, sets_n, env_of_test, f};
    config_free(&f->config);
    return config_load(&source, &f->config, &f->e);
}

/* The complete file, then `extra` lines, then one --set (NULL = none). */
static bool load_with(struct fixture *f, const char *extra, const char *set)
{
    char text[4096];
    (void)snprintf(text, sizeof text, "%s%s", complete, extra);
    return load(f, text, &set, set == NULL ? 0 : 1);
}

static void refused_with(struct fixture *f, enum err_code code, const char *part)
{
    if (f->e.code != code || strstr(f->e.message, part) == NULL)
        print_message("got %d: %s\n", f->e.code, f->e.message);
    assert_int_equal(f->e.code, code);
    assert_non_null(strstr(f->e.message, part));
    assert_int_equal(f->e.outcome, OUTCOME_NOT_HAPPENED);
    assert_null(f->config.store);
}

static void complete_file_loads(void **state)
{
    struct fixture *f = *state;
    assert_true(load_with(f, "", NULL));
    const struct config *c = &f->config;
    assert_int_equal(c->relayer_environment, ENVIRONMENT_EMBEDDED);
    assert_string_equal(c->database_url, "host=/run/pg dbname=relayer");
    assert_int_equal(c->chain_rpc_url.n, 2);
    assert_string_equal(c->chain_rpc_url.item[0], "http://127.0.0.1:8545");
    assert_string_equal(c->chain_rpc_url.item[1], "https://rpc.example/v1");
    assert_true(c->chain_token.set);
    assert_int_equal(c->chain_token.b[19], 0x11);
    assert_string_equal(c->chain_escrow.text, "0xabcdef0000000000000000000000000000000002");
    assert_int_equal(c->api_socket_mode, 0660);
    assert_int_equal(c->chain_poll_ms, 250);
    assert_int_equal(c->chain_finality, FINALITY_FINALIZED);
    assert_int_equal(c->api_admin.n, 0);
    assert_string_equal(c->juno_api_secret, "secret-of-a-test");
}

static void flags_beat_environment_beats_file(void **state)
{
    struct fixture *f = *state;
    f->env_name = "ETH_RPC_URL";
    f->env_value = "http://env.example";
    assert_true(load_with(f, "", NULL));
    assert_int_equal(f->config.chain_rpc_url.n, 1);
    assert_string_equal(f->config.chain_rpc_url.item[0], "http://env.example");
    assert_true(load_with(f, "", "chain.rpc_url=http://flag.example"));
    assert_string_equal(f->config.chain_rpc_url.item[0], "http://flag.example");
}

static void print_shows_origins_and_hides_secrets(void **state)
{
    struct fixture *f = *state;
    f->env_name = "JUNO_STAGE_API_KEY";
    f->env_value = "key-from-env";
    assert_true(load_with(f, "", "chain.poll_ms=99"));
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    config_print(&f->config, out);
    assert_int_equal(fclose(out), 0);
    assert_non_null(strstr(text, "chain.poll_ms = 99  # --set\n"));
    assert_non_null(strstr(text, "chain.token = " ADDRESS_A "  # relayer.ini:6\n"));
    assert_non_null(strstr(text, "database.pool = 8  # default\n"));
    assert_non_null(
        strstr(text, "juno.api_key = set, 12 bytes, from environment JUNO_STAGE_API_KEY\n"));
    assert_non_null(strstr(text, "juno.api_secret = set, 16 bytes, from relayer.ini:16\n"));
    assert_null(strstr(text, "secret-of-a-test"));
    assert_null(strstr(text, "key-from-env"));
    assert_null(strstr(text, "dbname=relayer"));
    free(text);
}

static void describe_names_every_setting(void **state)
{
    (void)state;
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    config_describe(out);
    assert_int_equal(fclose(out), 0);
    assert_non_null(strstr(text, "[custody]\n"));
    assert_non_null(strstr(text, "(embedded|sandbox|live)\n;environment = embedded\n"));
    assert_non_null(strstr(text, "(10 to 60000)\n;poll_ms = 250\n"));
    assert_non_null(strstr(text, "environment ETH_RPC_URL\n;rpc_url =   ; must be given\n"));
    free(text);
}

struct refusal {
    const char *extra; /* lines after the complete file, line 18 on */
    const char *set;
    enum err_code code;
    const char *part;
};

static const struct refusal refusals[] = {
    {"[nonsense]\n", NULL, ERR_CONFIG_KEY, "relayer.ini:18: unknown section nonsense"},
    {"[custody]\nclok = chain\n", NULL, ERR_CONFIG_KEY,
     "relayer.ini:19: unknown setting custody.clok"},
    {"[custody\n", NULL, ERR_CONFIG_FILE, "relayer.ini:18: a section is written [name]"},
    {"just words\n", NULL, ERR_CONFIG_FILE, "relayer.ini:18: expected key = value"},
    {"url = http://x\n", NULL, ERR_CONFIG_KEY, "juno.url was given before, at relayer.ini:14"},
    {"[database]\npool = 0\n", NULL, ERR_CONFIG_VALUE,
     "relayer.ini:19: database.pool = 0: must be a whole number from 1 to 64"},
    {"[database]\npool = 65\n", NULL, ERR_CONFIG_VALUE, "from 1 to 64"},
    {"[database]\npool = -1\n", NULL, ERR_CONFIG_VALUE, "from 1 to 64"},
    {"[database]\npool = 8x\n", NULL, ERR_CONFIG_VALUE, "from 1 to 64"},
    {"[database]\npool = 0x8\n", NULL, ERR_CONFIG_VALUE, "from 1 to 64"},
    {"[database]\npool = 18446744073709551624\n", NULL, ERR_CONFIG_VALUE, "from 1 to 64"},
    {"[database]\npool =\n", NULL, ERR_CONFIG_VALUE, "from 1 to 64"},
    {"[api]\nsocket_mode = 0668\n", NULL, ERR_CONFIG_VALUE, "octal file mode"},
    {"[api]\nsocket_mode = 0666\n", NULL, ERR_CONFIG_RULE, "must not let others write"},
    {"[relayer]\nlog_format = xml\n", NULL, ERR_CONFIG_VALUE, "must be one of json|text"},
    {"[relayer]\nlog_format = js\n", NULL, ERR_CONFIG_VALUE, "must be one of json|text"},
    {"", "chain.token=0x12", ERR_CONFIG_VALUE, "--set: chain.token = 0x12: must be 0x and 40"},
    {"", "chain.token=1111111111111111111111111111111111111111ab", ERR_CONFIG_VALUE, "0x and 40"},
    {"", "chain.token=0xg111111111111111111111111111111111111111", ERR_CONFIG_VALUE, "0x and 40"},
    {"", "chain.token=", ERR_CONFIG_VALUE, "given, not empty"},
    {"", "chain.rpc_url=", ERR_CONFIG_VALUE, "given, not empty"},
    {"", "chain.rpc_url=http://a,,http://b", ERR_CONFIG_VALUE, "none of them empty"},
    {"", "chain.rpc_url=http://a,", ERR_CONFIG_VALUE, "none of them empty"},
    {"", "chain.rpc_url=ws://a", ERR_CONFIG_RULE, "http:// or https://"},
    {"", "chain.rpc_url=http:///path", ERR_CONFIG_RULE, "http:// or https://"},
    {"", "chain.rpc_url=http://a/x,http://b,http://a/x", ERR_CONFIG_RULE, "same endpoint twice"},
    {"", "chain.rpc_url=http://a,http://a/", ERR_CONFIG_RULE, "same endpoint twice"},
    {"", "chain.rpc_url=http://a/,http://a", ERR_CONFIG_RULE, "same endpoint twice"},
    {"", "chain.rpc_weights=1", ERR_CONFIG_RULE, "as many as chain.rpc_url"},
    {"", "chain.rpc_weights=1,2,3", ERR_CONFIG_RULE, "as many as chain.rpc_url"},
    {"", "chain.rpc_weights=1,101", ERR_CONFIG_RULE, "from 0 to 100"},
    {"", "chain.rpc_weights=1,-1", ERR_CONFIG_RULE, "from 0 to 100"},
    {"", "chain.rpc_weights=1,2x", ERR_CONFIG_RULE, "from 0 to 100"},
    {"", "chain.rpc_weights=1,00000000001", ERR_CONFIG_RULE, "from 0 to 100"},
    {"", "juno.url=file:///etc/passwd", ERR_CONFIG_RULE, "http:// or https://"},
    {"", "api.read=everybody", ERR_CONFIG_RULE, "uid:N, gid:N or self"},
    {"", "api.admin=uid:", ERR_CONFIG_RULE, "uid:N, gid:N or self"},
    {"", "api.operate=gid:12a", ERR_CONFIG_RULE, "uid:N, gid:N or self"},
    {"", "relayer.instance=a b", ERR_CONFIG_RULE, "1 to 32 of a-z"},
    {"", "http.webhook_path=hook", ERR_CONFIG_RULE, "must begin with /"},
    {"", "chain.priority_fee_wei=20000000000", ERR_CONFIG_RULE, "must not pass chain.max_fee_wei"},
    {"", "chain.poll_ms", ERR_CONFIG_KEY, "expected section.key=value"},
    {"", "poll_ms=12", ERR_CONFIG_KEY, "expected section.key=value"},
    {"", "chain.pool_ms=12", ERR_CONFIG_KEY, "unknown setting chain.pool_ms"},
    {"", "relayer.environment=live", ERR_CONFIG_RULE, "live is only accepted from the file"},
    {"[relayer]\nenvironment = live\n", "chain.chain_id=1", ERR_CONFIG_RULE, "42161 only"},
    {"[relayer]\nenvironment = live\n", "chain.finality=latest", ERR_CONFIG_RULE,
     "safe or finalized"},
    {"[relayer]\nenvironment = live\n[chain]\n" CONTRACTS, NULL, ERR_CONFIG_RULE,
     "juno.api_secret_file"},
    {"", "chain.escrow_code_hash=0x12", ERR_CONFIG_VALUE,
     "--set: chain.escrow_code_hash = 0x12: must be 0x and 64"},
    {"", "chain.token_code_hash=" HASH_A "00", ERR_CONFIG_VALUE, "0x and 64"},
    {"", "chain.token_code_hash=0xg" HASH_DIGITS_63, ERR_CONFIG_VALUE, "0x and 64"},
    {"", "chain.admin=" HASH_A, ERR_CONFIG_VALUE, "0x and 40"},
    {"", "chain.token_implementation_code_hash=" HASH_A, ERR_CONFIG_RULE,
     "needs chain.token_implementation"},
    {"", "chain.contract_check_s=0", ERR_CONFIG_VALUE, "from 1 to 86400"},
    {"api_secret_file = /nowhere/secret\n", NULL, ERR_CONFIG_RULE, "only one of"},
    {"", "juno.api_secret=", ERR_CONFIG_MISSING, "one of juno.api_secret_file and"},
};

static void bad_settings_are_refused(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        assert_false(load_with(f, refusals[i].extra, refusals[i].set));
        refused_with(f, refusals[i].code, refusals[i].part);
    }
}

static void missing_settings_are_named(void **state)
{
    struct fixture *f = *state;
    assert_false(load(f, "", NULL, 0));
    refused_with(f, ERR_CONFIG_MISSING, "database.url is not set: libpq connection string");
}

static void a_key_before_a_section_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_false(load(f, "url = x\n", NULL, 0));
    refused_with(f, ERR_CONFIG_FILE, "relayer.ini:1: a [section] must come before url");
}

static void private_keys_are_refused(void **state)
{
    struct fixture *f = *state;
    f->env_name = "ESCROW_PRIVATE_KEY";
    f->env_value = "0xdeadbeef";
    assert_false(load_with(f, "", NULL));
    refused_with(f, ERR_CONFIG_RULE, "relayer-keytool import");
    assert_null(strstr(f->e.message, "deadbeef"));
}

static void bad_secret_values_are_not_shown(void **state)
{
    struct fixture *f = *state;
    assert_false(load_with(f, "", "database.url="));
    refused_with(f, ERR_CONFIG_VALUE, "database.url = (secret)");
}

static void files_have_limits(void **state)
{
    struct fixture *f = *state;
    size_t n = CONFIG_FILE_MAX_BYTES + 1;
    char *text = malloc(n);
    assert_non_null(text);
    memset(text, '#', n);
    file_write(f->path, text, n, 0600);
    struct config_source source = {f->path, NULL, 0, env_of_test, f};
    assert_false(config_load(&source, &f->config, &f->e));
    refused_with(f, ERR_CONFIG_FILE, "larger than 65536 bytes");
    free(text);
    file_write(f->path, "[api]\0\n", 7, 0600);
    assert_false(config_load(&source, &f->config, &f->e));
    refused_with(f, ERR_CONFIG_FILE, "zero byte");
    source.path = "/nowhere/relayer.ini";
    assert_false(config_load(&source, &f->config, &f->e));
    refused_with(f, ERR_CONFIG_FILE, "cannot read /nowhere/relayer.ini: No such file");
}

static bool load_secret_file(struct fixture *f, const char *text, mode_t mode)
{
    char set[160];
    file_write(f->secret_path, text, strlen(text), mode);
    (void)snprintf(set, sizeof set, "juno.api_secret_file=%s", f->secret_path);
    const char *sets[] = {"juno.api_secret=", set};
    return load(f, complete, sets, 2);
}

static void secret_comes_from_its_file(void **state)
{
    struct fixture *f = *state;
    assert_true(load_secret_file(f, "abc123\n", 0400));
    assert_string_equal(f->config.juno_api_secret, "abc123");
    assert_false(load_secret_file(f, "abc123\n", 0640));
    refused_with(f, ERR_CONFIG_FILE, "has mode 0640: others may use it");
    assert_int_equal(unlink(f->secret_path), 0);
    assert_false(load_secret_file(f, "\n", 0600));
    refused_with(f, ERR_CONFIG_FILE, "must hold one line of text");
    assert_false(load_secret_file(f, "two\nlines\n", 0600));
    refused_with(f, ERR_CONFIG_FILE, "must hold one line of text");
}

/* The complete file as live may have it, with one more --set (NULL = none). */
static bool load_live(struct fixture *f, const char *more)
{
    char secret_file[160];
    file_write(f->secret_path, "abc123\n", 7, 0600);
    (void)snprintf(secret_file, sizeof secret_file, "juno.api_secret_file=%s", f->secret_path);
    char text[4096];
    (void)snprintf(text, sizeof text, "%s[relayer]\nenvironment = live\n[chain]\n" CONTRACTS,
                   complete);
    char *secret_line = strstr(text, "api_secret = ");
    assert_non_null(secret_line);
    secret_line[0] = ';';
    const char *sets[] = {secret_file, more};
    return load(f, text, sets, more == NULL ? 1 : 2);
}

static void live_takes_secrets_from_files_only(void **state)
{
    struct fixture *f = *state;
    assert_true(load_live(f, NULL));
    assert_int_equal(f->config.relayer_environment, ENVIRONMENT_LIVE);
    assert_false(load_live(f, "juno.api_key=on-the-command-line"));
    refused_with(f, ERR_CONFIG_RULE, "--set: juno.api_key: live takes secrets from files only");
}

static void hashes_are_read(void **state)
{
    struct fixture *f = *state;
    assert_true(load_with(f, "", NULL));
    assert_false(f->config.chain_escrow_code_hash.set || f->config.chain_admin.set);
    assert_int_equal(f->config.chain_contract_check_s, 300);
    assert_true(load_with(f, "[chain]\n" CONTRACTS, NULL));
    assert_true(f->config.chain_token_code_hash.set);
    assert_int_equal(f->config.chain_token_code_hash.b[0], 0xc1);
    assert_int_equal(f->config.chain_token_code_hash.b[31], 0xab);
    assert_string_equal(f->config.chain_token_code_hash.text, "0xc" HASH_DIGITS_63);
}

/* Each of them left out: live does not start, and says which. */
static void live_leaves_no_comparison_out(void **state)
{
    static const char *const keys[] = {"escrow_code_hash", "token_code_hash", "admin", "guardian",
                                       "token_implementation_code_hash"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char set[64], said[96];
        (void)snprintf(set, sizeof set, "chain.%s=", keys[i]);
        (void)snprintf(said, sizeof said, "chain.%s: live needs it", keys[i]);
        assert_false(load_live(f, set));
        refused_with(f, ERR_CONFIG_RULE, said);
        assert_true(load_with(f, "[chain]\n" CONTRACTS, set));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(complete_file_loads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(flags_beat_environment_beats_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(print_shows_origins_and_hides_secrets, set_up, tear_down),
        cmocka_unit_test(describe_names_every_setting),
        cmocka_unit_test_setup_teardown(bad_settings_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(missing_settings_are_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_before_a_section_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(private_keys_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_secret_values_are_not_shown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_have_limits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(secret_comes_from_its_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hashes_are_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(live_leaves_no_comparison_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(live_takes_secrets_from_files_only, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
