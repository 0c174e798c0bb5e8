/* The job `ask`: the same question to the same gateway in turn, straight and through two sidecars.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control.h"
#include "sideclaw/mem.h"
#include "ws.h"

enum { CHUNK = 64 * 1024 };

/* One question at a time, so blocking calls and a buffer are all it takes. */
struct line {
    int fd;
    struct sc_buf in;
};

static bool put(const struct line *l, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t done = send(l->fd, p, n, MSG_NOSIGNAL);
        if (done <= 0)
            return false;
        p += done;
        n -= (size_t)done;
    }
    return true;
}

static bool more(struct line *l)
{
    char chunk[CHUNK];
    ssize_t n = recv(l->fd, chunk, sizeof chunk, 0);
    if (n > 0)
        sc_buf_add(&l->in, chunk, (size_t)n);
    return n > 0;
}

/* --- straight: the gateway's WebSocket --- */

static bool say(const struct line *l, const char *json)
{
    sc_auto_buf struct sc_buf frame = SC_BUF_INIT;
    ws_add(&frame, json, strlen(json), true);
    return put(l, frame.p, frame.n);
}

/* Reads frames until one contains `word`. */
static bool hear(struct line *l, const char *word)
{
    for (;;) {
        int op;
        char *text;
        size_t n, used = ws_take(l->in.p, l->in.n, &op, &text, &n);
        if (used == 0) {
            if (!more(l))
                return false;
            continue;
        }
        bool found = memmem(text, n, word, strlen(word)) != NULL;
        sc_buf_consume(&l->in, used);
        if (found)
            return true;
    }
}

static bool log_in(struct line *l, int64_t port)
{
    static const char request[] =
        "GET / HTTP/1.1\r\nHost: gateway\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: c2lkZWNsYXctYmVuY2gtISE=\r\nSec-WebSocket-Version: 13\r\n\r\n";
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int on = 1;
    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (l->fd < 0 || connect(l->fd, (const struct sockaddr *)&a, sizeof a) < 0 ||
        setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0 ||
        !put(l, request, sizeof request - 1))
        return false;
    while (!l->in.n || !strstr(l->in.p, "\r\n\r\n"))
        if (!more(l))
            return false;
    sc_buf_consume(&l->in, (size_t)(strstr(l->in.p, "\r\n\r\n") - l->in.p) + 4);
    return hear(l, "connect.challenge") &&
           say(l, "{\"type\":\"req\",\"id\":\"1\",\"method\":\"connect\",\"params\":{}}") &&
           hear(l, "hello-ok");
}

static bool ask_straight(struct line *l, const char *agent, const char *body, int64_t i)
{
    sc_auto_buf struct sc_buf json = SC_BUF_INIT;
    sc_buf_addf(
        &json,
        "{\"type\":\"req\",\"id\":\"2\",\"method\":\"agent\",\"params\":{\"agentId\":\"%s\","
        "\"sessionKey\":\"agent:%s:bench\",\"message\":\"%s\",\"deliver\":false,"
        "\"idempotencyKey\":\"straight-%" PRId64 "\"}}",
        agent, agent, body, i);
    return say(l, sc_buf_str(&json)) && hear(l, "\"status\":\"ok\"");
}

/* --- through: our control socket, the other sidecar, its gateway, and back --- */

static bool ask_through(struct line *l, const char *agent, const char *body)
{
    sc_auto_buf struct sc_buf json = SC_BUF_INIT;
    sc_buf_addf(
        &json,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"message.send\",\"params\":{\"to\":\"%s\","
        "\"body\":\"%s\",\"wait_ms\":10000}}\n",
        agent, body);
    sc_buf_clear(&l->in);
    if (!put(l, json.p, json.n))
        return false;
    while (!l->in.n || !memchr(l->in.p, '\n', l->in.n))
        if (!more(l))
            return false;
    if (strstr(l->in.p, "\"body\":\"yes\""))
        return true;
    (void)fprintf(stderr, "sideclaw_bench: ask: %.300s\n", l->in.p);
    return false;
}

static bool rounds(const struct bench_args *a, struct line *straight, struct line *through,
                   struct samples *s, struct samples *t)
{
    sc_auto_free char *body = sc_xcalloc(1, (size_t)a->bytes + 1);
    memset(body, 'x', (size_t)a->bytes);
    for (int64_t i = 0; i < a->warm_up + a->count; i++) {
        int64_t start = bench_now();
        if (!ask_straight(straight, a->to, body, i))
            return false;
        int64_t middle = bench_now();
        if (!ask_through(through, a->to, body))
            return false;
        int64_t end = bench_now();
        if (i < a->warm_up)
            continue;
        samples_add(s, middle - start);
        samples_add(t, end - middle);
    }
    return true;
}

int bench_ask(const struct bench_args *a)
{
    struct control control;
    struct line straight = { .fd = -1 }, through = { .fd = -1 };
    struct samples s, t;
    samples_init(&s, (size_t)a->count);
    samples_init(&t, (size_t)a->count);
    bool ok = control_open(&control, a->socket) && log_in(&straight, a->port);
    through.fd = control.fd;
    ok = ok && rounds(a, &straight, &through, &s, &t);
    if (ok) {
        printf("{");
        samples_print(&s, "straight");
        printf(",");
        samples_print(&t, "through");
        printf("}\n");
    } else {
        (void)fprintf(stderr, "sideclaw_bench: ask failed\n");
    }
    control_close(&control);
    if (straight.fd >= 0)
        (void)close(straight.fd);
    sc_buf_fini(&straight.in);
    sc_buf_fini(&through.in);
    samples_fini(&s);
    samples_fini(&t);
    return ok ? 0 : 1;
}
