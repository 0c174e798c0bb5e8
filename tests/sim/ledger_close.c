/* What must be true in the end, when everything was whole for long enough. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "sim/ledger_internal.h"

/* Nobody there can know, and says so. Any other death means: it did not run. */
static bool is_ambiguous(const struct entry *e, struct ledger_totals *t)
{
    static const char mark[] = "ambiguous: ";
    bool ambiguous = strncmp(e->reason, mark, sizeof mark - 1) == 0;
    t->ambiguous += ambiguous;
    t->ambiguous_ran += ambiguous && e->ran;
    return ambiguous;
}

static void close_one(const struct ledger *l, const struct entry *e, struct ledger_totals *t)
{
    unsigned ran = ledger_runs(l, &e->id);
    if (!e->accepted && e->out == SC_STAGES) {
        if (ran)
            ledger_broken(e, "refused, and run all the same");
        return;
    }
    t->accepted++;
    if (e->out == SC_STAGES)
        ledger_broken(e, "accepted, and gone");
    if (e->out != SC_STAGE_REPLIED && e->out != SC_STAGE_DEAD)
        ledger_broken(e, "has no end");
    t->replied += e->out == SC_STAGE_REPLIED;
    t->dead += e->out == SC_STAGE_DEAD;
    if (e->out == SC_STAGE_REPLIED && ran != 1)
        ledger_broken(e, "replied, and never run");
    if (e->out == SC_STAGE_DEAD && !is_ambiguous(e, t) && ran == 1 &&
        strcmp(e->reason, "fake reason") != 0)
        ledger_broken(e, "dead, and run all the same");
}

/* What is on disk now is what was seen to be committed: nothing was lost on the way. */
static void check_disk(const struct ledger *l, const struct entry *e)
{
    const struct mem_spool *s = world_node(l->w, e->node)->spool;
    const struct sc_record *r = mem_spool_out(s, &e->id);
    bool aged = mem_spool_expired(s, &e->id);
    if (e->out != SC_STAGES && !aged && (!r || r->stage != e->out))
        ledger_broken(e, "committed, and gone");
}

/* A reply is a message, too: it may have died on its way, with a reason. */
static void check_reply(const struct entry *e)
{
    const struct entry *reply = e->reply;
    if (e->out != SC_STAGE_REPLIED)
        return;
    if (!reply || (reply->in[e->node] == SC_STAGES && reply->out != SC_STAGE_DEAD))
        ledger_broken(e, "replied, and the reply is nowhere");
}

_Noreturn static void left(const struct node *n, const char *what, int64_t count)
{
    (void)fprintf(stderr, "sim: in the end %s has %" PRId64 " %s\n", n->name, count, what);
    exit(1);
}

static void check_leftovers(const struct node *n)
{
    struct sc_spool_stats st;
    struct sc_router_counters c;
    mem_spool_port(n->spool).ops->stats(n->spool, &st);
    sc_router_counters(n->router, &c);
    if (st.outbox_open)
        left(n, "open outgoing messages", st.outbox_open);
    if (st.inbox_open)
        left(n, "open incoming messages", st.inbox_open);
    if (c.in_flight)
        left(n, "sends that never end", (int64_t)c.in_flight);
    if (sc_mailbox_turns(n->mailbox))
        left(n, "turns that never end", sc_mailbox_turns(n->mailbox));
    if (fake_gateway_careless(n->gateway))
        left(n, "turns asked for again without looking first", fake_gateway_careless(n->gateway));
}

void ledger_close(struct ledger *l, struct ledger_totals *totals)
{
    for (size_t i = 0; i < l->count; i++) {
        check_disk(l, l->v[i]);
        if (l->v[i]->kind != SC_KIND_MESSAGE)
            continue;
        close_one(l, l->v[i], totals);
        check_reply(l->v[i]);
    }
    for (int i = 0; i < world_nodes(l->w); i++)
        check_leftovers(world_node(l->w, i));
    totals->turns += l->turns;
}
