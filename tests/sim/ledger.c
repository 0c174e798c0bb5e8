/* What clients do, and what they are told. */
#include "sim/ledger.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "sim/ledger_internal.h"

enum { RECENT = 16, WAIT_MAX_MS = 600 * 1000 };

/* A client that waits for the end of its message; lost with the process it asked. */
struct waiter {
    struct waiter *next;
    struct entry *e;
};

struct ledger *ledger_new(struct world *w, struct trace *trace)
{
    struct ledger *l = sc_xcalloc(1, sizeof *l);
    *l = (struct ledger){
        .w = w, .trace = trace, .by_id = sc_map_new(), .pairs = sc_map_new(), .lanes = sc_map_new()
    };
    ledger_watch(l);
    return l;
}

static void free_entry(struct entry *e)
{
    free(e->from);
    free(e->to);
    free(e->body);
    free(e->home);
    free(e->in);
    free(e);
}

void ledger_free(struct ledger *l)
{
    for (size_t i = 0; i < l->count; i++)
        free_entry(l->v[i]);
    for (struct waiter *x = l->waiters, *next; x; x = next) {
        next = x->next;
        free(x);
    }
    free(l->v);
    free(l->watches);
    sc_map_free(l->by_id, NULL);
    sc_map_free(l->pairs, free);
    sc_map_free(l->lanes, free);
    free(l);
}

void ledger_forget_ids(struct ledger *l)
{
    l->forgets_ids = true;
}

void ledger_broken(const struct entry *e, const char *what)
{
    char id[SC_ID_TEXT_SIZE];
    sc_id_format(&e->id, id);
    trace_line(e->l->trace, "BROKEN %s: %s", id, what);
    (void)fprintf(stderr, "sim: at %" PRId64 " ms: %s (%s, \"%.80s\")\n", world_now(e->l->w), what,
                  id, e->body);
    exit(1);
}

struct entry *ledger_find(const struct ledger *l, const struct sc_id *id)
{
    return sc_map_get_id(l->by_id, id);
}

struct entry *ledger_add(struct ledger *l, const struct sc_id *id, int node, const char *from,
                         const char *to, char *take_body)
{
    struct entry *e = sc_xcalloc(1, sizeof *e);
    *e = (struct entry){ .l = l,
                         .id = *id,
                         .node = node,
                         .from = sc_xstrdup(from),
                         .to = sc_xstrdup(to),
                         .body = take_body,
                         .out = SC_STAGES };
    e->in = sc_xcalloc((size_t)world_nodes(l->w), sizeof *e->in);
    for (int i = 0; i < world_nodes(l->w); i++)
        e->in[i] = SC_STAGES;
    if (l->count == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 64;
        l->v = sc_xrealloc(l->v, l->cap * sizeof(struct entry *));
    }
    l->v[l->count++] = e;
    (void)sc_map_set_id(l->by_id, id, e);
    return e;
}

uint64_t *ledger_counter(struct sc_map *m, const char *key)
{
    uint64_t *n = sc_map_get(m, key);
    if (!n) {
        n = sc_xcalloc(1, sizeof *n);
        (void)sc_map_set(m, key, n);
    }
    return n;
}

static void on_accepted(void *ctx, const struct sc_message *m, const struct sc_err *err)
{
    struct entry *e = ctx;
    (void)m;
    if (!err && e->out == SC_STAGES)
        ledger_broken(e, "told as accepted before it was committed");
    e->accepted = e->accepted || !err;
}

static void on_end(void *ctx, const struct sc_record *rec, const struct sc_record *reply)
{
    const struct waiter *x = ctx;
    if (!rec)
        return; /* its deadline */
    if (rec->stage != x->e->out)
        ledger_broken(x->e, "a waiting client was told a stage that is not committed");
    if (rec->stage == SC_STAGE_DEAD && (!rec->reason || !*rec->reason))
        ledger_broken(x->e, "a waiting client was told no reason");
    sc_auto_free char *answer = sc_xasprintf("re: %s", x->e->body);
    if (rec->stage == SC_STAGE_REPLIED && (!reply || strcmp(reply->msg.body, answer) != 0))
        ledger_broken(x->e, "a waiting client was given another answer");
}

static void wait_for(struct entry *e)
{
    struct ledger *l = e->l;
    struct node *n = world_node(l->w, e->node);
    struct sc_err err = SC_ERR_INIT;
    struct waiter *x = sc_xcalloc(1, sizeof *x);
    *x = (struct waiter){ .next = l->waiters, .e = e };
    l->waiters = x;
    int64_t patience = prng_range(world_prng(l->w), 1, WAIT_MAX_MS);
    if (sc_router_wait(n->router, &e->id, patience, on_end, x, NULL, &err) < 0)
        trace_line(l->trace, "gw-%d lets nobody wait: %s", e->node, err.text);
}

static void submit(struct entry *e, bool forgets_id)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_message struct sc_message m;
    sc_message_init(&m);
    if (!forgets_id)
        m.id = e->id;
    m.from_agent = sc_xstrdup(e->from);
    m.to_agent = sc_xstrdup(e->to);
    m.body = sc_xstrdup(e->body);
    m.body_len = strlen(m.body);
    int rc = sc_router_submit(world_node(e->l->w, e->node)->router, &m,
                              forgets_id ? NULL : on_accepted, e, &err);
    trace_line(e->l->trace, "gw-%d submit \"%s\" %s", e->node, e->body,
               rc < 0 ? err.text : ""); /* refused: nothing is promised */
}

void ledger_send(struct ledger *l, int node, const char *from, const char *to, bool waits)
{
    struct node *n = world_node(l->w, node);
    struct sc_clock clock = fake_clock_port(&n->clock);
    struct sc_id id = sc_id_new(sc_clock_wall(&clock));
    sc_auto_free char *pair = sc_xasprintf("%s>%s", from, to);
    uint64_t number = ++*ledger_counter(l->pairs, pair);
    struct entry *e = ledger_add(l, &id, node, from, to, sc_xasprintf("%s %" PRIu64, pair, number));
    submit(e, false);
    if (waits)
        wait_for(e);
}

void ledger_send_again(struct ledger *l, int node)
{
    size_t back = 0;
    for (size_t i = l->count; i-- > 0 && back < RECENT;) {
        struct entry *e = l->v[i];
        if (e->kind != SC_KIND_MESSAGE)
            continue;
        back++;
        if (e->node == node && prng_chance(world_prng(l->w), 300)) {
            submit(e, l->forgets_ids);
            return;
        }
    }
}

unsigned ledger_runs(const struct ledger *l, const struct sc_id *id)
{
    unsigned n = 0;
    for (int i = 0; i < world_nodes(l->w); i++) {
        const struct fake_turn *t = fake_gateway_find(world_node(l->w, i)->gateway, id);
        n += t ? t->runs : 0;
    }
    return n;
}
