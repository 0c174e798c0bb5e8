/* Is everything in the spool as it should be? SQLite's own check of the pages, then ours of what
 * the rows mean. Reads only, and beside a running daemon: it sees one state of the file. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sideclaw/mem.h"
#include "sideclaw/message_json.h"
#include "spool_tool.h"

struct check {
    struct sc_spool_sqlite s;
    struct sc_spool_report *report;
    void (*problem)(void *ctx, const char *text);
    void *ctx;
    struct spool_pace pace;
};

static void complain(struct check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void complain(struct check *c, const char *fmt, ...)
{
    char text[SC_ERR_TEXT_MAX];
    va_list ap;
    if (c->report->problems++ >= SC_SPOOL_PROBLEMS_MAX)
        return;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    c->problem(c->ctx, text);
}

static int64_t number(struct check *c, const char *sql)
{
    sqlite3_stmt *st = NULL;
    int64_t n = 0;
    if (sqlite3_prepare_v2(c->s.db, sql, -1, &st, NULL) == SQLITE_OK &&
        sqlite3_step(st) == SQLITE_ROW)
        n = sqlite3_column_int64(st, 0);
    else
        complain(c, "%.120s: %s", sql, sqlite3_errmsg(c->s.db));
    (void)sqlite3_finalize(st); /* repeats the error that was just told */
    return n;
}

/* ---- SQLite's own check ---- */

static int on_answer(void *ctx, int n, char **values, char **names)
{
    struct check *c = ctx;
    (void)n;
    (void)names;
    if (!sc_streq(values[0], "ok"))
        complain(c, "the file is damaged: %.200s", values[0] ? values[0] : "");
    return 0;
}

static int on_progress(void *ctx)
{
    struct check *c = ctx;
    sc_spool_pace_step(&c->pace, "checking the pages", 0, 0);
    return 0; /* go on */
}

static void check_pages(struct check *c, bool full)
{
    enum { OPCODES_A_STEP = 100 * 1000 };
    sqlite3_progress_handler(c->s.db, OPCODES_A_STEP, on_progress, c);
    int rc = sqlite3_exec(c->s.db, full ? "PRAGMA integrity_check" : "PRAGMA quick_check",
                          on_answer, c, NULL);
    sqlite3_progress_handler(c->s.db, 0, NULL, NULL);
    if (rc != SQLITE_OK)
        complain(c, "the file is damaged: %s", sqlite3_errmsg(c->s.db));
}

/* ---- ours ---- */

/* Rows that break a rule: each query gives box, row and what is wrong. */
static const char *const rules[] = {
    "SELECT 'outbox', n, 'its envelope is missing' FROM outbox m WHERE NOT EXISTS"
    " (SELECT 1 FROM outbox_envelope e WHERE e.n = m.n)",
    "SELECT 'inbox', n, 'its envelope is missing' FROM inbox m WHERE NOT EXISTS"
    " (SELECT 1 FROM inbox_envelope e WHERE e.n = m.n)",
    "SELECT 'outbox_envelope', n, 'it belongs to no message' FROM outbox_envelope e WHERE NOT "
    "EXISTS"
    " (SELECT 1 FROM outbox m WHERE e.n = m.n)",
    "SELECT 'inbox_envelope', n, 'it belongs to no message' FROM inbox_envelope e WHERE NOT EXISTS"
    " (SELECT 1 FROM inbox m WHERE e.n = m.n)",
    "SELECT 'outbox', n, 'it is neither due nor settled, or both' FROM outbox"
    " WHERE (due_ms IS NULL) = (settled_ms IS NULL)",
    "SELECT 'outbox', n, 'it ended, but is not settled' FROM outbox"
    " WHERE stage >= 5 AND settled_ms IS NULL",
    "SELECT 'inbox', n, 'it ended, but is not settled' FROM inbox"
    " WHERE stage >= 5 AND settled_ms IS NULL",
    "SELECT 'outbox', n, 'there is no such stage' FROM outbox WHERE stage NOT BETWEEN 0 AND 6",
    "SELECT 'inbox', n, 'there is no such stage' FROM inbox WHERE stage NOT BETWEEN 2 AND 6",
    "SELECT 'outbox', n, 'its id has not 16 bytes' FROM outbox WHERE length(id) <> 16",
    "SELECT 'inbox', n, 'its id has not 16 bytes' FROM inbox WHERE length(id) <> 16",
};

static void check_rule(struct check *c, const char *sql)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(c->s.db, sql, -1, &st, NULL);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(st);
        if (rc == SQLITE_ROW)
            complain(c, "%s row %lld: %s", (const char *)sqlite3_column_text(st, 0),
                     (long long)sqlite3_column_int64(st, 1),
                     (const char *)sqlite3_column_text(st, 2));
    }
    if (rc != SQLITE_DONE)
        complain(c, "cannot be checked: %s", sqlite3_errmsg(c->s.db));
    (void)sqlite3_finalize(st); /* repeats the error that was just told */
}

/* Every envelope can be read, is the one of its row, and has the size that the bounds count. */
static void check_envelope(struct check *c, const char *box, sqlite3_stmt *st)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_message struct sc_message m;
    long long n = (long long)sqlite3_column_int64(st, 0);
    const char *json = (const char *)sqlite3_column_text(st, 2);
    size_t len = (size_t)sqlite3_column_bytes(st, 2);
    const void *id = sqlite3_column_blob(st, 1);
    sc_message_init(&m);
    if (sc_message_from_json(json ? json : "", len, &m, NULL, &err) < 0)
        complain(c, "%s row %lld: its envelope cannot be read: %s", box, n, err.text);
    else if (sqlite3_column_bytes(st, 1) != (int)sizeof m.id.b ||
             memcmp(id, m.id.b, sizeof m.id.b) != 0)
        complain(c, "%s row %lld: its envelope has another id", box, n);
    else if (sqlite3_column_int64(st, 3) != (sqlite3_int64)len)
        complain(c, "%s row %lld: it counts as %lld bytes, and has %zu", box, n,
                 (long long)sqlite3_column_int64(st, 3), len);
}

static void check_envelopes(struct check *c, const char *box, int64_t total)
{
    sqlite3_stmt *st = NULL;
    sc_auto_free char *sql = sc_xasprintf("SELECT m.n, m.id, e.json, m.bytes FROM %s m JOIN"
                                          " %s_envelope e ON e.n = m.n",
                                          box, box);
    int rc = sqlite3_prepare_v2(c->s.db, sql, -1, &st, NULL);
    for (int64_t done = 0; rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW; done++) {
        check_envelope(c, box, st);
        sc_spool_pace_step(&c->pace, box, done, total);
        rc = SQLITE_OK;
    }
    if (rc != SQLITE_DONE)
        complain(c, "%s cannot be read: %s", box, sqlite3_errmsg(c->s.db));
    (void)sqlite3_finalize(st); /* repeats the error that was just told */
}

/* ---- numbers ---- */

static void count(struct check *c)
{
    struct sc_spool_report *r = c->report;
    struct stat st;
    sc_auto_free char *log = sc_xasprintf("%s-wal", c->s.path);
    int64_t page = number(c, "PRAGMA page_size");
    r->file_bytes = page * number(c, "PRAGMA page_count");
    r->free_bytes = page * number(c, "PRAGMA freelist_count");
    r->log_bytes = stat(log, &st) == 0 ? (int64_t)st.st_size : 0;
    r->outbox = (struct sc_spool_box){
        .messages = number(c, "SELECT count(*) FROM outbox"),
        .open = number(c, "SELECT count(*) FROM outbox WHERE due_ms IS NOT NULL"),
        .dead = number(c, "SELECT count(*) FROM outbox WHERE stage = 6"),
        .bytes = number(c, "SELECT coalesce(sum(bytes), 0) FROM outbox"),
    };
    r->inbox = (struct sc_spool_box){
        .messages = number(c, "SELECT count(*) FROM inbox"),
        .open = number(c, "SELECT count(*) FROM inbox WHERE settled_ms IS NULL"),
        .dead = number(c, "SELECT count(*) FROM inbox WHERE stage = 6"),
        .bytes = number(c, "SELECT coalesce(sum(bytes), 0) FROM inbox"),
    };
    r->seen = number(c, "SELECT count(*) FROM seen");
    r->lanes = number(c, "SELECT count(*) FROM lanes");
}

int sc_spool_check(const char *path, bool full, const struct sc_spool_tool *tool,
                   void (*problem)(void *ctx, const char *text), struct sc_spool_report *ret_report,
                   struct sc_err *err)
{
    *ret_report = (struct sc_spool_report){ .known_schema = sc_spool_schema_version() };
    struct check c = { .report = ret_report,
                       .problem = problem,
                       .ctx = tool ? tool->ctx : NULL,
                       .pace = sc_spool_pace(tool) };
    int r = sc_spool_tool_open(&c.s, path, &ret_report->schema, err);
    if (r < 0)
        return r;
    (void)sqlite3_exec(c.s.db, "BEGIN", NULL, NULL, NULL); /* one state for all that follows */
    check_pages(&c, full);
    if (ret_report->problems == 0) {
        count(&c);
        for (size_t i = 0; i < SC_ARRAY_LEN(rules); i++)
            check_rule(&c, rules[i]);
        check_envelopes(&c, "outbox", ret_report->outbox.messages);
        check_envelopes(&c, "inbox", ret_report->inbox.messages);
    }
    (void)sqlite3_exec(c.s.db, "ROLLBACK", NULL, NULL, NULL); /* nothing was written */
    sc_spool_tool_close(&c.s);
    return SC_OK;
}
