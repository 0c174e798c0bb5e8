#include "sim/trace.h"

#include <inttypes.h>
#include <stdarg.h>

enum { LINE_MAX_BYTES = 512 };

void trace_init(struct trace *t, struct world *w, FILE *to)
{
    *t = (struct trace){ .w = w, .to = to, .hash = UINT64_C(0xcbf29ce484222325) };
}

/* FNV-1a: not for strangers, only for ourselves. */
static void add(struct trace *t, const char *s)
{
    for (; *s; s++)
        t->hash = (t->hash ^ (uint8_t)*s) * UINT64_C(0x100000001b3);
}

void trace_line(struct trace *t, const char *fmt, ...)
{
    char line[LINE_MAX_BYTES];
    int n = snprintf(line, sizeof line, "%10" PRId64 " ", world_now(t->w));
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(line + n, sizeof line - (size_t)n, fmt, ap);
    va_end(ap);
    add(t, line);
    if (t->to)
        (void)fprintf(t->to, "%s\n", line);
}
