/* peer_wire.h: what two sidecars say to each other over HTTP (ADR 0010): the address, the proof of
 * who asks, the batch, the answer. Text in, values out; no sockets. */
#ifndef SIDECLAW_PEER_WIRE_H
#define SIDECLAW_PEER_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "sideclaw/buf.h"
#include "sideclaw/clock.h"
#include "sideclaw/err.h"
#include "sideclaw/limits.h"
#include "sideclaw/message_json.h"

#define SC_PEER_PATH "/peer"
#define SC_PEER_CONTENT_TYPE "application/x-ndjson"

/* ---- the address ---- */

/* sc_peer_url_check: http[s]://HOST[:PORT] and nothing else. The directory is anybody's who may
 * write there, so what it says must not lead to a path, a user's password or another protocol. */
int sc_peer_url_check(const char *url, struct sc_err *err) SC_MUST_CHECK;

/* ---- who asks ---- */

enum { SC_PEER_SESSION_SIZE = 17, SC_PEER_MAC_SIZE = 65 };

/* The Authorization header's fields. The nonce is a session, random and new for each life and each
 * receiver, and a number that only rises in it: so a receiver needs to remember a handful of bits
 * per sender, however much it sends, to take no request twice. */
struct sc_peer_auth {
    char from[SC_NAME_MAX + 1], to[SC_NAME_MAX + 1]; /* gateways */
    sc_wall at;
    char session[SC_PEER_SESSION_SIZE]; /* hex */
    int64_t number;                     /* from 1 */
    char mac[SC_PEER_MAC_SIZE];         /* hex HMAC-SHA-256 */
};

/* The request that the proof is for. */
struct sc_peer_post {
    const char *authorization; /* NULL when absent */
    const char *method, *path;
    const char *body;
    size_t n;
};

/* Appends the header's value; a->mac is not looked at. */
void sc_peer_auth_sign(const struct sc_peer_auth *a, const struct sc_peer_post *post,
                       const struct sc_mesh_key *key, struct sc_buf *out);
/* SC_EAUTH when it is absent or not of this form. */
int sc_peer_auth_parse(const char *header, struct sc_peer_auth *ret,
                       struct sc_err *err) SC_MUST_CHECK;
/* SC_EAUTH unless the holder of the key made it, for exactly this request. */
int sc_peer_auth_verify(const struct sc_peer_auth *a, const struct sc_peer_post *post,
                        const struct sc_mesh_key *key, struct sc_err *err) SC_MUST_CHECK;

/* Why a request was turned away. */
enum sc_peer_refusal {
    SC_PEER_REFUSED_OFF,     /* there is no mesh key, or it is switched off */
    SC_PEER_REFUSED_UNKNOWN, /* not signed, or with another key */
    SC_PEER_REFUSED_CLOCK,   /* the two clocks are too far apart */
    SC_PEER_REFUSED_TARGET,  /* it was meant for another gateway */
    SC_PEER_REFUSED_REPLAY,  /* it was here before */
    SC_PEER_REFUSED_BODY,    /* too many envelopes */
    SC_PEER_REFUSALS
};
const char *sc_peer_refusal_name(enum sc_peer_refusal r);

/* ---- the batch and its answer: a JSON object a line ---- */

/* One line: an envelope, which fn may take the contents of, or why it is none. `line` from 0. */
typedef void sc_peer_line_fn(void *ctx, size_t line, struct sc_envelope *e,
                             const struct sc_err *err);
/* SC_ETOOBIG above SC_PEER_BATCH_MAX lines: then fn was not called. */
int sc_peer_batch_each(const char *body, size_t n, sc_peer_line_fn *fn, void *ctx,
                       struct sc_err *err) SC_MUST_CHECK;

/* The answer has the receipts that became known while the request was answered, and names the lines
 * that were not taken; what it does not name was. */
void sc_peer_refusal_to_json(size_t line, const char *reason, struct sc_buf *out);
struct sc_peer_answer_fns {
    void *ctx;
    /* Either may be NULL. */
    void (*receipts)(void *ctx, const struct sc_receipts *r, const char *sig);
    void (*refused)(void *ctx, size_t line, const char *reason);
};
/* What cannot be read is skipped: a newer sidecar may say more. */
void sc_peer_answer_each(const char *body, size_t n, const struct sc_peer_answer_fns *fns);

/* What an answer that is no success says of itself (RFC 9457), else "HTTP <status>"; the code that
 * the status stands for. */
void sc_peer_problem(int status, const char *body, size_t n, struct sc_err *ret);

#endif
