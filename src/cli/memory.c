/* memory.c: what agents remember: set, get, list, delete. */
#include "command.h"
#include "sideclaw/mem.h"

static struct sc_value *key_params(const struct sc_args *args)
{
    struct sc_value *params = sc_value_object();
    sc_value_set_str(params, "agent", args->words[1]);
    if (args->n_words > 2)
        sc_value_set_str(params, "key", args->words[2]);
    return params;
}

static void show_written(struct sc_writer *w, const struct sc_value *v)
{
    const char *expires = sc_value_get_str(v, "expires");
    sc_writer_line(w, "%s  %lld bytes%s%s", sc_value_get_str(v, "key"),
                   (long long)sc_value_get_int(v, "bytes", 0), expires ? ", until " : "",
                   expires ? expires : "");
}

static int set(struct sc_cli *cli, const struct sc_args *args)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_buf struct sc_buf value = SC_BUF_INIT;
    if (args->n_words < 3)
        return sc_cli_usage(cli, "set takes an agent, a key and a value");
    struct sc_args rest = *args;
    rest.words += 3;
    rest.n_words -= 3;
    if (sc_cli_body(&rest, &value, &err) < 0)
        return err.code == SC_EINVAL ? sc_cli_usage_err(cli, &err) : sc_cli_fail(cli, &err);
    sc_auto_value struct sc_value *params = key_params(args);
    sc_value_set_str(params, "value", sc_buf_str(&value));
    if (sc_args_has(args, "--ttl"))
        sc_value_set_int(params, "ttl_s", sc_args_int(args, "--ttl", 0));
    return sc_cli_show(cli, "memory.set", params, show_written);
}

static void show_value(struct sc_writer *w, const struct sc_value *v)
{
    const char *value = sc_value_get_str(v, "value");
    sc_writer_body(w, value ? value : "");
}

static int get(struct sc_cli *cli, const struct sc_args *args)
{
    if (args->n_words != 3)
        return sc_cli_usage(cli, "get takes an agent and a key");
    sc_auto_value struct sc_value *params = key_params(args);
    return sc_cli_show(cli, "memory.get", params, show_value);
}

static void show_list(struct sc_writer *w, const struct sc_value *v)
{
    static const char *const heads[] = { "KEY", "BYTES", "AGE", "BY", "EXPIRES", "VALUE" };
    const struct sc_value *rows = sc_value_get(v, "keys");
    bool values = sc_value_get(sc_value_at(rows, 0), "value") != NULL;
    struct sc_table t;
    char age[24];
    sc_table_init(&t, SC_ARRAY_LEN(heads) - (values ? 0 : 1), heads);
    for (size_t i = 0; i < sc_value_count(rows); i++) {
        const struct sc_value *e = sc_value_at(rows, i);
        sc_table_cell(&t, sc_value_get_str(e, "key"));
        sc_table_cellf(&t, "%lld", (long long)sc_value_get_int(e, "bytes", 0));
        sc_table_cell(&t, sc_age(sc_value_get_str(e, "written"), age));
        sc_table_cellf(&t, "%s%s", sc_value_get_str(e, "by"),
                       sc_value_get_bool(e, "shared", true) ? "" : " (only here)");
        sc_table_cell(&t, sc_value_get_str(e, "expires"));
        if (values)
            sc_table_cell(&t, sc_value_get_str(e, "value"));
    }
    sc_table_end(&t, w, "it remembers nothing");
    if (sc_value_get_bool(v, "truncated", false))
        sc_writer_line(w, "… and more: --limit N, --prefix P or --after KEY");
}

static int list(struct sc_cli *cli, const struct sc_args *args)
{
    static const char *const texts[] = { "prefix", "after" };
    if (args->n_words != 2)
        return sc_cli_usage(cli, "list takes an agent");
    sc_auto_value struct sc_value *params = key_params(args);
    for (size_t i = 0; i < SC_ARRAY_LEN(texts); i++) {
        sc_auto_free char *flag = sc_xasprintf("--%s", texts[i]);
        if (sc_args_has(args, flag))
            sc_value_set_str(params, texts[i], sc_args_text(args, flag));
    }
    if (sc_args_has(args, "--limit"))
        sc_value_set_int(params, "limit", sc_args_int(args, "--limit", 0));
    if (sc_args_has(args, "--values"))
        sc_value_set_bool(params, "values", true);
    return sc_cli_show(cli, "memory.list", params, show_list);
}

static void show_deleted(struct sc_writer *w, const struct sc_value *v)
{
    sc_writer_line(w, "%s  %s", sc_value_get_str(v, "key"),
                   sc_value_get_bool(v, "deleted", false) ? "deleted" : "was not there");
}

static int delete (struct sc_cli *cli, const struct sc_args *args)
{
    int worst = SC_EXIT_OK;
    if (args->n_words < 3)
        return sc_cli_usage(cli, "delete takes an agent and one key or more");
    for (int i = 2; i < args->n_words; i++) {
        sc_auto_value struct sc_value *params = key_params(args);
        sc_value_set_str(params, "key", args->words[i]);
        int code = sc_cli_show(cli, "memory.delete", params, show_deleted);
        worst = code == SC_EXIT_OK ? worst : code;
    }
    return worst;
}

int sc_cmd_memory(struct sc_cli *cli, const struct sc_args *args)
{
    static const struct {
        const char *name;
        int (*run)(struct sc_cli *cli, const struct sc_args *args);
    } actions[] = { { "set", set }, { "get", get }, { "list", list }, { "delete", delete } };
    const char *action = args->n_words > 0 ? args->words[0] : "";
    for (size_t i = 0; i < SC_ARRAY_LEN(actions); i++)
        if (sc_streq(actions[i].name, action))
            return actions[i].run(cli, args);
    return sc_cli_usage(cli, "set, get, list or delete?");
}
