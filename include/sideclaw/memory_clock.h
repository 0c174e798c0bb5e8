/* memory_clock.h: the stamp of a key as text, as it lies in <prefix>:agents:<id>:memory-clock:
 *   "1 <hlc, 16 hex digits> <v|d> <expires, ms, 0 never> <SHA-1 of the value, or -> <node>"
 * The digest is Redis's business: by it a script sees that another program wrote the value. */
#ifndef SIDECLAW_MEMORY_CLOCK_H
#define SIDECLAW_MEMORY_CLOCK_H

#include <stdbool.h>

#include "sideclaw/hlc.h"

struct sc_memory_clock {
    struct sc_stamp stamp;
    bool deleted;
    sc_wall expires; /* ms 0: never */
};

enum { SC_MEMORY_CLOCK_SIZE = SC_NAME_MAX + 96, SC_MEMORY_HLC_SIZE = 17 };
/* Without a digest: "-". */
void sc_memory_clock_format(const struct sc_memory_clock *c, char ret[SC_MEMORY_CLOCK_SIZE]);
/* SC_EPROTO when it is not exactly such a text. */
int sc_memory_clock_parse(const char *text, size_t n, struct sc_memory_clock *ret,
                          struct sc_err *err) SC_MUST_CHECK;
void sc_memory_hlc_format(uint64_t hlc, char ret[SC_MEMORY_HLC_SIZE]);

#endif
