/* mcp_owed.h: which requests of an MCP client have no answer yet, so that none of them waits for
 * ever when the daemon goes away. */
#ifndef SIDECLAW_CLI_MCP_OWED_H
#define SIDECLAW_CLI_MCP_OWED_H

#include <stdbool.h>

#include "sideclaw/buf.h"
#include "sideclaw/err.h"

struct sc_owed;
struct sc_owed *sc_owed_new(void);
void sc_owed_free(struct sc_owed *o);
/* A line that goes to the daemon, and one that came from it; neither has its newline. */
void sc_owed_asked(struct sc_owed *o, const char *line, size_t n);
void sc_owed_answered(struct sc_owed *o, const char *line, size_t n);
bool sc_owed_none(const struct sc_owed *o);
/* Answers what is owed with this failure, a line each; it is owed no longer. */
void sc_owed_fail(struct sc_owed *o, const struct sc_err *err, struct sc_buf *out);

#endif
