/* spool_internal.h: shared by the spool's files; each has one job (see README.md). */
#ifndef SIDECLAW_SPOOL_INTERNAL_H
#define SIDECLAW_SPOOL_INTERNAL_H

#include <sqlite3.h>
#include <sys/queue.h>

#include "sideclaw/buf.h"
#include "sideclaw/map.h"
#include "sideclaw/spool_sqlite.h"

/* Every statement of the spool, prepared once when it opens; the SQL stands beside in
 * spool_schema.c. */
enum spool_stmt {
    ST_BEGIN,
    ST_COMMIT,
    ST_ROLLBACK,
    ST_SEQ_GET,
    ST_SEQ_PUT,
    ST_OUT_PUT,
    ST_OUT_PUT_ENVELOPE,
    ST_OUT_STATE,
    ST_OUT_ADVANCE,
    ST_OUT_ADVANCE_DUE,
    ST_OUT_SETTLE,
    ST_OUT_RESOLVE,
    ST_OUT_RETRY,
    ST_OUT_NOTE,
    ST_OUT_DEFER,
    ST_OUT_ADDRESS,
    ST_OUT_ADDRESS_ENVELOPE,
    ST_OUT_PARK,
    ST_OUT_DUE,
    ST_OUT_NEXT_DUE,
    ST_OUT_GATEWAYS,
    ST_OUT_LAST,
    ST_OUT_HURRIED,
    ST_OUT_OPEN,
    ST_OUT_LEADERS,
    ST_OUT_LATEST,
    ST_OUT_BY_N,
    ST_OUT_BY_ID,
    ST_OUT_REPLY_TO,
    ST_OUT_OLD,
    ST_OUT_DELETE,
    ST_OUT_DELETE_ENVELOPE,
    ST_IN_PUT,
    ST_IN_PUT_ENVELOPE,
    ST_IN_STATE,
    ST_IN_SEEN,
    ST_IN_ADVANCE,
    ST_IN_SETTLE,
    ST_IN_ACK,
    ST_IN_HEAD,
    ST_IN_LATER,
    ST_IN_LANES,
    ST_IN_UNREAD,
    ST_IN_DELIVERED,
    ST_IN_NEWEST,
    ST_IN_REST,
    ST_IN_LAST,
    ST_IN_LAST_ENVELOPE,
    ST_IN_LATEST,
    ST_IN_REPLY_TO,
    ST_IN_BY_N,
    ST_IN_BY_ID,
    ST_IN_OLD,
    ST_IN_REMEMBER,
    ST_IN_REFUSE,
    ST_IN_DELETE,
    ST_IN_DELETE_ENVELOPE,
    ST_SEEN_EXPIRE,
    ST_OUT_DEAD,
    ST_IN_DEAD,
    ST_OUT_LISTED,
    ST_IN_LISTED,
    ST_OUT_UNLIST,
    ST_IN_UNLIST,
    ST_OUT_RETRIED,
    ST_OUT_RETRY_OF,
    ST_IN_REVIVE,
    ST_TWIN_REVIVE,
    ST_OUT_REVIVE,
    ST_OUT_REVIVE_ENVELOPE,
    ST_MEMORY_META,
    ST_MEMORY_GET,
    ST_MEMORY_PUT,
    ST_MEMORY_MARK,
    ST_MEMORY_LIST,
    ST_MEMORY_DIRTY,
    ST_MEMORY_EXPIRED,
    ST_MEMORY_SPENT,
    ST_MEMORY_DROP,
    ST_MEMORY_USAGE,
    ST_MEMORY_LATEST,
    ST_PROBE,
    ST_OUT_QUEUES,
    ST_IN_QUEUES,
    ST_TOTALS,
    SPOOL_STMTS
};

/* What the bounds look at; exact at every moment, rolled back with the transaction. */
struct spool_totals {
    int64_t outbox_open, inbox_open; /* rows */
    int64_t messages, bytes;         /* everything kept, settled or not */
    int64_t dead[2], ambiguous[2];   /* dead letters: [0] outgoing, [1] incoming */
};

/* How many messages one agent has under way (outgoing), or waiting for it (incoming). */
struct spool_queue {
    char *agent;
    int64_t waiting, committed;
    bool touched; /* by the open transaction */
    bool full;    /* said so, and not yet that it has room again */
};

struct spool_callback {
    sc_commit_fn *fn;
    void *ctx;
};

/* Rows of one gateway that a hurry made due: n in (next, last]. A cursor in memory, because an
 * UPDATE of a million rows would stop the loop for seconds. */
struct spool_hurry {
    char *gateway; /* "" for messages whose gateway is not known yet */
    int64_t next, last;
};

struct sc_spool_sqlite {
    struct sc_loop *loop;
    struct sc_log *log;
    struct sc_clock clock; /* for how long a commit took */
    char *path;
    int64_t max_bytes, max_messages; /* 0: no bound */
    int64_t max_queue[2];            /* per agent: [0] outgoing, [1] incoming; 0: no bound */
    int lock_fd;
    sqlite3 *db;
    sqlite3_stmt *stmt[SPOOL_STMTS];
    struct sc_turn_hook hook;
    struct sc_timer
        *wake; /* armed while something waits for a commit: the turn that makes it comes */
    struct sc_timer *lazy;      /* armed while writes that nobody waits for are uncommitted */
    bool lazy_over;             /* it fired: this turn commits */
    struct sc_map *recent;      /* id -> struct recent, see spool_recent.c */
    TAILQ_HEAD(, recent) dirty; /* those of them with something to write, oldest first */
    struct sc_map *pairs;       /* sender and receiver -> struct pair, see spool_seq.c */
    TAILQ_HEAD(, pair) dirty_pairs;
    bool open;            /* a transaction is */
    int64_t in_fresh;     /* its first row of the inbox; 0: none */
    struct sc_err failed; /* code != SC_OK: this turn's writes are lost, until its end */
    struct spool_totals now, committed;
    struct sc_map *queues[2];     /* agent -> struct spool_queue */
    struct spool_queue **touched; /* of both, by the open transaction */
    size_t n_touched, cap_touched;
    int64_t full, agent_full, failed_commits;
    struct spool_health *health; /* spool_health.c */
    /* Two lists that change places: callbacks register the next turn's while this one's run. Both
     * grow to the busiest turn and stay. */
    struct spool_callbacks {
        struct spool_callback *v;
        size_t n, cap;
    } waiting, running;
    bool in_callbacks;
    bool hurried;          /* one of `waiting` wants this turn's commit */
    struct sc_map *memory; /* agent -> what it has, see spool_memory.c; NULL: not counted yet */
    struct spool_hurry *hurry;
    size_t n_hurry, cap_hurry;
    int64_t commits;
    struct sc_histogram commit_seconds;
};

/* --- spool_open.c --- */
/* One sidecar per spool: holds <path>.lock; the error names the process that has it. Returns the
 * descriptor. */
int sc_spool_lock(const char *path, struct sc_err *err);
void sc_spool_unlock(int fd);
/* Is it ours? *ret_version is that of the file; 0 for one that is new. */
int sc_spool_identify(struct sc_spool_sqlite *s, int *ret_version, struct sc_err *err);
int sc_spool_open_db(struct sc_spool_sqlite *s, bool full_sync, struct sc_err *err);

/* --- spool_wal.c --- */
/* Would SQLite pass over something that was committed? `path`: the spool's. */
int sc_spool_wal_check(const char *path, struct sc_err *err);

/* --- spool_schema.c --- */
int sc_spool_schema_version(void);
int sc_spool_migrate(struct sc_spool_sqlite *s, int from, struct sc_err *err);
int sc_spool_prepare(struct sc_spool_sqlite *s, struct sc_err *err);
/* The totals as the file has them. */
int sc_spool_count(struct sc_spool_sqlite *s, struct sc_err *err);

/* --- spool_db.c: SQLite's calls with our errors --- */
/* What SQLite says went wrong, with the remedy for the causes a person can do something about. */
int sc_spool_fail(struct sc_spool_sqlite *s, int rc, struct sc_err *err);
/* A read that failed: as sc_spool_fail, and the statement is reset. */
int sc_spool_read_failed(struct sc_spool_sqlite *s, sqlite3_stmt *st, struct sc_err *err);
/* Before a write: begin the turn's transaction, or fail as its first failed write did. */
int sc_spool_begin(struct sc_spool_sqlite *s, struct sc_err *err);
/* Run a write to its end. A failure dooms the turn: nothing of it may half exist. */
int sc_spool_write(struct sc_spool_sqlite *s, enum spool_stmt which, struct sc_err *err);
/* The same for a write that gave no row where one was to come. */
int sc_spool_write_failed(struct sc_spool_sqlite *s, sqlite3_stmt *st, struct sc_err *err);
/* Commit. On failure nothing of the turn exists, and s->failed says why. */
int sc_spool_end(struct sc_spool_sqlite *s, struct sc_err *err);
void sc_spool_bind_text(sqlite3_stmt *st, int i, const char *text); /* NULL becomes SQL NULL */
void sc_spool_bind_id(sqlite3_stmt *st, int i, const struct sc_id *id);
/* NULL reads as "", because a key that is NULL would match nothing. */
void sc_spool_bind_key(sqlite3_stmt *st, int i, const char *text);

/* --- spool_record.c: rows to records and back --- */
/* The state of one row, as the *_STATE statements select it. */
struct spool_state {
    int64_t n;
    sc_wall accepted; /* of the outbox; else 0 */
    enum sc_kind kind;
    enum sc_stage stage;
    bool settled;
    char reason[SC_REASON_MAX];
    struct spool_queue *queue; /* that it counts in; valid as long as it does */
};
/* SC_ENOENT when no row has the id. */
int sc_spool_state(struct sc_spool_sqlite *s, enum spool_stmt which, const struct sc_id *id,
                   struct spool_state *ret, struct sc_err *err);
/* The row of a *_BY_N or *_BY_ID statement that is bound; SC_ENOENT when there is none. */
int sc_spool_record(struct sc_spool_sqlite *s, enum spool_stmt which, struct sc_record *ret,
                    struct sc_err *err);
int sc_spool_record_by_n(struct sc_spool_sqlite *s, enum spool_stmt which, int64_t n,
                         struct sc_record *ret, struct sc_err *err);
/* Row numbers first, rows after: fn may write to the tables that the query reads. */
int sc_spool_visit(struct sc_spool_sqlite *s, enum spool_stmt query, enum spool_stmt by_n,
                   int limit, sc_record_fn *fn, void *ctx, struct sc_err *err);
/* The same for n row numbers that were collected; ret_done: how many were visited. SC_ECANCELED
 * when fn stopped it. */
int sc_spool_visit_rows(struct sc_spool_sqlite *s, enum spool_stmt by_n, const int64_t *rows,
                        size_t n, sc_record_fn *fn, void *ctx, size_t *ret_done);
/* Column 0 of every row of the bound query, at most max; closes the query. */
int sc_spool_rows(struct sc_spool_sqlite *s, enum spool_stmt query, int64_t *ret, size_t max,
                  size_t *ret_n, struct sc_err *err);
/* The text that is stored for m, appended. */
void sc_spool_envelope(const struct sc_message *m, struct sc_buf *out);
/* A row with its envelope: the state by `put` (bound already), its text by `put_envelope`. ret_n:
 * its number. */
int sc_spool_insert(struct sc_spool_sqlite *s, enum spool_stmt put, enum spool_stmt put_envelope,
                    const struct sc_buf *envelope, int64_t *ret_n, struct sc_err *err);
enum { SPOOL_VIA_SIZE = 16 }; /* a transport's name with its NUL */
/* What a row becomes; times that are 0 stay as they are. */
struct spool_move {
    int64_t n;
    enum sc_stage stage;
    int64_t times[SC_STAGES];
    int64_t due_ms;             /* of ST_OUT_ADVANCE_DUE */
    const char *reason;         /* of *_SETTLE */
    char via[SPOOL_VIA_SIZE];   /* of ST_OUT_*: the transport; "" keeps what is known */
    struct spool_queue *leaves; /* what it counts in no more; NULL: none */
};
/* One of the *_ADVANCE or *_SETTLE statements. */
int sc_spool_write_move(struct sc_spool_sqlite *s, enum spool_stmt which,
                        const struct spool_move *m, struct sc_err *err);

/* --- spool_recent.c: outgoing messages on their way, whose stages are written late --- */
void sc_spool_recent_init(struct sc_spool_sqlite *s);
void sc_spool_recent_fini(struct sc_spool_sqlite *s);
/* After a rollback: only the file is true. */
void sc_spool_recent_clear(struct sc_spool_sqlite *s);
/* Write what was gathered; whoever reads or changes the outbox by a statement calls this first. */
int sc_spool_recent_write(struct sc_spool_sqlite *s, struct sc_err *err);
/* An open row that is not known here yet. */
int sc_spool_recent_add(struct sc_spool_sqlite *s, const struct sc_id *id,
                        const struct spool_state *row, struct sc_err *err);
/* As sc_spool_state. */
int sc_spool_recent_state(struct sc_spool_sqlite *s, const struct sc_id *id,
                          struct spool_state *ret, struct sc_err *err);
/* The open row moved. */
int sc_spool_recent_note(struct sc_spool_sqlite *s, const struct sc_id *id,
                         const struct spool_state *row, const struct spool_move *m,
                         struct sc_err *err);
/* False when it is not here: an open row that is due at `next` is written by a statement. */
bool sc_spool_recent_defer(struct sc_spool_sqlite *s, const struct sc_id *id, sc_wall next);
/* It is written now, and what was gathered with it (added to m; NULL: that is written already). */
void sc_spool_recent_forget(struct sc_spool_sqlite *s, const struct sc_id *id,
                            struct spool_move *m);

/* --- spool_seq.c: the last sequence number of each pair --- */
void sc_spool_seq_init(struct sc_spool_sqlite *s);
void sc_spool_seq_fini(struct sc_spool_sqlite *s);
/* After a rollback. */
void sc_spool_seq_clear(struct sc_spool_sqlite *s);
/* The next number of m's pair, in the open transaction. */
int sc_spool_seq_next(struct sc_spool_sqlite *s, const struct sc_message *m, uint64_t *ret,
                      struct sc_err *err);
/* Before the commit. */
int sc_spool_seq_write(struct sc_spool_sqlite *s, struct sc_err *err);

/* --- spool_room.c: bounds and retention --- */
/* Make room for one more message: the oldest settled ones go first; SC_EFULL when all the rest
 * waits for something. */
int sc_spool_make_room(struct sc_spool_sqlite *s, size_t bytes, struct sc_err *err);
/* What could be dropped for new messages is room, too. */
bool sc_spool_has_room(const struct sc_spool_sqlite *s, size_t bytes);
int sc_spool_expire(void *impl, sc_wall now, int64_t retention_ms, struct sc_err *err);

/* --- spool_queue.c: one agent must not fill the spool for all --- */
int sc_spool_queues_load(struct sc_spool_sqlite *s, struct sc_err *err);
/* SC_EBUSY when the agent has its share. */
int sc_spool_queue_room(struct sc_spool_sqlite *s, bool incoming, const char *agent,
                        struct sc_err *err);
/* Made when there is none; it lives as long as it counts something, or the turn goes on. */
struct spool_queue *sc_spool_queue(struct sc_spool_sqlite *s, bool incoming, const char *agent);
void sc_spool_queue_add(struct sc_spool_sqlite *s, struct spool_queue *q, int delta);
/* The transaction ended. */
void sc_spool_queues_end(struct sc_spool_sqlite *s, bool committed);
void sc_spool_queues_free(struct sc_spool_sqlite *s);

/* --- spool_memory.c: what agents remember --- */
/* After a rollback: only the file is true. */
void sc_spool_memory_clear(struct sc_spool_sqlite *s);

/* --- spool_health.c: is there room, and does the disk take writes? --- */
struct spool_health *sc_spool_health_new(struct sc_spool_sqlite *s,
                                         void (*changed)(void *ctx, const struct sc_err *err),
                                         void *ctx);
void sc_spool_health_free(struct spool_health *h);
/* A write or a commit was refused for that reason; it is tried again now and then. */
void sc_spool_health_bad(struct spool_health *h, const struct sc_err *why);

/* --- spool_dead.c --- */
/* A late word on one that died ambiguous. */
int sc_spool_out_resolve(struct sc_spool_sqlite *s, const struct sc_id *id,
                         const struct spool_move *m, struct sc_err *err);
int sc_spool_dead_list(void *impl, const struct sc_dead_query *q, sc_record_fn *fn, void *ctx,
                       struct sc_err *err);
int sc_spool_dead_drop(void *impl, const struct sc_id *id, bool incoming, struct sc_err *err);
int sc_spool_out_revive(void *impl, const struct sc_message *m, sc_wall at, sc_wall next,
                        struct sc_err *err);
int sc_spool_out_retried(void *impl, const struct sc_id *id, const struct sc_id *as,
                         struct sc_err *err);
int sc_spool_in_revive(void *impl, const struct sc_id *id, sc_wall at, bool ran,
                       struct sc_err *err);

/* --- spool_hurry.c --- */
int sc_spool_hurry(void *impl, const char *gateway, sc_wall now, struct sc_err *err);
/* At most `limit` hurried rows. */
/* *ret_done: how many were visited; limit when fn has enough. */
int sc_spool_hurried(struct sc_spool_sqlite *s, size_t limit, sc_record_fn *fn, void *ctx,
                     size_t *ret_done, struct sc_err *err);
void sc_spool_hurry_clear(struct sc_spool_sqlite *s);

/* --- spool_out.c, spool_in.c: the port's operations --- */
int sc_spool_out_put(void *impl, struct sc_message *m, sc_wall now, sc_wall next,
                     struct sc_err *err);
int sc_spool_out_advance(void *impl, const struct sc_id *id, enum sc_stage stage, sc_wall at,
                         const char *note, struct sc_moved *ret_moved, struct sc_err *err);
int sc_spool_out_stage(void *impl, const struct sc_id *id, enum sc_stage *ret_stage,
                       char ret_reason[SC_REASON_MAX], struct sc_err *err);
int sc_spool_out_retry(void *impl, const struct sc_id *id, sc_wall next, const struct sc_attempt *a,
                       struct sc_err *err);
int sc_spool_out_note(void *impl, const struct sc_id *id, const struct sc_attempt *a,
                      struct sc_err *err);
int sc_spool_out_reply_to(void *impl, const struct sc_id *id, struct sc_record *ret,
                          struct sc_err *err);
int sc_spool_out_defer(void *impl, const struct sc_id *id, sc_wall next, struct sc_err *err);
int sc_spool_out_address(void *impl, const struct sc_id *id, const char *gateway,
                         struct sc_err *err);
int sc_spool_out_due(void *impl, sc_wall now, int limit, sc_record_fn *fn, void *ctx,
                     struct sc_err *err);
int sc_spool_out_next_due(void *impl, sc_wall *ret, struct sc_err *err);
int sc_spool_out_leaders(void *impl, sc_record_fn *fn, void *ctx, struct sc_err *err);
int sc_spool_out_list(void *impl, bool all, int limit, sc_record_fn *fn, void *ctx,
                      struct sc_err *err);
int sc_spool_in_put(void *impl, const struct sc_message *m, sc_wall now, enum sc_stage *stage,
                    char ret_reason[SC_REASON_MAX], struct sc_err *err);
int sc_spool_in_refuse(void *impl, const struct sc_id *id, sc_wall at, const char *reason,
                       struct sc_err *err);
int sc_spool_in_stage(void *impl, const struct sc_id *id, enum sc_stage *ret_stage,
                      char ret_reason[SC_REASON_MAX], struct sc_err *err);
int sc_spool_in_advance(void *impl, const struct sc_id *id, enum sc_stage stage, sc_wall at,
                        const char *reason, struct sc_err *err);
int sc_spool_in_head(void *impl, const char *to_agent, const char *from_agent,
                     const char *from_gateway, struct sc_record *ret, struct sc_err *err);
int sc_spool_in_lanes(void *impl, sc_lane_fn *fn, void *ctx, struct sc_err *err);
int sc_spool_in_list(void *impl, const char *agent, enum sc_list what, int limit, sc_record_fn *fn,
                     void *ctx, struct sc_err *err);
int sc_spool_in_rest(void *impl, const char *to_agent, const char *from_agent,
                     const char *from_gateway, sc_record_fn *fn, void *ctx, struct sc_err *err);
int sc_spool_in_last(void *impl, const struct sc_id *id, struct sc_err *err);
int sc_spool_in_ack(void *impl, const char *agent, const struct sc_id *id, sc_wall at,
                    struct sc_err *err);
int sc_spool_in_reply_to(void *impl, const struct sc_id *id, struct sc_record *ret,
                         struct sc_err *err);

#endif
