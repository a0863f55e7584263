/* Inside of relayer/base/config*.c: the table of settings as data, and where each value is from. */
#ifndef KUSTODIA_BASE_CONFIG_TABLE_H
#define KUSTODIA_BASE_CONFIG_TABLE_H

#include "relayer/base/arena.h"
#include "relayer/base/config.h"

enum config_type {
    CONFIG_TEXT,
    CONFIG_PATH,
    CONFIG_U64,
    CONFIG_MODE,
    CONFIG_BOOL,
    CONFIG_ENUM,
    CONFIG_ADDRESS,
    CONFIG_HASH,
    CONFIG_LIST,
};

struct config_row {
    enum config_type type;
    const char *section;
    const char *key;
    const char *preset; /* NULL = must be given */
    const char *env;    /* NULL = none */
    const char *doc;
    const char *choices;   /* CONFIG_ENUM: "a|b|c" */
    uint64_t least, most;  /* CONFIG_U64 */
    bool secret;
    size_t offset;         /* of the member in struct config */
};

extern const struct config_row config_table[];
extern const size_t config_table_n;

/* The row of section.key or -1. */
int config_row_find(const char *section, size_t section_n, const char *key);
bool config_section_known(const char *section);

enum config_origin { ORIGIN_PRESET, ORIGIN_FILE, ORIGIN_ENV, ORIGIN_FLAG, ORIGIN_SECRET_FILE };

struct config_cell {
    const char *value; /* as given, in the arena; NULL while nothing is given */
    enum config_origin origin;
    const char *where; /* "relayer.ini:12", "environment ETH_RPC_URL", "--set", "default" */
};

struct config_store {
    struct arena *arena;
    struct config_cell *cell; /* one per row of the table */
};

/* Reads cell's text as the row's type into the member of *config. */
bool config_value_parse(const struct config_row *row, const struct config_cell *cell,
                        struct config *config, struct err *e);

/* The rules between settings; reads the secret file. */
bool config_rules_check(struct config *config, struct err *e);

/* Where the value of section.key is from, and its origin. */
const struct config_cell *config_cell_of(const struct config *config, const char *section,
                                         const char *key);

#endif
