/* What Consul's ACLs refuse. A token that lacks one right still does everything else: then the link
 * is up, and yet something does not happen, which nobody would notice. So each refusal is kept, by
 * the folder of the key, until the same is allowed, the token is another one, or it was not asked
 * for in a while. */
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "consul_internal.h"
#include "sideclaw/mem.h"

enum { REFUSALS_MAX = 16 }; /* one would do; a few say more, and none is worth more memory */

/* ---- what a request asks for ---- */

struct asked {
    sc_consul_right_fn *fn;
    void *ctx;
    const struct sc_http_response *only_refused; /* of a transaction: these; NULL: all */
    uint64_t refused;                            /* operations, a bit each */
};

static void on_error(void *ctx, size_t op, const char *what)
{
    struct asked *a = ctx;
    if (sc_consul_denies(what))
        a->refused |= UINT64_C(1) << op;
}

static void on_op(void *ctx, size_t i, bool writes, const char *key)
{
    const struct asked *a = ctx;
    if (!a->only_refused || a->refused & UINT64_C(1) << i)
        a->fn(a->ctx, writes ? "write" : "read", key);
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* The key of "kv/some%20key?recurse=true". */
static void ask_key(const struct asked *a, const char *path, bool writes)
{
    sc_auto_buf struct sc_buf key = SC_BUF_INIT;
    for (const char *p = path; *p && *p != '?'; p++) {
        char hex[3] = { 0 };
        if (*p == '%' && p[1] && p[2]) {
            memcpy(hex, p + 1, 2);
            sc_buf_addc(&key, (char)strtol(hex, NULL, 16)); /* we wrote it */
            p += 2;
        } else {
            sc_buf_addc(&key, *p);
        }
    }
    a->fn(a->ctx, writes ? "write" : "read", sc_buf_str(&key));
}

void sc_consul_asked(const struct sc_consul_request *req, const struct sc_http_response *res,
                     bool refused, sc_consul_right_fn *fn, void *ctx)
{
    static const char service[] = "service openclaw-gateway";
    struct asked a = { .fn = fn, .ctx = ctx };
    bool writes = !sc_streq(req->method, "GET");
    if (begins(req->path, "kv/")) {
        ask_key(&a, req->path + 3, writes);
    } else if (begins(req->path, "txn")) {
        if (refused && sc_kv_txn_errors(res->body, res->body_len, on_error, &a, NULL) == SC_OK)
            a.only_refused = res;
        sc_kv_txn_ops(res->sent, res->sent_len, on_op, &a);
    } else if (begins(req->path, "session/")) {
        fn(ctx, "write", "sessions");
    } else if (begins(req->path, "agent/") || begins(req->path, "health/")) {
        fn(ctx, writes ? "write" : "read", service);
    }
}

/* ---- what was refused and not allowed since ---- */

struct refusal {
    TAILQ_ENTRY(refusal) link;
    char *what; /* "write openclaw/cluster/" */
    struct sc_err err;
    sc_mono at; /* the last time */
};

struct sc_consul_refused {
    struct sc_clock clock;
    TAILQ_HEAD(refusal_list, refusal) list; /* oldest first */
    size_t n;
    const struct sc_err *err; /* of the answer that is being looked at; NULL: it was allowed */
};

struct sc_consul_refused *sc_consul_refused_new(struct sc_clock clock)
{
    struct sc_consul_refused *f = sc_xcalloc(1, sizeof *f);
    f->clock = clock;
    TAILQ_INIT(&f->list);
    return f;
}

static void drop(struct sc_consul_refused *f, struct refusal *r)
{
    TAILQ_REMOVE(&f->list, r, link);
    f->n--;
    free(r->what);
    free(r);
}

static void on_right(void *ctx, const char *right, const char *name)
{
    struct sc_consul_refused *f = ctx;
    const char *slash = strrchr(name, '/');
    int folder = slash ? (int)(slash + 1 - name) : (int)strlen(name);
    sc_auto_free char *what = sc_xasprintf("%s %.*s", right, folder, name);
    struct refusal *r;
    TAILQ_FOREACH (r, &f->list, link)
        if (sc_streq(r->what, what))
            break;
    if (r && !f->err) {
        drop(f, r);
        return;
    }
    if (!f->err || (!r && f->n >= REFUSALS_MAX))
        return;
    if (!r) {
        r = sc_xcalloc(1, sizeof *r);
        r->what = sc_steal(&what);
        TAILQ_INSERT_TAIL(&f->list, r, link);
        f->n++;
    }
    r->err = *f->err;
    r->at = sc_clock_mono(&f->clock);
}

void sc_consul_refused_hear(struct sc_consul_refused *f, const struct sc_consul_request *req,
                            const struct sc_http_response *res, const struct sc_err *err)
{
    f->err = err && err->code == SC_EAUTH ? err : NULL;
    if (f->err || (!err && f->n > 0))
        sc_consul_asked(req, res, f->err != NULL, on_right, f);
}

void sc_consul_refused_lapse(struct sc_consul_refused *f, int64_t age_ms)
{
    struct refusal *r, *next;
    int64_t now = sc_clock_mono(&f->clock).ms;
    for (r = TAILQ_FIRST(&f->list); r; r = next) {
        next = TAILQ_NEXT(r, link);
        if (now - r->at.ms > age_ms)
            drop(f, r);
    }
}

void sc_consul_refused_clear(struct sc_consul_refused *f)
{
    struct refusal *r;
    while ((r = TAILQ_FIRST(&f->list)))
        drop(f, r); /* NOLINT(clang-analyzer-unix.Malloc): it loses TAILQ_REMOVE */
}

bool sc_consul_refused_first(const struct sc_consul_refused *f, struct sc_err *ret)
{
    const struct refusal *r = TAILQ_FIRST(&f->list);
    if (!r)
        return false;
    *ret = r->err;
    size_t used = strlen(ret->text);
    if (f->n > 1)
        (void)snprintf(ret->text + used, sizeof ret->text - used, ", and %zu more", f->n - 1);
    return true;
}

void sc_consul_refused_free(struct sc_consul_refused *f)
{
    if (!f)
        return;
    sc_consul_refused_clear(f);
    free(f);
}
