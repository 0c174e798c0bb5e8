#include "sideclaw/resolve.h"

#include <arpa/inet.h>
#include <event2/dns.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "sideclaw/mem.h"

struct sc_resolve {
    struct sc_loop *loop;
    struct evdns_base *dns; /* NULL when no server is asked */
    struct evdns_getaddrinfo_request *request;
    sc_resolve_fn *fn; /* NULL once cancelled */
    void *ctx;
    char *host;
    char addr[INET6_ADDRSTRLEN]; /* "" until known */
    struct sc_err err;
};

static void free_now(struct sc_resolve *r)
{
    if (r->dns)
        evdns_base_free(r->dns, 0);
    free(r->host);
    free(r);
}

/* The end of every request; never from inside evdns, which may not be freed by its own callback. */
static void finish(void *ctx)
{
    struct sc_resolve *r = ctx;
    sc_resolve_fn *fn = r->fn;
    r->fn = NULL;
    if (fn)
        fn(r->ctx, r->addr[0] ? r->addr : NULL, r->addr[0] ? NULL : &r->err);
    free_now(r);
}

static void take(struct sc_resolve *r, const struct evutil_addrinfo *ai)
{
    const void *in = NULL;
    if (ai->ai_family == AF_INET)
        in = &((const struct sockaddr_in *)(const void *)ai->ai_addr)->sin_addr;
    else if (ai->ai_family == AF_INET6)
        in = &((const struct sockaddr_in6 *)(const void *)ai->ai_addr)->sin6_addr;
    if (!in || !evutil_inet_ntop(ai->ai_family, in, r->addr, sizeof r->addr))
        r->addr[0] = 0;
}

static void on_answer(int error, struct evutil_addrinfo *res, void *ctx)
{
    struct sc_resolve *r = ctx;
    r->request = NULL;
    if (res) {
        take(r, res);
        evutil_freeaddrinfo(res);
    }
    if (!r->addr[0])
        (void)sc_fail(&r->err, SC_EAWAY, "cannot resolve %.100s: %s", r->host,
                      error ? evutil_gai_strerror(error) : "no address");
    sc_loop_defer(r->loop, finish, r);
}

static void ask(struct sc_resolve *r)
{
    struct evutil_addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    r->dns = evdns_base_new(sc_loop_event_base(r->loop),
                            EVDNS_BASE_INITIALIZE_NAMESERVERS | EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (!r->dns) {
        on_answer(EVUTIL_EAI_FAIL, NULL, r);
        return;
    }
    struct evdns_getaddrinfo_request *request =
        evdns_getaddrinfo(r->dns, r->host, NULL, &hints, on_answer, r);
    if (request) /* else it was answered inside the call, e.g. from /etc/hosts */
        r->request = request;
}

static bool is_numeric(const char *host)
{
    struct in6_addr a;
    return evutil_inet_pton(AF_INET, host, &a) == 1 || evutil_inet_pton(AF_INET6, host, &a) == 1;
}

struct sc_resolve *sc_resolve_start(struct sc_loop *loop, const char *host, sc_resolve_fn *fn,
                                    void *ctx)
{
    struct sc_resolve *r = sc_xcalloc(1, sizeof *r);
    r->loop = loop;
    r->fn = fn;
    r->ctx = ctx;
    r->host = sc_xstrdup(sc_streq(host, "localhost") ? "127.0.0.1" : host);
    if (is_numeric(r->host)) {
        (void)snprintf(r->addr, sizeof r->addr, "%s", r->host);
        sc_loop_defer(loop, finish, r);
    } else {
        ask(r);
    }
    return r;
}

void sc_resolve_cancel(struct sc_resolve *r)
{
    if (!r)
        return;
    r->fn = NULL;
    if (r->request) {
        evdns_getaddrinfo_cancel(r->request); /* on_answer comes once more, and ends it */
        return;
    }
    sc_loop_undefer(r->loop, finish, r);
    free_now(r);
}
