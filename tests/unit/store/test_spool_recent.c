/* Stages of outgoing messages are gathered and written late; no reader may see that. */
#include <sqlite3.h>

#include "spool_fixture.h"

static struct fixture f;

static void setup(void)
{
    fixture_init(&f);
    fixture_open(&f);
}

static void teardown(void)
{
    fixture_fini(&f);
}

TestSuite(spool_recent, .init = setup, .fini = teardown);

static void advance(int i, enum sc_stage stage, int64_t ms)
{
    struct sc_id id = id_of(i);
    cr_assert_eq(f.spool.ops->out_advance(f.spool.impl, &id, stage, AT(ms), NULL, NULL, &f.err),
                 SC_OK);
}

static enum sc_stage stage_on_disk(int i)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    struct sc_id id = id_of(i);
    cr_assert_eq(sqlite3_open_v2(f.path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    cr_assert_eq(sqlite3_prepare_v2(db, "SELECT stage FROM outbox WHERE id = ?1", -1, &st, NULL),
                 SQLITE_OK);
    (void)sqlite3_bind_blob(st, 1, id.b, sizeof id.b, SQLITE_STATIC);
    cr_assert_eq(sqlite3_step(st), SQLITE_ROW);
    int stage = sqlite3_column_int(st, 0);
    (void)sqlite3_finalize(st);
    (void)sqlite3_close(db);
    return (enum sc_stage)stage;
}

static bool visit(void *ctx, const struct sc_record *rec)
{
    *(struct sc_record *)ctx = (struct sc_record){ .stage = rec->stage };
    memcpy(((struct sc_record *)ctx)->times, rec->times, sizeof rec->times);
    return true;
}

Test(spool_recent, a_reader_sees_what_is_gathered)
{
    struct sc_record seen = { 0 };
    struct sc_id id = id_of(1);
    cr_assert_eq(put(&f, 0), SC_OK);
    turn(&f);
    advance(1, SC_STAGE_SENT, 1);
    advance(1, SC_STAGE_STORED, 2);
    cr_assert_eq(f.spool.ops->out_list(f.spool.impl, false, 10, visit, &seen, &f.err), SC_OK);
    cr_assert_eq(seen.stage, SC_STAGE_STORED);
    cr_assert_eq(seen.times[SC_STAGE_SENT].ms, AT(1).ms);
    advance(1, SC_STAGE_DELIVERED, 3);
    sc_auto_record struct sc_record got;
    cr_assert_eq(f.spool.ops->get(f.spool.impl, &id, false, &got, &f.err), SC_OK);
    cr_assert_eq(got.stage, SC_STAGE_DELIVERED);
    cr_assert_eq(got.times[SC_STAGE_STORED].ms, AT(2).ms);
}

Test(spool_recent, one_that_was_put_off_is_not_due)
{
    struct sc_record seen = { .stage = SC_STAGE_DEAD };
    struct sc_id id = id_of(1);
    sc_wall next = { 0 };
    cr_assert_eq(put(&f, 10), SC_OK);
    turn(&f);
    cr_assert_eq(f.spool.ops->out_defer(f.spool.impl, &id, AT(500), &f.err), SC_OK);
    cr_assert_eq(f.spool.ops->out_due(f.spool.impl, AT(20), 10, visit, &seen, &f.err), SC_OK);
    cr_assert_eq(seen.stage, SC_STAGE_DEAD, "nothing was visited");
    cr_assert_eq(f.spool.ops->out_next_due(f.spool.impl, &next, &f.err), SC_OK);
    cr_assert_eq(next.ms, AT(500).ms);
}

Test(spool_recent, what_is_gathered_is_on_disk_within_a_moment_and_at_the_end)
{
    cr_assert_eq(put(&f, 0), SC_OK);
    cr_assert_eq(put(&f, 0), SC_OK);
    turn(&f);
    advance(1, SC_STAGE_SENT, 1);
    for (int i = 0; i < 100 && stage_on_disk(1) == SC_STAGE_ACCEPTED; i++)
        cr_assert_eq(sc_loop_turn(f.loop, 100, &f.err), SC_OK);
    cr_assert_eq(stage_on_disk(1), SC_STAGE_SENT);
    advance(2, SC_STAGE_STORED, 1);
    fixture_close(&f);
    cr_assert_eq(stage_on_disk(2), SC_STAGE_STORED);
}

/* More than are kept in memory: the oldest are written early, and none is forgotten. */
Test(spool_recent, many_at_once_are_all_written)
{
    enum { MANY = 5000 };
    for (int i = 1; i <= MANY; i++) {
        cr_assert_eq(put(&f, 0), SC_OK);
        advance(i, SC_STAGE_SENT, i);
    }
    turn(&f);
    fixture_close(&f);
    for (int i = 1; i <= MANY; i += 499)
        cr_assert_eq(stage_on_disk(i), SC_STAGE_SENT, "message %d", i);
}
