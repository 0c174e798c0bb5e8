/* The agents' streams: which there are, what of them is in flight, what is settled and deleted.
 *
 * An entry is in flight from its report until it is settled. That bounds how far a drain runs ahead
 * of the spool, and keeps an entry that came by pub/sub from being reported again by a drain. The
 * spool's dedupe makes any repetition harmless, so nothing here has to be exact. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "redis_streams.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

enum {
    REDRAIN_MS = 60 * 1000,
    FORGET_MS = 30 * 1000, /* not settled for that long: the spool refused it, it may come again */
    XDEL_MAX = 256,        /* ids in one command */
    TRACKED_MAX = 4 * SC_REDIS_UNSETTLED_MAX,
};

/* An entry that was reported and is not settled. */
struct flight {
    sc_mono since;
};

char *sc_redis_agent_key(const struct sc_redis *r, const char *agent, const char *what)
{
    return sc_xasprintf("%s:agents:%s:%s", r->prefix, agent, what);
}

static bool parse_u64(const char **p, uint64_t *ret)
{
    const char *s = *p;
    uint64_t v = 0;
    size_t digits = 0;
    for (; *s >= '0' && *s <= '9'; s++, digits++) {
        uint64_t d = (uint64_t)(*s - '0');
        if (v > (UINT64_MAX - d) / 10)
            return false;
        v = v * 10 + d;
    }
    *p = s;
    *ret = v;
    return digits > 0;
}

bool sc_redis_entry_parse(const char *entry, uint64_t *ret_ms, uint64_t *ret_seq)
{
    return parse_u64(&entry, ret_ms) && *entry++ == '-' && parse_u64(&entry, ret_seq) &&
           *entry == 0;
}

/* --- in flight --- */

static void land(struct sc_redis *r, struct stream *s, const char *entry)
{
    struct flight *f = sc_map_del(s->flights, entry);
    r->unsettled -= f != NULL;
    free(f);
}

static void land_all(struct sc_redis *r, struct stream *s)
{
    r->unsettled -= sc_map_count(s->flights);
    sc_map_free(s->flights, free);
    s->flights = sc_map_new();
}

struct forget {
    struct sc_redis *r;
    struct stream *s;
    int64_t before_ms;
};

static bool forget_one(void *ctx, const char *entry, void *value)
{
    struct forget *g = ctx;
    const struct flight *f = value;
    if (f->since.ms > g->before_ms)
        return false; /* the map is in the order of insertion: the rest is younger */
    land(g->r, g->s, entry);
    return true;
}

static void forget_old(struct sc_redis *r, struct stream *s)
{
    struct forget g = { r, s, sc_clock_mono(&r->d.clock).ms - FORGET_MS };
    sc_map_each(s->flights, forget_one, &g);
}

bool sc_redis_serves(const struct sc_redis *r, const char *agent)
{
    return agent && sc_map_get(r->streams, agent) != NULL;
}

bool sc_redis_in_flight(struct sc_redis *r, const char *agent, const char *entry)
{
    struct stream *s = sc_map_get(r->streams, agent);
    if (!s)
        return true;
    if (sc_map_get(s->flights, entry))
        return false;
    if (r->unsettled >= TRACKED_MAX)
        return true; /* it may be reported twice, which costs less than remembering all */
    struct flight *f = sc_xmalloc(sizeof *f);
    f->since = sc_clock_mono(&r->d.clock);
    (void)sc_map_set(s->flights, entry, f); /* there was none */
    r->unsettled++;
    return true;
}

/* --- settling: one XDEL a stream and turn --- */

static void delete_some(struct sc_redis *r, const struct stream *s, const struct entry_id *ids,
                        size_t n)
{
    const char *argv[2 + XDEL_MAX] = { "XDEL", s->key };
    char text[XDEL_MAX][44];
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(text[i], sizeof text[i], "%" PRIu64 "-%" PRIu64, ids[i].ms, ids[i].seq);
        argv[2 + i] = text[i];
    }
    sc_redis_tell(r, (int)(2 + n), argv, NULL);
}

static bool flush_stream(void *ctx, const char *agent, void *value)
{
    struct stream *s = value;
    (void)agent;
    for (size_t i = 0; i < s->n_settled; i += XDEL_MAX) {
        size_t left = s->n_settled - i;
        delete_some(ctx, s, s->settled + i, left < XDEL_MAX ? left : XDEL_MAX);
    }
    s->n_settled = 0;
    return true;
}

static void flush(void *ctx)
{
    struct sc_redis *r = ctx;
    r->flush_queued = false;
    sc_map_each(r->streams, flush_stream, r);
    if (r->unsettled < SC_REDIS_UNSETTLED_MAX / 2)
        sc_redis_drain_pump(r);
}

static void queue_flush(struct sc_redis *r)
{
    if (!r->flush_queued) {
        r->flush_queued = true;
        sc_loop_defer(r->d.loop, flush, r);
    }
}

/* Of an agent that is not (or no more) ours. */
static void settle_foreign(struct sc_redis *r, const struct sc_entry *e)
{
    sc_auto_free char *key = sc_redis_agent_key(r, e->stream, "inbox");
    const char *argv[] = { "XDEL", key, e->name };
    sc_redis_tell(r, 3, argv, NULL);
}

void sc_redis_settle(void *impl, const struct sc_entry *e)
{
    struct sc_redis *r = impl;
    struct entry_id id;
    if (!sc_redis_entry_parse(e->name, &id.ms, &id.seq))
        return;
    struct stream *s = sc_map_get(r->streams, e->stream);
    if (s)
        land(r, s, e->name);
    /* While the link is away the entry stays; the next drain brings it, and it is settled then. */
    if (r->t.state != SC_LINK_UP)
        return;
    if (!s) {
        settle_foreign(r, e);
        return;
    }
    if (s->n_settled == s->cap_settled) {
        s->cap_settled = s->cap_settled ? 2 * s->cap_settled : 16;
        s->settled = sc_xrealloc(s->settled, s->cap_settled * sizeof *s->settled);
    }
    s->settled[s->n_settled++] = id;
    queue_flush(r);
}

/* --- up and down --- */

static bool check_stream(void *ctx, const char *agent, void *value)
{
    struct stream *s = value;
    forget_old(ctx, s);
    (void)agent;
    sc_redis_drain(ctx, s);
    return true;
}

static void on_redrain(void *ctx)
{
    struct sc_redis *r = ctx;
    sc_map_each(r->streams, check_stream, r);
    sc_redis_drain_pump(r);
    sc_timer_arm(r->redrain, REDRAIN_MS);
}

/* What was in flight over the last connection may be reported again, by the drain of this one. */
static bool reset_stream(void *ctx, const char *agent, void *value)
{
    struct stream *s = value;
    (void)agent;
    land_all(ctx, s);
    s->n_settled = 0;
    sc_redis_drain_stop(ctx, s);
    return true;
}

void sc_redis_streams_up(struct sc_redis *r)
{
    on_redrain(r);
}

void sc_redis_streams_down(struct sc_redis *r)
{
    r->epoch++;
    r->reading = 0;
    sc_timer_disarm(r->redrain);
    sc_map_each(r->streams, reset_stream, r);
}

/* --- which agents --- */

static void free_stream(void *value)
{
    struct stream *s = value;
    free(s->agent);
    free(s->key);
    sc_map_free(s->flights, free);
    free(s->settled);
    free(s);
}

static bool drop_unkept(void *ctx, const char *agent, void *value)
{
    struct sc_redis *r = ctx;
    struct stream *s = value;
    if (!s->kept) {
        (void)flush_stream(r, agent, s);
        land_all(r, s);
        sc_redis_drain_stop(r, s);
        free_stream(sc_map_del(r->streams, agent));
    } else {
        s->kept = false;
    }
    return true;
}

static void keep_or_add(struct sc_redis *r, const char *agent)
{
    struct stream *s = sc_map_get(r->streams, agent);
    if (!s) {
        s = sc_xcalloc(1, sizeof *s);
        s->agent = sc_xstrdup(agent);
        s->key = sc_redis_agent_key(r, agent, "inbox");
        s->flights = sc_map_new();
        (void)sc_map_set(r->streams, agent, s);
        if (r->t.state == SC_LINK_UP)
            sc_redis_drain(r, s);
    }
    s->kept = true;
}

void sc_redis_serve(void *impl, const char *const *agents, size_t n)
{
    struct sc_redis *r = impl;
    for (size_t i = 0; i < n; i++)
        if (sc_name_check("agent", agents[i], NULL) == SC_OK)
            keep_or_add(r, agents[i]);
    sc_map_each(r->streams, drop_unkept, r);
}

void sc_redis_streams_init(struct sc_redis *r)
{
    r->streams = sc_map_new();
    TAILQ_INIT(&r->queue);
    r->redrain = sc_timer_new(r->d.loop, on_redrain, r);
}

void sc_redis_streams_fini(struct sc_redis *r)
{
    sc_loop_undefer(r->d.loop, flush, r);
    sc_timer_free(r->redrain);
    sc_map_free(r->streams, free_stream);
}
