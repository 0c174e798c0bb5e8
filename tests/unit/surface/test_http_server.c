#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sideclaw/buf.h"
#include "surface_fixture.h"

#define TOKEN "0123456789abcdef"
#define AUTH "Authorization: Bearer " TOKEN "\r\n"
#define HOST "Host: localhost\r\n"

static struct fixture f;
static struct sc_http_server *server;

static void setup(void)
{
    struct sc_err err = SC_ERR_INIT;
    fixture_init(&f);
    const struct sc_http_server_deps deps = {
        .loop = f.loop, .env = &f.env, .listen = "127.0.0.1:0", .token = TOKEN
    };
    server = sc_http_server_new(&deps, &err);
    cr_assert(server, "%s", err.text);
}

static void teardown(void)
{
    sc_http_server_free(server);
    fixture_fini(&f);
}
TestSuite(http_server, .init = setup, .fini = teardown);

static int dial(void)
{
    struct sockaddr_in sin = { .sin_family = AF_INET,
                               .sin_port = htons((uint16_t)sc_http_server_port(server)),
                               .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(fd, (const struct sockaddr *)&sin, sizeof sin), 0);
    cr_assert_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

/* Sends, and takes turns until the connection closes or `until` has come; what came. */
static char *talk(int fd, const char *request, size_t n, const char *until)
{
    struct sc_buf in = SC_BUF_INIT;
    char chunk[16384];
    for (int i = 0; i < 4000; i++) {
        while (n) {
            ssize_t sent = send(fd, request, n, MSG_NOSIGNAL);
            if (sent <= 0)
                break;
            request += sent;
            n -= (size_t)sent;
        }
        fixture_turn(&f);
        fixture_commit(&f, NULL);
        ssize_t got;
        while ((got = recv(fd, chunk, sizeof chunk, 0)) > 0)
            sc_buf_add(&in, chunk, (size_t)got);
        if (got == 0 || errno != EAGAIN || (until && in.n && strstr(in.p, until)))
            break;
    }
    return sc_buf_steal(&in);
}

/* One exchange on a connection of its own. */
static char *ask(const char *request)
{
    int fd = dial();
    char *answer = talk(fd, request, strlen(request), NULL);
    (void)close(fd);
    return answer;
}

static void expect(const char *request, const char *status, const char *what)
{
    sc_auto_free char *a = ask(request);
    char line[64];
    (void)snprintf(line, sizeof line, "HTTP/1.1 %s ", status);
    cr_assert_eq(strncmp(a, line, strlen(line)), 0, "%.200s\n%.2000s", request, a);
    cr_assert(strstr(a, what), "%.200s\nno %s in\n%.2000s", request, what, a);
}

#define END HOST "Connection: close\r\n\r\n"

Test(http_server, answers)
{
    static const struct {
        const char *request, *status, *what;
    } rows[] = {
        { "GET /v1/status HTTP/1.1\r\n" AUTH END, "200", "\"gateway\":\"gw\"" },
        { "GET /v1/status HTTP/1.1\r\n" AUTH END, "200", "Content-Type: application/json\r\n" },
        { "GET /v1/status HTTP/1.1\r\n" END, "401", "WWW-Authenticate: Bearer" },
        { "GET /v1/status HTTP/1.1\r\nAuthorization: Bearer x\r\n" END, "401",
          "application/problem+json" },
        { "GET /v1/nope HTTP/1.1\r\n" END, "401", "problem" },
        { "GET /v1/nope HTTP/1.1\r\n" AUTH END, "404", "/v1/nope" },
        { "GET /nope HTTP/1.1\r\n" END, "404", "problem" },
        { "GET /health HTTP/1.1\r\n" END, "429", "Too Many Requests" },
        { "GET /health/live HTTP/1.1\r\n" END, "200", "signals" },
        { "GET /metrics HTTP/1.1\r\n" END, "200", "sideclaw_build_info{version=" },
        { "GET /metrics HTTP/1.1\r\n" END, "200", "text/plain; version=0.0.4" },
        { "GET /v1/openapi.json HTTP/1.1\r\n" AUTH END, "200", "3.1.0" },
        { "GET /v1/openapi.json HTTP/1.1\r\n" END, "401", "problem" },
        { "DELETE /v1/messages HTTP/1.1\r\n" END, "405", "Allow: POST\r\n" },
        { "BREW /health HTTP/1.1\r\n" END, "405", "Allow: GET, HEAD\r\n" },
        { "POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n" END, "405", "Allow: GET, HEAD\r\n" },
        { "GET /v1/outbox?limit=x HTTP/1.1\r\n" AUTH END, "400", "limit" },
        { "GET /v1/outbox?colour=x HTTP/1.1\r\n" AUTH END, "400", "colour" },
        { "GET /v1/agents/%zz/inbox HTTP/1.1\r\n" AUTH END, "400", "hex" },
        { "GET /v1/agents/a%2fb/inbox HTTP/1.1\r\n" AUTH END, "400", "agent" },
        { "POST /v1/messages HTTP/1.1\r\nContent-Length: 1\r\n" AUTH END "{", "400", "body" },
        { "POST /v1/messages HTTP/1.1\r\nContent-Length: 0\r\n" AUTH END, "400", "missing" },
        { "POST /v1/messages HTTP/1.1\r\nContent-Type: text/xml\r\nContent-Length: 1\r\n" AUTH END
          "{",
          "415", "text/xml" },
        { "POST /v1/messages HTTP/1.1\r\nContent-Type: application/json; charset=utf-8\r\n"
          "Content-Length: 29\r\n" AUTH END "{\"to\":\"jerry\",\"body\":\"hello\"}",
          "202", "\"stage\":" },
        { "GET /health HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", "403",
          "evil.example" },
        { "GET /health HTTP/1.1\r\nOrigin: http://evil.example\r\n" END, "403", "Origin" },
        { "GET /health HTTP/1.1\r\nOrigin: http://localhost\r\n" END, "429", "signals" },
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(rows); i++)
        expect(rows[i].request, rows[i].status, rows[i].what);
}

Test(http_server, head_has_the_length_and_no_body)
{
    sc_auto_free char *a = ask("HEAD /health/live HTTP/1.1\r\n" END);
    cr_assert_eq(strncmp(a, "HTTP/1.1 200 ", 13), 0, "%s", a);
    const char *length = strstr(a, "Content-Length: ");
    cr_assert(length && length[16] != '0', "%s", a);
    cr_assert_eq(strstr(a, "\r\n\r\n")[4], 0, "%s", a);
}

static void big(const char *head, size_t filler, const char *tail, const char *status,
                const char *what)
{
    struct sc_buf b = SC_BUF_INIT;
    sc_buf_adds(&b, head);
    for (size_t i = 0; i < filler; i++)
        sc_buf_addc(&b, 'x');
    sc_buf_adds(&b, tail);
    expect(sc_buf_str(&b), status, what);
    sc_buf_fini(&b);
}

Test(http_server, what_is_too_big_is_said)
{
    char head[256];
    (void)snprintf(head, sizeof head,
                   "POST /v1/messages HTTP/1.1\r\nContent-Length: %d\r\n" AUTH END,
                   SC_HTTP_BODY_MAX + 1);
    big(head, SC_HTTP_BODY_MAX + 1, "", "413", "problem+json");
    (void)snprintf(head, sizeof head,
                   "POST /v1/messages HTTP/1.1\r\nContent-Length: %d\r\n" AUTH END,
                   4 * SC_HTTP_BODY_MAX);
    big(head, 4 * SC_HTTP_BODY_MAX, "", "413", "");
    big("GET /health HTTP/1.1\r\nX-Filler: ", SC_HTTP_HEADERS_MAX, "\r\n" END, "431",
        "problem+json");
}

Test(http_server, garbage_does_no_harm)
{
    static const char *const rows[] = { "\r\n\r\n",
                                        "nonsense\r\n\r\n",
                                        "GET\r\n\r\n",
                                        "GET / HTTP/9.9\r\n\r\n",
                                        "GET http://[ HTTP/1.1\r\n" END,
                                        "CONNECT x:1 HTTP/1.1\r\n" END,
                                        "OPTIONS * HTTP/1.1\r\n" END,
                                        "\x16\x03\x01\x02" };
    for (size_t i = 0; i < SC_ARRAY_LEN(rows); i++) {
        int fd = dial();
        cr_assert_gt(send(fd, rows[i], strlen(rows[i]), 0), 0);
        for (int turn = 0; turn < 4; turn++)
            fixture_turn(&f);
        (void)close(fd);
        fixture_turn(&f);
    }
    expect("GET /health/live HTTP/1.1\r\n" END, "200", "signals");
}

Test(http_server, a_connection_carries_one_request_after_another)
{
    int fd = dial();
    const char *two = "GET /health/live HTTP/1.1\r\n" HOST "\r\n"
                      "GET /nope HTTP/1.1\r\n" HOST "\r\n";
    sc_auto_free char *a = talk(fd, two, strlen(two), "nothing at /nope");
    cr_assert(strstr(a, "HTTP/1.1 200") && strstr(a, "HTTP/1.1 404"), "%s", a);
    (void)close(fd);
}

#define SLOW_BODY "{\"to\":\"jerry\",\"body\":\"hello\",\"wait_ms\":300}"
#define SLOW "POST /v1/messages HTTP/1.1\r\nContent-Length: 43\r\n" AUTH HOST "\r\n" SLOW_BODY

Test(http_server, a_request_behind_a_slow_one_waits_its_turn)
{
    cr_assert_eq(strlen(SLOW_BODY), 43);
    int fd = dial();
    const char *two = SLOW "GET /nope HTTP/1.1\r\n" HOST "\r\n";
    sc_auto_free char *a = talk(fd, two, strlen(two), "nothing at /nope");
    cr_assert(strstr(a, "\"timed_out\":true"), "%s", a);
    cr_assert_lt(strstr(a, "timed_out"), strstr(a, "/nope"));
    (void)close(fd);
}

Test(http_server, a_client_that_goes_away_while_it_waits_does_no_harm)
{
    for (int reset = 0; reset < 2; reset++) {
        int fd = dial();
        cr_assert_gt(send(fd, SLOW, strlen(SLOW), 0), 0);
        for (int i = 0; i < 3; i++) {
            fixture_turn(&f);
            fixture_commit(&f, NULL);
        }
        struct linger linger = { .l_onoff = reset };
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
        (void)close(fd);
        for (int i = 0; i < 20; i++)
            fixture_turn(&f);
    }
    expect("GET /health/live HTTP/1.1\r\n" END, "200", "signals");
}

Test(http_server, the_server_may_go_while_clients_wait)
{
    int fd = dial();
    cr_assert_gt(send(fd, SLOW, strlen(SLOW), 0), 0);
    for (int i = 0; i < 3; i++) {
        fixture_turn(&f);
        fixture_commit(&f, NULL);
    }
    sc_http_server_free(sc_steal(&server));
    (void)close(fd);
}

Test(http_server, connections_beyond_the_limit_wait)
{
    int fds[SC_HTTP_CONNS_MAX];
    for (size_t i = 0; i < SC_ARRAY_LEN(fds); i++) {
        fds[i] = dial();
        if (i % 16 == 0)
            fixture_turn(&f);
    }
    for (int i = 0; i < 10; i++)
        fixture_turn(&f);
    int late = dial();
    const char *request = "GET /health/live HTTP/1.1\r\n" END;
    cr_assert_gt(send(late, request, strlen(request), 0), 0);
    for (int i = 0; i < 10; i++)
        fixture_turn(&f);
    char byte;
    cr_assert_lt(recv(late, &byte, 1, 0), 0, "nobody has a place for it yet");
    (void)close(fds[0]);
    sc_auto_free char *a = talk(late, NULL, 0, "signals");
    cr_assert(strstr(a, "HTTP/1.1 200"), "%s", a);
    (void)close(late);
    for (size_t i = 1; i < SC_ARRAY_LEN(fds); i++)
        (void)close(fds[i]);
}

/* Turns until the condition holds; real time, because the bound is one. */
#define within_ten_seconds(cond)                                                                   \
    do {                                                                                           \
        const struct sc_clock clock_ = sc_clock_system();                                          \
        int64_t end_ = sc_clock_mono(&clock_).ms + 10 * 1000;                                      \
        while (!(cond)) {                                                                          \
            cr_assert_lt(sc_clock_mono(&clock_).ms, end_, "in vain: %s", #cond);                   \
            fixture_turn(&f);                                                                      \
        }                                                                                          \
    } while (0)

static bool is_closed(int fd)
{
    char byte;
    return recv(fd, &byte, 1, MSG_PEEK) == 0 || errno == ECONNRESET;
}

Test(http_server, whoever_dawdles_makes_room_when_others_wait)
{
    int fds[SC_HTTP_CONNS_MAX];
    char byte;
    for (size_t i = 0; i < SC_ARRAY_LEN(fds); i++) {
        fds[i] = dial();
        cr_assert_gt(send(fds[i], "GET /he", 7, 0), 0);
        if (i % 16 == 0)
            fixture_turn(&f);
    }
    int late = dial();
    const char *request = "GET /health/live HTTP/1.1\r\n" END;
    cr_assert_gt(send(late, request, strlen(request), 0), 0);
    within_ten_seconds(recv(late, &byte, 1, MSG_PEEK) == 1);
    (void)close(late);
    for (size_t i = 0; i < SC_ARRAY_LEN(fds); i++)
        (void)close(fds[i]);
}

/* Until a turn only waited: everything sent has been read. */
static void until_quiet(void)
{
    const struct sc_clock clock = sc_clock_system();
    int64_t took = 0;
    for (int i = 0; i < 10000 && took < 15; i++) {
        int64_t start = sc_clock_mono(&clock).ms;
        fixture_turn(&f);
        took = sc_clock_mono(&clock).ms - start;
    }
}

static int count_closed(const int *fds, int n)
{
    int closed = 0;
    for (int i = 0; i < n; i++)
        closed += is_closed(fds[i]);
    return closed;
}

static size_t send_some(int fd, const char *data, size_t n)
{
    ssize_t sent = send(fd, data, n, MSG_NOSIGNAL);
    return sent > 0 ? (size_t)sent : 0;
}

Test(http_server, unfinished_requests_are_bounded_over_all_connections)
{
    enum { N = 40, EACH = 1500 * 1000, MOST_CUT = N - 15 };
    static const char head[] = "POST /v1/messages HTTP/1.1\r\nContent-Length: 1600000\r\n\r\n";
    int fds[N];
    size_t left[N];
    char *x = sc_xcalloc(1, EACH);
    memset(x, 'x', EACH);
    for (int i = 0; i < N; i++) {
        fds[i] = dial();
        left[i] = EACH;
        cr_assert_gt(send(fds[i], head, sizeof head - 1, 0), 0);
    }
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < N; i++) {
            left[i] = is_closed(fds[i]) ? 0 : left[i] - send_some(fds[i], x, left[i]);
            more = more || left[i];
        }
        fixture_turn(&f);
    }
    within_ten_seconds(count_closed(fds, N) > 0); /* 60 MB are too much */
    until_quiet();
    cr_assert_leq(count_closed(fds, N), MOST_CUT, "no more than needed");
    free(x);
    for (int i = 0; i < N; i++)
        (void)close(fds[i]);
}

/* --- /peer --- */

static struct {
    enum sc_code code;
    char body[64], authorization[64], path[16], method[8];
    sc_peer_answer_fn *done;
    void *ctx;
    bool left;
} door;

static int door_post(void *impl, const struct sc_peer_post *post, sc_peer_answer_fn *done,
                     void *ctx, struct sc_peer_visit **ret, struct sc_err *err)
{
    (void)impl;
    *ret = NULL;
    (void)snprintf(door.body, sizeof door.body, "%.*s", (int)post->n, post->body);
    (void)snprintf(door.path, sizeof door.path, "%s", post->path);
    (void)snprintf(door.method, sizeof door.method, "%s", post->method);
    (void)snprintf(door.authorization, sizeof door.authorization, "%s",
                   post->authorization ? post->authorization : "none");
    door.done = done;
    door.ctx = ctx;
    return door.code == SC_OK ? SC_OK : sc_fail(err, door.code, "no");
}

static void door_leave(void *impl, struct sc_peer_visit *v)
{
    (void)impl, (void)v;
    door.left = true;
}

static void with_door(void)
{
    static const struct sc_peer_door_ops ops = { .post = door_post, .leave = door_leave };
    f.env.peer = (struct sc_peer_door){ .ops = &ops };
}

#define POST_PEER "POST /peer HTTP/1.1\r\n" HOST "Authorization: Sideclaw x\r\n"

Test(http_server, a_sidecar_is_answered_when_the_door_says_so)
{
    const char *request = POST_PEER "Content-Length: 5\r\n\r\nhello";
    with_door();
    int fd = dial();
    cr_assert_gt(send(fd, request, strlen(request), 0), 0);
    within_ten_seconds(door.done);
    cr_assert_str_eq(door.body, "hello");
    cr_assert_str_eq(door.method, "POST");
    cr_assert_str_eq(door.path, "/peer");
    cr_assert_str_eq(door.authorization, "Sideclaw x");
    door.done(door.ctx, "taken", 5);
    sc_auto_free char *a = talk(fd, NULL, 0, "taken");
    cr_assert(strstr(a, "HTTP/1.1 200") && strstr(a, "application/x-ndjson"), "%s", a);
    (void)close(fd);
}

Test(http_server, what_the_door_refuses_has_its_status)
{
    static const struct {
        enum sc_code code;
        const char *status;
    } rows[] = { { SC_EAUTH, "401" },   { SC_EPERM, "403" }, { SC_EEXIST, "409" },
                 { SC_ETOOBIG, "413" }, { SC_EBUSY, "429" }, { SC_ENOENT, "421" } };
    with_door();
    for (size_t i = 0; i < SC_ARRAY_LEN(rows); i++) {
        door.code = rows[i].code;
        expect(POST_PEER "Content-Length: 0\r\nConnection: close\r\n\r\n", rows[i].status,
               "application/problem+json");
    }
    cr_assert_str_eq(door.body, "");
}

Test(http_server, a_sidecar_may_call_us_by_any_name)
{
    with_door();
    door.code = SC_EAUTH;
    expect("POST /peer HTTP/1.1\r\nHost: jerry.tailnet\r\nConnection: close\r\n\r\n", "401", "no");
    expect("GET /peer HTTP/1.1\r\n" END, "405", "Allow: POST");
}

Test(http_server, stopping_leaves_the_door)
{
    const char *request = POST_PEER "Content-Length: 0\r\n\r\n";
    with_door();
    int fd = dial();
    cr_assert_gt(send(fd, request, strlen(request), 0), 0);
    within_ten_seconds(door.done);
    sc_http_server_free(sc_steal(&server));
    cr_assert(door.left);
    (void)close(fd);
}

Test(http_server, an_address_in_use_is_said)
{
    struct sc_err err = SC_ERR_INIT;
    char listen[64];
    (void)snprintf(listen, sizeof listen, "127.0.0.1:%d", sc_http_server_port(server));
    const struct sc_http_server_deps deps = {
        .loop = f.loop, .env = &f.env, .listen = listen, .token = TOKEN
    };
    cr_assert_null(sc_http_server_new(&deps, &err));
    cr_assert(strstr(err.text, listen) && err.remedy[0], "%s", err.text);
}
