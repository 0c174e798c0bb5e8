/* mem.h: small allocations abort on failure (ADR 0002): the spool is on disk and the supervisor
 * restarts us. Anything sized by a peer is checked against limits.h before it gets here. */
#ifndef SIDECLAW_MEM_H
#define SIDECLAW_MEM_H

#include <stdbool.h>
#include <stddef.h>

/* sc_mem_return_large: what a daemon needs for a moment, like the whole view of a large mesh, goes
 * back to the system when it is freed. Once, at the start; nothing where the libc has no such way.
 */
void sc_mem_return_large(void);
void *sc_xmalloc(size_t size);
void *sc_xcalloc(size_t count, size_t size);
void *sc_xrealloc(void *p, size_t size);
/* NULL in, NULL out. */
char *sc_xstrdup(const char *s);
char *sc_xstrndup(const char *s, size_t n);
char *sc_xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* sc_set_str: free *dst and set it to a copy of s (NULL clears). */
void sc_set_str(char **dst, const char *s);

/* sc_steal: hand over a pointer and leave NULL behind. */
#define sc_steal(pp)                                                                               \
    __extension__({                                                                                \
        __typeof__(*(pp)) sc_stolen_ = *(pp);                                                      \
        *(pp) = NULL;                                                                              \
        sc_stolen_;                                                                                \
    })

/* sc_free_ptr: the cleanup handler behind sc_auto_free. */
void sc_free_ptr(void *pp);
#define sc_auto_free __attribute__((cleanup(sc_free_ptr)))

/* sc_assert: for our own mistakes only, on in release too. Input is never asserted. */
#define sc_assert(expr) ((expr) ? (void)0 : sc_assert_failed(#expr, __FILE__, __LINE__))
_Noreturn void sc_assert_failed(const char *expr, const char *file, int line);

#define SC_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* sc_streq: equality where NULL equals only NULL. */
bool sc_streq(const char *a, const char *b);

#endif
