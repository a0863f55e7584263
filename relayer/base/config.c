/*
 * Gathers the settings: file, environment, command line; then reads and checks them.
 *
 * The INI file is read here and not by a library: the one at hand (inih as Debian builds it) knows
 * no line numbers, splits lines after 200 bytes and joins indented ones, all without a word.
 */
#include "relayer/base/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relayer/base/check.h"
#include "relayer/base/config_table.h"
#include "relayer/base/mem.h"

enum { CONFIG_ARENA_BYTES = 1024 * 1024, CONFIG_SECTION_MAX = 32 };

/* The line of the file that is being read. */
struct ini {
    struct config_store *store;
    const char *path;
    unsigned line;
    char section[CONFIG_SECTION_MAX];
    struct err *e;
};

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static bool ini_refuse(const struct ini *ini, enum err_code code, const char *what,
                       const char *which)
{
    return err_fail(ini->e, code, "%.80s:%u: %s%.60s", file_name(ini->path), ini->line, what,
                    which);
}

/* Cuts spaces, tabs and a carriage return at both ends, in place. */
static char *text_trim(char *text)
{
    text += strspn(text, " \t\r");
    size_t n = strlen(text);
    while (n > 0 && strchr(" \t\r", text[n - 1]) != NULL)
        n--;
    text[n] = '\0';
    return text;
}

static bool ini_section(struct ini *ini, char *text)
{
    size_t n = strlen(text);
    if (n < 3 || text[n - 1] != ']')
        return ini_refuse(ini, ERR_CONFIG_FILE, "a section is written [name], not ", text);
    text[n - 1] = '\0';
    const char *name = text_trim(text + 1);
    if (strlen(name) >= sizeof ini->section || !config_section_known(name))
        return ini_refuse(ini, ERR_CONFIG_KEY, "unknown section ", name);
    memcpy(ini->section, name, strlen(name) + 1);
    return true;
}

static bool ini_pair(struct ini *ini, char *text)
{
    char *equals = strchr(text, '=');
    if (equals == NULL)
        return ini_refuse(ini, ERR_CONFIG_FILE, "expected key = value", "");
    *equals = '\0';
    const char *key = text_trim(text);
    const char *value = text_trim(equals + 1);
    if (ini->section[0] == '\0')
        return ini_refuse(ini, ERR_CONFIG_FILE, "a [section] must come before ", key);
    int row = config_row_find(ini->section, strlen(ini->section), key);
    if (row < 0)
        return err_fail(ini->e, ERR_CONFIG_KEY, "%.80s:%u: unknown setting %s.%.60s",
                        file_name(ini->path), ini->line, ini->section, key);
    if (strlen(value) > CONFIG_VALUE_MAX)
        return ini_refuse(ini, ERR_CONFIG_VALUE, "value too long for ", key);
    struct config_cell *cell = &ini->store->cell[row];
    if (cell->value != NULL)
        return err_fail(ini->e, ERR_CONFIG_KEY, "%.80s:%u: %s.%s was given before, at %s",
                        file_name(ini->path), ini->line, ini->section, key, cell->where);
    cell->value = arena_text(ini->store->arena, value);
    cell->origin = ORIGIN_FILE;
    cell->where = arena_printf(ini->store->arena, "%s:%u", file_name(ini->path), ini->line);
    return true;
}

static bool ini_line(struct ini *ini, char *text)
{
    text = text_trim(text);
    if (text[0] == '\0' || text[0] == ';' || text[0] == '#')
        return true;
    return text[0] == '[' ? ini_section(ini, text) : ini_pair(ini, text);
}

/* Reads at most max bytes into memory of its own, NUL-terminated; *n = bytes. The caller frees it.
 * */
static char *file_read(int fd, size_t max, size_t *n)
{
    char *text = mem_new(max + 2);
    *n = 0;
    while (*n <= max) {
        ssize_t got = read(fd, text + *n, max + 1 - *n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        *n += (size_t)got;
    }
    return text;
}

static bool file_load(struct config_store *store, const char *path, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_fail(e, ERR_CONFIG_FILE, "cannot read %.160s: %s", path, strerror(errno));
    size_t n = 0;
    char *text = file_read(fd, CONFIG_FILE_MAX_BYTES, &n);
    (void)close(fd);
    struct ini ini = {.store = store, .path = path, .e = e};
    bool ok = true;
    if (n > CONFIG_FILE_MAX_BYTES)
        ok = err_fail(e, ERR_CONFIG_FILE, "%.160s is larger than %d bytes", path,
                      CONFIG_FILE_MAX_BYTES);
    else if (strlen(text) != n)
        ok = err_fail(e, ERR_CONFIG_FILE, "%.160s holds a zero byte: not a text file", path);
    char *rest = text;
    while (ok && rest != NULL) {
        char *line = strsep(&rest, "\n");
        ini.line++;
        ok = ini_line(&ini, line);
    }
    free(text);
    return ok;
}

static const char *env_get(void *ctx, const char *name)
{
    (void)ctx;
    return getenv(name);
}

static bool env_load(struct config_store *store, const struct config_source *source, struct err *e)
{
    const char *(*get)(void *, const char *) = source->env == NULL ? env_get : source->env;
    if (get(source->env_ctx, "ESCROW_PRIVATE_KEY") != NULL)
        return err_fail(e, ERR_CONFIG_RULE,
                        "ESCROW_PRIVATE_KEY is in the environment: this daemon never sees a "
                        "private key; put it into a key file with relayer-keytool import and "
                        "unset the variable");
    for (size_t i = 0; i < config_table_n; i++) {
        const char *name = config_table[i].env;
        const char *value = name == NULL ? NULL : get(source->env_ctx, name);
        if (value == NULL)
            continue;
        if (strlen(value) > CONFIG_VALUE_MAX)
            return err_fail(e, ERR_CONFIG_VALUE, "environment %s: value too long", name);
        store->cell[i].value = arena_text(store->arena, value);
        store->cell[i].origin = ORIGIN_ENV;
        store->cell[i].where = arena_printf(store->arena, "environment %s", name);
    }
    return true;
}

/* One "section.key=value" of the command line. */
static bool set_load(struct config_store *store, const char *text, struct err *e)
{
    const char *equals = strchr(text, '=');
    const char *dot = strchr(text, '.');
    if (equals == NULL || dot == NULL || dot > equals)
        return err_fail(e, ERR_CONFIG_KEY, "--set %.40s: expected section.key=value", text);
    if (strlen(equals + 1) > CONFIG_VALUE_MAX)
        return err_fail(e, ERR_CONFIG_VALUE, "--set %.40s: value too long", text);
    const char *key = arena_text_n(store->arena, dot + 1, (size_t)(equals - dot - 1));
    int row = config_row_find(text, (size_t)(dot - text), key);
    if (row < 0)
        return err_fail(e, ERR_CONFIG_KEY, "--set: unknown setting %.*s",
                        (int)(equals - text > 80 ? 80 : equals - text), text);
    store->cell[row].value = arena_text(store->arena, equals + 1);
    store->cell[row].origin = ORIGIN_FLAG;
    store->cell[row].where = "--set";
    return true;
}

static bool sources_load(struct config_store *store, const struct config_source *source,
                         struct err *e)
{
    if (source->path != NULL && !file_load(store, source->path, e))
        return false;
    if (!env_load(store, source, e))
        return false;
    for (size_t i = 0; i < source->sets_n; i++) {
        if (!set_load(store, source->sets[i], e))
            return false;
    }
    return true;
}

static bool values_parse(struct config *config, struct err *e)
{
    for (size_t i = 0; i < config_table_n; i++) {
        const struct config_row *row = &config_table[i];
        struct config_cell *cell = &config->store->cell[i];
        if (cell->value == NULL) {
            if (row->preset == NULL)
                return err_fail(e, ERR_CONFIG_MISSING, "%s.%s is not set: %s", row->section,
                                row->key,
                                row->doc);
            cell->value = row->preset;
            cell->origin = ORIGIN_PRESET;
            cell->where = "default";
        }
        if (!config_value_parse(row, cell, config, e))
            return false;
    }
    return true;
}

bool config_load(const struct config_source *source, struct config *config, struct err *e)
{
    *config = (struct config){.store = mem_new(sizeof *config->store)};
    config->store->arena = arena_new(CONFIG_ARENA_BYTES);
    config->store->cell = mem_new_array(config_table_n, sizeof *config->store->cell);
    if (sources_load(config->store, source, e) && values_parse(config, e) &&
        config_rules_check(config, e))
        return true;
    config_free(config);
    return false;
}

void config_free(struct config *config)
{
    if (config->store != NULL) {
        arena_free(config->store->arena);
        free(config->store->cell);
        free(config->store);
    }
    *config = (struct config){0};
}
