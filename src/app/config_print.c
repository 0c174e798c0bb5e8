/* config_print.c: views of the option table: the choice among them, and what they share. */
#include <string.h>

#include "config_print.h"
#include "sideclaw/mem.h"

enum { WIDTH = 100 };

void sc_print_wrapped(struct sc_buf *out, const char *prefix, const char *text)
{
    size_t column = 0;
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, " ");
        if (column && column + 1 + n > WIDTH) {
            sc_buf_addc(out, '\n');
            column = 0;
        }
        if (column) {
            sc_buf_addc(out, ' ');
            column++;
        } else {
            sc_buf_adds(out, prefix);
            column = strlen(prefix);
        }
        sc_buf_add(out, p, n);
        column += n;
        p += n;
        p += strspn(p, " ");
    }
    sc_buf_addc(out, '\n');
}

const char *sc_print_default(const struct sc_option *o)
{
    if (o->dflt_help)
        return o->dflt_help;
    return o->dflt && *o->dflt ? o->dflt : NULL;
}

void sc_print_range(struct sc_buf *out, const struct sc_option *o)
{
    if (o->type == SC_OPT_INT) {
        sc_buf_addf(out, "%lld to %lld %s", (long long)o->min, (long long)o->max, o->unit);
    } else if (o->type == SC_OPT_ENUM) {
        for (const char *p = o->choices; *p; p++)
            sc_buf_adds(out, *p == '|' ? " or " : (char[]){ *p, 0 });
    } else if (o->type == SC_OPT_BOOL) {
        sc_buf_adds(out, "true or false");
    }
}

void sc_print_facts(struct sc_buf *out, const struct sc_option *o)
{
    size_t start = out->n;
    if (sc_print_default(o))
        sc_buf_addf(out, "default %s", sc_print_default(o));
    sc_auto_buf struct sc_buf range = SC_BUF_INIT;
    sc_print_range(&range, o);
    if (range.n)
        sc_buf_addf(out, "%s%s", out->n > start ? "; " : "", sc_buf_str(&range));
    if (o->alias)
        sc_buf_addf(out, "%salso $%s", out->n > start ? "; " : "", o->alias);
    if (o->reloadable)
        sc_buf_addf(out, "%sSIGHUP applies it", out->n > start ? "; " : "");
}

static const struct sc_config_view *const views[] = { &sc_view_text, &sc_view_sample,
                                                      &sc_view_markdown, &sc_view_man };

int sc_config_print(const char *format, struct sc_buf *out, struct sc_err *err)
{
    const struct sc_config_view *view = NULL;
    for (size_t i = 0; i < SC_ARRAY_LEN(views); i++)
        if (sc_streq(views[i]->name, format))
            view = views[i];
    if (!view) {
        (void)sc_fail(err, SC_EINVAL, "unknown format \"%.40s\"", format);
        return sc_err_remedy(err, "use text, sample, markdown or man");
    }
    size_t n_groups, n;
    const struct sc_option_group *groups = sc_option_groups(&n_groups);
    const struct sc_option *options = sc_options(&n);
    sc_buf_adds(out, view->head);
    for (size_t g = 0; g < n_groups; g++) {
        view->group(out, &groups[g], false);
        for (size_t i = 0; i < n; i++)
            if (sc_option_in_group(&options[i], groups[g].name))
                view->option(out, &options[i]);
        view->group(out, &groups[g], true);
    }
    sc_buf_adds(out, view->tail);
    return SC_OK;
}
