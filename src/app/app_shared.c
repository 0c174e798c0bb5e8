/* What the shared documents say: recent events from the mesh's list, current tasks from its queue,
 * recommendations from those of our own agents. */
#include <stdlib.h>

#include "app_internal.h"
#include "sideclaw/consul_shared.h"
#include "sideclaw/event_json.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"
#include "sideclaw/value.h"

/* Made for one look at the list. */
struct look {
    struct sc_app *app;
    struct sc_buf text;
};

static void add_event(void *ctx, const struct sc_event *e)
{
    struct look *l = ctx;
    sc_buf_adds(&l->text, l->text.n ? ",\n" : "[\n");
    sc_event_to_json(e, &l->text);
}

/* While Redis is away nobody knows what the list says: the document stays. */
static void on_listed(void *ctx, const struct sc_err *err)
{
    struct look *l = ctx;
    sc_buf_adds(&l->text, l->text.n ? "\n]\n" : "[]\n");
    if (!err)
        sc_consul_shared_answer(l->app->consul, SC_SHARED_EVENTS, l->text.p, l->text.n);
    sc_buf_fini(&l->text);
    free(l);
}

static void ask_events(void *ctx)
{
    struct sc_app *a = ctx;
    struct look *l = sc_xcalloc(1, sizeof *l);
    l->app = a;
    sc_events_list(a->events, SC_SHARED_EVENTS_MAX, add_event, on_listed, l);
}

/* ---- tasks ---- */

/* What a person wants to know of a task, and nothing that changes while it is worked on. */
static struct sc_value *task_value(const struct sc_task *t)
{
    struct sc_value *v = sc_value_object();
    sc_auto_free char *body = sc_xstrndup(t->body, sc_utf8_prefix(t->body, SC_SHARED_BODY_MAX));
    const struct {
        const char *key, *text;
    } rest[] = { { "from", t->from },    { "agent", t->agent },   { "capability", t->capability },
                 { "group", t->group },  { "holder", t->holder }, { "gateway", t->holder_gateway },
                 { "reason", t->reason } };
    sc_value_set_str(v, "id", t->id);
    sc_value_set_str(v, "state", sc_task_state_name(t->state));
    sc_value_set_str(v, "body", body);
    for (size_t i = 0; i < SC_ARRAY_LEN(rest); i++)
        if (rest[i].text)
            sc_value_set_str(v, rest[i].key, rest[i].text);
    sc_value_set_int(v, "attempts", t->attempts);
    return v;
}

static void add_task(struct sc_buf *text, const struct sc_task *t)
{
    sc_auto_value struct sc_value *v = task_value(t);
    sc_buf_adds(text, text->n ? ",\n" : "[\n");
    sc_value_dump(v, text);
}

static void on_tasks(void *ctx, const struct sc_task_reply *reply, const struct sc_err *err)
{
    struct sc_app *a = ctx;
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    (void)err;
    a->looking_at_tasks = false;
    if (!reply) /* the queue is away: the document stays */
        return;
    for (size_t i = 0; i < reply->n; i++)
        if (sc_task_is_open(reply->v[i].state) || reply->v[i].state == SC_TASK_DEAD)
            add_task(&text, &reply->v[i]);
    if (reply->front > 0) /* pushed with redis-cli; the next who asks for a task looks at them */
        sc_buf_addf(&text, "%s{\"state\":\"unread\",\"entries\":%lld}", text.n ? ",\n" : "[\n",
                    (long long)reply->front);
    sc_buf_adds(&text, text.n ? "\n]\n" : "[]\n");
    sc_consul_shared_answer(a->consul, SC_SHARED_TASKS, text.p, text.n);
}

static void ask_tasks(void *ctx)
{
    struct sc_app *a = ctx;
    struct sc_err err = SC_ERR_INIT;
    const struct sc_task_ask q = { .what = SC_TASK_LIST,
                                   .state = SC_TASK_STATES,
                                   .limit = SC_SHARED_TASKS_MAX };
    if (!a->looking_at_tasks)
        a->looking_at_tasks = sc_tasks_ask(a->tasks, &q, on_tasks, a, &err) != NULL;
}

void app_share_tasks(struct sc_app *a)
{
    if (a->consul)
        sc_consul_shared_source(a->consul, SC_SHARED_TASKS, ask_tasks, a);
}

/* ---- recommendations ---- */

/* Each sidecar writes down what its own agents recommend; all of them hear it. */
static void on_event(void *ctx, uint64_t seq, const struct sc_event *e)
{
    struct sc_app *a = ctx;
    (void)seq;
    if (sc_streq(e->kind, "recommendation") && sc_streq(e->gateway, a->cfg.gateway_name) &&
        e->agent)
        sc_consul_recommend(a->consul, e);
}

void app_build_shared(struct sc_app *a)
{
    if (!a->consul)
        return;
    a->listener = (struct sc_event_listener){ .event = on_event, .ctx = a };
    sc_events_listen(a->events, &a->listener);
    sc_consul_shared_source(a->consul, SC_SHARED_EVENTS, ask_events, a);
}
