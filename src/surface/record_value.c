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

struct sc_value *sc_record_value(const struct sc_record *r, bool with_body)
{
    const struct sc_message *m = &r->msg;
    struct sc_value *v = sc_value_object();
    sc_value_set_id(v, "id", &m->id);
    sc_value_set_str(v, "direction", r->incoming ? "in" : "out");
    sc_value_set_str(v, "kind", sc_kind_name(m->kind));
    sc_value_set_str(v, "stage", sc_fsm_name(&sc_stage_fsm, (int)r->stage));
    sc_value_set_str(v, "reason", r->reason);
    sc_value_set(v, "from", sc_address_value(m->from_agent, m->from_gateway));
    sc_value_set(v, "to", sc_address_value(m->to_agent, m->to_gateway));
    sc_value_set_str(v, "thread", m->thread);
    sc_value_set_id(v, "in_reply_to", &m->in_reply_to);
    sc_value_set_time(v, "timestamp", m->timestamp);
    if (r->incoming)
        sc_value_set_bool(v, "acked", r->acked);
    else
        sc_value_set_int(v, "attempts", r->attempts);
    sc_value_set(v, "times", times_value(r));
    if (with_body) {
        sc_value_set_str(v, "content_type", m->content_type ? m->content_type : "text/plain");
        sc_value_set_str(v, "body", m->body);
    }
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
