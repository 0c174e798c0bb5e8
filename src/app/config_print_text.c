/* config_print_text.c: --help, and a file to begin with. */
#include <string.h>

#include "config_print.h"
#include "sideclaw/mem.h"

/* --- text: for --help --- */

static void text_group(struct sc_buf *out, const struct sc_option_group *g, bool ends)
{
    if (!ends)
        sc_buf_addf(out, "\n%s:\n", g->help);
}

static const char *value_word(const struct sc_option *o)
{
    static const char *const words[] = {
        [SC_OPT_STRING] = "TEXT", [SC_OPT_PATH] = "PATH",   [SC_OPT_SECRET] = "SECRET",
        [SC_OPT_ENUM] = "WORD",   [SC_OPT_INT] = "N",       [SC_OPT_BOOL] = "BOOL",
        [SC_OPT_AGENTS] = "LIST", [SC_OPT_LABELS] = "LIST", [SC_OPT_LINES] = "LINES",
    };
    return words[o->type];
}

static void text_option(struct sc_buf *out, const struct sc_option *o)
{
    sc_auto_free char *flag = sc_option_flag(o);
    sc_auto_free char *env = sc_option_env(o);
    if (flag)
        sc_buf_addf(out, "  %s, %s %s, $%s\n", o->key, flag, value_word(o), env);
    else
        sc_buf_addf(out, "  %s, $%s (a secret: no flag)\n", o->key, env);
    sc_print_wrapped(out, "        ", o->help);
    sc_auto_buf struct sc_buf facts = SC_BUF_INIT;
    sc_print_facts(&facts, o);
    if (facts.n)
        sc_buf_addf(out, "        [%s]\n", sc_buf_str(&facts));
}

static const char text_head[] =
    "Each option is a key of the configuration file (--gateway-name is gateway.name), a variable\n"
    "(SIDECLAW_GATEWAY_NAME) and a flag; flags win over variables, variables over the file.\n";

const struct sc_config_view sc_view_text = { "text", text_head, "", text_group, text_option };

/* --- sample: a configuration file with every option as a comment --- */

static void sample_group(struct sc_buf *out, const struct sc_option_group *g, bool ends)
{
    if (!ends)
        sc_buf_addf(out, *g->name ? "\n# %s\n%s = {\n" : "# %s\n%s", g->help, g->name);
    else if (*g->name)
        sc_buf_adds(out, "};\n");
}

static void sample_value(struct sc_buf *out, const struct sc_option *o)
{
    const char *dflt = o->dflt ? o->dflt : "";
    switch (o->type) {
    case SC_OPT_INT:
    case SC_OPT_BOOL:
        sc_buf_adds(out, dflt);
        break;
    case SC_OPT_AGENTS:
        sc_buf_adds(out, "( { id = \"jerry\"; capabilities = [ \"slack\", \"general-qa\" ]; } )");
        break;
    case SC_OPT_LABELS:
        sc_buf_adds(out, "{ os = \"linux\"; gpu = \"true\"; }");
        break;
    case SC_OPT_LINES:
        sc_buf_adds(out, "[ \"one\", \"another\" ]");
        break;
    case SC_OPT_STRING:
    case SC_OPT_PATH:
    case SC_OPT_SECRET:
    case SC_OPT_ENUM:
        sc_buf_addf(out, "\"%s\"", dflt);
        break;
    }
}

static void sample_option(struct sc_buf *out, const struct sc_option *o)
{
    const char *dot = strchr(o->key, '.');
    const char *indent = dot ? "    " : "";
    sc_auto_free char *prefix = sc_xasprintf("%s# ", indent);
    sc_print_wrapped(out, prefix, o->help);
    sc_auto_buf struct sc_buf facts = SC_BUF_INIT;
    sc_print_facts(&facts, o);
    if (facts.n) {
        sc_auto_free char *line = sc_xasprintf("(%s)", sc_buf_str(&facts));
        sc_print_wrapped(out, prefix, line);
    }
    sc_buf_addf(out, "%s#%s = ", indent, dot ? dot + 1 : o->key);
    sample_value(out, o);
    sc_buf_adds(out, ";\n");
}

static const char sample_head[] =
    "# sideclaw.conf: every option, with its default, as a comment. Remove the '#' of what you "
    "change.\n"
    "# A line `key = value;` in the group `gateway` is also the variable SIDECLAW_GATEWAY_<KEY> "
    "and the\n"
    "# flag --gateway-<key>; flags win over variables, variables over this file.\n"
    "# Check it:  sideclaw config check FILE        Use it:  sideclaw run --config FILE\n\n";

const struct sc_config_view sc_view_sample = { "sample", sample_head, "", sample_group,
                                               sample_option };
