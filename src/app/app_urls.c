/* Where this sidecar is reached, once its HTTP server has a port. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app_internal.h"
#include "sideclaw/mem.h"

/* "HOST:PORT" or "[V6]:PORT": the host, with its brackets; the caller's. */
static char *listen_host(const struct sc_app *a)
{
    const char *listen = a->cfg.http_listen;
    return sc_xstrndup(listen, (size_t)(strrchr(listen, ':') - listen));
}

static bool is_every_address(const char *host)
{
    return sc_streq(host, "0.0.0.0") || sc_streq(host, "[::]");
}

/* The others know this host by its name, if they know it at all; it is the best guess there is, and
 * http.peer_url says it better. */
static char *host_name(void)
{
    char name[256];
    if (gethostname(name, sizeof name) < 0)
        return sc_xstrdup("localhost");
    name[sizeof name - 1] = '\0';
    return sc_xstrdup(name);
}

static char *own_url(const struct sc_app *a, const char *host)
{
    return sc_xasprintf("http://%s:%d", host, sc_http_server_port(a->http_server));
}

void app_find_urls(struct sc_app *a)
{
    bool on = a->http_server && a->cfg.peer_enabled && app_mesh_key(a).key_len > 0;
    sc_auto_free char *host = listen_host(a);
    if (a->http_server) {
        const char *near = is_every_address(host) ? "127.0.0.1" : host;
        int port = sc_http_server_port(a->http_server);
        a->check_url = *a->cfg.consul_check_url ? sc_xstrdup(a->cfg.consul_check_url)
                                                : sc_xasprintf("http://%s:%d", near, port);
        a->mcp_url = sc_xasprintf("http://%s:%d/mcp", near, port);
    }
    if (on && *a->cfg.http_peer_url) {
        a->peer_url = sc_xstrdup(a->cfg.http_peer_url);
    } else if (on && is_every_address(host)) {
        sc_auto_free char *name = host_name();
        a->peer_url = own_url(a, name);
    } else {
        a->peer_url = on ? own_url(a, host) : sc_xstrdup("");
    }
}
