/* option_lists.c: the options that are lists: agents, labels, and lines. As text (a variable, a
 * flag): agents  jerry=slack+general-qa,bobby        labels  os=linux,gpu=true */
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

enum { LABEL_VALUE_MAX = 256, LINE_MAX_BYTES = 1024 };

void sc_config_clear_agents(struct sc_config *c)
{
    for (size_t i = 0; i < c->n_agents; i++) {
        free(c->agents[i].id);
        sc_strv_fini(&c->agents[i].capabilities);
    }
    free(c->agents);
    c->agents = NULL;
    c->n_agents = 0;
}

static int check_agent(const struct sc_config *c, const char *id,
                       const struct sc_strv *capabilities, struct sc_err *err)
{
    if (sc_name_check("agent id", id, err) < 0)
        return SC_EINVAL;
    for (size_t i = 0; i < c->n_agents; i++)
        if (sc_streq(c->agents[i].id, id))
            return sc_fail(err, SC_EINVAL, "agent %s is named twice", id);
    if (c->n_agents >= SC_LOCAL_AGENTS_MAX)
        return sc_fail(err, SC_EINVAL, "more than %d agents", SC_LOCAL_AGENTS_MAX);
    if (capabilities->n > SC_CAPABILITIES_MAX)
        return sc_fail(err, SC_EINVAL, "agent %s has %zu capabilities; %d is the most", id,
                       capabilities->n, SC_CAPABILITIES_MAX);
    for (size_t i = 0; i < capabilities->n; i++)
        if (sc_name_check("capability", capabilities->v[i], err) < 0)
            return sc_err_wrap(err, "agent %s", id);
    return SC_OK;
}

int sc_config_add_agent(struct sc_config *c, const char *id, struct sc_strv *take_capabilities,
                        struct sc_err *err)
{
    int r = check_agent(c, id, take_capabilities, err);
    if (r < 0) {
        sc_strv_fini(take_capabilities);
        return r;
    }
    c->agents = sc_xrealloc(c->agents, (c->n_agents + 1) * sizeof *c->agents);
    c->agents[c->n_agents++] =
        (struct sc_config_agent){ .id = sc_xstrdup(id), .capabilities = *take_capabilities };
    *take_capabilities = (struct sc_strv){ .v = NULL };
    return SC_OK;
}

int sc_config_add_label(struct sc_config *c, const char *key, const char *value, struct sc_err *err)
{
    if (sc_name_check("label", key, err) < 0)
        return SC_EINVAL;
    if (c->labels.n >= SC_LABELS_MAX)
        return sc_fail(err, SC_EINVAL, "more than %d labels", SC_LABELS_MAX);
    if (strlen(value) > LABEL_VALUE_MAX || !sc_utf8_valid(value, strlen(value)))
        return sc_fail(err, SC_EINVAL, "label %s is longer than %d bytes or not UTF-8", key,
                       LABEL_VALUE_MAX);
    size_t n = strlen(key);
    for (size_t i = 0; i < c->labels.n; i++)
        if (strncmp(c->labels.v[i], key, n) == 0 && c->labels.v[i][n] == '=')
            return sc_fail(err, SC_EINVAL, "label %s is named twice", key);
    sc_auto_free char *label = sc_xasprintf("%s=%s", key, value);
    sc_strv_add(&c->labels, label);
    return SC_OK;
}

/* The text up to `stop` as a string of its own; *p moves behind it. */
static char *take_word(const char **p, const char *stop)
{
    size_t n = strcspn(*p, stop);
    char *word = sc_xstrndup(*p, n);
    *p += n;
    return word;
}

static int parse_agent(struct sc_config *c, const char **p, struct sc_err *err)
{
    struct sc_strv capabilities = { .v = NULL };
    sc_auto_free char *id = take_word(p, "=,");
    while (**p == '=' || **p == '+') {
        (*p)++;
        sc_auto_free char *capability = take_word(p, "+,");
        sc_strv_add(&capabilities, capability);
    }
    return sc_config_add_agent(c, id, &capabilities, err);
}

static int parse_label(struct sc_config *c, const char **p, struct sc_err *err)
{
    sc_auto_free char *key = take_word(p, "=,");
    if (**p != '=')
        return sc_fail(err, SC_EINVAL, "label \"%.40s\" has no =VALUE", key);
    (*p)++;
    sc_auto_free char *value = take_word(p, ",");
    return sc_config_add_label(c, key, value, err);
}

/* Comma-separated items; "" is the empty list. */
static int parse_items(struct sc_config *c, const char *text,
                       int (*item)(struct sc_config *c, const char **p, struct sc_err *err),
                       struct sc_err *err)
{
    for (const char *p = text; *p;) {
        int r = item(c, &p, err);
        if (r < 0)
            return r;
        if (*p == ',')
            p++;
    }
    return SC_OK;
}

int sc_config_parse_agents(struct sc_config *c, const char *text, struct sc_err *err)
{
    sc_config_clear_agents(c);
    if (parse_items(c, text, parse_agent, err) == SC_OK)
        return SC_OK;
    return sc_err_remedy(err, "write it as jerry=slack+general-qa,bobby");
}

int sc_config_parse_labels(struct sc_config *c, const char *text, struct sc_err *err)
{
    sc_strv_fini(&c->labels);
    if (parse_items(c, text, parse_label, err) == SC_OK)
        return SC_OK;
    return sc_err_remedy(err, "write it as os=linux,gpu=true");
}

static int check_lines(const struct sc_option *o, const struct sc_strv *l, struct sc_err *err)
{
    if ((int64_t)l->n > o->max)
        return sc_fail(err, SC_EINVAL, "it has %zu entries; %lld is the most", l->n,
                       (long long)o->max);
    for (size_t i = 0; i < l->n; i++) {
        size_t n = strlen(l->v[i]);
        if (n == 0 || n > LINE_MAX_BYTES || !sc_utf8_valid(l->v[i], n))
            return sc_fail(err, SC_EINVAL, "entry %zu is empty, longer than %d bytes or not UTF-8",
                           i + 1, LINE_MAX_BYTES);
        for (const char *p = l->v[i]; *p; p++)
            if ((unsigned char)*p < ' ' || *p == 0x7f)
                return sc_fail(err, SC_EINVAL, "entry %zu has a control character", i + 1);
    }
    return SC_OK;
}

int sc_config_set_lines(struct sc_config *c, const struct sc_option *o, struct sc_strv *take,
                        struct sc_err *err)
{
    int r = check_lines(o, take, err);
    if (r < 0) {
        sc_strv_fini(take);
        return r;
    }
    struct sc_strv *field = sc_option_strv(c, o);
    sc_strv_fini(field);
    *field = *take;
    *take = (struct sc_strv){ .v = NULL };
    return SC_OK;
}

int sc_config_parse_lines(struct sc_config *c, const struct sc_option *o, const char *text,
                          struct sc_err *err)
{
    struct sc_strv lines = { .v = NULL };
    for (const char *p = text; *p;) {
        sc_auto_free char *line = take_word(&p, "\n");
        if (*line)
            sc_strv_add(&lines, line);
        p += *p == '\n';
    }
    return sc_config_set_lines(c, o, &lines, err);
}
