/* Text out of ours, read by jansson: what goes in must come out. */
#include <criterion/criterion.h>
#include <string.h>

#include "../../../src/wire/json_text.h"
#include "sideclaw/value.h"

static struct sc_value *round_trip(const char *s, size_t n)
{
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    struct sc_err err = SC_ERR_INIT;
    sc_buf_addc(&out, '{');
    json_text_strn(&out, "s", s, n);
    json_text_close(&out, '}');
    struct sc_value *v = sc_value_parse(out.p, out.n, &err);
    cr_assert(v, "%s: %s", out.p, err.text);
    return v;
}

Test(json_text, every_character_survives)
{
    for (unsigned c = 1; c < 0x80; c++) {
        const char text[] = { 'a', (char)c, 'b', 0 };
        sc_auto_value struct sc_value *v = round_trip(text, 3);
        cr_assert_str_eq(sc_value_get_str(v, "s"), text, "character %u", c);
    }
    const char *beyond = "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\xa6\x9e";
    sc_auto_value struct sc_value *v = round_trip(beyond, strlen(beyond));
    cr_assert_str_eq(sc_value_get_str(v, "s"), beyond);
}

Test(json_text, what_is_no_utf8_does_not_spoil_the_text)
{
    const char *broken[] = { "a\xff\x62", "\xc3", "\xed\xa0\x80", "\xf0\x9f\xa6" };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        sc_auto_value struct sc_value *v = round_trip(broken[i], strlen(broken[i]));
        cr_assert(strstr(sc_value_get_str(v, "s"), "\xef\xbf\xbd"), "case %zu", i);
    }
}

Test(json_text, escapes_as_jansson_does)
{
    const char *hard = "\"\\/\b\f\n\r\t\x01\x1f\x7f end";
    sc_auto_buf struct sc_buf ours = SC_BUF_INIT, theirs = SC_BUF_INIT;
    sc_buf_addc(&ours, '{');
    json_text_str(&ours, "s", hard);
    json_text_close(&ours, '}');
    sc_auto_value struct sc_value *v = sc_value_object();
    sc_value_set_str(v, "s", hard);
    sc_value_dump(v, &theirs);
    cr_assert_str_eq(ours.p, theirs.p);
}

Test(json_text, commas_stand_between_members_only)
{
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    sc_buf_addc(&out, '{');
    json_text_int(&out, "a", -1);
    json_text_str(&out, "left out", NULL);
    json_text_open(&out, "list", '[');
    json_text_open(&out, NULL, '{');
    json_text_close(&out, '}');
    json_text_strn(&out, NULL, "x{", 2);
    json_text_strn(&out, NULL, "y", 1);
    json_text_close(&out, ']');
    json_text_members(&out, "{}");
    json_text_members(&out, "{\"n\":[1,2]}");
    json_text_true(&out, "t");
    json_text_close(&out, '}');
    cr_assert_str_eq(out.p, "{\"a\":-1,\"list\":[{},\"x{\",\"y\"],\"n\":[1,2],\"t\":true}");
}

/* Wherever it stands in a word of eight. */
Test(json_text, what_needs_an_escape_is_found_at_every_place)
{
    static const char hard[] = "\"\\\n\x1f\x7f\xc3\xbc";
    for (size_t at = 0; at < 24; at++) {
        for (size_t i = 0; i + 1 < sizeof hard - 1; i++) {
            char text[40];
            memset(text, 'x', sizeof text);
            text[sizeof text - 1] = 0;
            memcpy(text + at, hard + i, hard[i] == '\xc3' ? 2 : 1);
            sc_auto_value struct sc_value *v = round_trip(text, strlen(text));
            cr_assert_str_eq(sc_value_get_str(v, "s"), text, "byte %zu at %zu", i, at);
        }
    }
}
