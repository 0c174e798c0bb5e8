/* Our own agents: the gateway's list joined with the configuration's, and with what they say. */
#include <stdlib.h>

#include "registry_internal.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

static struct local_agent *find(struct sc_registry *r, const char *id)
{
    for (size_t i = 0; i < r->n_local; i++)
        if (sc_streq(r->local[i].id, id))
            return &r->local[i];
    return NULL;
}

const struct local_agent *registry_find_local(const struct sc_registry *r, const char *id)
{
    for (size_t i = 0; i < r->n_local; i++)
        if (sc_streq(r->local[i].id, id))
            return &r->local[i];
    return NULL;
}

static struct local_agent *find_or_add(struct sc_registry *r, const char *id)
{
    struct local_agent *a = find(r, id);
    if (a)
        return a;
    r->local = sc_xrealloc(r->local, (r->n_local + 1) * sizeof *r->local);
    a = &r->local[r->n_local++];
    *a = (struct local_agent){ .id = sc_xstrdup(id) };
    return a;
}

static void fini(struct local_agent *a)
{
    free(a->id);
    sc_strv_fini(&a->config_caps);
    sc_strv_fini(&a->gateway_caps);
    sc_agent_info_fini(&a->declared);
}

/* Is it ours whether or not the gateway lists it? */
static bool is_kept(const struct local_agent *a)
{
    return a->in_config || a->declared.id;
}

static void drop_orphans(struct sc_registry *r)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->n_local; i++) {
        if (is_kept(&r->local[i]) || r->local[i].in_gateway)
            r->local[kept++] = r->local[i];
        else
            fini(&r->local[i]);
    }
    r->n_local = kept;
}

static void free_infos(struct sc_registry *r, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sc_agent_info_fini(&r->infos[i]);
    free(r->infos);
    r->infos = NULL;
}

static enum sc_agent_status status_of(const struct sc_registry *r, const struct local_agent *a)
{
    if (a->busy)
        return SC_AGENT_BUSY;
    /* One that the configuration names and the gateway lacks is served by its inbox all the same.
     */
    return a->in_gateway || (is_kept(a) && r->listed) ? SC_AGENT_ACTIVE : SC_AGENT_OFFLINE;
}

static void join(struct sc_strv *all, const struct sc_strv *more)
{
    for (size_t i = 0; i < more->n && all->n < SC_CAPABILITIES_MAX; i++)
        if (!sc_strv_has(all, more->v[i]))
            sc_strv_add(all, more->v[i]);
}

/* The rows that presence publishes; made anew when the agents change, which is rare. */
static void rebuild(struct sc_registry *r, size_t n_before)
{
    free_infos(r, n_before);
    r->infos = sc_xcalloc(r->n_local, sizeof *r->infos);
    for (size_t i = 0; i < r->n_local; i++) {
        const struct local_agent *a = &r->local[i];
        struct sc_agent_info *info = &r->infos[i];
        info->id = sc_xstrdup(a->id);
        info->gateway = sc_xstrdup(r->d.self_name);
        info->status = status_of(r, a);
        sc_strv_copy(&info->capabilities, &a->gateway_caps);
        join(&info->capabilities, &a->config_caps);
        join(&info->capabilities, &a->declared.capabilities);
        sc_strv_copy(&info->labels, &a->declared.labels);
        info->description = sc_xstrdup(a->declared.description);
    }
    if (r->d.local_changed)
        r->d.local_changed(r->d.ctx);
}

void sc_registry_local_config(struct sc_registry *r, const char *id,
                              const struct sc_strv *capabilities)
{
    size_t before = r->n_local;
    struct local_agent *a = find_or_add(r, id);
    a->in_config = true;
    if (capabilities) {
        sc_strv_fini(&a->config_caps);
        sc_strv_copy(&a->config_caps, capabilities);
    }
    rebuild(r, before);
}

static bool says_the_same(const struct sc_agent_info *a, const struct sc_agent_info *b)
{
    return a->id && sc_strv_eq(&a->capabilities, &b->capabilities) &&
           sc_strv_eq(&a->labels, &b->labels) &&
           sc_streq(a->description, b->description ? b->description : "");
}

static void say(struct local_agent *a, const struct sc_agent_info *what)
{
    sc_agent_info_fini(&a->declared);
    a->declared.id = sc_xstrdup(what->id);
    a->declared.description = sc_xstrdup(what->description ? what->description : "");
    sc_strv_copy(&a->declared.capabilities, &what->capabilities);
    sc_strv_copy(&a->declared.labels, &what->labels);
}

static int check_declared(const struct sc_registry *r, const char *id, struct sc_err *err)
{
    const char *gateway;
    if (sc_name_check("agent", id, err) < 0)
        return SC_EINVAL;
    if (sc_registry_everywhere(id))
        return sc_fail(err, SC_EINVAL, "agent: %s is nobody's own name", id);
    const struct agent_entry *e = sc_map_get(r->agents, id);
    bool lives = e && e->info.status != SC_AGENT_OFFLINE; /* a name left behind is free to take */
    if (lives && sc_registry_locate(r, id, &gateway) == SC_PLACE_REMOTE) {
        (void)sc_fail(err, SC_EEXIST, "an agent %s is at gateway %s already", id, gateway);
        return sc_err_remedy(err, "choose another name, or register it there");
    }
    if (!registry_find_local(r, id) && r->n_local >= SC_LOCAL_AGENTS_MAX)
        return sc_fail(err, SC_EFULL, "this gateway has %d agents, which is the most",
                       SC_LOCAL_AGENTS_MAX);
    return SC_OK;
}

int sc_registry_declare(struct sc_registry *r, const struct sc_agent_info *what, bool *ret_changed,
                        struct sc_err *err)
{
    size_t before = r->n_local;
    int rc = check_declared(r, what->id, err);
    if (rc < 0)
        return rc;
    struct local_agent *a = find_or_add(r, what->id);
    *ret_changed = !says_the_same(&a->declared, what);
    if (*ret_changed) {
        bool came = r->listed && !a->in_gateway && !is_kept(a);
        say(a, what);
        rebuild(r, before);
        if (came)
            registry_tell(r, SC_NEWS_AGENT_CAME, what->id);
    }
    return SC_OK;
}

void sc_registry_each_declared(const struct sc_registry *r, sc_declared_fn *fn, void *ctx)
{
    for (size_t i = 0; i < r->n_local; i++)
        if (r->local[i].declared.id)
            fn(ctx, &r->local[i].declared);
}

void sc_registry_local_gateway(struct sc_registry *r, const struct sc_gateway_agent *agents,
                               size_t n)
{
    size_t before = r->n_local;
    bool came = false;
    for (size_t i = 0; i < r->n_local; i++) {
        r->local[i].was_in_gateway = r->local[i].in_gateway;
        r->local[i].in_gateway = false;
    }
    for (size_t i = 0; i < n && i < SC_LOCAL_AGENTS_MAX; i++) {
        struct sc_err err = SC_ERR_INIT;
        if (sc_name_check("agent id", agents[i].id, &err) < 0) {
            sc_log_warn(r->d.log, "registry.agent_ignored", SC_S("id", agents[i].id),
                        SC_S("reason", err.text));
            continue;
        }
        struct local_agent *a = find_or_add(r, agents[i].id);
        if (r->listed && !a->was_in_gateway && !a->in_gateway)
            registry_tell(r, SC_NEWS_AGENT_CAME, a->id);
        came = came || !a->was_in_gateway;
        a->in_gateway = true;
        sc_strv_fini(&a->gateway_caps);
        sc_strv_copy(&a->gateway_caps, &agents[i].capabilities);
    }
    for (size_t i = 0; i < r->n_local; i++)
        if (r->local[i].was_in_gateway && !r->local[i].in_gateway)
            registry_tell(r, SC_NEWS_AGENT_LEFT, r->local[i].id);
    drop_orphans(r);
    r->listed = true;
    rebuild(r, before);
    if (came && r->d.gateway_alive) /* messages for them may be waiting here */
        r->d.gateway_alive(r->d.ctx, r->d.self_name);
}

void sc_registry_set_busy(struct sc_registry *r, const char *agent, bool busy)
{
    struct local_agent *a = find(r, agent);
    if (!a || a->busy == busy)
        return;
    a->busy = busy;
    r->infos[a - r->local].status = status_of(r, a);
}

const struct sc_agent_info *sc_registry_local(const struct sc_registry *r, size_t *ret_n)
{
    *ret_n = r->infos ? r->n_local : 0;
    return r->infos;
}

void registry_free_local(struct sc_registry *r)
{
    free_infos(r, r->n_local);
    for (size_t i = 0; i < r->n_local; i++)
        fini(&r->local[i]);
    free(r->local);
}
