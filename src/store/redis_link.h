/* redis_link.h: one connection to Redis: logs in, keeps deadlines, comes back by itself. The only
 * place that knows hiredis; what it answers is read through the functions below. */
#ifndef SIDECLAW_REDIS_LINK_H
#define SIDECLAW_REDIS_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "redis_url.h"
#include "sideclaw/clock.h"
#include "sideclaw/err.h"
#include "sideclaw/log.h"
#include "sideclaw/loop.h"

/* --- replies: borrowed for the callback --- */
struct sc_redis_reply;
bool sc_redis_reply_is_error(const struct sc_redis_reply *r);
/* Of a string, status or error; NULL for others. ret_n may be NULL. */
const char *sc_redis_reply_str(const struct sc_redis_reply *r, size_t *ret_n);
int64_t sc_redis_reply_int(const struct sc_redis_reply *r);
/* Of an array; 0 and NULL for others. */
size_t sc_redis_reply_count(const struct sc_redis_reply *r);
const struct sc_redis_reply *sc_redis_reply_at(const struct sc_redis_reply *r, size_t i);

/* reply NULL: the connection went before it came. */
typedef void sc_redis_reply_fn(void *ctx, const struct sc_redis_reply *reply);

/* A command of the set-up, sent after the log-in; its error ends the attempt. */
struct sc_redis_step {
    int argc;
    const char *argv[4];
};

/* All borrowed; must outlive the link. */
struct sc_redis_link_deps {
    struct sc_loop *loop;
    struct sc_log *log;
    struct sc_clock clock;
    const struct sc_redis_url *url;
    const char *name;    /* as CLIENT LIST shows it */
    const char *channel; /* to subscribe to; NULL: a link for commands */
    const struct sc_redis_step *steps;
    size_t n_steps;
    void (*step_done)(void *ctx, size_t i, const struct sc_redis_reply *reply); /* may be NULL */
    void (*ready)(void *ctx);
    /* It went, or could not come up; the link tries again by itself. Once for each attempt. */
    void (*lost)(void *ctx, const struct sc_err *why);
    void (*message)(void *ctx, const char *payload, size_t n); /* from the channel */
    void *ctx;
};

struct sc_redis_link;
struct sc_redis_link *sc_redis_link_new(const struct sc_redis_link_deps *deps);
void sc_redis_link_start(struct sc_redis_link *l);
/* Not from inside one of its callbacks. What is pending gets its NULL reply. NULL is fine. */
void sc_redis_link_free(struct sc_redis_link *l);

/* sc_redis_link_command: queue one command; SC_EAWAY unless ready. After 0, fn (may be NULL) runs
 * once. Everything is copied. Commands of one turn leave together at its end. */
int sc_redis_link_command(struct sc_redis_link *l, sc_redis_reply_fn *fn, void *ctx, int argc,
                          const char **argv, const size_t *argvlen) SC_MUST_CHECK;
/* Give this connection up and say why; a new one is tried as after any loss. */
void sc_redis_link_drop(struct sc_redis_link *l, const struct sc_err *why);
/* The URL with the place where this link is, or was last; its host is NULL while only Sentinel
 * knows. */
const struct sc_redis_url *sc_redis_link_at(const struct sc_redis_link *l);
/* Commands that wait for their answer. */
size_t sc_redis_link_pending(const struct sc_redis_link *l);

/* --- redis_errors.c --- */
/* "redis at <place> <detail>"; no remedy yet. */
void sc_redis_say(const struct sc_redis_url *at, enum sc_code code, const char *detail,
                  struct sc_err *ret);
/* sc_redis_explain: what an error of Redis or of hiredis means, and what to do about it.
 * Returns true when the whole server is unfit for us (a replica, out of memory, no login), false
 * when only the one command failed. */
bool sc_redis_explain(const struct sc_redis_url *at, const char *text, struct sc_err *ret);

#endif
