/* usage.h: what this process uses of the machine, as the kernel counts it. Linux only: elsewhere
 * what /proc would say stays 0. Nothing here blocks. */
#ifndef SIDECLAW_USAGE_H
#define SIDECLAW_USAGE_H

#include <stdint.h>

struct sc_usage {
    int64_t cpu_us; /* user and system, all threads */
    int64_t open_fds, max_fds;
    int64_t resident_bytes, virtual_bytes;
};
void sc_usage_read(struct sc_usage *ret);

#endif
