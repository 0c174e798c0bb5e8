/* operations.c: the one table. A new operation is a row here, a handler, and nothing else: HTTP,
 * control socket, OpenAPI and the reference follow. */
#include "sideclaw/operations.h"

#include "handlers.h"
#include "ops_memory_rows.h"
#include "schemas.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"

#define END                                                                                        \
    {                                                                                              \
        .name = NULL                                                                               \
    }
#define P_ID                                                                                       \
    {                                                                                              \
        .name = "id", .type = SC_PARAM_STR, .required = true, .min = 1, .max = 64,                 \
        .help = "Message id, a UUID."                                                              \
    }
#define P_AGENT                                                                                    \
    {                                                                                              \
        .name = "agent", .type = SC_PARAM_STR, .required = true, .min = 1, .max = SC_NAME_MAX,     \
        .caller = true, .help = "Agent id."                                                        \
    }
#define P_LIMIT                                                                                    \
    {                                                                                              \
        .name = "limit", .type = SC_PARAM_INT, .min = 1, .max = SC_LIST_MAX,                       \
        .help = "Rows at most; 100 when absent."                                                   \
    }

static const struct sc_param send_params[] = {
    { .name = "to",
      .type = SC_PARAM_STR,
      .min = 1,
      .max = 2 * SC_NAME_MAX + 1,
      .help = "Receiver: AGENT or AGENT@GATEWAY." },
    { .name = "capability",
      .type = SC_PARAM_STR,
      .min = 1,
      .max = SC_NAME_MAX,
      .help = "Instead of to: whoever can do this, and is least busy." },
    { .name = "from",
      .type = SC_PARAM_STR,
      .min = 1,
      .max = SC_NAME_MAX,
      .caller = true,
      .help = "Sender; the configured agent_id, else \"operator\", when absent." },
    { .name = "body",
      .type = SC_PARAM_STR,
      .required = true,
      .min = 1,
      .max = SC_BODY_MAX,
      .help = "The text, UTF-8." },
    { .name = "thread",
      .type = SC_PARAM_STR,
      .min = 1,
      .max = SC_THREAD_MAX,
      .help = "Conversation this belongs to." },
    { .name = "ttl_s",
      .type = SC_PARAM_INT,
      .min = 1,
      .max = SC_TTL_MAX_S,
      .seldom = true,
      .help = "Seconds after which it is given up; messages.ttl_s when absent." },
    { .name = "content_type",
      .type = SC_PARAM_STR,
      .min = 1,
      .max = SC_CONTENT_TYPE_MAX,
      .seldom = true,
      .help = "Of the body; text/plain when absent." },
    { .name = "wait_ms",
      .type = SC_PARAM_INT,
      .max = SC_WAIT_MAX_MS,
      .help = "Answer only with the reply, or after that many milliseconds." },
    { .name = "id",
      .type = SC_PARAM_STR,
      .min = 1,
      .max = 64,
      .seldom = true,
      .help = "Your own id, a UUID: sending it again changes nothing." },
    { .name = "traceparent",
      .type = SC_PARAM_STR,
      .min = 1,
      .max = SC_TRACEPARENT_MAX,
      .seldom = true,
      .help = "W3C trace context, passed on to the receiver's turn." },
    END,
};
static const struct sc_param id_params[] = { P_ID, END };
static const struct sc_param agent_params[] = { P_AGENT, END };
static const struct sc_param inbox_params[] = {
    P_AGENT,
    { .name = "all", .type = SC_PARAM_BOOL, .help = "Also what is acknowledged." },
    P_LIMIT,
    END,
};
static const struct sc_param inbox_id_params[] = { P_AGENT, P_ID, END };
static const struct sc_param outbox_params[] = {
    { .name = "all", .type = SC_PARAM_BOOL, .help = "Also what is settled." },
    P_LIMIT,
    END,
};
#include "ops_events_rows.h"
#include "ops_mail_rows.h"
static const struct sc_param agents_params[] = {
    { .name = "gateway",
      .type = SC_PARAM_STR,
      .min = 1,
      .max = SC_NAME_MAX,
      .seldom = true,
      .help = "Only agents of this gateway." },
    { .name = "capability",
      .type = SC_PARAM_STR,
      .min = 1,
      .max = SC_NAME_MAX,
      .help = "Only agents that can do this." },
    { .name = "group",
      .type = SC_PARAM_STR,
      .min = 1,
      .max = SC_NAME_MAX,
      .help = "Only with this label: NAME=VALUE, or a group." },
    { .name = "status",
      .type = SC_PARAM_STR,
      .min = 1,
      .max = 8,
      .help = "Only active, busy or offline ones." },
    { .name = "limit",
      .type = SC_PARAM_INT,
      .min = 1,
      .max = SC_LIST_MAX,
      .help = "Agents at most." },
    END,
};
#define P_DIRECTION                                                                                \
    {                                                                                              \
        .name = "direction", .type = SC_PARAM_STR, .min = 1, .max = 8,                             \
        .help = "out: what was sent from here; in: what came here; both when absent."              \
    }
#define P_CHOICE                                                                                   \
    P_DIRECTION,                                                                                   \
        { .name = "agent",                                                                         \
          .type = SC_PARAM_STR,                                                                    \
          .min = 1,                                                                                \
          .max = SC_NAME_MAX,                                                                      \
          .help = "Only from or to this agent." },                                                 \
        { .name = "reason",                                                                        \
          .type = SC_PARAM_STR,                                                                    \
          .min = 1,                                                                                \
          .max = SC_REASON_MAX,                                                                    \
          .help = "Only with a reason that begins so." },                                          \
        P_LIMIT
#define P_FORCE                                                                                    \
    {                                                                                              \
        .name = "force", .type = SC_PARAM_BOOL,                                                    \
        .help = "Also when a turn ran, or may have run, for it."                                   \
    }
#define P_SKIP                                                                                     \
    {                                                                                              \
        .name = "skip", .type = SC_PARAM_INT, .max = 1000000000,                                   \
        .help = "Pass over the first so many: those that were refused."                            \
    }
static const struct sc_param dead_list_params[] = { P_CHOICE, END };
static const struct sc_param dead_id_params[] = { P_ID, P_DIRECTION, END };
static const struct sc_param dead_retry_params[] = { P_ID, P_DIRECTION, P_FORCE, END };
static const struct sc_param dead_retry_all_params[] = { P_CHOICE, P_SKIP, P_FORCE, END };
static const struct sc_param dead_drop_all_params[] = { P_CHOICE, P_SKIP, END };
#define P_AGENTS(must, text)                                                                       \
    {                                                                                              \
        .name = "agents", .type = SC_PARAM_STRV, .required = (must), .min = 1, .max = SC_NAME_MAX, \
        .help = (text)                                                                             \
    }
#define P_DRY_RUN                                                                                  \
    {                                                                                              \
        .name = "dry_run", .type = SC_PARAM_BOOL, .help = "Say what would change, change nothing." \
    }
static const struct sc_param install_params[] = {
    P_AGENTS(false, "Only these agents; all of the gateway when absent."),
    { .name = "skill",
      .type = SC_PARAM_STR,
      .min = 1,
      .max = SC_PATH_MAX,
      .help = "Folder of the skill sideclaw-mesh, for skills.load.extraDirs." },
    P_DRY_RUN,
    END,
};
static const struct sc_param uninstall_params[] = {
    P_AGENTS(false, "Only these agents; everything of ours when absent."),
    P_DRY_RUN,
    END,
};
static const struct sc_param servers_params[] = { P_AGENTS(true, "Agents."), END };
static const struct sc_param drain_params[] = {
    { .name = "why",
      .type = SC_PARAM_STR,
      .min = 1,
      .max = SC_REASON_MAX - 1,
      .help = "For people: the reason, shown by status." },
    { .name = "wait_ms",
      .type = SC_PARAM_INT,
      .max = SC_WAIT_MAX_MS,
      .help = "Answer only when it is ready to stop, or after that many milliseconds." },
    END,
};
static const struct sc_param no_params[] = { END };

#include "ops_tasks_rows.h"

static const struct sc_op table[] = {
    { .name = "message.send",
      .http = "POST /v1/messages",
      .scope = SC_SCOPE_AGENT,
      .summary = "Send a message to an agent; with wait_ms, wait for its reply (then 200).",
      .params = send_params,
      .status = 202,
      .result = T_SENT,
      .tool = &send_tool,
      .handler = sc_op_message_send },
    { .name = "message.get",
      .http = "GET /v1/messages/{id}",
      .scope = SC_SCOPE_OPERATOR,
      .summary = "One message and how far it got.",
      .params = id_params,
      .status = 200,
      .result = T_MESSAGE,
      .handler = sc_op_message_get },
    { .name = "message.status",
      .http = "GET /v1/messages/{id}/status",
      .scope = SC_SCOPE_AGENT,
      .summary = "How far one message got, in few words, and its reply.",
      .params = id_params,
      .status = 200,
      .result = T_MESSAGE_STATUS,
      .tool = &status_tool,
      .handler = sc_op_message_status },
    { .name = "inbox.list",
      .http = "GET /v1/agents/{agent}/inbox",
      .scope = SC_SCOPE_AGENT,
      .summary = "What came for an agent of this gateway and is not acknowledged.",
      .params = inbox_params,
      .status = 200,
      .result = T_INBOX,
      .handler = sc_op_inbox_list },
    { .name = "inbox.get",
      .http = "GET /v1/agents/{agent}/inbox/{id}",
      .scope = SC_SCOPE_AGENT,
      .summary = "One message of an agent's inbox.",
      .params = inbox_id_params,
      .status = 200,
      .result = T_MESSAGE,
      .handler = sc_op_inbox_get },
    { .name = "inbox.ack",
      .http = "POST /v1/agents/{agent}/inbox/{id}/ack",
      .scope = SC_SCOPE_AGENT,
      .summary = "Acknowledge a message: it is read and done with.",
      .params = inbox_id_params,
      .status = 200,
      .result = T_ACKED,
      .tool = &ack_tool,
      .handler = sc_op_inbox_ack },
    { .name = "inbox.check",
      .http = "GET /v1/agents/{agent}/mail",
      .scope = SC_SCOPE_AGENT,
      .summary = "What lies unread in an agent's inbox, the newest first, long bodies cut.",
      .params = inbox_check_params,
      .status = 200,
      .result = T_CHECKED,
      .tool = &check_tool,
      .handler = sc_op_inbox_check },
    { .name = "inbox.reply",
      .http = "POST /v1/agents/{agent}/inbox/{id}/reply",
      .scope = SC_SCOPE_AGENT,
      .summary = "Answer a message that lies in an inbox: its sender gets it as the reply.",
      .params = inbox_reply_params,
      .status = 202,
      .result = T_REPLIED,
      .tool = &reply_tool,
      .handler = sc_op_inbox_reply },
    { .name = "outbox.list",
      .http = "GET /v1/outbox",
      .scope = SC_SCOPE_OPERATOR,
      .summary = "What this gateway's agents sent and is still on its way.",
      .params = outbox_params,
      .status = 200,
      .result = T_OUTBOX,
      .handler = sc_op_outbox_list },
    { .name = "dead.list",
      .http = "GET /v1/dead",
      .scope = SC_SCOPE_OPERATOR,
      .summary = "Dead letters, the oldest first: what will not be delivered, and why.",
      .params = dead_list_params,
      .status = 200,
      .result = T_DEAD,
      .handler = sc_op_dead_list },
    { .name = "dead.get",
      .http = "GET /v1/dead/{id}",
      .scope = SC_SCOPE_OPERATOR,
      .summary = "One dead letter.",
      .params = dead_id_params,
      .status = 200,
      .result = T_MESSAGE,
      .handler = sc_op_dead_get },
    { .name = "dead.retry",
      .http = "POST /v1/dead/{id}/retry",
      .scope = SC_SCOPE_OPERATOR,
      .summary = "Give a dead letter another life, under its own id or as a new message.",
      .params = dead_retry_params,
      .status = 200,
      .result = T_RETRIED,
      .handler = sc_op_dead_retry },
    { .name = "dead.drop",
      .http = "POST /v1/dead/{id}/drop",
      .scope = SC_SCOPE_OPERATOR,
      .summary = "Take a dead letter from the list; its id stays known.",
      .params = dead_id_params,
      .status = 200,
      .result = T_DROPPED,
      .handler = sc_op_dead_drop },
    { .name = "dead.retry_all",
      .http = "POST /v1/dead/retry",
      .scope = SC_SCOPE_OPERATOR,
      .summary = "The same for all that match, up to 1000 a call.",
      .params = dead_retry_all_params,
      .status = 200,
      .result = T_MANY("retried"),
      .handler = sc_op_dead_retry_all },
    { .name = "dead.drop_all",
      .http = "POST /v1/dead/drop",
      .scope = SC_SCOPE_OPERATOR,
      .summary = "Take all that match from the list, up to 1000 a call.",
      .params = dead_drop_all_params,
      .status = 200,
      .result = T_MANY("dropped"),
      .handler = sc_op_dead_drop_all },
    { .name = "agent.register",
      .http = "POST /v1/agents/{agent}",
      .scope = SC_SCOPE_AGENT,
      .summary = "An agent of this gateway declares what it is and can do; kept over restarts.",
      .params = register_params,
      .status = 200,
      .result = T_REGISTERED,
      .tool = &register_tool,
      .handler = sc_op_agent_register },
    { .name = "agents.list",
      .http = "GET /v1/agents",
      .scope = SC_SCOPE_AGENT,
      .summary = "The agents of the mesh.",
      .params = agents_params,
      .status = 200,
      .result = T_AGENTS,
      .tool = &discover_tool,
      .handler = sc_op_agents_list },
    { .name = "agent.token",
      .http = "GET /v1/agents/{agent}/token",
      .scope = SC_SCOPE_OPERATOR,
      .summary = "The bearer token by which an agent calls its tools at /mcp/AGENT.",
      .params = agent_params,
      .status = 200,
      .result = T_TOKEN,
      .handler = sc_op_agent_token },
    MEMORY_ROWS,
    { .name = "gateways.list",
      .http = "GET /v1/gateways",
      .scope = SC_SCOPE_AGENT,
      .summary = "The gateways of the mesh.",
      .params = no_params,
      .status = 200,
      .result = T_GATEWAYS,
      .handler = sc_op_gateways_list },
    { .name = "gateway.install",
      .http = "POST /v1/gateway/install",
      .scope = SC_SCOPE_OPERATOR,
      .summary = "Give the agents of our gateway their MCP servers and the skill.",
      .params = install_params,
      .status = 200,
      .result = T_INSTALLED,
      .handler = sc_op_gateway_install },
    { .name = "gateway.uninstall",
      .http = "POST /v1/gateway/uninstall",
      .scope = SC_SCOPE_OPERATOR,
      .summary = "Take exactly that away again.",
      .params = uninstall_params,
      .status = 200,
      .result = T_INSTALLED,
      .handler = sc_op_gateway_uninstall },
    { .name = "gateway.servers",
      .http = "POST /v1/gateway/servers",
      .scope = SC_SCOPE_OPERATOR,
      .summary = "What a gateway's mcp.servers needs for these agents, with their tokens.",
      .params = servers_params,
      .status = 200,
      .result = T_SERVERS,
      .handler = sc_op_gateway_servers },
    { .name = "gateway.drain",
      .http = "POST /v1/drain",
      .scope = SC_SCOPE_OPERATOR,
      .summary =
          "Take no new work here, let turns end; with wait_ms, wait until it may be stopped.",
      .params = drain_params,
      .status = 200,
      .result = T_DRAIN,
      .handler = sc_op_gateway_drain },
    { .name = "gateway.undrain",
      .http = "DELETE /v1/drain",
      .scope = SC_SCOPE_OPERATOR,
      .summary = "Take that back; others (Consul, the disk) may still drain.",
      .params = no_params,
      .status = 200,
      .result = T_DRAIN,
      .handler = sc_op_gateway_undrain },
    { .name = "events.push",
      .http = "POST /v1/events",
      .scope = SC_SCOPE_AGENT,
      .summary = "Tell everybody what happened; it waits here while Redis is away.",
      .params = events_push_params,
      .status = 202,
      .result = T_PUSHED,
      .tool = &push_event_tool,
      .handler = sc_op_events_push },
    { .name = "events.list",
      .http = "GET /v1/events",
      .scope = SC_SCOPE_AGENT,
      .summary = "What happened in the mesh, the newest first.",
      .params = events_list_params,
      .status = 200,
      .result = T_EVENTS,
      .tool = &recent_events_tool,
      .handler = sc_op_events_list },
    { .name = "events.wait",
      .http = "GET /v1/events/wait",
      .scope = SC_SCOPE_AGENT,
      .summary = "What happened since the answer before, or wait for it.",
      .params = events_wait_params,
      .status = 200,
      .result = T_EVENTS_SINCE,
      .handler = sc_op_events_wait },
    { .name = "status.get",
      .http = "GET /v1/status",
      .scope = SC_SCOPE_OPERATOR,
      .summary = "This sidecar: health, links, spool, counters.",
      .params = no_params,
      .status = 200,
      .result = T_STATUS,
      .handler = sc_op_status_get },
    { .name = "health.get",
      .http = "GET /v1/health",
      .scope = SC_SCOPE_OPERATOR,
      .summary = "The health board.",
      .params = no_params,
      .status = 200,
      .result = T_HEALTH,
      .handler = sc_op_health_get },
    { .name = "health.page",
      .http = "GET /health",
      .scope = SC_SCOPE_PUBLIC,
      .summary = "For Consul and people: 200 healthy, 429 degraded, 503 draining or dead.",
      .params = no_params,
      .status = 200,
      .result = T_HEALTH,
      .handler = sc_op_health_page },
    { .name = "health.traffic",
      .http = "GET /health/traffic",
      .scope = SC_SCOPE_PUBLIC,
      .summary = "For load balancers: 200 may take new requests, else 503.",
      .params = no_params,
      .status = 200,
      .result = T_HEALTH,
      .handler = sc_op_health_traffic },
    { .name = "health.live",
      .http = "GET /health/live",
      .scope = SC_SCOPE_PUBLIC,
      .summary = "For restarts: 503 only when two signals agree that the gateway is dead.",
      .params = no_params,
      .status = 200,
      .result = T_HEALTH,
      .handler = sc_op_health_live },
    TASK_ROWS,
    { .name = "operations.list",
      .http = "GET /v1/operations",
      .scope = SC_SCOPE_OPERATOR,
      .summary = "This table.",
      .params = no_params,
      .status = 200,
      .result = T_OPERATIONS,
      .handler = sc_op_operations_list },
};

const struct sc_op *sc_operations(size_t *ret_n)
{
    *ret_n = SC_ARRAY_LEN(table);
    return table;
}

const struct sc_op *sc_operation_find(const char *name)
{
    for (size_t i = 0; i < SC_ARRAY_LEN(table); i++)
        if (sc_streq(table[i].name, name))
            return &table[i];
    return NULL;
}
