/* agent_token.h: the bearer token by which an agent is known (docs/MCP.md): made from one key of
 * this sidecar and the agent's name, so that nothing is stored for each, and a new key voids all.
 */
#ifndef SIDECLAW_AGENT_TOKEN_H
#define SIDECLAW_AGENT_TOKEN_H

#include <stdint.h>

#include "sideclaw/err.h"

enum { SC_AGENT_KEY_SIZE = 32, SC_AGENT_TOKEN_SIZE = 44 /* base64url of a SHA-256, and a NUL */ };

struct sc_agent_key {
    uint8_t b[SC_AGENT_KEY_SIZE];
};

/* sc_agent_key_load: the key in the file at `path` (in hex, a line); made when there is none. */
int sc_agent_key_load(const char *path, struct sc_agent_key *ret, struct sc_err *err) SC_MUST_CHECK;

/* base64url(HMAC-SHA-256(key, "mcp:" + agent)) */
void sc_agent_token(const struct sc_agent_key *key, const char *agent,
                    char ret[SC_AGENT_TOKEN_SIZE]);

#endif
