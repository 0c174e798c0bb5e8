/* SQLite's calls with our errors, and the rule of the turn: after one failed write there is nothing
 * of the turn's writes. */
#include <errno.h>
#include <string.h>

#include "spool_internal.h"

static int disk_full(struct sc_spool_sqlite *s, struct sc_err *err)
{
    (void)sc_fail(err, SC_EFULL, "no room left on the disk of the spool %s", s->path);
    (void)sc_err_remedy(err, "free disk space there; nothing else is needed");
    return SC_EFULL;
}

static int corrupt(struct sc_spool_sqlite *s, struct sc_err *err)
{
    const char *text = s->db ? sqlite3_errmsg(s->db) : "";
    (void)sc_fail(err, SC_EIO, "the spool %s is damaged or no spool at all (%s)", s->path,
                  sqlite3_errcode(s->db) == SQLITE_OK ? "its check failed" : text);
    (void)sc_err_remedy(err,
                        "save what is left (sqlite3 %.80s .recover > spool.sql), then move the "
                        "file away",
                        s->path);
    return SC_EIO;
}

int sc_spool_fail(struct sc_spool_sqlite *s, int rc, struct sc_err *err)
{
    int os = s->db ? sqlite3_system_errno(s->db) : 0;
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return disk_full(s, err);
    case SQLITE_IOERR:
        if (os == ENOSPC || os == EDQUOT)
            return disk_full(s, err);
        return sc_fail_errno(err, os, "the spool %s: %s", s->path, sqlite3_errmsg(s->db));
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return corrupt(s, err);
    case SQLITE_READONLY:
        (void)sc_fail(err, SC_EIO, "the spool %s is read-only", s->path);
        (void)sc_err_remedy(err, "make it and its folder writable for this user");
        return SC_EIO;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        (void)sc_fail(err, SC_EBUSY, "the spool %s is locked by another program", s->path);
        (void)sc_err_remedy(err, "close it there (fuser %.80s shows who)", s->path);
        return SC_EBUSY;
    default:
        return sc_fail(err, SC_EIO, "the spool %s: %s", s->path, sqlite3_errmsg(s->db));
    }
}

int sc_spool_read_failed(struct sc_spool_sqlite *s, sqlite3_stmt *st, struct sc_err *err)
{
    int r = sc_spool_fail(s, sqlite3_extended_errcode(s->db), err);
    (void)sqlite3_reset(st); /* repeats the error that was just told */
    return r;
}

/* SQLite has rolled back by itself after some errors and not after others (lang_transaction.html,
 * "Response To Errors"). */
static void roll_back(struct sc_spool_sqlite *s)
{
    if (!sqlite3_get_autocommit(s->db)) {
        (void)sqlite3_step(s->stmt[ST_ROLLBACK]); /* the first failure is the one to tell */
        (void)sqlite3_reset(s->stmt[ST_ROLLBACK]);
    }
    s->open = false;
    s->now = s->committed;
    sc_spool_recent_clear(s);
    sc_spool_seq_clear(s);
    sc_spool_memory_clear(s);
    sc_spool_queues_end(s, false);
}

static int doom(struct sc_spool_sqlite *s, int rc, struct sc_err *err)
{
    int r = sc_spool_fail(s, rc, &s->failed);
    roll_back(s);
    if (err)
        *err = s->failed;
    return r;
}

static int run(struct sc_spool_sqlite *s, sqlite3_stmt *st, struct sc_err *err)
{
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW || rc == SQLITE_DONE)
        rc = sqlite3_reset(st); /* a commit's failure may show only here */
    else
        (void)sqlite3_reset(st);
    return rc == SQLITE_OK ? SC_OK : doom(s, rc, err);
}

int sc_spool_begin(struct sc_spool_sqlite *s, struct sc_err *err)
{
    if (s->failed.code != SC_OK) {
        if (err)
            *err = s->failed;
        return s->failed.code;
    }
    if (s->open)
        return SC_OK;
    if (!sc_timer_armed(s->wake))
        sc_timer_arm(s->wake, 0);
    int r = run(s, s->stmt[ST_BEGIN], err);
    s->open = r == SC_OK;
    return r;
}

int sc_spool_write(struct sc_spool_sqlite *s, enum spool_stmt which, struct sc_err *err)
{
    return run(s, s->stmt[which], err);
}

int sc_spool_write_failed(struct sc_spool_sqlite *s, sqlite3_stmt *st, struct sc_err *err)
{
    int rc = sqlite3_extended_errcode(s->db);
    (void)sqlite3_reset(st); /* repeats the error that is told here */
    return doom(s, rc, err);
}

int sc_spool_end(struct sc_spool_sqlite *s, struct sc_err *err)
{
    int r = sc_spool_seq_write(s, err);
    if (r == SC_OK)
        r = run(s, s->stmt[ST_COMMIT], err);
    if (r < 0)
        return r;
    s->open = false;
    s->committed = s->now;
    sc_spool_queues_end(s, true);
    return SC_OK;
}

void sc_spool_bind_text(sqlite3_stmt *st, int i, const char *text)
{
    /* STATIC: every caller's text outlives its step. */
    (void)sqlite3_bind_text(st, i, text, -1, SQLITE_STATIC);
}

void sc_spool_bind_key(sqlite3_stmt *st, int i, const char *text)
{
    sc_spool_bind_text(st, i, text ? text : "");
}

void sc_spool_bind_id(sqlite3_stmt *st, int i, const struct sc_id *id)
{
    (void)sqlite3_bind_blob(st, i, id->b, sizeof id->b, SQLITE_STATIC);
}
