/* The opaque struct sc_value *is* jansson's json_t; the casts live in this file only. */
#include "sideclaw/value.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "json_fast.h"
#include "sideclaw/mem.h"
#include "value_internal.h"

static struct sc_value *wrap(json_t *j)
{
    sc_assert(j);
    return (struct sc_value *)j;
}

json_t *sc_value_json(const struct sc_value *v)
{
    union {
        const struct sc_value *v;
        json_t *j;
    } u = { .v = v };
    return u.j;
}

struct sc_value *sc_value_of_json(json_t *take)
{
    return (struct sc_value *)take;
}

struct sc_value *sc_value_object(void)
{
    return wrap(json_object());
}

struct sc_value *sc_value_array(void)
{
    return wrap(json_array());
}

struct sc_value *sc_value_str(const char *s)
{
    json_t *j = s ? json_string(s) : NULL;
    return wrap(j ? j : json_null());
}

struct sc_value *sc_value_int(int64_t i)
{
    return wrap(json_integer(i));
}

struct sc_value *sc_value_bool(bool b)
{
    return wrap(json_boolean(b));
}

void sc_value_free(struct sc_value *v)
{
    json_decref(sc_value_json(v));
}

void sc_value_freep(struct sc_value **v)
{
    sc_value_free(*v);
}

struct sc_value *sc_value_ref(const struct sc_value *v)
{
    return wrap(json_incref(sc_value_json(v)));
}

struct sc_value *sc_value_copy(const struct sc_value *v)
{
    return wrap(json_deep_copy(sc_value_json(v)));
}

bool sc_value_equal(const struct sc_value *a, const struct sc_value *b)
{
    return json_equal(sc_value_json(a), sc_value_json(b));
}

void sc_value_set(struct sc_value *obj, const char *key, struct sc_value *take)
{
    sc_assert(json_object_set_new(sc_value_json(obj), key, sc_value_json(take)) == 0);
}

void sc_value_set_str(struct sc_value *obj, const char *key, const char *s)
{
    sc_value_set(obj, key, sc_value_str(s));
}

void sc_value_set_int(struct sc_value *obj, const char *key, int64_t i)
{
    sc_value_set(obj, key, sc_value_int(i));
}

void sc_value_set_real(struct sc_value *obj, const char *key, double d)
{
    json_t *j = json_real(d); /* NULL for NaN and infinities, which JSON has no word for */
    sc_value_set(obj, key, wrap(j ? j : json_null()));
}

void sc_value_set_bool(struct sc_value *obj, const char *key, bool b)
{
    sc_value_set(obj, key, sc_value_bool(b));
}

void sc_value_del(struct sc_value *obj, const char *key)
{
    (void)json_object_del(sc_value_json(obj), key); /* fails only when there is none */
}

void sc_value_add(struct sc_value *arr, struct sc_value *take)
{
    sc_assert(json_array_append_new(sc_value_json(arr), sc_value_json(take)) == 0);
}

void sc_value_add_str(struct sc_value *arr, const char *s)
{
    sc_value_add(arr, sc_value_str(s));
}

bool sc_value_is_object(const struct sc_value *v)
{
    return json_is_object(sc_value_json(v));
}

bool sc_value_is_array(const struct sc_value *v)
{
    return json_is_array(sc_value_json(v));
}

bool sc_value_is_str(const struct sc_value *v)
{
    return json_is_string(sc_value_json(v));
}

bool sc_value_is_int(const struct sc_value *v)
{
    return json_is_integer(sc_value_json(v));
}

bool sc_value_is_number(const struct sc_value *v)
{
    return json_is_number(sc_value_json(v));
}

bool sc_value_is_bool(const struct sc_value *v)
{
    return json_is_boolean(sc_value_json(v));
}

bool sc_value_is_null(const struct sc_value *v)
{
    return json_is_null(sc_value_json(v));
}

const char *sc_value_text(const struct sc_value *v)
{
    return json_string_value(sc_value_json(v));
}

size_t sc_value_text_len(const struct sc_value *v)
{
    return json_string_length(sc_value_json(v));
}

int64_t sc_value_num(const struct sc_value *v)
{
    return json_integer_value(sc_value_json(v));
}

bool sc_value_true(const struct sc_value *v)
{
    return json_is_true(sc_value_json(v));
}

struct sc_value *sc_value_get(const struct sc_value *obj, const char *key)
{
    return (struct sc_value *)json_object_get(sc_value_json(obj), key);
}

const char *sc_value_get_str(const struct sc_value *obj, const char *key)
{
    return sc_value_text(sc_value_get(obj, key));
}

int64_t sc_value_get_int(const struct sc_value *obj, const char *key, int64_t dflt)
{
    const struct sc_value *v = sc_value_get(obj, key);
    return sc_value_is_int(v) ? sc_value_num(v) : dflt;
}

bool sc_value_get_bool(const struct sc_value *obj, const char *key, bool dflt)
{
    const struct sc_value *v = sc_value_get(obj, key);
    return sc_value_is_bool(v) ? sc_value_true(v) : dflt;
}

size_t sc_value_count(const struct sc_value *v)
{
    const json_t *j = sc_value_json(v);
    return json_is_object(j) ? json_object_size(j) : json_array_size(j);
}

struct sc_value *sc_value_at(const struct sc_value *arr, size_t i)
{
    return (struct sc_value *)json_array_get(sc_value_json(arr), i);
}

void sc_value_each(const struct sc_value *obj, sc_value_fn *fn, void *ctx)
{
    const char *key;
    json_t *member;
    json_object_foreach (sc_value_json(obj), key, member)
        if (!fn(ctx, key, wrap(member)))
            return;
}

struct sc_value *sc_value_parse(const char *text, size_t n, struct sc_err *err)
{
    json_error_t je;
    json_t *j = sc_json_fast(text, n);
    if (!j)
        j = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &je);
    if (!j) {
        (void)sc_fail(err, SC_EINVAL, "not valid JSON: %s at byte %d", je.text, je.position);
        return NULL;
    }
    return wrap(j);
}

static int append(const char *data, size_t n, void *ctx)
{
    sc_buf_add(ctx, data, n);
    return 0;
}

void sc_value_dump(const struct sc_value *v, struct sc_buf *out)
{
    (void)json_dump_callback(sc_value_json(v), append, out, JSON_COMPACT | JSON_ENCODE_ANY);
}

void sc_value_dump_pretty(const struct sc_value *v, struct sc_buf *out)
{
    (void)json_dump_callback(sc_value_json(v), append, out, JSON_INDENT(2) | JSON_ENCODE_ANY);
}
