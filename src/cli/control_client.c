#include "control_client.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "sideclaw/buf.h"
#include "sideclaw/jsonrpc.h"
#include "sideclaw/limits.h"

enum { TICK_MS = 1000, CHUNK = 64 * 1024, ANSWER_MAX = 2 * SC_CONTROL_PENDING_MAX };

/* CLOCK_MONOTONIC: a person's patience does not run while the laptop sleeps. */
static int64_t now_ms(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int cannot_reach(const char *path, int errnum, struct sc_err *err)
{
    char buf[128];
    const char *why = strerror_r(errnum, buf, sizeof buf);
    bool refused = errnum == EACCES || errnum == EPERM;
    (void)sc_fail(err, SC_EAWAY, "cannot reach the daemon at %.160s: %s", path, why);
    return sc_err_remedy(err, refused ? "use the account that runs the daemon"
                                      : "sideclaw run  (or pass --socket PATH)");
}

static int connect_to(const char *path, struct sc_err *err)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    size_t n = strlen(path);
    if (n >= sizeof sun.sun_path)
        return cannot_reach(path, ENAMETOOLONG, err);
    memcpy(sun.sun_path, path, n + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return sc_fail_errno(err, errno, "socket");
    if (connect(fd, (const struct sockaddr *)&sun, sizeof sun) < 0) {
        int saved = errno;
        (void)close(fd);
        return cannot_reach(path, saved, err);
    }
    return fd;
}

/* Ready for `events` before the deadline? Ticks on the way. */
static int wait_for(const struct sc_control_request *req, int fd, short events, int64_t start,
                    struct sc_err *err)
{
    for (;;) {
        int64_t waited = now_ms() - start, left = req->timeout_ms - waited;
        if (left <= 0) {
            (void)sc_fail(err, SC_ETIMEDOUT, "the daemon did not answer within %lld s",
                          (long long)(req->timeout_ms / 1000));
            return sc_err_remedy(err, "look at its log, or at: sideclaw status");
        }
        struct pollfd p = { .fd = fd, .events = events };
        int r = poll(&p, 1, (int)(req->tick && left > TICK_MS ? TICK_MS : left));
        if (r > 0)
            return SC_OK;
        if (r < 0 && errno != EINTR)
            return sc_fail_errno(err, errno, "poll");
        if (r == 0 && req->tick)
            req->tick(req->ctx, now_ms() - start);
    }
}

static int lost(struct sc_err *err, const char *why)
{
    (void)sc_fail(err, SC_EAWAY, "the daemon closed the connection: %s", why);
    return sc_err_remedy(err, "look at its log; try again");
}

static int send_all(const struct sc_control_request *req, int fd, const struct sc_buf *line,
                    int64_t start, struct sc_err *err)
{
    for (size_t sent = 0; sent < line->n;) {
        ssize_t n = send(fd, line->p + sent, line->n - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            sent += (size_t)n;
        } else if (errno == EAGAIN) {
            int r = wait_for(req, fd, POLLOUT, start, err);
            if (r < 0)
                return r;
        } else if (errno != EINTR) {
            return lost(err, "it took only a part of the request");
        }
    }
    return SC_OK;
}

static int read_line(const struct sc_control_request *req, int fd, int64_t start,
                     struct sc_buf *ret, struct sc_err *err)
{
    char chunk[CHUNK];
    while (!ret->n || ret->p[ret->n - 1] != '\n') {
        int r = wait_for(req, fd, POLLIN, start, err);
        if (r < 0)
            return r;
        ssize_t n = recv(fd, chunk, sizeof chunk, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n <= 0)
            return lost(err, "no answer came");
        if (ret->n + (size_t)n > ANSWER_MAX)
            return sc_fail(err, SC_ETOOBIG, "the answer is longer than %d bytes", ANSWER_MAX);
        sc_buf_add(ret, chunk, (size_t)n);
    }
    return SC_OK;
}

/* One exchange on a connection of its own. */
static int exchange(const struct sc_control_request *req, int fd, int64_t start,
                    struct sc_value **ret_result, struct sc_err *err)
{
    sc_auto_buf struct sc_buf line = SC_BUF_INIT, answer = SC_BUF_INIT;
    sc_rpc_write_request(&line, 1, req->method, req->params);
    if (line.n > SC_RPC_LINE_MAX) {
        (void)sc_fail(err, SC_ETOOBIG, "the body is %zu bytes once written as JSON; %d is the most",
                      line.n, SC_RPC_LINE_MAX);
        return sc_err_remedy(err, "send it in parts");
    }
    int r = send_all(req, fd, &line, start, err);
    if (r == SC_OK)
        r = read_line(req, fd, start, &answer, err);
    return r < 0 ? r : sc_rpc_response_parse(answer.p, answer.n, ret_result, err);
}

int sc_control_open(const struct sc_control_request *req, struct sc_value **ret_result,
                    struct sc_err *err)
{
    int64_t start = now_ms();
    int fd = connect_to(req->socket, err);
    if (fd < 0)
        return fd;
    int r = exchange(req, fd, start, ret_result, err);
    if (r == SC_OK)
        return fd;
    (void)close(fd); /* nothing is written through it that close could lose */
    return r;
}

struct sc_value *sc_control_call(const struct sc_control_request *req, struct sc_err *err)
{
    struct sc_value *result = NULL;
    int fd = sc_control_open(req, &result, err);
    if (fd >= 0)
        (void)close(fd); /* it has answered */
    return result;
}
