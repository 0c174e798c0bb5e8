/* ops_memory.c: what agents remember. An agent writes its own memory and nobody else's; the
 * operator all. */
#include <stdlib.h>
#include <string.h>

#include "handlers.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "sideclaw/memory.h"
#include "sideclaw/parse.h"

enum { LIST_DEFAULT = 100 };

/* One call that waits: for Redis's word (look), then perhaps for the commit. */
struct remembering {
    struct sc_call *call; /* NULL: the caller went away */
    struct sc_memory_look *look;
    const char *owner, *key; /* the call's */
    void (*go_on)(struct remembering *r, enum sc_memory_view view);
    struct sc_value *result; /* to be told after the commit */
};

static void finish(struct remembering *r)
{
    sc_value_free(r->result);
    free(r);
}

static void on_cancel(void *op_state)
{
    struct remembering *r = op_state;
    r->call = NULL;
    if (!r->look)
        return; /* the commit frees it */
    sc_memory_look_cancel(r->look);
    finish(r);
}

static void fail(struct remembering *r, const struct sc_err *err)
{
    sc_call_fail(r->call, err);
    finish(r);
}

/* --- whose, and may he? --- */

static int no_such_agent(const struct sc_call *call, const char *agent, struct sc_err *err)
{
    const char *near = sc_registry_suggest(call->env->registry, agent);
    (void)sc_fail(err, SC_ENOENT, "no agent is called '%s'", agent);
    if (near)
        return sc_err_remedy(err, "did you mean '%s'? All of them: sideclaw agents", near);
    return sc_err_remedy(err, "list them: sideclaw agents");
}

/* A mistyped name would be a memory that nobody reads. */
static int check_known(const struct sc_call *call, const char *agent, struct sc_err *err)
{
    const char *gateway;
    const struct sc_registry *registry = call->env->registry;
    int r = sc_name_check("agent", agent, err);
    if (r == SC_OK && sc_registry_complete(registry) &&
        sc_registry_locate(registry, agent, &gateway) == SC_PLACE_UNKNOWN)
        r = no_such_agent(call, agent, err);
    return r;
}

static int check_reader(const struct sc_call *call, const char *owner, struct sc_err *err)
{
    if (sc_memory_may_read(call->env->memory, call->caller, owner))
        return SC_OK;
    (void)sc_fail(err, SC_EPERM, "of: %s may not read the memory of %s", call->caller, owner);
    return sc_err_remedy(err,
                         "ask %s by a message, or have the operator add %s:%s to "
                         "memory.readable",
                         owner, call->caller, owner);
}

/* The call's state with owner and key; NULL: it has ended. */
static struct remembering *begin(struct sc_call *call)
{
    struct sc_err err = SC_ERR_INIT;
    const char *of = sc_value_get_str(call->params, "of"),
               *key = sc_value_get_str(call->params, "key"),
               *owner = of ? of : sc_value_get_str(call->params, "agent");
    int r = check_known(call, owner, &err);
    if (r == SC_OK && key)
        r = sc_memory_key_check(key, &err);
    if (r == SC_OK)
        r = check_reader(call, owner, &err);
    if (r < 0) {
        sc_call_fail(call, &err);
        return NULL;
    }
    struct remembering *state = sc_xcalloc(1, sizeof *state);
    *state = (struct remembering){ .call = call, .owner = owner, .key = key };
    return state;
}

static void on_looked(void *ctx, enum sc_memory_view view)
{
    struct remembering *r = ctx;
    r->look = NULL;
    r->call->cancel = NULL;
    r->go_on(r, view);
}

/* Ask Redis first, where it is there. */
static void look_first(struct remembering *r,
                       void (*go_on)(struct remembering *r, enum sc_memory_view view))
{
    bool fresh = false;
    r->go_on = go_on;
    r->look = sc_memory_look(r->call->env->memory, r->owner, r->key, on_looked, r, &fresh);
    if (!r->look) {
        go_on(r, fresh ? SC_MEMORY_FRESH : SC_MEMORY_COPY);
        return;
    }
    r->call->op_state = r;
    r->call->cancel = on_cancel;
}

static void on_committed(void *ctx, const struct sc_err *err)
{
    struct remembering *r = ctx;
    if (r->call && err)
        sc_call_fail(r->call, err);
    else if (r->call)
        sc_call_reply(r->call, sc_steal(&r->result));
    finish(r);
}

static void commit(struct remembering *r, struct sc_value *take_result)
{
    const struct sc_spool *spool = &r->call->env->spool;
    r->result = take_result;
    r->call->op_state = r;
    r->call->cancel = on_cancel;
    spool->ops->after_commit(spool->impl, on_committed, r);
}

/* --- one key --- */

static void describe(struct sc_value *v, const struct sc_memory_entry *e)
{
    sc_value_set_str(v, "key", e->key);
    sc_value_set_int(v, "bytes", (int64_t)e->n);
    sc_value_set_time(v, "written", sc_hlc_wall(e->stamp.hlc));
    sc_value_set_str(v, "by", e->stamp.node);
    sc_value_set_bool(v, "shared", !e->dirty);
    if (e->expires.ms)
        sc_value_set_time(v, "expires", e->expires);
}

static struct sc_value *entry_value(const struct remembering *r, const struct sc_memory_entry *e)
{
    struct sc_value *v = sc_value_object();
    sc_value_set_str(v, "agent", r->owner);
    describe(v, e);
    return v;
}

/* Strings in Redis may be anything; ours are text. */
static int check_text(const struct sc_memory_entry *e, struct sc_err *err)
{
    if (sc_utf8_valid(e->value, e->n))
        return SC_OK;
    (void)sc_fail(err, SC_EPROTO, "key %s: another program wrote bytes there that are no text",
                  e->key);
    return sc_err_remedy(err, "read it with redis-cli get");
}

static int foreign(const struct remembering *r, struct sc_err *err)
{
    (void)sc_fail(err, SC_EPROTO,
                  "key %s: another program wrote there what is no string of %d bytes at most",
                  r->key, SC_MEMORY_VALUE_MAX);
    return sc_err_remedy(err, "look at it with redis-cli, or set it anew");
}

static void read_key(struct remembering *r, enum sc_memory_view view)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_memory_entry e = { .key = NULL };
    sc_auto_buf struct sc_buf value = SC_BUF_INIT;
    int rc = view == SC_MEMORY_FOREIGN
                 ? foreign(r, &err)
                 : sc_memory_get(r->call->env->memory, r->owner, r->key, &e, &value, &err);
    if (rc == SC_OK)
        rc = check_text(&e, &err);
    if (rc == SC_ENOENT) {
        (void)sc_fail(&err, SC_ENOENT, "agent %s remembers nothing under %s", r->owner, r->key);
        (void)sc_err_remedy(&err, "list the keys (list_memory, sideclaw memory list %s)", r->owner);
    }
    if (rc < 0) {
        fail(r, &err);
        return;
    }
    struct sc_value *v = entry_value(r, &e);
    sc_value_set_str(v, "value", e.value);
    sc_value_set_str(v, "from", view == SC_MEMORY_FRESH ? "redis" : "copy");
    sc_call_reply(r->call, v);
    finish(r);
}

void sc_op_memory_get(struct sc_call *call)
{
    struct remembering *r = begin(call);
    if (r)
        look_first(r, read_key);
}

void sc_op_memory_set(struct sc_call *call)
{
    struct sc_err err = SC_ERR_INIT;
    struct remembering *r = begin(call);
    if (!r)
        return;
    const struct sc_value *value = sc_value_get(call->params, "value");
    struct sc_memory_entry e = { .agent = r->owner,
                                 .key = r->key,
                                 .value = sc_value_text(value),
                                 .n = sc_value_text_len(value) };
    struct sc_memory *memory = call->env->memory;
    int64_t ttl_s = sc_value_get_int(call->params, "ttl_s", 0);
    if (sc_memory_set(memory, &e, ttl_s, &err) < 0 ||
        sc_memory_get(memory, r->owner, r->key, &e, NULL, &err) < 0) {
        fail(r, &err);
        return;
    }
    commit(r, entry_value(r, &e));
}

static void delete_key(struct remembering *r, enum sc_memory_view view)
{
    struct sc_err err = SC_ERR_INIT;
    bool was = false;
    if (sc_memory_delete(r->call->env->memory, r->owner, r->key, view == SC_MEMORY_FRESH, &was,
                         &err) < 0) {
        fail(r, &err);
        return;
    }
    struct sc_value *v = sc_value_object();
    sc_value_set_str(v, "agent", r->owner);
    sc_value_set_str(v, "key", r->key);
    sc_value_set_bool(v, "deleted", was || view == SC_MEMORY_FOREIGN);
    commit(r, v);
}

void sc_op_memory_delete(struct sc_call *call)
{
    struct remembering *r = begin(call);
    if (r)
        look_first(r, delete_key);
}

/* --- many --- */

struct listing {
    struct sc_value *rows;
    int limit;
    size_t bytes;
    bool truncated;
};

static bool add_row(void *ctx, const struct sc_memory_entry *e)
{
    struct listing *l = ctx;
    size_t bytes = e->value ? e->n : 0;
    if (sc_value_count(l->rows) >= (size_t)l->limit ||
        (l->bytes && l->bytes + bytes > SC_LIST_BYTES_MAX)) {
        l->truncated = true;
        return false;
    }
    struct sc_value *v = sc_value_object();
    describe(v, e);
    if (e->value && sc_utf8_valid(e->value, e->n)) {
        sc_auto_free char *text = sc_xstrndup(e->value, e->n);
        sc_value_set_str(v, "value", text);
    }
    l->bytes += bytes;
    sc_value_add(l->rows, v);
    return true;
}

static void list_keys(struct remembering *r, enum sc_memory_view view)
{
    struct sc_err err = SC_ERR_INIT;
    const struct sc_value *params = r->call->params;
    struct listing l = { .rows = sc_value_array(),
                         .limit = (int)sc_value_get_int(params, "limit", LIST_DEFAULT) };
    const struct sc_memory_query q = { .agent = r->owner,
                                       .prefix = sc_value_get_str(params, "prefix"),
                                       .after = sc_value_get_str(params, "after"),
                                       .values = sc_value_get_bool(params, "values", false),
                                       .limit = -1 };
    if (sc_memory_list(r->call->env->memory, &q, add_row, &l, &err) < 0) {
        sc_value_free(l.rows);
        fail(r, &err);
        return;
    }
    struct sc_value *v = sc_value_object();
    sc_value_set_str(v, "agent", r->owner);
    sc_value_set(v, "keys", l.rows);
    sc_value_set_bool(v, "truncated", l.truncated);
    sc_value_set_str(v, "from", view == SC_MEMORY_FRESH ? "redis" : "copy");
    sc_call_reply(r->call, v);
    finish(r);
}

void sc_op_memory_list(struct sc_call *call)
{
    struct remembering *r = begin(call);
    if (r)
        look_first(r, list_keys);
}
