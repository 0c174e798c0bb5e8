/* What leaves: envelopes queue per gateway, and what has come together by the end of the turn, or
 * while the requests before it are under way, goes in one request. A slow link so gets larger
 * batches, not more connections. */
#include <stdlib.h>
#include <string.h>

#include "peer_internal.h"
#include "sideclaw/crypto.h"
#include "sideclaw/mem.h"

enum {
    CONNECT_MS = 3000, /* a host that is gone says nothing; the other transports are waiting */
    ANSWER_MS = 15 * 1000
};

/* --- items --- */

static void item_end(struct peer *p, struct peer_item *it, const struct sc_err *err)
{
    struct sc_peer *o = p->owner;
    o->pending_bytes -= it->line.n;
    if (it->done && !err)
        sc_histogram_since(&o->t.took, &o->d.clock, it->began);
    if (it->done && !o->mute)
        it->done(it->ctx, &it->id, err);
    sc_buf_fini(&it->line);
    free(it->refused);
    free(it);
}

/* err NULL: the receiver has them, but for those it refused. */
static void items_end(struct peer *p, struct peer_items *items, const struct sc_err *err)
{
    struct peer_item *it;
    while ((it = TAILQ_FIRST(items))) {
        struct sc_err why = SC_ERR_INIT;
        TAILQ_REMOVE(items, it, link);
        if (!err && it->refused)
            (void)sc_fail(&why, SC_EPROTO, "%s refused it: %s", p->name, it->refused);
        item_end(p, it, why.code != SC_OK ? &why : err);
    }
}

static void on_flush(void *ctx);

static void flush_later(struct peer *p)
{
    if (p->flush_queued)
        return;
    p->flush_queued = true;
    sc_loop_defer(p->owner->d.loop, on_flush, p);
}

static void enqueue(struct peer *p, struct peer_item *it)
{
    TAILQ_INSERT_TAIL(&p->queue, it, link);
    p->queued++;
    p->owner->pending_bytes += it->line.n;
    flush_later(p);
}

void peer_send_drop(struct peer *p, const struct sc_err *why)
{
    struct peer_items all = TAILQ_HEAD_INITIALIZER(all);
    TAILQ_CONCAT(&all, &p->queue, link);
    p->queued = 0;
    items_end(p, &all, why);
}

/* --- the answer --- */

struct reading {
    struct peer *p;
    struct peer_request *r;
};

static void on_refused(void *ctx, size_t line, const char *reason)
{
    struct reading *a = ctx;
    struct peer_item *it = TAILQ_FIRST(&a->r->items);
    while (it && line-- > 0)
        it = TAILQ_NEXT(it, link);
    if (!it || it->refused)
        return;
    it->refused = sc_xstrndup(reason, SC_REASON_MAX);
    sc_log_warn(a->p->owner->d.log, "peer.refused", SC_S("gateway", a->p->name),
                SC_ID("id", &it->id), SC_S("reason", it->refused),
                SC_S("instead", "it stays in the spool and is tried again"));
}

static void on_receipts(void *ctx, const struct sc_receipts *r, const char *sig)
{
    struct reading *a = ctx;
    struct sc_peer *o = a->p->owner;
    struct sc_err err = SC_ERR_INIT;
    if (peer_door_check_receipts(o, r, sig, &err) == SC_OK)
        o->d.events.receipts(o->d.events.ctx, &o->t, r);
    else
        o->d.events.rejected(o->d.events.ctx, &o->t, err.text);
}

/* `sent` first: the receipts go further. */
static void taken(struct peer_request *r, const struct sc_http_response *res)
{
    struct reading a = { .p = r->peer, .r = r };
    const struct sc_peer_answer_fns refusals = { .ctx = &a, .refused = on_refused };
    const struct sc_peer_answer_fns receipts = { .ctx = &a, .receipts = on_receipts };
    peer_link_works(r->peer);
    sc_peer_answer_each(res->body, res->body_len, &refusals);
    items_end(r->peer, &r->items, NULL);
    sc_peer_answer_each(res->body, res->body_len, &receipts);
}

static void failed(struct peer_request *r, const struct sc_http_response *res,
                   const struct sc_err *err)
{
    struct sc_err why = SC_ERR_INIT;
    r->peer->owner->n.requests_failed++;
    if (res)
        sc_peer_problem(res->status, res->body, res->body_len, &why);
    else
        why = *err;
    peer_link_failed(r->peer, &why);
    items_end(r->peer, &r->items, &why);
}

static void request_end(struct peer_request *r, const struct sc_http_response *res,
                        const struct sc_err *err)
{
    struct peer *p = r->peer;
    LIST_REMOVE(r, link);
    p->n_requests--;
    if (res && res->status == 200)
        taken(r, res);
    else
        failed(r, res, err);
    free(r);
    if (p->queued)
        flush_later(p);
}

static void on_answer(void *ctx, const struct sc_http_response *res, const struct sc_err *err)
{
    struct peer_request *r = ctx;
    r->op = NULL;
    request_end(r, res, err);
}

/* --- requests --- */

static void gather(struct peer *p, struct peer_request *r, struct sc_buf *body)
{
    struct peer_item *it;
    for (size_t n = 0; n < SC_PEER_BATCH_MAX && (it = TAILQ_FIRST(&p->queue)); n++) {
        if (n && body->n + 1 + it->line.n > SC_PEER_BODY_MAX)
            break;
        TAILQ_REMOVE(&p->queue, it, link);
        p->queued--;
        TAILQ_INSERT_TAIL(&r->items, it, link);
        if (n)
            sc_buf_addc(body, '\n');
        sc_buf_add(body, it->line.p, it->line.n);
    }
}

static void sign(struct peer *p, const struct sc_buf *body, struct sc_buf *out)
{
    const struct sc_peer *o = p->owner;
    struct sc_peer_auth a = { .at = sc_clock_wall(&o->d.clock), .number = ++p->number };
    const struct sc_peer_post post = {
        .method = "POST", .path = SC_PEER_PATH, .body = sc_buf_str(body), .n = body->n
    };
    if (!p->session[0])
        sc_random_hex(p->session, sizeof p->session / 2);
    (void)snprintf(a.from, sizeof a.from, "%s", o->self_name);
    (void)snprintf(a.to, sizeof a.to, "%s", p->name);
    (void)snprintf(a.session, sizeof a.session, "%s", p->session);
    sc_buf_adds(out, "Authorization: ");
    sc_peer_auth_sign(&a, &post, &o->d.key, out);
}

static int post(struct peer *p, struct peer_request *r, const struct sc_buf *body,
                struct sc_err *err)
{
    sc_auto_buf struct sc_buf proof = SC_BUF_INIT;
    sc_auto_free char *url = sc_xasprintf("%s" SC_PEER_PATH, p->url);
    sign(p, body, &proof);
    const char *const headers[] = { sc_buf_str(&proof), "Content-Type: " SC_PEER_CONTENT_TYPE,
                                    NULL };
    const struct sc_http_request req = { .method = "POST",
                                         .url = url,
                                         .headers = headers,
                                         .body = sc_buf_str(body),
                                         .body_len = body->n,
                                         .timeout_ms = ANSWER_MS,
                                         .connect_ms = CONNECT_MS,
                                         .max_body = SC_PEER_ANSWER_MAX };
    return sc_http_send(p->owner->d.http, &req, on_answer, r, &r->op, err);
}

static void start(struct peer *p)
{
    sc_auto_buf struct sc_buf body = SC_BUF_INIT;
    struct sc_err err = SC_ERR_INIT;
    struct peer_request *r = sc_xcalloc(1, sizeof *r);
    r->peer = p;
    TAILQ_INIT(&r->items);
    gather(p, r, &body);
    LIST_INSERT_HEAD(&p->requests, r, link);
    p->n_requests++;
    p->owner->n.requests_out++;
    if (post(p, r, &body, &err) < 0)
        request_end(r, NULL, &err);
}

static void on_flush(void *ctx)
{
    struct peer *p = ctx;
    p->flush_queued = false;
    while (p->queued && p->n_requests < SC_PEER_REQUESTS_MAX && !p->owner->closed)
        start(p);
}

void peer_send_look(struct peer *p)
{
    if (p->owner->closed)
        return;
    if (p->queued)
        flush_later(p);
    else
        start(p);
}

void peer_send_fini(struct peer *p)
{
    struct sc_err why = SC_ERR_INIT;
    struct peer_request *r;
    (void)sc_fail(&why, SC_ECANCELED, "the sidecar is stopping");
    sc_loop_undefer(p->owner->d.loop, on_flush, p);
    while ((r = LIST_FIRST(&p->requests))) {
        LIST_REMOVE(r, link);
        sc_http_cancel(r->op);
        items_end(p, &r->items, &why);
        free(r);
    }
    p->n_requests = 0;
    peer_send_drop(p, &why);
}

/* --- the port --- */

static int may_send(const struct sc_peer *o, const struct sc_message *m, struct peer **ret,
                    struct sc_err *err)
{
    struct peer *p = m->to_gateway ? sc_map_get(o->peers, m->to_gateway) : NULL;
    if (o->t.state != SC_LINK_UP || !p || !*p->url)
        return sc_fail(err, SC_EAWAY, "%s has no peer_url", m->to_gateway ? m->to_gateway : "it");
    if (p->away)
        return sc_fail(err, SC_EAWAY, "%s: %.200s", p->name, p->why.text);
    if (p->queued >= SC_PEER_PENDING_MAX ||
        o->pending_bytes + m->body_len > SC_PEER_PENDING_BYTES_MAX)
        return sc_fail(err, SC_EBUSY, "%s is behind: %zu messages wait for its answer", p->name,
                       p->queued);
    *ret = p;
    return SC_OK;
}

int peer_send(void *impl, const struct sc_message *m, sc_transport_done_fn *done, void *ctx,
              struct sc_err *err)
{
    const struct sc_peer *o = impl;
    struct peer *p = NULL;
    int rc = may_send(o, m, &p, err);
    if (rc < 0)
        return rc;
    struct peer_item *it = sc_xcalloc(1, sizeof *it);
    *it = (struct peer_item){
        .id = m->id, .done = done, .ctx = ctx, .began = sc_clock_tick(&o->d.clock)
    };
    sc_message_to_json(m, &it->line);
    if (it->line.n > SC_PEER_BODY_MAX) {
        rc = sc_fail(err, SC_ETOOBIG, "the envelope has %zu bytes, %d is the most", it->line.n,
                     SC_PEER_BODY_MAX);
        sc_buf_fini(&it->line);
        free(it);
        return rc;
    }
    enqueue(p, it);
    return SC_OK;
}

void peer_send_receipts(struct peer *p, struct sc_buf *take_line)
{
    struct sc_peer *o = p->owner;
    if (!*p->url || p->away || o->t.state != SC_LINK_UP || p->queued >= SC_PEER_PENDING_MAX ||
        o->pending_bytes + take_line->n > SC_PEER_PENDING_BYTES_MAX) {
        sc_buf_fini(take_line);
        return;
    }
    struct peer_item *it = sc_xcalloc(1, sizeof *it);
    it->line = *take_line;
    enqueue(p, it);
}
