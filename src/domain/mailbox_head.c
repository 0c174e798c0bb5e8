/* The head of a lane: does it still want a turn, and may it be the next? */
#include <stdlib.h>

#include "mailbox_internal.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"

/* What the gateway has is its to end; before that, or when it gave it back, the ttl ends it here.
 */
static bool is_expired(const struct lane *l, const struct sc_record *head)
{
    struct sc_message msg = head->msg; /* borrowed */
    bool ours =
        head->stage == SC_STAGE_STORED || (head->stage == SC_STAGE_DELIVERED && l->given_back);
    if (head->revived.ms) /* its ttl begins again */
        msg.timestamp = head->revived;
    return ours && sc_message_is_expired(&msg, sc_clock_wall(&l->box->d.clock));
}

/* Nothing is claimed that is not known: an earlier life may have handed it over and died before it
 * could write so, and a gateway also gives back what it ran when the connection was lost. */
static const char *why_expired(const struct lane *l)
{
    return l->look_first ? "ambiguous: expired, and its gateway may have run it"
                         : "expired: its gateway did not take it within its ttl";
}

static int peek_head(const struct lane *l, struct sc_record *head, struct sc_err *err)
{
    const struct sc_spool *spool = &l->box->d.spool;
    return spool->ops->in_head(spool->impl, l->to_agent, l->from_agent, l->from_gateway, head, err);
}

int mailbox_head_take(struct lane *l, struct sc_record *head, struct sc_err *err)
{
    bool died = false;
    int rc = peek_head(l, head, err);
    while (rc == SC_OK && is_expired(l, head)) {
        rc = sc_router_progress(l->box->d.router, &head->msg, SC_STAGE_DEAD, why_expired(l), err);
        if (rc < 0)
            break;
        died = true;
        l->given_back = false;
        sc_record_fini(head);
        rc = peek_head(l, head, err);
    }
    if (died)
        mailbox_lane_settle(l);
    return died ? SC_EBUSY : rc;
}

void mailbox_head_hear(struct lane *l, const struct sc_message *m)
{
    if (sc_id_is_zero(&m->prev))
        l->freed = m->id;
}

bool mailbox_head_waits(const struct lane *l, const struct sc_message *m)
{
    if (sc_id_is_zero(&m->prev) || sc_id_eq(&m->prev, &l->last) || sc_id_eq(&m->id, &l->freed))
        return false;
    return !sc_router_came(l->box->d.router, &m->prev, SC_STAGE_STORED);
}

/* What waits in an inbox that nobody wakes for. */
struct resting {
    struct sc_message **v; /* copied: a row must not be changed while it is being visited */
    size_t n;
};

static bool collect(void *ctx, const struct sc_record *rec)
{
    struct resting *rest = ctx;
    rest->v[rest->n++] = sc_message_copy(&rec->msg);
    return true;
}

/* Listed last, because lists show what is stored in the order in which it came. */
static int rest_one(struct lane *l, const struct sc_message *m, struct sc_err *err)
{
    const struct sc_spool *spool = &l->box->d.spool;
    int rc = sc_router_progress(l->box->d.router, m, SC_STAGE_DELIVERED, NULL, err);
    if (rc == SC_OK)
        rc = spool->ops->in_last(spool->impl, &m->id, err);
    if (rc == SC_OK)
        l->last = m->id;
    return rc;
}

/* One that waits for another has its own ttl all the same. */
static int end_one(const struct lane *l, const struct sc_message *m, struct sc_err *err)
{
    return sc_router_progress(l->box->d.router, m, SC_STAGE_DEAD,
                              "expired: one before it did not come within its ttl", err);
}

int mailbox_head_rest(struct lane *l, size_t *ret_moved, size_t *ret_left)
{
    const struct sc_spool *spool = &l->box->d.spool;
    struct sc_err err = SC_ERR_INIT;
    struct resting rest = { .v = sc_xcalloc(SC_LIST_MAX, sizeof(struct sc_message *)) };
    int rc = spool->ops->in_rest(spool->impl, l->to_agent, l->from_agent, l->from_gateway, collect,
                                 &rest, &err);
    size_t moved = 0;
    for (size_t i = 0; i < rest.n; i++) {
        const struct sc_message *m = rest.v[i];
        bool waits = moved < i || mailbox_head_waits(l, m);
        if (rc == SC_OK && !waits)
            rc = rest_one(l, m, &err);
        else if (rc == SC_OK && sc_message_is_expired(m, sc_clock_wall(&l->box->d.clock)))
            rc = end_one(l, m, &err);
        else
            continue;
        moved++;
    }
    for (size_t i = 0; i < rest.n; i++)
        sc_message_free(rest.v[i]);
    free(rest.v);
    *ret_moved = moved;
    *ret_left = rest.n - moved;
    return rc;
}
