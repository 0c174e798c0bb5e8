/* ops_memory_rows.h: the rows of the agents' memory, for operations.c. */
#ifndef SIDECLAW_SURFACE_OPS_MEMORY_ROWS_H
#define SIDECLAW_SURFACE_OPS_MEMORY_ROWS_H

#include "handlers.h"
#include "schemas.h"
#include "sideclaw/limits.h"

#define P_MEMORY_AGENT                                                                             \
    {                                                                                              \
        .name = "agent", .type = SC_PARAM_STR, .required = true, .min = 1, .max = SC_NAME_MAX,     \
        .caller = true, .help = "Whose memory; it is he who asks."                                 \
    }
#define P_MEMORY_KEY                                                                               \
    {                                                                                              \
        .name = "key", .type = SC_PARAM_STR, .required = true, .min = 1, .max = SC_MEMORY_KEY_MAX, \
        .help = "Like current-task."                                                               \
    }
#define P_MEMORY_OF                                                                                \
    {                                                                                              \
        .name = "of", .type = SC_PARAM_STR, .min = 1, .max = SC_NAME_MAX,                          \
        .help = "Another agent's, if you may."                                                     \
    }

static const struct sc_param memory_set_params[] = {
    P_MEMORY_AGENT,
    P_MEMORY_KEY,
    { .name = "value",
      .type = SC_PARAM_STR,
      .required = true,
      .max = SC_MEMORY_VALUE_MAX,
      .help = "Text, 256 KiB at most." },
    { .name = "ttl_s",
      .type = SC_PARAM_INT,
      .min = 1,
      .max = SC_MEMORY_TTL_MAX_S,
      .help = "Seconds until it goes." },
    { .name = NULL },
};
static const struct sc_param memory_get_params[] = {
    P_MEMORY_AGENT,
    P_MEMORY_KEY,
    P_MEMORY_OF,
    { .name = NULL },
};
static const struct sc_param memory_list_params[] = {
    P_MEMORY_AGENT,
    P_MEMORY_OF,
    { .name = "prefix",
      .type = SC_PARAM_STR,
      .min = 1,
      .max = SC_MEMORY_KEY_MAX,
      .help = "Only keys that begin so." },
    { .name = "after",
      .type = SC_PARAM_STR,
      .min = 1,
      .max = SC_MEMORY_KEY_MAX,
      .seldom = true,
      .help = "Only keys behind this one." },
    { .name = "limit",
      .type = SC_PARAM_INT,
      .min = 1,
      .max = SC_LIST_MAX,
      .seldom = true,
      .help = "Keys at most; 100 when absent." },
    { .name = "values", .type = SC_PARAM_BOOL, .help = "With their values." },
    { .name = NULL },
};
static const struct sc_param memory_delete_params[] = {
    P_MEMORY_AGENT,
    P_MEMORY_KEY,
    { .name = NULL },
};

static const struct sc_tool memory_set_tool = {
    .name = "set_memory",
    .description = "Keep a text under a key for your later turns; replaces what it had. Not for "
                   "messages. Example: {\"key\":\"current-task\",\"value\":\"backup, step 2\"}",
    .hints = SC_TOOL_IDEMPOTENT
};
static const struct sc_tool memory_get_tool = {
    .name = "get_memory",
    .description = "Read what you keep under a key; with `of`, what another agent keeps. Key "
                   "unknown: list_memory. Example: {\"key\":\"current-task\"}",
    .hints = SC_TOOL_READ_ONLY | SC_TOOL_IDEMPOTENT
};
static const struct sc_tool memory_list_tool = {
    .name = "list_memory",
    .description = "The keys you keep, with sizes and times; not for a key you know. Example: "
                   "{\"prefix\":\"project-\"}",
    .hints = SC_TOOL_READ_ONLY | SC_TOOL_IDEMPOTENT
};
static const struct sc_tool memory_delete_tool = {
    .name = "delete_memory",
    .description = "Forget a key for good. To change it: set_memory. Example: "
                   "{\"key\":\"current-task\"}",
    .hints = SC_TOOL_IDEMPOTENT | SC_TOOL_DESTRUCTIVE
};

/* clang-format off */
#define MEMORY_ROWS                                                                                \
    { .name = "memory.list",                                                                       \
      .http = "GET /v1/agents/{agent}/memory",                                                     \
      .scope = SC_SCOPE_AGENT,                                                                     \
      .summary = "The keys an agent remembers, in order.",                                         \
      .params = memory_list_params,                                                                \
      .status = 200,                                                                               \
      .result = T_MEMORY_LIST,                                                                     \
      .tool = &memory_list_tool,                                                                   \
      .handler = sc_op_memory_list },                                                              \
    { .name = "memory.get",                                                                        \
      .http = "GET /v1/agents/{agent}/memory/{key}",                                               \
      .scope = SC_SCOPE_AGENT,                                                                     \
      .summary = "What an agent remembers under a key.",                                           \
      .params = memory_get_params,                                                                 \
      .status = 200,                                                                               \
      .result = T_MEMORY,                                                                          \
      .tool = &memory_get_tool,                                                                    \
      .handler = sc_op_memory_get },                                                               \
    { .name = "memory.set",                                                                        \
      .http = "PUT /v1/agents/{agent}/memory/{key}",                                               \
      .scope = SC_SCOPE_AGENT,                                                                     \
      .summary = "Remember a value; it is on disk here when this is answered.",                    \
      .params = memory_set_params,                                                                 \
      .status = 200,                                                                               \
      .result = T_MEMORY_SET,                                                                      \
      .tool = &memory_set_tool,                                                                    \
      .handler = sc_op_memory_set },                                                               \
    { .name = "memory.delete",                                                                     \
      .http = "DELETE /v1/agents/{agent}/memory/{key}",                                            \
      .scope = SC_SCOPE_AGENT,                                                                     \
      .summary = "Forget a key, on every side.",                                                   \
      .params = memory_delete_params,                                                              \
      .status = 200,                                                                               \
      .result = T_MEMORY_DELETED,                                                                  \
      .tool = &memory_delete_tool,                                                                 \
      .handler = sc_op_memory_delete }
/* clang-format on */

#endif
