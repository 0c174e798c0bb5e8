/* memory.h: what agents remember: keys with values, kept in our own copy and in Redis. A write is
 * done when our copy has it on disk, whether Redis is there or not; what changed on both sides is
 * merged when it is back, the later write winning (hlc.h). */
#ifndef SIDECLAW_MEMORY_H
#define SIDECLAW_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sideclaw/log.h"
#include "sideclaw/loop.h"
#include "sideclaw/memory_store.h"
#include "sideclaw/registry.h"
#include "sideclaw/spool.h"

struct sc_memory_limits {
    int64_t max_keys, max_bytes; /* of one agent, keys and values together */
    int64_t tombstone_ms;        /* how long a deletion is remembered */
    int64_t max_drift_ms;        /* how far ahead another clock is believed */
    int64_t scan_ms;             /* how often what other programs wrote is looked for */
};

/* All borrowed; must outlive the memory. */
struct sc_memory_deps {
    struct sc_loop *loop;
    struct sc_log *log;
    struct sc_clock clock;
    struct sc_spool spool; /* whose commits the writes are part of */
    struct sc_memory_store store;
    struct sc_memory_remote remote;
    const struct sc_registry *registry; /* whose agents' memory is always here */
    const char *self_name;
    struct sc_memory_limits limits;
    const char *readable; /* see sc_memory_set_readable */
};

struct sc_memory;
struct sc_memory *sc_memory_new(const struct sc_memory_deps *deps);
/* Calls of the remote must be over. NULL is fine. */
void sc_memory_free(struct sc_memory *m);

/* The remote came (compare everything) or went. */
void sc_memory_up(struct sc_memory *m);
void sc_memory_down(struct sc_memory *m);
void sc_memory_set_limits(struct sc_memory *m, const struct sc_memory_limits *limits);

/* --- memory_rules.c --- */
/* 1 to SC_MEMORY_KEY_MAX bytes of visible ASCII but for quotes and backslashes: it is part of a key
 * in Redis, of a URL and of a command line. */
int sc_memory_key_check(const char *key, struct sc_err *err) SC_MUST_CHECK;
/* "READER:OWNER" separated by commas or blanks; * is everybody. SC_EINVAL names the bad one. */
int sc_memory_readable_check(const char *rules, struct sc_err *err) SC_MUST_CHECK;
void sc_memory_set_readable(struct sc_memory *m, const char *rules);
/* reader NULL: the operator, who may. */
bool sc_memory_may_read(const struct sc_memory *m, const char *reader, const char *owner);

/* --- reading and writing: our copy --- */
/* Done when the spool has committed (spool.h). ttl_s 0: for ever. SC_EFULL over a quota,
 * SC_ETOOBIG, SC_EINVAL. */
int sc_memory_set(struct sc_memory *m, const struct sc_memory_entry *e, int64_t ttl_s,
                  struct sc_err *err) SC_MUST_CHECK;
/* ret_was: our copy had something to delete. is_fresh: Redis was asked just now; else it may have
 * what we do not, and a tombstone is written in any case. */
int sc_memory_delete(struct sc_memory *m, const char *agent, const char *key, bool is_fresh,
                     bool *ret_was, struct sc_err *err) SC_MUST_CHECK;
/* SC_ENOENT when it has no value. */
int sc_memory_get(struct sc_memory *m, const char *agent, const char *key,
                  struct sc_memory_entry *ret, struct sc_buf *value,
                  struct sc_err *err) SC_MUST_CHECK;
/* What has a value; q->dead is not heeded. */
int sc_memory_list(struct sc_memory *m, const struct sc_memory_query *q, sc_memory_fn *fn,
                   void *ctx, struct sc_err *err) SC_MUST_CHECK;

/* --- memory_look.c: Redis's word first --- */
/* What Redis is known to have when the word came. */
enum sc_memory_view {
    SC_MEMORY_FRESH,  /* our copy is as Redis has it */
    SC_MEMORY_COPY,   /* nobody knows: Redis is away or slow */
    SC_MEMORY_FOREIGN /* another program wrote there what is no value (STRANGE) */
};
typedef void sc_memory_look_fn(void *ctx, enum sc_memory_view view);
struct sc_memory_look;
/* sc_memory_look: ask Redis for a key (NULL: wait until all keys of the agent were compared once);
 * done runs once, from the loop, within a second. NULL: there is nothing to wait for, our copy is
 * all there is, or (*ret_fresh) is the same. */
struct sc_memory_look *sc_memory_look(struct sc_memory *m, const char *agent, const char *key,
                                      sc_memory_look_fn *done, void *ctx, bool *ret_fresh);
void sc_memory_look_cancel(struct sc_memory_look *l);

struct sc_memory_stats {
    struct sc_memory_totals totals;
    bool up, complete; /* linked; and everything was compared since */
    uint64_t written;  /* here */
    uint64_t merged;   /* later writes of others that were taken over */
    uint64_t lost;     /* writes of ours that a later one overtook before Redis had them */
    uint64_t too_full; /* keys of others that found no room here */
    uint64_t ahead;    /* writes that Redis refused, being in its future */
    uint64_t drift;    /* stamps of others too far in our future to follow them */
    bool is_ahead;     /* our clock is: what is written here stays here for now */
};
void sc_memory_stats(const struct sc_memory *m, struct sc_memory_stats *ret);

#endif
