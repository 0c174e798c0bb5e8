/* ops_declare.c: agent.register: an agent says what it is and what it can do. */
#include <string.h>

#include "handlers.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

static int take_list(const struct sc_value *params, const char *name, size_t max,
                     struct sc_strv *ret, struct sc_err *err)
{
    const struct sc_value *list = sc_value_get(params, name);
    if (sc_value_count(list) > max)
        return sc_fail(err, SC_ETOOBIG, "%s: %zu of them, %zu is the most", name,
                       sc_value_count(list), max);
    for (size_t i = 0; i < sc_value_count(list); i++)
        if (!sc_strv_has(ret, sc_value_text(sc_value_at(list, i))))
            sc_strv_add(ret, sc_value_text(sc_value_at(list, i)));
    return SC_OK;
}

static int check_labels(const struct sc_strv *labels, struct sc_err *err)
{
    for (size_t i = 0; i < labels->n; i++) {
        const char *eq = strchr(labels->v[i], '=');
        if (!eq || eq == labels->v[i]) {
            (void)sc_fail(err, SC_EINVAL, "labels: '%.64s' is not NAME=VALUE", labels->v[i]);
            return sc_err_remedy(err, "for example group=lab");
        }
    }
    return SC_OK;
}

static int read_info(const struct sc_value *params, struct sc_agent_info *ret, struct sc_err *err)
{
    ret->id = sc_xstrdup(sc_value_get_str(params, "agent"));
    ret->description = sc_xstrdup(sc_value_get_str(params, "description"));
    int r = take_list(params, "capabilities", SC_CAPABILITIES_MAX, &ret->capabilities, err);
    if (r == SC_OK)
        r = take_list(params, "labels", SC_LABELS_MAX, &ret->labels, err);
    return r == SC_OK ? check_labels(&ret->labels, err) : r;
}

static struct sc_value *registered_value(const struct sc_ops_env *env,
                                         const struct sc_agent_info *a, bool changed)
{
    struct sc_value *v = sc_value_object();
    bool rests = sc_registry_rests(env->registry, a->id);
    sc_value_set_str(v, "agent", a->id);
    sc_value_set_str(v, "gateway", env->self_name);
    sc_value_set_bool(v, "changed", changed);
    sc_value_set(v, "capabilities", sc_strv_value(&a->capabilities));
    sc_value_set(v, "labels", sc_strv_value(&a->labels));
    sc_value_set_bool(v, "woken", !rests);
    return v;
}

void sc_op_agent_register(struct sc_call *call)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_agent_info what = { 0 };
    bool changed = false;
    if (!call->env->declare)
        (void)sc_fail(&err, SC_EAWAY, "this sidecar keeps no declarations");
    else if (read_info(call->params, &what, &err) == SC_OK)
        (void)call->env->declare(call->env->ctx, &what, &changed, &err);
    if (err.code != SC_OK)
        sc_call_fail(call, &err);
    else
        sc_call_reply(call, registered_value(call->env, &what, changed));
    sc_agent_info_fini(&what);
}
