#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "sideclaw/buf.h"
#include "sideclaw/certificate.h"
#include "sideclaw/crypto.h"
#include "sideclaw/mem.h"
#include "support/certificate.h"

/* Made by openssl req -x509; the end of its time is the only thing that matters here. */
static const char until_2031[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBLDCB36ADAgECAhRI9Kvuh0MYxPIcTaGCM2Xtg9UJJzAFBgMrZXAwDDEKMAgG\n"
    "A1UEAwwBYTAeFw0zMDAxMDIwMzA0MDVaFw0zMTAxMDIwMzA0MDVaMAwxCjAIBgNV\n"
    "BAMMAWEwKjAFBgMrZXADIQCRCbn3ExC0Jd9V849SkECb5iEIWhaq7N7xoM/TcirP\n"
    "aqNTMFEwHQYDVR0OBBYEFG7L1vV9PmLNSN3DJ+JNtS5XCo/6MB8GA1UdIwQYMBaA\n"
    "FG7L1vV9PmLNSN3DJ+JNtS5XCo/6MA8GA1UdEwEB/wQFMAMBAf8wBQYDK2VwA0EA\n"
    "vllHXWJWVFw+S0h6vgRxW2/6LRRRXfzAY1aPUIE5WKB0H6dzY5JnyF3cj0+MhI5z\n"
    "7LasIUrdNV7p/Jsfx1rqBg==\n"
    "-----END CERTIFICATE-----\n";

static const char *until(const char *pem, size_t n)
{
    static char text[SC_RFC3339_SIZE];
    static struct sc_err err;
    sc_wall t;
    if (sc_certificate_until(pem, n, &t, &err) < 0) {
        cr_assert_eq(err.code, SC_EPROTO);
        return err.text;
    }
    sc_wall_format_s(t, text);
    return text;
}

Test(certificate, says_when_it_ends)
{
    cr_assert_str_eq(until(until_2031, strlen(until_2031)), "2031-01-02T03:04:05Z");
    cr_assert_str_eq(until(until_2061, strlen(until_2061)), "2061-01-01T03:04:05Z");
}

/* A chain begins with the certificate that it is about, and people write words before it. */
Test(certificate, the_first_one_counts)
{
    sc_auto_free char *chain = sc_xasprintf("ours:\r\n%s%s", until_2061, until_2031);
    cr_assert_str_eq(until(chain, strlen(chain)), "2061-01-01T03:04:05Z");
}

Test(certificate, what_is_none_is_said)
{
    static const char key[] = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    static const char *const bad[] = {
        "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nMIIBMDCB\n-----END CERTIFICATE-----\n",
    };
    cr_assert(strstr(until("", 0), "no certificate"));
    cr_assert(strstr(until(key, strlen(key)), "no certificate"));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert(strstr(until(bad[i], strlen(bad[i])), "cannot be read"), "%zu", i);
}

/* Each byte that is missing, and each that is another one: never a crash, never a wild time. */
Test(certificate, survives_every_cut_and_every_wrong_byte)
{
    size_t n = strlen(until_2031);
    const char *from = until_2031 + strlen("-----BEGIN CERTIFICATE-----");
    sc_auto_buf struct sc_buf der = SC_BUF_INIT;
    cr_assert(sc_base64_read(
        &der, from, n - strlen("-----END CERTIFICATE-----\n") - (size_t)(from - until_2031)));
    for (size_t cut = 0; cut < n; cut++)
        (void)until(until_2031, cut);
    for (size_t i = 0; i < der.n; i++) {
        sc_auto_buf struct sc_buf pem = SC_BUF_INIT;
        char was = der.p[i];
        der.p[i] = (char)~was;
        sc_buf_adds(&pem, "-----BEGIN CERTIFICATE-----\n");
        sc_base64(&pem, (const uint8_t *)der.p, der.n);
        sc_buf_adds(&pem, "\n-----END CERTIFICATE-----\n");
        (void)until(pem.p, pem.n);
        der.p[i] = was;
    }
}
