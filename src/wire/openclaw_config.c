/* One MCP server per agent, because an MCP call of OpenClaw does not say which agent makes it; and
 * a deny list per agent, because every agent sees every server. */
#include "sideclaw/openclaw_config.h"

#include <string.h>

#include "sideclaw/mem.h"

#define PREFIX "mesh_" /* a server's tools are <server>__<tool> to a model */

/* OpenClaw gives a call up after 60 s, and send_message may wait for its reply longer than that. */
enum { REQUEST_TIMEOUT_MS = 10 * 60 * 1000 };

struct work {
    struct sc_value *config;
    struct sc_strv agents;
    const struct sc_openclaw_want *want;
    struct sc_strv here; /* agents that have a server of ours, before or after */
};

/* ---- what is ours ---- */

static bool ends_with(const char *s, const char *end)
{
    size_t n = s ? strlen(s) : 0, k = strlen(end);
    return s && n >= k && memcmp(s + n - k, end, k) == 0;
}

/* By its name and where it leads to: no mark of ours would survive in every field. */
static const char *agent_of(const char *server, const struct sc_value *v)
{
    if (strncmp(server, PREFIX, sizeof PREFIX - 1) != 0)
        return NULL;
    const char *agent = server + sizeof PREFIX - 1;
    sc_auto_free char *path = sc_xasprintf("/mcp/%s", agent);
    return ends_with(sc_value_get_str(v, "url"), path) ? agent : NULL;
}

static bool is_our_skill(const char *folder)
{
    return sc_streq(folder, SC_OPENCLAW_SKILL) || ends_with(folder, "/" SC_OPENCLAW_SKILL);
}

/* ---- ways into the configuration ---- */

static bool from_elsewhere(const struct sc_value *part, const char *name, struct sc_err *err)
{
    if (part && !sc_value_is_object(part))
        (void)sc_fail(err, SC_ECONFIG, "%s is no object", name);
    else if (sc_value_get(part, "$include"))
        (void)sc_fail(err, SC_ECONFIG, "%s comes from another file ($include)", name);
    if (err->code != SC_OK)
        (void)sc_err_remedy(err, "change it there by hand");
    return err->code != SC_OK;
}

struct looking {
    struct sc_strv *agents;
    struct sc_err *err;
};

static bool look_at_agent(void *ctx, const char *id, const struct sc_value *v)
{
    struct looking *l = ctx;
    sc_auto_free char *name = sc_xasprintf("agents.entries.%s", id);
    if (from_elsewhere(v, name, l->err) || from_elsewhere(sc_value_get(v, "tools"), name, l->err))
        return false;
    sc_strv_add(l->agents, id);
    return true;
}

int sc_openclaw_agents(const struct sc_value *config, struct sc_strv *ret, struct sc_err *err)
{
    const struct sc_value *mcp = sc_value_get(config, "mcp"),
                          *agents = sc_value_get(config, "agents");
    const struct sc_value *skills = sc_value_get(config, "skills");
    const struct sc_value *entries = sc_value_get(agents, "entries");
    struct sc_err at = SC_ERR_INIT;
    struct looking l = { ret, &at };
    bool bad =
        from_elsewhere(config, "the configuration", &at) || from_elsewhere(mcp, "mcp", &at) ||
        from_elsewhere(sc_value_get(mcp, "servers"), "mcp.servers", &at) ||
        from_elsewhere(skills, "skills", &at) ||
        from_elsewhere(sc_value_get(skills, "load"), "skills.load", &at) ||
        from_elsewhere(agents, "agents", &at) || from_elsewhere(entries, "agents.entries", &at);
    if (!bad && !entries && sc_value_get(agents, "list"))
        bad = sc_fail(&at, SC_ECONFIG, "agents.list is retired, and has no place for our changes") <
              0;
    if (!bad)
        sc_value_each(entries, look_at_agent, &l);
    if (at.code != SC_OK) {
        sc_strv_fini(ret);
        *err = at;
        return err->code;
    }
    if (ret->n == 0)
        sc_strv_add(ret, "main");
    return SC_OK;
}

/* The member `key` of obj, made when it is not there. */
static struct sc_value *member(struct sc_value *obj, const char *key, bool is_list)
{
    if (!sc_value_get(obj, key))
        sc_value_set(obj, key, is_list ? sc_value_array() : sc_value_object());
    return sc_value_get(obj, key);
}

static void drop_empty(struct sc_value *obj, const char *key)
{
    const struct sc_value *v = sc_value_get(obj, key);
    if (v && sc_value_count(v) == 0)
        sc_value_del(obj, key);
}

/* ---- lists of texts ---- */

/* The list `key` of obj without what `is_ours` names, then with `add`, unless it is in it. */
static void change_list(struct sc_value *obj, const char *key, const struct sc_strv *drop,
                        const struct sc_strv *add)
{
    const struct sc_value *old = sc_value_get(obj, key);
    struct sc_value *list = sc_value_array();
    struct sc_strv seen = { 0 };
    for (size_t i = 0; i < sc_value_count(old); i++) {
        const char *text = sc_value_text(sc_value_at(old, i));
        if (text && sc_strv_has(drop, text))
            continue;
        sc_value_add(list, sc_value_ref(sc_value_at(old, i)));
        if (text)
            sc_strv_add(&seen, text);
    }
    for (size_t i = 0; i < add->n; i++)
        if (!sc_strv_has(&seen, add->v[i]))
            sc_value_add_str(list, add->v[i]);
    sc_strv_fini(&seen);
    if (sc_value_count(list) || (old && sc_value_count(old) == 0))
        sc_value_set(obj, key, list);
    else {
        sc_value_free(list);
        sc_value_del(obj, key);
    }
}

/* ---- servers ---- */

static bool is_chosen(const struct work *w, const char *agent)
{
    const struct sc_strv *only = w->want->only;
    return only->n == 0 ? sc_strv_has(&w->agents, agent) : sc_strv_has(only, agent);
}

/* Without a choice ours is all of ours: also of agents that are gone. */
static bool is_dropped(const struct work *w, const char *agent)
{
    if (w->want->remove)
        return w->want->only->n == 0 || sc_strv_has(w->want->only, agent);
    return w->want->only->n == 0 && !sc_strv_has(&w->agents, agent);
}

static bool note_server(void *ctx, const char *name, const struct sc_value *v)
{
    struct work *w = ctx;
    const char *agent = agent_of(name, v);
    if (agent)
        sc_strv_add(&w->here, agent);
    return true;
}

static bool set_member(void *ctx, const char *key, const struct sc_value *v)
{
    struct sc_value *server = ctx, *old = sc_value_get(server, key);
    if (sc_value_is_object(old) && sc_value_is_object(v))
        sc_value_each(v, set_member, old);
    else if (!old || !sc_value_is_int(v)) /* another timeout than ours is his choice */
        sc_value_set(server, key, sc_value_ref(v));
    return true;
}

/* What an operator added to a server of ours (a timeout, a tool filter) stays. */
static void set_server(struct sc_value *servers, const char *name, struct sc_value *take)
{
    struct sc_value *server = sc_value_get(servers, name);
    if (sc_value_is_object(server)) {
        sc_value_each(take, set_member, server);
        sc_value_free(take);
    } else {
        sc_value_set(servers, name, take);
    }
}

static void change_servers(struct work *w)
{
    sc_value_each(sc_value_get(sc_value_get(w->config, "mcp"), "servers"), note_server, w);
    if (w->want->remove && w->here.n == 0)
        return;
    struct sc_value *mcp = member(w->config, "mcp", false);
    struct sc_value *servers = member(mcp, "servers", false);
    for (size_t i = 0; i < w->here.n; i++)
        if (is_dropped(w, w->here.v[i])) {
            sc_auto_free char *name = sc_xasprintf(PREFIX "%s", w->here.v[i]);
            sc_value_del(servers, name);
        }
    for (size_t i = 0; !w->want->remove && i < w->agents.n; i++) {
        const char *agent = w->agents.v[i];
        sc_auto_free char *name = sc_xasprintf(PREFIX "%s", agent);
        if (!is_chosen(w, agent))
            continue;
        set_server(servers, name, w->want->server(w->want->ctx, agent));
        if (!sc_strv_has(&w->here, agent))
            sc_strv_add(&w->here, agent);
    }
    drop_empty(mcp, "servers");
    drop_empty(w->config, "mcp");
}

/* ---- who may not use whose ---- */

/* `self` is denied every server of ours but its own. A list that says more than it must stays: who
 * wrote it had a reason. */
static void change_denials(struct work *w, struct sc_value *entry, const char *self)
{
    struct sc_strv drop = { 0 }, add = { 0 };
    for (size_t i = 0; i < w->here.n; i++) {
        sc_auto_free char *tools = sc_xasprintf(PREFIX "%s__*", w->here.v[i]);
        if (is_dropped(w, w->here.v[i]))
            sc_strv_add(&drop, tools);
        else if (!sc_streq(w->here.v[i], self))
            sc_strv_add(&add, tools);
    }
    bool had_tools = sc_value_get(entry, "tools");
    if (had_tools || add.n) {
        struct sc_value *tools = member(entry, "tools", false);
        bool had_deny = sc_value_get(tools, "deny");
        change_list(tools, "deny", &drop, &add);
        if (had_deny && !sc_value_get(tools, "deny"))
            drop_empty(entry, "tools");
    }
    sc_strv_fini(&drop);
    sc_strv_fini(&add);
}

static void change_agents(struct work *w)
{
    struct sc_value *entries = sc_value_get(sc_value_get(w->config, "agents"), "entries");
    for (size_t i = 0; i < w->agents.n; i++) {
        struct sc_value *entry = sc_value_get(entries, w->agents.v[i]);
        if (entry)
            change_denials(w, entry, w->agents.v[i]);
    }
}

/* ---- the skill ---- */

static bool any_left(const struct work *w)
{
    for (size_t i = 0; i < w->here.n; i++)
        if (!is_dropped(w, w->here.v[i]))
            return true;
    return false;
}

static void change_skills(struct work *w)
{
    const struct sc_value *dirs =
        sc_value_get(sc_value_get(sc_value_get(w->config, "skills"), "load"), "extraDirs");
    struct sc_strv drop = { 0 }, add = { 0 };
    bool stays = w->want->remove && any_left(w);
    if (stays || (!w->want->remove && !w->want->skill))
        return;
    for (size_t i = 0; i < sc_value_count(dirs); i++) {
        const char *dir = sc_value_text(sc_value_at(dirs, i));
        if (dir && is_our_skill(dir) && (w->want->remove || !sc_streq(dir, w->want->skill)))
            sc_strv_add(&drop, dir);
    }
    if (!w->want->remove)
        sc_strv_add(&add, w->want->skill);
    if (drop.n || add.n) {
        struct sc_value *skills = member(w->config, "skills", false);
        struct sc_value *load = member(skills, "load", false);
        change_list(load, "extraDirs", &drop, &add);
        drop_empty(skills, "load");
        drop_empty(w->config, "skills");
    }
    sc_strv_fini(&drop);
    sc_strv_fini(&add);
}

/* ---- all of it ---- */

struct sc_value *sc_openclaw_server(const char *mcp_url, const char *agent, const char *token)
{
    sc_auto_free char *url = sc_xasprintf("%s/%s", mcp_url, agent);
    char *bearer = sc_xasprintf("Bearer %s", token);
    struct sc_value *v = sc_value_object(), *headers = sc_value_object();
    sc_value_set_str(headers, "Authorization", bearer);
    sc_value_set_str(v, "url", url);
    sc_value_set_str(v, "transport", "streamable-http");
    sc_value_set(v, "headers", headers);
    sc_value_set_int(v, "requestTimeoutMs", REQUEST_TIMEOUT_MS);
    explicit_bzero(bearer, strlen(bearer));
    sc_free_ptr(&bearer);
    return v;
}

static int check_only(const struct work *w, struct sc_err *err)
{
    const struct sc_strv *only = w->want->only;
    for (size_t i = 0; !w->want->remove && i < only->n; i++)
        if (!sc_strv_has(&w->agents, only->v[i]))
            return sc_fail(err, SC_ENOENT, "this gateway has no agent %.128s", only->v[i]);
    return SC_OK;
}

struct sc_value *sc_openclaw_apply(const struct sc_value *config,
                                   const struct sc_openclaw_want *want, struct sc_err *err)
{
    struct work w = { .want = want };
    if (sc_openclaw_agents(config, &w.agents, err) < 0)
        return NULL;
    if (check_only(&w, err) == SC_OK) {
        w.config = sc_value_copy(config);
        change_servers(&w);
        change_agents(&w);
        change_skills(&w);
    }
    sc_strv_fini(&w.agents);
    sc_strv_fini(&w.here);
    return w.config;
}
