#include "../../../src/store/ws_client.h"

#include "sideclaw/limits.h"
#include "ws_server.h"

struct fix {
    struct sc_loop *loop;
    struct ws_server server;
    struct sc_ws_client *client;
    struct sc_buf got; /* of the client: each text and a newline */
    size_t last_len;
    struct sc_buf heard; /* of the server */
    int opened, ended;
    bool free_in_text, free_in_open, fail_in_text;
    struct sc_ws_end end;
};

static void on_open(void *ctx)
{
    struct fix *f = ctx;
    f->opened++;
    if (f->free_in_open)
        sc_ws_client_free(sc_steal(&f->client));
}

static void on_text(void *ctx, const char *text, size_t n)
{
    struct fix *f = ctx;
    f->last_len = n;
    if (n < 1000)
        sc_buf_addf(&f->got, "%.*s\n", (int)n, text);
    if (f->free_in_text)
        sc_ws_client_free(sc_steal(&f->client));
    if (f->fail_in_text)
        sc_ws_client_fail(f->client, "nonsense");
}

static void on_ended(void *ctx, const struct sc_ws_end *end)
{
    struct fix *f = ctx;
    f->ended++;
    f->end = *end;
    sc_ws_client_free(sc_steal(&f->client));
}

static const struct sc_ws_client_ops ops = { .open = on_open, .text = on_text, .ended = on_ended };

static void heard(void *ctx, struct ws_conn *c, const char *text, size_t n)
{
    struct fix *f = ctx;
    (void)c;
    sc_buf_addf(&f->heard, "%.*s\n", n < 1000 ? (int)n : 0, text);
}

static void init(struct fix *f)
{
    *f = (struct fix){ .loop = sc_loop_new(NULL) };
    f->server.text = heard;
    f->server.ctx = f;
    server_listen(&f->server, f->loop, 0);
}

static void dial(struct fix *f, int64_t timeout_ms)
{
    struct sc_ws_address a = { .host = "127.0.0.1", .port = f->server.port, .path = "/" };
    f->client = sc_ws_client_new(f->loop, &a, timeout_ms, &ops, f);
}

static void dial_open(struct fix *f)
{
    dial(f, 5000);
    until(f->loop, f->opened && f->server.last);
}

static void fini(struct fix *f)
{
    sc_ws_client_free(f->client);
    server_down(&f->server);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(sc_loop_turn(f->loop, 0, NULL), SC_OK);
    sc_buf_fini(&f->got);
    sc_buf_fini(&f->heard);
    sc_loop_free(f->loop);
}

Test(ws_handshake, computes_the_accept_of_the_rfc)
{
    char accept[SC_WS_ACCEPT_SIZE];
    sc_ws_accept_for("dGhlIHNhbXBsZSBub25jZQ==", accept); /* RFC 6455, 1.3 */
    cr_assert_str_eq(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static int read_head(const char *text, size_t *head, int *status, struct sc_err *err)
{
    return sc_ws_response_read((const uint8_t *)text, strlen(text),
                               "dGhlIHNhbXBsZSBub25jZQ==", head, status, err);
}

#define GOOD "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

Test(ws_handshake, reads_answers)
{
    size_t head = 99;
    int status = 0;
    struct sc_err err = SC_ERR_INIT;
    cr_assert_eq(read_head("HTTP/1.1 101 Switching\r\nUpg", &head, &status, &err), SC_OK);
    cr_assert_eq(head, 0, "not all of it is there");
    cr_assert_eq(read_head("HTTP/1.1 101 x\r\nupgrade: WebSocket\r\nconnection: keep-alive, "
                           "Upgrade\r\n" GOOD "\r\nrest",
                           &head, &status, &err),
                 SC_OK, "%s", err.text);
    cr_assert_eq(status, 101);
    cr_assert_eq(head, strlen("HTTP/1.1 101 x\r\nupgrade: WebSocket\r\nconnection: keep-alive, "
                              "Upgrade\r\n" GOOD "\r\n"));
    cr_assert_eq(read_head("HTTP/1.1 503 Busy\r\n\r\n", &head, &status, &err), SC_OK);
    cr_assert_eq(status, 503);
}

Test(ws_handshake, refuses_what_is_no_upgrade)
{
    static const char *const bad[] = {
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "HTTP/1.1 1x1 y\r\n\r\n",
        "HTTP/1.1 101 x\r\n\r\n",
        "HTTP/1.1 101 x\r\nUpgrade: websocket\r\n" GOOD "\r\n",
        "HTTP/1.1 101 x\r\nConnection: upgrade\r\n" GOOD "\r\n",
        "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: "
        "AAAAAMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n" GOOD
        "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(bad); i++) {
        size_t head;
        int status;
        struct sc_err err = SC_ERR_INIT;
        cr_expect_eq(read_head(bad[i], &head, &status, &err), SC_EPROTO, "case %zu", i);
    }
}

Test(ws_handshake, bounds_the_head)
{
    sc_auto_buf struct sc_buf b = SC_BUF_INIT;
    size_t head;
    int status;
    struct sc_err err = SC_ERR_INIT;
    sc_buf_adds(&b, "HTTP/1.1 101 x\r\nX: ");
    while (b.n <= SC_HTTP_HEADERS_MAX)
        sc_buf_addc(&b, 'x');
    cr_assert_eq(read_head(b.p, &head, &status, &err), SC_ETOOBIG);
}

Test(ws_client, talks_both_ways)
{
    struct fix f;
    init(&f);
    dial_open(&f);
    conn_send_text(f.server.last, "one");
    conn_send_text(f.server.last, "two");
    cr_assert_eq(sc_ws_client_send(f.client, "hello", 5, NULL), SC_OK);
    until(f.loop, strstr(sc_buf_str(&f.got), "two") && f.heard.n);
    cr_assert_str_eq(sc_buf_str(&f.got), "one\ntwo\n");
    cr_assert_str_eq(sc_buf_str(&f.heard), "hello\n");
    cr_assert_not(f.server.unmasked);
    fini(&f);
}

Test(ws_client, carries_large_and_fragmented_messages)
{
    struct fix f;
    init(&f);
    dial_open(&f);
    size_t n = 3 * 1024 * 1024;
    sc_auto_free char *big = sc_xmalloc(n);
    memset(big, 'x', n);
    conn_send_frame(f.server.last, WSLAY_TEXT_FRAME, big, n);
    until(f.loop, f.last_len == n);
    const uint8_t parts[] = { 0x01, 2, 'a', 'b', 0x89, 0, 0x80, 1, 'c' }; /* a ping in between */
    sc_stream_write(f.server.last->stream, parts, sizeof parts);
    until(f.loop, f.last_len == 3);
    cr_assert_str_eq(sc_buf_str(&f.got), "abc\n");
    fini(&f);
}

Test(ws_client, says_that_nothing_listens)
{
    struct fix f;
    init(&f);
    server_down(&f.server);
    dial(&f, 5000);
    until(f.loop, f.ended);
    cr_assert_eq(f.end.why, SC_WS_REFUSED);
    cr_assert_str_eq(f.end.text, "Connection refused");
    cr_assert_eq(f.opened, 0);
    fini(&f);
}

Test(ws_client, says_that_nobody_answers)
{
    struct fix f;
    init(&f);
    f.server.mute = true;
    dial(&f, 100);
    until(f.loop, f.ended);
    cr_assert_eq(f.end.why, SC_WS_SILENT);
    fini(&f);
}

Test(ws_client, says_what_was_answered_instead)
{
    struct fix f;
    init(&f);
    f.server.upgrade = "HTTP/1.1 503 Busy\r\n\r\n";
    dial(&f, 5000);
    until(f.loop, f.ended);
    cr_assert_eq(f.end.why, SC_WS_HTTP);
    cr_assert_eq(f.end.code, 503);
    fini(&f);
}

Test(ws_client, refuses_a_wrong_accept)
{
    struct fix f;
    init(&f);
    f.server.upgrade = "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Accept: AAAAAMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    dial(&f, 5000);
    until(f.loop, f.ended);
    cr_assert_eq(f.end.why, SC_WS_BROKEN);
    cr_assert_eq(f.opened, 0);
    fini(&f);
}

/* The codes of a gateway's restart and start; wslay knows neither. */
Test(ws_client, reports_close_codes)
{
    static const uint16_t codes[] = { 1000, 1012, 1013, 4001 };
    for (size_t i = 0; i < SC_ARRAY_LEN(codes); i++) {
        struct fix f;
        init(&f);
        dial_open(&f);
        conn_send_text(f.server.last, "last words");
        conn_close(f.server.last, codes[i], "service restart");
        until(f.loop, f.ended);
        cr_assert_eq(f.end.why, SC_WS_CLOSED);
        cr_assert_eq(f.end.code, codes[i]);
        cr_assert_str_eq(f.end.text, "service restart");
        cr_assert_str_eq(sc_buf_str(&f.got), "last words\n");
        fini(&f);
    }
}

Test(ws_client, reports_a_lost_connection)
{
    struct fix f;
    init(&f);
    dial_open(&f);
    server_down(&f.server);
    until(f.loop, f.ended);
    cr_assert_eq(f.end.why, SC_WS_LOST);
    fini(&f);
}

/* Each breaks the protocol; the peer is told with a close frame. */
Test(ws_client, refuses_broken_frames)
{
    static const struct {
        const char *name;
        uint8_t bytes[16];
        size_t n;
        unsigned code;
    } cases[] = {
        { "binary", { 0x82, 1, 'x' }, 3, 1008 },
        { "reserved bit", { 0xc1, 1, 'x' }, 3, 1002 },
        { "unknown opcode", { 0x83, 1, 'x' }, 3, 1002 },
        { "bad UTF-8", { 0x81, 2, 0xc3, 0x28 }, 4, 1007 },
        { "lone continuation", { 0x80, 1, 'x' }, 3, 1002 },
        { "over-long message", { 0x81, 127, 0, 0, 0, 0, 0x40, 0, 0, 0, 'x' }, 11, 1009 },
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(cases); i++) {
        struct fix f;
        init(&f);
        dial_open(&f);
        sc_stream_write(f.server.last->stream, cases[i].bytes, cases[i].n);
        until(f.loop, f.ended);
        cr_expect_eq(f.end.why, SC_WS_BROKEN, "%s", cases[i].name);
        cr_expect_eq(f.got.n, 0, "%s", cases[i].name);
        until(f.loop, f.server.close_code);
        cr_expect_eq(f.server.close_code, cases[i].code, "%s: %u", cases[i].name,
                     f.server.close_code);
        fini(&f);
    }
}

Test(ws_client, may_be_freed_inside_its_callbacks)
{
    struct fix f;
    init(&f);
    f.free_in_text = true;
    dial_open(&f);
    conn_send_text(f.server.last, "one");
    conn_send_text(f.server.last, "two");
    until(f.loop, f.got.n && !f.server.last);
    cr_assert_str_eq(sc_buf_str(&f.got), "one\n");
    cr_assert_eq(f.ended, 0);
    fini(&f);

    init(&f);
    f.free_in_open = true;
    dial(&f, 5000);
    until(f.loop, f.opened);
    cr_assert_eq(f.ended, 0);
    fini(&f);
}

Test(ws_client, ends_once_when_its_owner_finds_a_fault)
{
    struct fix f;
    init(&f);
    f.fail_in_text = true;
    dial_open(&f);
    conn_send_text(f.server.last, "one");
    conn_send_text(f.server.last, "two");
    until(f.loop, f.ended && f.server.close_code);
    cr_assert_str_eq(sc_buf_str(&f.got), "one\n");
    cr_assert_eq(f.end.why, SC_WS_BROKEN);
    cr_assert_str_eq(f.end.text, "nonsense");
    cr_assert_eq(f.server.close_code, 1008);
    fini(&f);
}

Test(ws_client, says_goodbye)
{
    struct fix f;
    init(&f);
    dial_open(&f);
    sc_ws_client_close(f.client, 1000);
    cr_assert_eq(sc_ws_client_send(f.client, "x", 1, NULL), SC_EAWAY);
    until(f.loop, f.ended);
    cr_assert_eq(f.end.why, SC_WS_CLOSED);
    cr_assert_eq(f.server.close_code, 1000);
    fini(&f);
}

Test(ws_client, bounds_what_waits_to_be_sent)
{
    struct fix f;
    init(&f);
    dial_open(&f);
    size_t n = 8 * 1024 * 1024;
    sc_auto_free char *big = sc_xmalloc(n);
    memset(big, 'x', n);
    int r = SC_OK;
    for (int i = 0; i < 10 && r == SC_OK; i++)
        r = sc_ws_client_send(f.client, big, n, NULL);
    cr_assert_eq(r, SC_EBUSY);
    fini(&f);
}
