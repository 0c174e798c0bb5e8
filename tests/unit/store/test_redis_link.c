/* A Redis that is away, slow, locked, full, a replica or no Redis at all: each is said as what it
 * is, and each ends by itself. */
#include "redis_fixture.h"

static struct world w;

static void setup(void)
{
    world_init(&w);
}

static void teardown(void)
{
    world_fini(&w);
}

TestSuite(redis_link, .init = setup, .fini = teardown, .timeout = 60);

static void up(void)
{
    node_start(&w, &w.a, "gw-a");
    UNTIL(&w, w.a.state == SC_LINK_UP);
}

static void down_with(const char *detail, const char *remedy)
{
    UNTIL(&w, w.a.downs > 0 && strstr(w.a.detail, detail));
    cr_assert_eq(w.a.state, SC_LINK_DOWN);
    cr_assert(strstr(w.a.remedy, remedy), "%s", w.a.remedy);
}

Test(redis_link, comes_up_within_100_ms_and_tells_redis_its_name)
{
    char clients[4096];
    int64_t start = now_ms();
    up();
    cr_assert(now_ms() - start < 100, "%d ms", (int)(now_ms() - start));
    char *want = sc_xasprintf("redis at 127.0.0.1:%d", w.server.port);
    cr_assert_str_eq(w.a.detail, want);
    free(want);
    (void)ask(&w.server, clients, sizeof clients, "CLIENT LIST");
    cr_assert(strstr(clients, "name=sideclaw:gw-a:commands"), "%s", clients);
    cr_assert(strstr(clients, "name=sideclaw:gw-a:inbox"), "%s", clients);
}

Test(redis_link, says_that_nobody_listens_and_comes_up_when_somebody_does)
{
    server_stop(&w.server);
    node_start(&w, &w.a, "gw-a");
    down_with("refuses connections", "redis-server");
    cr_assert_eq(send_to(&w, &w.a, "bobby", "gw-b"), SC_EAWAY);
    server_start(&w.server);
    UNTIL(&w, w.a.state == SC_LINK_UP);
}

Test(redis_link, sends_in_flight_fail_when_redis_dies_and_the_link_comes_back)
{
    up();
    (void)kill(w.server.pid, SIGSTOP);
    for (int i = 0; i < 10; i++)
        cr_assert_eq(send_to(&w, &w.a, "bobby", "gw-b"), SC_OK);
    cr_assert_eq(sc_loop_turn(w.loop, 10, &w.err), SC_OK);
    server_stop(&w.server);
    UNTIL(&w, w.a.n_done == 10);
    cr_assert_eq(w.a.n_failed, 10);
    cr_assert_eq((int)w.a.last_code, SC_EAWAY);
    down_with("redis at", "");
    server_start(&w.server);
    UNTIL(&w, w.a.state == SC_LINK_UP);
    cr_assert_eq(send_to(&w, &w.a, "bobby", "gw-b"), SC_OK);
    UNTIL(&w, w.a.n_done == 11);
    cr_assert_eq(w.a.n_failed, 10);
}

Test(redis_link, a_redis_that_stops_answering_is_given_up_after_five_seconds)
{
    up();
    int64_t start = now_ms();
    (void)kill(w.server.pid, SIGSTOP);
    cr_assert_eq(send_to(&w, &w.a, "bobby", "gw-b"), SC_OK);
    down_with("does not answer", "paused");
    cr_assert_eq(w.a.n_failed, 1);
    cr_assert(now_ms() - start >= 5000 && now_ms() - start < 6500);
    (void)kill(w.server.pid, SIGCONT);
    UNTIL(&w, w.a.state == SC_LINK_UP);
}

Test(redis_link, a_slow_redis_bounds_what_waits_for_it_and_nothing_is_lost)
{
    up();
    int n = 0;
    (void)kill(w.server.pid, SIGSTOP);
    while (send_to(&w, &w.a, "bobby", "gw-b") == SC_OK)
        n++;
    cr_assert_eq((int)w.err.code, SC_EBUSY);
    cr_assert_eq(n, SC_REDIS_PENDING_MAX);
    for (int i = 0; i < 10; i++)
        cr_assert_eq(sc_loop_turn(w.loop, 10, &w.err), SC_OK);
    (void)kill(w.server.pid, SIGCONT);
    UNTIL(&w, w.a.n_done == n);
    cr_assert_eq(w.a.n_failed, 0);
    cr_assert_eq(ask(&w.server, NULL, 0, "XLEN openclaw:agents:bobby:inbox"), n);
}

Test(redis_link, a_subscription_that_is_killed_comes_back_and_misses_nothing)
{
    up();
    node_start(&w, &w.b, "gw-b");
    serve(&w.b, "bobby");
    w.b.settle_at_once = true;
    UNTIL(&w, w.b.state == SC_LINK_UP);
    (void)ask(&w.server, NULL, 0, "CLIENT KILL TYPE pubsub");
    UNTIL(&w, w.b.downs == 2 && w.a.downs == 2); /* the first is "connecting" */
    UNTIL(&w, w.a.state == SC_LINK_UP);
    for (int i = 0; i < 50; i++)
        cr_assert_eq(send_to(&w, &w.a, "bobby", "gw-b"), SC_OK);
    UNTIL(&w, w.b.n_got >= 50);
    UNTIL(&w, ask(&w.server, NULL, 0, "XLEN openclaw:agents:bobby:inbox") == 0);
    for (int i = 0; i < 50; i++)
        cr_assert_eq(w.b.got[i]->seq, (uint64_t)i + 1);
}

Test(redis_link, says_that_a_password_is_wanted)
{
    (void)ask(&w.server, NULL, 0, "CONFIG SET requirepass s3cret@/%%");
    node_start(&w, &w.a, "gw-a");
    down_with("asks for a password", "REDIS_URL");
}

Test(redis_link, says_that_a_password_is_wrong_without_printing_it)
{
    (void)ask(&w.server, NULL, 0, "CONFIG SET requirepass right");
    char *url = sc_xasprintf("redis://:wr0ng@127.0.0.1:%d", w.server.port);
    node_open(&w, &w.a, "gw-a", url);
    down_with("refuses the user or the password", "REDIS_URL");
    cr_assert_null(strstr(w.a.detail, "wr0ng"));
    free(url);
}

Test(redis_link, logs_in_with_a_password_and_selects_the_database)
{
    (void)ask(&w.server, NULL, 0, "CONFIG SET requirepass p@ss/w%%rd");
    char *url = sc_xasprintf("redis://:p%%40ss%%2Fw%%25rd@localhost:%d/3", w.server.port);
    node_open(&w, &w.a, "gw-a", url);
    UNTIL(&w, w.a.state == SC_LINK_UP);
    cr_assert_eq(send_to(&w, &w.a, "bobby", "gw-b"), SC_OK);
    UNTIL(&w, w.a.n_done == 1);
    redisContext *c = client(&w.server);
    freeReplyObject(redisCommand(c, "AUTH %s", "p@ss/w%rd"));
    freeReplyObject(redisCommand(c, "SELECT 3"));
    redisReply *r = redisCommand(c, "XLEN openclaw:agents:bobby:inbox");
    cr_assert_eq(r->integer, 1);
    freeReplyObject(r);
    redisFree(c);
    free(url);
}

Test(redis_link, logs_in_as_a_user_who_may_do_no_more_than_needed)
{
    (void)ask(&w.server, NULL, 0,
              "ACL SETUSER claw on >pw ~openclaw:* &openclaw:* +@all -@dangerous -client");
    char *url = sc_xasprintf("redis://claw:pw@127.0.0.1:%d", w.server.port);
    node_open(&w, &w.a, "gw-a", url);
    UNTIL(&w, w.a.state == SC_LINK_UP);
    cr_assert_eq(send_to(&w, &w.a, "bobby", "gw-b"), SC_OK);
    UNTIL(&w, w.a.n_done == 1);
    cr_assert_eq(w.a.n_failed, 0);
    free(url);
}

Test(redis_link, says_that_a_user_may_not)
{
    (void)ask(&w.server, NULL, 0, "ACL SETUSER claw on >pw ~other:* &openclaw:* +@all");
    char *url = sc_xasprintf("redis://claw:pw@127.0.0.1:%d", w.server.port);
    node_open(&w, &w.a, "gw-a", url);
    down_with("does not let this user", "ACL SETUSER");
    free(url);
}

Test(redis_link, says_that_a_user_may_not_subscribe)
{
    (void)ask(&w.server, NULL, 0, "ACL SETUSER claw on >pw ~* resetchannels +@all");
    char *url = sc_xasprintf("redis://claw:pw@127.0.0.1:%d", w.server.port);
    node_open(&w, &w.a, "gw-a", url);
    down_with("does not let this user", "ACL SETUSER");
    free(url);
}

Test(redis_link, a_replica_is_no_place_to_send_to_until_it_is_promoted)
{
    up();
    char *primary = sc_xasprintf("REPLICAOF 127.0.0.1 %d", free_port());
    (void)ask(&w.server, NULL, 0, primary);
    free(primary);
    cr_assert_eq(send_to(&w, &w.a, "bobby", "gw-b"), SC_OK);
    UNTIL(&w, w.a.n_done == 1);
    cr_assert_eq(w.a.n_failed, 1);
    down_with("read-only replica", "primary");
    int downs = w.a.downs;
    for (int i = 0; i < 20; i++)
        cr_assert_eq(sc_loop_turn(w.loop, 50, &w.err), SC_OK);
    cr_assert_eq(w.a.downs, downs, "said once, and never up in between");
    (void)ask(&w.server, NULL, 0, "REPLICAOF NO ONE");
    UNTIL(&w, w.a.state == SC_LINK_UP);
}

Test(redis_link, a_full_memory_is_said)
{
    (void)ask(&w.server, NULL, 0, "CONFIG SET maxmemory 1");
    node_start(&w, &w.a, "gw-a");
    down_with("out of memory", "maxmemory");
    (void)ask(&w.server, NULL, 0, "CONFIG SET maxmemory 0");
    UNTIL(&w, w.a.state == SC_LINK_UP);
}

/* A server that is no Redis: says `text` to whoever comes, or nothing. */
static int impostor(int *ret_port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&a, n), 0);
    cr_assert_eq(listen(fd, 8), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    *ret_port = ntohs(a.sin_port);
    return fd;
}

static void open_at(int port)
{
    char *url = sc_xasprintf("redis://127.0.0.1:%d", port);
    node_open(&w, &w.a, "gw-a", url);
    free(url);
}

Test(redis_link, says_that_something_else_listens_there)
{
    static const char http[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    int port, fd = impostor(&port), conn = -1;
    open_at(port);
    for (int i = 0; i < 200 && !strstr(w.a.detail, "does not speak"); i++) {
        cr_assert_eq(sc_loop_turn(w.loop, 20, &w.err), SC_OK);
        conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        if (conn >= 0)
            (void)send(conn, http, sizeof http - 1, MSG_NOSIGNAL);
    }
    down_with("does not speak Redis's protocol", "redis.url");
    (void)close(conn);
    (void)close(fd);
}

Test(redis_link, a_server_that_accepts_and_is_silent_is_given_up_after_three_seconds)
{
    int port, fd = impostor(&port);
    int64_t start = now_ms();
    open_at(port);
    down_with("does not answer (connecting, 3 s)", "firewall");
    cr_assert(now_ms() - start >= 2990 && now_ms() - start < 4500);
    (void)close(fd);
}

Test(redis_link, closing_fails_what_is_pending_once_and_says_no_more)
{
    up();
    (void)kill(w.server.pid, SIGSTOP);
    cr_assert_eq(send_to(&w, &w.a, "bobby", "gw-b"), SC_OK);
    int downs = w.a.downs;
    w.a.t->ops->close(w.a.t->impl);
    cr_assert_eq(w.a.n_done, 0, "queued, not called from inside close");
    cr_assert_eq(send_to(&w, &w.a, "bobby", "gw-b"), SC_EAWAY);
    cr_assert_eq(sc_loop_turn(w.loop, 0, &w.err), SC_OK);
    cr_assert_eq(w.a.n_done, 1);
    cr_assert_eq((int)w.a.last_code, SC_ECANCELED);
    cr_assert_eq(w.a.downs, downs);
    serve(&w.a, "bobby"); /* harmless */
    cr_assert_eq(sc_loop_turn(w.loop, 0, &w.err), SC_OK);
}

Test(redis_link, freeing_without_closing_calls_nobody)
{
    up();
    cr_assert_eq(send_to(&w, &w.a, "bobby", "gw-b"), SC_OK);
    node_free(&w.a);
    cr_assert_eq(w.a.n_done, 0);
    cr_assert_eq(sc_loop_turn(w.loop, 0, &w.err), SC_OK);
}

Test(redis_link, freeing_in_every_early_state_is_clean)
{
    for (int turns = 0; turns < 12; turns++) {
        node_start(&w, &w.a, "gw-a");
        for (int i = 0; i < turns; i++)
            cr_assert_eq(sc_loop_turn(w.loop, 2, &w.err), SC_OK);
        node_free(&w.a);
    }
}

Test(redis_link, a_name_that_does_not_resolve_is_said)
{
    node_open(&w, &w.a, "gw-a", "redis://no-such-host.invalid:6379");
    UNTIL(&w, strstr(w.a.detail, "cannot resolve") || strstr(w.a.detail, "does not answer"));
    cr_assert(strstr(w.a.remedy, "redis.url"), "%s", w.a.remedy);
}
