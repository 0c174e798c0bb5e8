/* What Redis and hiredis do without us: the floor that our figures stand on. One program publishes
 * and is the subscriber, so that one clock measures the way. */
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "raw.h"
#include "sideclaw/mem.h"

#define CHANNEL "sideclaw-bench-raw"
#define STREAM "sideclaw-bench-raw-stream"
#define STREAM_MAX "10000"

enum { NUMBER_DIGITS = 16 };

/* What our send is made of, and nothing else: the durable copy, then the fast one that names it. */
static const char script[] =
    "local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'm', ARGV[2]) "
    "redis.call('PUBLISH', ARGV[1], id .. ARGV[2]) return id";

struct raw {
    const struct bench_args *a;
    redisContext *pub, *sub;
    char *body; /* its first digits are the message's number */
    char sha[64];
    bool scripted;
    int64_t start;
    int64_t sent, got, answered;
    int64_t errors;
    struct samples one_way;
};

static bool raw_open(struct raw *r, const struct bench_args *a)
{
    size_t n = a->bytes > NUMBER_DIGITS ? (size_t)a->bytes : NUMBER_DIGITS;
    *r = (struct raw){ .a = a };
    r->body = sc_xcalloc(1, n + 1);
    memset(r->body, 'x', n);
    r->pub = raw_connect(a->port);
    r->sub = r->pub ? raw_subscribe(a->port, CHANNEL) : NULL;
    samples_init(&r->one_way, (size_t)a->count);
    return r->sub != NULL;
}

static void raw_close(struct raw *r)
{
    if (r->pub)
        redisFree(r->pub);
    if (r->sub)
        redisFree(r->sub);
    free(r->body);
    samples_fini(&r->one_way);
}

static void number(struct raw *r, int64_t n)
{
    char digits[NUMBER_DIGITS + 1];
    (void)snprintf(digits, sizeof digits, "%0*" PRIx64, NUMBER_DIGITS, (uint64_t)n);
    memcpy(r->body, digits, NUMBER_DIGITS);
}

static void append(struct raw *r)
{
    size_t n = strlen(r->body);
    const char *publish[] = { "PUBLISH", CHANNEL, r->body };
    const size_t publish_len[] = { 7, strlen(CHANNEL), n };
    const char *eval[] = { "EVALSHA", r->sha, "1", STREAM, CHANNEL, r->body, STREAM_MAX };
    const size_t eval_len[] = { 7, strlen(r->sha),    1, strlen(STREAM), strlen(CHANNEL),
                                n, strlen(STREAM_MAX) };
    number(r, r->sent++);
    (void)redisAppendCommandArgv(r->pub, r->scripted ? 7 : 3, r->scripted ? eval : publish,
                                 r->scripted ? eval_len : publish_len);
}

/* --- what comes back --- */

static void on_answer(void *ctx, const redisReply *reply)
{
    struct raw *r = ctx;
    r->answered++;
    if (reply->type == REDIS_REPLY_ERROR && r->errors++ == 0)
        (void)fprintf(stderr, "sideclaw_bench: redis: %s\n", reply->str);
}

static void on_paced(void *ctx, const redisReply *reply)
{
    struct raw *r = ctx;
    size_t n;
    const char *p = raw_payload(reply, &n);
    if (!p || n < NUMBER_DIGITS)
        return;
    char digits[NUMBER_DIGITS + 1] = "";
    memcpy(digits, p, NUMBER_DIGITS);
    int64_t i = (int64_t)strtoull(digits, NULL, 16);
    r->got++;
    if (i >= r->a->warm_up)
        samples_add(&r->one_way, bench_now() - bench_due(r->start, i, r->a->rate));
}

static void on_counted(void *ctx, const redisReply *reply)
{
    struct raw *r = ctx;
    size_t n;
    if (raw_payload(reply, &n))
        r->got++;
}

/* One sleep, and what it brought. wait_ns < 0: until something comes, or the quiet time is over. */
static bool turn(struct raw *r, int64_t wait_ns, raw_reply_fn *on_message)
{
    if (!raw_flush(r->pub))
        return false;
    struct pollfd fds[] = { { .fd = r->sub->fd, .events = POLLIN },
                            { .fd = r->pub->fd,
                              .events = (short)(POLLIN | (raw_unsent(r->pub) ? POLLOUT : 0)) } };
    if (wait_ns < 0)
        wait_ns = (int64_t)BENCH_QUIET_MS * 1000000;
    struct timespec t = { .tv_sec = wait_ns / BENCH_PACE_NS_PER_S,
                          .tv_nsec = wait_ns % BENCH_PACE_NS_PER_S };
    if (ppoll(fds, 2, &t, NULL) < 0)
        return false;
    if (fds[0].revents && !raw_read(r->sub, on_message, r))
        return false;
    return !(fds[1].revents & POLLIN) || raw_read(r->pub, on_answer, r);
}

int bench_raw_latency(const struct bench_args *a)
{
    struct raw r;
    bool ok = raw_open(&r, a);
    int64_t total = a->warm_up + a->count;
    r.start = bench_now();
    while (ok && (r.got < total || r.answered < total)) {
        int64_t now = bench_now();
        while (r.sent < total && bench_due(r.start, r.sent, a->rate) <= now)
            append(&r);
        int64_t next = r.sent < total ? bench_due(r.start, r.sent, a->rate) - now : -1;
        ok = turn(&r, next, on_paced) && r.errors == 0;
    }
    if (ok) {
        printf("{\"rate\":%" PRId64 ",\"bytes\":%" PRId64 ",", a->rate, a->bytes);
        samples_print(&r.one_way, "one_way");
        printf("}\n");
    }
    raw_close(&r);
    return ok ? 0 : 1;
}

static int flood(struct raw *r, const struct bench_args *a)
{
    bool ok = true;
    int64_t redis_cpu = a->n_pids ? bench_cpu_ns(a->pids[0].pid) : -1;
    r->start = bench_now();
    while (ok && (r->got < a->count || r->answered < a->count)) {
        int64_t behind = r->got < r->answered ? r->got : r->answered;
        while (r->sent < a->count && r->sent - behind < a->in_flight)
            append(r);
        ok = turn(r, -1, on_counted) && r->errors == 0;
    }
    double s = (double)(bench_now() - r->start) / 1e9;
    if (!ok)
        return 1;
    printf("{\"messages\":%" PRId64 ",\"in_flight\":%" PRId64 ",\"per_s\":%.0f", a->count,
           a->in_flight, (double)a->count / s);
    if (redis_cpu >= 0)
        printf(",\"redis_cpu_us_per_message\":%.2f",
               (double)(bench_cpu_ns(a->pids[0].pid) - redis_cpu) / 1e3 / (double)a->count);
    printf("}\n");
    return 0;
}

int bench_raw_throughput(const struct bench_args *a)
{
    struct raw r;
    int code = raw_open(&r, a) ? flood(&r, a) : 1;
    raw_close(&r);
    return code;
}

/* Loads the script on a connection of its own that may block, and leaves no stream behind. */
static bool command(int64_t port, const char *what, const char *arg, char *ret, size_t size)
{
    struct timeval five = { .tv_sec = 5 };
    redisContext *c = redisConnectWithTimeout("127.0.0.1", (int)port, five);
    redisReply *reply = c && !c->err ? redisCommand(c, what, arg) : NULL;
    bool ok = reply && reply->type != REDIS_REPLY_ERROR;
    if (ok && ret)
        (void)snprintf(ret, size, "%s", reply->str ? reply->str : "");
    if (reply)
        freeReplyObject(reply);
    if (c)
        redisFree(c);
    return ok;
}

int bench_raw_script(const struct bench_args *a)
{
    struct raw r;
    int code = 1;
    bool ok = raw_open(&r, a);
    r.scripted = true;
    if (ok && command(a->port, "SCRIPT LOAD %s", script, r.sha, sizeof r.sha))
        code = flood(&r, a);
    (void)command(a->port, "DEL %s", STREAM, NULL, 0); /* gone with the server at the latest */
    raw_close(&r);
    return code;
}
