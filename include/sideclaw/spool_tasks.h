/* spool_tasks.h: the tasks' store port in the spool's file. */
#ifndef SIDECLAW_SPOOL_TASKS_H
#define SIDECLAW_SPOOL_TASKS_H

#include "sideclaw/spool_sqlite.h"
#include "sideclaw/task_queue.h"

struct sc_spool_tasks;
struct sc_spool_tasks *sc_spool_tasks_new(struct sc_spool_sqlite *spool, struct sc_err *err);
struct sc_task_store sc_spool_tasks_port(struct sc_spool_tasks *t);
void sc_spool_tasks_free(struct sc_spool_tasks *t); /* before the spool */

#endif
