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

enum which { CA, CERT, KEY, FILES };

static const char *const names[FILES] = {
    [CA] = "ca_file", [CERT] = "cert_file", [KEY] = "key_file"
};

struct pem {
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
    struct pem files[FILES];
    char complaint[SC_ERR_TEXT_MAX]; /* said once */
};

static bool given(const char *s)
{
    return s && *s;
}

/* ---- one file ---- */

static void pem_fini(struct pem *f)
{
    free(f->path);
    if (f->text.p)
        explicit_bzero(f->text.p, f->text.n);
    sc_buf_fini(&f->text);
    *f = (struct pem){ .path = NULL };
}

static void note_change(struct pem *f)
{
    struct stat st;
    if (stat(f->path, &st) < 0)
        return;
    f->changed = st.st_mtim;
    f->size = st.st_size;
    f->inode = st.st_ino;
}

static bool has_changed(const struct pem *f)
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

static int read_pem(const char *who, enum which which, const char *path, struct pem *ret,
                    struct sc_err *err)
{
    sc_wall until;
    *ret = (struct pem){ .path = sc_xstrdup(path) };
    note_change(ret); /* before reading: a change in between is noticed next time */
    int r = sc_file_read(path, SC_TLS_FILE_MAX, &ret->text, err);
    if (r == SC_OK && which == KEY)
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

static void files_fini(struct pem files[FILES])
{
    for (int i = 0; i < FILES; i++)
        pem_fini(&files[i]);
}

static int read_files(const char *who, const char *const paths[FILES], struct pem ret[FILES],
                      struct sc_err *err)
{
    memset(ret, 0, FILES * sizeof *ret);
    if (given(paths[CERT]) != given(paths[KEY])) {
        (void)sc_fail(err, SC_ECONFIG, "%s.cert_file and %s.key_file go together", who, who);
        return sc_err_remedy(err, "set both, or none");
    }
    for (int i = 0; i < FILES; i++) {
        int r = given(paths[i]) ? read_pem(who, (enum which)i, paths[i], &ret[i], err) : SC_OK;
        if (r < 0) {
            files_fini(ret);
            return r;
        }
    }
    return SC_OK;
}

int sc_http_tls_set(struct sc_http_tls *t, const struct sc_http_tls_options *o, struct sc_err *err)
{
    struct pem files[FILES];
    const char *const paths[FILES] = {
        [CA] = o->ca_file, [CERT] = o->cert_file, [KEY] = o->key_file
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
    struct pem files[FILES];
    bool changed = false;
    const char *paths[FILES];
    for (int i = 0; i < FILES; i++) {
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

static CURLcode set_blob(CURL *easy, CURLoption option, const struct pem *f)
{
    struct curl_blob blob = { .data = f->text.p, .len = f->text.n, .flags = CURL_BLOB_COPY };
    return f->path ? curl_easy_setopt(easy, option, &blob) : CURLE_OK;
}

int sc_http_tls_apply(struct sc_http_tls *t, CURL *easy, const char *url,
                      struct curl_slist **ret_to, struct sc_err *err)
{
    refresh(t);
    CURLcode r = set_blob(easy, CURLOPT_CAINFO_BLOB, &t->files[CA]);
    if (r == CURLE_OK && t->files[CA].path) /* not the system's folder of them as well */
        r = curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    if (r == CURLE_OK)
        r = set_blob(easy, CURLOPT_SSLCERT_BLOB, &t->files[CERT]);
    if (r == CURLE_OK)
        r = set_blob(easy, CURLOPT_SSLKEY_BLOB, &t->files[KEY]);
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

/* ---- what went wrong ---- */

static const char *who(const struct sc_http_tls *t)
{
    return t ? t->who : "";
}

static bool mentions(const char *why, const char *words)
{
    return strcasestr(why, words) != NULL;
}

static bool untrusted(const struct sc_http_tls *t, const char *origin, const char *why,
                      struct sc_err *err)
{
    const char *colon = strstr(why, ": ");
    (void)sc_fail(err, SC_EAWAY, "%s has a certificate that is not believed: %s", origin,
                  colon ? colon + 2 : why);
    if (mentions(why, "expired") || mentions(why, "not yet valid"))
        (void)sc_err_remedy(err, "renew the server's certificate, or set this machine's clock");
    else if (!t)
        (void)sc_err_remedy(err, "let an authority that this machine trusts sign it");
    else if (mentions(why, "subject name"))
        (void)sc_err_remedy(err,
                            "set %s.tls_server_name to a name that is in it (of Consul's "
                            "servers: server.<datacenter>.consul)",
                            t->who);
    else if (t->files[CA].path)
        (void)sc_err_remedy(err,
                            "%s.ca_file, %s, is another authority: put the one there that "
                            "signed it",
                            t->who, t->files[CA].path);
    else
        (void)sc_err_remedy(err, "set %s.ca_file to the authority that signed it", t->who);
    return true;
}

/* The server wants to see who we are, and was shown nothing, or what it does not believe. Some only
 * say "bad certificate"; that ours is over we can tell ourselves. */
static bool refused(const struct sc_http_tls *t, const char *origin, const char *why,
                    struct sc_err *err)
{
    const struct pem *cert = t ? &t->files[CERT] : NULL;
    struct sc_clock clock = sc_clock_system();
    sc_wall until;
    if (!cert || !cert->path) {
        (void)sc_fail(err, SC_EAWAY, "%s wants a client certificate, and we have none", origin);
        (void)sc_err_remedy(err,
                            "set %s.cert_file and %s.key_file (consul tls cert create -client)",
                            who(t), who(t));
        return true;
    }
    if (sc_certificate_until(cert->text.p, cert->text.n, &until, NULL) == SC_OK &&
        until.ms < sc_clock_wall(&clock).ms) {
        char text[SC_RFC3339_SIZE];
        sc_wall_format_s(until, text);
        (void)sc_fail(err, SC_EAWAY, "%s refuses our certificate, which expired at %s", origin,
                      text);
        (void)sc_err_remedy(err,
                            "put a new one into %s (consul tls cert create -client): it is "
                            "used at once",
                            cert->path);
        return true;
    }
    const char *alert = strstr(why, "alert ");
    (void)sc_fail(err, SC_EAWAY, "%s refuses our certificate: %.60s", origin, alert ? alert : why);
    (void)sc_err_remedy(err,
                        "%s must be signed by an authority that the server trusts (for Consul "
                        "its ca_file)",
                        cert->path);
    return true;
}

static bool own_file(const struct sc_http_tls *t, enum which which, const char *why,
                     struct sc_err *err)
{
    (void)sc_fail(err, SC_EAWAY, "%s.%s: %s cannot be used: %s", who(t), names[which],
                  t && t->files[which].path ? t->files[which].path : "(none)", why);
    (void)sc_err_remedy(err, which == CA ? "put the authority's certificate there, in PEM form"
                                         : "see that key and certificate belong together");
    return true;
}

static bool speaks_no_tls(const struct sc_http_tls *t, const char *origin, struct sc_err *err)
{
    (void)sc_fail(err, SC_EAWAY, "%s does not speak TLS", origin);
    (void)sc_err_remedy(err,
                        *who(t) ? "write http:// in %s.addr, or the port of its HTTPS (8501)"
                                : "write http:// in its address%s",
                        who(t));
    return true;
}

bool sc_http_tls_explain(const struct sc_http_tls *t, const char *origin, CURLcode code,
                         const char *why, struct sc_err *err)
{
    bool alert = mentions(why, "alert");
    switch ((int)code) {
    case CURLE_PEER_FAILED_VERIFICATION:
        return untrusted(t, origin, why, err);
    case CURLE_SSL_CACERT_BADFILE:
        return own_file(t, CA, why, err);
    case CURLE_SSL_CERTPROBLEM:
        return own_file(t, CERT, why, err);
    case CURLE_SSL_CONNECT_ERROR:
        if (mentions(why, "wrong version number") || mentions(why, "packet length too long"))
            return speaks_no_tls(t, origin, err);
        return alert && refused(t, origin, why, err);
    case CURLE_RECV_ERROR: /* with TLS 1.3 the server's word comes after our first request */
    case CURLE_SEND_ERROR:
        return alert && refused(t, origin, why, err);
    default:
        return false;
    }
}
