/* Who reads waits for Redis's word, but not long: another sidecar, or another program, may have
 * written a moment ago. */
#include <stdlib.h>

#include "memory_internal.h"
#include "sideclaw/mem.h"

enum { LOOK_MS = 1000 };

struct sc_memory_look {
    struct sc_memory *m;
    char *agent;                /* NULL: it waits for a key */
    struct memory_batch *batch; /* under way; NULL: it waits for the agent */
    sc_memory_look_fn *done;    /* NULL: nobody waits any more */
    void *ctx;
    struct sc_timer *timer;
    LIST_ENTRY(sc_memory_look) link;
};

static void look_free(struct sc_memory_look *l)
{
    LIST_REMOVE(l, link);
    l->m->n_looks--;
    sc_timer_free(l->timer);
    sc_memory_batch_free(l->batch);
    free(l->agent);
    free(l);
}

/* Tells whom it concerns; the look stays as long as Redis owes it an answer. */
static void tell(struct sc_memory_look *l, enum sc_memory_view view)
{
    sc_memory_look_fn *done = sc_steal(&l->done);
    void *ctx = l->ctx;
    sc_timer_disarm(l->timer);
    if (!l->batch)
        look_free(l);
    if (done)
        done(ctx, view);
}

static void on_late(void *ctx)
{
    tell(ctx, SC_MEMORY_COPY);
}

static void on_answer(void *ctx, const struct sc_memory_answer *a, size_t n,
                      const struct sc_err *err)
{
    struct sc_memory_look *l = ctx;
    enum sc_memory_view view = err || n == 0                     ? SC_MEMORY_COPY
                               : a->verdict == SC_MEMORY_STRANGE ? SC_MEMORY_FOREIGN
                                                                 : SC_MEMORY_FRESH;
    if (n > 0)
        sc_memory_answer(l->m, a);
    struct sc_memory *m = l->m;
    sc_memory_batch_free(sc_steal(&l->batch));
    tell(l, view);
    sc_memory_kick(m);
}

static int ask_key(struct sc_memory_look *l, const char *agent, const char *key)
{
    struct sc_memory *m = l->m;
    struct sc_memory_entry e;
    if (m->d.store.ops->get(m->d.store.impl, agent, key, &e, NULL, NULL) < 0)
        e = (struct sc_memory_entry){ .agent = agent, .key = key };
    l->batch = sc_memory_batch_new(agent);
    sc_memory_batch_add(l->batch, &e);
    sc_memory_batch_seal(l->batch);
    const struct sc_memory_batch b = sc_memory_ask(m, l->batch);
    return m->d.remote.ops->exchange(m->d.remote.impl, &b, on_answer, l, NULL);
}

struct sc_memory_look *sc_memory_look(struct sc_memory *m, const char *agent, const char *key,
                                      sc_memory_look_fn *done, void *ctx, bool *ret_fresh)
{
    const struct followed *f = sc_memory_follow(m, agent);
    *ret_fresh = !key && f && f->compared;
    if (*ret_fresh || !f || !sc_memory_is_up(m) || m->n_looks >= SC_MEMORY_LOOKS_MAX)
        return NULL;
    struct sc_memory_look *l = sc_xcalloc(1, sizeof *l);
    *l = (struct sc_memory_look){ .m = m, .done = done, .ctx = ctx };
    l->timer = sc_timer_new(m->d.loop, on_late, l);
    LIST_INSERT_HEAD(&m->looks, l, link);
    m->n_looks++;
    if (key && ask_key(l, agent, key) < 0) {
        look_free(l);
        return NULL;
    }
    if (!key)
        l->agent = sc_xstrdup(agent);
    sc_timer_arm(l->timer, LOOK_MS);
    return l;
}

void sc_memory_look_cancel(struct sc_memory_look *l)
{
    l->done = NULL;
    sc_timer_disarm(l->timer);
    if (!l->batch)
        look_free(l);
}

void sc_memory_looks_end(struct sc_memory *m, const char *agent)
{
    struct sc_memory_look *l = LIST_FIRST(&m->looks), *next;
    for (; l; l = next) {
        next = LIST_NEXT(l, link);
        if (l->agent && (!agent || sc_streq(l->agent, agent)))
            tell(l, agent ? SC_MEMORY_FRESH : SC_MEMORY_COPY);
    }
}

void sc_memory_looks_free(struct sc_memory *m)
{
    struct sc_memory_look *l = LIST_FIRST(&m->looks), *next;
    for (; l; l = next) {
        next = LIST_NEXT(l, link);
        look_free(l);
    }
}
