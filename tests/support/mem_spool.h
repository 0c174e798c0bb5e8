/* mem_spool.h: the spool port in memory: one transaction a turn, committed by the loop's hook, as
 * spool.h says and store/spool_sqlite.c does it. What is committed survives mem_spool_crash. */
#ifndef SIDECLAW_TESTS_MEM_SPOOL_H
#define SIDECLAW_TESTS_MEM_SPOOL_H

#include "sideclaw/loop.h"
#include "sideclaw/spool.h"

struct mem_spool;
struct mem_spool *mem_spool_new(struct sc_loop *loop);
void mem_spool_free(struct mem_spool *s);
struct sc_spool mem_spool_port(struct mem_spool *s);

/* The process died: uncommitted writes are gone, nobody is called back. Then a new life begins. */
void mem_spool_crash(struct mem_spool *s);
void mem_spool_attach(struct mem_spool *s, struct sc_loop *loop);

/* Faults. A write that fails dooms its turn, as in SQLite: nothing of it is committed. */
struct mem_spool_faults {
    unsigned fail_write;   /* n: the nth write from now fails with SC_EIO; 0: none */
    bool writes_fail;      /* every write fails until this is unset (a full disk) */
    unsigned fail_commits; /* so many commits fail */
    size_t max_messages;   /* more are SC_EFULL; 0: no bound */
};
struct mem_spool_faults *mem_spool_faults(struct mem_spool *s);

/* For assertions: what is committed. NULL when there is none. */
const struct sc_record *mem_spool_out(const struct mem_spool *s, const struct sc_id *id);
const struct sc_record *mem_spool_in(const struct mem_spool *s, const struct sc_id *id);
/* When the outgoing row is due; INT64_MAX: never. */
int64_t mem_spool_due(const struct mem_spool *s, const struct sc_id *id);
/* Is something written and not yet committed? */
bool mem_spool_dirty(const struct mem_spool *s);
uint64_t mem_spool_writes(const struct mem_spool *s);

#endif
