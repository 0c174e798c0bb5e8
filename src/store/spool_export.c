/* Every message as a line of JSON, page by page: no page keeps a read open for long, which would
 * keep the daemon's log from being emptied. */
#include <stdlib.h>

#include "sideclaw/mem.h"
#include "spool_tool.h"

#define PAGE "200"

#define TIME(column) "strftime('%Y-%m-%dT%H:%M:%fZ', m." column "_ms / 1000.0, 'unixepoch')"
#define ID(column)                                                                                 \
    "lower(substr(hex(m." column "),1,8)||'-'||substr(hex(m." column "),9,4)||'-'||"               \
    "substr(hex(m." column "),13,4)||'-'||substr(hex(m." column "),17,4)||'-'||"                   \
    "substr(hex(m." column "),21))"
/* An envelope that is damaged is text: what is left of it is all the more wanted. */
#define ENVELOPE "CASE WHEN json_valid(e.json) THEN json(e.json) ELSE e.json END"
#define LATER                                                                                      \
    "'stored', " TIME("stored") ", 'delivered', " TIME("delivered") ", 'started', " TIME(          \
        "started") ", 'replied', " TIME("replied") ", 'dead', " TIME("dead")
#define STATE                                                                                      \
    "'id', " ID("id") ", 'stage', (SELECT name FROM stages WHERE stage = m.stage),"                \
                      " 'reason', m.reason, 'ambiguous', json(iif(m.ambiguous, 'true', 'false'))," \
                      " 'last_error', m.last_error"

/* ?1: after this row; ?2: settled ones, too. The columns are the row and its line. */
static const char outgoing[] =
    "SELECT m.n, json_object('direction', 'out', " STATE ", 'attempts', m.attempts,"
    " 'via', m.via, 'retried_as', iif(m.retried_as IS NULL, NULL, " ID(
        "retried_as") "),"
                      " 'times', json_object('accepted', " TIME("accepted") ", 'sent', " TIME(
                          "sent") ", " LATER "),"
                                  " 'envelope', " ENVELOPE
                                  ") FROM outbox m LEFT JOIN outbox_envelope e ON e.n = m.n"
                                  " WHERE m.n > ?1 AND (?2 OR m.due_ms IS NOT NULL OR m.listed_ms "
                                  "IS NOT NULL)"
                                  " ORDER BY m.n LIMIT " PAGE;
static const char incoming[] =
    "SELECT m.n, json_object('direction', 'in', " STATE ","
    " 'acked', json(iif(m.acked, 'true', 'false')), 'times', json_object(" LATER "),"
    " 'envelope', " ENVELOPE ") FROM inbox m LEFT JOIN inbox_envelope e ON e.n = m.n"
    " WHERE m.n > ?1 AND (?2 OR m.settled_ms IS NULL OR m.listed_ms IS NOT NULL)"
    " ORDER BY m.n LIMIT " PAGE;

/* SC_ENOENT after the last page, SC_ECANCELED when the reader has enough. */
static int export_page(struct sc_spool_sqlite *s, sqlite3_stmt *st, int64_t *after,
                       const struct sc_spool_export *what, struct sc_err *err)
{
    int rc, rows = 0;
    bool more = true;
    (void)sqlite3_bind_int64(st, 1, *after);
    (void)sqlite3_bind_int(st, 2, what->all);
    while (more && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        *after = sqlite3_column_int64(st, 0);
        const char *json = (const char *)sqlite3_column_text(st, 1);
        more = json && what->line(what->ctx, json, (size_t)sqlite3_column_bytes(st, 1));
        rows++;
    }
    if (more && rc != SQLITE_DONE)
        return sc_spool_read_failed(s, st, err);
    (void)sqlite3_reset(st);
    return !more ? SC_ECANCELED : rows ? SC_OK : SC_ENOENT;
}

static int export_box(struct sc_spool_sqlite *s, const char *sql,
                      const struct sc_spool_export *what, struct sc_err *err)
{
    sqlite3_stmt *st = NULL;
    int64_t after = 0;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
    if (rc != SQLITE_OK)
        return sc_spool_fail(s, rc, err);
    int r;
    do
        r = export_page(s, st, &after, what, err);
    while (r == SC_OK);
    (void)sqlite3_finalize(st); /* repeats the error of its last step */
    return r == SC_ENOENT ? SC_OK : r;
}

int sc_spool_export(const char *path, const struct sc_spool_export *what, struct sc_err *err)
{
    struct sc_spool_sqlite s;
    int version;
    int r = sc_spool_tool_open(&s, path, &version, err);
    if (r < 0)
        return r;
    if (version < sc_spool_schema_version()) {
        r = sc_fail(err, SC_ECONFIG, "the spool %s was written by an older sideclaw (schema %d)",
                    path, version);
        (void)sc_err_remedy(err,
                            "start this version's daemon on it once, which brings it up to date");
    }
    if (r == SC_OK && what->out)
        r = export_box(&s, outgoing, what, err);
    if (r == SC_OK && what->in)
        r = export_box(&s, incoming, what, err);
    sc_spool_tool_close(&s);
    return r == SC_ECANCELED ? SC_OK : r;
}
