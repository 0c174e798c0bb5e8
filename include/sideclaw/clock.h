/* clock.h: two kinds of time that cannot be mixed, and the port that reads them. */
#ifndef SIDECLAW_CLOCK_H
#define SIDECLAW_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "sideclaw/err.h"

/* For deadlines and intervals: CLOCK_BOOTTIME, so that a suspended laptop sees its timers expire.
 */
typedef struct {
    int64_t ms;
} sc_mono;

/* For records and people: milliseconds since 1970, UTC. */
typedef struct {
    int64_t ms;
} sc_wall;

/* For how long something took: microseconds since some beginning, which a suspended machine does
 * not count. */
typedef struct {
    int64_t us;
} sc_tick;

/* A port: domain code is handed one and never asks the kernel. */
struct sc_clock {
    sc_mono (*mono)(void *impl);
    sc_wall (*wall)(void *impl);
    sc_tick (*tick)(void *impl); /* NULL: as exact as mono */
    void *impl;
};

struct sc_clock sc_clock_system(void);

static inline sc_mono sc_clock_mono(const struct sc_clock *c)
{
    return c->mono(c->impl);
}
static inline sc_wall sc_clock_wall(const struct sc_clock *c)
{
    return c->wall(c->impl);
}
static inline sc_tick sc_clock_tick(const struct sc_clock *c)
{
    return c->tick ? c->tick(c->impl) : (sc_tick){ c->mono(c->impl).ms * 1000 };
}

enum { SC_RFC3339_SIZE = 32 };

/* sc_wall_format: "2026-02-16T12:00:00.120Z" (or without the fraction when it is zero and
 * `seconds_only`). */
void sc_wall_format(sc_wall t, char ret[SC_RFC3339_SIZE]);
void sc_wall_format_s(sc_wall t, char ret[SC_RFC3339_SIZE]);
/* sc_wall_parse: RFC 3339 with any offset; SC_EINVAL otherwise. */
int sc_wall_parse(const char *s, sc_wall *ret, struct sc_err *err) SC_MUST_CHECK;

#endif
