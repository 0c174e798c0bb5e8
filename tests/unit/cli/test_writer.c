#include <criterion/criterion.h>
#include <string.h>

#include "../../../src/cli/writer.h"
#include "sideclaw/clock.h"
#include "sideclaw/mem.h"

static const char *const heads[] = { "A", "BB" };

static void table(bool colour, const char *const *cells, size_t n, const char *want)
{
    struct sc_writer w = { .ops = &sc_writer_text, .colour = colour };
    struct sc_table t;
    sc_table_init(&t, 2, heads);
    for (size_t i = 0; i < n; i++)
        sc_table_cell(&t, cells[i]);
    sc_table_end(&t, &w, "none");
    cr_assert_str_eq(sc_buf_str(&w.out), want);
    sc_buf_fini(&w.out);
}

Test(writer, columns_align)
{
    const char *const cells[] = { "x", "y", "longer", NULL };
    table(false, cells, 4, "A       BB\nx       y\nlonger  -\n");
    table(false, cells, 0, "none\n");
}

Test(writer, columns_align_with_wide_and_coloured_words)
{
    const char *const cells[] = { "Grüße", "1", "日本", "2", "dead", "3" };
    table(true, cells, 6, "A      BB\nGrüße  1\n日本   2\n\033[31mdead\033[0m   3\n");
}

Test(writer, a_cell_is_one_line_of_bounded_width)
{
    struct sc_buf want = SC_BUF_INIT;
    char text[200];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    memcpy(text, "a\nb\033[2J", 7);
    const char *const cells[] = { "k", text };
    sc_buf_adds(&want, "A  BB\nk  a b [2J");
    for (int i = 7; i < SC_CELL_WIDTH_MAX - 1; i++)
        sc_buf_addc(&want, 'x');
    sc_buf_adds(&want, "…\n");
    table(false, cells, 2, sc_buf_str(&want));
    sc_buf_fini(&want);
}

Test(writer, broken_text_has_a_width_too)
{
    cr_assert_eq(sc_text_width("abc", 3), 3);
    cr_assert_eq(sc_text_width("\xff\xc3", 2), 2);
    cr_assert_eq(sc_text_width("e\xcc\x81", 3), 1);
    cr_assert_eq(sc_text_width("🦀", 4), 2);
}

static void body(bool terminal, const char *text, const char *want)
{
    struct sc_writer w = { .ops = &sc_writer_text, .is_terminal = terminal };
    sc_writer_body(&w, text);
    cr_assert_str_eq(sc_buf_str(&w.out), want);
    sc_buf_fini(&w.out);
}

Test(writer, a_strangers_text_cannot_steer_the_terminal)
{
    body(true,
         "a\033]0;title\a\r\n\tb \xc2\x9b"
         "31m ü",
         "a?]0;title??\n\tb ?31m ü\n");
    body(false, "a\033[31m\n", "a\033[31m\n");
    body(true, "", "\n");
}

Test(writer, json_is_the_object_itself)
{
    struct sc_writer w = { .ops = &sc_writer_json };
    sc_auto_value struct sc_value *v = sc_value_object();
    sc_value_set_int(v, "n", 1);
    w.ops->result(&w, v, NULL);
    cr_assert_str_eq(sc_buf_str(&w.out), "{\n  \"n\": 1\n}\n");
    sc_buf_fini(&w.out);
}

Test(writer, ages)
{
    char age[24], text[SC_RFC3339_SIZE];
    static const struct {
        int64_t s;
        const char *want;
    } rows[] = { { -50, "0s" }, { 5, "5s" },    { 119, "119s" },
                 { 120, "2m" }, { 7300, "2h" }, { 49 * 3600, "2d" } };
    const struct sc_clock clock = sc_clock_system();
    for (size_t i = 0; i < SC_ARRAY_LEN(rows); i++) {
        sc_wall then = { sc_clock_wall(&clock).ms - rows[i].s * 1000 };
        sc_wall_format(then, text);
        cr_assert_str_eq(sc_age(text, age), rows[i].want);
    }
    cr_assert_str_eq(sc_age(NULL, age), "-");
    cr_assert_str_eq(sc_age("yesterday", age), "-");
}
