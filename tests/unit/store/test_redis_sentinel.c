/* Where the primary is: sentinels that agree, disagree, are away, know nothing, change their mind.
 */
#include <sys/mman.h>

#include "redis_fixture.h"

enum { STUBS = 3 };

/* A sentinel that names 127.0.0.1:port to whoever asks; port 0: it knows nobody. In a process of
 * its own, told through shared memory. */
struct stub {
    int port;
    pid_t pid;
    int *names;
};

static struct world w;
static struct stub stubs[STUBS];
static int *shared;

static void answer(int conn, const struct stub *s)
{
    char text[128], port[16];
    if (recv(conn, text, sizeof text, 0) <= 0)
        return;
    (void)snprintf(port, sizeof port, "%d", *s->names);
    if (*s->names)
        (void)snprintf(text, sizeof text, "*2\r\n$9\r\n127.0.0.1\r\n$%zu\r\n%s\r\n", strlen(port),
                       port);
    else
        (void)snprintf(text, sizeof text, "*-1\r\n");
    (void)send(conn, text, strlen(text), MSG_NOSIGNAL);
    (void)recv(conn, text, sizeof text, 0); /* until it hangs up */
}

static void stub_start(struct stub *s, int *names)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&a, n), 0);
    cr_assert_eq(listen(fd, 8), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    *s = (struct stub){ .port = ntohs(a.sin_port), .names = names };
    s->pid = fork();
    if (s->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            int conn = accept(fd, NULL, NULL);
            answer(conn, s);
            (void)close(conn);
        }
    }
    (void)close(fd);
}

static void stub_stop(struct stub *s)
{
    if (s->pid <= 0)
        return;
    (void)kill(s->pid, SIGKILL);
    (void)waitpid(s->pid, NULL, 0);
    s->pid = 0;
}

static void setup(void)
{
    world_init(&w);
    shared =
        mmap(NULL, sizeof(int) * STUBS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < STUBS; i++) {
        shared[i] = w.server.port;
        stub_start(&stubs[i], &shared[i]);
    }
}

static void teardown(void)
{
    for (int i = 0; i < STUBS; i++)
        stub_stop(&stubs[i]);
    world_fini(&w);
}

TestSuite(redis_sentinel, .init = setup, .fini = teardown, .timeout = 60);

static void start(void)
{
    char *url = sc_xasprintf("redis+sentinel://127.0.0.1:%d,127.0.0.1:%d,localhost:%d/mymaster/3",
                             stubs[0].port, stubs[1].port, stubs[2].port);
    node_open(&w, &w.a, "gw-a", url);
    free(url);
}

static void up_at(int port)
{
    char *want = sc_xasprintf("redis at 127.0.0.1:%d", port);
    UNTIL(&w, w.a.state == SC_LINK_UP && strcmp(w.a.detail, want) == 0);
    free(want);
}

Test(redis_sentinel, leads_to_the_primary)
{
    char clients[4096];
    int64_t begin = now_ms();
    start();
    up_at(w.server.port);
    cr_assert(now_ms() - begin < 300, "%d ms", (int)(now_ms() - begin));
    (void)ask(&w.server, clients, sizeof clients, "CLIENT LIST");
    cr_assert(strstr(clients, "name=sideclaw:gw-a:commands"), "%s", clients);
    cr_assert(strstr(clients, "db=3"), "the database is selected there: %s", clients);
}

Test(redis_sentinel, one_that_is_behind_the_times_is_outvoted)
{
    shared[0] = free_port();
    start();
    up_at(w.server.port);
    cr_assert_eq(w.a.downs, 1, "it never went to the other one: %s", w.a.detail);
}

Test(redis_sentinel, one_that_answers_is_enough_while_the_others_are_away)
{
    stub_stop(&stubs[0]);
    (void)kill(stubs[1].pid, SIGSTOP);
    start();
    up_at(w.server.port);
}

Test(redis_sentinel, says_that_all_are_away_and_finds_them_when_they_are_back)
{
    for (int i = 0; i < STUBS; i++)
        stub_stop(&stubs[i]);
    start();
    UNTIL(&w, strstr(w.a.detail, "a sentinel: redis at"));
    cr_assert(strstr(w.a.detail, "refuses connections"), "%s", w.a.detail);
    cr_assert(strstr(w.a.remedy, "sentinels of redis.url"), "%s", w.a.remedy);
}

Test(redis_sentinel, says_that_none_answers)
{
    for (int i = 0; i < STUBS; i++)
        (void)kill(stubs[i].pid, SIGSTOP);
    start();
    UNTIL(&w, strstr(w.a.detail, "no sentinel of mymaster answers"));
    for (int i = 0; i < STUBS; i++)
        (void)kill(stubs[i].pid, SIGCONT);
    up_at(w.server.port);
}

Test(redis_sentinel, says_that_the_name_is_unknown)
{
    for (int i = 0; i < STUBS; i++)
        shared[i] = 0;
    start();
    UNTIL(&w, strstr(w.a.detail, "knows no primary mymaster"));
    cr_assert(strstr(w.a.remedy, "sentinel monitor"), "%s", w.a.remedy);
}

Test(redis_sentinel, a_replica_that_is_named_is_not_believed)
{
    char *of = sc_xasprintf("REPLICAOF 127.0.0.1 %d", free_port());
    (void)ask(&w.server, NULL, 0, of);
    free(of);
    start();
    UNTIL(&w, strstr(w.a.detail, "is a read-only replica"));
    cr_assert(strstr(w.a.remedy, "wait"), "%s", w.a.remedy);
    (void)ask(&w.server, NULL, 0, "REPLICAOF NO ONE");
    up_at(w.server.port);
}

/* The old primary lives on, cut off from the sentinels: nothing closes our connections to it. */
Test(redis_sentinel, leaves_a_primary_that_most_no_longer_call_one)
{
    struct server other = { .pid = 0 };
    server_start(&other);
    start();
    up_at(w.server.port);
    shared[0] = other.port;
    int64_t end = now_ms() + 6000; /* one look at the sentinels comes round in that time */
    while (now_ms() < end)
        cr_assert_eq(sc_loop_turn(w.loop, 50, &w.err), SC_OK);
    cr_assert_eq(w.a.downs, 1, "one of three is not believed: %s", w.a.detail);
    shared[1] = other.port;
    up_at(other.port);
    char clients[4096];
    (void)ask(&w.server, clients, sizeof clients, "CLIENT LIST");
    cr_assert_null(strstr(clients, "name=sideclaw:"), "no link stays behind: %s", clients);
    server_remove(&other);
}

Test(redis_sentinel, freeing_in_every_early_state_is_clean)
{
    for (int turns = 0; turns < 16; turns++) {
        start();
        for (int i = 0; i < turns; i++)
            cr_assert_eq(sc_loop_turn(w.loop, 1, &w.err), SC_OK);
        node_free(&w.a);
    }
}
