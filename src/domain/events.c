/* What is said here: a queue to the mesh's log, one push under way at a time, so that the order
 * stands whatever fails. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events_internal.h"
#include "sideclaw/limits.h"
#include "sideclaw/map.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

enum { MINUTE_MS = 60 * 1000, AGAIN_MS = 1000 };

struct sc_events *sc_events_new(const struct sc_events_deps *deps)
{
    struct sc_events *e = sc_xcalloc(1, sizeof *e);
    e->d = *deps;
    e->rates = sc_map_new();
    e->deaths = sc_map_new();
    TAILQ_INIT(&e->waiting);
    LIST_INIT(&e->listeners);
    e->again = sc_timer_new(deps->loop, events_flush, e);
    return e;
}

void sc_events_free(struct sc_events *e)
{
    if (!e)
        return;
    for (struct said *s; (s = TAILQ_FIRST(&e->waiting));) {
        TAILQ_REMOVE(&e->waiting, s, link);
        sc_event_free(s->event);
        free(s);
    }
    for (size_t i = 0; i < SC_EVENTS_HEARD_MAX; i++)
        sc_event_free(e->heard[i].event);
    sc_timer_free(e->again);
    sc_map_free(e->rates, free);
    sc_map_free(e->deaths, free);
    free(e);
}

/* ---- to the log ---- */

static void drop_first(struct sc_events *e)
{
    struct said *s = TAILQ_FIRST(&e->waiting);
    TAILQ_REMOVE(&e->waiting, s, link);
    e->n.waiting--;
    sc_event_free(s->event);
    free(s);
}

static void on_pushed(void *ctx, const struct sc_err *err)
{
    struct sc_events *e = ctx;
    size_t n = e->under_way;
    e->under_way = 0;
    if (err) { /* `ready` tries again, or the timer when the link stands and only this failed */
        sc_log_debug(e->d.log, "events.push_failed", SC_S("reason", err->text));
        sc_timer_arm(e->again, AGAIN_MS);
        return;
    }
    e->n.pushed += n;
    while (n-- > 0)
        drop_first(e);
    events_flush(e);
}

void events_flush(void *events)
{
    struct sc_events *e = events;
    const struct sc_event_log *log = &e->d.sink;
    const struct sc_event *batch[SC_EVENTS_BATCH_MAX];
    const struct said *s;
    struct sc_err err = SC_ERR_INIT;
    size_t n = 0;
    if (e->under_way || !log->ops || !log->ops->is_up(log->impl))
        return;
    TAILQ_FOREACH (s, &e->waiting, link)
        if (n < SC_EVENTS_BATCH_MAX)
            batch[n++] = s->event;
    if (n == 0)
        return;
    e->under_way = n;
    if (log->ops->push(log->impl, batch, n, on_pushed, e, &err) < 0) {
        e->under_way = 0;
        sc_timer_arm(e->again, AGAIN_MS);
    }
}

void sc_events_ready(struct sc_events *e)
{
    events_flush(e);
}

/* The oldest that is not under way makes room: what is on its way may have arrived. */
static void make_room(struct sc_events *e)
{
    struct said *s = TAILQ_FIRST(&e->waiting);
    if (e->n.waiting < SC_EVENTS_WAITING_MAX)
        return;
    for (size_t i = 0; i < e->under_way; i++)
        s = TAILQ_NEXT(s, link);
    TAILQ_REMOVE(&e->waiting, s, link);
    e->n.waiting--;
    if (e->n.dropped++ % SC_EVENTS_WAITING_MAX == 0)
        sc_log_warn(e->d.log, "events.dropped", SC_I("total", e->n.dropped),
                    SC_S("instead", "the newer ones are kept until redis is back"));
    sc_event_free(s->event);
    free(s);
}

/* Heard here at once, and by the others when the log has it. */
static void say(struct sc_events *e, struct sc_event *take)
{
    events_hear(e, take);
    if (!e->d.sink.ops) {
        sc_event_free(take);
        return;
    }
    make_room(e);
    struct said *s = sc_xcalloc(1, sizeof *s);
    s->event = take;
    TAILQ_INSERT_TAIL(&e->waiting, s, link);
    e->n.waiting++;
    events_flush(e);
}

static struct sc_event *make(const struct sc_events *e, const char *agent, const char *kind,
                             const char *text)
{
    struct sc_event *ev = sc_xcalloc(1, sizeof *ev);
    ev->at = sc_clock_wall(&e->d.clock);
    ev->id = sc_id_new(ev->at);
    ev->kind = sc_xstrdup(kind);
    ev->agent = sc_xstrdup(agent);
    ev->gateway = sc_xstrdup(e->d.self_name);
    ev->text = sc_xstrndup(text, sc_utf8_prefix(text, SC_EVENT_TEXT_MAX));
    return ev;
}

/* ---- from agents ---- */

struct rate {
    int64_t minute;
    unsigned n;
};

static int check_rate(struct sc_events *e, const char *agent, struct sc_err *err)
{
    struct rate *r = sc_map_get(e->rates, agent);
    int64_t minute = sc_clock_mono(&e->d.clock).ms / MINUTE_MS;
    if (!r && sc_map_count(e->rates) >= SC_EVENTS_TRACKED_MAX) {
        sc_map_free(e->rates, free); /* so many names are none; everybody begins anew */
        e->rates = sc_map_new();
    }
    if (!r) {
        r = sc_xcalloc(1, sizeof *r);
        (void)sc_map_set(e->rates, agent, r);
    }
    if (r->minute != minute)
        *r = (struct rate){ .minute = minute };
    if (r->n >= SC_EVENTS_RATE_MAX) {
        (void)sc_fail(err, SC_EBUSY, "%s said %d things within a minute, which is the most", agent,
                      SC_EVENTS_RATE_MAX);
        return sc_err_remedy(err, "say what matters in one event, or wait a minute");
    }
    r->n++;
    return SC_OK;
}

int sc_events_push(struct sc_events *e, const char *agent, const char *kind, const char *text,
                   struct sc_id *ret_id, struct sc_err *err)
{
    int r = sc_name_check("kind", kind, err);
    size_t n = strlen(text);
    if (r < 0)
        return r;
    if (n == 0 || n > SC_EVENT_TEXT_MAX)
        return sc_fail(err, n ? SC_ETOOBIG : SC_EINVAL, "text: 1 to %d bytes, and it has %zu",
                       SC_EVENT_TEXT_MAX, n);
    r = check_rate(e, agent, err);
    if (r < 0)
        return r;
    struct sc_event *ev = make(e, agent, kind, text);
    *ret_id = ev->id;
    say(e, ev);
    return SC_OK;
}

/* ---- from the sidecar ---- */

void sc_events_note(struct sc_events *e, const char *kind, const char *once, const char *fmt, ...)
{
    char text[SC_ERR_TEXT_MAX * 2];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    struct sc_event *ev = make(e, NULL, kind, text);
    ev->once = once ? sc_xasprintf("%s:%s", kind, once) : NULL;
    say(e, ev);
}

struct deaths {
    int64_t minute;
    uint64_t untold;
};

void sc_events_died(struct sc_events *e, const char *kind, const char *what, const char *reason)
{
    struct deaths *d = sc_map_get(e->deaths, kind);
    int64_t minute = sc_clock_mono(&e->d.clock).ms / MINUTE_MS;
    bool first = !d;
    if (first) {
        d = sc_xcalloc(1, sizeof *d);
        (void)sc_map_set(e->deaths, kind, d);
    }
    if (!first && d->minute == minute) {
        d->untold++;
        return;
    }
    d->minute = minute;
    if (d->untold)
        sc_events_note(e, kind, NULL, "%s is dead: %.200s; and %llu before it", what, reason,
                       (unsigned long long)d->untold);
    else
        sc_events_note(e, kind, NULL, "%s is dead: %.200s", what, reason);
    d->untold = 0;
}

void sc_events_stats(const struct sc_events *e, struct sc_events_stats *ret)
{
    *ret = e->n;
}
