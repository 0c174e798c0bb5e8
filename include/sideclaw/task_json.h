/* task_json.h: tasks as JSON, and what people and scripts push into the list. */
#ifndef SIDECLAW_TASK_JSON_H
#define SIDECLAW_TASK_JSON_H

#include "sideclaw/buf.h"
#include "sideclaw/task.h"
#include "sideclaw/value.h"

/* sc_task_from_entry: what was pushed into the list: text is the body of a task with the defaults;
 * a JSON object with a body is a whole task:
 *   {"body","id","from","agent"|"capability"|"group","priority","max_attempts","lease_s",
 *    "timeout_s","delay_s","backoff_s"}
 * Any other JSON is a body, too. SC_EINVAL, SC_ETOOBIG name the field. */
int sc_task_from_entry(const char *text, size_t n, struct sc_task *ret,
                       struct sc_err *err) SC_MUST_CHECK;
/* The same members of an object; absent ones keep what ret has. */
int sc_task_from_value(const struct sc_value *v, struct sc_task *ret,
                       struct sc_err *err) SC_MUST_CHECK;
/* What sc_task_from_entry reads back as the same task. */
void sc_task_to_entry(const struct sc_task *t, struct sc_buf *out);
/* With everything that became of it. */
struct sc_value *sc_task_value(const struct sc_task *t, bool with_body);

#endif
