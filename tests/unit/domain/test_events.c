#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "sideclaw/buf.h"
#include "sideclaw/events.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "support/fake_clock.h"
#include "support/fake_loop.h"
#include "support/prng.h"

/* A log that is up or down, and answers when the test says so. */
static struct {
    int64_t now;
    struct fake_clock clock;
    struct prng prng;
    struct sc_loop *loop;
    struct sc_events *e;
    bool up;
    int follows;
    char got[8192]; /* texts of pushes that were answered with yes, a blank after each */
    char coming[8192];
    sc_event_done_fn *done;
    void *done_ctx;
    sc_event_fn *list_each;
    sc_event_done_fn *list_done;
} f;

static bool is_up(const void *impl)
{
    (void)impl;
    return f.up;
}

static void add_text(char *all, size_t size, const struct sc_event *ev)
{
    size_t n = strlen(all);
    (void)snprintf(all + n, size - n, "%s ", ev->text);
}

static int push(void *impl, const struct sc_event *const *v, size_t n, sc_event_done_fn *done,
                void *ctx, struct sc_err *err)
{
    (void)impl, (void)err;
    cr_assert(!f.done, "one push at a time");
    f.coming[0] = '\0';
    for (size_t i = 0; i < n; i++)
        add_text(f.coming, sizeof f.coming, v[i]);
    f.done = done;
    f.done_ctx = ctx;
    return SC_OK;
}

static void answer_list(void *ctx)
{
    struct sc_event there = { .text = sc_xstrdup("there") };
    f.list_each(ctx, &there);
    sc_event_fini(&there);
    f.list_done(ctx, NULL);
}

static int list(void *impl, size_t limit, sc_event_fn *each, sc_event_done_fn *done, void *ctx,
                struct sc_err *err)
{
    (void)impl, (void)limit, (void)err;
    f.list_each = each;
    f.list_done = done;
    sc_loop_defer(f.loop, answer_list, ctx);
    return SC_OK;
}

static void follow(void *impl)
{
    (void)impl;
    f.follows++;
}

static void begin(bool has_log)
{
    static const struct sc_event_log_ops ops = {
        .is_up = is_up, .push = push, .list = list, .follow = follow
    };
    memset(&f, 0, sizeof f);
    f.now = 120 * 1000;
    f.clock = (struct fake_clock){ .now = &f.now, .wall_zero = 1700000000000 };
    prng_seed(&f.prng, 1);
    prng_install(&f.prng);
    f.loop = fake_loop_new(&f.now);
    const struct sc_events_deps deps = { .loop = f.loop,
                                         .clock = fake_clock_port(&f.clock),
                                         .sink = { .ops = has_log ? &ops : NULL },
                                         .self_name = "me" };
    f.e = sc_events_new(&deps);
}

static void setup(void)
{
    begin(true);
}

static void teardown(void)
{
    sc_events_free(f.e);
    sc_loop_free(f.loop);
}
TestSuite(events, .init = setup, .fini = teardown);

static int say(const char *text)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_id id;
    return sc_events_push(f.e, "jerry", "note", text, &id, &err);
}

static void answer(bool yes)
{
    struct sc_err err = SC_ERR_INIT;
    (void)sc_fail(&err, SC_EAWAY, "gone");
    sc_event_done_fn *done = f.done;
    cr_assert(done, "nothing is under way");
    f.done = NULL;
    if (yes)
        (void)snprintf(f.got + strlen(f.got), sizeof f.got - strlen(f.got), "%s", f.coming);
    done(f.done_ctx, yes ? NULL : &err);
}

static void rise(void)
{
    f.up = true;
    sc_events_ready(f.e);
}

Test(events, they_wait_while_the_log_is_away_and_leave_in_order)
{
    cr_assert_eq(say("a"), SC_OK);
    cr_assert_eq(say("b"), SC_OK);
    rise();
    cr_assert_eq(say("c"), SC_OK);
    answer(true);
    answer(true);
    cr_assert_str_eq(f.got, "a b c ");
    cr_assert(!f.done);
}

Test(events, a_push_without_an_answer_is_repeated_before_anything_else)
{
    f.up = true;
    cr_assert_eq(say("a"), SC_OK);
    f.up = false;
    answer(false);
    cr_assert_eq(say("b"), SC_OK);
    cr_assert(!f.done);
    rise();
    answer(true);
    cr_assert_str_eq(f.got, "a b ");
}

Test(events, one_that_only_failed_is_tried_again_by_itself)
{
    f.up = true;
    cr_assert_eq(say("a"), SC_OK);
    answer(false);
    cr_assert(!f.done, "not in a circle");
    f.now += 1000;
    fake_loop_turn(f.loop);
    answer(true);
    cr_assert_str_eq(f.got, "a ");
}

Test(events, those_that_wait_are_bounded_and_the_oldest_go)
{
    struct sc_events_stats s;
    for (int i = 0; i < SC_EVENTS_WAITING_MAX + 3; i++)
        sc_events_note(f.e, "x", NULL, "%d", i);
    sc_events_stats(f.e, &s);
    cr_assert_eq(s.waiting, SC_EVENTS_WAITING_MAX);
    cr_assert_eq(s.dropped, 3);
    rise();
    cr_assert_eq(strncmp(f.coming, "3 4 5 ", 6), 0, "%s", f.coming);
}

Test(events, what_is_under_way_is_not_dropped)
{
    f.up = true;
    sc_events_note(f.e, "x", NULL, "first");
    for (int i = 0; i < SC_EVENTS_WAITING_MAX; i++)
        sc_events_note(f.e, "x", NULL, "%d", i);
    answer(true);
    cr_assert_eq(strncmp(f.coming, "1 2 3 ", 6), 0, "0 made room: %s", f.coming);
}

Test(events, an_agent_has_so_many_a_minute)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_id id;
    for (int i = 0; i < SC_EVENTS_RATE_MAX; i++)
        cr_assert_eq(say("x"), SC_OK);
    cr_assert_eq(say("x"), SC_EBUSY);
    cr_assert_eq(sc_events_push(f.e, "bobby", "note", "x", &id, &err), SC_OK);
    f.now += 60 * 1000;
    cr_assert_eq(say("x"), SC_OK);
}

Test(events, nonsense_is_refused)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_id id;
    sc_auto_buf struct sc_buf big = SC_BUF_INIT;
    for (int i = 0; i <= SC_EVENT_TEXT_MAX; i++)
        sc_buf_addc(&big, 'x');
    cr_assert_eq(say(""), SC_EINVAL);
    cr_assert_eq(say(sc_buf_str(&big)), SC_ETOOBIG);
    cr_assert_eq(sc_events_push(f.e, "jerry", "two words", "x", &id, &err), SC_EINVAL);
}

Test(events, many_deaths_are_few_events)
{
    f.up = true;
    for (int i = 0; i < 100; i++)
        sc_events_died(f.e, "message_dead", "message 1", "expired");
    answer(true);
    cr_assert(!f.done);
    cr_assert_str_eq(f.got, "message 1 is dead: expired ");
    f.now += 60 * 1000;
    sc_events_died(f.e, "message_dead", "message 2", "loop");
    answer(true);
    cr_assert(strstr(f.got, "message 2 is dead: loop; and 99 before it"), "%s", f.got);
}

static void on_event(void *ctx, uint64_t seq, const struct sc_event *ev)
{
    (void)seq;
    add_text(ctx, 64, ev);
}

static void each(void *ctx, const struct sc_event *ev)
{
    add_text(ctx, 64, ev);
}

static void on_done(void *ctx, const struct sc_err *err)
{
    size_t n = strlen(ctx);
    (void)snprintf((char *)ctx + n, 64 - n, "%s", err ? "(away)" : "(end)");
}

Test(events, who_listens_hears_each_once)
{
    char heard[64] = "";
    struct sc_event_listener l = { .event = on_event, .ctx = heard };
    struct sc_err err = SC_ERR_INIT;
    struct sc_id id;
    sc_events_listen(f.e, &l);
    cr_assert_eq(sc_events_push(f.e, "jerry", "note", "mine", &id, &err), SC_OK);
    struct sc_event echo = { .id = id, .text = sc_xstrdup("mine") };
    struct sc_event other = { .text = sc_xstrdup("other") };
    sc_events_heard(f.e, &echo);
    sc_events_heard(f.e, &other);
    sc_events_heard(f.e, &other);
    sc_events_unlisten(&l);
    sc_events_heard(f.e, &other);
    cr_assert_str_eq(heard, "mine other other ");
    heard[0] = '\0';
    sc_events_since(f.e, 2, each, heard);
    cr_assert_str_eq(heard, "other other ");
    sc_event_fini(&echo);
    sc_event_fini(&other);
}

Test(events, the_mesh_is_followed_once)
{
    sc_events_follow(f.e);
    sc_events_follow(f.e);
    cr_assert_eq(f.follows, 1);
}

Test(events, a_ring_that_went_round_shows_what_it_has)
{
    char text[64] = "";
    for (int i = 1; i <= SC_EVENTS_HEARD_MAX + 2; i++)
        sc_events_note(f.e, "x", NULL, "%d", i);
    uint64_t last = sc_events_last(f.e);
    sc_events_since(f.e, last - 2, each, text);
    cr_assert_str_eq(text, "257 258 ");
    text[0] = '\0';
    sc_events_since(f.e, 0, each, text);
    cr_assert_eq(strncmp(text, "3 4 ", 4), 0, "%s", text);
}

Test(events, the_list_has_what_waits_and_what_is_there)
{
    char text[64] = "";
    f.up = true;
    cr_assert_eq(say("going"), SC_OK);
    cr_assert_eq(say("waiting"), SC_OK);
    sc_events_list(f.e, 10, each, on_done, text);
    fake_loop_turn(f.loop);
    cr_assert_str_eq(text, "waiting there (end)");
}

Test(events, while_the_log_is_away_the_list_says_so)
{
    char text[64] = "";
    cr_assert_eq(say("a"), SC_OK);
    cr_assert_eq(say("b"), SC_OK);
    sc_events_list(f.e, 10, each, on_done, text);
    cr_assert_str_eq(text, "", "never before the call returned");
    fake_loop_turn(f.loop);
    cr_assert_str_eq(text, "b a (away)");
}

Test(events, without_a_log_everything_stays_here)
{
    char text[64] = "";
    teardown();
    begin(false);
    cr_assert_eq(say("a"), SC_OK);
    sc_events_list(f.e, 10, each, on_done, text);
    fake_loop_turn(f.loop);
    cr_assert_str_eq(text, "a (end)");
}
