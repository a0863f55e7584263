#include "keystore/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/keccak.h"
#include "keystore/private_file.h"

enum { CHECKSUM_AT = RECORD_BYTES - 32, FORMAT_VERSION = 1 };

static const char header_magic[16] = "kustodia-nonces";

// Kinds on disk: pinned.
enum record_kind {
    RECORD_NEW = 1,      // first digest for a nonce
    RECORD_REPRICED = 2, // another price for the same call
    RECORD_FENCED = 3    // a known digest under a higher fence
};

struct entry {
    uint64_t nonce;
    bool used;
    uint8_t digest[32], call_hash[32];
};

struct lane {
    struct entry *entries; // RECORD_NONCE_WINDOW of them, at nonce modulo window
    bool any;
    uint64_t highest, fence, day_units;
    uint32_t day;
};

struct record {
    int fd;
    bool is_new;
    bool broken; // a failed sync leaves the content unknown: nothing is claimed any more
    uint32_t tail_bytes;
    off_t end;        // bytes of whole records, header included
    uint8_t link[32]; // checksum of the last record
    struct lane lane[RECORD_ROLES];
};

static void put_be(uint8_t *p, uint64_t value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(value >> (8 * (n - 1 - i)));
}

static uint64_t get_be(const uint8_t *p, size_t n)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++)
        value = value << 8 | p[i];
    return value;
}

static void slot_checksum(const uint8_t link[32], const uint8_t slot[RECORD_BYTES], uint8_t out[32])
{
    struct keccak hash;
    keccak_init(&hash);
    keccak_update(&hash, link, 32);
    keccak_update(&hash, slot, CHECKSUM_AT);
    keccak_final(&hash, out);
}

static void header_make(const struct record_identity *identity, uint8_t slot[RECORD_BYTES])
{
    static const uint8_t no_link[32];
    memset(slot, 0, RECORD_BYTES);
    memcpy(slot, header_magic, sizeof header_magic);
    put_be(slot + 16, FORMAT_VERSION, 4);
    put_be(slot + 20, RECORD_BYTES, 4);
    put_be(slot + 24, identity->chain_id, 8);
    memcpy(slot + 32, identity->address[0], 20);
    memcpy(slot + 52, identity->address[1], 20);
    slot_checksum(no_link, slot, slot + CHECKSUM_AT);
}

// One record as it stands in its slot.
struct slot {
    enum record_kind kind;
    enum wire_role role;
    uint32_t day;
    uint64_t nonce, fence, units;
    uint8_t digest[32], call_hash[32];
};

static void slot_write(const struct slot *in, const uint8_t link[32], uint8_t slot[RECORD_BYTES])
{
    memset(slot, 0, RECORD_BYTES);
    slot[0] = (uint8_t)in->kind;
    slot[1] = (uint8_t)in->role;
    put_be(slot + 4, in->day, 4);
    put_be(slot + 8, in->nonce, 8);
    put_be(slot + 16, in->fence, 8);
    put_be(slot + 24, in->units, 8);
    memcpy(slot + 32, in->digest, 32);
    memcpy(slot + 64, in->call_hash, 32);
    slot_checksum(link, slot, slot + CHECKSUM_AT);
}

static bool slot_read(const uint8_t slot[RECORD_BYTES], const uint8_t link[32], struct slot *out)
{
    uint8_t checksum[32];
    slot_checksum(link, slot, checksum);
    if (memcmp(checksum, slot + CHECKSUM_AT, sizeof checksum) != 0)
        return false;
    *out = (struct slot){.kind = (enum record_kind)slot[0],
                         .role = (enum wire_role)slot[1],
                         .day = (uint32_t)get_be(slot + 4, 4),
                         .nonce = get_be(slot + 8, 8),
                         .fence = get_be(slot + 16, 8),
                         .units = get_be(slot + 24, 8)};
    memcpy(out->digest, slot + 32, 32);
    memcpy(out->call_hash, slot + 64, 32);
    return out->kind >= RECORD_NEW && out->kind <= RECORD_FENCED &&
           (out->role == WIRE_ROLE_RELAYER || out->role == WIRE_ROLE_ARBITER);
}

static struct lane *lane_of(struct record *record, enum wire_role role)
{
    return &record->lane[role == WIRE_ROLE_ARBITER];
}

static struct entry *lane_entry(const struct lane *lane, uint64_t nonce)
{
    return &lane->entries[nonce % RECORD_NONCE_WINDOW];
}

// What a durable record means for the state in memory; the same at start and after a claim.
static void slot_apply(struct record *record, const struct slot *slot)
{
    struct lane *lane = lane_of(record, slot->role);
    if (slot->fence > lane->fence)
        lane->fence = slot->fence;
    if (slot->day > lane->day) {
        lane->day = slot->day;
        lane->day_units = 0;
    }
    if (__builtin_add_overflow(lane->day_units, slot->units, &lane->day_units))
        lane->day_units = UINT64_MAX;
    if (!lane->any || slot->nonce > lane->highest)
        lane->highest = slot->nonce;
    lane->any = true;
    struct entry *entry = lane_entry(lane, slot->nonce);
    *entry = (struct entry){.nonce = slot->nonce, .used = true};
    memcpy(entry->digest, slot->digest, sizeof entry->digest);
    memcpy(entry->call_hash, slot->call_hash, sizeof entry->call_hash);
}

__attribute__((format(printf, 2, 3))) static bool open_fail(char error[512], const char *format,
                                                            ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error, 512, format, args);
    va_end(args);
    return false;
}

static bool pwrite_all(int fd, const uint8_t *data, size_t n, off_t at)
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

// Reads up to `n` bytes, fewer only at the end of the file; -1 on an error.
static ssize_t pread_all(int fd, uint8_t *data, size_t n, off_t at)
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

// A write that a crash cut off leaves a short slot, or one whose end is still zero where the file
// was already made longer. A whole slot with a wrong checksum is damage: its signature may have
// left.
static bool slot_is_cut_off(const uint8_t *slot, size_t n)
{
    static const uint8_t zero[32];
    return n < RECORD_BYTES || memcmp(slot + CHECKSUM_AT, zero, sizeof zero) == 0;
}

// The same for the header of a first start: a beginning of ours, then nothing or zeros. A short
// file that begins otherwise is somebody else's.
static bool header_is_cut_off(const uint8_t *slot, size_t n, const uint8_t expected[RECORD_BYTES])
{
    size_t same = 0;
    while (same < n && slot[same] == expected[same])
        same++;
    for (size_t i = same; i < n; i++) {
        if (slot[i] != 0)
            return false;
    }
    return slot_is_cut_off(slot, n);
}

static bool header_read(struct record *record, const char *path,
                        const struct record_identity *identity, off_t size, char error[512])
{
    uint8_t slot[RECORD_BYTES], expected[RECORD_BYTES];
    header_make(identity, expected);
    ssize_t n = pread_all(record->fd, slot, sizeof slot, 0);
    if (n < 0)
        return open_fail(error, "reading %s: %s", path, strerror(errno));
    if (size <= RECORD_BYTES && header_is_cut_off(slot, (size_t)n, expected)) {
        if (ftruncate(record->fd, 0) != 0 ||
            !pwrite_all(record->fd, expected, sizeof expected, 0) || fsync(record->fd) != 0 ||
            !private_file_sync_folder(path))
            return open_fail(error, "writing %s: %s", path, strerror(errno));
        memcpy(slot, expected, sizeof slot);
        record->is_new = true;
    }
    bool is_short = size < RECORD_BYTES && !record->is_new;
    if (is_short || memcmp(slot, header_magic, sizeof header_magic) != 0)
        return open_fail(error, "%s is not a nonce record; point record_file at another path",
                         path);
    if (memcmp(slot, expected, sizeof slot) != 0)
        return open_fail(error,
                         "%s belongs to another chain or other keys (or its head is damaged); a "
                         "new chain or key needs a new record_file",
                         path);
    memcpy(record->link, slot + CHECKSUM_AT, sizeof record->link);
    record->end = RECORD_BYTES;
    return true;
}

static bool tail_remove(struct record *record, const char *path, off_t size, char error[512])
{
    record->tail_bytes = (uint32_t)(size - record->end);
    if (ftruncate(record->fd, record->end) != 0 || fsync(record->fd) != 0)
        return open_fail(error, "removing a cut-off record of %s: %s", path, strerror(errno));
    return true;
}

static bool records_read(struct record *record, const char *path, off_t size, char error[512])
{
    static uint8_t block[512 * RECORD_BYTES];
    while (record->end < size) {
        ssize_t n = pread_all(record->fd, block, sizeof block, record->end);
        if (n <= 0)
            return open_fail(error, "reading %s: %s", path, n < 0 ? strerror(errno) : "it shrank");
        for (size_t at = 0; at < (size_t)n; at += RECORD_BYTES) {
            const uint8_t *bytes = block + at;
            size_t left = (size_t)n - at;
            struct slot slot;
            if (left >= RECORD_BYTES && slot_read(bytes, record->link, &slot)) {
                slot_apply(record, &slot);
                memcpy(record->link, bytes + CHECKSUM_AT, sizeof record->link);
                record->end += RECORD_BYTES;
                continue;
            }
            bool is_last = record->end + RECORD_BYTES >= size;
            if (is_last && slot_is_cut_off(bytes, left))
                return tail_remove(record, path, size, error);
            return open_fail(error,
                             "%s is damaged at byte %lld; it may hide signatures: restore the "
                             "latest copy, or stop every daemon of these keys and start a new "
                             "record_file once the chain's nonces have passed all that was signed",
                             path, (long long)record->end);
        }
    }
    return true;
}

static bool file_open(struct record *record, const char *path, off_t *size, char error[512])
{
    struct stat st;
    record->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (record->fd < 0)
        return open_fail(error, "record_file %s: %s", path, strerror(errno));
    if (flock(record->fd, LOCK_EX | LOCK_NB) != 0)
        return open_fail(error, "%s is in use by another relayer-signer; stop that one first",
                         path);
    if (fstat(record->fd, &st) != 0)
        return open_fail(error, "record_file %s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode) || (st.st_mode & (S_IRWXG | S_IRWXO)) || st.st_uid != geteuid())
        return open_fail(error,
                         "%s must be a regular file of this user that nobody else may use (mode "
                         "%03o): run chmod 600 on it",
                         path, (unsigned)(st.st_mode & 0777));
    if (st.st_size > RECORD_FILE_MAX)
        return open_fail(error,
                         "%s is larger than %d bytes; move it away when the chain's nonces "
                         "have passed all that it records",
                         path, RECORD_FILE_MAX);
    *size = st.st_size;
    return true;
}

struct record *record_open(const char *path, const struct record_identity *identity,
                           char error[512])
{
    off_t size = 0;
    struct record *record = calloc(1, sizeof *record);
    if (!record) {
        open_fail(error, "no memory");
        return NULL;
    }
    record->fd = -1;
    bool ok = true;
    for (int i = 0; i < RECORD_ROLES; i++) {
        record->lane[i].entries = calloc(RECORD_NONCE_WINDOW, sizeof(struct entry));
        ok = ok && record->lane[i].entries;
    }
    if (!ok)
        open_fail(error, "no memory for the nonces of %s", path);
    if (ok && file_open(record, path, &size, error) &&
        header_read(record, path, identity, size, error) &&
        (record->is_new || records_read(record, path, size, error)))
        return record;
    record_close(record);
    return NULL;
}

void record_close(struct record *record)
{
    if (!record)
        return;
    for (int i = 0; i < RECORD_ROLES; i++)
        free(record->lane[i].entries);
    if (record->fd >= 0)
        close(record->fd);
    free(record);
}

bool record_is_new(const struct record *record)
{
    return record->is_new;
}

uint32_t record_tail_bytes(const struct record *record)
{
    return record->tail_bytes;
}

uint64_t record_day_units(const struct record *record, enum wire_role role)
{
    return record->lane[role == WIRE_ROLE_ARBITER].day_units;
}

static bool append(struct record *record, const struct slot *slot, struct policy_verdict *verdict)
{
    uint8_t bytes[RECORD_BYTES];
    if (record->broken)
        return policy_refuse(verdict, REFUSAL_RECORD, "an earlier write failed");
    if (record->end + RECORD_BYTES > RECORD_FILE_MAX)
        return policy_refuse(verdict, REFUSAL_RECORD, "the record file is full");
    slot_write(slot, record->link, bytes);
    if (!pwrite_all(record->fd, bytes, sizeof bytes, record->end)) {
        int why = errno;
        // Nothing was promised yet: with the part removed the file is as before (a full disk may
        // recover).
        record->broken = ftruncate(record->fd, record->end) != 0;
        return policy_refuse(verdict, REFUSAL_RECORD, "writing the record: %s", strerror(why));
    }
    // After a failed sync the kernel may drop the page and report success the next time.
    if (fdatasync(record->fd) != 0) {
        record->broken = true;
        return policy_refuse(verdict, REFUSAL_RECORD, "syncing the record: %s", strerror(errno));
    }
    memcpy(record->link, bytes + CHECKSUM_AT, sizeof record->link);
    record->end += RECORD_BYTES;
    slot_apply(record, slot);
    return true;
}

// A nonce nothing was signed for yet: judges its distance and the day's amount.
static bool claim_new(const struct lane *lane, const struct record_claim *claim, uint32_t day,
                      struct policy_verdict *verdict)
{
    if (lane->any && claim->nonce < lane->highest &&
        lane->highest - claim->nonce >= RECORD_NONCE_WINDOW)
        return policy_refuse(verdict, REFUSAL_NONCE_OLD,
                             "nonce %" PRIu64 ", highest signed is %" PRIu64, claim->nonce,
                             lane->highest);
    if (lane->any && claim->nonce > lane->highest &&
        claim->nonce - lane->highest > RECORD_NONCE_AHEAD)
        return policy_refuse(verdict, REFUSAL_NONCE_AHEAD,
                             "nonce %" PRIu64 ", highest signed is %" PRIu64, claim->nonce,
                             lane->highest);
    uint64_t spent = day == lane->day ? lane->day_units : 0, total;
    if (__builtin_add_overflow(spent, claim->units, &total) || total > claim->max_day_units)
        return policy_refuse(verdict, REFUSAL_DAY_UNITS,
                             "%" PRIu64 " units on top of today's %" PRIu64
                             ", allowed are %" PRIu64,
                             claim->units, spent, claim->max_day_units);
    return true;
}

bool record_claim(struct record *record, const struct record_claim *claim,
                  struct policy_verdict *verdict)
{
    struct lane *lane = lane_of(record, claim->role);
    if (claim->fence < lane->fence)
        return policy_refuse(verdict, REFUSAL_FENCE, "fence %" PRIu64 ", the lane is at %" PRIu64,
                             claim->fence, lane->fence);
    // A clock set back must not open a new allowance.
    struct slot slot = {.kind = RECORD_NEW,
                        .role = claim->role,
                        .nonce = claim->nonce,
                        .day = claim->day > lane->day ? claim->day : lane->day,
                        .fence = claim->fence,
                        .units = claim->units};
    memcpy(slot.digest, claim->digest, sizeof slot.digest);
    memcpy(slot.call_hash, claim->call_hash, sizeof slot.call_hash);

    const struct entry *entry = lane_entry(lane, claim->nonce);
    bool known = entry->used && entry->nonce == claim->nonce;
    if (claim->cancels && !known)
        return policy_refuse(verdict, REFUSAL_CANCEL, "nothing was signed for nonce %" PRIu64,
                             claim->nonce);
    if (!known)
        return claim_new(lane, claim, slot.day, verdict) && append(record, &slot, verdict);
    slot.units = 0; // counted when the nonce was first claimed
    if (memcmp(entry->call_hash, claim->call_hash, sizeof entry->call_hash) != 0 && !claim->cancels)
        return policy_refuse(verdict, REFUSAL_NONCE_USED,
                             "nonce %" PRIu64 " was signed for another call", claim->nonce);
    if (memcmp(entry->digest, claim->digest, sizeof entry->digest) != 0) {
        slot.kind = RECORD_REPRICED;
        return append(record, &slot, verdict);
    }
    if (claim->fence == lane->fence)
        return true;
    slot.kind = RECORD_FENCED;
    return append(record, &slot, verdict);
}

void record_call_hash(const struct tx *tx, uint8_t out[32])
{
    static const char domain[] = "kustodia-call-1";
    uint8_t gas[8], has_to = tx->has_to;
    put_be(gas, tx->gas_limit, sizeof gas);
    struct keccak hash;
    keccak_init(&hash);
    keccak_update(&hash, domain, sizeof domain - 1);
    keccak_update(&hash, &has_to, 1);
    keccak_update(&hash, tx->to, sizeof tx->to);
    keccak_update(&hash, tx->value.be, sizeof tx->value.be);
    keccak_update(&hash, gas, sizeof gas);
    keccak_update(&hash, tx->data.p, tx->data.n);
    keccak_final(&hash, out);
}
