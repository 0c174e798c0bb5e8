/* The difference of two values: as a merge patch for a program, as lines for a person. */
#include <string.h>

#include "sideclaw/mem.h"
#include "sideclaw/openclaw_config.h"

static const char redacted[] = "__OPENCLAW_REDACTED__";

static char *path_of(const char *at, const char *key)
{
    return at ? sc_xasprintf("%s.%s", at, key) : sc_xstrdup(key);
}

static bool has(const struct sc_value *list, const struct sc_value *v)
{
    for (size_t i = 0; i < sc_value_count(list); i++)
        if (sc_value_equal(sc_value_at(list, i), v))
            return true;
    return false;
}

/* ---- the patch ---- */

struct diff {
    const struct sc_value *from, *to;
    struct sc_value *patch, *shrunk;
    const char *at; /* dotted; NULL at the top */
};

/* Every list in what goes away loses entries. */
static bool note_lost(void *ctx, const char *key, const struct sc_value *v)
{
    const struct diff *d = ctx;
    sc_auto_free char *path = path_of(d->at, key);
    struct diff inner = { .shrunk = d->shrunk, .at = path };
    if (sc_value_is_array(v) && sc_value_count(v))
        sc_value_add_str(d->shrunk, path);
    else if (sc_value_is_object(v))
        sc_value_each(v, note_lost, &inner);
    return true;
}

static bool loses(const struct sc_value *from, const struct sc_value *to)
{
    for (size_t i = 0; i < sc_value_count(from); i++)
        if (!has(to, sc_value_at(from, i)))
            return true;
    return false;
}

static bool gone(void *ctx, const char *key, const struct sc_value *v)
{
    struct diff *d = ctx;
    if (sc_value_get(d->to, key))
        return true;
    sc_value_set_str(d->patch, key, NULL);
    if (d->shrunk)
        (void)note_lost(d, key, v);
    return true;
}

static bool wanted(void *ctx, const char *key, const struct sc_value *v)
{
    struct diff *d = ctx;
    const struct sc_value *old = sc_value_get(d->from, key);
    if (old && sc_value_equal(old, v))
        return true;
    sc_auto_free char *path = path_of(d->at, key);
    if (sc_value_is_object(old) && sc_value_is_object(v)) {
        struct diff inner = { old, v, sc_value_object(), d->shrunk, path };
        sc_value_each(old, gone, &inner);
        sc_value_each(v, wanted, &inner);
        sc_value_set(d->patch, key, inner.patch);
        return true;
    }
    if (d->shrunk && sc_value_is_array(old) && loses(old, v))
        sc_value_add_str(d->shrunk, path);
    sc_value_set(d->patch, key, sc_value_copy(v));
    return true;
}

struct sc_value *sc_merge_patch(const struct sc_value *from, const struct sc_value *to,
                                struct sc_value *shrunk)
{
    struct diff d = { from, to, sc_value_object(), shrunk, NULL };
    sc_value_each(from, gone, &d);
    sc_value_each(to, wanted, &d);
    return d.patch;
}

/* ---- for people ---- */

struct telling {
    const struct sc_value *from, *to;
    struct sc_value *lines;
    const char *at;
};

static bool mask_header(void *ctx, const char *key, const struct sc_value *v)
{
    (void)v;
    sc_value_set_str(ctx, key, "***");
    return true;
}

static bool mask_member(void *ctx, const char *key, const struct sc_value *v);

/* A copy without secrets: we write them to headers only, and a user's may be in env. */
static struct sc_value *masked(const struct sc_value *v)
{
    if (!sc_value_is_object(v))
        return sc_value_copy(v);
    struct sc_value *out = sc_value_object();
    sc_value_each(v, mask_member, out);
    return out;
}

static bool mask_member(void *ctx, const char *key, const struct sc_value *v)
{
    bool secret = sc_streq(key, "headers") || sc_streq(key, "env");
    struct sc_value *shown = secret ? sc_value_object() : masked(v);
    if (secret)
        sc_value_each(v, mask_header, shown);
    sc_value_set(ctx, key, shown);
    return true;
}

static void line(const struct telling *t, const char *op, const char *path,
                 const struct sc_value *v)
{
    const char *last = strrchr(path, '.');
    bool secret = strstr(path, ".headers.") || strstr(path, ".env.") ||
                  sc_streq(last, ".headers") || sc_streq(last, ".env");
    struct sc_value *o = sc_value_object();
    sc_value_set_str(o, "op", op);
    sc_value_set_str(o, "path", path);
    sc_value_set(o, "value", secret ? sc_value_str("***") : masked(v));
    sc_value_add(t->lines, o);
}

static void tell_list(const struct telling *t, const char *path, const struct sc_value *from,
                      const struct sc_value *to)
{
    for (size_t i = 0; i < sc_value_count(from); i++)
        if (!has(to, sc_value_at(from, i)))
            line(t, "remove", path, sc_value_at(from, i));
    for (size_t i = 0; i < sc_value_count(to); i++)
        if (!has(from, sc_value_at(to, i)))
            line(t, "add", path, sc_value_at(to, i));
}

static bool tell_gone(void *ctx, const char *key, const struct sc_value *v)
{
    const struct telling *t = ctx;
    sc_auto_free char *path = path_of(t->at, key);
    if (sc_value_get(t->to, key))
        return true;
    struct telling inner = { v, NULL, t->lines, path };
    if (sc_value_is_array(v))
        tell_list(t, path, v, NULL);
    else if (sc_value_is_object(v) && !sc_value_get(v, "url"))
        sc_value_each(v, tell_gone, &inner);
    else
        line(t, "remove", path, v);
    return true;
}

static bool tell_wanted(void *ctx, const char *key, const struct sc_value *v)
{
    const struct telling *t = ctx;
    const struct sc_value *old = sc_value_get(t->from, key);
    sc_auto_free char *path = path_of(t->at, key);
    struct telling inner = { old, v, t->lines, path };
    if (sc_value_equal(old, v) || sc_streq(sc_value_text(old), redacted))
        return true;
    if (sc_value_is_array(v) && (!old || sc_value_is_array(old))) {
        tell_list(t, path, old, v);
    } else if (sc_value_is_object(v) && sc_value_is_object(old)) {
        sc_value_each(old, tell_gone, &inner);
        sc_value_each(v, tell_wanted, &inner);
    } else if (sc_value_is_object(v) && !old && !sc_value_get(v, "url")) {
        sc_value_each(v, tell_wanted, &inner); /* down to what a person would write */
    } else {
        line(t, old ? "change" : "add", path, v);
    }
    return true;
}

struct sc_value *sc_openclaw_changes(const struct sc_value *from, const struct sc_value *to)
{
    struct telling t = { from, to, sc_value_array(), NULL };
    sc_value_each(from, tell_gone, &t);
    sc_value_each(to, tell_wanted, &t);
    return t.lines;
}
