/*
 * CHECK(condition): what can only be false if this program is wrong. Never compiled out: it prints
 * file:line and the expression and aborts, because a crash is better than a wrong balance. What
 * input, a peer or the machine can cause is a struct err instead.
 */
#ifndef KUSTODIA_BASE_CHECK_H
#define KUSTODIA_BASE_CHECK_H

#define CHECK(condition)                                                                           \
    (__builtin_expect(!!(condition), 1) ? (void)0 : check_failed(__FILE__, __LINE__, #condition))

_Noreturn void check_failed(const char *file, int line, const char *expression);

#endif
