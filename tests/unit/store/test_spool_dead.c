/* Dead letters in the spool: on the list, off it, and back to life. */
#include <string.h>

#include "../../../src/store/spool_internal.h"
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

TestSuite(spool_dead, .init = setup, .fini = teardown);

static void die(int i, bool incoming, int64_t ms, const char *reason)
{
    struct sc_id id = id_of(i);
    int r = incoming
                ? f.spool.ops->in_advance(f.spool.impl, &id, SC_STAGE_DEAD, AT(ms), reason, &f.err)
                : f.spool.ops->out_advance(f.spool.impl, &id, SC_STAGE_DEAD, AT(ms), reason, NULL,
                                           &f.err);
    cr_assert_eq(r, SC_OK, "%s", f.err.text);
}

static const char *list(const struct sc_dead_query *q)
{
    static struct seen s;
    s = (struct seen){ .n = 0 };
    cr_assert_eq(f.spool.ops->dead_list(f.spool.impl, q, note, &s, &f.err), SC_OK);
    return s.text;
}

static const char *outgoing(const char *agent, const char *reason)
{
    return list(&(struct sc_dead_query){ .agent = agent, .reason = reason, .limit = 10 });
}

static void get(int i, bool incoming, struct sc_record *ret)
{
    struct sc_id id = id_of(i);
    sc_record_init(ret);
    cr_assert_eq(f.spool.ops->get(f.spool.impl, &id, incoming, ret, &f.err), SC_OK);
}

static int refuse(void *ctx)
{
    (void)ctx;
    return 1; /* the commit becomes a rollback */
}

static void turn_that_fails(void)
{
    (void)sqlite3_commit_hook(f.sq->db, refuse, NULL);
    turn(&f);
    (void)sqlite3_commit_hook(f.sq->db, NULL, NULL);
}

/* The numbers kept in memory are those of the file. */
static void counts_agree(void)
{
    turn(&f);
    struct sc_spool_stats a = stats_of(&f), b;
    fixture_close(&f);
    fixture_open(&f);
    b = stats_of(&f);
    cr_assert_eq(a.outbox_open, b.outbox_open);
    cr_assert_eq(a.inbox_open, b.inbox_open);
    cr_assert_eq(a.messages, b.messages);
    cr_assert_eq(a.bytes, b.bytes);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(a.dead[i], b.dead[i], "%d", i);
        cr_assert_eq(a.ambiguous[i], b.ambiguous[i], "%d", i);
    }
}

Test(spool_dead, are_listed_in_the_order_of_their_deaths)
{
    for (int i = 0; i < 3; i++)
        cr_assert_eq(put(&f, 0), SC_OK);
    die(3, false, 10, "expired: too late");
    die(1, false, 20, "loop: too many");
    cr_assert_str_eq(outgoing(NULL, NULL), "3 1 ");
    cr_assert_str_eq(list(&(struct sc_dead_query){ .skip = 1, .limit = 10 }), "1 ");
    cr_assert_str_eq(list(&(struct sc_dead_query){ .limit = 1 }), "3 ");
    cr_assert_str_eq(list(&(struct sc_dead_query){ .incoming = true, .limit = 10 }), "");
}

Test(spool_dead, are_chosen_by_agent_and_by_how_the_reason_begins)
{
    cr_assert_eq(put_to(&f, "bobby", "gw-b", 0), SC_OK);
    cr_assert_eq(put_to(&f, "infra", "gw-b", 0), SC_OK);
    die(1, false, 10, "expired: 100% late_");
    die(2, false, 20, "expired: 100 percent");
    cr_assert_str_eq(outgoing("bobby", NULL), "1 ");
    cr_assert_str_eq(outgoing("jerry", NULL), "1 2 ", "the sender counts, too");
    cr_assert_str_eq(outgoing(NULL, "expired: 100%"), "1 ", "no pattern, but text");
    cr_assert_str_eq(outgoing(NULL, "expired"), "1 2 ");
    cr_assert_str_eq(outgoing("bobby", "loop"), "");
}

Test(spool_dead, an_ambiguous_one_is_marked)
{
    sc_auto_record struct sc_record rec;
    cr_assert_eq(receive(&f, "bobby", "jerry", 1), SC_OK);
    cr_assert_eq(receive(&f, "bobby", "jerry", 2), SC_OK);
    die(1, true, 10, "ambiguous: its gateway may have run it");
    die(2, true, 20, "no such model");
    cr_assert_eq(stats_of(&f).ambiguous[1], 1);
    cr_assert_eq(stats_of(&f).dead[1], 2);
    get(1, true, &rec);
    cr_assert(rec.ambiguous && rec.listed);
    sc_record_fini(&rec);
    get(2, true, &rec);
    cr_assert_not(rec.ambiguous);
    counts_agree();
}

Test(spool_dead, a_dropped_one_leaves_the_list_and_is_still_known)
{
    sc_auto_record struct sc_record rec;
    struct sc_id id = id_of(1);
    cr_assert_eq(put(&f, 0), SC_OK);
    die(1, false, 10, "expired");
    cr_assert_eq(f.spool.ops->dead_drop(f.spool.impl, &id, false, &f.err), SC_OK);
    cr_assert_str_eq(outgoing(NULL, NULL), "");
    cr_assert_eq(stats_of(&f).dead[0], 0);
    cr_assert_eq(f.spool.ops->dead_drop(f.spool.impl, &id, false, &f.err), SC_ENOENT);
    get(1, false, &rec);
    cr_assert_eq(rec.stage, SC_STAGE_DEAD);
    cr_assert_str_eq(rec.reason, "expired");
    f.n = 0;
    cr_assert_eq(put(&f, 0), SC_EEXIST, "its id cannot be used again");
    counts_agree();
}

Test(spool_dead, a_living_one_cannot_be_dropped)
{
    struct sc_id id = id_of(1);
    cr_assert_eq(put(&f, 0), SC_OK);
    cr_assert_eq(f.spool.ops->dead_drop(f.spool.impl, &id, false, &f.err), SC_ENOENT);
}

Test(spool_dead, a_repeated_one_and_its_repetition_know_each_other)
{
    sc_auto_record struct sc_record old, new;
    struct sc_id a = id_of(1), b = id_of(2);
    cr_assert_eq(put(&f, 0), SC_OK);
    die(1, false, 10, "expired");
    cr_assert_eq(put(&f, 0), SC_OK);
    cr_assert_eq(f.spool.ops->out_retried(f.spool.impl, &a, &b, &f.err), SC_OK);
    get(1, false, &old);
    get(2, false, &new);
    cr_assert(sc_id_eq(&old.retried_as, &b));
    cr_assert(sc_id_eq(&new.retry_of, &a));
    cr_assert_not(old.listed);
    cr_assert_eq(f.spool.ops->out_retried(f.spool.impl, &a, &b, &f.err), SC_ENOENT);
    counts_agree();
}

Test(spool_dead, an_outgoing_one_lives_again_as_if_it_were_new)
{
    sc_auto_record struct sc_record rec;
    cr_assert_eq(put(&f, 0), SC_OK);
    cr_assert_eq(out_stage(&f, 1, SC_STAGE_SENT, 5), SC_OK);
    die(1, false, 10, "ambiguous: expired");
    get(1, false, &rec);
    rec.msg.timestamp = AT(1000);
    cr_assert_eq(f.spool.ops->out_revive(f.spool.impl, &rec.msg, AT(1000), AT(3000), &f.err),
                 SC_OK);
    sc_record_fini(&rec);
    get(1, false, &rec);
    cr_assert_eq(rec.stage, SC_STAGE_ACCEPTED);
    cr_assert_eq(rec.msg.timestamp.ms, AT(1000).ms, "its ttl begins again");
    cr_assert_eq(rec.due.ms, AT(3000).ms);
    cr_assert_eq(rec.revived.ms, AT(1000).ms);
    cr_assert_eq(rec.times[SC_STAGE_ACCEPTED].ms, NOW.ms, "its history stays");
    cr_assert_eq(rec.times[SC_STAGE_DEAD].ms + rec.times[SC_STAGE_SENT].ms, 0);
    cr_assert_str_eq(rec.last_error, "ambiguous: expired");
    cr_assert_null(rec.reason);
    cr_assert_eq(stats_of(&f).outbox_open, 1);
    counts_agree();
}

Test(spool_dead, an_incoming_one_waits_for_its_turn_again_before_the_others)
{
    sc_auto_record struct sc_record rec;
    struct sc_id id = id_of(1);
    for (uint64_t seq = 1; seq <= 2; seq++)
        cr_assert_eq(receive(&f, "jerry", "bobby", seq), SC_OK);
    cr_assert_eq(in_stage(&f, 1, SC_STAGE_STARTED, 5), SC_OK);
    die(1, true, 10, "no such model");
    cr_assert_eq(f.spool.ops->in_revive(f.spool.impl, &id, AT(20), true, &f.err), SC_OK);
    sc_record_init(&rec);
    cr_assert_eq(f.spool.ops->in_head(f.spool.impl, "bobby", "jerry", "gw-a", &rec, &f.err),
                 SC_EBUSY, "not before it is committed");
    turn(&f);
    cr_assert_eq(f.spool.ops->in_head(f.spool.impl, "bobby", "jerry", "gw-a", &rec, &f.err), SC_OK);
    cr_assert(sc_id_eq(&rec.msg.id, &id));
    cr_assert_eq(rec.stage, SC_STAGE_STORED);
    cr_assert_eq(rec.times[SC_STAGE_STARTED].ms, 0);
    cr_assert_eq(rec.revived.ms, AT(20).ms);
    cr_assert(rec.ambiguous, "a turn ran before");
    cr_assert_str_eq(rec.last_error, "no such model");
    cr_assert_eq(stats_of(&f).inbox_open, 2);
    cr_assert_eq(in_stage(&f, 1, SC_STAGE_REPLIED, 30), SC_OK);
    cr_assert_eq(stats_of(&f).inbox_open, 1);
    counts_agree();
}

Test(spool_dead, one_between_two_agents_of_this_gateway_lives_again_in_both_boxes)
{
    sc_auto_record struct sc_record out;
    struct sc_id id = id_of(1);
    cr_assert_eq(put_to(&f, "scribe", "gw-a", 0), SC_OK);
    f.n = 0; /* the same message */
    cr_assert_eq(receive(&f, "jerry", "scribe", 1), SC_OK);
    die(1, true, 10, "no such model");
    die(1, false, 10, "no such model");
    cr_assert_eq(f.spool.ops->in_revive(f.spool.impl, &id, AT(20), false, &f.err), SC_OK);
    get(1, false, &out);
    cr_assert_eq(out.stage, SC_STAGE_STORED);
    cr_assert_not(out.ambiguous);
    cr_assert_eq(out_stage(&f, 1, SC_STAGE_REPLIED, 30), SC_OK);
    cr_assert_eq(in_stage(&f, 1, SC_STAGE_REPLIED, 30), SC_OK);
    cr_assert_eq(stats_of(&f).outbox_open + stats_of(&f).inbox_open, 0);
    counts_agree();
}

Test(spool_dead, a_failed_turn_changes_no_number)
{
    struct sc_id id = id_of(1);
    cr_assert_eq(put(&f, 0), SC_OK);
    die(1, false, 10, "expired");
    turn(&f);
    cr_assert_eq(f.spool.ops->dead_drop(f.spool.impl, &id, false, &f.err), SC_OK);
    cr_assert_eq(stats_of(&f).dead[0], 0);
    turn_that_fails();
    cr_assert_eq(stats_of(&f).dead[0], 1);
    cr_assert_str_eq(outgoing(NULL, NULL), "1 ");
}

Test(spool_dead, retention_takes_it_from_the_list)
{
    cr_assert_eq(put(&f, 0), SC_OK);
    die(1, false, 10, "ambiguous: expired");
    cr_assert_eq(f.spool.ops->expire(f.spool.impl, AT(100000), 1000, &f.err), SC_OK);
    cr_assert_eq(stats_of(&f).dead[0] + stats_of(&f).ambiguous[0], 0);
    cr_assert_str_eq(outgoing(NULL, NULL), "");
    counts_agree();
}

Test(spool_dead, a_late_word_resolves_an_ambiguous_death)
{
    sc_auto_record struct sc_record rec;
    cr_assert_eq(put(&f, 0), SC_OK);
    die(1, false, 10, "ambiguous: expired, and nobody said a word");
    cr_assert_eq(out_stage(&f, 1, SC_STAGE_STARTED, 20), SC_OK);
    get(1, false, &rec);
    cr_assert(rec.ambiguous && rec.listed);
    cr_assert_eq(rec.stage, SC_STAGE_DEAD);
    cr_assert_eq(rec.times[SC_STAGE_STARTED].ms, AT(20).ms, "it ran");
    sc_record_fini(&rec);
    die(1, false, 30, "ambiguous: its gateway may have run it");
    cr_assert_eq(stats_of(&f).ambiguous[0], 1);
    die(1, false, 40, "no such model");
    get(1, false, &rec);
    cr_assert_not(rec.ambiguous);
    cr_assert_str_eq(rec.reason, "no such model");
    cr_assert_eq(rec.times[SC_STAGE_DEAD].ms, AT(10).ms);
    cr_assert_eq(stats_of(&f).ambiguous[0], 0);
    cr_assert_eq(stats_of(&f).dead[0], 1);
    sc_record_fini(&rec);
    die(1, false, 50, "and another one");
    get(1, false, &rec);
    cr_assert_str_eq(rec.reason, "no such model", "what is certain stays");
    counts_agree();
}

/* ---- what `show` tells ---- */

Test(spool_dead, a_row_knows_its_transport_and_its_last_error)
{
    sc_auto_record struct sc_record rec;
    struct sc_id id = id_of(1);
    const struct sc_attempt a = { .via = "consul", .error = "no receipt came" },
                            b = { .error = "the value is too big" };
    cr_assert_eq(put(&f, 0), SC_OK);
    cr_assert_eq(
        f.spool.ops->out_advance(f.spool.impl, &id, SC_STAGE_SENT, AT(1), "redis", NULL, &f.err),
        SC_OK);
    get(1, false, &rec);
    cr_assert_str_eq(rec.via, "redis");
    cr_assert_null(rec.reason);
    sc_record_fini(&rec);
    cr_assert_eq(f.spool.ops->out_retry(f.spool.impl, &id, AT(50), &a, &f.err), SC_OK);
    cr_assert_eq(f.spool.ops->out_note(f.spool.impl, &id, &b, &f.err), SC_OK);
    cr_assert_eq(f.spool.ops->out_retry(f.spool.impl, &id, AT(60), &quiet, &f.err), SC_OK);
    get(1, false, &rec);
    cr_assert_str_eq(rec.via, "consul");
    cr_assert_str_eq(rec.last_error, "the value is too big", "kept until there is another");
    cr_assert_eq(rec.attempts, 2);
    cr_assert_eq(rec.due.ms, AT(60).ms);
}

Test(spool_dead, the_reply_that_left_is_found)
{
    sc_auto_record struct sc_record reply;
    struct sc_id question = id_of(77);
    sc_auto_message struct sc_message m = make(&f, "bobby", "jerry", "gw-b");
    m.kind = SC_KIND_REPLY;
    m.in_reply_to = question;
    sc_record_init(&reply);
    cr_assert_eq(f.spool.ops->out_reply_to(f.spool.impl, &question, &reply, &f.err), SC_ENOENT);
    cr_assert_eq(f.spool.ops->out_put(f.spool.impl, &m, NOW, AT(0), &f.err), SC_OK);
    cr_assert_eq(f.spool.ops->out_reply_to(f.spool.impl, &question, &reply, &f.err), SC_OK, "%s",
                 f.err.text);
    cr_assert(sc_id_eq(&reply.msg.id, &m.id));
}
