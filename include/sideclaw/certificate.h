/* certificate.h: how long a certificate is good for, so that an expired one can be called that. */
#ifndef SIDECLAW_CERTIFICATE_H
#define SIDECLAW_CERTIFICATE_H

#include <stddef.h>

#include "sideclaw/clock.h"
#include "sideclaw/err.h"

/* sc_certificate_until: the end of validity of the first certificate in a PEM text. Nothing else in
 * it is looked at, and nothing is verified: that is TLS's business.
 * Result:  SC_EPROTO when there is none, or it is no X.509.
 * Source:  RFC 7468 (PEM), RFC 5280, 4.1.2.5 (Validity). */
int sc_certificate_until(const char *pem, size_t n, sc_wall *ret, struct sc_err *err) SC_MUST_CHECK;

#endif
