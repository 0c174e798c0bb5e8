/* config_print_docs.c: docs/CONFIGURATION.md and sideclawd(1). */
#include "config_print.h"
#include "sideclaw/mem.h"

/* --- markdown: docs/CONFIGURATION.md --- */

static void markdown_group(struct sc_buf *out, const struct sc_option_group *g, bool ends)
{
    if (ends)
        return;
    sc_buf_addf(out, *g->name ? "\n## %s (`%s`)\n\n" : "\n## %s%s\n\n", g->help, g->name);
    sc_buf_adds(out, "| key | default | values | meaning |\n|---|---|---|---|\n");
}

/* A cell: '|' would end it, and <state_dir> would be taken for HTML. */
static void cell(struct sc_buf *out, const char *text)
{
    for (const char *p = text; *p; p++)
        sc_buf_adds(out, *p == '|' ? "\\|" : *p == '<' ? "&lt;" : (char[]){ *p, 0 });
}

static void markdown_option(struct sc_buf *out, const struct sc_option *o)
{
    sc_buf_addf(out, "| `%s` | ", o->key);
    if (o->dflt && *o->dflt)
        sc_buf_addf(out, "`%s`", o->dflt);
    else
        cell(out, sc_print_default(o) ? sc_print_default(o) : "");
    sc_buf_adds(out, " | ");
    sc_print_range(out, o);
    sc_buf_adds(out, " | ");
    cell(out, o->help);
    if (o->alias)
        sc_buf_addf(out, " Also `%s`.", o->alias);
    if (o->reloadable)
        sc_buf_adds(out, " SIGHUP applies it.");
    if (o->type == SC_OPT_SECRET)
        sc_buf_adds(out, " A secret: no flag.");
    sc_buf_adds(out, " |\n");
}

static const char markdown_head[] =
    "# Configuration\n\n"
    "<!-- Made by `sideclawd --print-options markdown`; change src/app/options.c instead. -->\n\n"
    "Each option is a key of the configuration file, an environment variable and a flag:\n"
    "`redis.url` is `redis = { url = \"…\"; };`, `SIDECLAW_REDIS_URL` and `--redis-url`. Flags "
    "win\n"
    "over variables, variables over the file, the file over the defaults. Secrets have no flag,\n"
    "since every user can read those. `sideclaw config sample` prints a file to begin with, and\n"
    "`sideclaw config check FILE` names every mistake in one.\n\n"
    "As a variable or flag, lists are written `--agents jerry=slack+general-qa,bobby` and\n"
    "`--labels os=linux,gpu=true`; the tags of `consul.tags` are lines.\n";

const struct sc_config_view sc_view_markdown = { "markdown", markdown_head, "", markdown_group,
                                                 markdown_option };

/* --- man: sideclawd(1) --- */

static void man_text(struct sc_buf *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        if (*p == '\\')
            sc_buf_adds(out, "\\e");
        else if (*p == '-')
            sc_buf_adds(out, "\\-");
        else if ((*p == '.' || *p == '\'') && (p == text || p[-1] == '\n'))
            sc_buf_addf(out, "\\&%c", *p);
        else
            sc_buf_addc(out, *p);
    }
}

static void man_group(struct sc_buf *out, const struct sc_option_group *g, bool ends)
{
    if (!ends)
        sc_buf_addf(out, ".SS \"%s\"\n", g->help);
}

static void man_option(struct sc_buf *out, const struct sc_option *o)
{
    sc_auto_free char *flag = sc_option_flag(o);
    sc_auto_free char *env = sc_option_env(o);
    sc_buf_adds(out, ".TP\n.B ");
    man_text(out, o->key);
    if (flag) {
        sc_buf_adds(out, ", ");
        man_text(out, flag);
    }
    sc_buf_addf(out, ", %s\n", env);
    man_text(out, o->help);
    sc_auto_buf struct sc_buf facts = SC_BUF_INIT;
    sc_print_facts(&facts, o);
    if (facts.n) {
        sc_buf_adds(out, "\n[");
        man_text(out, sc_buf_str(&facts));
        sc_buf_addc(out, ']');
    }
    sc_buf_addc(out, '\n');
}

static const char man_head[] =
    ".TH SIDECLAWD 1 \"\" \"sideclaw " SC_VERSION "\" \"User Commands\"\n"
    ".SH NAME\nsideclawd \\- sidecar that makes independent OpenClaw gateways one mesh\n"
    ".SH SYNOPSIS\n.B sideclawd\n[\\-\\-config FILE] [\\-\\-check] [\\-\\-OPTION VALUE ...]\n.br\n"
    ".B sideclawd\n\\-\\-print\\-options text|sample|markdown|man\n"
    ".SH DESCRIPTION\nRuns beside one OpenClaw gateway, registers it and its agents in Consul, "
    "and\n"
    "carries messages between agents of different gateways. Without Consul and Redis it serves "
    "its\n"
    "own agents and keeps the rest on disk. It logs to standard error.\n"
    ".TP\n.B \\-\\-config FILE\nRead this libconfig file.\n"
    ".TP\n.B \\-\\-check\nCheck the configuration, name every mistake, and exit with 0 or 78.\n"
    ".TP\n.B \\-\\-print\\-options FORMAT\nPrint the options and exit.\n"
    ".SH SIGNALS\nSIGHUP reads the configuration again; SIGTERM and SIGINT stop gracefully.\n"
    ".SH OPTIONS\nEach is a key of the file, a flag and a variable; flags win over variables,\n"
    "variables over the file.\n";

static const char man_tail[] =
    ".SH EXIT STATUS\n0 stopped as asked, 1 failed, 2 usage, 75 a dependency is away,\n"
    "78 the configuration is wrong.\n.SH SEE ALSO\n.BR sideclaw (1)\n";

const struct sc_config_view sc_view_man = { "man", man_head, man_tail, man_group, man_option };
