/* Who we are to the gateway: an Ed25519 key made once, and the token it gave us for it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway_ws_internal.h"
#include "sideclaw/file.h"
#include "sideclaw/parse.h"

enum { SEED_SIZE = 32, KEY_FILE_MAX = 1024, TOKEN_FILE_MAX = 4096, SECRET_MODE = 0600 };

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hex(const char *hex, uint8_t ret[SEED_SIZE])
{
    if (strlen(hex) != (size_t)2 * SEED_SIZE)
        return false;
    for (size_t i = 0; i < SEED_SIZE; i++) {
        int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        ret[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* The seed as 64 hex digits, from the file or, the first time, into it. */
static int load_seed(const char *path, char **ret_hex, struct sc_err *err)
{
    int r = sc_file_read_line(path, KEY_FILE_MAX, ret_hex, err);
    if (r != SC_ENOENT)
        return r;
    char hex[2 * SEED_SIZE + 1];
    sc_random_hex(hex, SEED_SIZE);
    *ret_hex = sc_xstrdup(hex);
    return sc_file_write(path, hex, strlen(hex), SECRET_MODE, err);
}

static int load_keys(struct gw_device *d, const char *path, struct sc_err *err)
{
    char *hex = NULL;
    uint8_t seed[SEED_SIZE], digest[SC_SHA256_SIZE];
    int r = load_seed(path, &hex, err);
    if (r >= 0 && !read_hex(hex, seed)) {
        r = sc_fail(err, SC_ECONFIG, "%s holds no device key (64 hex digits)", path);
        (void)sc_err_remedy(err, "delete it: a new key is made, and paired at the next log-in");
    }
    sc_secret_free(hex);
    if (r < 0)
        return r;
    sc_keypair_from_seed(seed, &d->keys);
    explicit_bzero(seed, sizeof seed);
    sc_sha256(d->keys.public_key, sizeof d->keys.public_key, digest);
    sc_hex(digest, sizeof digest, d->id);
    return SC_OK;
}

int gw_device_load(struct gw_device *d, const char *state_dir, struct sc_err *err)
{
    sc_auto_free char *key_path = sc_xasprintf("%s/device.key", state_dir);
    d->token_path = sc_xasprintf("%s/device.token", state_dir);
    int r = load_keys(d, key_path, err);
    if (r < 0)
        return r;
    r = sc_file_read_line(d->token_path, TOKEN_FILE_MAX, &d->token, err);
    return r == SC_ENOENT ? SC_OK : r;
}

void gw_device_fini(struct gw_device *d)
{
    explicit_bzero(&d->keys, sizeof d->keys);
    sc_secret_free(sc_steal(&d->token));
    free(sc_steal(&d->token_path));
}

int gw_device_keep_token(struct gw_device *d, const char *token, struct sc_err *err)
{
    if (token ? sc_secret_eq(d->token, token) : !d->token)
        return SC_OK;
    sc_secret_free(d->token);
    d->token = sc_xstrdup(token);
    if (token)
        return sc_file_write(d->token_path, token, strlen(token), SECRET_MODE, err);
    if (unlink(d->token_path) < 0 && errno != ENOENT)
        return sc_fail_errno(err, errno, "remove %s", d->token_path);
    return SC_OK;
}

void gw_device_write_connect(const struct gw_device *d, struct sc_buf *out, int64_t id,
                             const char *token, const char *nonce, int64_t ts)
{
    sc_auto_buf struct sc_buf text = SC_BUF_INIT, key = SC_BUF_INIT, sig = SC_BUF_INIT;
    uint8_t raw[SC_ED25519_SIG];
    sc_gw_device_text(&text, d->id, token, nonce, ts);
    sc_keypair_sign(&d->keys, text.p, text.n, raw);
    explicit_bzero(text.p, text.n); /* it holds the token */
    sc_base64url(&sig, raw, sizeof raw);
    sc_base64url(&key, d->keys.public_key, sizeof d->keys.public_key);
    struct sc_gw_device_proof proof = {
        .device_id = d->id,
        .public_key = sc_buf_str(&key),
        .signature = sc_buf_str(&sig),
        .nonce = nonce,
        .signed_at = ts,
    };
    sc_gw_write_connect(out, id, token, &proof);
}
