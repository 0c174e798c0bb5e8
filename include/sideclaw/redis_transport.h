/* redis_transport.h: the transport port over Redis: a stream for absent receivers and pub/sub for
 * speed, in one round trip (DESIGN 3). */
#ifndef SIDECLAW_REDIS_TRANSPORT_H
#define SIDECLAW_REDIS_TRANSPORT_H

#include <stdint.h>

#include "sideclaw/clock.h"
#include "sideclaw/err.h"
#include "sideclaw/log.h"
#include "sideclaw/loop.h"
#include "sideclaw/message_json.h"
#include "sideclaw/transport.h"

/* All borrowed; must outlive the transport. */
struct sc_redis_deps {
    struct sc_loop *loop;
    struct sc_log *log;
    struct sc_clock clock;
    struct sc_transport_events events;
    struct sc_mesh_key key;
    const char *url;                            /* redis_url.h */
    const char *password;                       /* overrides the URL's; NULL */
    const char *sentinel_password;              /* of the sentinels themselves; NULL */
    const char *ca_file, *cert_file, *key_file; /* for rediss://; NULL */
    const char *prefix;                         /* "openclaw" */
    const char *self_name;
    int64_t stream_max_len, stream_max_age_ms;
};

/* sc_redis_url_check: can this be redis.url? SC_ECONFIG with the remedy; never quotes the URL. */
int sc_redis_url_check(const char *url, struct sc_err *err) SC_MUST_CHECK;

struct sc_redis;
/* SC_ECONFIG when the URL cannot be read. */
struct sc_redis *sc_redis_new(const struct sc_redis_deps *deps, struct sc_err *err);
struct sc_transport *sc_redis_transport(struct sc_redis *r);
void sc_redis_start(struct sc_redis *r);
void sc_redis_free(struct sc_redis *r); /* after the transport's close */

#endif
