/* presence.h: says in the directory that we are here: at once when something changed, and as a
 * heartbeat with its own jitter, so that a thousand sidecars do not write in step. */
#ifndef SIDECLAW_PRESENCE_H
#define SIDECLAW_PRESENCE_H

#include "sideclaw/clock.h"
#include "sideclaw/directory.h"
#include "sideclaw/health_board.h"
#include "sideclaw/loop.h"
#include "sideclaw/registry.h"

/* All borrowed. */
struct sc_presence_deps {
    struct sc_loop *loop;
    struct sc_clock clock;
    struct sc_directory directory;
    struct sc_registry *registry;
    struct sc_board *board;
    const char *cluster_id;
    const char *self_name;
    const char *url;
    const char *peer_url;
    const struct sc_strv *labels;
    int64_t heartbeat_ms;
    unsigned (*turns)(void *ctx); /* running now */
    void *ctx;
};

struct sc_presence_beat;
struct sc_presence_beat *sc_presence_new(const struct sc_presence_deps *deps);
void sc_presence_start(struct sc_presence_beat *p);
/* Something changed: publish soon (changes of a moment are gathered). */
void sc_presence_touch(struct sc_presence_beat *p);
void sc_presence_stop(struct sc_presence_beat *p);
void sc_presence_free(struct sc_presence_beat *p);

#endif
