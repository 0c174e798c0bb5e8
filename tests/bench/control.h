/* control.h: one connection to a control socket: lines are queued, written when the socket takes
 * them, and answers are counted, not parsed. */
#ifndef BENCH_CONTROL_H
#define BENCH_CONTROL_H

#include "sideclaw/buf.h"

#include "bench.h"

struct control {
    int fd;
    struct sc_buf out;
    size_t written; /* of `out` */
    int64_t answered, refused;
    char first_refusal[256];
};

bool control_open(struct control *c, const char *path);
void control_close(struct control *c);
/* False when the connection went. */
bool control_flush(struct control *c);
bool control_read(struct control *c);

#endif
