#include "support/prng.h"

#include <sodium.h>
#include <string.h>

#include "sideclaw/backoff.h"
#include "sideclaw/mem.h"

/* The one global of the tests: the functions replaced below have no argument to carry it. */
static struct prng *installed;

void prng_seed(struct prng *p, uint64_t seed)
{
    p->state = seed;
}

/* splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014). */
uint64_t prng_next(struct prng *p)
{
    uint64_t z = (p->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

int64_t prng_range(struct prng *p, int64_t lo, int64_t hi)
{
    return lo + (int64_t)(prng_next(p) % ((uint64_t)(hi - lo) + 1));
}

bool prng_chance(struct prng *p, unsigned permille)
{
    return prng_next(p) % 1000 < permille;
}

void prng_install(struct prng *p)
{
    installed = p;
}

uint64_t sc_random64(void)
{
    sc_assert(installed);
    return prng_next(installed);
}

void randombytes_buf(void *const buf, const size_t size)
{
    for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
        uint64_t r = sc_random64();
        memcpy((uint8_t *)buf + i, &r, size - i < sizeof r ? size - i : sizeof r);
    }
}
