/* Transactions: one a turn, all or nothing, nobody told before; and a disk that fails. */
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include "spool_fixture.h"

static struct fixture f;
static char told[256];

static void setup(void)
{
    fixture_init(&f);
    told[0] = 0;
}

static void teardown(void)
{
    fixture_fini(&f);
}

TestSuite(spool_commit, .init = setup, .fini = teardown);

static void tell(void *ctx, const struct sc_err *err)
{
    size_t used = strlen(told);
    (void)snprintf(told + used, sizeof told - used, "%s:%s ", (const char *)ctx,
                   err ? sc_code_name(err->code) : "ok");
}

static char one[] = "one", two[] = "two", three[] = "three";

static int rows_on_disk(void)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    cr_assert_eq(sqlite3_open_v2(f.path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    cr_assert_eq(sqlite3_prepare_v2(db, "SELECT count(*) FROM messages_view", -1, &st, NULL),
                 SQLITE_OK, "%s", sqlite3_errmsg(db));
    cr_assert_eq(sqlite3_step(st), SQLITE_ROW);
    int n = sqlite3_column_int(st, 0);
    (void)sqlite3_finalize(st);
    (void)sqlite3_close(db);
    return n;
}

Test(spool_commit, a_turn_is_one_commit_and_nobody_sees_half_of_it)
{
    fixture_open(&f);
    for (int i = 0; i < 10; i++)
        cr_assert_eq(put(&f, 0), SC_OK);
    f.spool.ops->after_commit(f.spool.impl, tell, one);
    f.spool.ops->after_commit(f.spool.impl, tell, two);
    cr_assert_eq(rows_on_disk(), 0);
    cr_assert_str_eq(told, "");
    turn(&f);
    cr_assert_eq(rows_on_disk(), 10);
    cr_assert_str_eq(told, "one:ok two:ok ");
    cr_assert_eq(stats_of(&f).commits, 1);
    const struct sc_spool_stats s = stats_of(&f);
    cr_assert_eq(sc_histogram_count(&s.commit_seconds), 1);
    cr_assert_gt(s.commit_seconds.sum_us, 0);
}

Test(spool_commit, callbacks_run_at_the_end_of_a_turn_without_writes_too)
{
    fixture_open(&f);
    f.spool.ops->after_commit(f.spool.impl, tell, one);
    turn(&f);
    cr_assert_str_eq(told, "one:ok ");
    cr_assert_eq(stats_of(&f).commits, 0);
}

static void write_more(void *ctx, const struct sc_err *err)
{
    tell(ctx, err);
    cr_assert_eq(put(&f, 0), SC_OK);
    f.spool.ops->after_commit(f.spool.impl, tell, two);
}

/* The turn that follows comes by itself, with no event to wake the loop. */
Test(spool_commit, what_nobody_waits_for_shares_a_commit_and_is_on_disk_soon)
{
    fixture_open(&f);
    cr_assert_eq(put(&f, 0), SC_OK);
    cr_assert_eq(sc_loop_turn(f.loop, 0, &f.err), SC_OK);
    cr_assert_eq(rows_on_disk(), 0, "no fsync for one stage");
    time_t deadline = time(NULL) + 5;
    while (rows_on_disk() == 0 && time(NULL) < deadline)
        cr_assert_eq(sc_loop_turn(f.loop, 50, &f.err), SC_OK);
    cr_assert_eq(rows_on_disk(), 1);
}

Test(spool_commit, who_can_wait_a_little_is_told_with_the_next_commit)
{
    fixture_open(&f);
    cr_assert_eq(put(&f, 0), SC_OK);
    f.spool.ops->after_commit_soon(f.spool.impl, tell, one);
    cr_assert_eq(sc_loop_turn(f.loop, 0, &f.err), SC_OK);
    cr_assert_str_eq(told, "", "no commit for its own sake");
    f.spool.ops->after_commit(f.spool.impl, tell, two);
    cr_assert_eq(sc_loop_turn(f.loop, 0, &f.err), SC_OK);
    cr_assert_str_eq(told, "one:ok two:ok ", "one who cannot wait takes it along");
    cr_assert_eq(rows_on_disk(), 1);
    f.spool.ops->after_commit_soon(f.spool.impl, tell, three); /* with nothing written, too */
    time_t deadline = time(NULL) + 5;
    while (!strstr(told, "three") && time(NULL) < deadline)
        cr_assert_eq(sc_loop_turn(f.loop, 50, &f.err), SC_OK);
    cr_assert_str_eq(told, "one:ok two:ok three:ok ");
}

Test(spool_commit, what_a_callback_writes_is_the_next_commits)
{
    fixture_open(&f);
    cr_assert_eq(put(&f, 0), SC_OK);
    f.spool.ops->after_commit(f.spool.impl, write_more, one);
    turn(&f);
    cr_assert_str_eq(told, "one:ok ");
    cr_assert_eq(rows_on_disk(), 1);
    cr_assert_eq(sc_loop_turn(f.loop, 5000, &f.err), SC_OK);
    cr_assert_str_eq(told, "one:ok two:ok ");
    cr_assert_eq(rows_on_disk(), 2);
}

Test(spool_commit, what_is_open_when_it_closes_is_kept_and_nobody_called)
{
    fixture_open(&f);
    cr_assert_eq(put(&f, 0), SC_OK);
    f.spool.ops->after_commit(f.spool.impl, tell, one);
    fixture_close(&f);
    cr_assert_str_eq(told, "");
    cr_assert_eq(rows_on_disk(), 1);
}

/* --- a disk that fails: SQLite's own file calls, with a switch --- */

static int fail_writes, fail_syncs; /* a SQLite code, or 0 */
static sqlite3_vfs failing;
static sqlite3_io_methods main_io, side_io; /* the unix VFS has a table for each kind of file */
static int (*real_open)(sqlite3_vfs *, const char *, sqlite3_file *, int, int *);
static int (*real_write)(sqlite3_file *, const void *, int, sqlite3_int64);
static int (*real_sync)(sqlite3_file *, int);

static int write_or_fail(sqlite3_file *file, const void *p, int n, sqlite3_int64 offset)
{
    return fail_writes ? fail_writes : real_write(file, p, n, offset);
}

static int sync_or_fail(sqlite3_file *file, int flags)
{
    return fail_syncs ? fail_syncs : real_sync(file, flags);
}

static int open_failing(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                        int *out_flags)
{
    int rc = real_open(vfs, name, file, flags, out_flags);
    if (rc == SQLITE_OK && file->pMethods) {
        sqlite3_io_methods *io = flags & SQLITE_OPEN_MAIN_DB ? &main_io : &side_io;
        real_write = file->pMethods->xWrite;
        real_sync = file->pMethods->xSync;
        *io = *file->pMethods;
        io->xWrite = write_or_fail;
        io->xSync = sync_or_fail;
        file->pMethods = io;
    }
    return rc;
}

static void use_failing_disk(void)
{
    failing = *sqlite3_vfs_find(NULL);
    real_open = failing.xOpen;
    failing.zName = "failing";
    failing.xOpen = open_failing;
    cr_assert_eq(sqlite3_vfs_register(&failing, 1), SQLITE_OK);
}

Test(spool_commit, a_full_disk_fails_the_whole_turn_and_the_next_one_works)
{
    use_failing_disk();
    fixture_open(&f);
    cr_assert_eq(put(&f, 0), SC_OK);
    turn(&f);
    fail_writes = SQLITE_FULL;
    cr_assert_eq(put(&f, 0), SC_OK);
    cr_assert_eq(out_stage(&f, 1, SC_STAGE_SENT, 1), SC_OK);
    f.spool.ops->after_commit(f.spool.impl, tell, one);
    f.spool.ops->after_commit(f.spool.impl, tell, two);
    turn(&f);
    cr_assert_str_eq(told, "one:full two:full ");
    cr_assert_eq(stats_of(&f).outbox_open, 1);
    fail_writes = 0;
    cr_assert_eq(rows_on_disk(), 1);
    cr_assert_eq(put(&f, 0), SC_OK);
    f.spool.ops->after_commit(f.spool.impl, tell, three);
    turn(&f);
    cr_assert_str_eq(told, "one:full two:full three:ok ");
    cr_assert_eq(rows_on_disk(), 2);
}

/* Stages are gathered in memory (spool_recent.c), and a rollback must take those with it. */
Test(spool_commit, a_rollback_forgets_the_stages_that_were_gathered)
{
    use_failing_disk();
    fixture_open(&f);
    cr_assert_eq(put(&f, 0), SC_OK);
    turn(&f);
    fail_writes = SQLITE_FULL;
    cr_assert_eq(put(&f, 0), SC_OK);
    cr_assert_eq(out_stage(&f, 1, SC_STAGE_SENT, 1), SC_OK);
    cr_assert_eq(out_stage(&f, 2, SC_STAGE_SENT, 1), SC_OK);
    turn(&f);
    fail_writes = 0;
    struct sc_id first = id_of(1), second = id_of(2);
    enum sc_stage stage;
    char reason[SC_REASON_MAX];
    cr_assert_eq(f.spool.ops->out_stage(f.spool.impl, &first, &stage, reason, &f.err), SC_OK);
    cr_assert_eq(stage, SC_STAGE_ACCEPTED);
    cr_assert_eq(f.spool.ops->out_stage(f.spool.impl, &second, &stage, reason, &f.err), SC_ENOENT);
}

/* A burst larger than the page cache is written to the log before the commit: the write that fails
 * is somewhere in the middle, and what comes after it in that turn fails the same way. */
Test(spool_commit, a_write_that_fails_in_the_middle_dooms_the_rest_of_its_turn)
{
    use_failing_disk();
    fixture_open(&f);
    char *big = sc_xmalloc(100001);
    memset(big, 'x', 100000);
    big[100000] = 0;
    fail_writes = SQLITE_FULL;
    int rc = SC_OK;
    for (int i = 0; i < 100 && rc == SC_OK; i++) {
        sc_auto_message struct sc_message m = make(&f, "jerry", "bobby", "gw-b");
        sc_set_str(&m.body, big);
        m.body_len = 100000;
        rc = f.spool.ops->out_put(f.spool.impl, &m, NOW, NOW, &f.err);
    }
    free(big);
    cr_assert_eq(rc, SC_EFULL);
    cr_assert(strstr(f.err.remedy, "free disk space"), "%s", f.err.remedy);
    fail_writes = 0;
    cr_assert_eq(put(&f, 0), SC_EFULL, "its transaction is gone");
    f.spool.ops->after_commit(f.spool.impl, tell, one);
    turn(&f);
    cr_assert_str_eq(told, "one:full ");
    cr_assert_eq(rows_on_disk(), 0);
    cr_assert_eq(stats_of(&f).bytes, 0);
    cr_assert_eq(put(&f, 0), SC_OK);
    turn(&f);
    cr_assert_eq(rows_on_disk(), 1);
}

Test(spool_commit, an_fsync_that_fails_is_not_a_commit)
{
    use_failing_disk();
    fixture_open(&f);
    fail_syncs = SQLITE_IOERR_FSYNC;
    cr_assert_eq(put(&f, 0), SC_OK);
    f.spool.ops->after_commit(f.spool.impl, tell, one);
    turn(&f);
    cr_assert_str_eq(told, "one:io ");
    fail_syncs = 0;
    cr_assert_eq(put(&f, 0), SC_OK);
    f.spool.ops->after_commit(f.spool.impl, tell, two);
    turn(&f);
    cr_assert_str_eq(told, "one:io two:ok ");
    cr_assert_eq(rows_on_disk(), 1);
}

Test(spool_commit, another_programs_lock_fails_the_turn_within_a_moment)
{
    sqlite3 *db = NULL;
    fixture_open(&f);
    cr_assert_eq(sqlite3_open(f.path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    cr_assert_eq(put(&f, 0), SC_EBUSY);
    cr_assert_eq(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(db);
    turn(&f);
    cr_assert_eq(put(&f, 0), SC_OK);
}

/* --- a process that is killed --- */

static int acked_fd;

static void ack(void *ctx, const struct sc_err *err)
{
    int *n = ctx;
    cr_assert_null(err);
    cr_assert_eq(write(acked_fd, n, sizeof *n), (ssize_t)sizeof *n);
    free(n);
}

/* The child says "accepted" only from after_commit, as the daemon does, until it is killed. */
static void write_for_ever(void)
{
    fixture_open(&f);
    for (;;) {
        for (int i = 0; i < 7; i++) {
            int *n = sc_xmalloc(sizeof *n);
            cr_assert_eq(put(&f, 0), SC_OK);
            *n = f.n;
            f.spool.ops->after_commit(f.spool.impl, ack, n);
        }
        turn(&f);
    }
}

Test(spool_commit, what_was_acknowledged_survives_kill_9)
{
    int fds[2], n = 0, acked = 0;
    cr_assert_eq(pipe(fds), 0);
    pid_t child = fork();
    if (child == 0) {
        acked_fd = fds[1];
        write_for_ever();
    }
    (void)close(fds[1]);
    while (acked < 500 && read(fds[0], &n, sizeof n) == (ssize_t)sizeof n)
        acked = n;
    cr_assert_eq(kill(child, SIGKILL), 0);
    while (read(fds[0], &n, sizeof n) == (ssize_t)sizeof n)
        acked = n;
    cr_assert_eq(waitpid(child, NULL, 0), child);
    (void)close(fds[0]);
    cr_assert(acked >= 500);
    fixture_open(&f);
    for (int i = 1; i <= acked; i++) {
        sc_auto_record struct sc_record r;
        struct sc_id id = id_of(i);
        sc_record_init(&r);
        cr_assert_eq(f.spool.ops->get(f.spool.impl, &id, false, &r, &f.err), SC_OK, "%d of %d", i,
                     acked);
        cr_assert_eq(r.msg.seq, (uint64_t)i);
    }
    struct sc_spool_stats st = stats_of(&f);
    cr_assert_eq(st.outbox_open % 7, 0, "whole turns only");
}

/* --- bounds --- */

Test(spool_commit, a_full_spool_refuses_with_the_remedy)
{
    f.max_messages = 3;
    fixture_open(&f);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(put(&f, 0), SC_OK);
    cr_assert_eq(put(&f, 0), SC_EFULL);
    cr_assert(strstr(f.err.remedy, "spool.max_messages"), "%s", f.err.remedy);
    cr_assert_eq(receive(&f, "jerry", "bobby", 1), SC_EFULL);
    turn(&f);
    cr_assert_eq(rows_on_disk(), 3, "what was there stays");
    fixture_close(&f);
    fixture_open(&f);
    cr_assert_eq(put(&f, 0), SC_EFULL, "a restart counts the same");
}

Test(spool_commit, history_makes_room_before_anything_is_refused)
{
    f.max_messages = 3;
    fixture_open(&f);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(put(&f, 0), SC_OK);
    cr_assert_eq(out_stage(&f, 2, SC_STAGE_REPLIED, 1), SC_OK);
    cr_assert_eq(put(&f, 0), SC_OK);
    cr_assert_eq(put(&f, 0), SC_EFULL);
    turn(&f);
    cr_assert_eq(rows_on_disk(), 3);
    cr_assert_eq(stats_of(&f).outbox_open, 3);
}

Test(spool_commit, bytes_are_bounded_too)
{
    f.max_bytes = 2000;
    fixture_open(&f);
    int rc = SC_OK;
    for (int i = 0; i < 100 && rc == SC_OK; i++)
        rc = put(&f, 0);
    cr_assert_eq(rc, SC_EFULL);
    cr_assert(strstr(f.err.remedy, "spool.max_bytes"), "%s", f.err.remedy);
    cr_assert(stats_of(&f).bytes <= 2500);
}

Test(spool_commit, counts_are_the_same_after_a_restart)
{
    fixture_open(&f);
    for (int i = 0; i < 5; i++)
        cr_assert_eq(put(&f, 0), SC_OK);
    cr_assert_eq(out_stage(&f, 1, SC_STAGE_DEAD, 1), SC_OK);
    cr_assert_eq(receive(&f, "jerry", "bobby", 1), SC_OK);
    cr_assert_eq(receive(&f, "jerry", "bobby", 2), SC_OK);
    cr_assert_eq(in_stage(&f, 6, SC_STAGE_REPLIED, 1), SC_OK);
    turn(&f);
    struct sc_spool_stats a = stats_of(&f);
    cr_assert_eq(a.outbox_open, 4);
    cr_assert_eq(a.inbox_open, 1);
    cr_assert_eq(a.dead[0], 1);
    fixture_close(&f);
    fixture_open(&f);
    struct sc_spool_stats b = stats_of(&f);
    cr_assert_eq(a.outbox_open, b.outbox_open);
    cr_assert_eq(a.inbox_open, b.inbox_open);
    cr_assert_eq(a.dead[0], b.dead[0]);
    cr_assert_eq(a.bytes, b.bytes);
}
