/* Work on a spool's file from outside: check, compact, export; and a file of the first version. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "../../../src/store/spool_internal.h"
#include "sideclaw/spool_tools.h"
#include "spool_fixture.h"

static struct fixture f;
static struct sc_buf out;

static void setup(void)
{
    fixture_init(&f);
}

static void teardown(void)
{
    sc_buf_fini(&out);
    fixture_fini(&f);
}

TestSuite(spool_tools, .init = setup, .fini = teardown);

static void sql(const char *text)
{
    sqlite3 *db = NULL;
    cr_assert_eq(sqlite3_open(f.path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    (void)sqlite3_close(db);
}

static void on_problem(void *ctx, const char *text)
{
    (void)ctx;
    sc_buf_addf(&out, "%s\n", text);
}

static struct sc_spool_report check(void)
{
    struct sc_spool_report r;
    sc_buf_clear(&out);
    cr_assert_eq(sc_spool_check(f.path, true, NULL, on_problem, &r, &f.err), SC_OK, "%s",
                 f.err.text);
    return r;
}

static bool on_line(void *ctx, const char *json, size_t n)
{
    int *left = ctx;
    sc_buf_add(&out, json, n);
    sc_buf_addc(&out, '\n');
    return !left || --*left > 0;
}

static void export(const struct sc_spool_export *what)
{
    struct sc_spool_export e = *what;
    e.line = on_line;
    sc_buf_clear(&out);
    cr_assert_eq(sc_spool_export(f.path, &e, &f.err), SC_OK, "%s", f.err.text);
}

static size_t lines(void)
{
    size_t n = 0;
    for (size_t i = 0; i < out.n; i++)
        n += out.p[i] == '\n';
    return n;
}

static bool says(const char *text)
{
    return strstr(sc_buf_str(&out), text) != NULL;
}

static void fill(void)
{
    fixture_open(&f);
    cr_assert_eq(put(&f, 0), SC_OK);
    cr_assert_eq(put(&f, 0), SC_OK);
    cr_assert_eq(receive(&f, "bobby", "jerry", 1), SC_OK);
    cr_assert_eq(out_stage(&f, 2, SC_STAGE_REPLIED, 20), SC_OK);
    turn(&f);
}

Test(spool_tools, a_good_spool_has_no_problems_also_while_it_is_used)
{
    fill();
    struct sc_spool_report r = check();
    cr_assert_eq(r.problems, 0, "%s", sc_buf_str(&out));
    cr_assert_eq(r.outbox.messages, 2);
    cr_assert_eq(r.outbox.open, 1);
    cr_assert_eq(r.inbox.open, 1);
    cr_assert_eq(r.outbox.bytes + r.inbox.bytes, stats_of(&f).bytes);
    cr_assert_eq(put(&f, 0), SC_OK, "and nothing is locked");
    turn(&f);
    fixture_close(&f);
    cr_assert_eq(check().outbox.messages, 3);
}

Test(spool_tools, each_broken_rule_is_named_with_its_row)
{
    static const struct {
        const char *sql, *problem;
    } cases[] = {
        { "DELETE FROM outbox_envelope WHERE n = 1", "outbox row 1: its envelope is missing" },
        { "DELETE FROM inbox_envelope", "inbox row 1: its envelope is missing" },
        { "INSERT INTO outbox_envelope VALUES(77, '{}')", "row 77: it belongs to no message" },
        { "UPDATE outbox_envelope SET json = 'rubbish' WHERE n = 1",
          "outbox row 1: its envelope cannot be read" },
        { "UPDATE outbox_envelope SET json = (SELECT json FROM inbox_envelope) WHERE n = 1",
          "outbox row 1: its envelope has another id" },
        { "UPDATE outbox SET bytes = 3 WHERE n = 1", "outbox row 1: it counts as 3 bytes" },
        { "UPDATE outbox SET due_ms = NULL WHERE n = 1", "neither due nor settled" },
        { "UPDATE outbox SET settled_ms = NULL WHERE n = 2", "outbox row 2: it ended" },
        { "UPDATE inbox SET stage = 5", "inbox row 1: it ended, but is not settled" },
        { "UPDATE inbox SET stage = 17, settled_ms = 1", "there is no such stage" },
        { "UPDATE outbox SET id = x'0102' WHERE n = 1", "its id has not 16 bytes" },
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(cases); i++) {
        fill();
        fixture_close(&f);
        sql(cases[i].sql);
        cr_assert_gt(check().problems, 0, "%s", cases[i].sql);
        cr_assert(says(cases[i].problem), "%s:\n%s", cases[i].sql, sc_buf_str(&out));
        cr_assert_eq(unlink(f.path), 0);
        f.n = 0;
    }
}

Test(spool_tools, a_damaged_file_is_a_problem_and_not_a_crash)
{
    static const char noise[4096] = { 'x' };
    fixture_open(&f);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(put(&f, 0), SC_OK);
    turn(&f);
    fixture_close(&f);
    int fd = open(f.path, O_WRONLY);
    for (off_t page = 2; page < 12; page++)
        cr_assert_eq(pwrite(fd, noise, sizeof noise, page * 4096), (ssize_t)sizeof noise);
    (void)close(fd);
    cr_assert_gt(check().problems, 0);
    cr_assert(says("damaged"), "%s", sc_buf_str(&out));
}

Test(spool_tools, refuse_what_is_no_spool)
{
    struct sc_spool_report r;
    cr_assert_eq(sc_spool_check(f.path, false, NULL, on_problem, &r, &f.err), SC_EIO);
    cr_assert(strstr(f.err.text, "No such file"), "%s", f.err.text);
    cr_assert(strstr(f.err.remedy, "--file"), "%s", f.err.remedy);
    cr_assert_eq(access(f.path, F_OK), -1, "and none is made");
    cr_assert_eq(mkdir(f.path, 0700), 0);
    cr_assert_eq(sc_spool_check(f.path, false, NULL, on_problem, &r, &f.err), SC_EIO);
    cr_assert(strstr(f.err.text, "is no file"), "%s", f.err.text);
    cr_assert_eq(rmdir(f.path), 0);
    sql("CREATE TABLE recipes(name TEXT)");
    cr_assert_eq(sc_spool_check(f.path, false, NULL, on_problem, &r, &f.err), SC_ECONFIG);
}

/* ---- compact ---- */

Test(spool_tools, compacting_gives_the_room_back_and_keeps_the_rest)
{
    int64_t before, after;
    fixture_open(&f);
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(put(&f, 0), SC_OK);
    for (int i = 1; i <= 990; i++)
        cr_assert_eq(out_stage(&f, i, SC_STAGE_REPLIED, 1), SC_OK);
    cr_assert_eq(f.spool.ops->expire(f.spool.impl, AT(100000), 1, &f.err), SC_OK);
    turn(&f);
    fixture_close(&f);
    cr_assert_gt(check().free_bytes, 0);
    cr_assert_eq(sc_spool_compact(f.path, NULL, &before, &after, &f.err), SC_OK, "%s", f.err.text);
    cr_assert_lt(after, before / 2);
    struct sc_spool_report r = check();
    cr_assert_eq(r.problems, 0, "%s", sc_buf_str(&out));
    cr_assert_eq(r.free_bytes, 0);
    cr_assert_eq(r.outbox.open, 10);
    fixture_open(&f);
    cr_assert_eq(stats_of(&f).outbox_open, 10);
}

Test(spool_tools, compacting_is_refused_while_a_daemon_has_the_spool)
{
    int64_t before = 0, after = 0;
    fill();
    cr_assert_eq(sc_spool_compact(f.path, NULL, &before, &after, &f.err), SC_EBUSY);
    cr_assert(strstr(f.err.text, "in use by another sidecar"), "%s", f.err.text);
    cr_assert(strstr(f.err.remedy, "stop that daemon"), "%s", f.err.remedy);
}

/* ---- export ---- */

Test(spool_tools, a_line_is_a_message_with_its_envelope_and_its_times)
{
    fill();
    export(&(struct sc_spool_export){ .out = true, .in = true });
    cr_assert_eq(lines(), 2, "what waits: %s", sc_buf_str(&out));
    cr_assert(says("\"direction\":\"out\",\"id\":\"019c0000-0000-7000-8000-000000000001\","
                   "\"stage\":\"accepted\",\"reason\":null,\"ambiguous\":false"),
              "%s", sc_buf_str(&out));
    cr_assert(says("\"times\":{\"accepted\":\"2026-02-16T12:00:00.000Z\""), "%s", sc_buf_str(&out));
    cr_assert(says("\"envelope\":{"), "%s", sc_buf_str(&out));
    cr_assert(says("\"direction\":\"in\""));
    export(&(struct sc_spool_export){ .out = true, .all = true });
    cr_assert_eq(lines(), 2);
    cr_assert(says("\"stage\":\"replied\""));
    cr_assert_not(says("\"direction\":\"in\""));
}

Test(spool_tools, many_pages_are_written_whole_and_in_order)
{
    fixture_open(&f);
    for (int i = 0; i < 450; i++)
        cr_assert_eq(put(&f, 0), SC_OK);
    turn(&f);
    fixture_close(&f);
    export(&(struct sc_spool_export){ .out = true, .in = true });
    cr_assert_eq(lines(), 450);
    cr_assert_lt(strstr(out.p, "-8000-000000000001"), strstr(out.p, "-8000-0000000001c2"));
}

Test(spool_tools, a_reader_that_has_enough_is_no_failure)
{
    int left = 1;
    fill();
    export(&(struct sc_spool_export){ .out = true, .in = true, .ctx = &left });
    cr_assert_eq(lines(), 1);
}

Test(spool_tools, what_is_left_of_a_damaged_envelope_is_exported_as_text)
{
    fill();
    fixture_close(&f);
    sql("UPDATE outbox_envelope SET json = '{\"body\":\"half' WHERE n = 1");
    export(&(struct sc_spool_export){ .out = true });
    cr_assert(says("\"envelope\":\"{\\\"body\\\":\\\"half\""), "%s", sc_buf_str(&out));
}

/* ---- a file of the first version ---- */

/* The schema as version 1 wrote it, and one row of each kind. */
static const char version_1[] =
    "PRAGMA application_id = 0x53434c57; PRAGMA journal_mode = WAL;"
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
    "CREATE TABLE seen(n INTEGER PRIMARY KEY, id BLOB NOT NULL, stage INTEGER NOT NULL,"
    "  reason TEXT, at_ms INTEGER NOT NULL);"
    "CREATE UNIQUE INDEX seen_id ON seen(id);"
    "CREATE TABLE lanes(from_agent TEXT NOT NULL, to_agent TEXT NOT NULL, seq INTEGER NOT NULL,"
    "  PRIMARY KEY(from_agent, to_agent)) WITHOUT ROWID;"
    "INSERT INTO outbox VALUES"
    "  (1, x'019c0000000070008000000000000001', 0, 1, 3, 5000, NULL, 158, 'jerry', 'bobby', 'gw-b',"
    "   NULL, 1000, 1001, NULL, NULL, NULL, NULL, NULL),"
    "  (2, x'019c0000000070008000000000000002', 0, 6, 3, NULL, 9000, 158, 'jerry', 'bobby', 'gw-b',"
    "   'expired: too late', 1000, 1001, NULL, NULL, NULL, NULL, 9000);"
    "INSERT INTO inbox VALUES"
    "  (1, x'019c0000000070008000000000000003', 0, 6, 1, 8000, 158, 0, NULL, 'jerry', 'bobby',"
    "   'gw-b', NULL, 'ambiguous: may have run', 1000, NULL, NULL, NULL, 8000);"
    "INSERT INTO lanes VALUES('jerry', 'bobby', 2);"
    "PRAGMA user_version = 1;";

static void write_envelope(const char *box, int n, int id, const char *from, const char *to)
{
    sc_auto_free char *text = sc_xasprintf(
        "INSERT INTO %s_envelope VALUES(%d, '{\"v\":1,\"id\":\"019c0000-0000-7000-8000-%012d\","
        "\"kind\":\"message\",\"from\":{\"agent\":\"%s\",\"gateway\":\"gw\"},"
        "\"to\":{\"agent\":\"%s\"},\"body\":\"hello\",\"timestamp\":\"2026-02-16T12:00:00Z\"}');"
        "UPDATE %s SET bytes = (SELECT length(json) FROM %s_envelope e WHERE e.n = %d) WHERE n = "
        "%d",
        box, n, id, from, to, box, box, n, n);
    sql(text);
}

static void write_version_1(void)
{
    sql(version_1);
    write_envelope("outbox", 1, 1, "jerry", "bobby");
    write_envelope("outbox", 2, 2, "jerry", "bobby");
    write_envelope("inbox", 1, 3, "bobby", "jerry");
}

Test(spool_tools, a_spool_of_the_first_version_is_brought_up_to_date)
{
    struct sc_spool_stats st;
    struct seen s = { .n = 0 };
    write_version_1();
    cr_assert_eq(check().problems, 0, "%s", sc_buf_str(&out));
    fixture_open(&f);
    st = stats_of(&f);
    cr_assert_eq(st.outbox_open, 1);
    cr_assert_eq(st.dead[0], 1);
    cr_assert_eq(st.dead[1], 1);
    cr_assert_eq(st.ambiguous[0], 0);
    cr_assert_eq(st.ambiguous[1], 1, "its reason said so");
    cr_assert_eq(f.spool.ops->dead_list(f.spool.impl, &(struct sc_dead_query){ .limit = 9 }, note,
                                        &s, &f.err),
                 SC_OK);
    cr_assert_str_eq(s.text, "2 ");
    cr_assert_eq(out_stage(&f, 1, SC_STAGE_STORED, 1), SC_OK);
    f.n = 10;
    cr_assert_eq(put(&f, 0), SC_OK);
    turn(&f);
    fixture_close(&f);
    struct sc_spool_report r = check();
    cr_assert_eq(r.problems, 0, "%s", sc_buf_str(&out));
    cr_assert_eq(r.schema, r.known_schema);
}

Test(spool_tools, an_export_asks_for_the_upgrade_first)
{
    write_version_1();
    struct sc_spool_export e = { .out = true, .line = on_line };
    cr_assert_eq(sc_spool_export(f.path, &e, &f.err), SC_ECONFIG);
    cr_assert(strstr(f.err.text, "older sideclaw (schema 1)"), "%s", f.err.text);
    cr_assert(strstr(f.err.remedy, "start this version"), "%s", f.err.remedy);
}
