/* What must be true at every moment: each commit, packet and turn is held against what the disks
 * and the gateways really have. */
#include <stdlib.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "sim/ledger_internal.h"

static const char *stage_name(enum sc_stage s)
{
    return s == SC_STAGES ? "nowhere" : sc_fsm_name(&sc_stage_fsm, (int)s);
}

/* The furthest any inbox has it; ACCEPTED when none has. */
static enum sc_stage furthest(const struct entry *e)
{
    enum sc_stage best = SC_STAGE_ACCEPTED;
    for (int i = 0; i < world_nodes(e->l->w); i++)
        if (e->in[i] != SC_STAGES && e->in[i] > best)
            best = e->in[i];
    return best;
}

/* Replies are made by the nodes; the ledger meets them when they are first committed. */
static struct entry *meet(struct ledger *l, int node, const struct sc_record *r)
{
    struct entry *e = ledger_find(l, &r->msg.id);
    if (e || r->msg.kind != SC_KIND_REPLY)
        return e;
    e = ledger_add(l, &r->msg.id, node, r->msg.from_agent, r->msg.to_agent,
                   sc_xstrdup(r->msg.body));
    e->kind = SC_KIND_REPLY;
    struct entry *asked = ledger_find(l, &r->msg.in_reply_to);
    if (asked && asked->reply)
        ledger_broken(asked, "answered twice");
    if (asked)
        asked->reply = e;
    return e;
}

/* Of a pair at its sender: the latest that was accepted; the latest that has no order. */
static uint64_t *of_pair(const struct entry *e, const char *what)
{
    sc_auto_free char *key = sc_xasprintf("%s %d %s>%s", what, e->node, e->from, e->to);
    return ledger_counter(e->l->lanes, key);
}

/* One that gets a new home is in no order with those that are under way at that moment: some follow
 * it, some do not. */
static void note_home(struct entry *e, const char *gateway)
{
    if (sc_streq(e->home, gateway))
        return;
    if (e->home)
        *of_pair(e, "loose") = *of_pair(e, "taken");
    sc_set_str(&e->home, gateway);
}

static void outgoing(struct entry *e, const struct sc_record *r)
{
    e->out = r->stage;
    e->place = r->msg.seq;
    if (*of_pair(e, "taken") < e->place)
        *of_pair(e, "taken") = e->place;
    note_home(e, r->msg.to_gateway);
    sc_reason_copy(e->reason, r->reason);
    if (r->stage == SC_STAGE_DEAD && !*e->reason)
        ledger_broken(e, "dead without a reason");
    if (r->stage == SC_STAGE_SENT && !e->taken)
        ledger_broken(e, "sent, and no transport was given it");
    if (r->stage >= SC_STAGE_STORED && r->stage < SC_STAGE_DEAD && furthest(e) < r->stage)
        ledger_broken(e, "reported further than it got");
}

/* What an inbox says of a turn, its gateway must have done. */
static void against_gateway(struct entry *e, int node, const struct sc_record *r)
{
    const struct fake_turn *t = fake_gateway_find(world_node(e->l->w, node)->gateway, &e->id);
    bool done = t && t->done;
    if ((r->stage == SC_STAGE_DELIVERED || r->stage == SC_STAGE_STARTED) && !e->ran)
        ledger_broken(e, "delivered or started, and its gateway never took it");
    if (r->stage == SC_STAGE_REPLIED && (!done || t->outcome != SC_TURN_REPLIED))
        ledger_broken(e, "replied, and its gateway has no answer");
    if (r->stage == SC_STAGE_DEAD && (!r->reason || !*r->reason))
        ledger_broken(e, "dead in an inbox, without a reason");
    if (r->stage != SC_STAGE_DEAD)
        return;
    if (strcmp(r->reason, "fake reason") == 0 && (!done || t->outcome != SC_TURN_FAILED))
        ledger_broken(e, "failed, and its gateway says otherwise");
    if (strncmp(r->reason, "expired: ", 9) == 0 && t && t->runs)
        ledger_broken(e, "called expired, and its gateway ran it");
}

static bool is_of_pair(const struct entry *e, const struct entry *other)
{
    return e->node == other->node && strcmp(e->from, other->from) == 0 &&
           strcmp(e->to, other->to) == 0;
}

/* It dies while one before it has not come. Whoever named neither of them, because it was stored
 * when he was sent, may overtake that one: the one price of dropping names early. */
static void note_gap(const struct entry *e, int node)
{
    for (size_t i = 0; i < e->l->count; i++) {
        const struct entry *before = e->l->v[i];
        if (is_of_pair(e, before) && before->place < e->place && before->in[node] == SC_STAGES &&
            before->out < SC_STAGE_REPLIED) {
            *of_pair(e, "loose") = *of_pair(e, "taken");
            return;
        }
    }
}

static void incoming(struct entry *e, int node, const struct sc_record *r)
{
    if (r->stage == SC_STAGE_DEAD && e->in[node] == SC_STAGE_STORED)
        note_gap(e, node);
    if (strcmp(r->msg.body, e->body) != 0)
        ledger_broken(e, "stored with another body");
    if (r->msg.kind == SC_KIND_MESSAGE)
        against_gateway(e, node, r);
    e->in[node] = r->stage;
}

static void on_committed(void *ctx, const struct sc_record *r)
{
    const struct watch *x = ctx;
    struct entry *e = meet(x->l, x->node, r);
    if (!e) /* sent under an id that its client does not know */
        return;
    trace_line(x->l->trace, "gw-%d %s \"%s\" %s %s", x->node, r->incoming ? "in" : "out", e->body,
               stage_name(r->stage), r->reason ? r->reason : "");
    if (r->incoming)
        incoming(e, x->node, r);
    else
        outgoing(e, r);
}

static void on_send(void *ctx, const struct sc_message *m)
{
    const struct watch *x = ctx;
    struct entry *e = ledger_find(x->l, &m->id);
    if (!e)
        return;
    trace_line(x->l->trace, "gw-%d %s \"%s\" to %s", x->node, m->ask ? "asks" : "sends", e->body,
               m->to_gateway);
    if (e->out == SC_STAGES)
        ledger_broken(e, "sent before it was committed");
    e->taken = true;
}

static void on_receipts(void *ctx, const struct sc_receipts *r)
{
    const struct watch *x = ctx;
    for (size_t i = 0; i < r->n; i++) {
        const struct sc_receipt *one = &r->v[i];
        struct entry *e = ledger_find(x->l, &one->id);
        if (!e)
            continue;
        trace_line(x->l->trace, "gw-%d tells \"%s\" %s %s", x->node, e->body,
                   stage_name(one->stage), one->reason);
        enum sc_stage here = e->in[x->node];
        if (one->stage == SC_STAGE_DEAD && !one->reason[0])
            ledger_broken(e, "a receipt tells a death without its reason");
        if (one->stage != SC_STAGE_DEAD && (here == SC_STAGES || here < one->stage))
            ledger_broken(e, "a receipt tells more than is on disk");
    }
}

static void on_handed(void *ctx, const struct sc_turn *turn)
{
    const struct watch *x = ctx;
    struct entry *e = ledger_find(x->l, &turn->id);
    if (!e)
        return;
    trace_line(x->l->trace, "gw-%d hands over \"%s\"%s", x->node, e->body,
               turn->resume ? " (resume)" : "");
    if (e->in[x->node] == SC_STAGES)
        ledger_broken(e, "handed over before it was committed");
    if (world_node(x->l->w, x->node)->drains && e->in[x->node] < SC_STAGE_DELIVERED)
        ledger_broken(e, "its turn begins while its gateway drains");
}

/* First in, first out holds from one gateway to one other. Of one that its sender gave up a late
 * copy may still come, where a clock is behind: nobody waits for those. */
static void check_order(const struct entry *e, int node)
{
    sc_auto_free char *lane = sc_xasprintf("%d %s>%s %d", e->node, e->from, e->to, node);
    uint64_t *latest = ledger_counter(e->l->lanes, lane);
    if (e->place <= *of_pair(e, "loose"))
        return;
    if (e->place < *latest && e->out != SC_STAGE_DEAD)
        ledger_broken(e, "run after a later one of its pair");
    if (e->place > *latest)
        *latest = e->place;
}

static void on_ran(void *ctx, const struct fake_turn *t)
{
    const struct watch *x = ctx;
    struct entry *e = ledger_find(x->l, &t->id);
    struct entry lost = { .l = x->l, .id = t->id, .body = t->body };
    if (!e)
        ledger_broken(&lost, "a turn that nobody asked for");
    trace_line(x->l->trace, "gw-%d runs \"%s\"", x->node, e->body);
    x->l->turns++;
    e->ran = true;
    if (ledger_runs(x->l, &e->id) > 1)
        ledger_broken(e, "run twice");
    if (e->in[x->node] == SC_STAGES || e->in[x->node] >= SC_STAGE_REPLIED)
        ledger_broken(e, "run after its end");
    check_order(e, x->node);
}

void ledger_watch(struct ledger *l)
{
    l->watches = sc_xcalloc((size_t)world_nodes(l->w), sizeof *l->watches);
    for (int i = 0; i < world_nodes(l->w); i++) {
        struct node *n = world_node(l->w, i);
        struct watch *x = &l->watches[i];
        *x = (struct watch){ .l = l, .node = i };
        const struct mem_spool_spy spool = { .ctx = x, .committed = on_committed };
        const struct mem_link_spy link = { .ctx = x, .send = on_send, .receipts = on_receipts };
        const struct fake_gateway_spy gateway = { .ctx = x, .handed = on_handed, .ran = on_ran };
        mem_spool_watch(n->spool, &spool);
        fake_gateway_watch(n->gateway, &gateway);
        for (int k = 0; k < world_transports(l->w); k++)
            mem_link_watch(n->links[k], &link);
    }
}
