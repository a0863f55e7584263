// Small files that only their owner may read: key files, passwords, the signer's own settings.
#ifndef KEYSTORE_PRIVATE_FILE_H
#define KEYSTORE_PRIVATE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "keystore/secret.h"

enum file_fault {
    FILE_FAULT_NONE,
    FILE_FAULT_ABSENT,      // no such file
    FILE_FAULT_SYSTEM,      // open, read, write, sync failed; the text carries the system's reason
    FILE_FAULT_PERMISSIONS, // group or others may touch it, or it belongs to someone else
    FILE_FAULT_SIZE,        // empty, or more than SECRET_MAX_BYTES
    FILE_FAULT_EXISTS       // will not overwrite
};

// One sentence for a person: what, where, what to do.
struct file_error {
    enum file_fault fault;
    char text[384];
};

// Reads a whole regular file of 1..SECRET_MAX_BYTES bytes into a secret. Refuses a file that group
// or others may read or write, or that belongs neither to this user nor to root.
bool private_file_read(const char *path, struct secret *out, struct file_error *error);

// Reads a password: the first line of a private file without its line end. Refuses an empty line, a
// zero byte and text after the first line (two passwords in one file are a mistake).
bool private_file_password(const char *path, struct secret *out, struct file_error *error);

// Creates `path` (mode 0600) with these bytes, on disk when it returns. Refuses an existing file.
bool private_file_create(const char *path, const void *data, size_t n, struct file_error *error);

// Replaces `path` in one step: after a crash it holds the old bytes or the new ones.
bool private_file_replace(const char *path, const void *data, size_t n, struct file_error *error);

// It belongs to root or this user, and neither group nor others may write it.
bool private_file_is_guarded(const struct stat *st);

// Makes the directory entry of `path` durable.
bool private_file_sync_folder(const char *path);

#endif
