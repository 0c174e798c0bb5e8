#include "sideclaw/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sideclaw/mem.h"

void sc_buf_fini(struct sc_buf *b)
{
    free(b->p);
    *b = (struct sc_buf)SC_BUF_INIT;
}

void sc_buf_clear(struct sc_buf *b)
{
    b->n = 0;
    if (b->p)
        b->p[0] = 0;
}

static void reserve(struct sc_buf *b, size_t more)
{
    size_t need = b->n + more + 1;
    if (need <= b->cap)
        return;
    size_t cap = b->cap ? b->cap : 64;
    while (cap < need)
        cap += cap / 2;
    b->p = sc_xrealloc(b->p, cap);
    b->cap = cap;
}

void sc_buf_add(struct sc_buf *b, const void *data, size_t n)
{
    reserve(b, n);
    if (n)
        memcpy(b->p + b->n, data, n);
    b->n += n;
    b->p[b->n] = 0;
}

void sc_buf_adds(struct sc_buf *b, const char *s)
{
    sc_buf_add(b, s, strlen(s));
}

void sc_buf_addc(struct sc_buf *b, char c)
{
    sc_buf_add(b, &c, 1);
}

/* Most texts are short: the first try usually has the room. */
void sc_buf_addf(struct sc_buf *b, const char *fmt, ...)
{
    enum { TRY = 64 };
    va_list ap;
    reserve(b, TRY);
    va_start(ap, fmt);
    int n = vsnprintf(b->p + b->n, b->cap - b->n, fmt, ap);
    va_end(ap);
    if (n > 0 && (size_t)n >= b->cap - b->n) {
        reserve(b, (size_t)n);
        va_start(ap, fmt);
        (void)vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
        va_end(ap);
    }
    if (n > 0)
        b->n += (size_t)n;
    b->p[b->n] = 0;
}

void sc_buf_consume(struct sc_buf *b, size_t n)
{
    sc_assert(n <= b->n);
    if (n == 0)
        return;
    memmove(b->p, b->p + n, b->n - n + 1);
    b->n -= n;
}

const char *sc_buf_str(const struct sc_buf *b)
{
    return b->p ? b->p : "";
}

char *sc_buf_steal(struct sc_buf *b)
{
    char *p = b->p ? b->p : sc_xstrdup("");
    *b = (struct sc_buf)SC_BUF_INIT;
    return p;
}
