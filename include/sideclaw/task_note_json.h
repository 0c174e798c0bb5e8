/* task_note_json.h: work that one agent is asked for, on the wires it takes. */
#ifndef SIDECLAW_TASK_NOTE_JSON_H
#define SIDECLAW_TASK_NOTE_JSON_H

#include "sideclaw/task_note.h"
#include "sideclaw/value.h"

/* {"id","state","agent","from","message","created","started","finished","result"|"reason"} */
struct sc_value *sc_task_note_value(const struct sc_task_note *n);

/* The name of the task that a message asks for: its unknown field `task`, so that a sidecar which
 * knows nothing of tasks carries it on. The caller's; NULL: it asks for none. */
char *sc_message_task(const struct sc_message *m);
void sc_message_set_task(struct sc_message *m, const char *name);
/* The id of the message that asks for it: the name itself, when that is a UUID. */
struct sc_id sc_task_message_id(const char *name);

#endif
