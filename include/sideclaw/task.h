/* task.h: a piece of work that whoever is fit takes from the mesh's queue (ADR 0017). Plain values;
 * JSON is wire/task_json.h. */
#ifndef SIDECLAW_TASK_H
#define SIDECLAW_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sideclaw/clock.h"
#include "sideclaw/err.h"

enum sc_task_state {
    SC_TASK_QUEUED,    /* may be taken now */
    SC_TASK_WAITING,   /* for its time: delayed, or between two attempts */
    SC_TASK_RUNNING,   /* somebody has a lease on it */
    SC_TASK_DONE,      /* its result is there */
    SC_TASK_DEAD,      /* given up; `reason` says why */
    SC_TASK_CANCELLED, /* called off by a person */
    SC_TASK_STATES
};
const char *sc_task_state_name(enum sc_task_state s);
/* False when the word is none. */
bool sc_task_state_parse(const char *word, enum sc_task_state *ret);
static inline bool sc_task_is_open(enum sc_task_state s)
{
    return s <= SC_TASK_RUNNING;
}

enum {
    SC_TASK_PRIORITY_MAX = 9,
    SC_TASK_PRIORITY = 5,
    SC_TASK_ATTEMPTS = 3,
    SC_TASK_LEASE_MS = 60 * 1000,
    SC_TASK_BACKOFF_MS = 5 * 1000
};

/* Strings are owned and NULL where absent. */
struct sc_task {
    char *id;
    char *body;
    char *from; /* the agent or person that pushed it */
    char *home; /* the gateway whose spool has it until it is over; NULL: only Redis has it */
    char *agent, *capability, *group; /* whom it is for; at most one, none: for anybody */
    int priority;                     /* 0 to 9, the highest first */
    unsigned max_attempts;
    int64_t lease_ms, backoff_ms; /* the latter before the second attempt, then doubling */
    int64_t timeout_ms;           /* from `created` to its end, whatever happens; 0: none */
    int64_t delay_ms;             /* before the first attempt */
    sc_wall created;
    /* what became of it */
    enum sc_task_state state;
    unsigned attempts;
    unsigned lives; /* how often a person revived it */
    uint64_t fence; /* of its latest lease; 0: never taken */
    sc_wall until;  /* the end of the lease, or of the wait */
    char *holder, *holder_gateway;
    sc_wall finished;
    char *result, *reason;
    bool confirmed; /* its end is on its home's disk */
};
/* With the defaults above. */
void sc_task_init(struct sc_task *t);
void sc_task_fini(struct sc_task *t);
#define sc_auto_task __attribute__((cleanup(sc_task_fini)))
void sc_task_copy(struct sc_task *dst, const struct sc_task *src); /* dst is not initialised */

/* sc_task_check: sizes and names of what its author chose, against limits.h; names the field. */
int sc_task_check(const struct sc_task *t, struct sc_err *err) SC_MUST_CHECK;

/* A lease's fencing id as its holder knows it: "1763719000123456@gw-1", the gateway being the home.
 */
enum { SC_FENCE_TEXT_SIZE = 160 };
void sc_fence_format(uint64_t fence, const char *home, char ret[SC_FENCE_TEXT_SIZE]);
/* ret_home: into the text behind the '@'; NULL when there is none. */
int sc_fence_parse(const char *text, uint64_t *ret, const char **ret_home,
                   struct sc_err *err) SC_MUST_CHECK;

#endif
