/* crypto.h: the few primitives we need, all from libsodium. */
#ifndef SIDECLAW_CRYPTO_H
#define SIDECLAW_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sideclaw/buf.h"
#include "sideclaw/err.h"

enum { SC_SHA256_SIZE = 32, SC_ED25519_PUBLIC = 32, SC_ED25519_SECRET = 64, SC_ED25519_SIG = 64 };

int sc_crypto_init(struct sc_err *err) SC_MUST_CHECK;
void sc_hmac_sha256(const void *key, size_t key_len, const void *data, size_t n,
                    uint8_t ret[SC_SHA256_SIZE]);
void sc_sha256(const void *data, size_t n, uint8_t ret[SC_SHA256_SIZE]);
/* Constant time for equal lengths. */
bool sc_secret_eq(const char *a, const char *b);
void sc_random_hex(char *ret, size_t bytes); /* 2 * bytes + 1 */
/* Wipe and free; NULL is fine. */
void sc_secret_free(char *s);

struct sc_keypair {
    uint8_t public_key[SC_ED25519_PUBLIC];
    uint8_t secret_key[SC_ED25519_SECRET];
};
void sc_keypair_new(struct sc_keypair *ret);
void sc_keypair_from_seed(const uint8_t seed[32], struct sc_keypair *ret);
void sc_keypair_sign(const struct sc_keypair *kp, const void *data, size_t n,
                     uint8_t ret[SC_ED25519_SIG]);
/* Base64url without padding, appended. */
void sc_base64url(struct sc_buf *out, const uint8_t *p, size_t n);
void sc_base64(struct sc_buf *out, const uint8_t *p, size_t n);
/* Appends what a padded text means, blanks and line ends aside; false when it is none. */
bool sc_base64_read(struct sc_buf *out, const char *text, size_t n);

#endif
