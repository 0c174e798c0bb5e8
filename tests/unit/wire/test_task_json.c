#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "sideclaw/task_json.h"
#include "sideclaw/task_note_json.h"

static struct sc_err err;

static int read(const char *text, struct sc_task *ret)
{
    return sc_task_from_entry(text, strlen(text), ret, &err);
}

Test(task_json, plain_text_is_a_body_with_the_defaults)
{
    struct sc_task t;
    cr_assert_eq(read("backup-consul", &t), SC_OK);
    cr_assert_str_eq(t.body, "backup-consul");
    cr_assert_null(t.id);
    cr_assert_eq(t.priority, SC_TASK_PRIORITY);
    cr_assert_eq(t.lease_ms, SC_TASK_LEASE_MS);
    sc_task_fini(&t);
}

Test(task_json, an_object_with_a_body_is_a_whole_task)
{
    struct sc_task t;
    cr_assert_eq(read("{\"body\":\"x\",\"id\":\"t1\",\"capability\":\"nomad\",\"priority\":9,"
                      "\"max_attempts\":7,\"lease_s\":5,\"timeout_s\":60,\"delay_s\":1,"
                      "\"backoff_s\":2,\"from\":\"cron\",\"unknown\":1}",
                      &t),
                 SC_OK, "%s", err.text);
    cr_assert_str_eq(t.id, "t1");
    cr_assert_str_eq(t.capability, "nomad");
    cr_assert_str_eq(t.from, "cron");
    cr_assert_eq(t.priority, 9);
    cr_assert_eq(t.max_attempts, 7);
    cr_assert_eq(t.lease_ms, 5000);
    cr_assert_eq(t.timeout_ms, 60000);
    cr_assert_eq(t.delay_ms, 1000);
    cr_assert_eq(t.backoff_ms, 2000);
    sc_task_fini(&t);
}

Test(task_json, other_json_is_a_body)
{
    static const char *const texts[] = { "{\"job\":\"backup\"}", "{not json", "[1]", "7", "{}" };
    for (size_t i = 0; i < SC_ARRAY_LEN(texts); i++) {
        struct sc_task t;
        cr_assert_eq(read(texts[i], &t), SC_OK, "%s: %s", texts[i], err.text);
        cr_assert_str_eq(t.body, texts[i]);
        sc_task_fini(&t);
    }
}

Test(task_json, a_wrong_member_is_refused_by_its_name)
{
    static const char *const bad[][2] = {
        { "{\"body\":7}", "body" },
        { "{\"body\":\"\"}", "body" },
        { "{\"body\":\"x\",\"priority\":10}", "priority" },
        { "{\"body\":\"x\",\"lease_s\":\"5\"}", "lease_s" },
        { "{\"body\":\"x\",\"id\":\"a b\"}", "id" },
        { "{\"body\":\"x\",\"agent\":\"a\",\"capability\":\"b\"}", "exclude" },
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(bad); i++) {
        struct sc_task t;
        cr_assert_lt(read(bad[i][0], &t), 0, "%s", bad[i][0]);
        cr_assert(strstr(err.text, bad[i][1]), "%s", err.text);
    }
}

Test(task_json, sizes_are_bounded)
{
    struct sc_task t;
    char *big = sc_xmalloc(SC_TASK_ENTRY_MAX + 2);
    memset(big, 'x', SC_TASK_ENTRY_MAX + 2);
    cr_assert_eq(sc_task_from_entry(big, SC_TASK_BODY_MAX + 1, &t, &err), SC_ETOOBIG);
    cr_assert_eq(sc_task_from_entry(big, SC_TASK_ENTRY_MAX + 1, &t, &err), SC_ETOOBIG);
    cr_assert_eq(sc_task_from_entry(big, SC_TASK_BODY_MAX, &t, &err), SC_OK);
    sc_task_fini(&t);
    free(big);
}

Test(task_json, a_message_carries_the_name_of_its_task)
{
    sc_auto_message struct sc_message m;
    sc_message_init(&m);
    cr_assert_null(sc_message_task(&m));
    sc_message_set_task(&m, "task-123");
    sc_auto_free char *name = sc_message_task(&m);
    cr_assert_str_eq(name, "task-123");
    sc_message_set_task(&m, "../../x");
    cr_assert_null(sc_message_task(&m), "it would become a key");
}
