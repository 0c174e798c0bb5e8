/* Tasks whose home we are, and results that wait for their homes, in the same file and the same
 * commit as the messages. They have statements of their own: they come seldom. */
#include "sideclaw/spool_tasks.h"

#include <stdlib.h>
#include <string.h>

#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "sideclaw/task_json.h"
#include "spool_internal.h"

enum task_stmt {
    PUT,
    GET,
    UPDATE,
    SET_QUEUED,
    UNQUEUE_ALL,
    UNQUEUED,
    COUNT_OPEN,
    EXPIRE,
    TRIM,
    PUT_END,
    DROP_END,
    ENDS,
    TASK_STMTS
};

#define ROW                                                                                        \
    "SELECT id, spec, home, state, attempts, lives, fence, holder, holder_gateway, result, "       \
    "reason,"                                                                                      \
    " created_ms, finished_ms, queued, pushed FROM tasks "

static const char *const sql[TASK_STMTS] = {
    [PUT] = "INSERT INTO tasks(id, spec, home, state, created_ms) VALUES(?1, ?2, ?3, 0, ?4)"
            " ON CONFLICT(id) DO NOTHING",
    [GET] = ROW "WHERE id = ?1",
    [UPDATE] = "UPDATE tasks SET state = ?2, attempts = ?3, lives = ?4, fence = ?5, holder = ?6,"
               " holder_gateway = ?7, result = ?8, reason = ?9, finished_ms = ?10 WHERE id = ?1",
    [SET_QUEUED] = "UPDATE tasks SET queued = ?2, pushed = max(pushed, ?2) WHERE id = ?1",
    [UNQUEUE_ALL] = "UPDATE tasks SET queued = 0 WHERE state < 3 AND queued",
    [UNQUEUED] = ROW "WHERE state < 3 AND NOT queued ORDER BY n LIMIT ?1",
    [COUNT_OPEN] = "SELECT count(*) FROM tasks WHERE state < 3",
    [EXPIRE] = "DELETE FROM tasks WHERE state >= 3 AND finished_ms < ?1",
    [TRIM] = "DELETE FROM tasks WHERE n IN (SELECT n FROM tasks WHERE state >= 3"
             " ORDER BY finished_ms DESC LIMIT 1000 OFFSET ?1)",
    [PUT_END] = "INSERT INTO task_ends(id, fence, agent, home, result) VALUES(?1, ?2, ?3, ?4, ?5)"
                " ON CONFLICT(id, fence) DO NOTHING",
    [DROP_END] = "DELETE FROM task_ends WHERE id = ?1 AND fence = ?2",
    [ENDS] = "SELECT id, fence, agent, home, result FROM task_ends ORDER BY rowid",
};

struct sc_spool_tasks {
    struct sc_spool_sqlite *s;
    sqlite3_stmt *stmt[TASK_STMTS];
};

/* Run a bound write to its end; *ret_changes (may be NULL): rows it touched. */
static int run(struct sc_spool_tasks *t, enum task_stmt which, int *ret_changes, struct sc_err *err)
{
    sqlite3_stmt *st = t->stmt[which];
    int rc = sqlite3_step(st);
    if (rc != SQLITE_DONE)
        return sc_spool_write_failed(t->s, st, err);
    if (ret_changes)
        *ret_changes = sqlite3_changes(t->s->db);
    (void)sqlite3_reset(st); /* repeats the success */
    return SC_OK;
}

static sqlite3_stmt *bind(struct sc_spool_tasks *t, enum task_stmt which, const char *id)
{
    sqlite3_stmt *st = t->stmt[which];
    (void)sqlite3_clear_bindings(st);
    if (id)
        sc_spool_bind_text(st, 1, id);
    return st;
}

static int put(void *impl, const struct sc_task *task, struct sc_err *err)
{
    struct sc_spool_tasks *t = impl;
    sc_auto_buf struct sc_buf spec = SC_BUF_INIT;
    int changes = 0, r = sc_spool_begin(t->s, err);
    if (r < 0)
        return r;
    sqlite3_stmt *st = bind(t, PUT, task->id);
    sc_task_to_entry(task, &spec);
    sc_spool_bind_text(st, 2, spec.p);
    sc_spool_bind_text(st, 3, task->home);
    (void)sqlite3_bind_int64(st, 4, task->created.ms);
    r = run(t, PUT, &changes, err);
    if (r == SC_OK && changes == 0)
        return sc_fail(err, SC_EEXIST, "there is a task %s already", task->id);
    return r;
}

static char *text(sqlite3_stmt *st, int i)
{
    return sc_xstrdup((const char *)sqlite3_column_text(st, i));
}

static void read_row(sqlite3_stmt *st, struct sc_task_row *ret)
{
    struct sc_err err = SC_ERR_INIT;
    const char *spec = (const char *)sqlite3_column_text(st, 1);
    struct sc_task *t = &ret->task;
    if (!spec || sc_task_from_entry(spec, strlen(spec), t, &err) < 0)
        sc_task_init(t); /* edited by hand; what became of it is still true */
    sc_set_str(&t->id, (const char *)sqlite3_column_text(st, 0));
    sc_set_str(&t->home, (const char *)sqlite3_column_text(st, 2));
    t->state = (enum sc_task_state)sqlite3_column_int(st, 3);
    t->attempts = (unsigned)sqlite3_column_int(st, 4);
    t->lives = (unsigned)sqlite3_column_int(st, 5);
    t->fence = (uint64_t)sqlite3_column_int64(st, 6);
    t->holder = text(st, 7);
    t->holder_gateway = text(st, 8);
    t->result = text(st, 9);
    t->reason = text(st, 10);
    t->created.ms = sqlite3_column_int64(st, 11);
    t->finished.ms = sqlite3_column_int64(st, 12);
    t->confirmed = !sc_task_is_open(t->state);
    ret->queued = sqlite3_column_int(st, 13);
    ret->pushed = sqlite3_column_int(st, 14);
}

static int get(void *impl, const char *id, struct sc_task_row *ret, struct sc_err *err)
{
    struct sc_spool_tasks *t = impl;
    sqlite3_stmt *st = bind(t, GET, id);
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        read_row(st, ret);
    else if (rc != SQLITE_DONE)
        return sc_spool_read_failed(t->s, st, err);
    (void)sqlite3_reset(st); /* repeats the success */
    return rc == SQLITE_ROW ? SC_OK : SC_ENOENT;
}

static int update(void *impl, const struct sc_task *task, struct sc_err *err)
{
    struct sc_spool_tasks *t = impl;
    int r = sc_spool_begin(t->s, err);
    if (r < 0)
        return r;
    sqlite3_stmt *st = bind(t, UPDATE, task->id);
    (void)sqlite3_bind_int(st, 2, (int)task->state);
    (void)sqlite3_bind_int64(st, 3, task->attempts);
    (void)sqlite3_bind_int64(st, 4, task->lives);
    (void)sqlite3_bind_int64(st, 5, (int64_t)task->fence);
    sc_spool_bind_text(st, 6, task->holder);
    sc_spool_bind_text(st, 7, task->holder_gateway);
    sc_spool_bind_text(st, 8, task->result);
    sc_spool_bind_text(st, 9, task->reason);
    (void)sqlite3_bind_int64(st, 10, task->finished.ms);
    return run(t, UPDATE, NULL, err);
}

static int set_queued(void *impl, const char *id, bool queued, struct sc_err *err)
{
    struct sc_spool_tasks *t = impl;
    int r = sc_spool_begin(t->s, err);
    if (r < 0)
        return r;
    (void)sqlite3_bind_int(bind(t, SET_QUEUED, id), 2, queued);
    return run(t, SET_QUEUED, NULL, err);
}

static int unqueue_all(void *impl, struct sc_err *err)
{
    struct sc_spool_tasks *t = impl;
    int r = sc_spool_begin(t->s, err);
    return r < 0 ? r : run(t, UNQUEUE_ALL, NULL, err);
}

/* Rows first, visits after: fn may write. */
static int each_unqueued(void *impl, int limit, sc_task_row_fn *fn, void *ctx, struct sc_err *err)
{
    struct sc_spool_tasks *t = impl;
    sqlite3_stmt *st = bind(t, UNQUEUED, NULL);
    struct sc_task_row *rows = sc_xcalloc((size_t)limit + 1, sizeof *rows);
    int n = 0, rc;
    (void)sqlite3_bind_int(st, 1, limit);
    while ((rc = sqlite3_step(st)) == SQLITE_ROW && n < limit)
        read_row(st, &rows[n++]);
    int r = rc == SQLITE_DONE || rc == SQLITE_ROW ? SC_OK : sc_spool_read_failed(t->s, st, err);
    (void)sqlite3_reset(st); /* told above */
    bool go_on = r == SC_OK;
    for (int i = 0; i < n; i++) {
        go_on = go_on && fn(ctx, &rows[i]);
        sc_task_fini(&rows[i].task);
    }
    free(rows);
    return r;
}

static int64_t count_open(void *impl)
{
    struct sc_spool_tasks *t = impl;
    sqlite3_stmt *st = bind(t, COUNT_OPEN, NULL);
    int64_t n = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
    (void)sqlite3_reset(st); /* a sick disk shows at the next write */
    return n;
}

static int expire(void *impl, sc_wall before, int keep, struct sc_err *err)
{
    struct sc_spool_tasks *t = impl;
    int r = sc_spool_begin(t->s, err);
    if (r < 0)
        return r;
    (void)sqlite3_bind_int64(bind(t, EXPIRE, NULL), 1, before.ms);
    r = run(t, EXPIRE, NULL, err);
    if (r < 0)
        return r;
    (void)sqlite3_bind_int(bind(t, TRIM, NULL), 1, keep);
    return run(t, TRIM, NULL, err);
}

static int put_end(void *impl, const struct sc_task_end *e, struct sc_err *err)
{
    struct sc_spool_tasks *t = impl;
    int r = sc_spool_begin(t->s, err);
    if (r < 0)
        return r;
    sqlite3_stmt *st = bind(t, PUT_END, e->id);
    (void)sqlite3_bind_int64(st, 2, (int64_t)e->fence);
    sc_spool_bind_text(st, 3, e->agent);
    sc_spool_bind_text(st, 4, e->home);
    sc_spool_bind_text(st, 5, e->result);
    return run(t, PUT_END, NULL, err);
}

static int drop_end(void *impl, const char *id, uint64_t fence, struct sc_err *err)
{
    struct sc_spool_tasks *t = impl;
    int r = sc_spool_begin(t->s, err);
    if (r < 0)
        return r;
    (void)sqlite3_bind_int64(bind(t, DROP_END, id), 2, (int64_t)fence);
    return run(t, DROP_END, NULL, err);
}

/* Only at the start: fn does not write. */
static int each_end(void *impl, sc_task_end_fn *fn, void *ctx, struct sc_err *err)
{
    struct sc_spool_tasks *t = impl;
    sqlite3_stmt *st = bind(t, ENDS, NULL);
    int rc;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct sc_task_end e = { .id = text(st, 0),
                                 .fence = (uint64_t)sqlite3_column_int64(st, 1),
                                 .agent = text(st, 2),
                                 .home = text(st, 3),
                                 .result = text(st, 4) };
        fn(ctx, &e);
        free(e.id);
        free(e.agent);
        free(e.home);
        free(e.result);
    }
    if (rc != SQLITE_DONE)
        return sc_spool_read_failed(t->s, st, err);
    (void)sqlite3_reset(st); /* repeats the success */
    return SC_OK;
}

struct sc_spool_tasks *sc_spool_tasks_new(struct sc_spool_sqlite *spool, struct sc_err *err)
{
    struct sc_spool_tasks *t = sc_xcalloc(1, sizeof *t);
    t->s = spool;
    for (size_t i = 0; i < TASK_STMTS; i++) {
        int rc =
            sqlite3_prepare_v3(spool->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &t->stmt[i], NULL);
        if (rc == SQLITE_OK)
            continue;
        (void)sc_spool_fail(spool, rc, err);
        sc_spool_tasks_free(t);
        return NULL;
    }
    return t;
}

struct sc_task_store sc_spool_tasks_port(struct sc_spool_tasks *t)
{
    static const struct sc_task_store_ops ops = { .put = put,
                                                  .get = get,
                                                  .update = update,
                                                  .set_queued = set_queued,
                                                  .unqueue_all = unqueue_all,
                                                  .each_unqueued = each_unqueued,
                                                  .count_open = count_open,
                                                  .expire = expire,
                                                  .put_end = put_end,
                                                  .drop_end = drop_end,
                                                  .each_end = each_end };
    return (struct sc_task_store){ .ops = &ops, .impl = t };
}

void sc_spool_tasks_free(struct sc_spool_tasks *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < TASK_STMTS; i++)
        (void)sqlite3_finalize(t->stmt[i]); /* repeats the error of its last step */
    free(t);
}
