/* ops_dead.c: dead letters: what nobody will deliver any more, until an operator says what is to be
 * done. One row of the list is one message: of one between two agents of this gateway, which died
 * in both tables, the receiver's, because its turn is what can be given again. */
#include <stdlib.h>
#include <string.h>

#include "handlers.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"

enum { LIST_DEFAULT = 100, REFUSED_MAX = 100 };

static int get(const struct sc_call *call, const struct sc_id *id, bool incoming,
               struct sc_record *ret, struct sc_err *err)
{
    const struct sc_spool *spool = &call->env->spool;
    return spool->ops->get(spool->impl, id, incoming, ret, err);
}

/* ---- which ---- */

/* The parameters that choose; false: the call has ended. */
struct choice {
    bool out, in;
    const char *agent, *reason;
    int skip, limit;
};

static bool read_choice(struct sc_call *call, int dflt, struct choice *ret)
{
    const char *direction = sc_value_get_str(call->params, "direction");
    struct sc_err err = SC_ERR_INIT;
    *ret = (struct choice){
        .out = !direction || sc_streq(direction, "out"),
        .in = !direction || sc_streq(direction, "in"),
        .agent = sc_value_get_str(call->params, "agent"),
        .reason = sc_value_get_str(call->params, "reason"),
        .skip = (int)sc_value_get_int(call->params, "skip", 0),
        .limit = (int)sc_value_get_int(call->params, "limit", dflt),
    };
    if (ret->out || ret->in)
        return true;
    (void)sc_fail(&err, SC_EINVAL, "direction: '%.20s' is neither in nor out", direction);
    sc_call_fail(call, &err);
    return false;
}

static bool is_listed(const struct sc_call *call, const struct sc_id *id, bool incoming)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_record struct sc_record rec;
    sc_record_init(&rec);
    return get(call, id, incoming, &rec, &err) == SC_OK && rec.listed;
}

/* A visit to the chosen rows. */
struct visit {
    struct sc_call *call;
    struct choice want;
    sc_record_fn *fn;
    void *ctx;
    int left;
};

static bool visit_row(void *ctx, const struct sc_record *rec)
{
    struct visit *v = ctx;
    if (!rec->incoming && v->want.in && is_listed(v->call, &rec->msg.id, true))
        return true; /* its other half stands for it */
    v->left--;
    return v->fn(v->ctx, rec) && v->left > 0;
}

static int visit_table(struct visit *v, bool incoming, struct sc_err *err)
{
    const struct sc_spool *spool = &v->call->env->spool;
    const struct sc_dead_query q = { .incoming = incoming,
                                     .agent = v->want.agent,
                                     .reason = v->want.reason,
                                     .skip = v->want.skip,
                                     .limit = v->left };
    return v->left > 0 ? spool->ops->dead_list(spool->impl, &q, visit_row, v, err) : SC_OK;
}

static int visit_dead(struct sc_call *call, const struct choice *want, sc_record_fn *fn, void *ctx,
                      struct sc_err *err)
{
    struct visit v = { .call = call, .want = *want, .fn = fn, .ctx = ctx, .left = want->limit };
    int r = want->out ? visit_table(&v, false, err) : SC_OK;
    return r == SC_OK && want->in ? visit_table(&v, true, err) : r;
}

/* ---- list, show ---- */

static bool add_row(void *ctx, const struct sc_record *rec)
{
    sc_value_add(ctx, sc_record_value(rec, false));
    return true;
}

static struct sc_value *total_value(const struct sc_ops_env *env)
{
    struct sc_spool_stats s = { .bytes = 0 };
    struct sc_value *v = sc_value_object();
    env->spool.ops->stats(env->spool.impl, &s);
    sc_value_set_int(v, "out", s.dead[0]);
    sc_value_set_int(v, "in", s.dead[1]);
    sc_value_set_int(v, "ambiguous", s.ambiguous[0] + s.ambiguous[1]);
    return v;
}

void sc_op_dead_list(struct sc_call *call)
{
    struct sc_err err = SC_ERR_INIT;
    struct choice want;
    if (!read_choice(call, LIST_DEFAULT, &want))
        return;
    struct sc_value *rows = sc_value_array(), *v = sc_value_object();
    sc_value_set(v, "messages", rows);
    sc_value_set(v, "total", total_value(call->env));
    if (visit_dead(call, &want, add_row, rows, &err) == SC_OK) {
        sc_call_reply(call, v);
        return;
    }
    sc_value_free(v);
    sc_call_fail(call, &err);
}

/* Of the two halves the receiver's, unless only the sender's is on the list. */
static int pick(const struct sc_call *call, const struct sc_id *id, const struct choice *want,
                struct sc_record *ret, struct sc_err *err)
{
    sc_auto_record struct sc_record out;
    sc_record_init(&out);
    int r = want->in ? get(call, id, true, ret, err) : SC_ENOENT;
    if (!want->out || (r == SC_OK && ret->listed))
        return r;
    int r_out = get(call, id, false, &out, err);
    if (r_out < 0 || (r == SC_OK && !out.listed))
        return r == SC_OK ? r : r_out;
    struct sc_record in = *ret;
    *ret = out;
    out = in; /* goes at the end of this block */
    return SC_OK;
}

/* The message that a call names; false: the call has ended. */
static bool find(struct sc_call *call, struct sc_record *ret)
{
    struct sc_id id;
    struct choice want;
    struct sc_err err = SC_ERR_INIT;
    char text[SC_ID_TEXT_SIZE];
    if (!sc_call_id(call, &id) || !read_choice(call, 1, &want))
        return false;
    int r = pick(call, &id, &want, ret, &err);
    if (r == SC_OK)
        return true;
    sc_id_format(&id, text);
    if (r == SC_ENOENT) {
        (void)sc_fail(&err, SC_ENOENT, "no message %s is known here", text);
        (void)sc_err_remedy(&err, "list them: sideclaw dead list");
    }
    sc_call_fail(call, &err);
    return false;
}

static void not_dead(struct sc_call *call, const struct sc_record *rec)
{
    struct sc_err err = SC_ERR_INIT;
    char text[SC_ID_TEXT_SIZE];
    sc_id_format(&rec->msg.id, text);
    if (rec->stage == SC_STAGE_DEAD)
        (void)sc_fail(&err, SC_ENOENT, "message %s was retried or dropped already", text);
    else
        (void)sc_fail(&err, SC_ENOENT, "message %s is not dead, but %s", text,
                      sc_fsm_name(&sc_stage_fsm, (int)rec->stage));
    (void)sc_err_remedy(&err, "sideclaw show %s", text);
    sc_call_fail(call, &err);
}

void sc_op_dead_get(struct sc_call *call)
{
    sc_auto_record struct sc_record rec;
    sc_record_init(&rec);
    if (!find(call, &rec))
        return;
    if (rec.listed)
        sc_call_reply(call, sc_message_value(call->env, &rec));
    else
        not_dead(call, &rec);
}

/* ---- an answer that waits for the commit ---- */

struct answer {
    struct sc_call *call;   /* NULL: the caller went away */
    struct sc_value *value; /* what to answer */
};

static void on_cancel(void *op_state)
{
    ((struct answer *)op_state)->call = NULL;
}

static void on_commit(void *ctx, const struct sc_err *err)
{
    struct answer *a = ctx;
    if (a->call && err)
        sc_call_fail(a->call, err);
    else if (a->call)
        sc_call_reply(a->call, sc_steal(&a->value));
    sc_value_free(a->value);
    free(a);
}

static void answer_after_commit(struct sc_call *call, struct sc_value *take_value)
{
    const struct sc_spool *spool = &call->env->spool;
    struct answer *a = sc_xcalloc(1, sizeof *a);
    *a = (struct answer){ .call = call, .value = take_value };
    call->op_state = a;
    call->cancel = on_cancel;
    spool->ops->after_commit(spool->impl, on_commit, a);
}

/* ---- retry and drop one ---- */

static int retry(struct sc_call *call, const struct sc_record *rec, struct sc_id *ret_as,
                 struct sc_err *err)
{
    bool force = sc_value_get_bool(call->params, "force", false);
    return sc_router_retry_dead(call->env->router, rec, force, ret_as, err);
}

/* Both halves of a local one: nobody wants to drop it twice. */
static int drop(struct sc_call *call, const struct sc_record *rec, struct sc_err *err)
{
    const struct sc_spool *spool = &call->env->spool;
    int r = spool->ops->dead_drop(spool->impl, &rec->msg.id, rec->incoming, err);
    if (r < 0 || !rec->incoming)
        return r;
    r = spool->ops->dead_drop(spool->impl, &rec->msg.id, false, err);
    return r == SC_ENOENT ? SC_OK : r;
}

static struct sc_value *one_value(const struct sc_record *rec)
{
    struct sc_value *v = sc_value_object();
    sc_value_set_id(v, "id", &rec->msg.id);
    sc_value_set_str(v, "direction", rec->incoming ? "in" : "out");
    return v;
}

void sc_op_dead_retry(struct sc_call *call)
{
    struct sc_id as;
    struct sc_err err = SC_ERR_INIT;
    sc_auto_record struct sc_record rec;
    sc_record_init(&rec);
    if (!find(call, &rec))
        return;
    if (retry(call, &rec, &as, &err) < 0) {
        sc_call_fail(call, &err);
        return;
    }
    struct sc_value *v = one_value(&rec);
    sc_value_set_id(v, "retried_as", &as);
    answer_after_commit(call, v);
}

void sc_op_dead_drop(struct sc_call *call)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_record struct sc_record rec;
    sc_record_init(&rec);
    if (!find(call, &rec))
        return;
    int r = rec.listed ? drop(call, &rec, &err) : SC_ENOENT;
    if (r == SC_ENOENT) {
        not_dead(call, &rec);
    } else if (r < 0) {
        sc_call_fail(call, &err);
    } else {
        struct sc_value *v = one_value(&rec);
        sc_value_set_bool(v, "dropped", true);
        answer_after_commit(call, v);
    }
}

/* ---- retry and drop many ---- */

struct many {
    struct row {
        struct sc_id id;
        bool incoming;
    } * rows; /* copied: a row must not be changed while it is being visited */
    size_t n;
    int done, refused;
    struct sc_value *reasons;
};

static bool collect(void *ctx, const struct sc_record *rec)
{
    struct many *m = ctx;
    m->rows[m->n++] = (struct row){ .id = rec->msg.id, .incoming = rec->incoming };
    return true;
}

static void refuse(struct many *m, const struct row *row, const struct sc_err *err)
{
    if (m->refused++ >= REFUSED_MAX)
        return;
    struct sc_value *v = sc_value_object();
    sc_value_set_id(v, "id", &row->id);
    sc_value_set_str(v, "reason", err->text);
    sc_value_set_str(v, "remedy", err->remedy);
    sc_value_add(m->reasons, v);
}

static void do_one(struct sc_call *call, struct many *m, const struct row *row, bool retries)
{
    struct sc_id as;
    struct sc_err err = SC_ERR_INIT;
    sc_auto_record struct sc_record rec;
    sc_record_init(&rec);
    int r = get(call, &row->id, row->incoming, &rec, &err);
    if (r == SC_OK)
        r = retries ? retry(call, &rec, &as, &err) : drop(call, &rec, &err);
    if (r == SC_OK)
        m->done++;
    else
        refuse(m, row, &err);
}

static void do_many(struct sc_call *call, bool retries)
{
    struct choice want;
    struct sc_err err = SC_ERR_INIT;
    if (!read_choice(call, SC_LIST_MAX, &want))
        return;
    struct many m = { .rows = sc_xcalloc((size_t)want.limit, sizeof *m.rows),
                      .reasons = sc_value_array() };
    int r = visit_dead(call, &want, collect, &m, &err);
    for (size_t i = 0; r == SC_OK && i < m.n; i++)
        do_one(call, &m, &m.rows[i], retries);
    free(m.rows);
    if (r < 0) {
        sc_value_free(m.reasons);
        sc_call_fail(call, &err);
        return;
    }
    struct sc_value *v = sc_value_object();
    sc_value_set_int(v, retries ? "retried" : "dropped", m.done);
    sc_value_set_int(v, "refused", m.refused);
    sc_value_set(v, "reasons", m.reasons);
    sc_value_set_bool(v, "more", m.n == (size_t)want.limit);
    answer_after_commit(call, v);
}

void sc_op_dead_retry_all(struct sc_call *call)
{
    do_many(call, true);
}

void sc_op_dead_drop_all(struct sc_call *call)
{
    do_many(call, false);
}
