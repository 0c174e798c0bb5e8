/* ops_send.c: message.send: submit, answer after the commit, or wait for the reply. */
#include <stdlib.h>
#include <string.h>

#include "handlers.h"
#include "sideclaw/mem.h"

/* One call on its way. Between submit and commit nothing can be taken back: when the caller goes
 * away then, `call` becomes NULL and the state frees itself at the commit. */
struct sending {
    struct sc_call *call;
    struct sc_wait *wait;
    struct sc_message msg; /* as committed */
    int64_t wait_ms;
};

static void free_sending(struct sending *s)
{
    sc_message_fini(&s->msg);
    free(s);
}

static void on_cancel(void *op_state)
{
    struct sending *s = op_state;
    s->call = NULL;
    if (!s->wait)
        return;
    sc_router_wait_cancel(s->wait);
    free_sending(s);
}

struct sc_value *sc_sent_value(const struct sc_message *m, enum sc_stage stage, const char *reason)
{
    struct sc_value *v = sc_value_object();
    sc_value_set_id(v, "id", &m->id);
    sc_value_set_str(v, "stage", sc_fsm_name(&sc_stage_fsm, (int)stage));
    sc_value_set_str(v, "from", m->from_agent);
    sc_value_set_str(v, "to", m->to_agent);
    sc_value_set_str(v, "gateway", m->to_gateway);
    if (reason && *reason)
        sc_value_set_str(v, "reason", reason);
    return v;
}

/* A message may have died at the door (a loop), or be an old one whose id was sent again. */
static struct sc_value *sent_now(const struct sending *s)
{
    const struct sc_spool *spool = &s->call->env->spool;
    struct sc_err err = SC_ERR_INIT;
    enum sc_stage stage = SC_STAGE_ACCEPTED;
    char reason[SC_REASON_MAX] = "";
    (void)spool->ops->out_stage(spool->impl, &s->msg.id, &stage, reason, &err); /* accepted it is */
    return sc_sent_value(&s->msg, stage, reason);
}

static void on_end(void *ctx, const struct sc_record *rec, const struct sc_record *reply)
{
    struct sending *s = ctx;
    s->wait = NULL;
    struct sc_value *v = rec ? sc_sent_value(&s->msg, rec->stage, rec->reason) : sent_now(s);
    sc_value_set(v, "reply", reply ? sc_record_value(reply, true) : sc_value_str(NULL));
    sc_value_set_bool(v, "timed_out", !rec);
    sc_call_reply_status(s->call, 200, v);
    free_sending(s);
}

static void on_submitted(void *ctx, const struct sc_message *m, const struct sc_err *err)
{
    struct sending *s = ctx;
    struct sc_err failed = SC_ERR_INIT;
    if (s->call && !err) {
        s->msg.id = m->id;
        sc_set_str(&s->msg.to_gateway, m->to_gateway);
        if (s->wait_ms > 0 && sc_router_wait(s->call->env->router, &m->id, s->wait_ms, on_end, s,
                                             &s->wait, &failed) == SC_OK)
            return;
        err = failed.code == SC_OK ? NULL : &failed;
    }
    if (s->call && err)
        sc_call_fail(s->call, err);
    else if (s->call)
        sc_call_reply(s->call, sent_now(s));
    free_sending(s);
}

/* "AGENT" or "AGENT@GATEWAY" */
static void set_recipient(struct sc_message *m, const char *to)
{
    const char *at = strrchr(to, '@');
    m->to_agent = sc_xstrndup(to, at ? (size_t)(at - to) : strlen(to));
    m->to_gateway = at ? sc_xstrdup(at + 1) : NULL;
}

/* Sent again under its id, it goes to whom it went. */
static bool set_chosen_before(const struct sc_call *call, struct sc_message *m)
{
    const struct sc_spool *spool = &call->env->spool;
    struct sc_err err = SC_ERR_INIT;
    sc_auto_record struct sc_record rec;
    sc_record_init(&rec);
    if (sc_id_is_zero(&m->id) || spool->ops->get(spool->impl, &m->id, false, &rec, &err) < 0)
        return false;
    m->to_agent = sc_xstrdup(rec.msg.to_agent);
    return true;
}

static int choose_recipient(const struct sc_call *call, struct sc_message *m, struct sc_err *err)
{
    const struct sc_pick_world world = sc_ops_world(call->env);
    const struct sc_pick_query query = { .capability = sc_value_get_str(call->params, "capability"),
                                         .except = m->from_agent };
    struct sc_candidate best;
    if (set_chosen_before(call, m))
        return SC_OK;
    int r = sc_pick_best(&world, &query, &best, err);
    if (r < 0)
        return r;
    m->to_agent = sc_xstrdup(best.agent->id);
    sc_registry_note_given(call->env->registry, m->to_agent);
    return SC_OK;
}

static int read_recipient(const struct sc_call *call, struct sc_message *m, struct sc_err *err)
{
    const char *to = sc_value_get_str(call->params, "to");
    const char *capability = sc_value_get_str(call->params, "capability");
    if (!to == !capability) {
        (void)sc_fail(err, SC_EINVAL,
                      to ? "to: an agent or a capability, not both" : "to: it is missing");
        return sc_err_remedy(err, "give an agent as to, or what it must be able to do as "
                                  "capability");
    }
    if (capability)
        return choose_recipient(call, m, err);
    set_recipient(m, to);
    return SC_OK;
}

static int read_message(const struct sc_call *call, struct sc_message *m, struct sc_err *err)
{
    const struct sc_value *p = call->params;
    const char *from = sc_value_get_str(p, "from"), *id = sc_value_get_str(p, "id");
    if (!from)
        from = call->env->default_agent;
    if (id && sc_id_parse(id, &m->id, err) < 0)
        return sc_err_wrap(err, "id");
    m->from_agent = sc_xstrdup(from);
    int r = read_recipient(call, m, err);
    if (r < 0)
        return r;
    m->body = sc_xstrdup(sc_value_get_str(p, "body"));
    m->body_len = strlen(m->body);
    m->thread = sc_xstrdup(sc_value_get_str(p, "thread"));
    m->content_type = sc_xstrdup(sc_value_get_str(p, "content_type"));
    m->traceparent = sc_xstrdup(sc_value_get_str(p, "traceparent"));
    m->ttl_s = (uint32_t)sc_value_get_int(p, "ttl_s", 0);
    return SC_OK;
}

void sc_op_message_send(struct sc_call *call)
{
    struct sc_err err = SC_ERR_INIT;
    struct sending *s = sc_xcalloc(1, sizeof *s);
    sc_message_init(&s->msg);
    s->call = call;
    s->wait_ms = sc_value_get_int(call->params, "wait_ms", 0);
    int r = read_message(call, &s->msg, &err);
    if (r == SC_OK)
        r = sc_router_submit(call->env->router, &s->msg, on_submitted, s, &err);
    if (r < 0) {
        sc_call_fail(call, &err);
        free_sending(s);
        return;
    }
    call->op_state = s;
    call->cancel = on_cancel;
}
