// relayer-keytool: makes, imports and re-encrypts key files. Works offline and talks to nothing.
//
// A password never stands on the command line, where every user of the machine could read it: it
// comes from a private file or from the terminal. Addresses go to stdout, everything else to
// stderr.
//
// Exit codes: 0 done, 2 usage, 4 key or password file, 5 wrong password, 7 system.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "abi/hex.h"
#include "abi/keccak.h"
#include "keystore/key_open.h"
#include "keystore/private_file.h"
#include "keystore/prompt.h"

enum exit_code { EXIT_DONE = 0, EXIT_USAGE = 2, EXIT_FILE = 4, EXIT_PASSWORD = 5, EXIT_SYSTEM = 7 };

enum { PASSWORD_MIN = 8 };

static const char usage_text[] =
    "usage:\n"
    "  relayer-keytool new     --out FILE [--password-file FILE] [--light]\n"
    "  relayer-keytool import  --out FILE [--key-file FILE] [--password-file FILE] [--light]\n"
    "  relayer-keytool address --key FILE [--password-file FILE]\n"
    "  relayer-keytool passwd  --key FILE [--password-file FILE]\n"
    "                          [--new-password-file FILE] [--light]\n"
    "\n"
    "new       makes a random key, writes it encrypted (mode 0600) and prints its address\n"
    "import    reads a private key, 64 hex digits, from --key-file or from standard input\n"
    "address   prints the address a key file states; with --password-file, of the key it holds\n"
    "passwd    encrypts a key file under another password\n"
    "--light   cheap key derivation, for test environments only\n"
    "Without a password file the password is asked on the terminal.\n";

struct options {
    const char *out, *key, *key_file, *password_file, *new_password_file;
    enum keyfile_cost cost;
};

struct command {
    const char *name;
    enum exit_code (*run)(struct sign_context *context, const struct options *options);
    bool needs_out, needs_key;
    const char *allowed; // options by their letter in option_rows
};

__attribute__((format(printf, 2, 3))) static enum exit_code fail(enum exit_code code,
                                                                 const char *format, ...)
{
    va_list args;
    fputs("relayer-keytool: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return code;
}

static void print_address(const uint8_t address[20])
{
    char text[HEX_ADDRESS_SIZE];
    hex_checksum_address(address, text);
    puts(text);
}

// ---- passwords

static enum exit_code password_of(const char *path, const char *question, struct secret *password)
{
    struct file_error error;
    const char *why;
    if (path && private_file_password(path, password, &error))
        return EXIT_DONE;
    if (path)
        return fail(EXIT_FILE, "password file %s", error.text);
    if (prompt_line(question, password, &why))
        return EXIT_DONE;
    return fail(EXIT_FILE, "password: %s", why);
}

// A password that will protect a key: long enough, and typed twice when it is typed.
static enum exit_code new_password_of(const char *path, struct secret *password)
{
    struct secret again;
    enum exit_code code = password_of(path, "New password: ", password);
    if (code != EXIT_DONE)
        return code;
    if (password->n < PASSWORD_MIN)
        code = fail(EXIT_PASSWORD, "the password must have at least %d characters", PASSWORD_MIN);
    else if (!path) {
        code = password_of(NULL, "The same again: ", &again);
        if (code == EXIT_DONE &&
            (again.n != password->n || !secret_equal(again.data, password->data, again.n)))
            code = fail(EXIT_PASSWORD, "the two passwords differ");
        if (code == EXIT_DONE || code == EXIT_PASSWORD)
            secret_free(&again);
    }
    if (code != EXIT_DONE)
        secret_free(password);
    return code;
}

// ---- writing

struct sealed {
    char text[KEYFILE_TEXT_MAX];
    size_t n;
};

// Encrypts, then opens the result again: a key file that does not open is lost money.
static enum exit_code seal(const struct sign_key *key, const struct secret *password,
                           enum keyfile_cost cost, struct sealed *out)
{
    struct keyfile_error error;
    struct secret back = {0};
    uint8_t address[20];
    if (!keyfile_seal(&key->secret, key->address, password, cost, out->text, &out->n, &error) ||
        !keyfile_open(out->text, out->n, password, &back, address, &error))
        return fail(EXIT_SYSTEM, "%s", error.text);
    bool same = secret_equal(back.data, key->secret.data, 32) &&
                memcmp(address, key->address, 20) == 0;
    secret_free(&back);
    return same ? EXIT_DONE : fail(EXIT_SYSTEM, "the encrypted key does not read back; nothing was "
                                   "written");
}

static enum exit_code write_new(const struct sign_key *key, const struct options *options)
{
    struct secret password;
    struct sealed sealed;
    struct file_error error;
    enum exit_code code = new_password_of(options->password_file, &password);
    if (code != EXIT_DONE)
        return code;
    code = seal(key, &password, options->cost, &sealed);
    secret_free(&password);
    if (code != EXIT_DONE)
        return code;
    if (!private_file_create(options->out, sealed.text, sealed.n, &error))
        return fail(EXIT_FILE, "%s", error.text);
    print_address(key->address);
    return EXIT_DONE;
}

// ---- commands

static enum exit_code take_and_write(struct sign_context *context, struct secret *secret,
                                     const struct options *options)
{
    struct sign_key key;
    if (!sign_key_take(context, secret, &key)) {
        secret_free(secret);
        return fail(EXIT_FILE,
                    "this is no secp256k1 private key: it must be a number from 1 to n - 1");
    }
    enum exit_code code = write_new(&key, options);
    sign_key_free(&key);
    return code;
}

static enum exit_code run_new(struct sign_context *context, const struct options *options)
{
    struct secret secret;
    if (!secret_new(&secret, 32) || getrandom(secret.data, 32, 0) != 32)
        return fail(EXIT_SYSTEM, "no randomness or no locked memory (see ulimit -l)");
    return take_and_write(context, &secret, options);
}

static enum exit_code run_import(struct sign_context *context, const struct options *options)
{
    struct secret text, secret;
    struct file_error error;
    const char *why;
    size_t n;
    if (options->key_file) {
        if (!private_file_password(options->key_file, &text, &error))
            return fail(EXIT_FILE, "private key file %s", error.text);
    } else if (isatty(STDIN_FILENO) ? !prompt_line("Private key: ", &text, &why)
                                    : !prompt_read(STDIN_FILENO, &text, &why)) {
        return fail(EXIT_FILE, "private key: %s", why);
    }
    if (!secret_new(&secret, 32)) {
        secret_free(&text);
        return fail(EXIT_SYSTEM, "no locked memory (see ulimit -l)");
    }
    bool ok = hex_decode((const char *)text.data, text.n, secret.data, 32, &n) && n == 32;
    secret_free(&text);
    if (ok)
        return take_and_write(context, &secret, options);
    secret_free(&secret);
    return fail(EXIT_FILE, "the private key must be 64 hex digits");
}

static enum exit_code open_key(struct sign_context *context, const struct options *options,
                               struct secret *password, struct sign_key *key)
{
    struct key_error error;
    enum exit_code code = password_of(options->password_file, "Password: ", password);
    if (code != EXIT_DONE)
        return code;
    if (key_open(context, options->key, password, key, &error))
        return EXIT_DONE;
    secret_free(password);
    return fail(error.fault == KEY_FAULT_PASSWORD ? EXIT_PASSWORD
                : error.fault == KEY_FAULT_SYSTEM ? EXIT_SYSTEM
                                                  : EXIT_FILE,
                "%s", error.text);
}

static enum exit_code run_address(struct sign_context *context, const struct options *options)
{
    struct secret text = {0}, password;
    struct file_error error;
    struct keyfile_error why;
    struct sign_key key;
    uint8_t address[20];
    if (options->password_file) {
        enum exit_code code = open_key(context, options, &password, &key);
        if (code != EXIT_DONE)
            return code;
        print_address(key.address);
        secret_free(&password);
        sign_key_free(&key);
        return EXIT_DONE;
    }
    if (!private_file_read(options->key, &text, &error))
        return fail(EXIT_FILE, "key file %s", error.text);
    bool ok = keyfile_stated_address((const char *)text.data, text.n, address, &why);
    secret_free(&text);
    if (!ok)
        return fail(EXIT_FILE, "key file %s: %s", options->key, why.text);
    print_address(address);
    return EXIT_DONE;
}

static enum exit_code run_passwd(struct sign_context *context, const struct options *options)
{
    struct secret old, fresh;
    struct sign_key key;
    struct sealed sealed;
    struct file_error error;
    enum exit_code code = open_key(context, options, &old, &key);
    if (code != EXIT_DONE)
        return code;
    secret_free(&old);
    code = new_password_of(options->new_password_file, &fresh);
    if (code == EXIT_DONE) {
        code = seal(&key, &fresh, options->cost, &sealed);
        secret_free(&fresh);
    }
    if (code == EXIT_DONE && !private_file_replace(options->key, sealed.text, sealed.n, &error))
        code = fail(EXIT_FILE, "%s", error.text);
    if (code == EXIT_DONE)
        print_address(key.address);
    sign_key_free(&key);
    return code;
}

// ---- command line

static const struct command commands[] = {
    {"new", run_new, true, false, "opl"},
    {"import", run_import, true, false, "ofpl"},
    {"address", run_address, false, true, "kp"},
    {"passwd", run_passwd, false, true, "kpnl"},
};

static bool parse_option(char **argv, int *i, const struct command *command,
                         struct options *options)
{
    struct {
        char letter;
        const char *name;
        const char **value;
    } rows[] = {{'o', "--out", &options->out},
                {'k', "--key", &options->key},
                {'f', "--key-file", &options->key_file},
                {'p', "--password-file", &options->password_file},
                {'n', "--new-password-file", &options->new_password_file}};
    if (strcmp(argv[*i], "--light") == 0 && strchr(command->allowed, 'l')) {
        options->cost = KEYFILE_COST_LIGHT;
        return true;
    }
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        if (strcmp(argv[*i], rows[row].name) != 0 || !strchr(command->allowed, rows[row].letter))
            continue;
        if (*rows[row].value || !argv[*i + 1])
            return false;
        *rows[row].value = argv[++*i];
        return true;
    }
    return false;
}

static const struct command *parse(int argc, char **argv, struct options *options)
{
    *options = (struct options){.cost = KEYFILE_COST_STANDARD};
    const struct command *command = NULL;
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            command = &commands[i];
    }
    for (int i = 2; command && i < argc; i++) {
        if (!parse_option(argv, &i, command, options))
            return NULL;
    }
    if (!command || (command->needs_out && !options->out) || (command->needs_key && !options->key))
        return NULL;
    return command;
}

int main(int argc, char **argv)
{
    struct rlimit none = {0, 0};
    struct options options;
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return fputs(usage_text, stdout) < 0 ? EXIT_SYSTEM : EXIT_DONE;
    const struct command *command = parse(argc, argv, &options);
    if (!command) {
        fputs(usage_text, stderr);
        return EXIT_USAGE;
    }
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return fail(EXIT_SYSTEM, "core dumps cannot be forbidden");
    if (!keccak_selftest())
        return fail(EXIT_SYSTEM, "Keccak-256 gives wrong results on this machine; do not use it");
    struct sign_context *context = sign_context_new();
    if (!context)
        return fail(EXIT_SYSTEM, "no randomness or no memory");
    enum exit_code code = command->run(context, &options);
    sign_context_free(context);
    if (fflush(stdout) != 0)
        code = fail(EXIT_SYSTEM, "the address could not be printed");
    return code;
}
