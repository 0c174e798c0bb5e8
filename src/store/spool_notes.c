/* What became of the work that agents here were asked for, until Consul has it, and for a while. */
#include "sideclaw/spool_notes.h"

#include <stdlib.h>

#include "sideclaw/mem.h"
#include "spool_internal.h"

enum note_stmt { PUT, GET, GET_ANY, OWED, SAID, DROP, EXPIRE, NOTE_STMTS };

#define ROW                                                                                        \
    "SELECT agent, name, sender, message, state, result, reason, queued_ms, started_ms,"           \
    " finished_ms, version FROM task_notes "

#define GONE "UPDATE task_notes SET state = 4, version = version + 1 "

static const char *const sql[NOTE_STMTS] = {
    [PUT] = "INSERT INTO task_notes(agent, name, sender, message, state, result, reason, queued_ms,"
            " started_ms, finished_ms, version, said) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,"
            " ?10, 1, 0) ON CONFLICT(agent, name) DO UPDATE SET sender = ?3, message = ?4,"
            " state = ?5, result = ?6, reason = ?7, queued_ms = ?8, started_ms = ?9,"
            " finished_ms = ?10, version = version + 1",
    [GET] = ROW "WHERE agent = ?1 AND name = ?2 AND state < 4",
    [GET_ANY] = ROW "WHERE name = ?2 AND state < 4 ORDER BY queued_ms DESC LIMIT 1",
    [OWED] = ROW "WHERE said < version ORDER BY queued_ms LIMIT 1",
    [SAID] = "UPDATE task_notes SET said = ?3 WHERE agent = ?1 AND name = ?2",
    [DROP] = "DELETE FROM task_notes WHERE agent = ?1 AND name = ?2 AND version = ?3",
    [EXPIRE] = GONE "WHERE finished_ms > 0 AND finished_ms < ?1 AND said = version",
};

struct sc_spool_notes {
    struct sc_spool_sqlite *s;
    sqlite3_stmt *stmt[NOTE_STMTS];
};

static int run(struct sc_spool_notes *t, enum note_stmt which, struct sc_err *err)
{
    sqlite3_stmt *st = t->stmt[which];
    if (sqlite3_step(st) != SQLITE_DONE)
        return sc_spool_write_failed(t->s, st, err);
    (void)sqlite3_reset(st); /* repeats the success */
    return SC_OK;
}

static sqlite3_stmt *bind(struct sc_spool_notes *t, enum note_stmt which, const char *agent,
                          const char *name)
{
    sqlite3_stmt *st = t->stmt[which];
    (void)sqlite3_clear_bindings(st);
    if (agent)
        sc_spool_bind_text(st, 1, agent);
    if (name)
        sc_spool_bind_text(st, 2, name);
    return st;
}

static int put(void *impl, const struct sc_task_note *n, struct sc_err *err)
{
    struct sc_spool_notes *t = impl;
    int r = sc_spool_begin(t->s, err);
    if (r < 0)
        return r;
    sqlite3_stmt *st = bind(t, PUT, n->agent, n->name);
    sc_spool_bind_text(st, 3, n->from);
    sc_spool_bind_text(st, 4, n->message);
    (void)sqlite3_bind_int(st, 5, (int)n->state);
    sc_spool_bind_text(st, 6, n->result);
    sc_spool_bind_text(st, 7, n->reason);
    (void)sqlite3_bind_int64(st, 8, n->queued.ms);
    (void)sqlite3_bind_int64(st, 9, n->started.ms);
    (void)sqlite3_bind_int64(st, 10, n->finished.ms);
    return run(t, PUT, err);
}

static char *text(sqlite3_stmt *st, int i)
{
    return sc_xstrdup((const char *)sqlite3_column_text(st, i));
}

/* The row of a bound statement. */
static int read_note(struct sc_spool_notes *t, sqlite3_stmt *st, struct sc_task_note *ret,
                     struct sc_err *err)
{
    int rc = sqlite3_step(st);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return sc_spool_read_failed(t->s, st, err);
    if (rc == SQLITE_ROW)
        *ret = (struct sc_task_note){ .agent = text(st, 0),
                                      .name = text(st, 1),
                                      .from = text(st, 2),
                                      .message = text(st, 3),
                                      .state = (enum sc_note_state)sqlite3_column_int(st, 4),
                                      .result = text(st, 5),
                                      .reason = text(st, 6),
                                      .queued = { sqlite3_column_int64(st, 7) },
                                      .started = { sqlite3_column_int64(st, 8) },
                                      .finished = { sqlite3_column_int64(st, 9) },
                                      .version = sqlite3_column_int64(st, 10) };
    (void)sqlite3_reset(st); /* repeats the success */
    return rc == SQLITE_ROW ? SC_OK : SC_ENOENT;
}

static int get(void *impl, const char *agent, const char *name, struct sc_task_note *ret,
               struct sc_err *err)
{
    struct sc_spool_notes *t = impl;
    int r = read_note(t, bind(t, agent ? GET : GET_ANY, agent, name), ret, err);
    return r == SC_ENOENT ? sc_fail(err, SC_ENOENT, "nobody here was asked for task %s", name) : r;
}

static int next_owed(void *impl, struct sc_task_note *ret, struct sc_err *err)
{
    struct sc_spool_notes *t = impl;
    return read_note(t, bind(t, OWED, NULL, NULL), ret, err);
}

static int said(void *impl, const struct sc_task_note *n, struct sc_err *err)
{
    struct sc_spool_notes *t = impl;
    int r = sc_spool_begin(t->s, err);
    if (r < 0)
        return r;
    enum note_stmt which = n->state == SC_NOTE_GONE ? DROP : SAID;
    (void)sqlite3_bind_int64(bind(t, which, n->agent, n->name), 3, n->version);
    return run(t, which, err);
}

static int expire(void *impl, sc_wall before, struct sc_err *err)
{
    struct sc_spool_notes *t = impl;
    int r = sc_spool_begin(t->s, err);
    if (r < 0)
        return r;
    (void)sqlite3_bind_int64(bind(t, EXPIRE, NULL, NULL), 1, before.ms);
    return run(t, EXPIRE, err);
}

struct sc_spool_notes *sc_spool_notes_new(struct sc_spool_sqlite *spool, struct sc_err *err)
{
    struct sc_spool_notes *t = sc_xcalloc(1, sizeof *t);
    t->s = spool;
    for (size_t i = 0; i < NOTE_STMTS; i++) {
        int rc =
            sqlite3_prepare_v3(spool->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &t->stmt[i], NULL);
        if (rc == SQLITE_OK)
            continue;
        (void)sc_spool_fail(spool, rc, err);
        sc_spool_notes_free(t);
        return NULL;
    }
    return t;
}

struct sc_note_store sc_spool_notes_port(struct sc_spool_notes *t)
{
    static const struct sc_note_store_ops ops = {
        .put = put, .get = get, .next_owed = next_owed, .said = said, .expire = expire
    };
    return (struct sc_note_store){ .ops = &ops, .impl = t };
}

void sc_spool_notes_free(struct sc_spool_notes *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < NOTE_STMTS; i++)
        (void)sqlite3_finalize(t->stmt[i]); /* repeats the error of its last step */
    free(t);
}
