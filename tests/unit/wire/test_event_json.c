#include <criterion/criterion.h>
#include <string.h>

#include "sideclaw/event_json.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"

static struct sc_event event(const char *text)
{
    struct sc_event e = { .at = { 1700000000120 },
                          .kind = sc_xstrdup("alert"),
                          .agent = sc_xstrdup("jerry"),
                          .gateway = sc_xstrdup("gw"),
                          .text = sc_xstrdup(text) };
    e.id = sc_id_new(e.at);
    return e;
}

Test(event_json, there_and_back)
{
    struct sc_event a = event("disk \"full\"\nnow"), b;
    sc_auto_buf struct sc_buf json = SC_BUF_INIT;
    sc_event_to_json(&a, &json);
    cr_assert(!strchr(sc_buf_str(&json), '\n'), "one line");
    sc_event_from_text(json.p, json.n, &b);
    cr_assert(sc_id_eq(&a.id, &b.id));
    cr_assert_eq(a.at.ms, b.at.ms);
    cr_assert_str_eq(a.kind, b.kind);
    cr_assert_str_eq(a.agent, b.agent);
    cr_assert_str_eq(a.gateway, b.gateway);
    cr_assert_str_eq(a.text, b.text);
    sc_event_fini(&a);
    sc_event_fini(&b);
}

static void reads_as(const char *text, size_t n, const char *want)
{
    struct sc_event e;
    sc_event_from_text(text, n, &e);
    cr_assert_str_eq(e.text, want);
    cr_assert_null(e.kind);
    cr_assert(sc_id_is_zero(&e.id));
    sc_event_fini(&e);
}

Test(event_json, what_a_person_pushed_is_shown)
{
    reads_as("backup done", 11, "backup done");
    reads_as("", 0, "");
    reads_as("\"text\"", 6, "\"text\"");
    reads_as("[1]", 3, "[1]");
    reads_as("{\"a\":1}", 7, "{\"a\":1}");
    reads_as("\xff\xfe", 2, "(2 bytes that are no UTF-8 text)");
    reads_as("a\0b", 3, "(3 bytes that are no UTF-8 text)");
}

Test(event_json, a_long_one_is_cut_between_characters)
{
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    struct sc_event e;
    for (int i = 0; i < SC_EVENT_TEXT_MAX; i++)
        sc_buf_adds(&text, "\u20ac");
    sc_event_from_text(text.p, text.n, &e);
    cr_assert_leq(strlen(e.text), SC_EVENT_TEXT_MAX);
    cr_assert_eq(strlen(e.text) % 3, 0);
    sc_event_fini(&e);
}

Test(recommendations, the_newest_is_on_top_and_once)
{
    struct sc_event a = event("a"), b = event("b");
    sc_auto_buf struct sc_buf one = SC_BUF_INIT, two = SC_BUF_INIT, again = SC_BUF_INIT;
    sc_recommendations_add("", 0, &a, &one);
    sc_recommendations_add(one.p, one.n, &b, &two);
    cr_assert_lt(strstr(two.p, "\"b\""), strstr(two.p, "\"a\""));
    sc_recommendations_add(two.p, two.n, &b, &again);
    cr_assert_str_eq(two.p, again.p);
    sc_event_fini(&a);
    sc_event_fini(&b);
}

Test(recommendations, what_a_person_wrote_there_stays)
{
    struct sc_event a = event("a");
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    sc_recommendations_add("buy disks", 9, &a, &out);
    cr_assert(strstr(out.p, "{\"text\":\"buy disks\"}"), "%s", out.p);
    sc_event_fini(&a);
}

Test(recommendations, they_are_bounded)
{
    sc_auto_buf struct sc_buf doc = SC_BUF_INIT;
    size_t lines = 0;
    for (int i = 0; i < SC_ADVICE_MAX + 5; i++) {
        struct sc_event e = event("x");
        sc_auto_buf struct sc_buf next = SC_BUF_INIT;
        sc_recommendations_add(doc.p, doc.n, &e, &next);
        sc_buf_clear(&doc);
        sc_buf_add(&doc, next.p, next.n);
        sc_event_fini(&e);
    }
    for (const char *p = doc.p; (p = strstr(p, "\"text\"")); p++)
        lines++;
    cr_assert_eq(lines, SC_ADVICE_MAX);
}
