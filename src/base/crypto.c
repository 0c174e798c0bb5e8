#include "sideclaw/crypto.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

int sc_crypto_init(struct sc_err *err)
{
    if (sodium_init() < 0)
        return sc_fail(err, SC_EIO, "libsodium finds no source of random numbers");
    return SC_OK;
}

void sc_hmac_sha256(const void *key, size_t key_len, const void *data, size_t n,
                    uint8_t ret[SC_SHA256_SIZE])
{
    crypto_auth_hmacsha256_state st;
    crypto_auth_hmacsha256_init(&st, key, key_len);
    crypto_auth_hmacsha256_update(&st, data, n);
    crypto_auth_hmacsha256_final(&st, ret);
    sodium_memzero(&st, sizeof st);
}

void sc_sha256(const void *data, size_t n, uint8_t ret[SC_SHA256_SIZE])
{
    (void)crypto_hash_sha256(ret, data, n);
}

bool sc_secret_eq(const char *a, const char *b)
{
    if (!a || !b)
        return false;
    size_t n = strlen(a);
    return n == strlen(b) && sodium_memcmp(a, b, n) == 0;
}

void sc_random_hex(char *ret, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        uint8_t byte;
        randombytes_buf(&byte, 1);
        sc_hex(&byte, 1, ret + 2 * i);
    }
}

void sc_secret_free(char *s)
{
    if (s)
        sodium_memzero(s, strlen(s));
    free(s);
}

void sc_keypair_new(struct sc_keypair *ret)
{
    (void)crypto_sign_keypair(ret->public_key, ret->secret_key);
}

void sc_keypair_from_seed(const uint8_t seed[32], struct sc_keypair *ret)
{
    (void)crypto_sign_seed_keypair(ret->public_key, ret->secret_key, seed);
}

void sc_keypair_sign(const struct sc_keypair *kp, const void *data, size_t n,
                     uint8_t ret[SC_ED25519_SIG])
{
    (void)crypto_sign_detached(ret, NULL, data, n, kp->secret_key);
}

static void base64(struct sc_buf *out, const uint8_t *p, size_t n, int variant)
{
    size_t size = sodium_base64_encoded_len(n, variant);
    char *text = sc_xmalloc(size);
    (void)sodium_bin2base64(text, size, p, n, variant);
    sc_buf_adds(out, text);
    free(text);
}

void sc_base64url(struct sc_buf *out, const uint8_t *p, size_t n)
{
    base64(out, p, n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

void sc_base64(struct sc_buf *out, const uint8_t *p, size_t n)
{
    base64(out, p, n, sodium_base64_VARIANT_ORIGINAL);
}

bool sc_base64_read(struct sc_buf *out, const char *text, size_t n)
{
    uint8_t *bytes = sc_xmalloc(n + 1); /* more than enough: four characters are three bytes */
    const char *end = text;
    size_t len = 0;
    bool ok = sodium_base642bin(bytes, n + 1, text, n, " \t\r\n", &len, &end,
                                sodium_base64_VARIANT_ORIGINAL) == 0 &&
              end == text + n;
    if (ok)
        sc_buf_add(out, bytes, len);
    free(bytes);
    return ok;
}
