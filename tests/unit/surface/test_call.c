#include "surface_fixture.h"

/* How a call ended. */
struct ending {
    int times, status;
    struct sc_value *result;
    struct sc_err err;
};

static void on_done(void *ctx, struct sc_call *call, int status, struct sc_value *take_result,
                    const struct sc_err *err)
{
    struct ending *e = ctx;
    (void)call;
    e->times++;
    e->status = status;
    e->result = take_result;
    if (err)
        e->err = *err;
}

static struct sc_value *json(const char *text)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_value *v = sc_value_parse(text, strlen(text), &err);
    cr_assert(v, "%s", err.text);
    return v;
}

static struct sc_call *start_as(struct fixture *f, const char *caller, const char *op,
                                const char *params, struct ending *e)
{
    *e = (struct ending){ 0 };
    return sc_call_start(&f->env, sc_operation_find(op), json(params), caller, on_done, e);
}

static struct sc_call *start(struct fixture *f, const char *op, const char *params,
                             struct ending *e)
{
    return start_as(f, NULL, op, params, e);
}

static struct ending call(struct fixture *f, const char *op, const char *params)
{
    struct ending e;
    (void)start(f, op, params, &e);
    cr_assert_eq(e.times, 0, "done never runs before start returned");
    fixture_turn(f);
    fixture_commit(f, NULL);
    fixture_turn(f);
    cr_assert_eq(e.times, 1, "%s ended %d times", op, e.times);
    return e;
}

static void fails(struct fixture *f, const char *op, const char *params, enum sc_code code,
                  const char *text)
{
    struct ending e = call(f, op, params);
    cr_assert_null(e.result);
    cr_assert_eq(e.err.code, code, "%s: %s", params, e.err.text);
    cr_assert(strstr(e.err.text, text), "%s: %s", params, e.err.text);
    cr_assert_eq(e.status, sc_problem_status(code));
}

static struct fixture f;
static void setup(void)
{
    fixture_init(&f);
}
static void teardown(void)
{
    fixture_fini(&f);
}
TestSuite(call, .init = setup, .fini = teardown);

Test(call, wrong_parameters_are_named)
{
    static const struct {
        const char *op, *params, *text;
        enum sc_code code;
    } rows[] = {
        { "message.send", "[]", "JSON object", SC_EINVAL },
        { "message.send", "{\"to\":\"a\"}", "body: it is missing", SC_EINVAL },
        { "message.send", "{\"to\":null,\"body\":\"x\"}", "to: it is missing", SC_EINVAL },
        { "message.send", "{\"to\":5,\"body\":\"x\"}", "to: a string", SC_EINVAL },
        { "message.send", "{\"to\":\"\",\"body\":\"x\"}", "to: it is empty", SC_EINVAL },
        { "message.send", "{\"to\":\"a\",\"body\":\"x\",\"ttl_s\":\"1\"}", "ttl_s: a whole",
          SC_EINVAL },
        { "message.send", "{\"to\":\"a\",\"body\":\"x\",\"ttl_s\":0}", "ttl_s: 0 is not",
          SC_EINVAL },
        { "message.send", "{\"to\":\"a\",\"body\":\"x\",\"wait_ms\":-1}", "wait_ms", SC_EINVAL },
        { "message.send", "{\"to\":\"a\",\"body\":\"x\",\"thraed\":\"t\"}", "thraed", SC_EINVAL },
        { "message.send", "{\"to\":\"a\",\"body\":\"x\",\"id\":\"zz\"}", "id:", SC_EINVAL },
        { "message.send", "{\"to\":\"a/b\",\"body\":\"x\"}", "to", SC_EINVAL },
        { "message.send", "{\"to\":\"a\",\"from\":\"..\",\"body\":\"x\"}", "from", SC_EINVAL },
        { "inbox.list", "{\"agent\":\"jerry\",\"all\":1}", "all: true or false", SC_EINVAL },
        { "inbox.list", "{\"agent\":\"jerry\",\"limit\":0}", "limit: 0", SC_EINVAL },
        { "inbox.list", "{\"agent\":\"../x\"}", "agent", SC_EINVAL },
        { "message.get", "{\"id\":\"nope\"}", "id:", SC_EINVAL },
        { "status.get", "{\"x\":1}", "x: status.get has no such parameter", SC_EINVAL },
        { "message.get", "{\"id\":\"019b0000-0000-7000-8000-000000000000\"}", "no message 019b0000",
          SC_ENOENT },
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(rows); i++)
        fails(&f, rows[i].op, rows[i].params, rows[i].code, rows[i].text);
}

Test(call, a_known_caller_acts_in_his_own_name_only)
{
    struct ending e;
    (void)start_as(&f, "jerry", "message.send", "{\"to\":\"bobby\",\"body\":\"x\"}", &e);
    fixture_turn(&f);
    fixture_commit(&f, NULL);
    fixture_turn(&f);
    cr_assert_str_eq(sc_value_get_str(e.result, "from"), "jerry");
    sc_value_free(e.result);
    (void)start_as(&f, "jerry", "inbox.list", "{\"agent\":\"scribe\"}", &e);
    fixture_turn(&f);
    cr_assert_eq(e.err.code, SC_EPERM);
    cr_assert(strstr(e.err.text, "you are jerry"), "%s", e.err.text);
    (void)start_as(&f, "jerry", "message.send", "{\"fro\":\"x\",\"to\":\"a\",\"body\":\"x\"}", &e);
    fixture_turn(&f);
    cr_assert_str_eq(e.err.text, "fro: send_message has no such parameter", "as he knows it");
    cr_assert_str_eq(e.err.remedy, "", "from is none that he has");
}

Test(call, a_mistyped_parameter_gets_a_suggestion)
{
    struct ending e = call(&f, "message.send", "{\"to\":\"a\",\"body\":\"x\",\"thraed\":\"t\"}");
    cr_assert_str_eq(e.err.remedy, "did you mean thread?");
}

Test(call, a_body_over_the_limit_is_too_big)
{
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    sc_buf_adds(&text, "{\"to\":\"jerry\",\"body\":\"");
    for (int i = 0; i <= SC_BODY_MAX; i++)
        sc_buf_addc(&text, 'x');
    sc_buf_adds(&text, "\"}");
    fails(&f, "message.send", sc_buf_str(&text), SC_ETOOBIG, "body");
}

Test(call, send_answers_after_the_commit)
{
    struct ending e;
    (void)start(&f, "message.send", "{\"to\":\"jerry\",\"body\":\"hi\"}", &e);
    fixture_turn(&f);
    cr_assert_eq(e.times, 0, "nobody may be told before the commit");
    fixture_commit(&f, NULL);
    fixture_turn(&f);
    cr_assert_eq(e.times, 1);
    cr_assert_eq(e.status, 202);
    cr_assert_str_eq(sc_value_get_str(e.result, "from"), "operator");
    cr_assert_str_eq(sc_value_get_str(e.result, "to"), "jerry");
    cr_assert_eq(strlen(sc_value_get_str(e.result, "id")), 36);
    sc_value_free(e.result);
}

Test(call, a_commit_that_failed_is_an_error)
{
    struct ending e;
    struct sc_err err = SC_ERR_INIT;
    (void)start(&f, "message.send", "{\"to\":\"jerry\",\"body\":\"hi\"}", &e);
    (void)sc_fail(&err, SC_EFULL, "the disk is full");
    fixture_commit(&f, &err);
    fixture_turn(&f);
    cr_assert_eq(e.times, 1);
    cr_assert_eq(e.status, 507);
    cr_assert_str_eq(e.err.text, "the disk is full");
}

Test(call, a_caller_that_goes_away_before_the_commit_hears_nothing)
{
    struct ending e;
    struct sc_call *c = start(&f, "message.send", "{\"to\":\"jerry\",\"body\":\"hi\"}", &e);
    sc_call_abandon(c);
    fixture_commit(&f, NULL);
    fixture_turn(&f);
    cr_assert_eq(e.times, 0);
    cr_assert(f.spool.has_out, "the message itself goes on");
}

Test(call, a_caller_that_goes_away_while_waiting_hears_nothing)
{
    struct ending e;
    struct sc_call *c =
        start(&f, "message.send", "{\"to\":\"jerry\",\"body\":\"hi\",\"wait_ms\":50}", &e);
    fixture_commit(&f, NULL);
    fixture_turn(&f);
    cr_assert_eq(e.times, 0);
    sc_call_abandon(c);
    for (int i = 0; i < 5; i++)
        fixture_turn(&f);
    cr_assert_eq(e.times, 0);
}

Test(call, a_caller_that_goes_away_after_the_end_hears_nothing)
{
    struct ending e;
    struct sc_call *c = start(&f, "operations.list", "{}", &e);
    sc_call_abandon(c);
    fixture_turn(&f);
    cr_assert_eq(e.times, 0);
}

Test(call, waiting_ends_with_timed_out)
{
    struct ending e;
    (void)start(&f, "message.send", "{\"to\":\"jerry\",\"body\":\"hi\",\"wait_ms\":30}", &e);
    for (int i = 0; i < 100 && !e.times; i++) {
        fixture_commit(&f, NULL);
        fixture_turn(&f);
    }
    cr_assert_eq(e.times, 1);
    cr_assert_eq(e.status, 200);
    cr_assert(sc_value_get_bool(e.result, "timed_out", false));
    cr_assert(sc_value_is_null(sc_value_get(e.result, "reply")));
    sc_value_free(e.result);
}

Test(call, a_message_that_died_is_told_with_its_reason)
{
    struct ending e;
    struct sc_err err = SC_ERR_INIT;
    (void)start(&f, "message.send", "{\"to\":\"jerry\",\"body\":\"hi\"}", &e);
    cr_assert_eq(fs_out_advance(&f.spool, &f.spool.out.msg.id, SC_STAGE_DEAD, (sc_wall){ 1 },
                                "loop", NULL, &err),
                 SC_OK);
    fixture_commit(&f, NULL);
    fixture_turn(&f);
    cr_assert_str_eq(sc_value_get_str(e.result, "stage"), "dead");
    cr_assert_str_eq(sc_value_get_str(e.result, "reason"), "loop");
    sc_value_free(e.result);
}

Test(call, get_shows_one_message)
{
    struct ending sent =
        call(&f, "message.send", "{\"to\":\"jerry\",\"body\":\"hi\",\"thread\":\"t\"}");
    char params[80];
    (void)snprintf(params, sizeof params, "{\"id\":\"%s\"}", sc_value_get_str(sent.result, "id"));
    struct ending e = call(&f, "message.get", params);
    cr_assert_str_eq(sc_value_get_str(e.result, "direction"), "out");
    cr_assert_str_eq(sc_value_get_str(e.result, "thread"), "t");
    cr_assert_str_eq(sc_value_get_str(e.result, "body"), "hi");
    cr_assert_str_eq(sc_value_get_str(sc_value_get(e.result, "to"), "agent"), "jerry");
    cr_assert(sc_value_get_str(sc_value_get(e.result, "times"), "accepted"));
    sc_value_free(sent.result);
    sc_value_free(e.result);
}

Test(call, an_inbox_is_listed_read_and_acknowledged)
{
    struct ending sent = call(&f, "message.send", "{\"to\":\"jerry\",\"body\":\"hi\"}");
    char params[120];
    (void)snprintf(params, sizeof params, "{\"agent\":\"jerry\",\"id\":\"%s\"}",
                   sc_value_get_str(sent.result, "id"));
    struct ending list = call(&f, "inbox.list", "{\"agent\":\"jerry\"}");
    cr_assert_eq(sc_value_count(sc_value_get(list.result, "messages")), 1);
    struct ending one = call(&f, "inbox.get", params);
    cr_assert_str_eq(sc_value_get_str(one.result, "direction"), "in");
    struct ending ack = call(&f, "inbox.ack", params);
    cr_assert(sc_value_get_bool(ack.result, "acked", false));
    struct ending none = call(&f, "inbox.list", "{\"agent\":\"jerry\"}");
    cr_assert_eq(sc_value_count(sc_value_get(none.result, "messages")), 0);
    sc_value_free(sent.result);
    sc_value_free(list.result);
    sc_value_free(one.result);
    sc_value_free(ack.result);
    sc_value_free(none.result);
}

Test(call, an_inbox_of_nobody_is_not_found_with_the_nearest)
{
    struct ending e = call(&f, "inbox.list", "{\"agent\":\"jery\"}");
    cr_assert_eq(e.err.code, SC_ENOENT);
    cr_assert(strstr(e.err.remedy, "jerry"), "%s", e.err.remedy);
}

Test(call, status_has_what_the_contract_says)
{
    static const char *const members[] = { "gateway", "version",  "pid",      "uptime_s",
                                           "health",  "reasons",  "signed",   "links",
                                           "spool",   "counters", "conflicts" };
    struct ending e = call(&f, "status.get", "{}");
    for (size_t i = 0; i < SC_ARRAY_LEN(members); i++)
        cr_assert(sc_value_get(e.result, members[i]), "%s", members[i]);
    const struct sc_value *redis = sc_value_get(sc_value_get(e.result, "links"), "redis");
    cr_assert_str_eq(sc_value_get_str(redis, "state"), "down");
    sc_value_free(e.result);
}

Test(call, agents_are_filtered)
{
    struct ending e = call(&f, "agents.list", "{}");
    size_t all = sc_value_count(sc_value_get(e.result, "agents"));
    struct ending none = call(&f, "agents.list", "{\"gateway\":\"elsewhere\"}");
    cr_assert_geq(all, 1);
    cr_assert_eq(sc_value_count(sc_value_get(none.result, "agents")), 0);
    sc_value_free(e.result);
    sc_value_free(none.result);
}

Test(call, health_pages_have_their_status)
{
    struct ending e = call(&f, "health.page", "{}");
    cr_assert_eq(e.status, sc_board_status(f.board, SC_PAGE_HEALTH));
    cr_assert_eq(sc_value_count(sc_value_get(e.result, "signals")), SC_SIGNALS);
    sc_value_free(e.result);
    e = call(&f, "health.get", "{}");
    cr_assert_eq(e.status, 200);
    sc_value_free(e.result);
}
