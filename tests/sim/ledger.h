/* ledger.h: what was accepted, and what must be true of it at every moment: told after the commit
 * only, run once, in order per pair, no stage reported further than reached, in the end an answer
 * or a death with its reason. A broken promise ends the program with the words of which one. */
#ifndef SIDECLAW_TESTS_LEDGER_H
#define SIDECLAW_TESTS_LEDGER_H

#include "sim/trace.h"
#include "support/world.h"

struct ledger_totals {
    uint64_t accepted, replied, dead;
    uint64_t ambiguous; /* dead, and nobody there can know whether it ran */
    uint64_t ambiguous_ran;
    uint64_t turns;
};
enum { LEDGER_TOTALS = sizeof(struct ledger_totals) / sizeof(uint64_t) };

struct ledger;
/* Watches every node from now on. */
struct ledger *ledger_new(struct world *w, struct trace *trace);
void ledger_free(struct ledger *l);
/* Mistake of a client: it asks again under another id. */
void ledger_forget_ids(struct ledger *l);

/* Send the pair's next message; it counts from when its commit is told. */
void ledger_send(struct ledger *l, int node, const char *from, const char *to, bool waits);
/* The client of a recent message of that node did not hear the answer, and submits it again. */
void ledger_send_again(struct ledger *l, int node);
/* At the end: everything has one. */
void ledger_close(struct ledger *l, struct ledger_totals *totals);

#endif
