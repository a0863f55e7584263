#include "keystore/signer_config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/hex.h"
#include "keystore/private_file.h"

enum setting_form { FORM_U64, FORM_U256, FORM_ADDRESS, FORM_ADDRESSES, FORM_PATH,
                    FORM_LABEL, FORM_VARIABLE };

struct setting {
    const char *section, *key;
    enum setting_form form;
    size_t at; // offset in struct signer_config
    bool optional;
};

#define AT(member) offsetof(struct signer_config, member)

// Which of the two forms is there: key_check.
#define KEY_ROWS(section, i)                                                                       \
    {section, "keyfile", FORM_PATH, AT(key[i].keyfile), true},                                     \
        {section, "password_file", FORM_PATH, AT(key[i].password_file), true},                     \
        {section, "pkcs11_module", FORM_PATH, AT(key[i].pkcs11_module), true},                     \
        {section, "pkcs11_token", FORM_LABEL, AT(key[i].pkcs11_token), true},                      \
        {section, "pkcs11_key", FORM_LABEL, AT(key[i].pkcs11_key), true},                          \
        {section, "pkcs11_pin_file", FORM_PATH, AT(key[i].pkcs11_pin_file), true},                 \
        {section, "pkcs11_env", FORM_VARIABLE, AT(key[i].pkcs11_env), true}

static const struct setting settings[] = {
    {"signer", "chain_id", FORM_U64, AT(policy.chain_id), false},
    {"signer", "record_file", FORM_PATH, AT(record_file), false},
    KEY_ROWS("key.relayer", 0),
    KEY_ROWS("key.arbiter", 1),
    KEY_ROWS("key.relayer.2", 2),
    KEY_ROWS("key.relayer.3", 3),
    KEY_ROWS("key.relayer.4", 4),
    KEY_ROWS("key.relayer.5", 5),
    KEY_ROWS("key.relayer.6", 6),
    KEY_ROWS("key.relayer.7", 7),
    KEY_ROWS("key.relayer.8", 8),
    KEY_ROWS("key.arbiter.2", 9),
    {"policy", "escrow", FORM_ADDRESS, AT(policy.escrow), false},
    {"policy", "token", FORM_ADDRESS, AT(policy.token), false},
    {"policy", "juno_deposit", FORM_ADDRESSES, AT(policy.deposits), false},
    {"policy", "max_gas", FORM_U64, AT(policy.max_gas), false},
    {"policy", "max_fee_wei", FORM_U256, AT(policy.max_fee_wei), false},
    {"policy", "max_priority_fee_wei", FORM_U256, AT(policy.max_priority_fee_wei), false},
    {"policy", "max_tx_units", FORM_U64, AT(policy.max_tx_units), false},
    {"policy", "max_day_units", FORM_U64, AT(policy.max_day_units), false},
    {"policy", "max_allowance_units", FORM_U64, AT(policy.max_allowance_units), true},
};

enum { SETTINGS = sizeof settings / sizeof *settings };

struct reader {
    const char *path;
    int line;
    char section[32];
    bool seen[SETTINGS];
    struct signer_config *config;
    char *error; // 512 bytes
};

__attribute__((format(printf, 2, 3))) static bool config_fail(struct reader *reader,
                                                              const char *format, ...)
{
    char what[400];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (reader->line)
        snprintf(reader->error, 512, "%.90s:%d: %s", reader->path, reader->line, what);
    else
        snprintf(reader->error, 512, "%.90s: %s", reader->path, what);
    return false;
}

static char *trim(char *text)
{
    text += strspn(text, " \t\r");
    size_t n = strlen(text);
    while (n > 0 && strchr(" \t\r", text[n - 1]))
        text[--n] = '\0';
    return text;
}

static bool take_addresses(char *value, struct policy *policy)
{
    char *rest = value;
    policy->deposits_n = 0;
    while (rest) {
        const char *item = trim(strsep(&rest, ","));
        if (policy->deposits_n == POLICY_DEPOSITS_MAX ||
            !hex_parse_address(item, policy->deposits[policy->deposits_n]))
            return false;
        policy->deposits_n++;
    }
    return true;
}

static bool take_text_value(const char *value, char *at, size_t cap)
{
    size_t n = strlen(value);
    if (n == 0 || n >= cap)
        return false;
    memcpy(at, value, n + 1);
    return true;
}

static bool take_value(struct reader *reader, const struct setting *setting, char *value)
{
    char *at = (char *)reader->config + setting->at;
    struct u256 number;
    switch (setting->form) {
    case FORM_U64:
        if (u256_from_dec(value, &number) && u256_to_u64(&number, (uint64_t *)(void *)at))
            return true;
        return config_fail(reader, "%s must be a whole number in decimal, up to 64 bits",
                           setting->key);
    case FORM_U256:
        if (u256_from_dec(value, (struct u256 *)(void *)at))
            return true;
        return config_fail(reader, "%s must be a whole number in decimal", setting->key);
    case FORM_ADDRESS:
        if (hex_parse_address(value, (uint8_t *)at))
            return true;
        return config_fail(reader, "%s must be one address: 0x and 40 hex digits, with a right "
                           "checksum if in mixed case", setting->key);
    case FORM_ADDRESSES:
        if (take_addresses(value, &reader->config->policy))
            return true;
        return config_fail(reader, "%s must be 1 to %d addresses separated by commas",
                           setting->key, POLICY_DEPOSITS_MAX);
    case FORM_PATH:
        return take_text_value(value, at, SIGNER_PATH_MAX) ||
               config_fail(reader, "%s must be a path of 1 to %d bytes", setting->key,
                           SIGNER_PATH_MAX - 1);
    case FORM_LABEL:
        return take_text_value(value, at, SIGNER_LABEL_MAX) ||
               config_fail(reader, "%s must be a label of 1 to %d bytes", setting->key,
                           SIGNER_LABEL_MAX - 1);
    case FORM_VARIABLE:
        return (*value != '=' && strchr(value, '=') &&
                take_text_value(value, at, SIGNER_PATH_MAX)) ||
               config_fail(reader, "%s must be NAME=VALUE of at most %d bytes", setting->key,
                           SIGNER_PATH_MAX - 1);
    }
    return false;
}

static bool take_setting(struct reader *reader, const char *key, char *value)
{
    for (size_t i = 0; i < SETTINGS; i++) {
        if (strcmp(settings[i].section, reader->section) != 0 || strcmp(settings[i].key, key) != 0)
            continue;
        if (reader->seen[i])
            return config_fail(reader, "%s is set twice", key);
        reader->seen[i] = true;
        return take_value(reader, &settings[i], value);
    }
    return config_fail(reader, "unknown setting \"%.40s\" in section [%s]", key, reader->section);
}

static bool take_section(struct reader *reader, char *line)
{
    size_t n = strlen(line);
    if (line[n - 1] != ']' || n - 2 >= sizeof reader->section)
        return config_fail(reader, "not a section: write [name]");
    memcpy(reader->section, line + 1, n - 2);
    reader->section[n - 2] = '\0';
    for (size_t i = 0; i < SETTINGS; i++) {
        if (strcmp(settings[i].section, reader->section) == 0)
            return true;
    }
    return config_fail(reader, "unknown section [%s]", reader->section);
}

static bool take_line(struct reader *reader, char *text)
{
    char *line = trim(text);
    if (*line == '\0' || *line == '#' || *line == ';')
        return true;
    if (*line == '[')
        return take_section(reader, line);
    char *equals = strchr(line, '=');
    if (!equals)
        return config_fail(reader, "not a setting: write key = value");
    *equals = '\0';
    return take_setting(reader, trim(line), trim(equals + 1));
}

static bool take_text(struct reader *reader, char *text, size_t n)
{
    if (memchr(text, 0, n))
        return config_fail(reader, "it holds a zero byte; it must be text");
    char *rest = text;
    while (rest) {
        char *line = strsep(&rest, "\n");
        reader->line++;
        if (strlen(line) >= SIGNER_LINE_MAX)
            return config_fail(reader, "the line is longer than %d bytes", SIGNER_LINE_MAX - 1);
        if (!take_line(reader, line))
            return false;
    }
    reader->line = 0;
    return true;
}

static bool is_zero_address(const uint8_t address[20])
{
    static const uint8_t zero[20];
    return memcmp(address, zero, sizeof zero) == 0;
}

// Exactly one of the two forms, whole.
static bool key_check(struct reader *reader, const struct signer_key_place *key, const char *name)
{
    bool has_file = *key->keyfile || *key->password_file;
    bool has_token = *key->pkcs11_module || *key->pkcs11_token || *key->pkcs11_key ||
                     *key->pkcs11_pin_file || *key->pkcs11_env;
    if (has_file && has_token)
        return config_fail(reader, "section [%s] has settings of a key file and of a token "
                           "(pkcs11_...): a key is in one of them", name);
    if (!has_token && *key->keyfile && *key->password_file)
        return true;
    if (!has_token)
        return config_fail(reader, "%s is missing in section [%s]",
                           *key->keyfile ? "password_file" : "keyfile", name);
    const char *missing = !*key->pkcs11_module     ? "pkcs11_module"
                          : !*key->pkcs11_token    ? "pkcs11_token"
                          : !*key->pkcs11_key      ? "pkcs11_key"
                          : !*key->pkcs11_pin_file ? "pkcs11_pin_file"
                                                   : NULL;
    if (missing)
        return config_fail(reader, "%s is missing in section [%s]", missing, name);
    return *key->pkcs11_module == '/' ||
           config_fail(reader, "pkcs11_module in section [%s] must be an absolute path, from / on: "
                       "a name alone would be looked for in folders", name);
}

bool signer_key_is_unset(const struct signer_key_place *place)
{
    return !*place->keyfile && !*place->password_file && !*place->pkcs11_module &&
           !*place->pkcs11_pin_file && !*place->pkcs11_token && !*place->pkcs11_key &&
           !*place->pkcs11_env;
}

// What no single line can tell.
static bool check_whole(struct reader *reader)
{
    struct policy *policy = &reader->config->policy;
    for (size_t i = 0; i < SETTINGS; i++) {
        if (reader->seen[i])
            continue;
        if (!settings[i].optional)
            return config_fail(reader, "%s is missing in section [%s]", settings[i].key,
                               settings[i].section);
        if (settings[i].at == AT(policy.max_allowance_units))
            policy->max_allowance_units = policy->max_day_units;
    }
    for (size_t i = 0; i < WIRE_KEYS; i++) {
        struct signer_key_place *place = &reader->config->key[i];
        char section[32];
        snprintf(section, sizeof section, "key.%s", wire_key_name(i));
        if ((i < WIRE_KEYS_ALWAYS || !signer_key_is_unset(place)) &&
            !key_check(reader, place, section))
            return false;
    }
    if (policy->chain_id == 0)
        return config_fail(reader, "chain_id 0 is no chain");
    if (is_zero_address(policy->escrow) || is_zero_address(policy->token) ||
        memcmp(policy->escrow, policy->token, 20) == 0)
        return config_fail(reader, "escrow and token must be two different contracts");
    for (size_t i = 0; i < policy->deposits_n; i++) {
        const uint8_t *deposit = policy->deposits[i];
        if (is_zero_address(deposit) || memcmp(deposit, policy->escrow, 20) == 0 ||
            memcmp(deposit, policy->token, 20) == 0)
            return config_fail(reader, "juno_deposit holds the zero address or one of the "
                               "contracts: tokens sent there would be lost");
    }
    return true;
}

// The file is read whole; it holds no secret, but decides what is signed.
static bool read_file(struct reader *reader, char *text, size_t cap, size_t *n)
{
    int fd = open(reader->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return config_fail(reader, "%s", strerror(errno));
    struct stat st;
    bool ok = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    *n = 0;
    if (!ok)
        config_fail(reader, "not a regular file");
    else if (!private_file_is_guarded(&st))
        ok = config_fail(reader, "others may change it (mode %03o, owner %u): run chmod go-w on it",
                         (unsigned)(st.st_mode & 0777), (unsigned)st.st_uid);
    ssize_t got = 1;
    while (ok && got > 0 && *n < cap) {
        got = read(fd, text + *n, cap - *n);
        if (got > 0)
            *n += (size_t)got;
    }
    if (ok && got < 0)
        ok = config_fail(reader, "%s", strerror(errno));
    else if (ok && *n == cap)
        ok = config_fail(reader, "it is larger than %d bytes", SIGNER_CONFIG_MAX);
    close(fd);
    return ok;
}

bool signer_config_read(const char *path, struct signer_config *config, char error[512])
{
    static char text[SIGNER_CONFIG_MAX + 2];
    struct reader reader = {.path = path, .config = config, .error = error};
    size_t n = 0;
    *config = (struct signer_config){0};
    if (!read_file(&reader, text, SIGNER_CONFIG_MAX + 1, &n))
        return false;
    text[n] = '\0';
    return take_text(&reader, text, n) && check_whole(&reader);
}
