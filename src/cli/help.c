/* help.c: help and version. */
#include "command.h"
#include "sideclaw/mem.h"

int sc_cmd_help(struct sc_cli *cli, const struct sc_args *args)
{
    if (args->n_words == 0) {
        sc_commands_help(&cli->writer);
        return SC_EXIT_OK;
    }
    const struct sc_command *c = sc_command_find(args->words[0]);
    if (!c)
        return sc_cli_usage(cli, "there is no command '%.60s'", args->words[0]);
    sc_command_help(&cli->writer, c);
    return SC_EXIT_OK;
}

static void show_version(struct sc_writer *w, const struct sc_value *v)
{
    sc_writer_line(w, "sideclaw %s", sc_value_get_str(v, "version"));
}

int sc_cmd_version(struct sc_cli *cli, const struct sc_args *args)
{
    (void)args; /* --version comes without */
    sc_auto_value struct sc_value *v = sc_value_object();
    sc_value_set_str(v, "version", SC_VERSION);
    cli->writer.ops->result(&cli->writer, v, show_version);
    return SC_EXIT_OK;
}
