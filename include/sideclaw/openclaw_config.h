/* openclaw_config.h: what OpenClaw's configuration must say so that its agents use the mesh: an MCP
 * server each, the others' denied, and the skill (OPENCLAW.md 5 and 9). */
#ifndef SIDECLAW_OPENCLAW_CONFIG_H
#define SIDECLAW_OPENCLAW_CONFIG_H

#include <stdbool.h>

#include "sideclaw/agent.h"
#include "sideclaw/err.h"
#include "sideclaw/value.h"

#define SC_OPENCLAW_SKILL "sideclaw-mesh"

struct sc_openclaw_want {
    bool remove;                /* take ours away again */
    const struct sc_strv *only; /* these agents; empty: all */
    const char *skill;          /* folder of the skill; NULL: the skills are left alone */
    /* The server of one agent, as in sc_openclaw_server; not asked when removing. */
    struct sc_value *(*server)(void *ctx, const char *agent);
    void *ctx;
};

/* sc_openclaw_server: {"url","transport","headers","requestTimeoutMs"} of one agent. mcp_url:
 * "http://127.0.0.1:18790/mcp". */
struct sc_value *sc_openclaw_server(const char *mcp_url, const char *agent, const char *token);

/* sc_openclaw_agents: whom a configuration names; "main" when it names none. SC_ECONFIG for what we
 * cannot change: a part taken from another file, the retired list of agents. */
int sc_openclaw_agents(const struct sc_value *config, struct sc_strv *ret,
                       struct sc_err *err) SC_MUST_CHECK;
/* sc_openclaw_apply: a copy of config that says what is wanted, and nothing else differs. SC_ENOENT
 * for an agent that is not there. NULL on failure. */
struct sc_value *sc_openclaw_apply(const struct sc_value *config,
                                   const struct sc_openclaw_want *want, struct sc_err *err);

/* sc_merge_patch: the RFC 7396 patch from one to the other. Dotted paths of lists that lose entries
 * are added to `shrunk` (may be NULL): config.patch wants them named. */
struct sc_value *sc_merge_patch(const struct sc_value *from, const struct sc_value *to,
                                struct sc_value *shrunk);
/* sc_openclaw_changes: the same for people: a list of
 * {"op":"add"|"change"|"remove","path","value"}, no secret in it. What a gateway shows redacted
 * counts as unchanged. */
struct sc_value *sc_openclaw_changes(const struct sc_value *from, const struct sc_value *to);

#endif
