/* redis_data.h: what is shared through Redis besides messages (memory, events, tasks) goes over the
 * transport's own link for commands: one log-in, one deadline, one Sentinel to follow. */
#ifndef SIDECLAW_REDIS_DATA_H
#define SIDECLAW_REDIS_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "sideclaw/err.h"

struct sc_redis;
struct sc_redis_reply; /* read with the functions of store/redis_link.h */

/* Told when Redis comes and goes; the caller's storage, linked while it watches. Neither callback
 * unwatches another watcher. */
struct sc_redis_watcher {
    void (*ready)(void *ctx);
    void (*lost)(void *ctx);
    void *ctx;
    LIST_ENTRY(sc_redis_watcher) link;
};
/* `ready` is not called for a link that is up already: ask sc_redis_data_is_up. */
void sc_redis_data_watch(struct sc_redis *r, struct sc_redis_watcher *w);
void sc_redis_data_unwatch(struct sc_redis_watcher *w);
bool sc_redis_data_is_up(const struct sc_redis *r);

/* sc_redis_data_command: queue a command. SC_EAWAY while Redis is away, SC_EBUSY while too many
 * answers are owed. After 0, fn (may be NULL) runs once; its reply is NULL when the connection went
 * first, so that nobody knows whether the command ran. Everything is copied; argvlen NULL: texts.
 */
int sc_redis_data_command(struct sc_redis *r,
                          void (*fn)(void *ctx, const struct sc_redis_reply *reply), void *ctx,
                          int argc, const char **argv, const size_t *argvlen) SC_MUST_CHECK;
/* <prefix>:<rest>; the caller's. */
char *sc_redis_data_key(const struct sc_redis *r, const char *rest);
/* An error reply as SC_EAWAY, SC_EPERM, ... with the remedy. */
void sc_redis_data_explain(const struct sc_redis *r, const struct sc_redis_reply *reply,
                           struct sc_err *ret);

#endif
