/* parse.h: numbers, durations, UTF-8 and names from hostile text. */
#ifndef SIDECLAW_PARSE_H
#define SIDECLAW_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sideclaw/err.h"

/* sc_parse_i64: the whole of `s` as a decimal number in [min, max]; SC_EINVAL otherwise. */
int sc_parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret,
                 struct sc_err *err) SC_MUST_CHECK;

/* sc_utf8_valid: RFC 3629 (no surrogates, no overlong forms, <= U+10FFFF); NUL bytes are refused.
 */
bool sc_utf8_valid(const char *s, size_t n);

/* sc_utf8_next: bytes of the well-formed character at s, of at most n bytes; 0 when there is none
 * (also at a NUL). */
size_t sc_utf8_next(const char *s, size_t n);

/* sc_utf8_prefix: how many bytes of the valid text `s` fit into `max` without cutting a character.
 */
size_t sc_utf8_prefix(const char *s, size_t max);

/* sc_name_check: is `s` fit to be an agent id, gateway name or channel: 1 to SC_NAME_MAX bytes of
 * [A-Za-z0-9._-] that does not begin with '.'? The names become Consul keys, Redis keys and file
 * names, so '/', '..', blanks and control bytes are refused here, once. `what` names the thing in
 * the error. */
int sc_name_check(const char *what, const char *s, struct sc_err *err) SC_MUST_CHECK;

/* sc_hex: lower-case hex of n bytes into ret (2n + 1 bytes). */
void sc_hex(const uint8_t *p, size_t n, char *ret);

#endif
