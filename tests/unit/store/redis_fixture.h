/* redis_fixture.h: a redis-server of its own on a free port, nodes that talk through it, and a
 * plain client to look behind the scenes. */
#ifndef SIDECLAW_REDIS_FIXTURE_H
#define SIDECLAW_REDIS_FIXTURE_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sideclaw/mem.h"
#include "sideclaw/redis_transport.h"

struct server {
    pid_t pid;
    int port;
    char dir[64];
};

static inline int free_port(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&a, n), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    (void)close(fd);
    return ntohs(a.sin_port);
}

static inline redisContext *client(const struct server *s)
{
    struct timeval tv = { .tv_sec = 5 };
    redisContext *c = redisConnectWithTimeout("127.0.0.1", s->port, tv);
    cr_assert(c);
    return c;
}

static inline bool answers(const struct server *s)
{
    redisContext *c = client(s);
    redisReply *r = c->err ? NULL : redisCommand(c, "PING");
    bool yes = r != NULL;
    freeReplyObject(r);
    redisFree(c);
    return yes;
}

static inline void server_start(struct server *s)
{
    char port[16];
    if (!s->dir[0]) {
        (void)snprintf(s->dir, sizeof s->dir, "/tmp/sc-redis-XXXXXX");
        cr_assert(mkdtemp(s->dir));
        s->port = free_port();
    }
    (void)snprintf(port, sizeof port, "%d", s->port);
    s->pid = fork();
    cr_assert(s->pid >= 0);
    if (s->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1", "--dir",
                     s->dir, "--save", "", "--appendonly", "yes", "--appendfsync", "always",
                     "--logfile", "redis.log", NULL);
        _exit(127);
    }
    for (int i = 0; i < 500 && !answers(s); i++)
        (void)usleep(10000); /* another process starts; there is no event to wait for */
    cr_assert(answers(s), "redis-server does not come up");
}

static inline void server_stop(struct server *s)
{
    if (s->pid <= 0)
        return;
    (void)kill(s->pid, SIGKILL);
    (void)waitpid(s->pid, NULL, 0);
    s->pid = 0;
}

static inline void server_remove(struct server *s)
{
    server_stop(s);
    char *rm = sc_xasprintf("rm -rf %s", s->dir);
    cr_assert_eq(system(rm), 0);
    free(rm);
}

/* A command of a plain client: what it answers as a number (of elements, of a string's bytes). The
 * text of a string or error goes to ret, which may be NULL. */
static inline long long ask(const struct server *s, char *ret, size_t size, const char *fmt, ...)
{
    va_list ap;
    redisContext *c = client(s);
    va_start(ap, fmt);
    redisReply *r = redisvCommand(c, fmt, ap);
    va_end(ap);
    cr_assert(r, "%s: %s", fmt, c->errstr);
    long long n = r->type == REDIS_REPLY_INTEGER ? r->integer
                  : r->type == REDIS_REPLY_ARRAY ? (long long)r->elements
                                                 : (long long)r->len;
    if (ret)
        (void)snprintf(ret, size, "%s", r->str ? r->str : "");
    freeReplyObject(r);
    redisFree(c);
    return n;
}

/* One field of the first entry of a stream. */
static inline void first_field(const struct server *s, const char *stream, const char *field,
                               char *ret, size_t size)
{
    redisContext *c = client(s);
    redisReply *r = redisCommand(c, "XRANGE %s - + COUNT 1", stream);
    cr_assert(r && r->type == REDIS_REPLY_ARRAY && r->elements == 1, "%s is empty", stream);
    redisReply *f = r->element[0]->element[1];
    ret[0] = 0;
    for (size_t i = 0; i + 1 < f->elements; i += 2)
        if (strcmp(f->element[i]->str, field) == 0)
            (void)snprintf(ret, size, "%s", f->element[i + 1]->str);
    freeReplyObject(r);
    redisFree(c);
}

/* --- nodes --- */

enum { GOT_MAX = 8192 };

struct node {
    struct sc_redis *redis;
    struct sc_transport *t;
    enum sc_link_state state;
    char detail[SC_ERR_TEXT_MAX], remedy[SC_ERR_TEXT_MAX], rejected[SC_ERR_TEXT_MAX];
    int ups, downs, n_rejected;
    struct sc_message *got[GOT_MAX];
    struct sc_entry entry[GOT_MAX];
    int n_got;
    struct sc_receipt receipt;
    int n_receipts;
    int n_done, n_failed; /* of our sends */
    enum sc_code last_code;
    bool settle_at_once;
};

static inline void on_link(void *ctx, const struct sc_transport *t, enum sc_link_state state,
                           const char *detail, const char *remedy)
{
    struct node *n = ctx;
    cr_assert_eq(t->state, state);
    n->state = state;
    n->ups += state == SC_LINK_UP;
    n->downs += state == SC_LINK_DOWN;
    (void)snprintf(n->detail, sizeof n->detail, "%s", detail);
    (void)snprintf(n->remedy, sizeof n->remedy, "%s", remedy);
}

static inline void on_message(void *ctx, const struct sc_transport *t, struct sc_message *take_msg,
                              const struct sc_entry *entry)
{
    struct node *n = ctx;
    cr_assert(n->n_got < GOT_MAX);
    n->got[n->n_got] = take_msg;
    n->entry[n->n_got++] = *entry;
    if (n->settle_at_once)
        t->ops->settle(t->impl, entry);
}

static inline void on_receipts(void *ctx, const struct sc_transport *t, const struct sc_receipts *r)
{
    struct node *n = ctx;
    (void)t;
    n->n_receipts += (int)r->n;
    n->receipt = r->v[0];
}

static inline void on_rejected(void *ctx, const struct sc_transport *t, const char *reason)
{
    struct node *n = ctx;
    (void)t;
    n->n_rejected++;
    (void)snprintf(n->rejected, sizeof n->rejected, "%s", reason);
}

static inline void on_done(void *ctx, const struct sc_id *id, const struct sc_err *err)
{
    struct node *n = ctx;
    (void)id;
    n->n_done++;
    n->n_failed += err != NULL;
    n->last_code = err ? err->code : SC_OK;
}

struct world {
    struct sc_loop *loop;
    struct server server;
    struct node a, b;
    struct sc_err err;
    const char *key;             /* the mesh's; NULL: none */
    int n;                       /* messages made */
    int64_t max_len, max_age_ms; /* of the streams; 0: large */
};

static inline void node_open(struct world *w, struct node *n, const char *name, const char *url)
{
    const struct sc_redis_deps deps = {
        .loop = w->loop,
        .clock = sc_clock_system(),
        .events = { .ctx = n,
                    .link = on_link,
                    .message = on_message,
                    .receipts = on_receipts,
                    .rejected = on_rejected },
        .key = { .key = (const uint8_t *)w->key, .key_len = w->key ? strlen(w->key) : 0 },
        .url = url,
        .prefix = "openclaw",
        .self_name = name,
        .stream_max_len = w->max_len ? w->max_len : 100000,
        .stream_max_age_ms = w->max_age_ms ? w->max_age_ms : 86400000,
    };
    memset(n, 0, sizeof *n);
    n->redis = sc_redis_new(&deps, &w->err);
    cr_assert(n->redis, "%s", w->err.text);
    n->t = sc_redis_transport(n->redis);
    sc_redis_start(n->redis);
}

static inline void node_start(struct world *w, struct node *n, const char *name)
{
    char *url = sc_xasprintf("redis://127.0.0.1:%d", w->server.port);
    node_open(w, n, name, url);
    free(url);
}

static inline void node_free(struct node *n)
{
    sc_redis_free(n->redis);
    for (int i = 0; i < n->n_got; i++)
        sc_message_free(n->got[i]);
    n->redis = NULL;
    n->n_got = 0;
}

static inline int64_t now_ms(void)
{
    struct sc_clock c = sc_clock_system();
    return sc_clock_mono(&c).ms;
}

/* Turns of the loop until the condition holds. */
#define UNTIL(w, cond)                                                                             \
    do {                                                                                           \
        int64_t end_ = now_ms() + 15000;                                                           \
        while (!(cond) && now_ms() < end_)                                                         \
            cr_assert_eq(sc_loop_turn((w)->loop, 100, &(w)->err), SC_OK);                          \
        cr_assert((cond), "waited in vain: " #cond);                                               \
    } while (0)

static inline void serve(struct node *n, const char *agent)
{
    n->t->ops->serve(n->t->impl, &agent, 1);
}

static inline struct sc_message *make(struct world *w, const char *to, const char *gateway)
{
    struct sc_clock c = sc_clock_system();
    struct sc_message *m = sc_xmalloc(sizeof *m);
    sc_message_init(m);
    m->timestamp = sc_clock_wall(&c);
    m->id = sc_id_new(m->timestamp);
    m->seq = (uint64_t)++w->n;
    m->from_agent = sc_xstrdup("jerry");
    m->from_gateway = sc_xstrdup("gw-a");
    m->to_agent = sc_xstrdup(to);
    m->to_gateway = sc_xstrdup(gateway);
    m->body = sc_xstrdup("hello");
    m->body_len = 5;
    m->ttl_s = 60;
    return m;
}

static inline int send_made(struct world *w, struct node *n, struct sc_message *take_m)
{
    int rc = n->t->ops->send(n->t->impl, take_m, on_done, n, &w->err);
    sc_message_free(take_m);
    return rc;
}

static inline int send_to(struct world *w, struct node *n, const char *to, const char *gateway)
{
    return send_made(w, n, make(w, to, gateway));
}

static inline void world_init(struct world *w)
{
    memset(w, 0, sizeof *w);
    w->loop = sc_loop_new(&w->err);
    server_start(&w->server);
}

static inline void world_fini(struct world *w)
{
    node_free(&w->a);
    node_free(&w->b);
    for (int i = 0; i < 3; i++) /* a cancelled name lookup ends in a turn (resolve.h) */
        cr_assert_eq(sc_loop_turn(w->loop, 0, &w->err), SC_OK);
    sc_loop_free(w->loop);
    server_remove(&w->server);
}

#endif
