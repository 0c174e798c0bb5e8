/* events.c: what happened in the mesh, and what happens. */
#include "command.h"
#include "control_client.h"
#include "sideclaw/mem.h"
#include "sideclaw/paths.h"

enum { LOOK_MS = 30 * 1000, MARGIN_MS = 5 * 1000 };

/* "bobby@bobby-gateway", "bobby-gateway" of a sidecar, "" of nobody known; the caller frees. */
static char *source_of(const struct sc_value *e)
{
    const char *agent = sc_value_get_str(e, "agent"), *gateway = sc_value_get_str(e, "gateway");
    if (!agent)
        return sc_xstrdup(gateway ? gateway : "");
    return sc_xasprintf("%s%s%s", agent, gateway ? "@" : "", gateway ? gateway : "");
}

static void show_events(struct sc_writer *w, const struct sc_value *v)
{
    static const char *const heads[] = { "AGE", "KIND", "FROM", "TEXT" };
    const struct sc_value *rows = sc_value_get(v, "events");
    struct sc_table t;
    char age[24];
    sc_table_init(&t, SC_ARRAY_LEN(heads), heads);
    for (size_t i = 0; i < sc_value_count(rows); i++) {
        const struct sc_value *e = sc_value_at(rows, i);
        sc_auto_free char *source = source_of(e);
        const char *kind = sc_value_get_str(e, "kind");
        sc_table_cell(&t, sc_age(sc_value_get_str(e, "at"), age));
        sc_table_cell(&t, kind ? kind : "");
        sc_table_cell(&t, source);
        sc_table_cell(&t, sc_value_get_str(e, "text"));
    }
    sc_table_end(&t, w, "nothing happened");
    if (sc_value_get_str(v, "note"))
        sc_writer_line(w, "(%s)", sc_value_get_str(v, "note"));
}

/* ---- --follow ---- */

/* Somebody else's words, on a line of ours. */
static void show_line(struct sc_writer *w, const struct sc_value *e)
{
    sc_auto_free char *source = source_of(e);
    const char *at = sc_value_get_str(e, "at"), *kind = sc_value_get_str(e, "kind");
    sc_auto_free char *line = sc_xasprintf("%s  %s  %s  %s", at ? at : "-", kind ? kind : "-",
                                           *source ? source : "-", sc_value_get_str(e, "text"));
    for (char *p = line; *p; p++)
        if (*p == '\n' || *p == '\r')
            *p = ' ';
    sc_writer_body(w, line);
}

/* One event a line, in either form, and out at once: it may go into a pipe. */
static bool print(struct sc_cli *cli, const struct sc_value *events)
{
    for (size_t i = 0; i < sc_value_count(events); i++) {
        const struct sc_value *e = sc_value_at(events, i);
        if (cli->json) {
            sc_value_dump(e, &cli->writer.out);
            sc_buf_addc(&cli->writer.out, '\n');
        } else {
            show_line(&cli->writer, e);
        }
    }
    return sc_writer_flush(&cli->writer);
}

static int follow(struct sc_cli *cli)
{
    sc_auto_value struct sc_value *params = sc_value_object();
    const struct sc_control_request req = { .socket = cli->socket,
                                            .method = "events.wait",
                                            .params = params,
                                            .timeout_ms = LOOK_MS + MARGIN_MS };
    for (;;) {
        struct sc_err err = SC_ERR_INIT;
        sc_auto_value struct sc_value *result = sc_control_call(&req, &err);
        if (!result)
            return sc_cli_fail(cli, &err);
        if (!print(cli, sc_value_get(result, "events")))
            return SC_EXIT_FAILED;
        sc_value_set_int(params, "after", sc_value_get_int(result, "next", 0));
        sc_value_set_int(params, "wait_ms", LOOK_MS);
    }
}

static void show_pushed(struct sc_writer *w, const struct sc_value *v)
{
    sc_writer_line(w, "%s", sc_value_get_str(v, "id"));
}

static int push(struct sc_cli *cli, const struct sc_args *args)
{
    sc_auto_value struct sc_value *params = sc_value_object();
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    for (int i = 1; i < args->n_words; i++)
        sc_buf_addf(&text, "%s%s", i > 1 ? " " : "", args->words[i]);
    sc_value_set_str(params, "text", sc_buf_str(&text));
    if (sc_args_has(args, "--kind"))
        sc_value_set_str(params, "kind", sc_args_text(args, "--kind"));
    const char *from = sc_args_text(args, "--from");
    from = from ? from : sc_env_get(cli->envp, "AGENT_ID");
    if (from)
        sc_value_set_str(params, "agent", from);
    return sc_cli_show(cli, "events.push", params, show_pushed);
}

int sc_cmd_events(struct sc_cli *cli, const struct sc_args *args)
{
    if (args->n_words > 1 && sc_streq(args->words[0], "push"))
        return push(cli, args);
    if (args->n_words > 0)
        return sc_cli_usage(cli, "events [--follow], or events push TEXT...");
    if (sc_args_has(args, "--follow"))
        return follow(cli);
    sc_auto_value struct sc_value *params = sc_value_object();
    if (sc_args_has(args, "--limit"))
        sc_value_set_int(params, "limit", sc_args_int(args, "--limit", 0));
    if (sc_args_has(args, "--kind"))
        sc_value_set_str(params, "kind", sc_args_text(args, "--kind"));
    return sc_cli_show(cli, "events.list", params, show_events);
}
