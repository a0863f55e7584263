#include "keystore/private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

__attribute__((format(printf, 3, 4))) static bool
file_fail(struct file_error *error, enum file_fault fault, const char *format, ...)
{
    va_list args;
    error->fault = fault;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return false;
}

static bool owner_is_trusted(const struct stat *st)
{
    return st->st_uid == geteuid() || st->st_uid == 0;
}

bool private_file_is_guarded(const struct stat *st)
{
    return owner_is_trusted(st) && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

static bool file_is_private(int fd, const char *path, size_t *n, struct file_error *error)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return file_fail(error, FILE_FAULT_SYSTEM, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return file_fail(error, FILE_FAULT_SYSTEM, "%s is not a regular file", path);
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        return file_fail(error, FILE_FAULT_PERMISSIONS,
                         "%s may be used by others (mode %03o): run chmod 600 on it", path,
                         (unsigned)(st.st_mode & 0777));
    if (!owner_is_trusted(&st))
        return file_fail(error, FILE_FAULT_PERMISSIONS,
                         "%s belongs to user %u, not to this user (%u): run chown on it", path,
                         (unsigned)st.st_uid, (unsigned)geteuid());
    if (st.st_size < 1)
        return file_fail(error, FILE_FAULT_SIZE, "%s is empty", path);
    if (st.st_size > SECRET_MAX_BYTES)
        return file_fail(error, FILE_FAULT_SIZE, "%s has %lld bytes, at most %d are read", path,
                         (long long)st.st_size, SECRET_MAX_BYTES);
    *n = (size_t)st.st_size;
    return true;
}

static bool read_all(int fd, uint8_t *data, size_t n)
{
    size_t have = 0;
    while (have < n) {
        ssize_t got = read(fd, data + have, n - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            errno = got == 0 ? EIO : errno; // shorter than its size a moment ago
            return false;
        }
        have += (size_t)got;
    }
    return true;
}

bool private_file_read(const char *path, struct secret *out, struct file_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return file_fail(error, errno == ENOENT ? FILE_FAULT_ABSENT : FILE_FAULT_SYSTEM, "%s: %s",
                         path, strerror(errno));
    size_t n = 0;
    bool ok = file_is_private(fd, path, &n, error);
    if (ok && !secret_new(out, n))
        ok = file_fail(error, FILE_FAULT_SYSTEM, "no locked memory for %s: %s (see ulimit -l)",
                       path, strerror(errno));
    else if (ok && !read_all(fd, out->data, n)) {
        ok = file_fail(error, FILE_FAULT_SYSTEM, "%s: %s", path, strerror(errno));
        secret_free(out);
    }
    close(fd);
    return ok;
}

// The password shrinks inside its own secret; the bytes behind it are wiped.
static bool password_trim(const char *path, struct secret *text, struct file_error *error)
{
    size_t n = text->n;
    if (n > 0 && text->data[n - 1] == '\n')
        n--;
    if (n > 0 && text->data[n - 1] == '\r')
        n--;
    if (n == 0)
        return file_fail(error, FILE_FAULT_SIZE, "%s holds an empty password", path);
    if (memchr(text->data, '\n', n) || memchr(text->data, 0, n))
        return file_fail(error, FILE_FAULT_SIZE, "%s must hold one line, the password", path);
    secret_wipe(text->data + n, text->n - n);
    text->n = n;
    return true;
}

bool private_file_password(const char *path, struct secret *out, struct file_error *error)
{
    struct secret text = {0};
    if (!private_file_read(path, &text, error))
        return false;
    if (!password_trim(path, &text, error)) {
        secret_free(&text);
        return false;
    }
    *out = text;
    return true;
}

static bool write_all(int fd, const uint8_t *data, size_t n)
{
    while (n > 0) {
        ssize_t put = write(fd, data, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        data += put;
        n -= (size_t)put;
    }
    return fsync(fd) == 0;
}

bool private_file_sync_folder(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 0;
    if (n >= sizeof folder)
        return false;
    memcpy(folder, path, n);
    folder[n] = '\0';
    int fd = open(!slash ? "." : n == 0 ? "/" : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = fsync(fd) == 0;
    close(fd);
    return ok;
}

bool private_file_create(const char *path, const void *data, size_t n, struct file_error *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == EEXIST)
        return file_fail(error, FILE_FAULT_EXISTS, "%s exists already; it is never overwritten",
                         path);
    if (fd < 0)
        return file_fail(error, FILE_FAULT_SYSTEM, "%s: %s", path, strerror(errno));
    bool ok = write_all(fd, data, n) && private_file_sync_folder(path);
    if (!ok) {
        file_fail(error, FILE_FAULT_SYSTEM, "writing %s: %s", path, strerror(errno));
        unlink(path);
    }
    close(fd);
    return ok;
}

bool private_file_replace(const char *path, const void *data, size_t n, struct file_error *error)
{
    char draft[PATH_MAX];
    int length = snprintf(draft, sizeof draft, "%s.new", path);
    if (length < 0 || (size_t)length >= sizeof draft)
        return file_fail(error, FILE_FAULT_SYSTEM, "%s: the path is too long", path);
    // A leftover of an interrupted replace was never in use.
    if (unlink(draft) != 0 && errno != ENOENT)
        return file_fail(error, FILE_FAULT_SYSTEM, "%s: %s", draft, strerror(errno));
    if (!private_file_create(draft, data, n, error))
        return false;
    if (rename(draft, path) != 0 || !private_file_sync_folder(path))
        return file_fail(error, FILE_FAULT_SYSTEM, "replacing %s: %s", path, strerror(errno));
    return true;
}
