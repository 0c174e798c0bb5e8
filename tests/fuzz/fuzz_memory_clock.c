/* What lies in the hash of stamps, which any program may write: what passes is a stamp that we
 * could have written ourselves. */
#include <stdint.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "sideclaw/memory_clock.h"
#include "sideclaw/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sc_memory_clock first, second;
    struct sc_err err = SC_ERR_INIT;
    char text[SC_MEMORY_CLOCK_SIZE];
    if (sc_memory_clock_parse((const char *)data, size, &first, &err) < 0) {
        sc_assert(err.code == SC_EPROTO && err.text[0]);
        return 0;
    }
    sc_assert(first.stamp.hlc <= INT64_MAX && first.expires.ms >= 0);
    sc_assert(sc_name_check("node", first.stamp.node, NULL) == SC_OK);
    sc_memory_clock_format(&first, text);
    sc_assert(sc_memory_clock_parse(text, strlen(text), &second, &err) == SC_OK);
    sc_assert(sc_stamp_cmp(&first.stamp, &second.stamp) == 0 && first.deleted == second.deleted &&
              first.expires.ms == second.expires.ms);
    return 0;
}
