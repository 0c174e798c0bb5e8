/* One blocking query on a prefix, asked again as soon as it is answered. Five things can go wrong
 * with that, and each has its answer here:
 *  - a busy prefix answers at once, always: a bucket of BURST tokens lets a single change through
 *    without delay and makes a stream of them one query each REFILL_MS;
 *  - a large one takes long to read, and every answer is all of it: we rest REST times as long as
 *    the last one kept us, so that ten thousand agents' heartbeats do not cost half a processor;
 *  - the index goes backwards (Consul was restored, or restarted empty): begin again at 0;
 *  - Consul is away: backoff with jitter, and the first question after it goes without an index,
 * for a Consul that restarted empty would keep us waiting for an index it reaches next week;
 *  - Consul is silent: the request's own deadline, a little over what Consul may take, ends it. */
#include <stdlib.h>

#include "consul_internal.h"
#include "sideclaw/backoff.h"
#include "sideclaw/mem.h"

enum {
    WAIT_MS = 5 * 60 * 1000,
    BURST = 3,
    REFILL_MS = 500,
    REST = 20,               /* at most a twentieth of our time goes into reading */
    REST_MAX_MS = 10 * 1000, /* a change in a mesh of that size may be noticed so late */
    RETRY_MIN_MS = 250,
    RETRY_MAX_MS = 5000 /* a local agent that is back should be noticed within seconds */
};

struct sc_consul_watch {
    const struct sc_consul_env *env;
    struct sc_consul_watch_fns fns;
    char *prefix;
    struct sc_timer *timer;
    struct sc_consul_call *call;
    struct sc_kv_stream *stream; /* of the answer that is coming in; NULL before its first byte */
    struct sc_backoff backoff;
    int64_t index;
    sc_mono refilled; /* when the bucket was last counted */
    unsigned tokens;
    int64_t busy_ms; /* what the present answer has kept us so far */
    bool from_zero;  /* ask without the index: an answer now, whatever it is */
    bool failed;     /* the last answer was none */
    bool feeding;    /* our callbacks are on the stack: the stream must stay */
    bool again;      /* restart as soon as this answer ends */
    struct sc_watch_stats n;
};

static void ask(void *ctx);

/* Milliseconds until there is a token for the next question; the token is taken. */
static int64_t take_token(struct sc_consul_watch *w)
{
    sc_mono now = sc_clock_mono(&w->env->clock);
    int64_t earned = (now.ms - w->refilled.ms) / REFILL_MS;
    if (earned >= BURST - (int64_t)w->tokens) {
        w->tokens = BURST;
        w->refilled = now;
    } else if (earned > 0) {
        w->tokens += (unsigned)earned;
        w->refilled.ms += earned * REFILL_MS;
    }
    if (w->tokens > 0) {
        w->tokens--;
        return 0;
    }
    if (w->refilled.ms <= now.ms)
        w->refilled.ms += REFILL_MS; /* spent in advance */
    return w->refilled.ms - now.ms;
}

static int64_t rest(const struct sc_consul_watch *w)
{
    return w->busy_ms < REST_MAX_MS / REST ? w->busy_ms * REST : REST_MAX_MS;
}

/* ---- one answer ---- */

static int on_entry(void *ctx, const struct sc_kv_entry *e)
{
    struct sc_consul_watch *w = ctx;
    w->fns.entry(w->fns.ctx, e);
    return SC_OK;
}

static int on_chunk(void *ctx, const char *data, size_t n)
{
    struct sc_consul_watch *w = ctx;
    sc_mono from = sc_clock_mono(&w->env->clock);
    w->feeding = true;
    if (!w->stream) {
        w->stream = sc_kv_stream_new(on_entry, w);
        w->fns.begin(w->fns.ctx);
    }
    int r = sc_kv_stream_feed(w->stream, data, n, NULL);
    w->feeding = false;
    w->busy_ms += sc_clock_mono(&w->env->clock).ms - from.ms;
    return r;
}

static int finish(struct sc_consul_watch *w, const struct sc_http_response *res, struct sc_err *err)
{
    bool reset = res->consul_index < w->index;
    if (!w->stream) { /* a 404: the prefix is empty */
        w->fns.begin(w->fns.ctx);
    } else {
        int r = sc_kv_stream_end(w->stream, err);
        if (r < 0)
            return r;
        if (sc_kv_stream_skipped(w->stream) > 0)
            sc_log_warn(w->env->log, "consul.watch.skipped", SC_S("prefix", w->prefix),
                        SC_I("entries", sc_kv_stream_skipped(w->stream)));
    }
    w->n.resets += reset;
    if (reset)
        sc_log_warn(w->env->log, "consul.watch.reset", SC_S("prefix", w->prefix),
                    SC_I("index", res->consul_index), SC_I("was", w->index));
    w->index = res->consul_index;
    w->from_zero = reset;
    w->fns.end(w->fns.ctx, reset || w->failed);
    return SC_OK;
}

static void on_answer(void *ctx, const struct sc_http_response *res, const struct sc_err *call_err)
{
    struct sc_consul_watch *w = ctx;
    struct sc_err err = SC_ERR_INIT;
    int64_t wait_ms;
    w->call = NULL;
    bool absent = call_err && call_err->code == SC_ENOENT;
    sc_mono from = sc_clock_mono(&w->env->clock);
    if (call_err && !absent)
        err = *call_err;
    else if (!absent && !w->stream)
        (void)sc_fail(&err, SC_EPROTO, "consul gives an empty answer");
    else
        (void)finish(w, res, &err);
    sc_kv_stream_free(sc_steal(&w->stream));
    w->failed = err.code != SC_OK;
    sc_consul_watch_count(&w->n, &w->env->clock, !w->failed);
    w->busy_ms += sc_clock_mono(&w->env->clock).ms - from.ms;
    if (w->failed) {
        wait_ms = sc_backoff_next(&w->backoff);
    } else {
        int64_t token = take_token(w);
        wait_ms = token > rest(w) ? token : rest(w);
        sc_backoff_reset(&w->backoff);
    }
    w->busy_ms = 0;
    w->from_zero |= w->failed || w->again;
    w->again = false;
    sc_timer_arm(w->timer, wait_ms);
    w->fns.state(w->fns.ctx, err.code == SC_OK ? NULL : &err);
}

static void ask(void *ctx)
{
    struct sc_consul_watch *w = ctx;
    const struct sc_consul_query q = { .prefix = w->prefix,
                                       .index = w->from_zero ? 0 : w->index,
                                       .wait_ms = WAIT_MS,
                                       .chunk = on_chunk };
    w->call = sc_consul_kv_list(w->env->kv, &q, on_answer, w);
}

/* ---- the watch ---- */

struct sc_consul_watch *sc_consul_watch_new(const struct sc_consul_env *env, const char *under,
                                            const struct sc_consul_watch_fns *fns)
{
    struct sc_consul_watch *w = sc_xcalloc(1, sizeof *w);
    w->env = env;
    w->fns = *fns;
    w->prefix = sc_xasprintf("%s/%s/", env->prefix, under);
    w->timer = sc_timer_new(env->loop, ask, w);
    w->backoff = (struct sc_backoff){ .min_ms = RETRY_MIN_MS, .max_ms = RETRY_MAX_MS };
    w->tokens = BURST;
    w->refilled = sc_clock_mono(&env->clock);
    w->n.name = under;
    w->failed = true; /* what we know is from disk, if we know anything */
    return w;
}

void sc_consul_watch_restart(struct sc_consul_watch *w)
{
    if (w->feeding) {
        w->again = true;
        return;
    }
    sc_consul_kv_cancel(sc_steal(&w->call));
    sc_kv_stream_free(sc_steal(&w->stream));
    w->busy_ms = 0;
    w->from_zero = true;
    sc_timer_arm(w->timer, take_token(w));
}

void sc_consul_watch_doubt(struct sc_consul_watch *w)
{
    w->failed = true;
    sc_consul_watch_restart(w);
}

void sc_consul_watch_count(struct sc_watch_stats *n, const struct sc_clock *clock, bool answered)
{
    n->answering = answered;
    if (answered) {
        n->answers++;
        n->answered = sc_clock_mono(clock);
    } else {
        n->failures++;
    }
}

struct sc_watch_stats sc_consul_watch_stats(const struct sc_consul_watch *w)
{
    return w->n;
}

void sc_consul_watch_free(struct sc_consul_watch *w)
{
    if (!w)
        return;
    sc_assert(!w->feeding);
    sc_consul_kv_cancel(w->call);
    sc_kv_stream_free(w->stream);
    sc_timer_free(w->timer);
    free(w->prefix);
    free(w);
}
