#include "sim/ledger.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "sideclaw/map.h"
#include "sideclaw/mem.h"

struct entry {
    struct ledger *l;
    struct sc_id id;
    int node; /* whose outbox */
    char *from, *to;
    uint64_t n;          /* of the pair, in order of acceptance */
    bool accepted, over; /* over: its end was seen and will not change */
};

struct ledger {
    struct world *w;
    uint64_t seed;
    struct entry **v;
    size_t count, cap;
    struct sc_map *pairs; /* "from>to" -> uint64_t */
};

struct ledger *ledger_new(struct world *w, uint64_t seed)
{
    struct ledger *l = sc_xcalloc(1, sizeof *l);
    l->w = w;
    l->seed = seed;
    l->pairs = sc_map_new();
    return l;
}

void ledger_free(struct ledger *l)
{
    for (size_t i = 0; i < l->count; i++) {
        free(l->v[i]->from);
        free(l->v[i]->to);
        free(l->v[i]);
    }
    free(l->v);
    sc_map_free(l->pairs, free);
    free(l);
}

_Noreturn static void broken(const struct entry *e, const char *what)
{
    char id[SC_ID_TEXT_SIZE];
    sc_id_format(&e->id, id);
    (void)fprintf(stderr,
                  "sim: seed %" PRIu64 " at %" PRId64 " ms: %s (%s #%" PRIu64 " %s -> %s)\n",
                  e->l->seed, world_now(e->l->w), what, id, e->n, e->from, e->to);
    exit(1);
}

static void on_accepted(void *ctx, const struct sc_message *m, const struct sc_err *err)
{
    struct entry *e = ctx;
    (void)m;
    e->accepted = !err;
}

static uint64_t next_of_pair(struct ledger *l, const char *from, const char *to)
{
    sc_auto_free char *key = sc_xasprintf("%s>%s", from, to);
    uint64_t *n = sc_map_get(l->pairs, key);
    if (!n) {
        n = sc_xcalloc(1, sizeof *n);
        (void)sc_map_set(l->pairs, key, n);
    }
    return ++*n;
}

void ledger_send(struct ledger *l, int node, const char *from, const char *to)
{
    struct sc_err err = SC_ERR_INIT;
    struct node *n = world_node(l->w, node);
    sc_auto_message struct sc_message m;
    sc_message_init(&m);
    struct sc_clock clock = fake_clock_port(&n->clock);
    struct entry *e = sc_xcalloc(1, sizeof *e);
    *e = (struct entry){ .l = l,
                         .id = sc_id_new(sc_clock_wall(&clock)),
                         .node = node,
                         .from = sc_xstrdup(from),
                         .to = sc_xstrdup(to),
                         .n = next_of_pair(l, from, to) };
    m.id = e->id;
    m.from_agent = sc_xstrdup(from);
    m.to_agent = sc_xstrdup(to);
    m.body = sc_xasprintf("%s>%s %" PRIu64, from, to, e->n);
    m.body_len = strlen(m.body);
    if (l->count == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 64;
        l->v = sc_xrealloc(l->v, l->cap * sizeof(struct entry *));
    }
    l->v[l->count++] = e;
    if (sc_router_submit(n->router, &m, on_accepted, e, &err) < 0)
        e->accepted = false; /* refused: nothing is promised */
}

/* The furthest any inbox has it; ACCEPTED when none has. */
static enum sc_stage furthest(const struct ledger *l, const struct sc_id *id)
{
    enum sc_stage best = SC_STAGE_ACCEPTED;
    for (int i = 0; i < world_nodes(l->w); i++) {
        enum sc_stage s = world_in_stage(world_node(l->w, i), id);
        if (s != SC_STAGES && s > best)
            best = s;
    }
    return best;
}

static unsigned runs(const struct ledger *l, const struct sc_id *id)
{
    unsigned n = 0;
    for (int i = 0; i < world_nodes(l->w); i++) {
        const struct fake_turn *t = fake_gateway_find(world_node(l->w, i)->gateway, id);
        n += t ? t->runs : 0;
    }
    return n;
}

static const char *reason(const struct node *n, const struct sc_id *id)
{
    const struct sc_record *r = mem_spool_out(n->spool, id);
    return r && r->reason ? r->reason : "";
}

static void check_one(const struct ledger *l, struct entry *e)
{
    const struct node *n = world_node(l->w, e->node);
    enum sc_stage s = world_out_stage(n, &e->id);
    if (e->accepted && s == SC_STAGES)
        broken(e, "accepted, and gone");
    if (runs(l, &e->id) > 1)
        broken(e, "run twice");
    if (s == SC_STAGES || s < SC_STAGE_STORED)
        return;
    if (s == SC_STAGE_DEAD && !*reason(n, &e->id))
        broken(e, "dead without a reason");
    if (s != SC_STAGE_DEAD && furthest(l, &e->id) < s)
        broken(e, "reported further than it got");
    e->over = s >= SC_STAGE_REPLIED && furthest(l, &e->id) >= SC_STAGE_REPLIED;
}

void ledger_check(struct ledger *l)
{
    for (int i = 0; i < world_nodes(l->w); i++)
        if (mem_spool_dirty(world_node(l->w, i)->spool))
            return; /* what is not committed is not claimed */
    for (size_t i = 0; i < l->count; i++)
        if (!l->v[i]->over)
            check_one(l, l->v[i]);
}

/* Their sender cannot know, and says so. */
static bool is_ambiguous(const char *why)
{
    static const char *const words[] = { "expired: no gateway said", "ambiguous: " };
    for (size_t i = 0; i < SC_ARRAY_LEN(words); i++)
        if (strncmp(why, words[i], strlen(words[i])) == 0)
            return true;
    return false;
}

static void close_one(const struct ledger *l, struct entry *e, struct ledger_totals *t)
{
    const struct node *n = world_node(l->w, e->node);
    enum sc_stage s = world_out_stage(n, &e->id);
    unsigned ran = runs(l, &e->id);
    if (!e->accepted && s == SC_STAGES)
        return; /* never promised, and not there */
    t->accepted++;
    if (s != SC_STAGE_REPLIED && s != SC_STAGE_DEAD)
        broken(e, "has no end");
    if (ran > 1)
        broken(e, "run twice");
    t->replied += s == SC_STAGE_REPLIED;
    t->dead += s == SC_STAGE_DEAD;
    if (s == SC_STAGE_REPLIED && ran != 1)
        broken(e, "replied, and never run");
    bool given_up = is_ambiguous(reason(n, &e->id));
    t->ambiguous += s == SC_STAGE_DEAD && given_up && ran == 1;
    bool failed = strcmp(reason(n, &e->id), "fake reason") == 0;
    if (s == SC_STAGE_DEAD && ran == 1 && !given_up && !failed)
        broken(e, "dead, and run all the same");
}

struct lost_reply {
    const struct sc_id *id;
    bool dead;
};

static bool look_at(void *ctx, const struct sc_record *r)
{
    struct lost_reply *x = ctx;
    if (sc_id_eq(&r->msg.in_reply_to, x->id))
        x->dead = r->stage == SC_STAGE_DEAD && r->reason && *r->reason;
    return !x->dead;
}

/* A reply is a message, too: it may have died on its way, with a reason. */
static bool reply_died(const struct ledger *l, const struct sc_id *id)
{
    struct lost_reply x = { .id = id };
    struct sc_err err = SC_ERR_INIT;
    for (int i = 0; i < world_nodes(l->w) && !x.dead; i++) {
        struct mem_spool *s = world_node(l->w, i)->spool;
        (void)mem_spool_port(s).ops->out_list(s, true, INT32_MAX, look_at, &x, &err);
    }
    return x.dead;
}

static void check_replies(const struct ledger *l, struct entry *e)
{
    struct sc_err err = SC_ERR_INIT;
    struct node *n = world_node(l->w, e->node);
    sc_auto_record struct sc_record r;
    sc_record_init(&r);
    if (world_out_stage(n, &e->id) != SC_STAGE_REPLIED)
        return;
    if (mem_spool_port(n->spool).ops->in_reply_to(n->spool, &e->id, &r, &err) < 0 &&
        !reply_died(l, &e->id))
        broken(e, "replied, and the reply is nowhere");
}

static struct entry *find(const struct ledger *l, const struct sc_id *id)
{
    for (size_t i = 0; i < l->count; i++)
        if (sc_id_eq(&l->v[i]->id, id))
            return l->v[i];
    return NULL;
}

/* Per pair, in the order in which gateways were first handed its messages. Of one that its sender
 * gave up a late copy may still come, where a clock is behind: nobody waits for those. */
static void check_order(const struct ledger *l)
{
    struct sc_map *last = sc_map_new();
    for (int i = 0; i < world_nodes(l->w); i++) {
        const struct fake_gateway *g = world_node(l->w, i)->gateway;
        for (size_t k = 0; k < fake_gateway_count(g); k++) {
            const struct fake_turn *t = fake_gateway_turn(g, k);
            struct entry *e = find(l, &t->id);
            if (!e || world_out_stage(world_node(l->w, e->node), &e->id) == SC_STAGE_DEAD)
                continue;
            sc_auto_free char *pair = sc_xasprintf("%s>%s", e->from, e->to);
            const struct entry *before = sc_map_set(last, pair, e);
            if (before && before->n > e->n)
                broken(e, "handed over after a later one of its pair");
        }
    }
    sc_map_free(last, NULL);
}

static void check_leftovers(const struct ledger *l)
{
    for (int i = 0; i < world_nodes(l->w); i++) {
        struct node *n = world_node(l->w, i);
        struct sc_spool_stats st;
        mem_spool_port(n->spool).ops->stats(n->spool, &st);
        if (st.outbox_open == 0 && st.inbox_open == 0 && fake_gateway_careless(n->gateway) == 0)
            continue;
        (void)fprintf(stderr,
                      "sim: seed %" PRIu64 ": %s keeps %" PRId64 " outgoing and %" PRId64
                      " incoming open, and asked %u times without looking first\n",
                      l->seed, n->name, st.outbox_open, st.inbox_open,
                      fake_gateway_careless(n->gateway));
        exit(1);
    }
}

void ledger_close(struct ledger *l, struct ledger_totals *totals)
{
    for (size_t i = 0; i < l->count; i++) {
        close_one(l, l->v[i], totals);
        check_replies(l, l->v[i]);
    }
    check_leftovers(l);
    check_order(l);
}
