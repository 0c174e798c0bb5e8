/* The world simulated: N whole nodes on fake time, faults from one seed, and a ledger that is
 * checked while it runs and at its end. A plain main, because Criterion aborts under TSan.
 *
 *   sim --seed S --nodes N --steps M [--runs R] [--verbose]
 *
 * One failing seed replays to the same trace: the fingerprint printed with --verbose is equal. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "sideclaw/parse.h"
#include "sim/ledger.h"
#include "sim/storm.h"

struct options {
    int64_t seed, nodes, steps, runs;
    bool verbose;
};

static bool parse(int argc, char **argv, struct options *o)
{
    struct {
        const char *name;
        int64_t *value, min, max;
    } const numbers[] = {
        { "--seed", &o->seed, 0, INT64_MAX },
        { "--nodes", &o->nodes, 2, MEM_NET_NODES },
        { "--steps", &o->steps, 1, 1000000 },
        { "--runs", &o->runs, 1, 1000000 },
    };
    struct sc_err err = SC_ERR_INIT;
    for (int i = 1; i < argc; i++) {
        bool known = strcmp(argv[i], "--verbose") == 0;
        o->verbose = o->verbose || known;
        for (size_t k = 0; k < SC_ARRAY_LEN(numbers) && !known; k++) {
            if (strcmp(argv[i], numbers[k].name) != 0 || i + 1 == argc)
                continue;
            known = sc_parse_i64(argv[++i], numbers[k].min, numbers[k].max, numbers[k].value,
                                 &err) == SC_OK;
        }
        if (!known)
            return false;
    }
    return true;
}

/* Faults are over: everything that can arrive has its time, then everything must have its end. */
static uint64_t run(uint64_t seed, const struct options *o, struct ledger_totals *totals)
{
    struct world_options opt = world_defaults();
    opt.seed = seed;
    opt.limits.default_ttl_s = STORM_TTL_S;
    opt.max_turns = 3;
    struct world *w = world_new(&opt, (int)o->nodes);
    struct ledger *l = ledger_new(w, seed);
    struct storm *s = storm_new(w, l);
    for (int64_t i = 0; i < o->steps; i++) {
        storm_step(s);
        ledger_check(l);
    }
    storm_over(s);
    world_run(w, INT64_C(1000) * 4 * STORM_TTL_S);
    ledger_check(l);
    ledger_close(l, totals);
    uint64_t fingerprint = prng_next(world_prng(w)) ^ (uint64_t)world_now(w);
    storm_free(s);
    ledger_free(l);
    world_free(w);
    return fingerprint;
}

int main(int argc, char **argv)
{
    struct options o = { .seed = 1, .nodes = 4, .steps = 300, .runs = 1 };
    struct ledger_totals t = { 0 };
    if (!parse(argc, argv, &o)) {
        (void)fprintf(stderr, "usage: sim [--seed S] [--nodes N] [--steps M] [--runs R] "
                              "[--verbose]\n");
        return 2;
    }
    for (int64_t i = 0; i < o.runs; i++) {
        uint64_t seed = (uint64_t)(o.seed + i);
        uint64_t first = run(seed, &o, &t);
        if (o.verbose)
            (void)printf("seed=%" PRIu64 " fingerprint=%016" PRIx64 "\n", seed, first);
        struct ledger_totals ignored = { 0 };
        if (i == 0 && run(seed, &o, &ignored) != first) {
            (void)fprintf(stderr, "sim: seed %" PRIu64 " does not replay\n", seed);
            return 1;
        }
    }
    (void)printf("runs=%" PRId64 " accepted=%" PRIu64 " replied=%" PRIu64 " dead=%" PRIu64
                 " ambiguous=%" PRIu64 "\n",
                 o.runs, t.accepted, t.replied, t.dead, t.ambiguous);
    return 0;
}
