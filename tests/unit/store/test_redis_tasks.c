/* The queue's script against a real Redis: who gets what, whose word counts, what a Redis that
 * forgot everything is told. */
#include "redis_fixture.h"
#include "sideclaw/redis_tasks.h"

static struct world w;
static struct sc_redis_tasks *tasks;
static struct sc_task_queue queue;

/* The last answer. */
static struct {
    int n;
    enum sc_code code;
    enum sc_task_answer answer;
    struct sc_task task; /* the first; id NULL: none */
    size_t rows;
} got;

static void on_ready(void *ctx)
{
    (void)ctx;
}

static void setup(void)
{
    world_init(&w);
    node_start(&w, &w.a, "gw-a");
    tasks = sc_redis_tasks_new(&(struct sc_redis_tasks_deps){ .redis = w.a.redis,
                                                              .clock = sc_clock_system(),
                                                              .prefix = "openclaw",
                                                              .self_name = "gw-a",
                                                              .ready = on_ready });
    queue = sc_redis_tasks_port(tasks);
    sc_task_init(&got.task);
    UNTIL(&w, w.a.state == SC_LINK_UP);
}

static void teardown(void)
{
    sc_task_fini(&got.task);
    w.a.t->ops->close(w.a.t->impl);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(sc_loop_turn(w.loop, 0, &w.err), SC_OK);
    sc_redis_tasks_free(tasks);
    world_fini(&w);
}

TestSuite(redis_tasks, .init = setup, .fini = teardown, .timeout = 60);

static void on_reply_(void *ctx, const struct sc_task_reply *r, const struct sc_err *err)
{
    (void)ctx;
    got.n++;
    got.code = err ? err->code : SC_OK;
    sc_task_fini(&got.task);
    if (!r)
        return;
    got.answer = r->answer;
    got.rows = r->n;
    if (r->n)
        sc_task_copy(&got.task, &r->v[0]);
}

static enum sc_task_answer ask_queue(const struct sc_task_ask *q)
{
    int before = got.n;
    cr_assert_eq(queue.ops->ask(queue.impl, q, on_reply_, NULL, &w.err), SC_OK, "%s", w.err.text);
    UNTIL(&w, got.n > before);
    cr_assert_eq(got.code, SC_OK);
    return got.answer;
}

static void push(struct sc_task *t, const char *id)
{
    sc_set_str(&t->id, id);
    sc_set_str(&t->body, id);
    t->backoff_ms = 0;
    cr_assert_eq(ask_queue(&(struct sc_task_ask){ .what = SC_TASK_PUSH, .task = t }), SC_TASK_OK);
}

static void push_plain(const char *id, const char *home)
{
    sc_auto_task struct sc_task t;
    sc_task_init(&t);
    sc_set_str(&t.home, home);
    push(&t, id);
}

static enum sc_task_answer pop(const char *agent)
{
    return ask_queue(&(struct sc_task_ask){ .what = SC_TASK_POP, .agent = agent });
}

static enum sc_task_answer finish(const char *id, uint64_t fence, const char *agent,
                                  const char *home)
{
    return ask_queue(&(struct sc_task_ask){ .what = SC_TASK_END,
                                            .id = id,
                                            .fence = fence,
                                            .agent = agent,
                                            .home = home,
                                            .text = "ok" });
}

Test(redis_tasks, one_lease_at_a_time_and_only_its_fence_counts)
{
    push_plain("t1", NULL);
    cr_assert_eq(pop("infra"), SC_TASK_OK);
    uint64_t fence = got.task.fence;
    cr_assert_eq(got.task.state, SC_TASK_RUNNING);
    cr_assert_eq(pop("scribe"), SC_TASK_EMPTY);
    cr_assert_eq(finish("t1", fence - 1, "infra", NULL), SC_TASK_STALE);
    cr_assert_eq(finish("t1", fence, "scribe", NULL), SC_TASK_STALE);
    cr_assert_eq(finish("t1", fence, "infra", NULL), SC_TASK_OK);
    cr_assert_eq(finish("t1", fence, "infra", NULL), SC_TASK_OK, "told twice is done once");
    cr_assert_eq(finish("t2", fence, "infra", NULL), SC_TASK_UNKNOWN);
}

Test(redis_tasks, fences_rise_over_a_redis_that_forgot)
{
    push_plain("t1", NULL);
    cr_assert_eq(pop("infra"), SC_TASK_OK);
    uint64_t fence = got.task.fence;
    (void)ask(&w.server, NULL, 0, "FLUSHALL");
    push_plain("t1", NULL);
    cr_assert_eq(pop("infra"), SC_TASK_OK);
    cr_assert_gt(got.task.fence, fence);
}

Test(redis_tasks, a_lost_lease_is_taken_up_again_by_its_holder)
{
    sc_auto_task struct sc_task t;
    sc_task_init(&t);
    push_plain("t1", "gw-a");
    cr_assert_eq(pop("infra"), SC_TASK_OK);
    sc_task_copy(&t, &got.task);
    (void)ask(&w.server, NULL, 0, "FLUSHALL");
    cr_assert_eq(ask_queue(&(struct sc_task_ask){
                     .what = SC_TASK_PUSH, .task = &t, .again = true, .hold_ms = 60000 }),
                 SC_TASK_OK);
    cr_assert_eq(pop("scribe"), SC_TASK_EMPTY, "its holder may live");
    cr_assert_eq(ask_queue(&(struct sc_task_ask){
                     .what = SC_TASK_RENEW, .id = "t1", .fence = t.fence - 1, .agent = "old" }),
                 SC_TASK_STALE);
    cr_assert_eq(ask_queue(&(struct sc_task_ask){
                     .what = SC_TASK_RENEW, .id = "t1", .fence = t.fence, .agent = "infra" }),
                 SC_TASK_OK);
    cr_assert_eq(got.task.state, SC_TASK_RUNNING);
    cr_assert_eq(finish("t1", t.fence, "infra", "gw-a"), SC_TASK_PENDING);
}

Test(redis_tasks, a_result_in_an_empty_redis_waits_for_the_home)
{
    cr_assert_eq(finish("t1", 7, "infra", "gw-a"), SC_TASK_PENDING);
    cr_assert_eq(ask_queue(&(struct sc_task_ask){ .what = SC_TASK_NEWS }), SC_TASK_OK);
    cr_assert_eq(got.rows, 1);
    cr_assert_str_eq(got.task.id, "t1");
    cr_assert_str_eq(got.task.result, "ok");
    const struct sc_task_ask yes = { .what = SC_TASK_CONFIRM,
                                     .id = "t1",
                                     .state = SC_TASK_DONE,
                                     .fence = 7,
                                     .verdict = SC_VERDICT_FINAL };
    cr_assert_eq(ask_queue(&yes), SC_TASK_OK);
    cr_assert_eq(finish("t1", 7, "infra", "gw-a"), SC_TASK_OK);
    cr_assert_eq(ask_queue(&(struct sc_task_ask){ .what = SC_TASK_NEWS }), SC_TASK_OK);
    cr_assert_eq(got.rows, 0);
}

Test(redis_tasks, the_homes_word_undoes_an_older_leases_end)
{
    cr_assert_eq(finish("t1", 7, "infra", "gw-a"), SC_TASK_PENDING);
    cr_assert_eq(ask_queue(&(struct sc_task_ask){ .what = SC_TASK_CONFIRM,
                                                  .id = "t1",
                                                  .state = SC_TASK_DONE,
                                                  .fence = 7,
                                                  .verdict = SC_VERDICT_UNDO }),
                 SC_TASK_OK);
    sc_auto_task struct sc_task t;
    sc_task_init(&t);
    t.fence = 9;
    sc_set_str(&t.home, "gw-a");
    sc_set_str(&t.id, "t1");
    sc_set_str(&t.body, "x");
    cr_assert_eq(
        ask_queue(&(struct sc_task_ask){ .what = SC_TASK_PUSH, .task = &t, .again = true }),
        SC_TASK_OK);
    cr_assert_eq(finish("t1", 7, "infra", "gw-a"), SC_TASK_STALE);
    cr_assert_eq(finish("t1", 9, "scribe", "gw-a"), SC_TASK_PENDING);
}

Test(redis_tasks, a_deleted_hash_leaves_nothing_behind)
{
    push_plain("t1", NULL);
    push_plain("t2", NULL);
    (void)ask(&w.server, NULL, 0, "DEL openclaw:task:t1");
    cr_assert_eq(pop("infra"), SC_TASK_OK);
    cr_assert_str_eq(got.task.id, "t2");
    cr_assert_eq(pop("infra"), SC_TASK_EMPTY);
    cr_assert_eq(ask_queue(&(struct sc_task_ask){ .what = SC_TASK_GET, .id = "t1" }),
                 SC_TASK_UNKNOWN);
}

Test(redis_tasks, many_entries_of_the_list_come_in_their_order)
{
    char name[16];
    for (int i = 0; i < 50; i++)
        (void)ask(&w.server, NULL, 0, "LPUSH openclaw:shared:task-queue n%02d", i);
    for (int i = 0; i < 50; i++) {
        cr_assert_eq(pop("infra"), SC_TASK_OK);
        (void)snprintf(name, sizeof name, "n%02d", i);
        cr_assert_str_eq(got.task.body, name);
    }
    cr_assert_eq(pop("infra"), SC_TASK_EMPTY);
}

Test(redis_tasks, a_redis_that_forgot_the_script_is_sent_it_again)
{
    push_plain("t1", NULL);
    (void)ask(&w.server, NULL, 0, "SCRIPT FLUSH");
    cr_assert_eq(pop("infra"), SC_TASK_OK);
}

Test(redis_tasks, says_that_the_queue_cannot_be_reached)
{
    server_stop(&w.server);
    UNTIL(&w, w.a.state == SC_LINK_DOWN);
    const struct sc_task_ask q = { .what = SC_TASK_POP, .agent = "infra" };
    cr_assert_eq(queue.ops->ask(queue.impl, &q, on_reply_, NULL, &w.err), SC_EAWAY);
    cr_assert(strstr(w.err.text, "queue cannot be reached"), "%s", w.err.text);
}
