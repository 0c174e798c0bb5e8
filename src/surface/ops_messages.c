/* ops_messages.c: what lies in the spool: one message, an inbox, the outbox. */
#include <stdlib.h>
#include <string.h>

#include "handlers.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

enum { LIST_DEFAULT = 100 };

static int get(const struct sc_call *call, const struct sc_id *id, bool incoming,
               struct sc_record *ret, struct sc_err *err)
{
    const struct sc_spool *spool = &call->env->spool;
    return spool->ops->get(spool->impl, id, incoming, ret, err);
}

static void no_such_message(struct sc_call *call, const struct sc_id *id)
{
    struct sc_err err = SC_ERR_INIT;
    char text[SC_ID_TEXT_SIZE];
    sc_id_format(id, text);
    (void)sc_fail(&err, SC_ENOENT, "no message %s is known here", text);
    (void)sc_err_remedy(&err,
                        "settled messages are dropped after spool.retention_s; list the rest: "
                        "sideclaw outbox --all");
    sc_call_fail(call, &err);
}

/* A message between two agents of this gateway is in both tables; the sender's row knows its fate.
 */
void sc_op_message_get(struct sc_call *call)
{
    struct sc_id id;
    struct sc_err err = SC_ERR_INIT;
    sc_auto_record struct sc_record rec;
    sc_record_init(&rec);
    if (!sc_call_id(call, &id))
        return;
    int r = get(call, &id, false, &rec, &err);
    if (r == SC_ENOENT)
        r = get(call, &id, true, &rec, &err);
    if (r == SC_OK)
        sc_call_reply(call, sc_message_value(call->env, &rec));
    else if (r == SC_ENOENT)
        no_such_message(call, &id);
    else
        sc_call_fail(call, &err);
}

/* --- lists --- */

struct listing {
    struct sc_value *rows;
    bool with_body;
    size_t bytes;
    bool truncated;
};

static bool add_row(void *ctx, const struct sc_record *r)
{
    struct listing *l = ctx;
    l->bytes += l->with_body ? r->msg.body_len : 0;
    if (l->bytes > SC_LIST_BYTES_MAX && sc_value_count(l->rows) > 0) {
        l->truncated = true;
        return false;
    }
    sc_value_add(l->rows, sc_record_value(r, l->with_body));
    return true;
}

static void reply_list(struct sc_call *call, struct sc_value *take_result, struct listing *l)
{
    sc_value_set(take_result, "messages", l->rows);
    if (l->truncated)
        sc_value_set_bool(take_result, "truncated", true);
    sc_call_reply(call, take_result);
}

/* An inbox of an agent that nobody knows is empty; saying so would hide a mistyped name. */
static int check_agent(const struct sc_call *call, const char *agent, struct sc_err *err)
{
    const struct sc_registry *registry = call->env->registry;
    const char *gateway = NULL;
    switch (sc_registry_locate(registry, agent, &gateway)) {
    case SC_PLACE_REMOTE:
        (void)sc_fail(err, SC_ENOENT, "agent %s has its inbox on gateway %s", agent, gateway);
        return sc_err_remedy(err, "ask there: sideclaw inbox %s", agent);
    case SC_PLACE_UNKNOWN:
        gateway = sc_registry_suggest(registry, agent);
        (void)sc_fail(err, SC_ENOENT, "no agent is called '%s'", agent);
        if (gateway)
            return sc_err_remedy(err, "did you mean '%s'? All of them: sideclaw agents", gateway);
        return sc_err_remedy(err, "list them: sideclaw agents");
    case SC_PLACE_INBOX:
    case SC_PLACE_LOCAL:
        break;
    }
    return SC_OK;
}

/* The parameter `agent`; NULL: it is no name, and the call has ended. */
static const char *call_agent(struct sc_call *call)
{
    struct sc_err err = SC_ERR_INIT;
    const char *agent = sc_value_get_str(call->params, "agent");
    if (sc_name_check("agent", agent, &err) < 0) {
        sc_call_fail(call, &err);
        return NULL;
    }
    return agent;
}

/* Who reads an inbox instead of being woken must not see a message before one that comes first. */
static enum sc_list what_to_list(const struct sc_call *call, const char *agent)
{
    if (sc_value_get_bool(call->params, "all", false))
        return SC_LIST_ALL;
    return sc_registry_rests(call->env->registry, agent) ? SC_LIST_DELIVERED : SC_LIST_UNREAD;
}

void sc_op_inbox_list(struct sc_call *call)
{
    struct sc_err err = SC_ERR_INIT;
    const char *agent = call_agent(call);
    if (!agent)
        return;
    const struct sc_spool *spool = &call->env->spool;
    int limit = (int)sc_value_get_int(call->params, "limit", LIST_DEFAULT);
    struct listing l = { .rows = sc_value_array(), .with_body = true };
    int r = spool->ops->in_list(spool->impl, agent, what_to_list(call, agent), limit, add_row, &l,
                                &err);
    if (r == SC_OK && sc_value_count(l.rows) == 0)
        r = check_agent(call, agent, &err);
    if (r < 0) {
        sc_value_free(l.rows);
        sc_call_fail(call, &err);
        return;
    }
    struct sc_value *v = sc_value_object();
    sc_value_set_str(v, "agent", agent);
    reply_list(call, v, &l);
}

void sc_op_outbox_list(struct sc_call *call)
{
    struct sc_err err = SC_ERR_INIT;
    const struct sc_spool *spool = &call->env->spool;
    bool all = sc_value_get_bool(call->params, "all", false);
    int limit = (int)sc_value_get_int(call->params, "limit", LIST_DEFAULT);
    struct listing l = { .rows = sc_value_array() };
    if (spool->ops->out_list(spool->impl, all, limit, add_row, &l, &err) < 0) {
        sc_value_free(l.rows);
        sc_call_fail(call, &err);
        return;
    }
    reply_list(call, sc_value_object(), &l);
}

/* --- one message of an inbox --- */

void sc_op_inbox_get(struct sc_call *call)
{
    struct sc_id id;
    struct sc_err err = SC_ERR_INIT;
    const char *agent = call_agent(call);
    sc_auto_record struct sc_record rec;
    sc_record_init(&rec);
    if (!agent || !sc_call_id(call, &id))
        return;
    int r = get(call, &id, true, &rec, &err);
    if (r == SC_OK && sc_streq(rec.msg.to_agent, agent))
        sc_call_reply(call, sc_record_value(&rec, true));
    else if (r == SC_OK || r == SC_ENOENT)
        no_such_message(call, &id);
    else
        sc_call_fail(call, &err);
}

/* An acknowledgement between its write and the commit. */
struct acking {
    struct sc_call *call; /* NULL: the caller went away */
    struct sc_id id;
};

static void on_ack_cancel(void *op_state)
{
    struct acking *a = op_state;
    a->call = NULL;
}

static void on_acked(void *ctx, const struct sc_err *err)
{
    struct acking *a = ctx;
    if (a->call && err) {
        sc_call_fail(a->call, err);
    } else if (a->call) {
        struct sc_value *v = sc_value_object();
        sc_value_set_id(v, "id", &a->id);
        sc_value_set_bool(v, "acked", true);
        sc_call_reply(a->call, v);
    }
    free(a);
}

void sc_op_inbox_ack(struct sc_call *call)
{
    struct sc_id id;
    struct sc_err err = SC_ERR_INIT;
    const char *agent = call_agent(call);
    if (!agent || !sc_call_id(call, &id))
        return;
    const struct sc_spool *spool = &call->env->spool;
    sc_wall now = sc_clock_wall(&call->env->clock);
    int r = spool->ops->in_ack(spool->impl, agent, &id, now, &err);
    if (r == SC_ENOENT) {
        no_such_message(call, &id);
    } else if (r < 0) {
        sc_call_fail(call, &err);
    } else {
        struct acking *a = sc_xcalloc(1, sizeof *a);
        *a = (struct acking){ .call = call, .id = id };
        call->op_state = a;
        call->cancel = on_ack_cancel;
        spool->ops->after_commit(spool->impl, on_acked, a);
    }
}
