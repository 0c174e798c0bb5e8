#include "sideclaw/prober.h"

#include <stdlib.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "sideclaw/probe.h"

/* A deadline that fires this much late says that we slept or had no processor, and nothing of the
 * gateway: its answer may be waiting. */
enum { OUR_DELAY_MS = 1000 };

struct look {
    struct sc_prober *p;
    enum sc_check_id id;
    struct sc_probe probe;
    struct sc_timer *timer; /* the next look, or the deadline of this one */
    struct sc_check *check; /* under way */
    sc_mono started;
    sc_tick began;   /* the same, for how long it took */
    sc_mono good;    /* when the last look began that was answered well */
    sc_mono failing; /* when the second of the present row of failures began */
    uint64_t answers[SC_ANSWERS];
    struct sc_histogram took;
    bool again; /* hurried while one was under way */
};

struct sc_prober {
    struct sc_prober_deps d;
    struct sc_life life;
    struct look looks[SC_CHECKS];
};

static sc_mono now(const struct sc_prober *p)
{
    return sc_clock_mono(&p->d.clock);
}

static bool is_silent(const struct sc_prober *p, enum sc_check_id id)
{
    const struct sc_probe *probe = &p->looks[id].probe;
    return probe->state == SC_SIGNAL_BAD && probe->last == SC_ANSWER_SILENT;
}

/* Only what /healthz answered to a question put when one call had failed already counts: a gateway
 * that just froze answered the one before. */
static bool answers_http(const struct sc_prober *p)
{
    const struct look *live = &p->looks[SC_CHECK_LIVE];
    return live->probe.last == SC_ANSWER_GOOD && live->good.ms > p->looks[SC_CHECK_RPC].failing.ms;
}

static void tell_silent(struct sc_prober *p)
{
    if (!p->d.silent || !is_silent(p, SC_CHECK_RPC))
        return;
    if (is_silent(p, SC_CHECK_LIVE) || answers_http(p))
        p->d.silent(p->d.ctx, !is_silent(p, SC_CHECK_LIVE));
}

static bool is_failure(enum sc_check_answer a)
{
    return a == SC_ANSWER_BAD || a == SC_ANSWER_SILENT || a == SC_ANSWER_REFUSED;
}

static void show(const struct look *l, const struct sc_check_result *r)
{
    const struct sc_probe_rule *rule = sc_probe_rule(l->id);
    struct sc_board *board = l->p->d.board;
    if (is_failure(r->answer))
        sc_board_error(board, rule->signal, r->text);
    if (l->probe.state == SC_SIGNAL_OK && r->answer != SC_ANSWER_GOOD)
        return; /* a failure that hysteresis forgives must not stand beside "ok" */
    sc_board_set(board, rule->signal, l->probe.state, r->text, r->remedy);
}

static void plan(struct look *l, enum sc_check_answer a)
{
    int64_t spent = now(l->p).ms - l->started.ms;
    int64_t pause = sc_probe_pause(sc_probe_rule(l->id), a) - spent;
    sc_timer_arm(l->timer, l->again || pause < 0 ? 0 : pause);
    l->again = false;
}

/* What could not be asked took no time of anybody's. */
static void count(struct look *l, enum sc_check_answer a)
{
    l->answers[a]++;
    if (a != SC_ANSWER_NONE && a != SC_ANSWER_OFF)
        sc_histogram_since(&l->took, &l->p->d.clock, l->began);
}

static void take(struct look *l, const struct sc_check_result *r)
{
    struct sc_prober *p = l->p;
    count(l, r->answer);
    sc_life_take(&p->life, l->id, r, now(p));
    bool may_start = sc_life_may_start(&p->life, r->answer, now(p));
    if (r->answer == SC_ANSWER_GOOD)
        l->good = l->started;
    else if (l->probe.bad == 1)
        l->failing = l->started;
    (void)sc_probe_take(&l->probe, sc_probe_rule(l->id), r->answer, may_start);
    show(l, r);
    plan(l, r->answer);
    if (l->id == SC_CHECK_LIVE || l->id == SC_CHECK_RPC)
        tell_silent(p);
}

static void on_result(void *ctx, const struct sc_check_result *r)
{
    struct look *l = ctx;
    l->check = NULL;
    sc_timer_disarm(l->timer);
    take(l, r);
}

static void start(struct look *l)
{
    struct sc_prober *p = l->p;
    int64_t deadline = sc_probe_rule(l->id)->deadline_ms;
    l->started = now(p);
    l->began = sc_clock_tick(&p->d.clock);
    l->check = p->d.checks.start(p->d.checks.impl, l->id, deadline, on_result, l);
    sc_timer_arm(l->timer, deadline);
}

static void on_deadline(struct look *l)
{
    struct sc_prober *p = l->p;
    const struct sc_probe_rule *rule = sc_probe_rule(l->id);
    struct sc_check_result r = { .answer = SC_ANSWER_SILENT };
    p->d.checks.cancel(p->d.checks.impl, sc_steal(&l->check));
    if (now(p).ms - l->started.ms > rule->deadline_ms + OUR_DELAY_MS) {
        sc_log_debug(p->d.log, "health.late", SC_S("probe", rule->name));
        sc_timer_arm(l->timer, 0);
        return;
    }
    (void)snprintf(r.text, sizeof r.text, "no answer within %lld ms", (long long)rule->deadline_ms);
    (void)snprintf(r.remedy, sizeof r.remedy, "look at the gateway's log, or restart it");
    take(l, &r);
}

static void on_timer(void *ctx)
{
    struct look *l = ctx;
    if (l->check)
        on_deadline(l);
    else
        start(l);
}

struct sc_prober *sc_prober_new(const struct sc_prober_deps *deps)
{
    struct sc_prober *p = sc_xcalloc(1, sizeof *p);
    p->d = *deps;
    for (size_t i = 0; i < SC_CHECKS; i++) {
        struct look *l = &p->looks[i];
        l->p = p;
        l->id = (enum sc_check_id)i;
        l->timer = sc_timer_new(deps->loop, on_timer, l);
        sc_histogram_init(&l->took, &sc_scale_probe);
    }
    return p;
}

void sc_prober_start(struct sc_prober *p)
{
    sc_life_begin(&p->life, p->d.start_grace_ms, now(p));
    for (size_t i = 0; i < SC_CHECKS; i++)
        sc_timer_arm(p->looks[i].timer, 0);
}

/* What costs nothing, and what says whether it takes requests. */
static bool is_urgent(size_t id)
{
    return id == SC_CHECK_WS || id == SC_CHECK_LIVE || id == SC_CHECK_STARTUP;
}

void sc_prober_hurry(struct sc_prober *p)
{
    for (size_t i = 0; i < SC_CHECKS; i++) {
        struct look *l = &p->looks[i];
        if (l->check)
            l->again = true;
        else if (is_urgent(i) || l->probe.state != SC_SIGNAL_OK)
            sc_timer_arm(l->timer, 0);
    }
}

void sc_prober_view(const struct sc_prober *p, enum sc_check_id id, struct sc_prober_view *ret)
{
    const struct look *l = &p->looks[id];
    *ret = (struct sc_prober_view){ .name = sc_probe_rule(id)->name,
                                    .good = l->probe.last == SC_ANSWER_GOOD &&
                                            l->answers[SC_ANSWER_GOOD],
                                    .took = &l->took };
    memcpy(ret->answers, l->answers, sizeof ret->answers);
}

void sc_prober_free(struct sc_prober *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < SC_CHECKS; i++) {
        p->d.checks.cancel(p->d.checks.impl, sc_steal(&p->looks[i].check));
        sc_timer_free(p->looks[i].timer);
    }
    free(p);
}
