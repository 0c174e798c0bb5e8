#include "spool_fixture.h"

#include <string.h>

static struct fixture f;
static struct sc_memory_store store;

static void init(void)
{
    fixture_init(&f);
    fixture_open(&f);
    store = sc_spool_sqlite_memory(f.sq);
}

static void fini(void)
{
    fixture_fini(&f);
}

static void reopen(void)
{
    fixture_close(&f);
    fixture_open(&f);
    store = sc_spool_sqlite_memory(f.sq);
}

TestSuite(spool_memory, .init = init, .fini = fini);

static struct sc_memory_entry entry(const char *agent, const char *key, uint64_t hlc,
                                    const char *value)
{
    return (struct sc_memory_entry){ .agent = agent,
                                     .key = key,
                                     .stamp = { .hlc = hlc, .node = "alpha" },
                                     .deleted = !value,
                                     .dirty = true,
                                     .value = value,
                                     .n = value ? strlen(value) : 0 };
}

static void write_entry(const struct sc_memory_entry *e)
{
    cr_assert_eq(store.ops->put(store.impl, e, &f.err), SC_OK, "%s", f.err.text);
}

static void put_key(const char *agent, const char *key, uint64_t hlc, const char *value)
{
    const struct sc_memory_entry e = entry(agent, key, hlc, value);
    write_entry(&e);
}

static bool add_key(void *ctx, const struct sc_memory_entry *e)
{
    sc_buf_addf(ctx, "%s%s%s%s ", e->key, e->deleted ? "!" : "", e->value ? "=" : "",
                e->value ? e->value : "");
    return true;
}

static char *keys(const char *prefix, const char *after, bool dead, bool values, int limit)
{
    struct sc_buf b = SC_BUF_INIT;
    const struct sc_memory_query q = { .agent = "jerry",
                                       .prefix = prefix,
                                       .after = after,
                                       .dead = dead,
                                       .values = values,
                                       .limit = limit };
    cr_assert_eq(store.ops->list(store.impl, &q, add_key, &b, &f.err), SC_OK);
    return sc_buf_steal(&b);
}

#define ASSERT_KEYS(want, ...)                                                                     \
    do {                                                                                           \
        sc_auto_free char *have_ = keys(__VA_ARGS__);                                              \
        cr_assert_str_eq(have_, want);                                                             \
    } while (0)

static struct sc_memory_totals totals(void)
{
    struct sc_memory_totals t;
    cr_assert_eq(store.ops->totals(store.impl, &t, &f.err), SC_OK);
    return t;
}

static void assert_totals(int64_t keys_, int64_t bytes, int64_t dead, int64_t dirty)
{
    for (int again = 0; again < 2; again++) { /* as kept, and as the file has it */
        struct sc_memory_totals t = totals();
        cr_assert_eq(t.keys, keys_, "%lld keys", (long long)t.keys);
        cr_assert_eq(t.bytes, bytes, "%lld bytes", (long long)t.bytes);
        cr_assert_eq(t.dead, dead, "%lld dead", (long long)t.dead);
        cr_assert_eq(t.dirty, dirty, "%lld dirty", (long long)t.dirty);
        if (!again)
            reopen();
    }
}

Test(spool_memory, what_is_put_is_there_in_the_next_life)
{
    struct sc_memory_entry e;
    sc_auto_buf struct sc_buf value = SC_BUF_INIT;
    struct sc_memory_entry with_ttl = entry("jerry", "task", 7, "backup");
    with_ttl.expires.ms = 1234;
    write_entry(&with_ttl);
    turn(&f);
    reopen();
    cr_assert_eq(store.ops->get(store.impl, "jerry", "task", &e, &value, &f.err), SC_OK);
    cr_assert_str_eq(e.value, "backup");
    cr_assert_eq(e.n, 6);
    cr_assert_eq(e.stamp.hlc, 7);
    cr_assert_str_eq(e.stamp.node, "alpha");
    cr_assert(e.dirty && !e.deleted);
    cr_assert_eq(e.expires.ms, 1234);
    cr_assert_eq(store.ops->get(store.impl, "jerry", "task", &e, NULL, &f.err), SC_OK);
    cr_assert(!e.value && e.n == 6);
    cr_assert_eq(store.ops->get(store.impl, "jerry", "other", &e, NULL, &f.err), SC_ENOENT);
    cr_assert_eq(store.ops->get(store.impl, "bobby", "task", &e, NULL, &f.err), SC_ENOENT);
}

Test(spool_memory, values_are_any_bytes)
{
    static const char bytes[] = "a\0b\xff";
    struct sc_memory_entry e = entry("jerry", "k", 1, ""), got;
    sc_auto_buf struct sc_buf value = SC_BUF_INIT;
    e.value = bytes;
    e.n = 4;
    write_entry(&e);
    put_key("jerry", "empty", 2, "");
    cr_assert_eq(store.ops->get(store.impl, "jerry", "k", &got, &value, &f.err), SC_OK);
    cr_assert(got.n == 4 && memcmp(got.value, bytes, 4) == 0);
    cr_assert_eq(store.ops->get(store.impl, "jerry", "empty", &got, &value, &f.err), SC_OK);
    cr_assert(got.n == 0 && got.value && !got.deleted);
}

Test(spool_memory, it_is_counted_as_it_changes)
{
    put_key("jerry", "a", 1, "12345");
    put_key("jerry", "bb", 2, "1");
    put_key("bobby", "c", 3, NULL);
    assert_totals(2, 9, 1, 3);
    put_key("jerry", "a", 4, "1");
    put_key("jerry", "bb", 5, NULL);
    assert_totals(1, 2, 2, 3);
    struct sc_memory_entry e = entry("jerry", "a", 4, "1");
    cr_assert_eq(store.ops->mark(store.impl, &e, false, &f.err), SC_OK);
    assert_totals(1, 2, 2, 2);
    e.stamp.hlc = 3; /* an older write's answer */
    cr_assert_eq(store.ops->mark(store.impl, &e, true, &f.err), SC_OK);
    assert_totals(1, 2, 2, 2);
    struct sc_memory_usage u;
    cr_assert_eq(store.ops->usage(store.impl, "jerry", &u, &f.err), SC_OK);
    cr_assert(u.keys == 1 && u.dead == 1 && u.bytes == 2);
    cr_assert_eq(store.ops->usage(store.impl, "nobody", &u, &f.err), SC_OK);
    cr_assert(u.keys == 0 && u.dead == 0);
}

Test(spool_memory, lists_are_in_order_and_in_pages)
{
    put_key("jerry", "b-2", 1, "y");
    put_key("jerry", "a", 2, "x");
    put_key("jerry", "b-1", 3, NULL);
    put_key("jerry", "c", 4, "z");
    put_key("bobby", "a", 5, "not his");
    ASSERT_KEYS("a b-2 c ", NULL, NULL, false, false, 100);
    ASSERT_KEYS("a=x b-2=y c=z ", NULL, NULL, false, true, 100);
    ASSERT_KEYS("a b-1! ", NULL, NULL, true, false, 2);
    ASSERT_KEYS("b-2 c ", NULL, "b-1", true, false, 100);
    ASSERT_KEYS("b-1! b-2 ", "b-", NULL, true, false, 100);
    ASSERT_KEYS("b-2 ", "b", "b-1", false, false, -1);
    ASSERT_KEYS("", "d", NULL, true, false, 100);
}

Test(spool_memory, what_redis_does_not_have_comes_agent_by_agent)
{
    sc_auto_buf struct sc_buf b = SC_BUF_INIT;
    put_key("jerry", "j1", 1, "x");
    put_key("bobby", "b1", 2, "y");
    put_key("jerry", "j2", 3, NULL);
    const struct sc_memory_entry e = entry("jerry", "j1", 1, "x");
    cr_assert_eq(store.ops->mark(store.impl, &e, false, &f.err), SC_OK);
    cr_assert_eq(store.ops->dirty(store.impl, 10, add_key, &b, &f.err), SC_OK);
    cr_assert_str_eq(sc_buf_str(&b), "b1=y j2! ");
    sc_buf_clear(&b);
    cr_assert_eq(store.ops->dirty(store.impl, 1, add_key, &b, &f.err), SC_OK);
    cr_assert_str_eq(sc_buf_str(&b), "b1=y ");
}

Test(spool_memory, what_has_had_its_time_is_swept)
{
    struct sc_memory_entry e = entry("jerry", "ttl", sc_hlc_at((sc_wall){ 1000 }), "v");
    uint64_t hlc = sc_hlc_at((sc_wall){ 1000 });
    e.expires.ms = 5000;
    write_entry(&e);
    put_key("jerry", "dead", hlc, NULL);
    put_key("jerry", "alive", hlc, "v");
    cr_assert_eq(store.ops->sweep(store.impl, (sc_wall){ 4999 }, (sc_wall){ 1000 }, &f.err), SC_OK);
    ASSERT_KEYS("alive dead! ttl ", NULL, NULL, true, false, 10);
    cr_assert_eq(store.ops->sweep(store.impl, (sc_wall){ 5000 }, (sc_wall){ 2000 }, &f.err), SC_OK);
    ASSERT_KEYS("alive ttl! ", NULL, NULL, true, false, 10);
    assert_totals(1, 6, 1, 2);
    cr_assert_eq(store.ops->sweep(store.impl, (sc_wall){ 9000 }, (sc_wall){ 5001 }, &f.err), SC_OK);
    ASSERT_KEYS("alive ", NULL, NULL, true, false, 10);
}

Test(spool_memory, the_clock_of_the_next_life)
{
    uint64_t latest = 1;
    cr_assert_eq(store.ops->latest(store.impl, UINT64_C(1) << 60, &latest, &f.err), SC_OK);
    cr_assert_eq(latest, 0);
    put_key("jerry", "a", 10, "x");
    put_key("jerry", "b", 30, NULL);
    put_key("jerry", "c", 1000, "far ahead");
    cr_assert_eq(store.ops->latest(store.impl, 999, &latest, &f.err), SC_OK);
    cr_assert_eq(latest, 30);
}
