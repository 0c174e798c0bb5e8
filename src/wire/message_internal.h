/* message_internal.h: for wire/ only: pieces that several envelope readers share. */
#ifndef SIDECLAW_MESSAGE_INTERNAL_H
#define SIDECLAW_MESSAGE_INTERNAL_H

#include <jansson.h>

#include "sideclaw/err.h"
#include "sideclaw/message.h"

/* Everything but `from` and `to`, which the minimal forms fill in otherwise. */
int sc_message_parts_from_json(json_t *obj, struct sc_message *m, struct sc_err *err);

/* "from" or "to": an object {agent, gateway}, or just the agent's name. */
int sc_message_party_from_json(const json_t *obj, const char *name, char **ret_agent,
                               char **ret_gateway, struct sc_err *err);

#endif
