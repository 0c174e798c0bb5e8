/* main.c: from argv to a command, and from an error to an exit code. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "control_client.h"
#include "sideclaw/mem.h"
#include "sideclaw/paths.h"
#include "sideclaw/suggest.h"

enum { CALL_TIMEOUT_MS = 30 * 1000 };

static int exit_code(enum sc_code code)
{
    switch (code) {
    case SC_OK:
        return SC_EXIT_OK;
    case SC_EAWAY:
    case SC_ETIMEDOUT:
    case SC_ECANCELED:
        return SC_EXIT_AWAY;
    case SC_ECONFIG:
        return SC_EXIT_CONFIG;
    case SC_EINVAL:
    case SC_ENOENT:
    case SC_EEXIST:
    case SC_ETOOBIG:
    case SC_EFULL:
    case SC_EAUTH:
    case SC_EPERM:
    case SC_EPROTO:
    case SC_EIO:
    case SC_EBUSY:
        return SC_EXIT_FAILED;
    }
    return SC_EXIT_FAILED;
}

static void print_error(const struct sc_cli *cli, const struct sc_err *err)
{
    const char *name = cli->command ? cli->command->name : NULL;
    (void)fprintf(stderr, "sideclaw: %s%s%s\n", name ? name : "", name ? ": " : "", err->text);
    if (err->remedy[0])
        (void)fprintf(stderr, "  try: %s\n", err->remedy);
}

int sc_cli_fail(const struct sc_cli *cli, const struct sc_err *err)
{
    print_error(cli, err);
    return exit_code(err->code);
}

int sc_cli_usage_err(const struct sc_cli *cli, const struct sc_err *err)
{
    struct sc_err shown = *err;
    if (!shown.remedy[0])
        (void)sc_err_remedy(&shown, "sideclaw help%s%s", cli->command ? " " : "",
                            cli->command ? cli->command->name : "");
    print_error(cli, &shown);
    return SC_EXIT_USAGE;
}

int sc_cli_usage(const struct sc_cli *cli, const char *fmt, ...)
{
    struct sc_err err = { .code = SC_EINVAL };
    va_list ap;
    va_start(ap, fmt);
    if (vsnprintf(err.text, sizeof err.text, fmt, ap) < 0)
        err.text[0] = 0;
    va_end(ap);
    return sc_cli_usage_err(cli, &err);
}

struct sc_value *sc_cli_call(const struct sc_cli *cli, const char *method,
                             const struct sc_value *params, int *ret_exit)
{
    const struct sc_control_request req = {
        .socket = cli->socket, .method = method, .params = params, .timeout_ms = CALL_TIMEOUT_MS
    };
    struct sc_err err = SC_ERR_INIT;
    struct sc_value *result = sc_control_call(&req, &err);
    *ret_exit = result ? SC_EXIT_OK : sc_cli_fail(cli, &err);
    return result;
}

int sc_cli_show(struct sc_cli *cli, const char *method, const struct sc_value *params,
                sc_show_fn *show)
{
    int code;
    sc_auto_value struct sc_value *result = sc_cli_call(cli, method, params, &code);
    if (result)
        cli->writer.ops->result(&cli->writer, result, show);
    return code;
}

/* --- the command line --- */

static int unknown_command(const struct sc_cli *cli, const char *name)
{
    enum { MANY = 32 };
    const char *names[MANY];
    size_t n = 0;
    for (; sc_commands[n].name && n < MANY; n++)
        names[n] = sc_commands[n].name;
    struct sc_err err = SC_ERR_INIT;
    const char *nearest = sc_suggest(name, names, n);
    (void)sc_fail(&err, SC_EINVAL, "there is no command '%.60s'", name);
    if (nearest)
        (void)sc_err_remedy(&err, "did you mean '%s'?", nearest);
    return sc_cli_usage_err(cli, &err);
}

/* Flags of the program itself stand before or after the command's name, but not behind `run`, which
 * hands on everything. Takes them out of argv; returns how many words are left. */
struct globals {
    const char *socket;
    bool json, help, version, missing;
};

static int take_globals(int argc, char **argv, struct globals *g)
{
    int n = 0;
    const struct sc_command *c = NULL;
    for (int i = 0; i < argc; i++) {
        bool ours = !(c && c->raw);
        if (ours && sc_streq(argv[i], "--")) {
            while (i < argc)
                argv[n++] = argv[i++];
            break;
        }
        if (ours && sc_streq(argv[i], "--json")) {
            g->json = true;
        } else if (ours && (sc_streq(argv[i], "--help") || sc_streq(argv[i], "-h"))) {
            g->help = true;
        } else if (ours && sc_streq(argv[i], "--version")) {
            g->version = true;
        } else if (ours && strncmp(argv[i], "--socket=", 9) == 0) {
            g->socket = argv[i] + 9;
        } else if (ours && sc_streq(argv[i], "--socket")) {
            g->missing = i + 1 >= argc;
            g->socket = g->missing ? NULL : argv[++i];
        } else {
            if (!c)
                c = sc_command_find(argv[i]);
            argv[n++] = argv[i];
        }
    }
    argv[n] = NULL;
    return n;
}

static int run_command(struct sc_cli *cli, int argc, char **argv)
{
    struct sc_args args = { .flags = cli->command->flags, .words = argv, .n_words = argc };
    struct sc_err err = SC_ERR_INIT;
    if (!cli->command->raw && sc_args_parse(cli->command->flags, argc, argv, &args, &err) < 0)
        return sc_cli_usage_err(cli, &err);
    args.words[args.n_words] = NULL;
    return cli->command->run(cli, &args);
}

static int dispatch(struct sc_cli *cli, int argc, char **argv, const struct globals *g)
{
    if (g->missing)
        return sc_cli_usage(cli, "--socket needs a value: --socket PATH");
    if (g->version)
        return sc_cmd_version(cli, NULL);
    if (argc > 0 && argv[0][0] == '-')
        return sc_cli_usage(cli, "unknown flag %.60s", argv[0]);
    if (argc == 0) {
        cli->writer.fd = g->help ? STDOUT_FILENO : STDERR_FILENO;
        sc_commands_help(&cli->writer);
        return g->help ? SC_EXIT_OK : SC_EXIT_USAGE;
    }
    cli->command = sc_command_find(argv[0]);
    if (!cli->command)
        return unknown_command(cli, argv[0]);
    if (!g->help)
        return run_command(cli, argc - 1, argv + 1);
    sc_command_help(&cli->writer, cli->command);
    return SC_EXIT_OK;
}

int sc_cli_main(int argc, char **argv, char *const *envp)
{
    struct globals g = { .socket = NULL };
    int n = argc > 0 ? take_globals(argc - 1, argv + 1, &g) : 0;
    struct sc_cli cli = { .json = g.json, .envp = envp };
    cli.socket = g.socket ? sc_xstrdup(g.socket) : sc_path_default_socket(envp);
    cli.writer.ops = g.json ? &sc_writer_json : &sc_writer_text;
    cli.writer.fd = STDOUT_FILENO;
    cli.writer.is_terminal = isatty(STDOUT_FILENO) == 1;
    cli.writer.colour = cli.writer.is_terminal && !sc_env_get(envp, "NO_COLOR");
    int code = dispatch(&cli, n, argv + 1, &g);
    if (!sc_writer_flush(&cli.writer) && code == SC_EXIT_OK) {
        (void)fputs("sideclaw: cannot write the result: its reader is gone or the disk is full\n",
                    stderr);
        code = SC_EXIT_FAILED;
    }
    sc_buf_fini(&cli.writer.out);
    free(cli.socket);
    return code;
}
