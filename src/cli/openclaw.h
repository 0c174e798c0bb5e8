/* openclaw.h: between openclaw.c and openclaw_file.c. */
#ifndef SIDECLAW_CLI_OPENCLAW_H
#define SIDECLAW_CLI_OPENCLAW_H

#include "command.h"
#include "sideclaw/agent.h"

struct openclaw_job {
    struct sc_cli *cli;
    struct sc_strv agents; /* empty: all */
    char *skill;           /* its folder; NULL */
    bool remove, dry_run;
};

/* The file itself: the result as gateway.install gives it, or NULL and *err. A file that we cannot
 * change is SC_ECONFIG. */
struct sc_value *openclaw_change_file(const struct openclaw_job *job, const char *path,
                                      struct sc_err *err);

#endif
