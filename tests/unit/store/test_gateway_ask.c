/* An operator's questions to a scripted gateway: one end each, whatever happens. */
#include "gateway_fixture.h"

struct answer {
    int ends;
    enum sc_code code;
    char text[SC_ERR_TEXT_MAX];
    bool is_cancelled;
};

static void on_answer(void *ctx, const struct sc_value *payload, const struct sc_err *err)
{
    struct answer *a = ctx;
    cr_assert_not(a->is_cancelled);
    a->ends++;
    a->code = err ? err->code : SC_OK;
    const char *text = err ? err->text : sc_value_get_str(payload, "hash");
    (void)snprintf(a->text, sizeof a->text, "%s", text ? text : "");
}

static int ask(struct fix *f, struct answer *a, struct sc_gateway_ask **ret, struct sc_err *err)
{
    struct sc_gateway_admin admin = sc_gateway_ws_admin(f->gw);
    struct sc_value *p = sc_value_object();
    sc_value_set_str(p, "raw", "{}");
    return admin.ask(admin.impl, "config.patch", p, on_answer, a, ret, err);
}

static struct answer asked(struct fix *f)
{
    struct answer a = { .ends = 0 };
    struct sc_gateway_ask *op = NULL;
    struct sc_err err = SC_ERR_INIT;
    cr_assert_eq(ask(f, &a, &op, &err), SC_OK, "%s", err.text);
    cr_assert_eq(a.ends, 0, "never before start has returned");
    until(f->loop, a.ends);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(sc_loop_turn(f->loop, 0, NULL), SC_OK);
    cr_assert_eq(a.ends, 1);
    return a;
}

Test(gateway_ask, brings_the_answer)
{
    struct fix f;
    init(&f);
    script(&f, "config.patch", "{\"hash\":\"h\"}");
    start_ready(&f);
    struct answer a = asked(&f);
    cr_assert_eq(a.code, SC_OK);
    cr_assert_str_eq(a.text, "h");
    cr_assert_str_eq(sc_value_get_str(params(&f, "config.patch"), "raw"), "{}");
    fini(&f);
}

Test(gateway_ask, says_what_a_refusal_means)
{
    static const struct {
        const char *answer;
        enum sc_code code;
    } refusals[] = {
        { "!{\"code\":\"INVALID_REQUEST\",\"message\":\"config changed since last load; x\"}",
          SC_EBUSY },
        { "!{\"code\":\"INVALID_REQUEST\",\"message\":\"bad\"}", SC_EINVAL },
        { "!{\"code\":\"FORBIDDEN\",\"message\":\"no\"}", SC_EPERM },
        { "!{\"code\":\"UNAVAILABLE\",\"message\":\"later\"}", SC_EAWAY },
        { "!{\"code\":\"NEW\",\"message\":\"what\"}", SC_EPROTO },
    };
    struct fix f;
    init(&f);
    start_ready(&f);
    for (size_t i = 0; i < SC_ARRAY_LEN(refusals); i++) {
        script(&f, "config.patch", refusals[i].answer);
        cr_assert_eq(asked(&f).code, refusals[i].code, "%s", refusals[i].answer);
    }
    fini(&f);
}

Test(gateway_ask, gives_up_in_time)
{
    struct fix f;
    init(&f);
    script(&f, "config.patch", "");
    start_ready(&f);
    cr_assert_eq(asked(&f).code, SC_ETIMEDOUT);
    fini(&f);
}

Test(gateway_ask, ends_with_the_connection)
{
    struct fix f;
    struct answer a = { .ends = 0 }, b = a;
    struct sc_gateway_ask *op = NULL;
    struct sc_err err = SC_ERR_INIT;
    init(&f);
    script(&f, "config.patch", "");
    start_ready(&f);
    f.gw->timing.ask = 60000;
    cr_assert_eq(ask(&f, &a, &op, &err), SC_OK);
    cr_assert_eq(ask(&f, &b, &op, &err), SC_OK);
    until(f.loop, seen(&f, "config.patch") == 2);
    server_down(&f.server);
    until(f.loop, a.ends && b.ends);
    cr_assert_eq(a.code, SC_EAWAY);
    cr_assert_eq(b.code, SC_EAWAY);
    cr_assert_eq(ask(&f, &a, &op, &err), SC_EAWAY);
    cr_assert_eq(a.ends, 1);
    fini(&f);
}

Test(gateway_ask, a_cancelled_one_is_not_heard_of_again)
{
    struct fix f;
    struct answer a = { .ends = 0 };
    struct sc_gateway_ask *op = NULL;
    struct sc_err err = SC_ERR_INIT;
    init(&f);
    script(&f, "config.patch", "{}");
    start_ready(&f);
    cr_assert_eq(ask(&f, &a, &op, &err), SC_OK);
    sc_gateway_ws_admin(f.gw).cancel(op);
    a.is_cancelled = true;
    until(f.loop, seen(&f, "config.patch"));
    sc_gateway_ws_admin(f.gw).cancel(NULL);
    fini(&f);
}

Test(gateway_ask, closing_ends_what_is_left)
{
    struct fix f;
    struct answer a = { .ends = 0 };
    struct sc_gateway_ask *op = NULL;
    struct sc_err err = SC_ERR_INIT;
    init(&f);
    script(&f, "config.patch", "");
    start_ready(&f);
    cr_assert_eq(ask(&f, &a, &op, &err), SC_OK);
    stop(&f);
    cr_assert_eq(a.ends, 1);
    cr_assert_eq(a.code, SC_EAWAY);
    fini(&f);
}

Test(gateway_ask, is_refused_while_there_is_nobody)
{
    struct fix f;
    struct answer a = { .ends = 0 };
    struct sc_gateway_ask *op = NULL;
    struct sc_err err = SC_ERR_INIT;
    init(&f);
    make(&f);
    cr_assert_eq(ask(&f, &a, &op, &err), SC_EAWAY);
    cr_assert_str_neq(err.remedy, "");
    fini(&f);
}
