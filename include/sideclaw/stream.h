/* stream.h: byte streams on the loop: TCP by name, unix sockets, listeners. Buffered and bounded.
 */
#ifndef SIDECLAW_STREAM_H
#define SIDECLAW_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sideclaw/err.h"
#include "sideclaw/loop.h"

struct sc_stream;

enum sc_stream_event {
    SC_STREAM_CONNECTED,
    SC_STREAM_EOF,     /* the peer closed */
    SC_STREAM_ERROR,   /* sc_stream_error_text says which */
    SC_STREAM_TIMEOUT, /* connecting took longer than asked */
    SC_STREAM_DRAINED  /* everything written has left */
};

struct sc_stream_ops {
    void (*readable)(void *ctx, struct sc_stream *s); /* take with sc_stream_peek / _consume */
    void (*event)(void *ctx, struct sc_stream *s, enum sc_stream_event ev);
};

/* sc_stream_connect: names are resolved off the loop's back (evdns); numeric addresses at once.
 * Completion: exactly one of CONNECTED, ERROR, TIMEOUT. */
struct sc_stream *sc_stream_connect(struct sc_loop *loop, const char *host, uint16_t port,
                                    int64_t timeout_ms, const struct sc_stream_ops *ops, void *ctx);
struct sc_stream *sc_stream_from_fd(struct sc_loop *loop, int fd, const struct sc_stream_ops *ops,
                                    void *ctx);
/* Safe inside its own callbacks (the free is deferred); no callback runs afterwards. NULL is fine.
 */
void sc_stream_free(struct sc_stream *s);

/* What has arrived and was not consumed: contiguous, valid until the next call on the stream. */
const uint8_t *sc_stream_peek(struct sc_stream *s, size_t *ret_n);
void sc_stream_consume(struct sc_stream *s, size_t n);
void sc_stream_write(struct sc_stream *s, const void *data, size_t n);
size_t sc_stream_pending(const struct sc_stream *s); /* written, not yet sent, bytes */
/* Stop and resume reading: back-pressure. */
void sc_stream_pause(struct sc_stream *s, bool paused);
const char *sc_stream_error_text(const struct sc_stream *s);
int sc_stream_fd(const struct sc_stream *s);

struct sc_listener;
typedef void sc_accept_fn(void *ctx, int fd); /* takes fd */
/* sc_listen_unix: replaces a stale socket file, refuses one that answers; mode 0600 from birth. */
struct sc_listener *sc_listen_unix(struct sc_loop *loop, const char *path, sc_accept_fn *fn,
                                   void *ctx, struct sc_err *err);
void sc_listener_free(struct sc_listener *l); /* also unlinks */

#endif
