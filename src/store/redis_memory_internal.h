/* What the files of the memory in Redis share: one connection's state, and one call. */
#ifndef SIDECLAW_STORE_REDIS_MEMORY_INTERNAL_H
#define SIDECLAW_STORE_REDIS_MEMORY_INTERNAL_H

#include "redis_link.h"
#include "sideclaw/limits.h"
#include "sideclaw/memory_clock.h"
#include "sideclaw/redis_memory.h"

enum {
    RMEM_HEAD = 8,      /* ARGV of the exchange before its entries */
    RMEM_PER_ENTRY = 3, /* and for each */
    RMEM_NUMBER_SIZE = 24,
    RMEM_SHA_SIZE = 41
};

enum rmem_script { SCRIPT_EXCHANGE, SCRIPT_CHANGES, SCRIPTS };

struct sc_redis_memory {
    struct sc_redis_memory_deps d;
    struct sc_redis_watcher watcher;
    char sha[SCRIPTS][RMEM_SHA_SIZE];
    char *log_key, *life_key, *value_prefix; /* <prefix>:agents: */
    char life[40], last[48];                 /* of the changes */
    unsigned loading;                        /* scripts whose answer is owed */
    bool up, closed;
};

enum rmem_what { CALL_EXCHANGE, CALL_STAMPS, CALL_KEYS, CALL_CHANGES };

/* One call; what the entries' texts are is copied, for the answer names them. */
struct rmem_call {
    struct sc_redis_memory *r;
    enum rmem_what what;
    union {
        sc_memory_answers_fn *answers;
        sc_memory_page_fn *page;
        sc_memory_changes_fn *changes;
    } done;
    void *ctx;
    char *agent;
    struct sc_buf keys; /* one after the other, with their NULs */
    size_t n;
    struct sc_memory_answer answers[]; /* n of an exchange */
};

struct rmem_arguments {
    const char *argv[3 + 2 + RMEM_HEAD + RMEM_PER_ENTRY * SC_MEMORY_BATCH_MAX];
    size_t lens[3 + 2 + RMEM_HEAD + RMEM_PER_ENTRY * SC_MEMORY_BATCH_MAX];
    int n;
    char clocks[SC_MEMORY_BATCH_MAX][SC_MEMORY_CLOCK_SIZE];
};

/* done is set by the caller; the agent's name is copied. */
struct rmem_call *rmem_call_new(struct sc_redis_memory *r, enum rmem_what what, const char *agent,
                                size_t n, void *ctx);
void rmem_call_free(struct rmem_call *c);
/* SC_EAWAY and the like end the call, whose done is not run then. */
int rmem_start(struct rmem_call *take_call,
               void (*fn)(void *ctx, const struct sc_redis_reply *reply), struct rmem_arguments *a,
               struct sc_err *err);
/* True when the reply is none: the call's done has been told then. */
bool rmem_reply_failed(struct rmem_call *c, const struct sc_redis_reply *reply);

/* Borrowed until the command is written. */
void rmem_add(struct rmem_arguments *a, const char *text);
void rmem_add_bytes(struct rmem_arguments *a, const char *p, size_t n);
/* "<prefix>:agents:<agent>:<what>"; the caller frees it. */
char *rmem_agent_key(const struct sc_redis_memory *r, const char *agent, const char *what);
void rmem_read_clock(struct sc_memory_entry *e, const struct sc_memory_clock *c);

/* The scripts (redis_memory_*.lua). */
extern const char sc_redis_memory_exchange[], sc_redis_memory_changes[];

/* The port's operations (memory_store.h). */
int rmem_exchange(void *impl, const struct sc_memory_batch *b, sc_memory_answers_fn *done,
                  void *ctx, struct sc_err *err);
int rmem_stamps(void *impl, const char *agent, const char *cursor, sc_memory_page_fn *done,
                void *ctx, struct sc_err *err);
int rmem_keys(void *impl, const char *cursor, sc_memory_page_fn *done, void *ctx,
              struct sc_err *err);
int rmem_changes(void *impl, sc_memory_changes_fn *done, void *ctx, struct sc_err *err);

#endif
