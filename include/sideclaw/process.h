/* process.h: other processes of this machine, as /proc shows them. Linux only; elsewhere nothing is
 * found, and whoever asks does without. Nothing here blocks: /proc is memory. */
#ifndef SIDECLAW_PROCESS_H
#define SIDECLAW_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "sideclaw/err.h"

struct sc_process {
    int64_t pid;
    uint64_t
        born; /* clock ticks since the machine started: tells it from a later one of that pid */
    int64_t age_ms; /* since it was born */
    bool stopped;   /* by SIGSTOP or a debugger */
};

/* The process with this pid; false when there is none, or only what its parent has not collected.
 */
bool sc_process_get(int64_t pid, struct sc_process *ret);
/* Is this one still there? Refreshes age and stopped. */
bool sc_process_again(struct sc_process *p);
/* Whose socket listens on this local TCP port? Only processes that we may look into are found:
 * those of our own user, or all when we are root. */
bool sc_process_listens(uint16_t port, struct sc_process *ret);
/* What kind of process it is: the name of its executable and the value that this variable had when
 * it was started. 0 when it is gone or not ours to look into. */
uint64_t sc_process_kind(int64_t pid, const char *variable);
struct sc_process_search {
    const char *text;     /* in its command line */
    uint64_t after;       /* it was born later; 0: ever */
    const char *variable; /* and is of this kind; 0: any */
    uint64_t kind;
};
/* The youngest such process other than us. A word in a command line proves little (an editor that
 * has the configuration open has it, too): whoever knows the kind should say it. */
bool sc_process_find(const struct sc_process_search *what, struct sc_process *ret);
/* A process of this Nomad task: its control group, or its environment, names allocation and task.
 */
bool sc_process_of_nomad(const char *alloc, const char *task, struct sc_process *ret);
/* The pid that stands in a file; SC_ENOENT, SC_EINVAL. */
int sc_process_read_pid(const char *path, int64_t *ret, struct sc_err *err) SC_MUST_CHECK;

#endif
