/* One agent's share, and the news of a spool that is full. */
#include <string.h>

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

TestSuite(spool_queue, .init = setup, .fini = teardown);

static int send_from(const char *from)
{
    sc_auto_message struct sc_message m = make(&f, from, "bobby", "gw-b");
    return f.spool.ops->out_put(f.spool.impl, &m, NOW, NOW, &f.err);
}

static int die(int i)
{
    struct sc_id id = id_of(i);
    return f.spool.ops->out_advance(f.spool.impl, &id, SC_STAGE_DEAD, NOW, "no", NULL, &f.err);
}

static int refuse(void *ctx)
{
    (void)ctx;
    return 1;
}

static void turn_that_fails(void)
{
    (void)sqlite3_commit_hook(f.sq->db, refuse, NULL);
    turn(&f);
    (void)sqlite3_commit_hook(f.sq->db, NULL, NULL);
}

Test(spool_queue, a_busy_sender_is_refused_and_the_others_are_not)
{
    f.max_outgoing = 2;
    fixture_open(&f);
    cr_assert_eq(send_from("jerry"), SC_OK);
    cr_assert_eq(send_from("jerry"), SC_OK);
    cr_assert_eq(send_from("jerry"), SC_EBUSY);
    cr_assert(strstr(f.err.text, "2 messages of jerry"), "%s", f.err.text);
    cr_assert(strstr(f.err.remedy, "messages.agent_outbox_max (2)"), "%s", f.err.remedy);
    cr_assert_eq(send_from("scribe"), SC_OK);
    cr_assert_eq(stats_of(&f).agent_full, 1);
}

Test(spool_queue, what_its_receiver_stored_is_no_burden_of_the_sender)
{
    f.max_outgoing = 1;
    fixture_open(&f);
    cr_assert_eq(send_from("jerry"), SC_OK);
    cr_assert_eq(out_stage(&f, 1, SC_STAGE_SENT, 1), SC_OK);
    cr_assert_eq(send_from("jerry"), SC_EBUSY);
    cr_assert_eq(out_stage(&f, 1, SC_STAGE_STORED, 1), SC_OK);
    cr_assert_eq(out_stage(&f, 1, SC_STAGE_REPLIED, 1), SC_OK);
    cr_assert_eq(send_from("jerry"), SC_OK);
    cr_assert_eq(die(3), SC_OK);
    cr_assert_eq(send_from("jerry"), SC_OK);
    cr_assert_eq(send_from("jerry"), SC_EBUSY);
}

Test(spool_queue, a_slow_agent_fills_its_own_queue_only)
{
    f.max_waiting = 2;
    fixture_open(&f);
    for (uint64_t seq = 1; seq <= 2; seq++)
        cr_assert_eq(receive(&f, "jerry", "bobby", seq), SC_OK);
    cr_assert_eq(receive(&f, "carol", "bobby", 1), SC_EBUSY, "whoever sends");
    cr_assert(strstr(f.err.remedy, "messages.agent_queue_max (2)"), "%s", f.err.remedy);
    cr_assert_eq(receive(&f, "jerry", "infra", 1), SC_OK);
    cr_assert_eq(receive_kind(&f, "jerry", "bobby", 3, SC_KIND_REPLY), SC_OK,
                 "an answer ends a wait");
    cr_assert_eq(in_stage(&f, 1, SC_STAGE_REPLIED, 1), SC_OK);
    cr_assert_eq(in_stage(&f, 5, SC_STAGE_DELIVERED, 1), SC_OK);
    cr_assert_eq(receive(&f, "carol", "bobby", 1), SC_OK);
}

/* Their places are taken by later ones, which wait for them: keeping them out would be for ever. */
Test(spool_queue, what_others_wait_for_is_let_in)
{
    f.max_waiting = f.max_messages = 2;
    fixture_open(&f);
    cr_assert_eq(receive(&f, "jerry", "bobby", 5), SC_OK);
    cr_assert_eq(receive(&f, "jerry", "bobby", 6), SC_OK);
    cr_assert_eq(receive(&f, "jerry", "bobby", 7), SC_EBUSY);
    cr_assert_eq(receive(&f, "carol", "bobby", 4), SC_EBUSY, "another lane waits for nothing");
    cr_assert_eq(receive(&f, "jerry", "bobby", 4), SC_OK);
    cr_assert_eq(stats_of(&f).inbox_open, 3);
    sc_spool_sqlite_set_queues(f.sq, 0, 0);
    cr_assert_eq(receive(&f, "jerry", "bobby", 8), SC_EFULL);
    cr_assert_eq(receive(&f, "jerry", "bobby", 3), SC_OK, "the spool's own bound, too");
}

Test(spool_queue, what_is_acknowledged_leaves_the_queue)
{
    struct sc_id id = id_of(1);
    f.max_waiting = 1;
    fixture_open(&f);
    cr_assert_eq(receive(&f, "jerry", "bobby", 1), SC_OK);
    for (int i = 0; i < 2; i++) /* the second time changes nothing */
        cr_assert_eq(f.spool.ops->in_ack(f.spool.impl, "bobby", &id, NOW, &f.err), SC_OK);
    cr_assert_eq(receive(&f, "jerry", "bobby", 2), SC_OK);
    cr_assert_eq(receive(&f, "jerry", "bobby", 3), SC_EBUSY);
}

Test(spool_queue, a_known_message_is_a_duplicate_also_when_the_queue_is_full)
{
    f.max_waiting = 1;
    fixture_open(&f);
    cr_assert_eq(receive(&f, "jerry", "bobby", 1), SC_OK);
    f.n = 0;
    cr_assert_eq(receive(&f, "jerry", "bobby", 1), SC_EEXIST);
}

Test(spool_queue, a_failed_turn_gives_back_what_it_took)
{
    f.max_outgoing = 2;
    fixture_open(&f);
    cr_assert_eq(send_from("jerry"), SC_OK);
    turn(&f);
    cr_assert_eq(send_from("jerry"), SC_OK);
    turn_that_fails();
    cr_assert_eq(send_from("jerry"), SC_OK);
    cr_assert_eq(send_from("jerry"), SC_EBUSY);
    turn(&f);
    cr_assert_eq(out_stage(&f, 1, SC_STAGE_STORED, 1), SC_OK);
    cr_assert_eq(sc_spool_recent_write(f.sq, &f.err), SC_OK);
    turn_that_fails();
    cr_assert_eq(send_from("jerry"), SC_EBUSY, "its receipt was never written");
}

Test(spool_queue, the_numbers_survive_a_restart)
{
    f.max_outgoing = f.max_waiting = 1;
    fixture_open(&f);
    cr_assert_eq(send_from("jerry"), SC_OK);
    cr_assert_eq(receive(&f, "jerry", "bobby", 1), SC_OK);
    turn(&f);
    fixture_close(&f);
    fixture_open(&f);
    cr_assert_eq(send_from("jerry"), SC_EBUSY);
    cr_assert_eq(receive(&f, "jerry", "bobby", 2), SC_EBUSY);
}

Test(spool_queue, the_limits_can_change_while_it_runs)
{
    f.max_outgoing = 1;
    fixture_open(&f);
    cr_assert_eq(send_from("jerry"), SC_OK);
    cr_assert_eq(send_from("jerry"), SC_EBUSY);
    sc_spool_sqlite_set_queues(f.sq, 2, 2);
    cr_assert_eq(send_from("jerry"), SC_OK);
    cr_assert_eq(send_from("jerry"), SC_EBUSY);
    sc_spool_sqlite_set_queues(f.sq, 0, 0);
    cr_assert_eq(send_from("jerry"), SC_OK, "no bound");
}

Test(spool_queue, agents_without_messages_cost_no_memory)
{
    fixture_open(&f);
    for (int i = 1; i <= 50; i++) {
        sc_auto_free char *from = sc_xasprintf("agent-%d", i);
        cr_assert_eq(send_from(from), SC_OK);
        cr_assert_eq(out_stage(&f, i, SC_STAGE_STORED, 1), SC_OK);
    }
    cr_assert_eq(sc_spool_recent_write(f.sq, &f.err), SC_OK);
    turn(&f);
    cr_assert_eq(sc_map_count(f.sq->queues[false]), 0);
}

/* ---- health ---- */

/* Until it says that all is well again; the spool asks itself every two seconds. */
static bool recovers(int64_t within_ms)
{
    for (int64_t waited = 0; f.health.code != SC_OK && waited < within_ms; waited += 100)
        cr_assert_eq(sc_loop_turn(f.loop, 100, &f.err), SC_OK);
    return f.health.code == SC_OK;
}

Test(spool_queue, a_full_spool_says_so_and_says_when_it_has_room_again)
{
    f.max_messages = 2;
    fixture_open(&f);
    cr_assert_eq(put(&f, 0), SC_OK);
    cr_assert_eq(put(&f, 0), SC_OK);
    cr_assert_eq((int)f.health.code, SC_OK);
    cr_assert_eq(put(&f, 0), SC_EFULL);
    cr_assert_eq((int)f.health.code, SC_EFULL);
    cr_assert(strstr(f.health.text, "2 messages are allowed"), "%s", f.health.text);
    cr_assert(strstr(f.health.remedy, "spool.max_messages"), "%s", f.health.remedy);
    cr_assert_eq(stats_of(&f).full, 1);
    turn(&f);
    cr_assert_not(recovers(2500), "nothing has changed yet");
    cr_assert_eq(out_stage(&f, 1, SC_STAGE_REPLIED, 1), SC_OK);
    cr_assert(recovers(10000));
    cr_assert_eq(put(&f, 0), SC_OK);
}

Test(spool_queue, too_many_bytes_name_their_option)
{
    f.max_bytes = 1200;
    fixture_open(&f);
    int r;
    while ((r = put(&f, 0)) == SC_OK)
        ;
    cr_assert_eq(r, SC_EFULL);
    cr_assert(strstr(f.err.text, "1200 bytes are allowed"), "%s", f.err.text);
    cr_assert(strstr(f.err.remedy, "spool.max_bytes"), "%s", f.err.remedy);
}

Test(spool_queue, a_disk_that_refuses_is_noticed_and_so_is_its_recovery)
{
    fixture_open(&f);
    cr_assert_eq(put(&f, 0), SC_OK);
    turn_that_fails();
    cr_assert_neq((int)f.health.code, SC_OK);
    cr_assert_eq(stats_of(&f).failed_commits, 1);
    cr_assert(recovers(10000), "without anybody sending anything");
}
