/* Streams that nobody reads stay bounded, and what was dropped from them unread is counted. */
#include "redis_fixture.h"

static struct world w;

static void setup(void)
{
    world_init(&w);
}

static void teardown(void)
{
    world_fini(&w);
}

TestSuite(redis_trim, .init = setup, .fini = teardown, .timeout = 60);

static void up(void)
{
    node_start(&w, &w.a, "gw-a");
    UNTIL(&w, w.a.state == SC_LINK_UP);
}

static struct sc_transport_stats stats(void)
{
    struct sc_transport_stats s;
    w.a.t->ops->stats(w.a.t->impl, &s);
    return s;
}

static long long waiting(void)
{
    return ask(&w.server, NULL, 0, "XLEN openclaw:agents:bobby:inbox");
}

static void send_n(int n)
{
    int before = w.a.n_done;
    for (int i = 0; i < n; i++)
        cr_assert_eq(send_to(&w, &w.a, "bobby", "gw-b"), SC_OK);
    UNTIL(&w, w.a.n_done == before + n);
    cr_assert_eq(w.a.n_failed, 0);
}

Test(redis_trim, by_length_and_what_nobody_took_is_counted_exactly)
{
    w.max_len = 500;
    up();
    send_n(1001); /* the first one asks at once, the thousand after it once more */
    UNTIL(&w, stats().trimmed_length > 0);
    cr_assert_eq((long long)stats().trimmed_length, 1001 - waiting());
    cr_assert(waiting() >= 500 && waiting() < 700, "%lld", waiting());
    cr_assert_eq((long long)stats().trimmed_age, 0);
}

Test(redis_trim, what_was_taken_is_not_counted)
{
    w.max_len = 2000;
    up();
    node_start(&w, &w.b, "gw-b");
    serve(&w.b, "bobby");
    w.b.settle_at_once = true;
    UNTIL(&w, w.b.state == SC_LINK_UP);
    for (int i = 1; i <= 3; i++) { /* more than the bound in all, never at once */
        send_n(1500);
        UNTIL(&w, w.b.n_got == i * 1500 && waiting() == 0);
    }
    cr_assert_eq((long long)stats().trimmed_length, 0);
}

Test(redis_trim, by_age)
{
    w.max_age_ms = 60 * 1000;
    char *old = sc_xasprintf("XADD openclaw:agents:bobby:inbox 1-%%d m %s", "x");
    for (int i = 1; i <= 300; i++)
        (void)ask(&w.server, NULL, 0, old, i);
    free(old);
    up();
    send_n(1);
    UNTIL(&w, stats().trimmed_age > 0);
    cr_assert_eq((long long)stats().trimmed_age, 301 - waiting());
    cr_assert(waiting() < 200, "%lld are left; Redis drops whole nodes of 100", waiting());
    cr_assert_eq((long long)stats().trimmed_length, 0);
}

Test(redis_trim, the_key_ends_when_all_its_writers_are_gone)
{
    up();
    send_n(1);
    UNTIL(&w, ask(&w.server, NULL, 0, "PTTL openclaw:agents:bobby:inbox") > 0);
    cr_assert(ask(&w.server, NULL, 0, "PTTL openclaw:agents:bobby:inbox") > 86000000);
}

Test(redis_trim, a_message_sent_again_and_a_question_leave_no_second_copy)
{
    up();
    send_n(1);
    struct sc_message *m = make(&w, "bobby", "gw-b");
    m->again = true;
    cr_assert_eq(send_made(&w, &w.a, m), SC_OK);
    m = make(&w, "bobby", "gw-b");
    m->ask = true;
    m->body_len = 0;
    m->body[0] = 0;
    cr_assert_eq(send_made(&w, &w.a, m), SC_OK);
    UNTIL(&w, w.a.n_done == 3);
    cr_assert_eq(w.a.n_failed, 0);
    cr_assert_eq(waiting(), 1);
}

Test(redis_trim, who_listens_gets_what_is_sent_again)
{
    up();
    node_start(&w, &w.b, "gw-b");
    serve(&w.b, "bobby");
    UNTIL(&w, w.b.state == SC_LINK_UP);
    struct sc_message *m = make(&w, "bobby", "gw-b");
    m->again = true;
    cr_assert_eq(send_made(&w, &w.a, m), SC_OK);
    UNTIL(&w, w.b.n_got == 1);
    cr_assert_str_eq(w.b.entry[0].name, "", "there is nothing to settle");
}

Test(redis_trim, a_stream_that_is_something_else_does_no_harm)
{
    up();
    (void)ask(&w.server, NULL, 0, "SET openclaw:agents:bobby:inbox oops");
    cr_assert_eq(send_to(&w, &w.a, "bobby", "gw-b"), SC_OK);
    UNTIL(&w, w.a.n_failed == 1);
    cr_assert_eq(send_to(&w, &w.a, "carol", "gw-b"), SC_OK);
    UNTIL(&w, w.a.n_done == 2);
    cr_assert_eq(w.a.state, SC_LINK_UP);
}
