/* Which end of a task counts: the one decision that must hold whatever Redis forgot. */
#include <criterion/criterion.h>

#include "sideclaw/mem.h"
#include "sideclaw/tasks.h"

struct side {
    enum sc_task_state state;
    uint64_t fence;
    unsigned lives;
};

static enum sc_task_verdict judge(struct side home, struct side queue)
{
    const struct sc_task row = { .state = home.state, .fence = home.fence, .lives = home.lives };
    const struct sc_task seen = { .state = queue.state,
                                  .fence = queue.fence,
                                  .lives = queue.lives };
    return sc_task_judge(&row, &seen);
}

Test(tasks_judge, the_first_end_by_the_latest_lease_counts)
{
    cr_assert_eq(judge((struct side){ SC_TASK_QUEUED, 0, 0 }, (struct side){ SC_TASK_DONE, 7, 0 }),
                 SC_VERDICT_FINAL);
    cr_assert_eq(judge((struct side){ SC_TASK_RUNNING, 7, 0 }, (struct side){ SC_TASK_DONE, 7, 0 }),
                 SC_VERDICT_FINAL);
    cr_assert_eq(judge((struct side){ SC_TASK_RUNNING, 7, 0 }, (struct side){ SC_TASK_DONE, 9, 0 }),
                 SC_VERDICT_FINAL, "a lease that the home had not heard of");
}

Test(tasks_judge, the_end_of_an_older_lease_is_undone)
{
    cr_assert_eq(judge((struct side){ SC_TASK_RUNNING, 9, 0 }, (struct side){ SC_TASK_DONE, 7, 0 }),
                 SC_VERDICT_UNDO);
}

Test(tasks_judge, what_is_over_stays_as_it_ended)
{
    const struct side done = { SC_TASK_DONE, 7, 0 };
    cr_assert_eq(judge(done, done), SC_VERDICT_FINAL, "the same again");
    cr_assert_eq(judge(done, (struct side){ SC_TASK_DONE, 9, 0 }), SC_VERDICT_OVER);
    cr_assert_eq(judge(done, (struct side){ SC_TASK_DONE, 5, 0 }), SC_VERDICT_OVER);
    cr_assert_eq(judge(done, (struct side){ SC_TASK_DEAD, 7, 0 }), SC_VERDICT_OVER);
    cr_assert_eq(judge(done, (struct side){ SC_TASK_RUNNING, 7, 0 }), SC_VERDICT_OVER,
                 "a Redis that lost its last writes");
}

Test(tasks_judge, another_life_begins_anew)
{
    const struct side dead = { SC_TASK_DEAD, 7, 0 };
    cr_assert_eq(judge(dead, (struct side){ SC_TASK_QUEUED, 7, 1 }), SC_VERDICT_REOPEN);
    cr_assert_eq(judge(dead, (struct side){ SC_TASK_DONE, 9, 1 }), SC_VERDICT_FINAL,
                 "it was over again before the home looked");
    cr_assert_eq(judge(dead, (struct side){ SC_TASK_QUEUED, 7, 0 }), SC_VERDICT_OVER);
}

Test(tasks_judge, who_knows_nothing_objects_to_nothing)
{
    const struct sc_task done = { .state = SC_TASK_DONE, .fence = 3 };
    const struct sc_task running = { .state = SC_TASK_RUNNING, .fence = 3 };
    cr_assert_eq(sc_task_judge(NULL, &done), SC_VERDICT_FINAL);
    cr_assert_eq(sc_task_judge(NULL, &running), SC_VERDICT_SEEN);
}
