/* redis_url.c: any text; what is accepted has a host and a port, and parses to the same again. */
#include <stdint.h>

#include "../../src/store/redis_url.h"
#include "sideclaw/buf.h"
#include "sideclaw/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_place(struct sc_buf *out, const struct sc_redis_addr *at)
{
    bool v6 = strchr(at->host, ':') != NULL;
    sc_assert(at->host[0] && at->port > 0);
    sc_buf_addf(out, v6 ? "[%s]:%u" : "%s:%u", at->host, at->port);
}

static void same_place(const struct sc_redis_addr *a, const struct sc_redis_addr *b)
{
    sc_assert(sc_streq(a->host, b->host) && a->port == b->port);
}

static void write_url(const struct sc_redis_url *u, struct sc_buf *out)
{
    sc_buf_addf(out, "redis%s%s://", u->tls ? "s" : "", u->primary ? "+sentinel" : "");
    for (size_t i = 0; i < u->n_sentinels; i++) {
        sc_buf_addf(out, "%s", i ? "," : "");
        write_place(out, &u->sentinels[i]);
    }
    if (u->primary)
        sc_buf_addf(out, "/%s", u->primary);
    else
        write_place(out, &u->at);
    sc_buf_addf(out, "/%d", u->db);
}

static void check(const struct sc_redis_url *u)
{
    struct sc_redis_url again = { 0 };
    sc_auto_buf struct sc_buf url = SC_BUF_INIT;
    write_url(u, &url);
    sc_assert(u->db >= 0 && (!u->user || u->password));
    sc_assert(!u->primary == (u->n_sentinels == 0) && !u->primary != !u->at.host);
    /* Written out, the default ports of many sentinels can make it longer than any is read. */
    if (url.n > SC_REDIS_URL_MAX)
        return;
    sc_assert(sc_redis_url_parse(sc_buf_str(&url), &again, NULL) == SC_OK);
    sc_assert(again.db == u->db && again.tls == u->tls && sc_streq(again.primary, u->primary));
    sc_assert(again.n_sentinels == u->n_sentinels);
    same_place(&again.at, &u->at);
    for (size_t i = 0; i < u->n_sentinels; i++)
        same_place(&again.sentinels[i], &u->sentinels[i]);
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
