#include "memory_fixture.h"

static struct mesh *linked(void)
{
    struct mesh *t = mesh_new();
    for (int i = 0; i < NODES; i++)
        up(t, i);
    run(t, 1000);
    return t;
}

static void meet(struct mesh *t)
{
    for (int i = 0; i < NODES; i++)
        up(t, i);
    run(t, 2000);
}

Test(memory, what_is_set_is_there_and_in_redis)
{
    struct mesh *t = linked();
    set(t, 0, "task", "backup");
    ASSERT_VALUE(t, 0, "task", "backup");
    run(t, 100);
    cr_assert_str_eq(mem_shared_read(t->redis, "jerry", "task"), "backup");
    cr_assert_eq(stats_at(t, 0).totals.dirty, 0);
    mesh_free(t);
}

Test(memory, who_follows_the_agent_hears_of_it)
{
    struct mesh *t = linked();
    set(t, 1, "other", "x"); /* beta follows jerry from now on; gamma does not */
    run(t, 1000);
    set(t, 0, "task", "backup");
    run(t, 1000);
    ASSERT_VALUE(t, 1, "task", "backup");
    ASSERT_VALUE(t, 2, "task", "-");
    mesh_free(t);
}

Test(memory, the_merge_table)
{
    static const struct {
        const char *first, *second, *merged; /* by alpha and beta, apart; NULL deletes */
    } rows[] = {
        { "a", "b", "b" },
        { "a", NULL, "-" },
        { NULL, "b", "b" },
        { NULL, NULL, "-" },
    };
    for (int swap = 0; swap < 2; swap++)
        for (size_t i = 0; i < SC_ARRAY_LEN(rows); i++) {
            struct mesh *t = mesh_new();
            for (int n = 0; n < 2; n++) {
                const char *value = n ? rows[i].second : rows[i].first;
                int who = swap ? 1 - n : n;
                run(t, 10);
                if (value)
                    set(t, who, "k", value);
                else
                    (void)del(t, who, "k");
            }
            meet(t);
            ASSERT_VALUE(t, 0, "k", rows[i].merged);
            ASSERT_VALUE(t, 1, "k", rows[i].merged);
            const char *shared = mem_shared_read(t->redis, "jerry", "k");
            cr_assert_str_eq(shared ? shared : "-", rows[i].merged);
            mesh_free(t);
        }
}

Test(memory, writes_of_one_moment_are_decided_by_the_name)
{
    struct mesh *t = mesh_new();
    set(t, 0, "k", "of alpha");
    set(t, 1, "k", "of beta");
    meet(t);
    ASSERT_VALUE(t, 0, "k", "of beta");
    ASSERT_VALUE(t, 1, "k", "of beta");
    mesh_free(t);
}

Test(memory, a_late_sidecar_does_not_bring_back_what_was_deleted)
{
    struct mesh *t = linked();
    set(t, 0, "k", "v");
    set(t, 1, "other", "x");
    run(t, 1000);
    ASSERT_VALUE(t, 1, "k", "v");
    down(t, 1, false);
    cr_assert(del(t, 0, "k"));
    run(t, TOMBSTONE_MS - 10000);
    up(t, 1);
    run(t, 2000);
    ASSERT_VALUE(t, 0, "k", "-");
    ASSERT_VALUE(t, 1, "k", "-");
    cr_assert_null(mem_shared_read(t->redis, "jerry", "k"));
    mesh_free(t);
}

Test(memory, tombstones_go_when_their_time_is_over)
{
    struct mesh *t = linked();
    set(t, 0, "k", "v");
    run(t, 100);
    (void)del(t, 0, "k");
    run(t, TOMBSTONE_MS / 2);
    cr_assert_eq(stats_at(t, 0).totals.dead, 1);
    cr_assert_eq(mem_shared_stamps(t->redis), 1);
    run(t, TOMBSTONE_MS);
    cr_assert_eq(stats_at(t, 0).totals.dead, 0);
    cr_assert_eq(mem_shared_stamps(t->redis), 0);
    mesh_free(t);
}

Test(memory, another_programs_write_gets_a_clock_when_it_is_seen)
{
    struct mesh *t = linked();
    set(t, 0, "k", "ours");
    run(t, 1000);
    mem_shared_write(t->redis, "jerry", "k", "by hand");
    mem_shared_write(t->redis, "jerry", "new", "by hand");
    run(t, SCAN_MS + 1000);
    ASSERT_VALUE(t, 0, "k", "by hand");
    ASSERT_VALUE(t, 0, "new", "by hand");
    mem_shared_write(t->redis, "jerry", "k", NULL);
    run(t, SCAN_MS + 1000);
    ASSERT_VALUE(t, 0, "k", "-");
    mesh_free(t);
}

Test(memory, a_write_here_replaces_another_programs)
{
    struct mesh *t = linked();
    set(t, 0, "k", "first");
    run(t, 1000);
    mem_shared_write(t->redis, "jerry", "k", "by hand");
    run(t, 10);
    set(t, 0, "k", "second");
    run(t, 1000);
    ASSERT_VALUE(t, 0, "k", "second");
    cr_assert_str_eq(mem_shared_read(t->redis, "jerry", "k"), "second");
    mesh_free(t);
}

Test(memory, another_programs_write_counts_against_what_waited_for_the_link)
{
    struct mesh *t = mesh_new();
    set(t, 0, "k", "while away");
    mem_shared_write(t->redis, "jerry", "k", "by hand");
    run(t, 10);
    meet(t);
    ASSERT_VALUE(t, 0, "k", "by hand");
    mesh_free(t);
}

Test(memory, what_redis_lost_comes_back)
{
    struct mesh *t = linked();
    set(t, 0, "k", "v");
    run(t, 1000);
    mem_shared_flush(t->redis);
    run(t, 2000);
    cr_assert_str_eq(mem_shared_read(t->redis, "jerry", "k"), "v");
    ASSERT_VALUE(t, 0, "k", "v");
    mesh_free(t);
}

Test(memory, a_ttl_ends_on_every_side)
{
    struct mesh *t = linked();
    set(t, 1, "other", "x");
    cr_assert_eq(set_for(t, 0, "k", "v", 10, NULL), SC_OK);
    run(t, 9000);
    ASSERT_VALUE(t, 1, "k", "v");
    run(t, 1000);
    ASSERT_VALUE(t, 0, "k", "-");
    ASSERT_VALUE(t, 1, "k", "-");
    cr_assert_null(mem_shared_read(t->redis, "jerry", "k"));
    mesh_free(t);
}

/* --- clocks --- */

Test(memory, a_clock_far_ahead_writes_for_itself_until_it_is_right)
{
    struct mesh *t = linked();
    t->nodes[0].clock.wall_zero = ZERO + 2 * DRIFT_MS;
    set(t, 0, "k", "from the future");
    run(t, 5000);
    cr_assert_null(mem_shared_read(t->redis, "jerry", "k"));
    cr_assert(stats_at(t, 0).is_ahead && stats_at(t, 0).ahead > 0);
    ASSERT_VALUE(t, 0, "k", "from the future");
    t->nodes[0].clock.wall_zero = ZERO;
    run(t, 5000);
    cr_assert_str_eq(mem_shared_read(t->redis, "jerry", "k"), "from the future");
    cr_assert_not(stats_at(t, 0).is_ahead);
    set(t, 0, "k", "now");
    run(t, 1000);
    cr_assert_str_eq(mem_shared_read(t->redis, "jerry", "k"), "now");
    mesh_free(t);
}

Test(memory, a_stamp_far_ahead_of_us_is_taken_and_not_followed)
{
    struct mesh *t = linked();
    t->nodes[1].clock.wall_zero = ZERO - 2 * DRIFT_MS; /* beta is behind everybody */
    set(t, 1, "other", "x");
    run(t, 1000);
    set(t, 0, "k", "later");
    run(t, 1000);
    ASSERT_VALUE(t, 1, "k", "later");
    cr_assert_gt(stats_at(t, 1).drift, 0);
    set(t, 1, "k", "later still"); /* on this key beta goes on from there */
    run(t, 1000);
    ASSERT_VALUE(t, 0, "k", "later still");
    mesh_free(t);
}

Test(memory, a_new_life_goes_on_where_the_old_one_was)
{
    struct mesh *t = mesh_new();
    set(t, 0, "k", "before");
    run(t, 10);
    death(&t->nodes[0]);
    t->nodes[0].clock.wall_zero = ZERO - 60000;
    life(t, 0);
    set(t, 0, "k", "after");
    meet(t);
    cr_assert_str_eq(mem_shared_read(t->redis, "jerry", "k"), "after");
    mesh_free(t);
}

/* --- bounds --- */

Test(memory, quotas_name_the_option)
{
    struct sc_err err = SC_ERR_INIT;
    struct mesh *t = mesh_new();
    char key[16], big[10001];
    for (int i = 0; i < 100; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        set(t, 0, key, "v");
    }
    cr_assert_eq(set_for(t, 0, "one more", "v", 0, &err), SC_EINVAL); /* a blank */
    cr_assert_eq(set_for(t, 0, "one-more", "v", 0, &err), SC_EFULL);
    cr_assert(strstr(err.remedy, "agent_max_keys"), "%s", err.remedy);
    set(t, 0, "k1", "changed");
    (void)del(t, 0, "k2");
    set(t, 0, "one-more", "v");
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = 0;
    cr_assert_eq(set_for(t, 0, "k1", big, 0, &err), SC_EFULL);
    cr_assert(strstr(err.remedy, "agent_max_bytes"), "%s", err.remedy);
    mesh_free(t);
}

Test(memory, what_has_expired_makes_room)
{
    struct mesh *t = mesh_new();
    char key[16];
    for (int i = 0; i < 100; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        cr_assert_eq(set_for(t, 0, key, "v", 1, NULL), SC_OK);
    }
    run(t, 1000);
    set(t, 0, "one-more", "v");
    mesh_free(t);
}

Test(memory, deleted_keys_are_bounded_too)
{
    struct sc_err err = SC_ERR_INIT;
    struct mesh *t = mesh_new();
    char key[16];
    int r = SC_OK, i = 0;
    for (; i < 1000 && r == SC_OK; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        r = set_for(t, 0, key, "v", 0, &err);
        if (r == SC_OK)
            cr_assert(del(t, 0, key));
    }
    cr_assert_eq(r, SC_EFULL);
    cr_assert_eq(i, 401);
    cr_assert(strstr(err.remedy, "tombstone_s"), "%s", err.remedy);
    mesh_free(t);
}

Test(memory, what_others_wrote_is_taken_beyond_the_quota_and_not_without_end)
{
    struct mesh *t = mesh_new();
    char key[16];
    for (int i = 0; i < 250; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        mem_shared_write(t->redis, "jerry", key, "by hand");
    }
    set(t, 0, "mine", "v");
    meet(t);
    cr_assert_eq(stats_at(t, 0).totals.keys, 251);
    ASSERT_VALUE(t, 0, "k249", "by hand");
    mesh_free(t);
}

Test(memory, a_sick_disk_is_tried_again_without_haste)
{
    struct mesh *t = linked();
    set(t, 0, "k", "v");
    mem_store_fail(t->nodes[0].store, true);
    size_t before = mem_way_calls(t->nodes[0].way);
    run(t, 10000);
    cr_assert_lt(mem_way_calls(t->nodes[0].way) - before, 60); /* 20 of them polls */
    mem_store_fail(t->nodes[0].store, false);
    run(t, 2000);
    cr_assert_eq(stats_at(t, 0).totals.dirty, 0);
    mesh_free(t);
}

/* --- looking --- */

struct looked {
    int n;
    enum sc_memory_view view;
};

static void on_look(void *ctx, enum sc_memory_view view)
{
    struct looked *l = ctx;
    l->n++;
    l->view = view;
}

Test(memory, a_look_brings_what_another_program_wrote)
{
    struct mesh *t = linked();
    struct looked l = { .n = 0 };
    bool fresh;
    mem_shared_write(t->redis, "jerry", "k", "by hand");
    cr_assert(sc_memory_look(t->nodes[0].m, "jerry", "k", on_look, &l, &fresh));
    cr_assert_eq(l.n, 0);
    run(t, 10);
    cr_assert_eq(l.n, 1);
    cr_assert_eq(l.view, SC_MEMORY_FRESH);
    ASSERT_VALUE(t, 0, "k", "by hand");
    mesh_free(t);
}

Test(memory, a_look_does_not_wait_for_a_redis_that_is_away_or_slow)
{
    struct mesh *t = linked();
    struct looked l = { .n = 0 };
    bool fresh;
    struct sc_memory_look *look = sc_memory_look(t->nodes[0].m, "jerry", "k", on_look, &l, &fresh);
    cr_assert(look);
    t->now += 1001; /* nothing is answered */
    fake_loop_turn(t->nodes[0].loop);
    cr_assert_eq(l.n, 1);
    cr_assert_eq(l.view, SC_MEMORY_COPY);
    run(t, 1000); /* the late answer finds nobody */
    cr_assert_eq(l.n, 1);
    look = sc_memory_look(t->nodes[0].m, "jerry", "k", on_look, &l, &fresh);
    sc_memory_look_cancel(look);
    run(t, 2000);
    cr_assert_eq(l.n, 1);
    down(t, 0, false);
    cr_assert_null(sc_memory_look(t->nodes[0].m, "jerry", "k", on_look, &l, &fresh));
    cr_assert_not(fresh);
    mesh_free(t);
}

Test(memory, a_list_waits_until_all_was_compared_once)
{
    struct mesh *t = linked();
    struct looked l = { .n = 0 };
    bool fresh;
    set(t, 0, "k", "v");
    run(t, 1000);
    cr_assert(sc_memory_look(t->nodes[2].m, "jerry", NULL, on_look, &l, &fresh));
    run(t, 10);
    cr_assert_eq(l.n, 1);
    cr_assert_eq(l.view, SC_MEMORY_FRESH);
    ASSERT_VALUE(t, 2, "k", "v");
    cr_assert_null(sc_memory_look(t->nodes[2].m, "jerry", NULL, on_look, &l, &fresh));
    cr_assert(fresh);
    mesh_free(t);
}

/* --- rules --- */

Test(memory, keys_are_short_and_plain)
{
    static const char *const good[] = { "a", "current-task", "a/b:c.d_e@f+g=h,i~j" };
    static const char *const bad[] = { "", "a b", "a\tb", "\xc3\xa4", "a\"b", "a\\b", "\x7f" };
    char key[SC_MEMORY_KEY_MAX + 2];
    struct sc_err err = SC_ERR_INIT;
    for (size_t i = 0; i < SC_ARRAY_LEN(good); i++)
        cr_assert_eq(sc_memory_key_check(good[i], NULL), SC_OK);
    for (size_t i = 0; i < SC_ARRAY_LEN(bad); i++)
        cr_assert(sc_memory_key_check(bad[i], &err) == SC_EINVAL, "%zu", i);
    memset(key, 'k', sizeof key);
    key[SC_MEMORY_KEY_MAX + 1] = 0;
    cr_assert_eq(sc_memory_key_check(key, &err), SC_EINVAL);
    key[SC_MEMORY_KEY_MAX] = 0;
    cr_assert_eq(sc_memory_key_check(key, NULL), SC_OK);
    cr_assert_eq(sc_memory_key_check(NULL, &err), SC_EINVAL);
}

Test(memory, who_may_read_whom)
{
    struct sc_err err = SC_ERR_INIT;
    struct mesh *t = mesh_new();
    struct sc_memory *m = t->nodes[0].m;
    cr_assert(sc_memory_may_read(m, NULL, "bobby"));
    cr_assert(sc_memory_may_read(m, "bobby", "bobby"));
    cr_assert_not(sc_memory_may_read(m, "jerry", "bobby"));
    sc_memory_set_readable(m, "jerry:bobby, *:library\tadmin:*");
    cr_assert(sc_memory_may_read(m, "jerry", "bobby"));
    cr_assert_not(sc_memory_may_read(m, "bobby", "jerry"));
    cr_assert(sc_memory_may_read(m, "bobby", "library"));
    cr_assert(sc_memory_may_read(m, "admin", "jerry"));
    cr_assert_not(sc_memory_may_read(m, "adm", "jerry"));
    cr_assert_eq(sc_memory_readable_check("jerry:bobby, *:library ,admin:*", NULL), SC_OK);
    cr_assert_eq(sc_memory_readable_check("", NULL), SC_OK);
    cr_assert_eq(sc_memory_readable_check("jerry", &err), SC_EINVAL);
    cr_assert_eq(sc_memory_readable_check("a:b, jerry:", &err), SC_EINVAL);
    cr_assert(strstr(err.text, "'jerry:'"), "%s", err.text);
    mesh_free(t);
}
