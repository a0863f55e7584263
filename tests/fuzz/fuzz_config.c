/* Settings files of the daemon (relayer/base/config.h) and of the signer (keystore/signer_config.h): the same
 * bytes as either. What loads can be printed and freed; what does not says where and why. */
#include <stdio.h>
#include <string.h>

#include "keystore/signer_config.h"
#include "relayer/base/config.h"
#include "tests/fuzz/fuzz.h"

static const char *env_empty(void *ctx, const char *name)
{
    (void)ctx;
    (void)name;
    return NULL;
}

static void daemon_check(const char *path)
{
    static FILE *nowhere;
    const struct config_source source = {.path = path, .env = env_empty};
    struct config config;
    struct err e = {0};

    if (nowhere == NULL)
        nowhere = fopen("/dev/null", "w");
    HOLDS(nowhere != NULL);
    if (!config_load(&source, &config, &e)) {
        HOLDS(e.code != ERR_NONE && e.message[0] != '\0');
        HOLDS(memchr(e.message, '\0', sizeof e.message) != NULL);
        return;
    }
    HOLDS(config_environment_name(config.relayer_environment)[0] != '\0');
    config_print(&config, nowhere);
    config_free(&config);
}

static void signer_check(const char *path)
{
    static struct signer_config config;
    char error[512];

    memset(error, 0x7f, sizeof error);
    if (signer_config_read(path, &config, error)) {
        HOLDS(config.policy.chain_id != 0);
        HOLDS(config.record_file[0] != '\0' && memchr(config.record_file, 0, SIGNER_PATH_MAX));
        return;
    }
    HOLDS(error[0] != '\0' && memchr(error, '\0', sizeof error) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const char *path = fuzz_file(data, n);

    daemon_check(path);
    signer_check(path);
    return 0;
}
