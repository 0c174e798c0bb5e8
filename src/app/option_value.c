/* option_value.c: one value into its field of struct sc_config, checked against its row. */
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "options.h"
#include "sideclaw/crypto.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

static void *field(struct sc_config *c, const struct sc_option *o)
{
    return (char *)c + o->offset;
}

static const void *const_field(const struct sc_config *c, const struct sc_option *o)
{
    return (const char *)c + o->offset;
}

char **sc_option_str(struct sc_config *c, const struct sc_option *o)
{
    return field(c, o);
}

struct sc_strv *sc_option_strv(struct sc_config *c, const struct sc_option *o)
{
    return field(c, o);
}

const char *sc_option_expects(const struct sc_option *o)
{
    static const char *const words[] = {
        [SC_OPT_STRING] = "a string in quotes",
        [SC_OPT_PATH] = "a path in quotes",
        [SC_OPT_SECRET] = "a string in quotes",
        [SC_OPT_ENUM] = "a word in quotes",
        [SC_OPT_INT] = "a whole number",
        [SC_OPT_BOOL] = "true or false",
        [SC_OPT_AGENTS] = "a list: ( { id = \"jerry\"; capabilities = [ \"slack\" ]; } )",
        [SC_OPT_LABELS] = "a group: { os = \"linux\"; }",
        [SC_OPT_LINES] = "a list of strings: [ \"a\", \"b\" ]",
    };
    return words[o->type];
}

/* Is `word` one of "a|b|c"? */
static bool is_choice(const char *choices, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = choices; *p;) {
        size_t len = strcspn(p, "|");
        if (len == n && strncmp(p, word, n) == 0)
            return true;
        p += len + (p[len] == '|');
    }
    return false;
}

static int check_length(const struct sc_option *o, size_t n, struct sc_err *err)
{
    if (n == 0 && o->min > 0 && o->type != SC_OPT_SECRET)
        return sc_fail(err, SC_EINVAL, "it is empty");
    if (n > 0 && (int64_t)n < o->min)
        return sc_fail(err, SC_EINVAL, "it has %zu bytes; at least %" PRId64 " are needed", n,
                       o->min);
    if (o->max && (int64_t)n > o->max)
        return sc_fail(err, SC_EINVAL, "it has %zu bytes; %" PRId64 " is the most", n, o->max);
    return SC_OK;
}

int sc_option_set_str(struct sc_config *c, const struct sc_option *o, const char *value,
                      struct sc_err *err)
{
    if (!sc_utf8_valid(value, strlen(value)))
        return sc_fail(err, SC_EINVAL, "it is not valid UTF-8");
    if (o->type == SC_OPT_ENUM) {
        if (!is_choice(o->choices, value))
            return sc_fail(err, SC_EINVAL, "\"%.40s\" is not one of %s", value, o->choices);
    } else {
        int r = check_length(o, strlen(value), err);
        if (r < 0)
            return r;
    }
    char *copy = sc_xstrdup(value);
    if (*copy && o->check && o->check(&copy, err) < 0) {
        sc_secret_free(copy);
        return SC_EINVAL;
    }
    char **p = sc_option_str(c, o);
    sc_secret_free(*p);
    *p = copy;
    return SC_OK;
}

int sc_option_set_int(struct sc_config *c, const struct sc_option *o, int64_t value,
                      struct sc_err *err)
{
    if (value < o->min || value > o->max)
        return sc_fail(err, SC_EINVAL, "%" PRId64 " is not between %" PRId64 " and %" PRId64 " %s",
                       value, o->min, o->max, o->unit);
    *(int64_t *)field(c, o) = value;
    return SC_OK;
}

void sc_option_set_bool(struct sc_config *c, const struct sc_option *o, bool value)
{
    *(bool *)field(c, o) = value;
}

static int parse_bool(const char *text, bool *ret, struct sc_err *err)
{
    static const char *const yes[] = { "true", "1", "yes", "on", "t" };
    static const char *const no[] = { "false", "0", "no", "off", "f" };
    for (size_t i = 0; i < SC_ARRAY_LEN(yes); i++) {
        if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
            *ret = strcasecmp(text, yes[i]) == 0;
            return SC_OK;
        }
    }
    return sc_fail(err, SC_EINVAL, "\"%.40s\" is neither true nor false", text);
}

int sc_option_parse(struct sc_config *c, const struct sc_option *o, const char *text,
                    struct sc_err *err)
{
    int64_t number = 0;
    bool truth = false;
    switch (o->type) {
    case SC_OPT_INT:
        if (sc_parse_i64(text, INT64_MIN, INT64_MAX, &number, err) < 0)
            return sc_fail(err, SC_EINVAL, "\"%.40s\" is not a whole number", text);
        return sc_option_set_int(c, o, number, err);
    case SC_OPT_BOOL:
        if (parse_bool(text, &truth, err) < 0)
            return SC_EINVAL;
        sc_option_set_bool(c, o, truth);
        return SC_OK;
    case SC_OPT_AGENTS:
        return sc_config_parse_agents(c, text, err);
    case SC_OPT_LABELS:
        return sc_config_parse_labels(c, text, err);
    case SC_OPT_LINES:
        return sc_config_parse_lines(c, o, text, err);
    case SC_OPT_STRING:
    case SC_OPT_PATH:
    case SC_OPT_SECRET:
    case SC_OPT_ENUM:
        return sc_option_set_str(c, o, text, err);
    }
    return sc_fail(err, SC_EINVAL, "unknown type");
}

static bool agents_equal(const struct sc_config *a, const struct sc_config *b)
{
    if (a->n_agents != b->n_agents)
        return false;
    for (size_t i = 0; i < a->n_agents; i++)
        if (!sc_streq(a->agents[i].id, b->agents[i].id) ||
            !sc_strv_eq(&a->agents[i].capabilities, &b->agents[i].capabilities))
            return false;
    return true;
}

bool sc_option_equal(const struct sc_config *a, const struct sc_config *b,
                     const struct sc_option *o)
{
    const void *pa = const_field(a, o), *pb = const_field(b, o);
    switch (o->type) {
    case SC_OPT_INT:
        return *(const int64_t *)pa == *(const int64_t *)pb;
    case SC_OPT_BOOL:
        return *(const bool *)pa == *(const bool *)pb;
    case SC_OPT_AGENTS:
        return agents_equal(a, b);
    case SC_OPT_LABELS:
    case SC_OPT_LINES:
        return sc_strv_eq(pa, pb);
    case SC_OPT_STRING:
    case SC_OPT_PATH:
    case SC_OPT_SECRET:
    case SC_OPT_ENUM:
        return sc_streq(*(char *const *)pa, *(char *const *)pb);
    }
    return true;
}

/* Swapping leaves `src` whole, for its own fini to release what `dst` had. */
void sc_option_move(struct sc_config *dst, struct sc_config *src, const struct sc_option *o)
{
    unsigned char tmp[sizeof(struct sc_strv)];
    size_t n = o->type == SC_OPT_INT      ? sizeof(int64_t)
               : o->type == SC_OPT_BOOL   ? sizeof(bool)
               : o->type == SC_OPT_LABELS ? sizeof(struct sc_strv)
               : o->type == SC_OPT_LINES  ? sizeof(struct sc_strv)
                                          : sizeof(void *);
    memcpy(tmp, field(dst, o), n);
    memcpy(field(dst, o), field(src, o), n);
    memcpy(field(src, o), tmp, n);
    if (o->type == SC_OPT_AGENTS) {
        size_t count = dst->n_agents;
        dst->n_agents = src->n_agents;
        src->n_agents = count;
    }
}
