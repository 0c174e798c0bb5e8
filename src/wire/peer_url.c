#include <string.h>

#include "sideclaw/parse.h"
#include "sideclaw/peer_wire.h"

static bool is_host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
}

static bool is_v6_char(char c)
{
    return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || (c >= '0' && c <= '9') || c == '.' ||
           c == ':';
}

/* Behind the host, or NULL when there is none. */
static const char *skip_host(const char *p)
{
    const char *start = p;
    if (*p != '[') {
        while (is_host_char(*p))
            p++;
        return p > start ? p : NULL;
    }
    do
        p++;
    while (is_v6_char(*p));
    return *p == ']' && p > start + 1 ? p + 1 : NULL;
}

static const char *skip_scheme(const char *url)
{
    if (strncmp(url, "http://", 7) == 0)
        return url + 7;
    return strncmp(url, "https://", 8) == 0 ? url + 8 : NULL;
}

int sc_peer_url_check(const char *url, struct sc_err *err)
{
    int64_t port;
    if (strlen(url) > SC_PEER_URL_MAX)
        return sc_fail(err, SC_EINVAL, "it is longer than %d bytes", SC_PEER_URL_MAX);
    const char *host = skip_scheme(url);
    if (!host)
        return sc_fail(err, SC_EINVAL, "it does not begin with http:// or https://");
    const char *end = skip_host(host);
    if (!end)
        return sc_fail(err, SC_EINVAL, "it names no host");
    if (*end == ':')
        return sc_parse_i64(end + 1, 1, 65535, &port, NULL) < 0
                   ? sc_fail(err, SC_EINVAL, "its port is none, or something follows it")
                   : SC_OK;
    if (*end != '\0')
        return sc_fail(err, SC_EINVAL, "something else than a port follows its host");
    return SC_OK;
}
