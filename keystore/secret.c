#include "keystore/secret.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t room_bytes(size_t n)
{
    size_t page = page_bytes();
    return (n + page - 1) / page * page;
}

bool secret_new(struct secret *secret, size_t n)
{
    *secret = (struct secret){0};
    if (n == 0 || n > SECRET_MAX_BYTES) {
        errno = EINVAL;
        return false;
    }
    size_t page = page_bytes(), room = room_bytes(n);
    size_t whole = page + room + page;
    uint8_t *map = mmap(NULL, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        return false;
    uint8_t *data = map + page;
    if (mprotect(data, room, PROT_READ | PROT_WRITE) != 0 || mlock(data, room) != 0 ||
        madvise(data, room, MADV_DONTDUMP) != 0 || madvise(data, room, MADV_WIPEONFORK) != 0) {
        int why = errno;
        munmap(map, whole);
        errno = why;
        return false;
    }
    *secret = (struct secret){.data = data, .n = n};
    return true;
}

bool secret_seal(struct secret *secret)
{
    return mprotect(secret->data, room_bytes(secret->n), PROT_READ) == 0;
}

void secret_free(struct secret *secret)
{
    if (!secret->data)
        return;
    size_t page = page_bytes(), room = room_bytes(secret->n);
    // Unmapping would do if this failed, but then a wiped page could not be promised.
    if (mprotect(secret->data, room, PROT_READ | PROT_WRITE) == 0)
        OPENSSL_cleanse(secret->data, room);
    munmap(secret->data - page, page + room + page);
    *secret = (struct secret){0};
}

void secret_wipe(void *p, size_t n)
{
    OPENSSL_cleanse(p, n);
}

bool secret_equal(const void *a, const void *b, size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0;
}
