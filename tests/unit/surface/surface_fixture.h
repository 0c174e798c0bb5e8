/* surface_fixture.h: an environment of real domain objects over a spool that holds one message, and
 * the operations of which each test needs one. */
#ifndef SIDECLAW_TESTS_SURFACE_FIXTURE_H
#define SIDECLAW_TESTS_SURFACE_FIXTURE_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "sideclaw/operations.h"

/* A spool in memory: an outbox of one, an inbox of one, commits when the test says so. */
struct fake_spool {
    struct sc_record out, in;
    bool has_out, has_in, acked;
    sc_commit_fn *commit[8];
    void *commit_ctx[8];
    size_t n_commits;
};

struct fixture {
    struct sc_loop *loop;
    struct sc_board *board;
    struct sc_registry *registry;
    struct sc_router *router;
    struct sc_events *events;
    struct fake_spool spool;
    struct sc_ops_env env;
};

static int fs_out_put(void *impl, struct sc_message *m, sc_wall now, sc_wall next,
                      struct sc_err *err)
{
    struct fake_spool *s = impl;
    (void)next;
    (void)err;
    if (s->has_out && sc_id_eq(&s->out.msg.id, &m->id))
        return SC_EEXIST;
    sc_record_fini(&s->out);
    struct sc_message *copy = sc_message_copy(m);
    s->out.msg = *copy;
    free(copy);
    s->out.stage = SC_STAGE_ACCEPTED;
    s->out.times[SC_STAGE_ACCEPTED] = now;
    s->has_out = true;
    return SC_OK;
}

static int fs_out_advance(void *impl, const struct sc_id *id, enum sc_stage stage, sc_wall at,
                          const char *reason, struct sc_moved *ret_moved, struct sc_err *err)
{
    struct fake_spool *s = impl;
    if (!s->has_out || !sc_id_eq(&s->out.msg.id, id))
        return sc_fail(err, SC_ENOENT, "unknown");
    if (ret_moved)
        *ret_moved = (struct sc_moved){ .changed = true,
                                        .kind = s->out.msg.kind,
                                        .from = s->out.stage,
                                        .accepted = s->out.times[SC_STAGE_ACCEPTED] };
    s->out.stage = stage;
    s->out.times[stage] = at;
    sc_set_str(&s->out.reason, reason);
    return SC_OK;
}

static int fs_out_stage(void *impl, const struct sc_id *id, enum sc_stage *ret_stage,
                        char ret_reason[SC_REASON_MAX], struct sc_err *err)
{
    const struct fake_spool *s = impl;
    if (!s->has_out || !sc_id_eq(&s->out.msg.id, id))
        return sc_fail(err, SC_ENOENT, "unknown");
    *ret_stage = s->out.stage;
    sc_reason_copy(ret_reason, s->out.reason);
    return SC_OK;
}

static int fs_out_retry(void *impl, const struct sc_id *id, sc_wall next,
                        const struct sc_attempt *a, struct sc_err *err)
{
    (void)impl, (void)id, (void)next, (void)a, (void)err;
    return SC_OK;
}

static int fs_out_defer(void *impl, const struct sc_id *id, sc_wall next, struct sc_err *err)
{
    (void)impl, (void)id, (void)next, (void)err;
    return SC_OK;
}

static int fs_out_reply_to(void *impl, const struct sc_id *id, struct sc_record *ret,
                           struct sc_err *err)
{
    (void)impl, (void)id, (void)ret;
    return sc_fail(err, SC_ENOENT, "none");
}

static int fs_out_due(void *impl, sc_wall now, int limit, sc_record_fn *fn, void *ctx,
                      struct sc_err *err)
{
    (void)impl, (void)now, (void)limit, (void)fn, (void)ctx, (void)err;
    return SC_OK;
}

static int fs_out_hurry(void *impl, const char *gateway, sc_wall now, struct sc_err *err)
{
    (void)impl, (void)gateway, (void)now, (void)err;
    return SC_OK;
}

static int fs_out_next_due(void *impl, sc_wall *ret, struct sc_err *err)
{
    (void)impl, (void)err;
    *ret = (sc_wall){ 0 };
    return SC_OK;
}

static int fs_out_leaders(void *impl, sc_record_fn *fn, void *ctx, struct sc_err *err)
{
    (void)impl, (void)fn, (void)ctx, (void)err;
    return SC_OK;
}

static int fs_out_list(void *impl, bool all, int limit, sc_record_fn *fn, void *ctx,
                       struct sc_err *err)
{
    struct fake_spool *s = impl;
    (void)all, (void)limit, (void)err;
    if (s->has_out)
        (void)fn(ctx, &s->out);
    return SC_OK;
}

static int fs_in_stage(void *impl, const struct sc_id *id, enum sc_stage *ret_stage,
                       char ret_reason[SC_REASON_MAX], struct sc_err *err)
{
    const struct fake_spool *s = impl;
    if (!s->has_in || !sc_id_eq(&s->in.msg.id, id))
        return sc_fail(err, SC_ENOENT, "unknown");
    *ret_stage = s->in.stage;
    sc_reason_copy(ret_reason, s->in.reason);
    return SC_OK;
}

static int fs_in_put(void *impl, const struct sc_message *m, sc_wall now, enum sc_stage *stage,
                     char ret_reason[SC_REASON_MAX], struct sc_err *err)
{
    struct fake_spool *s = impl;
    (void)now, (void)ret_reason, (void)err;
    sc_record_fini(&s->in);
    struct sc_message *copy = sc_message_copy(m);
    s->in.msg = *copy;
    free(copy);
    s->in.incoming = true;
    s->in.stage = *stage;
    s->has_in = true;
    return SC_OK;
}

static int fs_in_advance(void *impl, const struct sc_id *id, enum sc_stage stage, sc_wall at,
                         const char *reason, struct sc_err *err)
{
    (void)impl, (void)id, (void)stage, (void)at, (void)reason, (void)err;
    return SC_OK;
}

static int fs_in_list(void *impl, const char *agent, enum sc_list what, int limit, sc_record_fn *fn,
                      void *ctx, struct sc_err *err)
{
    struct fake_spool *s = impl;
    (void)limit, (void)err;
    if (s->has_in && sc_streq(s->in.msg.to_agent, agent) && (what == SC_LIST_ALL || !s->acked))
        (void)fn(ctx, &s->in);
    return SC_OK;
}

static int fs_in_ack(void *impl, const char *agent, const struct sc_id *id, sc_wall at,
                     struct sc_err *err)
{
    struct fake_spool *s = impl;
    (void)at;
    if (!s->has_in || !sc_streq(s->in.msg.to_agent, agent) || !sc_id_eq(&s->in.msg.id, id))
        return sc_fail(err, SC_ENOENT, "unknown");
    s->acked = true;
    return SC_OK;
}

static int fs_in_reply_to(void *impl, const struct sc_id *id, struct sc_record *ret,
                          struct sc_err *err)
{
    (void)impl, (void)id, (void)ret;
    return sc_fail(err, SC_ENOENT, "none");
}

static int fs_get(void *impl, const struct sc_id *id, bool incoming, struct sc_record *ret,
                  struct sc_err *err)
{
    struct fake_spool *s = impl;
    const struct sc_record *r = incoming ? &s->in : &s->out;
    if (!(incoming ? s->has_in : s->has_out) || !sc_id_eq(&r->msg.id, id))
        return sc_fail(err, SC_ENOENT, "unknown");
    *ret = *r;
    struct sc_message *copy = sc_message_copy(&r->msg);
    ret->msg = *copy;
    ret->reason = sc_xstrdup(r->reason);
    free(copy);
    return SC_OK;
}

static int fs_expire(void *impl, sc_wall now, int64_t retention_ms, struct sc_err *err)
{
    (void)impl, (void)now, (void)retention_ms, (void)err;
    return SC_OK;
}

static void fs_after_commit(void *impl, sc_commit_fn *fn, void *ctx)
{
    struct fake_spool *s = impl;
    cr_assert(s->n_commits < SC_ARRAY_LEN(s->commit));
    s->commit[s->n_commits] = fn;
    s->commit_ctx[s->n_commits++] = ctx;
}

static void fs_stats(void *impl, struct sc_spool_stats *ret)
{
    *ret = (struct sc_spool_stats){ .outbox_open = ((struct fake_spool *)impl)->has_out };
}

static const struct sc_spool_ops fake_spool_ops = {
    .out_put = fs_out_put,
    .out_advance = fs_out_advance,
    .out_stage = fs_out_stage,
    .out_retry = fs_out_retry,
    .out_defer = fs_out_defer,
    .out_due = fs_out_due,
    .out_hurry = fs_out_hurry,
    .out_next_due = fs_out_next_due,
    .out_list = fs_out_list,
    .out_leaders = fs_out_leaders,
    .out_reply_to = fs_out_reply_to,
    .in_put = fs_in_put,
    .in_stage = fs_in_stage,
    .in_advance = fs_in_advance,
    .in_list = fs_in_list,
    .in_ack = fs_in_ack,
    .in_reply_to = fs_in_reply_to,
    .get = fs_get,
    .expire = fs_expire,
    .after_commit = fs_after_commit,
    .stats = fs_stats,
};

/* What the spool does at the end of a turn; err NULL: it worked. */
static inline void fixture_commit(struct fixture *f, const struct sc_err *err)
{
    size_t n = f->spool.n_commits;
    f->spool.n_commits = 0;
    for (size_t i = 0; i < n; i++)
        f->spool.commit[i](f->spool.commit_ctx[i], err);
}

static inline void fixture_turn(struct fixture *f)
{
    struct sc_err err = SC_ERR_INIT;
    cr_assert_eq(sc_loop_turn(f->loop, 20, &err), SC_OK);
}

static void fixture_link(void *ctx, const char *link, struct sc_link_view *ret)
{
    (void)ctx;
    *ret = (struct sc_link_view){ .state = sc_streq(link, "redis") ? "down" : "up",
                                  .detail = "a detail",
                                  .remedy = "",
                                  .up = !sc_streq(link, "redis"),
                                  .ups = 2 };
}

static void fixture_deliver(void *ctx, const struct sc_message *m)
{
    (void)ctx, (void)m; /* no gateway here */
}

static inline void fixture_init(struct fixture *f)
{
    struct sc_err err = SC_ERR_INIT;
    *f = (struct fixture){ .loop = sc_loop_new(&err) };
    sc_record_init(&f->spool.out);
    sc_record_init(&f->spool.in);
    const struct sc_clock clock = sc_clock_system();
    const struct sc_spool spool = { .ops = &fake_spool_ops, .impl = &f->spool };
    f->board = sc_board_new(clock, NULL, NULL, NULL);
    const struct sc_registry_deps registry = { .self_name = "gw" };
    f->registry = sc_registry_new(&registry);
    const struct sc_strv none = { .v = NULL };
    sc_registry_local_config(f->registry, "jerry", &none);
    const struct sc_router_deps router = {
        .loop = f->loop,
        .clock = clock,
        .spool = spool,
        .registry = f->registry,
        .self_name = "gw",
        .limits = { .retry_min_ms = 1000,
                    .retry_max_ms = 60000,
                    .ack_ms = 2000,
                    .refresh_ms = 60000,
                    .retention_ms = 60000,
                    .default_ttl_s = 60,
                    .max_hops = 16,
                    .thread_rate = 1000 },
        .deliver = fixture_deliver,
    };
    f->router = sc_router_new(&router);
    const struct sc_events_deps events = { .loop = f->loop, .clock = clock, .self_name = "gw" };
    f->events = sc_events_new(&events);
    f->env = (struct sc_ops_env){ .loop = f->loop,
                                  .clock = clock,
                                  .router = f->router,
                                  .registry = f->registry,
                                  .spool = spool,
                                  .events = f->events,
                                  .board = f->board,
                                  .self_name = "gw",
                                  .default_agent = "operator",
                                  .link = fixture_link };
}

static inline void fixture_fini(struct fixture *f)
{
    fixture_commit(f, NULL);
    fixture_turn(f);
    sc_router_free(f->router);
    sc_events_free(f->events);
    sc_registry_free(f->registry);
    sc_board_free(f->board);
    fixture_turn(f);
    sc_loop_free(f->loop);
    sc_record_fini(&f->spool.out);
    sc_record_fini(&f->spool.in);
}

#endif
