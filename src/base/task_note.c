#include "sideclaw/task_note.h"

#include <stdlib.h>

const char *sc_note_state_name(enum sc_note_state s)
{
    static const char *const names[] = { [SC_NOTE_QUEUED] = "queued",
                                         [SC_NOTE_RUNNING] = "running",
                                         [SC_NOTE_DONE] = "done",
                                         [SC_NOTE_FAILED] = "failed",
                                         [SC_NOTE_GONE] = "gone" };
    return names[s];
}

void sc_task_note_fini(struct sc_task_note *n)
{
    free(n->agent);
    free(n->name);
    free(n->from);
    free(n->message);
    free(n->result);
    free(n->reason);
    *n = (struct sc_task_note){ .agent = NULL };
}
