/* spool_notes.h: the task notes' store port in the spool's file. */
#ifndef SIDECLAW_SPOOL_NOTES_H
#define SIDECLAW_SPOOL_NOTES_H

#include "sideclaw/spool_sqlite.h"
#include "sideclaw/task_note.h"

struct sc_spool_notes;
struct sc_spool_notes *sc_spool_notes_new(struct sc_spool_sqlite *spool, struct sc_err *err);
struct sc_note_store sc_spool_notes_port(struct sc_spool_notes *t);
void sc_spool_notes_free(struct sc_spool_notes *t); /* before the spool */

#endif
