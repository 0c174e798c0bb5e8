/* inbox.c: list, read, acknowledge and answer what came for an agent. */
#include "command.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

static void show_inbox(struct sc_writer *w, const struct sc_value *v)
{
    static const char *const heads[] = { "ID", "FROM", "KIND", "AGE", "TEXT" };
    const struct sc_value *rows = sc_value_get(v, "messages");
    struct sc_table t;
    char age[24];
    sc_table_init(&t, SC_ARRAY_LEN(heads), heads);
    for (size_t i = 0; i < sc_value_count(rows); i++) {
        const struct sc_value *m = sc_value_at(rows, i);
        const struct sc_value *from = sc_value_get(m, "from");
        bool acked = sc_value_get_bool(m, "acked", false);
        sc_table_cell(&t, sc_value_get_str(m, "id"));
        sc_table_cell(&t, sc_value_get_str(from, "agent"));
        sc_table_cellf(&t, "%s%s", sc_value_get_str(m, "kind"), acked ? " (read)" : "");
        sc_table_cell(&t, sc_age(sc_value_get_str(m, "timestamp"), age));
        sc_table_cell(&t, sc_value_get_str(m, "body"));
    }
    sc_table_end(&t, w, "nothing new; --all shows what is acknowledged too");
    if (sc_value_get_bool(v, "truncated", false))
        sc_writer_line(w, "… and more: acknowledge some, or read them one by one");
}

static int list(struct sc_cli *cli, const struct sc_args *args)
{
    sc_auto_value struct sc_value *params = sc_value_object();
    sc_value_set_str(params, "agent", args->words[0]);
    if (sc_args_has(args, "--all"))
        sc_value_set_bool(params, "all", true);
    if (sc_args_has(args, "--limit"))
        sc_value_set_int(params, "limit", sc_args_int(args, "--limit", 0));
    return sc_cli_show(cli, "inbox.list", params, show_inbox);
}

static struct sc_value *id_params(const struct sc_args *args, int word)
{
    struct sc_value *params = sc_value_object();
    sc_value_set_str(params, "agent", args->words[0]);
    sc_value_set_str(params, "id", args->words[word]);
    return params;
}

static int read_one(struct sc_cli *cli, const struct sc_args *args)
{
    if (args->n_words != 3)
        return sc_cli_usage(cli, "read takes one message id");
    sc_auto_value struct sc_value *params = id_params(args, 2);
    return sc_cli_show(cli, "inbox.get", params, sc_show_message);
}

static void show_acked(struct sc_writer *w, const struct sc_value *v)
{
    sc_writer_line(w, "%s  acknowledged", sc_value_get_str(v, "id"));
}

static int ack(struct sc_cli *cli, const struct sc_args *args)
{
    int code = SC_EXIT_OK;
    if (args->n_words < 3)
        return sc_cli_usage(cli, "ack takes one message id or more");
    for (int i = 2; i < args->n_words && code == SC_EXIT_OK; i++) {
        sc_auto_value struct sc_value *params = id_params(args, i);
        code = sc_cli_show(cli, "inbox.ack", params, show_acked);
    }
    return code;
}

static void show_replied(struct sc_writer *w, const struct sc_value *v)
{
    sc_writer_line(w, "%s  %s  to %s", sc_value_get_str(v, "id"), sc_value_get_str(v, "stage"),
                   sc_value_get_str(v, "to"));
}

static int reply(struct sc_cli *cli, const struct sc_args *args)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_buf struct sc_buf body = SC_BUF_INIT;
    if (args->n_words < 4)
        return sc_cli_usage(cli, "reply takes a message id and a text");
    for (int i = 3; i < args->n_words; i++)
        sc_buf_addf(&body, "%s%s", i > 3 ? " " : "", args->words[i]);
    if (!sc_utf8_valid(sc_buf_str(&body), body.n)) {
        (void)sc_fail(&err, SC_EINVAL, "the text is not UTF-8");
        return sc_cli_fail(cli, &err);
    }
    sc_auto_value struct sc_value *params = id_params(args, 2);
    sc_value_set_str(params, "body", sc_buf_str(&body));
    return sc_cli_show(cli, "inbox.reply", params, show_replied);
}

int sc_cmd_inbox(struct sc_cli *cli, const struct sc_args *args)
{
    if (args->n_words == 0)
        return sc_cli_usage(cli, "whose? sideclaw inbox AGENT");
    const char *action = args->n_words > 1 ? args->words[1] : "list";
    if (sc_streq(action, "list"))
        return list(cli, args);
    if (sc_streq(action, "read"))
        return read_one(cli, args);
    if (sc_streq(action, "ack"))
        return ack(cli, args);
    if (sc_streq(action, "reply"))
        return reply(cli, args);
    return sc_cli_usage(cli, "there is no action '%.40s': list, read ID, ack ID or reply ID TEXT",
                        action);
}
