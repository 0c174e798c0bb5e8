#include <criterion/criterion.h>
#include <string.h>

#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "sideclaw/suggest.h"

Test(suggest, distance_counts_slips)
{
    static const struct {
        const char *a, *b;
        size_t max, want;
    } rows[] = {
        { "", "", 3, 0 },
        { "a", "", 3, 1 },
        { "redis.ur", "redis.url", 3, 1 },
        { "bobby", "boby", 3, 1 },
        { "bobby", "obbby", 3, 1 },
        { "Status", "status", 3, 0 },
        { "kitten", "sitting", 5, 3 },
        { "kitten", "sitting", 2, 3 },
        { "abc", "xyz", 1, 2 },
        { "abcdef", "a", 2, 3 },
        { "ca", "abc", 5, 3 },
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(rows); i++)
        cr_assert_eq(sc_edit_distance(rows[i].a, rows[i].b, rows[i].max), rows[i].want, "%s %s",
                     rows[i].a, rows[i].b);
}

Test(suggest, distance_is_symmetric)
{
    static const char *const words[] = { "gateway", "gatway", "gtaeway", "way", "", "gateways" };
    for (size_t i = 0; i < SC_ARRAY_LEN(words); i++)
        for (size_t j = 0; j < SC_ARRAY_LEN(words); j++)
            cr_assert_eq(sc_edit_distance(words[i], words[j], 20),
                         sc_edit_distance(words[j], words[i], 20));
}

Test(suggest, words_beyond_the_limit_are_far)
{
    char *word = sc_xmalloc(SC_NAME_MAX + 2);
    memset(word, 'x', SC_NAME_MAX + 1);
    word[SC_NAME_MAX + 1] = 0;
    cr_assert_eq(sc_edit_distance(word, word, 5), 6);
    word[SC_NAME_MAX] = 0;
    cr_assert_eq(sc_edit_distance(word, word, 5), 0);
    free(word);
}

Test(suggest, the_nearest_is_meant)
{
    const char *const words[] = { "send", "ask", NULL, "inbox", "outbox", "status" };
    size_t n = SC_ARRAY_LEN(words);
    cr_assert_str_eq(sc_suggest("sned", words, n), "send");
    cr_assert_str_eq(sc_suggest("imbox", words, n), "inbox");
    cr_assert_str_eq(sc_suggest("STATUS", words, n), "status");
    cr_assert_str_eq(sc_suggest("stat", words, n), "status");
    cr_assert_null(sc_suggest("x", words, n));
    cr_assert_null(sc_suggest("", words, n));
    cr_assert_null(sc_suggest("nothing-like-it", words, n));
    cr_assert_null(sc_suggest("send", words, 0));
}
