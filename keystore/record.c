#include "keystore/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/keccak.h"
#include "keystore/private_file.h"
#include "keystore/record_scan.h"

// A digest that was signed for a nonce. Earlier prices of the same call hang behind the latest.
struct copy {
    uint8_t digest[32];
    bool has_signature; // false: recorded by version 1, which kept none
    struct signature signature;
    struct copy *older;
};

struct entry {
    uint64_t nonce;
    bool used;
    uint8_t call_hash[32];
    struct copy latest;
};

#define WINDOW_BYTES (RECORD_NONCE_WINDOW * sizeof(struct entry))

struct lane {
    struct entry *entries; // RECORD_NONCE_WINDOW of them, at nonce modulo window; NULL: no such key
    uint32_t number;       // of its key in this file
    bool any;
    uint64_t highest, fence;
    size_t repriced; // entries with more than one price
};

// What all keys of one role moved on the newest day.
struct budget {
    uint64_t units;
    uint32_t day;
};

struct record {
    int fd;
    bool is_new, is_upgraded;
    bool broken; // a failed sync leaves the content unknown: nothing is claimed any more
    uint32_t tail_bytes;
    off_t end;        // bytes of whole records, header included
    uint8_t link[32]; // checksum of the last record
    struct record_identity identity;
    struct lane lane[RECORD_KEYS];
    struct budget relayer, arbiter;
    uint32_t numbers_n; // keys this file has seen
};

static struct budget *budget_of(struct record *record, enum wire_role role)
{
    return role == WIRE_ROLE_ARBITER ? &record->arbiter : &record->relayer;
}

// The lane of a numbered key; NULL when this signer has that key no more.
static struct lane *lane_of(struct record *record, uint32_t number)
{
    for (size_t i = 0; i < RECORD_KEYS; i++) {
        if (record->lane[i].entries && record->lane[i].number == number)
            return &record->lane[i];
    }
    return NULL;
}

// The next number belongs to this address, and so to the lane whose key it is.
static void number_add(struct record *record, const uint8_t address[20])
{
    record->numbers_n++;
    for (size_t i = 0; i < RECORD_KEYS; i++) {
        if (record->lane[i].entries && memcmp(record->identity.address[i], address, 20) == 0)
            record->lane[i].number = record->numbers_n;
    }
}

static struct entry *lane_entry(const struct lane *lane, uint64_t nonce)
{
    return &lane->entries[nonce % RECORD_NONCE_WINDOW];
}

static void older_free(struct lane *lane, struct entry *entry)
{
    if (entry->latest.older)
        lane->repriced--;
    while (entry->latest.older) {
        struct copy *older = entry->latest.older;
        entry->latest.older = older->older;
        free(older);
    }
}

static struct copy *entry_find(struct entry *entry, const uint8_t digest[32])
{
    for (struct copy *at = &entry->latest; at; at = at->older) {
        if (memcmp(at->digest, digest, sizeof at->digest) == 0)
            return at;
    }
    return NULL;
}

// Room for what the record will say of its digest: that of the digest itself when it is known, else
// that of the latest, which moves behind it. NULL: no memory, and nothing changed.
static struct copy *entry_room(struct lane *lane, const struct slot *slot)
{
    struct entry *entry = lane_entry(lane, slot->nonce);
    if (!entry->used || entry->nonce != slot->nonce) {
        older_free(lane, entry);
        *entry = (struct entry){.nonce = slot->nonce, .used = true};
        return &entry->latest;
    }
    struct copy *known = entry_find(entry, slot->digest);
    if (known)
        return known;
    struct copy *older = malloc(sizeof *older);
    if (!older)
        return NULL;
    if (!entry->latest.older)
        lane->repriced++;
    *older = entry->latest;
    entry->latest = (struct copy){.older = older};
    return &entry->latest;
}

// What a durable record means for the state in memory; the same at start and after a claim. False:
// no memory for a further price of a known nonce, or keys that are not numbered in their order.
static bool slot_apply(void *context, const struct slot *slot)
{
    struct record *record = context;
    struct budget *budget = budget_of(record, slot->role);
    if (slot->kind == RECORD_KEY) {
        if (slot->number != record->numbers_n + 1 || slot->number > RECORD_NUMBERS_MAX)
            return false;
        number_add(record, slot->digest);
        return true;
    }
    if (slot->day > budget->day)
        *budget = (struct budget){.day = slot->day};
    if (__builtin_add_overflow(budget->units, slot->units, &budget->units))
        budget->units = UINT64_MAX;
    struct lane *lane = lane_of(record, slot->number);
    if (!lane)
        return slot->number <= record->numbers_n;
    struct copy *room = entry_room(lane, slot);
    if (!room)
        return false;
    memcpy(room->digest, slot->digest, sizeof room->digest);
    // A cancel takes the place of the call it came after.
    struct entry *entry = lane_entry(lane, slot->nonce);
    memcpy(entry->call_hash, slot->call_hash, sizeof entry->call_hash);
    if (slot->has_signature) {
        room->has_signature = true;
        room->signature = slot->signature;
    }
    if (slot->fence > lane->fence)
        lane->fence = slot->fence;
    if (!lane->any || slot->nonce > lane->highest)
        lane->highest = slot->nonce;
    lane->any = true;
    return true;
}

// A header that a crash cut off at first start: a beginning of ours, then nothing or zeros. A short
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
    return slot_is_cut_off(slot, n, RECORD_BYTES);
}

static bool header_read(struct record *record, const char *path,
                        const struct record_identity *identity, off_t size, char error[512])
{
    uint8_t slot[RECORD_BYTES], expected[RECORD_BYTES];
    slot_header(identity, RECORD_BYTES, expected);
    ssize_t n = record_pread(record->fd, slot, sizeof slot, 0);
    if (n < 0)
        return record_fail(error, "reading %s: %s", path, strerror(errno));
    if (size <= RECORD_BYTES && header_is_cut_off(slot, (size_t)n, expected)) {
        if (ftruncate(record->fd, 0) != 0 ||
            !record_pwrite(record->fd, expected, sizeof expected, 0) || fsync(record->fd) != 0 ||
            !private_file_sync_folder(path))
            return record_fail(error, "writing %s: %s", path, strerror(errno));
        memcpy(slot, expected, sizeof slot);
        record->is_new = true;
    }
    bool is_short = size < RECORD_BYTES && !record->is_new;
    if (is_short || memcmp(slot, expected, RECORD_MAGIC_BYTES) != 0)
        return record_fail(error, "%s is not a nonce record; point record_file at another path",
                         path);
    if (!slot_header_fits(identity, slot))
        return record_fail(error,
                         "%s belongs to another chain (or its head is damaged); a new chain needs "
                         "a new record_file",
                         path);
    memcpy(record->link, slot + RECORD_BYTES - RECORD_CHECKSUM_BYTES, sizeof record->link);
    record->end = RECORD_BYTES;
    number_add(record, slot + RECORD_ADDRESSES_AT);
    number_add(record, slot + RECORD_ADDRESSES_AT + 20);
    return true;
}

static bool records_read(struct record *record, const char *path, off_t size, char error[512])
{
    struct record_scan scan = {.fd = record->fd, .bytes = RECORD_BYTES, .take = slot_apply,
                               .context = record, .end = record->end};
    memcpy(scan.link, record->link, sizeof scan.link);
    if (!record_scan(&scan, path, size, error))
        return false;
    record->end = scan.end;
    memcpy(record->link, scan.link, sizeof record->link);
    if (scan.tail_bytes == 0)
        return true;
    record->tail_bytes = scan.tail_bytes;
    if (ftruncate(record->fd, record->end) != 0 || fsync(record->fd) != 0)
        return record_fail(error, "removing a cut-off record of %s: %s", path, strerror(errno));
    return true;
}

// A file of version 1 becomes one of version 2 before anything else.
static bool version_raise(struct record *record, const char *path,
                          const struct record_identity *identity, off_t *size, char error[512])
{
    uint8_t header[RECORD_BYTES_V1];
    struct stat st;
    ssize_t n = record_pread(record->fd, header, sizeof header, 0);
    if (n < 0)
        return record_fail(error, "reading %s: %s", path, strerror(errno));
    if (!slot_is_v1_header(header, (size_t)n))
        return true;
    if (!record_upgrade(&record->fd, path, identity, &record->tail_bytes, error))
        return false;
    record->is_upgraded = true;
    if (fstat(record->fd, &st) != 0)
        return record_fail(error, "record_file %s: %s", path, strerror(errno));
    *size = st.st_size;
    return true;
}

// Calls `wait` once, however many files it waits for.
static bool file_lock(int fd, record_wait *wait, bool *waited)
{
    int r = flock(fd, LOCK_EX | LOCK_NB);
    if (r == 0 || !wait)
        return r == 0;
    if (!*waited)
        wait();
    *waited = true;
    do
        r = flock(fd, LOCK_EX);
    while (r != 0 && errno == EINTR);
    return r == 0;
}

static bool file_is_named(int fd, const char *path)
{
    struct stat held, named;
    return fstat(fd, &held) == 0 && lstat(path, &named) == 0 && held.st_dev == named.st_dev &&
           held.st_ino == named.st_ino;
}

// A signer that made a file of version 1 over has put another in its place: a lock of the old one,
// opened before, keeps nobody away.
static bool file_take(struct record *record, const char *path, record_wait *wait, char error[512])
{
    bool waited = false;
    for (int tries = 0; tries < 4; tries++) {
        record->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (record->fd < 0)
            return record_fail(error, "record_file %s: %s", path, strerror(errno));
        if (!file_lock(record->fd, wait, &waited))
            return record_fail(error,
                               "%s is in use by another relayer-signer; stop that one first", path);
        if (file_is_named(record->fd, path))
            return true;
        close(record->fd);
        record->fd = -1;
    }
    return record_fail(error, "record_file %s is replaced again and again; look for what writes "
                       "there", path);
}

static bool file_open(struct record *record, const char *path, record_wait *wait, off_t *size,
                      char error[512])
{
    struct stat st;
    if (!file_take(record, path, wait, error))
        return false;
    if (fstat(record->fd, &st) != 0)
        return record_fail(error, "record_file %s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode) || (st.st_mode & (S_IRWXG | S_IRWXO)) || st.st_uid != geteuid())
        return record_fail(error,
                         "%s must be a regular file of this user that nobody else may use (mode "
                         "%03o): run chmod 600 on it",
                         path, (unsigned)(st.st_mode & 0777));
    if (st.st_size > RECORD_FILE_MAX)
        return record_fail(error,
                         "%s is larger than %d bytes; move it away when the chain's nonces "
                         "have passed all that it records",
                         path, RECORD_FILE_MAX);
    *size = st.st_size;
    return true;
}

void record_close(struct record *record)
{
    if (!record)
        return;
    for (int i = 0; i < RECORD_KEYS; i++) {
        struct entry *entries = record->lane[i].entries;
        // Most nonces have one price: untouched pages of the window stay untouched.
        for (size_t at = 0; record->lane[i].repriced > 0; at++)
            older_free(&record->lane[i], &entries[at]);
        if (entries)
            munmap(entries, WINDOW_BYTES);
    }
    if (record->fd >= 0)
        close(record->fd);
    free(record);
}

bool record_is_new(const struct record *record)
{
    return record->is_new;
}

bool record_is_upgraded(const struct record *record)
{
    return record->is_upgraded;
}

uint32_t record_tail_bytes(const struct record *record)
{
    return record->tail_bytes;
}

uint64_t record_day_units(const struct record *record, enum wire_role role)
{
    return role == WIRE_ROLE_ARBITER ? record->arbiter.units : record->relayer.units;
}

static bool append(struct record *record, const struct slot *slot, struct policy_verdict *verdict)
{
    uint8_t bytes[RECORD_BYTES];
    if (record->broken)
        return policy_refuse(verdict, REFUSAL_RECORD, "an earlier write failed");
    if (record->end + RECORD_BYTES > RECORD_FILE_MAX)
        return policy_refuse(verdict, REFUSAL_RECORD, "the record file is full");
    slot_write(slot, record->link, bytes);
    if (!record_pwrite(record->fd, bytes, sizeof bytes, record->end)) {
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
    memcpy(record->link, bytes + RECORD_BYTES - RECORD_CHECKSUM_BYTES, sizeof record->link);
    record->end += RECORD_BYTES;
    if (slot_apply(record, slot))
        return true;
    record->broken = true; // the file knows a signature that this process does not
    return policy_refuse(verdict, REFUSAL_RECORD, "no memory for the record");
}

static enum wire_role budget_role(size_t key)
{
    return wire_key_role(key) == WIRE_ROLE_ARBITER ? WIRE_ROLE_ARBITER : WIRE_ROLE_RELAYER;
}

// Keys this file has not seen yet begin in it.
static bool keys_begin(struct record *record, const char *path, char error[512])
{
    for (size_t i = 0; i < RECORD_KEYS; i++) {
        struct policy_verdict verdict;
        if (!record->lane[i].entries || record->lane[i].number != 0)
            continue;
        if (record->numbers_n == RECORD_NUMBERS_MAX)
            return record_fail(error,
                               "%s has seen %d keys; move it away when the chain's nonces have "
                               "passed all that it records",
                               path, RECORD_NUMBERS_MAX);
        struct slot slot = {.kind = RECORD_KEY,
                            .role = budget_role(i),
                            .number = record->numbers_n + 1};
        memcpy(slot.digest, record->identity.address[i], 20);
        if (!append(record, &slot, &verdict))
            return record_fail(error, "%s: %s", path, verdict.text);
    }
    return true;
}

static bool lanes_make(struct record *record)
{
    static const uint8_t none[20];
    for (size_t i = 0; i < RECORD_KEYS; i++) {
        if (memcmp(record->identity.address[i], none, sizeof none) == 0)
            continue;
        // Zero pages that take memory only where a nonce was signed.
        void *map = mmap(NULL, WINDOW_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                         -1, 0);
        if (map == MAP_FAILED)
            return false;
        record->lane[i].entries = map;
    }
    return true;
}

struct record *record_open(const char *path, const struct record_identity *identity,
                           record_wait *wait, char error[512])
{
    off_t size = 0;
    struct record *record = calloc(1, sizeof *record);
    if (!record) {
        record_fail(error, "no memory");
        return NULL;
    }
    record->fd = -1;
    record->identity = *identity;
    bool ok = lanes_make(record);
    if (!ok)
        record_fail(error, "no memory for the nonces of %s", path);
    if (ok && file_open(record, path, wait, &size, error) &&
        version_raise(record, path, identity, &size, error) &&
        header_read(record, path, identity, size, error) &&
        (record->is_new || records_read(record, path, size, error)) &&
        keys_begin(record, path, error))
        return record;
    record_close(record);
    return NULL;
}

// A nonce nothing was signed for yet: judges its distance and the day's amount.
static bool claim_new(const struct lane *lane, const struct budget *budget,
                      const struct record_claim *claim, uint32_t day,
                      struct policy_verdict *verdict)
{
    if (lane->any && claim->nonce < lane->highest &&
        lane->highest - claim->nonce >= RECORD_NONCE_WINDOW)
        return policy_refuse(verdict, REFUSAL_NONCE_OLD,
                             "nonce %" PRIu64 ", highest signed is %" PRIu64, claim->nonce,
                             lane->highest);
    // A higher fence is a takeover: the daemon before this one signed with a record of its own.
    if (lane->any && claim->fence == lane->fence && claim->nonce > lane->highest &&
        claim->nonce - lane->highest > RECORD_NONCE_AHEAD)
        return policy_refuse(verdict, REFUSAL_NONCE_AHEAD,
                             "nonce %" PRIu64 ", highest signed is %" PRIu64, claim->nonce,
                             lane->highest);
    uint64_t spent = day == budget->day ? budget->units : 0, total;
    if (__builtin_add_overflow(spent, claim->units, &total) || total > claim->max_day_units)
        return policy_refuse(verdict, REFUSAL_DAY_UNITS,
                             "%" PRIu64 " units on top of today's %" PRIu64
                             ", allowed are %" PRIu64,
                             claim->units, spent, claim->max_day_units);
    return true;
}

// A nonce that the same call was signed for: judges the number of its prices. *known is what is kept
// of the claim's digest, NULL for a new price.
static bool claim_again(struct entry *entry, const struct record_claim *claim,
                        const struct copy **known, struct policy_verdict *verdict)
{
    if (memcmp(entry->call_hash, claim->call_hash, sizeof entry->call_hash) != 0 && !claim->cancels)
        return policy_refuse(verdict, REFUSAL_NONCE_USED,
                             "nonce %" PRIu64 " was signed for another call", claim->nonce);
    *known = entry_find(entry, claim->digest);
    int prices = 0;
    for (const struct copy *at = &entry->latest; at; at = at->older)
        prices++;
    // A call at its last price must still be one that can be cancelled.
    if (*known || prices < RECORD_PRICES_MAX * (claim->cancels ? 2 : 1))
        return true;
    return policy_refuse(verdict, REFUSAL_PRICES, "nonce %" PRIu64 " was signed at %d prices",
                         claim->nonce, prices);
}

// Judges a claim and says what the record would say of it. *known as above.
static bool claim_judge(struct record *record, const struct record_claim *claim, struct slot *slot,
                        const struct copy **known, struct policy_verdict *verdict)
{
    const struct lane *lane = &record->lane[claim->key];
    const struct budget *budget = budget_of(record, budget_role(claim->key));
    *known = NULL;
    if (claim->fence < lane->fence)
        return policy_refuse(verdict, REFUSAL_FENCE, "fence %" PRIu64 ", the lane is at %" PRIu64,
                             claim->fence, lane->fence);
    // A clock set back must not open a new allowance.
    *slot = (struct slot){.kind = RECORD_NEW,
                          .role = budget_role(claim->key),
                          .number = lane->number,
                          .nonce = claim->nonce,
                          .day = claim->day > budget->day ? claim->day : budget->day,
                          .fence = claim->fence,
                          .units = claim->units};
    memcpy(slot->digest, claim->digest, sizeof slot->digest);
    memcpy(slot->call_hash, claim->call_hash, sizeof slot->call_hash);
    struct entry *entry = lane_entry(lane, claim->nonce);
    bool is_new = !entry->used || entry->nonce != claim->nonce;
    if (is_new && claim->cancels)
        return policy_refuse(verdict, REFUSAL_CANCEL, "nothing was signed for nonce %" PRIu64,
                             claim->nonce);
    if (is_new)
        return claim_new(lane, budget, claim, slot->day, verdict);
    if (!claim_again(entry, claim, known, verdict))
        return false;
    slot->units = 0; // counted when the nonce was first claimed
    slot->kind = *known ? RECORD_FENCED : RECORD_REPRICED;
    return true;
}

bool record_judge(struct record *record, const struct record_claim *claim,
                  const struct signature **kept, struct policy_verdict *verdict)
{
    struct slot slot;
    const struct copy *known;
    *kept = NULL;
    if (!claim_judge(record, claim, &slot, &known, verdict))
        return false;
    if (known && known->has_signature)
        *kept = &known->signature;
    return true;
}

bool record_keep(struct record *record, const struct record_claim *claim,
                 const struct signature *signature, struct policy_verdict *verdict)
{
    struct slot slot;
    const struct copy *known;
    if (!claim_judge(record, claim, &slot, &known, verdict))
        return false;
    if (known && known->has_signature && claim->fence == record->lane[claim->key].fence)
        return true;
    slot.has_signature = true;
    slot.signature = *signature;
    return append(record, &slot, verdict);
}

void record_call_hash(const struct tx *tx, uint8_t out[32])
{
    static const char domain[] = "kustodia-call-1";
    uint8_t gas[8], has_to = tx->has_to;
    for (size_t i = 0; i < sizeof gas; i++)
        gas[i] = (uint8_t)(tx->gas_limit >> (56 - 8 * i));
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
