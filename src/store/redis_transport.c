/* The transport port over two links: one for commands, one subscribed to our channel. This file is
 * their life and what they bring. */
#include "sideclaw/redis_transport.h"

#include <stdlib.h>
#include <string.h>

#include "redis_internal.h"
#include "redis_tls.h"
#include "sideclaw/crypto.h"
#include "sideclaw/mem.h"

/* --- link state --- */

static void report_down(struct sc_redis *r, const struct sc_err *why)
{
    bool news = r->t.state == SC_LINK_UP || strcmp(r->why.text, why->text) != 0;
    r->t.state = SC_LINK_DOWN;
    r->why = *why;
    if (news && !r->closed)
        r->d.events.link(r->d.events.ctx, &r->t, SC_LINK_DOWN, why->text, why->remedy);
}

static void report_up(struct sc_redis *r)
{
    if (!r->commands_ready || !r->subscribe_ready || r->closed)
        return;
    const struct sc_redis_addr at = sc_redis_link_at(r->commands)->at;
    char detail[SC_ERR_TEXT_MAX];
    (void)snprintf(detail, sizeof detail, "redis at %s:%u", at.host, at.port);
    r->t.state = SC_LINK_UP;
    r->why = (struct sc_err)SC_ERR_INIT;
    r->d.events.link(r->d.events.ctx, &r->t, SC_LINK_UP, detail, "");
    /* Subscribed first, drained second: what is published in between is in both, never in none. */
    sc_redis_streams_up(r);
    sc_redis_data_tell(r, true);
}

static void on_commands_ready(void *ctx)
{
    struct sc_redis *r = ctx;
    r->commands_ready = true;
    report_up(r);
}

static void on_subscribe_ready(void *ctx)
{
    struct sc_redis *r = ctx;
    r->subscribe_ready = true;
    report_up(r);
}

static void went_down(struct sc_redis *r, const struct sc_err *why)
{
    bool was_up = r->t.state == SC_LINK_UP;
    if (was_up)
        sc_redis_streams_down(r);
    report_down(r, why);
    if (was_up)
        sc_redis_data_tell(r, false);
}

static void on_commands_lost(void *ctx, const struct sc_err *why)
{
    struct sc_redis *r = ctx;
    r->commands_ready = false;
    went_down(r, why);
    sc_redis_part(r, r->subscribe, r->subscribe_ready, why);
}

static void on_subscribe_lost(void *ctx, const struct sc_err *why)
{
    struct sc_redis *r = ctx;
    r->subscribe_ready = false;
    went_down(r, why);
    sc_redis_part(r, r->commands, r->commands_ready, why);
}

/* The answer of SCRIPT LOAD is the name by which EVALSHA finds the script. */
static void on_step_done(void *ctx, size_t i, const struct sc_redis_reply *reply)
{
    struct sc_redis *r = ctx;
    const char *sha = sc_redis_reply_str(reply, NULL);
    if (i == SC_ARRAY_LEN(r->steps) - 1)
        (void)snprintf(r->sha, sizeof r->sha, "%s", sha ? sha : "");
}

/* --- receiving --- */

void sc_redis_reject(struct sc_redis *r, const char *agent, const char *entry, const char *value,
                     size_t n, const char *reason)
{
    char max_len[16];
    sc_auto_free char *key =
        agent ? sc_redis_agent_key(r, agent, "rejected") : sc_xstrdup(r->rejected);
    size_t kept = n > SC_ENVELOPE_MAX ? SC_ENVELOPE_MAX : n;
    int digits = snprintf(max_len, sizeof max_len, "%d", SC_REDIS_REJECTED_MAX);
    const char *add[] = { "XADD", key, "MAXLEN", max_len, "*", "reason", reason, "value", value };
    const size_t lens[] = { 4, strlen(key), 6, (size_t)digits, 1, 6, strlen(reason), 5, kept };
    sc_redis_tell(r, (int)SC_ARRAY_LEN(add), add, lens);
    if (agent && entry) {
        sc_auto_free char *stream = sc_redis_agent_key(r, agent, "inbox");
        const char *del[] = { "XDEL", stream, entry };
        sc_redis_tell(r, 3, del, NULL);
    }
    r->d.events.rejected(r->d.events.ctx, &r->t, reason);
}

static int check_receipts(const struct sc_redis *r, const struct sc_envelope *e, const char *agent,
                          struct sc_err *err)
{
    if (agent)
        return sc_fail(err, SC_EPROTO, "receipts do not belong into an agent's stream");
    if (!sc_streq(e->receipts.to_gateway, r->self_name))
        return sc_fail(err, SC_EPROTO, "receipts for another gateway (%s)", e->receipts.to_gateway);
    return sc_receipts_verify(&e->receipts, e->sig, &r->d.key, err);
}

/* entry "": nothing to settle. An id that is no id is as good as none. */
static void report_message(struct sc_redis *r, struct sc_envelope *e, const char *agent,
                           const char *entry, bool waited)
{
    uint64_t ms, seq;
    struct sc_entry from = { .name = "", .waited = waited };
    if (entry && sc_redis_entry_parse(entry, &ms, &seq)) {
        if (!sc_redis_in_flight(r, agent, entry))
            return;
        (void)snprintf(from.name, sizeof from.name, "%s", entry);
        (void)snprintf(from.stream, sizeof from.stream, "%s", agent);
    }
    struct sc_message *m = sc_xmalloc(sizeof *m);
    *m = e->msg;
    sc_message_init(&e->msg); /* handed over */
    r->d.events.message(r->d.events.ctx, &r->t, m, &from);
}

void sc_redis_accept(struct sc_redis *r, const char *json, size_t n, const char *agent,
                     const char *entry)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_envelope e;
    if (sc_envelope_from_json(json, n, &e, &err) < 0) {
        sc_redis_reject(r, agent, entry, json, n, err.text);
        return;
    }
    int rc = e.is_receipts ? check_receipts(r, &e, agent, &err)
                           : sc_message_verify(&e.msg, &r->d.key, &err);
    if (rc < 0) {
        /* Names in what is not authentic make no keys, unless the agent is ours. */
        const char *of = agent;
        if (!of && !e.is_receipts && sc_redis_serves(r, e.msg.to_agent))
            of = e.msg.to_agent;
        sc_redis_reject(r, of, agent ? entry : NULL, json, n, err.text);
    } else if (e.is_receipts) {
        r->d.events.receipts(r->d.events.ctx, &r->t, &e.receipts);
    } else {
        report_message(r, &e, agent ? agent : e.msg.to_agent, agent ? entry : e.entry,
                       agent != NULL);
    }
    sc_envelope_fini(&e);
}

static void on_message(void *ctx, const char *payload, size_t n)
{
    struct sc_redis *r = ctx;
    if (!r->closed)
        sc_redis_accept(r, payload, n, NULL, NULL);
}

/* --- life --- */

static void free_links(struct sc_redis *r)
{
    sc_redis_link_free(sc_steal(&r->commands));
    sc_redis_link_free(sc_steal(&r->subscribe));
}

static void close_now(void *ctx)
{
    free_links(ctx);
}

static void transport_close(void *impl)
{
    struct sc_redis *r = impl;
    if (r->closed)
        return;
    r->closed = true;
    r->t.state = SC_LINK_DOWN;
    sc_redis_streams_down(r);
    sc_redis_watch_stop(r);
    sc_loop_defer(r->d.loop, close_now, r);
}

static void transport_stats(const void *impl, struct sc_transport_stats *ret)
{
    const struct sc_redis *r = impl;
    *ret = (struct sc_transport_stats){ .trimmed_age = r->trimmed_age,
                                        .trimmed_length = r->trimmed_length,
                                        .pending = r->sends,
                                        .unsettled = r->unsettled };
}

static const struct sc_transport_ops ops = {
    .send = sc_redis_send,
    .receipts = sc_redis_receipts,
    .settle = sc_redis_settle,
    .serve = sc_redis_serve,
    .stats = transport_stats,
    .close = transport_close,
};

static void name_things(struct sc_redis *r)
{
    r->channel = sc_redis_channel(r, r->self_name);
    r->rejected = sc_xasprintf("%s:rejected", r->prefix);
    r->probe = sc_xasprintf("%s:probe", r->prefix);
    r->command_name = sc_xasprintf("sideclaw:%s:commands", r->self_name);
    r->subscribe_name = sc_xasprintf("sideclaw:%s:inbox", r->self_name);
    /* A write that changes nothing: a replica, a full disk or a full memory show before the first
     * message does. */
    r->steps[0] = (struct sc_redis_step){ 3, { "LPUSHX", r->probe, "1" } };
    r->steps[1] = (struct sc_redis_step){ 3, { "SCRIPT", "LOAD", sc_redis_send_script } };
}

static void make_links(struct sc_redis *r)
{
    struct sc_redis_link_deps deps = { .loop = r->d.loop,
                                       .log = r->d.log,
                                       .clock = r->d.clock,
                                       .url = &r->url,
                                       .name = r->command_name,
                                       .steps = r->steps,
                                       .n_steps = SC_ARRAY_LEN(r->steps),
                                       .step_done = on_step_done,
                                       .ready = on_commands_ready,
                                       .lost = on_commands_lost,
                                       .ctx = r };
    r->commands = sc_redis_link_new(&deps);
    deps.name = r->subscribe_name;
    deps.channel = r->channel;
    deps.n_steps = 0;
    deps.ready = on_subscribe_ready;
    deps.lost = on_subscribe_lost;
    deps.message = on_message;
    r->subscribe = sc_redis_link_new(&deps);
}

/* The URL, and what does not belong into one. */
static int open_url(const struct sc_redis_deps *d, struct sc_redis_url *ret, struct sc_err *err)
{
    if (sc_redis_url_parse(d->url, ret, err) < 0)
        return sc_err_wrap(err, "redis.url");
    if (d->password && d->password[0]) {
        sc_secret_free(ret->password);
        ret->password = sc_xstrdup(d->password);
    }
    if (d->sentinel_password && d->sentinel_password[0])
        ret->sentinel_password = sc_xstrdup(d->sentinel_password);
    if (ret->tls && !(ret->with = sc_redis_tls_new(d->ca_file, d->cert_file, d->key_file, err))) {
        sc_redis_url_fini(ret);
        return SC_ECONFIG;
    }
    return SC_OK;
}

struct sc_redis *sc_redis_new(const struct sc_redis_deps *deps, struct sc_err *err)
{
    struct sc_redis_url url;
    if (open_url(deps, &url, err) < 0)
        return NULL;
    struct sc_redis *r = sc_xcalloc(1, sizeof *r);
    r->d = *deps;
    r->url = url;
    r->tls = url.with;
    r->prefix = sc_xstrdup(deps->prefix);
    r->self_name = sc_xstrdup(deps->self_name);
    r->t = (struct sc_transport){ .name = "redis",
                                  .ops = &ops,
                                  .impl = r,
                                  .state = SC_LINK_DOWN,
                                  .took = { .scale = &sc_scale_quick } };
    name_things(r);
    make_links(r);
    sc_redis_streams_init(r);
    sc_redis_trim_init(r);
    return r;
}

struct sc_transport *sc_redis_transport(struct sc_redis *r)
{
    return &r->t;
}

static void start_now(void *ctx)
{
    struct sc_redis *r = ctx;
    struct sc_err why = SC_ERR_INIT;
    if (r->url.primary)
        (void)sc_fail(&why, SC_EAWAY, "asking the sentinels for %s", r->url.primary);
    else
        (void)sc_fail(&why, SC_EAWAY, "connecting to redis at %s:%u", r->url.at.host,
                      r->url.at.port);
    report_down(r, &why);
    if (r->closed)
        return;
    sc_redis_link_start(r->commands);
    sc_redis_link_start(r->subscribe);
    sc_redis_watch_start(r);
}

void sc_redis_start(struct sc_redis *r)
{
    sc_loop_defer(r->d.loop, start_now, r);
}

void sc_redis_free(struct sc_redis *r)
{
    if (!r)
        return;
    r->mute = r->closed = true;
    sc_loop_undefer(r->d.loop, close_now, r);
    sc_loop_undefer(r->d.loop, start_now, r);
    sc_redis_streams_down(r);
    free_links(r);
    sc_redis_watch_stop(r);
    sc_redis_trim_fini(r);
    sc_redis_streams_fini(r);
    sc_assert(r->sends == 0);
    sc_redis_url_fini(&r->url);
    sc_redis_tls_free(r->tls);
    free(r->prefix);
    free(r->self_name);
    free(r->channel);
    free(r->rejected);
    free(r->probe);
    free(r->command_name);
    free(r->subscribe_name);
    free(r);
}
