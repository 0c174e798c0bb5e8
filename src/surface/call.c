/* call.c: one call of an operation: its parameters against the table, its one end. */
#include <stdlib.h>
#include <string.h>

#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "sideclaw/operations.h"
#include "sideclaw/suggest.h"

/* What the header shows is the first member; the rest is how the end waits for the end of the turn,
 * so that `done` never runs before sc_call_start returned (loop.h, a). */
struct call {
    struct sc_call pub;
    bool ended;
    int status;
    struct sc_value *result;
    struct sc_err err;
};

static struct call *of(struct sc_call *pub)
{
    return (struct call *)pub;
}

static void free_call(struct call *c)
{
    sc_value_free(c->pub.params);
    sc_value_free(c->result);
    free(c);
}

static void deliver(void *ctx)
{
    struct call *c = ctx;
    struct sc_value *result = sc_steal(&c->result);
    c->pub.done(c->pub.ctx, &c->pub, c->status, result, c->err.code == SC_OK ? NULL : &c->err);
    free_call(c);
}

static void end(struct call *c, int status, struct sc_value *take_result)
{
    sc_assert(!c->ended);
    c->ended = true;
    c->status = status;
    c->result = take_result;
    c->pub.cancel = NULL;
    sc_loop_defer(c->pub.env->loop, deliver, c);
}

void sc_call_reply_status(struct sc_call *call, int http_status, struct sc_value *take_result)
{
    end(of(call), http_status, take_result);
}

void sc_call_reply(struct sc_call *call, struct sc_value *take_result)
{
    end(of(call), call->op->status, take_result);
}

void sc_call_fail(struct sc_call *call, const struct sc_err *err)
{
    struct call *c = of(call);
    c->err = *err;
    if (c->err.code == SC_OK)
        c->err.code = SC_EIO;
    end(c, sc_problem_status(c->err.code), NULL);
}

static const struct sc_param *find_param(const struct sc_op *op, const char *name)
{
    for (const struct sc_param *p = op->params; p && p->name; p++)
        if (sc_streq(p->name, name))
            return p;
    return NULL;
}

/* An agent knows it as a tool. */
static const char *name_of(const struct sc_op *op, const char *caller)
{
    return caller && op->tool ? op->tool->name : op->name;
}

static int unknown_param(const struct sc_op *op, const char *name, const char *caller,
                         struct sc_err *err)
{
    enum { MANY = 32 };
    const char *names[MANY];
    size_t n = 0;
    for (const struct sc_param *p = op->params; p && p->name && n < MANY; p++)
        if (!caller || !p->caller)
            names[n++] = p->name;
    const char *nearest = sc_suggest(name, names, n);
    (void)sc_fail(err, SC_EINVAL, "%.64s: %s has no such parameter", name, name_of(op, caller));
    if (nearest)
        return sc_err_remedy(err, "did you mean %s?", nearest);
    return SC_EINVAL;
}

static int check_str(const struct sc_param *p, const struct sc_value *v, struct sc_err *err)
{
    if (!sc_value_is_str(v))
        return sc_fail(err, SC_EINVAL, "%s: a string is expected", p->name);
    size_t n = sc_value_text_len(v);
    if (p->max && (int64_t)n > p->max)
        return sc_fail(err, p->max >= SC_BODY_MAX ? SC_ETOOBIG : SC_EINVAL,
                       "%s: it has %zu bytes; %lld is the most", p->name, n, (long long)p->max);
    if ((int64_t)n < p->min)
        return sc_fail(err, SC_EINVAL, n ? "%s: it is too short" : "%s: it is empty", p->name);
    return SC_OK;
}

static int check_int(const struct sc_param *p, const struct sc_value *v, struct sc_err *err)
{
    if (!sc_value_is_int(v))
        return sc_fail(err, SC_EINVAL, "%s: a whole number is expected", p->name);
    int64_t i = sc_value_num(v);
    if (i < p->min || i > p->max)
        return sc_fail(err, SC_EINVAL, "%s: %lld is not between %lld and %lld", p->name,
                       (long long)i, (long long)p->min, (long long)p->max);
    return SC_OK;
}

static int check_strv(const struct sc_param *p, const struct sc_value *v, struct sc_err *err)
{
    if (!sc_value_is_array(v))
        return sc_fail(err, SC_EINVAL, "%s: a list of strings is expected", p->name);
    if (sc_value_count(v) > SC_LIST_MAX)
        return sc_fail(err, SC_EINVAL, "%s: more than %d entries", p->name, SC_LIST_MAX);
    for (size_t i = 0; i < sc_value_count(v); i++) {
        int r = check_str(p, sc_value_at(v, i), err);
        if (r < 0)
            return r;
    }
    return SC_OK;
}

static int check_value(const struct sc_param *p, const struct sc_value *v, struct sc_err *err)
{
    switch (p->type) {
    case SC_PARAM_STR:
        return check_str(p, v, err);
    case SC_PARAM_INT:
        return check_int(p, v, err);
    case SC_PARAM_STRV:
        return check_strv(p, v, err);
    case SC_PARAM_BOOL:
        if (!sc_value_is_bool(v))
            return sc_fail(err, SC_EINVAL, "%s: true or false is expected", p->name);
        return SC_OK;
    }
    return sc_fail(err, SC_EINVAL, "%s: unknown type", p->name);
}

struct checking {
    const struct sc_op *op;
    const char *caller;
    struct sc_err *err;
    int result;
};

/* null is the same as absent, as everywhere in our JSON. */
static bool check_member(void *ctx, const char *key, const struct sc_value *v)
{
    struct checking *c = ctx;
    const struct sc_param *p = find_param(c->op, key);
    if (!p)
        c->result = unknown_param(c->op, key, c->caller, c->err);
    else if (!sc_value_is_null(v))
        c->result = check_value(p, v, c->err);
    return c->result == SC_OK;
}

static int check_params(const struct sc_op *op, const struct sc_value *params, const char *caller,
                        struct sc_err *err)
{
    struct checking c = { .op = op, .caller = caller, .err = err, .result = SC_OK };
    sc_value_each(params, check_member, &c);
    if (c.result < 0)
        return c.result;
    for (const struct sc_param *p = op->params; p && p->name; p++) {
        const struct sc_value *v = sc_value_get(params, p->name);
        if (p->required && (!v || sc_value_is_null(v)))
            return sc_fail(err, SC_EINVAL, "%s: it is missing", p->name);
    }
    return SC_OK;
}

/* Whoever is known acts in his own name. */
static int bind_caller(const struct sc_op *op, struct sc_value *params, const char *caller,
                       struct sc_err *err)
{
    for (const struct sc_param *p = op->params; caller && p && p->name; p++) {
        if (!p->caller)
            continue;
        const struct sc_value *given = sc_value_get(params, p->name);
        if (given && !sc_value_is_null(given) &&
            !sc_streq(sc_value_get_str(params, p->name), caller)) {
            (void)sc_fail(err, SC_EPERM, "%s: you are %s and act in no other name", p->name,
                          caller);
            return sc_err_remedy(err, "leave %s out", p->name);
        }
        sc_value_set_str(params, p->name, caller);
    }
    return SC_OK;
}

struct sc_call *sc_call_start(const struct sc_ops_env *env, const struct sc_op *op,
                              struct sc_value *take_params, const char *caller,
                              void (*done)(void *ctx, struct sc_call *call, int status,
                                           struct sc_value *take_result, const struct sc_err *err),
                              void *ctx)
{
    struct call *c = sc_xcalloc(1, sizeof *c);
    c->pub = (struct sc_call){
        .op = op, .env = env, .params = take_params, .caller = caller, .done = done, .ctx = ctx
    };
    struct sc_err err = SC_ERR_INIT;
    if (!sc_value_is_object(take_params))
        (void)sc_fail(&err, SC_EINVAL, "the parameters of %s are a JSON object", op->name);
    else if (bind_caller(op, take_params, caller, &err) == SC_OK)
        (void)check_params(op, take_params, caller, &err);
    if (err.code != SC_OK)
        sc_call_fail(&c->pub, &err);
    else
        op->handler(&c->pub);
    return &c->pub;
}

void sc_call_abandon(struct sc_call *call)
{
    if (!call)
        return;
    struct call *c = of(call);
    if (c->ended)
        sc_loop_undefer(call->env->loop, deliver, c);
    else if (call->cancel)
        call->cancel(call->op_state);
    free_call(c);
}
