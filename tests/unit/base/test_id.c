#include <criterion/criterion.h>
#include <string.h>

#include "sideclaw/id.h"

Test(id, new_ids_are_uuid7_and_carry_their_time)
{
    struct sc_id id = sc_id_new((sc_wall){ INT64_C(0x0123456789ab) });
    char s[SC_ID_TEXT_SIZE];
    sc_id_format(&id, s);
    cr_assert_eq(strncmp(s, "01234567-89ab-7", 15), 0, "%s", s);
    cr_assert(strchr("89ab", s[19]), "%s", s);
    cr_assert_eq(strlen(s), 36);
}

Test(id, later_ids_sort_behind_earlier_ones)
{
    struct sc_id a = sc_id_new((sc_wall){ 1771243200000 });
    struct sc_id b = sc_id_new((sc_wall){ 1771243200001 });
    cr_assert_lt(memcmp(a.b, b.b, sizeof a.b), 0);
}

Test(id, two_of_one_moment_differ)
{
    for (int i = 0; i < 1000; i++) {
        struct sc_id a = sc_id_new((sc_wall){ 5 }), b = sc_id_new((sc_wall){ 5 });
        cr_assert_not(sc_id_eq(&a, &b));
    }
}

Test(id, text_and_back)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_id id = sc_id_new((sc_wall){ 1771243200000 }), back;
    char s[SC_ID_TEXT_SIZE];
    sc_id_format(&id, s);
    cr_assert_eq(sc_id_parse(s, &back, &err), SC_OK);
    cr_assert(sc_id_eq(&id, &back));
}

Test(id, capital_letters_are_the_same_id)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_id a, b;
    cr_assert_eq(sc_id_parse("0197F3A0-0000-7ABC-8DEF-0123456789AB", &a, &err), SC_OK);
    cr_assert_eq(sc_id_parse("0197f3a0-0000-7abc-8def-0123456789ab", &b, &err), SC_OK);
    cr_assert(sc_id_eq(&a, &b));
}

Test(id, what_is_no_uuid_is_refused)
{
    static const char *const bad[] = { "",
                                       "x",
                                       "0197f3a0-0000-7abc-8def-0123456789a",
                                       "0197f3a0-0000-7abc-8def-0123456789abc",
                                       "0197f3a00000-7abc-8def-0123456789ab-",
                                       "0197f3a0-0000-7abc-8def-0123456789ag",
                                       "{0197f3a0-0000-7abc-8def-0123456789}",
                                       " 197f3a0-0000-7abc-8def-0123456789ab",
                                       "0197f3a0-0000-7abc-8def-0123456789a\n" };
    struct sc_err err = SC_ERR_INIT;
    struct sc_id id = { { 9 } };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(sc_id_parse(bad[i], &id, &err), SC_EINVAL, "'%s'", bad[i]);
    cr_assert_eq(sc_id_parse(NULL, &id, &err), SC_EINVAL);
    cr_assert_eq(id.b[0], 9);
}

Test(id, derived_ids_depend_on_space_and_name_only)
{
    struct sc_id a = sc_id_derive("kv", "inbox/x@1"), b = sc_id_derive("kv", "inbox/x@1");
    struct sc_id c = sc_id_derive("kv", "inbox/x@2"), d = sc_id_derive("other", "inbox/x@1");
    cr_assert(sc_id_eq(&a, &b));
    cr_assert_not(sc_id_eq(&a, &c));
    cr_assert_not(sc_id_eq(&a, &d));
    cr_assert_eq(a.b[6] >> 4, 8);
    cr_assert_eq(a.b[8] >> 6, 2);
    struct sc_id empty = sc_id_derive("", "");
    cr_assert_not(sc_id_is_zero(&empty));
}

Test(id, zero)
{
    struct sc_id zero = { { 0 } }, one = { { 0, 1 } };
    cr_assert(sc_id_is_zero(&zero));
    cr_assert_not(sc_id_is_zero(&one));
}
