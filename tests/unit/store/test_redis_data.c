/* Commands beside the messages, over a real Redis that comes and goes. */
#include "redis_fixture.h"
#include "sideclaw/redis_data.h"

static struct world w; /* large: not on the stack */

static void setup(void)
{
    world_init(&w);
}

static void teardown(void)
{
    world_fini(&w);
}

TestSuite(redis_data, .init = setup, .fini = teardown, .timeout = 60);

struct seen {
    int ready, lost, answers, none;
};

static void on_ready(void *ctx)
{
    struct seen *s = ctx;
    s->ready++;
}

static void on_lost(void *ctx)
{
    struct seen *s = ctx;
    s->lost++;
}

static void on_reply(void *ctx, const struct sc_redis_reply *reply)
{
    struct seen *s = ctx;
    if (reply)
        s->answers++;
    else
        s->none++;
}

static int set(struct sc_redis *r, struct seen *s)
{
    sc_auto_free char *key = sc_redis_data_key(r, "shared:x");
    const char *argv[] = { "SET", key, "1" };
    return sc_redis_data_command(r, on_reply, s, 3, argv, NULL);
}

Test(redis_data, watchers_hear_when_redis_comes_and_goes_and_each_command_ends_once)
{
    struct seen s = { 0 };
    struct sc_redis_watcher watcher = { .ready = on_ready, .lost = on_lost, .ctx = &s };
    node_start(&w, &w.a, "gw-a");
    sc_redis_data_watch(w.a.redis, &watcher);
    cr_assert_eq(set(w.a.redis, &s), SC_EAWAY, "not before it is up");
    UNTIL(&w, s.ready == 1);
    cr_assert(sc_redis_data_is_up(w.a.redis));
    cr_assert_eq(set(w.a.redis, &s), SC_OK);
    cr_assert_eq(s.answers, 0, "never before the call returned");
    UNTIL(&w, s.answers == 1);
    cr_assert_eq(ask(&w.server, NULL, 0, "EXISTS openclaw:shared:x"), 1);
    cr_assert_eq(set(w.a.redis, &s), SC_OK);
    server_stop(&w.server);
    UNTIL(&w, s.lost == 1 && s.none + s.answers == 2);
    cr_assert(!sc_redis_data_is_up(w.a.redis));
    server_start(&w.server);
    UNTIL(&w, s.ready == 2);
    sc_redis_data_unwatch(&watcher);
}
