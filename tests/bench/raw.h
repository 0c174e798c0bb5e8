/* raw.h: hiredis as a plain program would use it, on a socket that does not block. */
#ifndef BENCH_RAW_H
#define BENCH_RAW_H

#include <hiredis/hiredis.h>

#include "bench.h"

/* NULL after a word on stderr. */
redisContext *raw_connect(int64_t port);
/* Connected and subscribed, when this returns. */
redisContext *raw_subscribe(int64_t port, const char *channel);
/* Sends what was appended; false when the connection went. */
bool raw_flush(redisContext *c);
bool raw_unsent(const redisContext *c);
/* Reads what is there and gives every reply to fn; false when the connection went. */
typedef void raw_reply_fn(void *ctx, const redisReply *r);
bool raw_read(redisContext *c, raw_reply_fn *fn, void *ctx);
/* The payload of a published message; NULL for another reply. */
const char *raw_payload(const redisReply *r, size_t *ret_n);

#endif
