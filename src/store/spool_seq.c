/* The last sequence number per sender and receiver. An agent that talks to another does so again
 * and again: the numbers are kept in memory, and written once a transaction, with the messages that
 * bear them. After a rollback the file's are the truth again. */
#include <stdlib.h>

#include "sideclaw/mem.h"
#include "spool_internal.h"

enum { PAIRS_MAX = 2048 };

struct pair {
    char *from, *to;
    int64_t seq;
    bool is_dirty;
    TAILQ_ENTRY(pair) dirty;
};

static void free_pair(void *value)
{
    struct pair *p = value;
    free(p->from);
    free(p->to);
    free(p);
}

void sc_spool_seq_init(struct sc_spool_sqlite *s)
{
    s->pairs = sc_map_new();
    TAILQ_INIT(&s->dirty_pairs);
}

void sc_spool_seq_fini(struct sc_spool_sqlite *s)
{
    sc_map_free(sc_steal(&s->pairs), free_pair);
}

void sc_spool_seq_clear(struct sc_spool_sqlite *s)
{
    sc_spool_seq_fini(s);
    sc_spool_seq_init(s);
}

static int read_seq(struct sc_spool_sqlite *s, const struct sc_message *m, int64_t *ret,
                    struct sc_err *err)
{
    size_t n = 0;
    *ret = 0; /* no row: the first of its pair */
    sc_spool_bind_key(s->stmt[ST_SEQ_GET], 1, m->from_agent);
    sc_spool_bind_key(s->stmt[ST_SEQ_GET], 2, m->to_agent);
    return sc_spool_rows(s, ST_SEQ_GET, ret, 1, &n, err);
}

static struct pair *add_pair(struct sc_spool_sqlite *s, const char *key, const struct sc_message *m,
                             int64_t seq)
{
    struct pair *p = sc_xcalloc(1, sizeof *p);
    p->from = sc_xstrdup(m->from_agent);
    p->to = sc_xstrdup(m->to_agent);
    p->seq = seq;
    (void)sc_map_set(s->pairs, key, p);
    return p;
}

int sc_spool_seq_next(struct sc_spool_sqlite *s, const struct sc_message *m, uint64_t *ret,
                      struct sc_err *err)
{
    sc_auto_free char *key = sc_xasprintf("%s\x1f%s", m->from_agent, m->to_agent);
    struct pair *p = sc_map_get(s->pairs, key);
    if (!p) {
        int64_t seq;
        int r = read_seq(s, m, &seq, err);
        if (r < 0)
            return r;
        p = add_pair(s, key, m, seq);
    }
    if (!p->is_dirty)
        TAILQ_INSERT_TAIL(&s->dirty_pairs, p, dirty);
    p->is_dirty = true;
    *ret = (uint64_t)++p->seq;
    return SC_OK;
}

int sc_spool_seq_write(struct sc_spool_sqlite *s, struct sc_err *err)
{
    int r = SC_OK;
    for (struct pair *p; r == SC_OK && (p = TAILQ_FIRST(&s->dirty_pairs));) {
        TAILQ_REMOVE(&s->dirty_pairs, p, dirty);
        p->is_dirty = false;
        sc_spool_bind_text(s->stmt[ST_SEQ_PUT], 1, p->from);
        sc_spool_bind_text(s->stmt[ST_SEQ_PUT], 2, p->to);
        (void)sqlite3_bind_int64(s->stmt[ST_SEQ_PUT], 3, p->seq);
        r = sc_spool_write(s, ST_SEQ_PUT, err);
    }
    if (r == SC_OK && sc_map_count(s->pairs) > PAIRS_MAX)
        sc_spool_seq_clear(s);
    return r;
}
