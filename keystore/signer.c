// relayer-signer: the process that holds the keys.
//
// relayerd starts it with one socket per key and speaks keystore/PROTOCOL.md over them. It trusts
// nobody on the other side: whole transactions come in, its own policy file judges them, its own
// record remembers them. It opens no network connection and no database, and after start it opens
// nothing at all. It ends when all channels are closed.
//
// Exit codes: 0 all channels closed (or the check of --check passed), 2 usage, 3 settings, 4 key
// or password file, 5 wrong password, 6 record file, 7 system, 8 a channel was closed for breaking
// the protocol.
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "abi/hex.h"
#include "abi/keccak.h"
#include "keystore/key_open.h"
#include "keystore/sandbox.h"
#include "keystore/signer_config.h"
#include "keystore/signer_core.h"

enum exit_code {
    EXIT_DONE = 0,
    EXIT_USAGE = 2,
    EXIT_SETTINGS = 3,
    EXIT_KEY = 4,
    EXIT_PASSWORD = 5,
    EXIT_RECORD = 6,
    EXIT_SYSTEM = 7,
    EXIT_PROTOCOL = 8
};

struct options {
    const char *config;
    int fd[WIRE_KEYS]; // by place (wire.h); -1: not given
    bool takeover;     // wait for the record of the signer that is to be replaced
    bool check;        // look at settings and keys, sign nothing
};

// One socket. While an answer waits to be sent, nothing more is read: a daemon that does not read
// cannot make the signer collect answers.
struct channel {
    int fd; // -1: closed
    struct signer_channel state;
    size_t in_n, out_n, out_at;
    bool closing; // close once `out` is sent
    uint8_t in[WIRE_BYTES_MAX], out[WIRE_BYTES_MAX];
};

static struct signer signer;
static struct signer_config config;
static struct channel channels[WIRE_KEYS];

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line - 1, format, args);
    va_end(args);
    size_t length = n < 0 ? 0 : (size_t)n < sizeof line - 1 ? (size_t)n : sizeof line - 2;
    line[length] = '\n';
    // One write, so that lines of two processes on one stderr do not mix. Nothing to do if it
    // fails.
    ssize_t ignored = write(STDERR_FILENO, line, length + 1);
    (void)ignored;
}

// ---- start

static bool parse_fd(const char *text, int *fd)
{
    struct u256 number;
    uint64_t value;
    struct stat st;
    if (!u256_from_dec(text, &number) || !u256_to_u64(&number, &value) || value < 3 || value > 1023)
        return false;
    *fd = (int)value;
    return fstat(*fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

// The places after the first two have descriptors in a row.
static bool parse_more(const char *text, struct options *options)
{
    if (!parse_fd(text, &options->fd[WIRE_KEYS_ALWAYS]))
        return false;
    for (int i = WIRE_KEYS_ALWAYS + 1; i < WIRE_KEYS; i++) {
        char next[16];
        snprintf(next, sizeof next, "%d", options->fd[i - 1] + 1);
        if (!parse_fd(next, &options->fd[i]))
            return false;
    }
    return true;
}

static bool parse_value(const char *name, const char *value, struct options *options)
{
    if (strcmp(name, "--config") == 0) {
        options->config = value;
        return true;
    }
    if (strcmp(name, "--relayer-fd") == 0)
        return parse_fd(value, &options->fd[WIRE_KEY_RELAYER]);
    if (strcmp(name, "--arbiter-fd") == 0)
        return parse_fd(value, &options->fd[WIRE_KEY_ARBITER]);
    return strcmp(name, "--more-fd") == 0 && parse_more(value, options);
}

static bool fds_differ(const struct options *options)
{
    for (int i = 0; i < WIRE_KEYS; i++) {
        for (int k = 0; k < i; k++) {
            if (options->fd[i] >= 0 && options->fd[i] == options->fd[k])
                return false;
        }
    }
    return true;
}

static bool parse_options(int argc, char **argv, struct options *options)
{
    *options = (struct options){0};
    for (int i = 0; i < WIRE_KEYS; i++)
        options->fd[i] = -1;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--takeover") == 0)
            options->takeover = true;
        else if (strcmp(argv[i], "--check") == 0)
            options->check = true;
        else if (i + 1 == argc || !parse_value(argv[i], argv[i + 1], options))
            return false;
        else
            i++;
    }
    bool channels_given = options->fd[WIRE_KEY_RELAYER] >= 0 && options->fd[WIRE_KEY_ARBITER] >= 0;
    return options->config && (options->check || channels_given) && fds_differ(options);
}

// A module starts without environment, but for the one variable it may be given (which stays where
// it is: putenv).
static bool module_prepare(char *variable)
{
    const char *what;
    if (!sandbox_lock_memory(&what)) {
        say("relayer-signer: a token's module may keep keys in memory, and ours cannot be "
            "locked (%s): %s; raise the limit of locked memory (LimitMEMLOCK=infinity)", what,
            strerror(errno));
        return false;
    }
    return !*variable || putenv(variable) == 0;
}

static bool open_key(struct signer_key_place *place, struct sign_key *key, struct key_error *error)
{
    if (*place->keyfile)
        return key_open_with_file(signer.context, place->keyfile, place->password_file, key, error);
    const struct pkcs11_place token = {.module = place->pkcs11_module,
                                       .token = place->pkcs11_token,
                                       .key = place->pkcs11_key};
    return key_open_in_token(signer.context, &token, place->pkcs11_pin_file, key, error);
}

static enum exit_code key_exit(enum key_fault fault)
{
    switch (fault) {
    case KEY_FAULT_NONE:
    case KEY_FAULT_FILE:
        return EXIT_KEY;
    case KEY_FAULT_PASSWORD:
        return EXIT_PASSWORD;
    case KEY_FAULT_SYSTEM:
        return EXIT_SYSTEM;
    }
    return EXIT_SYSTEM;
}

static enum exit_code keys_differ(void)
{
    for (size_t i = 0; i < WIRE_KEYS; i++) {
        for (size_t k = 0; k < i; k++) {
            if (!signer.has[i] || !signer.has[k] ||
                memcmp(signer.key[i].address, signer.key[k].address, 20) != 0)
                continue;
            say("relayer-signer: [key.%s] and [key.%s] have the same address: whoever moves money "
                "must not decide disputes, and one key has one lane; create another with "
                "relayer-keytool new", wire_key_name(k), wire_key_name(i));
            return EXIT_SETTINGS;
        }
    }
    return EXIT_DONE;
}

static enum exit_code open_keys(const struct options *options)
{
    for (size_t i = 0; i < WIRE_KEYS; i++) {
        struct key_error error;
        struct signer_key_place *place = &config.key[i];
        if (signer_key_is_unset(place))
            continue;
        if (options->fd[i] < 0 && !options->check) {
            say("relayer-signer: [key.%s] has no channel: --more-fd is missing", wire_key_name(i));
            return EXIT_SETTINGS;
        }
        if (*place->pkcs11_module && !module_prepare(place->pkcs11_env))
            return EXIT_SYSTEM;
        signer.has[i] = open_key(place, &signer.key[i], &error);
        if (signer.has[i])
            continue;
        say("relayer-signer: [key.%s] %s", wire_key_name(i), error.text);
        return key_exit(error.fault);
    }
    pkcs11_pins_forget();
    return keys_differ();
}

// Another signer still has the record: who is to take over says what it will bring.
static void stand_by(void)
{
    for (size_t i = 0; i < WIRE_KEYS; i++) {
        uint8_t space[WIRE_BYTES_MAX];
        struct buf out;
        buf_init(&out, space, sizeof space);
        if (signer.has[i] && signer_standby(&signer, i, &out)) {
            // A channel that does not take it is found broken when it is served.
            ssize_t ignored =
                send(channels[i].fd, out.p, out.n, MSG_NOSIGNAL | MSG_DONTWAIT);
            (void)ignored;
        }
    }
}

static bool open_record(bool takeover)
{
    char error[512];
    struct record_identity identity = {.chain_id = config.policy.chain_id};
    for (int i = 0; i < WIRE_KEYS; i++) {
        if (signer.has[i])
            memcpy(identity.address[i], signer.key[i].address, 20);
    }
    signer.record = record_open(config.record_file, &identity,
                                takeover ? stand_by : NULL, error);
    if (!signer.record) {
        say("relayer-signer: %s", error);
        return false;
    }
    if (record_is_new(signer.record))
        say("relayer-signer: new record file %s: nothing signed before is known",
            config.record_file);
    if (record_is_upgraded(signer.record))
        say("relayer-signer: %s is now in the format that keeps signatures; an older "
            "relayer-signer refuses it", config.record_file);
    if (record_tail_bytes(signer.record))
        say("relayer-signer: %s: removed %" PRIu32 " bytes of a record that a crash cut off; its "
            "signature never left", config.record_file, record_tail_bytes(signer.record));
    return true;
}

static void say_ready(const char *what)
{
    char keys[WIRE_KEYS * (HEX_ADDRESS_SIZE + 16)] = "";
    for (size_t i = 0; i < WIRE_KEYS; i++) {
        char address[HEX_ADDRESS_SIZE];
        size_t used = strlen(keys);
        if (!signer.has[i])
            continue;
        hex_checksum_address(signer.key[i].address, address);
        snprintf(keys + used, sizeof keys - used, ", %s %s", wire_key_name(i), address);
    }
    say("relayer-signer: %s on chain %" PRIu64 "%s%s", what, signer.policy.chain_id, keys,
        sandbox_is_enforced() ? "" : " (without seccomp: a build for tests)");
}

static void channel_close(struct channel *channel)
{
    close(channel->fd);
    channel->fd = -1;
}

// Where there is no key, the end of the channel says so.
static void take_channels(const struct options *options)
{
    for (size_t i = 0; i < WIRE_KEYS; i++) {
        channels[i].fd = options->fd[i];
        channels[i].state.key = i;
        if (channels[i].fd >= 0 && !signer.has[i])
            channel_close(&channels[i]);
    }
}

static bool has_token(void)
{
    for (size_t i = 0; i < WIRE_KEYS; i++) {
        if (signer.has[i] && signer.key[i].token)
            return true;
    }
    return false;
}

static enum exit_code start(const struct options *options)
{
    const char *what;
    char error[512];
    if (!sandbox_prepare(options->fd, WIRE_KEYS, &what)) {
        say("relayer-signer: %s: %s", what, strerror(errno));
        return EXIT_SYSTEM;
    }
    if (!keccak_selftest()) {
        say("relayer-signer: Keccak-256 gives wrong results on this machine; do not use it");
        return EXIT_SYSTEM;
    }
    if (!signer_config_read(options->config, &config, error)) {
        say("relayer-signer: %s", error);
        return EXIT_SETTINGS;
    }
    signer.policy = config.policy;
    signer.context = sign_context_new();
    if (!signer.context) {
        say("relayer-signer: no randomness or no memory");
        return EXIT_SYSTEM;
    }
    enum exit_code code = open_keys(options);
    if (code != EXIT_DONE)
        return code;
    if (options->check) {
        say_ready("settings and keys are right");
        return EXIT_DONE;
    }
    take_channels(options);
    if (!open_record(options->takeover))
        return EXIT_RECORD;
    if (!sandbox_enter(has_token())) {
        say("relayer-signer: the kernel refuses the seccomp filter: %s", strerror(errno));
        return EXIT_SYSTEM;
    }
    for (size_t i = 0; i < WIRE_KEYS; i++) {
        // A module that needs a forbidden call ends the process here, not at the first payment.
        if (signer.has[i] && !sign_key_try(signer.context, &signer.key[i])) {
            say("relayer-signer: the token of the %s key does not sign once system calls are "
                "limited", wire_key_name(i));
            return EXIT_KEY;
        }
    }
    say_ready("ready");
    return EXIT_DONE;
}

// ---- serve

static uint32_t today(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec < 0 ? 0 : (uint32_t)(now.tv_sec / 86400);
}

// False when the channel broke the protocol.
static bool channel_answer(struct channel *channel)
{
    struct bytes in = {channel->in, channel->in_n};
    struct wire_message message;
    struct buf out;
    switch (wire_read(&in, &message)) {
    case WIRE_READ_MORE:
        return true;
    case WIRE_READ_BAD:
        return false;
    case WIRE_READ_OK:
        break;
    }
    buf_init(&out, channel->out, sizeof channel->out);
    bool fine = signer_answer(&signer, &channel->state, &message, today(), &out);
    channel->out_n = out.full ? 0 : out.n;
    channel->out_at = 0;
    channel->in_n = in.n;
    memmove(channel->in, in.p, in.n);
    return fine;
}

// Sends what waits. False when the other side is gone.
static bool channel_send(struct channel *channel)
{
    while (channel->out_at < channel->out_n) {
        ssize_t n = send(channel->fd, channel->out + channel->out_at,
                         channel->out_n - channel->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN;
        channel->out_at += (size_t)n;
    }
    channel->out_n = channel->out_at = 0;
    return true;
}

// False at the end of the stream.
static bool channel_receive(struct channel *channel)
{
    ssize_t n = recv(channel->fd, channel->in + channel->in_n, sizeof channel->in - channel->in_n,
                     MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    channel->in_n += (size_t)n;
    return n > 0;
}

// Handles one readiness. True when the channel broke the protocol.
static bool channel_turn(struct channel *channel)
{
    bool broke = false;
    if (channel->out_n == 0 && !channel_receive(channel)) {
        channel_close(channel);
        return false;
    }
    for (;;) {
        size_t before = channel->in_n;
        if (!channel_send(channel)) {
            channel_close(channel);
            return broke;
        }
        if (channel->out_n != 0 || channel->closing)
            break;
        if (!channel_answer(channel)) {
            say("relayer-signer: the %s channel broke the protocol; it is closed",
                wire_key_name(channel->state.key));
            broke = channel->closing = true;
        } else if (channel->in_n == before) {
            break; // no whole frame
        }
    }
    if (channel->closing && channel->out_n == 0)
        channel_close(channel);
    return broke;
}

static bool some_open(void)
{
    for (size_t i = 0; i < WIRE_KEYS; i++) {
        if (channels[i].fd >= 0)
            return true;
    }
    return false;
}

static enum exit_code serve(void)
{
    enum exit_code code = EXIT_DONE;
    while (some_open()) {
        struct pollfd polls[WIRE_KEYS];
        for (int i = 0; i < WIRE_KEYS; i++)
            polls[i] = (struct pollfd){.fd = channels[i].fd,
                                       .events = channels[i].out_n ? POLLOUT : POLLIN};
        if (ppoll(polls, WIRE_KEYS, NULL, NULL) < 0 && errno != EINTR) {
            say("relayer-signer: poll: %s", strerror(errno));
            return EXIT_SYSTEM;
        }
        for (int i = 0; i < WIRE_KEYS; i++) {
            if (polls[i].revents && channel_turn(&channels[i]))
                code = EXIT_PROTOCOL;
        }
    }
    return code;
}

int main(int argc, char **argv)
{
    struct options options;
    if (!parse_options(argc, argv, &options)) {
        say("usage: relayer-signer --config FILE --relayer-fd N --arbiter-fd N [--more-fd N] "
            "[--takeover] (connected sockets; relayerd starts it so), or relayer-signer --check "
            "--config FILE");
        return EXIT_USAGE;
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN); // Ctrl-C reaches the daemon too: it ends us by closing the channels
    enum exit_code code = start(&options);
    if (code == EXIT_DONE && !options.check)
        code = serve();
    for (int i = 0; i < WIRE_KEYS; i++)
        sign_key_free(&signer.key[i]);
    sign_context_free(signer.context);
    record_close(signer.record);
    return code;
}
