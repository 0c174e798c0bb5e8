#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "sideclaw/message.h"

static struct sc_message sample(void)
{
    struct sc_message m;
    sc_message_init(&m);
    m.from_agent = sc_xstrdup("jerry");
    m.to_agent = sc_xstrdup("bobby");
    m.body = sc_xstrdup("hi");
    m.body_len = 2;
    return m;
}

static int check(const struct sc_message *m, const char *names)
{
    struct sc_err err = SC_ERR_INIT;
    int r = sc_message_check(m, &err);
    if (r < 0)
        cr_assert(strstr(err.text, names), "'%s' does not name '%s'", err.text, names);
    return r;
}

Test(message, a_plain_submission_is_good)
{
    sc_auto_message struct sc_message m = sample();
    cr_assert_eq(check(&m, ""), SC_OK);
    sc_set_str(&m.from_agent, "external:cron");
    cr_assert_eq(check(&m, ""), SC_OK);
}

Test(message, every_name_is_checked_and_named_in_the_error)
{
    static const char *const bad[] = { "", "a/b", "..", "a b", "x\n", "caf\xc3\xa9" };
    for (size_t i = 0; i < SC_ARRAY_LEN(bad); i++) {
        sc_auto_message struct sc_message a = sample(), b = sample(), c = sample(), d = sample();
        sc_set_str(&a.from_agent, bad[i]);
        cr_assert_eq(check(&a, "from"), SC_EINVAL);
        sc_set_str(&b.to_agent, bad[i]);
        cr_assert_eq(check(&b, "to"), SC_EINVAL);
        sc_set_str(&c.from_gateway, bad[i]);
        cr_assert_eq(check(&c, "from.gateway"), SC_EINVAL);
        sc_set_str(&d.to_gateway, bad[i]);
        cr_assert_eq(check(&d, "to.gateway"), SC_EINVAL);
    }
    sc_auto_message struct sc_message e = sample();
    sc_set_str(&e.from_agent, "external:");
    cr_assert_eq(check(&e, "from"), SC_EINVAL);
    sc_set_str(&e.from_agent, "external:a/b");
    cr_assert_eq(check(&e, "from"), SC_EINVAL);
    sc_set_str(&e.from_agent, NULL);
    cr_assert_eq(check(&e, "from"), SC_EINVAL);
}

Test(message, the_body_is_bounded_utf8_without_nul)
{
    sc_auto_message struct sc_message m = sample();
    free(m.body);
    m.body = sc_xcalloc(1, SC_BODY_MAX + 2);
    memset(m.body, 'x', SC_BODY_MAX + 1);
    m.body_len = SC_BODY_MAX;
    cr_assert_eq(check(&m, ""), SC_OK);
    m.body_len = SC_BODY_MAX + 1;
    cr_assert_eq(check(&m, "body"), SC_ETOOBIG);
    m.body_len = 3;
    m.body[1] = 0;
    cr_assert_eq(check(&m, "body"), SC_EINVAL);
    m.body[1] = (char)0xff;
    cr_assert_eq(check(&m, "body"), SC_EINVAL);
    sc_set_str(&m.body, NULL);
    cr_assert_eq(check(&m, "body"), SC_EINVAL);
    sc_set_str(&m.body, "");
    m.body_len = 0;
    cr_assert_eq(check(&m, ""), SC_OK);
}

Test(message, texts_and_ttl_are_bounded)
{
    char text[SC_THREAD_MAX + 2];
    memset(text, 't', sizeof text);
    text[sizeof text - 1] = 0;
    sc_auto_message struct sc_message m = sample(), n = sample(), o = sample(), p = sample();
    sc_set_str(&m.thread, text);
    cr_assert_eq(check(&m, "thread"), SC_EINVAL);
    sc_set_str(&m.thread, text + 1);
    cr_assert_eq(check(&m, ""), SC_OK);
    sc_set_str(&m.thread, "\xff");
    cr_assert_eq(check(&m, "thread"), SC_EINVAL);
    sc_set_str(&n.content_type, text);
    cr_assert_eq(check(&n, "content_type"), SC_EINVAL);
    sc_set_str(&o.traceparent, text);
    cr_assert_eq(check(&o, "traceparent"), SC_EINVAL);
    p.ttl_s = SC_TTL_MAX_S;
    cr_assert_eq(check(&p, ""), SC_OK);
    p.ttl_s++;
    cr_assert_eq(check(&p, "ttl_s"), SC_EINVAL);
}

Test(message, a_copy_owns_everything)
{
    struct sc_message m = sample();
    m.thread = sc_xstrdup("t");
    m.visited = sc_xstrdup("a,b");
    m.sig = sc_xstrdup("00");
    m.extra = sc_xstrdup("{}");
    m.seq = 7;
    struct sc_message *c = sc_message_copy(&m);
    sc_message_fini(&m);
    cr_assert_null(m.body);
    cr_assert_str_eq(c->body, "hi");
    cr_assert_str_eq(c->visited, "a,b");
    cr_assert_eq(c->seq, 7);
    sc_message_free(c);
    sc_message_free(NULL);
}

Test(message, words_both_ways)
{
    enum sc_kind k = SC_KIND_EVENT;
    enum sc_privacy p = SC_PRIVACY_LOCAL;
    cr_assert(sc_kind_parse("reply", &k));
    cr_assert_eq(k, SC_KIND_REPLY);
    cr_assert_not(sc_kind_parse("receipt", &k));
    cr_assert_not(sc_kind_parse(NULL, &k));
    cr_assert(sc_privacy_parse("internal", &p));
    cr_assert_eq(p, SC_PRIVACY_INTERNAL);
    cr_assert_not(sc_privacy_parse("", &p));
    cr_assert_str_eq(sc_kind_name(SC_KIND_EVENT), "event");
    cr_assert_str_eq(sc_privacy_name(SC_PRIVACY_PUBLIC), "public");
}

Test(message, reasons_are_cut_between_characters)
{
    char out[SC_REASON_MAX], in[2 * SC_REASON_MAX];
    sc_reason_copy(out, NULL);
    cr_assert_str_eq(out, "");
    sc_reason_copy(out, "loop");
    cr_assert_str_eq(out, "loop");
    sc_reason_copy(out, "bad \xff byte"); /* what follows broken UTF-8 is lost, not what precedes */
    cr_assert_str_eq(out, "bad ");
    for (size_t shift = 0; shift < 4; shift++) {
        size_t n = shift;
        memset(in, 'x', shift);
        for (; n + 4 < sizeof in; n += 4)
            memcpy(in + n, "\xf0\x9f\x98\x80", 4);
        in[n] = 0;
        sc_reason_copy(out, in);
        cr_assert_eq(strlen(out), (SC_REASON_MAX - 1 - shift) / 4 * 4 + shift);
        cr_assert_eq(memcmp(in, out, strlen(out)), 0);
    }
}
