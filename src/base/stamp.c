/* stamp.c: stamps as values; the clock that gives them is domain/hlc.c. */
#include <string.h>

#include "sideclaw/hlc.h"

enum { COUNTER_BITS = 16 };
#define MS_MAX ((INT64_C(1) << 47) - 1) /* so that a stamp fits into SQLite's signed integers */

int sc_stamp_cmp(const struct sc_stamp *a, const struct sc_stamp *b)
{
    if (a->hlc != b->hlc)
        return a->hlc < b->hlc ? -1 : 1;
    int c = strcmp(a->node, b->node);
    return (c > 0) - (c < 0);
}

sc_wall sc_hlc_wall(uint64_t hlc)
{
    return (sc_wall){ (int64_t)(hlc >> COUNTER_BITS) };
}

uint64_t sc_hlc_at(sc_wall t)
{
    int64_t ms = t.ms < 0 ? 0 : t.ms > MS_MAX ? MS_MAX : t.ms;
    return (uint64_t)ms << COUNTER_BITS;
}
