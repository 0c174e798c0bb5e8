/* spool.c: the messages on disk. SQLite is the daemon's: its program does it, also when no daemon
 * runs. */
#include "command.h"
#include "control_client.h"
#include "sideclaw/mem.h"

enum { ASK_MS = 2000, WORDS_MAX = 16 };

/* Where the daemon behind our socket has its spool; NULL when none answers. The caller frees. */
static char *daemons_spool(const struct sc_cli *cli)
{
    const struct sc_control_request req = { .socket = cli->socket,
                                            .method = "status.get",
                                            .timeout_ms = ASK_MS };
    struct sc_err err = SC_ERR_INIT;
    sc_auto_value struct sc_value *v = sc_control_call(&req, &err);
    return sc_xstrdup(sc_value_get_str(v, "spool_path"));
}

/* Without a file, a configuration or a daemon it is what sideclawd itself would use. */
static int hand_over(const struct sc_cli *cli, const struct sc_args *args, const char *action)
{
    static const char *const passed[] = { "--full", "--in", "--out", "--all" };
    const char *words[WORDS_MAX] = { "--spool", action };
    size_t n = 2;
    const char *file = sc_args_text(args, "--file"), *config = sc_args_text(args, "--config");
    sc_auto_free char *found = file || config ? NULL : daemons_spool(cli);
    if (file || found) {
        words[n++] = "--spool-file";
        words[n++] = file ? file : found;
    }
    if (config) {
        words[n++] = "--config";
        words[n++] = config;
    }
    if (cli->json)
        words[n++] = "--json";
    for (size_t i = 0; i < SC_ARRAY_LEN(passed); i++)
        if (sc_args_has(args, passed[i]))
            words[n++] = passed[i];
    return sc_cli_become_daemon(cli, words, n, NULL, 0);
}

int sc_cmd_spool(struct sc_cli *cli, const struct sc_args *args)
{
    const char *action = args->n_words == 1 ? args->words[0] : "";
    bool exports = sc_streq(action, "export"), checks = sc_streq(action, "check");
    if (!exports && !checks && !sc_streq(action, "compact"))
        return sc_cli_usage(cli, "check, compact or export?");
    if (sc_args_has(args, "--file") && sc_args_has(args, "--config"))
        return sc_cli_usage(cli, "--file and --config exclude each other");
    if (sc_args_has(args, "--full") && !checks)
        return sc_cli_usage(cli, "--full is for check");
    if (!exports &&
        (sc_args_has(args, "--in") || sc_args_has(args, "--out") || sc_args_has(args, "--all")))
        return sc_cli_usage(cli, "--in, --out and --all are for export");
    return hand_over(cli, args, action);
}
