/* fsm.h: a state machine as a table; a move that the table does not list is refused.
 * The idea of a table plus bitset of next states: dqlite's sm.h (ANCHORS 3). */
#ifndef SIDECLAW_FSM_H
#define SIDECLAW_FSM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sc_fsm_state {
    const char *name;
    uint32_t next; /* bitset of SC_NEXT(state) */
};
#define SC_NEXT(state) (UINT32_C(1) << (state))
#define SC_FINAL 0

struct sc_fsm {
    const char *what; /* "message": the first word of its log lines */
    const struct sc_fsm_state *states;
    size_t n;
};

bool sc_fsm_allowed(const struct sc_fsm *fsm, int from, int to);
const char *sc_fsm_name(const struct sc_fsm *fsm, int state);
/* -1 when no state has that name. */
int sc_fsm_find(const struct sc_fsm *fsm, const char *name);
bool sc_fsm_final(const struct sc_fsm *fsm, int state);

#endif
