#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "sideclaw/buf.h"
#include "sideclaw/clock.h"
#include "sideclaw/mem.h"
#include "sideclaw/stream.h"
#include "support/folder.h"

struct end {
    struct sc_loop *loop;
    struct sc_stream *s;
    struct sc_buf got;
    int connected, eof, error, timeout, drained;
    bool free_on_read, free_on_event;
    int accepted; /* of a listener */
};

static void on_readable(void *ctx, struct sc_stream *s)
{
    struct end *e = ctx;
    size_t n;
    const uint8_t *p = sc_stream_peek(s, &n);
    sc_buf_add(&e->got, p, n);
    sc_stream_consume(s, n);
    if (e->free_on_read) {
        sc_stream_free(s);
        sc_stream_free(s); /* twice before the end of the turn is harmless */
        e->s = NULL;
    }
}

static void on_event(void *ctx, struct sc_stream *s, enum sc_stream_event ev)
{
    struct end *e = ctx;
    e->connected += ev == SC_STREAM_CONNECTED;
    e->eof += ev == SC_STREAM_EOF;
    e->error += ev == SC_STREAM_ERROR;
    e->timeout += ev == SC_STREAM_TIMEOUT;
    e->drained += ev == SC_STREAM_DRAINED;
    if (e->free_on_event) {
        sc_stream_free(s);
        e->s = NULL;
    }
}

static const struct sc_stream_ops ops = { .readable = on_readable, .event = on_event };

#define TURN_UNTIL(loop_, cond)                                                                    \
    do {                                                                                           \
        struct sc_err err_ = SC_ERR_INIT;                                                          \
        struct sc_clock clock_ = sc_clock_system();                                                \
        for (int64_t end_ = sc_clock_mono(&clock_).ms + 5000; !(cond);) {                          \
            cr_assert_lt(sc_clock_mono(&clock_).ms, end_, "never: %s", #cond);                     \
            cr_assert_eq(sc_loop_turn((loop_), 20, &err_), SC_OK);                                 \
        }                                                                                          \
    } while (0)

static void turns(struct sc_loop *loop, int n)
{
    struct sc_err err = SC_ERR_INIT;
    for (int i = 0; i < n; i++)
        cr_assert_eq(sc_loop_turn(loop, 1, &err), SC_OK);
}

struct two {
    struct sc_loop *loop;
    struct end a, b;
};

static struct two *two_ends(void)
{
    struct sc_err err = SC_ERR_INIT;
    int fds[2];
    struct two *t = sc_xcalloc(1, sizeof *t);
    (void)signal(SIGPIPE, SIG_IGN); /* as sideclawd does */
    t->loop = sc_loop_new(&err);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    t->a.s = sc_stream_from_fd(t->loop, fds[0], &ops, &t->a);
    t->b.s = sc_stream_from_fd(t->loop, fds[1], &ops, &t->b);
    return t;
}

static void free_two(struct two *t)
{
    sc_stream_free(t->a.s);
    sc_stream_free(t->b.s);
    turns(t->loop, 1);
    sc_buf_fini(&t->a.got);
    sc_buf_fini(&t->b.got);
    sc_loop_free(t->loop);
    free(t);
}

Test(stream, bytes_arrive_whole_and_the_writer_hears_that_they_left)
{
    struct two *t = two_ends();
    sc_auto_free char *big = sc_xmalloc(1000000);
    for (size_t i = 0; i < 1000000; i++)
        big[i] = (char)(i * 7);
    sc_stream_write(t->a.s, big, 1000000);
    cr_assert_eq(t->a.drained, 0);
    TURN_UNTIL(t->loop, t->b.got.n == 1000000 && t->a.drained == 1);
    cr_assert_eq(memcmp(t->b.got.p, big, 1000000), 0);
    cr_assert_eq(sc_stream_pending(t->a.s), 0);
    free_two(t);
}

Test(stream, nothing_is_called_before_the_loop_turns)
{
    struct two *t = two_ends();
    sc_stream_write(t->a.s, "x", 1);
    cr_assert_eq(t->a.drained + (int)t->b.got.n, 0);
    free_two(t);
}

Test(stream, end_of_file_is_told_once_after_the_bytes)
{
    struct two *t = two_ends();
    sc_stream_write(t->a.s, "last", 4);
    TURN_UNTIL(t->loop, t->a.drained == 1);
    sc_stream_free(t->a.s);
    t->a.s = NULL;
    TURN_UNTIL(t->loop, t->b.eof == 1);
    turns(t->loop, 3);
    cr_assert_eq(t->b.eof, 1);
    cr_assert_str_eq(sc_buf_str(&t->b.got), "last");
    sc_stream_write(t->b.s, "into the void", 13);
    free_two(t);
}

Test(stream, free_inside_the_read_callback_ends_all_callbacks)
{
    struct two *t = two_ends();
    t->b.free_on_read = true;
    sc_stream_write(t->a.s, "one", 3);
    TURN_UNTIL(t->loop, t->b.got.n == 3);
    sc_stream_write(t->a.s, "two", 3);
    turns(t->loop, 3);
    cr_assert_str_eq(sc_buf_str(&t->b.got), "one");
    cr_assert_eq(t->b.eof + t->b.error, 0);
    free_two(t);
}

Test(stream, free_inside_an_event_callback)
{
    struct two *t = two_ends();
    t->a.free_on_event = true; /* on DRAINED */
    sc_stream_write(t->a.s, "bye", 3);
    TURN_UNTIL(t->loop, t->b.eof == 1);
    cr_assert_str_eq(sc_buf_str(&t->b.got), "bye");
    cr_assert_null(t->a.s);
    free_two(t);
}

static void free_other(void *ctx, struct sc_stream *s)
{
    struct two *t = ctx;
    size_t n;
    (void)sc_stream_peek(s, &n);
    sc_stream_consume(s, n);
    sc_stream_free(t->b.s);
    t->b.s = NULL;
}

/* Both are readable in one turn; whoever runs first frees the other. */
Test(stream, a_stream_freed_by_another_callback_is_not_called_any_more)
{
    static const struct sc_stream_ops killer = { .readable = free_other };
    struct sc_err err = SC_ERR_INIT;
    struct two *t = two_ends();
    int fds[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    struct sc_stream *k = sc_stream_from_fd(t->loop, fds[0], &killer, t);
    cr_assert_eq(write(fds[1], "now", 3), 3);
    sc_stream_write(t->a.s, "late", 4);
    for (int i = 0; i < 5; i++) {
        bool gone = !t->b.s;
        size_t before = t->b.got.n;
        cr_assert_eq(sc_loop_turn(t->loop, 1, &err), SC_OK);
        cr_assert(!gone || t->b.got.n == before);
    }
    cr_assert_null(t->b.s);
    sc_stream_free(k);
    (void)close(fds[1]);
    free_two(t);
}

Test(stream, a_paused_stream_reads_nothing_until_it_is_resumed)
{
    struct two *t = two_ends();
    sc_stream_pause(t->b.s, true);
    sc_stream_write(t->a.s, "wait", 4);
    turns(t->loop, 5);
    cr_assert_eq(t->b.got.n, 0);
    sc_stream_pause(t->b.s, false);
    TURN_UNTIL(t->loop, t->b.got.n == 4);
    free_two(t);
}

static int listen_tcp(uint16_t *ret_port)
{
    struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof sin;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&sin, sizeof sin), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
    cr_assert_eq(listen(fd, 1), 0);
    *ret_port = ntohs(sin.sin_port);
    return fd;
}

static int completions(const struct end *e)
{
    return e->connected + e->error + e->timeout;
}

Test(stream, connect_says_connected_once_and_bytes_flow)
{
    struct sc_err err = SC_ERR_INIT;
    struct end e = { .loop = sc_loop_new(&err) };
    uint16_t port;
    int fd = listen_tcp(&port);
    e.s = sc_stream_connect(e.loop, "localhost", port, 2000, &ops, &e);
    sc_stream_write(e.s, "early", 5); /* before it is connected */
    cr_assert_eq(completions(&e), 0);
    TURN_UNTIL(e.loop, e.connected == 1);
    int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    char buf[8] = "";
    TURN_UNTIL(e.loop, e.drained >= 1);
    cr_assert_eq(read(peer, buf, sizeof buf - 1), 5);
    cr_assert_str_eq(buf, "early");
    (void)close(peer);
    TURN_UNTIL(e.loop, e.eof == 1);
    cr_assert_eq(completions(&e), 1);
    sc_stream_free(e.s);
    turns(e.loop, 1);
    (void)close(fd);
    sc_buf_fini(&e.got);
    sc_loop_free(e.loop);
}

Test(stream, a_refused_connect_is_one_error_with_its_reason)
{
    struct sc_err err = SC_ERR_INIT;
    struct end e = { .loop = sc_loop_new(&err) };
    uint16_t port;
    (void)close(listen_tcp(&port)); /* nobody listens there now */
    e.s = sc_stream_connect(e.loop, "127.0.0.1", port, 2000, &ops, &e);
    cr_assert_eq(completions(&e), 0);
    TURN_UNTIL(e.loop, e.error == 1);
    cr_assert_str_eq(sc_stream_error_text(e.s), "Connection refused");
    turns(e.loop, 5);
    cr_assert_eq(completions(&e), 1);
    sc_stream_free(e.s);
    turns(e.loop, 1);
    sc_loop_free(e.loop);
}

/* A broadcast address fails at once, inside connect(2). */
Test(stream, a_connect_that_fails_at_once_is_one_error_from_the_loop)
{
    struct sc_err err = SC_ERR_INIT;
    struct end e = { .loop = sc_loop_new(&err) };
    e.s = sc_stream_connect(e.loop, "255.255.255.255", 9, 2000, &ops, &e);
    cr_assert_eq(completions(&e), 0);
    TURN_UNTIL(e.loop, completions(&e) > 0);
    turns(e.loop, 5);
    cr_assert_eq(completions(&e), 1);
    cr_assert_eq(e.error, 1);
    cr_assert_gt(strlen(sc_stream_error_text(e.s)), 0);
    sc_stream_free(e.s);
    turns(e.loop, 1);
    sc_loop_free(e.loop);
}

Test(stream, a_connect_that_nobody_answers_times_out_once)
{
    struct sc_err err = SC_ERR_INIT;
    struct end e = { .loop = sc_loop_new(&err) };
    uint16_t port;
    int fd = listen_tcp(&port), fill[8];
    struct sockaddr_in sin = { .sin_family = AF_INET,
                               .sin_port = htons(port),
                               .sin_addr = { htonl(INADDR_LOOPBACK) } };
    for (size_t i = 0; i < 8; i++) { /* a full backlog drops what comes */
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(fill[i], (struct sockaddr *)&sin, sizeof sin);
    }
    e.s = sc_stream_connect(e.loop, "127.0.0.1", port, 50, &ops, &e);
    TURN_UNTIL(e.loop, completions(&e) > 0);
    cr_assert_eq(e.timeout, 1);
    turns(e.loop, 5);
    cr_assert_eq(completions(&e), 1);
    sc_stream_free(e.s);
    turns(e.loop, 1);
    for (size_t i = 0; i < 8; i++)
        (void)close(fill[i]);
    (void)close(fd);
    sc_loop_free(e.loop);
}

Test(stream, a_connect_freed_at_once_calls_nobody)
{
    struct sc_err err = SC_ERR_INIT;
    struct end e = { .loop = sc_loop_new(&err) };
    sc_stream_free(sc_stream_connect(e.loop, "255.255.255.255", 9, 2000, &ops, &e));
    sc_stream_free(sc_stream_connect(e.loop, "127.0.0.1", 9, 2000, &ops, &e));
    sc_stream_free(NULL);
    turns(e.loop, 5);
    cr_assert_eq(completions(&e), 0);
    sc_loop_free(e.loop);
}

/* --- the listener --- */

static void on_accept(void *ctx, int fd)
{
    struct end *e = ctx;
    e->accepted++;
    cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    cr_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
    (void)close(fd);
}

TestSuite(listen, .init = folder_make, .fini = folder_remove);

static char *socket_path(void)
{
    return sc_xasprintf("%s/control.sock", folder);
}

static int dial(const char *path)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    memcpy(sun.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&sun, sizeof sun), 0);
    return fd;
}

Test(listen, a_private_socket_that_accepts_and_goes_with_its_owner)
{
    struct sc_err err = SC_ERR_INIT;
    struct end e = { .loop = sc_loop_new(&err) };
    struct stat st;
    sc_auto_free char *path = socket_path();
    struct sc_listener *l = sc_listen_unix(e.loop, path, on_accept, &e, &err);
    cr_assert(l, "%s", err.text);
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600);
    int fd = dial(path);
    TURN_UNTIL(e.loop, e.accepted == 1);
    (void)close(fd);
    sc_listener_free(l);
    cr_assert_neq(stat(path, &st), 0);
    sc_listener_free(NULL);
    sc_loop_free(e.loop);
}

Test(listen, one_that_answers_is_refused_and_left_alone)
{
    struct sc_err err = SC_ERR_INIT;
    struct end e = { .loop = sc_loop_new(&err) };
    sc_auto_free char *path = socket_path();
    struct sc_listener *l = sc_listen_unix(e.loop, path, on_accept, &e, &err);
    cr_assert_null(sc_listen_unix(e.loop, path, on_accept, &e, &err));
    cr_assert_eq(err.code, SC_EEXIST);
    cr_assert_gt(strlen(err.remedy), 0);
    int fd = dial(path);
    TURN_UNTIL(e.loop, e.accepted >= 1);
    (void)close(fd);
    sc_listener_free(l);
    sc_loop_free(e.loop);
}

/* Stopped (SIGSTOP) with a full backlog: it lives, and asking it must not block us. */
Test(listen, one_that_is_too_busy_to_answer_counts_as_alive, .timeout = 20)
{
    struct sc_err err = SC_ERR_INIT;
    struct end e = { .loop = sc_loop_new(&err) };
    sc_auto_free char *path = socket_path();
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    memcpy(sun.sun_path, path, strlen(path) + 1);
    int busy = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(busy, (struct sockaddr *)&sun, sizeof sun), 0);
    cr_assert_eq(listen(busy, 0), 0);
    int fd = dial(path);
    cr_assert_null(sc_listen_unix(e.loop, path, on_accept, &e, &err));
    cr_assert_eq(err.code, SC_EEXIST);
    (void)close(fd);
    (void)close(busy);
    sc_loop_free(e.loop);
}

Test(listen, a_stale_socket_is_replaced)
{
    struct sc_err err = SC_ERR_INIT;
    struct end e = { .loop = sc_loop_new(&err) };
    sc_auto_free char *path = socket_path();
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    memcpy(sun.sun_path, path, strlen(path) + 1);
    int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(dead, (struct sockaddr *)&sun, sizeof sun), 0);
    (void)close(dead);
    struct sc_listener *l = sc_listen_unix(e.loop, path, on_accept, &e, &err);
    cr_assert(l, "%s", err.text);
    sc_listener_free(l);
    sc_loop_free(e.loop);
}

/* control.socket = "/home/me/notes.txt" must cost nobody their notes. */
Test(listen, a_file_that_is_no_socket_is_never_removed)
{
    struct sc_err err = SC_ERR_INIT;
    struct end e = { .loop = sc_loop_new(&err) };
    struct stat st;
    sc_auto_free char *path = socket_path();
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    (void)close(fd);
    cr_assert_null(sc_listen_unix(e.loop, path, on_accept, &e, &err));
    cr_assert_eq(stat(path, &st), 0);
    cr_assert(S_ISREG(st.st_mode));
    cr_assert(strstr(err.text, path));
    sc_loop_free(e.loop);
}

Test(listen, a_path_that_is_too_long_names_the_remedy)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_loop *loop = sc_loop_new(&err);
    char path[300];
    memset(path, 'p', sizeof path - 1);
    path[0] = '/';
    path[sizeof path - 1] = 0;
    cr_assert_null(sc_listen_unix(loop, path, on_accept, NULL, &err));
    cr_assert_eq(err.code, SC_ECONFIG);
    cr_assert(strstr(err.remedy, "control.socket"));
    sc_loop_free(loop);
}
