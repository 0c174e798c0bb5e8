/* ops_delegate.c: work that one agent is asked for: a message that wakes him, and what became of
 * it. The rest of the task operations is in ops_tasks.c. */
#include <stdlib.h>
#include <string.h>

#include "delegate.h"
#include "sideclaw/mem.h"
#include "sideclaw/task_note_json.h"

/* One push between submit and commit; call NULL: the caller went away. */
struct asking {
    struct sc_call *call;
    char *name, *agent, *from;
};

static void free_asking(struct asking *a)
{
    free(a->name);
    free(a->agent);
    free(a->from);
    free(a);
}

static void on_cancel(void *op_state)
{
    ((struct asking *)op_state)->call = NULL;
}

static struct sc_value *asked_value(const char *name, const char *state, const char *agent,
                                    const char *from)
{
    struct sc_value *v = sc_value_object();
    sc_value_set_str(v, "id", name);
    sc_value_set_str(v, "state", state);
    sc_value_set_str(v, "agent", agent);
    sc_value_set_str(v, "from", from);
    return v;
}

static void on_submitted(void *ctx, const struct sc_message *m, const struct sc_err *err)
{
    struct asking *a = ctx;
    (void)m;
    if (a->call && err)
        sc_call_fail(a->call, err);
    else if (a->call)
        sc_call_reply(a->call, asked_value(a->name, "queued", a->agent, a->from));
    free_asking(a);
}

static void fill(struct sc_message *m, const struct sc_task *t, char ret_name[SC_ID_TEXT_SIZE],
                 sc_wall now)
{
    m->id = t->id ? sc_task_message_id(t->id) : sc_id_new(now);
    sc_id_format(&m->id, ret_name);
    m->from_agent = sc_xstrdup(t->from);
    m->to_agent = sc_xstrdup(t->agent);
    m->body = sc_xstrdup(t->body);
    m->body_len = strlen(t->body);
    m->ttl_s = (uint32_t)(t->timeout_ms / 1000);
    sc_message_set_task(m, t->id ? t->id : ret_name);
}

void sc_delegate_push(struct sc_call *call, const struct sc_task *t)
{
    struct sc_err err = SC_ERR_INIT;
    char name[SC_ID_TEXT_SIZE];
    sc_auto_message struct sc_message m;
    sc_message_init(&m);
    fill(&m, t, name, sc_clock_wall(&call->env->clock));
    struct asking *a = sc_xcalloc(1, sizeof *a);
    *a = (struct asking){ .call = call,
                          .name = sc_xstrdup(t->id ? t->id : name),
                          .agent = sc_xstrdup(t->agent),
                          .from = sc_xstrdup(t->from) };
    if (sc_router_submit(call->env->router, &m, on_submitted, a, &err) < 0) {
        free_asking(a);
        sc_call_fail(call, &err);
        return;
    }
    call->op_state = a;
    call->cancel = on_cancel;
}

/* --- how far it got --- */

static const char *state_of(enum sc_stage stage)
{
    if (stage == SC_STAGE_DEAD)
        return "failed";
    if (stage == SC_STAGE_REPLIED)
        return "done";
    return stage == SC_STAGE_STARTED ? "running" : "queued";
}

/* As its sender knows it: by the receipts of its message, and the reply. */
static struct sc_value *sent_value(const struct sc_ops_env *env, const char *name)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_value *v = NULL;
    struct sc_id id = sc_task_message_id(name);
    sc_auto_record struct sc_record rec, reply;
    sc_record_init(&rec);
    sc_record_init(&reply);
    if (env->spool.ops->get(env->spool.impl, &id, false, &rec, &err) < 0)
        return NULL;
    sc_auto_free char *task = sc_message_task(&rec.msg);
    if (!sc_streq(task, name))
        return NULL;
    v = asked_value(name, state_of(rec.stage), rec.msg.to_agent, rec.msg.from_agent);
    sc_value_set_str(v, "body", rec.msg.body);
    sc_value_set_time(v, "created", rec.msg.timestamp);
    if (rec.reason)
        sc_value_set_str(v, "reason", rec.reason);
    if (rec.stage == SC_STAGE_REPLIED &&
        env->spool.ops->in_reply_to(env->spool.impl, &id, &reply, &err) == SC_OK)
        sc_value_set_str(v, "result", reply.msg.body);
    return v;
}

struct sc_value *sc_delegate_get(const struct sc_ops_env *env, const char *name)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_task_note n = { .agent = NULL };
    if (!env->notes || sc_task_notes_get(env->notes, NULL, name, &n, &err) < 0)
        return sent_value(env, name);
    struct sc_value *v = sc_task_note_value(&n);
    sc_task_note_fini(&n);
    return v;
}

/* --- its agent says how it ended --- */

struct ending {
    struct sc_call *call;
    bool ok;
    char *name;
};

static void on_end_cancel(void *op_state)
{
    ((struct ending *)op_state)->call = NULL;
}

static void on_ended(void *ctx, const struct sc_err *err)
{
    struct ending *e = ctx;
    if (e->call && err) {
        sc_call_fail(e->call, err);
    } else if (e->call) {
        struct sc_value *v = sc_value_object();
        sc_value_set_str(v, "id", e->name);
        sc_value_set_str(v, "state", e->ok ? "done" : "failed");
        sc_call_reply(e->call, v);
    }
    free(e->name);
    free(e);
}

void sc_delegate_end(struct sc_call *call, const char *agent, bool ok, const char *text)
{
    struct sc_err err = SC_ERR_INIT;
    const struct sc_ops_env *env = call->env;
    const char *name = sc_value_get_str(call->params, "id");
    int r = sc_task_notes_end(env->notes, agent, name, ok, text, &err);
    if (r == SC_ENOENT) {
        (void)sc_fail(&err, SC_EINVAL, "fence: it is missing, and nobody asked %s for task %s",
                      agent, name);
        (void)sc_err_remedy(&err, "give back the `fence` that pop_task gave you");
    }
    if (r < 0) {
        sc_call_fail(call, &err);
        return;
    }
    struct ending *e = sc_xcalloc(1, sizeof *e);
    *e = (struct ending){ .call = call, .ok = ok, .name = sc_xstrdup(name) };
    call->op_state = e;
    call->cancel = on_end_cancel;
    env->spool.ops->after_commit(env->spool.impl, on_ended, e);
}
