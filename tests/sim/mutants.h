/* mutants.h: mistakes planted into the fakes' side of the ports, as if the code behind them had
 * made them. A ledger that does not notice one of them is worth nothing. */
#ifndef SIDECLAW_TESTS_SIM_MUTANTS_H
#define SIDECLAW_TESTS_SIM_MUTANTS_H

#include "sim/jobs.h"
#include "sim/ledger.h"

/* name NULL: none. Ends the program when there is no such mistake. */
void mutant_install(const char *name, struct world *w, struct ledger *l);
/* Each mistake, until a seed shows it. The exit code: 0 when all were noticed. */
int mutants_run(struct options *o, job_fn *fn);

#endif
