/* trace.h: what happened in a simulated world, line by line, and one number for all of it. Two runs
 * of a seed must give the same. */
#ifndef SIDECLAW_TESTS_TRACE_H
#define SIDECLAW_TESTS_TRACE_H

#include <stdint.h>
#include <stdio.h>

#include "support/world.h"

struct trace {
    struct world *w;
    FILE *to; /* NULL: only the number */
    uint64_t hash;
};

void trace_init(struct trace *t, struct world *w, FILE *to);
void trace_line(struct trace *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
