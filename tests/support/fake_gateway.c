#include "support/fake_gateway.h"

#include <stdlib.h>

#include "sideclaw/map.h"
#include "sideclaw/mem.h"

enum { KEY_MS = 5 * 60 * 1000 }; /* OPENCLAW 4a */

struct news {
    struct news *next;
    int64_t at;
    struct fake_turn *turn;
    enum sc_turn_event ev;
};

struct fake_gateway {
    const int64_t *now;
    struct prng *prng;
    struct sc_gateway_events events;
    struct fake_gateway_spy spy;
    struct fuse *fuse;
    bool attached, ignores_resume;
    int64_t held_until;
    unsigned continues;
    enum sc_gateway_state state;
    enum fake_gateway_mode mode;
    int64_t min_ms, max_ms;
    unsigned again, failed;
    int refusal;
    struct fake_turn **turns;
    size_t n, cap;
    struct sc_map *by_id;
    struct sc_map *open; /* ids the sidecar waits for */
    struct news *news;   /* by time, then in order of arrival */
    unsigned careless, running, most_running;
};

struct fake_gateway *fake_gateway_new(const int64_t *now, struct prng *prng)
{
    struct fake_gateway *g = sc_xcalloc(1, sizeof *g);
    g->now = now;
    g->prng = prng;
    g->by_id = sc_map_new();
    g->open = sc_map_new();
    return g;
}

void fake_gateway_free(struct fake_gateway *g)
{
    if (!g)
        return;
    for (struct news *n = g->news, *next; n; n = next) {
        next = n->next;
        free(n);
    }
    for (size_t i = 0; i < g->n; i++) {
        struct fake_turn *t = g->turns[i];
        free(t->agent);
        free(t->from_agent);
        free(t->from_gateway);
        free(t->body);
        free(t);
    }
    free(g->turns);
    sc_map_free(g->by_id, NULL);
    sc_map_free(g->open, NULL);
    free(g);
}

static void later(struct fake_gateway *g, struct fake_turn *t, enum sc_turn_event ev, int64_t ms)
{
    struct news *it = sc_xcalloc(1, sizeof *it), **p = &g->news;
    *it = (struct news){ .at = *g->now + ms, .turn = t, .ev = ev };
    if (it->at < g->held_until)
        it->at = g->held_until;
    while (*p && (*p)->at <= it->at)
        p = &(*p)->next;
    it->next = *p;
    *p = it;
}

static struct fake_turn *remember(struct fake_gateway *g, const struct sc_turn *turn)
{
    char key[SC_ID_TEXT_SIZE];
    sc_id_format(&turn->id, key);
    struct fake_turn *t = sc_map_get(g->by_id, key);
    if (t && !sc_id_eq(&t->run, &turn->run)) { /* another run of the same message */
        t->run = turn->run;
        t->running = t->done = false;
        return t;
    }
    if (t) {
        if (!turn->resume && getenv("SC_TEST_LOG"))
            (void)fprintf(stderr, "careless at %lld id=%s\n", (long long)*g->now, key);
        g->careless += !turn->resume;
        return t;
    }
    t = sc_xcalloc(1, sizeof *t);
    *t = (struct fake_turn){ .id = turn->id,
                             .run = turn->run,
                             .agent = sc_xstrdup(turn->agent),
                             .from_agent = sc_xstrdup(turn->from_agent),
                             .from_gateway = sc_xstrdup(turn->from_gateway),
                             .body = sc_xstrdup(turn->body) };
    if (g->n == g->cap) {
        g->cap = g->cap ? g->cap * 2 : 16;
        g->turns = sc_xrealloc(g->turns, g->cap * sizeof(struct fake_turn *));
    }
    g->turns[g->n++] = t;
    (void)sc_map_set(g->by_id, key, t);
    return t;
}

static void begin(struct fake_gateway *g, struct fake_turn *t)
{
    g->running += !t->running;
    t->running = t->in_history = true;
    t->done = false;
    t->runs++;
    t->key_until = *g->now + KEY_MS;
    if (g->spy.ran)
        g->spy.ran(g->spy.ctx, t);
    if (g->running > g->most_running)
        g->most_running = g->running;
    later(g, t, SC_TURN_ACCEPTED, 0);
    later(g, t, SC_TURN_STARTED, 0);
}

/* What becomes of a message it never ran. */
static void decide(struct fake_gateway *g, struct fake_turn *t)
{
    int64_t ms = prng_range(g->prng, g->min_ms, g->max_ms);
    bool again = g->mode == FAKE_GW_AGAIN || prng_chance(g->prng, g->again);
    bool failed = g->mode == FAKE_GW_FAILED || prng_chance(g->prng, g->failed);
    if (g->mode == FAKE_GW_MANUAL)
        return;
    if (again) {
        later(g, t, SC_TURN_AGAIN, ms);
        return;
    }
    begin(g, t);
    if (g->mode != FAKE_GW_NEVER)
        later(g, t, failed ? SC_TURN_FAILED : SC_TURN_REPLIED, ms);
}

/* Who does not ask it to look first trusts the key, which it may have forgotten. */
static bool knows(const struct fake_gateway *g, const struct fake_turn *t, bool resume)
{
    return (t->done || t->running) && ((resume && !g->ignores_resume) || *g->now <= t->key_until);
}

static int run(void *impl, const struct sc_turn *turn, struct sc_err *err)
{
    struct fake_gateway *g = impl;
    char key[SC_ID_TEXT_SIZE];
    if (fuse_out(g->fuse))
        return sc_fail(err, SC_EAWAY, "fake: who asks is dead");
    if (g->refusal)
        return sc_fail(err, (enum sc_code)g->refusal, "fake: refused");
    if (g->state != SC_GW_READY)
        return sc_fail(err, SC_EAWAY, "fake: the gateway is %s", sc_gateway_state_name(g->state));
    struct fake_turn *t = remember(g, turn);
    t->calls++;
    t->resume = turn->resume;
    sc_id_format(&turn->id, key);
    sc_assert(!sc_map_set(g->open, key, t)); /* one call at a time for one message */
    if (g->spy.handed)
        g->spy.handed(g->spy.ctx, turn);
    if (!knows(g, t, turn->resume))
        decide(g, t);
    else if (t->done)
        later(g, t, t->outcome, 0); /* found in the history */
    return SC_OK;
}

static enum sc_gateway_state state(const void *impl)
{
    const struct fake_gateway *g = impl;
    return g->state;
}

struct sc_gateway fake_gateway_port(struct fake_gateway *g)
{
    static const struct sc_gateway_ops ops = { .run = run, .state = state };
    return (struct sc_gateway){ .ops = &ops, .impl = g };
}

static bool is_final(enum sc_turn_event ev)
{
    return ev >= SC_TURN_REPLIED;
}

/* Tell the sidecar, if it listens and waits for this one. */
static bool tell(struct fake_gateway *g, const struct fake_turn *t, enum sc_turn_event ev,
                 const char *text)
{
    char key[SC_ID_TEXT_SIZE];
    sc_id_format(&t->id, key);
    if (!g->attached || !sc_map_get(g->open, key))
        return false;
    if (is_final(ev))
        (void)sc_map_del(g->open, key);
    g->events.turn(g->events.ctx, &t->id, ev, text);
    return true;
}

static void finish(struct fake_gateway *g, struct fake_turn *t, enum sc_turn_event ev)
{
    if (ev == SC_TURN_AGAIN || !is_final(ev) || t->done)
        return;
    g->running -= t->running;
    t->running = false;
    t->done = true;
    t->outcome = ev;
}

static bool happen(struct fake_gateway *g, struct fake_turn *t, enum sc_turn_event ev)
{
    sc_auto_free char *answer = sc_xasprintf("re: %s", t->body);
    finish(g, t, ev);
    return tell(g, t, ev, ev == SC_TURN_REPLIED ? answer : is_final(ev) ? "fake reason" : NULL);
}

int64_t fake_gateway_next(const struct fake_gateway *g)
{
    return g->news ? g->news->at : INT64_MAX;
}

bool fake_gateway_fire(struct fake_gateway *g)
{
    struct news n = *g->news;
    free(g->news);
    g->news = n.next;
    return happen(g, n.turn, n.ev);
}

void fake_gateway_say(struct fake_gateway *g, const struct sc_id *id, enum sc_turn_event ev,
                      const char *text)
{
    char key[SC_ID_TEXT_SIZE];
    sc_id_format(id, key);
    struct fake_turn *t = sc_map_get(g->by_id, key);
    sc_assert(t);
    if (ev == SC_TURN_STARTED && !t->running) {
        t->running = t->in_history = true;
        t->key_until = *g->now + KEY_MS;
        t->runs++;
        g->running++;
    }
    finish(g, t, ev);
    (void)tell(g, t, ev, text);
}

static void forget_open(struct fake_gateway *g)
{
    sc_map_free(g->open, NULL);
    g->open = sc_map_new();
}

void fake_gateway_attach(struct fake_gateway *g, const struct sc_gateway_events *events,
                         struct fuse *fuse)
{
    forget_open(g);
    g->fuse = fuse;
    g->attached = events != NULL;
    if (events)
        g->events = *events;
}

static bool lose_one(void *ctx, const char *key, void *value)
{
    struct fake_gateway *g = ctx;
    const struct fake_turn *t = value;
    (void)key;
    (void)tell(g, t, SC_TURN_AGAIN, "fake: the connection is lost");
    return true;
}

/* Turns that a crash interrupted, and that left their trace, go on. */
static void take_up(struct fake_gateway *g)
{
    for (size_t i = 0; i < g->n; i++) {
        struct fake_turn *t = g->turns[i];
        if (!t->in_history || t->done || t->running)
            continue;
        t->running = true;
        g->running++;
        later(g, t, SC_TURN_REPLIED, prng_range(g->prng, g->min_ms, g->max_ms));
    }
}

void fake_gateway_set_state(struct fake_gateway *g, enum sc_gateway_state s)
{
    if (g->state == s)
        return;
    g->state = s;
    if (s == SC_GW_READY)
        take_up(g);
    if (s != SC_GW_READY)
        sc_map_each(g->open, lose_one, g);
    if (g->attached && g->events.state)
        g->events.state(g->events.ctx, s, "", "");
}

void fake_gateway_crash(struct fake_gateway *g)
{
    for (struct news *n = g->news, *next; n; n = next) {
        next = n->next;
        free(n);
    }
    g->news = NULL;
    for (size_t i = 0; i < g->n; i++) {
        struct fake_turn *t = g->turns[i];
        if (t->running && !prng_chance(g->prng, g->continues)) {
            t->runs = 0; /* no trace of it is left: running it again is right */
            t->in_history = false;
        }
        t->running = false;
        t->key_until = 0;
    }
    g->running = 0;
    fake_gateway_set_state(g, SC_GW_ABSENT);
}

void fake_gateway_set_continues(struct fake_gateway *g, unsigned permille)
{
    g->continues = permille;
}

void fake_gateway_hold(struct fake_gateway *g, int64_t until)
{
    g->held_until = until;
    for (struct news *n = g->news; n && n->at < until; n = n->next)
        n->at = until;
}

void fake_gateway_ignore_resume(struct fake_gateway *g)
{
    g->ignores_resume = true;
}

void fake_gateway_watch(struct fake_gateway *g, const struct fake_gateway_spy *spy)
{
    g->spy = *spy;
}

void fake_gateway_set_mode(struct fake_gateway *g, enum fake_gateway_mode mode)
{
    g->mode = mode;
}

void fake_gateway_set_pace(struct fake_gateway *g, int64_t min_ms, int64_t max_ms, unsigned again,
                           unsigned failed)
{
    g->min_ms = min_ms;
    g->max_ms = max_ms;
    g->again = again;
    g->failed = failed;
}

void fake_gateway_set_refusal(struct fake_gateway *g, int code)
{
    g->refusal = code;
}

size_t fake_gateway_count(const struct fake_gateway *g)
{
    return g->n;
}

const struct fake_turn *fake_gateway_turn(const struct fake_gateway *g, size_t i)
{
    return g->turns[i];
}

const struct fake_turn *fake_gateway_find(const struct fake_gateway *g, const struct sc_id *id)
{
    char key[SC_ID_TEXT_SIZE];
    sc_id_format(id, key);
    return sc_map_get(g->by_id, key);
}

unsigned fake_gateway_careless(const struct fake_gateway *g)
{
    return g->careless;
}

unsigned fake_gateway_running(const struct fake_gateway *g)
{
    return g->running;
}

unsigned fake_gateway_most_running(const struct fake_gateway *g)
{
    return g->most_running;
}
