/* Callers that wait for the end of a message (`ask`). */
#include <stdlib.h>

#include "router_internal.h"
#include "sideclaw/mem.h"

struct sc_wait {
    struct sc_router *r;
    struct sc_id id;
    sc_wait_fn *done;
    void *ctx;
    struct sc_timer *deadline;
    uint64_t wake;        /* the latest one for this message */
    struct sc_wait *next; /* others that wait for the same message */
};

static void free_wait(void *ctx)
{
    struct sc_wait *w = ctx;
    sc_timer_free(w->deadline);
    free(w);
}

/* Out of the map; its memory lives until the end of the turn (loop.h, d). */
static void unlink_wait(struct sc_wait *w)
{
    struct sc_wait *head = sc_map_get_id(w->r->waits, &w->id);
    struct sc_wait **p = &head;
    while (*p && *p != w)
        p = &(*p)->next;
    if (!*p)
        return;
    *p = w->next;
    if (head)
        (void)sc_map_set_id(w->r->waits, &w->id, head);
    else
        (void)sc_map_del_id(w->r->waits, &w->id);
    w->r->n_waits--;
    sc_timer_disarm(w->deadline);
    sc_loop_defer(w->r->d.loop, free_wait, w);
}

static void on_deadline(void *ctx)
{
    struct sc_wait *w = ctx;
    unlink_wait(w);
    w->done(w->ctx, NULL, NULL);
}

/* The record and, when it was answered, the answer; false while the end has not come. */
static bool ended(struct sc_router *r, const struct sc_id *id, struct sc_record *rec,
                  struct sc_record *reply, bool *ret_has_reply)
{
    struct sc_err err = SC_ERR_INIT;
    *ret_has_reply = false;
    if (r->d.spool.ops->get(r->d.spool.impl, id, false, rec, &err) < 0 ||
        rec->stage < SC_STAGE_REPLIED)
        return false;
    if (rec->stage == SC_STAGE_DEAD)
        return true;
    /* The receipt `replied` may come before the reply itself; then the reply wakes us again. */
    *ret_has_reply = r->d.spool.ops->in_reply_to(r->d.spool.impl, id, reply, &err) == SC_OK;
    return *ret_has_reply;
}

static void finish(struct sc_router *r, const struct sc_id *id)
{
    sc_auto_record struct sc_record rec, reply;
    bool has_reply;
    sc_record_init(&rec);
    sc_record_init(&reply);
    if (!ended(r, id, &rec, &reply, &has_reply))
        return;
    for (struct sc_wait *w; (w = sc_map_get_id(r->waits, id));) {
        unlink_wait(w);
        w->done(w->ctx, &rec, has_reply ? &reply : NULL);
    }
}

struct wake {
    struct sc_router *r;
    struct sc_id id;
    uint64_t n;
};

/* Whatever became of the commit: what the spool says now is true, unless a callback before this one
 * has just written more of it. Then another wake follows, after the commit of that. */
static void on_commit(void *ctx, const struct sc_err *err)
{
    struct wake *w = ctx;
    const struct sc_wait *first = sc_map_get_id(w->r->waits, &w->id);
    (void)err;
    if (first && first->wake == w->n)
        finish(w->r, &w->id);
    free(w);
}

void router_wake(struct sc_router *r, const struct sc_id *id)
{
    struct sc_wait *first = sc_map_get_id(r->waits, id);
    if (!first)
        return;
    struct wake *w = sc_xcalloc(1, sizeof *w);
    *w = (struct wake){ .r = r, .id = *id, .n = ++r->wakes };
    for (struct sc_wait *one = first; one; one = one->next)
        one->wake = w->n;
    r->d.spool.ops->after_commit(r->d.spool.impl, on_commit, w);
}

int sc_router_wait(struct sc_router *r, const struct sc_id *id, int64_t timeout_ms,
                   sc_wait_fn *done, void *ctx, struct sc_wait **ret, struct sc_err *err)
{
    if (r->n_waits >= SC_WAITERS_MAX) {
        (void)sc_fail(err, SC_EBUSY, "%d callers wait for replies already", SC_WAITERS_MAX);
        return sc_err_remedy(err, "send without waiting, and look with: sideclaw show ID");
    }
    struct sc_wait *w = sc_xcalloc(1, sizeof *w);
    *w = (struct sc_wait){ .r = r, .id = *id, .done = done, .ctx = ctx };
    w->deadline = sc_timer_new(r->d.loop, on_deadline, w);
    sc_timer_arm(w->deadline, timeout_ms);
    w->next = sc_map_get_id(r->waits, id);
    (void)sc_map_set_id(r->waits, id, w);
    r->n_waits++;
    router_wake(r, id); /* it may have had its end before somebody asked */
    if (ret)
        *ret = w;
    return SC_OK;
}

void sc_router_wait_cancel(struct sc_wait *w)
{
    if (w)
        unlink_wait(w);
}

static void free_list(void *value)
{
    for (struct sc_wait *w = value, *next; w; w = next) {
        next = w->next;
        free_wait(w);
    }
}

void router_free_waits(struct sc_router *r)
{
    sc_map_free(r->waits, free_list);
}
