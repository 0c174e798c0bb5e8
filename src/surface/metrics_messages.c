/* metrics_messages.c: messages, how they travel, and where they lie. */
#include <stddef.h>

#include "metrics_internal.h"
#include "sideclaw/mem.h"

static const struct counter {
    enum metric metric;
    size_t offset;
} counters[] = {
#define N(field) offsetof(struct sc_router_counters, field)
    { M_ACCEPTED, N(accepted) },         { M_SENT, N(sent) },
    { M_RETRIED, N(retried) },           { M_RECEIVED, N(received) },
    { M_DUPLICATES, N(duplicates) },     { M_DELIVERED, N(delivered) },
    { M_REPLIED, N(replied) },           { M_DEAD, N(dead) },
    { M_REJECTED, N(rejected) },         { M_RECEIPTS_IN, N(receipts_in) },
    { M_RECEIPTS_OUT, N(receipts_out) },
#undef N
};

static void write_router(const struct sc_router_counters *n, struct sc_buf *out)
{
    static const char *const points[SC_WAY_POINTS] = { "stored", "delivered", "replied" };
    for (size_t i = 0; i < SC_ARRAY_LEN(counters); i++) {
        const uint64_t *value = (const void *)((const char *)n + counters[i].offset);
        metric_int(out, counters[i].metric, (int64_t)*value);
    }
    metric_int(out, M_IN_FLIGHT, (int64_t)n->in_flight);
    metric_head(out, M_STAGE_TIME);
    for (size_t i = 0; i < SC_WAY_POINTS; i++)
        metric_histogram(out, M_STAGE_TIME, "stage", points[i], &n->reached[i]);
}

static void write_transports(const struct sc_router_counters *n, struct sc_buf *out)
{
    size_t known = 0;
    while (known < SC_ARRAY_LEN(n->via) && n->via[known].name)
        known++;
    metric_head(out, M_OUT);
    for (size_t i = 0; i < known; i++)
        metric_sample(out, M_OUT, "transport", n->via[i].name, (int64_t)n->via[i].out);
    metric_head(out, M_IN);
    for (size_t i = 0; i < known; i++)
        metric_sample(out, M_IN, "transport", n->via[i].name, (int64_t)n->via[i].in);
    metric_head(out, M_SEND_TIME);
    for (size_t i = 0; i < known; i++)
        metric_histogram(out, M_SEND_TIME, "transport", n->via[i].name, &n->via[i].took);
}

static void write_peer(const struct sc_ops_env *env, struct sc_buf *out)
{
    struct sc_peer_counters n = { .requests_in = 0 };
    if (!env->peer.ops)
        return;
    env->peer.ops->counters(env->peer.impl, &n);
    metric_int(out, M_PEER_SIDECARS, (int64_t)n.sidecars);
    metric_int(out, M_PEER_ANSWERING, (int64_t)n.answering);
    metric_int(out, M_PEER_OUT, (int64_t)n.requests_out);
    metric_int(out, M_PEER_FAILED, (int64_t)n.requests_failed);
    metric_int(out, M_PEER_IN, (int64_t)n.requests_in);
    metric_head(out, M_PEER_REFUSED);
    for (int i = 0; i < SC_PEER_REFUSALS; i++)
        metric_sample(out, M_PEER_REFUSED, "why", sc_peer_refusal_name((enum sc_peer_refusal)i),
                      (int64_t)n.refused[i]);
}

static void write_redis(const struct sc_ops_env *env, struct sc_buf *out)
{
    struct sc_transport_stats s = { .pending = 0 };
    if (env->redis_stats)
        env->redis_stats(env->ctx, &s);
    metric_head(out, M_TRIMMED);
    metric_sample(out, M_TRIMMED, "reason", "age", (int64_t)s.trimmed_age);
    metric_sample(out, M_TRIMMED, "reason", "length", (int64_t)s.trimmed_length);
    metric_int(out, M_REDIS_PENDING, (int64_t)s.pending);
    metric_int(out, M_REDIS_UNSETTLED, (int64_t)s.unsettled);
}

static void directed(struct sc_buf *out, enum metric m, const int64_t value[2])
{
    metric_head(out, m);
    metric_sample(out, m, "direction", "out", value[0]);
    metric_sample(out, m, "direction", "in", value[1]);
}

static void write_room(const struct sc_spool_stats *s, struct sc_buf *out)
{
    metric_int(out, M_KEPT, s->messages);
    metric_int(out, M_LIMIT_MESSAGES, s->max_messages);
    metric_int(out, M_SPOOL_BYTES, s->bytes);
    metric_int(out, M_LIMIT_BYTES, s->max_bytes);
    metric_head(out, M_FULL);
    metric_sample(out, M_FULL, "limit", "spool", s->full);
    metric_sample(out, M_FULL, "limit", "agent", s->agent_full);
}

static void write_spool(const struct sc_ops_env *env, struct sc_buf *out)
{
    struct sc_spool_stats s = { .bytes = 0 };
    env->spool.ops->stats(env->spool.impl, &s);
    metric_head(out, M_SPOOL);
    metric_sample(out, M_SPOOL, "box", "outbox", s.outbox_open);
    metric_sample(out, M_SPOOL, "box", "inbox", s.inbox_open);
    metric_sample(out, M_SPOOL, "box", "dead", s.dead[0] + s.dead[1]);
    directed(out, M_DEAD_LETTERS, s.dead);
    directed(out, M_AMBIGUOUS, s.ambiguous);
    write_room(&s, out);
    metric_int(out, M_COMMITS, s.commits);
    metric_int(out, M_COMMIT_FAILURES, s.failed_commits);
    metric_seconds(out, M_COMMIT_TOTAL, (int64_t)s.commit_seconds.sum_us);
    metric_head(out, M_COMMIT_TIME);
    metric_histogram(out, M_COMMIT_TIME, NULL, NULL, &s.commit_seconds);
}

void metrics_messages(const struct sc_ops_env *env, struct sc_buf *out)
{
    struct sc_router_counters n;
    sc_router_counters(env->router, &n);
    write_router(&n, out);
    write_transports(&n, out);
    write_peer(env, out);
    write_redis(env, out);
    write_spool(env, out);
}
