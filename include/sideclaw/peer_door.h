/* peer_door.h: port: what the HTTP surface does with a POST to /peer (store/peer_door.c answers).
 */
#ifndef SIDECLAW_PEER_DOOR_H
#define SIDECLAW_PEER_DOOR_H

#include <stddef.h>
#include <stdint.h>

#include "sideclaw/err.h"
#include "sideclaw/peer_wire.h"

struct sc_peer_counters {
    uint64_t requests_in, requests_out, requests_failed;
    uint64_t refused[SC_PEER_REFUSALS];
    uint64_t sidecars, answering; /* now: that publish an address, and those that answered last */
};

struct sc_peer_visit;
typedef void sc_peer_answer_fn(void *ctx, const char *body, size_t n);

struct sc_peer_door_ops {
    /* After 0, done runs once, never before post returned: everything that was taken is on disk. A
     * failure is the answer: SC_EPERM switched off, SC_EAUTH, SC_ENOENT meant for another gateway,
     * SC_EEXIST was here before, SC_ETOOBIG, SC_EBUSY. post is borrowed. */
    int (*post)(void *impl, const struct sc_peer_post *post, sc_peer_answer_fn *done, void *ctx,
                struct sc_peer_visit **ret, struct sc_err *err);
    /* Nobody waits for the answer any more: done does not run. */
    void (*leave)(void *impl, struct sc_peer_visit *v);
    void (*counters)(const void *impl, struct sc_peer_counters *ret);
};
struct sc_peer_door {
    const struct sc_peer_door_ops *ops; /* NULL: there is none */
    void *impl;
};

#endif
