/* Settings for people: what is in force and from where, and what there is to set. */
#include "relayer/base/config_table.h"

#include <string.h>

#include "relayer/base/check.h"

void config_print(const struct config *config, FILE *out)
{
    for (size_t i = 0; i < config_table_n; i++) {
        const struct config_row *row = &config_table[i];
        const struct config_cell *cell = &config->store->cell[i];
        if (row->secret && cell->value[0] != '\0')
            (void)fprintf(out, "%s.%s = set, %zu bytes, from %s\n", row->section, row->key,
                          strlen(cell->value), cell->where);
        else
            (void)fprintf(out, "%s.%s = %s  # %s\n", row->section, row->key, cell->value,
                          cell->where);
    }
}

static void range_print(const struct config_row *row, FILE *out)
{
    switch (row->type) {
    case CONFIG_U64:
        (void)fprintf(out, " (%llu to %llu)", (unsigned long long)row->least,
                      (unsigned long long)row->most);
        return;
    case CONFIG_ENUM:
        (void)fprintf(out, " (%s)", row->choices);
        return;
    case CONFIG_MODE:
        (void)fputs(" (octal)", out);
        return;
    case CONFIG_BOOL:
        (void)fputs(" (true|false)", out);
        return;
    case CONFIG_ADDRESS:
        (void)fputs(" (0x and 40 hexadecimal digits)", out);
        return;
    case CONFIG_HASH:
        (void)fputs(" (0x and 64 hexadecimal digits)", out);
        return;
    case CONFIG_LIST:
        (void)fputs(" (comma list)", out);
        return;
    case CONFIG_TEXT:
    case CONFIG_PATH:
        return;
    }
    CHECK(!"config type within its enum");
}

void config_describe(FILE *out)
{
    const char *section = "";
    for (size_t i = 0; i < config_table_n; i++) {
        const struct config_row *row = &config_table[i];
        if (strcmp(row->section, section) != 0) {
            (void)fprintf(out, "%s[%s]\n", i == 0 ? "" : "\n", row->section);
            section = row->section;
        }
        (void)fprintf(out, "; %s", row->doc);
        range_print(row, out);
        if (row->env != NULL)
            (void)fprintf(out, "; environment %s", row->env);
        (void)fprintf(out, "\n;%s =%s%s\n", row->key, row->preset == NULL ? "" : " ",
                      row->preset == NULL ? "   ; must be given" : row->preset);
    }
}

const char *config_environment_name(enum config_environment environment)
{
    switch (environment) {
    case ENVIRONMENT_EMBEDDED:
        return "embedded";
    case ENVIRONMENT_SANDBOX:
        return "sandbox";
    case ENVIRONMENT_LIVE:
        return "live";
    }
    CHECK(!"environment within its enum");
    return "";
}
