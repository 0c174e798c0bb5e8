/* operations.h: the one table of operations (DESIGN 9). HTTP routes, control-socket methods, the
 * OpenAPI document and the reference are views of it. */
#ifndef SIDECLAW_OPERATIONS_H
#define SIDECLAW_OPERATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sideclaw/directory.h"
#include "sideclaw/drain.h"
#include "sideclaw/err.h"
#include "sideclaw/events.h"
#include "sideclaw/gateway_admin.h"
#include "sideclaw/health_board.h"
#include "sideclaw/loop.h"
#include "sideclaw/memory.h"
#include "sideclaw/peer_door.h"
#include "sideclaw/prober.h"
#include "sideclaw/router.h"
#include "sideclaw/task_note.h"
#include "sideclaw/tasks.h"
#include "sideclaw/transport.h"
#include "sideclaw/value.h"

enum sc_scope { SC_SCOPE_PUBLIC, SC_SCOPE_PEER, SC_SCOPE_AGENT, SC_SCOPE_OPERATOR };

enum sc_param_type { SC_PARAM_STR, SC_PARAM_INT, SC_PARAM_BOOL, SC_PARAM_STRV };

struct sc_param {
    const char *name;
    enum sc_param_type type;
    bool required;
    /* It says who calls. Where the surface knows him it is bound to him and not shown to him: an
     * agent does not choose whose name it acts in. */
    bool caller;
    bool seldom; /* for programs: taken from agents as well, but not shown in the tool's schema */
    int64_t min, max; /* of an integer; of a string its length in bytes */
    const char *help;
};

/* How a model sees an operation (MCP). */
enum { SC_TOOL_READ_ONLY = 1, SC_TOOL_IDEMPOTENT = 2, SC_TOOL_DESTRUCTIVE = 4 };
struct sc_tool {
    const char *name;        /* "send_message" */
    const char *description; /* for a model: when to use it, when not, one example */
    unsigned hints;
};

/* What the handlers work on; all borrowed. A link's text for status.get is kept by app. */
struct sc_link_view {
    const char *state, *detail, *remedy;
    bool up;
    uint64_t ups; /* how often it came up */
};
struct sc_ops_env {
    struct sc_loop *loop;
    struct sc_clock clock;
    struct sc_router *router;
    struct sc_registry *registry;
    struct sc_spool spool;
    struct sc_memory *memory;
    struct sc_events *events;
    struct sc_board *board;
    const char *spool_path;
    const char *self_name;
    const char *default_agent; /* configured agent_id, else "operator" */
    bool is_signed;            /* a mesh key is set */
    sc_mono started;
    sc_wall started_at;
    struct sc_directory directory;               /* ops NULL: there is none */
    const struct sc_prober *prober;              /* NULL without a gateway */
    const struct sc_histogram *gateway_answered; /* the same */
    struct sc_peer_door peer;
    struct sc_mcp *mcp;                   /* the tools of agents */
    struct sc_gateway_admin gateway;      /* all NULL without a gateway */
    const struct sc_agent_key *agent_key; /* makes their tokens; NULL: there are none */
    const char *mcp_url;                  /* http://HOST:PORT/mcp; NULL while HTTP is off */
    struct sc_tasks *tasks;
    struct sc_task_notes *notes;  /* of work that agents here were asked for */
    const struct sc_strv *labels; /* of this gateway */
    /* link: "gateway", "redis", "peer", "consul" */
    void (*link)(void *ctx, const char *link, struct sc_link_view *ret);
    void (*redis_stats)(void *ctx, struct sc_transport_stats *ret); /* may be NULL */
    /* An agent declares itself, for good; NULL: nobody can. */
    int (*declare)(void *ctx, const struct sc_agent_info *what, bool *ret_changed,
                   struct sc_err *err);
    struct sc_drain *drain; /* NULL: it always serves */
    /* Drain in the operator's name, or (why NULL) take that back. False: the disk does not have it,
     * and a restart forgets it. NULL: nobody can. */
    bool (*set_drain)(void *ctx, const char *why);
    void *ctx;
};

/* One call in progress. It ends with exactly one sc_call_reply or sc_call_fail, at once or later.
 */
struct sc_call {
    const struct sc_op *op;
    const struct sc_ops_env *env;
    struct sc_value *params; /* checked against op->params; owned by the call */
    const char *caller;      /* the agent a token belongs to; NULL: the operator */
    void (*done)(void *ctx, struct sc_call *call, int status, struct sc_value *take_result,
                 const struct sc_err *err);
    void *ctx;
    void (*cancel)(void *op_state); /* set by a handler that answers later: the caller went away */
    void *op_state;
};
void sc_call_reply(struct sc_call *call, struct sc_value *take_result);
void sc_call_reply_status(struct sc_call *call, int http_status, struct sc_value *take_result);
void sc_call_fail(struct sc_call *call, const struct sc_err *err);

struct sc_op {
    const char *name; /* "message.send" */
    const char *http; /* "POST /v1/messages"; {x} takes a path segment as parameter x */
    enum sc_scope scope;
    int status; /* of success over HTTP */
    const char *summary;
    const struct sc_param *params; /* ends with name NULL */
    const char *result;            /* JSON schema of the result, as text */
    const struct sc_tool *tool;    /* NULL: not for agents */
    void (*handler)(struct sc_call *call);
};

/* The table, in order; *ret_n rows. */
const struct sc_op *sc_operations(size_t *ret_n);
const struct sc_op *sc_operation_find(const char *name);
/* The table as an OpenAPI 3.1 document: GET /v1/openapi.json, docs/openapi.json. */
struct sc_value *sc_openapi(void);

/* sc_call_start: bind the caller's parameters, check all against the table (unknown and missing
 * ones are SC_EINVAL by name; somebody else's name is SC_EPERM), run the handler. params becomes
 * the call's; caller (NULL: the operator) is borrowed until its end. The returned call lives until
 * done ran; sc_call_abandon it when the caller goes away first (done then never runs). */
struct sc_call *sc_call_start(const struct sc_ops_env *env, const struct sc_op *op,
                              struct sc_value *take_params, const char *caller,
                              void (*done)(void *ctx, struct sc_call *call, int status,
                                           struct sc_value *take_result, const struct sc_err *err),
                              void *ctx);
void sc_call_abandon(struct sc_call *call);

/* Which HTTP status and problem title a code becomes, and which exit code of the CLI. */
int sc_problem_status(enum sc_code code);
const char *sc_problem_title(enum sc_code code);

/* --- the surfaces (each a view of the table) --- */
struct sc_control_server;
struct sc_control_server *sc_control_server_new(struct sc_loop *loop, struct sc_log *log,
                                                const struct sc_ops_env *env, const char *path,
                                                struct sc_err *err);
void sc_control_server_free(struct sc_control_server *s);

struct sc_http_server;
struct sc_http_server_deps {
    struct sc_loop *loop;
    struct sc_log *log;
    const struct sc_ops_env *env;
    const char *listen; /* host:port */
    const char *token;  /* bearer token of the operator */
};
struct sc_http_server *sc_http_server_new(const struct sc_http_server_deps *deps,
                                          struct sc_err *err);
int sc_http_server_port(const struct sc_http_server *s); /* what port 0 became */
void sc_http_server_free(struct sc_http_server *s);

/* Prometheus text of /metrics. */
void sc_metrics_write(const struct sc_ops_env *env, struct sc_buf *out);
/* docs/METRICS.md. */
void sc_metrics_print(struct sc_buf *out);

#endif
