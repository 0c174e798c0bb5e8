/* spool_tool.h: shared by what works on a spool's file from outside (spool_check.c, ...). */
#ifndef SIDECLAW_SPOOL_TOOL_H
#define SIDECLAW_SPOOL_TOOL_H

#include "sideclaw/spool_tools.h"
#include "spool_internal.h"

/* Opens what is there and never makes a file; *ret_version is its schema. s is a bare one, of which
 * only path and db are used; sc_spool_tool_close leaves the write-ahead log as it found it. */
int sc_spool_tool_open(struct sc_spool_sqlite *s, const char *path, int *ret_version,
                       struct sc_err *err);
void sc_spool_tool_close(struct sc_spool_sqlite *s);

/* When the next progress is due. */
struct spool_pace {
    const struct sc_spool_tool *tool;
    int64_t next_ms;
};
struct spool_pace sc_spool_pace(const struct sc_spool_tool *tool);
void sc_spool_pace_step(struct spool_pace *p, const char *what, int64_t done, int64_t total);

#endif
