/* The signer's record file (keystore/record.h, layout in keystore/FORMAT.md). Input: one byte, then the
 * records behind a good header; the lower half of the byte says how many of them are given a right
 * checksum first, so that content is reached, its highest bit that the input replaces the header too,
 * the next one that all is of version 1. A file that is refused stays as it is; one that opens opens
 * again, with nothing more to repair, and as version 2. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "abi/keccak.h"
#include "keystore/record.h"
#include "tests/fuzz/fuzz.h"

enum { SEALED_MAX = 15, IS_V1 = 0x40, SLOTS_MAX = 64 };

static const struct record_identity identity = {42161, {{1, 1, 1}, {2, 2, 2}}};

static size_t file_read(const char *path, uint8_t *out, size_t cap)
{
    FILE *file = fopen(path, "rb");
    size_t n;

    HOLDS(file != NULL);
    n = fread(out, 1, cap, file);
    fclose(file);
    return n;
}

static void seal(uint8_t *file, size_t n, size_t records, size_t bytes)
{
    for (size_t i = 1; i <= records && (i + 1) * bytes <= n; i++) {
        uint8_t *slot = file + i * bytes;
        struct keccak hash;

        keccak_init(&hash);
        keccak_update(&hash, slot - 32, 32);
        keccak_update(&hash, slot, bytes - 32);
        keccak_final(&hash, slot + bytes - 32);
    }
}

static void opened_check(struct record *record, const char *path, size_t n)
{
    char error[512];
    struct stat st;
    uint64_t units = record_day_units(record, WIRE_ROLE_RELAYER);
    uint32_t tail = record_tail_bytes(record);
    bool is_new = record_is_new(record);
    size_t bytes = record_is_upgraded(record) ? RECORD_BYTES_V1 : RECORD_BYTES;

    record_close(record);
    HOLDS(stat(path, &st) == 0 && st.st_size >= RECORD_BYTES && st.st_size % RECORD_BYTES == 0);
    HOLDS(is_new ? st.st_size == RECORD_BYTES && n < 2 * RECORD_BYTES
                 : (size_t)st.st_size / RECORD_BYTES * bytes + tail == n && tail <= bytes);
    record = record_open(path, &identity, NULL, error);
    HOLDS(record != NULL && !record_is_new(record) && record_tail_bytes(record) == 0);
    HOLDS(!record_is_upgraded(record));
    HOLDS(record_day_units(record, WIRE_ROLE_RELAYER) == units);
    record_close(record);
}

static void file_check(const uint8_t *file, size_t n)
{
    static uint8_t after[SLOTS_MAX * RECORD_BYTES + 1];
    const char *path = fuzz_file(file, n);
    char error[512] = "";
    struct record *record = record_open(path, &identity, NULL, error);

    if (record != NULL) {
        opened_check(record, path, n);
        return;
    }
    HOLDS(error[0] != '\0' && memchr(error, '\0', sizeof error) != NULL);
    HOLDS(file_read(path, after, sizeof after) == n && memcmp(after, file, n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static uint8_t file[SLOTS_MAX * RECORD_BYTES];
    struct fuzz_input in = {data, n};
    uint8_t mode = fuzz_take_byte(&in);
    size_t bytes = mode & IS_V1 ? RECORD_BYTES_V1 : RECORD_BYTES;
    size_t head = mode & 0x80 ? 0 : bytes, rest;

    if (head > 0)
        slot_header(&identity, bytes, file);
    rest = in.n < sizeof file - head ? in.n : sizeof file - head;
    if (rest > 0)
        memcpy(file + head, in.p, rest);
    seal(file, head + rest, mode & SEALED_MAX, bytes);
    file_check(file, head + rest);
    return 0;
}
