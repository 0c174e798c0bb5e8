#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sideclaw/parse.h"
#include "sideclaw/value.h"

static struct sc_value *parse(const char *text)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_value *v = sc_value_parse(text, strlen(text), &err);
    if (!v) {
        cr_assert_eq(err.code, SC_EINVAL);
        cr_assert(sc_utf8_valid(err.text, strlen(err.text)));
        cr_assert_gt(strlen(err.text), 0);
    }
    return v;
}

static void dumps_as(const struct sc_value *v, const char *want)
{
    sc_auto_buf struct sc_buf b = SC_BUF_INIT;
    sc_value_dump(v, &b);
    cr_assert_str_eq(sc_buf_str(&b), want);
}

Test(value, built_and_dumped_in_order)
{
    sc_auto_value struct sc_value *o = sc_value_object();
    struct sc_value *a = sc_value_array();
    sc_value_add_str(a, "x");
    sc_value_add(a, sc_value_int(-7));
    sc_value_add(a, sc_value_bool(true));
    sc_value_set_str(o, "z", "caf\xc3\xa9 \"q\" \n");
    sc_value_set_int(o, "i", INT64_MAX);
    sc_value_set_real(o, "r", 0.5);
    sc_value_set_bool(o, "b", false);
    sc_value_set(o, "a", a);
    dumps_as(o, "{\"z\":\"caf\xc3\xa9 \\\"q\\\" \\n\",\"i\":9223372036854775807,\"r\":0.5,"
                "\"b\":false,\"a\":[\"x\",-7,true]}");
}

Test(value, what_json_has_no_word_for_becomes_null)
{
    sc_auto_value struct sc_value *o = sc_value_object();
    sc_value_set_str(o, "none", NULL);
    sc_value_set_str(o, "broken", "\xff");
    sc_value_set_real(o, "nan", (double)NAN);
    sc_value_set_real(o, "inf", (double)INFINITY);
    dumps_as(o, "{\"none\":null,\"broken\":null,\"nan\":null,\"inf\":null}");
}

Test(value, readers_give_the_default_for_absent_and_wrong_types)
{
    sc_auto_value struct sc_value *o =
        parse("{\"s\":\"t\",\"i\":5,\"r\":1.5,\"b\":true,\"n\":null,\"a\":[1,2],\"o\":{\"k\":1}}");
    cr_assert_str_eq(sc_value_get_str(o, "s"), "t");
    cr_assert_null(sc_value_get_str(o, "i"));
    cr_assert_null(sc_value_get_str(o, "none"));
    cr_assert_null(sc_value_get_str(o, "n"));
    cr_assert_eq(sc_value_get_int(o, "i", 9), 5);
    cr_assert_eq(sc_value_get_int(o, "r", 9), 9);
    cr_assert_eq(sc_value_get_int(o, "s", 9), 9);
    cr_assert(sc_value_get_bool(o, "b", false));
    cr_assert_not(sc_value_get_bool(o, "s", false));
    cr_assert(sc_value_get_bool(o, "none", true));
    cr_assert_eq(sc_value_count(sc_value_get(o, "a")), 2);
    cr_assert_eq(sc_value_count(sc_value_get(o, "o")), 1);
    cr_assert_eq(sc_value_count(sc_value_get(o, "s")), 0);
    cr_assert_eq(sc_value_num(sc_value_at(sc_value_get(o, "a"), 1)), 2);
    cr_assert_null(sc_value_at(sc_value_get(o, "a"), 2));
    cr_assert_null(sc_value_at(sc_value_get(o, "o"), 0));
    cr_assert(sc_value_is_null(sc_value_get(o, "n")));
    cr_assert(sc_value_is_number(sc_value_get(o, "r")));
    cr_assert_not(sc_value_is_int(sc_value_get(o, "r")));
}

Test(value, every_reader_takes_null)
{
    cr_assert_null(sc_value_get(NULL, "x"));
    cr_assert_null(sc_value_get_str(NULL, "x"));
    cr_assert_eq(sc_value_get_int(NULL, "x", 3), 3);
    cr_assert_not(sc_value_is_object(NULL));
    cr_assert_not(sc_value_is_array(NULL));
    cr_assert_not(sc_value_is_str(NULL));
    cr_assert_not(sc_value_is_null(NULL));
    cr_assert_null(sc_value_text(NULL));
    cr_assert_eq(sc_value_text_len(NULL), 0);
    cr_assert_eq(sc_value_count(NULL), 0);
    cr_assert_null(sc_value_at(NULL, 0));
    cr_assert_not(sc_value_true(NULL));
    cr_assert_eq(sc_value_num(NULL), 0);
    sc_value_each(NULL, NULL, NULL);
    sc_value_free(NULL);
}

Test(value, any_type_at_the_top)
{
    static const char *const good[] = {
        "null", "true", "0", "-1.5", "\"x\"", "[]", "{}", " [1] \n"
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        sc_auto_value struct sc_value *v = parse(good[i]);
        cr_assert(v, "%s", good[i]);
    }
}

Test(value, hostile_text_is_refused)
{
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "}",
        "[1,]",
        "{\"a\":1,}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1,\"a\":2}", /* which of the two would be meant? */
        "[1] x",
        "{}{}",
        "\"\\u0000\"", /* a NUL would cut C strings */
        "{\"a\\u0000b\":1}",
        "\"\xff\"",
        "\"\xed\xa0\x80\"",
        "\"\\ud800\"", /* half a surrogate pair */
        "\"a\nb\"",
        "NaN",
        "Infinity",
        "01",
        "+1",
        "1e999",
        "99999999999999999999",
        "'x'",
        "nul",
        "\xef\xbb\xbf{}", /* a byte order mark */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_null(parse(bad[i]), "'%s' was taken", bad[i]);
    struct sc_err err = SC_ERR_INIT;
    cr_assert_null(sc_value_parse("{}\0", 3, &err));
    cr_assert_null(sc_value_parse(NULL, 0, &err));
}

Test(value, depth_is_bounded)
{
    struct sc_err err = SC_ERR_INIT;
    size_t n = 200000;
    char *deep = malloc(n);
    memset(deep, '[', n);
    cr_assert_null(sc_value_parse(deep, n, &err));
    free(deep);
}

static bool count_members(void *ctx, const char *key, const struct sc_value *v)
{
    (void)key;
    (void)v;
    return ++*(int *)ctx < 2;
}

Test(value, each_stops_when_told)
{
    int n = 0;
    sc_auto_value struct sc_value *o = parse("{\"a\":1,\"b\":2,\"c\":3}");
    sc_value_each(o, count_members, &n);
    cr_assert_eq(n, 2);
}

Test(value, references_keep_a_value_alive)
{
    struct sc_value *o = parse("{\"in\":{\"x\":1}}");
    struct sc_value *in = sc_value_ref(sc_value_get(o, "in"));
    sc_value_free(o);
    dumps_as(in, "{\"x\":1}");
    sc_value_free(in);
}

Test(value, pretty_is_for_people)
{
    sc_auto_value struct sc_value *o = parse("{\"a\":[1]}");
    sc_auto_buf struct sc_buf b = SC_BUF_INIT;
    sc_value_dump_pretty(o, &b);
    cr_assert_str_eq(sc_buf_str(&b), "{\n  \"a\": [\n    1\n  ]\n}");
}
