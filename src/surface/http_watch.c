#include "http_watch.h"

#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "sideclaw/mem.h"

struct sc_http_watch {
    struct sc_io *io; /* NULL: nothing more is to be seen */
    struct evhttp_connection *conn;
    sc_loop_fn *gone;
    void *ctx;
};

/* A pipelined request is no end; the client waits, and is not watched further. */
static void on_readable(void *ctx, int fd, int what)
{
    struct sc_http_watch *w = ctx;
    char byte;
    (void)what;
    ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0) {
        sc_io_free(sc_steal(&w->io));
        return;
    }
    struct evhttp_connection *conn = w->conn;
    w->gone(w->ctx);
    evhttp_connection_free(conn); /* and the request with it */
}

struct sc_http_watch *sc_http_watch_new(struct sc_loop *loop, struct evhttp_request *req,
                                        sc_loop_fn *gone, void *ctx)
{
    struct sc_http_watch *w = sc_xcalloc(1, sizeof *w);
    *w = (struct sc_http_watch){ .conn = evhttp_request_get_connection(req),
                                 .gone = gone,
                                 .ctx = ctx };
    int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(w->conn));
    w->io = sc_io_new(loop, fd, SC_IO_READ, on_readable, w);
    return w;
}

void sc_http_watch_free(struct sc_http_watch *w)
{
    if (!w)
        return;
    sc_io_free(w->io);
    free(w);
}
