#include "sideclaw/mailbox.h"

#include <stdlib.h>
#include <string.h>

#include "sideclaw/backoff.h"
#include "sideclaw/map.h"
#include "sideclaw/mem.h"

/* One sender -> receiver pair. It exists while something of it waits or runs. */
struct lane {
    struct sc_mailbox *box;
    char *key;
    char *to_agent, *from_agent, *from_gateway;
    struct sc_message *running; /* NULL: no turn is running */
    struct sc_timer *retry;     /* armed: wait before handing the head over again */
    struct sc_backoff backoff;
    bool dropped;               /* empty; its memory goes at the end of the loop's turn */
};

struct sc_mailbox {
    struct sc_mailbox_deps d;
    struct sc_map *lanes;   /* key -> struct lane */
    struct sc_map *running; /* message id -> struct lane */
    struct sc_map *turns;   /* agent -> int: its running turns */
    bool starved;           /* a lane found max_turns running */
};

static void lane_next(struct lane *l);

static void free_lane(void *value)
{
    struct lane *l = value;
    sc_timer_free(l->retry);
    sc_message_free(l->running);
    free(l->key);
    free(l->to_agent);
    free(l->from_agent);
    free(l->from_gateway);
    free(l);
}

struct sc_mailbox *sc_mailbox_new(const struct sc_mailbox_deps *deps)
{
    struct sc_mailbox *m = sc_xcalloc(1, sizeof *m);
    m->d = *deps;
    m->lanes = sc_map_new();
    m->running = sc_map_new();
    m->turns = sc_map_new();
    return m;
}

void sc_mailbox_free(struct sc_mailbox *m)
{
    if (!m)
        return;
    sc_map_free(m->running, NULL);
    sc_map_free(m->lanes, free_lane);
    sc_map_free(m->turns, free);
    free(m);
}

unsigned sc_mailbox_turns(const struct sc_mailbox *m)
{
    return (unsigned)sc_map_count(m->running);
}

static void on_retry(void *ctx)
{
    lane_next(ctx);
}

static struct lane *lane_for(struct sc_mailbox *m, const char *to, const char *from,
                             const char *from_gateway)
{
    /* 0x1f, the unit separator, is in no name. */
    char *key = sc_xasprintf("%s\x1f%s\x1f%s", to, from, from_gateway ? from_gateway : "");
    struct lane *l = sc_map_get(m->lanes, key);
    if (l) {
        free(key);
        return l;
    }
    l = sc_xcalloc(1, sizeof *l);
    l->box = m;
    l->key = key;
    l->to_agent = sc_xstrdup(to);
    l->from_agent = sc_xstrdup(from);
    l->from_gateway = sc_xstrdup(from_gateway);
    l->backoff = (struct sc_backoff){ .min_ms = m->d.retry_min_ms, .max_ms = m->d.retry_max_ms };
    l->retry = sc_timer_new(m->d.loop, on_retry, l);
    (void)sc_map_set(m->lanes, key, l);
    return l;
}

static void drop_lane(struct lane *l)
{
    struct sc_mailbox *m = l->box;
    (void)sc_map_del(m->lanes, l->key);
    l->dropped = true;
    sc_timer_disarm(l->retry);
    sc_loop_defer(m->d.loop, free_lane, l);
}

static void count_turn(struct sc_mailbox *m, const char *agent, int delta)
{
    int *n = sc_map_get(m->turns, agent);
    if (!n) {
        n = sc_xcalloc(1, sizeof *n);
        (void)sc_map_set(m->turns, agent, n);
    }
    *n += delta;
    sc_registry_set_busy(m->d.registry, agent, *n > 0);
    if (*n == 0)
        free(sc_map_del(m->turns, agent));
}

static bool try_lane(void *ctx, const char *key, void *value)
{
    struct lane *l = value;
    (void)ctx;
    (void)key;
    if (!l->running && !sc_timer_armed(l->retry))
        lane_next(l);
    return true;
}

static void end_turn(struct lane *l)
{
    struct sc_mailbox *m = l->box;
    char id[SC_ID_TEXT_SIZE];
    sc_id_format(&l->running->id, id);
    (void)sc_map_del(m->running, id);
    count_turn(m, l->to_agent, -1);
    sc_message_free(sc_steal(&l->running));
    if (m->starved) {
        m->starved = false;
        sc_map_each(m->lanes, try_lane, NULL);
    }
}

static void retry_later(struct lane *l)
{
    sc_timer_arm(l->retry, sc_backoff_next(&l->backoff));
}

static bool is_expired(const struct sc_mailbox *m, const struct sc_message *msg)
{
    return msg->ttl_s && msg->timestamp.ms &&
           sc_clock_wall(&m->d.clock).ms > msg->timestamp.ms + (int64_t)msg->ttl_s * 1000;
}

/* 0: the turn runs. SC_EAWAY: not now. Others: never. */
static int hand_over(struct lane *l, const struct sc_record *head, struct sc_err *err)
{
    struct sc_mailbox *m = l->box;
    char id[SC_ID_TEXT_SIZE];
    const struct sc_turn turn = {
        .id = head->msg.id,
        .agent = head->msg.to_agent,
        .from_agent = head->msg.from_agent,
        .from_gateway = head->msg.from_gateway ? head->msg.from_gateway : "external",
        .body = head->msg.body,
        .traceparent = head->msg.traceparent,
        .timeout_s = m->d.turn_timeout_s,
        .resume = head->stage >= SC_STAGE_DELIVERED || l->backoff.attempt > 0,
    };
    int rc = m->d.gateway.ops->run(m->d.gateway.impl, &turn, err);
    if (rc < 0)
        return rc;
    l->running = sc_message_copy(&head->msg);
    sc_id_format(&head->msg.id, id);
    (void)sc_map_set(m->running, id, l);
    count_turn(m, l->to_agent, 1);
    return SC_OK;
}

/* The head of the lane, or SC_ENOENT; expired ones die on the way. */
static int take_head(struct lane *l, struct sc_record *head, struct sc_err *err)
{
    struct sc_mailbox *m = l->box;
    for (;;) {
        int rc = m->d.spool.ops->in_head(m->d.spool.impl, l->to_agent, l->from_agent,
                                         l->from_gateway, head, err);
        if (rc < 0 || head->stage >= SC_STAGE_STARTED || !is_expired(m, &head->msg))
            return rc;
        sc_router_progress(m->d.router, &head->msg, SC_STAGE_DEAD,
                           "expired: its gateway did not take it within its ttl");
        sc_record_fini(head);
    }
}

static bool may_run(const struct lane *l)
{
    const char *gateway;
    struct sc_mailbox *m = l->box;
    if (m->d.gateway.ops->state(m->d.gateway.impl) != SC_GW_READY)
        return false;
    if (sc_registry_locate(m->d.registry, l->to_agent, &gateway) != SC_PLACE_LOCAL)
        return false;
    if (sc_map_count(m->running) < m->d.max_turns)
        return true;
    m->starved = true;
    return false;
}

static void lane_next(struct lane *l)
{
    struct sc_mailbox *m = l->box;
    sc_auto_record struct sc_record head;
    struct sc_err err = SC_ERR_INIT;
    sc_record_init(&head);
    if (l->dropped || l->running || !may_run(l))
        return; /* gateway_ready or the end of a turn tries again */
    int rc = take_head(l, &head, &err);
    if (rc == SC_ENOENT) {
        drop_lane(l);
        return;
    }
    if (rc == SC_OK)
        rc = hand_over(l, &head, &err);
    if (rc == SC_OK || rc == SC_EAWAY)
        return;
    sc_log_warn(m->d.log, "turn.refused", SC_ID("id", &head.msg.id), SC_S("reason", err.text),
                SC_S("instead", "it is tried again later"));
    retry_later(l);
}

void sc_mailbox_deliver(struct sc_mailbox *m, const struct sc_message *msg)
{
    struct lane *l = lane_for(m, msg->to_agent, msg->from_agent, msg->from_gateway);
    if (!l->running && !sc_timer_armed(l->retry))
        lane_next(l);
}

static void found_lane(void *ctx, const char *to, const char *from, const char *from_gateway)
{
    (void)lane_for(ctx, to, from, from_gateway);
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
    sc_timer_disarm(l->retry);
    return try_lane(ctx, key, value);
}

void sc_mailbox_gateway_ready(struct sc_mailbox *m)
{
    sc_map_each(m->lanes, reset_lane, NULL);
}

/* The next one of the lane starts at the end of the turn: the spool has then seen this one's end.
 */
static void next_later(void *ctx)
{
    lane_next(ctx);
}

static void finish(struct lane *l)
{
    struct sc_mailbox *m = l->box;
    sc_backoff_reset(&l->backoff);
    end_turn(l);
    sc_loop_defer(m->d.loop, next_later, l);
}

void sc_mailbox_turn(struct sc_mailbox *m, const struct sc_id *id, enum sc_turn_event ev,
                     const char *text)
{
    char key[SC_ID_TEXT_SIZE];
    sc_id_format(id, key);
    struct lane *l = sc_map_get(m->running, key);
    if (!l)
        return;
    switch (ev) {
    case SC_TURN_ACCEPTED:
        sc_router_progress(m->d.router, l->running, SC_STAGE_DELIVERED, NULL);
        break;
    case SC_TURN_STARTED:
        sc_router_progress(m->d.router, l->running, SC_STAGE_STARTED, NULL);
        break;
    case SC_TURN_REPLIED:
        sc_router_reply(m->d.router, l->running, text);
        finish(l);
        break;
    case SC_TURN_FAILED:
        sc_router_progress(m->d.router, l->running, SC_STAGE_DEAD, text);
        finish(l);
        break;
    case SC_TURN_AGAIN:
        sc_log_info(m->d.log, "turn.again", SC_ID("id", id), SC_S("reason", text));
        end_turn(l);
        retry_later(l);
        break;
    }
}
