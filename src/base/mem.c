#include "sideclaw/mem.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn static void out_of_memory(size_t size)
{
    (void)fprintf(stderr, "level=error event=mem.exhausted bytes=%zu\n", size);
    abort();
}

_Noreturn void sc_assert_failed(const char *expr, const char *file, int line)
{
    (void)fprintf(stderr, "level=error event=assert.failed expr=\"%s\" at=%s:%d\n", expr, file,
                  line);
    abort();
}

void sc_mem_return_large(void)
{
#ifdef M_MMAP_THRESHOLD
    enum { LARGE = 1024 * 1024, KEEP = 2 * LARGE };
    /* Left alone, glibc raises the first to what was freed last, and then keeps all of it. */
    (void)mallopt(M_MMAP_THRESHOLD, LARGE);
    (void)mallopt(M_TRIM_THRESHOLD, KEEP);
#endif
}

void *sc_xmalloc(size_t size)
{
    void *p = malloc(size ? size : 1);
    if (!p)
        out_of_memory(size);
    return p;
}

void *sc_xcalloc(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size ? size : 1);
    if (!p)
        out_of_memory(size);
    return p;
}

void *sc_xrealloc(void *old, size_t size)
{
    void *p = realloc(old, size ? size : 1);
    if (!p)
        out_of_memory(size);
    return p;
}

char *sc_xstrndup(const char *s, size_t n)
{
    if (!s)
        return NULL;
    size_t len = strnlen(s, n);
    char *p = sc_xmalloc(len + 1);
    memcpy(p, s, len);
    p[len] = 0;
    return p;
}

char *sc_xstrdup(const char *s)
{
    return s ? sc_xstrndup(s, strlen(s)) : NULL;
}

char *sc_xasprintf(const char *fmt, ...)
{
    char *p = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&p, fmt, ap);
    va_end(ap);
    if (n < 0)
        out_of_memory(0);
    return p;
}

void sc_set_str(char **dst, const char *s)
{
    char *copy = sc_xstrdup(s);
    free(*dst);
    *dst = copy;
}

void sc_free_ptr(void *pp)
{
    void *p;
    memcpy(&p, pp, sizeof p);
    free(p);
}

bool sc_streq(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}
