/* ops_reply.c: inbox.reply: an agent that reads its inbox answers what lies there, as a turn's end
 * does for one that is woken. */
#include <stdlib.h>
#include <string.h>

#include "handlers.h"
#include "sideclaw/mem.h"

/* Between its write and the commit. */
struct replying {
    struct sc_call *call; /* NULL: the caller went away */
    struct sc_id id;      /* what is replied to */
};

static void on_cancel(void *op_state)
{
    struct replying *p = op_state;
    p->call = NULL;
}

static int find_reply(const struct sc_call *call, const struct sc_id *id, struct sc_record *ret,
                      struct sc_err *err)
{
    const struct sc_spool *spool = &call->env->spool;
    return spool->ops->out_reply_to(spool->impl, id, ret, err);
}

static void answer(struct sc_call *call, const struct sc_id *id)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_record struct sc_record reply;
    sc_record_init(&reply);
    if (find_reply(call, id, &reply, &err) < 0) {
        sc_call_fail(call, &err);
        return;
    }
    struct sc_value *v = sc_sent_value(&reply.msg, reply.stage, reply.reason);
    sc_value_set_id(v, "in_reply_to", id);
    sc_call_reply(call, v);
}

static void on_committed(void *ctx, const struct sc_err *err)
{
    struct replying *p = ctx;
    if (p->call && err)
        sc_call_fail(p->call, err);
    else if (p->call)
        answer(p->call, &p->id);
    free(p);
}

static int twice(const struct sc_record *reply, const struct sc_message *m, struct sc_err *err)
{
    char text[SC_ID_TEXT_SIZE];
    sc_id_format(&reply->msg.id, text);
    (void)sc_fail(err, SC_EEXIST, "you replied to it already, with %s", text);
    return sc_err_remedy(err, "to say more: send_message to %.64s%s%.64s", m->from_agent,
                         m->thread ? " with thread " : "", m->thread ? m->thread : "");
}

/* What a turn was started for, or waits for one, is answered by what the turn says at its end. */
static int check_open(const struct sc_call *call, const struct sc_record *rec, struct sc_err *err)
{
    sc_auto_record struct sc_record reply;
    sc_record_init(&reply);
    if (find_reply(call, &rec->msg.id, &reply, err) == SC_OK)
        return twice(&reply, &rec->msg, err);
    *err = (struct sc_err)SC_ERR_INIT;
    if (rec->msg.kind != SC_KIND_MESSAGE) {
        (void)sc_fail(err, SC_EEXIST, "it is a %s itself: nobody waits for an answer to it",
                      sc_kind_name(rec->msg.kind));
        return sc_err_remedy(err, "to say more: send_message to %.64s", rec->msg.from_agent);
    }
    if (rec->stage == SC_STAGE_DEAD)
        return sc_fail(err, SC_EEXIST, "it is dead: %.160s", rec->reason ? rec->reason : "");
    bool rests = sc_registry_rests(call->env->registry, rec->msg.to_agent);
    if (rec->stage == SC_STAGE_DELIVERED && rests)
        return SC_OK;
    (void)sc_fail(err, SC_EEXIST, "a turn answers it: what you say at its end is the reply");
    return sc_err_remedy(err, "just answer; reply is for messages that check_inbox shows");
}

static int reply(struct sc_call *call, const struct sc_id *id, struct sc_err *err)
{
    const char *agent = sc_value_get_str(call->params, "agent");
    const struct sc_spool *spool = &call->env->spool;
    sc_auto_record struct sc_record rec;
    sc_record_init(&rec);
    int r = spool->ops->get(spool->impl, id, true, &rec, err);
    if (r == SC_ENOENT || (r == SC_OK && !sc_streq(rec.msg.to_agent, agent))) {
        (void)sc_fail(err, SC_ENOENT, "your inbox has no message %s",
                      sc_value_get_str(call->params, "id"));
        return sc_err_remedy(err, "list it: check_inbox");
    }
    if (r == SC_OK)
        r = check_open(call, &rec, err);
    if (r == SC_OK)
        r = sc_router_reply(call->env->router, &rec.msg, sc_value_get_str(call->params, "body"),
                            err);
    /* Answered is read. One that was not found any more has been read, too. */
    if (r == SC_OK)
        (void)spool->ops->in_ack(spool->impl, agent, id, sc_clock_wall(&call->env->clock), err);
    return r;
}

void sc_op_inbox_reply(struct sc_call *call)
{
    struct sc_id id;
    struct sc_err err = SC_ERR_INIT;
    const struct sc_spool *spool = &call->env->spool;
    if (!sc_call_id(call, &id))
        return;
    if (reply(call, &id, &err) < 0) {
        sc_call_fail(call, &err);
        return;
    }
    struct replying *p = sc_xcalloc(1, sizeof *p);
    *p = (struct replying){ .call = call, .id = id };
    call->op_state = p;
    call->cancel = on_cancel;
    spool->ops->after_commit(spool->impl, on_committed, p);
}
