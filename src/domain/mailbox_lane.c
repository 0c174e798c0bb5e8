/* One lane: what it hands over next, and when it must wait. */
#include <stdlib.h>
#include <string.h>

#include "mailbox_internal.h"
#include "sideclaw/mem.h"

enum { SWEEP_EVERY_MS = 10 * 1000 };

void mailbox_lane_free(void *lane)
{
    struct lane *l = lane;
    sc_timer_free(l->retry);
    sc_message_free(l->running);
    free(l->key);
    free(l->to_agent);
    free(l->from_agent);
    free(l->from_gateway);
    free(l);
}

static void on_retry(void *ctx)
{
    mailbox_lane_next(ctx);
}

/* 0x1f, the unit separator, is in no name. */
static char *key_of(const char *to, const char *from, const char *from_gateway)
{
    return sc_xasprintf("%s\x1f%s\x1f%s", to, from, from_gateway ? from_gateway : "");
}

bool sc_mailbox_queues(const struct sc_mailbox *m, const struct sc_message *msg)
{
    if (sc_map_count(m->lanes) == 0)
        return false;
    sc_auto_free char *key = key_of(msg->to_agent, msg->from_agent, msg->from_gateway);
    return sc_map_get(m->lanes, key) != NULL;
}

struct lane *mailbox_lane(struct sc_mailbox *m, const char *to, const char *from,
                          const char *from_gateway)
{
    char *key = key_of(to, from, from_gateway);
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
    if (!sc_timer_armed(m->sweep))
        sc_timer_arm(m->sweep, SWEEP_EVERY_MS);
    return l;
}

static void unqueue(struct lane *l)
{
    if (l->waiting)
        TAILQ_REMOVE(&l->box->waiting, l, queue);
    l->waiting = false;
}

static void drop(struct lane *l)
{
    struct sc_mailbox *m = l->box;
    (void)sc_map_del(m->lanes, l->key);
    unqueue(l);
    l->dropped = true;
    sc_timer_disarm(l->retry);
    sc_loop_defer(m->d.loop, mailbox_lane_free, l);
}

void mailbox_lane_retry(struct lane *l)
{
    l->look_first =
        true; /* the next head may be another one, which came late, and this one follow */
    sc_timer_arm(l->retry, sc_backoff_next(&l->backoff));
}

static void on_settled(void *ctx, const struct sc_err *err)
{
    struct lane *l = ctx;
    l->settling = false;
    if (err) {
        mailbox_lane_retry(l);
        return;
    }
    sc_backoff_reset(&l->backoff);
    l->given_back = false;
    mailbox_lane_next(l);
}

void mailbox_lane_settle(struct lane *l)
{
    const struct sc_spool *spool = &l->box->d.spool;
    l->settling = true;
    spool->ops->after_commit(spool->impl, on_settled, l);
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

void mailbox_lane_end(struct lane *l)
{
    struct sc_mailbox *m = l->box;
    (void)sc_map_del_id(m->running, &l->running->id);
    count_turn(m, l->to_agent, -1);
    sc_message_free(sc_steal(&l->running));
    while (!TAILQ_EMPTY(&m->waiting) && sc_map_count(m->running) < m->d.max_turns) {
        struct lane *first = TAILQ_FIRST(&m->waiting);
        unqueue(first);
        mailbox_lane_next(first);
    }
}

/* A gateway does not run one key twice. One that an operator wants run again, although it may have
 * run, gets another; the same one after a restart, so that it is found again. */
static struct sc_id run_of(const struct sc_record *head)
{
    char id[SC_ID_TEXT_SIZE];
    if (!head->revived.ms || !head->ambiguous)
        return head->msg.id;
    sc_id_format(&head->msg.id, id);
    sc_auto_free char *name = sc_xasprintf("%s@%lld", id, (long long)head->revived.ms);
    return sc_id_derive("run", name);
}

/* 0: the turn runs. */
static int hand_over(struct lane *l, const struct sc_record *head, struct sc_err *err)
{
    struct sc_mailbox *m = l->box;
    const struct sc_turn turn = {
        .id = head->msg.id,
        .run = run_of(head),
        .agent = head->msg.to_agent,
        .from_agent = head->msg.from_agent,
        .from_gateway = head->msg.from_gateway ? head->msg.from_gateway : "external",
        .body = head->msg.body,
        .traceparent = head->msg.traceparent,
        .timeout_s = m->d.turn_timeout_s,
        .resume = l->look_first || head->stage >= SC_STAGE_DELIVERED,
        .was_taken = head->stage >= SC_STAGE_DELIVERED,
        .was_started = head->stage >= SC_STAGE_STARTED,
    };
    int rc = m->d.gateway.ops->run(m->d.gateway.impl, &turn, err);
    if (rc < 0)
        return rc;
    l->running = sc_message_copy(&head->msg);
    l->stage = head->stage;
    l->last = head->msg.id;
    (void)sc_map_set_id(m->running, &head->msg.id, l);
    count_turn(m, l->to_agent, 1);
    return SC_OK;
}

/* They have arrived where they are read, each after those before it; nothing of the lane wants a
 * turn. */
static void leave_in_inbox(struct lane *l)
{
    size_t moved = 0, left = 0;
    if (mailbox_head_rest(l, &moved, &left) < 0)
        mailbox_lane_retry(l);
    else if (moved)
        mailbox_lane_settle(l);
    else if (!left)
        drop(l);
}

static enum sc_place place_of(const struct lane *l)
{
    const char *gateway;
    return sc_registry_locate(l->box->d.registry, l->to_agent, &gateway);
}

/* May a turn of this lane start now? A lane that only lacks a free slot queues for one. */
static bool may_run(struct lane *l, enum sc_place place)
{
    struct sc_mailbox *m = l->box;
    /* Ready comes before the list of agents: until then an agent of the configuration looks local.
     */
    if (m->d.gateway.ops->state(m->d.gateway.impl) != SC_GW_READY ||
        !sc_registry_listed(m->d.registry) || (place != SC_PLACE_LOCAL && !l->look_first))
        return false;
    if (sc_map_count(m->running) < m->d.max_turns)
        return true;
    if (!l->waiting)
        TAILQ_INSERT_TAIL(&m->waiting, l, queue);
    l->waiting = true;
    return false;
}

/* What the gateway took is its to end, also when the agent has left it since. */
static bool is_turn_of(const struct lane *l, const struct sc_record *head, enum sc_place place)
{
    return head->stage >= SC_STAGE_DELIVERED ||
           (place == SC_PLACE_LOCAL && (head->revived.ms || !mailbox_head_waits(l, &head->msg)));
}

/* A drain lets turns end and none begin. What the gateway took runs there, and its end is fetched;
 * what it gave back would begin anew. */
static bool is_held(const struct lane *l, const struct sc_record *head)
{
    return l->box->held && (head->stage < SC_STAGE_DELIVERED || l->given_back);
}

static bool is_idle(const struct lane *l)
{
    return !l->dropped && !l->running && !l->settling;
}

static void refused(struct lane *l, int rc, const struct sc_err *err)
{
    struct sc_mailbox *m = l->box;
    if (rc == SC_EAWAY && m->d.gateway.ops->state(m->d.gateway.impl) != SC_GW_READY)
        return; /* its coming back tries every lane */
    sc_log_warn(m->d.log, "turn.refused", SC_S("to", l->to_agent), SC_S("reason", err->text),
                SC_S("instead", "it is tried again later"));
    mailbox_lane_retry(l);
}

void mailbox_lane_next(struct lane *l)
{
    sc_auto_record struct sc_record head;
    struct sc_err err = SC_ERR_INIT;
    enum sc_place place = place_of(l);
    sc_record_init(&head);
    if (!is_idle(l) || sc_timer_armed(l->retry))
        return;
    if (place == SC_PLACE_INBOX) {
        leave_in_inbox(l);
        return;
    }
    if (!may_run(l, place))
        return; /* gateway_ready or the end of a turn tries again */
    int rc = mailbox_head_take(l, &head, &err);
    if (rc == SC_EBUSY || (rc == SC_OK && (!is_turn_of(l, &head, place) || is_held(l, &head))))
        return; /* what it waits for tries again, or its ttl ends it */
    if (rc == SC_OK)
        rc = hand_over(l, &head, &err);
    else if (rc == SC_ENOENT)
        drop(l);
    if (rc < 0 && is_idle(l))
        refused(l, rc, &err);
}

/* All that come in a turn are looked at together: each look reads what waits in the inbox, so a
 * backlog behind a lost message would be read once for each of its messages. */
void mailbox_lane_came(struct lane *l)
{
    if (place_of(l) != SC_PLACE_INBOX)
        mailbox_lane_next(l);
    else if (is_idle(l))
        mailbox_lane_settle(l);
}

static bool sweep_lane(void *ctx, const char *key, void *value)
{
    struct lane *l = value;
    sc_auto_record struct sc_record head;
    struct sc_err err = SC_ERR_INIT;
    (void)ctx;
    (void)key;
    sc_record_init(&head);
    if (!is_idle(l))
        return true;
    if (place_of(l) == SC_PLACE_INBOX)
        leave_in_inbox(l);
    else if (mailbox_head_take(l, &head, &err) == SC_ENOENT)
        drop(l);
    return true;
}

/* While the gateway is away nobody takes heads, and their ttl passes all the same. */
void mailbox_sweep(void *mailbox)
{
    struct sc_mailbox *m = mailbox;
    sc_map_each(m->lanes, sweep_lane, NULL);
    if (sc_map_count(m->lanes) > 0)
        sc_timer_arm(m->sweep, SWEEP_EVERY_MS);
}
