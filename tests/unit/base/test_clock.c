#include <criterion/criterion.h>
#include <string.h>

#include "sideclaw/clock.h"

static int parse(const char *s, int64_t *ret)
{
    struct sc_err err = SC_ERR_INIT;
    sc_wall t = { -7 };
    int r = sc_wall_parse(s, &t, &err);
    if (r < 0) {
        cr_assert_eq(t.ms, -7, "'%s' touched the result", s ? s : "NULL");
        cr_assert_gt(strlen(err.text), 0);
    }
    *ret = t.ms;
    return r;
}

Test(clock, formats_rfc3339)
{
    char s[SC_RFC3339_SIZE];
    sc_wall_format((sc_wall){ 1771243200120 }, s);
    cr_assert_str_eq(s, "2026-02-16T12:00:00.120Z");
    sc_wall_format_s((sc_wall){ 1771243200120 }, s);
    cr_assert_str_eq(s, "2026-02-16T12:00:00Z");
    sc_wall_format((sc_wall){ 0 }, s);
    cr_assert_str_eq(s, "1970-01-01T00:00:00.000Z");
    sc_wall_format((sc_wall){ -1 }, s);
    cr_assert_str_eq(s, "1969-12-31T23:59:59.999Z");
}

Test(clock, years_have_four_digits)
{
    char s[SC_RFC3339_SIZE];
    sc_wall_format((sc_wall){ INT64_C(-61978435200000) }, s);
    cr_assert_str_eq(s, "0005-12-25T00:00:00.000Z");
}

Test(clock, absurd_times_do_not_overrun_the_text)
{
    char s[SC_RFC3339_SIZE];
    memset(s, 'x', sizeof s);
    sc_wall_format((sc_wall){ INT64_MAX }, s);
    cr_assert_lt(strnlen(s, sizeof s), sizeof s);
    memset(s, 'x', sizeof s);
    sc_wall_format((sc_wall){ INT64_MIN }, s);
    cr_assert_lt(strnlen(s, sizeof s), sizeof s);
}

Test(clock, parses_every_form_of_rfc3339)
{
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        { "2026-02-16T12:00:00Z", 1771243200000 },
        { "2026-02-16t12:00:00z", 1771243200000 },
        { "2026-02-16T12:00:00.1Z", 1771243200100 },
        { "2026-02-16T12:00:00.123456789Z", 1771243200123 },
        { "2026-02-16T14:00:00+02:00", 1771243200000 },
        { "2026-02-16T06:30:00-05:30", 1771243200000 },
        { "2024-02-29T00:00:00Z", 1709164800000 },
        { "2016-12-31T23:59:60Z", 1483228800000 }, /* a leap second */
        { "1970-01-01T00:00:00-00:00", 0 },
        { "9999-12-31T23:59:59.999Z", 253402300799999 },
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int64_t ms;
        cr_assert_eq(parse(good[i].text, &ms), SC_OK, "%s", good[i].text);
        cr_assert_eq(ms, good[i].ms, "%s is %lld", good[i].text, (long long)ms);
    }
}

Test(clock, refuses_what_is_no_time)
{
    static const char *const bad[] = {
        "",
        "now",
        "2026-02-16",
        "2026-02-16T12:00:00",
        "2026-02-16T12:00:00 Z",
        "2026-02-16T12:00:00.Z",
        "2026-02-16T12:00:00ZZ",
        "2026-02-16T12:00:00+2:00",
        "2026-02-16T12:00:00+ 2:00",
        "2026-02-16T12:00:00+0200",
        "2026-02-16T12:00:00+24:00",
        "2026-02-16T12:00:00+02:60",
        "2026-02-16T12:00:00+-1:00",
        "2026-02-30T12:00:00Z",
        "2026-02-29T12:00:00Z",
        "2100-02-29T12:00:00Z",
        "2026-13-01T12:00:00Z",
        "2026-00-01T12:00:00Z",
        "2026-01-00T12:00:00Z",
        "2026-01-32T12:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T12:60:00Z",
        "2026-01-01T12:00:61Z",
        "26-02-16T12:00:00Z",
        " 2026-02-16T12:00:00Z",
        "2026- 2-16T12:00:00Z",
        "2026-2-16T12:00:00Z",
        "+2026-02-16T12:00:00Z",
        "12026-02-16T12:00:00Z",
        "9999-12-31T23:59:59-00:01", /* past the last year that can be written down again */
        "0000-01-01T00:00:00+00:01",
    };
    int64_t ms;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(parse(bad[i], &ms), SC_EINVAL, "'%s' was taken", bad[i]);
    cr_assert_eq(parse(NULL, &ms), SC_EINVAL);
}

Test(clock, what_was_parsed_reads_the_same_when_written)
{
    static const int64_t samples[] = { 0,
                                       1,
                                       999,
                                       1771243200120,
                                       INT64_C(253402300799999),
                                       INT64_C(-62167219200000),
                                       INT64_C(-61978435200000) };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        char s[SC_RFC3339_SIZE];
        int64_t ms;
        sc_wall_format((sc_wall){ samples[i] }, s);
        cr_assert_eq(parse(s, &ms), SC_OK, "%s", s);
        cr_assert_eq(ms, samples[i], "%s", s);
    }
}

Test(clock, the_system_clock_runs_forward)
{
    struct sc_clock c = sc_clock_system();
    sc_mono a = sc_clock_mono(&c), b = sc_clock_mono(&c);
    cr_assert_leq(a.ms, b.ms);
    cr_assert_gt(sc_clock_wall(&c).ms, INT64_C(1700000000000));
}
