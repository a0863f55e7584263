// bench-sign: what the daemon's signature costs beside the bare one.
//
//   bench-sign            sign.time (encode, hash, sign, encode) and sign.recover_time (the same and
//                         the check of our own signature), each held against a bare
//                         secp256k1_ecdsa_sign_recoverable loop with the same library, in the same
//                         run, trial by trial
//   bench-sign --repeat bare|sign|recover N    does that N times; sign_instructions.mjs counts it
//   bench-sign --loop N   CPU nanoseconds of one whole signature, over N; for sign_peers.mjs
//   bench-sign --print    the signed transaction of nonce 0 in hex; for sign_peers.mjs
//
// The unit is user-mode instructions from the CPU's counter where perf_event_open gives it (it
// repeats within 0.1 %), CPU nanoseconds elsewhere.
#include <linux/perf_event.h>
#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "abi/hex.h"
#include "abi/mxnb.h"
#include "abi/tx.h"
#include "keystore/sign.h"

// Many short trials: the two halves of a pair then meet the same machine even where others load it.
enum { TRIALS = 41, OPERATIONS = 250 };

static const uint8_t private_key[32] = {[0 ... 31] = 0x46}; // the key of the example in EIP-155

static struct sign_context *context;
static struct sign_key key;
static secp256k1_context *bare;
static struct tx tx;
static uint8_t calldata[MXNB_CALL_SIZE_MAX];

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "bench-sign: %s failed\n", what);
    exit(1);
}

// ---- counters

static int counter_open(void)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_HARDWARE, .size = sizeof attr,
                                   .config = PERF_COUNT_HW_INSTRUCTIONS, .exclude_kernel = 1,
                                   .exclude_hv = 1};
    return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static uint64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t counter_read(int counter)
{
    uint64_t value;
    if (counter < 0)
        return cpu_ns();
    if (read(counter, &value, sizeof value) != (ssize_t)sizeof value)
        give_up("reading the instruction counter");
    return value;
}

// ---- the three loops

static void run_bare(uint64_t nonce)
{
    secp256k1_ecdsa_recoverable_signature signature;
    uint8_t digest[32] = {1};
    memcpy(digest + 24, &nonce, sizeof nonce);
    if (!secp256k1_ecdsa_sign_recoverable(bare, &signature, digest, private_key, NULL, NULL))
        give_up("the bare signature");
}

static size_t whole(uint64_t nonce, bool check, uint8_t out[512])
{
    struct signature signature;
    uint8_t digest[32];
    struct buf buf;
    tx.nonce = nonce;
    buf_init(&buf, out, 512);
    if (!tx_sighash(&tx, digest) || !sign_digest(context, &key, digest, &signature) ||
        (check && !sign_check(context, &key, digest, &signature)))
        give_up("the signature");
    memcpy(tx.r, signature.r, 32);
    memcpy(tx.s, signature.s, 32);
    tx.y_parity = signature.y_parity;
    tx.has_signature = true;
    if (!tx_encode_signed(&tx, &buf))
        give_up("the encoding");
    return buf.n;
}

static void run_sign(uint64_t nonce)
{
    uint8_t out[512];
    whole(nonce, false, out);
}

static void run_sign_recover(uint64_t nonce)
{
    uint8_t out[512];
    whole(nonce, true, out);
}

static uint64_t cost_of(int counter, void (*run)(uint64_t), uint64_t n)
{
    uint64_t before = counter_read(counter);
    for (uint64_t i = 0; i < n; i++)
        run(i);
    return (counter_read(counter) - before) / n;
}

// ---- the table

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void print_row(const char *name, uint64_t own[TRIALS], uint64_t against[TRIALS],
                      const char *unit)
{
    double ratio[TRIALS];
    for (int i = 0; i < TRIALS; i++)
        ratio[i] = (double)own[i] / (double)against[i];
    // The median of the pairs, not the pair of the medians: both halves of a pair met the same
    // machine.
    for (int i = 1; i < TRIALS; i++) {
        for (int j = i; j > 0 && ratio[j] < ratio[j - 1]; j--) {
            double swap = ratio[j];
            ratio[j] = ratio[j - 1];
            ratio[j - 1] = swap;
        }
    }
    uint64_t sorted[TRIALS], other[TRIALS];
    memcpy(sorted, own, sizeof sorted);
    memcpy(other, against, sizeof other);
    qsort(sorted, TRIALS, sizeof *sorted, compare);
    qsort(other, TRIALS, sizeof *other, compare);
    printf("{\"name\":\"%s\",\"value\":%llu,\"unit\":\"%s\","
           "\"against\":\"bare secp256k1_ecdsa_sign_recoverable\",\"against_value\":%llu,"
           "\"ratio\":%.3f,\"samples\":%d,\"min\":%llu,\"max\":%llu}\n",
           name, (unsigned long long)sorted[TRIALS / 2], unit,
           (unsigned long long)other[TRIALS / 2],
           ratio[TRIALS / 2], TRIALS, (unsigned long long)sorted[0],
           (unsigned long long)sorted[TRIALS - 1]);
}

static void table(void)
{
    uint64_t costs[3][TRIALS];
    void (*const runs[3])(uint64_t) = {run_bare, run_sign, run_sign_recover};
    int counter = counter_open();
    for (int trial = -1; trial < TRIALS; trial++) { // the first one only warms up
        for (int i = 0; i < 3; i++) {
            uint64_t cost = cost_of(counter, runs[i], OPERATIONS);
            if (trial >= 0)
                costs[i][trial] = cost;
        }
    }
    const char *unit = counter >= 0 ? "instructions" : "cpu_ns";
    print_row("sign.time", costs[1], costs[0], unit);
    print_row("sign.recover_time", costs[2], costs[0], unit);
    if (counter >= 0)
        close(counter);
}

static bool repeat(const char *what, uint64_t n)
{
    static const struct {
        const char *name;
        void (*run)(uint64_t);
    } runs[] = {{"bare", run_bare}, {"sign", run_sign}, {"recover", run_sign_recover}};
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        if (strcmp(what, runs[i].name) == 0) {
            for (uint64_t nonce = 0; nonce < n; nonce++)
                runs[i].run(nonce);
            return true;
        }
    }
    return false;
}

// ---- setting

static void prepare(void)
{
    uint8_t seed[32];
    struct secret secret;
    struct mxnb_call call = {.kind = MXNB_TRANSFER, .amount_units = 1000000};
    struct buf data;
    bare = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    context = sign_context_new();
    if (!bare || !context || getrandom(seed, sizeof seed, 0) != (ssize_t)sizeof seed ||
        !secp256k1_context_randomize(bare, seed) || !secret_new(&secret, 32))
        give_up("preparing libsecp256k1");
    memcpy(secret.data, private_key, 32);
    if (!sign_key_take(context, &secret, &key))
        give_up("the key");
    memset(call.to, 0x33, sizeof call.to);
    buf_init(&data, calldata, sizeof calldata);
    mxnb_call_encode(&call, &data);
    tx = (struct tx){.type = TX_EIP1559, .chain_id = 42161, .gas_limit = 65000, .has_to = true,
                     .max_fee = u256_from_u64(2000000000), .data = buf_bytes(&data),
                     .max_priority_fee = u256_from_u64(1000000000)};
    memset(tx.to, 0x22, sizeof tx.to);
}

int main(int argc, char **argv)
{
    prepare();
    if (argc == 1) {
        table();
    } else if (argc == 2 && strcmp(argv[1], "--print") == 0) {
        uint8_t out[512];
        char hex[1025];
        hex_encode(out, whole(0, true, out), hex);
        puts(hex);
    } else if (argc == 3 && strcmp(argv[1], "--loop") == 0) {
        uint64_t n = strtoull(argv[2], NULL, 10);
        if (n == 0 || n > 1000000)
            give_up("--loop N: N must be 1 to 1000000; it");
        cost_of(-1, run_sign, 200);
        printf("%llu\n", (unsigned long long)cost_of(-1, run_sign, n));
    } else if (argc != 4 || strcmp(argv[1], "--repeat") != 0 ||
               !repeat(argv[2], strtoull(argv[3], NULL, 10))) {
        fprintf(stderr, "usage: bench-sign [--loop N | --print | --repeat bare|sign|recover N]\n");
        return 2;
    }
    sign_key_free(&key);
    sign_context_free(context);
    secp256k1_context_destroy(bare);
    return 0;
}
