/* HMAC-SHA-256 over netstrings: no field can be shifted into its neighbour. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sideclaw/crypto.h"
#include "sideclaw/mem.h"
#include "sideclaw/message_json.h"
#include "sideclaw/parse.h"

static void field(struct sc_buf *b, const char *s, size_t n)
{
    sc_buf_addf(b, "%zu:", n);
    sc_buf_add(b, s, n);
    sc_buf_addc(b, ',');
}

static void text(struct sc_buf *b, const char *s)
{
    field(b, s ? s : "", s ? strlen(s) : 0);
}

static void number(struct sc_buf *b, int64_t i)
{
    char s[24];
    (void)snprintf(s, sizeof s, "%" PRId64, i);
    text(b, s);
}

static void id(struct sc_buf *b, const struct sc_id *i)
{
    char s[SC_ID_TEXT_SIZE];
    sc_id_format(i, s);
    text(b, s);
}

static char *hmac(const struct sc_buf *b, const struct sc_mesh_key *key)
{
    uint8_t mac[SC_SHA256_SIZE];
    char *hex = sc_xmalloc(2 * sizeof mac + 1);
    sc_hmac_sha256(key->key, key->key_len, b->p, b->n, mac);
    sc_hex(mac, sizeof mac, hex);
    return hex;
}

static char *message_mac(const struct sc_message *m, const struct sc_mesh_key *key)
{
    sc_auto_buf struct sc_buf b = SC_BUF_INIT;
    text(&b, "sideclaw-message-1");
    id(&b, &m->id);
    text(&b, sc_kind_name(m->kind));
    text(&b, m->from_agent);
    text(&b, m->from_gateway);
    text(&b, m->to_agent);
    text(&b, m->thread);
    id(&b, &m->in_reply_to);
    field(&b, m->body, m->body_len);
    text(&b, m->content_type);
    number(&b, m->timestamp.ms);
    number(&b, m->ttl_s);
    number(&b, (int64_t)m->seq);
    text(&b, sc_privacy_name(m->privacy));
    text(&b, m->traceparent);
    text(&b, m->extra);
    if (m->ask)
        text(&b, "ask");
    if (!sc_id_is_zero(&m->prev))
        id(&b, &m->prev);
    return hmac(&b, key);
}

char *sc_receipts_sig(const struct sc_receipts *r, const struct sc_mesh_key *key)
{
    if (!key->key_len)
        return NULL;
    sc_auto_buf struct sc_buf b = SC_BUF_INIT;
    text(&b, "sideclaw-receipts-1");
    text(&b, r->from_gateway);
    text(&b, r->to_gateway);
    for (size_t i = 0; i < r->n; i++) {
        id(&b, &r->v[i].id);
        number(&b, r->v[i].stage);
        number(&b, r->v[i].at.ms);
        text(&b, r->v[i].reason);
    }
    return hmac(&b, key);
}

void sc_message_sign(struct sc_message *m, const struct sc_mesh_key *key)
{
    free(m->sig);
    m->sig = key->key_len ? message_mac(m, key) : NULL;
}

static int verify(const char *have, const char *want, struct sc_err *err)
{
    if (!have)
        return sc_fail(err, SC_EAUTH, "unsigned, and this mesh has a key");
    if (!sc_secret_eq(have, want))
        return sc_fail(err, SC_EAUTH, "signed with another mesh key, or changed on its way");
    return SC_OK;
}

int sc_message_verify(const struct sc_message *m, const struct sc_mesh_key *key, struct sc_err *err)
{
    if (!key->key_len)
        return SC_OK;
    sc_auto_free char *want = message_mac(m, key);
    return verify(m->sig, want, err);
}

int sc_receipts_verify(const struct sc_receipts *r, const char *sig, const struct sc_mesh_key *key,
                       struct sc_err *err)
{
    if (!key->key_len)
        return SC_OK;
    sc_auto_free char *want = sc_receipts_sig(r, key);
    return verify(sig, want, err);
}
