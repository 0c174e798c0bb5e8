#include <stdlib.h>

#include "envelope_fixture.h"
#include "sideclaw/parse.h"

#define PARTIES "\"from\":{\"agent\":\"jerry\",\"gateway\":\"gw-a\"},\"to\":{\"agent\":\"bobby\"}"
#define MINIMAL "{\"id\":\"" ID_A "\"," PARTIES ",\"body\":\"hi\"}"

static int parse(const char *json, struct sc_message *ret, struct sc_err *err)
{
    int r = sc_message_from_json(json, strlen(json), ret, NULL, err);
    if (r < 0)
        cr_assert(sc_utf8_valid(err->text, strlen(err->text)));
    return r;
}

Test(message_json, round_trip)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_message struct sc_message m = full_message();
    struct sc_message back;
    sc_auto_buf struct sc_buf text = SC_BUF_INIT, again = SC_BUF_INIT;
    sc_message_to_json(&m, &text);
    cr_assert_null(strchr(sc_buf_str(&text), '\n'));
    cr_assert_eq(parse(sc_buf_str(&text), &back, &err), SC_OK, "%s", err.text);
    assert_same(&m, &back);
    sc_message_to_json(&back, &again);
    cr_assert_str_eq(sc_buf_str(&again), sc_buf_str(&text));
    sc_message_fini(&back);
}

Test(message_json, the_least_that_is_an_envelope)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_message struct sc_message m;
    cr_assert_eq(parse(MINIMAL, &m, &err), SC_OK, "%s", err.text);
    cr_assert_eq(m.kind, SC_KIND_MESSAGE);
    cr_assert_str_eq(m.from_agent, "jerry");
    cr_assert_str_eq(m.to_agent, "bobby");
    cr_assert_null(m.to_gateway);
    cr_assert_null(m.thread);
    cr_assert_null(m.extra);
    cr_assert_eq(m.ttl_s, 0);
    cr_assert_eq(m.privacy, SC_PRIVACY_INTERNAL);
    cr_assert(sc_id_is_zero(&m.in_reply_to));
}

Test(message_json, null_is_absent)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_message struct sc_message m;
    cr_assert_eq(parse("{\"id\":\"" ID_A "\"," PARTIES ",\"body\":\"\",\"thread\":null,"
                       "\"in_reply_to\":null,\"seq\":null,\"visited\":null,\"timestamp\":null}",
                       &m, &err),
                 SC_OK, "%s", err.text);
    cr_assert_eq(m.body_len, 0);
    cr_assert_str_eq(m.body, "");
}

/* Every wrong one is refused, its field is named, and the result stays as it was. */
Test(message_json, wrong_fields_are_refused_by_name)
{
    static const struct {
        const char *json, *names;
    } bad[] = {
        { "[]", "object" },
        { "\"x\"", "object" },
        { "{}", "body" },
        { "{\"body\":\"x\"}", "from" },
        { "{" PARTIES ",\"body\":\"x\"}", "id" },
        { "{\"id\":7," PARTIES ",\"body\":\"x\"}", "id" },
        { "{\"id\":\"x\"," PARTIES ",\"body\":\"x\"}", "id" },
        { "{\"id\":\"00000000-0000-0000-0000-000000000000\"," PARTIES ",\"body\":\"x\"}", "id" },
        { "{\"id\":\"" ID_A "\",\"from\":\"jerry\",\"to\":\"bobby\",\"body\":\"x\"}", "gateway" },
        { "{\"id\":\"" ID_A "\",\"from\":7,\"to\":\"bobby\",\"body\":\"x\"}", "from" },
        { "{\"id\":\"" ID_A "\",\"from\":{\"agent\":\"a\",\"gateway\":\"g\"},\"to\":{},"
          "\"body\":\"x\"}",
          "to" },
        { "{\"id\":\"" ID_A "\",\"from\":{\"agent\":\"a\",\"gateway\":\"g/h\"},\"to\":\"b\","
          "\"body\":\"x\"}",
          "from" },
        { "{\"id\":\"" ID_A "\",\"from\":{\"agent\":\"../a\",\"gateway\":\"g\"},\"to\":\"b\","
          "\"body\":\"x\"}",
          "from" },
        { "{\"id\":\"" ID_A "\",\"from\":{\"agent\":\"a\",\"gateway\":\"g\"},\"to\":\"b c\","
          "\"body\":\"x\"}",
          "to" },
        { "{\"id\":\"" ID_A "\"," PARTIES ",\"body\":7}", "body" },
        { "{\"id\":\"" ID_A "\"," PARTIES ",\"body\":null}", "body" },
        { "{\"id\":\"" ID_A "\"," PARTIES ",\"body\":\"x\",\"kind\":\"order\"}", "kind" },
        { "{\"id\":\"" ID_A "\"," PARTIES ",\"body\":\"x\",\"kind\":1}", "kind" },
        { "{\"id\":\"" ID_A "\"," PARTIES ",\"body\":\"x\",\"privacy\":\"secret\"}", "privacy" },
        { "{\"id\":\"" ID_A "\"," PARTIES ",\"body\":\"x\",\"timestamp\":\"noon\"}", "timestamp" },
        { "{\"id\":\"" ID_A "\"," PARTIES ",\"body\":\"x\",\"timestamp\":5}", "timestamp" },
        { "{\"id\":\"" ID_A "\"," PARTIES ",\"body\":\"x\",\"ttl_s\":-1}", "ttl_s" },
        { "{\"id\":\"" ID_A "\"," PARTIES ",\"body\":\"x\",\"ttl_s\":1.5}", "ttl_s" },
        { "{\"id\":\"" ID_A "\"," PARTIES ",\"body\":\"x\",\"ttl_s\":99999999}", "ttl_s" },
        { "{\"id\":\"" ID_A "\"," PARTIES ",\"body\":\"x\",\"seq\":\"1\"}", "seq" },
        { "{\"id\":\"" ID_A "\"," PARTIES ",\"body\":\"x\",\"hops\":1001}", "hops" },
        { "{\"id\":\"" ID_A "\"," PARTIES ",\"body\":\"x\",\"visited\":\"gw\"}", "visited" },
        { "{\"id\":\"" ID_A "\"," PARTIES ",\"body\":\"x\",\"visited\":[\"a,b\"]}", "visited" },
        { "{\"id\":\"" ID_A "\"," PARTIES ",\"body\":\"x\",\"visited\":[7]}", "visited" },
        { "{\"id\":\"" ID_A "\"," PARTIES ",\"body\":\"x\",\"thread\":[]}", "thread" },
        { "{\"id\":\"" ID_A "\"," PARTIES ",\"body\":\"x\",\"in_reply_to\":\"x\"}", "in_reply_to" },
        { "{\"id\":\"" ID_A "\"," PARTIES ",\"body\":\"x\",\"ask\":1}", "ask" },
        { "{\"id\":\"" ID_A "\"," PARTIES ",\"body\":\"x\",\"v\":2}", "version" },
        { "{\"id\":\"" ID_A "\"," PARTIES ",\"body\":\"x\",\"v\":\"1\"}", "v" },
        { "{\"id\":\"" ID_A "\"," PARTIES ",\"body\":\"x\\u0000y\"}", "JSON" },
        { "{\"id\":\"" ID_A "\"," PARTIES ",\"body\":\"\xff\"}", "JSON" },
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(bad); i++) {
        struct sc_err err = SC_ERR_INIT;
        struct sc_message m;
        memset(&m, 0x5a, sizeof m);
        cr_assert_lt(parse(bad[i].json, &m, &err), 0, "taken: %s", bad[i].json);
        cr_assert(strstr(err.text, bad[i].names), "'%s' does not name %s", err.text, bad[i].names);
        cr_assert_eq(((unsigned char *)&m)[0], 0x5a);
    }
}

static char *envelope_of_body(const char *unit, size_t times)
{
    struct sc_buf b = SC_BUF_INIT;
    sc_buf_adds(&b, "{\"id\":\"" ID_A "\"," PARTIES ",\"body\":\"");
    for (size_t i = 0; i < times; i++)
        sc_buf_adds(&b, unit);
    sc_buf_adds(&b, "\"}");
    return sc_buf_steal(&b);
}

Test(message_json, the_body_limit_counts_characters_not_escapes)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_message m;
    sc_auto_free char *fits = envelope_of_body("x", SC_BODY_MAX);
    sc_auto_free char *over = envelope_of_body("x", SC_BODY_MAX + 1);
    cr_assert_eq(parse(over, &m, &err), SC_ETOOBIG);
    cr_assert_eq(parse(fits, &m, &err), SC_OK, "%s", err.text);
    cr_assert_eq(m.body_len, SC_BODY_MAX);
    sc_message_fini(&m);
}

/* What submit accepts, every wire must carry: a control byte is six bytes when escaped. */
Test(message_json, the_largest_body_survives_its_own_escaping)
{
    struct sc_err err = SC_ERR_INIT;
    static const char *const units[] = { "\x01", "\"", "\\", "\n", "\x7f" };
    for (size_t i = 0; i < SC_ARRAY_LEN(units); i++) {
        sc_auto_message struct sc_message m = full_message();
        struct sc_message back;
        sc_auto_buf struct sc_buf text = SC_BUF_INIT;
        free(m.body);
        m.body_len = SC_BODY_MAX;
        m.body = sc_xmalloc(SC_BODY_MAX + 1);
        memset(m.body, units[i][0], SC_BODY_MAX);
        m.body[SC_BODY_MAX] = 0;
        cr_assert_eq(sc_message_check(&m, &err), SC_OK);
        sc_message_to_json(&m, &text);
        cr_assert_eq(parse(sc_buf_str(&text), &back, &err), SC_OK, "%s", err.text);
        assert_same(&m, &back);
        sc_message_fini(&back);
    }
}

Test(message_json, a_text_over_every_bound_is_not_even_parsed)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_message m;
    size_t n = SC_ENVELOPE_MAX + 1;
    sc_auto_free char *text = sc_xmalloc(n + 1);
    memset(text, ' ', n);
    text[n] = 0;
    cr_assert_eq(parse(text, &m, &err), SC_ETOOBIG);
}

Test(message_json, unknown_fields_are_carried_on)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_message struct sc_message m;
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    cr_assert_eq(parse("{\"zeta\":1e5,\"id\":\"" ID_A "\"," PARTIES
                       ",\"body\":\"hi\",\"alpha\":{\"y\":1,\"x\":[true,null]}}",
                       &m, &err),
                 SC_OK, "%s", err.text);
    cr_assert(m.extra);
    cr_assert(strstr(m.extra, "\"alpha\":{\"x\":[true,null],\"y\":1}"), "%s", m.extra);
    sc_message_to_json(&m, &text);
    cr_assert(strstr(sc_buf_str(&text), "\"zeta\":"));
    struct sc_message back;
    cr_assert_eq(parse(sc_buf_str(&text), &back, &err), SC_OK);
    cr_assert_str_eq(back.extra, m.extra);
    sc_message_fini(&back);
}

Test(message_json, unknown_fields_are_bounded)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_message m;
    sc_auto_buf struct sc_buf b = SC_BUF_INIT;
    sc_buf_adds(&b, "{\"id\":\"" ID_A "\"," PARTIES ",\"body\":\"\",\"pad\":\"");
    for (size_t i = 0; i < SC_EXTRA_MAX; i++)
        sc_buf_addc(&b, 'x');
    sc_buf_adds(&b, "\"}");
    cr_assert_eq(parse(sc_buf_str(&b), &m, &err), SC_ETOOBIG);
}

/* Nothing that the sender keeps may slip in under a field we know. */
Test(message_json, extra_never_overrides_a_known_field)
{
    sc_auto_message struct sc_message m = full_message();
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    sc_set_str(&m.extra, "{\"body\":\"forged\",\"x\":1}");
    sc_message_to_json(&m, &text);
    cr_assert_null(strstr(sc_buf_str(&text), "forged"));
}

Test(message_json, the_stream_entry_is_ours_and_not_passed_on)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_message struct sc_message m;
    char entry[SC_ENTRY_MAX] = "old";
    const char *json = "{\"entry\":\"1700-0\",\"id\":\"" ID_A "\"," PARTIES ",\"body\":\"hi\"}";
    cr_assert_eq(sc_message_from_json(json, strlen(json), &m, entry, &err), SC_OK);
    cr_assert_str_eq(entry, "1700-0");
    cr_assert_null(m.extra);
    struct sc_message other;
    cr_assert_eq(sc_message_from_json(MINIMAL, strlen(MINIMAL), &other, entry, &err), SC_OK);
    cr_assert_str_eq(entry, "");
    sc_message_fini(&other);
}

Test(message_json, an_entry_that_is_too_long_or_no_text_is_refused)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_message m;
    char entry[SC_ENTRY_MAX] = "old";
    sc_auto_buf struct sc_buf b = SC_BUF_INIT;
    sc_buf_addf(&b, "{\"entry\":\"%0*d\",\"id\":\"%s\",%s,\"body\":\"\"}", SC_ENTRY_MAX, 7, ID_A,
                PARTIES);
    cr_assert_eq(sc_message_from_json(b.p, b.n, &m, entry, &err), SC_EINVAL);
    const char *json = "{\"entry\":5,\"id\":\"" ID_A "\"," PARTIES ",\"body\":\"\"}";
    cr_assert_eq(sc_message_from_json(json, strlen(json), &m, entry, &err), SC_EINVAL);
    cr_assert_str_eq(entry, "old");
}

Test(envelope, one_parse_for_messages_and_receipts)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_envelope e;
    const char *receipts =
        "{\"v\":1,\"kind\":\"receipt\",\"from\":{\"gateway\":\"gw-b\"},\"to\":{\"gateway\":"
        "\"gw-a\"},\"receipts\":[{\"id\":\"" ID_A
        "\",\"stage\":\"stored\",\"at\":\"2026-02-16T12:00:00.120Z\"}]}";
    cr_assert_eq(sc_envelope_from_json(MINIMAL, strlen(MINIMAL), &e, &err), SC_OK);
    cr_assert_not(e.is_receipts);
    cr_assert_str_eq(e.msg.body, "hi");
    sc_envelope_fini(&e);
    cr_assert_eq(sc_envelope_from_json(receipts, strlen(receipts), &e, &err), SC_OK, "%s",
                 err.text);
    cr_assert(e.is_receipts);
    cr_assert_eq(e.receipts.n, 1);
    sc_envelope_fini(&e);
    cr_assert_lt(sc_envelope_from_json("[]", 2, &e, &err), 0);
    cr_assert_lt(sc_envelope_from_json("", 0, &e, &err), 0);
}
