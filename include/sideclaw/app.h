/* app.h: the composition root: builds every part from a configuration, wires them, tears them down.
 */
#ifndef SIDECLAW_APP_H
#define SIDECLAW_APP_H

#include <stdbool.h>

#include "sideclaw/config.h"
#include "sideclaw/err.h"

/* How the daemon was called, kept for SIGHUP; borrowed, must outlive the app. */
struct sc_app_args {
    const char *config_file; /* NULL: none */
    int argc;                /* the flags that are options */
    char *const *argv;
    char *const *envp;
};

struct sc_app;
/* take_config becomes the app's, also on failure. SC_ECONFIG, SC_EIO, SC_EEXIST (already running).
 */
struct sc_app *sc_app_new(const struct sc_app_args *args, struct sc_config *take_config,
                          struct sc_err *err);
/* Until SIGTERM or SIGINT, then a graceful stop. */
int sc_app_run(struct sc_app *app, struct sc_err *err) SC_MUST_CHECK;
void sc_app_free(struct sc_app *app);

/* `sideclawd --spool ACTION`: work on the file of a spool, with or without a daemon that runs on
 * it; returns the exit code. */
struct sc_spool_command {
    const char *action; /* check, compact, export */
    const char *file;   /* NULL: the configuration's */
    bool json, full, in, out, all;
};
int sc_app_spool(const struct sc_app_args *args, const struct sc_spool_command *cmd);

#endif
