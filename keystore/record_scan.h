// Reading and writing the file of the record of nonces as a chain of records.
#ifndef KEYSTORE_RECORD_SCAN_H
#define KEYSTORE_RECORD_SCAN_H

#include <sys/types.h>

#include "keystore/record_slot.h"

// Receives each whole record in order. False stops the scan.
typedef bool record_take(void *context, const struct slot *slot);

struct record_scan {
    int fd;
    size_t bytes; // of one record: the version
    record_take *take;
    void *context;
    off_t end;           // in: behind the header; out: behind the last whole record
    uint8_t link[32];    // in: checksum of the header; out: of the last record
    uint32_t tail_bytes; // out: of a last record that a crash cut off; it is left in the file
};

// Reads the records of a file of `size` bytes. False with one sentence in `error`.
bool record_scan(struct record_scan *scan, const char *path, off_t size, char error[512]);

// Makes a file of version 2 of one of version 1 that is open and locked as *fd: a new file takes its
// place in one step, and *fd becomes that one, locked. After a crash either file stands whole. The
// amounts, fences and digests are kept; signatures are not in version 1. False with one sentence.
bool record_upgrade(int *fd, const char *path, const struct record_identity *identity,
                    uint32_t *tail_bytes, char error[512]);

bool record_pwrite(int fd, const uint8_t *data, size_t n, off_t at);

// Reads up to `n` bytes, fewer only at the end of the file; -1 on an error.
ssize_t record_pread(int fd, uint8_t *data, size_t n, off_t at);

// Fills `error`. Always false.
bool record_fail(char error[512], const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
