/* What the events of a timeline mean, in a sentence for people. */
#ifndef KUSTODIA_API_WORDS_H
#define KUSTODIA_API_WORDS_H

#include <stddef.h>

struct event_words {
    const char *type;
    const char *words;
};
extern const struct event_words EVENT_WORDS[];
extern const size_t EVENT_WORDS_N;

/* The sentence, or the type itself for one that is not in the table. */
const char *event_words(const char *type);

#endif
