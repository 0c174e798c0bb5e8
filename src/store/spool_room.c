/* Bounds and retention. What settled is history: it goes by age, or earlier when somebody needs the
 * room, so that a spool is only ever full of messages that wait. */
#include "spool_internal.h"

enum {
    EXPIRE_BATCH = 1000, /* rows of each table a call: some 10 ms */
    SEEN_BATCH = 4000,
    SEEN_MAX = 5 * 1000 * 1000, /* ids; about 300 MB of disk */
    ROOM_BATCH = 1024,          /* rows dropped for one new message at most */
};
#define DEDUPE_MS (INT64_C(7) * 24 * 3600 * 1000) /* DESIGN 4 */

/* The statements of one of the two tables. */
struct table {
    enum spool_stmt old, remember, drop, drop_envelope;
};
static const struct table outbox = { ST_OUT_OLD, SPOOL_STMTS, ST_OUT_DELETE,
                                     ST_OUT_DELETE_ENVELOPE };
static const struct table inbox = { ST_IN_OLD, ST_IN_REMEMBER, ST_IN_DELETE,
                                    ST_IN_DELETE_ENVELOPE };

struct old_row {
    int64_t n, bytes, settled_ms;
    bool listed, ambiguous;
};

/* SC_ENOENT when nothing settled before that time. */
static int oldest(struct sc_spool_sqlite *s, const struct table *t, int64_t before_ms,
                  struct old_row *ret, struct sc_err *err)
{
    sqlite3_stmt *st = s->stmt[t->old];
    (void)sqlite3_bind_int64(st, 1, before_ms);
    int rc = sqlite3_step(st);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return sc_spool_read_failed(s, st, err);
    if (rc == SQLITE_ROW)
        *ret = (struct old_row){ .n = sqlite3_column_int64(st, 0),
                                 .bytes = sqlite3_column_int64(st, 1),
                                 .settled_ms = sqlite3_column_int64(st, 2),
                                 .listed = sqlite3_column_int(st, 3) != 0,
                                 .ambiguous = sqlite3_column_int(st, 4) != 0 };
    (void)sqlite3_reset(st);
    return rc == SQLITE_ROW ? SC_OK : SC_ENOENT;
}

static int write_n(struct sc_spool_sqlite *s, enum spool_stmt which, int64_t n, struct sc_err *err)
{
    (void)sqlite3_bind_int64(s->stmt[which], 1, n);
    return sc_spool_write(s, which, err);
}

static int drop(struct sc_spool_sqlite *s, const struct table *t, const struct old_row *row,
                struct sc_err *err)
{
    int r = SC_OK;
    if (t->remember != SPOOL_STMTS)
        r = write_n(s, t->remember, row->n, err);
    if (r == SC_OK)
        r = write_n(s, t->drop, row->n, err);
    if (r == SC_OK)
        r = write_n(s, t->drop_envelope, row->n, err);
    if (r < 0)
        return r;
    s->now.messages--;
    s->now.bytes -= row->bytes;
    s->now.dead[t == &inbox] -= row->listed;
    s->now.ambiguous[t == &inbox] -= row->listed && row->ambiguous;
    return SC_OK;
}

/* The older of the two tables' oldest settled rows. */
static int drop_oldest(struct sc_spool_sqlite *s, struct sc_err *err)
{
    struct old_row out = { .settled_ms = INT64_MAX }, in = { .settled_ms = INT64_MAX };
    int ro = oldest(s, &outbox, INT64_MAX, &out, err);
    int ri = oldest(s, &inbox, INT64_MAX, &in, err);
    if (ro < 0 && ri < 0)
        return ro == SC_ENOENT ? ri : ro;
    return out.settled_ms <= in.settled_ms ? drop(s, &outbox, &out, err)
                                           : drop(s, &inbox, &in, err);
}

static bool has_room(const struct sc_spool_sqlite *s, size_t bytes)
{
    return (s->max_messages <= 0 || s->now.messages < s->max_messages) &&
           (s->max_bytes <= 0 || s->now.bytes + (int64_t)bytes <= s->max_bytes);
}

static int no_room(struct sc_spool_sqlite *s, struct sc_err *ret)
{
    struct sc_err err = SC_ERR_INIT;
    bool many = s->max_messages > 0 && s->now.messages >= s->max_messages;
    (void)sc_fail(&err, SC_EFULL,
                  "the spool is full: %lld messages of %lld bytes wait in it, %lld %s"
                  " are allowed",
                  (long long)s->now.messages, (long long)s->now.bytes,
                  (long long)(many ? s->max_messages : s->max_bytes), many ? "messages" : "bytes");
    (void)sc_err_remedy(&err, "see what waits (sideclaw outbox, sideclaw dead list), or raise %s",
                        many ? "spool.max_messages" : "spool.max_bytes");
    s->full++;
    sc_spool_health_bad(s->health, &err);
    if (ret)
        *ret = err;
    return SC_EFULL;
}

bool sc_spool_has_room(const struct sc_spool_sqlite *s, size_t bytes)
{
    int64_t open = s->now.outbox_open + s->now.inbox_open;
    return has_room(s, bytes) || open < s->now.messages;
}

int sc_spool_make_room(struct sc_spool_sqlite *s, size_t bytes, struct sc_err *err)
{
    for (int i = 0; i < ROOM_BATCH && !has_room(s, bytes); i++) {
        int r = drop_oldest(s, err);
        if (r == SC_ENOENT)
            break;
        if (r < 0)
            return r;
    }
    return has_room(s, bytes) ? SC_OK : no_room(s, err);
}

static int expire_table(struct sc_spool_sqlite *s, const struct table *t, int64_t before_ms,
                        struct sc_err *err)
{
    struct old_row row = { 0 };
    for (int i = 0; i < EXPIRE_BATCH; i++) {
        int r = oldest(s, t, before_ms, &row, err);
        if (r == SC_OK)
            r = sc_spool_begin(s, err);
        if (r == SC_OK)
            r = drop(s, t, &row, err);
        if (r < 0)
            return r == SC_ENOENT ? SC_OK : r;
    }
    return SC_OK;
}

int sc_spool_expire(void *impl, sc_wall now, int64_t retention_ms, struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    int r = sc_spool_recent_write(s, err);
    if (r == SC_OK)
        r = expire_table(s, &outbox, now.ms - retention_ms, err);
    if (r == SC_OK)
        r = expire_table(s, &inbox, now.ms - retention_ms, err);
    if (r == SC_OK)
        r = sc_spool_begin(s, err);
    if (r < 0)
        return r;
    sqlite3_stmt *st = s->stmt[ST_SEEN_EXPIRE];
    (void)sqlite3_bind_int64(st, 1, now.ms - DEDUPE_MS);
    (void)sqlite3_bind_int64(st, 2, SEEN_MAX);
    (void)sqlite3_bind_int(st, 3, SEEN_BATCH);
    return sc_spool_write(s, ST_SEEN_EXPIRE, err);
}
