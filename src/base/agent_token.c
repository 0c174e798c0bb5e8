#include "sideclaw/agent_token.h"

#include <string.h>

#include "sideclaw/buf.h"
#include "sideclaw/crypto.h"
#include "sideclaw/file.h"
#include "sideclaw/mem.h"

enum { HEX_LEN = 2 * SC_AGENT_KEY_SIZE };

static int make(const char *path, struct sc_err *err)
{
    char text[HEX_LEN + 2];
    sc_random_hex(text, SC_AGENT_KEY_SIZE);
    text[HEX_LEN] = '\n';
    text[HEX_LEN + 1] = 0;
    int r = sc_file_write(path, text, HEX_LEN + 1, 0600, err);
    explicit_bzero(text, sizeof text);
    return r;
}

static int digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *p = c ? strchr(digits, c) : NULL;
    return p ? (int)(p - digits) : -1;
}

static int parse(const char *text, struct sc_agent_key *ret)
{
    if (strlen(text) != HEX_LEN)
        return SC_ECONFIG;
    for (size_t i = 0; i < SC_AGENT_KEY_SIZE; i++) {
        int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return SC_ECONFIG;
        ret->b[i] = (uint8_t)(high * 16 + low);
    }
    return SC_OK;
}

int sc_agent_key_load(const char *path, struct sc_agent_key *ret, struct sc_err *err)
{
    char *text = NULL;
    int r = sc_file_read_line(path, HEX_LEN + 2, &text, err);
    if (r == SC_ENOENT) {
        r = make(path, err);
        if (r == SC_OK)
            r = sc_file_read_line(path, HEX_LEN + 2, &text, err);
    }
    if (r == SC_OK && parse(text, ret) < 0) {
        (void)sc_fail(err, SC_ECONFIG, "%s holds no key of %d hex digits", path, HEX_LEN);
        r = sc_err_remedy(err, "remove it: a new one is made, and the agents need new tokens");
    }
    sc_secret_free(text);
    return r;
}

void sc_agent_token(const struct sc_agent_key *key, const char *agent,
                    char ret[SC_AGENT_TOKEN_SIZE])
{
    uint8_t mac[SC_SHA256_SIZE];
    sc_auto_free char *what = sc_xasprintf("mcp:%s", agent);
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    sc_hmac_sha256(key->b, sizeof key->b, what, strlen(what), mac);
    sc_base64url(&text, mac, sizeof mac);
    sc_assert(text.n == SC_AGENT_TOKEN_SIZE - 1);
    memcpy(ret, text.p, text.n + 1);
    explicit_bzero(text.p, text.n);
    explicit_bzero(mac, sizeof mac);
}
