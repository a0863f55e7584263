/*
 * How far one of Juno's listings was read to its end. Listings come newest first and rows only move to later
 * pages, so a walk that broke goes on one page before the one it did not get, after a look at page 1.
 *
 * The mark is durable (relayer.counter): the reported time, in ms since 1970, up to which every row is
 * stored. Only a walk that came to its end moves it, and never past a row that is held: one that is not final
 * at Juno yet, or that could not be read or stored. Pure: no I/O, no clock.
 */
#ifndef KUSTODIA_ENGINE_OBSERVER_WALK_H
#define KUSTODIA_ENGINE_OBSERVER_WALK_H

#include <stdbool.h>
#include <stdint.h>

enum {
    WALK_SLACK_MS = 15 * 60 * 1000,     /* rows this much older than the mark are read again */
    WALK_HOLD_MS = 24 * 60 * 60 * 1000, /* no row holds the mark longer than this */
};

struct walk {
    int64_t mark_ms; /* 0: never walked to the end */
    int64_t newest_ms;
    int64_t held_ms; /* oldest held row; INT64_MAX: none */
    int64_t row_ms;  /* time of the last row seen that has one; 0: none */
    int64_t page_oldest_ms;
    unsigned page;      /* being read, from 1; 0: between rounds */
    unsigned resume_at; /* page that a broken walk did not get; 0: the walk begins anew */
    bool incomplete;    /* a row was put off: the mark stays */
};

/* Forgets the walk under way and takes the mark that is stored. */
void walk_reset(struct walk *walk, int64_t mark_ms);
/* The page to read next, also kept in walk->page. */
unsigned walk_page_next(struct walk *walk);
/* A row of the page as listed; reported_ms 0: Juno gave no time. Gives the time to reckon with: its own, else
 * that of the row before it; 0 when there is none. */
int64_t walk_row(struct walk *walk, int64_t reported_ms);
/* False: the row is older than WALK_HOLD_MS and holds nothing any more. */
bool walk_hold(struct walk *walk, int64_t reported_ms, int64_t now_ms);
/* The page was stored. True: it was the last one that can hold anything not stored. */
bool walk_page_over(const struct walk *walk, bool full_page);
/* The round ends before the walk does. */
void walk_break(struct walk *walk);
/* The walk came to its end: the new mark, or the old one. The next walk begins anew. */
int64_t walk_end(struct walk *walk);

#endif
