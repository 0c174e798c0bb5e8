/* Dead letters get another life; without force none gets a second turn. */
#include "router_fixture.h"

static int retry(struct node *n, const struct sc_id *id, bool incoming, bool force,
                 struct sc_id *ret_as, struct sc_err *err)
{
    const struct sc_spool spool = mem_spool_port(n->spool);
    sc_auto_record struct sc_record rec;
    sc_record_init(&rec);
    cr_assert_eq(spool.ops->get(spool.impl, id, incoming, &rec, err), SC_OK);
    return sc_router_retry_dead(n->router, &rec, force, ret_as, err);
}

static struct sc_id retried(struct world *w, int node, const struct sc_id *id, bool force)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_id as;
    cr_assert_eq(retry(world_node(w, node), id, node == 1, force, &as, &err), SC_OK, "%s",
                 err.text);
    return as;
}

static void refused(struct world *w, int node, const struct sc_id *id, bool force,
                    enum sc_code code, const char *text)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_id as;
    cr_assert_eq(retry(world_node(w, node), id, node == 1, force, &as, &err), (int)code);
    cr_assert(strstr(err.text, text), "%s", err.text);
}

static const struct sc_record *out_row(struct world *w, const struct sc_id *id)
{
    return mem_spool_out(world_node(w, 0)->spool, id);
}

static size_t turns_of(struct world *w, const struct sc_id *id)
{
    const struct fake_turn *t = fake_gateway_find(world_node(w, 1)->gateway, id);
    return t ? t->runs : 0;
}

/* Its ttl passed while no transport was up. */
static struct sc_id expired(struct world *w)
{
    mem_link_set(world_node(w, 0)->link, SC_LINK_DOWN);
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, DAY_MS + 62 * 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_DEAD);
    mem_link_set(world_node(w, 0)->link, SC_LINK_UP);
    return id;
}

Test(dead, one_that_never_arrived_is_sent_again_under_its_id)
{
    struct world *w = two_nodes();
    struct sc_id id = expired(w), as = retried(w, 0, &id, false);
    cr_assert(sc_id_eq(&id, &as));
    world_run(w, 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_REPLIED);
    cr_assert_eq(turns_of(w, &id), 1);
    world_free(w);
}

/* The receiver had stored and answered it; every receipt and the reply were lost for a whole day.
 */
Test(dead, one_that_had_arrived_after_all_gets_no_second_turn)
{
    struct world *w = two_nodes();
    world_net(w)->cut[1][0] = true;
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, DAY_MS + 62 * 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_DEAD);
    cr_assert(strstr(reason(w, &id), "ambiguous: expired"), "%s", reason(w, &id));
    cr_assert(out_row(w, &id)->ambiguous);
    cr_assert_eq(turns_of(w, &id), 1);
    world_net(w)->cut[1][0] = false;
    (void)retried(w, 0, &id, false);
    world_run(w, 5 * 60 * 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_REPLIED, "it learns what became of it");
    cr_assert_eq(turns_of(w, &id), 1);
    world_free(w);
}

static struct sc_id failed_turn(struct world *w)
{
    fake_gateway_set_mode(world_node(w, 1)->gateway, FAKE_GW_FAILED);
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_DEAD);
    cr_assert_eq(in(w, &id), SC_STAGE_DEAD);
    fake_gateway_set_mode(world_node(w, 1)->gateway, FAKE_GW_AT_ONCE);
    return id;
}

Test(dead, a_turn_that_ran_needs_force_at_either_end)
{
    struct world *w = two_nodes();
    struct sc_id id = failed_turn(w);
    refused(w, 0, &id, false, SC_EEXIST, "a turn ran for it already");
    refused(w, 1, &id, false, SC_EEXIST, "a turn ran for it already");
    cr_assert_eq(turns_of(w, &id), 1);
    world_free(w);
}

/* The receiver was cut off for longer than the ttl, and then turns the late copy away. */
Test(dead, the_receivers_late_word_makes_it_certain_and_it_goes_as_a_new_message)
{
    struct world *w = two_nodes();
    world_crash(w, 1);
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, DAY_MS + 62 * 1000);
    cr_assert(out_row(w, &id)->ambiguous);
    const struct sc_message late = out_row(w, &id)->msg; /* borrowed */
    world_start(w, 1);
    mem_link_set(world_node(w, 1)->link, SC_LINK_UP);
    world_publish(w);
    world_run(w, 1000);
    hand_in(world_node(w, 1), sc_message_copy(&late));
    world_run(w, 1000);
    cr_assert_not(out_row(w, &id)->ambiguous);
    cr_assert_str_eq(reason(w, &id), "expired: it came after its ttl");
    struct sc_id as = retried(w, 0, &id, false);
    cr_assert_not(sc_id_eq(&as, &id), "there the old one is dead for good");
    world_run(w, 60 * 1000);
    cr_assert_eq(out(w, &as), SC_STAGE_REPLIED);
    cr_assert_eq(turns_of(w, &id), 0);
    world_free(w);
}

/* The receipts of the turn were lost, all but the last: the reason is no word of ours. */
Test(dead, a_sender_that_missed_receipts_does_not_guess)
{
    struct world *w = two_nodes();
    struct node *b = world_node(w, 1);
    fake_gateway_set_mode(b->gateway, FAKE_GW_NEVER);
    world_net(w)->cut[1][0] = true;
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, 1000);
    cr_assert_eq(in(w, &id), SC_STAGE_STARTED);
    fake_gateway_say(b->gateway, &id, SC_TURN_FAILED, "expired: the token of the model");
    world_net(w)->cut[1][0] = false;
    world_run(w, 5 * 60 * 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_DEAD);
    cr_assert_str_eq(reason(w, &id), "failed: expired: the token of the model");
    refused(w, 0, &id, false, SC_EEXIST, "a turn ran for it already");
    cr_assert_eq(turns_of(w, &id), 1);
    world_free(w);
}

Test(dead, with_force_the_sender_sends_a_new_message)
{
    struct world *w = two_nodes();
    struct sc_id id = failed_turn(w), as = retried(w, 0, &id, true);
    cr_assert_not(sc_id_eq(&id, &as), "a receiver remembers the old one as dead");
    world_run(w, 1000);
    cr_assert_eq(out(w, &as), SC_STAGE_REPLIED);
    cr_assert_eq(out(w, &id), SC_STAGE_DEAD);
    cr_assert(sc_id_eq(&out_row(w, &id)->retried_as, &as));
    cr_assert(sc_id_eq(&out_row(w, &as)->retry_of, &id));
    refused(w, 0, &id, true, SC_EEXIST, "it was retried already");
    world_free(w);
}

Test(dead, with_force_the_receiver_runs_it_again_under_another_key)
{
    struct world *w = two_nodes();
    struct sc_id id = failed_turn(w), as = retried(w, 1, &id, true);
    cr_assert(sc_id_eq(&id, &as));
    world_run(w, 1000);
    cr_assert_eq(in(w, &id), SC_STAGE_REPLIED);
    cr_assert_eq(turns_of(w, &id), 2);
    cr_assert(mem_spool_in(world_node(w, 1)->spool, &id)->ambiguous);
    const struct fake_turn *t = fake_gateway_find(world_node(w, 1)->gateway, &id);
    cr_assert_not(sc_id_eq(&t->run, &t->id), "a gateway runs a key once");
    cr_assert_eq(counters(w, 0).n.received, 1, "its answer still reaches the sender");
    world_free(w);
}

Test(dead, the_other_key_is_the_same_after_a_restart)
{
    struct world *w = two_nodes();
    struct sc_id id = failed_turn(w);
    fake_gateway_set_mode(world_node(w, 1)->gateway, FAKE_GW_NEVER);
    (void)retried(w, 1, &id, true);
    world_run(w, 1000);
    struct sc_id key = fake_gateway_find(world_node(w, 1)->gateway, &id)->run;
    world_crash(w, 1);
    world_start(w, 1);
    mem_link_set(world_node(w, 1)->link, SC_LINK_UP);
    world_publish(w);
    world_run(w, 60 * 1000);
    cr_assert(sc_id_eq(&fake_gateway_find(world_node(w, 1)->gateway, &id)->run, &key));
    cr_assert_eq(turns_of(w, &id), 2, "found, not run a third time");
    world_free(w);
}

/* Its gateway was away for longer than its ttl. */
Test(dead, a_turn_that_never_began_is_given_again_under_its_own_key)
{
    struct world *w = two_nodes();
    struct node *b = world_node(w, 1);
    fake_gateway_set_state(b->gateway, SC_GW_ABSENT);
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, DAY_MS + 62 * 1000);
    cr_assert_eq(in(w, &id), SC_STAGE_DEAD);
    cr_assert_not(mem_spool_in(b->spool, &id)->ambiguous);
    (void)retried(w, 1, &id, false);
    world_run(w, 60 * 1000);
    cr_assert_eq(in(w, &id), SC_STAGE_STORED, "its ttl began again");
    fake_gateway_set_state(b->gateway, SC_GW_READY);
    world_run(w, 1000);
    cr_assert_eq(in(w, &id), SC_STAGE_REPLIED);
    cr_assert_eq(turns_of(w, &id), 1);
    const struct fake_turn *t = fake_gateway_find(b->gateway, &id);
    cr_assert(sc_id_eq(&t->run, &t->id));
    world_free(w);
}

Test(dead, a_second_death_is_possible)
{
    struct world *w = two_nodes();
    struct node *b = world_node(w, 1);
    fake_gateway_set_state(b->gateway, SC_GW_ABSENT);
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, DAY_MS + 62 * 1000);
    (void)retried(w, 1, &id, false);
    world_run(w, DAY_MS + 62 * 1000);
    cr_assert_eq(in(w, &id), SC_STAGE_DEAD);
    (void)retried(w, 1, &id, false);
    fake_gateway_set_state(b->gateway, SC_GW_READY);
    world_run(w, 1000);
    cr_assert_eq(turns_of(w, &id), 1);
    world_free(w);
}

/* The receiver's gateway never took it, and the sender was told so: the old id is dead there. */
Test(dead, one_that_died_unrun_at_its_receiver_goes_as_a_new_message)
{
    struct world *w = two_nodes();
    fake_gateway_set_state(world_node(w, 1)->gateway, SC_GW_ABSENT);
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, DAY_MS + 62 * 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_DEAD);
    fake_gateway_set_state(world_node(w, 1)->gateway, SC_GW_READY);
    struct sc_id as = retried(w, 0, &id, false);
    cr_assert_not(sc_id_eq(&id, &as));
    world_run(w, 1000);
    cr_assert_eq(out(w, &as), SC_STAGE_REPLIED);
    world_free(w);
}

/* A home that refused it for good would refuse it again, whoever asks (ADR 0012). */
Test(dead, one_that_its_home_gave_up_goes_as_a_new_message)
{
    struct world *w = two_nodes();
    char self[] = "gw-0", home[] = "gw-1";
    mem_link_set(world_node(w, 0)->link, SC_LINK_DOWN);
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, 10);
    struct sc_receipt one = { .id = id, .stage = SC_STAGE_DEAD, .at = { world_now(w) } };
    sc_reason_copy(one.reason, SC_REASON_MOVED);
    sc_router_receipts(
        world_node(w, 0)->router,
        &(struct sc_receipts){ .from_gateway = home, .to_gateway = self, .v = &one, .n = 1 });
    world_run(w, 10);
    mem_link_set(world_node(w, 0)->link, SC_LINK_UP);
    cr_assert_str_eq(reason(w, &id), SC_REASON_MOVED);
    struct sc_id as = retried(w, 0, &id, false);
    cr_assert_not(sc_id_eq(&id, &as));
    world_run(w, 1000);
    cr_assert_eq(out(w, &as), SC_STAGE_REPLIED);
    world_free(w);
}

Test(dead, an_agent_that_left_gets_no_turn)
{
    struct world *w = two_nodes();
    struct sc_id id = failed_turn(w);
    world_agent(w, 0, "bobby"); /* moved */
    world_publish(w);
    world_run(w, 1000);
    refused(w, 1, &id, true, SC_ENOENT, "agent bobby is not here any more");
    world_free(w);
}

Test(dead, a_living_message_is_no_dead_letter)
{
    struct world *w = two_nodes();
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, 1000);
    refused(w, 0, &id, true, SC_EEXIST, "it is not dead, but replied");
    world_free(w);
}

Test(dead, a_failed_commit_leaves_it_dead)
{
    struct world *w = two_nodes();
    struct sc_id id = expired(w);
    mem_spool_faults(world_node(w, 0)->spool)->fail_commits = 1;
    (void)retried(w, 0, &id, false);
    world_run(w, 60 * 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_DEAD);
    cr_assert_eq(turns_of(w, &id), 0);
    world_free(w);
}

/* ---- where it cannot be known ---- */

Test(ambiguous, a_turn_the_gateway_lost_ends_with_the_mark_at_both_ends)
{
    struct world *w = two_nodes();
    fake_gateway_set_mode(world_node(w, 1)->gateway, FAKE_GW_MANUAL);
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, 100);
    fake_gateway_say(world_node(w, 1)->gateway, &id, SC_TURN_ACCEPTED, NULL);
    fake_gateway_say(world_node(w, 1)->gateway, &id, SC_TURN_LOST, "it has no trace of it");
    world_run(w, 1000);
    cr_assert_eq(in(w, &id), SC_STAGE_DEAD);
    cr_assert(mem_spool_in(world_node(w, 1)->spool, &id)->ambiguous);
    cr_assert_str_eq(reason(w, &id), "ambiguous: it has no trace of it");
    cr_assert(out_row(w, &id)->ambiguous, "the receipt's word is enough");
    refused(w, 1, &id, false, SC_EEXIST, "or may have run");
    refused(w, 0, &id, false, SC_EEXIST, "or may have run");
    world_free(w);
}

/* ---- one full agent does not stop the others ---- */

Test(busy, what_a_full_queue_refuses_is_taken_from_the_transport_and_comes_again)
{
    struct world *w = two_nodes();
    mem_spool_faults(world_node(w, 1)->spool)->busy_agent = "bobby";
    world_agent(w, 1, "infra");
    world_publish(w);
    struct sc_id full = send_to(w, "bobby", "hi"), other = send_to(w, "infra", "hi");
    world_run(w, 1000);
    cr_assert_eq(out(w, &full), SC_STAGE_SENT);
    cr_assert_eq(out(w, &other), SC_STAGE_REPLIED);
    cr_assert_eq(mem_link_counters(world_node(w, 1)->link)->settles, 2, "no copy is left behind");
    mem_spool_faults(world_node(w, 1)->spool)->busy_agent = NULL;
    world_run(w, 5 * 60 * 1000);
    cr_assert_eq(out(w, &full), SC_STAGE_REPLIED);
    world_free(w);
}

/* What is due to a full queue of this gateway does not stop what is due to others behind it. */
Test(busy, a_full_local_queue_does_not_hold_up_the_retries_of_others)
{
    struct world *w = two_nodes();
    struct node *a = world_node(w, 0);
    world_agent(w, 0, "scribe");
    world_publish(w);
    mem_spool_faults(a->spool)->busy_agent = "scribe";
    mem_link_set(a->link, SC_LINK_DOWN);
    struct sc_id local = send_to(w, "scribe", "hi");
    for (int i = 0; i < 30; i++)
        (void)send_to(w, "scribe", "hi");
    struct sc_id other = send_to(w, "bobby", "hi");
    world_run(w, 60 * 1000);
    cr_assert_eq(out(w, &other), SC_STAGE_ACCEPTED);
    mem_link_set(a->link, SC_LINK_UP);
    world_run(w, 1000);
    cr_assert_eq(out(w, &other), SC_STAGE_REPLIED);
    cr_assert_eq(out(w, &local), SC_STAGE_ACCEPTED);
    mem_spool_faults(a->spool)->busy_agent = NULL;
    world_run(w, 5 * 60 * 1000);
    cr_assert_eq(out(w, &local), SC_STAGE_REPLIED);
    world_free(w);
}
