/* option_check.c: is a string the address, name or token that its option wants? */
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "options.h"
#include "sideclaw/buf.h"
#include "sideclaw/mem.h"
#include "sideclaw/memory.h"
#include "sideclaw/parse.h"
#include "sideclaw/peer_wire.h"
#include "sideclaw/redis_transport.h"

int sc_check_name(char **value, struct sc_err *err)
{
    int r = sc_name_check("the name", *value, err);
    if (r == SC_OK)
        return SC_OK;
    return sc_err_remedy(err, "use 1 to 128 of A-Z a-z 0-9 . _ - and no dot in front");
}

int sc_check_memory_readable(char **value, struct sc_err *err)
{
    int r = sc_memory_readable_check(*value, err);
    if (r == SC_OK)
        return SC_OK;
    return sc_err_remedy(err, "write READER:OWNER, several with commas; * is everybody: "
                              "\"jerry:bobby, *:library\"");
}

static bool has_blank_or_control(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s <= ' ' || *s == 0x7f)
            return true;
    return false;
}

/* "HOST", "HOST:PORT" or "[V6]:PORT" in n bytes; need_port: the port may not be left out. */
static int check_host_port(struct sc_str s, bool need_port, int min_port, struct sc_err *err)
{
    const char *colon = NULL, *end = s.p + s.n;
    size_t host = 0;
    if (s.n && s.p[0] == '[') {
        const char *close = memchr(s.p, ']', s.n);
        host = close ? (size_t)(close - s.p) - 1 : 0;
        colon = close && close + 1 < end ? close + 1 : NULL;
        if (colon && *colon != ':')
            host = 0;
    } else {
        colon = memchr(s.p, ':', s.n);
        host = colon ? (size_t)(colon - s.p) : s.n;
    }
    if (host == 0)
        return sc_fail(err, SC_EINVAL, "it names no host");
    if (!colon)
        return need_port ? sc_fail(err, SC_EINVAL, "it names no port") : SC_OK;
    sc_auto_free char *port = sc_xstrndup(colon + 1, (size_t)(end - colon - 1));
    int64_t number;
    if (sc_parse_i64(port, min_port, 65535, &number, err) < 0)
        return sc_err_wrap(err, "the port");
    return SC_OK;
}

/* SCHEME://[user[:password]@]HOST[:PORT][/...] */
static int check_url(const char *url, const char *scheme, bool userinfo, struct sc_err *err)
{
    size_t n = strlen(scheme);
    if (strncmp(url, scheme, n) != 0 || strncmp(url + n, "://", 3) != 0)
        return sc_fail(err, SC_EINVAL, "it does not begin with %s://", scheme);
    if (has_blank_or_control(url))
        return sc_fail(err, SC_EINVAL, "it has a blank or a control character");
    struct sc_str authority = { .p = url + n + 3, .n = strcspn(url + n + 3, "/?#") };
    const char *at = memrchr(authority.p, '@', authority.n);
    if (at && !userinfo)
        return sc_fail(err, SC_EINVAL, "a user or password does not belong in it");
    if (at) {
        authority.n -= (size_t)(at + 1 - authority.p);
        authority.p = at + 1;
    }
    return check_host_port(authority, false, 1, err);
}

int sc_check_ws_url(char **value, struct sc_err *err)
{
    int r = check_url(*value, "ws", false, err);
    if (r == SC_OK)
        return SC_OK;
    if (strncmp(*value, "wss://", 6) == 0)
        return sc_err_remedy(err, "run sideclaw beside its gateway and use ws://127.0.0.1:PORT");
    return sc_err_remedy(err, "write it as ws://HOST[:PORT][/PATH], e.g. ws://127.0.0.1:18789");
}

/* Consul's own programs take HOST:PORT as well, so CONSUL_HTTP_ADDR often has no scheme. */
int sc_check_consul_addr(char **value, struct sc_err *err)
{
    if (!strstr(*value, "://")) {
        char *url = sc_xasprintf("http://%s", *value);
        free(*value);
        *value = url;
    }
    const char *scheme = strncmp(*value, "https", 5) == 0 ? "https" : "http";
    int r = check_url(*value, scheme, false, err);
    if (r == SC_OK)
        return SC_OK;
    return sc_err_remedy(err, "write it as http[s]://HOST:PORT, e.g. http://127.0.0.1:8500");
}

int sc_check_redis_url(char **value, struct sc_err *err)
{
    return sc_redis_url_check(*value, err);
}

/* Empty: derived from http.listen. */
int sc_check_peer_url(char **value, struct sc_err *err)
{
    if (**value == '\0' || sc_peer_url_check(*value, err) == SC_OK)
        return SC_OK;
    return sc_err_remedy(err, "write it as http[s]://HOST[:PORT], e.g. http://jerry.tailnet:18790");
}

int sc_check_listen(char **value, struct sc_err *err)
{
    int r =
        has_blank_or_control(*value) || strchr(*value, '/')
            ? sc_fail(err, SC_EINVAL, "it is no address and port")
            : check_host_port((struct sc_str){ .p = *value, .n = strlen(*value) }, true, 0, err);
    if (r == SC_OK)
        return SC_OK;
    return sc_err_remedy(err, "write it as ADDRESS:PORT, e.g. 127.0.0.1:18790 or [::1]:18790");
}

int sc_check_socket_path(char **value, struct sc_err *err)
{
    size_t max = sizeof((struct sockaddr_un *)NULL)->sun_path - 1;
    size_t n = strlen(*value);
    if (n <= max)
        return SC_OK;
    (void)sc_fail(err, SC_EINVAL, "it is %zu bytes long; a socket's path has at most %zu", n, max);
    return sc_err_remedy(err, "set control.socket to a shorter path");
}

int sc_check_token(char **value, struct sc_err *err)
{
    for (const char *p = *value; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            return sc_fail(err, SC_EINVAL, "it has a control character, perhaps a line end");
    return SC_OK;
}

int sc_check_host_name(char **value, struct sc_err *err)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._";
    if ((*value)[strspn(*value, plain)] == '\0')
        return SC_OK;
    (void)sc_fail(err, SC_EINVAL, "it is no host name");
    return sc_err_remedy(err, "write the name alone, e.g. server.dc1.consul");
}

int sc_check_address(char **value, struct sc_err *err)
{
    int r =
        has_blank_or_control(*value) || strchr(*value, '/') || strchr(*value, '@')
            ? sc_fail(err, SC_EINVAL, "it is no host and port")
            : check_host_port((struct sc_str){ .p = *value, .n = strlen(*value) }, false, 1, err);
    if (r == SC_OK)
        return SC_OK;
    return sc_err_remedy(err, "write it as HOST[:PORT], e.g. jerry.tailnet:18789");
}

int sc_check_http_url(char **value, struct sc_err *err)
{
    const char *scheme = strncmp(*value, "https", 5) == 0 ? "https" : "http";
    int r = check_url(*value, scheme, false, err);
    size_t n = strlen(*value);
    if (r == SC_OK && (*value)[n - 1] == '/')
        (*value)[n - 1] = '\0';
    if (r == SC_OK)
        return r;
    return sc_err_remedy(err, "write it as http[s]://HOST:PORT, e.g. http://10.0.0.2:18790");
}
