/* redis_url.c: any text; what is accepted has a host and a port, and parses to the same again. */
#include <stdint.h>

#include "../../src/store/redis_url.h"
#include "sideclaw/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct sc_redis_url *u)
{
    struct sc_redis_url again = { 0 };
    bool v6 = strchr(u->host, ':') != NULL;
    sc_auto_free char *url =
        sc_xasprintf(v6 ? "redis://[%s]:%u/%d" : "redis://%s:%u/%d", u->host, u->port, u->db);
    sc_assert(u->port > 0 && u->db >= 0 && (!u->user || u->password));
    sc_assert(sc_redis_url_parse(url, &again, NULL) == SC_OK);
    sc_assert(sc_streq(again.host, u->host) && again.port == u->port && again.db == u->db);
    sc_redis_url_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_redis_url u = { 0 };
    sc_auto_free char *text = sc_xstrndup((const char *)data, size);
    if (sc_redis_url_parse(text, &u, &err) == SC_OK)
        check(&u);
    else
        sc_assert(err.code == SC_ECONFIG && err.text[0] && err.remedy[0]);
    sc_redis_url_fini(&u);
    return 0;
}
