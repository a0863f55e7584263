/* What settings must hold together, and the forms a plain text cannot tell. */
#include "relayer/base/config_table.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relayer/base/check.h"

enum { LIVE_CHAIN_ID = 42161, SOCKET_PATH_MAX = 107, INSTANCE_MAX = 32 };

static bool rule_refuse(const struct config *config, const char *section, const char *key,
                        const char *rule, struct err *e)
{
    const struct config_cell *cell = config_cell_of(config, section, key);
    return err_fail(e, ERR_CONFIG_RULE, "%.80s: %s.%s: %s", cell->where, section, key, rule);
}

static bool live_check(const struct config *config, struct err *e)
{
    if (config->relayer_environment != ENVIRONMENT_LIVE)
        return true;
    if (config_cell_of(config, "relayer", "environment")->origin != ORIGIN_FILE)
        return rule_refuse(config, "relayer", "environment", "live is only accepted from the file",
                           e);
    if (config->chain_chain_id != LIVE_CHAIN_ID)
        return rule_refuse(config, "chain", "chain_id", "live runs on chain id 42161 only", e);
    if (config->chain_finality == FINALITY_LATEST)
        return rule_refuse(config, "chain", "finality", "live needs safe or finalized", e);
    if (config->juno_api_secret[0] != '\0')
        return rule_refuse(config, "juno", "api_secret",
                           "live takes the secret from juno.api_secret_file",
                           e);
    for (size_t i = 0; i < config_table_n; i++) {
        const struct config_row *row = &config_table[i];
        enum config_origin origin = config->store->cell[i].origin;
        if (row->secret && (origin == ORIGIN_ENV || origin == ORIGIN_FLAG))
            return rule_refuse(config, row->section, row->key, "live takes secrets from files only",
                               e);
    }
    return true;
}

/* What a contract is held against: in live nothing is left out. */
static bool contracts_check(const struct config *config, struct err *e)
{
    const struct {
        const char *key;
        bool set;
    } needed[] = {
        {"escrow_code_hash", config->chain_escrow_code_hash.set},
        {"token_code_hash", config->chain_token_code_hash.set},
        {"admin", config->chain_admin.set},
        {"guardian", config->chain_guardian.set},
        /* only a proxy has one */
        {"token_implementation_code_hash", config->chain_token_implementation_code_hash.set ||
                                               !config->chain_token_implementation.set},
    };
    if (config->chain_token_implementation_code_hash.set && !config->chain_token_implementation.set)
        return rule_refuse(config, "chain", "token_implementation_code_hash",
                           "needs chain.token_implementation", e);
    if (config->relayer_environment != ENVIRONMENT_LIVE)
        return true;
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (!needed[i].set)
            return rule_refuse(config, "chain", needed[i].key,
                               "live needs it: the deployment's file has it", e);
    }
    return true;
}

static bool url_is_http(const char *url)
{
    return (strncmp(url, "http://", 7) == 0 && url[7] != '\0' && url[7] != '/') ||
           (strncmp(url, "https://", 8) == 0 && url[8] != '\0' && url[8] != '/');
}

static size_t url_length(const char *url)
{
    size_t n = strlen(url);
    return n > 0 && url[n - 1] == '/' ? n - 1 : n; /* the slash makes no other place */
}

/* A second opinion from the same place is none. */
static bool urls_differ(const struct config_list *urls)
{
    for (size_t i = 1; i < urls->n; i++) {
        size_t n = url_length(urls->item[i]);
        for (size_t k = 0; k < i; k++) {
            if (url_length(urls->item[k]) == n && memcmp(urls->item[k], urls->item[i], n) == 0)
                return false;
        }
    }
    return true;
}

static bool urls_check(const struct config *config, struct err *e)
{
    for (size_t i = 0; i < config->chain_rpc_url.n; i++) {
        if (!url_is_http(config->chain_rpc_url.item[i]))
            return rule_refuse(config, "chain", "rpc_url",
                               "each must begin with http:// or https://", e);
    }
    if (!urls_differ(&config->chain_rpc_url))
        return rule_refuse(config, "chain", "rpc_url",
                           "the same endpoint twice: it would agree with itself", e);
    if (!url_is_http(config->juno_url))
        return rule_refuse(config, "juno", "url", "must begin with http:// or https://", e);
    return true;
}

static bool weight_valid(const char *weight)
{
    size_t digits = strspn(weight, "0123456789");
    return weight[digits] == '\0' && ((digits >= 1 && digits <= 2) || strcmp(weight, "100") == 0);
}

static bool weights_check(const struct config *config, struct err *e)
{
    const struct config_list *weights = &config->chain_rpc_weights;
    if (weights->n != 0 && weights->n != config->chain_rpc_url.n)
        return rule_refuse(config, "chain", "rpc_weights",
                           "as many as chain.rpc_url has endpoints, or none", e);
    for (size_t i = 0; i < weights->n; i++) {
        if (!weight_valid(weights->item[i]))
            return rule_refuse(config, "chain", "rpc_weights",
                               "each must be a whole number from 0 to 100", e);
    }
    return true;
}

/* "uid:0", "gid:120" or "self". */
static bool grant_valid(const char *grant)
{
    if (strcmp(grant, "self") == 0)
        return true;
    if (strncmp(grant, "uid:", 4) != 0 && strncmp(grant, "gid:", 4) != 0)
        return false;
    size_t digits = strspn(grant + 4, "0123456789");
    return digits >= 1 && digits <= 9 && grant[4 + digits] == '\0';
}

static bool grants_check(const struct config *config, const char *key,
                         const struct config_list *list,
                         struct err *e)
{
    for (size_t i = 0; i < list->n; i++) {
        if (!grant_valid(list->item[i]))
            return rule_refuse(config, "api", key, "each must be uid:N, gid:N or self", e);
    }
    return true;
}

static bool api_check(const struct config *config, struct err *e)
{
    if (strlen(config->api_socket) > SOCKET_PATH_MAX)
        return rule_refuse(config, "api", "socket", "a unix socket's path has at most 107 bytes",
                           e);
    if ((config->api_socket_mode & 0002) != 0)
        return rule_refuse(config, "api", "socket_mode", "must not let others write", e);
    return grants_check(config, "read", &config->api_read, e) &&
           grants_check(config, "operate", &config->api_operate, e) &&
           grants_check(config, "arbiter", &config->api_arbiter, e) &&
           grants_check(config, "admin", &config->api_admin, e);
}

static bool shapes_check(const struct config *config, struct err *e)
{
    size_t instance_n = strlen(config->relayer_instance);
    if (instance_n == 0 || instance_n > INSTANCE_MAX ||
        strspn(config->relayer_instance, "abcdefghijklmnopqrstuvwxyz0123456789-_") != instance_n)
        return rule_refuse(config, "relayer", "instance", "1 to 32 of a-z, 0-9, - and _", e);
    if (config->http_webhook_path[0] != '/' || strpbrk(config->http_webhook_path, "?# ") != NULL)
        return rule_refuse(config, "http", "webhook_path",
                           "must begin with / and hold no ? # or space", e);
    if (config->chain_priority_fee_wei > config->chain_max_fee_wei)
        return rule_refuse(config, "chain", "priority_fee_wei", "must not pass chain.max_fee_wei",
                           e);
    return true;
}

/* One line of printable text from a file nobody else can read. */
static bool secret_file_read(struct config *config, struct err *e)
{
    const char *path = config->juno_api_secret_file;
    char text[CONFIG_SECRET_FILE_MAX + 1];
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_fail(e, ERR_CONFIG_FILE, "juno.api_secret_file: cannot read %.120s: %s", path,
                        strerror(errno));
    ssize_t n = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? read(fd, text, sizeof text) : -1;
    (void)close(fd);
    if (n < 0)
        return err_fail(e, ERR_CONFIG_FILE, "juno.api_secret_file: %.120s is not a readable file",
                        path);
    if ((st.st_mode & 0077) != 0)
        return err_fail(e, ERR_CONFIG_FILE,
                        "juno.api_secret_file: %.120s has mode %04o: others may use it; chmod 600",
                        path,
                        (unsigned)(st.st_mode & 07777));
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    bool printable = n > 0 && n < CONFIG_SECRET_FILE_MAX;
    for (ssize_t i = 0; i < n; i++)
        printable = printable && text[i] > 0x20 && text[i] < 0x7f;
    if (printable)
        config->juno_api_secret = arena_text_n(config->store->arena, text, (size_t)n);
    explicit_bzero(text, sizeof text);
    if (!printable)
        return err_fail(e, ERR_CONFIG_FILE,
                        "juno.api_secret_file: %.120s must hold one line of text",
                        path);
    return true;
}

static bool secret_check(struct config *config, struct err *e)
{
    bool in_file = config->juno_api_secret_file[0] != '\0';
    bool given = config->juno_api_secret[0] != '\0';
    if (in_file == given)
        return err_fail(e, in_file ? ERR_CONFIG_RULE : ERR_CONFIG_MISSING,
                        "%s juno.api_secret_file and juno.api_secret must be given",
                        in_file ? "only one of" : "one of");
    if (!in_file)
        return true;
    if (!secret_file_read(config, e))
        return false;
    int row = config_row_find("juno", strlen("juno"), "api_secret");
    CHECK(row >= 0);
    config->store->cell[row] = (struct config_cell){
        .value = config->juno_api_secret,
        .origin = ORIGIN_SECRET_FILE,
        .where = config->juno_api_secret_file,
    };
    return true;
}

bool config_rules_check(struct config *config, struct err *e)
{
    return live_check(config, e) && contracts_check(config, e) && shapes_check(config, e) &&
           urls_check(config, e) && weights_check(config, e) &&
           api_check(config, e) && secret_check(config, e);
}
