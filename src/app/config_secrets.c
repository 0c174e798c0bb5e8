/* config_secrets.c: secrets from their files; the one file we make ourselves; who else can read
 * them. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_reader.h"
#include "sideclaw/crypto.h"
#include "sideclaw/file.h"
#include "sideclaw/mem.h"

enum { TOKEN_BYTES = 24, TOKEN_LEN = 48 /* in hex */ };

/* Each secret and the option that names its file. */
static const struct {
    const char *secret, *file;
} pairs[] = {
    { "gateway.token", "gateway.token_file" },
    { "consul.token", "consul.token_file" },
    { "redis.password", "redis.password_file" },
    { "redis.sentinel_password", "redis.sentinel_password_file" },
    { "http.token", "http.token_file" },
    { "mesh.key", "mesh.key_file" },
};

static int read_secret(struct sc_config *c, const struct sc_option *secret,
                       const struct sc_option *file, struct sc_err *err)
{
    const char *path = *sc_option_str(c, file);
    if (!*path || **sc_option_str(c, secret))
        return SC_OK;
    char *text = NULL;
    int r = sc_file_read_line(path, (size_t)secret->max + 2, &text, err);
    if (r == SC_OK && !*text)
        r = sc_fail(err, SC_ECONFIG, "%s is empty", path);
    if (r == SC_OK)
        r = sc_option_set_str(c, secret, text, err);
    sc_secret_free(text);
    return r;
}

/* The token of the HTTP API: made once, for its owner's eyes. */
static int make_http_token(struct sc_config *c, struct sc_err *err)
{
    if (*c->http_token || access(c->http_token_file, F_OK) == 0 || errno != ENOENT)
        return SC_OK;
    char token[TOKEN_LEN + 2];
    sc_random_hex(token, TOKEN_BYTES);
    token[TOKEN_LEN] = '\n';
    token[TOKEN_LEN + 1] = 0;
    sc_auto_free char *folder = sc_xstrdup(c->http_token_file);
    char *slash = strrchr(folder, '/');
    int r = SC_OK;
    if (slash && slash != folder) {
        *slash = 0;
        r = sc_mkdirs(folder, err);
    }
    if (r == SC_OK)
        r = sc_file_write(c->http_token_file, token, strlen(token), 0600, err);
    explicit_bzero(token, sizeof token);
    if (r < 0)
        return sc_err_remedy(err, "make it writable, or set state_dir or http.token_file");
    return SC_OK;
}

int sc_config_secrets(struct sc_config *c, struct sc_err *err)
{
    struct sc_err inner = SC_ERR_INIT;
    if (c->http_enabled && make_http_token(c, &inner) < 0) {
        (void)sc_err_wrap(&inner, "key `http.token_file`");
        if (err)
            *err = inner;
        return SC_ECONFIG;
    }
    for (size_t i = 0; i < SC_ARRAY_LEN(pairs); i++) {
        const struct sc_option *secret = sc_option_find(pairs[i].secret);
        const struct sc_option *file = sc_option_find(pairs[i].file);
        if (sc_streq(secret->key, "http.token") && !c->http_enabled)
            continue;
        if (read_secret(c, secret, file, &inner) == SC_OK)
            continue;
        (void)sc_err_wrap(&inner, "key `%s`", file->key);
        inner.code = SC_ECONFIG;
        if (err)
            *err = inner;
        return SC_ECONFIG;
    }
    return SC_OK;
}

static void check_mode(struct sc_config_reader *r, const char *path, const char *what)
{
    struct stat st;
    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || !(st.st_mode & (S_IRGRP | S_IROTH)))
        return;
    struct sc_err err = SC_ERR_INIT;
    (void)sc_fail(&err, SC_ECONFIG, "it holds %s, and other users may read it", what);
    (void)sc_err_remedy(&err, "chmod 600 %s", path);
    sc_config_warn(r, &err, "%s", path);
}

void sc_config_check_modes(struct sc_config_reader *r, const char *file)
{
    if (file && r->secret_in_file)
        check_mode(r, file, "a secret");
    for (size_t i = 0; i < SC_ARRAY_LEN(pairs); i++) {
        const char *path = *sc_option_str(r->c, sc_option_find(pairs[i].file));
        if (*path)
            check_mode(r, path, "a secret");
    }
}
