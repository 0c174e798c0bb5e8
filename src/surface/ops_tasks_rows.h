/* ops_tasks_rows.h: the rows about tasks, for operations.c alone. */
#ifndef SIDECLAW_SURFACE_OPS_TASKS_ROWS_H
#define SIDECLAW_SURFACE_OPS_TASKS_ROWS_H

#define P_TASK_ID                                                                                  \
    {                                                                                              \
        .name = "id", .type = SC_PARAM_STR, .required = true, .min = 1, .max = SC_TASK_ID_MAX,     \
        .help = "Task id."                                                                         \
    }
#define P_SECONDS(of, text)                                                                        \
    {                                                                                              \
        .name = (of), .type = SC_PARAM_INT, .max = SC_TASK_TIME_MAX_S, .seldom = true,             \
        .help = (text)                                                                             \
    }
#define P_TARGET(of, text)                                                                         \
    {                                                                                              \
        .name = (of), .type = SC_PARAM_STR, .min = 1, .max = SC_NAME_MAX, .help = (text)           \
    }
#define P_HOLDER                                                                                   \
    {                                                                                              \
        .name = "agent", .type = SC_PARAM_STR, .min = 1, .max = SC_NAME_MAX, .caller = true,       \
        .help = "Who works on it."                                                                 \
    }
#define P_FENCE(must)                                                                              \
    {                                                                                              \
        .name = "fence", .type = SC_PARAM_STR, .required = (must), .min = 1,                       \
        .max = SC_FENCE_TEXT_SIZE - 1, .help = "As pop_task gave it; none if you were asked."      \
    }

static const struct sc_param task_push_params[] = {
    { .name = "body",
      .type = SC_PARAM_STR,
      .required = true,
      .min = 1,
      .max = SC_TASK_BODY_MAX,
      .help = "What is to be done." },
    P_TARGET("agent", "Only for this agent, who is woken."),
    P_TARGET("capability", "Only for agents that can do this."),
    P_TARGET("group", "Only for agents of gateways of this group."),
    { .name = "priority",
      .type = SC_PARAM_INT,
      .max = SC_TASK_PRIORITY_MAX,
      .help = "0 to 9, highest first; 5 when absent." },
    { .name = "max_attempts",
      .type = SC_PARAM_INT,
      .min = 1,
      .max = SC_TASK_ATTEMPTS_MAX,
      .seldom = true,
      .help = "Before it is dead; 3 when absent." },
    { .name = "lease_s",
      .type = SC_PARAM_INT,
      .min = 1,
      .max = SC_TASK_TIME_MAX_S,
      .seldom = true,
      .help = "Without a sign of life; 60 when absent." },
    P_SECONDS("timeout_s", "From now to its end, whatever happens."),
    P_SECONDS("delay_s", "Before it may be taken."),
    P_SECONDS("backoff_s", "Before the 2nd attempt, then doubling; 5."),
    { .name = "id",
      .type = SC_PARAM_STR,
      .min = 1,
      .max = SC_TASK_ID_MAX,
      .seldom = true,
      .help = "Your own id: pushing it again changes nothing." },
    { .name = "from",
      .type = SC_PARAM_STR,
      .min = 1,
      .max = SC_NAME_MAX,
      .caller = true,
      .help = "Who asks for it." },
    END,
};
static const struct sc_param task_pop_params[] = { P_HOLDER, END };
static const struct sc_param task_complete_params[] = {
    P_TASK_ID,
    P_FENCE(false),
    P_HOLDER,
    { .name = "result", .type = SC_PARAM_STR, .max = SC_TASK_BODY_MAX, .help = "What came of it." },
    END,
};
static const struct sc_param task_fail_params[] = {
    P_TASK_ID,
    P_FENCE(false),
    P_HOLDER,
    { .name = "reason",
      .type = SC_PARAM_STR,
      .max = SC_TASK_REASON_MAX,
      .help = "Why it did not work." },
    { .name = "retry", .type = SC_PARAM_BOOL, .help = "false: nobody needs to try again." },
    END,
};
static const struct sc_param task_renew_params[] = { P_TASK_ID, P_FENCE(true), P_HOLDER, END };
static const struct sc_param task_id_params[] = { P_TASK_ID, END };
static const struct sc_param task_list_params[] = {
    { .name = "state",
      .type = SC_PARAM_STR,
      .min = 1,
      .max = 16,
      .help = "queued, waiting, running, done, dead or cancelled." },
    P_LIMIT,
    END,
};

static const struct sc_tool push_task_tool = {
    .name = "push_task",
    .description =
        "Put work into the mesh's queue: whoever is fit and free takes it. With agent it "
        "goes to that one and wakes him. For a question use send_message. The result "
        "comes with task_status. Example: {\"body\":\"restart job web\","
        "\"capability\":\"nomad\"}"
};
static const struct sc_tool pop_task_tool = {
    .name = "pop_task",
    .description = "Take the next task that you may do. It is yours for lease_s seconds, longer "
                   "while your turn runs. Do it, then call complete_task or fail_task with its id "
                   "and fence. task null: nothing to do; do not ask again in this turn. Example: {}"
};
static const struct sc_tool complete_task_tool = {
    .name = "complete_task",
    .description =
        "The task you took is done. Refused when the lease ran out and somebody else has "
        "it: then drop it. Example: {\"id\":\"task-123\",\"fence\":\"17637@gw-1\","
        "\"result\":\"web runs again\"}",
    .hints = SC_TOOL_IDEMPOTENT
};
static const struct sc_tool fail_task_tool = {
    .name = "fail_task",
    .description = "You cannot do the task you took: it is tried again later, by you or another; "
                   "with retry false it is given up. Example: {\"id\":\"task-123\",\"fence\":"
                   "\"17637@gw-1\",\"reason\":\"no access to Nomad\"}"
};
static const struct sc_tool task_status_tool = {
    .name = "task_status",
    .description = "How far a task got, who works on it, and its result. Not for messages: those "
                   "have message_status. Example: {\"id\":\"task-123\"}",
    .hints = SC_TOOL_READ_ONLY
};

#define TASK_ROWS                                                                                  \
    { .name = "task.push",                                                                         \
      .http = "POST /v1/tasks",                                                                    \
      .scope = SC_SCOPE_AGENT,                                                                     \
      .summary = "Put a task into the mesh's queue; it is on disk here until it is over.",         \
      .params = task_push_params,                                                                  \
      .status = 202,                                                                               \
      .result = T_TASK_STATE,                                                                      \
      .tool = &push_task_tool,                                                                     \
      .handler = sc_op_task_push },                                                                \
        { .name = "task.pop",                                                                      \
          .http = "POST /v1/tasks/pop",                                                            \
          .scope = SC_SCOPE_AGENT,                                                                 \
          .summary = "Take the next task that an agent may do, with a lease.",                     \
          .params = task_pop_params,                                                               \
          .status = 200,                                                                           \
          .result = T_POPPED,                                                                      \
          .tool = &pop_task_tool,                                                                  \
          .handler = sc_op_task_pop },                                                             \
        { .name = "task.complete",                                                                 \
          .http = "POST /v1/tasks/{id}/complete",                                                  \
          .scope = SC_SCOPE_AGENT,                                                                 \
          .summary = "A task is done: 200 when its home has that on disk, 202 when only we have.", \
          .params = task_complete_params,                                                          \
          .status = 200,                                                                           \
          .result = T_TASK_STATE,                                                                  \
          .tool = &complete_task_tool,                                                             \
          .handler = sc_op_task_complete },                                                        \
        { .name = "task.fail",                                                                     \
          .http = "POST /v1/tasks/{id}/fail",                                                      \
          .scope = SC_SCOPE_AGENT,                                                                 \
          .summary = "An attempt came to nothing: it is tried again later, or given up.",          \
          .params = task_fail_params,                                                              \
          .status = 200,                                                                           \
          .result = T_TASK_STATE,                                                                  \
          .tool = &fail_task_tool,                                                                 \
          .handler = sc_op_task_fail },                                                            \
        { .name = "task.renew",                                                                    \
          .http = "POST /v1/tasks/{id}/renew",                                                     \
          .scope = SC_SCOPE_AGENT,                                                                 \
          .summary = "Still at work: the lease begins anew.",                                      \
          .params = task_renew_params,                                                             \
          .status = 200,                                                                           \
          .result = T_TASK_STATE,                                                                  \
          .handler = sc_op_task_renew },                                                           \
        { .name = "task.get",                                                                      \
          .http = "GET /v1/tasks/{id}",                                                            \
          .scope = SC_SCOPE_AGENT,                                                                 \
          .summary = "One task and how far it got.",                                               \
          .params = task_id_params,                                                                \
          .status = 200,                                                                           \
          .result = T_TASK,                                                                        \
          .tool = &task_status_tool,                                                               \
          .handler = sc_op_task_get },                                                             \
        { .name = "task.list",                                                                     \
          .http = "GET /v1/tasks",                                                                 \
          .scope = SC_SCOPE_OPERATOR,                                                              \
          .summary = "The tasks of the mesh, the latest first.",                                   \
          .params = task_list_params,                                                              \
          .status = 200,                                                                           \
          .result = T_TASKS,                                                                       \
          .handler = sc_op_task_list },                                                            \
        { .name = "task.retry",                                                                    \
          .http = "POST /v1/tasks/{id}/retry",                                                     \
          .scope = SC_SCOPE_OPERATOR,                                                              \
          .summary = "Give a dead or cancelled task another life.",                                \
          .params = task_id_params,                                                                \
          .status = 200,                                                                           \
          .result = T_TASK_STATE,                                                                  \
          .handler = sc_op_task_retry },                                                           \
    {                                                                                              \
        .name = "task.cancel", .http = "POST /v1/tasks/{id}/cancel", .scope = SC_SCOPE_OPERATOR,   \
        .summary = "Call a task off; who works on it is told when he is done.",                    \
        .params = task_id_params, .status = 200, .result = T_TASK_STATE,                           \
        .handler = sc_op_task_cancel                                                               \
    }

#endif
