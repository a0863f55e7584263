/*
 * Settings of relayerd: one table (config.def), one INI file, four sources.
 *
 * A value comes from, weakest first: the default, the file, an environment variable (the aliases of
 * the table), --set section.key=value. Unknown sections and keys, repeated keys and values out of
 * range are errors that name file:line, key, value and range; nothing is guessed. struct config has
 * one member per row, named section_key.
 *
 * Rules that tie settings together (config_rules.c): environment = live only from the file and only
 * with chain id 42161; in live no secret comes from the environment or the command line.
 */
#ifndef KUSTODIA_BASE_CONFIG_H
#define KUSTODIA_BASE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "relayer/base/err.h"
#include "relayer/base/log.h"

enum {
    CONFIG_FILE_MAX_BYTES = 64 * 1024,
    CONFIG_VALUE_MAX = 2048,
    CONFIG_LIST_MAX = 16,
    CONFIG_SECRET_FILE_MAX = 4096,
};

enum config_environment { ENVIRONMENT_EMBEDDED, ENVIRONMENT_SANDBOX, ENVIRONMENT_LIVE };
enum config_finality { FINALITY_LATEST, FINALITY_SAFE, FINALITY_FINALIZED };
enum config_mempool { MEMPOOL_NONE, MEMPOOL_PUBLIC };
enum config_amount_type { AMOUNT_TYPE_STRING, AMOUNT_TYPE_NUMBER };
enum config_issuance { ISSUANCE_AUTO };
enum config_clock { CLOCK_CHAIN, CLOCK_BOTH };

/* An account or contract: 0x and 40 hexadecimal digits, kept as bytes and as lower-case text. */
struct config_address {
    bool set;
    uint8_t b[20];
    char text[43];
};

/* A Keccak-256 hash: 0x and 64 hexadecimal digits, kept as bytes and as lower-case text. */
struct config_hash {
    bool set;
    uint8_t b[32];
    char text[67];
};

/* A comma list, spaces around items removed. */
struct config_list {
    size_t n;
    const char *item[CONFIG_LIST_MAX];
};

struct config_store;

struct config {
#define TEXT(section, key, preset, env, secret, doc) const char *section##_##key;
#define PATH(section, key, preset, env, doc) const char *section##_##key;
#define U64(section, key, preset, least, most, env, doc) uint64_t section##_##key;
#define MODE(section, key, preset, env, doc) unsigned section##_##key;
#define BOOL(section, key, preset, env, doc) bool section##_##key;
#define ENUM(section, key, type, preset, choices, env, doc) enum type section##_##key;
#define ADDRESS(section, key, preset, env, doc) struct config_address section##_##key;
#define HASH(section, key, preset, env, doc) struct config_hash section##_##key;
#define LIST(section, key, preset, env, doc) struct config_list section##_##key;
#include "relayer/base/config.def"
#undef TEXT
#undef PATH
#undef U64
#undef MODE
#undef BOOL
#undef ENUM
#undef ADDRESS
#undef HASH
#undef LIST
    struct config_store *store; /* owns the texts and knows where each value is from */
};

struct config_source {
    const char *path;          /* the INI file; NULL = none */
    const char *const *sets;   /* "section.key=value", from --set */
    size_t sets_n;
    /* Reads the environment; NULL = getenv. */
    const char *(*env)(void *ctx, const char *name);
    void *env_ctx;
};

/* Reads all sources and checks every rule. juno_api_secret is filled in from juno_api_secret_file.
 * On false *e says what, where and which values are allowed, and *config holds nothing to free. */
bool config_load(const struct config_source *source, struct config *config, struct err *e);
void config_free(struct config *config);

/* Every setting as `section.key = value  # origin`; a secret prints as `set, N bytes`. */
void config_print(const struct config *config, FILE *out);

/* Every setting with its meaning, default and range, as an INI file of comments. */
void config_describe(FILE *out);

/* "embedded", "sandbox", "live". */
const char *config_environment_name(enum config_environment environment);

#endif
