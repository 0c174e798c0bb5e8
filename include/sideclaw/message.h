/* message.h: what travels between agents (DESIGN 4). Plain values; JSON is wire/message_json.h. */
#ifndef SIDECLAW_MESSAGE_H
#define SIDECLAW_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sideclaw/clock.h"
#include "sideclaw/err.h"
#include "sideclaw/fsm.h"
#include "sideclaw/id.h"
#include "sideclaw/limits.h"

enum sc_kind { SC_KIND_MESSAGE, SC_KIND_REPLY, SC_KIND_EVENT };

/* How far a message got. Nothing is ever reported further than it got. */
enum sc_stage {
    SC_STAGE_ACCEPTED,  /* committed to the sender's spool */
    SC_STAGE_SENT,      /* a transport took it */
    SC_STAGE_STORED,    /* committed to the receiver's spool */
    SC_STAGE_DELIVERED, /* the gateway took it, or it lies in the inbox of one that is not woken */
    SC_STAGE_STARTED,   /* the agent's turn runs */
    SC_STAGE_REPLIED,   /* the turn's answer is spooled */
    SC_STAGE_DEAD,      /* will not be delivered; `reason` says why */
    SC_STAGES
};
extern const struct sc_fsm sc_stage_fsm;

enum sc_privacy { SC_PRIVACY_INTERNAL, SC_PRIVACY_PUBLIC, SC_PRIVACY_LOCAL };

/* All strings are owned, NUL-terminated, valid UTF-8; NULL where a field is absent. */
struct sc_message {
    struct sc_id id;
    enum sc_kind kind;
    char *from_agent; /* "external:<from>" for the minimal form from Consul KV */
    char *from_gateway;
    char *to_agent;
    char *to_gateway; /* set by routing */
    char *thread;
    struct sc_id in_reply_to; /* zero when absent */
    char *body;
    size_t body_len;    /* bytes, <= SC_BODY_MAX */
    char *content_type; /* NULL means text/plain */
    sc_wall timestamp;
    uint32_t ttl_s;
    struct sc_id prev; /* the one before it of its pair, while that is not known to be stored; its
                          receiver waits for it. Zero: none */
    uint64_t seq;      /* per (from_agent, to_agent), from 1; 0 when absent */
    uint32_t hops;
    char *visited; /* gateways passed, comma-separated */
    enum sc_privacy privacy;
    char *traceparent;
    char *sig;   /* hex HMAC-SHA-256; NULL when unsigned */
    bool ask;    /* only asks how far the message got: without its body, never to be stored */
    bool again;  /* here only, not on the wire: a transport took it before, durably if it can */
    char *extra; /* unknown fields as one JSON object, passed on untouched; NULL when none */
};

void sc_message_init(struct sc_message *m);
void sc_message_fini(struct sc_message *m);
#define sc_auto_message __attribute__((cleanup(sc_message_fini)))
struct sc_message *sc_message_copy(const struct sc_message *m); /* heap */
void sc_message_free(struct sc_message *m);

/* sc_message_check: names, sizes, UTF-8, ttl and hops against limits.h; the error names the field.
 * `from_gateway`, `to_gateway`, `id` and `timestamp` may still be unset (a client's submission). */
int sc_message_check(const struct sc_message *m, struct sc_err *err) SC_MUST_CHECK;

const char *sc_kind_name(enum sc_kind kind);
const char *sc_privacy_name(enum sc_privacy p);
/* false when the word is none. */
bool sc_kind_parse(const char *s, enum sc_kind *ret);
bool sc_privacy_parse(const char *s, enum sc_privacy *ret);

/* sc_message_is_expired: has its ttl passed at `now`? Never for one without a ttl or a timestamp.
 */
bool sc_message_is_expired(const struct sc_message *m, sc_wall now);

/* sc_stage_settled: is this as far as a message of that kind can get? */
bool sc_stage_settled(enum sc_kind kind, enum sc_stage stage);

/* Why a gateway is dead to a message for good: it did not have it when it was asked, and its agent
 * was elsewhere. Its sender gives it a new home (ADR 0012). */
#define SC_REASON_MOVED "moved: its agent left for another gateway"

/* What a receiver tells a sender about one message. */
struct sc_receipt {
    struct sc_id id;
    enum sc_stage stage;
    sc_wall at;
    char reason[SC_REASON_MAX]; /* "" unless dead */
};

/* sc_reason_copy: as much of `reason` (NULL is "") as fits, ending between characters: JSON has no
 * word for half of one, and a signature covers what is really sent. */
void sc_reason_copy(char ret[SC_REASON_MAX], const char *reason);

/* A reason of ours begins with a word and a colon, which is what other gateways are told, too; what
 * a gateway says of a failed turn is its own words. Ambiguous ("ambiguous: ..."): it cannot be
 * known whether a turn ran. Unrun ("expired:", "loop:", "moved:", "unknown recipient:"): none did.
 */
bool sc_reason_ambiguous(const char *reason);
bool sc_reason_unrun(const char *reason);

/* A batch of receipts on its way from one gateway to another. */
struct sc_receipts {
    char *from_gateway;
    char *to_gateway;
    struct sc_receipt *v;
    size_t n;
};
void sc_receipts_fini(struct sc_receipts *r);

#endif
