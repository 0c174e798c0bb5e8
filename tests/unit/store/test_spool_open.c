/* What is opened and what is refused: never replaced, always with the remedy. And that no statement
 * reads a whole table. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../../../src/store/spool_internal.h"
#include "spool_fixture.h"

static struct fixture f;

static void setup(void)
{
    fixture_init(&f);
}

static void teardown(void)
{
    fixture_fini(&f);
}

TestSuite(spool_open, .init = setup, .fini = teardown);

static void sql(const char *text)
{
    sqlite3 *db = NULL;
    cr_assert_eq(sqlite3_open(f.path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    (void)sqlite3_close(db);
}

static void write_file(const char *text, size_t n, off_t offset)
{
    int fd = open(f.path, O_WRONLY | O_CREAT, 0600);
    cr_assert(fd >= 0);
    cr_assert_eq(pwrite(fd, text, n, offset), (ssize_t)n);
    (void)close(fd);
}

static void refused(enum sc_code code, const char *text, const char *remedy)
{
    struct stat before, after;
    cr_assert_eq(stat(f.path, &before), 0);
    fixture_try_open(&f);
    cr_assert_null(f.sq);
    cr_assert_eq((int)f.err.code, (int)code, "%d %s", f.err.code, f.err.text);
    cr_assert(strstr(f.err.text, text), "%s", f.err.text);
    cr_assert(strstr(f.err.remedy, remedy), "%s", f.err.remedy);
    cr_assert_eq(stat(f.path, &after), 0);
    cr_assert_eq(before.st_size, after.st_size, "the file is as it was");
}

Test(spool_open, a_new_spool_is_private_and_logged_ahead)
{
    struct stat st;
    fixture_open(&f);
    cr_assert_eq(stat(f.path, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600);
    cr_assert_eq(put(&f, 0), SC_OK);
    turn(&f);
    char wal[128];
    (void)snprintf(wal, sizeof wal, "%s-wal", f.path);
    cr_assert_eq(stat(wal, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600);
}

Test(spool_open, an_empty_file_is_a_new_spool)
{
    write_file("", 0, 0);
    fixture_open(&f);
    cr_assert_eq(put(&f, 0), SC_OK);
}

Test(spool_open, refuses_what_is_no_database)
{
    const char *text = "this is my shopping list, please do not replace it with a database\n"
                       "this is my shopping list, please do not replace it with a database\n";
    write_file(text, strlen(text), 0);
    refused(SC_EIO, "damaged or no spool", ".recover");
}

Test(spool_open, refuses_another_programs_database)
{
    sql("CREATE TABLE recipes(name TEXT)");
    refused(SC_ECONFIG, "not a sidecar's spool", "state_dir");
}

Test(spool_open, refuses_a_newer_schema)
{
    fixture_open(&f);
    fixture_close(&f);
    sql("PRAGMA user_version = 99");
    refused(SC_ECONFIG, "newer sideclaw (schema 99", "run that version");
}

Test(spool_open, refuses_a_damaged_spool)
{
    static const char noise[4096] = { 'x' };
    fixture_open(&f);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(put(&f, 0), SC_OK);
    turn(&f);
    fixture_close(&f);
    for (off_t page = 2; page < 12; page++)
        write_file(noise, sizeof noise, page * 4096);
    refused(SC_EIO, "damaged", ".recover");
}

Test(spool_open, refuses_a_spool_that_lost_its_end)
{
    fixture_open(&f);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(put(&f, 0), SC_OK);
    turn(&f);
    fixture_close(&f);
    cr_assert_eq(truncate(f.path, 4 * 4096), 0);
    refused(SC_EIO, "damaged", ".recover");
}

Test(spool_open, refuses_a_second_sidecar_and_names_the_first)
{
    char pid[32];
    struct fixture other;
    fixture_open(&f);
    other = f;
    fixture_try_open(&other);
    cr_assert_null(other.sq);
    cr_assert_eq((int)other.err.code, SC_EBUSY);
    (void)snprintf(pid, sizeof pid, "pid %d", (int)getpid());
    cr_assert(strstr(other.err.text, pid), "%s", other.err.text);
    cr_assert(strstr(other.err.remedy, "state_dir"), "%s", other.err.remedy);
}

Test(spool_open, refuses_a_folder_that_is_not_there)
{
    (void)snprintf(f.path, sizeof f.path, "%s/none/spool.db", f.dir);
    fixture_try_open(&f);
    cr_assert_null(f.sq);
    cr_assert(strstr(f.err.text, "No such file"), "%s", f.err.text);
    cr_assert(f.err.remedy[0]);
}

/* Root may write everywhere: the test gives that up first. */
Test(spool_open, refuses_a_read_only_file)
{
    fixture_open(&f);
    fixture_close(&f);
    cr_assert_eq(chmod(f.path, 0444), 0);
    cr_assert_eq(chmod(f.dir, 0777), 0);
    char lock[128];
    (void)snprintf(lock, sizeof lock, "%s.lock", f.path);
    (void)chmod(lock, 0666);
    uid_t me = geteuid();
    if (me == 0)
        cr_assert_eq(seteuid(65534), 0);
    refused(SC_EIO, "read-only", "writable");
    cr_assert_eq(seteuid(me), 0);
}

/* ---- the write-ahead log ---- */

/* A copy of the files as a crash leaves them, after n commits of a message each. */
static void crash_after(int n)
{
    fixture_open(&f);
    for (int i = 0; i < n; i++) {
        cr_assert_eq(put(&f, 0), SC_OK);
        turn(&f);
    }
    char *copy =
        sc_xasprintf("cd %s && for x in spool.db*; do cp $x kept.${x#spool.}; done", f.dir);
    cr_assert_eq(system(copy), 0);
    free(copy);
    fixture_close(&f);
    char *back =
        sc_xasprintf("cd %s && rm spool.db* && for x in kept.db*; do mv $x spool.${x#kept.};"
                     " done; rm -f spool.db.lock",
                     f.dir);
    cr_assert_eq(system(back), 0);
    free(back);
}

static off_t log_size(void)
{
    struct stat st;
    char wal[128];
    (void)snprintf(wal, sizeof wal, "%s-wal", f.path);
    cr_assert_eq(stat(wal, &st), 0);
    return st.st_size;
}

static void spoil_log(off_t at, const char *text)
{
    char wal[128];
    (void)snprintf(wal, sizeof wal, "%s-wal", f.path);
    int fd = open(wal, O_WRONLY);
    cr_assert_eq(pwrite(fd, text, strlen(text), at), (ssize_t)strlen(text));
    (void)close(fd);
}

Test(spool_open, takes_up_the_log_of_a_crash)
{
    crash_after(5);
    fixture_open(&f);
    cr_assert_eq(stats_of(&f).outbox_open, 5);
}

Test(spool_open, takes_up_a_log_whose_end_was_being_written)
{
    crash_after(5);
    spoil_log(log_size() - 3000, "torn");
    fixture_open(&f);
    cr_assert_eq(stats_of(&f).outbox_open, 4, "the last one was never told to anybody");
}

Test(spool_open, refuses_a_log_that_is_broken_in_the_middle)
{
    crash_after(20);
    spoil_log(log_size() / 2, "damage");
    refused(SC_EIO, "transactions behind a broken one", "keep a copy");
}

Test(spool_open, refuses_a_log_whose_beginning_is_broken)
{
    crash_after(5);
    spoil_log(0, "damage");
    refused(SC_EIO, "its beginning cannot be read", "keep a copy");
}

Test(spool_open, refuses_a_spool_whose_log_is_gone)
{
    char wal[128];
    crash_after(5);
    (void)snprintf(wal, sizeof wal, "%s-wal", f.path);
    cr_assert_eq(unlink(wal), 0);
    refused(SC_EIO, "is gone, and with it the latest messages", "put it back");
}

Test(spool_open, a_log_that_began_anew_holds_old_frames_and_is_good)
{
    fixture_open(&f);
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(put(&f, 0), SC_OK);
        turn(&f);
    }
    cr_assert_eq(sqlite3_wal_checkpoint_v2(f.sq->db, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL),
                 SQLITE_OK);
    fixture_close(&f);
    crash_after(3);
    fixture_open(&f);
    cr_assert_eq(stats_of(&f).outbox_open, 13);
}

Test(spool_open, people_can_read_it_while_it_runs)
{
    fixture_open(&f);
    cr_assert_eq(put(&f, 0), SC_OK);
    turn(&f);
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    cr_assert_eq(sqlite3_open_v2(f.path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    cr_assert_eq(
        sqlite3_prepare_v2(db, "SELECT id, stage, since FROM messages_view", -1, &st, NULL),
        SQLITE_OK);
    cr_assert_eq(sqlite3_step(st), SQLITE_ROW);
    cr_assert_str_eq((const char *)sqlite3_column_text(st, 0),
                     "019c0000-0000-7000-8000-000000000001");
    cr_assert_str_eq((const char *)sqlite3_column_text(st, 1), "accepted");
    cr_assert_str_eq((const char *)sqlite3_column_text(st, 2), "2026-02-16 12:00:00");
    (void)sqlite3_finalize(st);
    (void)sqlite3_close(db);
}

/* A million messages must not make any single call slow: every statement but the counts at the
 * start goes through an index. None sorts them, which takes memory that is not given back. Scanning
 * an index from one end, as min, max and LIMIT do, is fine. */
static void check_plan(sqlite3 *db, const char *text, bool at_start)
{
    sqlite3_stmt *st = NULL;
    char *explain = sc_xasprintf("EXPLAIN QUERY PLAN %s", text);
    cr_assert_eq(sqlite3_prepare_v2(db, explain, -1, &st, NULL), SQLITE_OK, "%s", text);
    while (sqlite3_step(st) == SQLITE_ROW) {
        const char *step = (const char *)sqlite3_column_text(st, 3);
        bool whole_table = strncmp(step, "SCAN ", 5) == 0 && !strstr(step, "USING") &&
                           !strstr(step, "(subquery") && !strstr(text, "LIMIT") &&
                           !strstr(text, "max(n)");
        bool sorts = strstr(step, "TEMP B-TREE") && !strstr(text, "INDEXED BY outbox_due") &&
                     !strstr(text, "ORDER BY n");
        cr_assert_not((whole_table && !at_start) || sorts, "%s: %s", text, step);
    }
    (void)sqlite3_finalize(st);
    free(explain);
}

Test(spool_open, no_statement_reads_a_whole_table)
{
    fixture_open(&f);
    for (int i = ST_SEQ_GET; i < SPOOL_STMTS; i++)
        check_plan(f.sq->db, sqlite3_sql(f.sq->stmt[i]), i >= ST_OUT_QUEUES);
}
