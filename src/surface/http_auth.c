#include "http_auth.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sideclaw/crypto.h"
#include "sideclaw/mem.h"

static const char scheme[] = "Bearer ";

int sc_auth_bearer(const char *header, const char *token, struct sc_err *err)
{
    const size_t n = sizeof scheme - 1;
    if (header && token && *token && strncasecmp(header, scheme, n) == 0) {
        const char *given = header + n + strspn(header + n, " ");
        if (sc_secret_eq(given, token))
            return SC_OK;
    }
    (void)sc_fail(err, SC_EAUTH, header ? "the token is wrong" : "a token is needed");
    return sc_err_remedy(err, "send \"Authorization: Bearer TOKEN\" with the content of http.token "
                              "in the sidecar's state folder (http.token_file)");
}

char *sc_host_of(const char *address)
{
    if (address[0] == '[')
        return sc_xstrndup(address + 1, strcspn(address + 1, "]"));
    return sc_xstrndup(address, strcspn(address, ":"));
}

static bool is_ip(const char *host)
{
    struct in6_addr a;
    return inet_pton(AF_INET, host, &a) == 1 || inet_pton(AF_INET6, host, &a) == 1;
}

static bool is_loopback(const char *host)
{
    return strcasecmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
           (is_ip(host) && strncmp(host, "127.", 4) == 0);
}

static int refuse(struct sc_err *err, const char *what, const char *value)
{
    (void)sc_fail(err, SC_EPERM, "%s %.100s is not this sidecar", what, value);
    return sc_err_remedy(err, "use http://127.0.0.1:PORT, or let http.listen be an address of the "
                              "network");
}

int sc_auth_origin(const char *listen_host, const char *host, const char *origin,
                   struct sc_err *err)
{
    sc_auto_free char *name = host ? sc_host_of(host) : NULL;
    if (name && is_loopback(listen_host) && !is_ip(name) && !is_loopback(name))
        return refuse(err, "Host", host);
    if (!origin)
        return SC_OK;
    const char *colon = strstr(origin, "://");
    if (!host || !colon || strcasecmp(colon + 3, host) != 0)
        return refuse(err, "Origin", origin);
    return SC_OK;
}
