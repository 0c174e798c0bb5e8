/* fuzz_http_route: "METHOD PATH?QUERY\nBODY": whatever is found has a path of its row's shape and
 * only parameters that are valid text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/surface/http_routes.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool check_text(void *ctx, const char *key, const struct sc_value *v)
{
    (void)ctx;
    if (!sc_utf8_valid(key, strlen(key)))
        abort();
    if (sc_value_is_str(v) && !sc_utf8_valid(sc_value_text(v), sc_value_text_len(v)))
        abort();
    return true;
}

static void route(const char *method, const char *path, const char *query, const char *body,
                  size_t n)
{
    const struct sc_op *op = NULL;
    char allow[SC_ALLOW_MAX];
    struct sc_err err = SC_ERR_INIT;
    sc_auto_value struct sc_value *params = sc_value_object();
    switch (sc_route_find(method, path, &op, params, allow, &err)) {
    case SC_ROUTE_UNKNOWN:
        return;
    case SC_ROUTE_METHOD:
        if (!allow[0])
            abort();
        return;
    case SC_ROUTE_BAD:
        if (!err.text[0])
            abort();
        return;
    case SC_ROUTE_FOUND:
        break;
    }
    if (sc_route_query(op, query, params, &err) == SC_OK)
        (void)!sc_route_body(body, n, params, &err);
    sc_value_each(params, check_text, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    sc_auto_free char *text = sc_xstrndup((const char *)data, n);
    char *line_end = strchr(text, '\n'), *blank = strchr(text, ' ');
    if (!line_end || !blank || blank > line_end)
        return 0;
    *line_end = *blank = 0;
    char *query = strchr(blank + 1, '?');
    if (query)
        *query++ = 0;
    route(text, blank + 1, query, line_end + 1, strlen(line_end + 1));
    return 0;
}
