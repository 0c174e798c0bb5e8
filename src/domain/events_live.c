/* What is heard here: our own events at once, and everybody's while anybody listens. */
#include <stdlib.h>

#include "events_internal.h"
#include "sideclaw/mem.h"

void events_hear(struct sc_events *e, const struct sc_event *ev)
{
    struct heard *h = &e->heard[++e->last % SC_EVENTS_HEARD_MAX];
    struct sc_event_listener *l, *next;
    e->n.heard++;
    sc_event_free(h->event);
    *h = (struct heard){ .seq = e->last, .event = sc_event_copy(ev) };
    for (l = LIST_FIRST(&e->listeners); l; l = next) {
        next = LIST_NEXT(l, link);
        l->event(l->ctx, h->seq, ev);
    }
}

/* Ours come back from the channel; so may those of a push that was repeated. */
static bool is_known(const struct sc_events *e, const struct sc_event *ev)
{
    for (size_t i = 0; i < SC_EVENTS_HEARD_MAX && !sc_id_is_zero(&ev->id); i++)
        if (e->heard[i].event && sc_id_eq(&e->heard[i].event->id, &ev->id))
            return true;
    return false;
}

void sc_events_heard(struct sc_events *e, const struct sc_event *ev)
{
    if (!is_known(e, ev))
        events_hear(e, ev);
}

void sc_events_listen(struct sc_events *e, struct sc_event_listener *l)
{
    LIST_INSERT_HEAD(&e->listeners, l, link);
}

void sc_events_follow(struct sc_events *e)
{
    if (!e->following && e->d.sink.ops)
        e->d.sink.ops->follow(e->d.sink.impl);
    e->following = true;
}

void sc_events_unlisten(struct sc_event_listener *l)
{
    LIST_REMOVE(l, link);
}

uint64_t sc_events_last(const struct sc_events *e)
{
    return e->last;
}

void sc_events_since(const struct sc_events *e, uint64_t seq, sc_event_fn *each, void *ctx)
{
    uint64_t kept = e->last > SC_EVENTS_HEARD_MAX ? e->last - SC_EVENTS_HEARD_MAX : 0;
    for (uint64_t s = seq > kept ? seq + 1 : kept + 1; s <= e->last; s++)
        each(ctx, e->heard[s % SC_EVENTS_HEARD_MAX].event);
}

/* ---- the list ---- */

struct listing {
    struct sc_events *e;
    sc_event_fn *each;
    sc_event_done_fn *done;
    void *ctx;
    size_t left;
    struct sc_err err;
};

static void show(struct listing *l, const struct sc_event *ev)
{
    if (l->left == 0)
        return;
    l->left--;
    l->each(l->ctx, ev);
}

static void on_each(void *ctx, const struct sc_event *ev)
{
    show(ctx, ev);
}

static void finish(struct listing *l, const struct sc_err *err)
{
    l->done(l->ctx, err);
    free(l);
}

static void on_listed(void *ctx, const struct sc_err *err)
{
    finish(ctx, err);
}

static void show_heard(struct listing *l)
{
    const struct sc_events *e = l->e;
    for (uint64_t s = e->last; s > 0 && s + SC_EVENTS_HEARD_MAX > e->last; s--)
        show(l, e->heard[s % SC_EVENTS_HEARD_MAX].event);
}

/* Those under way are in the log by the time it answers. */
static void show_waiting(struct listing *l)
{
    size_t n = l->e->n.waiting - l->e->under_way;
    const struct said *s = TAILQ_LAST(&l->e->waiting, said_list);
    for (; s && n > 0; n--, s = TAILQ_PREV(s, said_list, link))
        show(l, s->event);
}

static void on_away(void *ctx)
{
    struct listing *l = ctx;
    show_heard(l);
    finish(l, l->e->d.sink.ops ? &l->err : NULL);
}

void sc_events_list(struct sc_events *e, size_t limit, sc_event_fn *each, sc_event_done_fn *done,
                    void *ctx)
{
    const struct sc_event_log *log = &e->d.sink;
    struct listing *l = sc_xcalloc(1, sizeof *l);
    *l = (struct listing){ .e = e, .each = each, .done = done, .ctx = ctx, .left = limit };
    (void)sc_fail(&l->err, SC_EAWAY, "redis is away: only what was heard here is shown");
    bool up = log->ops && log->ops->is_up(log->impl);
    if (up && log->ops->list(log->impl, limit, on_each, on_listed, l, &l->err) == SC_OK)
        show_waiting(l); /* the log answers later (loop.h, a) */
    else
        sc_loop_defer(e->d.loop, on_away, l);
}
