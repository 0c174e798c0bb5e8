#include <inttypes.h>
#include <stdlib.h>

#include "bench.h"
#include "sideclaw/mem.h"

void samples_init(struct samples *s, size_t cap)
{
    *s = (struct samples){ .v = sc_xcalloc(cap ? cap : 1, sizeof *s->v), .cap = cap };
}

void samples_fini(struct samples *s)
{
    free(s->v);
    *s = (struct samples){ 0 };
}

void samples_add(struct samples *s, int64_t ns)
{
    if (s->n < s->cap)
        s->v[s->n++] = ns;
}

static int by_value(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double at_us(const struct samples *s, double share)
{
    if (s->n == 0)
        return 0;
    size_t i = (size_t)((double)s->n * share);
    return (double)s->v[i < s->n ? i : s->n - 1] / 1e3;
}

void samples_print(struct samples *s, const char *name)
{
    qsort(s->v, s->n, sizeof *s->v, by_value);
    printf("\"%s\":{\"n\":%zu,\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f}",
           name, s->n, at_us(s, 0.5), at_us(s, 0.9), at_us(s, 0.99), at_us(s, 1));
}
