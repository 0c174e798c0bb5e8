#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "sideclaw/buf.h"
#include "surface_fixture.h"

static struct fixture f;
static struct sc_control_server *server;
static char path[64];

static void setup(void)
{
    struct sc_err err = SC_ERR_INIT;
    fixture_init(&f);
    (void)snprintf(path, sizeof path, "/tmp/sc-control-%d.sock", getpid());
    server = sc_control_server_new(f.loop, NULL, &f.env, path, &err);
    cr_assert(server, "%s", err.text);
}

static void teardown(void)
{
    sc_control_server_free(server);
    fixture_fini(&f);
}
TestSuite(control_server, .init = setup, .fini = teardown);

static int dial(void)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    (void)snprintf(sun.sun_path, sizeof sun.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(fd, (const struct sockaddr *)&sun, sizeof sun), 0);
    cr_assert_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

/* Turns until `lines` answers came or the daemon closed; what came. */
static char *talk(int fd, const char *request, size_t n, size_t lines, bool *ret_closed)
{
    struct sc_buf in = SC_BUF_INIT;
    char chunk[4096];
    bool closed = false;
    for (int i = 0; i < 500 && !closed; i++) {
        if (n) {
            ssize_t sent = send(fd, request, n, MSG_NOSIGNAL);
            if (sent > 0) {
                request += sent;
                n -= (size_t)sent;
            }
        }
        fixture_turn(&f);
        fixture_commit(&f, NULL);
        ssize_t got = recv(fd, chunk, sizeof chunk, 0);
        if (got > 0)
            sc_buf_add(&in, chunk, (size_t)got);
        closed = got == 0 || (got < 0 && errno != EAGAIN);
        size_t have = 0;
        for (size_t k = 0; k < in.n; k++)
            have += in.p[k] == '\n';
        if (have >= lines && lines)
            break;
    }
    if (ret_closed)
        *ret_closed = closed;
    return sc_buf_steal(&in);
}

static char *ask(int fd, const char *request)
{
    return talk(fd, request, strlen(request), 1, NULL);
}

Test(control_server, a_call_is_answered)
{
    int fd = dial();
    sc_auto_free char *a =
        ask(fd, "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"status.get\"}\r\n");
    cr_assert(strstr(a, "\"id\":\"x\""), "%s", a);
    cr_assert(strstr(a, "\"gateway\":\"gw\""), "%s", a);
    (void)close(fd);
}

Test(control_server, garbage_is_answered_and_the_connection_goes_on)
{
    int fd = dial();
    sc_auto_free char *a = ask(fd, "\n{nonsense\n");
    cr_assert(strstr(a, "-32700"), "%s", a);
    sc_auto_free char *b = ask(fd, "[]\n");
    cr_assert(strstr(b, "-32600"), "%s", b);
    sc_auto_free char *c = ask(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"statsu.get\"}\n");
    cr_assert(strstr(c, "-32601") && strstr(c, "did you mean status.get?"), "%s", c);
    sc_auto_free char *d =
        ask(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status.get\",\"params\":{\"x\":1}}\n");
    cr_assert(strstr(d, "-32602"), "%s", d);
    sc_auto_free char *e = ask(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status.get\"}\n");
    cr_assert(strstr(e, "result"), "%s", e);
    (void)close(fd);
}

Test(control_server, a_notification_gets_no_answer)
{
    int fd = dial();
    sc_auto_free char *a = ask(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"status.get\"}\n"
                                   "{\"jsonrpc\":\"2.0\",\"method\":\"nope\"}\n"
                                   "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"agents.list\"}\n");
    cr_assert(strstr(a, "\"id\":7"));
    cr_assert_eq(strchr(a, '\n')[1], 0, "%s", a);
    (void)close(fd);
}

Test(control_server, many_calls_side_by_side_are_all_answered)
{
    enum { CALLS = 3 * SC_CONTROL_CALLS_MAX };
    struct sc_buf all = SC_BUF_INIT;
    for (int i = 0; i < CALLS; i++)
        sc_buf_addf(&all, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"agents.list\"}\n", i);
    int fd = dial();
    sc_auto_free char *a = talk(fd, all.p, all.n, CALLS, NULL);
    cr_assert(strstr(a, "\"id\":0,") || strstr(a, "\"id\":0}"));
    char last[32];
    (void)snprintf(last, sizeof last, "\"id\":%d", CALLS - 1);
    cr_assert(strstr(a, last));
    sc_buf_fini(&all);
    (void)close(fd);
}

Test(control_server, a_slow_call_does_not_hold_up_the_next)
{
    int fd = dial();
    sc_auto_free char *a =
        talk(fd,
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"message.send\",\"params\":{\"to\":"
             "\"jerry\",\"body\":\"x\",\"wait_ms\":200}}\n"
             "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"agents.list\"}\n",
             strlen("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"message.send\",\"params\":{\"to\":"
                    "\"jerry\",\"body\":\"x\",\"wait_ms\":200}}\n"
                    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"agents.list\"}\n"),
             2, NULL);
    cr_assert_lt(strstr(a, "\"id\":2"), strstr(a, "\"id\":1"), "%s", a);
    cr_assert(strstr(a, "timed_out\":true"));
    (void)close(fd);
}

Test(control_server, an_endless_line_ends_the_connection)
{
    int fd = dial();
    struct sc_buf line = SC_BUF_INIT;
    for (int i = 0; i < SC_RPC_LINE_MAX + 100; i++)
        sc_buf_addc(&line, 'x');
    bool closed;
    free(talk(fd, line.p, line.n, 0, &closed));
    cr_assert(closed);
    sc_buf_fini(&line);
    (void)close(fd);
    fd = dial();
    sc_auto_free char *b = ask(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"agents.list\"}\n");
    cr_assert(strstr(b, "result"));
    (void)close(fd);
}

Test(control_server, half_a_connection_still_gets_its_answer)
{
    int fd = dial();
    const char *line =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"message.send\",\"params\":{\"to\":"
        "\"jerry\",\"body\":\"x\",\"wait_ms\":50}}\n";
    cr_assert_eq(send(fd, line, strlen(line), 0), (ssize_t)strlen(line));
    cr_assert_eq(shutdown(fd, SHUT_WR), 0);
    bool closed;
    sc_auto_free char *a = talk(fd, NULL, 0, 0, &closed);
    cr_assert(strstr(a, "timed_out"), "%s", a);
    cr_assert(closed);
    (void)close(fd);
}

Test(control_server, a_client_that_goes_away_abandons_its_calls)
{
    int fd = dial();
    const char *line =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"message.send\",\"params\":{\"to\":"
        "\"jerry\",\"body\":\"x\",\"wait_ms\":60000}}\n";
    cr_assert_eq(send(fd, line, strlen(line), 0), (ssize_t)strlen(line));
    for (int i = 0; i < 5; i++) {
        fixture_turn(&f);
        fixture_commit(&f, NULL);
    }
    (void)close(fd);
    for (int i = 0; i < 5; i++)
        fixture_turn(&f);
    int again = dial();
    sc_auto_free char *b =
        ask(again, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"agents.list\"}\n");
    cr_assert(strstr(b, "result"));
    (void)close(again);
}

Test(control_server, a_reader_that_does_not_read_is_cut_off)
{
    /* One message of the largest size in the inbox, asked for again and again and never read. */
    int fd = dial();
    struct sc_buf line = SC_BUF_INIT;
    sc_buf_adds(&line,
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"message.send\",\"params\":{\"to\":"
                "\"jerry\",\"body\":\"");
    for (int i = 0; i < SC_BODY_MAX; i++)
        sc_buf_addc(&line, 'x');
    sc_buf_adds(&line, "\"}}\n");
    sc_auto_free char *sent = talk(fd, line.p, line.n, 1, NULL);
    cr_assert(strstr(sent, "result"), "%s", sent);
    sc_buf_fini(&line);
    const char *list =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"inbox.list\",\"params\":{\"agent\":"
        "\"jerry\"}}\n";
    bool cut = false;
    for (int i = 0; i < 500 && !cut; i++) {
        cut = send(fd, list, strlen(list), MSG_NOSIGNAL) < 0 && errno == EPIPE;
        fixture_turn(&f);
    }
    cr_assert(cut);
    (void)close(fd);
}

Test(control_server, connections_beyond_the_limit_are_refused)
{
    int fds[SC_CONTROL_CONNS_MAX + 1];
    for (size_t i = 0; i < SC_ARRAY_LEN(fds); i++) {
        fds[i] = dial();
        fixture_turn(&f);
    }
    bool closed;
    free(talk(fds[SC_CONTROL_CONNS_MAX], NULL, 0, 0, &closed));
    cr_assert(closed);
    sc_auto_free char *a =
        ask(fds[0], "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"agents.list\"}\n");
    cr_assert(strstr(a, "result"));
    for (size_t i = 0; i < SC_ARRAY_LEN(fds); i++)
        (void)close(fds[i]);
}
