/* Keeping the streams bounded, by those who write to them: by length, by age, and by an end of the
 * key for when its writers are gone as well.
 *
 * Not by XADD: it takes one bound only, and does not say what it dropped. XTRIM counts the entries
 * that were not deleted, and a receiver deletes what it has stored, so its answer is exactly the
 * number of entries that nobody took. The spools of their senders still have them. */
#include <stdlib.h>
#include <string.h>

#include "redis_internal.h"
#include "sideclaw/mem.h"

enum {
    TRIM_MS = 60 * 1000, /* for each stream, from when it was first written to: so they spread */
    TICK_MS = 1000,
    TRIM_EVERY = 1000, /* entries of ours in between, at most */
    TRIMS_MAX = 10000, /* streams remembered; the end of the key bounds the others */
};

/* KEYS[1] the stream; ARGV: its length, its age in ms. By Redis's clock, as the entries' ids are.
 * MINID is as old as Redis 6.2: before, the age is not bounded. */
static const char script[] = "local t = redis.call('TIME') "
                             "local oldest = string.format('%.0f-0', t[1] * 1000 - ARGV[2]) "
                             "local old = redis.pcall('XTRIM', KEYS[1], 'MINID', '~', oldest) "
                             "if type(old) ~= 'number' then old = 0 end "
                             "local long = redis.call('XTRIM', KEYS[1], 'MAXLEN', '~', ARGV[1]) "
                             "redis.call('PEXPIRE', KEYS[1], ARGV[2]) "
                             "return { old, long, redis.call('XLEN', KEYS[1]) }";

struct trim {
    unsigned written; /* since it was last trimmed */
    bool asked;
    sc_mono due, quiet_until;
    int64_t age, length; /* trimmed since it was last said */
};

struct question {
    struct sc_redis *r;
    char agent[SC_NAME_MAX + 1];
};

/* Once a minute and stream: while it is full, each trim drops some. */
static void say(struct sc_redis *r, const char *agent, struct trim *t)
{
    int64_t now = sc_clock_mono(&r->d.clock).ms;
    if (t->age + t->length == 0 || now < t->quiet_until.ms)
        return;
    sc_log_warn(r->d.log, "redis.trimmed", SC_S("agent", agent), SC_I("too_old", t->age),
                SC_I("too_many", t->length),
                SC_S("instead", "their senders' spools still have them"));
    t->age = t->length = 0;
    t->quiet_until.ms = now + TRIM_MS;
}

static void on_trimmed(void *ctx, const struct sc_redis_reply *reply);

static void trim(struct sc_redis *r, const char *agent, struct trim *t)
{
    char len[24], age[24];
    sc_auto_free char *key = sc_redis_agent_key(r, agent, "inbox");
    (void)snprintf(len, sizeof len, "%lld", (long long)r->d.stream_max_len);
    (void)snprintf(age, sizeof age, "%lld", (long long)r->d.stream_max_age_ms);
    const char *argv[] = { "EVAL", script, "1", key, len, age };
    struct question *q = sc_xmalloc(sizeof *q);
    q->r = r;
    (void)snprintf(q->agent, sizeof q->agent, "%s", agent);
    if (sc_redis_link_command(r->commands, on_trimmed, q, 6, argv, NULL) < 0) {
        free(q);
        return;
    }
    t->asked = true;
    t->written = 0;
    t->due.ms = sc_clock_mono(&r->d.clock).ms + TRIM_MS;
}

static void count(struct sc_redis *r, const char *agent, struct trim *t, int64_t age,
                  int64_t length)
{
    t->age += age;
    t->length += length;
    r->trimmed_age += (uint64_t)age;
    r->trimmed_length += (uint64_t)length;
    say(r, agent, t);
}

static void on_trimmed(void *ctx, const struct sc_redis_reply *reply)
{
    struct question *q = ctx;
    struct sc_redis *r = q->r;
    struct trim *t = sc_map_get(r->trims, q->agent);
    if (t)
        t->asked = false;
    if (reply && sc_redis_reply_is_error(reply))
        sc_log_debug(r->d.log, "redis.trim_failed", SC_S("agent", q->agent),
                     SC_S("reason", sc_redis_reply_str(reply, NULL)));
    if (t && sc_redis_reply_count(reply) == 3) {
        count(r, q->agent, t, sc_redis_reply_int(sc_redis_reply_at(reply, 0)),
              sc_redis_reply_int(sc_redis_reply_at(reply, 1)));
        bool is_empty = sc_redis_reply_int(sc_redis_reply_at(reply, 2)) == 0;
        if (is_empty && t->written == 0) /* its receiver is there, and keeps it short */
            free(sc_map_del(r->trims, q->agent));
        else if (t->written >= TRIM_EVERY)
            trim(r, q->agent, t);
    }
    free(q);
}

void sc_redis_trim_note(struct sc_redis *r, const char *agent)
{
    struct trim *t = sc_map_get(r->trims, agent);
    if (!t && sc_map_count(r->trims) >= TRIMS_MAX)
        return;
    bool is_new = !t;
    if (is_new) {
        t = sc_xcalloc(1, sizeof *t);
        (void)sc_map_set(r->trims, agent, t);
        if (!sc_timer_armed(r->trim_timer))
            sc_timer_arm(r->trim_timer, TICK_MS);
    }
    t->written++;
    /* A new one at once: an old stream may be about to end. */
    if (!t->asked && (is_new || t->written >= TRIM_EVERY))
        trim(r, agent, t);
}

static bool trim_due(void *ctx, const char *agent, void *value)
{
    struct sc_redis *r = ctx;
    struct trim *t = value;
    if (t->asked || t->due.ms > sc_clock_mono(&r->d.clock).ms)
        return true;
    say(r, agent, t);
    trim(r, agent, t);
    return true;
}

static void on_timer(void *ctx)
{
    struct sc_redis *r = ctx;
    if (r->t.state == SC_LINK_UP)
        sc_map_each(r->trims, trim_due, r);
    if (sc_map_count(r->trims) > 0)
        sc_timer_arm(r->trim_timer, TICK_MS);
}

void sc_redis_trim_init(struct sc_redis *r)
{
    r->trims = sc_map_new();
    r->trim_timer = sc_timer_new(r->d.loop, on_timer, r);
}

void sc_redis_trim_fini(struct sc_redis *r)
{
    sc_timer_free(r->trim_timer);
    sc_map_free(r->trims, free);
}
