/* handlers.h: the handlers behind the table, and how values become JSON. */
#ifndef SIDECLAW_SURFACE_HANDLERS_H
#define SIDECLAW_SURFACE_HANDLERS_H

#include "sideclaw/operations.h"
#include "sideclaw/registry_pick.h"
#include "sideclaw/spool.h"
#include "sideclaw/value.h"

/* ops_send.c */
void sc_op_message_send(struct sc_call *call);
/* ops_messages.c */
void sc_op_message_get(struct sc_call *call);
void sc_op_inbox_list(struct sc_call *call);
void sc_op_inbox_get(struct sc_call *call);
void sc_op_inbox_ack(struct sc_call *call);
void sc_op_outbox_list(struct sc_call *call);
/* ops_mail.c */
void sc_op_inbox_check(struct sc_call *call);
void sc_op_message_status(struct sc_call *call);
/* ops_reply.c */
void sc_op_inbox_reply(struct sc_call *call);
/* ops_events.c */
void sc_op_events_push(struct sc_call *call);
void sc_op_events_list(struct sc_call *call);
void sc_op_events_wait(struct sc_call *call);
struct sc_value *sc_event_value(const struct sc_event *e);
/* ops_dead.c */
void sc_op_dead_list(struct sc_call *call);
void sc_op_dead_get(struct sc_call *call);
void sc_op_dead_retry(struct sc_call *call);
void sc_op_dead_drop(struct sc_call *call);
void sc_op_dead_retry_all(struct sc_call *call);
void sc_op_dead_drop_all(struct sc_call *call);
/* ops_memory.c */
void sc_op_memory_list(struct sc_call *call);
void sc_op_memory_get(struct sc_call *call);
void sc_op_memory_set(struct sc_call *call);
void sc_op_memory_delete(struct sc_call *call);
/* ops_agents.c */
void sc_op_agents_list(struct sc_call *call);
void sc_op_gateways_list(struct sc_call *call);
/* ops_token.c */
void sc_op_agent_token(struct sc_call *call);
/* ops_declare.c */
void sc_op_agent_register(struct sc_call *call);
/* The world that a choice among agents is made in. */
struct sc_pick_world sc_ops_world(const struct sc_ops_env *env);
/* ["os=linux"] as it stands. */
struct sc_value *sc_strv_value(const struct sc_strv *l);
/* ops_install.c */
void sc_op_gateway_install(struct sc_call *call);
void sc_op_gateway_uninstall(struct sc_call *call);
void sc_op_gateway_servers(struct sc_call *call);
/* ops_status.c */
void sc_op_status_get(struct sc_call *call);
/* ops_health.c */
void sc_op_health_get(struct sc_call *call);
void sc_op_health_page(struct sc_call *call);
void sc_op_health_traffic(struct sc_call *call);
void sc_op_health_live(struct sc_call *call);
/* ops_drain.c */
void sc_op_gateway_drain(struct sc_call *call);
void sc_op_gateway_undrain(struct sc_call *call);
/* Of status.get; null: there is none. */
struct sc_value *sc_drain_value(const struct sc_drain *d);
/* ops_table.c */
void sc_op_operations_list(struct sc_call *call);
/* ops_tasks.c */
void sc_op_task_push(struct sc_call *call);
void sc_op_task_pop(struct sc_call *call);
void sc_op_task_complete(struct sc_call *call);
void sc_op_task_fail(struct sc_call *call);
void sc_op_task_renew(struct sc_call *call);
void sc_op_task_get(struct sc_call *call);
void sc_op_task_list(struct sc_call *call);
void sc_op_task_retry(struct sc_call *call);
void sc_op_task_cancel(struct sc_call *call);

/* record_value.c: a stored message as people see it; the body only when asked for. */
struct sc_value *sc_record_value(const struct sc_record *r, bool with_body);
/* The same with its body and its links to others: what `sideclaw show` tells. */
struct sc_value *sc_message_value(const struct sc_ops_env *env, const struct sc_record *r);
/* {"agent","gateway"} */
struct sc_value *sc_address_value(const char *agent, const char *gateway);
void sc_value_set_time(struct sc_value *obj, const char *key, sc_wall t);
void sc_value_set_id(struct sc_value *obj, const char *key, const struct sc_id *id);

/* Why the verdict is not healthy. */
struct sc_value *sc_reasons_value(const struct sc_board *b);

/* {"id","stage","from","to","gateway","reason"?}: what a sender is told. */
struct sc_value *sc_sent_value(const struct sc_message *m, enum sc_stage stage, const char *reason);

/* The parameter `id` of a call; on failure the call has ended. */
bool sc_call_id(struct sc_call *call, struct sc_id *ret);

#endif
