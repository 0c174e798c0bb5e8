/* redis_internal.h: shared by redis_transport.c (both links, sending, receiving) and
 * redis_streams.c (what waits in the agents' streams, and what is done with). */
#ifndef SIDECLAW_REDIS_INTERNAL_H
#define SIDECLAW_REDIS_INTERNAL_H

#include <sys/queue.h>

#include "redis_link.h"
#include "sideclaw/map.h"
#include "sideclaw/redis_data.h"
#include "sideclaw/redis_transport.h"

enum { SC_REDIS_SHA_SIZE = 41 };

struct sc_redis {
    struct sc_redis_deps d;
    struct sc_redis_url url;
    char *prefix, *self_name;
    char *channel;  /* ours */
    char *rejected; /* stream for what names no agent of ours */
    char *probe;    /* a key that never exists */
    char *command_name, *subscribe_name;
    struct sc_redis_tls *tls; /* NULL: plain */
    struct sc_transport t;
    struct sc_redis_link *commands, *subscribe;
    struct sc_redis_step steps[2];
    bool commands_ready, subscribe_ready;
    bool closed; /* the transport's close was called */
    bool mute;   /* being freed: nobody is left to be told */
    char sha[SC_REDIS_SHA_SIZE];
    size_t sends, send_bytes;               /* without an answer */
    struct sc_err why;                      /* what `link` said last; code SC_OK while up */
    LIST_HEAD(, sc_redis_watcher) watchers; /* redis_data.c */
    /* redis_watch.c */
    struct sc_timer *watch;
    struct sc_redis_find *find;
    /* redis_trim.c */
    struct sc_map *trims; /* agent -> struct trim: streams written to and not yet seen empty */
    struct sc_timer *trim_timer;
    uint64_t trimmed_age, trimmed_length;
    /* redis_streams.c */
    struct sc_map *streams;     /* agent -> struct stream */
    struct sc_timer *redrain;   /* entries whose publish was lost */
    unsigned epoch;             /* of the connection: answers of an older one are void */
    unsigned reading;           /* XRANGEs without an answer */
    TAILQ_HEAD(, stream) queue; /* streams with more to read, the next one first */
    size_t unsettled;           /* entries reported and not settled, over all streams */
    bool flush_queued;
};

/* --- redis_transport.c --- */
/* One envelope from the channel (agent NULL) or from an agent's stream (entry is its id there).
 * SC_OK when it was reported, is in flight or is put aside; the caller has nothing left to do. */
void sc_redis_accept(struct sc_redis *r, const char *json, size_t n, const char *agent,
                     const char *entry);
/* Copy what nobody can read to where its author can see it, and delete the entry it came from. */
void sc_redis_reject(struct sc_redis *r, const char *agent, const char *entry, const char *value,
                     size_t n, const char *reason);

/* --- redis_data.c --- */
void sc_redis_data_tell(struct sc_redis *r, bool ready);

/* --- redis_watch.c: nothing to do without Sentinel --- */
void sc_redis_watch_start(struct sc_redis *r);
void sc_redis_watch_stop(struct sc_redis *r);
/* One link went: the other one, when it is ready, must not stay behind on another server. */
void sc_redis_part(struct sc_redis *r, struct sc_redis_link *other, bool ready,
                   const struct sc_err *why);

/* --- redis_send.c --- */
extern const char sc_redis_send_script[];
int sc_redis_send(void *impl, const struct sc_message *m, sc_transport_done_fn *done, void *ctx,
                  struct sc_err *err);
void sc_redis_receipts(void *impl, const struct sc_receipts *rc);
/* Queue a command whose answer does not matter. */
void sc_redis_tell(struct sc_redis *r, int argc, const char **argv, const size_t *argvlen);
/* <prefix>:inbox:<gateway>; the caller's. */
char *sc_redis_channel(const struct sc_redis *r, const char *gateway);

/* --- redis_trim.c --- */
void sc_redis_trim_init(struct sc_redis *r);
void sc_redis_trim_fini(struct sc_redis *r);
/* An entry is on its way to the agent's stream. */
void sc_redis_trim_note(struct sc_redis *r, const char *agent);

/* --- redis_streams.c --- */
void sc_redis_streams_init(struct sc_redis *r);
void sc_redis_streams_fini(struct sc_redis *r);
void sc_redis_streams_up(struct sc_redis *r);
void sc_redis_streams_down(struct sc_redis *r);
void sc_redis_serve(void *impl, const char *const *agents, size_t n);
void sc_redis_settle(void *impl, const struct sc_entry *e);
/* Note that an entry of an agent's stream is on its way to the spool; false when it was already. */
bool sc_redis_in_flight(struct sc_redis *r, const char *agent, const char *entry);
bool sc_redis_serves(const struct sc_redis *r, const char *agent);
/* <prefix>:agents:<agent>:<what>; the caller's. */
char *sc_redis_agent_key(const struct sc_redis *r, const char *agent, const char *what);
/* "<ms>-<seq>", nothing else: an id that Redis refuses would spoil a whole XDEL. */
bool sc_redis_entry_parse(const char *entry, uint64_t *ret_ms, uint64_t *ret_seq);

#endif
