/* ops_mail_rows.h: what the operations about an agent's own mail, and about the agent itself, take,
 * and how a model sees them. Included by operations.c only. */
#ifndef SIDECLAW_SURFACE_OPS_MAIL_ROWS_H
#define SIDECLAW_SURFACE_OPS_MAIL_ROWS_H

static const struct sc_param inbox_check_params[] = {
    P_AGENT,
    { .name = "id",
      .type = SC_PARAM_STR,
      .min = 1,
      .max = 64,
      .help = "Only this message, with its whole body." },
    { .name = "limit",
      .type = SC_PARAM_INT,
      .min = 1,
      .max = SC_CHECK_MAX,
      .help = "Messages at most; 10 when absent." },
    END,
};
static const struct sc_param inbox_reply_params[] = {
    P_AGENT,
    P_ID,
    { .name = "body",
      .type = SC_PARAM_STR,
      .required = true,
      .min = 1,
      .max = SC_BODY_MAX,
      .help = "The reply, UTF-8." },
    END,
};
static const struct sc_param register_params[] = {
    P_AGENT,
    { .name = "capabilities",
      .type = SC_PARAM_STRV,
      .min = 1,
      .max = SC_NAME_MAX,
      .help = "What you can do, a word each." },
    { .name = "labels",
      .type = SC_PARAM_STRV,
      .min = 1,
      .max = SC_NAME_MAX,
      .help = "NAME=VALUE each, as group=lab." },
    { .name = "description",
      .type = SC_PARAM_STR,
      .max = SC_DESCRIPTION_MAX,
      .help = "One sentence for the others." },
    END,
};

static const struct sc_tool register_tool = {
    .name = "agent_register",
    .description = "Tell the mesh what you can do, so that others find you. Once is enough; "
                   "calling it again replaces what you said before. Not needed to send or receive. "
                   "Example: {\"capabilities\":[\"backups\"],\"labels\":[\"group=lab\"]}",
    .hints = SC_TOOL_IDEMPOTENT,
};
static const struct sc_tool discover_tool = {
    .name = "agent_discover",
    .description =
        "Who else is in the mesh, what they can do, how busy they are (load) and whether "
        "a message reaches them now. Use before writing to an agent whose name you do "
        "not know. To just get something done, send_message with capability instead. "
        "Example: {\"capability\":\"backups\"}",
    .hints = SC_TOOL_READ_ONLY | SC_TOOL_IDEMPOTENT,
};
static const struct sc_tool send_tool = {
    .name = "send_message",
    .description = "Write to another agent: to its name, or to a capability (the least busy who "
                   "has it; `to` in the answer names him). It arrives even if he is away now. "
                   "With wait_ms you get his reply; else it comes to your inbox. Not for answering "
                   "the message of this turn: just answer. "
                   "Example: {\"to\":\"infra\",\"body\":\"Disk?\",\"wait_ms\":60000}",
};
static const struct sc_tool check_tool = {
    .name = "check_inbox",
    .description = "Unread mail, newest first: replies that came after you stopped waiting, and "
                   "messages if nobody wakes you. Messages that started this turn are not here. Do "
                   "not poll: you are woken. Long bodies are cut; pass id for one in full.",
    .hints = SC_TOOL_READ_ONLY | SC_TOOL_IDEMPOTENT,
};
static const struct sc_tool ack_tool = {
    .name = "ack_message",
    .description = "Mark a message of check_inbox as read and done with, so that it is not shown "
                   "again. Not needed after reply.",
    .hints = SC_TOOL_IDEMPOTENT,
};
static const struct sc_tool status_tool = {
    .name = "message_status",
    .description = "How far a message you sent got (accepted, sent, stored, delivered, started, "
                   "replied, or dead with the reason), and its reply if there is one.",
    .hints = SC_TOOL_READ_ONLY | SC_TOOL_IDEMPOTENT,
};
static const struct sc_tool reply_tool = {
    .name = "reply",
    .description = "Answer a message that check_inbox shows, once; receiver and thread are set for "
                   "you, and it counts as read. Not for the message that started this turn: what "
                   "you say at its end is the reply.",
};

#endif
