#include "args.h"

#include <string.h>

#include "sideclaw/mem.h"
#include "sideclaw/parse.h"
#include "sideclaw/suggest.h"

static int find(const struct sc_flag *flags, const char *arg, size_t n)
{
    for (int i = 0; flags[i].name; i++)
        if (strlen(flags[i].name) == n && strncmp(flags[i].name, arg, n) == 0)
            return i;
    return -1;
}

static int unknown_flag(const struct sc_flag *flags, const char *arg, size_t n, struct sc_err *err)
{
    const char *names[SC_FLAGS_MAX];
    size_t count = 0;
    for (; flags[count].name && count < SC_FLAGS_MAX; count++)
        names[count] = flags[count].name;
    sc_auto_free char *name = sc_xstrndup(arg, n);
    const char *nearest = sc_suggest(name, names, count);
    (void)sc_fail(err, SC_EINVAL, "unknown flag %.60s", name);
    if (nearest)
        return sc_err_remedy(err, "did you mean %s?", nearest);
    return sc_err_remedy(err, "put -- before words that begin with a dash");
}

static int check_value(const struct sc_flag *f, const char *value, struct sc_err *err)
{
    int64_t number;
    if (f->min == 0 && f->max == 0)
        return SC_OK;
    if (sc_parse_i64(value, f->min, f->max, &number, err) < 0)
        return sc_err_wrap(err, "%s", f->name);
    return SC_OK;
}

/* Reads the flag at argv[i]; returns how many words it took, or an error. */
static int take_flag(struct sc_args *a, int argc, char **argv, int i, struct sc_err *err)
{
    const char *arg = argv[i];
    size_t n = strcspn(arg, "=");
    int f = find(a->flags, arg, n);
    if (f < 0)
        return unknown_flag(a->flags, arg, n, err);
    if (!a->flags[f].value) {
        if (arg[n])
            return sc_fail(err, SC_EINVAL, "%s takes no value", a->flags[f].name);
        a->values[f] = "";
        return 1;
    }
    const char *value = arg[n] ? arg + n + 1 : i + 1 < argc ? argv[i + 1] : NULL;
    if (!value)
        return sc_fail(err, SC_EINVAL, "%s needs a value: %s %s", a->flags[f].name,
                       a->flags[f].name, a->flags[f].value);
    int r = check_value(&a->flags[f], value, err);
    if (r < 0)
        return r;
    a->values[f] = value;
    if (a->flags[f].many && a->n_many == SC_MANY_MAX)
        return sc_fail(err, SC_EINVAL, "%s: more than %d of them", a->flags[f].name, SC_MANY_MAX);
    if (a->flags[f].many)
        a->many[a->n_many++] = value;
    return arg[n] ? 1 : 2;
}

int sc_args_parse(const struct sc_flag *flags, int argc, char **argv, struct sc_args *ret,
                  struct sc_err *err)
{
    bool only_words = false;
    *ret = (struct sc_args){ .flags = flags, .words = argv };
    for (int i = 0; i < argc;) {
        if (only_words || argv[i][0] != '-' || !argv[i][1]) {
            argv[ret->n_words++] = argv[i++];
        } else if (sc_streq(argv[i], "--")) {
            only_words = true;
            i++;
        } else {
            int used = take_flag(ret, argc, argv, i, err);
            if (used < 0)
                return used;
            i += used;
        }
    }
    return SC_OK;
}

const char *sc_args_text(const struct sc_args *a, const char *flag)
{
    int f = find(a->flags, flag, strlen(flag));
    sc_assert(f >= 0);
    return a->values[f];
}

bool sc_args_has(const struct sc_args *a, const char *flag)
{
    return sc_args_text(a, flag) != NULL;
}

int64_t sc_args_int(const struct sc_args *a, const char *flag, int64_t dflt)
{
    int64_t number = dflt;
    struct sc_err err = SC_ERR_INIT;
    const char *text = sc_args_text(a, flag);
    if (text)
        sc_assert(sc_parse_i64(text, INT64_MIN, INT64_MAX, &number, &err) == SC_OK);
    return number;
}
