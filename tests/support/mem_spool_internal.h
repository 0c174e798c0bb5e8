/* mem_spool_internal.h: rows and the undo journal, shared by the fake spool's files. */
#ifndef SIDECLAW_TESTS_MEM_SPOOL_INTERNAL_H
#define SIDECLAW_TESTS_MEM_SPOOL_INTERNAL_H

#include "sideclaw/map.h"
#include "support/mem_spool.h"

/* What a write may change; the message itself never does. */
struct mem_state {
    enum sc_stage stage;
    unsigned attempts;
    bool acked, settled;
    bool gone;      /* expired; an inbox id is remembered all the same */
    bool forgotten; /* and that, too */
    bool listed, ambiguous;
    struct sc_id retry_of, retried_as;
    sc_wall revived;
    sc_wall times[SC_STAGES];
    int64_t due, settled_ms, gone_ms;
    uint64_t place; /* in lists of the inbox */
    char reason[SC_REASON_MAX];
};

struct mem_row {
    struct sc_record rec; /* msg and incoming; the rest is filled in for readers */
    struct mem_state st;
    bool fresh; /* not committed yet */
};

struct mem_table {
    struct mem_row **v; /* in order of insertion */
    size_t n, cap;
    size_t settled; /* so many of the first ones are: the others are worth a look */
    struct sc_map *by_id;
};

struct mem_undo {
    struct mem_row *row;
    struct mem_state before;
    bool inserted;
    bool addressed;
    char *address; /* then: the row's, before */
    uint64_t *seq; /* else: a lane's counter, and what it was */
    uint64_t seq_before;
};

struct mem_callback {
    sc_commit_fn *fn;
    void *ctx;
};
struct mem_callbacks {
    struct mem_callback *v;
    size_t n, cap;
};

struct mem_spool {
    struct sc_loop *loop;
    struct sc_turn_hook hook;
    struct sc_timer *wake;
    struct fuse *fuse;
    struct mem_spool_spy spy;
    struct mem_spool_bugs bugs;
    struct mem_table out, in;
    struct sc_map *seqs; /* "from\x1fto" -> uint64_t */
    struct mem_undo *undo;
    size_t n_undo, cap_undo;
    bool keeps_undo; /* of the latest commit, which a crash will take along */
    bool waits;      /* what nobody waits for waits for the timer */
    int64_t lazy_ms; /* how long */
    struct sc_err failed;
    struct mem_callbacks waiting, running;
    struct mem_spool_faults faults;
    uint64_t writes, commits;
    uint64_t places;
};

/* The first row that may be unsettled. */
size_t mem_first_open(struct mem_table *t);
struct mem_row *mem_find(const struct mem_table *t, const struct sc_id *id);
/* What readers see of a row. */
const struct sc_record *mem_view(struct mem_row *row);
void mem_copy(struct mem_row *row, struct sc_record *ret);

void mem_row_free(struct mem_row *row);

/* --- mem_spool_commit.c --- */
struct mem_undo *mem_journal(struct mem_spool *s);
void mem_after_commit(void *impl, sc_commit_fn *fn, void *ctx);
/* Before a change; fails as the fault says, or as the turn's first failure did. */
int mem_begin(struct mem_spool *s, struct sc_err *err);
void mem_change(struct mem_spool *s, struct mem_row *row);
struct mem_row *mem_insert(struct mem_spool *s, struct mem_table *t, const struct sc_message *m);
void mem_change_address(struct mem_spool *s, struct mem_row *row, const char *gateway);
void mem_change_seq(struct mem_spool *s, uint64_t *seq);
int mem_room(const struct mem_spool *s, struct sc_err *err);
void mem_move(struct mem_row *row, enum sc_stage stage, sc_wall at, const char *reason);

/* mem_spool_out.c, mem_spool_in.c */
int mem_out_put(void *impl, struct sc_message *m, sc_wall now, sc_wall next, struct sc_err *err);
int mem_out_advance(void *impl, const struct sc_id *id, enum sc_stage stage, sc_wall at,
                    const char *reason, struct sc_moved *ret_moved, struct sc_err *err);
int mem_out_stage(void *impl, const struct sc_id *id, enum sc_stage *ret_stage,
                  char ret_reason[SC_REASON_MAX], struct sc_err *err);
int mem_out_retry(void *impl, const struct sc_id *id, sc_wall next, const struct sc_attempt *a,
                  struct sc_err *err);
int mem_out_note(void *impl, const struct sc_id *id, const struct sc_attempt *a,
                 struct sc_err *err);
int mem_out_defer(void *impl, const struct sc_id *id, sc_wall next, struct sc_err *err);
int mem_out_address(void *impl, const struct sc_id *id, const char *gateway, struct sc_err *err);
int mem_out_due(void *impl, sc_wall now, int limit, sc_record_fn *fn, void *ctx,
                struct sc_err *err);
int mem_out_hurry(void *impl, const char *gateway, sc_wall now, struct sc_err *err);
int mem_out_next_due(void *impl, sc_wall *ret, struct sc_err *err);
int mem_out_leaders(void *impl, sc_record_fn *fn, void *ctx, struct sc_err *err);
int mem_out_list(void *impl, bool all, int limit, sc_record_fn *fn, void *ctx, struct sc_err *err);
int mem_in_put(void *impl, const struct sc_message *m, sc_wall now, enum sc_stage *stage,
               char ret_reason[SC_REASON_MAX], struct sc_err *err);
int mem_in_refuse(void *impl, const struct sc_id *id, sc_wall at, const char *reason,
                  struct sc_err *err);
int mem_in_stage(void *impl, const struct sc_id *id, enum sc_stage *ret_stage,
                 char ret_reason[SC_REASON_MAX], struct sc_err *err);
int mem_in_advance(void *impl, const struct sc_id *id, enum sc_stage stage, sc_wall at,
                   const char *reason, struct sc_err *err);
int mem_in_head(void *impl, const char *to_agent, const char *from_agent, const char *from_gateway,
                struct sc_record *ret, struct sc_err *err);
int mem_in_lanes(void *impl, sc_lane_fn *fn, void *ctx, struct sc_err *err);
int mem_in_list(void *impl, const char *agent, enum sc_list what, int limit, sc_record_fn *fn,
                void *ctx, struct sc_err *err);
int mem_in_rest(void *impl, const char *to_agent, const char *from_agent, const char *from_gateway,
                sc_record_fn *fn, void *ctx, struct sc_err *err);
int mem_in_last(void *impl, const struct sc_id *id, struct sc_err *err);
int mem_in_ack(void *impl, const char *agent, const struct sc_id *id, sc_wall at,
               struct sc_err *err);
int mem_in_reply_to(void *impl, const struct sc_id *id, struct sc_record *ret, struct sc_err *err);
/* mem_spool_dead.c */
int mem_out_reply_to(void *impl, const struct sc_id *id, struct sc_record *ret, struct sc_err *err);
int mem_dead_list(void *impl, const struct sc_dead_query *q, sc_record_fn *fn, void *ctx,
                  struct sc_err *err);
int mem_dead_drop(void *impl, const struct sc_id *id, bool incoming, struct sc_err *err);
int mem_out_revive(void *impl, const struct sc_message *m, sc_wall at, sc_wall next,
                   struct sc_err *err);
int mem_out_retried(void *impl, const struct sc_id *id, const struct sc_id *as, struct sc_err *err);
int mem_in_revive(void *impl, const struct sc_id *id, sc_wall at, bool ran, struct sc_err *err);
/* The last `limit` rows that `want` accepts, oldest first. */
typedef bool mem_want_fn(const struct mem_row *row, const char *agent, bool all);
int mem_list(struct mem_table *t, mem_want_fn *want, const char *agent, bool all, int limit,
             sc_record_fn *fn, void *ctx);

#endif
