/* mem_spool.h: the spool port in memory: one transaction a turn, committed by the loop's hook, as
 * spool.h says and store/spool_sqlite.c does it. What is committed survives mem_spool_crash. */
#ifndef SIDECLAW_TESTS_MEM_SPOOL_H
#define SIDECLAW_TESTS_MEM_SPOOL_H

#include "sideclaw/loop.h"
#include "sideclaw/spool.h"
#include "support/fuse.h"

struct mem_spool;
struct mem_spool *mem_spool_new(struct sc_loop *loop);
void mem_spool_free(struct mem_spool *s);
struct sc_spool mem_spool_port(struct mem_spool *s);

/* The process died: uncommitted writes are gone, nobody is called back. Then a new life begins. */
void mem_spool_crash(struct mem_spool *s);
void mem_spool_attach(struct mem_spool *s, struct sc_loop *loop);
/* What burns with each write, commit and call back (may be NULL). */
void mem_spool_burn(struct mem_spool *s, struct fuse *fuse);
/* What nobody waits for is committed that much later, as SQLite's is (0: in the same turn). */
void mem_spool_lazy(struct mem_spool *s, int64_t ms);

/* Faults. A write that fails dooms its turn, as in SQLite: nothing of it is committed. */
struct mem_spool_faults {
    unsigned fail_write;    /* n: the nth write from now fails with SC_EIO; 0: none */
    bool writes_fail;       /* every write fails until this is unset (a full disk) */
    unsigned fail_commits;  /* so many commits fail */
    size_t max_messages;    /* more are SC_EFULL; 0: no bound */
    const char *busy_agent; /* what comes for it is SC_EBUSY; NULL: nobody's */
};
struct mem_spool_faults *mem_spool_faults(struct mem_spool *s);

/* Who wants to see each row that a commit wrote, before anybody is called back. */
struct mem_spool_spy {
    void *ctx;
    void (*committed)(void *ctx, const struct sc_record *r);
};
void mem_spool_watch(struct mem_spool *s, const struct mem_spool_spy *spy);

/* Mistakes a spool or its user could make, for the test of those who must notice. */
struct mem_spool_bugs {
    bool forgets_ids;     /* a duplicate is stored and waits for a turn again */
    bool calls_too_early; /* the commit is told before it is tried */
    bool loses_commits;   /* a crash takes the latest commit with it */
    bool never_due;       /* nothing is sent a second time */
    bool reruns;          /* a new life finds what was handed over as if it had not been */
    bool drops_replies;   /* a reply is called stored, and is not there */
    bool drops_reasons;   /* a dead message has no reason */
    bool stores_nothing;  /* a message is called stored, and is not there */
};
struct mem_spool_bugs *mem_spool_bugs(struct mem_spool *s);

/* For assertions: what is committed. NULL when there is none. */
const struct sc_record *mem_spool_out(const struct mem_spool *s, const struct sc_id *id);
const struct sc_record *mem_spool_in(const struct mem_spool *s, const struct sc_id *id);
/* Was the outgoing row there for as long as it is kept? */
bool mem_spool_expired(const struct mem_spool *s, const struct sc_id *id);
/* When the outgoing row is due; INT64_MAX: never. */
int64_t mem_spool_due(const struct mem_spool *s, const struct sc_id *id);
/* Is something written and not yet committed? */
bool mem_spool_dirty(const struct mem_spool *s);
uint64_t mem_spool_writes(const struct mem_spool *s);

#endif
