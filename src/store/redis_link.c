/* The life of a connection to Redis: resolve, connect, log in, set up, ready, lost, and again. */
#include "redis_link.h"

#include <stdlib.h>
#include <string.h>

#include "redis_conn.h"
#include "redis_sentinel.h"
#include "sideclaw/backoff.h"
#include "sideclaw/mem.h"

enum {
    CONNECT_MS = 3000, /* from the attempt's start until it is ready */
    ANSWER_MS = 5000,  /* nothing came for that long while we waited for an answer */
    IDLE_MS = 15000,   /* then a sign of life is asked for */
    STABLE_MS = 10000, /* a link that held that long starts its retries afresh */
    RETRY_MIN_MS = 250,
    /* An attempt is cheap, and what two sides wrote meanwhile is to be one again within two seconds
     * of the end of a partition, however long that was. */
    RETRY_MAX_MS = 500,
};

enum state { STOPPED, WAITING, FINDING, CONNECTING, LOGGING_IN, SUBSCRIBING, READY };

struct sc_redis_link {
    struct sc_redis_link_deps d;
    enum state state;
    struct sc_redis_find *find;
    struct sc_redis_url at; /* a view of d.url, whose place is where we are */
    char *host;             /* of `at`, when Sentinel said it */
    struct sc_redis_conn *conn;
    struct sc_timer *timer; /* one for all: its meaning goes with the state */
    struct sc_backoff backoff;
    size_t next_step; /* of the log-in, then of d.steps */
    sc_mono last_activity, ready_since;
};

static void attempt(struct sc_redis_link *l);
static void step(struct sc_redis_link *l);

static sc_mono now(const struct sc_redis_link *l)
{
    return sc_clock_mono(&l->d.clock);
}

static void lost(struct sc_redis_link *l, const struct sc_err *why)
{
    if (l->state == READY && now(l).ms - l->ready_since.ms > STABLE_MS)
        sc_backoff_reset(&l->backoff);
    l->state = WAITING;
    int64_t wait = sc_backoff_next(&l->backoff);
    sc_timer_arm(l->timer, wait);
    sc_log_debug(l->d.log, "redis.link_lost", SC_S("link", l->d.name), SC_S("reason", why->text),
                 SC_I("retry_ms", wait));
    l->d.lost(l->d.ctx, why);
}

void sc_redis_link_drop(struct sc_redis_link *l, const struct sc_err *why)
{
    if (l->state == STOPPED || l->state == WAITING)
        return;
    sc_redis_find_cancel(sc_steal(&l->find));
    sc_redis_conn_abandon(sc_steal(&l->conn));
    lost(l, why);
}

static void drop_explained(struct sc_redis_link *l, const char *text)
{
    struct sc_err why = SC_ERR_INIT;
    (void)sc_redis_explain(&l->at, text, &why);
    sc_redis_link_drop(l, &why);
}

static void drop_silent(struct sc_redis_link *l, const char *what, int64_t ms)
{
    struct sc_err why = SC_ERR_INIT;
    char said[64];
    (void)snprintf(said, sizeof said, "does not answer (%s, %d s)", what, (int)(ms / 1000));
    sc_redis_say(&l->at, SC_ETIMEDOUT, said, &why);
    (void)sc_err_remedy(&why, "check host and port in redis.url; see if Redis is paused, swapping "
                              "or behind a firewall");
    sc_redis_link_drop(l, &why);
}

/* --- the connection's news --- */

static void on_closed(void *ctx, const char *text)
{
    struct sc_redis_link *l = ctx;
    struct sc_err why = SC_ERR_INIT;
    l->conn = NULL; /* it frees itself */
    (void)sc_redis_explain(&l->at, text, &why);
    lost(l, &why);
}

static void on_activity(void *ctx)
{
    struct sc_redis_link *l = ctx;
    l->last_activity = now(l);
}

static void on_connected(void *ctx)
{
    struct sc_redis_link *l = ctx;
    l->state = LOGGING_IN;
    l->next_step = 0;
    step(l);
}

static void become_ready(struct sc_redis_link *l)
{
    l->state = READY;
    l->ready_since = l->last_activity = now(l);
    sc_timer_arm(l->timer, IDLE_MS);
    l->d.ready(l->d.ctx);
}

static void on_subscribed(void *ctx)
{
    struct sc_redis_link *l = ctx;
    if (l->state == SUBSCRIBING)
        become_ready(l);
}

static void on_message(void *ctx, const char *payload, size_t n)
{
    struct sc_redis_link *l = ctx;
    if (l->state == READY)
        l->d.message(l->d.ctx, payload, n);
}

/* --- log in and set up, one command after the other: each error is told apart --- */

enum { LOGIN_AUTH, LOGIN_ROLE, LOGIN_SELECT, LOGIN_NAME, LOGIN_STEPS };

/* False when that step of the log-in is not wanted. */
static bool login_command(const struct sc_redis_link *l, size_t i, struct sc_redis_step *ret,
                          char db[16])
{
    const struct sc_redis_url *u = l->d.url;
    if (i == LOGIN_AUTH && u->user)
        *ret = (struct sc_redis_step){ 3, { "AUTH", u->user, u->password } };
    else if (i == LOGIN_AUTH && u->password)
        *ret = (struct sc_redis_step){ 2, { "AUTH", u->password } };
    else if (i == LOGIN_ROLE && u->primary)
        *ret = (struct sc_redis_step){ 1, { "ROLE" } };
    else if (i == LOGIN_SELECT && u->db != 0)
        *ret = (struct sc_redis_step){ 2, { "SELECT", db } };
    else if (i == LOGIN_NAME)
        *ret = (struct sc_redis_step){ 3, { "CLIENT", "SETNAME", l->d.name } };
    else
        return false;
    (void)snprintf(db, 16, "%d", u->db);
    return true;
}

/* A user who may do everything but CLIENT is fine, and one who may not ask for the role: a replica
 * shows by READONLY as well. */
static bool may_fail(const struct sc_redis_link *l, const char *text)
{
    return (l->next_step == LOGIN_NAME || l->next_step == LOGIN_ROLE) &&
           strncmp(text, "NOAUTH", 6) != 0;
}

/* The sentinels may be behind the times, or the server not yet what they made it. */
static bool is_replica(const struct sc_redis_link *l, const struct sc_redis_reply *reply)
{
    return l->next_step == LOGIN_ROLE &&
           sc_streq(sc_redis_reply_str(sc_redis_reply_at(reply, 0), NULL), "slave");
}

static void on_step(void *ctx, const struct sc_redis_reply *reply)
{
    struct sc_redis_link *l = ctx;
    if (!reply || l->state != LOGGING_IN)
        return;
    const char *text = sc_redis_reply_str(reply, NULL);
    if (sc_redis_reply_is_error(reply) && !may_fail(l, text)) {
        drop_explained(l, text);
        return;
    }
    if (is_replica(l, reply)) {
        drop_explained(l, "READONLY");
        return;
    }
    if (l->next_step >= LOGIN_STEPS && l->d.step_done)
        l->d.step_done(l->d.ctx, l->next_step - LOGIN_STEPS, reply);
    l->next_step++;
    step(l);
}

static void step(struct sc_redis_link *l)
{
    struct sc_redis_step s;
    char db[16];
    while (l->next_step < LOGIN_STEPS && !login_command(l, l->next_step, &s, db))
        l->next_step++;
    if (l->next_step >= LOGIN_STEPS + l->d.n_steps) {
        if (!l->d.channel) {
            become_ready(l);
            return;
        }
        l->state = SUBSCRIBING;
        if (sc_redis_conn_subscribe(l->conn, l->d.channel) < 0)
            drop_explained(l, "Server closed");
        return;
    }
    if (l->next_step >= LOGIN_STEPS)
        s = l->d.steps[l->next_step - LOGIN_STEPS];
    if (sc_redis_conn_command(l->conn, on_step, l, s.argc, s.argv, NULL) < 0)
        drop_explained(l, "Server closed");
}

/* --- attempts --- */

static void on_found(void *ctx, const struct sc_redis_place *place, const struct sc_err *err)
{
    struct sc_redis_link *l = ctx;
    char text[128];
    l->find = NULL;
    if (!place) {
        sc_redis_link_drop(l, err);
        return;
    }
    if (l->d.url->primary) {
        sc_set_str(&l->host, place->host);
        l->at.at = (struct sc_redis_addr){ .host = l->host, .port = place->port };
    }
    const struct sc_redis_conn_deps deps = { .loop = l->d.loop,
                                             .addr = place->addr,
                                             .port = place->port,
                                             .host = place->host,
                                             .tls = l->d.url->with,
                                             .connected = on_connected,
                                             .closed = on_closed,
                                             .activity = on_activity,
                                             .subscribed = on_subscribed,
                                             .message = on_message,
                                             .ctx = l };
    l->state = CONNECTING;
    l->conn = sc_redis_conn_new(&deps, text, sizeof text);
    if (!l->conn)
        drop_explained(l, text);
}

static void attempt(struct sc_redis_link *l)
{
    l->state = FINDING;
    sc_timer_arm(l->timer, CONNECT_MS);
    l->find = sc_redis_find_start(l->d.loop, l->d.url, on_found, l);
}

/* While answers are owed, silence is measured; while none is, it is broken. */
static void watch(struct sc_redis_link *l)
{
    bool owed = sc_redis_conn_pending(l->conn) > 0;
    int64_t silent = now(l).ms - l->last_activity.ms, limit = owed ? ANSWER_MS : IDLE_MS;
    if (silent < limit) {
        sc_timer_arm(l->timer, limit - silent);
        return;
    }
    if (owed) {
        drop_silent(l, "a command", ANSWER_MS);
        return;
    }
    const char *ping[] = { "PING" };
    l->last_activity = now(l); /* the answer's time starts here */
    sc_timer_arm(l->timer, ANSWER_MS);
    if ((l->d.channel ? sc_redis_conn_subscribe(l->conn, l->d.channel)
                      : sc_redis_conn_command(l->conn, NULL, NULL, 1, ping, NULL)) < 0)
        drop_explained(l, "Server closed");
}

static void on_timer(void *ctx)
{
    struct sc_redis_link *l = ctx;
    switch (l->state) {
    case WAITING:
        attempt(l);
        break;
    case FINDING:
    case CONNECTING:
    case LOGGING_IN:
    case SUBSCRIBING:
        drop_silent(l, "connecting", CONNECT_MS);
        break;
    case READY:
        watch(l);
        break;
    case STOPPED:
        break;
    }
}

/* --- for the owner --- */

struct sc_redis_link *sc_redis_link_new(const struct sc_redis_link_deps *deps)
{
    struct sc_redis_link *l = sc_xcalloc(1, sizeof *l);
    l->d = *deps;
    l->at = *deps->url;
    l->timer = sc_timer_new(deps->loop, on_timer, l);
    l->backoff = (struct sc_backoff){ .min_ms = RETRY_MIN_MS, .max_ms = RETRY_MAX_MS };
    return l;
}

void sc_redis_link_start(struct sc_redis_link *l)
{
    if (l->state == STOPPED)
        attempt(l);
}

void sc_redis_link_free(struct sc_redis_link *l)
{
    if (!l)
        return;
    l->state = STOPPED;
    sc_redis_find_cancel(sc_steal(&l->find));
    sc_redis_conn_destroy(sc_steal(&l->conn));
    sc_timer_free(l->timer);
    free(l->host);
    free(l);
}

int sc_redis_link_command(struct sc_redis_link *l, sc_redis_reply_fn *fn, void *ctx, int argc,
                          const char **argv, const size_t *argvlen)
{
    if (l->state != READY)
        return SC_EAWAY;
    if (sc_redis_conn_pending(l->conn) == 0) { /* the silence that counts starts here */
        l->last_activity = now(l);
        sc_timer_arm(l->timer, ANSWER_MS);
    }
    return sc_redis_conn_command(l->conn, fn, ctx, argc, argv, argvlen);
}

const struct sc_redis_url *sc_redis_link_at(const struct sc_redis_link *l)
{
    return &l->at;
}

size_t sc_redis_link_pending(const struct sc_redis_link *l)
{
    return l->conn ? sc_redis_conn_pending(l->conn) : 0;
}
