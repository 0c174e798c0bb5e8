/* What comes in: messages into the inbox, receipts onto the outbox. */
#include <stdlib.h>
#include <string.h>

#include "router_internal.h"
#include "sideclaw/mem.h"

enum { CLOCK_SKEW_MS = 3600 * 1000 };

/* Nothing is to be sent again for a while: the receiver has it, and says by itself how it goes on.
 */
static void put_off(struct sc_router *r, const struct sc_id *id, sc_wall now)
{
    struct sc_err err = SC_ERR_INIT; /* refused: it is only asked about earlier */
    (void)r->d.spool.ops->out_defer(r->d.spool.impl, id,
                                    (sc_wall){ now.ms + r->d.limits.refresh_ms }, &err);
}

bool router_advance(struct sc_router *r, const struct sc_id *id, enum sc_stage stage, sc_wall at,
                    const char *note)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_moved moved = { .changed = false };
    int rc = r->d.spool.ops->out_advance(r->d.spool.impl, id, stage, at, note, &moved, &err);
    if (rc < 0 && rc != SC_ENOENT)
        sc_log_warn(r->d.log, "spool.write_failed", SC_ID("id", id), SC_S("reason", err.text),
                    SC_S("instead", "the receipt is asked for again"));
    if (rc < 0 || !moved.changed)
        return rc == SC_OK || rc == SC_ENOENT;
    router_times_note(r, &moved, stage);
    if (stage >= SC_STAGE_STORED)
        router_pace_over(r, id);
    if (stage >= SC_STAGE_STORED)
        router_order_resolved(r, id, stage);
    if (stage >= SC_STAGE_STORED && stage < SC_STAGE_REPLIED)
        put_off(r, id, router_now(r));
    if (stage == SC_STAGE_DEAD)
        r->n.dead++;
    if (stage == SC_STAGE_DEAD && r->d.died)
        r->d.died(r->d.ctx, id, note ? note : "");
    sc_log_info(r->d.log, stage == SC_STAGE_DEAD ? "msg.dead" : "msg.stage", SC_ID("id", id),
                SC_S("stage", sc_fsm_name(&sc_stage_fsm, (int)stage)),
                SC_S(stage == SC_STAGE_SENT ? "via" : "reason", note));
    if (stage >= SC_STAGE_REPLIED)
        router_wake(r, id);
    return true;
}

bool router_is_expired(const struct sc_router *r, const struct sc_message *m)
{
    return sc_message_is_expired(m, router_now(r));
}

/* What the commit of an incoming message owes to the outside. */
struct arrival {
    struct sc_router *r;
    const struct sc_transport *via; /* NULL: local */
    struct sc_entry entry;
    struct sc_message *m;
    bool deliver;
};

static void on_stored(void *ctx, const struct sc_err *err)
{
    struct arrival *a = ctx;
    if (err) {
        router_rest_forget(a->r);
    } else {
        if (a->via && a->entry.name[0])
            a->via->ops->settle(a->via->impl, &a->entry);
        if (a->deliver)
            a->r->d.deliver(a->r->d.ctx, a->m);
    }
    sc_message_free(a->m);
    free(a);
}

static void after_commit(struct sc_router *r, const struct sc_transport *via,
                         const struct sc_entry *entry, struct sc_message *take_m, bool deliver)
{
    struct arrival *a = sc_xcalloc(1, sizeof *a);
    *a = (struct arrival){ .r = r, .via = via, .m = take_m, .deliver = deliver };
    if (entry)
        a->entry = *entry;
    router_after_commit(r, on_stored, a);
}

static void reached(struct sc_router *r, const struct sc_message *m, enum sc_stage stage,
                    const char *text)
{
    if (m->extra && r->d.reached && m->kind == SC_KIND_MESSAGE)
        r->d.reached(r->d.ctx, m, stage, text);
}

static void progressed(struct sc_router *r, const struct sc_message *m, enum sc_stage stage,
                       const char *reason)
{
    if (stage == SC_STAGE_DELIVERED)
        r->n.delivered++;
    if (stage == SC_STAGE_REPLIED)
        r->n.replied++;
    else
        reached(r, m, stage, reason);
    sc_log_info(r->d.log, stage == SC_STAGE_DEAD ? "inbox.dead" : "inbox.stage",
                SC_ID("id", &m->id), SC_S("stage", sc_fsm_name(&sc_stage_fsm, (int)stage)),
                SC_S("to", m->to_agent), SC_S("reason", reason));
    router_tell(r, m->from_gateway, &m->id, stage, reason);
}

/* A reply settles the message it answers. */
static void arrived(struct sc_router *r, const struct sc_message *m, enum sc_stage stage)
{
    sc_wall now = router_now(r);
    r->n.received++;
    sc_log_info(r->d.log, "msg.stored", SC_ID("id", &m->id), SC_S("from", m->from_agent),
                SC_S("to", m->to_agent), SC_S("kind", sc_kind_name(m->kind)));
    router_tell(r, m->from_gateway, &m->id, SC_STAGE_STORED, NULL);
    reached(r, m, SC_STAGE_STORED, NULL);
    if (m->kind == SC_KIND_REPLY && !sc_id_is_zero(&m->in_reply_to)) {
        (void)router_advance(r, &m->in_reply_to, SC_STAGE_REPLIED, now, NULL);
        router_wake(r, &m->in_reply_to); /* also when the receipt `replied` was faster */
    }
    if (stage == SC_STAGE_DELIVERED) {
        router_rests(r, &m->id);
        progressed(r, m, stage, NULL);
    }
}

/* An inbox that nobody wakes for is the end of the way, unless one before it is not there yet. */
static bool ends_here(const struct sc_router *r, const struct sc_message *m, enum sc_place place)
{
    return m->kind != SC_KIND_MESSAGE || (place == SC_PLACE_INBOX && !router_rest_waits(r, m));
}

static bool is_waiting(const struct sc_message *m, enum sc_stage stage, enum sc_place place)
{
    return m->kind == SC_KIND_MESSAGE && stage == SC_STAGE_STORED &&
           (place == SC_PLACE_LOCAL || place == SC_PLACE_INBOX);
}

/* SC_OK when m is (now or since before) in the inbox; *ret_waits when it waits there for a turn or
 * for another. A duplicate is shown to the mailbox, too: it may say that it need not wait. SC_EBUSY
 * when its agent's queue is full, which the spool says once. */
static int store(struct sc_router *r, const struct sc_message *m, enum sc_place place,
                 bool *ret_waits)
{
    struct sc_err err = SC_ERR_INIT;
    enum sc_stage stage = ends_here(r, m, place) ? SC_STAGE_DELIVERED : SC_STAGE_STORED;
    char reason[SC_REASON_MAX] = "";
    int rc = r->d.spool.ops->in_put(r->d.spool.impl, m, router_now(r), &stage, reason, &err);
    if (rc == SC_OK) {
        arrived(r, m, stage);
        *ret_waits = stage == SC_STAGE_STORED;
        return SC_OK;
    }
    *ret_waits = rc == SC_EEXIST && is_waiting(m, stage, place);
    if (rc == SC_EEXIST) {
        r->n.duplicates++;
        router_tell(r, m->from_gateway, &m->id, stage, reason);
        return SC_OK;
    }
    if (rc != SC_EBUSY)
        sc_log_warn(r->d.log, "spool.refused", SC_ID("id", &m->id), SC_S("reason", err.text),
                    SC_S("instead", "its sender keeps it and tries again"));
    return rc;
}

/* How far did it get? True when it is here, in whatever state; ret_stage may be NULL. */
static bool answer(struct sc_router *r, const struct sc_message *m, enum sc_stage *ret_stage)
{
    enum sc_stage stage;
    char reason[SC_REASON_MAX];
    struct sc_err err = SC_ERR_INIT;
    if (r->d.spool.ops->in_stage(r->d.spool.impl, &m->id, &stage, reason, &err) < 0)
        return false;
    router_tell(r, m->from_gateway, &m->id, stage, reason);
    if (ret_stage)
        *ret_stage = stage;
    return true;
}

/* No `sent` here: nothing carries it, and when the inbox has no room it got no further. */
bool router_store_local(struct sc_router *r, const struct sc_message *m)
{
    const char *gateway;
    bool waits;
    enum sc_place place = sc_registry_locate(r->d.registry, m->to_agent, &gateway);
    if (m->ask || (place == SC_PLACE_UNKNOWN && m->kind == SC_KIND_MESSAGE)) {
        if (answer(r, m, NULL) || m->ask || !sc_registry_listed(r->d.registry))
            return true; /* not listed: our gateway may have it, and the retry looks again */
        return router_advance(r, &m->id, SC_STAGE_DEAD, router_now(r),
                              "unknown recipient: this gateway has no such agent");
    }
    int rc = store(r, m, place, &waits);
    if (rc < 0)
        return rc == SC_EBUSY; /* one agent's queue is full, and the retry looks again */
    after_commit(r, NULL, NULL, sc_message_copy(m), waits);
    return true;
}

/* Dead, says who might have taken it: then it must stay so, also for a copy that comes when our
 * clock or our directory says otherwise. A spool that refuses to remember leaves it unsaid. */
static void refuse(struct sc_router *r, const struct sc_message *m, const char *reason)
{
    struct sc_err err = SC_ERR_INIT;
    if (r->d.spool.ops->in_refuse(r->d.spool.impl, &m->id, router_now(r), reason, &err) == SC_OK)
        router_tell(r, m->from_gateway, &m->id, SC_STAGE_DEAD, reason);
}

/* Hops and the list of gateways passed are this wire's; the signature does not cover them. */
static bool too_many_hops(struct sc_router *r, const struct sc_message *m)
{
    if (m->hops < r->d.limits.max_hops)
        return false;
    if (!answer(r, m, NULL))
        refuse(r, m, "loop: too many hops");
    sc_log_warn(r->d.log, "msg.loop", SC_ID("id", &m->id), SC_I("hops", m->hops),
                SC_S("instead", "it is dead, and its sender told"));
    return true;
}

/* Its sender has given it up, or will: storing it now could only act on what is over. One that came
 * in time and is here already is answered with what became of it. */
static bool too_late(struct sc_router *r, const struct sc_message *m)
{
    if (!router_is_expired(r, m))
        return false;
    if (answer(r, m, NULL))
        return true;
    refuse(r, m, "expired: it came after its ttl");
    sc_log_info(r->d.log, "msg.too_late", SC_ID("id", &m->id), SC_S("from", m->from_agent));
    return true;
}

/* Not one of ours, now. Its sender finds the right gateway by itself when its directory is newer
 * than ours; nobody's at all is told so. One that came while its agent was here is still ours to
 * end. */
static bool misrouted(struct sc_router *r, const struct sc_message *m, enum sc_place place)
{
    if (answer(r, m, NULL))
        return true;
    if (place == SC_PLACE_UNKNOWN && sc_registry_complete(r->d.registry))
        refuse(r, m, "unknown recipient: this gateway has no such agent");
    sc_log_debug(r->d.log, "msg.misrouted", SC_ID("id", &m->id), SC_S("to", m->to_agent));
    return false;
}

/* A reply or an event goes to the gateway it names, wherever its agent is now. */
static bool is_ours(const struct sc_message *m, enum sc_place place)
{
    return place == SC_PLACE_LOCAL || place == SC_PLACE_INBOX || m->kind != SC_KIND_MESSAGE;
}

/* A durable copy that an agent's stream kept for the gateway the agent was at. That one may have
 * stored it, and whose turn it is only its sender can say: it sends it again, to us. */
static bool is_for_another(const struct sc_router *r, const struct sc_message *m)
{
    return m->to_gateway && !sc_streq(m->to_gateway, r->d.self_name);
}

/* Before our gateway has said who is there, an agent may be here. */
static bool is_elsewhere(const struct sc_router *r, const struct sc_message *m, enum sc_place place)
{
    return m->kind == SC_KIND_MESSAGE && sc_registry_listed(r->d.registry) &&
           (place == SC_PLACE_REMOTE || place == SC_PLACE_UNKNOWN);
}

/* Receipts alone answer this one; nothing of it is stored. */
static bool is_over(struct sc_router *r, const struct sc_message *m, enum sc_place place,
                    bool *ret_waits)
{
    enum sc_stage stage = SC_STAGE_ACCEPTED;
    *ret_waits = false;
    if (is_for_another(r, m)) {
        (void)answer(r, m, NULL);
        return true;
    }
    if (m->ask) {
        if (answer(r, m, &stage))
            *ret_waits = is_waiting(m, stage, place);
        else if (is_elsewhere(r, m, place)) /* else it may come, and there is nothing to say */
            refuse(r, m, SC_REASON_MOVED);
        return true;
    }
    if (too_many_hops(r, m))
        return true;
    return is_ours(m, place) ? too_late(r, m) : misrouted(r, m, place);
}

/* Its agent's queue is full, and its sender's spool keeps it: the copy that came here would only
 * hold up those for other agents. What a person or a script wrote has no such spool, and stays. */
static void turn_away(const struct sc_message *m, const struct sc_transport *via,
                      const struct sc_entry *entry)
{
    if (m->from_gateway && entry->name[0])
        via->ops->settle(via->impl, entry);
}

static void receive(struct sc_router *r, const struct sc_transport *via,
                    struct sc_message *take_msg, const struct sc_entry *entry)
{
    const char *gateway;
    bool waits;
    enum sc_place place = sc_registry_locate(r->d.registry, take_msg->to_agent, &gateway);
    router_note_arrival(r, via);
    if (is_over(r, take_msg, place, &waits)) {
        after_commit(r, via, entry, take_msg, waits);
        return;
    }
    int rc = is_ours(take_msg, place) ? store(r, take_msg, place, &waits) : SC_ENOENT;
    if (rc == SC_OK) {
        after_commit(r, via, entry, take_msg, waits);
        return;
    }
    if (rc == SC_EBUSY)
        turn_away(take_msg, via, entry);
    sc_message_free(take_msg);
}

void sc_router_receive(struct sc_router *r, const struct sc_transport *via,
                       struct sc_message *take_msg, const struct sc_entry *entry)
{
    r->patient = entry->waited; /* a drain: many of them share a commit */
    receive(r, via, take_msg, entry);
    r->patient = false;
}

/* Retention counts from that time: a peer whose clock is years off must neither make us forget a
 * message at once nor keep it for ever. */
static sc_wall plausible(const struct sc_router *r, sc_wall at)
{
    sc_wall now = router_now(r);
    return at.ms > now.ms - CLOCK_SKEW_MS && at.ms < now.ms + CLOCK_SKEW_MS ? at : now;
}

void sc_router_receipts(struct sc_router *r, const struct sc_receipts *rc)
{
    if (!sc_streq(rc->to_gateway, r->d.self_name))
        return;
    for (size_t i = 0; i < rc->n; i++) {
        const struct sc_receipt *one = &rc->v[i];
        r->n.receipts_in++;
        if (one->stage == SC_STAGE_DEAD && strcmp(one->reason, SC_REASON_MOVED) == 0)
            router_refused(r, rc->from_gateway, &one->id);
        else
            (void)router_advance(r, &one->id, one->stage, plausible(r, one->at),
                                 one->reason[0] ? one->reason : NULL);
    }
}

int sc_router_progress(struct sc_router *r, const struct sc_message *m, enum sc_stage stage,
                       const char *reason, struct sc_err *err)
{
    char cut[SC_REASON_MAX]; /* a gateway's words may be long, and both ends keep the same */
    sc_reason_copy(cut, reason);
    reason = reason ? cut : NULL;
    int rc = r->d.spool.ops->in_advance(r->d.spool.impl, &m->id, stage, router_now(r), reason, err);
    if (rc == SC_OK)
        progressed(r, m, stage, reason);
    return rc;
}
