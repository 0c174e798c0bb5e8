/* spawn.h: run another program once, with a deadline, and keep what it prints in a file. */
#ifndef SIDECLAW_SPAWN_H
#define SIDECLAW_SPAWN_H

#include <stdint.h>

#include "sideclaw/err.h"
#include "sideclaw/loop.h"

/* Borrowed for the call. */
struct sc_spawn_request {
    const char *const *argv; /* NULL at the end; argv[0] is looked for in PATH */
    char *const *envp;       /* NULL at the end; secrets belong here, never into argv */
    const char *path;        /* of the file; it appears whole (0600), and only on exit code 0 */
    int64_t timeout_ms;      /* then it is killed, with its children */
};

/* err NULL: exit code 0, and the file is there. */
typedef void sc_spawn_fn(void *ctx, const struct sc_err *err);

/* After 0, done runs once. SC_ENOENT: there is no such program. It is killed, and done gets
 * SC_ETOOBIG, when it prints more than SC_SPAWN_OUTPUT_MAX. */
struct sc_spawn;
int sc_spawn_start(struct sc_loop *loop, const struct sc_spawn_request *req, sc_spawn_fn *done,
                   void *ctx, struct sc_spawn **ret, struct sc_err *err) SC_MUST_CHECK;
/* Kills it; done does not run. NULL is fine. */
void sc_spawn_cancel(struct sc_spawn *s);

#endif
