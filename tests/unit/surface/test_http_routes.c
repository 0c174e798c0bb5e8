#include <criterion/criterion.h>
#include <string.h>

#include "../../../src/surface/http_routes.h"
#include "sideclaw/mem.h"

static enum sc_route_result find(const char *method, const char *path, const char *want_op,
                                 const char *want_allow)
{
    const struct sc_op *op = NULL;
    char allow[SC_ALLOW_MAX];
    struct sc_err err = SC_ERR_INIT;
    sc_auto_value struct sc_value *params = sc_value_object();
    enum sc_route_result r = sc_route_find(method, path, &op, params, allow, &err);
    if (want_op)
        cr_assert_str_eq(op->name, want_op, "%s %s", method, path);
    if (want_allow)
        cr_assert_str_eq(allow, want_allow, "%s %s", method, path);
    return r;
}

Test(http_routes, every_operation_is_found_by_its_own_row)
{
    size_t n;
    const struct sc_op *ops = sc_operations(&n);
    for (size_t i = 0; i < n; i++) {
        const char *blank = strchr(ops[i].http, ' ');
        sc_auto_free char *method = sc_xstrndup(ops[i].http, (size_t)(blank - ops[i].http));
        cr_assert_eq(find(method, blank + 1, ops[i].name, NULL), SC_ROUTE_FOUND);
    }
}

Test(http_routes, paths)
{
    static const struct {
        const char *method, *path;
        enum sc_route_result want;
        const char *op, *allow;
    } rows[] = {
        { "POST", "/v1/messages", SC_ROUTE_FOUND, "message.send", NULL },
        { "GET", "/v1/messages/abc", SC_ROUTE_FOUND, "message.get", NULL },
        { "HEAD", "/health", SC_ROUTE_FOUND, "health.page", NULL },
        { "GET", "/health/live", SC_ROUTE_FOUND, "health.live", NULL },
        { "GET", "/v1/agents/jerry/inbox", SC_ROUTE_FOUND, "inbox.list", NULL },
        { "POST", "/v1/agents/jerry/inbox/1/ack", SC_ROUTE_FOUND, "inbox.ack", NULL },
        { "GET", "/v1/messages", SC_ROUTE_METHOD, NULL, "POST" },
        { "DELETE", "/v1/messages/abc", SC_ROUTE_METHOD, NULL, "GET, HEAD" },
        { "-", "/health", SC_ROUTE_METHOD, NULL, "GET, HEAD" },
        { "GET", "/", SC_ROUTE_UNKNOWN, NULL, NULL },
        { "GET", "", SC_ROUTE_UNKNOWN, NULL, NULL },
        { "GET", "*", SC_ROUTE_UNKNOWN, NULL, NULL },
        { "GET", "/v1", SC_ROUTE_UNKNOWN, NULL, NULL },
        { "GET", "/v1/", SC_ROUTE_UNKNOWN, NULL, NULL },
        { "GET", "/v1/messages/", SC_ROUTE_UNKNOWN, NULL, NULL },
        { "GET", "/v1/messages/a/b", SC_ROUTE_UNKNOWN, NULL, NULL },
        { "GET", "/v1/agents//inbox", SC_ROUTE_UNKNOWN, NULL, NULL },
        { "GET", "/health/", SC_ROUTE_UNKNOWN, NULL, NULL },
        { "GET", "/v1/messages/%zz", SC_ROUTE_BAD, NULL, NULL },
        { "GET", "/v1/messages/%4", SC_ROUTE_BAD, NULL, NULL },
        { "GET", "/v1/messages/a%00", SC_ROUTE_BAD, NULL, NULL },
        { "GET", "/v1/messages/%ff", SC_ROUTE_BAD, NULL, NULL },
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(rows); i++)
        cr_assert_eq(find(rows[i].method, rows[i].path, rows[i].op, rows[i].allow), rows[i].want,
                     "%s %s", rows[i].method, rows[i].path);
}

Test(http_routes, segments_are_decoded)
{
    const struct sc_op *op;
    char allow[SC_ALLOW_MAX];
    struct sc_err err = SC_ERR_INIT;
    sc_auto_value struct sc_value *params = sc_value_object();
    cr_assert_eq(
        sc_route_find("GET", "/v1/agents/a%2Fb%20c+%C3%BC/inbox", &op, params, allow, &err),
        SC_ROUTE_FOUND);
    cr_assert_str_eq(sc_value_get_str(params, "agent"), "a/b c+ü");
}

static struct sc_value *query(const char *text, int want)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_value *params = sc_value_object();
    cr_assert_eq(sc_route_query(sc_operation_find("inbox.list"), text, params, &err), want,
                 "%s: %s", text, err.text);
    return params;
}

Test(http_routes, a_query_has_the_types_of_its_row)
{
    struct sc_value *p = query("all=true&limit=7&agent=a+b&&x", SC_OK);
    cr_assert(sc_value_get_bool(p, "all", false));
    cr_assert_eq(sc_value_get_int(p, "limit", 0), 7);
    cr_assert_str_eq(sc_value_get_str(p, "agent"), "a b");
    cr_assert_str_eq(sc_value_get_str(p, "x"), "");
    sc_value_free(p);
    p = query("all=0&limit=ten", SC_OK);
    cr_assert(sc_value_is_bool(sc_value_get(p, "all")));
    cr_assert(sc_value_is_str(sc_value_get(p, "limit")), "sc_call_start refuses it by name");
    sc_value_free(p);
    sc_value_free(query(NULL, SC_OK));
    sc_value_free(query("limit=1&limit=2", SC_EINVAL));
    sc_value_free(query("limit=%1", SC_EINVAL));
    sc_value_free(query("%00=1", SC_EINVAL));
}

static int body(const char *text, struct sc_value *params)
{
    struct sc_err err = SC_ERR_INIT;
    return sc_route_body(text, strlen(text), params, &err);
}

Test(http_routes, a_body_is_one_object_that_repeats_nothing)
{
    sc_auto_value struct sc_value *params = sc_value_object();
    cr_assert_eq(body("", params), SC_OK);
    cr_assert_eq(body("{\"a\":1,\"b\":null}", params), SC_OK);
    cr_assert_eq(sc_value_get_int(params, "a", 0), 1);
    cr_assert_eq(body("{\"a\":2}", params), SC_EINVAL);
    static const char *const bad[] = {
        "[]", "1", "null", "{", "{} x", "{\"c\":\"\\u0000\"}", "\xff"
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(bad); i++)
        cr_assert_eq(body(bad[i], params), SC_EINVAL, "%s", bad[i]);
}
