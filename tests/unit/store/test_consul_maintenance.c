#include <stdio.h>
#include <string.h>

#include "../../../src/store/consul_internal.h"
#include "http_fixture.h"

#define CHECK(id, notes) "[{\"Checks\":[{\"CheckID\":\"" id "\",\"Notes\":\"" notes "\"}]}]"

/* A Consul of one question, which it answers as the test says and then holds. */
struct script {
    struct fixture f;
    struct sc_consul_env env;
    struct sc_consul_maint *m;
    char asked[512]; /* the latest question */
    unsigned questions;
    bool hold;
    int status;
    const char *body;
    long index, then; /* then: of one more answer; 0: hold */

    char told[200];
    unsigned absent;
};

static void answer(struct evhttp_request *req, void *ctx)
{
    struct script *s = ctx;
    char index[32];
    s->questions++;
    (void)snprintf(s->asked, sizeof s->asked, "%s", evhttp_request_get_uri(req));
    if (s->hold)
        return;
    (void)snprintf(index, sizeof index, "%ld", s->index);
    evhttp_add_header(evhttp_request_get_output_headers(req), "X-Consul-Index", index);
    struct evbuffer *out = evbuffer_new();
    evbuffer_add(out, s->body, strlen(s->body));
    evhttp_send_reply(req, s->status, NULL, out);
    evbuffer_free(out);
    s->hold = !s->then;
    if (s->then)
        s->index = s->then;
    s->then = 0;
}

static void on_change(void *ctx, bool on, const char *reason)
{
    struct script *s = ctx;
    size_t n = strlen(s->told);
    (void)snprintf(s->told + n, sizeof s->told - n, "%s(%s) ", on ? "on" : "off", reason);
}

static void on_seen(void *ctx, bool present)
{
    ((struct script *)ctx)->absent += !present;
}

static void script_init(struct script *s, const char *body)
{
    *s = (struct script){ .status = 200, .body = body, .index = 7 };
    fixture_init(&s->f, answer, s);
    s->env = (struct sc_consul_env){ .loop = s->f.loop,
                                     .clock = sc_clock_system(),
                                     .kv = sc_consul_kv_new(s->f.loop, s->f.http, s->f.base, NULL),
                                     .prefix = "openclaw",
                                     .self = "gw-a" };
    s->m = sc_consul_maint_new(
        &s->env, &(struct sc_consul_maint_fns){ .ctx = s, .changed = on_change, .seen = on_seen });
    sc_consul_maint_restart(s->m);
}

static void script_fini(struct script *s)
{
    sc_consul_maint_free(s->m);
    sc_consul_kv_free(s->env.kv);
    fixture_fini(&s->f);
}

static void news(struct script *s, int status, const char *body, long index)
{
    s->hold = false;
    s->status = status;
    s->body = body;
    s->index = index;
    sc_consul_maint_restart(s->m); /* the question that hangs would never be answered */
}

Test(maintenance, asks_for_our_instance_alone_and_waits_for_a_change)
{
    struct script s;
    script_init(&s, "[]");
    until(s.f.loop, s.questions == 2);
    cr_assert(strstr(s.asked, "/v1/health/service/openclaw-gateway?filter=Service.Meta.gateway"
                              "%20%3D%3D%20%22gw-a%22&index=7&wait=15s"),
              "%s", s.asked);
    cr_assert_str_eq(s.told, "", "it was never on");
    cr_assert_eq(s.absent, 1, "there is no instance");
    script_fini(&s);
}

Test(maintenance, goes_on_gets_another_reason_and_goes_off)
{
    struct script s;
    script_init(&s, CHECK("_service_maintenance:openclaw-gateway-gw-a", "disk"));
    until(s.f.loop, *s.told);
    cr_assert_str_eq(s.told, "on(disk) ");
    news(&s, 200, CHECK("_node_maintenance", "moving house"), 8);
    until(s.f.loop, strlen(s.told) > strlen("on(disk) "));
    cr_assert_str_eq(s.told, "on(disk) on(moving house) ");
    news(&s, 200, CHECK("_node_maintenance", "moving house"), 9);
    until(s.f.loop, s.hold);
    news(&s, 200, CHECK("service:openclaw-gateway-gw-a", ""), 10);
    until(s.f.loop, strstr(s.told, "off"));
    cr_assert_eq(s.absent, 0, "it was there all the time");
    cr_assert_str_eq(s.told, "on(disk) on(moving house) off() ");
    script_fini(&s);
}

/* Whoever drains for maintenance must not take messages again because Consul is away. */
Test(maintenance, a_consul_that_fails_changes_nothing_and_is_asked_again_from_the_start)
{
    static const struct {
        int status;
        const char *body;
    } bad[] = { { 500, "no leader" }, { 403, "Permission denied" }, { 200, "nonsense" } };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct script s;
        script_init(&s, CHECK("_node_maintenance", "x"));
        until(s.f.loop, *s.told);
        news(&s, bad[i].status, bad[i].body, 9);
        until(s.f.loop, s.hold);
        unsigned before = s.questions;
        until(s.f.loop, s.questions > before);
        cr_assert(!strstr(s.asked, "index="), "%s", s.asked);
        cr_assert_str_eq(s.told, "on(x) ");
        cr_assert_geq(sc_consul_maint_stats(s.m).failures, 1);
        script_fini(&s);
    }
}

Test(maintenance, an_index_that_goes_backwards_begins_again)
{
    struct script s;
    script_init(&s, "[]");
    s.then = 3; /* what the question with index 7 is answered with */
    until(s.f.loop, s.questions == 2);
    cr_assert(strstr(s.asked, "index=7"), "%s", s.asked);
    until(s.f.loop, s.questions == 3);
    cr_assert(!strstr(s.asked, "index="), "%s", s.asked);
    script_fini(&s);
}
