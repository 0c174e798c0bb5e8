#include "raw.h"

#include <fcntl.h>
#include <string.h>
#include <sys/time.h>

static void unblock(redisContext *c)
{
    int flags = fcntl(c->fd, F_GETFL);
    if (flags >= 0)
        (void)fcntl(c->fd, F_SETFL, flags | O_NONBLOCK);
    c->flags &= ~REDIS_BLOCK; /* hiredis then takes EAGAIN for "later" */
}

static redisContext *connect_blocking(int64_t port)
{
    redisContext *c =
        redisConnectWithTimeout("127.0.0.1", (int)port, (struct timeval){ .tv_sec = 5 });
    if (c && !c->err)
        return c;
    (void)fprintf(stderr, "sideclaw_bench: redis: %s\n", c ? c->errstr : "no memory");
    if (c)
        redisFree(c);
    return NULL;
}

redisContext *raw_connect(int64_t port)
{
    redisContext *c = connect_blocking(port);
    if (c)
        unblock(c);
    return c;
}

redisContext *raw_subscribe(int64_t port, const char *channel)
{
    redisContext *c = connect_blocking(port);
    if (!c)
        return NULL;
    freeReplyObject(redisCommand(c, "SUBSCRIBE %s", channel));
    unblock(c);
    return c;
}

bool raw_unsent(const redisContext *c)
{
    return c->obuf && *c->obuf;
}

bool raw_flush(redisContext *c)
{
    int done = 0;
    return redisBufferWrite(c, &done) == REDIS_OK;
}

bool raw_read(redisContext *c, raw_reply_fn *fn, void *ctx)
{
    if (redisBufferRead(c) != REDIS_OK)
        return false;
    for (;;) {
        void *reply = NULL;
        if (redisGetReplyFromReader(c, &reply) != REDIS_OK)
            return false;
        if (!reply)
            return true;
        fn(ctx, reply);
        freeReplyObject(reply);
    }
}

const char *raw_payload(const redisReply *r, size_t *ret_n)
{
    if (r->type != REDIS_REPLY_ARRAY || r->elements != 3 ||
        r->element[0]->type != REDIS_REPLY_STRING || strcmp(r->element[0]->str, "message") != 0)
        return NULL;
    *ret_n = r->element[2]->len;
    return r->element[2]->str;
}
