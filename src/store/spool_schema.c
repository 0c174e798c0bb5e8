/* The spool's file: its schema by version, and every statement that reads or writes it.
 *
 * State and text of a message are rows of two tables with one number: a message changes its stage
 * five times, and its 1 KiB envelope must not be written again each time. Ids are 16 bytes and
 * time-ordered, so that their index grows at its end (DESIGN 11: 88 k/s against 10 k/s for random
 * text keys). Partial indexes hold open rows only: settled ones are history, and cost nothing. */
#include <stdlib.h>

#include "sideclaw/mem.h"
#include "spool_internal.h"

static const char schema_1[] =
    "CREATE TABLE stages(stage INTEGER PRIMARY KEY, name TEXT NOT NULL);"
    "INSERT INTO stages VALUES(0,'accepted'),(1,'sent'),(2,'stored'),(3,'delivered'),"
    "  (4,'started'),(5,'replied'),(6,'dead');"

    "CREATE TABLE outbox("
    "  n INTEGER PRIMARY KEY, id BLOB NOT NULL, kind INTEGER NOT NULL, stage INTEGER NOT NULL,"
    "  attempts INTEGER NOT NULL, due_ms INTEGER, settled_ms INTEGER, bytes INTEGER NOT NULL,"
    "  from_agent TEXT NOT NULL, to_agent TEXT NOT NULL, to_gateway TEXT NOT NULL, reason TEXT,"
    "  accepted_ms INTEGER, sent_ms INTEGER, stored_ms INTEGER, delivered_ms INTEGER,"
    "  started_ms INTEGER, replied_ms INTEGER, dead_ms INTEGER);"
    "CREATE UNIQUE INDEX outbox_id ON outbox(id);"
    "CREATE INDEX outbox_due ON outbox(due_ms) WHERE due_ms IS NOT NULL;"
    "CREATE INDEX outbox_gateway ON outbox(to_gateway) WHERE due_ms IS NOT NULL;"
    "CREATE INDEX outbox_settled ON outbox(settled_ms) WHERE settled_ms IS NOT NULL;"
    "CREATE TABLE outbox_envelope(n INTEGER PRIMARY KEY, json TEXT NOT NULL);"

    "CREATE TABLE inbox("
    "  n INTEGER PRIMARY KEY, id BLOB NOT NULL, kind INTEGER NOT NULL, stage INTEGER NOT NULL,"
    "  seq INTEGER NOT NULL, settled_ms INTEGER, bytes INTEGER NOT NULL, acked INTEGER NOT NULL,"
    "  acked_ms INTEGER, to_agent TEXT NOT NULL, from_agent TEXT NOT NULL,"
    "  from_gateway TEXT NOT NULL, in_reply_to BLOB, reason TEXT, stored_ms INTEGER,"
    "  delivered_ms INTEGER, started_ms INTEGER, replied_ms INTEGER, dead_ms INTEGER);"
    "CREATE UNIQUE INDEX inbox_id ON inbox(id);"
    "CREATE INDEX inbox_lane ON inbox(to_agent, from_agent, from_gateway, seq)"
    "  WHERE settled_ms IS NULL;"
    "CREATE INDEX inbox_agent ON inbox(to_agent, acked);"
    "CREATE INDEX inbox_reply ON inbox(in_reply_to) WHERE in_reply_to IS NOT NULL;"
    "CREATE INDEX inbox_settled ON inbox(settled_ms) WHERE settled_ms IS NOT NULL;"
    "CREATE TABLE inbox_envelope(n INTEGER PRIMARY KEY, json TEXT NOT NULL);"

    /* Ids whose rows are gone but must still be recognised. */
    "CREATE TABLE seen(n INTEGER PRIMARY KEY, id BLOB NOT NULL, stage INTEGER NOT NULL,"
    "  reason TEXT, at_ms INTEGER NOT NULL);"
    "CREATE UNIQUE INDEX seen_id ON seen(id);"

    /* The last sequence number per sender and receiver. */
    "CREATE TABLE lanes(from_agent TEXT NOT NULL, to_agent TEXT NOT NULL, seq INTEGER NOT NULL,"
    "  PRIMARY KEY(from_agent, to_agent)) WITHOUT ROWID;"

    /* For people with sqlite3: readable ids and times. */
    "CREATE VIEW messages_view AS "
    "SELECT m.direction, substr(h,1,8)||'-'||substr(h,9,4)||'-'||substr(h,13,4)||'-'||"
    "  substr(h,17,4)||'-'||substr(h,21) AS id, s.name AS stage, m.from_agent, m.to_agent,"
    "  m.gateway, m.reason, datetime(m.first_ms/1000,'unixepoch') AS since,"
    "  datetime(m.settled_ms/1000,'unixepoch') AS settled, m.json AS envelope FROM ("
    "  SELECT 'out' AS direction, lower(hex(o.id)) AS h, o.stage, o.from_agent, o.to_agent,"
    "    o.to_gateway AS gateway, o.reason, o.accepted_ms AS first_ms, o.settled_ms, e.json"
    "    FROM outbox o JOIN outbox_envelope e USING(n)"
    "  UNION ALL"
    "  SELECT 'in', lower(hex(i.id)), i.stage, i.from_agent, i.to_agent, i.from_gateway,"
    "    i.reason, i.stored_ms, i.settled_ms, e.json"
    "    FROM inbox i JOIN inbox_envelope e USING(n)"
    ") m JOIN stages s USING(stage);";

/* Dead letters, and what `sideclaw show` tells. A dead row has listed_ms until somebody retries or
 * drops it; the statements of a living one do not name it, so that its index costs them nothing. */
static const char schema_2[] =
    "ALTER TABLE outbox ADD COLUMN listed_ms INTEGER;"
    "ALTER TABLE outbox ADD COLUMN ambiguous INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE outbox ADD COLUMN via TEXT;"
    "ALTER TABLE outbox ADD COLUMN last_error TEXT;"
    "ALTER TABLE outbox ADD COLUMN in_reply_to BLOB;"
    "ALTER TABLE outbox ADD COLUMN retry_of BLOB;"
    "ALTER TABLE outbox ADD COLUMN retried_as BLOB;"
    "ALTER TABLE outbox ADD COLUMN revived_ms INTEGER;"
    "CREATE INDEX outbox_dead ON outbox(listed_ms) WHERE listed_ms IS NOT NULL;"
    "CREATE INDEX outbox_reply ON outbox(in_reply_to) WHERE in_reply_to IS NOT NULL;"
    "ALTER TABLE inbox ADD COLUMN listed_ms INTEGER;"
    "ALTER TABLE inbox ADD COLUMN ambiguous INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE inbox ADD COLUMN last_error TEXT;"
    "ALTER TABLE inbox ADD COLUMN revived_ms INTEGER;"
    "CREATE INDEX inbox_dead ON inbox(listed_ms) WHERE listed_ms IS NOT NULL;"
    "UPDATE outbox SET listed_ms = coalesce(dead_ms, settled_ms),"
    "  ambiguous = coalesce(reason LIKE 'ambiguous:%', 0) WHERE stage = 6;"
    "UPDATE inbox SET listed_ms = coalesce(dead_ms, settled_ms),"
    "  ambiguous = coalesce(reason LIKE 'ambiguous:%', 0) WHERE stage = 6;";

/* What agents remember (memory.h). The value is the last column: what is not asked for is not read,
 * and a page holds many keys. */
static const char schema_3[] =
    "CREATE TABLE memory("
    "  n INTEGER PRIMARY KEY, agent TEXT NOT NULL, key TEXT NOT NULL, hlc INTEGER NOT NULL,"
    "  node TEXT NOT NULL, deleted INTEGER NOT NULL, dirty INTEGER NOT NULL, expires_ms INTEGER,"
    "  bytes INTEGER NOT NULL, value TEXT);"
    "CREATE UNIQUE INDEX memory_key ON memory(agent, key);"
    "CREATE INDEX memory_dirty ON memory(agent, key) WHERE dirty = 1;"
    "CREATE INDEX memory_expires ON memory(expires_ms) WHERE expires_ms > 0 AND deleted = 0;"
    "CREATE INDEX memory_dead ON memory(hlc) WHERE deleted = 1;"
    "CREATE VIEW memory_view AS SELECT agent, key, value,"
    "  datetime((hlc >> 16) / 1000, 'unixepoch') AS written, node AS by,"
    "  datetime(nullif(expires_ms, 0) / 1000, 'unixepoch') AS expires, dirty AS only_here"
    "  FROM memory WHERE deleted = 0;";

/* Tasks whose home this gateway is, and results whose homes have not confirmed them (ADR 0017). Of
 * the states (task.h) those below 3 are open. */
static const char schema_4[] =
    "CREATE TABLE tasks("
    "  n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, spec TEXT NOT NULL, home TEXT,"
    "  state INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,"
    "  lives INTEGER NOT NULL DEFAULT 0, fence INTEGER NOT NULL DEFAULT 0, holder TEXT,"
    "  holder_gateway TEXT, result TEXT, reason TEXT, created_ms INTEGER NOT NULL,"
    "  finished_ms INTEGER NOT NULL DEFAULT 0, queued INTEGER NOT NULL DEFAULT 0,"
    "  pushed INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX tasks_unqueued ON tasks(n) WHERE state < 3 AND NOT queued;"
    "CREATE INDEX tasks_open ON tasks(n) WHERE state < 3;"
    "CREATE INDEX tasks_finished ON tasks(finished_ms) WHERE state >= 3;"
    "CREATE TABLE task_ends(id TEXT NOT NULL, fence INTEGER NOT NULL, agent TEXT, home TEXT,"
    "  result TEXT, PRIMARY KEY(id, fence));"
    /* What became of the work that agents here were asked for; owed to Consul while said <
       version. */
    "CREATE TABLE task_notes(agent TEXT NOT NULL, name TEXT NOT NULL, sender TEXT, message TEXT,"
    "  state INTEGER NOT NULL, result TEXT, reason TEXT, queued_ms INTEGER NOT NULL,"
    "  started_ms INTEGER NOT NULL, finished_ms INTEGER NOT NULL, version INTEGER NOT NULL,"
    "  said INTEGER NOT NULL, PRIMARY KEY(agent, name));"
    "CREATE INDEX task_notes_owed ON task_notes(queued_ms) WHERE said < version;"
    "CREATE INDEX task_notes_finished ON task_notes(finished_ms) WHERE finished_ms > 0;";

/* migrations[v] brings a file of version v to v + 1. */
static const char *const migrations[] = { schema_1, schema_2, schema_3, schema_4 };
enum { SCHEMA_VERSION = (int)SC_ARRAY_LEN(migrations) };

/* Columns as sc_spool_record reads them. */
#define OUT_RECORD                                                                                 \
    "SELECT o.n, o.stage, o.attempts, 0, o.reason, o.accepted_ms, o.sent_ms, o.stored_ms,"         \
    " o.delivered_ms, o.started_ms, o.replied_ms, o.dead_ms, NULL, e.json, o.ambiguous,"           \
    " o.listed_ms, o.last_error, o.revived_ms, o.due_ms, o.via, o.retry_of, o.retried_as"          \
    " FROM outbox o JOIN outbox_envelope e ON e.n = o.n WHERE "
#define IN_RECORD                                                                                  \
    "SELECT i.n, i.stage, 0, i.acked, i.reason, NULL, NULL, i.stored_ms, i.delivered_ms,"          \
    " i.started_ms, i.replied_ms, i.dead_ms, i.from_gateway, e.json, i.ambiguous,"                 \
    " i.listed_ms, i.last_error, i.revived_ms, NULL, NULL, NULL, NULL"                             \
    " FROM inbox i JOIN inbox_envelope e ON e.n = i.n WHERE "

/* Columns as spool_memory.c reads them. */
#define MEMORY_META "SELECT agent, key, hlc, node, deleted, dirty, expires_ms, bytes, "

/* ?3 + stage is the time at which that stage was reached; those not bound are NULL and keep what
 * there is. */
#define LATER_TIMES                                                                                \
    "stored_ms = coalesce(stored_ms, ?5), delivered_ms = coalesce(delivered_ms, ?6),"              \
    " started_ms = coalesce(started_ms, ?7), replied_ms = coalesce(replied_ms, ?8),"               \
    " dead_ms = coalesce(dead_ms, ?9)"
#define OUT_TIMES "sent_ms = coalesce(sent_ms, ?4), " LATER_TIMES
#define DEATH "listed_ms = ?12, ambiguous = max(ambiguous, coalesce(?13, 0))"
/* Of one agent, or with a reason that begins so, or both. */
#define DEAD_WANTED                                                                                \
    "listed_ms IS NOT NULL AND (?3 IS NULL OR from_agent = ?3 OR to_agent = ?3)"                   \
    " AND (?4 IS NULL OR substr(reason, 1, length(?4)) = ?4)"                                      \
    " ORDER BY listed_ms, n LIMIT ?1 OFFSET ?2"

static const char *const statements[SPOOL_STMTS] = {
    /* IMMEDIATE: a lock that is not to be had shows here, not in the middle. */
    [ST_BEGIN] = "BEGIN IMMEDIATE",
    [ST_COMMIT] = "COMMIT",
    [ST_ROLLBACK] = "ROLLBACK",

    [ST_SEQ_GET] = "SELECT seq FROM lanes WHERE from_agent = ?1 AND to_agent = ?2",
    [ST_SEQ_PUT] = "INSERT INTO lanes(from_agent, to_agent, seq) VALUES(?1, ?2, ?3)"
                   " ON CONFLICT(from_agent, to_agent) DO UPDATE SET seq = excluded.seq",
    [ST_OUT_PUT] = "INSERT INTO outbox(bytes, id, kind, stage, attempts, due_ms, from_agent,"
                   " to_agent, to_gateway, accepted_ms, in_reply_to) VALUES(?1, ?2, ?3, 0, 0, ?4,"
                   " ?5, ?6, ?7, ?8, ?9)",
    [ST_OUT_PUT_ENVELOPE] = "INSERT INTO outbox_envelope(n, json) VALUES(?1, ?2)",
    [ST_OUT_STATE] =
        "SELECT n, kind, stage, settled_ms IS NOT NULL, reason, from_agent, accepted_ms"
        " FROM outbox WHERE id = ?1",
    /* Without a word about indexed columns, so that no index is touched. */
    [ST_OUT_ADVANCE] = "UPDATE outbox SET stage = ?2, " OUT_TIMES ", via = coalesce(?14, via)"
                       " WHERE n = ?1",
    [ST_OUT_ADVANCE_DUE] = "UPDATE outbox SET stage = ?2, " OUT_TIMES ", via = coalesce(?14, via),"
                           " due_ms = ?10 WHERE n = ?1",
    [ST_OUT_SETTLE] =
        "UPDATE outbox SET stage = ?2, " OUT_TIMES ", reason = ?10,"
        " settled_ms = ?11, due_ms = NULL, via = coalesce(?14, via), " DEATH " WHERE n = ?1",
    [ST_OUT_RESOLVE] = "UPDATE outbox SET stored_ms = coalesce(stored_ms, ?2),"
                       " delivered_ms = coalesce(delivered_ms, ?3),"
                       " started_ms = coalesce(started_ms, ?4),"
                       " replied_ms = coalesce(replied_ms, ?5), reason = coalesce(?6, reason),"
                       " ambiguous = coalesce(?7, ambiguous) WHERE n = ?1",
    [ST_OUT_RETRY] = "UPDATE outbox SET attempts = attempts + 1, due_ms = ?2,"
                     " via = coalesce(?3, via), last_error = coalesce(?4, last_error)"
                     " WHERE n = ?1",
    [ST_OUT_NOTE] = "UPDATE outbox SET via = coalesce(?2, via),"
                    " last_error = coalesce(?3, last_error) WHERE id = ?1",
    [ST_OUT_DEFER] = "UPDATE outbox SET due_ms = ?2 WHERE n = ?1",
    [ST_OUT_ADDRESS] = "UPDATE outbox SET to_gateway = ?2 WHERE n = ?1",
    [ST_OUT_ADDRESS_ENVELOPE] =
        "UPDATE outbox_envelope SET json = json_set(json, '$.to.gateway', ?2)"
        " WHERE n = ?1",
    [ST_OUT_PARK] = "UPDATE outbox SET due_ms = NULL, settled_ms = coalesce(started_ms,"
                    " delivered_ms, stored_ms, sent_ms, accepted_ms) WHERE n = ?1",
    [ST_OUT_DUE] = "SELECT n FROM outbox WHERE due_ms <= ?1 ORDER BY due_ms, n LIMIT ?2",
    [ST_OUT_NEXT_DUE] = "SELECT min(due_ms) FROM outbox WHERE due_ms IS NOT NULL",
    [ST_OUT_GATEWAYS] = "SELECT to_gateway FROM outbox WHERE due_ms IS NOT NULL AND"
                        " to_gateway > ?1 ORDER BY to_gateway LIMIT 1",
    [ST_OUT_LAST] = "SELECT max(n) FROM outbox",
    [ST_OUT_HURRIED] = "SELECT n FROM outbox WHERE due_ms IS NOT NULL AND to_gateway = ?1 AND"
                       " n > ?2 AND n <= ?3 ORDER BY n LIMIT ?4",
    [ST_OUT_LEADERS] = "SELECT n, from_agent, to_agent FROM outbox WHERE n > ?1 AND"
                       " due_ms IS NOT NULL AND kind = 0 AND stage < 2 ORDER BY n",
    [ST_OUT_OPEN] = "SELECT n FROM outbox INDEXED BY outbox_due WHERE due_ms IS NOT NULL"
                    " ORDER BY n LIMIT ?1",
    [ST_OUT_LATEST] = "SELECT n FROM (SELECT n FROM outbox ORDER BY n DESC LIMIT ?1) ORDER BY n",
    [ST_OUT_BY_N] = OUT_RECORD "o.n = ?1",
    [ST_OUT_BY_ID] = OUT_RECORD "o.id = ?1",
    [ST_OUT_REPLY_TO] = OUT_RECORD "o.in_reply_to = ?1 ORDER BY o.n DESC LIMIT 1",
    [ST_OUT_OLD] = "SELECT n, bytes, settled_ms, listed_ms IS NOT NULL, ambiguous FROM outbox"
                   " WHERE settled_ms <= ?1 ORDER BY settled_ms LIMIT 1",
    [ST_OUT_DELETE] = "DELETE FROM outbox WHERE n = ?1",
    [ST_OUT_DELETE_ENVELOPE] = "DELETE FROM outbox_envelope WHERE n = ?1",

    [ST_IN_PUT] = "INSERT INTO inbox(bytes, id, kind, stage, seq, acked, to_agent, from_agent,"
                  " from_gateway, in_reply_to, stored_ms, delivered_ms, settled_ms)"
                  " VALUES(?1, ?2, ?3, ?10, ?4, 0, ?5, ?6, ?7, ?8, ?9, ?11, ?12)",
    [ST_IN_PUT_ENVELOPE] = "INSERT INTO inbox_envelope(n, json) VALUES(?1, ?2)",
    [ST_IN_STATE] = "SELECT n, kind, stage, settled_ms IS NOT NULL, reason, to_agent, 0 FROM inbox"
                    " WHERE id = ?1",
    [ST_IN_SEEN] = "SELECT n, 0, stage, 1, reason, '', 0 FROM seen WHERE id = ?1",
    [ST_IN_ADVANCE] = "UPDATE inbox SET stage = ?2, " LATER_TIMES " WHERE n = ?1",
    [ST_IN_SETTLE] = "UPDATE inbox SET stage = ?2, " LATER_TIMES ", reason = ?10,"
                     " settled_ms = ?11, " DEATH " WHERE n = ?1",
    [ST_IN_ACK] = "UPDATE inbox SET acked = 1, acked_ms = coalesce(acked_ms, ?3),"
                  " settled_ms = coalesce(settled_ms, ?3) WHERE n = ?1 AND to_agent = ?2",
    /* By seq, because a retry may have overtaken: the lane is first in, first out at its sender. */
    [ST_IN_HEAD] = "SELECT n FROM inbox WHERE settled_ms IS NULL AND to_agent = ?1 AND"
                   " from_agent = ?2 AND from_gateway = ?3 ORDER BY seq, n LIMIT 1",
    [ST_IN_LATER] = "SELECT n FROM inbox WHERE settled_ms IS NULL AND to_agent = ?1 AND"
                    " from_agent = ?2 AND from_gateway = ?3 AND seq > ?4 LIMIT 1",
    /* The largest seq skips the whole lane: without it SQLite would read on through its messages.
     */
    [ST_IN_LANES] = "SELECT to_agent, from_agent, from_gateway FROM inbox WHERE settled_ms IS NULL"
                    " AND (to_agent, from_agent, from_gateway, seq) >"
                    " (?1, ?2, ?3, 9223372036854775807)"
                    " ORDER BY to_agent, from_agent, from_gateway, seq LIMIT 1",
    [ST_IN_UNREAD] = "SELECT n FROM inbox WHERE to_agent = ?2 AND acked = 0 ORDER BY n LIMIT ?1",
    [ST_IN_DELIVERED] = "SELECT n FROM inbox WHERE to_agent = ?2 AND acked = 0 AND stage > 2"
                        " ORDER BY n LIMIT ?1",
    [ST_IN_NEWEST] = "SELECT n FROM inbox WHERE to_agent = ?2 AND acked = 0 AND stage = 3"
                     " ORDER BY n DESC LIMIT ?1",
    [ST_IN_REST] = "SELECT n FROM inbox WHERE settled_ms IS NULL AND to_agent = ?1 AND"
                   " from_agent = ?2 AND from_gateway = ?3 AND stage = 2 ORDER BY seq, n LIMIT ?4",
    [ST_IN_LAST] = "UPDATE inbox SET n = (SELECT max(n) FROM inbox) + 1 WHERE n = ?1",
    [ST_IN_LAST_ENVELOPE] = "UPDATE inbox_envelope SET n = (SELECT max(n) FROM inbox) WHERE n = ?1",
    [ST_IN_LATEST] = "SELECT n FROM (SELECT n FROM"
                     " (SELECT n FROM inbox WHERE to_agent = ?2 AND acked = 0"
                     "   ORDER BY n DESC LIMIT ?1) UNION ALL SELECT n FROM"
                     " (SELECT n FROM inbox WHERE to_agent = ?2 AND acked = 1"
                     "   ORDER BY n DESC LIMIT ?1) ORDER BY n DESC LIMIT ?1) ORDER BY n",
    [ST_IN_REPLY_TO] = IN_RECORD "i.in_reply_to = ?1 ORDER BY i.n LIMIT 1",
    [ST_IN_BY_N] = IN_RECORD "i.n = ?1",
    [ST_IN_BY_ID] = IN_RECORD "i.id = ?1",
    [ST_IN_OLD] = "SELECT n, bytes, settled_ms, listed_ms IS NOT NULL, ambiguous FROM inbox"
                  " WHERE settled_ms <= ?1 ORDER BY settled_ms LIMIT 1",
    [ST_IN_REMEMBER] = "INSERT OR IGNORE INTO seen(id, stage, reason, at_ms)"
                       " SELECT id, stage, reason, settled_ms FROM inbox WHERE n = ?1",
    [ST_IN_REFUSE] = "INSERT INTO seen(id, stage, reason, at_ms) VALUES(?1, ?2, ?3, ?4)",
    [ST_IN_DELETE] = "DELETE FROM inbox WHERE n = ?1",
    [ST_IN_DELETE_ENVELOPE] = "DELETE FROM inbox_envelope WHERE n = ?1",

    /* Rows come in the order of their age, so the oldest are the first. ?2 rows stay at most. */
    [ST_SEEN_EXPIRE] = "DELETE FROM seen WHERE n IN (SELECT n FROM"
                       " (SELECT n, at_ms FROM seen ORDER BY n LIMIT ?3) WHERE at_ms < ?1"
                       " OR n <= (SELECT max(n) FROM seen) - ?2)",
    [ST_OUT_DEAD] = "SELECT n FROM outbox WHERE " DEAD_WANTED,
    [ST_IN_DEAD] = "SELECT n FROM inbox WHERE " DEAD_WANTED,
    [ST_OUT_LISTED] = "SELECT n, ambiguous, bytes, from_agent FROM outbox WHERE id = ?1 AND "
                      "listed_ms IS NOT NULL",
    [ST_IN_LISTED] =
        "SELECT n, ambiguous, bytes, to_agent FROM inbox WHERE id = ?1 AND listed_ms IS NOT NULL",
    [ST_OUT_UNLIST] = "UPDATE outbox SET listed_ms = NULL WHERE n = ?1",
    [ST_IN_UNLIST] = "UPDATE inbox SET listed_ms = NULL WHERE n = ?1",
    [ST_OUT_RETRIED] = "UPDATE outbox SET retried_as = ?2 WHERE id = ?1",
    [ST_OUT_RETRY_OF] = "UPDATE outbox SET retry_of = ?2 WHERE id = ?1",
    /* What it died of stays readable, as the error of its last attempt. */
    [ST_IN_REVIVE] = "UPDATE inbox SET stage = 2, settled_ms = NULL, listed_ms = NULL,"
                     " last_error = reason, reason = NULL, delivered_ms = NULL, started_ms = NULL,"
                     " dead_ms = NULL, revived_ms = ?2, ambiguous = max(ambiguous, ?3)"
                     " WHERE n = ?1",
    [ST_TWIN_REVIVE] = "UPDATE outbox SET stage = 2, settled_ms = NULL, listed_ms = NULL,"
                       " last_error = reason, reason = NULL, delivered_ms = NULL,"
                       " started_ms = NULL, dead_ms = NULL, due_ms = ?2,"
                       " ambiguous = max(ambiguous, ?3) WHERE n = ?1",

    [ST_OUT_REVIVE] = "UPDATE outbox SET stage = 0, settled_ms = NULL, listed_ms = NULL,"
                      " last_error = reason, reason = NULL, sent_ms = NULL, dead_ms = NULL,"
                      " attempts = 0, due_ms = ?2, revived_ms = ?3, bytes = ?4, ambiguous = 0"
                      " WHERE n = ?1",
    [ST_OUT_REVIVE_ENVELOPE] = "UPDATE outbox_envelope SET json = ?2 WHERE n = ?1",
    [ST_MEMORY_META] = MEMORY_META "NULL FROM memory WHERE agent = ?1 AND key = ?2",
    [ST_MEMORY_GET] = MEMORY_META "value FROM memory WHERE agent = ?1 AND key = ?2",
    [ST_MEMORY_PUT] = "INSERT INTO memory(agent, key, hlc, node, deleted, dirty, expires_ms, bytes,"
                      " value) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
                      " ON CONFLICT(agent, key) DO UPDATE SET hlc = excluded.hlc,"
                      " node = excluded.node, deleted = excluded.deleted, dirty = excluded.dirty,"
                      " expires_ms = excluded.expires_ms, bytes = excluded.bytes,"
                      " value = excluded.value",
    [ST_MEMORY_MARK] = "UPDATE memory SET dirty = ?3 WHERE agent = ?1 AND key = ?2",
    [ST_MEMORY_LIST] = MEMORY_META "CASE WHEN ?6 THEN value END FROM memory WHERE agent = ?1 AND"
                                   " key > ?2 AND key >= ?3 AND key < ?3 || x'7f' AND"
                                   " (?5 OR deleted = 0) ORDER BY key LIMIT ?4",
    [ST_MEMORY_DIRTY] = MEMORY_META "value FROM memory INDEXED BY memory_dirty WHERE dirty = 1"
                                    " ORDER BY agent, key LIMIT ?1",
    [ST_MEMORY_EXPIRED] = MEMORY_META "NULL FROM memory WHERE expires_ms > 0 AND expires_ms <= ?1"
                                      " AND deleted = 0 ORDER BY expires_ms LIMIT ?2",
    [ST_MEMORY_SPENT] = MEMORY_META "NULL FROM memory WHERE deleted = 1 AND hlc < ?1 AND"
                                    " expires_ms < ?3 ORDER BY hlc LIMIT ?2",
    [ST_MEMORY_DROP] = "DELETE FROM memory WHERE agent = ?1 AND key = ?2",
    /* Only at the start, and after a rollback: these read everything. */
    [ST_MEMORY_USAGE] = "SELECT agent, sum(deleted = 0), sum(bytes), sum(deleted), sum(dirty)"
                        " FROM memory GROUP BY agent",
    [ST_MEMORY_LATEST] = "SELECT coalesce(max(hlc), 0) FROM memory WHERE hlc <= ?1",
    [ST_PROBE] = "UPDATE stages SET name = name WHERE stage = 0",

    /* Only at the start: each of these reads everything. */
    /* Row by row: grouped, a million of them would be sorted in memory, for the sake of few names.
     */
    [ST_OUT_QUEUES] = "SELECT from_agent, 1 FROM outbox NOT INDEXED WHERE due_ms IS NOT NULL AND"
                      " stage < 2",
    [ST_IN_QUEUES] = "SELECT to_agent, count(*) FROM inbox WHERE settled_ms IS NULL"
                     " GROUP BY to_agent",
    [ST_TOTALS] = "SELECT (SELECT count(*) FROM outbox WHERE due_ms IS NOT NULL),"
                  " (SELECT count(*) FROM inbox WHERE settled_ms IS NULL),"
                  " o.n + i.n, o.bytes + i.bytes, o.dead, i.dead, o.ambiguous, i.ambiguous FROM"
                  " (SELECT count(*) AS n, coalesce(sum(bytes), 0) AS bytes,"
                  "   count(listed_ms) AS dead,"
                  "   coalesce(sum(listed_ms IS NOT NULL AND ambiguous), 0) AS ambiguous"
                  "   FROM outbox) o,"
                  " (SELECT count(*) AS n, coalesce(sum(bytes), 0) AS bytes,"
                  "   count(listed_ms) AS dead,"
                  "   coalesce(sum(listed_ms IS NOT NULL AND ambiguous), 0) AS ambiguous"
                  "   FROM inbox) i",
};

static int exec(struct sc_spool_sqlite *s, const char *sql, struct sc_err *err)
{
    int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? SC_OK : sc_spool_fail(s, rc, err);
}

int sc_spool_schema_version(void)
{
    return SCHEMA_VERSION;
}

int sc_spool_migrate(struct sc_spool_sqlite *s, int from, struct sc_err *err)
{
    for (int v = from; v < SCHEMA_VERSION; v++) {
        sc_auto_buf struct sc_buf sql = SC_BUF_INIT;
        sc_buf_addf(&sql, "BEGIN IMMEDIATE; %s PRAGMA user_version = %d; COMMIT", migrations[v],
                    v + 1);
        int r = exec(s, sc_buf_str(&sql), err);
        if (r < 0) {
            (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL); /* the first failure counts */
            return r;
        }
        sc_log_info(s->log, "spool.migrated", SC_S("path", s->path), SC_I("version", v + 1));
    }
    return SC_OK;
}

int sc_spool_prepare(struct sc_spool_sqlite *s, struct sc_err *err)
{
    for (size_t i = 0; i < SPOOL_STMTS; i++) {
        int rc = sqlite3_prepare_v3(s->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
                                    &s->stmt[i], NULL);
        if (rc != SQLITE_OK)
            return sc_spool_fail(s, rc, err);
    }
    return SC_OK;
}

int sc_spool_count(struct sc_spool_sqlite *s, struct sc_err *err)
{
    sqlite3_stmt *st = s->stmt[ST_TOTALS];
    if (sqlite3_step(st) != SQLITE_ROW)
        return sc_spool_read_failed(s, st, err);
    s->now = (struct spool_totals){
        .outbox_open = sqlite3_column_int64(st, 0),
        .inbox_open = sqlite3_column_int64(st, 1),
        .messages = sqlite3_column_int64(st, 2),
        .bytes = sqlite3_column_int64(st, 3),
        .dead = { sqlite3_column_int64(st, 4), sqlite3_column_int64(st, 5) },
        .ambiguous = { sqlite3_column_int64(st, 6), sqlite3_column_int64(st, 7) },
    };
    s->committed = s->now;
    (void)sqlite3_reset(st);
    return SC_OK;
}
