#include "ws_client.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

#include "sideclaw/backoff.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "sideclaw/stream.h"
#include "ws_handshake.h"

enum {
    GOODBYE_MS = 1000, /* for a close frame to leave and its answer to come */
    CONTROL_MAX = 125  /* payload of a control frame, bytes (RFC 6455, 5.5) */
};

enum phase {
    DIALING,   /* no TCP connection yet */
    UPGRADING, /* the request is out */
    OPEN,
    CLOSING, /* our close frame is out, the peer's is not in */
    ENDING,  /* `end` is known, the last bytes leave */
    ENDED
};

struct sc_ws_client {
    struct sc_loop *loop;
    struct sc_stream *stream;
    struct sc_timer *timer; /* the upgrade's deadline, later the goodbye's */
    wslay_event_context_ptr frames;
    const struct sc_ws_client_ops *ops;
    void *ctx;
    enum phase phase;
    bool freed; /* by its owner; its memory goes at the end of the turn (loop.h, d) */
    struct sc_buf request;
    char key[SC_WS_KEY_SIZE];
    struct sc_ws_end end;

    /* The peer's close frame as it came: wslay calls the codes 1012 and 1013, which RFC 6455 left
     * to IANA and every gateway restart sends, a broken protocol. */
    bool in_close_frame, close_seen;
    uint8_t close_payload[CONTROL_MAX];
    size_t close_n;
};

/* ---- the end ---- */

static void destroy(void *ctx)
{
    struct sc_ws_client *c = ctx;
    sc_stream_free(c->stream);
    sc_timer_free(c->timer);
    if (c->frames)
        wslay_event_context_free(c->frames);
    sc_buf_fini(&c->request);
    free(c);
}

void sc_ws_client_free(struct sc_ws_client *c)
{
    if (!c || c->freed)
        return;
    c->freed = true;
    c->phase = ENDED;
    sc_timer_disarm(c->timer);
    sc_stream_pause(c->stream, true);
    sc_loop_defer(c->loop, destroy, c);
}

static void report_end(struct sc_ws_client *c)
{
    if (c->phase == ENDED)
        return;
    c->phase = ENDED;
    sc_timer_disarm(c->timer);
    sc_stream_pause(c->stream, true);
    c->ops->ended(c->ctx, &c->end);
}

/* Note why it ended, let the last bytes (a close frame) leave, then say so. */
static void finish(struct sc_ws_client *c, enum sc_ws_why why, int code, const char *fmt, ...)
    SC_PRINTF(4, 5);
static void finish(struct sc_ws_client *c, enum sc_ws_why why, int code, const char *fmt, ...)
{
    if (c->phase >= ENDING)
        return;
    va_list ap;
    va_start(ap, fmt);
    c->end = (struct sc_ws_end){ .why = why, .code = code };
    (void)vsnprintf(c->end.text, sizeof c->end.text, fmt, ap);
    va_end(ap);
    c->phase = ENDING;
    sc_stream_pause(c->stream, true);
    sc_timer_arm(c->timer, why != SC_WS_LOST && sc_stream_pending(c->stream) ? GOODBYE_MS : 0);
}

/* ---- frames ---- */

static ssize_t on_want_bytes(wslay_event_context_ptr frames, uint8_t *buf, size_t len, int flags,
                             void *ctx)
{
    struct sc_ws_client *c = ctx;
    (void)flags;
    size_t n = 0;
    /* Also stops wslay's loop when the owner freed or closed us from inside `text`. */
    const uint8_t *p = c->phase < ENDING ? sc_stream_peek(c->stream, &n) : NULL;
    if (n == 0) {
        wslay_event_set_error(frames, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    if (n > len)
        n = len;
    memcpy(buf, p, n);
    sc_stream_consume(c->stream, n);
    return (ssize_t)n;
}

static ssize_t on_have_bytes(wslay_event_context_ptr frames, const uint8_t *data, size_t len,
                             int flags, void *ctx)
{
    struct sc_ws_client *c = ctx;
    (void)frames;
    (void)flags;
    sc_stream_write(c->stream, data, len);
    return (ssize_t)len;
}

static int on_want_mask(wslay_event_context_ptr frames, uint8_t *buf, size_t len, void *ctx)
{
    (void)frames;
    (void)ctx;
    for (size_t i = 0; i < len; i += sizeof(uint64_t)) {
        uint64_t r = sc_random64();
        memcpy(buf + i, &r, len - i < sizeof r ? len - i : sizeof r);
    }
    return 0;
}

static void on_frame(wslay_event_context_ptr frames,
                     const struct wslay_event_on_frame_recv_start_arg *arg, void *ctx)
{
    struct sc_ws_client *c = ctx;
    (void)frames;
    c->in_close_frame = arg->opcode == WSLAY_CONNECTION_CLOSE;
    c->close_seen |= c->in_close_frame;
}

static void on_chunk(wslay_event_context_ptr frames,
                     const struct wslay_event_on_frame_recv_chunk_arg *arg, void *ctx)
{
    struct sc_ws_client *c = ctx;
    (void)frames;
    size_t room = sizeof c->close_payload - c->close_n;
    size_t n = arg->data_length < room ? arg->data_length : room;
    if (!c->in_close_frame)
        return;
    memcpy(c->close_payload + c->close_n, arg->data, n);
    c->close_n += n;
}

static void on_message(wslay_event_context_ptr frames,
                       const struct wslay_event_on_msg_recv_arg *arg, void *ctx)
{
    struct sc_ws_client *c = ctx;
    (void)frames;
    if (c->phase != OPEN)
        return;
    if (arg->opcode == WSLAY_TEXT_FRAME)
        c->ops->text(c->ctx, (const char *)arg->msg, arg->msg_length);
    else if (arg->opcode == WSLAY_BINARY_FRAME)
        sc_ws_client_fail(c, "a binary message");
}

static const struct wslay_event_callbacks frame_callbacks = {
    .recv_callback = on_want_bytes,
    .send_callback = on_have_bytes,
    .genmask_callback = on_want_mask,
    .on_frame_recv_start_callback = on_frame,
    .on_frame_recv_chunk_callback = on_chunk,
    .on_msg_recv_callback = on_message,
};

static const char *broken_text(uint16_t code)
{
    return code == WSLAY_CODE_MESSAGE_TOO_BIG              ? "a message over the limit"
           : code == WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA ? "text that is not UTF-8"
                                                           : "a malformed WebSocket frame";
}

static void on_peer_closed(struct sc_ws_client *c)
{
    int code = c->close_n >= 2 ? c->close_payload[0] << 8 | c->close_payload[1]
                               : WSLAY_CODE_NO_STATUS_RCVD;
    int n = c->close_n > 2 ? (int)c->close_n - 2 : 0;
    finish(c, SC_WS_CLOSED, code, "%.*s", n, (const char *)c->close_payload + 2);
}

/* What wslay has to say goes out, and what it found out comes up. */
static void after_frames(struct sc_ws_client *c, int r)
{
    if (c->phase >= ENDING)
        return;
    int w = wslay_event_send(c->frames);
    if (r >= 0 && w >= 0 && wslay_event_get_read_enabled(c->frames))
        return;
    uint16_t sent = wslay_event_get_status_code_sent(c->frames);
    if (c->close_seen)
        on_peer_closed(c);
    else
        finish(c, SC_WS_BROKEN, sent, "%s", broken_text(sent));
}

static void read_frames(struct sc_ws_client *c)
{
    int r = wslay_event_recv(c->frames);
    if (!c->freed)
        after_frames(c, r);
}

/* ---- opening ---- */

static void read_upgrade(struct sc_ws_client *c)
{
    struct sc_err err = SC_ERR_INIT;
    size_t n, head = 0;
    int status = 0;
    const uint8_t *p = sc_stream_peek(c->stream, &n);
    if (sc_ws_response_read(p, n, c->key, &head, &status, &err) < 0) {
        finish(c, SC_WS_BROKEN, 0, "%s", err.text);
        return;
    }
    if (head == 0)
        return;
    if (status != 101) {
        finish(c, SC_WS_HTTP, status, "HTTP status %d", status);
        return;
    }
    sc_stream_consume(c->stream, head);
    sc_timer_disarm(c->timer);
    c->phase = OPEN;
    c->ops->open(c->ctx);
}

static void on_readable(void *ctx, struct sc_stream *s)
{
    struct sc_ws_client *c = ctx;
    (void)s;
    if (c->freed)
        return;
    if (c->phase == UPGRADING)
        read_upgrade(c);
    if (c->phase == OPEN || c->phase == CLOSING)
        read_frames(c); /* frames may come in the same segment as the 101 */
}

static void on_connected(struct sc_ws_client *c)
{
    c->phase = UPGRADING;
    sc_stream_write(c->stream, c->request.p, c->request.n);
    sc_buf_fini(&c->request);
}

static void on_stream_event(void *ctx, struct sc_stream *s, enum sc_stream_event ev)
{
    struct sc_ws_client *c = ctx;
    enum sc_ws_why gone = c->phase == DIALING ? SC_WS_REFUSED : SC_WS_LOST;
    if (c->freed)
        return;
    if (c->phase == ENDING) { /* the goodbye left, or never will */
        report_end(c);
        return;
    }
    switch (ev) {
    case SC_STREAM_CONNECTED:
        on_connected(c);
        break;
    case SC_STREAM_EOF:
        finish(c, gone, 0, "the connection was closed");
        break;
    case SC_STREAM_ERROR:
        finish(c, gone, 0, "%s", sc_stream_error_text(s));
        break;
    case SC_STREAM_TIMEOUT:
        finish(c, gone, 0, "the connection timed out");
        break;
    case SC_STREAM_DRAINED:
        break;
    }
}

static const struct sc_stream_ops stream_ops = {
    .readable = on_readable,
    .event = on_stream_event,
};

static void on_timer(void *ctx)
{
    struct sc_ws_client *c = ctx;
    if (c->phase == DIALING)
        finish(c, SC_WS_REFUSED, 0, "no connection in time");
    else if (c->phase == UPGRADING)
        finish(c, SC_WS_SILENT, 0, "no answer in time");
    else if (c->phase == CLOSING)
        finish(c, SC_WS_LOST, 0, "no answer to our close");
    else
        report_end(c);
}

struct sc_ws_client *sc_ws_client_new(struct sc_loop *loop, const struct sc_ws_address *address,
                                      int64_t timeout_ms, const struct sc_ws_client_ops *ops,
                                      void *ctx)
{
    struct sc_ws_client *c = sc_xcalloc(1, sizeof *c);
    c->loop = loop;
    c->ops = ops;
    c->ctx = ctx;
    c->timer = sc_timer_new(loop, on_timer, c);
    sc_assert(wslay_event_context_client_init(&c->frames, &frame_callbacks, c) == 0);
    wslay_event_config_set_max_recv_msg_length(c->frames, SC_WS_FRAME_MAX);
    sc_ws_key_new(c->key);
    sc_ws_request_write(&c->request, address->host, address->port, address->path, c->key);
    c->stream = sc_stream_connect(loop, address->host, address->port, timeout_ms, &stream_ops, c);
    sc_timer_arm(c->timer, timeout_ms);
    return c;
}

/* ---- talking ---- */

int sc_ws_client_send(struct sc_ws_client *c, const char *text, size_t n, struct sc_err *err)
{
    if (c->phase != OPEN)
        return sc_fail(err, SC_EAWAY, "the WebSocket is not open");
    if (sc_stream_pending(c->stream) + n > SC_WS_PENDING_MAX)
        return sc_fail(err, SC_EBUSY, "%zu bytes wait for the gateway to read them",
                       sc_stream_pending(c->stream));
    struct wslay_event_msg msg = { .opcode = WSLAY_TEXT_FRAME,
                                   .msg = (const uint8_t *)text,
                                   .msg_length = n };
    if (wslay_event_queue_msg(c->frames, &msg) < 0 || wslay_event_send(c->frames) < 0)
        return sc_fail(err, SC_EAWAY, "the WebSocket takes nothing any more");
    return SC_OK;
}

void sc_ws_client_close(struct sc_ws_client *c, uint16_t code)
{
    if (c->phase != OPEN) {
        finish(c, SC_WS_LOST, 0, "closed before it was open");
        return;
    }
    c->phase = CLOSING;
    (void)wslay_event_queue_close(c->frames, code, NULL, 0); /* else it ends without a goodbye */
    (void)wslay_event_send(c->frames);
    sc_timer_arm(c->timer, GOODBYE_MS);
}

void sc_ws_client_fail(struct sc_ws_client *c, const char *text)
{
    if (c->phase != OPEN)
        return;
    (void)wslay_event_queue_close(c->frames, WSLAY_CODE_POLICY_VIOLATION, NULL, 0);
    (void)wslay_event_send(c->frames);
    finish(c, SC_WS_BROKEN, WSLAY_CODE_POLICY_VIOLATION, "%s", text);
}
