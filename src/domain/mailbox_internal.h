/* mailbox_internal.h: shared by mailbox.c (turns), mailbox_lane.c (what runs next) and
 * mailbox_head.c (whether it may). */
#ifndef SIDECLAW_MAILBOX_INTERNAL_H
#define SIDECLAW_MAILBOX_INTERNAL_H

#include <sys/queue.h>

#include "sideclaw/backoff.h"
#include "sideclaw/mailbox.h"
#include "sideclaw/map.h"

/* One sender -> receiver pair. It exists while something of it waits or runs. */
struct lane {
    struct sc_mailbox *box;
    char *key;
    char *to_agent, *from_agent, *from_gateway;
    struct sc_message *running; /* NULL: no turn is running */
    enum sc_stage stage;        /* of what runs, so that each stage is told once */
    bool settling;              /* the end of a message is not committed yet */
    bool look_first;            /* until it is empty: the gateway may know one of its messages */
    bool given_back;            /* the gateway took the head and gave it back */
    struct sc_id last;          /* handed over; who follows it need not ask the spool */
    struct sc_id freed;         /* its sender says that it need not wait for the one before it */
    struct sc_timer *retry;     /* armed: wait before handing the head over again */
    struct sc_backoff backoff;
    bool dropped; /* empty; its memory goes at the end of the loop's turn */
    bool waiting; /* in the queue for one of max_turns */
    TAILQ_ENTRY(lane) queue;
};

struct sc_mailbox {
    struct sc_mailbox_deps d;
    struct sc_map *lanes;       /* key -> struct lane */
    struct sc_map *running;     /* message id -> struct lane */
    struct sc_map *turns;       /* agent -> int: its running turns */
    bool held;                  /* no turn begins */
    struct sc_timer *sweep;     /* armed while there are lanes: what waits here expires, too */
    TAILQ_HEAD(, lane) waiting; /* first come, first served, so that no busy lane starves another */
};

struct lane *mailbox_lane(struct sc_mailbox *m, const char *to, const char *from,
                          const char *from_gateway);
void mailbox_lane_free(void *lane);
/* Start the lane's next turn, if it has one and may. */
void mailbox_lane_next(struct lane *l);
/* One came that names the one before it. */
void mailbox_lane_came(struct lane *l);
/* Hand the head over again, but not before the backoff. */
void mailbox_lane_retry(struct lane *l);
/* Something of the lane ended in this turn: it goes on when that is on disk. When it is not, the
 * messages are where they were, and their end is found once more. */
void mailbox_lane_settle(struct lane *l);
/* The turn is over: others that wait for a free slot come first. */
void mailbox_lane_end(struct lane *l);
/* The timer behind `sweep`. */
void mailbox_sweep(void *mailbox);

/* --- mailbox_head.c --- */
/* The head of the lane, or SC_ENOENT. SC_EBUSY when it is not committed yet, or expired ones died
 * on the way: the lane goes on after the commit. */
int mailbox_head_take(struct lane *l, struct sc_record *head, struct sc_err *err);
/* Is one before it still under way? It may have been lost and come again, and it is first; or its
 * sender says in time that it will not come. */
bool mailbox_head_waits(const struct lane *l, const struct sc_message *m);
/* The sender's word on m, which is stored here, is newer than what was stored. */
void mailbox_head_hear(struct lane *l, const struct sc_message *m);
/* Only the agent's inbox is served: what is stored for it has arrived where it is read, up to the
 * first that waits for another. How many moved, and how many are left. */
int mailbox_head_rest(struct lane *l, size_t *ret_moved, size_t *ret_left);

#endif
