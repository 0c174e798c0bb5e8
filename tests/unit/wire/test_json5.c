#include "sideclaw/json5.h"

#include <criterion/criterion.h>
#include <string.h>

#include "sideclaw/mem.h"

static struct sc_value *value_of(const char *text)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_json5 t;
    cr_assert_eq(sc_json5_parse(text, strlen(text), &t, &err), SC_OK, "%s: %s", text, err.text);
    struct sc_value *v = sc_json5_value(&t, 0);
    sc_json5_fini(&t);
    return v;
}

static void reads_as(const char *text, const char *json)
{
    sc_auto_value struct sc_value *v = value_of(text);
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    sc_value_dump(v, &out);
    cr_assert_str_eq(sc_buf_str(&out), json, "%s", text);
}

/* The patch turns the text into `want`; the opposite patch (may be NULL) turns it back. */
static void patches(const char *text, const char *patch, const char *want, const char *back)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_buf struct sc_buf b = SC_BUF_INIT;
    sc_buf_adds(&b, text);
    sc_auto_value struct sc_value *p = sc_value_parse(patch, strlen(patch), &err);
    cr_assert_eq(sc_json5_patch(&b, p, &err), SC_OK, "%s", err.text);
    cr_assert_str_eq(sc_buf_str(&b), want);
    cr_assert_eq(sc_json5_patch(&b, p, &err), SC_OK, "%s", err.text);
    cr_assert_str_eq(sc_buf_str(&b), want, "a second time changes nothing");
    if (!back)
        return;
    sc_auto_value struct sc_value *q = sc_value_parse(back, strlen(back), &err);
    cr_assert_eq(sc_json5_patch(&b, q, &err), SC_OK, "%s", err.text);
    cr_assert_str_eq(sc_buf_str(&b), text);
}

Test(json5, reads_what_json_cannot)
{
    reads_as("// c\n{ a: 'x', /* y */ \"b\": [1, .5, +0x1F, -Infinity,], $c_1: null, }\n",
             "{\"a\":\"x\",\"b\":[1,true,true,true],\"$c_1\":null}");
    reads_as("'it\\'s \\x41\\u00e9\\\n on'", "\"it's A\xc3\xa9 on\"");
    reads_as("'\\ud83d\\ude00'", "\"\xf0\x9f\x98\x80\"");
    reads_as("\xef\xbb\xbf{}", "{}");
    reads_as("{gr\xc3\xbc\xc3\x9f: ''}", "{\"gr\xc3\xbc\xc3\x9f\":\"\"}");
}

Test(json5, hostile_text_is_refused_with_its_place)
{
    static const char *const bad[] = { "",
                                       "{",
                                       "{a}",
                                       "{a:}",
                                       "{a:1",
                                       "{a:1 b:2}",
                                       "[1 2]",
                                       "{a:1,a:2}",
                                       "'x",
                                       "'a\nb'",
                                       "'\\u12'",
                                       "'\\ud800'",
                                       "'\\u0000'",
                                       "'\\x00'",
                                       "/* x",
                                       "{} x",
                                       "tru",
                                       "{,}",
                                       "[,]",
                                       "'\\1'",
                                       "{1:2",
                                       "{'a' 1}",
                                       "'\\u00\x10\x10'" };
    for (size_t i = 0; i < SC_ARRAY_LEN(bad); i++) {
        struct sc_err err = SC_ERR_INIT;
        struct sc_json5 t;
        cr_assert_eq(sc_json5_parse(bad[i], strlen(bad[i]), &t, &err), SC_EINVAL, "'%s'", bad[i]);
        cr_assert(strncmp(err.text, "line ", 5) == 0, "%s", err.text);
    }
}

Test(json5, depth_is_bounded)
{
    char deep[1000];
    struct sc_err err = SC_ERR_INIT;
    struct sc_json5 t;
    memset(deep, '[', sizeof deep);
    cr_assert_lt(sc_json5_parse(deep, sizeof deep, &t, &err), 0);
}

Test(json5, a_member_is_added_in_the_style_of_the_file)
{
    patches(
        "{\n  // mine\n  a: 1, // one\n  b: { c: 'x' } // two\n}\n", "{\"n\":{\"k\":\"v\"}}",
        "{\n  // mine\n  a: 1, // one\n  b: { c: 'x' }, // two\n  n: {\n    \"k\": \"v\"\n  }\n}\n",
        "{\"n\":null}");
    patches("{\n\t\"a\": 1,\n}", "{\"n\":\"v\"}", "{\n\t\"a\": 1,\n\t\"n\": \"v\",\n}",
            "{\"n\":null}");
    patches("{ a: { b: 1 } }", "{\"a\":{\"my-n\":\"v\"}}", "{ a: { b: 1, \"my-n\": \"v\" } }",
            "{\"a\":{\"my-n\":null}}");
    patches("{a:{}}", "{\"a\":{\"n\":\"v\"}}", "{a:{\n  n: \"v\"\n}}", "{\"a\":{\"n\":null}}");
    patches("{ a: 1 // x\n}", "{\"n\":\"v\"}", "{ a: 1, // x\n  n: \"v\"\n}", "{\"n\":null}");
    patches("{ a: 1 /* x */ }", "{\"n\":\"v\"}", "{ a: 1, /* x */ n: \"v\" }", "{\"n\":null}");
}

Test(json5, a_list_changes_by_element)
{
    patches("{ d: [ 'a', // why\n  'b' ] }", "{\"d\":[\"a\",\"b\",\"m\"]}",
            "{ d: [ 'a', // why\n  'b', \"m\" ] }", "{\"d\":[\"a\",\"b\"]}");
    patches("{d:[1, 'a', 0x2]}", "{\"d\":[1,\"a\",true,\"m\"]}", "{d:[1, 'a', 0x2, \"m\"]}", NULL);
    patches("{d:[]}", "{\"d\":[\"m\"]}", "{d:[\"m\"]}", "{\"d\":[]}");
    patches("{d:['a', 'm', 'b']}", "{\"d\":[\"a\",\"b\"]}", "{d:['a', 'b']}", NULL);
    patches("{d:['m', 'b']}", "{\"d\":[\"b\"]}", "{d:[ 'b']}", NULL);
    patches("{d:[\n  'a', // x\n  'm',\n  'b'\n]}", "{\"d\":[\"a\",\"b\"]}",
            "{d:[\n  'a', // x\n  'b'\n]}", NULL);
}

Test(json5, a_comment_never_swallows_what_follows)
{
    patches("{\n  // c\n  m: 1, o: 2\n}", "{\"m\":null}", "{\n  // c\n   o: 2\n}", NULL);
    patches("{ a: 1, // c\n  m: 2 }", "{\"m\":null}", "{ a: 1 // c\n   }", NULL);
}

Test(json5, a_value_is_replaced_in_place)
{
    patches("{a: /* was */ 'x' /* here */, b: 2}", "{\"a\":\"y\"}",
            "{a: /* was */ \"y\" /* here */, b: 2}", NULL);
    patches("{a: 5, b: false}", "{\"a\":6,\"b\":true}", "{a: 6, b: true}", "{\"a\":5,\"b\":false}");
    patches("{a: 'x'}", "{\"a\":\"x\"}", "{a: 'x'}", NULL);
}
