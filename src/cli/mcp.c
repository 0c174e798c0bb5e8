/* mcp.c: a carrier of frames between an MCP client, on stdin and stdout, and the daemon, which
 * answers them. It knows of them only which are unanswered: a daemon that goes away must not leave
 * its client waiting, and one that comes back is used again. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "command.h"
#include "control_client.h"
#include "mcp_owed.h"
#include "sideclaw/jsonrpc.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "sideclaw/paths.h"

enum {
    OPEN_MS = 5000,
    RETURN_MS = 3000, /* a restarted daemon serves again well within it */
    NAP_MS = 50,
    CHUNK = 16 * 1024,
    WRITE_MAX = 4096 /* PIPE_BUF: what a pipe that is ready takes without blocking */
};

struct carrier {
    struct sc_cli *cli;
    const char *agent; /* NULL: the daemon's own choice */
    int sock;          /* -1: no daemon */
    bool lost;         /* there was one; it is worth waiting for */
    bool away;         /* something was asked that no daemon answered, and none is there since */
    bool ended;        /* the client has said all it will */
    bool skipping;     /* in a line that is too long */
    struct sc_buf in, to_daemon, from_daemon, out;
    struct sc_owed *owed;
};

/* --- the daemon --- */

static int dial(struct carrier *c, struct sc_err *err)
{
    sc_auto_value struct sc_value *params = sc_value_object(), *result = NULL;
    if (c->agent)
        sc_value_set_str(params, "agent", c->agent);
    const struct sc_control_request req = {
        .socket = c->cli->socket, .method = "mcp.open", .params = params, .timeout_ms = OPEN_MS
    };
    int fd = sc_control_open(&req, &result, err);
    c->away = fd < 0;
    if (fd < 0)
        return fd;
    c->sock = fd;
    return SC_OK;
}

static int dial_again(struct carrier *c, struct sc_err *err)
{
    int r = dial(c, err);
    for (int waited = 0; c->lost && r == SC_EAWAY && waited < RETURN_MS; waited += NAP_MS) {
        (void)poll(NULL, 0, NAP_MS);
        r = dial(c, err);
    }
    c->lost = false; /* the next frames do not wait again */
    return r;
}

static void hang_up(struct carrier *c)
{
    (void)close(c->sock); /* what it has not taken is answered as lost */
    c->sock = -1;
    sc_buf_clear(&c->to_daemon);
    sc_buf_clear(&c->from_daemon);
}

/* It closed: in the end because everything is answered, else because it stops. */
static void on_lost(struct carrier *c)
{
    struct sc_err err = SC_ERR_INIT;
    (void)sc_fail(&err, SC_EAWAY, "the daemon went away before it answered");
    (void)sc_err_remedy(&err, "it may or may not have been done: look before you ask again");
    hang_up(c);
    c->lost = !c->ended;
    c->away = !sc_owed_none(c->owed);
    if (c->lost || c->away)
        (void)sc_cli_fail(c->cli, &err);
    sc_owed_fail(c->owed, &err, &c->out);
}

static void read_daemon(struct carrier *c)
{
    char chunk[CHUNK];
    ssize_t n = recv(c->sock, chunk, sizeof chunk, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        on_lost(c);
        return;
    }
    sc_buf_add(&c->from_daemon, chunk, (size_t)n);
    size_t done = 0;
    for (const char *end; (end = memchr(c->from_daemon.p + done, '\n', c->from_daemon.n - done));) {
        size_t len = (size_t)(end - c->from_daemon.p) - done;
        sc_owed_answered(c->owed, c->from_daemon.p + done, len);
        sc_buf_add(&c->out, c->from_daemon.p + done, len + 1);
        done += len + 1;
    }
    sc_buf_consume(&c->from_daemon, done);
}

static void write_daemon(struct carrier *c)
{
    ssize_t n = send(c->sock, c->to_daemon.p, c->to_daemon.n, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0)
        sc_buf_consume(&c->to_daemon, (size_t)n);
    else if (n < 0 && errno != EAGAIN && errno != EINTR)
        sc_buf_clear(&c->to_daemon); /* what it answered before may still be read, then its end */
}

/* --- the client --- */

static void take_line(struct carrier *c, const char *line, size_t n)
{
    struct sc_err err = SC_ERR_INIT;
    sc_owed_asked(c->owed, line, n);
    if (c->sock < 0 && dial_again(c, &err) < 0) {
        (void)sc_cli_fail(c->cli, &err);
        sc_owed_fail(c->owed, &err, &c->out);
        return;
    }
    sc_buf_add(&c->to_daemon, line, n);
    sc_buf_addc(&c->to_daemon, '\n');
}

static void endless_line(struct carrier *c)
{
    struct sc_err err = SC_ERR_INIT;
    (void)sc_fail(&err, SC_ETOOBIG, "the frame is longer than %d bytes", SC_MCP_FRAME_MAX);
    if (!c->skipping)
        sc_rpc_write_error(&c->out, NULL, SC_RPC_INVALID, &err);
    c->skipping = true;
    sc_buf_clear(&c->in);
}

static void take_lines(struct carrier *c)
{
    size_t done = 0;
    for (const char *end; c->in.n && (end = memchr(c->in.p + done, '\n', c->in.n - done));) {
        size_t len = (size_t)(end - c->in.p) - done;
        if (len && !c->skipping)
            take_line(c, c->in.p + done, len);
        c->skipping = false;
        done += len + 1;
    }
    if (c->in.n)
        sc_buf_consume(&c->in, done);
    if (c->in.n > SC_MCP_FRAME_MAX)
        endless_line(c);
}

static void read_client(struct carrier *c)
{
    char chunk[CHUNK];
    ssize_t n = read(STDIN_FILENO, chunk, sizeof chunk);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        sc_buf_add(&c->in, chunk, (size_t)n);
    else
        c->ended = true;
    if (c->ended && c->in.n) /* its last line may lack the newline */
        sc_buf_addc(&c->in, '\n');
    take_lines(c);
}

static bool write_client(struct carrier *c)
{
    ssize_t n = write(STDOUT_FILENO, c->out.p, c->out.n < WRITE_MAX ? c->out.n : WRITE_MAX);
    if (n > 0)
        sc_buf_consume(&c->out, (size_t)n);
    return n >= 0 || errno == EAGAIN || errno == EINTR;
}

/* --- both --- */

/* One side is read only when the other has taken what came before: so nothing piles up here. */
static bool turn(struct carrier *c)
{
    enum { CLIENT_IN, CLIENT_OUT, DAEMON, N };
    bool asks = c->to_daemon.n > 0, answers = c->out.n > 0;
    struct pollfd p[N] = {
        [CLIENT_IN] = { .fd = c->ended || asks ? -1 : STDIN_FILENO, .events = POLLIN },
        [CLIENT_OUT] = { .fd = answers ? STDOUT_FILENO : -1, .events = POLLOUT },
        [DAEMON] = { .fd = c->sock,
                     .events = (short)((asks ? POLLOUT : 0) | (answers ? 0 : POLLIN)) },
    };
    if (poll(p, N, -1) < 0)
        return errno == EINTR;
    if (p[CLIENT_OUT].revents && !write_client(c))
        return false;
    if (p[DAEMON].revents & POLLOUT)
        write_daemon(c);
    if (c->sock >= 0 && !answers && p[DAEMON].revents & (POLLIN | POLLHUP | POLLERR))
        read_daemon(c);
    if (p[CLIENT_IN].revents)
        read_client(c);
    return true;
}

/* Until the client has ended and has all its answers: the daemon closes then. */
static bool carry(struct carrier *c)
{
    bool told = false;
    while (!c->ended || c->sock >= 0 || c->out.n) {
        if (!turn(c))
            return false;
        if (c->ended && c->sock >= 0 && !c->to_daemon.n && !told) {
            (void)shutdown(c->sock, SHUT_WR); /* a daemon that is gone shows when it is read */
            told = true;
        }
    }
    return true;
}

int sc_cmd_mcp(struct sc_cli *cli, const struct sc_args *args)
{
    struct sc_err err = SC_ERR_INIT;
    const char *flag = sc_args_text(args, "--agent");
    if (args->n_words > 0)
        return sc_cli_usage(cli, "it takes no words, only --agent");
    struct carrier c = { .cli = cli,
                         .agent = flag ? flag : sc_env_get(cli->envp, "AGENT_ID"),
                         .sock = -1 };
    int code = dial(&c, &err) < 0 ? sc_cli_fail(cli, &err) : SC_EXIT_OK;
    /* Without a daemon each request is told so, and tries again: it may be about to start. */
    if (code != SC_EXIT_OK && code != SC_EXIT_AWAY)
        return code;
    c.owed = sc_owed_new();
    code = !carry(&c) ? SC_EXIT_FAILED : c.away ? SC_EXIT_AWAY : SC_EXIT_OK;
    sc_owed_free(c.owed);
    sc_buf_fini(&c.in);
    sc_buf_fini(&c.to_daemon);
    sc_buf_fini(&c.from_daemon);
    sc_buf_fini(&c.out);
    return code;
}
