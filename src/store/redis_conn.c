/* hiredis 0.14 (and 1.x) on our loop. What its asynchronous half demands, read in its async.c:
 * - the context frees itself after a failed connect and after a disconnect; the one place that runs
 *   in every case is the `cleanup` hook, so that is where our pointer to it is cleared;
 * - every pending callback runs with a NULL reply before that;
 * - redisAsyncFree inside a callback takes effect after the callback;
 * - it keeps no deadlines (redis_link.c does) and does not bound what it reads (we do, below). */
#include "redis_conn.h"

#include <fcntl.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "redis_tls.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"

/* hiredis reads 16 KiB a call. Several calls a turn make the spool's commit, which each turn ends
 * with, worth more messages. */
enum { READS_PER_TURN = 8 };

struct sc_redis_conn {
    struct sc_redis_conn_deps d;
    redisAsyncContext *ac; /* NULL once hiredis let go of it */
    struct sc_io *read, *write;
    struct ssl_st *tls; /* hiredis's; NULL: plain */
    bool abandoned;     /* the owner wants no more callbacks */
    bool connected, flushing, flush_queued;
    size_t pending;
};

/* --- replies --- */

static const redisReply *hi(const struct sc_redis_reply *r)
{
    return (const redisReply *)(const void *)r;
}

static const struct sc_redis_reply *ours(const redisReply *r)
{
    return (const struct sc_redis_reply *)(const void *)r;
}

bool sc_redis_reply_is_error(const struct sc_redis_reply *r)
{
    return hi(r)->type == REDIS_REPLY_ERROR;
}

const char *sc_redis_reply_str(const struct sc_redis_reply *r, size_t *ret_n)
{
    int type = r ? hi(r)->type : REDIS_REPLY_NIL;
    if (type != REDIS_REPLY_STRING && type != REDIS_REPLY_STATUS && type != REDIS_REPLY_ERROR)
        return NULL;
    if (ret_n)
        *ret_n = (size_t)hi(r)->len;
    return hi(r)->str;
}

int64_t sc_redis_reply_int(const struct sc_redis_reply *r)
{
    return hi(r)->type == REDIS_REPLY_INTEGER ? (int64_t)hi(r)->integer : 0;
}

size_t sc_redis_reply_count(const struct sc_redis_reply *r)
{
    return r && hi(r)->type == REDIS_REPLY_ARRAY ? (size_t)hi(r)->elements : 0;
}

const struct sc_redis_reply *sc_redis_reply_at(const struct sc_redis_reply *r, size_t i)
{
    return i < sc_redis_reply_count(r) ? ours(hi(r)->element[i]) : NULL;
}

/* --- the loop's side --- */

static void free_now(void *conn)
{
    free(conn);
}

static bool too_much_unparsed(const struct sc_redis_conn *c)
{
    return c->ac->c.reader->len > SC_REDIS_REPLY_MAX;
}

static void close_with(struct sc_redis_conn *c, const char *text)
{
    bool tell = !c->abandoned;
    sc_redis_conn_abandon(c);
    if (tell)
        c->d.closed(c->d.ctx, text);
}

static void on_readable(void *ctx, int fd, int what)
{
    struct sc_redis_conn *c = ctx;
    int more = 1;
    (void)what;
    if (!c->abandoned)
        c->d.activity(c->d.ctx);
    for (int i = 0; i < READS_PER_TURN && more > 0 && c->ac; i++) {
        redisAsyncHandleRead(c->ac);
        if (c->ac && too_much_unparsed(c)) {
            close_with(c, "Protocol error: an answer is larger than any that makes sense");
            return;
        }
        if (!c->ac || ioctl(fd, FIONREAD, &more) < 0)
            return;
    }
}

static void on_writable(void *ctx, int fd, int what)
{
    struct sc_redis_conn *c = ctx;
    (void)fd;
    (void)what;
    redisAsyncHandleWrite(c->ac);
}

static void wait_writable(struct sc_redis_conn *c)
{
    if (!c->write)
        c->write = sc_io_new(c->d.loop, c->ac->c.fd, SC_IO_WRITE, on_writable, c);
}

/* At the end of the turn: what the turn's callbacks queued leaves in one write(2), without asking
 * epoll first. */
static void flush(void *ctx)
{
    struct sc_redis_conn *c = ctx;
    c->flush_queued = false;
    if (!c->ac)
        return;
    c->flushing = true;
    redisAsyncHandleWrite(c->ac);
    c->flushing = false;
}

static void add_write(void *ctx)
{
    struct sc_redis_conn *c = ctx;
    if (!c->connected || c->flushing) { /* waits for the connect, or the socket is full */
        wait_writable(c);
    } else if (!c->flush_queued && !c->write) {
        c->flush_queued = true;
        sc_loop_defer(c->d.loop, flush, c);
    }
}

static void del_write(void *ctx)
{
    struct sc_redis_conn *c = ctx;
    sc_io_free(c->write);
    c->write = NULL;
}

static void add_read(void *ctx)
{
    struct sc_redis_conn *c = ctx;
    if (!c->read)
        c->read = sc_io_new(c->d.loop, c->ac->c.fd, SC_IO_READ, on_readable, c);
}

static void del_read(void *ctx)
{
    struct sc_redis_conn *c = ctx;
    sc_io_free(c->read);
    c->read = NULL;
}

static const char *error_text(const redisAsyncContext *ac)
{
    if (ac->errstr && ac->errstr[0])
        return ac->errstr;
    return ac->c.errstr[0] ? ac->c.errstr : "closed";
}

/* hiredis is about to free its context, for whatever reason. */
static void on_cleanup(void *ctx)
{
    struct sc_redis_conn *c = ctx;
    redisAsyncContext *ac = c->ac;
    del_read(c);
    del_write(c);
    sc_loop_undefer(c->d.loop, flush, c);
    c->ac = NULL;
    ac->data = NULL;
    /* Our own frames may still be on the stack above hiredis's. */
    sc_loop_defer(c->d.loop, free_now, c);
    if (!c->abandoned) {
        char why[160];
        c->abandoned = true;
        c->d.closed(c->d.ctx,
                    c->tls && sc_redis_tls_why(c->tls, why, sizeof why) ? why : error_text(ac));
    }
}

static void on_connect(const redisAsyncContext *ac, int status)
{
    struct sc_redis_conn *c = ac->data;
    if (status != REDIS_OK || c->abandoned)
        return; /* on_cleanup follows */
    c->connected = true;
    c->d.connected(c->d.ctx);
}

static void attach(struct sc_redis_conn *c)
{
    redisAsyncContext *ac = c->ac;
    (void)fcntl(ac->c.fd, F_SETFD, FD_CLOEXEC); /* hiredis does not; cannot fail for an open fd */
    ac->data = c;
    ac->ev.data = c;
    ac->ev.addRead = add_read;
    ac->ev.delRead = del_read;
    ac->ev.addWrite = add_write;
    ac->ev.delWrite = del_write;
    ac->ev.cleanup = on_cleanup;
    (void)redisAsyncSetConnectCallback(ac, on_connect); /* fails only when one is set */
}

struct sc_redis_conn *sc_redis_conn_new(const struct sc_redis_conn_deps *deps, char *ret_text,
                                        size_t text_size)
{
    redisAsyncContext *ac = redisAsyncConnect(deps->addr, deps->port);
    if (!ac || ac->err) {
        (void)snprintf(ret_text, text_size, "%s", ac ? error_text(ac) : "out of memory");
        if (ac)
            redisAsyncFree(ac);
        return NULL;
    }
    struct ssl_st *tls =
        deps->tls ? sc_redis_tls_begin(deps->tls, &ac->c, deps->host, ret_text, text_size) : NULL;
    if (deps->tls && !tls) {
        redisAsyncFree(ac);
        return NULL;
    }
    struct sc_redis_conn *c = sc_xcalloc(1, sizeof *c);
    c->d = *deps;
    c->ac = ac;
    c->tls = tls;
    attach(c);
    return c;
}

void sc_redis_conn_abandon(struct sc_redis_conn *c)
{
    if (!c)
        return;
    c->abandoned = true;
    if (c->ac)
        redisAsyncFree(c->ac);
}

void sc_redis_conn_destroy(struct sc_redis_conn *c)
{
    if (!c)
        return;
    sc_redis_conn_abandon(c);
    sc_assert(!c->ac); /* else we are inside one of its callbacks */
    sc_loop_undefer(c->d.loop, free_now, c);
    free_now(c);
}

/* --- commands --- */

struct command {
    struct sc_redis_conn *conn;
    sc_redis_reply_fn *fn;
    void *ctx;
};

static void on_reply(redisAsyncContext *ac, void *reply, void *ctx)
{
    struct command cmd = *(struct command *)ctx;
    (void)ac;
    free(ctx);
    cmd.conn->pending--;
    if (cmd.fn)
        cmd.fn(cmd.ctx, reply);
}

int sc_redis_conn_command(struct sc_redis_conn *c, sc_redis_reply_fn *fn, void *ctx, int argc,
                          const char **argv, const size_t *argvlen)
{
    if (!c->ac || c->abandoned)
        return SC_EAWAY;
    struct command *cmd = sc_xmalloc(sizeof *cmd);
    *cmd = (struct command){ .conn = c, .fn = fn, .ctx = ctx };
    if (redisAsyncCommandArgv(c->ac, on_reply, cmd, argc, argv, argvlen) != REDIS_OK) {
        free(cmd); /* it is closing, and takes no more */
        return SC_EAWAY;
    }
    c->pending++;
    return SC_OK;
}

/* Replies to a subscribed connection: ["subscribe", channel, 1] and ["message", channel, payload].
 */
static void on_pushed(redisAsyncContext *ac, void *reply, void *ctx)
{
    struct sc_redis_conn *c = ctx;
    const struct sc_redis_reply *r = reply;
    (void)ac;
    if (!r || c->abandoned)
        return;
    if (sc_redis_reply_is_error(r)) {
        sc_auto_free char *text = sc_xstrdup(sc_redis_reply_str(r, NULL));
        close_with(c, text);
        return;
    }
    const char *kind = sc_redis_reply_str(sc_redis_reply_at(r, 0), NULL);
    size_t n = 0;
    const char *payload = sc_redis_reply_str(sc_redis_reply_at(r, 2), &n);
    if (sc_streq(kind, "subscribe")) {
        c->pending = 0;
        c->d.subscribed(c->d.ctx);
    } else if (sc_streq(kind, "message") && payload) {
        c->d.message(c->d.ctx, payload, n);
    }
}

int sc_redis_conn_subscribe(struct sc_redis_conn *c, const char *channel)
{
    const char *argv[] = { "SUBSCRIBE", channel };
    if (!c->ac || c->abandoned ||
        redisAsyncCommandArgv(c->ac, on_pushed, c, 2, argv, NULL) != REDIS_OK)
        return SC_EAWAY;
    c->pending++;
    return SC_OK;
}

size_t sc_redis_conn_pending(const struct sc_redis_conn *c)
{
    return c->pending;
}
