/* token.c: alone on its line, for $(sideclaw token AGENT). */
#include "command.h"

static void show_token(struct sc_writer *w, const struct sc_value *v)
{
    sc_writer_line(w, "%s", sc_value_get_str(v, "token"));
}

int sc_cmd_token(struct sc_cli *cli, const struct sc_args *args)
{
    sc_auto_value struct sc_value *params = sc_value_object();
    if (args->n_words != 1)
        return sc_cli_usage(cli, "whose? sideclaw token AGENT");
    sc_value_set_str(params, "agent", args->words[0]);
    return sc_cli_show(cli, "agent.token", params, show_token);
}
