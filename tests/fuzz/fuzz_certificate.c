/* certificate.c: any text, and the same bytes as the DER inside of one: an answer is a time that
 * can be written and read again. */
#include <stdint.h>
#include <string.h>

#include "sideclaw/buf.h"
#include "sideclaw/certificate.h"
#include "sideclaw/crypto.h"
#include "sideclaw/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const char *pem, size_t n)
{
    struct sc_err err = SC_ERR_INIT;
    sc_wall until = { .ms = 7 }, again;
    char text[SC_RFC3339_SIZE];
    if (sc_certificate_until(pem, n, &until, &err) < 0) {
        sc_assert(err.code == SC_EPROTO && err.text[0] && until.ms == 7);
        return;
    }
    sc_wall_format_s(until, text);
    sc_assert(sc_wall_parse(text, &again, NULL) == SC_OK && again.ms == until.ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sc_auto_buf struct sc_buf pem = SC_BUF_INIT;
    look((const char *)data, size);
    sc_buf_adds(&pem, "-----BEGIN CERTIFICATE-----\n");
    sc_base64(&pem, data, size);
    sc_buf_adds(&pem, "\n-----END CERTIFICATE-----\n");
    look(pem.p, pem.n);
    return 0;
}
