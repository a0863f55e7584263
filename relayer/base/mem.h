/*
 * Heap memory for long-lived objects (x_new). Running out of memory is a CHECK: the daemon is built
 * of bounded parts, so a failure means the machine cannot run it, and its state is in the database.
 * Sizes that come from outside are bounded before they get here. Freed with free().
 */
#ifndef KUSTODIA_BASE_MEM_H
#define KUSTODIA_BASE_MEM_H

#include <stddef.h>

void *mem_new(size_t n);                             /* zeroed */
void *mem_new_array(size_t count, size_t size);      /* zeroed; the product is checked */
void *mem_resize(void *p, size_t n);                 /* what is new is not zeroed */
void *mem_copy(const void *p, size_t n);
char *mem_text(const char *text);                    /* NULL gives NULL */
char *mem_text_n(const char *text, size_t n);        /* copies n bytes, adds the NUL */

#endif
