/* consul_directory.h: the directory port and the small-message transport over Consul KV (DESIGN 2).
 * Both live on the same two watches, so they are one object with two ports. */
#ifndef SIDECLAW_CONSUL_DIRECTORY_H
#define SIDECLAW_CONSUL_DIRECTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "sideclaw/clock.h"
#include "sideclaw/directory.h"
#include "sideclaw/err.h"
#include "sideclaw/http_client.h"
#include "sideclaw/log.h"
#include "sideclaw/loop.h"
#include "sideclaw/message_json.h"
#include "sideclaw/transport.h"

/* Our entry in the catalog: service openclaw-gateway, with the gateway's address. */
struct sc_consul_registration {
    bool enabled;
    const char *url; /* of our HTTP server, for Consul's agent: "http://127.0.0.1:18790"; NULL */
    bool ttl;        /* the checks are told by us instead; also without a url */
    bool health, traffic;                   /* a check for the page of that name */
    int64_t interval_s, deregister_after_s; /* 0: never */
    const char *address;                    /* HOST[:PORT] of the gateway; NULL: its url's */
    const char *version;                    /* ours */
    const struct sc_strv *tags;
    /* What the page would answer (200, 429, 503), and why; for TTL. */
    int (*page)(void *ctx, bool traffic, struct sc_buf *ret_why);
    void *ctx;
};

/* All borrowed; must outlive the directory. */
struct sc_consul_deps {
    struct sc_loop *loop;
    struct sc_log *log;
    struct sc_clock clock;
    struct sc_http_client *http;
    struct sc_directory_events events;
    struct sc_transport_events transport_events;
    struct sc_mesh_key key;
    const char *addr;               /* http://127.0.0.1:8500 */
    const char *token;              /* NULL when none */
    struct sc_http_tls_options tls; /* for an https address */
    const char *prefix;             /* "openclaw" */
    const char *self_name;
    const char *state_dir; /* holds consul.session and directory.json, the last good view */
    int64_t heartbeat_ms;  /* only to bound waits; publish() is called by the domain */
    int64_t session_ttl_ms;
    struct sc_consul_registration service;
};

struct sc_consul;
struct sc_consul *sc_consul_new(const struct sc_consul_deps *deps, struct sc_err *err);
struct sc_directory sc_consul_directory(struct sc_consul *c);
/* The mailbox transport; its `message` event also reports what somebody wrote to a local agent's
 * outbox/ (entry.name then begins with "outbox/"). */
struct sc_transport *sc_consul_transport(struct sc_consul *c);
/* Loads the last good view from disk (reported through events at once), then connects and watches.
 */
void sc_consul_start(struct sc_consul *c);
/* The router refused what somebody wrote to an agent's outbox/ (unknown recipient, bad field): move
 * the value to rejected/ with the reason, where its author looks for it. Only from inside the
 * transport's `message` event that brought the entry. */
void sc_consul_reject(struct sc_consul *c, const struct sc_entry *e, const char *reason);
/* Write <prefix>/<rest>, as soon as a call is free. done runs once, later, unless the directory is
 * closed first. SC_EAWAY while Consul is away, SC_EBUSY while too much waits. */
int sc_consul_put(struct sc_consul *c, const char *rest, const char *value, size_t n,
                  sc_directory_done_fn *done, void *ctx, struct sc_err *err) SC_MUST_CHECK;
/* The same, to delete it. */
int sc_consul_drop(struct sc_consul *c, const char *rest, sc_directory_done_fn *done, void *ctx,
                   struct sc_err *err) SC_MUST_CHECK;
void sc_consul_set_token(struct sc_consul *c, const char *token);
/* Other certificates, from the next connection on; the old ones stay when it fails. */
int sc_consul_set_tls(struct sc_consul *c, const struct sc_http_tls_options *o,
                      struct sc_err *err) SC_MUST_CHECK;
/* The pages say something else: TTL checks are told at once. */
void sc_consul_health_changed(struct sc_consul *c);
void sc_consul_close(struct sc_consul *c);
void sc_consul_free(struct sc_consul *c);

#endif
