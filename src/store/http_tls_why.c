/* What curl says of a connection that TLS did not let be, in a sentence about whose fault it is,
 * with what to do. Its codes do not tell enough: the words in its text are OpenSSL's. */
#include <string.h>

#include "http_tls.h"
#include "sideclaw/certificate.h"
#include "sideclaw/clock.h"

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
    else if (t->files[SC_TLS_CA].path)
        (void)sc_err_remedy(err,
                            "%s.ca_file, %s, is another authority: put the one there that "
                            "signed it",
                            t->who, t->files[SC_TLS_CA].path);
    else
        (void)sc_err_remedy(err, "set %s.ca_file to the authority that signed it", t->who);
    return true;
}

/* The server wants to see who we are, and was shown nothing, or what it does not believe. Some only
 * say "bad certificate"; that ours is over we can tell ourselves. */
static bool refused(const struct sc_http_tls *t, const char *origin, const char *why,
                    struct sc_err *err)
{
    const struct sc_pem_file *cert = t ? &t->files[SC_TLS_CERT] : NULL;
    struct sc_clock clock = sc_clock_system();
    sc_wall until;
    if (!cert || !cert->path) {
        (void)sc_fail(err, SC_EAWAY, "%s wants a client certificate, and we have none", origin);
        if (t)
            (void)sc_err_remedy(err,
                                "set %s.cert_file and %s.key_file (consul tls cert create -client)",
                                t->who, t->who);
        else
            (void)sc_err_remedy(err, "let it do without: there is no option for one here");
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

static bool own_file(const struct sc_http_tls *t, enum sc_tls_file which, const char *why,
                     struct sc_err *err)
{
    const char *path = t ? t->files[which].path : NULL;
    if (!path) {
        (void)sc_fail(err, SC_EAWAY, "this system's authorities cannot be read: %s", why);
        (void)sc_err_remedy(
            err, t ? "install ca-certificates, or set %s.ca_file" : "install ca-certificates%s",
            who(t));
        return true;
    }
    (void)sc_fail(err, SC_EAWAY, "%s.%s: %s cannot be used: %s", t->who, sc_tls_file_name(which),
                  path, why);
    (void)sc_err_remedy(err, which == SC_TLS_CA
                                 ? "put the authority's certificate there, in PEM form"
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

/* Other alerts (a version, a cipher) are no matter of who we are. */
static bool is_about_us(const char *why)
{
    return mentions(why, "alert") && (mentions(why, "certificate") || mentions(why, "unknown ca") ||
                                      mentions(why, "access denied"));
}

bool sc_http_tls_explain(const struct sc_http_tls *t, const char *origin, CURLcode code,
                         const char *why, struct sc_err *err)
{
    switch ((int)code) {
    case CURLE_PEER_FAILED_VERIFICATION:
        return untrusted(t, origin, why, err);
    case CURLE_SSL_CACERT_BADFILE:
        return own_file(t, SC_TLS_CA, why, err);
    case CURLE_SSL_CERTPROBLEM:
        return own_file(t, SC_TLS_CERT, why, err);
    case CURLE_SSL_CONNECT_ERROR:
        if (mentions(why, "wrong version number") || mentions(why, "packet length too long"))
            return speaks_no_tls(t, origin, err);
        return is_about_us(why) && refused(t, origin, why, err);
    case CURLE_RECV_ERROR: /* with TLS 1.3 the server's word comes after our first request */
    case CURLE_SEND_ERROR:
        return is_about_us(why) && refused(t, origin, why, err);
    default:
        return false;
    }
}
