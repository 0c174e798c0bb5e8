/* Is Consul there, and may we do there what we must? Four of its callers say how they fare, and
 * every refusal counts (consul_refused.c): what it is made of is one state, with a detail and a
 * remedy for people. Up with a detail: something of it does not work. */
#include <stdlib.h>

#include "consul_internal.h"
#include "sideclaw/mem.h"

enum { REFUSED_MS = 5 * 60 * 1000 }; /* a refusal that does not come again is over */

struct report {
    enum { UNHEARD, WELL, ILL } state;
    struct sc_err err;
};

struct sc_consul_link {
    const struct sc_consul_env *env;
    struct sc_consul_link_fns fns;
    char *addr;
    struct report reports[SC_CONSUL_SOURCES];
    struct sc_consul_refused *refused;
    bool hidden;
    enum sc_link_state state;
    char detail[SC_ERR_TEXT_MAX];
};

static void log_state(const struct sc_consul_link *l, const char *remedy)
{
    if (l->state == SC_LINK_UP && *l->detail)
        sc_log_warn(l->env->log, "consul.refused", SC_S("reason", l->detail), SC_S("try", remedy),
                    SC_S("instead", "everything else works; it is tried again"));
    else if (l->state == SC_LINK_UP)
        sc_log_info(l->env->log, "consul.up", SC_S("addr", l->addr));
    else
        sc_log_warn(l->env->log, "consul.down", SC_S("reason", l->detail), SC_S("try", remedy),
                    SC_S("instead", "the last good view is used"));
}

static void set(struct sc_consul_link *l, enum sc_link_state state, const struct sc_err *why)
{
    enum sc_link_state was = l->state;
    if (state == was && sc_streq(why->text, l->detail))
        return;
    l->state = state;
    (void)snprintf(l->detail, sizeof l->detail, "%s", why->text);
    log_state(l, why->remedy);
    l->fns.changed(l->fns.ctx, was, state, why);
}

/* What a token may not read is left out of the answer: no refusal tells. */
static void say_hidden(const struct sc_consul_link *l, struct sc_err *ret)
{
    (void)sc_fail(ret, SC_EPERM,
                  "consul at %s does not show our service in its catalog, so maintenance mode goes "
                  "unseen: the ACL token may not read its node",
                  l->addr);
    (void)sc_err_remedy(ret, "give the token the policy of consul/acl-sidecar.hcl, which has "
                             "node_prefix \"\" { policy = \"read\" }");
}

static void judge(void *ctx)
{
    struct sc_consul_link *l = ctx;
    struct sc_err refused = SC_ERR_INIT;
    for (size_t i = 0; i < SC_CONSUL_SOURCES; i++) {
        if (l->reports[i].state != ILL)
            continue;
        set(l, SC_LINK_DOWN, &l->reports[i].err);
        return;
    }
    if (l->reports[SC_CONSUL_AGENTS].state != WELL ||
        l->reports[SC_CONSUL_GATEWAYS].state != WELL || l->reports[SC_CONSUL_SESSION].state != WELL)
        return;
    if (!sc_consul_refused_first(l->refused, &refused) && l->hidden)
        say_hidden(l, &refused);
    set(l, SC_LINK_UP, &refused);
}

/* Judged later: the call whose answer it is has its own word first. */
static void on_answer(void *ctx, const struct sc_consul_request *req,
                      const struct sc_http_response *res, const struct sc_err *err)
{
    struct sc_consul_link *l = ctx;
    struct sc_err was = SC_ERR_INIT, is = SC_ERR_INIT;
    (void)sc_consul_refused_first(l->refused, &was);
    sc_consul_refused_hear(l->refused, req, res, err);
    (void)sc_consul_refused_first(l->refused, &is);
    if (sc_streq(was.text, is.text))
        return;
    sc_loop_undefer(l->env->loop, judge, l);
    sc_loop_defer(l->env->loop, judge, l);
}

bool sc_consul_link_heard(struct sc_consul_link *l, enum sc_consul_source source,
                          const struct sc_err *err)
{
    struct report *r = &l->reports[source];
    bool back = !err && r->state == ILL;
    r->state = err ? ILL : WELL;
    if (err)
        r->err = *err;
    return back;
}

void sc_consul_link_judge(struct sc_consul_link *l)
{
    judge(l);
}

void sc_consul_link_set_hidden(struct sc_consul_link *l, bool hidden)
{
    if (l->hidden == hidden)
        return;
    l->hidden = hidden;
    judge(l);
}

void sc_consul_link_lapse(struct sc_consul_link *l, int64_t heartbeat_ms)
{
    /* Longer than anything is apart that is tried again. */
    sc_consul_refused_lapse(l->refused, REFUSED_MS + 3 * heartbeat_ms);
}

void sc_consul_link_forget(struct sc_consul_link *l)
{
    sc_consul_refused_clear(l->refused);
    l->hidden = false;
    judge(l);
}

enum sc_link_state sc_consul_link_state(const struct sc_consul_link *l)
{
    return l->state;
}

struct sc_consul_link *sc_consul_link_new(const struct sc_consul_env *env, const char *addr,
                                          const struct sc_consul_link_fns *fns)
{
    struct sc_consul_link *l = sc_xcalloc(1, sizeof *l);
    l->env = env;
    l->fns = *fns;
    l->addr = sc_xstrdup(addr);
    l->refused = sc_consul_refused_new(env->clock);
    sc_consul_kv_on_answer(env->kv, on_answer, l);
    return l;
}

void sc_consul_link_close(struct sc_consul_link *l)
{
    sc_consul_kv_on_answer(l->env->kv, NULL, NULL);
    sc_loop_undefer(l->env->loop, judge, l);
}

void sc_consul_link_free(struct sc_consul_link *l)
{
    if (!l)
        return;
    sc_consul_link_close(l);
    sc_consul_refused_free(l->refused);
    free(l->addr);
    free(l);
}
