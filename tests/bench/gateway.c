/* The job `gateway`: an OpenClaw gateway as a sidecar sees it, whose agent answers at once. In C
 * and in one thread, so that what the mesh adds to a question does not drown in the gateway's own
 * noise; the shapes are those of tests/support/fake_gateway.py. Ends when its standard input does.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../src/store/ws_handshake.h"
#include "sideclaw/mem.h"
#include "sideclaw/value.h"
#include "ws.h"

enum { CONNS_MAX = 16, CHUNK = 64 * 1024 };

struct conn {
    int fd; /* -1: free */
    bool upgraded;
    struct sc_buf in, out;
};

struct gateway {
    const char *agent;
    int listener;
    struct conn conns[CONNS_MAX];
};

/* --- answers --- */

static void say(struct conn *c, const char *json)
{
    ws_add(&c->out, json, strlen(json), false);
}

static void answer(struct conn *c, const char *id, const char *payload)
{
    sc_auto_buf struct sc_buf frame = SC_BUF_INIT;
    sc_buf_addf(&frame, "{\"type\":\"res\",\"id\":\"%s\",\"ok\":true,\"payload\":%s}", id, payload);
    say(c, sc_buf_str(&frame));
}

static const char hello[] =
    "{\"type\":\"hello-ok\",\"protocol\":4,\"server\":{\"version\":\"2026.9.6\",\"bootId\":\"b\","
    "\"connId\":\"c\"},\"features\":{\"methods\":[\"health\",\"agents.list\",\"agent\",\"agent."
    "wait\","
    "\"chat.history\",\"channels.status\",\"skills.status\",\"tools.catalog\"],\"events\":["
    "\"agent\","
    "\"chat\",\"tick\"]},\"snapshot\":{\"suspension\":{\"phase\":\"accepting\"}},\"auth\":{"
    "\"role\":"
    "\"operator\",\"scopes\":[\"operator.read\",\"operator.write\",\"operator.admin\"]},\"policy\":"
    "{"
    "\"maxPayload\":26214400,\"maxBufferedBytes\":52428800,\"tickIntervalMs\":30000}}";

/* Taken and over with the same write: it answers at once. */
static void run_turn(const struct gateway *g, struct conn *c, const char *id,
                     const struct sc_value *p)
{
    const char *run = sc_value_get_str(p, "idempotencyKey");
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    sc_buf_addf(&out, "{\"runId\":\"%s\",\"status\":\"accepted\",\"agentId\":\"%s\"}",
                run ? run : "", g->agent);
    answer(c, id, sc_buf_str(&out));
    sc_buf_clear(&out);
    sc_buf_addf(
        &out,
        "{\"runId\":\"%s\",\"status\":\"ok\",\"summary\":\"completed\",\"result\":{\"payloads\":"
        "[{\"text\":\"yes\",\"mediaUrl\":null}],\"meta\":{\"durationMs\":0}}}",
        run ? run : "");
    answer(c, id, sc_buf_str(&out));
}

static void wait_turn(struct conn *c, const char *id, const struct sc_value *p)
{
    const char *run = sc_value_get_str(p, "runId");
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    sc_buf_addf(
        &out,
        "{\"runId\":\"%s\",\"status\":\"ok\",\"endedAt\":1,\"terminalReply\":{\"text\":\"yes\"}}",
        run ? run : "");
    answer(c, id, sc_buf_str(&out));
}

static void list_agents(const struct gateway *g, struct conn *c, const char *id)
{
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    sc_buf_addf(
        &out,
        "{\"defaultId\":\"%s\",\"mainKey\":\"main\",\"scope\":\"per-sender\",\"agents\":[{\"id\":"
        "\"%s\",\"kind\":\"agent\",\"name\":\"%s\",\"model\":{\"primary\":\"mock/echo\"}}]}",
        g->agent, g->agent, g->agent);
    answer(c, id, sc_buf_str(&out));
}

static void handle(const struct gateway *g, struct conn *c, const char *text, size_t n)
{
    static const struct {
        const char *method, *payload;
    } fixed[] = {
        { "connect", hello },
        { "health", "{\"ok\":true,\"channels\":{},\"agents\":[]}" },
        { "chat.history", "{\"messages\":[]}" },
        { "channels.status", "{\"channelOrder\":[],\"channels\":{},\"channelAccounts\":{}}" },
        { "skills.status", "{\"skills\":[]}" },
        { "tools.catalog", "{\"groups\":[]}" },
    };
    sc_auto_value struct sc_value *v = sc_value_parse(text, n, NULL);
    const char *id = sc_value_get_str(v, "id"), *method = sc_value_get_str(v, "method");
    const struct sc_value *params = sc_value_get(v, "params");
    if (!id || !method)
        return;
    if (strcmp(method, "agent") == 0)
        run_turn(g, c, id, params);
    else if (strcmp(method, "agent.wait") == 0)
        wait_turn(c, id, params);
    else if (strcmp(method, "agents.list") == 0)
        list_agents(g, c, id);
    for (size_t i = 0; i < SC_ARRAY_LEN(fixed); i++)
        if (strcmp(method, fixed[i].method) == 0)
            answer(c, id, fixed[i].payload);
}

/* --- HTTP: the probes, and the door to the WebSocket --- */

static void upgrade(struct conn *c, const char *head)
{
    char key[SC_WS_KEY_SIZE] = "", accept[SC_WS_ACCEPT_SIZE];
    const char *at = strcasestr(head, "sec-websocket-key: ");
    if (at)
        (void)snprintf(key, sizeof key, "%s", at + sizeof "sec-websocket-key: " - 1);
    sc_ws_accept_for(key, accept);
    sc_buf_addf(&c->out,
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Accept: %s\r\n\r\n",
                accept);
    say(c, "{\"type\":\"event\",\"event\":\"connect.challenge\",\"payload\":{\"nonce\":\"n\","
           "\"ts\":1}}");
    c->upgraded = true;
}

static void http(struct conn *c, const char *head)
{
    if (strcasestr(head, "upgrade: websocket")) {
        upgrade(c, head);
        return;
    }
    static const char body[] = "{\"ok\":true,\"ready\":true,\"status\":\"started\",\"failing\":[],"
                               "\"version\":\"2026.9.6\",\"uptimeMs\":1}";
    static const char live[] = "{\"ok\":true,\"status\":\"live\"}";
    const char *what = strstr(head, "/health") ? live : body;
    sc_buf_addf(
        &c->out,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
        strlen(what), what);
}

/* --- connections --- */

static void drop(struct conn *c)
{
    (void)close(c->fd);
    sc_buf_fini(&c->in);
    sc_buf_fini(&c->out);
    *c = (struct conn){ .fd = -1 };
}

static void take_input(const struct gateway *g, struct conn *c)
{
    for (char *end; !c->upgraded && c->in.n && (end = strstr(c->in.p, "\r\n\r\n"));) {
        *end = '\0';
        http(c, c->in.p);
        sc_buf_consume(&c->in, (size_t)(end - c->in.p) + 4);
    }
    int op;
    char *text;
    for (size_t n, used; c->upgraded && (used = ws_take(c->in.p, c->in.n, &op, &text, &n));) {
        if (op == WS_TEXT)
            handle(g, c, text, n);
        sc_buf_consume(&c->in, used);
    }
}

static void serve(const struct gateway *g, struct conn *c)
{
    char chunk[CHUNK];
    ssize_t n = recv(c->fd, chunk, sizeof chunk, 0);
    if (n <= 0) {
        drop(c);
        return;
    }
    sc_buf_add(&c->in, chunk, (size_t)n);
    take_input(g, c);
    /* A reader on loopback that leaves 64 KiB unread is none of ours: blocking is fine. */
    for (size_t at = 0; at < c->out.n;) {
        n = send(c->fd, c->out.p + at, c->out.n - at, MSG_NOSIGNAL);
        if (n <= 0) {
            drop(c);
            return;
        }
        at += (size_t)n;
    }
    sc_buf_clear(&c->out);
}

static void take_connection(struct gateway *g)
{
    int on = 1, fd = accept4(g->listener, NULL, NULL, SOCK_CLOEXEC);
    for (size_t i = 0; fd >= 0 && i < CONNS_MAX; i++) {
        if (g->conns[i].fd >= 0)
            continue;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* else only slower */
        g->conns[i].fd = fd;
        return;
    }
    if (fd >= 0)
        (void)close(fd);
}

static int listen_on_loopback(int64_t port)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, (const struct sockaddr *)&a, sizeof a) == 0 && listen(fd, CONNS_MAX) == 0)
        return fd;
    perror("sideclaw_bench: gateway");
    return -1;
}

int bench_gateway(const struct bench_args *a)
{
    struct gateway g = { .agent = a->to, .listener = listen_on_loopback(a->port) };
    if (g.listener < 0)
        return 1;
    for (size_t i = 0; i < CONNS_MAX; i++)
        g.conns[i].fd = -1;
    printf("ready\n");
    (void)fflush(stdout);
    struct pollfd fds[CONNS_MAX + 2] = { { .fd = STDIN_FILENO, .events = POLLIN },
                                         { .fd = g.listener, .events = POLLIN } };
    while (!fds[0].revents) {
        for (size_t i = 0; i < CONNS_MAX; i++)
            fds[i + 2] = (struct pollfd){ .fd = g.conns[i].fd, .events = POLLIN };
        if (poll(fds, CONNS_MAX + 2, -1) < 0)
            break;
        for (size_t i = 0; i < CONNS_MAX; i++)
            if (fds[i + 2].revents)
                serve(&g, &g.conns[i]);
        if (fds[1].revents)
            take_connection(&g);
    }
    for (size_t i = 0; i < CONNS_MAX; i++)
        if (g.conns[i].fd >= 0)
            drop(&g.conns[i]);
    (void)close(g.listener);
    return 0;
}
