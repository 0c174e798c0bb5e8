/* Durable messages: submitted on one sidecar's control socket, seen `stored` by the receipts that
 * the receiver publishes after its commit. So a figure holds everything from the submission to the
 * receiver's disk, and then one more way through Redis.
 *
 * Paced (open loop), a message's time counts from when it was due, not from when we got to write
 * it: a sidecar that stops for a moment is charged for everything that should have been sent in it.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "load.h"
#include "sideclaw/mem.h"

bool load_open(struct load *l, const struct bench_args *a)
{
    *l = (struct load){ .a = a, .total = a->warm_up + a->count };
    (void)snprintf(l->tag, sizeof l->tag, "-7bec-8%03x-", (unsigned)getpid() & 0xfff);
    l->body = sc_xcalloc(1, (size_t)a->bytes + 1);
    memset(l->body, 'x', (size_t)a->bytes);
    l->due = sc_xcalloc((size_t)l->total, sizeof *l->due);
    samples_init(&l->latency, (size_t)a->count);
    l->receipts = raw_subscribe(a->port, a->channel);
    for (int64_t i = 0; i < a->connections; i++)
        l->conns[i].fd = -1;
    for (int64_t i = 0; i < a->connections; i++)
        if (!control_open(&l->conns[i], a->socket))
            return false;
    return l->receipts != NULL;
}

void load_close(struct load *l)
{
    for (int64_t i = 0; i < l->a->connections; i++)
        control_close(&l->conns[i]);
    if (l->receipts)
        redisFree(l->receipts);
    free(l->body);
    free(l->due);
    samples_fini(&l->latency);
}

/* --- submitting --- */

static void submit(struct load *l, int64_t now)
{
    const struct bench_args *a = l->a;
    struct timespec t;
    char agent[24] = "";
    int64_t i = l->submitted++;
    struct control *c = &l->conns[i % a->connections];
    (void)clock_gettime(CLOCK_REALTIME, &t);
    uint64_t ms = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
    if (a->agents > 1)
        (void)snprintf(agent, sizeof agent, "%" PRId64, i % a->agents);
    sc_buf_addf(&c->out,
                "{\"jsonrpc\":\"2.0\",\"id\":%" PRId64 ",\"method\":\"message.send\",\"params\":{"
                "\"id\":\"%08" PRIx64 "-%04" PRIx64 "%s%0*" PRIx64 "\",\"to\":\"%s%s\",\"body\":\"",
                i, ms >> 16, ms & 0xffff, l->tag, NODE_DIGITS, (uint64_t)i, a->to, agent);
    sc_buf_add(&c->out, l->body, (size_t)a->bytes);
    sc_buf_adds(&c->out, "\"}}\n");
    l->due[i] = a->rate ? bench_due(l->start, i, a->rate) : now;
}

static bool window_open(const struct load *l)
{
    int64_t done = l->until == LOAD_ANSWERED ? l->answered : l->stored + l->dead;
    return l->submitted < l->total && l->submitted - done < l->a->in_flight;
}

static bool may_submit(const struct load *l, int64_t now)
{
    return window_open(l) &&
           (l->a->rate == 0 || bench_due(l->start, l->submitted, l->a->rate) <= now);
}

/* --- receipts --- */

static void begin_measuring(struct load *l, int64_t now)
{
    l->measured_from = now;
    for (size_t i = 0; i < l->a->n_pids; i++)
        l->cpu[i] = bench_cpu_ns(l->a->pids[i].pid);
    l->own_cpu = bench_cpu_ns(getpid());
}

/* The first word of a message's receiver, whatever the stage: later ones only repeat that it has
 * it. */
static void on_stage(struct load *l, int64_t i, bool dead, int64_t now)
{
    if (i >= l->total || l->due[i] == 0)
        return;
    if (i >= l->a->warm_up && !dead)
        samples_add(&l->latency, now - l->due[i]);
    l->due[i] = 0;
    l->stored += !dead;
    l->dead += dead;
    l->ended = now;
    if (l->stored == l->a->warm_up)
        begin_measuring(l, now);
}

/* By the pattern of the ids and not as JSON, so that reading costs next to nothing beside what is
 * measured. A receipt is an object without others inside. */
static void on_receipts(void *ctx, const redisReply *reply)
{
    struct load *l = ctx;
    size_t n;
    const char *p = raw_payload(reply, &n);
    const char *end = p ? p + n : NULL;
    int64_t now = bench_now();
    while (p && (p = memmem(p, (size_t)(end - p), l->tag, TAG_SIZE - 1))) {
        char digits[NODE_DIGITS + 1] = "";
        p += TAG_SIZE - 1;
        if (end - p < NODE_DIGITS)
            return;
        memcpy(digits, p, NODE_DIGITS);
        const char *close = memchr(p, '}', (size_t)(end - p));
        bool dead = memmem(p, (size_t)((close ? close : end) - p), "\"dead\"", 6) != NULL;
        on_stage(l, (int64_t)strtoull(digits, NULL, 16), dead, now);
    }
}

/* --- the loop --- */

static bool flush(struct load *l)
{
    for (int64_t i = 0; i < l->a->connections; i++)
        if (l->conns[i].out.n && !control_flush(&l->conns[i]))
            return false;
    return true;
}

static bool take(struct load *l, const struct pollfd *fds)
{
    bool ok = true;
    l->answered = 0;
    for (int64_t i = 0; i < l->a->connections; i++) {
        ok = ok && (!(fds[i].revents & ~POLLOUT) || control_read(&l->conns[i]));
        l->answered += l->conns[i].answered;
    }
    return ok && (!fds[l->a->connections].revents || raw_read(l->receipts, on_receipts, l));
}

/* 0: nothing moved, 1: something did, -1: a connection went. */
static int turn(struct load *l, int64_t wait_ns)
{
    struct pollfd fds[BENCH_CONNECTIONS_MAX + 1];
    int64_t n = l->a->connections;
    for (int64_t i = 0; i < n; i++) {
        short out = l->conns[i].out.n ? POLLOUT : 0;
        fds[i] = (struct pollfd){ .fd = l->conns[i].fd, .events = (short)(POLLIN | out) };
    }
    fds[n] = (struct pollfd){ .fd = l->receipts->fd, .events = POLLIN };
    struct timespec t = { .tv_sec = wait_ns / BENCH_PACE_NS_PER_S,
                          .tv_nsec = wait_ns % BENCH_PACE_NS_PER_S };
    int ready = ppoll(fds, (nfds_t)n + 1, &t, NULL);
    if (ready <= 0)
        return ready;
    return take(l, fds) ? 1 : -1;
}

static bool reached(const struct load *l)
{
    switch (l->until) {
    case LOAD_ANSWERED:
        return l->answered == l->total;
    case LOAD_FIRST_STORED:
        return l->stored > 0;
    case LOAD_STORED:
        return l->answered == l->total && l->stored + l->dead == l->total;
    }
    return true;
}

bool load_run(struct load *l, enum load_until until)
{
    const int64_t quiet = (int64_t)BENCH_QUIET_MS * 1000000;
    l->until = until;
    if (l->submitted == 0)
        l->start = bench_now();
    if (l->a->warm_up == 0)
        begin_measuring(l, bench_now());
    while (!reached(l)) {
        int64_t now = bench_now(), wait_ns = quiet;
        while (may_submit(l, now))
            submit(l, now);
        if (l->a->rate && window_open(l))
            wait_ns = bench_due(l->start, l->submitted, l->a->rate) - now;
        int moved = flush(l) ? turn(l, wait_ns) : -1;
        if (moved < 0) {
            perror("sideclaw_bench: a connection went");
            return false;
        }
        if (moved == 0 && wait_ns == quiet)
            return true; /* the report says what is missing */
    }
    return true;
}

/* --- the report --- */

static void print_cpu(const struct load *l)
{
    const struct bench_args *a = l->a;
    double per = 1e3 * (double)a->count;
    printf("\"cpu_us_per_message\":{\"driver\":%.2f",
           (double)(bench_cpu_ns(getpid()) - l->own_cpu) / per);
    for (size_t i = 0; i < a->n_pids; i++)
        printf(",\"%s\":%.2f", a->pids[i].name,
               (double)(bench_cpu_ns(a->pids[i].pid) - l->cpu[i]) / per);
    printf("},");
}

bool load_report(struct load *l)
{
    int64_t refused = 0, missing = l->total - l->stored - l->dead;
    const char *why = "";
    for (int64_t i = 0; i < l->a->connections; i++) {
        refused += l->conns[i].refused;
        why = l->conns[i].refused ? l->conns[i].first_refusal : why;
    }
    double s = (double)(l->ended - l->measured_from) / 1e9;
    printf("\"messages\":%" PRId64 ",\"in_flight\":%" PRId64 ",\"rate\":%" PRId64
           ",\"bytes\":%" PRId64 ",\"refused\":%" PRId64 ",\"dead\":%" PRId64
           ",\"missing\":%" PRId64 ",\"seconds\":%.3f,\"stored_per_s\":%.0f,",
           l->a->count, l->a->in_flight, l->a->rate, l->a->bytes, refused, l->dead, missing, s,
           s > 0 ? (double)l->a->count / s : 0.0);
    print_cpu(l);
    samples_print(&l->latency, "latency");
    if (refused)
        (void)fprintf(stderr, "sideclaw_bench: %" PRId64 " refused, the first: %s\n", refused, why);
    if (missing)
        (void)fprintf(stderr, "sideclaw_bench: %" PRId64 " of %" PRId64 " never stored\n", missing,
                      l->total);
    return !refused && !missing && !l->dead;
}
