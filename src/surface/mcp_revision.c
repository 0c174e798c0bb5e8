/* mcp_revision.c: the revisions of the protocol, and which one a request speaks. 2026-07-28 is told
 * by the request itself, in `_meta` and over HTTP in headers that must say the same, so that what
 * stands between can route by them; the older ones by their handshake. */
#include <string.h>

#include "mcp_internal.h"
#include "sideclaw/mem.h"

#define META_VERSION "io.modelcontextprotocol/protocolVersion"
#define META_CAPABILITIES "io.modelcontextprotocol/clientCapabilities"

/* The newest first; the newest of the old ones second. */
static const struct mcp_revision revisions[] = {
    { .name = "2026-07-28", .modern = true },
    { .name = "2025-11-25" },
    { .name = "2025-06-18" },
    { .name = "2025-03-26", .batches = true },
    { .name = "2024-11-05", .batches = true },
};

const struct mcp_revision *mcp_revision_find(const char *name)
{
    for (size_t i = 0; name && i < SC_ARRAY_LEN(revisions); i++)
        if (sc_streq(revisions[i].name, name))
            return &revisions[i];
    return NULL;
}

const struct mcp_revision *mcp_revision_offer(const char *asked)
{
    const struct mcp_revision *rev = mcp_revision_find(asked);
    return rev && !rev->modern ? rev : &revisions[1];
}

struct sc_value *mcp_revisions(void)
{
    struct sc_value *v = sc_value_array();
    for (size_t i = 0; i < SC_ARRAY_LEN(revisions); i++)
        sc_value_add_str(v, revisions[i].name);
    return v;
}

static bool unsupported(struct mcp_error *e, const char *asked)
{
    (void)mcp_refuse(e, MCP_UNSUPPORTED_VERSION, 400,
                     "protocol version %.40s is not supported here", asked);
    sc_auto_free char *requested = sc_xstrdup(asked);
    e->data = sc_value_object();
    sc_value_set(e->data, "supported", mcp_revisions());
    sc_value_set_str(e->data, "requested", mcp_readable(requested));
    return false;
}

static bool missing_meta(struct mcp_error *e, const char *key)
{
    return mcp_refuse(e, SC_RPC_PARAMS, 400, "params._meta[\"%s\"] is missing", key);
}

/* The parameter that Mcp-Name repeats; NULL: this method has none. */
static const char *name_of(const struct mcp_message *m)
{
    static const struct {
        const char *method, *param;
    } named[] = { { "tools/call", "name" },
                  { "prompts/get", "name" },
                  { "resources/read", "uri" } };
    for (size_t i = 0; i < SC_ARRAY_LEN(named); i++)
        if (sc_streq(named[i].method, m->method))
            return sc_value_get_str(m->params, named[i].param);
    return NULL;
}

/* Blanks around a header's value are not part of it (RFC 9110, 5.5). */
static bool header_is(const char *header, const char *value)
{
    header += strspn(header, " \t");
    size_t n = strlen(header);
    while (n && strchr(" \t", header[n - 1]))
        n--;
    return n == strlen(value) && memcmp(header, value, n) == 0;
}

static bool check_header(const char *what, const char *header, const char *value,
                         struct mcp_error *e)
{
    if (!header)
        return mcp_refuse(e, MCP_HEADER_MISMATCH, 400, "the header %s is missing", what);
    if (!header_is(header, value))
        return mcp_refuse(e, MCP_HEADER_MISMATCH, 400,
                          "the header %s says %.60s, the request %.60s", what, header, value);
    return true;
}

static bool check_modern(const struct mcp_message *m, const struct sc_mcp_headers *headers,
                         struct mcp_error *e)
{
    const struct sc_value *meta = sc_value_get(m->params, "_meta");
    const char *name = name_of(m);
    if (!sc_value_is_object(sc_value_get(meta, META_CAPABILITIES)))
        return missing_meta(e, META_CAPABILITIES);
    if (!headers)
        return true;
    return check_header("Mcp-Method", headers->method, m->method, e) &&
           (!name || check_header("Mcp-Name", headers->name, name, e));
}

/* What the request itself, or the header for it, says; NULL: nothing, as the old ones do. */
static bool version_of(const struct mcp_message *m, const struct sc_mcp_headers *headers,
                       const char **ret, struct mcp_error *e)
{
    const char *said = sc_value_get_str(sc_value_get(m->params, "_meta"), META_VERSION);
    const char *header = headers ? headers->version : NULL;
    const struct mcp_revision *rev = mcp_revision_find(header);
    *ret = said ? said : header;
    if (said && headers)
        return check_header("MCP-Protocol-Version", header, said, e);
    if (!said && ((rev && rev->modern) || sc_streq(m->method, "server/discover")))
        return missing_meta(e, META_VERSION);
    return true;
}

bool mcp_revision_of(const struct mcp_message *m, const struct sc_mcp_headers *headers,
                     const struct mcp_revision *negotiated, const struct mcp_revision **ret,
                     struct mcp_error *e)
{
    const char *version;
    if (!version_of(m, headers, &version, e))
        return false;
    if (!version) {
        *ret = negotiated ? negotiated : &revisions[1];
        return true;
    }
    *ret = mcp_revision_find(version);
    if (!*ret)
        return unsupported(e, version);
    return !(*ret)->modern || check_modern(m, headers, e);
}
