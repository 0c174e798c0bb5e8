/* record_value.c: a stored message as an operation's result shows it. */
#include "handlers.h"
#include "sideclaw/mem.h"

struct sc_value *sc_address_value(const char *agent, const char *gateway)
{
    struct sc_value *v = sc_value_object();
    sc_value_set_str(v, "agent", agent);
    sc_value_set_str(v, "gateway", gateway);
    return v;
}

void sc_value_set_time(struct sc_value *obj, const char *key, sc_wall t)
{
    char text[SC_RFC3339_SIZE];
    if (t.ms > 0)
        sc_wall_format(t, text);
    sc_value_set_str(obj, key, t.ms > 0 ? text : NULL);
}

void sc_value_set_id(struct sc_value *obj, const char *key, const struct sc_id *id)
{
    char text[SC_ID_TEXT_SIZE];
    sc_id_format(id, text);
    sc_value_set_str(obj, key, sc_id_is_zero(id) ? NULL : text);
}

static struct sc_value *times_value(const struct sc_record *r)
{
    struct sc_value *v = sc_value_object();
    for (int i = 0; i < SC_STAGES; i++)
        if (r->times[i].ms > 0)
            sc_value_set_time(v, sc_fsm_name(&sc_stage_fsm, i), r->times[i]);
    return v;
}

/* The stages in the order of their times, each with what it took to get there. */
static struct sc_value *history_value(const struct sc_record *r)
{
    struct sc_value *rows = sc_value_array();
    sc_wall before = { 0 };
    for (int i = 0; i < SC_STAGES; i++) {
        if (r->times[i].ms <= 0)
            continue;
        struct sc_value *v = sc_value_object();
        sc_value_set_str(v, "stage", sc_fsm_name(&sc_stage_fsm, i));
        sc_value_set_time(v, "at", r->times[i]);
        if (before.ms > 0)
            sc_value_set_int(v, "after_ms", r->times[i].ms - before.ms);
        sc_value_add(rows, v);
        before = r->times[i];
    }
    return rows;
}

static void set_sending(struct sc_value *v, const struct sc_record *r)
{
    sc_value_set_int(v, "attempts", r->attempts);
    sc_value_set_str(v, "via", r->via);
    sc_value_set_time(v, "next_attempt", r->due);
    if (!sc_id_is_zero(&r->retry_of))
        sc_value_set_id(v, "retry_of", &r->retry_of);
    if (!sc_id_is_zero(&r->retried_as))
        sc_value_set_id(v, "retried_as", &r->retried_as);
}

struct sc_value *sc_record_value(const struct sc_record *r, bool with_body)
{
    const struct sc_message *m = &r->msg;
    struct sc_value *v = sc_value_object();
    sc_value_set_id(v, "id", &m->id);
    sc_value_set_str(v, "direction", r->incoming ? "in" : "out");
    sc_value_set_str(v, "kind", sc_kind_name(m->kind));
    sc_value_set_str(v, "stage", sc_fsm_name(&sc_stage_fsm, (int)r->stage));
    sc_value_set_str(v, "reason", r->reason);
    sc_value_set_bool(v, "ambiguous", r->ambiguous);
    sc_value_set(v, "from", sc_address_value(m->from_agent, m->from_gateway));
    sc_value_set(v, "to", sc_address_value(m->to_agent, m->to_gateway));
    sc_value_set_str(v, "thread", m->thread);
    sc_value_set_id(v, "in_reply_to", &m->in_reply_to);
    sc_value_set_time(v, "timestamp", m->timestamp);
    if (r->incoming)
        sc_value_set_bool(v, "acked", r->acked);
    else
        set_sending(v, r);
    sc_value_set_str(v, "last_error", r->last_error);
    if (r->revived.ms > 0)
        sc_value_set_time(v, "revived", r->revived);
    sc_value_set(v, "times", times_value(r));
    if (with_body) {
        sc_value_set_str(v, "content_type", m->content_type ? m->content_type : "text/plain");
        sc_value_set_str(v, "body", m->body);
    }
    return v;
}

/* An outgoing message is answered by one that came here, an incoming one by one that left. */
static bool find_reply(const struct sc_ops_env *env, const struct sc_record *r, struct sc_id *ret)
{
    const struct sc_spool *spool = &env->spool;
    sc_auto_record struct sc_record reply;
    struct sc_err err = SC_ERR_INIT;
    sc_record_init(&reply);
    int rc = r->incoming ? spool->ops->out_reply_to(spool->impl, &r->msg.id, &reply, &err)
                         : spool->ops->in_reply_to(spool->impl, &r->msg.id, &reply, &err);
    if (rc == SC_OK)
        *ret = reply.msg.id;
    return rc == SC_OK;
}

struct sc_value *sc_message_value(const struct sc_ops_env *env, const struct sc_record *r)
{
    struct sc_id reply;
    struct sc_value *v = sc_record_value(r, true);
    sc_value_set_id(v, "replied_by",
                    find_reply(env, r, &reply) ? &reply : &(struct sc_id){ { 0 } });
    sc_value_set(v, "history", history_value(r));
    return v;
}

bool sc_call_id(struct sc_call *call, struct sc_id *ret)
{
    struct sc_err err = SC_ERR_INIT;
    if (sc_id_parse(sc_value_get_str(call->params, "id"), ret, &err) == SC_OK)
        return true;
    (void)sc_err_wrap(&err, "id");
    sc_call_fail(call, &err);
    return false;
}
