/* config_file.c: the libconfig file: nested groups become dotted keys; every setting must be a row
 * of the table. */
#include <libconfig.h>
#include <stdlib.h>
#include <string.h>

#include "config_reader.h"
#include "sideclaw/buf.h"
#include "sideclaw/file.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"

struct file {
    struct sc_config_reader *r;
    const char *path;
};

static void setting_error(const struct file *f, const config_setting_t *s, const char *key,
                          const struct sc_err *err)
{
    sc_config_error(f->r, err, "%s:%u: key `%s`", f->path, config_setting_source_line(s), key);
}

static const char *type_words(const config_setting_t *s)
{
    switch (config_setting_type(s)) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        return "a whole number";
    case CONFIG_TYPE_FLOAT:
        return "a number with a fraction";
    case CONFIG_TYPE_STRING:
        return "a string";
    case CONFIG_TYPE_BOOL:
        return "a truth value";
    case CONFIG_TYPE_GROUP:
        return "a group";
    default:
        return "a list";
    }
}

static int wrong_type(const config_setting_t *s, const char *expected, struct sc_err *err)
{
    return sc_fail(err, SC_ECONFIG, "it is %s; %s is expected", type_words(s), expected);
}

static int set_scalar(struct sc_config *c, const struct sc_option *o, const config_setting_t *s,
                      struct sc_err *err)
{
    int type = config_setting_type(s);
    if (o->type == SC_OPT_INT && (type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64))
        return sc_option_set_int(c, o, config_setting_get_int64(s), err);
    if (o->type == SC_OPT_BOOL && type == CONFIG_TYPE_BOOL) {
        sc_option_set_bool(c, o, config_setting_get_bool(s) != 0);
        return SC_OK;
    }
    if (o->type <= SC_OPT_ENUM && type == CONFIG_TYPE_STRING)
        return sc_option_set_str(c, o, config_setting_get_string(s), err);
    return wrong_type(s, sc_option_expects(o), err);
}

static const config_setting_t *element(const config_setting_t *s, int i)
{
    return config_setting_get_elem(s, (unsigned)i);
}

static int read_strings(const config_setting_t *s, struct sc_strv *ret, struct sc_err *err)
{
    if (!config_setting_is_array(s) && !config_setting_is_list(s))
        return wrong_type(s, "a list of strings, [ \"a\", \"b\" ],", err);
    for (int i = 0; i < config_setting_length(s); i++) {
        const config_setting_t *e = element(s, i);
        if (config_setting_type(e) != CONFIG_TYPE_STRING)
            return wrong_type(e, "a string", err);
        sc_strv_add(ret, config_setting_get_string(e));
    }
    return SC_OK;
}

/* { id = "jerry"; capabilities = [ "slack" ]; } */
static int read_agent(struct sc_config *c, const config_setting_t *s, struct sc_err *err)
{
    if (!config_setting_is_group(s))
        return wrong_type(s, "{ id = \"jerry\"; }", err);
    const char *id = NULL;
    struct sc_strv capabilities = { .v = NULL };
    int r = SC_OK;
    for (int i = 0; r == SC_OK && i < config_setting_length(s); i++) {
        const config_setting_t *m = element(s, i);
        if (sc_streq(config_setting_name(m), "id"))
            id = config_setting_get_string(m);
        else if (sc_streq(config_setting_name(m), "capabilities"))
            r = read_strings(m, &capabilities, err);
        else
            r = sc_fail(err, SC_ECONFIG, "an agent has id and capabilities, not `%.40s`",
                        config_setting_name(m));
    }
    if (r == SC_OK && !id)
        r = sc_fail(err, SC_ECONFIG, "an agent needs id = \"NAME\"");
    if (r == SC_OK)
        return sc_config_add_agent(c, id, &capabilities, err);
    sc_strv_fini(&capabilities);
    return r;
}

static void read_agents(const struct file *f, const struct sc_option *o, const config_setting_t *s)
{
    struct sc_err err = SC_ERR_INIT;
    if (!config_setting_is_list(s)) {
        (void)wrong_type(s, sc_option_expects(o), &err);
        setting_error(f, s, o->key, &err);
        return;
    }
    for (int i = 0; i < config_setting_length(s); i++)
        if (read_agent(f->r->c, element(s, i), &err) < 0)
            setting_error(f, element(s, i), o->key, &err);
}

static void read_labels(const struct file *f, const struct sc_option *o, const config_setting_t *s)
{
    struct sc_err err = SC_ERR_INIT;
    if (!config_setting_is_group(s)) {
        (void)wrong_type(s, sc_option_expects(o), &err);
        setting_error(f, s, o->key, &err);
        return;
    }
    for (int i = 0; i < config_setting_length(s); i++) {
        const config_setting_t *m = element(s, i);
        int r = config_setting_type(m) == CONFIG_TYPE_STRING
                    ? sc_config_add_label(f->r->c, config_setting_name(m),
                                          config_setting_get_string(m), &err)
                    : wrong_type(m, "a string", &err);
        if (r < 0)
            setting_error(f, m, o->key, &err);
    }
}

static void read_lines(const struct file *f, const struct sc_option *o, const config_setting_t *s)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_strv lines = { .v = NULL };
    int r = read_strings(s, &lines, &err);
    if (r == SC_OK)
        r = sc_config_set_lines(f->r->c, o, &lines, &err);
    else
        sc_strv_fini(&lines);
    if (r < 0)
        setting_error(f, s, o->key, &err);
}

static void read_option(const struct file *f, const struct sc_option *o, const config_setting_t *s)
{
    struct sc_err err = SC_ERR_INIT;
    f->r->secret_in_file |= o->type == SC_OPT_SECRET;
    if (o->type == SC_OPT_AGENTS)
        read_agents(f, o, s);
    else if (o->type == SC_OPT_LABELS)
        read_labels(f, o, s);
    else if (o->type == SC_OPT_LINES)
        read_lines(f, o, s);
    else if (set_scalar(f->r->c, o, s, &err) < 0)
        setting_error(f, s, o->key, &err);
}

/* Keys have one dot at most, so a group within a group is unknown as a whole. */
static void read_group(const struct file *f, const config_setting_t *group, const char *prefix)
{
    for (int i = 0; i < config_setting_length(group); i++) {
        const config_setting_t *s = element(group, i);
        sc_auto_free char *key =
            sc_xasprintf("%s%s%s", prefix, *prefix ? "." : "", config_setting_name(s));
        const struct sc_option *o = sc_option_find(key);
        struct sc_err err = SC_ERR_INIT;
        if (o) {
            read_option(f, o, s);
        } else if (sc_option_is_group(key) && config_setting_is_group(s)) {
            read_group(f, s, key);
        } else if (sc_option_is_group(key)) {
            (void)wrong_type(s, "a group", &err);
            (void)sc_err_remedy(&err, "write %s = { … };", key);
            setting_error(f, s, key, &err);
        } else {
            sc_config_unknown_key(key, &err);
            setting_error(f, s, key, &err);
        }
    }
}

/* What the file's line begins with, up to the value: naming it helps, quoting all of it could put a
 * token into a log. */
static struct sc_str line_start(const char *text, int line)
{
    for (; line > 1 && text; line--) {
        text = strchr(text, '\n');
        text = text ? text + 1 : NULL;
    }
    if (!text)
        return (struct sc_str){ .p = "", .n = 0 };
    text += strspn(text, " \t");
    return (struct sc_str){ .p = text, .n = strcspn(text, " \t\n=:\"#") };
}

static void syntax_error(const struct file *f, const config_t *cfg, const char *text)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_str at = line_start(text, config_error_line(cfg));
    const char *what = config_error_text(cfg);
    int n = at.n > 60 ? 60 : (int)at.n;
    if (n)
        (void)sc_fail(&err, SC_ECONFIG, "%s at or before `%.*s`", what, n, at.p);
    else
        (void)sc_fail(&err, SC_ECONFIG, "%s", what);
    if (strstr(what, "include"))
        (void)sc_err_remedy(&err, "@include is not read: put everything into one file");
    else if (strstr(what, "duplicate"))
        (void)sc_err_remedy(&err, "keep one of the two");
    else
        (void)sc_err_remedy(&err, "settings end in ';', strings stand in quotes, groups in { }; "
                                  "see `sideclaw config sample`");
    sc_config_error(f->r, &err, "%s:%d", f->path, config_error_line(cfg));
}

static int read_text(const char *path, struct sc_buf *ret, struct sc_err *err)
{
    int r = sc_file_read(path, SC_CONFIG_FILE_MAX, ret, err);
    if (r == SC_ENOENT)
        (void)sc_err_remedy(err, "sideclaw config sample > %s", path);
    if (r == SC_OK && ret->n && memchr(ret->p, 0, ret->n))
        r = sc_fail(err, SC_ECONFIG, "%s: it has a NUL byte and is no configuration", path);
    return r;
}

void sc_config_read_file(struct sc_config_reader *r, const char *path)
{
    struct file f = { .r = r, .path = path };
    struct sc_err err = SC_ERR_INIT;
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    if (read_text(path, &text, &err) < 0) {
        sc_config_error(r, &err, "%s", "configuration file");
        return;
    }
    sc_auto_buf struct sc_buf wide = SC_BUF_INIT;
    sc_config_widen(sc_buf_str(&text), &wide);
    config_t cfg;
    config_init(&cfg);
    /* libconfig's scanner ends the process when an included path is a folder; a prefix that cannot
     * exist turns every @include into an ordinary error. */
    config_set_include_dir(&cfg, "/dev/null/no-include");
    if (config_read_string(&cfg, sc_buf_str(&wide)))
        read_group(&f, config_root_setting(&cfg), "");
    else
        syntax_error(&f, &cfg, sc_buf_str(&wide));
    config_destroy(&cfg);
}
