/* load.h: messages submitted and seen stored: what the jobs `send` and `drain` share. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "control.h"
#include "raw.h"

/* Our ids are UUIDv7 in the order of sending; their middle says that they are of this run, their
 * end which one: <48 bits of ms>-7bec-8<12 bits of the run>-<48 bits of number>. */
enum { NODE_DIGITS = 12, TAG_SIZE = sizeof "-7bec-8000-" };

/* While only answers are waited for, the window counts those. */
enum load_until { LOAD_ANSWERED, LOAD_FIRST_STORED, LOAD_STORED };

struct load {
    const struct bench_args *a;
    struct control conns[BENCH_CONNECTIONS_MAX];
    redisContext *receipts;
    char tag[TAG_SIZE];
    char *body;
    int64_t *due; /* by number, ns; 0 once it is stored */
    int64_t total, submitted, stored, dead, answered;
    enum load_until until;
    int64_t start, measured_from, ended;
    int64_t cpu[BENCH_PIDS_MAX], own_cpu;
    struct samples latency;
};

bool load_open(struct load *l, const struct bench_args *a);
void load_close(struct load *l);
/* load_run: submit what is left until that is reached, or nothing has moved for long. What is
 * measured begins with it when there is no warm-up. False when a connection went, after a word on
 * stderr. */
bool load_run(struct load *l, enum load_until until);
/* load_report: "messages" to "latency", without the braces; what was refused or is missing is said
 * on stderr, too. False when there is any. */
bool load_report(struct load *l);

#endif
