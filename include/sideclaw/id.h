/* id.h: message ids, UUIDv7 (RFC 9562): time-ordered, so that the spool's index grows at its end.
 */
#ifndef SIDECLAW_ID_H
#define SIDECLAW_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sideclaw/clock.h"
#include "sideclaw/err.h"

struct sc_id {
    uint8_t b[16];
};
enum { SC_ID_TEXT_SIZE = 37 };

/* sc_id_new: time-ordered with `now`; the random part comes from libuuid. */
struct sc_id sc_id_new(sc_wall now);

/* sc_id_derive: the same id for the same inputs, always (UUIDv8 over a keyed BLAKE2b): for messages
 * whose author gave them a name but no UUID, so that seeing one twice is noticed. */
struct sc_id sc_id_derive(const char *space, const char *name);

void sc_id_format(const struct sc_id *id, char ret[SC_ID_TEXT_SIZE]);
int sc_id_parse(const char *s, struct sc_id *ret, struct sc_err *err) SC_MUST_CHECK;
bool sc_id_eq(const struct sc_id *a, const struct sc_id *b);
bool sc_id_is_zero(const struct sc_id *id);

#endif
