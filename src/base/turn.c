#include "turn.h"

#include <stdlib.h>

#include "sideclaw/mem.h"

void sc_turn_defer(struct sc_turn *t, sc_loop_fn *fn, void *ctx)
{
    if (t->n_deferred == t->cap_deferred) {
        t->cap_deferred = t->cap_deferred ? t->cap_deferred * 2 : 16;
        t->deferred = sc_xrealloc(t->deferred, t->cap_deferred * sizeof *t->deferred);
    }
    t->deferred[t->n_deferred++] = (struct sc_deferred){ .fn = fn, .ctx = ctx };
}

void sc_turn_undefer(struct sc_turn *t, sc_loop_fn *fn, void *ctx)
{
    for (size_t i = t->next_deferred; i < t->n_deferred; i++)
        if (t->deferred[i].fn == fn && t->deferred[i].ctx == ctx)
            t->deferred[i].fn = NULL;
}

void sc_turn_hook_add(struct sc_turn *t, struct sc_turn_hook *hook)
{
    struct sc_turn_hook **p = &t->hooks;
    while (*p)
        p = &(*p)->next;
    hook->next = NULL;
    *p = hook;
}

void sc_turn_hook_del(struct sc_turn *t, struct sc_turn_hook *hook)
{
    if (t->next_hook == hook)
        t->next_hook = hook->next;
    for (struct sc_turn_hook **p = &t->hooks; *p; p = &(*p)->next) {
        if (*p == hook) {
            *p = hook->next;
            return;
        }
    }
}

void sc_turn_run_deferred(struct sc_turn *t)
{
    while (t->next_deferred < t->n_deferred) {
        struct sc_deferred d = t->deferred[t->next_deferred++];
        if (d.fn)
            d.fn(d.ctx);
    }
    t->n_deferred = t->next_deferred = 0;
}

void sc_turn_end(struct sc_turn *t)
{
    sc_turn_run_deferred(t);
    for (struct sc_turn_hook *h = t->hooks; h; h = t->next_hook) {
        t->next_hook = h->next;
        h->fn(h->ctx);
    }
    sc_turn_run_deferred(t);
}

void sc_turn_fini(struct sc_turn *t)
{
    free(t->deferred);
    *t = (struct sc_turn){ .deferred = NULL };
}
