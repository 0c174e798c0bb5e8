/* delegate.h: tasks that one agent is asked for by name; for ops_tasks.c alone. */
#ifndef SIDECLAW_SURFACE_DELEGATE_H
#define SIDECLAW_SURFACE_DELEGATE_H

#include "handlers.h"
#include "sideclaw/task.h"

/* Ends the call. */
void sc_delegate_push(struct sc_call *call, const struct sc_task *t);
/* What is known here of it; NULL: nothing. */
struct sc_value *sc_delegate_get(const struct sc_ops_env *env, const char *name);
/* Ends the call: that agent is done with it, or cannot do it. */
void sc_delegate_end(struct sc_call *call, const char *agent, bool ok, const char *text);

#endif
