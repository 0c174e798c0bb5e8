/* prng.h: seeded randomness. Linking prng.c also replaces the product's own sources of it
 * (sc_random64 and libsodium's), so that a simulated run replays from its seed. */
#ifndef SIDECLAW_TESTS_PRNG_H
#define SIDECLAW_TESTS_PRNG_H

#include <stdbool.h>
#include <stdint.h>

struct prng {
    uint64_t state;
};

void prng_seed(struct prng *p, uint64_t seed);
uint64_t prng_next(struct prng *p);
/* From lo to hi, both included. */
int64_t prng_range(struct prng *p, int64_t lo, int64_t hi);
/* True `permille` times of a thousand. */
bool prng_chance(struct prng *p, unsigned permille);

/* Where the product's own random numbers come from henceforth (borrowed). */
void prng_install(struct prng *p);

#endif
