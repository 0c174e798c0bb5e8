#include "sideclaw/backoff.h"

int64_t sc_backoff_delay(int64_t min_ms, int64_t max_ms, unsigned attempt, uint64_t random)
{
    int64_t cap = min_ms;
    if (max_ms < min_ms)
        max_ms = min_ms;
    for (unsigned i = 0; i < attempt && cap > 0 && cap < max_ms; i++)
        cap = cap > max_ms / 2 ? max_ms : cap * 2;
    int64_t floor = min_ms / 2;
    return floor + (int64_t)(random % ((uint64_t)(cap - floor) + 1));
}

int64_t sc_backoff_next(struct sc_backoff *b)
{
    int64_t ms = sc_backoff_delay(b->min_ms, b->max_ms, b->attempt, sc_random64());
    if (b->attempt < 31)
        b->attempt++;
    return ms;
}

void sc_backoff_reset(struct sc_backoff *b)
{
    b->attempt = 0;
}
