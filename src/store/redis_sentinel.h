/* redis_sentinel.h: where Redis is now. Without Sentinel that is a name to resolve; with it, all
 * listed sentinels are asked at once and most answers win. */
#ifndef SIDECLAW_REDIS_SENTINEL_H
#define SIDECLAW_REDIS_SENTINEL_H

#include "redis_url.h"
#include "sideclaw/loop.h"

/* Borrowed for the call. */
struct sc_redis_place {
    const char *host; /* as redis.url or the sentinels call it */
    const char *addr; /* numeric */
    uint16_t port;
    bool agreed; /* a majority of the listed sentinels says so */
};

struct sc_redis_find;
/* place NULL: nobody knows, and err says why. */
typedef void sc_redis_found_fn(void *ctx, const struct sc_redis_place *place,
                               const struct sc_err *err);

/* sc_redis_find_start: fn runs once, from the loop, at most FIND_MS and a name lookup later.
 * Shape:   SENTINEL get-master-addr-by-name <primary>, to each.
 * Why all: a sentinel that was cut off from the others still names the old primary; asked alone it
 *          would be believed. Why not SENTINEL MASTER: that names the old one until every replica
 *          follows the new one. */
struct sc_redis_find *sc_redis_find_start(struct sc_loop *loop, const struct sc_redis_url *url,
                                          sc_redis_found_fn *fn, void *ctx);
/* fn does not run any more. NULL is fine. */
void sc_redis_find_cancel(struct sc_redis_find *f);

#endif
