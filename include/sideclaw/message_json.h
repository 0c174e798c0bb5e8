/* message_json.h: envelopes and receipts as JSON (DESIGN 4), and their HMAC. */
#ifndef SIDECLAW_MESSAGE_JSON_H
#define SIDECLAW_MESSAGE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sideclaw/buf.h"
#include "sideclaw/err.h"
#include "sideclaw/message.h"
#include "sideclaw/value.h"

enum { SC_ENTRY_MAX = 64 }; /* a stream entry's id with its NUL */

/* sc_message_from_json: n bytes of one envelope. Unknown fields are kept in `extra`, wrong types
 * refused by field name, sizes capped, sc_message_check applied. `entry` (our Redis addition) is
 * returned in ret_entry (SC_ENTRY_MAX bytes, may be NULL) and not kept. ret_msg is untouched on
 * failure. */
int sc_message_from_json(const char *json, size_t n, struct sc_message *ret_msg, char *ret_entry,
                         struct sc_err *err) SC_MUST_CHECK;
/* The same from a parsed value (an HTTP body, a control-socket call). */
int sc_message_from_value(const struct sc_value *v, struct sc_message *ret_msg, char *ret_entry,
                          struct sc_err *err) SC_MUST_CHECK;
/* Appended to out: one compact line. */
void sc_message_to_json(const struct sc_message *m, struct sc_buf *out);

/* Is this value a receipt batch ("kind":"receipt")? */
int sc_receipts_from_json(const char *json, size_t n, struct sc_receipts *ret, char **ret_sig,
                          struct sc_err *err) SC_MUST_CHECK;
void sc_receipts_to_json(const struct sc_receipts *r, const char *sig, struct sc_buf *out);

/* One parse for a wire that carries both: exactly one of them is filled, *ret_is_receipts says
 * which. */
struct sc_envelope {
    bool is_receipts;
    struct sc_message msg;
    struct sc_receipts receipts;
    char entry[SC_ENTRY_MAX]; /* "" when absent */
    char *sig;                /* of receipts; a message has its own */
};
int sc_envelope_from_json(const char *json, size_t n, struct sc_envelope *ret,
                          struct sc_err *err) SC_MUST_CHECK;
void sc_envelope_fini(struct sc_envelope *e);

/* The minimal forms of DESIGN 2 from a Consul KV value: {"from","body","timestamp"?} for the inbox
 * of `to` (sender shown as external:<from>), {"to","body"} for the outbox of `from`. A full
 * envelope is accepted in both. The id is derived from `name` (the key and its create index), so
 * that reading the same key twice yields the same message. */
int sc_message_from_kv_inbox(const char *json, size_t n, const char *to, const char *name,
                             struct sc_message *ret, struct sc_err *err) SC_MUST_CHECK;
int sc_message_from_kv_outbox(const char *json, size_t n, const char *from, const char *name,
                              struct sc_message *ret, struct sc_err *err) SC_MUST_CHECK;

/* The shared mesh key; key_len 0: signing is off. */
struct sc_mesh_key {
    const uint8_t *key;
    size_t key_len;
};
/* Set m->sig over every field that routing does not change (hops, visited, to_gateway are left
 * out). Without a key it clears it. */
void sc_message_sign(struct sc_message *m, const struct sc_mesh_key *key);
/* SC_EAUTH when the key is set and the signature is absent or wrong. */
int sc_message_verify(const struct sc_message *m, const struct sc_mesh_key *key,
                      struct sc_err *err) SC_MUST_CHECK;
char *sc_receipts_sig(const struct sc_receipts *r, const struct sc_mesh_key *key);
int sc_receipts_verify(const struct sc_receipts *r, const char *sig, const struct sc_mesh_key *key,
                       struct sc_err *err) SC_MUST_CHECK;

#endif
