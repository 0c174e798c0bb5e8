/* buf.h: a growing byte buffer that is always NUL-terminated, and a borrowed view of text. */
#ifndef SIDECLAW_BUF_H
#define SIDECLAW_BUF_H

#include <stddef.h>

struct sc_buf {
    char *p; /* NULL while empty; else p[n] == 0 */
    size_t n;
    size_t cap;
};
#define SC_BUF_INIT                                                                                \
    {                                                                                              \
        .p = NULL, .n = 0, .cap = 0                                                                \
    }

void sc_buf_fini(struct sc_buf *b);
#define sc_auto_buf __attribute__((cleanup(sc_buf_fini)))

/* Empty but keeps its memory. */
void sc_buf_clear(struct sc_buf *b);
void sc_buf_add(struct sc_buf *b, const void *data, size_t n);
void sc_buf_adds(struct sc_buf *b, const char *s);
void sc_buf_addc(struct sc_buf *b, char c);
void sc_buf_addf(struct sc_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Drop the first n bytes (n <= b->n). */
void sc_buf_consume(struct sc_buf *b, size_t n);
/* The text so far, "" when empty; lives until the next change. */
const char *sc_buf_str(const struct sc_buf *b);
/* The caller's from here on; the buffer is empty afterwards. Never NULL. */
char *sc_buf_steal(struct sc_buf *b);

/* A view; not NUL-terminated, lives as long as what it points into. */
struct sc_str {
    const char *p;
    size_t n;
};

#endif
