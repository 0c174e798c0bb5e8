/* spool_fixture.h: a spool in a folder of its own, its loop, and messages to put in. */
#ifndef SIDECLAW_SPOOL_FIXTURE_H
#define SIDECLAW_SPOOL_FIXTURE_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "sideclaw/mem.h"
#include "sideclaw/spool_sqlite.h"

#define NOW ((sc_wall){ INT64_C(1771243200000) }) /* 2026-02-16T12:00:00Z */

static const struct sc_attempt quiet; /* nothing to tell of it */

struct fixture {
    struct sc_loop *loop;
    char dir[64], path[96];
    struct sc_spool_sqlite *sq;
    struct sc_spool spool;
    struct sc_err err;
    int64_t max_bytes, max_messages, max_outgoing, max_waiting;
    struct sc_err health; /* as the spool last told it */
    int n;                /* messages made */
};

static inline struct sc_wall_at {
    sc_wall t;
} at(int64_t ms)
{
    return (struct sc_wall_at){ { NOW.ms + ms } };
}
#define AT(ms) (at(ms).t)

static inline void fixture_health(void *ctx, const struct sc_err *err)
{
    struct fixture *f = ctx;
    f->health = err ? *err : (struct sc_err)SC_ERR_INIT;
}

static inline void fixture_try_open(struct fixture *f)
{
    const struct sc_spool_sqlite_deps deps = { .loop = f->loop,
                                               .path = f->path,
                                               .full_sync = true,
                                               .max_bytes = f->max_bytes,
                                               .max_messages = f->max_messages,
                                               .max_outgoing = f->max_outgoing,
                                               .max_waiting = f->max_waiting,
                                               .health = fixture_health,
                                               .ctx = f };
    f->err = (struct sc_err)SC_ERR_INIT;
    f->sq = sc_spool_sqlite_new(&deps, &f->err);
    if (f->sq)
        f->spool = sc_spool_sqlite_port(f->sq);
}

static inline void fixture_open(struct fixture *f)
{
    fixture_try_open(f);
    cr_assert(f->sq, "%s", f->err.text);
}

static inline void fixture_init(struct fixture *f)
{
    *f = (struct fixture){ .err = SC_ERR_INIT, .health = SC_ERR_INIT };
    f->loop = sc_loop_new(&f->err);
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/sc-spool-XXXXXX");
    cr_assert(mkdtemp(f->dir));
    (void)snprintf(f->path, sizeof f->path, "%s/spool.db", f->dir);
}

static inline void fixture_close(struct fixture *f)
{
    sc_spool_sqlite_free(f->sq);
    f->sq = NULL;
}

static inline void fixture_fini(struct fixture *f)
{
    fixture_close(f);
    sc_loop_free(f->loop);
    char *rm = sc_xasprintf("rm -rf %s", f->dir);
    cr_assert_eq(system(rm), 0);
    free(rm);
}

static inline void nobody(void *ctx, const struct sc_err *err)
{
    (void)ctx;
    (void)err;
}

/* A turn whose commit somebody waits for: what was written is on disk afterwards. */
static inline void turn(struct fixture *f)
{
    f->spool.ops->after_commit(f->spool.impl, nobody, NULL);
    cr_assert_eq(sc_loop_turn(f->loop, 0, &f->err), SC_OK);
}

/* The i-th id: time-ordered, and readable in a failure. */
static inline struct sc_id id_of(int i)
{
    struct sc_id id = { .b = { 0x01, 0x9c, 0, 0, 0, 0, 0x70, 0, 0x80 } };
    id.b[14] = (uint8_t)(i >> 8);
    id.b[15] = (uint8_t)i;
    return id;
}

static inline struct sc_message make(struct fixture *f, const char *from, const char *to,
                                     const char *gateway)
{
    struct sc_message m;
    sc_message_init(&m);
    m.id = id_of(++f->n);
    m.from_agent = sc_xstrdup(from);
    m.from_gateway = sc_xstrdup("gw-a");
    m.to_agent = sc_xstrdup(to);
    m.to_gateway = sc_xstrdup(gateway);
    m.body_len = 5;
    m.body = sc_xstrdup("hello");
    m.timestamp = NOW;
    m.ttl_s = 60;
    return m;
}

/* Put a message of its own making; the result is the spool's, the id is id_of(f->n). */
static inline int put_to(struct fixture *f, const char *to, const char *gateway, int64_t due)
{
    sc_auto_message struct sc_message m = make(f, "jerry", to, gateway);
    return f->spool.ops->out_put(f->spool.impl, &m, NOW, AT(due), &f->err);
}

static inline int put(struct fixture *f, int64_t due)
{
    return put_to(f, "bobby", "gw-b", due);
}

static inline int receive_kind(struct fixture *f, const char *from, const char *to, uint64_t seq,
                               enum sc_kind kind)
{
    enum sc_stage stage = SC_STAGE_STORED;
    char reason[SC_REASON_MAX];
    sc_auto_message struct sc_message m = make(f, from, to, "gw-b");
    m.seq = seq;
    m.kind = kind;
    return f->spool.ops->in_put(f->spool.impl, &m, NOW, &stage, reason, &f->err);
}

static inline int receive(struct fixture *f, const char *from, const char *to, uint64_t seq)
{
    return receive_kind(f, from, to, seq, SC_KIND_MESSAGE);
}

static inline int out_stage(struct fixture *f, int i, enum sc_stage stage, int64_t ms)
{
    struct sc_id id = id_of(i);
    return f->spool.ops->out_advance(f->spool.impl, &id, stage, AT(ms), NULL, NULL, &f->err);
}

static inline int in_stage(struct fixture *f, int i, enum sc_stage stage, int64_t ms)
{
    struct sc_id id = id_of(i);
    return f->spool.ops->in_advance(f->spool.impl, &id, stage, AT(ms), NULL, &f->err);
}

/* Which messages a visit named, as the numbers of their ids: "1 2 3 ". */
struct seen {
    char text[512];
    int n, stop_after;
};

static inline bool note(void *ctx, const struct sc_record *r)
{
    struct seen *s = ctx;
    size_t used = strlen(s->text);
    (void)snprintf(s->text + used, sizeof s->text - used, "%d ",
                   r->msg.id.b[14] << 8 | r->msg.id.b[15]);
    return ++s->n != s->stop_after;
}

static inline struct sc_spool_stats stats_of(struct fixture *f)
{
    struct sc_spool_stats st;
    f->spool.ops->stats(f->spool.impl, &st);
    return st;
}

#endif
