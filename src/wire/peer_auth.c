/* Authorization: Sideclaw from=GATEWAY, to=GATEWAY, at=MS, nonce=SESSION.NUMBER, mac=HEX
 * The fields come in this order and no other: one way to write it is one way to read it. */
#include <inttypes.h>
#include <string.h>

#include "sideclaw/crypto.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"
#include "sideclaw/peer_wire.h"

static const char scheme[] = "Sideclaw ";

/* Netstrings, as in message_sig.c: no field can be shifted into its neighbour. */
static void field(struct sc_buf *b, const char *s)
{
    sc_buf_addf(b, "%zu:%s,", strlen(s), s);
}

static void mac_of(const struct sc_peer_auth *a, const struct sc_peer_post *post,
                   const struct sc_mesh_key *key, char ret[SC_PEER_MAC_SIZE])
{
    sc_auto_buf struct sc_buf b = SC_BUF_INIT;
    uint8_t sum[SC_SHA256_SIZE], mac[SC_SHA256_SIZE];
    char body[2 * SC_SHA256_SIZE + 1], number[24];
    sc_sha256(post->body, post->n, sum);
    sc_hex(sum, sizeof sum, body);
    field(&b, "sideclaw-peer-1");
    field(&b, post->method);
    field(&b, post->path);
    field(&b, a->to);
    field(&b, a->from);
    (void)snprintf(number, sizeof number, "%" PRId64, a->at.ms);
    field(&b, number);
    field(&b, a->session);
    (void)snprintf(number, sizeof number, "%" PRId64, a->number);
    field(&b, number);
    field(&b, body);
    sc_hmac_sha256(key->key, key->key_len, b.p, b.n, mac);
    sc_hex(mac, sizeof mac, ret);
}

void sc_peer_auth_sign(const struct sc_peer_auth *a, const struct sc_peer_post *post,
                       const struct sc_mesh_key *key, struct sc_buf *out)
{
    char mac[SC_PEER_MAC_SIZE];
    mac_of(a, post, key, mac);
    sc_buf_addf(out, "%sfrom=%s, to=%s, at=%" PRId64 ", nonce=%s.%" PRId64 ", mac=%s", scheme,
                a->from, a->to, a->at.ms, a->session, a->number, mac);
}

/* "name=value" up to `end`, into size bytes; moves on behind the end. */
static bool take(const char **p, const char *name, char end, char *ret, size_t size)
{
    size_t n = strlen(name);
    if (strncmp(*p, name, n) != 0)
        return false;
    const char *value = *p + n, *stop = strchr(value, end);
    if (!stop || (size_t)(stop - value) >= size)
        return false;
    memcpy(ret, value, (size_t)(stop - value));
    ret[stop - value] = '\0';
    *p = end ? stop + 1 : stop;
    return true;
}

static bool take_number(const char **p, const char *name, char end, int64_t *ret)
{
    char text[24];
    return take(p, name, end, text, sizeof text) &&
           sc_parse_i64(text, 1, INT64_MAX, ret, NULL) == SC_OK;
}

static bool is_hex(const char *s, size_t n)
{
    return strlen(s) == n && strspn(s, "0123456789abcdef") == n;
}

static bool parse(const char *p, struct sc_peer_auth *a)
{
    if (strncmp(p, scheme, sizeof scheme - 1) != 0)
        return false;
    p += sizeof scheme - 1;
    return take(&p, "from=", ',', a->from, sizeof a->from) &&
           take(&p, " to=", ',', a->to, sizeof a->to) && take_number(&p, " at=", ',', &a->at.ms) &&
           take(&p, " nonce=", '.', a->session, sizeof a->session) &&
           take_number(&p, "", ',', &a->number) && take(&p, " mac=", '\0', a->mac, sizeof a->mac) &&
           is_hex(a->session, sizeof a->session - 1) && is_hex(a->mac, sizeof a->mac - 1) &&
           sc_name_check("from", a->from, NULL) == SC_OK &&
           sc_name_check("to", a->to, NULL) == SC_OK;
}

int sc_peer_auth_parse(const char *header, struct sc_peer_auth *ret, struct sc_err *err)
{
    struct sc_peer_auth a = { .from = "" };
    if (header && parse(header, &a)) {
        *ret = a;
        return SC_OK;
    }
    (void)sc_fail(err, SC_EAUTH,
                  header ? "the Authorization header is not a sidecar's"
                         : "only other sidecars may come here");
    return sc_err_remedy(err, "people and programs use /v1; sidecars sign with the mesh.key");
}

int sc_peer_auth_verify(const struct sc_peer_auth *a, const struct sc_peer_post *post,
                        const struct sc_mesh_key *key, struct sc_err *err)
{
    char want[SC_PEER_MAC_SIZE];
    sc_assert(key->key_len > 0);
    mac_of(a, post, key, want);
    if (sc_secret_eq(a->mac, want))
        return SC_OK;
    (void)sc_fail(err, SC_EAUTH, "signed with another mesh key, or changed on its way");
    return sc_err_remedy(err, "give every gateway the same mesh.key (mesh.key_file)");
}

const char *sc_peer_refusal_name(enum sc_peer_refusal r)
{
    static const char *const names[SC_PEER_REFUSALS] = {
        [SC_PEER_REFUSED_OFF] = "off",       [SC_PEER_REFUSED_UNKNOWN] = "unknown",
        [SC_PEER_REFUSED_CLOCK] = "clock",   [SC_PEER_REFUSED_TARGET] = "target",
        [SC_PEER_REFUSED_REPLAY] = "replay", [SC_PEER_REFUSED_BODY] = "body",
    };
    return names[r];
}
