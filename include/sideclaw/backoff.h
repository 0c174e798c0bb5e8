/* backoff.h: exponential with full jitter: sleep = random(0, min(max, base * 2^attempt)).
 * Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015. */
#ifndef SIDECLAW_BACKOFF_H
#define SIDECLAW_BACKOFF_H

#include <stdint.h>

struct sc_backoff {
    int64_t min_ms, max_ms;
    unsigned attempt;
};

/* sc_backoff_next: milliseconds to wait now (at least min_ms / 2, so that a lucky draw cannot
 * spin); counts the attempt. */
int64_t sc_backoff_next(struct sc_backoff *b);
void sc_backoff_reset(struct sc_backoff *b);
/* The same for a caller that keeps its own count; `random` is any 64 random bits. */
int64_t sc_backoff_delay(int64_t min_ms, int64_t max_ms, unsigned attempt, uint64_t random);
uint64_t sc_random64(void);

#endif
