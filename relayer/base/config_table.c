#include "relayer/base/config_table.h"

#include <string.h>

#include "relayer/base/check.h"

/* Every row gives the fields its type has; the rest is zero. */
#define ROW(row_type, section_, key_, preset_, env_, doc_, ...)                                    \
    {.type = (row_type), .section = #section_, .key = #key_, .preset = (preset_), .env = (env_),   \
     .doc = (doc_), .offset = offsetof(struct config, section_##_##key_), __VA_ARGS__},
#define TEXT(section_, key_, preset_, env_, secret_, doc_)                                         \
    ROW(CONFIG_TEXT, section_, key_, preset_, env_, doc_, .secret = (secret_))
#define PATH(section_, key_, preset_, env_, doc_)                                                  \
    ROW(CONFIG_PATH, section_, key_, preset_, env_, doc_, .secret = false)
#define U64(section_, key_, preset_, least_, most_, env_, doc_)                                    \
    ROW(CONFIG_U64, section_, key_, #preset_, env_, doc_, .least = (least_), .most = (most_))
#define MODE(section_, key_, preset_, env_, doc_)                                                  \
    ROW(CONFIG_MODE, section_, key_, preset_, env_, doc_, .secret = false)
#define BOOL(section_, key_, preset_, env_, doc_)                                                  \
    ROW(CONFIG_BOOL, section_, key_, preset_, env_, doc_, .secret = false)
#define ENUM(section_, key_, type_, preset_, choices_, env_, doc_)                                 \
    ROW(CONFIG_ENUM, section_, key_, preset_, env_, doc_, .choices = (choices_))
#define ADDRESS(section_, key_, preset_, env_, doc_)                                               \
    ROW(CONFIG_ADDRESS, section_, key_, preset_, env_, doc_, .secret = false)
#define HASH(section_, key_, preset_, env_, doc_)                                                  \
    ROW(CONFIG_HASH, section_, key_, preset_, env_, doc_, .secret = false)
#define LIST(section_, key_, preset_, env_, doc_)                                                  \
    ROW(CONFIG_LIST, section_, key_, preset_, env_, doc_, .secret = false)

const struct config_row config_table[] = {
#include "relayer/base/config.def"
};

const size_t config_table_n = sizeof config_table / sizeof config_table[0];

int config_row_find(const char *section, size_t section_n, const char *key)
{
    for (size_t i = 0; i < config_table_n; i++) {
        const struct config_row *row = &config_table[i];
        if (strlen(row->section) == section_n && memcmp(row->section, section, section_n) == 0 &&
            strcmp(row->key, key) == 0)
            return (int)i;
    }
    return -1;
}

bool config_section_known(const char *section)
{
    for (size_t i = 0; i < config_table_n; i++) {
        if (strcmp(config_table[i].section, section) == 0)
            return true;
    }
    return false;
}

const struct config_cell *config_cell_of(const struct config *config, const char *section,
                                         const char *key)
{
    int row = config_row_find(section, strlen(section), key);
    CHECK(row >= 0);
    return &config->store->cell[row];
}
