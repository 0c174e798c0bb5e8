/* consul_json.h: what Consul's HTTP API says and wants to hear; text on one side, structs on the
 * other. Source: Consul HTTP API (kv, txn, session, agent/service), observed on 1.8.7. */
#ifndef SIDECLAW_CONSUL_JSON_H
#define SIDECLAW_CONSUL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sideclaw/agent.h"
#include "sideclaw/buf.h"
#include "sideclaw/err.h"
#include "sideclaw/limits.h"

/* ---- entries of the KV store ---- */

struct sc_kv_entry {
    const char *key;   /* UTF-8 without NULs */
    const char *value; /* decoded, any bytes; NUL-terminated, "" when null */
    size_t value_len;
    const char *session; /* who holds it; "" when nobody */
    uint64_t create_index, modify_index;
};
/* Borrowed for the call. A negative code ends the parse with that code. */
typedef int sc_kv_entry_fn(void *ctx, const struct sc_kv_entry *e);

/* sc_kv_stream: parses the answer of GET /v1/kv/<prefix>?recurse as it arrives, one entry at a
 * time, because a prefix may be far larger than what we want to hold. Memory:  one entry, at most
 * SC_KV_ENTRY_MAX bytes of JSON. What is larger, or is no entry we can read (a NUL in its key,
 * broken base64), is left out and counted: one writer's odd key must not blind us to all the
 * others. */
struct sc_kv_stream;
struct sc_kv_stream *sc_kv_stream_new(sc_kv_entry_fn *fn, void *ctx);
void sc_kv_stream_free(struct sc_kv_stream *s);
/* SC_EPROTO when the text is no JSON array of objects; after a failure only _free is allowed. */
int sc_kv_stream_feed(struct sc_kv_stream *s, const char *data, size_t n,
                      struct sc_err *err) SC_MUST_CHECK;
/* The answer is over: SC_EPROTO when the array was not. */
int sc_kv_stream_end(const struct sc_kv_stream *s, struct sc_err *err) SC_MUST_CHECK;
size_t sc_kv_stream_skipped(const struct sc_kv_stream *s);

/* ---- transactions ---- */

enum sc_kv_verb {
    SC_KV_SET,
    SC_KV_CAS, /* index 0: only if the key is absent */
    SC_KV_LOCK,
    SC_KV_DELETE,
    SC_KV_DELETE_CAS,
    SC_KV_CHECK_SESSION,
    SC_KV_GET_TREE /* unlike "get", not an error when there is nothing */
};
enum { SC_KV_TXN_OPS_MAX = 64 }; /* FACTS 4.1 */

struct sc_kv_op {
    enum sc_kv_verb verb;
    const char *key;
    const void *value; /* NULL for verbs without one */
    size_t value_len;
    const char *session; /* LOCK, CHECK_SESSION */
    uint64_t index;      /* CAS, DELETE_CAS */
};
/* Append one operation to a body that begins empty; close it with sc_kv_txn_end. */
void sc_kv_txn_add(struct sc_buf *txn, const struct sc_kv_op *op);
void sc_kv_txn_end(struct sc_buf *txn);

/* The entries of a 200 (writes come with an empty value), the errors of a 409. */
int sc_kv_txn_results(const char *json, size_t n, sc_kv_entry_fn *fn, void *ctx,
                      struct sc_err *err) SC_MUST_CHECK;
typedef void sc_kv_txn_error_fn(void *ctx, size_t op_index, const char *what);
int sc_kv_txn_errors(const char *json, size_t n, sc_kv_txn_error_fn *fn, void *ctx,
                     struct sc_err *err) SC_MUST_CHECK;

/* The operations of a body made with sc_kv_txn_add, for saying what was refused. */
typedef void sc_kv_txn_op_fn(void *ctx, size_t op_index, bool writes, const char *key);
void sc_kv_txn_ops(const char *json, size_t n, sc_kv_txn_op_fn *fn, void *ctx);

/* ---- sessions and services ---- */

struct sc_consul_session_info {
    char id[64];
    char name[SC_NAME_MAX + 32]; /* "" when the answer has none */
};
/* Of `create` (an object) or of `renew` and `info` (a list of one); SC_ENOENT when it is empty. */
int sc_consul_session_from_json(const char *json, size_t n, struct sc_consul_session_info *ret,
                                struct sc_err *err) SC_MUST_CHECK;
/* Behavior release, LockDelay 0: a gateway that comes back must get its own names at once. */
void sc_consul_session_to_json(const char *name, int64_t ttl_ms, struct sc_buf *out);

struct sc_consul_check {
    const char *id, *name;
    const char *url;    /* asked by Consul's agent; NULL: it is told (TTL) */
    int64_t interval_s; /* between questions; of a TTL how long it is without news */
    const char *status; /* to begin with: "passing", "warning"; NULL: critical */
};
enum {
    SC_CONSUL_CHECKS_MAX = 2,
    SC_CONSUL_META_MAX = 512,   /* bytes of a value of Meta; Consul's own limit */
    SC_CONSUL_OUTPUT_MAX = 4096 /* of a check's output; Consul cuts it there, too */
};

struct sc_consul_service {
    const char *id, *name, *address;
    uint16_t port;
    const struct sc_strv *tags;
    /* Meta */
    const char *gateway, *version;
    const char *agents; /* "jerry,scribe" */
    const struct sc_consul_check *checks;
    size_t n_checks;
    int64_t deregister_after_s; /* of being critical; 0: never */
};
void sc_consul_service_to_json(const struct sc_consul_service *s, struct sc_buf *out);
/* The names with commas between them; what does not fit into Meta is left out, and "..." says so.
 */
void sc_consul_names(const struct sc_strv *names, struct sc_buf *out);
/* What a TTL check is told. */
void sc_consul_check_to_json(const char *status, const char *output, struct sc_buf *out);

/* Of GET /v1/health/service/...: is one of the instances, or its node, in maintenance mode? Consul
 * says so by a check with a name of its own, whose notes are what the operator gave as the reason.
 * Source: Consul HTTP API, agent/maintenance and agent/service/maintenance. */
struct sc_consul_maintenance {
    bool present; /* there is an instance */
    bool on;
    char reason[SC_REASON_MAX]; /* "" while off */
};
int sc_consul_maintenance_from_json(const char *json, size_t n, struct sc_consul_maintenance *ret,
                                    struct sc_err *err) SC_MUST_CHECK;

/* sc_rejected_to_json: {"reason","value"} for what an author sent and we cannot read. A value that
 * is no UTF-8, or grows too large when escaped, comes as base64 and says so ("encoding"); one that
 * is too long is cut and says so ("truncated"). The result fits a transaction (SC_REJECTED_MAX). */
void sc_rejected_to_json(const char *reason, const char *value, size_t n, struct sc_buf *out);

#endif
