/* Dead letters get another life, when an operator says so. Without force nothing is done that could
 * give one message two turns (ADR 0015):
 *   - incoming, and its gateway never took it: its turn waits again, under the same id;
 *   - outgoing, and no other gateway has said a word of it: it is sent again under the same id, so
 *     that a receiver who has it after all answers with what became of it;
 *   - outgoing, and its receiver calls it dead, without a turn: a new message, because whatever a
 *     gateway calls dead stays so there. */
#include <stdlib.h>

#include "router_internal.h"
#include "sideclaw/mem.h"

/* What a commit owes to the outside. */
struct revival {
    struct sc_router *r;
    struct sc_message *m;
    bool deliver; /* to a local agent, else dispatch */
};

static void on_revived(void *ctx, const struct sc_err *err)
{
    struct revival *v = ctx;
    if (!err && v->deliver)
        v->r->d.deliver(v->r->d.ctx, v->m);
    else if (!err)
        (void)router_dispatch(v->r, v->m, 0); /* when it fails, the retry looks again */
    sc_message_free(v->m);
    free(v);
}

static void after_commit(struct sc_router *r, const struct sc_message *m, bool deliver)
{
    struct revival *v = sc_xcalloc(1, sizeof *v);
    *v = (struct revival){ .r = r, .m = sc_message_copy(m), .deliver = deliver };
    r->d.spool.ops->after_commit(r->d.spool.impl, on_revived, v);
}

/* A receiver's row knows what its gateway took. A sender's may have missed a receipt: only a reason
 * of ours says that no turn ran. */
static bool may_have_run(const struct sc_record *rec)
{
    bool taken = rec->times[SC_STAGE_DELIVERED].ms || rec->times[SC_STAGE_STARTED].ms;
    return rec->ambiguous || taken || (!rec->incoming && !sc_reason_unrun(rec->reason));
}

static int needs_force(const struct sc_record *rec, struct sc_err *err)
{
    (void)sc_fail(err, SC_EEXIST, "a turn ran%s for it already (%.160s)",
                  rec->ambiguous ? ", or may have run," : "", rec->reason ? rec->reason : "dead");
    return sc_err_remedy(err, "look at what it did; --force runs it again all the same");
}

/* ---- incoming ---- */

static int give_turn_again(struct sc_router *r, const struct sc_record *rec, struct sc_err *err)
{
    const char *gateway;
    enum sc_place place = sc_registry_locate(r->d.registry, rec->msg.to_agent, &gateway);
    if (place != SC_PLACE_LOCAL && place != SC_PLACE_INBOX) {
        (void)sc_fail(err, SC_ENOENT, "agent %s is not here any more", rec->msg.to_agent);
        return sc_err_remedy(err, "let its sender send it again: sideclaw agents says where it is");
    }
    int rc = r->d.spool.ops->in_revive(r->d.spool.impl, &rec->msg.id, router_now(r),
                                       may_have_run(rec), err);
    if (rc == SC_OK && place == SC_PLACE_INBOX)
        rc = sc_router_progress(r, &rec->msg, SC_STAGE_DELIVERED, NULL, err);
    if (rc == SC_OK && place == SC_PLACE_LOCAL)
        after_commit(r, &rec->msg, true);
    return rc;
}

/* ---- outgoing ---- */

static int send_again(struct sc_router *r, const struct sc_record *rec, struct sc_err *err)
{
    struct sc_message m = rec->msg; /* borrowed */
    sc_wall now = router_now(r), next = { now.ms + r->d.limits.ack_ms };
    m.timestamp = now;
    m.prev = (struct sc_id){ .b = { 0 } }; /* those before it are long over */
    int rc = r->d.spool.ops->out_revive(r->d.spool.impl, &m, now, next, err);
    if (rc < 0)
        return rc;
    after_commit(r, &m, false);
    router_due(r, next);
    return SC_OK;
}

static int repeat(struct sc_router *r, const struct sc_record *rec, struct sc_id *ret_as,
                  struct sc_err *err)
{
    struct sc_message *m = sc_message_copy(&rec->msg);
    const char *gateway;
    m->id = sc_id_new(router_now(r));
    m->seq = 0;
    /* It goes to where the agent is now. */
    if (m->kind == SC_KIND_MESSAGE && !sc_registry_everywhere(m->to_agent) &&
        sc_registry_locate(r->d.registry, m->to_agent, &gateway) != SC_PLACE_UNKNOWN)
        sc_set_str(&m->to_gateway, NULL);
    int rc = sc_router_submit(r, m, NULL, NULL, err);
    if (rc == SC_OK)
        rc = r->d.spool.ops->out_retried(r->d.spool.impl, &rec->msg.id, &m->id, err);
    if (rc == SC_OK)
        *ret_as = m->id;
    sc_message_free(m);
    return rc;
}

static bool is_unheard(const struct sc_record *rec)
{
    return !rec->times[SC_STAGE_STORED].ms && !rec->times[SC_STAGE_DELIVERED].ms &&
           !rec->times[SC_STAGE_STARTED].ms &&
           (sc_streq(rec->reason, ROUTER_UNHEARD) || sc_streq(rec->reason, ROUTER_UNKNOWN));
}

static int retry_outgoing(struct sc_router *r, const struct sc_record *rec, bool force,
                          struct sc_id *ret_as, struct sc_err *err)
{
    if (is_unheard(rec) && !force)
        return send_again(r, rec, err);
    if (!force && may_have_run(rec))
        return needs_force(rec, err);
    return repeat(r, rec, ret_as, err);
}

/* ---- both ---- */

static int not_listed(const struct sc_record *rec, struct sc_err *err)
{
    char as[SC_ID_TEXT_SIZE];
    sc_id_format(&rec->retried_as, as);
    if (rec->stage != SC_STAGE_DEAD)
        return sc_fail(err, SC_EEXIST, "it is not dead, but %s",
                       sc_fsm_name(&sc_stage_fsm, (int)rec->stage));
    if (!sc_id_is_zero(&rec->retried_as))
        return sc_fail(err, SC_EEXIST, "it was retried already, as %s", as);
    (void)sc_fail(err, SC_ENOENT, "it was dropped from the list of dead letters");
    return sc_err_remedy(err, "send its text again: sideclaw show ID");
}

int sc_router_retry_dead(struct sc_router *r, const struct sc_record *rec, bool force,
                         struct sc_id *ret_as, struct sc_err *err)
{
    struct sc_id as = rec->msg.id;
    int rc;
    if (!rec->listed)
        rc = not_listed(rec, err);
    else if (!rec->incoming)
        rc = retry_outgoing(r, rec, force, &as, err);
    else if (may_have_run(rec) && !force)
        rc = needs_force(rec, err);
    else
        rc = give_turn_again(r, rec, err);
    if (rc < 0)
        return rc;
    sc_log_info(r->d.log, "dead.retried", SC_ID("id", &rec->msg.id), SC_ID("as", &as),
                SC_S("direction", rec->incoming ? "in" : "out"),
                SC_S("forced", force ? "yes" : "no"));
    *ret_as = as;
    return SC_OK;
}
