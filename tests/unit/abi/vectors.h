/* vectors.h - reading published test vectors (tests only). */
#ifndef TESTS_UNIT_ABI_VECTORS_H
#define TESTS_UNIT_ABI_VECTORS_H

#include "abi/bytes.h"

#include <jansson.h>

/* Longest byte string of any vector used. */
enum { VECTOR_BYTES_MAX = 64 * 1024 };

/* The file's JSON; fails the test when it is missing or damaged. Free with json_decref. */
json_t *vectors_load(const char *path);
/* Hex with or without 0x into `mem` of VECTOR_BYTES_MAX; fails the test when it is not hex. */
struct bytes vectors_bytes(const char *hex, uint8_t *mem);
/* Calls `check(file, ctx)` for each .json file of a folder; returns how many there were. */
size_t vectors_each_file(const char *folder, void (*check)(const char *path, void *ctx), void *ctx);

#endif
