/* gateway.drain and gateway.undrain: what is answered, and when. */
#include "surface_fixture.h"

/* One call at a time, and how it ended. */
struct drained {
    struct fixture f;
    struct sc_drain *d;
    unsigned turns;
    char asked[64]; /* what the app was told last; "-" for undrain */
    bool kept;
    int ended;
    struct sc_value *result;
    struct sc_err err;
};

static unsigned turns(void *ctx)
{
    return ((struct drained *)ctx)->turns;
}

static void changed(void *ctx)
{
    (void)ctx;
}

static bool set_drain(void *ctx, const char *why)
{
    struct drained *t = ctx;
    (void)snprintf(t->asked, sizeof t->asked, "%s", why ? why : "-");
    sc_drain_set(t->d, SC_DRAIN_OPERATOR, why);
    return t->kept;
}

static struct drained *start(void)
{
    static struct drained t;
    fixture_init(&t.f);
    t.kept = true;
    const struct sc_drain_deps deps = {
        .loop = t.f.loop, .clock = sc_clock_system(), .turns = turns, .changed = changed, .ctx = &t
    };
    t.d = sc_drain_new(&deps);
    t.f.env.drain = t.d;
    t.f.env.set_drain = set_drain;
    t.f.env.ctx = &t;
    return &t;
}

static void stop(struct drained *t)
{
    sc_value_free(sc_steal(&t->result));
    sc_drain_free(t->d);
    fixture_fini(&t->f);
}

static void on_done(void *ctx, struct sc_call *call, int status, struct sc_value *take_result,
                    const struct sc_err *err)
{
    struct drained *t = ctx;
    (void)call, (void)status;
    t->ended++;
    sc_value_free(t->result);
    t->result = take_result;
    t->err = err ? *err : (struct sc_err)SC_ERR_INIT;
}

static struct sc_call *call(struct drained *t, const char *op, const char *params)
{
    t->ended = 0;
    return sc_call_start(&t->f.env, sc_operation_find(op),
                         sc_value_parse(params, strlen(params), NULL), NULL, on_done, t);
}

static void until_ended(struct drained *t)
{
    const struct sc_clock clock = sc_clock_system();
    int64_t end = sc_clock_mono(&clock).ms + 10000;
    while (!t->ended && sc_clock_mono(&clock).ms < end)
        cr_assert_eq(sc_loop_turn(t->f.loop, 20, NULL), SC_OK);
    cr_assert_eq(t->ended, 1);
}

static bool is(const struct drained *t, const char *flag)
{
    return sc_value_get_bool(t->result, flag, false);
}

static const char *phase(const struct drained *t)
{
    return sc_value_get_str(t->result, "phase");
}

Test(drain, is_answered_at_once_with_what_is_left)
{
    struct drained *t = start();
    t->turns = 2;
    (void)call(t, "gateway.drain", "{\"why\":\"new disk\"}");
    until_ended(t);
    cr_assert_str_eq(t->asked, "new disk");
    cr_assert_str_eq(phase(t), "leaving");
    cr_assert(!is(t, "ready") && !is(t, "timed_out") && is(t, "kept"));
    cr_assert_eq(sc_value_get_int(t->result, "turns", 0), 2);
    const struct sc_value *cause = sc_value_at(sc_value_get(t->result, "causes"), 0);
    cr_assert_str_eq(sc_value_get_str(cause, "by"), "operator");
    cr_assert_str_eq(sc_value_get_str(cause, "why"), "new disk");
    (void)call(t, "gateway.drain", "{}"); /* the first reason stays */
    until_ended(t);
    cr_assert_str_eq(t->asked, "new disk");
    stop(t);
}

Test(drain, that_the_disk_does_not_have_says_so)
{
    struct drained *t = start();
    t->kept = false;
    (void)call(t, "gateway.drain", "{}");
    until_ended(t);
    cr_assert_not(is(t, "kept"));
    cr_assert_not(sc_drain_serves(t->d));
    stop(t);
}

Test(drain, with_wait_ends_with_the_last_turn)
{
    struct drained *t = start();
    t->turns = 1;
    (void)call(t, "gateway.drain", "{\"wait_ms\":60000}");
    for (int i = 0; i < 5; i++)
        cr_assert_eq(sc_loop_turn(t->f.loop, 1, NULL), SC_OK);
    cr_assert_eq(t->ended, 0);
    t->turns = 0;
    until_ended(t);
    cr_assert(is(t, "ready") && !is(t, "timed_out"));
    (void)call(t, "gateway.drain", "{\"wait_ms\":60000}"); /* it is there already */
    until_ended(t);
    cr_assert(is(t, "ready"));
    stop(t);
}

Test(drain, with_wait_gives_up_in_time_and_goes_on_draining)
{
    struct drained *t = start();
    t->turns = 1;
    (void)call(t, "gateway.drain", "{\"wait_ms\":1}");
    until_ended(t);
    cr_assert(is(t, "timed_out") && !is(t, "ready"));
    cr_assert_not(sc_drain_serves(t->d));
    stop(t);
}

Test(drain, with_wait_ends_when_somebody_takes_it_back)
{
    struct drained *t = start();
    t->turns = 1;
    (void)call(t, "gateway.drain", "{\"wait_ms\":60000}");
    sc_drain_set(t->d, SC_DRAIN_OPERATOR, NULL);
    until_ended(t);
    cr_assert_str_eq(phase(t), "serving");
    cr_assert_not(is(t, "ready"));
    stop(t);
}

Test(drain, a_caller_that_goes_away_leaves_nothing_behind)
{
    struct drained *t = start();
    t->turns = 1;
    struct sc_call *c = call(t, "gateway.drain", "{\"wait_ms\":60000}");
    fixture_turn(&t->f);
    sc_call_abandon(c);
    t->turns = 0;
    for (int i = 0; i < 3; i++)
        fixture_turn(&t->f);
    sc_drain_set(t->d, SC_DRAIN_OPERATOR, NULL);
    cr_assert_eq(t->ended, 0);
    stop(t);
}

Test(undrain, takes_back_what_the_operator_asked_and_names_who_else_does)
{
    struct drained *t = start();
    sc_drain_set(t->d, SC_DRAIN_OPERATOR, "x");
    sc_drain_set(t->d, SC_DRAIN_CONSUL, "maintenance mode");
    (void)call(t, "gateway.undrain", "{}");
    until_ended(t);
    cr_assert_str_eq(t->asked, "-");
    cr_assert_str_eq(phase(t), "leaving");
    const struct sc_value *causes = sc_value_get(t->result, "causes");
    cr_assert_eq(sc_value_count(causes), 1);
    cr_assert_str_eq(sc_value_get_str(sc_value_at(causes, 0), "by"), "consul");
    sc_drain_set(t->d, SC_DRAIN_CONSUL, NULL);
    (void)call(t, "gateway.undrain", "{}");
    until_ended(t);
    cr_assert_str_eq(phase(t), "serving");
    cr_assert(sc_value_is_null(sc_value_get(t->result, "since")));
    stop(t);
}

/* An agent whose turn takes one task after the other would never end. */
Test(drain, there_is_no_task_for_agents_here)
{
    struct drained *t = start();
    sc_drain_set(t->d, SC_DRAIN_OPERATOR, "x");
    (void)call(t, "task.pop", "{\"agent\":\"jerry\"}");
    until_ended(t);
    cr_assert(sc_value_is_null(sc_value_get(t->result, "task")));
    stop(t);
}

Test(drain, where_nobody_can_is_an_error)
{
    struct drained *t = start();
    t->f.env.set_drain = NULL;
    (void)call(t, "gateway.drain", "{}");
    until_ended(t);
    cr_assert_eq(t->err.code, SC_EAWAY);
    stop(t);
}
