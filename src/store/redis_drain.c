/* Reading what waits in the agents' streams: when the link comes up, when an agent is new, and once
 * a minute for what a lost publish left behind. Page by page, a few streams side by side, and never
 * far ahead of the spool. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "redis_streams.h"
#include "sideclaw/mem.h"

enum {
    READING_MAX = 2, /* streams read side by side: at most as many pages in memory */
    PAGE_FIRST = 16, /* entries; the next pages follow from the size of those */
    PAGE_MAX = 64,   /* some 3 ms of work: what comes in live waits that long for the turn's end */
    PAGE_BYTES = 64 * 1024, /* what a page should bring */
};

/* A question about one stream. The agent may be gone, and the connection another, by the time it is
 * answered. */
struct question {
    struct sc_redis *r;
    unsigned epoch;
    char agent[SC_NAME_MAX + 1];
};

static struct question *question(struct sc_redis *r, const char *agent)
{
    struct question *q = sc_xmalloc(sizeof *q);
    q->r = r;
    q->epoch = r->epoch;
    (void)snprintf(q->agent, sizeof q->agent, "%s", agent);
    return q;
}

/* The envelope of [id, [field, value, ...]]: its field `m`. */
static const struct sc_redis_reply *envelope_of(const struct sc_redis_reply *entry)
{
    const struct sc_redis_reply *fields = sc_redis_reply_at(entry, 1);
    for (size_t i = 0; i + 1 < sc_redis_reply_count(fields); i += 2)
        if (sc_streq(sc_redis_reply_str(sc_redis_reply_at(fields, i), NULL), "m"))
            return sc_redis_reply_at(fields, i + 1);
    return NULL;
}

static size_t take_entry(struct sc_redis *r, const char *agent, const char *id,
                         const struct sc_redis_reply *entry)
{
    size_t n = 0;
    const char *json = sc_redis_reply_str(envelope_of(entry), &n);
    if (json)
        sc_redis_accept(r, json, n, agent, id);
    else
        sc_redis_reject(r, agent, id, "", 0, "the entry has no field m");
    return n;
}

static void queue(struct sc_redis *r, struct stream *s)
{
    if (s->reading != QUIET)
        return;
    s->reading = QUEUED;
    TAILQ_INSERT_TAIL(&r->queue, s, queued);
}

void sc_redis_drain_stop(struct sc_redis *r, struct stream *s)
{
    if (s->reading == QUEUED)
        TAILQ_REMOVE(&r->queue, s, queued);
    s->reading = QUIET;
}

/* The next page follows from what this one weighed. */
static unsigned next_page(size_t entries, size_t bytes)
{
    size_t each = bytes / entries + 1, page = PAGE_BYTES / each;
    return page < 1 ? 1 : page > PAGE_MAX ? PAGE_MAX : (unsigned)page;
}

static void take_page(struct sc_redis *r, const char *agent, const struct sc_redis_reply *page)
{
    size_t n = sc_redis_reply_count(page), bytes = 0;
    struct stream *s = sc_map_get(r->streams, agent);
    for (size_t i = 0; i < n; i++) {
        const struct sc_redis_reply *entry = sc_redis_reply_at(page, i);
        const char *id = sc_redis_reply_str(sc_redis_reply_at(entry, 0), NULL);
        if (!id || !sc_redis_entry_parse(id, &s->next.ms, &s->next.seq))
            continue;
        bytes += take_entry(r, agent, id, entry);
        s = sc_map_get(r->streams, agent);
        if (!s || r->t.state != SC_LINK_UP)
            return; /* the agent or the link went while we reported */
    }
    /* The id after the last: XRANGE's "(" for an open end is newer than Redis 5. */
    if (++s->next.seq == 0)
        s->next.ms++;
    if (n >= s->page)
        queue(r, s); /* behind the others: a long stream keeps nobody waiting */
    if (n > 0)
        s->page = next_page(n, bytes);
}

static void on_page(void *ctx, const struct sc_redis_reply *reply)
{
    struct question *q = ctx;
    struct sc_redis *r = q->r;
    struct stream *s = sc_map_get(r->streams, q->agent);
    if (q->epoch == r->epoch) {
        r->reading--;
        if (s)
            s->reading = QUIET;
        if (reply && s && !sc_redis_reply_is_error(reply))
            take_page(r, q->agent, reply);
        else if (reply && sc_redis_reply_is_error(reply))
            sc_log_warn(r->d.log, "redis.drain_failed", SC_S("agent", q->agent),
                        SC_S("reason", sc_redis_reply_str(reply, NULL)),
                        SC_S("instead", "it is tried again within a minute"));
        sc_redis_drain_pump(r);
    }
    free(q);
}

static void read_page(struct sc_redis *r, struct stream *s)
{
    char from[44], count[16];
    (void)snprintf(from, sizeof from, "%" PRIu64 "-%" PRIu64, s->next.ms, s->next.seq);
    (void)snprintf(count, sizeof count, "%u", s->page);
    const char *argv[] = { "XRANGE", s->key, from, "+", "COUNT", count };
    struct question *q = question(r, s->agent);
    if (sc_redis_link_command(r->commands, on_page, q, 6, argv, NULL) < 0) {
        free(q);
        return;
    }
    s->reading = READING;
    r->reading++;
}

void sc_redis_drain_pump(struct sc_redis *r)
{
    struct stream *s;
    while (r->t.state == SC_LINK_UP && r->reading < READING_MAX &&
           r->unsettled < SC_REDIS_UNSETTLED_MAX && (s = TAILQ_FIRST(&r->queue))) {
        sc_redis_drain_stop(r, s);
        read_page(r, s);
    }
}

/* More entries than are in flight: some were never heard of. */
static void on_length(void *ctx, const struct sc_redis_reply *reply)
{
    struct question *q = ctx;
    struct sc_redis *r = q->r;
    struct stream *s = sc_map_get(r->streams, q->agent);
    if (reply && s && q->epoch == r->epoch && s->reading == QUIET &&
        sc_redis_reply_int(reply) > (int64_t)sc_map_count(s->flights)) {
        queue(r, s);
        s->next = (struct entry_id){ 0, 0 };
        s->page = PAGE_FIRST;
        sc_redis_drain_pump(r);
    }
    free(q);
}

void sc_redis_drain(struct sc_redis *r, const struct stream *s)
{
    const char *argv[] = { "XLEN", s->key };
    struct question *q = question(r, s->agent);
    if (sc_redis_link_command(r->commands, on_length, q, 2, argv, NULL) < 0)
        free(q);
}
