/* http_tls.h (store): what the http_*.c files share, the only ones that know curl. */
#ifndef SIDECLAW_STORE_HTTP_TLS_H
#define SIDECLAW_STORE_HTTP_TLS_H

#include <curl/curl.h>

#include <sys/stat.h>

#include "sideclaw/buf.h"
#include "sideclaw/http_tls.h"

enum sc_tls_file { SC_TLS_CA, SC_TLS_CERT, SC_TLS_KEY, SC_TLS_FILES };

struct sc_pem_file {
    char *path; /* NULL: not given */
    struct sc_buf text;
    struct timespec changed;
    off_t size;
    ino_t inode;
};

struct sc_http_tls {
    struct sc_log *log;
    char *who, *name;
    bool unverified;
    struct sc_pem_file files[SC_TLS_FILES];
    char complaint[SC_ERR_TEXT_MAX]; /* said once */
};

/* "ca_file": the last part of its option. */
const char *sc_tls_file_name(enum sc_tls_file f);
/* Reads the files again if they changed (what cannot be used is said once, and the old contents
 * stay), and sets up a request to `url`, which is https. *ret_to is to be freed after it. */
int sc_http_tls_apply(struct sc_http_tls *t, CURL *easy, const char *url,
                      struct curl_slist **ret_to, struct sc_err *err) SC_MUST_CHECK;
/* The "Host: ..." that such a request needs beside its URL; NULL: none. The caller frees. */
char *sc_http_tls_host_header(const struct sc_http_tls *t, const char *url);
/* http_tls_why.c: true when it was TLS that failed: err says whose fault it is. t may be NULL.
 * `why` is curl's. */
bool sc_http_tls_explain(const struct sc_http_tls *t, const char *origin, CURLcode code,
                         const char *why, struct sc_err *err);

#endif
