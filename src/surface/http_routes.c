#include "http_routes.h"

#include <stdio.h>
#include <string.h>

#include "sideclaw/buf.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Percent-decoded, appended; NULs and bad UTF-8 would be cut or lost further on, so they end here.
 */
static int decode(struct sc_str s, bool plus_is_blank, struct sc_buf *out, struct sc_err *err)
{
    size_t start = out->n;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '+' && plus_is_blank) {
            c = ' ';
        } else if (c == '%') {
            bool room = s.n - i > 2;
            int high = room ? hex_digit(s.p[i + 1]) : -1, low = room ? hex_digit(s.p[i + 2]) : -1;
            if (high < 0 || low < 0)
                return sc_fail(err, SC_EINVAL, "a %% is not followed by two hex digits");
            c = (char)(high * 16 + low);
            i += 2;
        }
        sc_buf_addc(out, c);
    }
    if (out->n > start && !sc_utf8_valid(out->p + start, out->n - start))
        return sc_fail(err, SC_EINVAL, "it decodes to a NUL or to bytes that are not UTF-8");
    return SC_OK;
}

/* --- paths --- */

/* The text up to the next '/', and *rest behind it; NULL at the end. */
static struct sc_str segment(const char **rest)
{
    struct sc_str s = { .p = *rest, .n = strcspn(*rest, "/") };
    *rest = s.p[s.n] ? s.p + s.n + 1 : NULL;
    return s;
}

static bool is_variable(struct sc_str s)
{
    return s.n > 2 && s.p[0] == '{' && s.p[s.n - 1] == '}';
}

/* Does the path have the shape of the pattern? Both begin with '/'. */
static bool matches(const char *pattern, const char *path)
{
    const char *a = pattern + 1, *b = path + 1;
    while (a && b) {
        struct sc_str want = segment(&a), have = segment(&b);
        bool same = want.n == have.n && memcmp(want.p, have.p, want.n) == 0;
        if (is_variable(want) ? have.n == 0 : !same)
            return false;
    }
    return !a && !b;
}

/* The segments of a path that matches, as parameters by the pattern's names. */
static int take_segments(const char *pattern, const char *path, struct sc_value *params,
                         struct sc_err *err)
{
    const char *a = pattern + 1, *b = path + 1;
    while (a && b) {
        struct sc_str want = segment(&a), have = segment(&b);
        if (!is_variable(want))
            continue;
        sc_auto_buf struct sc_buf text = SC_BUF_INIT;
        sc_auto_free char *name = sc_xstrndup(want.p + 1, want.n - 2);
        if (decode(have, false, &text, err) < 0)
            return sc_err_wrap(err, "%s", name);
        sc_value_set_str(params, name, sc_buf_str(&text));
    }
    return SC_OK;
}

/* The row's method and path: "POST /v1/messages". */
static const char *split_http(const struct sc_op *op, struct sc_str *ret_method)
{
    const char *blank = strchr(op->http, ' ');
    *ret_method = (struct sc_str){ .p = op->http, .n = (size_t)(blank - op->http) };
    return blank + 1;
}

static bool is_method(struct sc_str row, const char *method)
{
    if (sc_streq(method, "HEAD"))
        method = "GET";
    return strlen(method) == row.n && memcmp(method, row.p, row.n) == 0;
}

static void allow(char list[SC_ALLOW_MAX], struct sc_str method)
{
    size_t n = strlen(list);
    bool get = is_method(method, "GET");
    (void)snprintf(list + n, SC_ALLOW_MAX - n, "%s%.*s%s", n ? ", " : "", (int)method.n, method.p,
                   get ? ", HEAD" : "");
}

enum sc_route_result sc_route_find(const char *method, const char *path,
                                   const struct sc_op **ret_op, struct sc_value *params,
                                   char ret_allow[SC_ALLOW_MAX], struct sc_err *err)
{
    size_t n;
    const struct sc_op *ops = sc_operations(&n);
    ret_allow[0] = 0;
    for (size_t i = 0; i < n && path[0] == '/'; i++) {
        struct sc_str row_method;
        const char *pattern = split_http(&ops[i], &row_method);
        if (!matches(pattern, path))
            continue;
        if (!is_method(row_method, method)) {
            allow(ret_allow, row_method);
            continue;
        }
        *ret_op = &ops[i];
        return take_segments(pattern, path, params, err) < 0 ? SC_ROUTE_BAD : SC_ROUTE_FOUND;
    }
    return ret_allow[0] ? SC_ROUTE_METHOD : SC_ROUTE_UNKNOWN;
}

/* --- query --- */

static const struct sc_param *find_param(const struct sc_op *op, const char *name)
{
    for (const struct sc_param *p = op->params; p->name; p++)
        if (sc_streq(p->name, name))
            return p;
    return NULL;
}

/* A wrong number stays a string, which sc_call_start then refuses by name. */
static struct sc_value *typed(const struct sc_param *p, const char *text)
{
    struct sc_err err = SC_ERR_INIT;
    int64_t number;
    if (p && p->type == SC_PARAM_INT &&
        sc_parse_i64(text, INT64_MIN, INT64_MAX, &number, &err) == SC_OK)
        return sc_value_int(number);
    if (p && p->type == SC_PARAM_BOOL && (sc_streq(text, "true") || sc_streq(text, "1")))
        return sc_value_bool(true);
    if (p && p->type == SC_PARAM_BOOL && (sc_streq(text, "false") || sc_streq(text, "0")))
        return sc_value_bool(false);
    return sc_value_str(text);
}

static int add_pair(const struct sc_op *op, struct sc_str pair, struct sc_value *params,
                    struct sc_err *err)
{
    const char *equals = memchr(pair.p, '=', pair.n);
    struct sc_str key = { .p = pair.p, .n = equals ? (size_t)(equals - pair.p) : pair.n };
    struct sc_str value = { .p = equals ? equals + 1 : pair.p,
                            .n = equals ? pair.n - key.n - 1 : 0 };
    sc_auto_buf struct sc_buf name = SC_BUF_INIT, text = SC_BUF_INIT;
    if (decode(key, true, &name, err) < 0)
        return sc_err_wrap(err, "the query");
    if (decode(value, true, &text, err) < 0)
        return sc_err_wrap(err, "%.64s", sc_buf_str(&name));
    if (sc_value_get(params, sc_buf_str(&name)))
        return sc_fail(err, SC_EINVAL, "%.64s: it is given twice", sc_buf_str(&name));
    const struct sc_param *p = find_param(op, sc_buf_str(&name));
    sc_value_set(params, sc_buf_str(&name), typed(p, sc_buf_str(&text)));
    return SC_OK;
}

int sc_route_query(const struct sc_op *op, const char *query, struct sc_value *params,
                   struct sc_err *err)
{
    for (const char *p = query ? query : ""; *p;) {
        struct sc_str pair = { .p = p, .n = strcspn(p, "&") };
        int r = pair.n ? add_pair(op, pair, params, err) : SC_OK;
        if (r < 0)
            return r;
        p += pair.n + (p[pair.n] == '&');
    }
    return SC_OK;
}

/* --- body --- */

struct merging {
    struct sc_value *params;
    struct sc_err *err;
    int result;
};

static bool add_member(void *ctx, const char *key, const struct sc_value *v)
{
    struct merging *m = ctx;
    if (sc_value_get(m->params, key)) {
        m->result =
            sc_fail(m->err, SC_EINVAL, "%.64s: it is given in the path or query already", key);
        return false;
    }
    sc_value_set(m->params, key, sc_value_ref(v));
    return true;
}

int sc_route_body(const char *body, size_t n, struct sc_value *params, struct sc_err *err)
{
    if (n == 0)
        return SC_OK;
    sc_auto_value struct sc_value *v = sc_value_parse(body, n, err);
    if (!v)
        return sc_err_wrap(err, "the body");
    if (!sc_value_is_object(v))
        return sc_fail(err, SC_EINVAL, "the body: a JSON object is expected");
    struct merging m = { .params = params, .err = err, .result = SC_OK };
    sc_value_each(v, add_member, &m);
    return m.result;
}
