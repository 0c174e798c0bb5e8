#include <stdio.h>
#include <string.h>

#include "../../../src/store/http_tls.h"
#include "http_fixture.h"
#include "sideclaw/file.h"
#include "support/certificate.h"
#include "support/folder.h"

TestSuite(http_tls, .init = folder_make, .fini = folder_remove);

/* The file's name, in one of a few static buffers. */
static const char *put(const char *name, const char *text)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];
    struct sc_err err = SC_ERR_INIT;
    (void)snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    cr_assert_eq(sc_file_write(path, text, strlen(text), 0600, &err), SC_OK, "%s", err.text);
    return path;
}

static const char *key(const char *head)
{
    static char text[256];
    (void)snprintf(text, sizeof text, "-----BEGIN %s-----\nMC4C\n-----END %s-----\n", head, head);
    return text;
}

Test(http_tls, files_that_cannot_be_used_are_named_with_their_option)
{
    const char *good = put("good", until_2061), *plain = put("plain", key("PRIVATE KEY"));
    const char *locked = put("locked", key("ENCRYPTED PRIVATE KEY"));
    const struct {
        struct sc_http_tls_options o;
        const char *why, *remedy;
    } rows[] = {
        { { .ca_file = plain }, "consul.ca_file: ", "PEM" },
        { { .ca_file = "/nowhere" }, "consul.ca_file: ", "may read it" },
        { { .cert_file = good }, "consul.cert_file and consul.key_file go together", "both" },
        { { .cert_file = plain, .key_file = plain }, "consul.cert_file: ", "PEM" },
        { { .cert_file = good, .key_file = good }, "consul.key_file: ", "PEM" },
        { { .cert_file = good, .key_file = locked }, "passphrase", "openssl pkey" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sc_http_tls_options o = rows[i].o;
        struct sc_err err = SC_ERR_INIT;
        o.who = "consul";
        cr_assert_null(sc_http_tls_new(&o, NULL, &err));
        cr_assert_eq(err.code, SC_ECONFIG);
        cr_assert(strstr(err.text, rows[i].why), "%zu: %s", i, err.text);
        cr_assert(strstr(err.remedy, rows[i].remedy), "%zu: %s", i, err.remedy);
    }
}

Test(http_tls, what_cannot_be_set_changes_nothing)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_http_tls_options o = { .who = "consul",
                                     .cert_file = put("cert", until_2061),
                                     .key_file = put("key", key("EC PRIVATE KEY")),
                                     .name = "server.dc1.consul" };
    struct sc_http_tls *t = sc_http_tls_new(&o, NULL, &err);
    cr_assert(t, "%s", err.text);
    o.ca_file = "/nowhere";
    o.name = NULL;
    cr_assert_eq(sc_http_tls_set(t, &o, &err), SC_ECONFIG);
    sc_auto_free char *host = sc_http_tls_host_header(t, "https://h:1/v1");
    cr_assert_str_eq(host, "Host: h:1", "the name is still there");
    sc_http_tls_free(t);
}

static const char *explain(const struct sc_http_tls *t, CURLcode code, const char *why)
{
    static char text[2 * SC_ERR_TEXT_MAX + 8];
    struct sc_err err = SC_ERR_INIT;
    if (!sc_http_tls_explain(t, "https://h:1", code, why, &err))
        return "";
    cr_assert_eq(err.code, SC_EAWAY);
    cr_assert(*err.text && *err.remedy);
    (void)snprintf(text, sizeof text, "%s | %s", err.text, err.remedy);
    return text;
}

/* As curl 7.88 with OpenSSL 3 words them. */
Test(http_tls, whose_fault_it_is)
{
    struct sc_err err = SC_ERR_INIT;
    const struct sc_http_tls_options none = { .who = "consul" };
    struct sc_http_tls *t = sc_http_tls_new(&none, NULL, &err);
    static const struct {
        CURLcode code;
        const char *why, *said;
    } rows[] = {
        { CURLE_PEER_FAILED_VERIFICATION,
          "SSL certificate problem: unable to get local issuer certificate",
          "believed: unable to get local issuer certificate | set consul.ca_file" },
        { CURLE_PEER_FAILED_VERIFICATION, "SSL certificate problem: certificate has expired",
          "expired | renew the server's certificate" },
        { CURLE_PEER_FAILED_VERIFICATION,
          "SSL: no alternative certificate subject name matches target host name 'x'",
          "'x' | set consul.tls_server_name" },
        { CURLE_SSL_CONNECT_ERROR, "error:0A00010B:SSL routines::wrong version number",
          "does not speak TLS | write http:// in consul.addr" },
        { CURLE_RECV_ERROR,
          "OpenSSL SSL_read: error:0A00045C:SSL routines::tlsv13 alert certificate required, errno "
          "0",
          "wants a client certificate, and we have none | set consul.cert_file" },
        { CURLE_SSL_CONNECT_ERROR, "error:0A000412:SSL routines::sslv3 alert bad certificate",
          "wants a client certificate" },
        { CURLE_SSL_CACERT_BADFILE, "error",
          "this system's authorities cannot be read: error | install ca-certificates, or set" },
        /* These are no matter of certificates. */
        { CURLE_RECV_ERROR, "Connection reset by peer", NULL },
        { CURLE_SSL_CONNECT_ERROR, "OpenSSL SSL_connect: Connection reset by peer", NULL },
        { CURLE_COULDNT_CONNECT, "refused", NULL },
        { CURLE_SSL_CONNECT_ERROR, "error:0A00042E:SSL routines::tlsv1 alert protocol version",
          NULL },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *said = explain(t, rows[i].code, rows[i].why);
        cr_assert(rows[i].said ? strstr(said, rows[i].said) != NULL : !*said, "%zu: %s", i, said);
        (void)explain(NULL, rows[i].code, rows[i].why); /* of an address without options */
    }
    sc_http_tls_free(t);
}

Test(http_tls, a_file_of_ours_that_curl_cannot_use_is_named)
{
    struct sc_err err = SC_ERR_INIT;
    const char *cert = put("cert", until_2061), *plain = put("key", key("EC PRIVATE KEY"));
    const struct sc_http_tls_options o = {
        .who = "consul", .ca_file = cert, .cert_file = cert, .key_file = plain
    };
    struct sc_http_tls *t = sc_http_tls_new(&o, NULL, &err);
    cr_assert(t, "%s", err.text);
    cr_assert(strstr(explain(t, CURLE_SSL_CERTPROBLEM, "unable to set private key file"),
                     "/cert cannot be used: unable to set private key file | see that key and"));
    cr_assert(strstr(explain(t, CURLE_SSL_CACERT_BADFILE, "x"), "consul.ca_file: "));
    cr_assert(strstr(explain(t, CURLE_RECV_ERROR, "tlsv1 alert unknown ca"),
                     "refuses our certificate: alert unknown ca | "));
    sc_http_tls_free(t);
}

static const char *host_header(const char *name, const char *url)
{
    static char text[128];
    struct sc_err err = SC_ERR_INIT;
    const struct sc_http_tls_options o = { .who = "consul", .name = name };
    struct sc_http_tls *t = sc_http_tls_new(&o, NULL, &err);
    sc_auto_free char *header = sc_http_tls_host_header(t, url);
    (void)snprintf(text, sizeof text, "%s", header ? header : "");
    sc_http_tls_free(t);
    return text;
}

Test(http_tls, another_name_is_for_the_certificate_alone)
{
    cr_assert_str_eq(host_header(NULL, "https://h:1/x"), "");
    cr_assert_str_eq(host_header("n", "https://h:1/x"), "Host: h:1");
    cr_assert_str_eq(host_header("n", "https://[::1]:1?x"), "Host: [::1]:1");
    cr_assert_str_eq(host_header("n", "https://u:p@h"), "Host: h");
}
