/* ledger_internal.h: shared by ledger.c (what clients do and are told), ledger_watch.c (what must
 * be true at every moment) and ledger_close.c (what must be true in the end). */
#ifndef SIDECLAW_TESTS_LEDGER_INTERNAL_H
#define SIDECLAW_TESTS_LEDGER_INTERNAL_H

#include "sideclaw/map.h"
#include "sim/ledger.h"

/* One message or reply, and where it is known to be on disk. */
struct entry {
    struct ledger *l;
    struct sc_id id;
    enum sc_kind kind;
    struct entry *reply;
    int node; /* whose outbox */
    char *from, *to, *body;
    uint64_t place;    /* in the order in which its outbox took messages */
    char *home;        /* whose it is */
    bool accepted;     /* its client was told so */
    bool taken;        /* a transport was given it */
    bool ran;          /* at least once, also if no trace of that is left */
    enum sc_stage out; /* as committed; SC_STAGES: nowhere */
    enum sc_stage *in; /* the same in each node's inbox */
    char reason[SC_REASON_MAX];
};

/* A node, seen through the ports of its fakes. */
struct watch {
    struct ledger *l;
    int node;
};

struct ledger {
    struct world *w;
    struct trace *trace;
    struct entry **v; /* messages, in order of submission, then replies as they are seen */
    size_t count, cap;
    struct sc_map *by_id;
    struct sc_map *pairs; /* "from>to" -> uint64_t, the latest that was submitted */
    struct sc_map *lanes; /* the same at one sender and one receiver -> uint64_t, its place */
    struct watch *watches;
    bool forgets_ids;
    uint64_t turns;
    struct waiter *waiters;
};

_Noreturn void ledger_broken(const struct entry *e, const char *what);
struct entry *ledger_find(const struct ledger *l, const struct sc_id *id);
/* from and to are copied; body becomes the entry's. */
struct entry *ledger_add(struct ledger *l, const struct sc_id *id, int node, const char *from,
                         const char *to, char *take_body);
/* The counter of that name in a map. */
uint64_t *ledger_counter(struct sc_map *m, const char *key);
/* How often the model ran it and left its trace, on all gateways. */
unsigned ledger_runs(const struct ledger *l, const struct sc_id *id);
void ledger_watch(struct ledger *l);

#endif
