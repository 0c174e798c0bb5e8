#include <criterion/criterion.h>

#include "sideclaw/fsm.h"
#include "sideclaw/message.h"

enum { OPEN, SHUT, GONE };
static const struct sc_fsm_state states[] = {
    [OPEN] = { "open", SC_NEXT(SHUT) | SC_NEXT(GONE) },
    [SHUT] = { "shut", SC_NEXT(OPEN) },
    [GONE] = { "gone", SC_FINAL },
};
static const struct sc_fsm door = { .what = "door", .states = states, .n = 3 };

Test(fsm, only_listed_moves_are_allowed)
{
    cr_assert(sc_fsm_allowed(&door, OPEN, SHUT));
    cr_assert(sc_fsm_allowed(&door, OPEN, GONE));
    cr_assert(sc_fsm_allowed(&door, SHUT, OPEN));
    cr_assert_not(sc_fsm_allowed(&door, SHUT, GONE));
    cr_assert_not(sc_fsm_allowed(&door, OPEN, OPEN));
    for (int to = OPEN; to <= GONE; to++)
        cr_assert_not(sc_fsm_allowed(&door, GONE, to));
}

Test(fsm, states_outside_the_table_are_refused)
{
    cr_assert_not(sc_fsm_allowed(&door, -1, OPEN));
    cr_assert_not(sc_fsm_allowed(&door, OPEN, -1));
    cr_assert_not(sc_fsm_allowed(&door, OPEN, 3));
    cr_assert_not(sc_fsm_allowed(&door, 3, OPEN));
    cr_assert_not(sc_fsm_allowed(&door, OPEN, 1000));
    cr_assert_not(sc_fsm_final(&door, 3));
    cr_assert_not(sc_fsm_final(&door, -1));
    cr_assert_str_eq(sc_fsm_name(&door, 3), "?");
    cr_assert_str_eq(sc_fsm_name(&door, -1), "?");
}

Test(fsm, names_both_ways)
{
    cr_assert_str_eq(sc_fsm_name(&door, SHUT), "shut");
    cr_assert_eq(sc_fsm_find(&door, "gone"), GONE);
    cr_assert_eq(sc_fsm_find(&door, "ajar"), -1);
    cr_assert_eq(sc_fsm_find(&door, ""), -1);
    cr_assert_eq(sc_fsm_find(&door, NULL), -1);
    cr_assert(sc_fsm_final(&door, GONE));
    cr_assert_not(sc_fsm_final(&door, OPEN));
}

/* Later stages overtake earlier ones; nothing goes back, and an end is an end. */
Test(fsm, message_stages_only_move_forward)
{
    for (int from = SC_STAGE_ACCEPTED; from < SC_STAGES; from++) {
        bool final = from == SC_STAGE_REPLIED || from == SC_STAGE_DEAD;
        cr_assert_eq(sc_fsm_final(&sc_stage_fsm, from), final);
        for (int to = SC_STAGE_ACCEPTED; to < SC_STAGES; to++)
            cr_assert_eq(sc_fsm_allowed(&sc_stage_fsm, from, to), !final && to > from, "%s -> %s",
                         sc_fsm_name(&sc_stage_fsm, from), sc_fsm_name(&sc_stage_fsm, to));
    }
}

Test(fsm, a_reply_is_settled_where_nobody_answers_any_more)
{
    cr_assert_not(sc_stage_settled(SC_KIND_MESSAGE, SC_STAGE_STARTED));
    cr_assert(sc_stage_settled(SC_KIND_MESSAGE, SC_STAGE_REPLIED));
    cr_assert(sc_stage_settled(SC_KIND_MESSAGE, SC_STAGE_DEAD));
    cr_assert_not(sc_stage_settled(SC_KIND_REPLY, SC_STAGE_STORED));
    cr_assert(sc_stage_settled(SC_KIND_REPLY, SC_STAGE_DELIVERED));
    cr_assert(sc_stage_settled(SC_KIND_EVENT, SC_STAGE_DEAD));
}
