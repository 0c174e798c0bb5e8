/* jobs.h: many seeds, in processes side by side. A seed runs in a process of its own kind: a broken
 * promise ends that process only, and the others go on. */
#ifndef SIDECLAW_TESTS_SIM_JOBS_H
#define SIDECLAW_TESTS_SIM_JOBS_H

#include "sim/options.h"

enum { JOBS_TOTALS = 16, JOBS_FAILED = 20 };

/* Fills at most JOBS_TOTALS numbers, which are added up; returns the hash of the trace. */
typedef uint64_t job_fn(void *ctx, uint64_t seed, uint64_t *totals);

struct jobs_result {
    uint64_t totals[JOBS_TOTALS];
    uint64_t hash; /* of all traces, whatever their order */
    uint64_t failed[JOBS_FAILED];
    size_t n_failed;
};

/* False when a seed failed. It goes on after a failure, for as many as `failed` holds. */
bool jobs_run(struct options *o, job_fn *fn, struct jobs_result *ret);

#endif
