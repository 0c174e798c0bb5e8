/* Alone in its file, so that the simulator can link a seeded one in its place. */
#include <sys/random.h>
#include <sys/types.h>

#include "sideclaw/backoff.h"
#include "sideclaw/mem.h"

uint64_t sc_random64(void)
{
    uint64_t r;
    /* getrandom for 8 bytes neither blocks after boot nor comes back short (getrandom(2)). */
    sc_assert(getrandom(&r, sizeof r, 0) == (ssize_t)sizeof r);
    return r;
}
