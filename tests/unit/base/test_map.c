#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sideclaw/map.h"
#include "sideclaw/mem.h"

static void *num(intptr_t n)
{
    return (void *)n;
}

Test(map, set_get_del)
{
    struct sc_map *m = sc_map_new();
    char key[] = "bobby";
    cr_assert_null(sc_map_get(m, "bobby"));
    cr_assert_null(sc_map_set(m, key, num(1)));
    key[0] = 'X'; /* keys are copied */
    cr_assert_eq(sc_map_get(m, "bobby"), num(1));
    cr_assert_eq(sc_map_set(m, "bobby", num(2)), num(1));
    cr_assert_eq(sc_map_count(m), 1);
    cr_assert_null(sc_map_del(m, "Xobby"));
    cr_assert_eq(sc_map_del(m, "bobby"), num(2));
    cr_assert_null(sc_map_del(m, "bobby"));
    cr_assert_eq(sc_map_count(m), 0);
    sc_map_free(m, NULL);
}

Test(map, the_empty_key_is_a_key)
{
    struct sc_map *m = sc_map_new();
    (void)sc_map_set(m, "", num(7));
    cr_assert_eq(sc_map_get(m, ""), num(7));
    cr_assert_null(sc_map_get(m, "x"));
    sc_map_free(m, NULL);
}

static bool join(void *ctx, const char *key, void *value)
{
    char *s = ctx;
    (void)value;
    (void)snprintf(s + strlen(s), 64 - strlen(s), "%s ", key);
    return strlen(s) < 60;
}

Test(map, visits_in_order_of_insertion_or_sorted)
{
    struct sc_map *m = sc_map_new();
    char s[64] = "";
    (void)sc_map_set(m, "c", num(1));
    (void)sc_map_set(m, "a", num(2));
    (void)sc_map_set(m, "b", num(3));
    sc_map_each(m, join, s);
    cr_assert_str_eq(s, "c a b ");
    s[0] = 0;
    sc_map_each_sorted(m, join, s);
    cr_assert_str_eq(s, "a b c ");
    sc_map_free(m, NULL);
}

static bool stop_at_once(void *ctx, const char *key, void *value)
{
    (void)key;
    (void)value;
    ++*(int *)ctx;
    return false;
}

Test(map, false_stops_the_visit)
{
    struct sc_map *m = sc_map_new();
    int n = 0;
    (void)sc_map_set(m, "a", num(1));
    (void)sc_map_set(m, "b", num(1));
    sc_map_each(m, stop_at_once, &n);
    cr_assert_eq(n, 1);
    sc_map_free(m, NULL);
}

static bool drop_even(void *ctx, const char *key, void *value)
{
    if ((intptr_t)value % 2 == 0)
        (void)sc_map_del(ctx, key);
    return true;
}

Test(map, the_visited_entry_may_be_deleted)
{
    struct sc_map *m = sc_map_new();
    for (int i = 1; i <= 1000; i++) {
        sc_auto_free char *key = sc_xasprintf("k%d", i);
        (void)sc_map_set(m, key, num(i));
    }
    sc_map_each(m, drop_even, m);
    cr_assert_eq(sc_map_count(m), 500);
    cr_assert_eq(sc_map_get(m, "k999"), num(999));
    cr_assert_null(sc_map_get(m, "k1000"));
    sc_map_free(m, NULL);
}

Test(map, free_hands_every_value_to_the_callback)
{
    struct sc_map *m = sc_map_new();
    for (int i = 0; i < 100; i++) {
        sc_auto_free char *key = sc_xasprintf("k%d", i);
        (void)sc_map_set(m, key, sc_xmalloc(10));
    }
    sc_map_free(m, free); /* LeakSanitizer counts */
    sc_map_free(NULL, free);
}
