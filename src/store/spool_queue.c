/* One agent's share of the spool: how many messages it has under way, and how many wait for it. An
 * agent that answers slowly, or sends without end, must not fill the disk for all the others. The
 * numbers live in memory, because asking SQLite costs a step of the index a waiting message. */
#include <stdlib.h>

#include "sideclaw/mem.h"
#include "spool_internal.h"

static struct spool_queue *make(struct sc_spool_sqlite *s, bool incoming, const char *agent)
{
    struct spool_queue *q = sc_xcalloc(1, sizeof *q);
    q->agent = sc_xstrdup(agent);
    (void)sc_map_set(s->queues[incoming], agent, q); /* there was none */
    return q;
}

static void free_queue(void *value)
{
    struct spool_queue *q = value;
    free(q->agent);
    free(q);
}

static void touch(struct sc_spool_sqlite *s, struct spool_queue *q)
{
    if (q->touched)
        return;
    q->touched = true;
    if (s->n_touched == s->cap_touched) {
        s->cap_touched = s->cap_touched ? s->cap_touched * 2 : 16;
        s->touched = sc_xrealloc(s->touched, s->cap_touched * sizeof(struct spool_queue *));
    }
    s->touched[s->n_touched++] = q;
}

/* A new one is touched: when nothing comes to count in it, the end of the turn drops it. */
struct spool_queue *sc_spool_queue(struct sc_spool_sqlite *s, bool incoming, const char *agent)
{
    struct spool_queue *q = sc_map_get(s->queues[incoming], agent);
    if (q)
        return q;
    q = make(s, incoming, agent);
    touch(s, q);
    return q;
}

/* NULL: somebody edited the file; the bounds are then a little off, and nothing else is. */
void sc_spool_queue_add(struct sc_spool_sqlite *s, struct spool_queue *q, int delta)
{
    if (!q)
        return;
    touch(s, q);
    q->waiting += delta;
}

/* Said once when it becomes full, and once when a tenth of it is free again. */
static void say(struct sc_spool_sqlite *s, struct spool_queue *q, bool incoming)
{
    int64_t max = s->max_queue[incoming];
    const char *direction = incoming ? "in" : "out";
    if (!q->full) {
        sc_log_warn(s->log, "queue.full", SC_S("agent", q->agent), SC_S("direction", direction),
                    SC_I("messages", q->waiting), SC_I("limit", max),
                    SC_S("instead", incoming ? "their senders keep the others and try again"
                                             : "further ones are refused"));
        q->full = true;
    } else if (max <= 0 || q->waiting <= max - max / 10) {
        sc_log_info(s->log, "queue.room", SC_S("agent", q->agent), SC_S("direction", direction),
                    SC_I("messages", q->waiting));
        q->full = false;
    }
}

static bool has_room(const struct sc_spool_sqlite *s, const struct spool_queue *q, bool incoming)
{
    int64_t max = s->max_queue[incoming];
    return max <= 0 || !q || q->waiting < max;
}

int sc_spool_queue_room(struct sc_spool_sqlite *s, bool incoming, const char *agent,
                        struct sc_err *err)
{
    struct spool_queue *q = sc_map_get(s->queues[incoming], agent);
    int64_t max = s->max_queue[incoming];
    if (has_room(s, q, incoming))
        return SC_OK;
    int r = incoming ? SC_OK : sc_spool_recent_write(s, err); /* some may have arrived */
    if (r < 0 || has_room(s, q, incoming))
        return r;
    if (!q->full)
        say(s, q, incoming);
    s->agent_full++;
    if (incoming)
        (void)sc_fail(err, SC_EBUSY, "%lld messages wait for agent %s, as many as one may have",
                      (long long)q->waiting, agent);
    else
        (void)sc_fail(err, SC_EBUSY,
                      "%lld messages of %s are on their way, as many as one may have",
                      (long long)q->waiting, agent);
    (void)sc_err_remedy(err, "try again when some have arrived, or raise %s (%lld)",
                        incoming ? "messages.agent_queue_max" : "messages.agent_outbox_max",
                        (long long)max);
    return SC_EBUSY;
}

static void drop(struct sc_spool_sqlite *s, struct spool_queue *q)
{
    bool incoming = sc_map_get(s->queues[true], q->agent) == q;
    (void)sc_map_del(s->queues[incoming], q->agent);
    free_queue(q);
}

void sc_spool_queues_end(struct sc_spool_sqlite *s, bool committed)
{
    for (size_t i = 0; i < s->n_touched; i++) {
        struct spool_queue *q = s->touched[i];
        if (committed)
            q->committed = q->waiting;
        else
            q->waiting = q->committed;
        q->touched = false;
        if (q->full)
            say(s, q, sc_map_get(s->queues[true], q->agent) == q);
        if (q->waiting == 0)
            drop(s, q);
    }
    s->n_touched = 0;
}

static int load(struct sc_spool_sqlite *s, bool incoming, struct sc_err *err)
{
    sqlite3_stmt *st = s->stmt[incoming ? ST_IN_QUEUES : ST_OUT_QUEUES];
    int rc;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        const char *agent = (const char *)sqlite3_column_text(st, 0);
        struct spool_queue *q = sc_map_get(s->queues[incoming], agent);
        if (!q)
            q = make(s, incoming, agent);
        q->committed = q->waiting += sqlite3_column_int64(st, 1);
    }
    if (rc != SQLITE_DONE)
        return sc_spool_read_failed(s, st, err);
    (void)sqlite3_reset(st);
    return SC_OK;
}

int sc_spool_queues_load(struct sc_spool_sqlite *s, struct sc_err *err)
{
    s->queues[false] = sc_map_new();
    s->queues[true] = sc_map_new();
    int r = load(s, false, err);
    return r == SC_OK ? load(s, true, err) : r;
}

void sc_spool_queues_free(struct sc_spool_sqlite *s)
{
    sc_map_free(s->queues[false], free_queue);
    sc_map_free(s->queues[true], free_queue);
    free(s->touched);
}
