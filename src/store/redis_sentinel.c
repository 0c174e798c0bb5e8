#include "redis_sentinel.h"

#include <stdlib.h>
#include <string.h>

#include "redis_conn.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"
#include "sideclaw/resolve.h"

enum {
    FIND_MS = 1000, /* for the sentinels to agree; then the answers that came must do */
    PLACE_HOST_MAX = 253,
};

/* One sentinel and what it said. */
struct ask {
    struct sc_redis_find *f;
    const struct sc_redis_addr *at;
    struct sc_resolve *resolve;
    struct sc_redis_conn *conn;
    bool over;
    char host[PLACE_HOST_MAX + 1]; /* "": it named nobody */
    uint16_t port;
    struct sc_err why; /* then */
};

struct sc_redis_find {
    struct sc_loop *loop;
    const struct sc_redis_url *url;
    sc_redis_found_fn *fn;
    void *ctx;
    struct ask *asks;
    size_t n, left;
    bool decided;
    struct sc_timer *timer;
    struct sc_resolve *resolve;
    const char *host; /* what is resolved at last */
    uint16_t port;
    bool agreed;
};

static void conclude(void *find);

static void free_now(struct sc_redis_find *f)
{
    sc_loop_undefer(f->loop, conclude, f);
    f->decided = true; /* what destroying the connections calls back finds nothing to do */
    for (size_t i = 0; i < f->n; i++) {
        sc_resolve_cancel(sc_steal(&f->asks[i].resolve));
        sc_redis_conn_destroy(sc_steal(&f->asks[i].conn));
    }
    sc_timer_free(f->timer);
    free(f->asks);
    free(f);
}

/* --- the votes --- */

static size_t votes_for(const struct sc_redis_find *f, const struct ask *a)
{
    size_t votes = 0;
    for (size_t i = 0; i < f->n; i++)
        votes += f->asks[i].port == a->port && strcmp(f->asks[i].host, a->host) == 0;
    return votes;
}

/* NULL when nobody named anybody. */
static const struct ask *winner(const struct sc_redis_find *f, size_t *ret_votes)
{
    const struct ask *best = NULL;
    *ret_votes = 0;
    for (size_t i = 0; i < f->n; i++) {
        size_t votes = f->asks[i].host[0] ? votes_for(f, &f->asks[i]) : 0;
        if (votes > *ret_votes) {
            *ret_votes = votes;
            best = &f->asks[i];
        }
    }
    return best;
}

/* Outside of the connections' callbacks, where they may be destroyed. */
static void decide(struct sc_redis_find *f, bool now)
{
    size_t votes;
    if (f->decided)
        return;
    (void)winner(f, &votes);
    if (!now && f->left > 0 && 2 * votes <= f->n)
        return;
    f->decided = true;
    sc_loop_defer(f->loop, conclude, f);
}

static void ask_over(struct ask *a)
{
    if (a->over)
        return;
    a->over = true;
    a->f->left--;
    decide(a->f, false);
}

static void ask_failed(struct ask *a, const char *text)
{
    struct sc_redis_url at = { .at = *a->at };
    if (a->over)
        return;
    (void)sc_redis_explain(&at, text, &a->why);
    (void)sc_err_wrap(&a->why, "a sentinel");
    (void)sc_err_remedy(&a->why, "%s",
                        a->why.code == SC_EAUTH
                            ? "set redis.sentinel_password_file to the sentinels' own password"
                            : "see that the sentinels of redis.url run and are reachable");
    ask_over(a);
}

/* --- the question --- */

static void on_answer(void *ctx, const struct sc_redis_reply *reply)
{
    struct ask *a = ctx;
    size_t n = 0;
    int64_t port = 0;
    if (a->f->decided || !reply) /* without an answer, `closed` says why */
        return;
    if (sc_redis_reply_is_error(reply)) {
        ask_failed(a, sc_redis_reply_str(reply, NULL));
        return;
    }
    const char *host = sc_redis_reply_str(sc_redis_reply_at(reply, 0), &n);
    const char *number = sc_redis_reply_str(sc_redis_reply_at(reply, 1), NULL);
    if (host && n > 0 && n <= PLACE_HOST_MAX && number &&
        sc_parse_i64(number, 1, UINT16_MAX, &port, NULL) == SC_OK) {
        (void)snprintf(a->host, sizeof a->host, "%s", host);
        a->port = (uint16_t)port;
    } else {
        (void)sc_fail(&a->why, SC_ECONFIG, "the sentinel at %s:%u knows no primary %s", a->at->host,
                      a->at->port, a->f->url->primary);
        (void)sc_err_remedy(&a->why, "use the name that `sentinel monitor` gave it in redis.url");
    }
    ask_over(a);
}

static void on_login(void *ctx, const struct sc_redis_reply *reply)
{
    struct ask *a = ctx;
    if (!a->f->decided && reply && sc_redis_reply_is_error(reply))
        ask_failed(a, sc_redis_reply_str(reply, NULL));
}

static void on_connected(void *ctx)
{
    struct ask *a = ctx;
    const struct sc_redis_url *u = a->f->url;
    const char *auth[] = { "AUTH", u->sentinel_password };
    const char *ask[] = { "SENTINEL", "get-master-addr-by-name", u->primary };
    if ((u->sentinel_password && sc_redis_conn_command(a->conn, on_login, a, 2, auth, NULL) < 0) ||
        sc_redis_conn_command(a->conn, on_answer, a, 3, ask, NULL) < 0)
        ask_failed(a, "Server closed");
}

static void on_closed(void *ctx, const char *text)
{
    struct ask *a = ctx;
    a->conn = NULL; /* it frees itself */
    ask_failed(a, text);
}

static void on_activity(void *ctx)
{
    (void)ctx;
}

static void on_sentinel_resolved(void *ctx, const char *addr, const struct sc_err *err)
{
    struct ask *a = ctx;
    char text[128];
    a->resolve = NULL;
    if (!addr) {
        ask_failed(a, err->text);
        return;
    }
    const struct sc_redis_conn_deps deps = { .loop = a->f->loop,
                                             .addr = addr,
                                             .port = a->at->port,
                                             .host = a->at->host,
                                             .tls = a->f->url->with,
                                             .connected = on_connected,
                                             .closed = on_closed,
                                             .activity = on_activity,
                                             .ctx = a };
    a->conn = sc_redis_conn_new(&deps, text, sizeof text);
    if (!a->conn)
        ask_failed(a, text);
}

/* --- the answer --- */

static void on_resolved(void *ctx, const char *addr, const struct sc_err *err)
{
    struct sc_redis_find *f = ctx;
    struct sc_err why = SC_ERR_INIT;
    f->resolve = NULL;
    const struct sc_redis_place place = {
        .host = f->host, .addr = addr, .port = f->port, .agreed = f->agreed
    };
    if (!addr) {
        why = *err;
        (void)sc_err_remedy(&why, "check the host in redis.url and this machine's DNS");
    }
    f->fn(f->ctx, addr ? &place : NULL, addr ? NULL : &why);
    free_now(f);
}

static void resolve(struct sc_redis_find *f, const char *host, uint16_t port)
{
    f->host = host;
    f->port = port;
    f->resolve = sc_resolve_start(f->loop, host, on_resolved, f);
}

/* That a name is unknown says more than that somebody is away. */
static const struct sc_err *worst(const struct sc_redis_find *f)
{
    const struct sc_err *found = NULL;
    for (size_t i = 0; i < f->n; i++)
        if (f->asks[i].over && (!found || f->asks[i].why.code == SC_ECONFIG))
            found = &f->asks[i].why;
    return found;
}

static void nobody_knows(struct sc_redis_find *f)
{
    struct sc_err why = SC_ERR_INIT;
    const struct sc_err *found = worst(f);
    if (found) {
        why = *found;
    } else {
        (void)sc_fail(&why, SC_ETIMEDOUT, "no sentinel of %s answers", f->url->primary);
        (void)sc_err_remedy(&why, "see that the sentinels of redis.url run and are reachable");
    }
    f->fn(f->ctx, NULL, &why);
    free_now(f);
}

static void conclude(void *find)
{
    struct sc_redis_find *f = find;
    size_t votes;
    const struct ask *best = winner(f, &votes);
    sc_timer_disarm(f->timer);
    f->agreed = 2 * votes > f->n;
    if (best)
        resolve(f, best->host, best->port);
    else
        nobody_knows(f);
}

static void on_timer(void *ctx)
{
    decide(ctx, true);
}

struct sc_redis_find *sc_redis_find_start(struct sc_loop *loop, const struct sc_redis_url *url,
                                          sc_redis_found_fn *fn, void *ctx)
{
    struct sc_redis_find *f = sc_xcalloc(1, sizeof *f);
    *f = (struct sc_redis_find){ .loop = loop, .url = url, .fn = fn, .ctx = ctx };
    if (!url->primary) {
        f->agreed = true;
        resolve(f, url->at.host, url->at.port);
        return f;
    }
    f->n = f->left = url->n_sentinels;
    f->asks = sc_xcalloc(f->n, sizeof *f->asks);
    f->timer = sc_timer_new(loop, on_timer, f);
    sc_timer_arm(f->timer, FIND_MS);
    for (size_t i = 0; i < f->n; i++) {
        struct ask *a = &f->asks[i];
        *a = (struct ask){ .f = f, .at = &url->sentinels[i] };
        a->resolve = sc_resolve_start(loop, a->at->host, on_sentinel_resolved, a);
    }
    return f;
}

void sc_redis_find_cancel(struct sc_redis_find *f)
{
    if (!f)
        return;
    sc_resolve_cancel(sc_steal(&f->resolve));
    free_now(f);
}
