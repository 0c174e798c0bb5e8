#include "sideclaw/drain.h"

#include <stdlib.h>

#include "sideclaw/mem.h"

enum {
    LOOK_MS = 200, /* only while draining: a counter costs less than a hook wherever a turn ends */
    ANSWER_MS = 1000 /* after a turn: whoever asked gets its answer before we may be stopped */
};

struct sc_drain {
    struct sc_drain_deps d;
    struct sc_timer *timer;
    enum sc_drain_phase phase;
    char *why[SC_DRAIN_CAUSES]; /* NULL: does not ask */
    sc_mono began, ran;         /* ran: a turn, as far as was looked; 0: none */
    sc_wall since;
    struct sc_drain_waiter *waiters;
};

const char *sc_drain_cause_name(enum sc_drain_cause c)
{
    static const char *const names[SC_DRAIN_CAUSES] = { [SC_DRAIN_OPERATOR] = "operator",
                                                        [SC_DRAIN_CONSUL] = "consul",
                                                        [SC_DRAIN_GATEWAY] = "gateway",
                                                        [SC_DRAIN_SIGNAL] = "signal",
                                                        [SC_DRAIN_STOP] = "stop" };
    return names[c];
}

const char *sc_drain_phase_name(enum sc_drain_phase p)
{
    static const char *const names[] = { [SC_DRAIN_SERVING] = "serving",
                                         [SC_DRAIN_LEAVING] = "leaving",
                                         [SC_DRAIN_HANDING_ON] = "handing_on",
                                         [SC_DRAIN_READY] = "ready" };
    return names[p];
}

/* A waiter may come or go from inside another one's word. */
static void tell_waiters(struct sc_drain *d)
{
    struct sc_drain_waiter *w;
    while ((w = d->waiters)) {
        d->waiters = w->next;
        w->over(w->ctx);
    }
}

static void enter(struct sc_drain *d, enum sc_drain_phase phase)
{
    d->phase = phase;
    sc_log_info(d->d.log, "drain.phase", SC_S("phase", sc_drain_phase_name(phase)),
                SC_I("ms", sc_clock_mono(&d->d.clock).ms - d->began.ms));
    d->d.changed(d->d.ctx);
    if (phase == SC_DRAIN_READY || phase == SC_DRAIN_SERVING)
        tell_waiters(d);
}

static unsigned turns(const struct sc_drain *d)
{
    return d->d.turns(d->d.ctx);
}

static unsigned leases(const struct sc_drain *d)
{
    return d->d.leases ? d->d.leases(d->d.ctx) : 0;
}

static bool is_noticed(const struct sc_drain *d, sc_mono now)
{
    return now.ms - d->began.ms >= d->d.notice_ms;
}

static bool is_answered(const struct sc_drain *d, sc_mono now)
{
    return !d->ran.ms || now.ms - d->ran.ms >= ANSWER_MS;
}

/* Also when it was further already: a turn of an earlier life is found again once the gateway
 * answers, and then "ready" was said too early. */
static enum sc_drain_phase next_phase(struct sc_drain *d)
{
    sc_mono now = sc_clock_mono(&d->d.clock);
    if (turns(d) > 0)
        d->ran = now;
    if (!is_noticed(d, now) || !is_answered(d, now))
        return SC_DRAIN_LEAVING;
    if (d->phase == SC_DRAIN_LEAVING)
        return SC_DRAIN_HANDING_ON;
    return leases(d) > 0 ? SC_DRAIN_HANDING_ON : SC_DRAIN_READY;
}

static void on_look(void *ctx)
{
    struct sc_drain *d = ctx;
    enum sc_drain_phase next = next_phase(d);
    sc_timer_arm(d->timer, next == SC_DRAIN_HANDING_ON && d->phase != next ? 0 : LOOK_MS);
    if (next != d->phase)
        enter(d, next);
}

struct sc_drain *sc_drain_new(const struct sc_drain_deps *deps)
{
    struct sc_drain *d = sc_xcalloc(1, sizeof *d);
    d->d = *deps;
    d->timer = sc_timer_new(deps->loop, on_look, d);
    return d;
}

void sc_drain_free(struct sc_drain *d)
{
    if (!d)
        return;
    sc_timer_free(d->timer);
    for (size_t i = 0; i < SC_DRAIN_CAUSES; i++)
        free(d->why[i]);
    free(d);
}

static bool is_asked(const struct sc_drain *d)
{
    for (size_t i = 0; i < SC_DRAIN_CAUSES; i++)
        if (d->why[i])
            return true;
    return false;
}

static void begin(struct sc_drain *d)
{
    d->began = sc_clock_mono(&d->d.clock);
    d->ran = (sc_mono){ 0 };
    d->since = sc_clock_wall(&d->d.clock);
    sc_timer_arm(d->timer, 0);
    enter(d, SC_DRAIN_LEAVING);
}

static void end(struct sc_drain *d)
{
    d->since = (sc_wall){ 0 };
    sc_timer_disarm(d->timer);
    enter(d, SC_DRAIN_SERVING);
}

void sc_drain_set(struct sc_drain *d, enum sc_drain_cause cause, const char *why)
{
    bool before = is_asked(d);
    if ((!why && !d->why[cause]) || (why && sc_streq(d->why[cause], why)))
        return;
    sc_set_str(&d->why[cause], why);
    sc_log_info(d->d.log, why ? "drain.asked" : "drain.taken_back",
                SC_S("by", sc_drain_cause_name(cause)), SC_S("why", why));
    if (!before)
        begin(d);
    else if (!is_asked(d))
        end(d);
    else
        d->d.changed(d->d.ctx);
}

void sc_drain_view(const struct sc_drain *d, struct sc_drain_view *ret)
{
    *ret = (struct sc_drain_view){ .phase = d->phase, .since = d->since, .turns = turns(d) };
    if (d->phase >= SC_DRAIN_HANDING_ON)
        ret->leases = leases(d);
    for (size_t i = 0; i < SC_DRAIN_CAUSES; i++)
        ret->why[i] = d->why[i];
}

bool sc_drain_serves(const struct sc_drain *d)
{
    return !d || d->phase == SC_DRAIN_SERVING;
}

void sc_drain_wait(struct sc_drain *d, struct sc_drain_waiter *w)
{
    w->next = d->waiters;
    d->waiters = w;
}

void sc_drain_unwait(struct sc_drain *d, struct sc_drain_waiter *w)
{
    for (struct sc_drain_waiter **p = &d->waiters; *p; p = &(*p)->next) {
        if (*p != w)
            continue;
        *p = w->next;
        return;
    }
}

bool sc_drain_disk_low(bool was_low, int64_t free_bytes, int64_t bound)
{
    return bound > 0 && free_bytes < (was_low ? bound + bound / 4 : bound);
}
