/* What became of the work that agents were asked for: owed to Consul until it is said, then until
 * it is forgotten there, too. */
#include <string.h>

#include "sideclaw/spool_notes.h"
#include "spool_fixture.h"

static struct fixture f;
static struct sc_spool_notes *notes;
static struct sc_note_store store;

static void setup(void)
{
    fixture_init(&f);
    fixture_open(&f);
    notes = sc_spool_notes_new(f.sq, &f.err);
    cr_assert(notes, "%s", f.err.text);
    store = sc_spool_notes_port(notes);
}

static void teardown(void)
{
    sc_spool_notes_free(notes);
    fixture_fini(&f);
}

TestSuite(spool_notes, .init = setup, .fini = teardown);

static void put_one(const char *name, enum sc_note_state state, int64_t finished)
{
    char agent[] = "infra", from[] = "jerry", id[] = "019c0000-0000-7000-8000-000000000001";
    struct sc_task_note n = { .agent = agent,
                              .from = from,
                              .message = id,
                              .name = sc_xstrdup(name),
                              .state = state,
                              .queued = AT(0),
                              .finished = { finished } };
    cr_assert_eq(store.ops->put(store.impl, &n, &f.err), SC_OK, "%s", f.err.text);
    free(n.name);
}

/* Says what is owed: its name and state; "" when nothing is. */
static const char *say(void)
{
    static char text[64];
    struct sc_task_note n = { .agent = NULL };
    text[0] = 0;
    if (store.ops->next_owed(store.impl, &n, &f.err) == SC_OK) {
        (void)snprintf(text, sizeof text, "%s %s", n.name, sc_note_state_name(n.state));
        cr_assert_eq(store.ops->said(store.impl, &n, &f.err), SC_OK);
    }
    sc_task_note_fini(&n);
    return text;
}

static int look(const char *name)
{
    struct sc_task_note n = { .agent = NULL };
    int r = store.ops->get(store.impl, "infra", name, &n, &f.err);
    sc_task_note_fini(&n);
    return r;
}

Test(spool_notes, what_is_over_for_long_is_said_to_be_gone_once)
{
    put_one("old", SC_NOTE_DONE, NOW.ms - 2000);
    put_one("new", SC_NOTE_DONE, NOW.ms);
    put_one("open", SC_NOTE_RUNNING, 0);
    cr_assert_str_eq(say(), "old done");
    cr_assert_str_eq(say(), "new done");
    cr_assert_str_eq(say(), "open running");
    cr_assert_eq(store.ops->expire(store.impl, AT(-1000), &f.err), SC_OK);
    cr_assert_eq(look("old"), SC_ENOENT);
    cr_assert_str_eq(say(), "old gone");
    cr_assert_str_eq(say(), "");
    cr_assert_eq(store.ops->expire(store.impl, AT(-1000), &f.err), SC_OK);
    cr_assert_str_eq(say(), "", "once");
    cr_assert_eq(look("new"), SC_OK);
    cr_assert_eq(look("open"), SC_OK);
}

Test(spool_notes, what_was_never_said_does_not_go)
{
    put_one("old", SC_NOTE_DONE, NOW.ms - 2000);
    cr_assert_eq(store.ops->expire(store.impl, AT(-1000), &f.err), SC_OK);
    cr_assert_str_eq(say(), "old done");
}

/* The same name again, before Consul has forgotten the first. */
Test(spool_notes, a_name_that_is_used_again_is_not_gone)
{
    struct sc_task_note gone = { .agent = NULL };
    put_one("old", SC_NOTE_DONE, NOW.ms - 2000);
    cr_assert_str_eq(say(), "old done");
    cr_assert_eq(store.ops->expire(store.impl, AT(-1000), &f.err), SC_OK);
    cr_assert_eq(store.ops->next_owed(store.impl, &gone, &f.err), SC_OK);
    put_one("old", SC_NOTE_QUEUED, 0);
    cr_assert_eq(store.ops->said(store.impl, &gone, &f.err), SC_OK);
    cr_assert_eq(look("old"), SC_OK);
    cr_assert_str_eq(say(), "old queued");
    sc_task_note_fini(&gone);
}
