#include <stdio.h>
#include <string.h>

#include "../../../src/store/consul_internal.h"
#include "http_fixture.h"

/* A Consul of one prefix that answers as the test says. */
struct script {
    struct fixture f;
    struct sc_consul_env env;
    struct sc_consul_watch *watch;
    char asked[512]; /* the latest query's address */
    unsigned questions;
    bool hold; /* do not answer */
    int status;
    const char *body;
    long index;
    bool busy;                     /* each answer is news */
    int64_t end_takes_ms, lost_ms; /* what the clock jumps by while an answer is taken in */

    unsigned begins, entries, ends, resumed, troubles, wells;
    char last[64];
    struct sc_err err;
    bool restart_inside;
};

static void answer(struct evhttp_request *req, void *ctx)
{
    struct script *s = ctx;
    char index[32];
    s->questions++;
    (void)snprintf(s->asked, sizeof s->asked, "%s", evhttp_request_get_uri(req));
    if (s->hold)
        return;
    if (s->busy)
        s->index++;
    (void)snprintf(index, sizeof index, "%ld", s->index);
    evhttp_add_header(evhttp_request_get_output_headers(req), "X-Consul-Index", index);
    struct evbuffer *out = evbuffer_new();
    evbuffer_add(out, s->body, strlen(s->body));
    evhttp_send_reply(req, s->status, NULL, out);
    evbuffer_free(out);
    s->hold = !s->busy; /* the next one waits for a change */
}

static void on_begin(void *ctx)
{
    ((struct script *)ctx)->begins++;
}

static void on_entry(void *ctx, const struct sc_kv_entry *e)
{
    struct script *s = ctx;
    s->entries++;
    (void)snprintf(s->last, sizeof s->last, "%s=%s", e->key, e->value);
    if (s->restart_inside)
        sc_consul_watch_restart(s->watch);
    s->restart_inside = false;
}

static void on_end(void *ctx, bool resumed)
{
    struct script *s = ctx;
    s->ends++;
    s->resumed += resumed;
    s->lost_ms += s->end_takes_ms;
}

static sc_mono slow_mono(void *ctx)
{
    const struct script *s = ctx;
    struct sc_clock real = sc_clock_system();
    return (sc_mono){ sc_clock_mono(&real).ms + s->lost_ms };
}

static void on_state(void *ctx, const struct sc_err *err)
{
    struct script *s = ctx;
    if (!err) {
        s->wells++;
        return;
    }
    s->troubles++;
    s->err = *err;
}

static const char one[] = "[{\"Key\":\"openclaw/agents/a/status\",\"Value\":\"aGk=\"}]";

static void script_init(struct script *s, int status, const char *body, long index)
{
    *s = (struct script){ .status = status, .body = body, .index = index };
    fixture_init(&s->f, answer, s);
    s->env = (struct sc_consul_env){ .loop = s->f.loop,
                                     .clock = sc_clock_system(),
                                     .kv = sc_consul_kv_new(s->f.loop, s->f.http, s->f.base, NULL),
                                     .prefix = "openclaw",
                                     .self = "gw-a" };
    const struct sc_consul_watch_fns fns = {
        .ctx = s, .begin = on_begin, .entry = on_entry, .end = on_end, .state = on_state
    };
    s->watch = sc_consul_watch_new(&s->env, "agents", &fns);
    sc_consul_watch_restart(s->watch);
}

static void script_fini(struct script *s)
{
    sc_consul_watch_free(s->watch);
    sc_consul_kv_free(s->env.kv);
    fixture_fini(&s->f);
}

static void news(struct script *s, int status, const char *body, long index)
{
    s->hold = false;
    s->status = status;
    s->body = body;
    s->index = index;
    sc_consul_watch_restart(s->watch); /* the question that hangs would never be answered */
}

Test(consul_watch, the_next_question_waits_for_a_change_after_the_answer)
{
    struct script s;
    script_init(&s, 200, one, 42);
    until(s.f.loop, s.questions == 2);
    cr_assert_str_eq(s.asked, "/v1/kv/openclaw/agents/?recurse=true&index=42&wait=300s");
    cr_assert_eq(s.begins, 1);
    cr_assert_eq(s.ends, 1);
    cr_assert_eq(s.resumed, 1, "the first answer is one after a silence");
    cr_assert_str_eq(s.last, "openclaw/agents/a/status=hi");
    cr_assert_eq(s.wells, 1);
    news(&s, 200, one, 43);
    until(s.f.loop, s.questions == 4);
    cr_assert(strstr(s.asked, "index=43"), "%s", s.asked);
    cr_assert_eq(s.resumed, 1);
    script_fini(&s);
}

Test(consul_watch, an_index_that_goes_backwards_begins_again)
{
    struct script s;
    script_init(&s, 200, one, 42);
    until(s.f.loop, s.questions == 2);
    news(&s, 200, one, 7);
    until(s.f.loop, s.questions == 4);
    cr_assert_str_eq(s.asked, "/v1/kv/openclaw/agents/?recurse=true");
    cr_assert_eq(s.resumed, 2);
    cr_assert_eq(sc_consul_watch_stats(s.watch).resets, 1);
    cr_assert_str_eq(sc_consul_watch_stats(s.watch).name, "agents");
    script_fini(&s);
}

/* Ten thousand agents take 200 ms to read, and their heartbeats never end. */
Test(consul_watch, a_large_prefix_is_read_a_small_part_of_the_time)
{
    struct script s;
    struct sc_clock real = sc_clock_system();
    script_init(&s, 200, one, 42);
    s.env.clock = (struct sc_clock){ .mono = slow_mono, .impl = &s };
    s.busy = true;
    s.end_takes_ms = 20;
    until(s.f.loop, s.ends == 1);
    sc_mono first = sc_clock_mono(&real);
    until(s.f.loop, s.ends == 3);
    cr_assert_geq(sc_clock_mono(&real).ms - first.ms, 2 * 20 * s.end_takes_ms);
    s.end_takes_ms = 0; /* small again: only the tokens count */
    until(s.f.loop, s.ends == 6);
    cr_assert_lt(sc_clock_mono(&real).ms - first.ms, 3 * 20 * 20 + 3 * 500 + 500);
    script_fini(&s);
}

Test(consul_watch, an_absent_prefix_is_an_empty_answer)
{
    struct script s;
    script_init(&s, 404, "", 1);
    until(s.f.loop, s.questions == 2);
    cr_assert_eq(s.begins, 1);
    cr_assert_eq(s.ends, 1);
    cr_assert_eq(s.entries, 0);
    cr_assert_eq(s.troubles, 0);
    cr_assert(strstr(s.asked, "index=1&"), "%s", s.asked);
    script_fini(&s);
}

Test(consul_watch, trouble_is_told_and_the_question_after_it_has_no_index)
{
    static const struct {
        int status;
        const char *body;
        enum sc_code code;
    } bad[] = { { 500, "No cluster leader", SC_EAWAY },
                { 429, "slow down", SC_EBUSY },
                { 403, "Permission denied", SC_EAUTH },
                { 500, "rpc error: ACL not found", SC_EAUTH },
                { 200, "", SC_EPROTO },
                { 200, "<html>", SC_EPROTO },
                { 200, "[{\"Key\":\"a\"},", SC_EPROTO },
                { 400, "what?", SC_EPROTO } };
    for (size_t i = 0; i < SC_ARRAY_LEN(bad); i++) {
        struct script s;
        script_init(&s, 200, one, 42);
        until(s.f.loop, s.questions == 2);
        news(&s, bad[i].status, bad[i].body, 42);
        until(s.f.loop, s.troubles == 1);
        cr_assert_eq(s.err.code, bad[i].code, "%d %s: %s", bad[i].status, bad[i].body, s.err.text);
        cr_assert_eq(s.ends, 1, "half an answer is none");
        cr_assert_not(sc_consul_watch_stats(s.watch).answering);
        cr_assert(s.err.code == SC_EBUSY || s.err.code == SC_EPROTO || s.err.remedy[0]);
        s.hold = false;
        s.status = 200;
        s.body = one;
        unsigned questions = s.questions;
        until(s.f.loop, s.questions == questions + 1); /* by itself */
        cr_assert_str_eq(s.asked, "/v1/kv/openclaw/agents/?recurse=true");
        until(s.f.loop, s.ends == 2);
        cr_assert_eq(s.resumed, 2);
        const struct sc_watch_stats n = sc_consul_watch_stats(s.watch);
        cr_assert_eq(n.answers, 2);
        cr_assert_eq(n.failures, 1);
        cr_assert_eq(n.resets, 0);
        cr_assert(n.answering && n.answered.ms > 0);
        script_fini(&s);
    }
}

Test(consul_watch, in_doubt_it_begins_again_and_says_so)
{
    struct script s;
    script_init(&s, 200, one, 42);
    until(s.f.loop, s.questions == 2);
    cr_assert_eq(s.resumed, 1);
    s.hold = false;
    s.index = 43; /* another store, and ahead */
    sc_consul_watch_doubt(s.watch);
    until(s.f.loop, s.ends == 2);
    cr_assert_eq(s.questions, 3);
    cr_assert_str_eq(s.asked, "/v1/kv/openclaw/agents/?recurse=true");
    cr_assert_eq(s.resumed, 2);
    script_fini(&s);
}

Test(consul_watch, a_busy_prefix_is_asked_a_few_times_a_second_and_no_more)
{
    struct script s;
    struct sc_clock clock = sc_clock_system();
    script_init(&s, 200, one, 42);
    s.busy = true;
    int64_t start = sc_clock_mono(&clock).ms;
    until(s.f.loop, s.questions >= 3);
    cr_assert_lt(sc_clock_mono(&clock).ms - start, 400, "single changes are not held back");
    until(s.f.loop, sc_clock_mono(&clock).ms - start > 1600);
    cr_assert_geq(s.questions, 4);
    cr_assert_leq(s.questions, 7);
    script_fini(&s);
}

Test(consul_watch, a_restart_from_inside_an_answer_waits_for_its_end)
{
    struct script s;
    script_init(&s, 200, one, 42);
    s.restart_inside = true;
    until(s.f.loop, s.questions == 2);
    cr_assert_eq(s.ends, 1);
    cr_assert_str_eq(s.asked, "/v1/kv/openclaw/agents/?recurse=true");
    script_fini(&s);
}

Test(consul_watch, a_large_answer_comes_in_pieces)
{
    struct script s;
    struct sc_buf body = SC_BUF_INIT;
    sc_buf_addc(&body, '[');
    for (int i = 0; i < 20000; i++)
        sc_buf_addf(&body, "%s{\"Key\":\"openclaw/agents/a%d/status\",\"Value\":\"aGk=\"}",
                    i ? ",\n" : "", i);
    sc_buf_addc(&body, ']');
    script_init(&s, 200, body.p, 42);
    until(s.f.loop, s.ends == 1);
    cr_assert_eq(s.entries, 20000);
    cr_assert_str_eq(s.last, "openclaw/agents/a19999/status=hi");
    script_fini(&s);
    sc_buf_fini(&body);
}
