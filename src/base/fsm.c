#include "sideclaw/fsm.h"

#include <string.h>

static bool valid(const struct sc_fsm *fsm, int state)
{
    return state >= 0 && (size_t)state < fsm->n;
}

bool sc_fsm_allowed(const struct sc_fsm *fsm, int from, int to)
{
    return valid(fsm, from) && valid(fsm, to) && (fsm->states[from].next & SC_NEXT(to)) != 0;
}

const char *sc_fsm_name(const struct sc_fsm *fsm, int state)
{
    return valid(fsm, state) ? fsm->states[state].name : "?";
}

int sc_fsm_find(const struct sc_fsm *fsm, const char *name)
{
    for (size_t i = 0; name && i < fsm->n; i++)
        if (strcmp(fsm->states[i].name, name) == 0)
            return (int)i;
    return -1;
}

bool sc_fsm_final(const struct sc_fsm *fsm, int state)
{
    return valid(fsm, state) && fsm->states[state].next == SC_FINAL;
}
