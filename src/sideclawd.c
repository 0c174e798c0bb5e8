/* sideclawd: the daemon. Reads its own few flags; everything else is an option of the table. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sideclaw/app.h"
#include "sideclaw/buf.h"
#include "sideclaw/config.h"
#include "sideclaw/mcp.h"
#include "sideclaw/mem.h"
#include "sideclaw/operations.h"
#include "sideclaw/value.h"

enum { EXIT_AWAY = 75, EXIT_CONFIG = 78 };

static const char default_config[] = "/etc/sideclaw/sideclaw.conf";

/* What the daemon takes for itself; the rest of argv are options. */
struct own_flags {
    const char *config, *print;
    bool check, help, metrics, openapi, tools, version;
    struct sc_spool_command spool; /* action NULL: the daemon itself */
    int argc;
    char **argv;
};

static int fail(const struct sc_err *err)
{
    (void)fprintf(stderr, "sideclawd: %s\n", err->text);
    if (err->remedy[0])
        (void)fprintf(stderr, "  try: %s\n", err->remedy);
    return err->code == SC_ECONFIG ? EXIT_CONFIG : err->code == SC_EAWAY ? EXIT_AWAY : 1;
}

/* "--name value" and "--name=value"; NULL when arg i is another flag. */
static const char *value_of(const char *name, int argc, char **argv, int *i)
{
    size_t n = strlen(name);
    const char *arg = argv[*i];
    if (!arg || strncmp(arg, name, n) != 0)
        return NULL;
    if (arg[n] == '=')
        return arg + n + 1;
    if (arg[n] || *i + 1 >= argc)
        return NULL;
    return argv[++*i];
}

/* Flags of --spool, which stands before them. */
static bool take_spool_flag(int argc, char **argv, int *i, struct sc_spool_command *c)
{
    const struct {
        const char *name;
        bool *flag;
    } flags[] = { { "--json", &c->json },
                  { "--full", &c->full },
                  { "--in", &c->in },
                  { "--out", &c->out },
                  { "--all", &c->all } };
    const char *v;
    if ((v = value_of("--spool", argc, argv, i)))
        c->action = v;
    else if (c->action && (v = value_of("--spool-file", argc, argv, i)))
        c->file = v;
    if (v)
        return true;
    for (size_t k = 0; c->action && k < SC_ARRAY_LEN(flags); k++)
        if (sc_streq(argv[*i], flags[k].name))
            return *flags[k].flag = true;
    return false;
}

static void take_own_flags(int argc, char **argv, struct own_flags *f)
{
    f->argv = argv + 1; /* compacted in place: reading runs ahead of writing */
    for (int i = 1; i < argc; i++) {
        const char *v;
        if ((v = value_of("--config", argc, argv, &i)))
            f->config = v;
        else if ((v = value_of("--print-options", argc, argv, &i)))
            f->print = v;
        else if (take_spool_flag(argc, argv, &i, &f->spool))
            continue;
        else if (sc_streq(argv[i], "--check"))
            f->check = true;
        else if (sc_streq(argv[i], "--help") || sc_streq(argv[i], "-h"))
            f->help = true;
        else if (sc_streq(argv[i], "--print-metrics"))
            f->metrics = true;
        else if (sc_streq(argv[i], "--print-openapi"))
            f->openapi = true;
        else if (sc_streq(argv[i], "--print-tools"))
            f->tools = true;
        else if (sc_streq(argv[i], "--version"))
            f->version = true;
        else
            f->argv[f->argc++] = argv[i];
    }
}

static int print_options(const char *format)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    if (sc_config_print(format, &out, &err) < 0)
        return fail(&err);
    (void)fputs(sc_buf_str(&out), stdout);
    return 0;
}

static int print_openapi(void)
{
    sc_auto_value struct sc_value *v = sc_openapi();
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    sc_value_dump_pretty(v, &out);
    return puts(sc_buf_str(&out)) < 0;
}

static int print_tools(void)
{
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    size_t n;
    const struct sc_op *ops = sc_operations(&n);
    sc_mcp_tools_markdown(ops, n, &out);
    return fputs(sc_buf_str(&out), stdout) < 0;
}

static int print_metrics(void)
{
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    sc_metrics_print(&out);
    return fputs(sc_buf_str(&out), stdout) < 0;
}

static int print_help(void)
{
    (void)puts(
        "usage: sideclawd [--config FILE] [--OPTION=VALUE ...]\n"
        "\n"
        "The sidecar of one OpenClaw gateway. Runs in the foreground and logs to stderr;\n"
        "SIGTERM stops it gracefully, SIGHUP reads the configuration again, SIGUSR1 drains.\n"
        "\n"
        "  --config FILE           libconfig file (default: $SIDECLAW_CONFIG, else\n"
        "                          /etc/sideclaw/sideclaw.conf when it is there)\n"
        "  --check                 check the configuration and exit: 0 good, 78 bad\n"
        "  --print-options FORMAT  the options as text, sample, markdown or man\n"
        "  --print-metrics         what /metrics says, as markdown\n"
        "  --print-openapi         the HTTP API as an OpenAPI 3.1 document\n"
        "  --print-tools           what agents may call by MCP, as markdown\n"
        "  --spool ACTION          check, compact or export the spool: sideclaw help spool\n"
        "  --help, --version\n"
        "\n"
        "examples:\n"
        "  sideclawd --print-options sample > sideclaw.conf\n"
        "  sideclawd --config sideclaw.conf --check\n"
        "  OPENCLAW_GATEWAY_TOKEN=... sideclawd --gateway-name jerry-gateway\n"
        "\n"
        "Every option, with its environment variable and flag:\n");
    return print_options("text");
}

static void print_note(void *ctx, bool is_error, const struct sc_err *note)
{
    (void)ctx;
    (void)fprintf(stderr, "%s: %s\n", is_error ? "error" : "warning", note->text);
    if (note->remedy[0])
        (void)fprintf(stderr, "  try: %s\n", note->remedy);
}

static int check(const struct sc_app_args *args)
{
    int errors =
        sc_config_check(args->config_file, args->argc, args->argv, args->envp, print_note, NULL);
    if (errors)
        return EXIT_CONFIG;
    (void)printf("%s: good\n", args->config_file ? args->config_file : "configuration");
    return 0;
}

static int run(const struct sc_app_args *args)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_config cfg = { 0 };
    if (sc_config_load(&cfg, args->config_file, args->argc, args->argv, args->envp, &err) < 0)
        return fail(&err);
    struct sc_app *app = sc_app_new(args, &cfg, &err);
    if (!app)
        return fail(&err);
    int r = sc_app_run(app, &err);
    sc_app_free(app);
    return r < 0 ? fail(&err) : 0;
}

static const char *config_file(const struct own_flags *f)
{
    const char *env = getenv("SIDECLAW_CONFIG");
    if (f->config)
        return f->config;
    if (env && *env)
        return env;
    return access(default_config, F_OK) == 0 ? default_config : NULL;
}

int main(int argc, char **argv)
{
    struct own_flags f = { 0 };
    take_own_flags(argc, argv, &f);
    sc_mem_return_large();
    (void)signal(SIGPIPE, SIG_IGN); /* a peer that went away is an error value, not our death */
    if (f.version)
        return puts("sideclawd " SC_VERSION) < 0;
    if (f.help)
        return print_help();
    if (f.openapi)
        return print_openapi();
    if (f.metrics)
        return print_metrics();
    if (f.tools)
        return print_tools();
    if (f.print)
        return print_options(f.print);
    const struct sc_app_args args = {
        .config_file = config_file(&f), .argc = f.argc, .argv = f.argv, .envp = environ
    };
    if (f.spool.action)
        return sc_app_spool(&args, &f.spool);
    return f.check ? check(&args) : run(&args);
}
