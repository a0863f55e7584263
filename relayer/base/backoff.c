#include "relayer/base/backoff.h"

#include "relayer/base/check.h"

/* One round of the splitmix64 mixing function: spreads neighbouring seeds over the whole range. */
static uint64_t backoff_mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

uint32_t backoff_ms(unsigned attempt, uint32_t base_ms, uint32_t cap_ms, uint64_t jitter_seed)
{
    CHECK(base_ms > 0 && base_ms <= cap_ms);
    uint64_t wait = base_ms;
    for (unsigned i = 0; i < attempt && wait < cap_ms; i++)
        wait *= 2;
    if (wait > cap_ms)
        wait = cap_ms;
    uint64_t least = (wait + 1) / 2;
    return (uint32_t)(least + backoff_mix(jitter_seed + attempt) % (wait - least + 1));
}
