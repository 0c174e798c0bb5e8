/* memory_store.h: the two places of the agents' memory, as ports: our own copy on disk
 * (store/spool_memory.c), which takes part in the spool's transactions, and the shared one in Redis
 * (store/redis_memory.c). Which of two writes counts is decided by their stamps alone. */
#ifndef SIDECLAW_MEMORY_STORE_H
#define SIDECLAW_MEMORY_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sideclaw/buf.h"
#include "sideclaw/clock.h"
#include "sideclaw/err.h"
#include "sideclaw/hlc.h"

/* One key of one agent as it was last written; what it points to is borrowed. */
struct sc_memory_entry {
    const char *agent, *key;
    struct sc_stamp stamp; /* hlc 0: nobody has written it */
    bool deleted;          /* a tombstone: no value, but its stamp still counts */
    bool dirty;            /* of our copy: Redis is not known to have it */
    sc_wall expires;       /* ms 0: never */
    const char *value;     /* NULL when deleted, or not asked for */
    size_t n;              /* bytes of it, also when it was not asked for */
};
/* Return false to stop. */
typedef bool sc_memory_fn(void *ctx, const struct sc_memory_entry *e);

/* What one agent has here. */
struct sc_memory_usage {
    int64_t keys, bytes; /* that have a value; bytes of keys and values */
    int64_t dead;        /* tombstones */
};
struct sc_memory_totals {
    int64_t agents, keys, bytes, dead, dirty;
};

/* Which rows: of an agent, in the order of their keys' bytes. */
struct sc_memory_query {
    const char *agent;
    const char *prefix; /* of the key; NULL: all */
    const char *after;  /* only keys behind this one; NULL: from the start */
    bool dead;          /* tombstones, too */
    bool values;        /* fill in `value` */
    int limit;
};

/* Synchronous; writes join the turn's transaction (spool.h). */
struct sc_memory_store_ops {
    /* SC_ENOENT when there is no row; with `value` (may be NULL) its bytes are put there. */
    int (*get)(void *impl, const char *agent, const char *key, struct sc_memory_entry *ret,
               struct sc_buf *value, struct sc_err *err);
    int (*put)(void *impl, const struct sc_memory_entry *e, struct sc_err *err);
    /* Redis has this write of it, or (dirty) has lost it; nothing happens when it is not the last
     * one any more. */
    int (*mark)(void *impl, const struct sc_memory_entry *e, bool dirty, struct sc_err *err);
    int (*list)(void *impl, const struct sc_memory_query *q, sc_memory_fn *fn, void *ctx,
                struct sc_err *err);
    /* Dirty rows with their values, those of one agent together. */
    int (*dirty)(void *impl, int limit, sc_memory_fn *fn, void *ctx, struct sc_err *err);
    /* Every agent that has a row here. */
    int (*agents)(void *impl, void (*fn)(void *ctx, const char *agent), void *ctx,
                  struct sc_err *err);
    int (*usage)(void *impl, const char *agent, struct sc_memory_usage *ret, struct sc_err *err);
    int (*totals)(void *impl, struct sc_memory_totals *ret, struct sc_err *err);
    /* The latest stamp that is not behind `before`: where a new life's clock begins. */
    int (*latest)(void *impl, uint64_t before, uint64_t *ret, struct sc_err *err);
    /* What expired until now becomes a tombstone; tombstones that Redis has and that are older than
     * `horizon` go. Some hundred rows a call. */
    int (*sweep)(void *impl, sc_wall now, sc_wall horizon, struct sc_err *err);
};
struct sc_memory_store {
    const struct sc_memory_store_ops *ops;
    void *impl;
};

/* What Redis says to an entry that it was given, or that it was asked about. */
enum sc_memory_verdict {
    SC_MEMORY_SAME,    /* it has the very same write, or nobody has any */
    SC_MEMORY_TAKEN,   /* it has ours now */
    SC_MEMORY_THEIRS,  /* it has a later one: the entry of the answer, with its value */
    SC_MEMORY_WANTED,  /* it has none, or an earlier one */
    SC_MEMORY_AHEAD,   /* ours is too far in the future for it */
    SC_MEMORY_STRANGE, /* another program wrote what is no value: too long, or no string */
    SC_MEMORY_LATER    /* too much at once: ask again */
};
struct sc_memory_answer {
    enum sc_memory_verdict verdict;
    struct sc_memory_entry entry; /* its key always */
};
/* err NULL: one answer for each entry, in their order. Borrowed for the call. */
typedef void sc_memory_answers_fn(void *ctx, const struct sc_memory_answer *a, size_t n,
                                  const struct sc_err *err);
/* Keys found; `cursor` asks for the next page, "0" was the last one. */
typedef void sc_memory_page_fn(void *ctx, const struct sc_memory_entry *e, size_t n,
                               const char *cursor, const struct sc_err *err);
/* Changes since the last time; `lost`: that may not be all of them, everything must be compared. */
typedef void sc_memory_changes_fn(void *ctx, const struct sc_memory_entry *e, size_t n, bool lost,
                                  bool more, const struct sc_err *err);

/* What a call gives to Redis. */
struct sc_memory_batch {
    const char *agent;
    const struct sc_memory_entry *entries;
    size_t n;        /* at most SC_MEMORY_BATCH_MAX */
    bool give;       /* write them where they are later; else only compare the stamps */
    uint64_t seen;   /* what another program wrote meanwhile gets this stamp, or a later one */
    sc_wall horizon; /* tombstones before this may be forgotten */
};

/* Asynchronous (loop.h): after 0 the completion runs once, with err when the link went. */
struct sc_memory_remote_ops {
    bool (*is_up)(const void *impl);
    int (*exchange)(void *impl, const struct sc_memory_batch *b, sc_memory_answers_fn *done,
                    void *ctx, struct sc_err *err);
    /* Every key of an agent that has a stamp; without values. cursor "0" begins. */
    int (*stamps)(void *impl, const char *agent, const char *cursor, sc_memory_page_fn *done,
                  void *ctx, struct sc_err *err);
    /* Every key of every agent that has a value, also those only other programs have written. */
    int (*keys)(void *impl, const char *cursor, sc_memory_page_fn *done, void *ctx,
                struct sc_err *err);
    int (*changes)(void *impl, sc_memory_changes_fn *done, void *ctx, struct sc_err *err);
};
struct sc_memory_remote {
    const struct sc_memory_remote_ops *ops; /* NULL: there is none */
    void *impl;
};

#endif
