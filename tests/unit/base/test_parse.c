#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "sideclaw/limits.h"
#include "sideclaw/parse.h"

static int parse(const char *s, int64_t min, int64_t max, int64_t *ret)
{
    struct sc_err err = SC_ERR_INIT;
    int r = sc_parse_i64(s, min, max, ret, &err);
    if (r < 0)
        cr_assert_gt(strlen(err.text), 0);
    return r;
}

Test(parse, whole_numbers_within_their_bounds)
{
    int64_t v = 0;
    cr_assert_eq(parse("0", 0, 10, &v), SC_OK);
    cr_assert_eq(v, 0);
    cr_assert_eq(parse("-5", -5, 10, &v), SC_OK);
    cr_assert_eq(v, -5);
    cr_assert_eq(parse("9223372036854775807", 0, INT64_MAX, &v), SC_OK);
    cr_assert_eq(v, INT64_MAX);
    cr_assert_eq(parse("-9223372036854775808", INT64_MIN, 0, &v), SC_OK);
    cr_assert_eq(v, INT64_MIN);
}

Test(parse, what_is_no_number_is_refused_and_the_result_untouched)
{
    static const char *const bad[] = { "",    " 1", "1 ",   "\t1", "\n1", "\v1",
                                       "\r1", "+1", "0x10", "1e3", "1.0", "--1",
                                       "- 1", "-",  "abc",  "1\n", "\xff" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t v = 42;
        cr_assert_eq(parse(bad[i], INT64_MIN, INT64_MAX, &v), SC_EINVAL, "%zu: '%s'", i, bad[i]);
        cr_assert_eq(v, 42);
    }
    int64_t v = 42;
    cr_assert_eq(parse(NULL, 0, 1, &v), SC_EINVAL);
}

Test(parse, numbers_outside_are_refused)
{
    int64_t v = 42;
    cr_assert_eq(parse("11", 0, 10, &v), SC_EINVAL);
    cr_assert_eq(parse("-1", 0, 10, &v), SC_EINVAL);
    cr_assert_eq(parse("9223372036854775808", INT64_MIN, INT64_MAX, &v), SC_EINVAL);
    cr_assert_eq(parse("-9223372036854775809", INT64_MIN, INT64_MAX, &v), SC_EINVAL);
    cr_assert_eq(parse("99999999999999999999999999999999", 0, INT64_MAX, &v), SC_EINVAL);
    cr_assert_eq(v, 42);
}

static bool utf8(const char *s)
{
    return sc_utf8_valid(s, strlen(s));
}

Test(parse, utf8_accepts_the_edges_of_rfc3629)
{
    cr_assert(sc_utf8_valid(NULL, 0));
    cr_assert(utf8(""));
    cr_assert(utf8("plain \x7f"));
    cr_assert(utf8("\xc2\x80 \xdf\xbf"));
    cr_assert(utf8("\xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xef\xbf\xbf"));
    cr_assert(utf8("\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf"));
}

Test(parse, utf8_refuses_what_is_not)
{
    static const char *const bad[] = {
        "\x80",             /* a continuation alone */
        "\xc0\x80",         /* NUL, overlong */
        "\xc1\xbf",         /* overlong */
        "\xe0\x9f\xbf",     /* overlong */
        "\xf0\x8f\xbf\xbf", /* overlong */
        "\xed\xa0\x80",     /* a surrogate */
        "\xed\xbf\xbf",     /* a surrogate */
        "\xf4\x90\x80\x80", /* above U+10FFFF */
        "\xf5\x80\x80\x80",
        "\xff",
        "\xfe",
        "\xc3",         /* cut */
        "\xe2\x82",     /* cut */
        "\xf0\x9f\x98", /* cut */
        "\xc3(",        /* no continuation */
        "\xe2(\xac",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_not(utf8(bad[i]), "%zu", i);
    cr_assert_not(sc_utf8_valid("a\0b", 3));
    /* The length decides, not what lies behind it. */
    cr_assert_not(sc_utf8_valid("\xe2\x82\xac", 2));
    cr_assert(sc_utf8_valid("a\xff", 1));
}

Test(parse, utf8_prefix_ends_between_characters)
{
    const char *euro = "a\xe2\x82\xac";
    cr_assert_eq(sc_utf8_prefix(euro, 4), 4);
    cr_assert_eq(sc_utf8_prefix(euro, 10), 4);
    cr_assert_eq(sc_utf8_prefix(euro, 3), 1);
    cr_assert_eq(sc_utf8_prefix(euro, 2), 1);
    cr_assert_eq(sc_utf8_prefix(euro, 1), 1);
    cr_assert_eq(sc_utf8_prefix(euro, 0), 0);
    cr_assert_eq(sc_utf8_prefix("", 5), 0);
    cr_assert_eq(sc_utf8_prefix("\xf0\x9f\x98\x80", 3), 0);
}

static int name(const char *s)
{
    struct sc_err err = SC_ERR_INIT;
    int r = sc_name_check("agent", s, &err);
    if (r < 0) {
        cr_assert_eq(strncmp(err.text, "agent", 5), 0, "%s", err.text);
        cr_assert(utf8(err.text));
    }
    return r;
}

Test(parse, names_are_safe_as_keys_and_file_names)
{
    char longest[SC_NAME_MAX + 2];
    memset(longest, 'n', sizeof longest);
    longest[SC_NAME_MAX] = 0;
    cr_assert_eq(name("a"), SC_OK);
    cr_assert_eq(name("Jerry-2_x.y"), SC_OK);
    cr_assert_eq(name("-x"), SC_OK);
    cr_assert_eq(name(longest), SC_OK);
    longest[SC_NAME_MAX] = 'n';
    longest[SC_NAME_MAX + 1] = 0;
    cr_assert_eq(name(longest), SC_EINVAL);
    static const char *const bad[] = { "",         ".",     "..",   ".hidden", "a/b",      "/",
                                       "a b",      "a\n",   "a\tb", "a:b",     "a*",       "a\\b",
                                       "\xc3\xa9", "a\x7f", " a",   "a ",      ".\x1b[2J", "a%2f" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(name(bad[i]), SC_EINVAL, "%zu: '%s'", i, bad[i]);
    cr_assert_eq(name(NULL), SC_EINVAL);
}

Test(parse, hex)
{
    char out[9];
    sc_hex((const uint8_t[]){ 0x00, 0x0f, 0xf0, 0xff }, 4, out);
    cr_assert_str_eq(out, "000ff0ff");
    sc_hex(NULL, 0, out);
    cr_assert_str_eq(out, "");
}
