/* agent_json.h: agents and gateways as JSON: the values of the directory's keys (DESIGN 2), and the
 * last good view that is kept on disk. */
#ifndef SIDECLAW_AGENT_JSON_H
#define SIDECLAW_AGENT_JSON_H

#include <stddef.h>

#include "sideclaw/agent.h"
#include "sideclaw/buf.h"
#include "sideclaw/err.h"

/* ["a","b"]: at most `max` strings of 1 to SC_NAME_MAX bytes; *ret must be empty and is untouched
 * on failure. */
int sc_strv_from_json(const char *json, size_t n, size_t max, struct sc_strv *ret,
                      struct sc_err *err) SC_MUST_CHECK;
void sc_strv_to_json(const struct sc_strv *l, struct sc_buf *out);

/* {"os":"linux"} <-> "os=linux"; numbers and booleans become their text. Same rules. */
int sc_labels_from_json(const char *json, size_t n, struct sc_strv *ret,
                        struct sc_err *err) SC_MUST_CHECK;
void sc_labels_to_json(const struct sc_strv *labels, struct sc_buf *out);

/* {"description":"...","labels":{"group":"lab"}}: what an agent says of itself, key `about`. *ret
 * keeps what it had on failure. */
int sc_about_from_json(const char *json, size_t n, struct sc_agent_info *ret,
                       struct sc_err *err) SC_MUST_CHECK;
void sc_about_to_json(const struct sc_agent_info *a, struct sc_buf *out);

/* {"turns":2}, key `load`; 0 when it cannot be read: a guess is better than no agent. */
unsigned sc_turns_from_json(const char *json, size_t n);

/* One object on one line, appended; and back (*ret is untouched on failure, else the caller's to
 * fini). Only the name must be there. */
void sc_agent_info_to_json(const struct sc_agent_info *a, struct sc_buf *out);
void sc_gateway_info_to_json(const struct sc_gateway_info *g, struct sc_buf *out);
int sc_agent_info_from_json(const char *json, size_t n, struct sc_agent_info *ret,
                            struct sc_err *err) SC_MUST_CHECK;
int sc_gateway_info_from_json(const char *json, size_t n, struct sc_gateway_info *ret,
                              struct sc_err *err) SC_MUST_CHECK;

/* A whole view, {"v":1,"gateways":[..],"agents":[..]}. What cannot be read in it is left out; only
 * a text that is no such object fails. */
struct sc_view_fns {
    void *ctx;
    void (*gateway)(void *ctx, const struct sc_gateway_info *g); /* borrowed for the call */
    void (*agent)(void *ctx, const struct sc_agent_info *a);
};
int sc_view_from_json(const char *json, size_t n, const struct sc_view_fns *fns,
                      struct sc_err *err) SC_MUST_CHECK;

#endif
