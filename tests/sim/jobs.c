#include "sim/jobs.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sideclaw/mem.h"

/* What a worker tells of one seed; small enough to be written at once. */
struct news {
    uint64_t seed, hash;
    uint64_t totals[JOBS_TOTALS];
};

struct worker {
    pid_t pid;
    int fd;
    uint64_t next; /* the seed it is at, or will be */
};

_Noreturn static void work(struct options *o, job_fn *fn, uint64_t first, uint64_t end, int fd)
{
    for (uint64_t seed = first; seed < end; seed += (uint64_t)o->jobs) {
        struct news n = { .seed = seed };
        n.hash = fn(o, seed, n.totals);
        if (write(fd, &n, sizeof n) != (ssize_t)sizeof n)
            exit(3);
    }
    exit(0);
}

static bool start(struct options *o, job_fn *fn, struct worker *x, uint64_t end)
{
    int fd[2];
    (void)fflush(NULL); /* or the child would write it again */
    if (pipe(fd) < 0)
        return false;
    x->pid = fork();
    if (x->pid == 0) {
        (void)close(fd[0]);
        work(o, fn, x->next, end, fd[1]);
    }
    (void)close(fd[1]);
    x->fd = fd[0];
    return x->pid > 0;
}

/* So that the sum does not depend on who ran what when. */
static uint64_t mix(uint64_t seed, uint64_t hash)
{
    uint64_t z = (seed * UINT64_C(0x9e3779b97f4a7c15)) ^ hash;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    return z ^ (z >> 31);
}

/* False at its end. */
static bool hear(struct options *o, struct worker *x, struct jobs_result *ret)
{
    struct news n;
    if (read(x->fd, &n, sizeof n) != (ssize_t)sizeof n)
        return false;
    ret->hash += mix(n.seed, n.hash);
    for (size_t i = 0; i < JOBS_TOTALS; i++)
        ret->totals[i] += n.totals[i];
    x->next = n.seed + (uint64_t)o->jobs;
    return true;
}

/* It is through, or the seed it was at ended it: then another goes on behind that one. */
static void reap(struct options *o, job_fn *fn, struct worker *x, uint64_t end,
                 struct jobs_result *ret)
{
    int status = 0;
    (void)close(x->fd);
    x->fd = -1;
    (void)waitpid(x->pid, &status, 0);
    if (status == 0 || ret->n_failed == JOBS_FAILED)
        return;
    (void)fprintf(stderr, "sim: that was seed %" PRIu64 "\n", x->next);
    ret->failed[ret->n_failed++] = x->next;
    x->next += (uint64_t)o->jobs;
    if (x->next < end && ret->n_failed < JOBS_FAILED)
        sc_assert(start(o, fn, x, end));
}

static bool hear_all(struct options *o, job_fn *fn, struct worker *v, uint64_t end,
                     struct jobs_result *ret)
{
    struct pollfd p[OPTIONS_JOBS_MAX];
    bool any = false;
    for (int64_t i = 0; i < o->jobs; i++) {
        p[i] = (struct pollfd){ .fd = v[i].fd, .events = POLLIN };
        any = any || v[i].fd >= 0;
    }
    if (!any || poll(p, (nfds_t)o->jobs, -1) < 0)
        return false;
    for (int64_t i = 0; i < o->jobs; i++)
        if (p[i].revents && !hear(o, &v[i], ret))
            reap(o, fn, &v[i], end, ret);
    return true;
}

bool jobs_run(struct options *o, job_fn *fn, struct jobs_result *ret)
{
    uint64_t end = (uint64_t)(o->seed + o->runs);
    struct worker *v = sc_xcalloc((size_t)o->jobs, sizeof *v);
    *ret = (struct jobs_result){ 0 };
    for (int64_t i = 0; i < o->jobs; i++) {
        v[i].next = (uint64_t)(o->seed + i);
        sc_assert(start(o, fn, &v[i], end));
    }
    while (hear_all(o, fn, v, end, ret))
        continue;
    free(v);
    return ret->n_failed == 0;
}
