/* outbox.c: what was sent from here, and one message by its id. */
#include "command.h"
#include "sideclaw/mem.h"

static void show_outbox(struct sc_writer *w, const struct sc_value *v)
{
    static const char *const heads[] = { "ID",    "FROM", "TO",    "KIND",
                                         "STAGE", "AGE",  "TRIES", "REASON" };
    const struct sc_value *rows = sc_value_get(v, "messages");
    struct sc_table t;
    char age[24];
    sc_table_init(&t, SC_ARRAY_LEN(heads), heads);
    for (size_t i = 0; i < sc_value_count(rows); i++) {
        const struct sc_value *m = sc_value_at(rows, i);
        sc_table_cell(&t, sc_value_get_str(m, "id"));
        sc_table_cell(&t, sc_value_get_str(sc_value_get(m, "from"), "agent"));
        sc_table_cell(&t, sc_value_get_str(sc_value_get(m, "to"), "agent"));
        sc_table_cell(&t, sc_value_get_str(m, "kind"));
        sc_table_cell(&t, sc_value_get_str(m, "stage"));
        sc_table_cell(&t, sc_age(sc_value_get_str(m, "timestamp"), age));
        sc_table_cellf(&t, "%lld", (long long)sc_value_get_int(m, "attempts", 0));
        sc_table_cell(&t, sc_value_get_str(m, "reason"));
    }
    sc_table_end(&t, w, "nothing is on its way; --all shows what is settled too");
}

int sc_cmd_outbox(struct sc_cli *cli, const struct sc_args *args)
{
    if (args->n_words > 0)
        return sc_cli_usage(cli, "it takes no words, only --all and --limit N");
    sc_auto_value struct sc_value *params = sc_value_object();
    if (sc_args_has(args, "--all"))
        sc_value_set_bool(params, "all", true);
    if (sc_args_has(args, "--limit"))
        sc_value_set_int(params, "limit", sc_args_int(args, "--limit", 0));
    return sc_cli_show(cli, "outbox.list", params, show_outbox);
}

int sc_cmd_show(struct sc_cli *cli, const struct sc_args *args)
{
    if (args->n_words != 1)
        return sc_cli_usage(cli, "one message id is expected");
    sc_auto_value struct sc_value *params = sc_value_object();
    sc_value_set_str(params, "id", args->words[0]);
    return sc_cli_show(cli, "message.get", params, sc_show_message);
}
