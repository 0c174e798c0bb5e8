#include "sideclaw/certificate.h"

#include <string.h>

#include "sideclaw/buf.h"
#include "sideclaw/crypto.h"
#include "sideclaw/mem.h"

enum { SEQUENCE = 0x30, VERSION = 0xa0, UTC_TIME = 0x17, GENERALIZED_TIME = 0x18 };

struct der {
    const uint8_t *p;
    size_t n;
};

/* The next element: its tag, and its contents in *ret; -1 at the end and when it is none. */
static int take(struct der *in, struct der *ret)
{
    if (in->n < 2 || (in->p[0] & 0x1f) == 0x1f) /* tags of several bytes have no place here */
        return -1;
    size_t head = 2, n = in->p[1];
    if (n > 0x80) {
        size_t bytes = n & 0x7f;
        if (bytes > 3 || in->n < head + bytes)
            return -1;
        for (n = 0; bytes > 0; bytes--)
            n = n << 8 | in->p[head++];
    } else if (n == 0x80) {
        return -1; /* indefinite: BER, not DER */
    }
    if (n > in->n - head)
        return -1;
    int tag = in->p[0];
    *ret = (struct der){ .p = in->p + head, .n = n };
    in->p += head + n;
    in->n -= head + n;
    return tag;
}

/* "261121135906Z" or "20261121135906Z". */
static int read_time(int tag, const struct der *t, sc_wall *ret)
{
    size_t year = tag == UTC_TIME ? 2 : tag == GENERALIZED_TIME ? 4 : 0;
    if (year == 0 || t->n != year + 11 || t->p[t->n - 1] != 'Z')
        return SC_EPROTO;
    for (size_t i = 0; i + 1 < t->n; i++)
        if (t->p[i] < '0' || t->p[i] > '9')
            return SC_EPROTO;
    const char *d = (const char *)t->p + year;
    const char *century = year == 4 ? "" : t->p[0] >= '5' ? "19" : "20"; /* RFC 5280, 4.1.2.5.1 */
    sc_auto_free char *text = sc_xasprintf("%s%.*s-%.2s-%.2sT%.2s:%.2s:%.2sZ", century, (int)year,
                                           (const char *)t->p, d, d + 2, d + 4, d + 6, d + 8);
    return sc_wall_parse(text, ret, NULL);
}

/* Certificate: tbs { [version], serial, algorithm, issuer, validity { from, until }, ... } ... */
static int read_until(struct der cert, sc_wall *ret)
{
    struct der outer, tbs, skipped, validity, from, until;
    if (take(&cert, &outer) != SEQUENCE || take(&outer, &tbs) != SEQUENCE)
        return SC_EPROTO;
    int before = take(&tbs, &skipped) == VERSION ? 3 : 2; /* elements between it and validity */
    for (int i = 0; i < before; i++)
        if (take(&tbs, &skipped) < 0)
            return SC_EPROTO;
    if (take(&tbs, &validity) != SEQUENCE || take(&validity, &from) < 0)
        return SC_EPROTO;
    int tag = take(&validity, &until);
    return tag < 0 ? SC_EPROTO : read_time(tag, &until, ret);
}

int sc_certificate_until(const char *pem, size_t n, sc_wall *ret, struct sc_err *err)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END CERTIFICATE-----";
    const char *from = memmem(pem, n, begin, sizeof begin - 1);
    const char *text = from ? from + sizeof begin - 1 : NULL;
    const char *to = text ? memmem(text, (size_t)(pem + n - text), end, sizeof end - 1) : NULL;
    sc_auto_buf struct sc_buf der = SC_BUF_INIT;
    if (!to)
        return sc_fail(err, SC_EPROTO, "it holds no certificate in PEM form");
    if (!sc_base64_read(&der, text, (size_t)(to - text)) ||
        read_until((struct der){ .p = (const uint8_t *)der.p, .n = der.n }, ret) < 0)
        return sc_fail(err, SC_EPROTO, "its first certificate cannot be read");
    return SC_OK;
}
