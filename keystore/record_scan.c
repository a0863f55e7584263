#include "keystore/record_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keystore/private_file.h"

bool record_fail(char error[512], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error, 512, format, args);
    va_end(args);
    return false;
}

bool record_pwrite(int fd, const uint8_t *data, size_t n, off_t at)
{
    while (n > 0) {
        ssize_t put = pwrite(fd, data, n, at);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        data += put;
        n -= (size_t)put;
        at += put;
    }
    return true;
}

ssize_t record_pread(int fd, uint8_t *data, size_t n, off_t at)
{
    size_t have = 0;
    while (have < n) {
        ssize_t got = pread(fd, data + have, n - have, at + (off_t)have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        have += (size_t)got;
    }
    return (ssize_t)have;
}

// One record at `slot`, `left` bytes before the end of what was read. Sets *done at a tail.
static bool scan_one(struct record_scan *scan, const uint8_t *slot, size_t left, off_t size,
                     bool *done)
{
    struct slot value;
    if (left >= scan->bytes && slot_read(slot, scan->bytes, scan->link, &value)) {
        memcpy(scan->link, slot + scan->bytes - sizeof scan->link, sizeof scan->link);
        scan->end += (off_t)scan->bytes;
        return scan->take(scan->context, &value);
    }
    bool is_last = scan->end + (off_t)scan->bytes >= size;
    if (!is_last || !slot_is_cut_off(slot, left, scan->bytes))
        return false;
    scan->tail_bytes = (uint32_t)(size - scan->end);
    *done = true;
    return true;
}

bool record_scan(struct record_scan *scan, const char *path, off_t size, char error[512])
{
    static uint8_t block[256 * RECORD_BYTES];
    bool done = false;
    while (!done && scan->end < size) {
        ssize_t n = record_pread(scan->fd, block, sizeof block, scan->end);
        if (n <= 0)
            return record_fail(error, "reading %s: %s", path,
                               n < 0 ? strerror(errno) : "it shrank");
        for (size_t at = 0; !done && at < (size_t)n; at += scan->bytes) {
            off_t before = scan->end;
            if (scan_one(scan, block + at, (size_t)n - at, size, &done))
                continue;
            if (scan->end != before)
                return record_fail(error, "%s: no memory or no room for its records", path);
            return record_fail(error,
                               "%s is damaged at byte %lld; it may hide signatures: restore the "
                               "latest copy, or stop every daemon of these keys and start a new "
                               "record_file once the chain's nonces have passed all that was "
                               "signed",
                               path, (long long)scan->end);
        }
    }
    return true;
}

// ---- version 1 to version 2

struct draft {
    int fd;
    off_t end;
    size_t n; // bytes of `block` in use
    uint8_t link[32];
    uint8_t block[256 * RECORD_BYTES];
};

static bool draft_flush(struct draft *draft)
{
    bool ok = record_pwrite(draft->fd, draft->block, draft->n, draft->end);
    draft->end += (off_t)draft->n;
    draft->n = 0;
    return ok;
}

static bool draft_take(void *context, const struct slot *slot)
{
    struct draft *draft = context;
    uint8_t *at = draft->block + draft->n;
    slot_write(slot, draft->link, at);
    memcpy(draft->link, at + RECORD_BYTES - sizeof draft->link, sizeof draft->link);
    draft->n += RECORD_BYTES;
    return draft->n < sizeof draft->block || draft_flush(draft);
}

static bool draft_fill(struct draft *draft, int old, const char *path,
                       const struct record_identity *identity, struct record_scan *scan,
                       char error[512])
{
    uint8_t header[RECORD_BYTES_V1], expected[RECORD_BYTES_V1];
    struct stat st;
    slot_header(identity, sizeof expected, expected);
    if (fstat(old, &st) != 0 || record_pread(old, header, sizeof header, 0) != sizeof header)
        return record_fail(error, "reading %s: %s", path, strerror(errno));
    if (memcmp(header, expected, sizeof header) != 0)
        return record_fail(error, "%s is of version 1 and belongs to other keys or another chain "
                           "(or its head is damaged): start once with the keys it was made with, "
                           "then rotate", path);
    *scan = (struct record_scan){.fd = old, .bytes = RECORD_BYTES_V1, .take = draft_take,
                                 .context = draft, .end = RECORD_BYTES_V1};
    memcpy(scan->link, header + sizeof header - sizeof scan->link, sizeof scan->link);
    slot_header(identity, RECORD_BYTES, draft->block);
    memcpy(draft->link, draft->block + RECORD_BYTES - sizeof draft->link, sizeof draft->link);
    draft->n = RECORD_BYTES;
    return record_scan(scan, path, st.st_size, error);
}

bool record_upgrade(int *fd, const char *path, const struct record_identity *identity,
                    uint32_t *tail_bytes, char error[512])
{
    static struct draft draft;
    char name[PATH_MAX];
    struct record_scan scan;
    int length = snprintf(name, sizeof name, "%s.upgrade", path);
    if (length < 0 || (size_t)length >= sizeof name)
        return record_fail(error, "record_file %s: the path is too long", path);
    // A leftover of an upgrade that a crash cut off was never in use.
    if (unlink(name) != 0 && errno != ENOENT)
        return record_fail(error, "%s: %s", name, strerror(errno));
    draft = (struct draft){.fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                                      0600)};
    if (draft.fd < 0)
        return record_fail(error, "%s: %s", name, strerror(errno));
    bool ok = draft_fill(&draft, *fd, path, identity, &scan, error);
    if (ok && (!draft_flush(&draft) || flock(draft.fd, LOCK_EX | LOCK_NB) != 0 ||
               fsync(draft.fd) != 0 || rename(name, path) != 0 ||
               !private_file_sync_folder(path)))
        ok = record_fail(error, "writing %s: %s", name, strerror(errno));
    if (!ok) {
        close(draft.fd);
        unlink(name);
        return false;
    }
    close(*fd);
    *fd = draft.fd;
    *tail_bytes = scan.tail_bytes;
    return true;
}
