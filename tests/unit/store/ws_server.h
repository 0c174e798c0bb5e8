/* ws_server.h: a WebSocket server on the test's own loop, on one loopback port that also answers
 * plain GETs, as a gateway's does. wslay's server side does the frames. */
#ifndef WS_SERVER_H
#define WS_SERVER_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wslay/wslay.h>

#include "../../../src/store/ws_handshake.h"
#include "sideclaw/buf.h"
#include "sideclaw/clock.h"
#include "sideclaw/loop.h"
#include "sideclaw/mem.h"
#include "sideclaw/stream.h"

enum { CONNS_MAX = 64 };

struct ws_server;

struct ws_conn {
    struct ws_server *server;
    struct sc_stream *stream;
    wslay_event_context_ptr frames;
    bool open;
    bool closing; /* drop it when everything is written */
};

struct ws_server {
    struct sc_loop *loop;
    int fd;
    uint16_t port;
    struct sc_io *accept;
    struct ws_conn conns[CONNS_MAX];
    size_t accepted;
    struct ws_conn *last; /* the WebSocket opened last; NULL when it is gone */

    /* How it behaves. */
    bool mute;           /* reads everything, answers nothing */
    const char *upgrade; /* the answer to an upgrade instead of the right one; "%s": the accept */
    const char *(*get)(void *ctx, const char *path); /* a GET's answer: "200 body"; NULL: silence */
    void (*opened)(void *ctx, struct ws_conn *c);
    void (*text)(void *ctx, struct ws_conn *c, const char *text, size_t n);
    void *ctx;

    /* What it saw. */
    unsigned upgrades, gets, close_code;
    bool unmasked;
};

static inline void conn_drop(struct ws_conn *c)
{
    if (!c->stream)
        return;
    sc_stream_free(sc_steal(&c->stream));
    if (c->frames)
        wslay_event_context_free(c->frames);
    c->frames = NULL;
    c->open = false;
    if (c->server->last == c)
        c->server->last = NULL;
}

static inline ssize_t conn_recv(wslay_event_context_ptr f, uint8_t *buf, size_t len, int flags,
                                void *ctx)
{
    struct ws_conn *c = ctx;
    (void)flags;
    size_t n = 0;
    const uint8_t *p = c->stream ? sc_stream_peek(c->stream, &n) : NULL;
    if (n == 0) {
        wslay_event_set_error(f, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    if (n > len)
        n = len;
    memcpy(buf, p, n);
    sc_stream_consume(c->stream, n);
    return (ssize_t)n;
}

static inline ssize_t conn_send(wslay_event_context_ptr f, const uint8_t *data, size_t len,
                                int flags, void *ctx)
{
    struct ws_conn *c = ctx;
    (void)f;
    (void)flags;
    sc_stream_write(c->stream, data, len);
    return (ssize_t)len;
}

static inline void conn_message(wslay_event_context_ptr f,
                                const struct wslay_event_on_msg_recv_arg *arg, void *ctx)
{
    struct ws_conn *c = ctx;
    (void)f;
    if (arg->opcode == WSLAY_CONNECTION_CLOSE)
        c->server->close_code = arg->status_code;
    else if (arg->opcode == WSLAY_TEXT_FRAME && c->server->text && !c->server->mute)
        c->server->text(c->server->ctx, c, (const char *)arg->msg, arg->msg_length);
}

static inline void conn_send_frame(struct ws_conn *c, uint8_t opcode, const void *data, size_t n)
{
    struct wslay_event_msg m = { .opcode = opcode, .msg = data, .msg_length = n };
    cr_assert_eq(wslay_event_queue_msg(c->frames, &m), 0);
    cr_assert_eq(wslay_event_send(c->frames), 0);
}

static inline void conn_send_text(struct ws_conn *c, const char *text)
{
    conn_send_frame(c, WSLAY_TEXT_FRAME, text, strlen(text));
}

/* A close frame with any code, also those wslay does not know, and then the end. */
static inline void conn_close(struct ws_conn *c, uint16_t code, const char *reason)
{
    uint8_t frame[128] = { 0x88, (uint8_t)(2 + strlen(reason)), (uint8_t)(code >> 8),
                           (uint8_t)code };
    memcpy(frame + 4, reason, strlen(reason));
    sc_stream_write(c->stream, frame, 4 + strlen(reason));
    c->closing = true;
}

static inline void conn_upgrade(struct ws_conn *c, const char *head)
{
    static const struct wslay_event_callbacks callbacks = { .recv_callback = conn_recv,
                                                            .send_callback = conn_send,
                                                            .on_msg_recv_callback = conn_message };
    struct ws_server *s = c->server;
    char key[25] = "", accept[SC_WS_ACCEPT_SIZE];
    const char *at = strstr(head, "Sec-WebSocket-Key: ");
    cr_assert_not_null(at);
    memcpy(key, at + strlen("Sec-WebSocket-Key: "), 24);
    sc_ws_accept_for(key, accept);
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    s->upgrades++;
    const char *template = s->upgrade ? s->upgrade
                                      : "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                        "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n";
    const char *hole = strstr(template, "%s");
    sc_buf_add(&out, template, hole ? (size_t)(hole - template) : strlen(template));
    if (hole) {
        sc_buf_adds(&out, accept);
        sc_buf_adds(&out, hole + 2);
    }
    sc_stream_write(c->stream, out.p, out.n);
    cr_assert_eq(wslay_event_context_server_init(&c->frames, &callbacks, c), 0);
    c->open = true;
    s->last = c;
    if (s->opened && !s->upgrade)
        s->opened(s->ctx, c);
}

static inline void conn_get(struct ws_conn *c, const char *head)
{
    struct ws_server *s = c->server;
    sc_auto_free char *path = sc_xstrndup(head + 4, strcspn(head + 4, " "));
    const char *answer = s->get ? s->get(s->ctx, path) : "404 nothing here";
    s->gets++;
    if (!answer)
        return;
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    sc_buf_addf(&out, "HTTP/1.1 %.3s X\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                answer, strlen(answer + 4), answer + 4);
    sc_stream_write(c->stream, out.p, out.n);
    c->closing = true;
}

static inline void conn_readable(void *ctx, struct sc_stream *stream)
{
    struct ws_conn *c = ctx;
    size_t n;
    const char *p = (const char *)sc_stream_peek(stream, &n);
    if (c->server->mute) {
        sc_stream_consume(stream, n);
    } else if (!c->open) {
        const char *end = memmem(p, n, "\r\n\r\n", 4);
        if (!end)
            return;
        sc_auto_free char *head = sc_xstrndup(p, (size_t)(end - p) + 4);
        sc_stream_consume(stream, strlen(head));
        if (strstr(head, "Upgrade: websocket"))
            conn_upgrade(c, head);
        else
            conn_get(c, head);
    }
    if (c->open && c->stream && !c->server->mute) {
        p = (const char *)sc_stream_peek(c->stream, &n);
        c->server->unmasked |= n >= 2 && !((uint8_t)p[1] & 0x80);
        (void)wslay_event_recv(c->frames);
        if (c->frames)
            (void)wslay_event_send(c->frames);
    }
}

static inline void conn_event(void *ctx, struct sc_stream *stream, enum sc_stream_event ev)
{
    struct ws_conn *c = ctx;
    if (ev == SC_STREAM_DRAINED ? c->closing && sc_stream_pending(stream) == 0
                                : ev != SC_STREAM_CONNECTED)
        conn_drop(c);
}

static inline void server_accept(void *ctx, int fd, int what)
{
    static const struct sc_stream_ops ops = { .readable = conn_readable, .event = conn_event };
    struct ws_server *s = ctx;
    (void)what;
    int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (peer < 0)
        return;
    cr_assert_lt(s->accepted, (size_t)CONNS_MAX);
    struct ws_conn *c = &s->conns[s->accepted++];
    *c = (struct ws_conn){ .server = s };
    c->stream = sc_stream_from_fd(s->loop, peer, &ops, c);
}

/* Port 0: any. */
static inline void server_listen(struct ws_server *s, struct sc_loop *loop, uint16_t port)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons(port) };
    socklen_t n = sizeof a;
    int on = 1;
    s->loop = loop;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    (void)setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    cr_assert_eq(bind(s->fd, (struct sockaddr *)&a, sizeof a), 0);
    cr_assert_eq(listen(s->fd, 16), 0);
    cr_assert_eq(getsockname(s->fd, (struct sockaddr *)&a, &n), 0);
    s->port = ntohs(a.sin_port);
    s->accept = sc_io_new(loop, s->fd, SC_IO_READ, server_accept, s);
}

/* Nothing listens any more, and every connection is reset. */
static inline void server_down(struct ws_server *s)
{
    if (!s->accept)
        return;
    sc_io_free(sc_steal(&s->accept));
    (void)close(s->fd);
    for (size_t i = 0; i < s->accepted; i++)
        conn_drop(&s->conns[i]);
    s->accepted = 0;
    s->last = NULL;
}

/* Turns of the loop until the condition holds; fails after ten seconds. */
#define until(loop, cond)                                                                          \
    do {                                                                                           \
        struct sc_clock until_clock_ = sc_clock_system();                                          \
        int64_t until_end_ = sc_clock_mono(&until_clock_).ms + 10000;                              \
        while (!(cond)) {                                                                          \
            cr_assert_lt(sc_clock_mono(&until_clock_).ms, until_end_, "waited in vain: %s",        \
                         #cond);                                                                   \
            cr_assert_eq(sc_loop_turn((loop), 20, NULL), SC_OK);                                   \
        }                                                                                          \
    } while (0)

#endif
