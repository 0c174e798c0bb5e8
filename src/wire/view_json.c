/* The saved view. Its objects are cut out by their brackets and parsed one at a time: as one tree,
 * ten thousand agents take 12 MB, and leave a heap that never shrinks again. */
#include <stdlib.h>
#include <string.h>

#include "sideclaw/agent_json.h"
#include "sideclaw/mem.h"

struct cursor {
    const char *p, *end;
    const struct sc_view_fns *fns; /* NULL: only look whether it is whole */
    bool is_version_1;
};

static char next(struct cursor *c)
{
    while (c->p < c->end && strchr(" \t\r\n,:", *c->p))
        c->p++;
    if (c->p == c->end)
        return '\0';
    return *c->p;
}

/* Past the string that begins here. */
static bool skip_string(struct cursor *c)
{
    for (c->p++; c->p < c->end; c->p++) {
        if (*c->p == '"') {
            c->p++;
            return true;
        }
        c->p += *c->p == '\\';
    }
    c->p = c->end; /* an escape may have gone one too far */
    return false;
}

/* Past the object or list that begins here; what is in it is jansson's to judge. */
static bool skip_brackets(struct cursor *c)
{
    size_t depth = 0;
    while (c->p < c->end) {
        char at = *c->p;
        if (at == '"') {
            if (!skip_string(c))
                return false;
            continue;
        }
        depth += at == '{' || at == '[';
        depth -= at == '}' || at == ']';
        c->p++;
        if (depth == 0)
            return true;
    }
    return false;
}

static bool skip_value(struct cursor *c)
{
    char at = next(c);
    if (at == '"')
        return skip_string(c);
    if (at == '{' || at == '[')
        return skip_brackets(c);
    const char *from = c->p;
    while (c->p < c->end && !strchr(" \t\r\n,:]}", *c->p))
        c->p++;
    return c->p > from;
}

static void tell_agent(const struct sc_view_fns *fns, const char *json, size_t n)
{
    struct sc_agent_info a;
    if (sc_agent_info_from_json(json, n, &a, NULL) < 0)
        return;
    fns->agent(fns->ctx, &a);
    sc_agent_info_fini(&a);
}

static void tell_gateway(const struct sc_view_fns *fns, const char *json, size_t n)
{
    struct sc_gateway_info g;
    if (sc_gateway_info_from_json(json, n, &g, NULL) < 0)
        return;
    fns->gateway(fns->ctx, &g);
    sc_gateway_info_fini(&g);
}

static bool list(struct cursor *c, void (*tell)(const struct sc_view_fns *, const char *, size_t))
{
    if (next(c) != '[')
        return false;
    for (c->p++; next(c) != ']';) {
        const char *from = c->p;
        if (!skip_value(c))
            return false;
        if (c->fns)
            tell(c->fns, from, (size_t)(c->p - from));
    }
    c->p++;
    return true;
}

static bool field(struct cursor *c)
{
    const char *from = c->p;
    if (next(c) != '"' || !skip_string(c))
        return false;
    struct sc_str key = { from, (size_t)(c->p - from) };
    if (key.n == sizeof "\"gateways\"" - 1 && memcmp(key.p, "\"gateways\"", key.n) == 0)
        return list(c, tell_gateway);
    if (key.n == sizeof "\"agents\"" - 1 && memcmp(key.p, "\"agents\"", key.n) == 0)
        return list(c, tell_agent);
    bool is_version = key.n == sizeof "\"v\"" - 1 && memcmp(key.p, "\"v\"", key.n) == 0;
    (void)next(c);
    from = c->p;
    if (!skip_value(c))
        return false;
    if (is_version)
        c->is_version_1 = c->p - from == 1 && *from == '1';
    return true;
}

static bool object(struct cursor *c)
{
    if (next(c) != '{')
        return false;
    for (c->p++; next(c) != '}';)
        if (!field(c))
            return false;
    c->p++;
    return next(c) == '\0' && c->p == c->end;
}

int sc_view_from_json(const char *json, size_t n, const struct sc_view_fns *fns, struct sc_err *err)
{
    struct cursor look = { .p = json, .end = json + n };
    if (!object(&look) || !look.is_version_1)
        return sc_fail(err, SC_EPROTO, "not a saved view of version 1");
    struct cursor tell = { .p = json, .end = json + n, .fns = fns };
    (void)object(&tell); /* as before */
    return SC_OK;
}
