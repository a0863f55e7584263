#include "relayer/engine/observer_walk.h"

static void walk_anew(struct walk *walk)
{
    walk->newest_ms = 0;
    walk->held_ms = INT64_MAX;
    walk->row_ms = 0;
    walk->page = 0;
    walk->resume_at = 0;
    walk->incomplete = false;
}

void walk_reset(struct walk *walk, int64_t mark_ms)
{
    walk_anew(walk);
    walk->mark_ms = mark_ms;
}

/* A page-1 look of a walk that goes on further back: what lies between the two was not seen. */
static bool is_glance(const struct walk *walk)
{
    return walk->resume_at > 2 && walk->page == 1;
}

unsigned walk_page_next(struct walk *walk)
{
    if (is_glance(walk)) {
        walk->page = walk->resume_at - 1;
        walk->resume_at = 0;
    } else {
        walk->page++;
    }
    walk->page_oldest_ms = INT64_MAX;
    return walk->page;
}

int64_t walk_row(struct walk *walk, int64_t reported_ms)
{
    if (reported_ms == 0)
        return walk->row_ms;
    walk->row_ms = reported_ms;
    if (reported_ms < walk->page_oldest_ms)
        walk->page_oldest_ms = reported_ms;
    if (reported_ms > walk->newest_ms && !is_glance(walk))
        walk->newest_ms = reported_ms;
    return reported_ms;
}

bool walk_hold(struct walk *walk, int64_t reported_ms, int64_t now_ms)
{
    if (reported_ms == 0) {
        walk->incomplete = true;
        return true;
    }
    if (now_ms - reported_ms > WALK_HOLD_MS)
        return false;
    if (reported_ms < walk->held_ms)
        walk->held_ms = reported_ms;
    return true;
}

bool walk_page_over(const struct walk *walk, bool full_page)
{
    if (is_glance(walk))
        return false;
    return !full_page || walk->page_oldest_ms < walk->mark_ms - WALK_SLACK_MS;
}

void walk_break(struct walk *walk)
{
    /* Broken during the glance: the page that was missing is missing still. */
    if (!is_glance(walk))
        walk->resume_at = walk->page > 1 ? walk->page : 0;
    if (walk->resume_at == 0)
        walk_anew(walk);
    walk->page = 0;
}

int64_t walk_end(struct walk *walk)
{
    int64_t mark_ms = walk->newest_ms < walk->held_ms ? walk->newest_ms : walk->held_ms;
    if (!walk->incomplete && mark_ms > walk->mark_ms)
        walk->mark_ms = mark_ms;
    walk_anew(walk);
    return walk->mark_ms;
}
