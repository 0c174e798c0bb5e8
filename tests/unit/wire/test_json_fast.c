#include <criterion/criterion.h>
#include <jansson.h>
#include <string.h>

#include "../../../src/wire/json_fast.h"

/* Both readers must say the same of it. */
static void same(const char *text)
{
    json_auto_t *fast = sc_json_fast(text, strlen(text));
    json_auto_t *slow =
        json_loadb(text, strlen(text), JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    cr_assert(fast, "%s", text);
    cr_assert(json_equal(fast, slow), "%s", text);
}

static void left(const char *text, size_t n)
{
    cr_assert_null(sc_json_fast(text, n), "%.*s", (int)(n < 80 ? n : 80), text);
}

Test(json_fast, reads_what_sidecars_and_clients_send)
{
    same("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"message.send\",\"params\":{\"to\":\"bobby\","
         "\"body\":\"two\\nlines, a \\\"quote\\\" and \\\\ \\/ \\b\\f\\r\\t\"}}");
    same(" { \"a\" : [ 1 , -2 , 0 , 999999999999999999 ] , \"b\" : { } , \"c\" : [ ] }\r\n");
    same("[true,false,null,\"\"]");
    same("\"gr\xc3\xbc\xc3\x9f dich, \xf0\x9f\xa6\x9e\"");
    same("{\"\":\"an empty name\"}");
    same("-17");
}

Test(json_fast, leaves_the_rare_and_the_wrong_to_jansson)
{
    static const char *const texts[] = {
        "",
        " ",
        "{",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "[1,]",
        "[1 2]",
        "[1]]",
        "1 2",
        "tru",
        "nul",
        "01",
        "-0",
        "-",
        "1.5",
        "1e3",
        "9999999999999999999",
        "\"",
        "\"\\",
        "\"\\u0041\"",
        "\"\\x\"",
        "\"\n\"",
        "\"\xc0\x80\"",
        "\"\xe2\x82",
        "{\"a\":1,\"a\":2}",
        "{\"\\n\":1}",
        "{1:2}",
        "\"a\" \"b\"",
        "+1",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        left(texts[i], strlen(texts[i]));
    left("\"a\0b\"", 5);
    left("1\0", 2);
}

Test(json_fast, nesting_ends_before_the_stack_does)
{
    enum { DEEP = 100000 };
    static char text[2 * DEEP + 1];
    memset(text, '[', DEEP);
    memset(text + DEEP, ']', DEEP);
    left(text, 2 * DEEP);
    left(text, DEEP);
    same("[[[[[[[[[[[[[[[[{\"a\":[[[[[[[[[[[[[1]]]]]]]]]]]]]}]]]]]]]]]]]]]]]]");
}

/* Every prefix of it is wrong; none may be taken, or read past. */
Test(json_fast, a_text_that_ends_early_is_refused)
{
    static const char text[] = "{\"a\":[true,-12,\"x\\n\xc3\xa4\"],\"b\":{\"c\":null}}";
    for (size_t n = 0; n < strlen(text); n++) {
        char *copy = memcpy(malloc(n + 1), text, n); /* so that ASan sees a byte too many */
        copy = realloc(copy, n ? n : 1);
        left(copy, n);
        free(copy);
    }
}
