#include <criterion/criterion.h>
#include <string.h>

#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "sideclaw/task.h"

static struct sc_err err;

static void refused(struct sc_task *t, const char *field)
{
    cr_assert_lt(sc_task_check(t, &err), 0, "%s", field);
    cr_assert(strstr(err.text, field), "%s", err.text);
}

Test(task, check_names_the_field)
{
    sc_auto_task struct sc_task t;
    sc_task_init(&t);
    refused(&t, "body");
    sc_set_str(&t.body, "x");
    cr_assert_eq(sc_task_check(&t, &err), SC_OK);
    t.priority = 10;
    refused(&t, "priority");
    t.priority = 9;
    t.lease_ms = 10;
    refused(&t, "lease_s");
    t.lease_ms = 1000;
    t.max_attempts = 0;
    refused(&t, "max_attempts");
    t.max_attempts = 1;
    sc_set_str(&t.id, "a/b");
    refused(&t, "id");
    sc_set_str(&t.id, "task-1");
    sc_set_str(&t.agent, "bobby");
    sc_set_str(&t.group, "lab");
    refused(&t, "exclude each other");
}

Test(task, a_fence_reads_back_as_it_was_written)
{
    char text[SC_FENCE_TEXT_SIZE];
    const char *home;
    uint64_t fence;
    sc_fence_format(1763719000123456, "gw-1", text);
    cr_assert_str_eq(text, "1763719000123456@gw-1");
    cr_assert_eq(sc_fence_parse(text, &fence, &home, &err), SC_OK);
    cr_assert_eq(fence, 1763719000123456);
    cr_assert_str_eq(home, "gw-1");
    sc_fence_format(7, NULL, text);
    cr_assert_eq(sc_fence_parse(text, &fence, &home, &err), SC_OK);
    cr_assert_null(home);
}

Test(task, what_is_no_fence_is_refused_with_the_remedy)
{
    static const char *const bad[] = { "",    "x",   "0",      "-1",
                                       "12x", "12@", "12@a/b", "99999999999999999" };
    const char *home;
    uint64_t fence;
    for (size_t i = 0; i < SC_ARRAY_LEN(bad); i++) {
        cr_assert_eq(sc_fence_parse(bad[i], &fence, &home, &err), SC_EINVAL, "%s", bad[i]);
        cr_assert(strstr(err.remedy, "pop_task"));
    }
}
