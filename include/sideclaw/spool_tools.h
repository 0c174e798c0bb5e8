/* spool_tools.h: what a person does with a spool's file, beside the daemon that owns it or while
 * none runs. Each opens the file for itself, and memory is bounded whatever its size. */
#ifndef SIDECLAW_SPOOL_TOOLS_H
#define SIDECLAW_SPOOL_TOOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sideclaw/err.h"

/* Told every two seconds of work; total 0: it cannot be known. */
struct sc_spool_tool {
    void (*progress)(void *ctx, const char *what, int64_t done, int64_t total);
    void *ctx;
};

/* One box of the spool. */
struct sc_spool_box {
    int64_t messages, open, dead, bytes;
};
struct sc_spool_report {
    int schema, known_schema;
    int64_t file_bytes, free_bytes, log_bytes; /* free: within the file, to be used again */
    struct sc_spool_box outbox, inbox;
    int64_t seen, lanes;
    int64_t problems;
};

/* sc_spool_check: read everything once, without changing anything. `problem` runs for each of the
 * first SC_SPOOL_PROBLEMS_MAX things that are wrong; ret_report counts all. `full` compares the
 * indexes with their tables, too. Fails (SC_EIO, SC_ECONFIG) when the file is no spool of ours. */
enum { SC_SPOOL_PROBLEMS_MAX = 100 };
int sc_spool_check(const char *path, bool full, const struct sc_spool_tool *tool,
                   void (*problem)(void *ctx, const char *text), struct sc_spool_report *ret_report,
                   struct sc_err *err) SC_MUST_CHECK;

/* sc_spool_compact: give the free pages back to the disk. SC_EBUSY while a daemon has the spool: it
 * would have to stand still for as long as this takes. */
int sc_spool_compact(const char *path, const struct sc_spool_tool *tool, int64_t *ret_before,
                     int64_t *ret_after, struct sc_err *err) SC_MUST_CHECK;

/* sc_spool_export: one line of JSON a message, the oldest first: its state, times and envelope.
 * `line` (n bytes, without an end of line) returns false to stop, which is no failure. */
struct sc_spool_export {
    bool out, in;
    bool all; /* settled ones, too */
    bool (*line)(void *ctx, const char *json, size_t n);
    void *ctx;
};
int sc_spool_export(const char *path, const struct sc_spool_export *what,
                    struct sc_err *err) SC_MUST_CHECK;

#endif
