/* spool_sqlite.h: the spool port on SQLite: WAL, rowid tables, one transaction per loop turn. */
#ifndef SIDECLAW_SPOOL_SQLITE_H
#define SIDECLAW_SPOOL_SQLITE_H

#include <stdbool.h>
#include <stdint.h>

#include "sideclaw/err.h"
#include "sideclaw/log.h"
#include "sideclaw/loop.h"
#include "sideclaw/memory_store.h"
#include "sideclaw/spool.h"

/* All borrowed. */
struct sc_spool_sqlite_deps {
    struct sc_loop *loop; /* its turn hook commits */
    struct sc_log *log;
    const char *path; /* <state_dir>/spool.db */
    bool full_sync;   /* PRAGMA synchronous=FULL, else NORMAL */
    int64_t max_bytes, max_messages;
    int64_t max_outgoing, max_waiting; /* per agent, see set_queues; 0: no bound */
    /* A write was refused (no room, a sick disk), and why; NULL: it works again. May be NULL. */
    void (*health)(void *ctx, const struct sc_err *err);
    void *ctx;
};

struct sc_spool_sqlite;
/* Opens or creates; migrates older schemas. Refuses, with the remedy, a file that is corrupt,
 * read-only, locked by another sidecar or written by a newer version: never replaces it. */
struct sc_spool_sqlite *sc_spool_sqlite_new(const struct sc_spool_sqlite_deps *deps,
                                            struct sc_err *err);
struct sc_spool sc_spool_sqlite_port(struct sc_spool_sqlite *s);
/* The agents' memory, in the same file and the same transactions. */
struct sc_memory_store sc_spool_sqlite_memory(struct sc_spool_sqlite *s);
/* How many messages of one agent may be under way and not yet stored by their receivers, and how
 * many may wait for one agent here. */
void sc_spool_sqlite_set_queues(struct sc_spool_sqlite *s, int64_t max_outgoing,
                                int64_t max_waiting);
/* Commit what is open, run the callbacks. The turn hook calls it; so does shutdown. */
void sc_spool_sqlite_commit(struct sc_spool_sqlite *s);
void sc_spool_sqlite_free(struct sc_spool_sqlite *s);

#endif
