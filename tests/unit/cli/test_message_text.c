/* How one message looks to people. */
#include <criterion/criterion.h>
#include <string.h>

#include "../../../src/cli/command.h"
#include "sideclaw/mem.h"

static char *shown(const char *json)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_writer w = { .ops = &sc_writer_text, .fd = -1 };
    sc_auto_value struct sc_value *v = sc_value_parse(json, strlen(json), &err);
    cr_assert(v, "%s", err.text);
    sc_show_message(&w, v);
    return sc_buf_steal(&w.out);
}

static void has_line(const char *json, const char *line)
{
    sc_auto_free char *text = shown(json);
    sc_auto_free char *whole = sc_xasprintf("\n%s", text);
    sc_auto_free char *wanted = sc_xasprintf("\n%s\n", line);
    cr_assert(strstr(whole, wanted), "no line '%s' in:\n%s", line, text);
}

#define STEP(stage, more) "{\"stage\":\"" stage "\",\"at\":\"2026-02-16T12:00:00.000Z\"" more "}"

Test(message_text, each_stage_says_what_it_took)
{
    static const struct {
        const char *after, *shown;
    } cases[] = {
        { "0", "+0ms" },        { "999", "+999ms" },      { "14250", "+14.2s" },
        { "185000", "+3m05s" }, { "18720000", "+5h12m" }, { "-7", "-7ms" },
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(cases); i++) {
        sc_auto_free char *json =
            sc_xasprintf("{\"history\":[" STEP("accepted", "") ",{\"stage\":\"sent\",\"at\":\"T\","
                                                               "\"after_ms\":%s}]}",
                         cases[i].after);
        sc_auto_free char *line = sc_xasprintf("  sent       T  %s", cases[i].shown);
        has_line(json, line);
        has_line(json, "  accepted   2026-02-16T12:00:00.000Z");
    }
}

Test(message_text, attempts_name_the_transport)
{
    has_line("{\"attempts\":2,\"via\":\"redis\"}", "attempts   3, the last by redis");
    has_line("{\"attempts\":1,\"via\":null}", "attempts   2");
    has_line("{\"attempts\":0,\"via\":\"peer\"}", "attempts   1, the last by peer");
    sc_auto_free char *incoming = shown("{\"stage\":\"stored\"}");
    cr_assert_null(strstr(incoming, "attempts"));
}

Test(message_text, what_cannot_be_known_is_said)
{
    sc_auto_free char *sure = shown("{\"stage\":\"dead\",\"ambiguous\":false}");
    cr_assert_null(strstr(sure, "ambiguous"));
    has_line("{\"ambiguous\":true}",
             "ambiguous  yes: whether a turn ran for it, or only one, is not known");
}

Test(message_text, links_are_shown_when_there_are_any)
{
    has_line("{\"replied_by\":\"a\",\"in_reply_to\":\"b\"}", "replied by a");
    has_line("{\"retry_of\":\"c\"}", "retry of   c");
    has_line("{\"retried_as\":\"d\"}", "retried as d");
    has_line("{\"last_error\":\"no receipt came\",\"next_attempt\":\"T\"}", "next try   T");
}

/* A message of a list has its times, and no history. */
Test(message_text, times_alone_are_shown_too)
{
    has_line("{\"times\":{\"stored\":\"T1\"}}", "  stored     T1");
}
