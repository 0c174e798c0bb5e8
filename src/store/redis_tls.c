#include "redis_tls.h"

#ifdef SC_REDIS_TLS

#include <hiredis/hiredis.h>
#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "sideclaw/mem.h"

struct sc_redis_tls {
    SSL_CTX *ctx;
};

int sc_redis_tls_check(struct sc_err *err)
{
    (void)err;
    return SC_OK;
}

static bool given(const char *file)
{
    return file && file[0];
}

/* Not hiredis's own redisCreateSSLContext: with it the name in the certificate is never checked. */
static int load(SSL_CTX *ctx, const char *ca, const char *cert, const char *key, struct sc_err *err)
{
    if (given(ca) ? SSL_CTX_load_verify_locations(ctx, ca, NULL) != 1
                  : SSL_CTX_set_default_verify_paths(ctx) != 1)
        return sc_fail(err, SC_ECONFIG, "redis.ca_file: %s holds no certificate that can be read",
                       given(ca) ? ca : "the system's store");
    if (given(cert) != given(key))
        return sc_fail(err, SC_ECONFIG, "redis.cert_file and redis.key_file go together");
    if (given(cert) && SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
        return sc_fail(err, SC_ECONFIG, "redis.cert_file: %s cannot be used", cert);
    if (given(key) && SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
        return sc_fail(err, SC_ECONFIG, "redis.key_file: %s cannot be used", key);
    return SC_OK;
}

struct sc_redis_tls *sc_redis_tls_new(const char *ca_file, const char *cert_file,
                                      const char *key_file, struct sc_err *err)
{
    struct sc_redis_tls *t = sc_xcalloc(1, sizeof *t);
    t->ctx = SSL_CTX_new(TLS_client_method());
    sc_assert(t->ctx); /* only without memory */
    SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, NULL);
    (void)SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION); /* a known version */
    ERR_clear_error();
    if (load(t->ctx, ca_file, cert_file, key_file, err) == SC_OK)
        return t;
    (void)sc_err_remedy(err, "see that the file is PEM and that the sidecar may read it");
    sc_redis_tls_free(t);
    return NULL;
}

void sc_redis_tls_free(struct sc_redis_tls *t)
{
    if (!t)
        return;
    SSL_CTX_free(t->ctx);
    free(t);
}

struct ssl_st *sc_redis_tls_begin(struct sc_redis_tls *t, void *redis_context, const char *host,
                                  char *ret_why, size_t size)
{
    SSL *ssl = SSL_new(t->ctx);
    sc_assert(ssl);
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    /* An address is checked as one; server names are for names only. */
    if (X509_VERIFY_PARAM_set1_ip_asc(param, host) != 1) {
        (void)SSL_set1_host(ssl, host);
        (void)SSL_set_tlsext_host_name(ssl, host);
    }
    if (redisInitiateSSL(redis_context, ssl) == REDIS_OK)
        return ssl;
    if (!sc_redis_tls_why(ssl, ret_why, size))
        (void)snprintf(ret_why, size, "TLS: no session");
    SSL_free(ssl);
    return NULL;
}

bool sc_redis_tls_why(const struct ssl_st *session, char *ret, size_t size)
{
    long verdict = SSL_get_verify_result(session);
    unsigned long last = ERR_peek_last_error();
    ERR_clear_error();
    if (verdict != X509_V_OK)
        (void)snprintf(ret, size, "TLS certificate: %s", X509_verify_cert_error_string(verdict));
    else if (ERR_GET_LIB(last) == ERR_LIB_SSL)
        (void)snprintf(ret, size, "TLS: %s", ERR_reason_error_string(last));
    else
        return false;
    return true;
}

#else

static void refuse(struct sc_err *err)
{
    (void)sc_fail(err, SC_ECONFIG, "TLS (rediss://) is not built in: hiredis was older than 1.0");
    (void)sc_err_remedy(err, "build with hiredis 1.0 or newer and its hiredis_ssl; or use "
                             "redis:// over a private network or through a tunnel (stunnel)");
}

int sc_redis_tls_check(struct sc_err *err)
{
    refuse(err);
    return SC_ECONFIG;
}

struct sc_redis_tls *sc_redis_tls_new(const char *ca_file, const char *cert_file,
                                      const char *key_file, struct sc_err *err)
{
    (void)ca_file;
    (void)cert_file;
    (void)key_file;
    refuse(err);
    return NULL;
}

void sc_redis_tls_free(struct sc_redis_tls *t)
{
    (void)t;
}

struct ssl_st *sc_redis_tls_begin(struct sc_redis_tls *t, void *redis_context, const char *host,
                                  char *ret_why, size_t size)
{
    (void)t;
    (void)redis_context;
    (void)host;
    (void)ret_why;
    (void)size;
    return NULL;
}

bool sc_redis_tls_why(const struct ssl_st *session, char *ret, size_t size)
{
    (void)session;
    (void)ret;
    (void)size;
    return false;
}

#endif
