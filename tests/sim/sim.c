/* The world simulated: N whole nodes on fake time, faults from one seed, and a ledger that holds
 * every step against the truth. A plain main, because Criterion aborts under TSan. See run --help.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/jobs.h"
#include "sim/mutants.h"
#include "sim/options.h"
#include "sim/storm.h"

/* One seed, from the first message to the last end. Returns what all of it hashes to. */
static uint64_t run(void *ctx, uint64_t seed, uint64_t *totals)
{
    const struct options *o = ctx;
    struct ledger_totals t = { 0 };
    struct climate c;
    struct trace trace;
    climate_of(seed, (int)o->nodes, &c);
    struct world *w = world_new(&c.world, c.nodes);
    trace_init(&trace, w, o->trace);
    struct ledger *l = ledger_new(w, &trace);
    mutant_install(o->mutant, w, l);
    struct storm *s = storm_new(w, l, &trace, &c);
    for (int64_t i = 0; i < o->steps; i++)
        storm_step(s);
    storm_over(s);
    ledger_close(l, &t);
    memcpy(totals, &t, sizeof t);
    storm_free(s);
    ledger_free(l);
    world_free(w);
    return trace.hash;
}

static void print(const struct options *o, const struct jobs_result *r)
{
    struct ledger_totals t;
    memcpy(&t, r->totals, sizeof t);
    (void)printf("seeds %" PRId64 "-%" PRId64 ": %" PRIu64 " accepted, %" PRIu64 " turns, %" PRIu64
                 " replied, %" PRIu64 " dead (%" PRIu64 " ambiguous, of which %" PRIu64
                 " ran); trace %016" PRIx64 "\n",
                 o->seed, o->seed + o->runs - 1, t.accepted, t.turns, t.replied, t.dead,
                 t.ambiguous, t.ambiguous_ran, r->hash);
}

int main(int argc, char **argv)
{
    struct options o;
    struct jobs_result r;
    if (!options_parse(argc, argv, &o)) {
        options_usage(stderr);
        return 2;
    }
    if (o.mutants)
        return mutants_run(&o, run);
    if (!jobs_run(&o, run, &r)) {
        for (size_t i = 0; i < r.n_failed; i++)
            (void)printf("FAILED: replay with tests/sim/run --seed %" PRIu64 " --nodes %" PRId64
                         " --steps %" PRId64 "%s%s --trace FILE\n",
                         r.failed[i], o.nodes, o.steps, o.mutant ? " --mutant " : "",
                         o.mutant ? o.mutant : "");
        return 1;
    }
    print(&o, &r);
    return 0;
}
