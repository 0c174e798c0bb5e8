#include <criterion/criterion.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "sideclaw/memory_clock.h"

#define SHA "44d16146ba6b29515a558a305c62fb09f76cb6ea"

static int parse(const char *text, struct sc_memory_clock *ret)
{
    struct sc_err err = SC_ERR_INIT;
    return sc_memory_clock_parse(text, strlen(text), ret, &err);
}

Test(memory_clock, what_is_written_is_read)
{
    static const struct sc_memory_clock rows[] = {
        { .stamp = { .hlc = 0x01a1fda8c73c0007, .node = "jerry-gateway" } },
        { .stamp = { .hlc = 1, .node = "r" }, .deleted = true },
        { .stamp = { .hlc = INT64_MAX, .node = "a.b_c-D9" }, .expires = { 1771243200000 } },
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(rows); i++) {
        char text[SC_MEMORY_CLOCK_SIZE];
        struct sc_memory_clock c;
        sc_memory_clock_format(&rows[i], text);
        cr_assert_eq(parse(text, &c), SC_OK, "%s", text);
        cr_assert_eq(sc_stamp_cmp(&c.stamp, &rows[i].stamp), 0);
        cr_assert_eq(c.deleted, rows[i].deleted);
        cr_assert_eq(c.expires.ms, rows[i].expires.ms);
    }
}

Test(memory_clock, as_it_lies_in_redis)
{
    struct sc_memory_clock c;
    cr_assert_eq(parse("1 01a1fda8c73c0000 v 0 " SHA " redis", &c), SC_OK);
    cr_assert_eq(c.stamp.hlc, 0x01a1fda8c73c0000);
    cr_assert_str_eq(c.stamp.node, "redis");
    cr_assert_eq(parse("1 01a1fda8c73c0000 d 12 - redis", &c), SC_OK);
    cr_assert(c.deleted && c.expires.ms == 12);
}

Test(memory_clock, anything_else_is_refused)
{
    static const char *const bad[] = {
        "",
        "1",
        "1 ",
        "2 01a1fda8c73c0000 v 0 - redis",
        "1 01a1fda8c73c000 v 0 - redis",
        "1 01A1FDA8C73C0000 v 0 - redis",
        "1 81a1fda8c73c0000 v 0 - redis", /* no signed number */
        "1 01a1fda8c73c0000 x 0 - redis",
        "1 01a1fda8c73c0000 v -1 - redis",
        "1 01a1fda8c73c0000 v  - redis",
        "1 01a1fda8c73c0000 v 1234567890123456 - redis",
        "1 01a1fda8c73c0000 v 0 44d1 redis",
        "1 01a1fda8c73c0000 v 0 -",
        "1 01a1fda8c73c0000 v 0 - ",
        "1 01a1fda8c73c0000 v 0 - two words",
        "1 01a1fda8c73c0000 v 0 - a/b",
        "1 01a1fda8c73c0000 v 0",
        "1 01a1fda8c73c0000 v",
        "1 01a1fda8c73c0000",
    };
    struct sc_memory_clock c = { .stamp = { .hlc = 7 } };
    char node[SC_NAME_MAX + 2], text[512];
    for (size_t i = 0; i < SC_ARRAY_LEN(bad); i++)
        cr_assert_eq(parse(bad[i], &c), SC_EPROTO, "%s", bad[i]);
    cr_assert_eq(c.stamp.hlc, 7);
    memset(node, 'n', sizeof node);
    node[SC_NAME_MAX + 1] = 0;
    (void)snprintf(text, sizeof text, "1 01a1fda8c73c0000 v 0 - %s", node);
    cr_assert_eq(parse(text, &c), SC_EPROTO);
    text[strlen(text) - 1] = 0;
    cr_assert_eq(parse(text, &c), SC_OK);
}
