#include "redis_url.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "redis_tls.h"
#include "sideclaw/buf.h"
#include "sideclaw/crypto.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"
#include "sideclaw/redis_transport.h"

enum { REDIS_PORT = 6379, SENTINEL_PORT = 26379, HOST_MAX = 253 };

static const struct scheme {
    const char *text;
    bool tls, sentinel;
} schemes[] = {
    { "redis://", false, false },
    { "rediss://", true, false },
    { "redis+sentinel://", false, true },
    { "rediss+sentinel://", true, true },
};

static const char plain_form[] = "write it as redis://[[USER]:PASSWORD@]HOST[:PORT][/DB]";
static const char sentinel_form[] = "write it as redis+sentinel://[[USER]:PASSWORD@]SENTINEL[:PORT]"
                                    "[,SENTINEL[:PORT]...]/PRIMARY[/DB]";

static int wrong(struct sc_err *err, const char *what)
{
    (void)sc_fail(err, SC_ECONFIG, "%s", what);
    (void)sc_err_remedy(err, "%s", plain_form);
    return SC_ECONFIG;
}

static const struct scheme *find_scheme(const char *url)
{
    for (size_t i = 0; i < SC_ARRAY_LEN(schemes); i++)
        if (strncmp(url, schemes[i].text, strlen(schemes[i].text)) == 0)
            return &schemes[i];
    return NULL;
}

static int wrong_scheme(const char *url, struct sc_err *err)
{
    /* Other clients' spellings of the same thing. */
    if (strncmp(url, "redis-sentinel://", 17) == 0 || strncmp(url, "sentinel://", 11) == 0)
        (void)sc_fail(err, SC_ECONFIG, "that is not how Sentinel is written here");
    else
        return wrong(err, "it does not begin with redis://");
    (void)sc_err_remedy(err, "%s", sentinel_form);
    return SC_ECONFIG;
}

static int hex_digit(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* NULL for a broken escape or an encoded NUL. The caller's. */
static char *decode(struct sc_str s)
{
    char *out = sc_xmalloc(s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '%') {
            if (i + 2 >= s.n || !isxdigit((unsigned char)s.p[i + 1]) ||
                !isxdigit((unsigned char)s.p[i + 2]))
                break;
            c = (char)(hex_digit(s.p[i + 1]) * 16 + hex_digit(s.p[i + 2]));
            i += 2;
        }
        if (c == 0)
            break;
        out[n++] = c;
        if (i + 1 == s.n) {
            out[n] = 0;
            return out;
        }
    }
    out[n] = 0;
    sc_secret_free(out);
    return NULL;
}

static int parse_userinfo(struct sc_str s, struct sc_redis_url *u, struct sc_err *err)
{
    const char *colon = memchr(s.p, ':', s.n);
    struct sc_str user = { .p = s.p, .n = colon ? (size_t)(colon - s.p) : s.n };
    if (user.n > 0 && !(u->user = decode(user)))
        return wrong(err, "the user has a broken percent escape");
    if (!colon)
        return wrong(err, "there is a user but no password (':' is missing)");
    struct sc_str password = { .p = colon + 1, .n = s.n - user.n - 1 };
    if (password.n > 0 && !(u->password = decode(password)))
        return wrong(err, "the password has a broken percent escape");
    if (u->user && !u->password)
        return wrong(err, "there is a user but no password");
    return SC_OK;
}

static int parse_port(struct sc_str s, struct sc_redis_addr *ret, struct sc_err *err)
{
    int64_t port;
    char text[8];
    if (s.n == 0 || s.n >= sizeof text)
        return wrong(err, "the port is not a number from 1 to 65535");
    memcpy(text, s.p, s.n);
    text[s.n] = 0;
    if (sc_parse_i64(text, 1, UINT16_MAX, &port, NULL) < 0)
        return wrong(err, "the port is not a number from 1 to 65535");
    ret->port = (uint16_t)port;
    return SC_OK;
}

static bool host_ok(struct sc_str s)
{
    if (s.n == 0 || s.n > HOST_MAX)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!isalnum((unsigned char)s.p[i]) && !strchr(".-_:", s.p[i]))
            return false;
    return true;
}

/* ret->port is the default one, to start with. */
static int parse_host_port(struct sc_str s, struct sc_redis_addr *ret, struct sc_err *err)
{
    struct sc_str host = s, rest;
    if (s.n > 0 && s.p[0] == '[') {
        const char *end = memchr(s.p, ']', s.n);
        if (!end)
            return wrong(err, "the address has '[' but no ']'");
        host = (struct sc_str){ .p = s.p + 1, .n = (size_t)(end - s.p) - 1 };
        rest = (struct sc_str){ .p = end + 1, .n = s.n - host.n - 2 };
    } else {
        const char *colon = memchr(s.p, ':', s.n);
        if (colon)
            host.n = (size_t)(colon - s.p);
        rest = (struct sc_str){ .p = s.p + host.n, .n = s.n - host.n };
    }
    if (!host_ok(host))
        return wrong(err, "the host is missing or has characters that no host has");
    ret->host = sc_xstrndup(host.p, host.n);
    if (rest.n == 0)
        return SC_OK;
    if (rest.p[0] != ':')
        return wrong(err, "after the host comes ':PORT' or '/DB'");
    return parse_port((struct sc_str){ .p = rest.p + 1, .n = rest.n - 1 }, ret, err);
}

static int parse_db(const char *path, struct sc_redis_url *u, struct sc_err *err)
{
    int64_t db = 0;
    if (path[0] == '/' && path[1] != 0 && sc_parse_i64(path + 1, 0, SC_REDIS_DB_MAX, &db, NULL) < 0)
        return wrong(err, "the database is not a number");
    if (path[0] != '/' && path[0] != 0)
        return wrong(err, "'?' and '#' mean nothing in it");
    u->db = (int)db;
    return SC_OK;
}

/* "/PRIMARY[/DB]": the name is Sentinel's, and has its characters. */
static int parse_primary(const char *path, struct sc_redis_url *u, struct sc_err *err)
{
    struct sc_str name = { .p = path + 1, .n = path[0] == '/' ? strcspn(path + 1, "/?#") : 0 };
    if (name.n == 0 || name.n > SC_NAME_MAX)
        return wrong(err, "it does not name the primary");
    for (size_t i = 0; i < name.n; i++)
        if (!isalnum((unsigned char)name.p[i]) && !strchr(".-_", name.p[i]))
            return wrong(err, "the primary's name has characters that none has");
    u->primary = sc_xstrndup(name.p, name.n);
    return parse_db(name.p + name.n, u, err);
}

static int parse_sentinels(struct sc_str s, struct sc_redis_url *u, struct sc_err *err)
{
    const char *end = s.p + s.n;
    u->sentinels = sc_xcalloc(SC_REDIS_SENTINELS_MAX, sizeof *u->sentinels);
    for (const char *p = s.p; p <= end; p++) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        struct sc_str one = { .p = p, .n = (size_t)((comma ? comma : end) - p) };
        if (u->n_sentinels == SC_REDIS_SENTINELS_MAX)
            return wrong(err, "it lists too many sentinels");
        struct sc_redis_addr *at = &u->sentinels[u->n_sentinels++];
        at->port = SENTINEL_PORT;
        if (parse_host_port(one, at, err) < 0)
            return SC_ECONFIG;
        p = one.p + one.n;
    }
    return SC_OK;
}

static int parse_place(const struct scheme *scheme, struct sc_str authority, const char *path,
                       struct sc_redis_url *u, struct sc_err *err)
{
    if (!scheme->sentinel) {
        u->at.port = REDIS_PORT;
        int r = parse_host_port(authority, &u->at, err);
        return r == SC_OK ? parse_db(path, u, err) : r;
    }
    if (parse_sentinels(authority, u, err) == SC_OK && parse_primary(path, u, err) == SC_OK)
        return SC_OK;
    (void)sc_err_remedy(err, "%s", sentinel_form);
    return SC_ECONFIG;
}

static int parse(const char *url, struct sc_redis_url *u, struct sc_err *err)
{
    if (strlen(url) > SC_REDIS_URL_MAX)
        return wrong(err, "it is too long");
    const struct scheme *scheme = find_scheme(url);
    if (!scheme)
        return wrong_scheme(url, err);
    u->tls = scheme->tls;
    if (u->tls && sc_redis_tls_check(err) < 0)
        return SC_ECONFIG;
    const char *p = url + strlen(scheme->text);
    struct sc_str authority = { .p = p, .n = strcspn(p, "/?#") };
    /* The last '@', so that one in a password needs no escape. */
    const char *at = memrchr(authority.p, '@', authority.n);
    const char *path = authority.p + authority.n;
    if (at) {
        struct sc_str userinfo = { .p = p, .n = (size_t)(at - p) };
        if (parse_userinfo(userinfo, u, err) < 0)
            return SC_ECONFIG;
        authority = (struct sc_str){ .p = at + 1, .n = (size_t)(path - at) - 1 };
    }
    return parse_place(scheme, authority, path, u, err);
}

int sc_redis_url_parse(const char *url, struct sc_redis_url *ret, struct sc_err *err)
{
    struct sc_redis_url u = { 0 };
    int r = parse(url ? url : "", &u, err);
    if (r == SC_OK)
        *ret = u;
    else
        sc_redis_url_fini(&u);
    return r;
}

int sc_redis_url_check(const char *url, struct sc_err *err)
{
    struct sc_redis_url u = { 0 };
    int r = sc_redis_url_parse(url, &u, err);
    sc_redis_url_fini(&u);
    return r;
}

void sc_redis_url_fini(struct sc_redis_url *u)
{
    free(u->at.host);
    free(u->user);
    sc_secret_free(u->password);
    free(u->primary);
    for (size_t i = 0; i < u->n_sentinels; i++)
        free(u->sentinels[i].host);
    free(u->sentinels);
    sc_secret_free(u->sentinel_password);
    *u = (struct sc_redis_url){ 0 };
}
