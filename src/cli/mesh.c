/* mesh.c: agents and gateways. */
#include "command.h"
#include "sideclaw/mem.h"

/* "slack, general-qa"; the caller frees. */
static char *join(const struct sc_value *list)
{
    struct sc_buf b = SC_BUF_INIT;
    for (size_t i = 0; i < sc_value_count(list); i++) {
        const char *text = sc_value_text(sc_value_at(list, i));
        sc_buf_addf(&b, "%s%s", i ? ", " : "", text ? text : "");
    }
    return sc_buf_steal(&b);
}

/* How a message would leave now. */
static const char *way_text(const struct sc_value *agent)
{
    const char *via = sc_value_get_str(agent, "via");
    return via ? via : "waits";
}

static void show_agents(struct sc_writer *w, const struct sc_value *v)
{
    static const char *const heads[] = { "AGENT", "GATEWAY", "STATUS",      "LOAD",
                                         "VIA",   "SEEN",    "CAPABILITIES" };
    const struct sc_value *rows = sc_value_get(v, "agents");
    struct sc_table t;
    char age[24];
    sc_table_init(&t, SC_ARRAY_LEN(heads), heads);
    for (size_t i = 0; i < sc_value_count(rows); i++) {
        const struct sc_value *a = sc_value_at(rows, i);
        sc_auto_free char *capabilities = join(sc_value_get(a, "capabilities"));
        const char *gateway = sc_value_get_str(a, "gateway");
        bool local = sc_value_get_bool(a, "local", false);
        sc_table_cell(&t, sc_value_get_str(a, "id"));
        sc_table_cellf(&t, "%s%s", gateway ? gateway : "", local ? " (here)" : "");
        sc_table_cell(&t, sc_value_get_str(a, "status"));
        sc_table_cellf(&t, "%lld", (long long)sc_value_get_int(a, "load", 0));
        sc_table_cell(&t, way_text(a));
        sc_table_cell(&t, local ? "now" : sc_age(sc_value_get_str(a, "last_seen"), age));
        sc_table_cell(&t, capabilities);
    }
    sc_table_end(&t, w, "no agent is known; look at: sideclaw status");
}

int sc_cmd_agents(struct sc_cli *cli, const struct sc_args *args)
{
    static const char *const filters[] = { "gateway", "capability", "group", "status" };
    sc_auto_value struct sc_value *params = sc_value_object();
    if (args->n_words > 0)
        return sc_cli_usage(cli, "it takes no words, only flags");
    for (size_t i = 0; i < SC_ARRAY_LEN(filters); i++) {
        sc_auto_free char *flag = sc_xasprintf("--%s", filters[i]);
        if (sc_args_has(args, flag))
            sc_value_set_str(params, filters[i], sc_args_text(args, flag));
    }
    return sc_cli_show(cli, "agents.list", params, show_agents);
}

static void show_gateways(struct sc_writer *w, const struct sc_value *v)
{
    static const char *const heads[] = { "GATEWAY", "STATUS", "HEARTBEAT", "AGENTS", "URL" };
    const struct sc_value *rows = sc_value_get(v, "gateways");
    struct sc_table t;
    char age[24];
    sc_table_init(&t, SC_ARRAY_LEN(heads), heads);
    for (size_t i = 0; i < sc_value_count(rows); i++) {
        const struct sc_value *g = sc_value_at(rows, i);
        sc_auto_free char *agents = join(sc_value_get(g, "agents"));
        bool self = sc_value_get_bool(g, "self", false);
        sc_table_cellf(&t, "%s%s", sc_value_get_str(g, "name"), self ? " (here)" : "");
        sc_table_cell(&t, sc_value_get_str(g, "status"));
        sc_table_cell(&t, sc_age(sc_value_get_str(g, "last_heartbeat"), age));
        sc_table_cell(&t, agents);
        sc_table_cell(&t, sc_value_get_str(g, "url"));
    }
    sc_table_end(&t, w, "no gateway is known; look at: sideclaw status");
}

int sc_cmd_gateways(struct sc_cli *cli, const struct sc_args *args)
{
    if (args->n_words > 0)
        return sc_cli_usage(cli, "it takes no words");
    return sc_cli_show(cli, "gateways.list", NULL, show_gateways);
}
