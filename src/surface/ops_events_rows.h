/* ops_events_rows.h: what the operations about events take, and how a model sees them. Included by
 * operations.c only. */
#ifndef SIDECLAW_SURFACE_OPS_EVENTS_ROWS_H
#define SIDECLAW_SURFACE_OPS_EVENTS_ROWS_H

static const struct sc_param events_push_params[] = {
    { .name = "text",
      .type = SC_PARAM_STR,
      .required = true,
      .min = 1,
      .max = SC_EVENT_TEXT_MAX,
      .help = "What happened, one or two sentences." },
    { .name = "kind",
      .type = SC_PARAM_STR,
      .min = 1,
      .max = SC_NAME_MAX,
      .help = "A word: note (default), alert, recommendation, ..." },
    { .name = "agent",
      .type = SC_PARAM_STR,
      .min = 1,
      .max = SC_NAME_MAX,
      .caller = true,
      .help = "Who says so; as the sender of a message when absent." },
    END,
};
static const struct sc_param events_list_params[] = {
    { .name = "limit",
      .type = SC_PARAM_INT,
      .min = 1,
      .max = SC_EVENTS_LIST_MAX,
      .help = "Of the newest so many; 20 when absent." },
    { .name = "kind",
      .type = SC_PARAM_STR,
      .min = 1,
      .max = SC_NAME_MAX,
      .help = "Among them only this kind." },
    END,
};
static const struct sc_param events_wait_params[] = {
    { .name = "after",
      .type = SC_PARAM_INT,
      .max = INT64_MAX,
      .help = "The answer before: its next. When absent, from now on." },
    { .name = "wait_ms",
      .type = SC_PARAM_INT,
      .max = SC_WAIT_MAX_MS,
      .help = "How long to wait for one; at once when absent." },
    END,
};

static const struct sc_tool push_event_tool = {
    .name = "push_event",
    .description =
        "Tell the whole mesh, people included, that something happened. It wakes nobody: "
        "to get an answer or work done, send_message. kind recommendation also puts it "
        "into the shared document that people read. "
        "Example: {\"kind\":\"alert\",\"text\":\"disk of nas1 is 95% full\"}",
};
static const struct sc_tool recent_events_tool = {
    .name = "recent_events",
    .description = "What happened lately in the mesh, newest first: gateways up and down, dead "
                   "messages, what agents told everybody. Use to see what is going on; not for "
                   "mail to you (check_inbox).",
    .hints = SC_TOOL_READ_ONLY | SC_TOOL_IDEMPOTENT,
};

#endif
