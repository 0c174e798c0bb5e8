#include <criterion/criterion.h>
#include <string.h>

#include "../../../src/cli/args.h"
#include "sideclaw/mem.h"
#include "support/words.h"

static const struct sc_flag flags[] = {
    { .name = "--to", .value = "AGENT", .help = "" },
    { .name = "--ttl", .value = "S", .help = "", .min = 1, .max = 100 },
    { .name = "--all", .help = "" },
    { .name = "--each", .value = "X", .many = true, .help = "" },
    { .name = NULL },
};

static int parse(char **argv, struct sc_args *ret, struct sc_err *err)
{
    int argc = 0;
    while (argv[argc])
        argc++;
    return sc_args_parse(flags, argc, argv, ret, err);
}

Test(args, flags_and_words_in_any_order)
{
    struct sc_args a;
    struct sc_err err = SC_ERR_INIT;
    cr_assert_eq(parse(WORDS("one", "--to", "bobby", "-", "--all", "--ttl=7", "two"), &a, &err),
                 SC_OK);
    cr_assert_str_eq(sc_args_text(&a, "--to"), "bobby");
    cr_assert(sc_args_has(&a, "--all"));
    cr_assert_eq(sc_args_int(&a, "--ttl", 0), 7);
    cr_assert_eq(a.n_words, 3);
    cr_assert_str_eq(a.words[0], "one");
    cr_assert_str_eq(a.words[1], "-");
    cr_assert_str_eq(a.words[2], "two");
}

Test(args, two_dashes_end_the_flags)
{
    struct sc_args a;
    struct sc_err err = SC_ERR_INIT;
    cr_assert_eq(parse(WORDS("--to", "x", "--", "--all", "--"), &a, &err), SC_OK);
    cr_assert_eq(a.n_words, 2);
    cr_assert_str_eq(a.words[0], "--all");
    cr_assert_not(sc_args_has(&a, "--all"));
    cr_assert_eq(sc_args_int(&a, "--ttl", 42), 42);
}

Test(args, mistakes_are_named)
{
    struct sc_args a;
    struct sc_err err = SC_ERR_INIT;
    cr_assert_eq(parse(WORDS("--too", "x"), &a, &err), SC_EINVAL);
    cr_assert(strstr(err.text, "--too") && strstr(err.remedy, "--to?"), "%s %s", err.text,
              err.remedy);
    cr_assert_eq(parse(WORDS("-5"), &a, &err), SC_EINVAL);
    cr_assert(strstr(err.remedy, "--"), "%s", err.remedy);
    cr_assert_eq(parse(WORDS("--to"), &a, &err), SC_EINVAL);
    cr_assert(strstr(err.text, "--to AGENT"), "%s", err.text);
    cr_assert_eq(parse(WORDS("--all=yes"), &a, &err), SC_EINVAL);
    cr_assert_eq(parse(WORDS("--ttl", "0"), &a, &err), SC_EINVAL);
    cr_assert(strstr(err.text, "--ttl") && strstr(err.text, "between 1 and 100"), "%s", err.text);
    cr_assert_eq(parse(WORDS("--ttl", "soon"), &a, &err), SC_EINVAL);
}

Test(args, a_flag_that_may_stand_more_than_once)
{
    struct sc_args a;
    struct sc_err err = SC_ERR_INIT;
    cr_assert_eq(parse(WORDS("--each", "x", "w", "--each=y"), &a, &err), SC_OK);
    cr_assert_eq(a.n_many, 2);
    cr_assert_str_eq(a.many[0], "x");
    cr_assert_str_eq(a.many[1], "y");
    char each[] = "--each=z", *argv[SC_MANY_MAX + 2] = { NULL };
    for (int i = 0; i <= SC_MANY_MAX; i++)
        argv[i] = each;
    cr_assert_eq(parse(argv, &a, &err), SC_EINVAL);
}
