#include "sideclaw/mailbox.h"

#include <stdlib.h>

#include "mailbox_internal.h"
#include "sideclaw/mem.h"

struct sc_mailbox *sc_mailbox_new(const struct sc_mailbox_deps *deps)
{
    struct sc_mailbox *m = sc_xcalloc(1, sizeof *m);
    m->d = *deps;
    m->lanes = sc_map_new();
    m->running = sc_map_new();
    m->turns = sc_map_new();
    m->sweep = sc_timer_new(deps->loop, mailbox_sweep, m);
    TAILQ_INIT(&m->waiting);
    return m;
}

void sc_mailbox_free(struct sc_mailbox *m)
{
    if (!m)
        return;
    sc_timer_free(m->sweep);
    sc_map_free(m->running, NULL);
    sc_map_free(m->lanes, mailbox_lane_free);
    sc_map_free(m->turns, free);
    free(m);
}

unsigned sc_mailbox_turns(const struct sc_mailbox *m)
{
    return (unsigned)sc_map_count(m->running);
}

void sc_mailbox_deliver(struct sc_mailbox *m, const struct sc_message *msg)
{
    struct lane *l = mailbox_lane(m, msg->to_agent, msg->from_agent, msg->from_gateway);
    mailbox_head_hear(l, msg);
    if (sc_id_is_zero(&msg->prev))
        mailbox_lane_next(l);
    else
        mailbox_lane_came(l);
}

static void found_lane(void *ctx, const char *to, const char *from, const char *from_gateway)
{
    mailbox_lane(ctx, to, from, from_gateway)->look_first =
        true; /* handed over in an earlier life? */
}

void sc_mailbox_start(struct sc_mailbox *m)
{
    struct sc_err err = SC_ERR_INIT;
    if (m->d.spool.ops->in_lanes(m->d.spool.impl, found_lane, m, &err) < 0)
        sc_log_error(m->d.log, "mailbox.start_failed", SC_S("reason", err.text));
}

static bool reset_lane(void *ctx, const char *key, void *value)
{
    struct lane *l = value;
    (void)ctx;
    (void)key;
    sc_timer_disarm(l->retry);
    mailbox_lane_next(l);
    return true;
}

void sc_mailbox_gateway_ready(struct sc_mailbox *m)
{
    sc_map_each(m->lanes, reset_lane, NULL);
}

void sc_mailbox_hold(struct sc_mailbox *m, bool held)
{
    bool released = m->held && !held;
    m->held = held;
    if (released)
        sc_map_each(m->lanes, reset_lane, NULL);
}

static void again(struct lane *l)
{
    mailbox_lane_retry(l); /* before the slot is free, or this lane could take it at once */
    mailbox_lane_end(l);
}

/* A stage is told once, also when the gateway repeats itself after a resume. */
static void reached(struct lane *l, enum sc_stage stage)
{
    struct sc_err err = SC_ERR_INIT;
    if (l->stage < stage &&
        sc_router_progress(l->box->d.router, l->running, stage, NULL, &err) == SC_OK)
        l->stage = stage;
}

/* The end of a turn that the spool has no room for now stays with the gateway's history. */
static void finish(struct lane *l, int rc, const struct sc_err *err)
{
    if (rc == SC_OK) {
        mailbox_lane_settle(l); /* before the slot is free, which this lane must not take yet */
        mailbox_lane_end(l);
        return;
    }
    sc_log_error(l->box->d.log, "turn.not_stored", SC_ID("id", &l->running->id),
                 SC_S("reason", err->text), SC_S("instead", "its end is fetched again later"));
    again(l);
}

void sc_mailbox_turn(struct sc_mailbox *m, const struct sc_id *id, enum sc_turn_event ev,
                     const char *text)
{
    sc_auto_free char *why = NULL;
    struct sc_err err = SC_ERR_INIT;
    struct lane *l = sc_map_get_id(m->running, id);
    if (!l)
        return;
    switch (ev) {
    case SC_TURN_ACCEPTED:
        reached(l, SC_STAGE_DELIVERED);
        break;
    case SC_TURN_STARTED:
        reached(l, SC_STAGE_STARTED);
        break;
    case SC_TURN_REPLIED:
        finish(l, sc_router_reply(m->d.router, l->running, text, &err), &err);
        break;
    case SC_TURN_FAILED:
        if (sc_reason_ambiguous(text) ||
            sc_reason_unrun(text)) /* a gateway's, and no word of ours */
            why = sc_xasprintf("failed: %s", text);
        finish(l,
               sc_router_progress(m->d.router, l->running, SC_STAGE_DEAD, why ? why : text, &err),
               &err);
        break;
    case SC_TURN_LOST:
        why = sc_xasprintf("ambiguous: %s", text);
        finish(l, sc_router_progress(m->d.router, l->running, SC_STAGE_DEAD, why, &err), &err);
        break;
    case SC_TURN_AGAIN:
        sc_log_info(m->d.log, "turn.again", SC_ID("id", id), SC_S("reason", text));
        l->given_back = true;
        again(l);
        break;
    }
}
