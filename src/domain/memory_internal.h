/* memory_internal.h: shared by memory.c (reading, writing, merging), memory_sync.c (what is
 * exchanged with Redis, and when), memory_walk.c (all of it), memory_batch.c, memory_look.c and
 * memory_rules.c. */
#ifndef SIDECLAW_MEMORY_INTERNAL_H
#define SIDECLAW_MEMORY_INTERNAL_H

#include <sys/queue.h>

#include "sideclaw/map.h"
#include "sideclaw/memory.h"

/* Several keys of one agent, copied. */
struct memory_batch {
    char *agent;
    struct sc_memory_entry entries[SC_MEMORY_BATCH_MAX];
    size_t n;
    size_t at[SC_MEMORY_BATCH_MAX][2]; /* of key and value in text */
    struct sc_buf text;
};

/* An agent whose memory is copied here. */
struct followed {
    char *agent;
    bool compared; /* with Redis, since it is there */
    bool queued;   /* for comparing */
};

/* Where comparing stands: our rows against Redis's stamps, then its stamps against our rows; after
 * the last agent, the values that only other programs know of. */
enum walk { WALK_NONE, WALK_OURS, WALK_THEIRS, WALK_VALUES, WALK_ENDS };

struct sc_memory {
    struct sc_memory_deps d;
    struct sc_hlc hlc;
    char *readable;
    struct sc_map *followed; /* agent -> struct followed */
    /* memory_sync.c */
    struct sc_map *queue;  /* agent -> struct followed: to be compared */
    struct sc_map *wanted; /* "agent key": Redis has something new */
    enum walk walk;
    char *walk_agent, *walk_cursor;
    struct sc_timer *poll, *scan, *sweep, *hold;
    bool busy;    /* one exchange at a time: messages go over the same link */
    bool polling; /* the changes were asked for */
    bool backlog; /* what waited for the link is not all there yet */
    bool written; /* on_written is registered for this turn's commit */
    bool closed;
    bool push_held;             /* until `hold` fires: Redis refuses our stamps */
    bool values_due;            /* those of other programs are to be looked for */
    struct memory_batch *batch; /* the exchange under way */
    /* memory_look.c */
    LIST_HEAD(, sc_memory_look) looks;
    size_t n_looks;
    struct sc_memory_stats stats;
};

/* --- memory.c --- */
/* Take over what Redis has when it is later than what we have. SC_EFULL when there is no room. */
int sc_memory_merge(struct sc_memory *m, const struct sc_memory_entry *theirs, struct sc_err *err);
sc_wall sc_memory_now(const struct sc_memory *m);
bool sc_memory_is_dead(const struct sc_memory *m, const struct sc_memory_entry *e);

/* --- memory_sync.c --- */
void sc_memory_written(struct sc_memory *m);
/* Something may be left to exchange. */
void sc_memory_kick(struct sc_memory *m);
/* Our disk, or Redis, does not do its part: try again in a moment. */
void sc_memory_hold(struct sc_memory *m);
/* Do what the answer says. */
void sc_memory_answer(struct sc_memory *m, const struct sc_memory_answer *a);
/* Somebody else's entry, of which only the stamp is known: do we lack it? */
void sc_memory_hear(struct sc_memory *m, const struct sc_memory_entry *e);
bool sc_memory_is_up(const struct sc_memory *m);
/* A batch with this agent's horizon, to compare. */
struct sc_memory_batch sc_memory_ask(struct sc_memory *m, const struct memory_batch *b);
/* Start an exchange, or hold; seen 0: now. True: something else may be done now or later. */
bool sc_memory_exchange(struct sc_memory *m, struct memory_batch *take_batch, bool give,
                        uint64_t seen);
/* Rows of one agent for an exchange: a sc_memory_fn whose ctx is this. */
struct memory_collecting {
    struct sc_memory *m;
    struct memory_batch *b;
    uint64_t first; /* the earliest stamp of the batch */
};
bool sc_memory_collect(void *collecting, const struct sc_memory_entry *e);
void sc_memory_sync_init(struct sc_memory *m);
void sc_memory_sync_fini(struct sc_memory *m);

/* --- memory_walk.c --- */
/* The agent's memory is copied here from now on; NULL when there are too many. */
struct followed *sc_memory_follow(struct sc_memory *m, const char *agent);
void sc_memory_follow_local(struct sc_memory *m);
void sc_memory_follow_stored(struct sc_memory *m);
void sc_memory_followed_free(void *followed);
void sc_memory_queue(struct sc_memory *m, const char *agent, struct followed *f);
/* Compare everything again. */
void sc_memory_compare_all(struct sc_memory *m);
/* The next step of the comparison; false: there is none. */
bool sc_memory_walk(struct sc_memory *m);
/* The link came or went: nothing is known of what Redis has. */
void sc_memory_forget_progress(struct sc_memory *m);

/* --- memory_batch.c --- */
struct memory_batch *sc_memory_batch_new(const char *agent);
void sc_memory_batch_free(struct memory_batch *b);
bool sc_memory_batch_full(const struct memory_batch *b);
void sc_memory_batch_add(struct memory_batch *b, const struct sc_memory_entry *e);
/* The entries' texts are where they stay; call it before they are used. */
void sc_memory_batch_seal(struct memory_batch *b);

/* --- memory_look.c --- */
/* The agent was compared with Redis (NULL: the link went). */
void sc_memory_looks_end(struct sc_memory *m, const char *agent);
void sc_memory_looks_free(struct sc_memory *m);

#endif
