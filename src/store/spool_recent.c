/* Outgoing messages on their way. Between its insert and its end a message passes three stages
 * within milliseconds, and nobody waits for any of them: what they change is gathered here and
 * written once, by the lazy commit, or before anybody reads the outbox. Their rows need no SELECT
 * either. A crash forgets what was gathered, as it does the rest of a lazy transaction; a rollback
 * forgets everything here, and the file is the truth again. */
#include <stdlib.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "spool_internal.h"

enum { RECENT_MAX = 2048 }; /* some 400 KB */

struct recent {
    struct sc_id id;
    struct spool_state row;
    int64_t times[SC_STAGES], due_ms; /* not written yet; 0: nothing to write */
    char via[SPOOL_VIA_SIZE];         /* the same; "" */
    struct spool_queue *leaves;       /* the same; NULL */
    TAILQ_ENTRY(recent) dirty;
    bool is_dirty;
};

void sc_spool_recent_init(struct sc_spool_sqlite *s)
{
    s->recent = sc_map_new();
    TAILQ_INIT(&s->dirty);
}

void sc_spool_recent_fini(struct sc_spool_sqlite *s)
{
    sc_map_free(sc_steal(&s->recent), free);
}

void sc_spool_recent_clear(struct sc_spool_sqlite *s)
{
    sc_spool_recent_fini(s);
    sc_spool_recent_init(s);
}

static void drop(struct sc_spool_sqlite *s, struct recent *e)
{
    if (e->is_dirty)
        TAILQ_REMOVE(&s->dirty, e, dirty);
    (void)sc_map_del_id(s->recent, &e->id);
    free(e);
}

static int write_one(struct sc_spool_sqlite *s, struct recent *e, struct sc_err *err)
{
    TAILQ_REMOVE(&s->dirty, e, dirty);
    e->is_dirty = false;
    struct spool_move m = {
        .n = e->row.n, .stage = e->row.stage, .due_ms = e->due_ms, .leaves = sc_steal(&e->leaves)
    };
    memcpy(m.times, e->times, sizeof m.times);
    memcpy(m.via, e->via, sizeof m.via);
    memset(e->times, 0, sizeof e->times);
    e->via[0] = 0;
    e->due_ms = 0;
    return sc_spool_write_move(s, m.due_ms ? ST_OUT_ADVANCE_DUE : ST_OUT_ADVANCE, &m, err);
}

int sc_spool_recent_write(struct sc_spool_sqlite *s, struct sc_err *err)
{
    int r = TAILQ_EMPTY(&s->dirty) ? SC_OK : sc_spool_begin(s, err);
    while (r == SC_OK && !TAILQ_EMPTY(&s->dirty))
        r = write_one(s, TAILQ_FIRST(&s->dirty), err);
    return r;
}

/* The oldest goes when there are too many: it waits for its receiver, and will for a while. */
static int make_place(struct sc_spool_sqlite *s, struct sc_err *err)
{
    if (sc_map_count(s->recent) < RECENT_MAX)
        return SC_OK;
    struct recent *oldest = sc_map_first(s->recent);
    int r = SC_OK;
    if (oldest->is_dirty) {
        r = sc_spool_begin(s, err);
        if (r == SC_OK)
            r = write_one(s, oldest, err);
    }
    if (r == SC_OK) /* else a rollback dropped them all */
        drop(s, oldest);
    return r;
}

int sc_spool_recent_add(struct sc_spool_sqlite *s, const struct sc_id *id,
                        const struct spool_state *row, struct sc_err *err)
{
    int r = make_place(s, err);
    if (r < 0)
        return r;
    struct recent *e = sc_xcalloc(1, sizeof *e);
    e->id = *id;
    e->row = *row;
    (void)sc_map_set_id(s->recent, id, e); /* there was none */
    return SC_OK;
}

int sc_spool_recent_state(struct sc_spool_sqlite *s, const struct sc_id *id,
                          struct spool_state *ret, struct sc_err *err)
{
    const struct recent *e = sc_map_get_id(s->recent, id);
    if (!e)
        return sc_spool_state(s, ST_OUT_STATE, id, ret, err);
    *ret = e->row;
    return SC_OK;
}

static void soil(struct sc_spool_sqlite *s, struct recent *e)
{
    if (!e->is_dirty)
        TAILQ_INSERT_TAIL(&s->dirty, e, dirty);
    e->is_dirty = true;
}

bool sc_spool_recent_defer(struct sc_spool_sqlite *s, const struct sc_id *id, sc_wall next)
{
    struct recent *e = sc_map_get_id(s->recent, id);
    if (!e)
        return false;
    e->due_ms = next.ms;
    soil(s, e);
    return true;
}

int sc_spool_recent_note(struct sc_spool_sqlite *s, const struct sc_id *id,
                         const struct spool_state *row, const struct spool_move *m,
                         struct sc_err *err)
{
    if (!sc_map_get_id(s->recent, id)) {
        int r = sc_spool_recent_add(s, id, row, err);
        if (r < 0)
            return r;
    }
    struct recent *e = sc_map_get_id(s->recent, id);
    e->row.stage = m->stage;
    for (int i = 0; i < SC_STAGES; i++)
        if (m->times[i])
            e->times[i] = m->times[i];
    if (*m->via)
        memcpy(e->via, m->via, sizeof e->via);
    if (m->leaves)
        e->leaves = m->leaves;
    soil(s, e);
    return SC_OK;
}

void sc_spool_recent_forget(struct sc_spool_sqlite *s, const struct sc_id *id, struct spool_move *m)
{
    struct recent *e = sc_map_get_id(s->recent, id);
    if (!e)
        return;
    for (int i = 0; m && i < SC_STAGES; i++)
        if (!m->times[i])
            m->times[i] = e->times[i];
    if (m && !*m->via)
        memcpy(m->via, e->via, sizeof m->via);
    if (m && !m->leaves)
        m->leaves = e->leaves;
    drop(s, e);
}
