/* ops_tasks.c: the task queue: push, take, complete, fail, look. */
#include <string.h>

#include "delegate.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "sideclaw/task_json.h"

enum { LIST_DEFAULT = 100 };

static void on_cancel(void *op_state)
{
    sc_tasks_forget(op_state);
}

static void start(struct sc_call *call, const struct sc_task_ask *q, sc_task_fn *fn)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_tasks_call *c = sc_tasks_ask(call->env->tasks, q, fn, call, &err);
    if (!c) {
        sc_call_fail(call, &err);
        return;
    }
    call->op_state = c;
    call->cancel = on_cancel;
}

/* Why an answer is none, said so that its reader knows what to do. */
static void refuse(struct sc_call *call, const struct sc_task_reply *reply)
{
    struct sc_err err = SC_ERR_INIT;
    const char *id = sc_value_get_str(call->params, "id");
    const struct sc_task *t = reply->n ? &reply->v[0] : NULL;
    if (reply->answer == SC_TASK_UNKNOWN) {
        (void)sc_fail(&err, SC_ENOENT, "no task %s is known", id);
        (void)sc_err_remedy(&err, "finished tasks are forgotten after a day; the rest: sideclaw "
                                  "task list");
    } else if (reply->answer == SC_TASK_FULL) {
        (void)sc_fail(&err, SC_EFULL, "the queue has %d open tasks", SC_TASKS_OPEN_MAX);
    } else if (sc_value_get(call->params, "fence")) {
        (void)sc_fail(&err, SC_EEXIST, "your lease on task %s is over: it is %s%s%s", id,
                      t ? sc_task_state_name(t->state) : "gone",
                      t && t->state == SC_TASK_RUNNING && t->holder ? " with " : "",
                      t && t->state == SC_TASK_RUNNING && t->holder ? t->holder : "");
        (void)sc_err_remedy(&err, "drop it: what you did for it does not count");
    } else {
        (void)sc_fail(&err, SC_EEXIST, "task %s is %s", id,
                      t ? sc_task_state_name(t->state) : "over");
    }
    sc_call_fail(call, &err);
}

static void on_task(void *ctx, const struct sc_task_reply *reply, const struct sc_err *err)
{
    struct sc_call *call = ctx;
    if (!reply)
        sc_call_fail(call, err);
    else if (reply->answer == SC_TASK_OK && reply->n > 0)
        sc_call_reply(call, sc_task_value(&reply->v[0], true));
    else
        refuse(call, reply);
}

/* Who asks, when nobody says so. */
static const char *who(const struct sc_call *call, const char *param)
{
    const char *name = sc_value_get_str(call->params, param);
    return name ? name : call->env->default_agent;
}

void sc_op_task_push(struct sc_call *call)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_task struct sc_task t;
    sc_task_init(&t);
    if (sc_task_from_value(call->params, &t, &err) < 0) {
        sc_call_fail(call, &err);
        return;
    }
    sc_set_str(&t.from, who(call, "from"));
    if (t.agent) { /* he is woken, and not left to look for it */
        sc_delegate_push(call, &t);
        return;
    }
    start(call, &(struct sc_task_ask){ .what = SC_TASK_PUSH, .task = &t }, on_task);
}

/* --- taking --- */

static void on_popped(void *ctx, const struct sc_task_reply *reply, const struct sc_err *err)
{
    struct sc_call *call = ctx;
    struct sc_value *v;
    if (!reply) {
        sc_call_fail(call, err);
        return;
    }
    v = sc_value_object();
    if (reply->answer == SC_TASK_OK && reply->n > 0)
        sc_value_set(v, "task", sc_task_value(&reply->v[0], true));
    else
        sc_value_set_str(v, "task", NULL);
    sc_call_reply(call, v);
}

static const struct sc_agent_info *find_agent(const struct sc_ops_env *env, const char *agent)
{
    size_t n;
    const struct sc_agent_info *agents = sc_registry_local(env->registry, &n);
    for (size_t i = 0; i < n; i++)
        if (sc_streq(agents[i].id, agent))
            return &agents[i];
    return NULL;
}

/* Those of the gateway and those that the agent declared. */
static void add_groups(struct sc_strv *groups, const struct sc_strv *labels)
{
    static const char group[] = "group=";
    for (size_t i = 0; labels && i < labels->n; i++)
        if (strncmp(labels->v[i], group, sizeof group - 1) == 0)
            sc_strv_add(groups, labels->v[i] + sizeof group - 1);
}

/* While we drain there is none for agents here: whoever takes work again and again would never end.
 */
static void reply_none(struct sc_call *call)
{
    struct sc_value *v = sc_value_object();
    sc_value_set_str(v, "task", NULL);
    sc_call_reply(call, v);
}

void sc_op_task_pop(struct sc_call *call)
{
    if (!sc_drain_serves(call->env->drain)) {
        reply_none(call);
        return;
    }
    const char *agent = who(call, "agent");
    const struct sc_agent_info *a = find_agent(call->env, agent);
    struct sc_strv groups = { .n = 0 };
    add_groups(&groups, call->env->labels);
    add_groups(&groups, a ? &a->labels : NULL);
    start(call,
          &(struct sc_task_ask){ .what = SC_TASK_POP,
                                 .agent = agent,
                                 .capabilities = a ? &a->capabilities : NULL,
                                 .groups = &groups },
          on_popped);
    sc_strv_fini(&groups);
}

/* --- with a lease --- */

/* Without a fence it is about work that the agent was asked for by name; true: the call has ended.
 */
static bool without_lease(struct sc_call *call, bool ok, const char *text)
{
    if (sc_value_get_str(call->params, "fence"))
        return false;
    sc_delegate_end(call, who(call, "agent"), ok, text);
    return true;
}

/* The lease that the call is about; false: the call has ended. */
static bool read_lease(struct sc_call *call, struct sc_task_ask *q)
{
    struct sc_err err = SC_ERR_INIT;
    q->id = sc_value_get_str(call->params, "id");
    q->agent = sc_value_get_str(call->params, "agent");
    if (sc_fence_parse(sc_value_get_str(call->params, "fence"), &q->fence, &q->home, &err) == SC_OK)
        return true;
    sc_call_fail(call, &err);
    return false;
}

static void on_completed(void *ctx, const struct sc_task_reply *reply, const struct sc_err *err)
{
    struct sc_call *call = ctx;
    if (!reply || reply->answer != SC_TASK_PENDING) {
        on_task(ctx, reply, err);
        return;
    }
    struct sc_value *v = sc_value_object();
    sc_value_set_str(v, "id", sc_value_get_str(call->params, "id"));
    sc_value_set_str(v, "state", "finishing");
    sc_value_set_bool(v, "confirmed", false);
    sc_call_reply_status(call, 202, v);
}

void sc_op_task_complete(struct sc_call *call)
{
    struct sc_task_ask q = { .what = SC_TASK_END };
    if (without_lease(call, true, sc_value_get_str(call->params, "result")) ||
        !read_lease(call, &q))
        return;
    q.text = sc_value_get_str(call->params, "result");
    start(call, &q, on_completed);
}

void sc_op_task_fail(struct sc_call *call)
{
    struct sc_task_ask q = { .what = SC_TASK_FAIL };
    if (without_lease(call, false, sc_value_get_str(call->params, "reason")) ||
        !read_lease(call, &q))
        return;
    q.text = sc_value_get_str(call->params, "reason");
    if (!q.text || !*q.text)
        q.text = "failed without a reason";
    q.retry = sc_value_get_bool(call->params, "retry", true);
    start(call, &q, on_task);
}

void sc_op_task_renew(struct sc_call *call)
{
    struct sc_task_ask q = { .what = SC_TASK_RENEW };
    if (read_lease(call, &q))
        start(call, &q, on_task);
}

/* --- looking, and a person's word --- */

static void about(struct sc_call *call, enum sc_task_what what, const char *text)
{
    start(call,
          &(struct sc_task_ask){
              .what = what, .id = sc_value_get_str(call->params, "id"), .text = text },
          on_task);
}

void sc_op_task_get(struct sc_call *call)
{
    struct sc_value *v = sc_delegate_get(call->env, sc_value_get_str(call->params, "id"));
    if (v)
        sc_call_reply(call, v);
    else
        about(call, SC_TASK_GET, NULL);
}

void sc_op_task_retry(struct sc_call *call)
{
    about(call, SC_TASK_RETRY, NULL);
}

void sc_op_task_cancel(struct sc_call *call)
{
    about(call, SC_TASK_CANCEL, "called off by a person");
}

static void on_list(void *ctx, const struct sc_task_reply *reply, const struct sc_err *err)
{
    struct sc_call *call = ctx;
    if (!reply) {
        sc_call_fail(call, err);
        return;
    }
    struct sc_value *v = sc_value_object(), *rows = sc_value_array();
    for (size_t i = 0; i < reply->n; i++)
        sc_value_add(rows, sc_task_value(&reply->v[i], true));
    sc_value_set(v, "tasks", rows);
    sc_value_set_int(v, "open", reply->open);
    sc_value_set_int(v, "unread", reply->front);
    sc_call_reply(call, v);
}

void sc_op_task_list(struct sc_call *call)
{
    struct sc_err err = SC_ERR_INIT;
    const char *state = sc_value_get_str(call->params, "state");
    struct sc_task_ask q = { .what = SC_TASK_LIST,
                             .state = SC_TASK_STATES,
                             .limit = (int)sc_value_get_int(call->params, "limit", LIST_DEFAULT) };
    if (state && !sc_task_state_parse(state, &q.state)) {
        (void)sc_fail(&err, SC_EINVAL, "state: there is no state %.16s", state);
        (void)sc_err_remedy(&err, "queued, waiting, running, done, dead or cancelled");
        sc_call_fail(call, &err);
        return;
    }
    start(call, &q, on_list);
}
