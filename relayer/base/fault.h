/*
 * Named places where a test may kill the process: FAULT_POINT(name) stands before and after each
 * commit, send, receive and signature. Every name has a row in fault.def.
 *
 * With KUSTODIA_FAULTS compiled in, the environment variable KUSTODIA_FAULT="name" (or "name:N" for
 * the N-th time) raises SIGKILL there: no flush, no goodbye. A name that is not in the table ends
 * the process at its first fault point. Without KUSTODIA_FAULTS nothing of this is compiled.
 */
#ifndef KUSTODIA_BASE_FAULT_H
#define KUSTODIA_BASE_FAULT_H

#include <stdio.h>

#ifdef KUSTODIA_FAULTS
enum fault {
#define X(name, where) FAULT_##name,
#include "relayer/base/fault.def"
#undef X
    FAULTS
};
void fault_hit(enum fault fault);
#define FAULT_POINT(name) fault_hit(FAULT_##name)
#else
#define FAULT_POINT(name) ((void)0)
#endif

/* Prints "name<tab>where", one line per fault point; returns how many (0 when not compiled in). */
int fault_list(FILE *out);

#endif
