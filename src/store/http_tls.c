/* The files are read here and handed to curl as bytes: so what is wrong with one can be said before
 * a connection fails, and connections made with other contents are not reused, for curl compares
 * them. A look at three times of change costs less than the request it precedes. */
#include "http_tls.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sideclaw/buf.h"
#include "sideclaw/certificate.h"
#include "sideclaw/file.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"

static const char *const names[SC_TLS_FILES] = {
    [SC_TLS_CA] = "ca_file", [SC_TLS_CERT] = "cert_file", [SC_TLS_KEY] = "key_file"
};

const char *sc_tls_file_name(enum sc_tls_file f)
{
    return names[f];
}

static bool given(const char *s)
{
    return s && *s;
}

/* ---- one file ---- */

static void pem_fini(struct sc_pem_file *f)
{
    free(f->path);
    if (f->text.p)
        explicit_bzero(f->text.p, f->text.n);
    sc_buf_fini(&f->text);
    *f = (struct sc_pem_file){ .path = NULL };
}

static void note_change(struct sc_pem_file *f)
{
    struct stat st;
    if (stat(f->path, &st) < 0)
        return;
    f->changed = st.st_mtim;
    f->size = st.st_size;
    f->inode = st.st_ino;
}

static bool has_changed(const struct sc_pem_file *f)
{
    struct stat st;
    return f->path && stat(f->path, &st) == 0 &&
           (st.st_mtim.tv_sec != f->changed.tv_sec || st.st_mtim.tv_nsec != f->changed.tv_nsec ||
            st.st_size != f->size || st.st_ino != f->inode);
}

static int check_key(const struct sc_buf *text, struct sc_err *err)
{
    const char *s = sc_buf_str(text);
    if (!strstr(s, "PRIVATE KEY-----"))
        return sc_fail(err, SC_ECONFIG, "it holds no private key in PEM form");
    if (!strstr(s, "ENCRYPTED"))
        return SC_OK;
    (void)sc_fail(err, SC_ECONFIG, "its key has a passphrase, and nobody is here to give it");
    return sc_err_remedy(err, "take the passphrase off (openssl pkey), mode 0600");
}

static int read_pem(const char *who, enum sc_tls_file which, const char *path,
                    struct sc_pem_file *ret, struct sc_err *err)
{
    sc_wall until;
    *ret = (struct sc_pem_file){ .path = sc_xstrdup(path) };
    note_change(ret); /* before reading: a change in between is noticed next time */
    int r = sc_file_read(path, SC_TLS_FILE_MAX, &ret->text, err);
    if (r == SC_OK && which == SC_TLS_KEY)
        r = check_key(&ret->text, err);
    else if (r == SC_OK && sc_certificate_until(ret->text.p, ret->text.n, &until, err) < 0)
        r = sc_err_wrap(err, "%s", path);
    if (r == SC_OK)
        return r;
    pem_fini(ret);
    if (err && !*err->remedy)
        (void)sc_err_remedy(err, "see that the file is PEM and that the sidecar may read it");
    (void)sc_err_wrap(err, "%s.%s", who, names[which]);
    if (err)
        err->code = SC_ECONFIG;
    return SC_ECONFIG;
}

/* ---- all of them ---- */

static void files_fini(struct sc_pem_file files[SC_TLS_FILES])
{
    for (int i = 0; i < SC_TLS_FILES; i++)
        pem_fini(&files[i]);
}

static int read_files(const char *who, const char *const paths[SC_TLS_FILES],
                      struct sc_pem_file ret[SC_TLS_FILES], struct sc_err *err)
{
    memset(ret, 0, SC_TLS_FILES * sizeof *ret);
    if (given(paths[SC_TLS_CERT]) != given(paths[SC_TLS_KEY])) {
        (void)sc_fail(err, SC_ECONFIG, "%s.cert_file and %s.key_file go together", who, who);
        return sc_err_remedy(err, "set both, or none");
    }
    for (int i = 0; i < SC_TLS_FILES; i++) {
        int r =
            given(paths[i]) ? read_pem(who, (enum sc_tls_file)i, paths[i], &ret[i], err) : SC_OK;
        if (r < 0) {
            files_fini(ret);
            return r;
        }
    }
    return SC_OK;
}

int sc_http_tls_set(struct sc_http_tls *t, const struct sc_http_tls_options *o, struct sc_err *err)
{
    struct sc_pem_file files[SC_TLS_FILES];
    const char *const paths[SC_TLS_FILES] = {
        [SC_TLS_CA] = o->ca_file, [SC_TLS_CERT] = o->cert_file, [SC_TLS_KEY] = o->key_file
    };
    int r = read_files(o->who, paths, files, err);
    if (r < 0)
        return r;
    files_fini(t->files);
    memcpy(t->files, files, sizeof files);
    sc_set_str(&t->who, o->who);
    sc_set_str(&t->name, given(o->name) ? o->name : NULL);
    t->unverified = o->unverified;
    t->complaint[0] = '\0';
    return SC_OK;
}

struct sc_http_tls *sc_http_tls_new(const struct sc_http_tls_options *o, struct sc_log *log,
                                    struct sc_err *err)
{
    struct sc_http_tls *t = sc_xcalloc(1, sizeof *t);
    t->log = log;
    if (sc_http_tls_set(t, o, err) == SC_OK)
        return t;
    sc_http_tls_free(t);
    return NULL;
}

void sc_http_tls_free(struct sc_http_tls *t)
{
    if (!t)
        return;
    files_fini(t->files);
    free(t->who);
    free(t->name);
    free(t);
}

/* Whoever renews a certificate writes two files, one after the other: what does not fit together is
 * told by the connection, and the next one finds both. */
static void refresh(struct sc_http_tls *t)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_pem_file files[SC_TLS_FILES];
    bool changed = false;
    const char *paths[SC_TLS_FILES];
    for (int i = 0; i < SC_TLS_FILES; i++) {
        paths[i] = t->files[i].path;
        changed |= has_changed(&t->files[i]);
    }
    if (!changed)
        return;
    if (read_files(t->who, paths, files, &err) == SC_OK) {
        files_fini(t->files);
        memcpy(t->files, files, sizeof files);
        t->complaint[0] = '\0';
        sc_log_info(t->log, "tls.files_read", SC_S("for", t->who));
    } else if (!sc_streq(err.text, t->complaint)) {
        (void)snprintf(t->complaint, sizeof t->complaint, "%s", err.text);
        sc_log_warn(t->log, "tls.files_unusable", SC_S("reason", err.text), SC_S("try", err.remedy),
                    SC_S("instead", "what was read before is used on"));
    }
}

/* ---- a request ---- */

/* The host with its port, of https://HOST[:PORT]/...: ret_host has what is before the port. */
static struct sc_str authority(const char *url, struct sc_str *ret_host)
{
    const char *p = strstr(url, "://") + 3;
    struct sc_str a = { .p = p, .n = strcspn(p, "/?#") };
    const char *at = memrchr(a.p, '@', a.n);
    if (at) {
        a.n -= (size_t)(at + 1 - a.p);
        a.p = at + 1;
    }
    const char *close = a.n && a.p[0] == '[' ? memchr(a.p, ']', a.n) : NULL;
    const char *colon =
        close ? memchr(close, ':', a.n - (size_t)(close - a.p)) : memchr(a.p, ':', a.n);
    *ret_host = (struct sc_str){ .p = a.p, .n = colon ? (size_t)(colon - a.p) : a.n };
    return a;
}

char *sc_http_tls_host_header(const struct sc_http_tls *t, const char *url)
{
    struct sc_str host, a = authority(url, &host);
    return t->name ? sc_xasprintf("Host: %.*s", (int)a.n, a.p) : NULL;
}

/* curl takes the name to ask for and to check from the URL: so the URL gets that name, and the
 * connection is made to where it really is. */
static CURLcode set_name(const struct sc_http_tls *t, CURL *easy, const char *url,
                         struct curl_slist **ret_to)
{
    struct sc_str host, a = authority(url, &host);
    sc_auto_free char *named =
        sc_xasprintf("https://%s%.*s%s", t->name, (int)(a.n - host.n), a.p + host.n, a.p + a.n);
    sc_auto_free char *to = sc_xasprintf("::%.*s:", (int)host.n, host.p);
    *ret_to = curl_slist_append(NULL, to);
    CURLcode r = curl_easy_setopt(easy, CURLOPT_URL, named);
    return r == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_CONNECT_TO, *ret_to) : r;
}

static CURLcode set_blob(CURL *easy, CURLoption option, const struct sc_pem_file *f)
{
    struct curl_blob blob = { .data = f->text.p, .len = f->text.n, .flags = CURL_BLOB_COPY };
    return f->path ? curl_easy_setopt(easy, option, &blob) : CURLE_OK;
}

int sc_http_tls_apply(struct sc_http_tls *t, CURL *easy, const char *url,
                      struct curl_slist **ret_to, struct sc_err *err)
{
    refresh(t);
    CURLcode r = set_blob(easy, CURLOPT_CAINFO_BLOB, &t->files[SC_TLS_CA]);
    if (r == CURLE_OK && t->files[SC_TLS_CA].path) /* not the system's folder of them as well */
        r = curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    if (r == CURLE_OK)
        r = set_blob(easy, CURLOPT_SSLCERT_BLOB, &t->files[SC_TLS_CERT]);
    if (r == CURLE_OK)
        r = set_blob(easy, CURLOPT_SSLKEY_BLOB, &t->files[SC_TLS_KEY]);
    if (r == CURLE_OK && t->name)
        r = set_name(t, easy, url, ret_to);
    if (r != CURLE_OK)
        return sc_fail(err, SC_EIO, "this libcurl cannot do that: %s", curl_easy_strerror(r));
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, t->unverified ? 0L : 1L);
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, t->unverified ? 0L : 2L);
    /* Each connection shows and checks certificates anew: one that was revoked is not remembered.
     */
    (void)curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    return SC_OK;
}
