#include "envelope_fixture.h"
#include "sideclaw/parse.h"

static int inbox(const char *json, struct sc_message *ret, struct sc_err *err)
{
    return sc_message_from_kv_inbox(json, strlen(json), "bobby", "key@1", ret, err);
}

static int outbox(const char *json, struct sc_message *ret, struct sc_err *err)
{
    return sc_message_from_kv_outbox(json, strlen(json), "jerry", "key@1", ret, err);
}

Test(kv, the_minimal_inbox_form_is_from_outside)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_message struct sc_message m;
    cr_assert_eq(
        inbox("{\"from\":\"me\",\"body\":\"hi\",\"timestamp\":\"2026-02-16T12:00:00Z\"}", &m, &err),
        SC_OK, "%s", err.text);
    cr_assert_str_eq(m.from_agent, "external:me");
    cr_assert_null(m.from_gateway);
    cr_assert_str_eq(m.to_agent, "bobby");
    cr_assert_str_eq(m.body, "hi");
    cr_assert_eq(m.timestamp.ms, 1771243200000);
    cr_assert_not(sc_id_is_zero(&m.id));
}

Test(kv, the_same_key_read_twice_is_the_same_message)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_message struct sc_message a, b, c;
    const char *json = "{\"from\":\"me\",\"body\":\"hi\"}";
    cr_assert_eq(inbox(json, &a, &err), SC_OK);
    cr_assert_eq(inbox(json, &b, &err), SC_OK);
    cr_assert_eq(sc_message_from_kv_inbox(json, strlen(json), "bobby", "key@2", &c, &err), SC_OK);
    cr_assert(sc_id_eq(&a.id, &b.id));
    cr_assert_not(sc_id_eq(&a.id, &c.id));
}

Test(kv, an_author_may_choose_the_id)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_id want;
    sc_auto_message struct sc_message m;
    cr_assert_eq(sc_id_parse(ID_A, &want, &err), SC_OK);
    cr_assert_eq(inbox("{\"id\":\"" ID_A "\",\"from\":\"me\",\"body\":\"hi\"}", &m, &err), SC_OK);
    cr_assert(sc_id_eq(&m.id, &want));
}

Test(kv, a_full_envelope_is_accepted_in_the_inbox)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_message struct sc_message m = full_message();
    struct sc_message back;
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    sc_message_to_json(&m, &text);
    cr_assert_eq(inbox(sc_buf_str(&text), &back, &err), SC_OK, "%s", err.text);
    assert_same(&m, &back);
    sc_message_fini(&back);
}

/* Whoever may write a key could otherwise answer in another agent's name: a reply is an envelope,
 * which is signed where the mesh has a key. */
Test(kv, a_stranger_cannot_forge_a_reply)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_message m;
    cr_assert_eq(
        inbox("{\"from\":\"me\",\"body\":\"yes\",\"kind\":\"reply\",\"in_reply_to\":\"" ID_A "\"}",
              &m, &err),
        SC_EINVAL);
    cr_assert(strstr(err.text, "kind"), "%s", err.text);
}

Test(kv, the_outbox_form_is_from_its_owner)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_message struct sc_message m, n;
    cr_assert_eq(outbox("{\"to\":\"bobby\",\"body\":\"hi\",\"from\":\"mallory\",\"thread\":\"t\"}",
                        &m, &err),
                 SC_OK, "%s", err.text);
    cr_assert_str_eq(m.from_agent, "jerry");
    cr_assert_str_eq(m.to_agent, "bobby");
    cr_assert_str_eq(m.thread, "t");
    cr_assert_null(m.to_gateway);
    cr_assert_eq(
        outbox("{\"to\":{\"agent\":\"bobby\",\"gateway\":\"gw-b\"},\"body\":\"hi\"}", &n, &err),
        SC_OK, "%s", err.text);
    cr_assert_str_eq(n.to_agent, "bobby");
    cr_assert_str_eq(n.to_gateway, "gw-b");
}

Test(kv, a_full_envelope_is_accepted_in_the_outbox)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_message struct sc_message m = full_message();
    struct sc_message back;
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    sc_message_to_json(&m, &text);
    cr_assert_eq(outbox(sc_buf_str(&text), &back, &err), SC_OK, "%s", err.text);
    cr_assert_str_eq(back.from_agent, "jerry"); /* whose outbox it is, whatever it claims */
    cr_assert_str_eq(back.to_agent, "jerry");
    cr_assert_str_eq(back.to_gateway, "gw-a");
    cr_assert(sc_id_eq(&back.id, &m.id));
    cr_assert_not(back.ask);
    sc_message_fini(&back);
}

Test(kv, malformed_values_are_refused_with_a_reason)
{
    static const char *const bad_in[] = {
        "",
        "hi",
        "[]",
        "{\"from\":\"me\"}",
        "{\"body\":\"hi\"}",
        "{\"from\":7,\"body\":\"hi\"}",
        "{\"from\":\"\",\"body\":\"hi\"}",
        "{\"from\":\"a/b\",\"body\":\"hi\"}",
        "{\"from\":\"a b\",\"body\":\"hi\"}",
        "{\"from\":\"me\",\"body\":7}",
        "{\"from\":\"me\",\"body\":\"\xff\"}",
        "{\"from\":\"me\",\"body\":\"a\\u0000b\"}",
        "{\"from\":\"me\",\"body\":\"hi\",\"timestamp\":\"noon\"}",
        "{\"from\":{\"agent\":\"me\"},\"body\":\"hi\"}",
    };
    static const char *const bad_out[] = {
        "{\"body\":\"hi\"}",
        "{\"to\":7,\"body\":\"hi\"}",
        "{\"to\":{},\"body\":\"hi\"}",
        "{\"to\":{\"agent\":7},\"body\":\"hi\"}",
        "{\"to\":{\"agent\":\"b\",\"gateway\":\"x/y\"},\"body\":\"hi\"}",
        "{\"to\":\"a/b\",\"body\":\"hi\"}",
        "{\"to\":\"bobby\"}",
    };
    struct sc_message m;
    for (size_t i = 0; i < SC_ARRAY_LEN(bad_in); i++) {
        struct sc_err err = SC_ERR_INIT;
        cr_assert_lt(inbox(bad_in[i], &m, &err), 0, "taken: %s", bad_in[i]);
        cr_assert_gt(strlen(err.text), 0);
        cr_assert(sc_utf8_valid(err.text, strlen(err.text)));
    }
    for (size_t i = 0; i < SC_ARRAY_LEN(bad_out); i++) {
        struct sc_err err = SC_ERR_INIT;
        cr_assert_lt(outbox(bad_out[i], &m, &err), 0, "taken: %s", bad_out[i]);
        cr_assert_gt(strlen(err.text), 0);
    }
}

Test(kv, a_body_over_the_limit_is_refused)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_message m;
    sc_auto_buf struct sc_buf b = SC_BUF_INIT;
    sc_buf_adds(&b, "{\"from\":\"me\",\"body\":\"");
    for (size_t i = 0; i <= SC_BODY_MAX; i++)
        sc_buf_addc(&b, 'x');
    sc_buf_adds(&b, "\"}");
    cr_assert_eq(inbox(sc_buf_str(&b), &m, &err), SC_ETOOBIG);
}
