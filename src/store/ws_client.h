/* ws_client.h: for store/ only: one WebSocket connection, the client's end (RFC 6455), text
 * messages only. wslay does the frames, masking, pings and fragments; sc_stream the bytes. */
#ifndef SIDECLAW_WS_CLIENT_H
#define SIDECLAW_WS_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "sideclaw/err.h"
#include "sideclaw/loop.h"

struct sc_ws_client;

enum sc_ws_why {
    SC_WS_REFUSED, /* no connection: refused, unreachable, unknown name */
    SC_WS_SILENT,  /* connected, and nobody answered the upgrade in time */
    SC_WS_HTTP,    /* the upgrade was answered with the HTTP status in `code` */
    SC_WS_BROKEN,  /* the peer broke the protocol */
    SC_WS_CLOSED,  /* the peer closed, with the close code in `code` */
    SC_WS_LOST     /* the connection ended without a word */
};
struct sc_ws_end {
    enum sc_ws_why why;
    int code;
    char text[160];
};

struct sc_ws_client_ops {
    void (*open)(void *ctx);
    void (*text)(void *ctx, const char *text, size_t n);   /* one whole message, valid UTF-8 */
    void (*ended)(void *ctx, const struct sc_ws_end *end); /* once, and nothing after it */
};

struct sc_ws_address {
    const char *host;
    uint16_t port;
    const char *path;
};

/* sc_ws_client_new: connect and upgrade; `open` or `ended` follows within timeout_ms. The address
 * is copied. A message may have SC_WS_FRAME_MAX bytes. */
struct sc_ws_client *sc_ws_client_new(struct sc_loop *loop, const struct sc_ws_address *address,
                                      int64_t timeout_ms, const struct sc_ws_client_ops *ops,
                                      void *ctx);
/* SC_EAWAY when it is not open; SC_EBUSY while SC_WS_PENDING_MAX bytes wait to be sent. */
int sc_ws_client_send(struct sc_ws_client *c, const char *text, size_t n,
                      struct sc_err *err) SC_MUST_CHECK;
/* Send a close frame; `ended` follows with the peer's, or within a second. No text any more. */
void sc_ws_client_close(struct sc_ws_client *c, uint16_t code);
/* The peer broke a protocol on top of ours: as close with 1008, but `ended` says BROKEN. */
void sc_ws_client_fail(struct sc_ws_client *c, const char *text);
/* At once, no callback any more; safe inside callbacks. NULL is fine. */
void sc_ws_client_free(struct sc_ws_client *c);

#endif
