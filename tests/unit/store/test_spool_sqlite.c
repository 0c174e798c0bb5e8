/* The spool's operations: what the router and the mailbox rely on. */
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

TestSuite(spool, .init = setup, .fini = teardown);

static struct sc_record get(int i, bool incoming)
{
    struct sc_record r;
    struct sc_id id = id_of(i);
    sc_record_init(&r);
    cr_assert_eq(f.spool.ops->get(f.spool.impl, &id, incoming, &r, &f.err), SC_OK, "%s",
                 f.err.text);
    return r;
}

Test(spool, a_message_survives_a_restart_with_every_field)
{
    sc_auto_message struct sc_message m = make(&f, "jerry", "bobby", "gw-b");
    m.kind = SC_KIND_REPLY;
    m.thread = sc_xstrdup("t1");
    m.in_reply_to = id_of(77);
    m.content_type = sc_xstrdup("text/markdown");
    m.extra = sc_xstrdup("{\"x-mine\":1}");
    cr_assert_eq(f.spool.ops->out_put(f.spool.impl, &m, NOW, AT(5), &f.err), SC_OK);
    turn(&f);
    fixture_close(&f);
    fixture_open(&f);
    sc_auto_record struct sc_record r = get(1, false);
    cr_assert_str_eq(r.msg.from_agent, "jerry");
    cr_assert_str_eq(r.msg.to_gateway, "gw-b");
    cr_assert_str_eq(r.msg.body, "hello");
    cr_assert_str_eq(r.msg.thread, "t1");
    cr_assert_str_eq(r.msg.extra, "{\"x-mine\":1}");
    cr_assert(sc_id_eq(&r.msg.in_reply_to, &m.in_reply_to));
    cr_assert_eq(r.msg.kind, SC_KIND_REPLY);
    cr_assert_eq(r.stage, SC_STAGE_ACCEPTED);
    cr_assert_eq(r.times[SC_STAGE_ACCEPTED].ms, NOW.ms);
    cr_assert_eq(r.times[SC_STAGE_SENT].ms, 0);
    cr_assert_not(r.incoming);
}

Test(spool, gives_sequence_numbers_per_pair_that_survive_a_restart)
{
    cr_assert_eq(put_to(&f, "bobby", "gw-b", 0), SC_OK);
    cr_assert_eq(put_to(&f, "bobby", "gw-b", 0), SC_OK);
    cr_assert_eq(put_to(&f, "carol", "gw-b", 0), SC_OK);
    turn(&f);
    fixture_close(&f);
    fixture_open(&f);
    cr_assert_eq(put_to(&f, "bobby", "gw-b", 0), SC_OK);
    const uint64_t want[] = { 1, 2, 1, 3 };
    for (int i = 0; i < 4; i++) {
        sc_auto_record struct sc_record r = get(i + 1, false);
        cr_assert_eq(r.msg.seq, want[i]);
    }
}

Test(spool, an_id_is_accepted_once)
{
    sc_auto_message struct sc_message m = make(&f, "jerry", "bobby", "gw-b");
    cr_assert_eq(f.spool.ops->out_put(f.spool.impl, &m, NOW, NOW, &f.err), SC_OK);
    cr_assert_eq(f.spool.ops->out_put(f.spool.impl, &m, NOW, NOW, &f.err), SC_EEXIST);
    turn(&f);
    cr_assert_eq(f.spool.ops->out_put(f.spool.impl, &m, NOW, NOW, &f.err), SC_EEXIST);
    cr_assert_eq(stats_of(&f).outbox_open, 1);
}

Test(spool, stages_only_move_forward_and_may_skip)
{
    struct sc_moved moved = { .changed = false };
    struct sc_id id = id_of(1);
    cr_assert_eq(put(&f, 0), SC_OK);
    cr_assert_eq(out_stage(&f, 1, SC_STAGE_STARTED, 30), SC_OK);
    cr_assert_eq(
        f.spool.ops->out_advance(f.spool.impl, &id, SC_STAGE_STORED, AT(40), NULL, &moved, &f.err),
        SC_OK);
    cr_assert_not(moved.changed);
    cr_assert_eq(
        f.spool.ops->out_advance(f.spool.impl, &id, SC_STAGE_DEAD, AT(50), "why", &moved, &f.err),
        SC_OK);
    cr_assert(moved.changed);
    cr_assert_eq(moved.from, SC_STAGE_STARTED);
    cr_assert_eq(moved.kind, SC_KIND_MESSAGE);
    cr_assert_eq(moved.accepted.ms, NOW.ms);
    cr_assert_eq(out_stage(&f, 1, SC_STAGE_REPLIED, 60), SC_OK);
    sc_auto_record struct sc_record r = get(1, false);
    cr_assert_eq(r.stage, SC_STAGE_DEAD);
    cr_assert_str_eq(r.reason, "why");
    cr_assert_eq(r.times[SC_STAGE_STARTED].ms, NOW.ms + 30);
    cr_assert_eq(r.times[SC_STAGE_STORED].ms, NOW.ms + 30, "at the latest then");
    cr_assert_eq(r.times[SC_STAGE_DELIVERED].ms, 0);
    cr_assert_eq(r.times[SC_STAGE_DEAD].ms, NOW.ms + 50);
    cr_assert_eq(stats_of(&f).dead[0], 1);
    cr_assert_eq(stats_of(&f).outbox_open, 0);
}

Test(spool, an_unknown_message_is_not_found)
{
    struct sc_record r;
    struct sc_id id = id_of(9);
    cr_assert_eq(out_stage(&f, 9, SC_STAGE_SENT, 0), SC_ENOENT);
    cr_assert_eq(in_stage(&f, 9, SC_STAGE_DELIVERED, 0), SC_ENOENT);
    cr_assert_eq(f.spool.ops->out_retry(f.spool.impl, &id, NOW, &quiet, &f.err), SC_ENOENT);
    cr_assert_eq(f.spool.ops->get(f.spool.impl, &id, true, &r, &f.err), SC_ENOENT);
    cr_assert_eq(f.spool.ops->in_reply_to(f.spool.impl, &id, &r, &f.err), SC_ENOENT);
    cr_assert_eq(f.spool.ops->in_ack(f.spool.impl, "bobby", &id, NOW, &f.err), SC_ENOENT);
}

static const char *due(int64_t ms, int limit, struct seen *s)
{
    *s = (struct seen){ .text = "" };
    cr_assert_eq(f.spool.ops->out_due(f.spool.impl, AT(ms), limit, note, s, &f.err), SC_OK);
    return s->text;
}

Test(spool, visits_what_is_due_in_order_and_no_more_than_asked)
{
    struct seen s;
    sc_wall next;
    cr_assert_eq(f.spool.ops->out_next_due(f.spool.impl, &next, &f.err), SC_OK);
    cr_assert_eq(next.ms, 0);
    cr_assert_eq(put(&f, 20), SC_OK);
    cr_assert_eq(put(&f, 10), SC_OK);
    cr_assert_eq(put(&f, 10), SC_OK);
    cr_assert_eq(f.spool.ops->out_next_due(f.spool.impl, &next, &f.err), SC_OK);
    cr_assert_eq(next.ms, NOW.ms + 10);
    cr_assert_str_eq(due(9, 10, &s), "");
    cr_assert_str_eq(due(10, 10, &s), "2 3 ");
    cr_assert_str_eq(due(30, 10, &s), "2 3 1 ");
    cr_assert_str_eq(due(30, 2, &s), "2 3 ");
}

Test(spool, retry_counts_and_defer_does_not)
{
    struct seen s;
    struct sc_id id = id_of(1);
    cr_assert_eq(put(&f, 0), SC_OK);
    cr_assert_eq(f.spool.ops->out_retry(f.spool.impl, &id, AT(100), &quiet, &f.err), SC_OK);
    cr_assert_str_eq(due(99, 10, &s), "");
    cr_assert_eq(f.spool.ops->out_defer(f.spool.impl, &id, AT(50), &f.err), SC_OK);
    cr_assert_str_eq(due(50, 10, &s), "1 ");
    sc_auto_record struct sc_record r = get(1, false);
    cr_assert_eq(r.attempts, 1);
}

Test(spool, what_settled_is_due_no_more)
{
    struct seen s;
    struct sc_id id = id_of(1);
    cr_assert_eq(put(&f, 0), SC_OK);
    cr_assert_eq(out_stage(&f, 1, SC_STAGE_REPLIED, 1), SC_OK);
    cr_assert_eq(f.spool.ops->out_retry(f.spool.impl, &id, NOW, &quiet, &f.err), SC_OK);
    cr_assert_str_eq(due(1000, 10, &s), "");
}

/* The receiver has it and nothing more is heard: it must neither be asked about for ever nor stay
 * for ever, and a late answer still counts. */
Test(spool, what_is_deferred_for_ever_is_history_but_still_moves)
{
    struct seen s;
    struct sc_id id = id_of(1);
    cr_assert_eq(put(&f, 0), SC_OK);
    cr_assert_eq(out_stage(&f, 1, SC_STAGE_STORED, 1), SC_OK);
    cr_assert_eq(f.spool.ops->out_defer(f.spool.impl, &id, (sc_wall){ INT64_MAX }, &f.err), SC_OK);
    cr_assert_eq(stats_of(&f).outbox_open, 0);
    cr_assert_str_eq(due(INT64_C(1) << 40, 10, &s), "");
    cr_assert_eq(out_stage(&f, 1, SC_STAGE_REPLIED, 2), SC_OK);
    cr_assert_eq(stats_of(&f).outbox_open, 0);
    sc_auto_record struct sc_record r = get(1, false);
    cr_assert_eq(r.stage, SC_STAGE_REPLIED);
    cr_assert_eq(f.spool.ops->expire(f.spool.impl, AT(1000), 10, &f.err), SC_OK);
    cr_assert_eq(f.spool.ops->get(f.spool.impl, &id, false, &r, &f.err), SC_ENOENT);
}

static bool retry_it(void *ctx, const struct sc_record *r)
{
    cr_assert_eq(f.spool.ops->out_retry(f.spool.impl, &r->msg.id, AT(5000), &quiet, &f.err), SC_OK);
    return note(ctx, r);
}

Test(spool, a_visitor_may_write)
{
    struct seen s = { .text = "" };
    for (int i = 0; i < 20; i++)
        cr_assert_eq(put(&f, 0), SC_OK);
    cr_assert_eq(f.spool.ops->out_due(f.spool.impl, NOW, 100, retry_it, &s, &f.err), SC_OK);
    cr_assert_eq(s.n, 20);
    cr_assert_str_eq(due(0, 100, &s), "");
}

Test(spool, hurry_makes_one_gateways_messages_due)
{
    struct seen s;
    sc_wall next;
    cr_assert_eq(put_to(&f, "bobby", "gw-b", 1000), SC_OK);
    cr_assert_eq(put_to(&f, "carol", "gw-c", 1000), SC_OK);
    cr_assert_eq(put_to(&f, "bobby", "gw-b", 2000), SC_OK);
    cr_assert_eq(put_to(&f, "who", NULL, 2000), SC_OK); /* may be anybody's */
    cr_assert_eq(f.spool.ops->out_hurry(f.spool.impl, "gw-b", NOW, &f.err), SC_OK);
    cr_assert_eq(f.spool.ops->out_next_due(f.spool.impl, &next, &f.err), SC_OK);
    cr_assert(next.ms > 0 && next.ms <= NOW.ms);
    cr_assert_str_eq(due(0, 10, &s), "4 1 3 ");
    cr_assert_str_eq(due(0, 10, &s), "", "a hurry is served once");
    cr_assert_eq(f.spool.ops->out_next_due(f.spool.impl, &next, &f.err), SC_OK);
    cr_assert_eq(next.ms, NOW.ms + 1000);
}

/* Tries that failed have left them at times of chance; a backlog leaves in its order all the same.
 */
Test(spool, hurry_serves_in_order_whatever_is_due_by_time)
{
    struct seen s;
    cr_assert_eq(put(&f, 1000), SC_OK);
    cr_assert_eq(put(&f, -5), SC_OK);
    cr_assert_eq(put(&f, 2000), SC_OK);
    cr_assert_eq(put(&f, -9), SC_OK);
    cr_assert_eq(f.spool.ops->out_hurry(f.spool.impl, "gw-b", NOW, &f.err), SC_OK);
    cr_assert_str_eq(due(0, 3, &s), "1 2 3 ");
    cr_assert_str_eq(due(0, 10, &s), "4 ");
    cr_assert_str_eq(due(0, 10, &s), "4 2 ", "nobody has put them off");
}

Test(spool, hurry_for_all_takes_turns_and_leaves_nobody_out)
{
    struct seen s;
    for (int i = 0; i < 4; i++)
        cr_assert_eq(put_to(&f, "bobby", "gw-b", 1000), SC_OK);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(put_to(&f, "carol", "gw-c", 1000), SC_OK);
    cr_assert_eq(f.spool.ops->out_hurry(f.spool.impl, NULL, NOW, &f.err), SC_OK);
    cr_assert_str_eq(due(0, 2, &s), "1 2 ");
    cr_assert_str_eq(due(0, 2, &s), "5 6 ");
    cr_assert_str_eq(due(0, 10, &s), "3 4 ");
    cr_assert_str_eq(due(0, 10, &s), "");
}

Test(spool, a_hurry_that_is_stopped_goes_on_where_it_was)
{
    struct seen s = { .text = "", .stop_after = 1 };
    cr_assert_eq(put(&f, 1000), SC_OK);
    cr_assert_eq(put(&f, 1000), SC_OK);
    cr_assert_eq(f.spool.ops->out_hurry(f.spool.impl, "gw-b", NOW, &f.err), SC_OK);
    cr_assert_eq(f.spool.ops->out_due(f.spool.impl, NOW, 10, note, &s, &f.err), SC_OK);
    cr_assert_str_eq(s.text, "1 ");
    cr_assert_str_eq(due(0, 10, &s), "2 ");
}

static const char *outbox(bool all, int limit, struct seen *s)
{
    *s = (struct seen){ .text = "" };
    cr_assert_eq(f.spool.ops->out_list(f.spool.impl, all, limit, note, s, &f.err), SC_OK);
    return s->text;
}

Test(spool, the_outbox_lists_what_waits_or_the_latest_of_all)
{
    struct seen s;
    for (int i = 0; i < 4; i++)
        cr_assert_eq(put(&f, 100 - i), SC_OK);
    cr_assert_eq(out_stage(&f, 2, SC_STAGE_DEAD, 1), SC_OK);
    cr_assert_str_eq(outbox(false, 10, &s), "1 3 4 ");
    cr_assert_str_eq(outbox(false, 2, &s), "1 3 ");
    cr_assert_str_eq(outbox(true, 10, &s), "1 2 3 4 ");
    cr_assert_str_eq(outbox(true, 3, &s), "2 3 4 ");
}

Test(spool, a_duplicate_is_told_how_far_the_first_one_got)
{
    enum sc_stage stage = SC_STAGE_STORED;
    char reason[SC_REASON_MAX] = "";
    struct sc_id id = id_of(1);
    sc_auto_message struct sc_message m = make(&f, "jerry", "bobby", "gw-b");
    cr_assert_eq(f.spool.ops->in_put(f.spool.impl, &m, NOW, &stage, reason, &f.err), SC_OK);
    cr_assert_eq(f.spool.ops->in_put(f.spool.impl, &m, NOW, &stage, reason, &f.err), SC_EEXIST);
    cr_assert_eq(stage, SC_STAGE_STORED);
    cr_assert_eq(
        f.spool.ops->in_advance(f.spool.impl, &id, SC_STAGE_DEAD, AT(1), "refused", &f.err), SC_OK);
    cr_assert_eq(f.spool.ops->in_put(f.spool.impl, &m, NOW, &stage, reason, &f.err), SC_EEXIST);
    cr_assert_eq(stage, SC_STAGE_DEAD);
    cr_assert_str_eq(reason, "refused");
}

Test(spool, one_that_ends_where_it_lies_is_delivered_at_once)
{
    enum sc_stage stage = SC_STAGE_DELIVERED;
    char reason[SC_REASON_MAX] = "";
    sc_auto_message struct sc_message message = make(&f, "jerry", "bobby", "gw-b");
    sc_auto_message struct sc_message reply = make(&f, "jerry", "bobby", "gw-b");
    reply.kind = SC_KIND_REPLY;
    cr_assert_eq(f.spool.ops->in_put(f.spool.impl, &message, NOW, &stage, reason, &f.err), SC_OK);
    cr_assert_eq(f.spool.ops->in_put(f.spool.impl, &reply, NOW, &stage, reason, &f.err), SC_OK);
    cr_assert_eq(stats_of(&f).inbox_open, 1, "the reply is settled, too");
    sc_auto_record struct sc_record r = get(1, true);
    cr_assert_eq(r.stage, SC_STAGE_DELIVERED);
    cr_assert_eq(r.times[SC_STAGE_STORED].ms, NOW.ms);
    cr_assert_eq(r.times[SC_STAGE_DELIVERED].ms, NOW.ms);
}

Test(spool, what_is_refused_never_comes)
{
    enum sc_stage stage = SC_STAGE_ACCEPTED;
    char reason[SC_REASON_MAX] = "";
    struct sc_id id = id_of(1);
    sc_auto_message struct sc_message m = make(&f, "jerry", "bobby", "gw-b");
    cr_assert_eq(f.spool.ops->in_refuse(f.spool.impl, &id, NOW, "moved", &f.err), SC_OK);
    turn(&f);
    cr_assert_eq(f.spool.ops->in_put(f.spool.impl, &m, NOW, &stage, reason, &f.err), SC_EEXIST);
    cr_assert_eq(stage, SC_STAGE_DEAD);
    cr_assert_str_eq(reason, "moved");
    cr_assert_eq(f.spool.ops->in_refuse(f.spool.impl, &id, NOW, "moved", &f.err), SC_EEXIST);
}

static bool count_one(void *ctx, const struct sc_record *r)
{
    unsigned *n = ctx;
    cr_assert_eq(r->stage, SC_STAGE_ACCEPTED);
    ++*n;
    return true;
}

Test(spool, the_leader_of_a_pair_is_its_latest_that_is_not_stored)
{
    unsigned n = 0;
    for (int i = 0; i < SC_LIST_MAX + 5; i++) {
        sc_auto_free char *from = sc_xasprintf("a%d", i);
        sc_auto_message struct sc_message m = make(&f, from, "bobby", "gw-b");
        cr_assert_eq(f.spool.ops->out_put(f.spool.impl, &m, NOW, NOW, &f.err), SC_OK);
    }
    cr_assert_eq(out_stage(&f, 7, SC_STAGE_STORED, 1), SC_OK);
    cr_assert_eq(f.spool.ops->out_leaders(f.spool.impl, count_one, &n, &f.err), SC_OK);
    cr_assert_eq(n, SC_LIST_MAX + 4);
    cr_assert_eq(put(&f, 0), SC_OK);
    cr_assert_eq(put(&f, 0), SC_OK);
    n = 0;
    cr_assert_eq(f.spool.ops->out_leaders(f.spool.impl, count_one, &n, &f.err), SC_OK);
    cr_assert_eq(n, SC_LIST_MAX + 5, "two of one pair");
}

Test(spool, a_message_gets_a_new_address)
{
    struct sc_record r;
    struct sc_id id = id_of(1);
    sc_record_init(&r);
    cr_assert_eq(put(&f, 0), SC_OK);
    cr_assert_eq(f.spool.ops->out_address(f.spool.impl, &id, "gw-new", &f.err), SC_OK);
    turn(&f);
    cr_assert_eq(f.spool.ops->get(f.spool.impl, &id, false, &r, &f.err), SC_OK);
    cr_assert_str_eq(r.msg.to_gateway, "gw-new");
    cr_assert_str_eq(r.msg.to_agent, "bobby");
    sc_record_fini(&r);
}

Test(spool, an_expired_message_is_still_a_duplicate_for_seven_days)
{
    enum sc_stage stage = SC_STAGE_STORED;
    char reason[SC_REASON_MAX] = "";
    struct sc_id id = id_of(1);
    struct sc_record r;
    const int64_t day = INT64_C(24) * 3600 * 1000;
    sc_auto_message struct sc_message m = make(&f, "jerry", "bobby", "gw-b");
    cr_assert_eq(f.spool.ops->in_put(f.spool.impl, &m, NOW, &stage, reason, &f.err), SC_OK);
    cr_assert_eq(in_stage(&f, 1, SC_STAGE_REPLIED, 1), SC_OK);
    cr_assert_eq(f.spool.ops->expire(f.spool.impl, AT(day), 1000, &f.err), SC_OK);
    turn(&f);
    cr_assert_eq(f.spool.ops->get(f.spool.impl, &id, true, &r, &f.err), SC_ENOENT);
    cr_assert_eq(stats_of(&f).bytes, 0);
    cr_assert_eq(f.spool.ops->in_stage(f.spool.impl, &id, &stage, reason, &f.err), SC_OK);
    cr_assert_eq(stage, SC_STAGE_REPLIED);
    cr_assert_eq(f.spool.ops->in_put(f.spool.impl, &m, NOW, &stage, reason, &f.err), SC_EEXIST);
    cr_assert_eq(stage, SC_STAGE_REPLIED);
    cr_assert_eq(f.spool.ops->expire(f.spool.impl, AT(8 * day), 1000, &f.err), SC_OK);
    cr_assert_eq(f.spool.ops->in_stage(f.spool.impl, &id, &stage, reason, &f.err), SC_ENOENT);
    stage = SC_STAGE_STORED;
    cr_assert_eq(f.spool.ops->in_put(f.spool.impl, &m, NOW, &stage, reason, &f.err), SC_OK);
}

Test(spool, what_waits_never_expires)
{
    cr_assert_eq(put(&f, 0), SC_OK);
    cr_assert_eq(receive(&f, "jerry", "bobby", 1), SC_OK);
    cr_assert_eq(f.spool.ops->expire(f.spool.impl, AT(INT64_C(1) << 40), 1000, &f.err), SC_OK);
    cr_assert_eq(stats_of(&f).outbox_open, 1);
    cr_assert_eq(stats_of(&f).inbox_open, 1);
}

static int head(const char *from)
{
    sc_auto_record struct sc_record r;
    sc_record_init(&r);
    int rc = f.spool.ops->in_head(f.spool.impl, "bobby", from, "gw-a", &r, &f.err);
    return rc == SC_OK ? r.msg.id.b[15] : rc;
}

/* A retry may overtake; its sender's numbers say what came first. */
Test(spool, the_head_of_a_lane_is_its_lowest_sequence_number)
{
    cr_assert_eq(head("jerry"), SC_ENOENT);
    cr_assert_eq(receive(&f, "jerry", "bobby", 2), SC_OK);
    cr_assert_eq(receive(&f, "jerry", "bobby", 3), SC_OK);
    cr_assert_eq(receive(&f, "jerry", "bobby", 1), SC_OK);
    cr_assert_eq(receive(&f, "carol", "bobby", 1), SC_OK);
    cr_assert_eq(head("jerry"), SC_EBUSY, "not before the commit");
    turn(&f);
    cr_assert_eq(head("jerry"), 3);
    cr_assert_eq(receive(&f, "jerry", "bobby", 0), SC_OK);
    cr_assert_eq(head("jerry"), SC_EBUSY, "nor the next one instead");
    turn(&f);
    cr_assert_eq(head("jerry"), 5);
    cr_assert_eq(in_stage(&f, 5, SC_STAGE_DEAD, 1), SC_OK);
    cr_assert_eq(in_stage(&f, 3, SC_STAGE_STARTED, 1), SC_OK);
    cr_assert_eq(head("jerry"), 3, "a turn that runs is still the head");
    cr_assert_eq(in_stage(&f, 3, SC_STAGE_REPLIED, 2), SC_OK);
    cr_assert_eq(head("jerry"), 1);
    cr_assert_eq(in_stage(&f, 1, SC_STAGE_DEAD, 2), SC_OK);
    cr_assert_eq(in_stage(&f, 2, SC_STAGE_REPLIED, 2), SC_OK);
    cr_assert_eq(head("jerry"), SC_ENOENT);
    cr_assert_eq(head("carol"), 4);
}

static void note_lane(void *ctx, const char *to, const char *from, const char *gateway)
{
    struct seen *s = ctx;
    size_t used = strlen(s->text);
    (void)snprintf(s->text + used, sizeof s->text - used, "%s<%s@%s ", to, from,
                   gateway ? gateway : "-");
}

Test(spool, lists_each_lane_that_waits_once)
{
    struct seen s = { .text = "" };
    for (int i = 0; i < 50; i++)
        cr_assert_eq(receive(&f, i % 2 ? "jerry" : "carol", "bobby", 0), SC_OK);
    cr_assert_eq(receive(&f, "jerry", "alice", 0), SC_OK);
    cr_assert_eq(receive_kind(&f, "zoe", "bobby", 0, SC_KIND_REPLY), SC_OK);
    cr_assert_eq(in_stage(&f, f.n, SC_STAGE_DELIVERED, 1), SC_OK); /* a reply ends there */
    cr_assert_eq(f.spool.ops->in_lanes(f.spool.impl, note_lane, &s, &f.err), SC_OK);
    cr_assert_str_eq(s.text, "alice<jerry@gw-a bobby<carol@gw-a bobby<jerry@gw-a ");
}

Test(spool, a_sender_without_gateway_has_a_lane_and_comes_back_without_one)
{
    enum sc_stage stage = SC_STAGE_STORED;
    char reason[SC_REASON_MAX];
    struct seen s = { .text = "" };
    sc_auto_message struct sc_message m = make(&f, "external:me", "bobby", "gw-b");
    sc_set_str(&m.from_gateway, NULL);
    cr_assert_eq(f.spool.ops->in_put(f.spool.impl, &m, NOW, &stage, reason, &f.err), SC_OK);
    cr_assert_eq(f.spool.ops->in_lanes(f.spool.impl, note_lane, &s, &f.err), SC_OK);
    cr_assert_str_eq(s.text, "bobby<external:me@- ");
    turn(&f);
    sc_auto_record struct sc_record r;
    sc_record_init(&r);
    cr_assert_eq(f.spool.ops->in_head(f.spool.impl, "bobby", "external:me", NULL, &r, &f.err),
                 SC_OK, "%s", f.err.text);
    cr_assert_null(r.msg.from_gateway);
    cr_assert(r.incoming);
}

static const char *inbox(const char *agent, enum sc_list what, int limit, struct seen *s)
{
    *s = (struct seen){ .text = "" };
    cr_assert_eq(f.spool.ops->in_list(f.spool.impl, agent, what, limit, note, s, &f.err), SC_OK);
    return s->text;
}

Test(spool, the_inbox_lists_what_is_unread_or_the_latest_of_all)
{
    struct seen s;
    struct sc_id id = id_of(2);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(receive(&f, "jerry", "bobby", 0), SC_OK);
    cr_assert_eq(receive(&f, "jerry", "carol", 0), SC_OK);
    cr_assert_eq(f.spool.ops->in_ack(f.spool.impl, "bobby", &id, AT(1), &f.err), SC_OK);
    cr_assert_eq(f.spool.ops->in_ack(f.spool.impl, "bobby", &id, AT(2), &f.err), SC_OK);
    cr_assert_str_eq(inbox("bobby", false, 10, &s), "1 3 4 ");
    cr_assert_str_eq(inbox("bobby", false, 1, &s), "1 ");
    cr_assert_str_eq(inbox("bobby", true, 10, &s), "1 2 3 4 ");
    cr_assert_str_eq(inbox("bobby", true, 3, &s), "2 3 4 ");
    cr_assert_str_eq(inbox("nobody", true, 3, &s), "");
    sc_auto_record struct sc_record r = get(2, true);
    cr_assert(r.acked);
}

static const char *resting(struct seen *s)
{
    *s = (struct seen){ .text = "" };
    cr_assert_eq(f.spool.ops->in_rest(f.spool.impl, "bobby", "jerry", "gw-a", note, s, &f.err),
                 SC_OK);
    return s->text;
}

Test(spool, what_was_stored_too_early_is_listed_when_and_where_it_was_delivered)
{
    struct seen s;
    struct sc_id second = id_of(1);
    cr_assert_eq(receive(&f, "jerry", "bobby", 2), SC_OK);
    cr_assert_eq(receive(&f, "jerry", "bobby", 1), SC_OK);
    cr_assert_str_eq(resting(&s), "2 1 ");
    cr_assert_str_eq(inbox("bobby", SC_LIST_DELIVERED, 10, &s), "");
    cr_assert_eq(in_stage(&f, 2, SC_STAGE_DELIVERED, 1), SC_OK);
    cr_assert_str_eq(resting(&s), "1 ");
    cr_assert_eq(in_stage(&f, 1, SC_STAGE_DELIVERED, 1), SC_OK);
    cr_assert_eq(f.spool.ops->in_last(f.spool.impl, &second, &f.err), SC_OK);
    cr_assert_str_eq(inbox("bobby", SC_LIST_DELIVERED, 10, &s), "2 1 ");
    cr_assert_str_eq(inbox("bobby", SC_LIST_UNREAD, 10, &s), "2 1 ");
    cr_assert_str_eq(inbox("bobby", SC_LIST_NEWEST, 10, &s), "1 2 ");
    cr_assert_str_eq(inbox("bobby", SC_LIST_NEWEST, 1, &s), "1 ");
    sc_auto_record struct sc_record r = get(1, true);
    cr_assert_str_eq(r.msg.body, "hello", "its text moved with it");
    cr_assert_str_eq(resting(&s), "");
}

Test(spool, reading_another_agents_message_is_not_found_and_changes_nothing)
{
    struct sc_id id = id_of(1);
    cr_assert_eq(receive(&f, "jerry", "bobby", 0), SC_OK);
    cr_assert_eq(f.spool.ops->in_ack(f.spool.impl, "carol", &id, NOW, &f.err), SC_ENOENT);
    cr_assert_eq(stats_of(&f).inbox_open, 1);
    cr_assert_eq(f.spool.ops->in_ack(f.spool.impl, "bobby", &id, NOW, &f.err), SC_OK);
    cr_assert_eq(stats_of(&f).inbox_open, 0);
    cr_assert_eq(head("jerry"), SC_ENOENT, "read and done with: no turn any more");
    cr_assert_eq(in_stage(&f, 1, SC_STAGE_REPLIED, 5), SC_OK);
    cr_assert_eq(stats_of(&f).inbox_open, 0);
}

Test(spool, finds_the_reply_to_a_message)
{
    enum sc_stage stage = SC_STAGE_STORED;
    char reason[SC_REASON_MAX];
    struct sc_id asked = id_of(500);
    sc_auto_message struct sc_message m = make(&f, "bobby", "jerry", "gw-b");
    m.kind = SC_KIND_REPLY;
    m.in_reply_to = asked;
    cr_assert_eq(f.spool.ops->in_put(f.spool.impl, &m, NOW, &stage, reason, &f.err), SC_OK);
    sc_auto_record struct sc_record r;
    sc_record_init(&r);
    cr_assert_eq(f.spool.ops->in_reply_to(f.spool.impl, &asked, &r, &f.err), SC_OK);
    cr_assert(sc_id_eq(&r.msg.id, &m.id));
}
