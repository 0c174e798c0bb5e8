#include "json_fast.h"

#include <stdbool.h>
#include <string.h>

#include "json_text.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

enum {
    DEPTH_MAX = 32,
    KEY_MAX = 64,   /* bytes; ours are short */
    DIGITS_MAX = 18 /* surely within 64 bits */
};

struct cursor {
    const char *p, *end;
    unsigned depth;
};

static char next(struct cursor *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' || *c->p == '\r' || *c->p == '\t'))
        c->p++;
    if (c->p == c->end)
        return '\0';
    return *c->p;
}

static bool take(struct cursor *c, char want)
{
    if (next(c) != want)
        return false;
    c->p++;
    return true;
}

/* As far as nothing is escaped; a byte that is no UTF-8 ends it, too. */
static size_t literal(const char *s, size_t n)
{
    size_t i = 0;
    for (size_t len = 1; i < n && len; i += len) {
        i += json_text_plain(s + i, n - i);
        len = i < n && (unsigned char)s[i] >= 0x80 ? sc_utf8_next(s + i, n - i) : 0;
    }
    return i;
}

/* The character that an escape of two stands for; 0: \u, or none. */
static char escaped(char c)
{
    static const char of[] = { ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                               ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t' };
    size_t i = (unsigned char)c;
    if (i >= sizeof of)
        return '\0';
    return of[i];
}

static json_t *escaped_string(struct cursor *c, const char *from)
{
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    for (;;) {
        sc_buf_add(&text, from, (size_t)(c->p - from));
        if (c->p < c->end && *c->p == '"') {
            c->p++;
            return json_stringn_nocheck(sc_buf_str(&text), text.n);
        }
        if (c->end - c->p < 2 || *c->p != '\\')
            return NULL;
        char special = escaped(c->p[1]);
        if (!special)
            return NULL;
        sc_buf_addc(&text, special);
        from = c->p += 2;
        c->p += literal(from, (size_t)(c->end - from));
    }
}

static json_t *string(struct cursor *c)
{
    const char *from = ++c->p;
    c->p += literal(from, (size_t)(c->end - from));
    if (c->p < c->end && *c->p == '"')
        return json_stringn_nocheck(from, (size_t)(c->p++ - from));
    return escaped_string(c, from);
}

/* Whole numbers as everybody writes them; -0, fractions and exponents are jansson's. */
static json_t *integer(struct cursor *c)
{
    bool minus = *c->p == '-';
    const char *from = c->p += minus;
    json_int_t i = 0;
    for (; c->p < c->end && *c->p >= '0' && *c->p <= '9' && c->p - from < DIGITS_MAX; c->p++)
        i = i * 10 + (*c->p - '0');
    bool more = c->p < c->end && strchr(".eE0123456789", *c->p);
    if (c->p == from || more || (*from == '0' && (minus || c->p - from > 1)))
        return NULL;
    return json_integer(minus ? -i : i);
}

static json_t *word(struct cursor *c, const char *text, json_t *v)
{
    size_t n = strlen(text);
    if ((size_t)(c->end - c->p) < n || memcmp(c->p, text, n) != 0)
        return NULL;
    c->p += n;
    return v; /* a constant: never counted, never freed */
}

static json_t *value(struct cursor *c);

static bool member(struct cursor *c, json_t *obj)
{
    char key[KEY_MAX + 1];
    if (!take(c, '"'))
        return false;
    const char *from = c->p;
    size_t n = literal(from, (size_t)(c->end - from));
    c->p += n;
    if (n > KEY_MAX || c->p == c->end || *c->p++ != '"' || !take(c, ':'))
        return false;
    memcpy(key, from, n);
    key[n] = '\0';
    if (json_object_get(obj, key)) /* said twice: whether that may be is the caller's */
        return false;
    json_t *v = value(c);
    return v && json_object_set_new_nocheck(obj, key, v) == 0;
}

static bool element(struct cursor *c, json_t *arr)
{
    json_t *v = value(c);
    return v && json_array_append_new(arr, v) == 0;
}

static json_t *several(struct cursor *c, json_t *take_all, bool (*one)(struct cursor *, json_t *),
                       char close)
{
    bool ok = ++c->depth <= DEPTH_MAX;
    c->p++;
    if (ok && !take(c, close)) {
        do
            ok = one(c, take_all);
        while (ok && take(c, ','));
        ok = ok && take(c, close);
    }
    c->depth--;
    if (ok)
        return take_all;
    json_decref(take_all);
    return NULL;
}

static json_t *value(struct cursor *c)
{
    switch (next(c)) {
    case '{':
        return several(c, json_object(), member, '}');
    case '[':
        return several(c, json_array(), element, ']');
    case '"':
        return string(c);
    case 't':
        return word(c, "true", json_true());
    case 'f':
        return word(c, "false", json_false());
    case 'n':
        return word(c, "null", json_null());
    case '\0':
        return NULL;
    default:
        return integer(c);
    }
}

json_t *sc_json_fast(const char *text, size_t n)
{
    struct cursor c = { .p = text, .end = text + n };
    json_t *v = value(&c);
    if (v && next(&c) == '\0' && c.p == c.end)
        return v;
    json_decref(v);
    return NULL;
}
