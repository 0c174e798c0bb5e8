/* bench.h: the load driver `sideclaw_bench`: one job a run, its figures as one JSON object on
 * stdout. One thread that sleeps in ppoll, because on a small machine it shares the processors with
 * what it measures. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    BENCH_PIDS_MAX = 8,
    BENCH_CONNECTIONS_MAX = 64,
    BENCH_PACE_NS_PER_S = 1000000000,
    BENCH_QUIET_MS = 20000 /* nothing moved for so long: what is missing does not come */
};

struct bench_pid {
    char name[32];
    int64_t pid;
};

struct bench_args {
    const char *socket;  /* a sidecar's control socket */
    const char *channel; /* the sender's channel in Redis, where its receipts come */
    const char *to;      /* the receiving agent; with `agents` > 1 the first part of their names */
    const char *folder;  /* on the file system to be measured */
    int64_t port;        /* of Redis; of the gateway in its two jobs */
    int64_t count, warm_up;
    int64_t in_flight;
    int64_t rate; /* a second; 0: as fast as `in_flight` lets */
    int64_t connections, agents, bytes;
    struct bench_pid pids[BENCH_PIDS_MAX]; /* whose processor time is wanted */
    size_t n_pids;
};

/* --- jobs: 0 or an exit code; they say on stderr what went wrong --- */
int bench_send(const struct bench_args *a);
int bench_drain(const struct bench_args *a);
int bench_ask(const struct bench_args *a);
int bench_gateway(const struct bench_args *a);
int bench_raw_latency(const struct bench_args *a);
int bench_raw_throughput(const struct bench_args *a);
int bench_raw_script(const struct bench_args *a);
int bench_raw_fsync(const struct bench_args *a);

/* --- time --- */
int64_t bench_now(void); /* ns, CLOCK_MONOTONIC */
/* When the nth of a paced stream is due. */
int64_t bench_due(int64_t start, int64_t n, int64_t rate);
/* Processor time of a process and its threads so far, ns; -1 when it cannot be read. */
int64_t bench_cpu_ns(int64_t pid);

/* --- samples: all are kept, because a p99 of buckets would be a guess --- */
struct samples {
    int64_t *v; /* ns */
    size_t n, cap;
};
void samples_init(struct samples *s, size_t cap);
void samples_fini(struct samples *s);
void samples_add(struct samples *s, int64_t ns); /* beyond cap is dropped */
/* "NAME":{"n","p50_us","p90_us","p99_us","max_us"}; sorts. */
void samples_print(struct samples *s, const char *name);

#endif
