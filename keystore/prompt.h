// Secrets typed by a person or piped in.
#ifndef KEYSTORE_PROMPT_H
#define KEYSTORE_PROMPT_H

#include <stdbool.h>

#include "keystore/secret.h"

// Asks on the controlling terminal without echo. False without a terminal, on end of file, on an
// empty line or one longer than 1023 bytes; `*why` then says which.
bool prompt_line(const char *question, struct secret *out, const char **why);

// Reads one line from `fd`, without its line end; same limits.
bool prompt_read(int fd, struct secret *out, const char **why);

#endif
