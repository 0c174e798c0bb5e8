#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "sideclaw/err.h"
#include "sideclaw/parse.h"

Test(err, fail_sets_code_and_text_and_clears_an_old_remedy)
{
    struct sc_err err = SC_ERR_INIT;
    cr_assert_eq(sc_fail(&err, SC_EINVAL, "first"), SC_EINVAL);
    cr_assert_eq(sc_err_remedy(&err, "do %s", "this"), SC_EINVAL);
    cr_assert_str_eq(err.remedy, "do this");
    cr_assert_eq(sc_fail(&err, SC_ENOENT, "no %s", "agent"), SC_ENOENT);
    cr_assert_eq(err.code, SC_ENOENT);
    cr_assert_str_eq(err.text, "no agent");
    cr_assert_str_eq(err.remedy, "");
}

Test(err, a_null_err_still_returns_the_code)
{
    cr_assert_eq(sc_fail(NULL, SC_EBUSY, "x"), SC_EBUSY);
    cr_assert_eq(sc_fail_errno(NULL, ENOSPC, "x"), SC_EFULL);
    cr_assert_eq(sc_fail_errno(NULL, EACCES, "x"), SC_EIO);
    cr_assert_lt(sc_err_wrap(NULL, "x"), 0);
    cr_assert_lt(sc_err_remedy(NULL, "x"), 0);
}

Test(err, errno_is_named_and_a_full_disk_has_its_own_code)
{
    struct sc_err err = SC_ERR_INIT;
    cr_assert_eq(sc_fail_errno(&err, EACCES, "open %s", "/x"), SC_EIO);
    cr_assert_str_eq(err.text, "open /x: Permission denied");
    cr_assert_eq(sc_fail_errno(&err, EDQUOT, "write"), SC_EFULL);
}

Test(err, wrap_puts_the_outer_words_first_and_keeps_code_and_remedy)
{
    struct sc_err err = SC_ERR_INIT;
    (void)sc_fail(&err, SC_EPROTO, "bad byte");
    (void)sc_err_remedy(&err, "look");
    cr_assert_eq(sc_err_wrap(&err, "key %d", 7), SC_EPROTO);
    cr_assert_str_eq(err.text, "key 7: bad byte");
    cr_assert_str_eq(err.remedy, "look");
}

Test(err, texts_of_any_length_are_cut_and_terminated)
{
    char big[2000];
    struct sc_err err = SC_ERR_INIT;
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = 0;
    (void)sc_fail(&err, SC_EIO, "%s", big);
    cr_assert_eq(strlen(err.text), SC_ERR_TEXT_MAX - 1);
    (void)sc_err_wrap(&err, "%s", big);
    cr_assert_eq(strlen(err.text), SC_ERR_TEXT_MAX - 1);
    (void)sc_fail_errno(&err, EIO, "%s", big);
    cr_assert_eq(strlen(err.text), SC_ERR_TEXT_MAX - 1);
    (void)sc_err_remedy(&err, "%s", big);
    cr_assert_eq(strlen(err.remedy), SC_ERR_TEXT_MAX - 1);
}

/* An error quotes hostile input and ends in JSON (which has no word for broken UTF-8: the message
 * would be null), in a log and on a terminal. */
Test(err, quoted_hostile_bytes_come_out_as_clean_text)
{
    struct sc_err err = SC_ERR_INIT;
    (void)sc_fail(&err, SC_EINVAL, "'%s' is no name", "\x1b[2J\n\xff\xc3(");
    cr_assert(sc_utf8_valid(err.text, strlen(err.text)), "%s", err.text);
    cr_assert_str_eq(err.text, "'?[2J??"
                               "?(' is no name");
}

Test(err, a_cut_inside_a_character_leaves_valid_utf8)
{
    struct sc_err err = SC_ERR_INIT;
    char text[400];
    for (size_t shift = 0; shift < 4; shift++) {
        size_t n = 0;
        for (size_t i = 0; i < shift; i++)
            text[n++] = 'x';
        for (size_t i = 0; i < 90; i++, n += 3)
            memcpy(text + n, "\xe2\x82\xac", 3);
        text[n] = 0;
        (void)sc_fail(&err, SC_EINVAL, "%s", text);
        cr_assert(sc_utf8_valid(err.text, strlen(err.text)));
        cr_assert_geq(strlen(err.text), SC_ERR_TEXT_MAX - 4);
        (void)sc_err_remedy(&err, "%s", text);
        cr_assert(sc_utf8_valid(err.remedy, strlen(err.remedy)));
        (void)sc_err_wrap(&err, "y");
        cr_assert(sc_utf8_valid(err.text, strlen(err.text)));
    }
    (void)sc_fail(&err, SC_EINVAL, "'%.4s'", "a\xe2\x82\xac");
    cr_assert_str_eq(err.text, "'a\xe2\x82\xac'");
    (void)sc_fail(&err, SC_EINVAL, "'%.3s'", "a\xe2\x82\xac");
    cr_assert(sc_utf8_valid(err.text, strlen(err.text)));
}

Test(err, every_code_has_a_name)
{
    for (int c = SC_ECANCELED; c <= SC_OK; c++)
        cr_assert_str_neq(sc_code_name((enum sc_code)c), "unknown", "code %d", c);
    cr_assert_str_eq(sc_code_name((enum sc_code)7), "unknown");
    cr_assert_str_eq(sc_code_name((enum sc_code) - 99), "unknown");
}
