#include "ws_handshake.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "sideclaw/crypto.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"

static const char accept_salt[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455, 1.3 */

/* ---- SHA-1 (FIPS 180-4, 6.1): here because RFC 6455 asks for it and libsodium, rightly, has none.
 * It proves that the peer speaks WebSocket and nothing else. One message of less than 120 bytes. */

enum { SHA1_BLOCK = 64, SHA1_SIZE = 20 };

static uint32_t rol(uint32_t x, int n)
{
    return (x << n) | (x >> (32 - n));
}

static void sha1_block(uint32_t h[5], const uint8_t *p)
{
    uint32_t w[80];
    for (size_t i = 0; i < 16; i++)
        w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 |
               (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
    for (int i = 16; i < 80; i++)
        w[i] = rol(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 80; i++) {
        uint32_t f = i < 20   ? ((b & c) | (~b & d)) + 0x5a827999U
                     : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1U
                     : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdcU
                              : (b ^ c ^ d) + 0xca62c1d6U;
        uint32_t t = rol(a, 5) + f + e + w[i];
        e = d;
        d = c;
        c = rol(b, 30);
        b = a;
        a = t;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
}

static void sha1(const void *data, size_t n, uint8_t ret[SHA1_SIZE])
{
    uint32_t h[5] = { 0x67452301U, 0xefcdab89U, 0x98badcfeU, 0x10325476U, 0xc3d2e1f0U };
    uint8_t block[2 * SHA1_BLOCK] = { 0 };
    sc_assert(n + 9 <= sizeof block);
    memcpy(block, data, n);
    block[n] = 0x80;
    size_t total = n + 9 <= SHA1_BLOCK ? SHA1_BLOCK : 2 * SHA1_BLOCK;
    block[total - 2] = (uint8_t)(n * 8 >> 8);
    block[total - 1] = (uint8_t)(n * 8);
    for (size_t at = 0; at < total; at += SHA1_BLOCK)
        sha1_block(h, block + at);
    for (size_t i = 0; i < SHA1_SIZE; i++)
        ret[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
}

/* ---- the request ---- */

void sc_ws_key_new(char ret[SC_WS_KEY_SIZE])
{
    uint8_t raw[16];
    /* getrandom for 16 bytes neither blocks after boot nor comes back short (getrandom(2)). */
    sc_assert(getrandom(raw, sizeof raw, 0) == (ssize_t)sizeof raw);
    sc_auto_buf struct sc_buf b = SC_BUF_INIT;
    sc_base64(&b, raw, sizeof raw);
    (void)snprintf(ret, SC_WS_KEY_SIZE, "%s", sc_buf_str(&b));
}

void sc_ws_accept_for(const char *key, char ret[SC_WS_ACCEPT_SIZE])
{
    sc_auto_buf struct sc_buf b = SC_BUF_INIT;
    uint8_t digest[SHA1_SIZE];
    sc_buf_addf(&b, "%.24s%s", key, accept_salt);
    sha1(b.p, b.n, digest);
    sc_buf_clear(&b);
    sc_base64(&b, digest, sizeof digest);
    (void)snprintf(ret, SC_WS_ACCEPT_SIZE, "%s", sc_buf_str(&b));
}

void sc_ws_request_write(struct sc_buf *out, const char *host, uint16_t port, const char *path,
                         const char *key)
{
    const char *open = strchr(host, ':') ? "[" : ""; /* an IPv6 address */
    sc_buf_addf(out,
                "GET %s HTTP/1.1\r\nHost: %s%s%s:%u\r\nUpgrade: websocket\r\n"
                "Connection: Upgrade\r\nSec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n",
                *path ? path : "/", open, host, *open ? "]" : "", port, key);
}

/* ---- the answer ---- */

/* The value of a header, blanks around it dropped; n 0 when it is absent. */
static struct sc_str header(const char *head, size_t n, const char *name)
{
    size_t len = strlen(name);
    const char *end = head + n;
    for (const char *line = memchr(head, '\n', n); line && ++line < end;
         line = memchr(line, '\n', (size_t)(end - line))) {
        if ((size_t)(end - line) <= len || strncasecmp(line, name, len) != 0 || line[len] != ':')
            continue;
        const char *v = line + len + 1;
        const char *stop = memchr(v, '\n', (size_t)(end - v));
        stop = stop ? stop : end;
        while (v < stop && (*v == ' ' || *v == '\t'))
            v++;
        while (stop > v && strchr(" \t\r", stop[-1]))
            stop--;
        return (struct sc_str){ .p = v, .n = (size_t)(stop - v) };
    }
    return (struct sc_str){ .p = "", .n = 0 };
}

static bool is_word(struct sc_str s, const char *word)
{
    return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

/* One of the words of a comma-separated list. */
static bool has_word(struct sc_str s, const char *word)
{
    for (const char *p = s.p, *end = s.p + s.n; p < end;) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        struct sc_str one = { .p = p, .n = (size_t)((comma ? comma : end) - p) };
        while (one.n && *one.p == ' ') {
            one.p++;
            one.n--;
        }
        while (one.n && one.p[one.n - 1] == ' ')
            one.n--;
        if (is_word(one, word))
            return true;
        p = comma ? comma + 1 : end;
    }
    return false;
}

static int check_upgrade(const char *head, size_t n, const char *key, struct sc_err *err)
{
    char accept[SC_WS_ACCEPT_SIZE];
    sc_ws_accept_for(key, accept);
    struct sc_str got = header(head, n, "Sec-WebSocket-Accept");
    if (!is_word(header(head, n, "Upgrade"), "websocket") ||
        !has_word(header(head, n, "Connection"), "upgrade"))
        return sc_fail(err, SC_EPROTO, "a 101 that upgrades to no WebSocket");
    if (got.n != strlen(accept) || memcmp(got.p, accept, got.n) != 0)
        return sc_fail(err, SC_EPROTO, "a wrong Sec-WebSocket-Accept");
    if (header(head, n, "Sec-WebSocket-Extensions").n ||
        header(head, n, "Sec-WebSocket-Protocol").n)
        return sc_fail(err, SC_EPROTO, "an extension or subprotocol we did not ask for");
    return SC_OK;
}

static int read_status(const char *head, size_t n, int *ret, struct sc_err *err)
{
    static const char version[] = "HTTP/1.1 ";
    const size_t at = sizeof version - 1;
    if (n < at + 3 || strncmp(head, version, at) != 0)
        return sc_fail(err, SC_EPROTO, "no HTTP/1.1 answer");
    int status = 0;
    for (size_t i = at; i < at + 3; i++) {
        if (head[i] < '0' || head[i] > '9')
            return sc_fail(err, SC_EPROTO, "no HTTP status");
        status = status * 10 + (head[i] - '0');
    }
    *ret = status;
    return SC_OK;
}

int sc_ws_response_read(const uint8_t *p, size_t n, const char *key, size_t *ret_head,
                        int *ret_status, struct sc_err *err)
{
    const char *head = (const char *)p;
    const char *end = memmem(head, n, "\r\n\r\n", 4);
    if (!end && n > SC_HTTP_HEADERS_MAX)
        return sc_fail(err, SC_ETOOBIG, "an HTTP head of over %d bytes", SC_HTTP_HEADERS_MAX);
    if (!end) {
        *ret_head = 0;
        return SC_OK;
    }
    size_t size = (size_t)(end - head) + 4;
    int status = 0;
    int r = read_status(head, size, &status, err);
    if (r < 0)
        return r;
    if (status == 101 && (r = check_upgrade(head, size, key, err)) < 0)
        return r;
    *ret_head = size;
    *ret_status = status;
    return SC_OK;
}
