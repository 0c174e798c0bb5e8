/* http_fixture.h: a tiny HTTP server on the test's own loop; answers are a function of the request.
 */
#ifndef HTTP_FIXTURE_H
#define HTTP_FIXTURE_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sideclaw/buf.h"
#include "sideclaw/clock.h"
#include "sideclaw/http_client.h"
#include "sideclaw/loop.h"
#include "sideclaw/mem.h"

struct fixture {
    struct sc_loop *loop;
    struct evhttp *server;
    struct sc_http_client *http;
    char *base; /* http://127.0.0.1:port */
    uint16_t port;
    unsigned requests;
};

static inline uint16_t bound_port(struct evhttp_bound_socket *s)
{
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    cr_assert_eq(getsockname(evhttp_bound_socket_get_fd(s), (struct sockaddr *)&a, &n), 0);
    return ntohs(a.sin_port);
}

static inline void fixture_init(struct fixture *f, void (*answer)(struct evhttp_request *, void *),
                                void *ctx)
{
    *f = (struct fixture){ 0 };
    f->loop = sc_loop_new(NULL);
    f->server = evhttp_new(sc_loop_event_base(f->loop));
    f->port = bound_port(evhttp_bind_socket_with_handle(f->server, "127.0.0.1", 0));
    evhttp_set_allowed_methods(f->server, EVHTTP_REQ_GET | EVHTTP_REQ_PUT | EVHTTP_REQ_POST |
                                              EVHTTP_REQ_DELETE | EVHTTP_REQ_HEAD);
    evhttp_set_gencb(f->server, answer, ctx ? ctx : f);
    f->base = sc_xasprintf("http://127.0.0.1:%u", (unsigned)f->port);
    f->http = sc_http_client_new(f->loop, NULL);
    cr_assert_not_null(f->http);
}

static inline void fixture_fini(struct fixture *f)
{
    sc_http_client_close(f->http);
    cr_assert_eq(sc_loop_turn(f->loop, 0, NULL), SC_OK);
    sc_http_client_free(f->http);
    if (f->server)
        evhttp_free(f->server);
    sc_loop_free(f->loop);
    free(f->base);
}

/* Turns of the loop until the condition holds; fails after ten seconds. */
#define until(loop, cond)                                                                          \
    do {                                                                                           \
        struct sc_clock until_clock_ = sc_clock_system();                                          \
        int64_t until_end_ = sc_clock_mono(&until_clock_).ms + 10000;                              \
        while (!(cond)) {                                                                          \
            cr_assert_lt(sc_clock_mono(&until_clock_).ms, until_end_, "waited in vain: %s",        \
                         #cond);                                                                   \
            cr_assert_eq(sc_loop_turn((loop), 50, NULL), SC_OK);                                   \
        }                                                                                          \
    } while (0)

#endif
