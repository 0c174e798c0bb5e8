#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "sideclaw/buf.h"

Test(buf, empty_reads_as_empty_text)
{
    sc_auto_buf struct sc_buf b = SC_BUF_INIT;
    cr_assert_str_eq(sc_buf_str(&b), "");
    sc_buf_clear(&b);
    sc_buf_consume(&b, 0);
    sc_buf_add(&b, NULL, 0);
    cr_assert_str_eq(sc_buf_str(&b), "");
    cr_assert_eq(b.n, 0);
}

Test(buf, grows_and_stays_terminated)
{
    sc_auto_buf struct sc_buf b = SC_BUF_INIT;
    for (size_t i = 0; i < 10000; i++) {
        sc_buf_addc(&b, (char)('a' + i % 26));
        cr_assert_eq(b.p[b.n], 0);
    }
    cr_assert_eq(b.n, 10000);
    for (size_t i = 0; i < b.n; i++)
        cr_assert_eq(b.p[i], (char)('a' + i % 26));
}

Test(buf, formats_and_appends_around_its_capacity)
{
    for (int n = 0; n < 300; n++) {
        sc_auto_buf struct sc_buf b = SC_BUF_INIT;
        sc_buf_addf(&b, "%*s", n, "");
        sc_buf_addf(&b, "%d|%s", n, "end");
        char want[400];
        (void)snprintf(want, sizeof want, "%*s%d|end", n, "", n);
        cr_assert_str_eq(sc_buf_str(&b), want);
        cr_assert_eq(b.n, strlen(want));
    }
}

Test(buf, an_empty_format_adds_nothing)
{
    sc_auto_buf struct sc_buf b = SC_BUF_INIT;
    sc_buf_addf(&b, "%s", "");
    cr_assert_eq(b.n, 0);
    cr_assert_str_eq(sc_buf_str(&b), "");
}

Test(buf, keeps_nul_bytes)
{
    sc_auto_buf struct sc_buf b = SC_BUF_INIT;
    sc_buf_add(&b, "a\0b", 3);
    cr_assert_eq(b.n, 3);
    cr_assert_eq(memcmp(b.p, "a\0b", 4), 0);
}

Test(buf, consume_keeps_the_rest_and_the_terminator)
{
    sc_auto_buf struct sc_buf b = SC_BUF_INIT;
    sc_buf_adds(&b, "hello world");
    sc_buf_consume(&b, 6);
    cr_assert_str_eq(sc_buf_str(&b), "world");
    sc_buf_consume(&b, 5);
    cr_assert_str_eq(sc_buf_str(&b), "");
    cr_assert_eq(b.n, 0);
    sc_buf_adds(&b, "again");
    cr_assert_str_eq(sc_buf_str(&b), "again");
}

Test(buf, steal_hands_over_and_never_gives_null)
{
    struct sc_buf b = SC_BUF_INIT;
    char *p = sc_buf_steal(&b);
    cr_assert_str_eq(p, "");
    free(p);
    sc_buf_adds(&b, "mine");
    p = sc_buf_steal(&b);
    cr_assert_str_eq(p, "mine");
    cr_assert_null(b.p);
    cr_assert_eq(b.cap, 0);
    free(p);
}
