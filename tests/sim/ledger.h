/* ledger.h: what was accepted, and what must be true of it: delivered once or dead with a reason,
 * in order per pair, no stage reported further than reached, no turn run twice. */
#ifndef SIDECLAW_TESTS_LEDGER_H
#define SIDECLAW_TESTS_LEDGER_H

#include "support/world.h"

struct ledger_totals {
    uint64_t accepted, replied, dead;
    uint64_t ambiguous; /* dead for its sender, who heard of nobody in time, and run all the same */
};

struct ledger;
struct ledger *ledger_new(struct world *w, uint64_t seed);
void ledger_free(struct ledger *l);
/* Send the pair's next message; it counts from when its commit is told. */
void ledger_send(struct ledger *l, int node, const char *from, const char *to);
/* At any time: nobody claims more than is on disk. Ends the program with the seed when one does. */
void ledger_check(struct ledger *l);
/* At the end: everything has one. */
void ledger_close(struct ledger *l, struct ledger_totals *totals);

#endif
