#include "sideclaw/task_note.h"

#include <stdlib.h>

#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

enum { AGAIN_MS = 5000, EXPIRE_MS = 10 * 60 * 1000 };
static const int64_t kept_ms = INT64_C(7) * 24 * 3600 * 1000;

struct sc_task_notes {
    struct sc_task_notes_deps d;
    struct sc_timer *again, *expire;
    struct sc_task_note saying; /* name NULL: nothing is on its way */
};

/* --- saying --- */

static void say_next(struct sc_task_notes *t)
{
    struct sc_err err = SC_ERR_INIT;
    if (t->saying.name || t->d.store.ops->next_owed(t->d.store.impl, &t->saying, &err) != SC_OK)
        return;
    if (t->d.say(t->d.ctx, &t->saying))
        return;
    sc_task_note_fini(&t->saying);
    sc_timer_arm(t->again, AGAIN_MS);
}

static void on_again(void *ctx)
{
    say_next(ctx);
}

void sc_task_notes_ready(struct sc_task_notes *t)
{
    sc_timer_arm(t->again, 0);
}

void sc_task_notes_said(struct sc_task_notes *t, bool ok)
{
    struct sc_err err = SC_ERR_INIT;
    if (ok && t->d.store.ops->said(t->d.store.impl, &t->saying, &err) < 0)
        ok = false;
    sc_task_note_fini(&t->saying);
    sc_timer_arm(t->again, ok ? 0 : AGAIN_MS);
}

/* Nothing is said before it is on disk. */
static void on_stored(void *ctx, const struct sc_err *err)
{
    if (!err)
        say_next(ctx);
}

static int store(struct sc_task_notes *t, const struct sc_task_note *n, struct sc_err *err)
{
    int r = t->d.store.ops->put(t->d.store.impl, n, err);
    if (r == SC_OK)
        t->d.spool.ops->after_commit_soon(t->d.spool.impl, on_stored, t);
    return r;
}

/* --- what happens --- */

static void set_words(char **to, const char *text)
{
    free(*to);
    *to = text ? sc_xstrndup(text, sc_utf8_prefix(text, SC_TASK_BODY_MAX)) : NULL;
}

static bool is_over(const struct sc_task_note *n)
{
    return n->state >= SC_NOTE_DONE;
}

static void end(struct sc_task_note *n, bool ok, const char *text, sc_wall now)
{
    n->state = ok ? SC_NOTE_DONE : SC_NOTE_FAILED;
    n->finished = now;
    set_words(ok ? &n->result : &n->reason, text ? text : "");
}

/* A message that is given another life begins again. */
static bool move(struct sc_task_note *n, enum sc_stage stage, const char *text, sc_wall now)
{
    switch (stage) {
    case SC_STAGE_STORED:
        *n = (struct sc_task_note){ .agent = n->agent, .name = n->name, .queued = now };
        return true;
    case SC_STAGE_STARTED:
        if (n->state == SC_NOTE_RUNNING)
            return false;
        n->state = SC_NOTE_RUNNING;
        n->started = now;
        return true;
    case SC_STAGE_REPLIED:
    case SC_STAGE_DEAD:
        if (is_over(n))
            return false;
        end(n, stage == SC_STAGE_REPLIED, text, now);
        return true;
    case SC_STAGE_ACCEPTED:
    case SC_STAGE_SENT:
    case SC_STAGE_DELIVERED:
    case SC_STAGES:
        break;
    }
    return false;
}

void sc_task_notes_reach(struct sc_task_notes *t, const struct sc_message *m, const char *name,
                         enum sc_stage stage, const char *text)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_task_note n = { .agent = NULL };
    char id[SC_ID_TEXT_SIZE];
    sc_id_format(&m->id, id);
    int r = t->d.store.ops->get(t->d.store.impl, m->to_agent, name, &n, &err);
    if (r == SC_ENOENT || (r == SC_OK && stage == SC_STAGE_STORED)) {
        sc_task_note_fini(&n);
        n.agent = sc_xstrdup(m->to_agent);
        n.name = sc_xstrdup(name);
        n.queued = sc_clock_wall(&t->d.clock);
        r = SC_OK;
    }
    if (r == SC_OK && move(&n, stage, text, sc_clock_wall(&t->d.clock))) {
        sc_set_str(&n.from, m->from_agent);
        sc_set_str(&n.message, id);
        r = store(t, &n, &err);
    }
    if (r < 0)
        sc_log_warn(t->d.log, "task.note_lost", SC_ID("id", &m->id), SC_S("reason", err.text),
                    SC_S("instead", "what is in Consul stays as it was"));
    sc_task_note_fini(&n);
}

int sc_task_notes_end(struct sc_task_notes *t, const char *agent, const char *name, bool ok,
                      const char *text, struct sc_err *err)
{
    struct sc_task_note n = { .agent = NULL };
    int r = t->d.store.ops->get(t->d.store.impl, agent, name, &n, err);
    if (r == SC_OK && is_over(&n))
        r = sc_fail(err, SC_EEXIST, "task %s is %s", name, sc_note_state_name(n.state));
    if (r == SC_OK) {
        end(&n, ok, text, sc_clock_wall(&t->d.clock));
        r = store(t, &n, err);
    }
    sc_task_note_fini(&n);
    return r;
}

int sc_task_notes_get(struct sc_task_notes *t, const char *agent, const char *name,
                      struct sc_task_note *ret, struct sc_err *err)
{
    return t->d.store.ops->get(t->d.store.impl, agent, name, ret, err);
}

/* --- life --- */

static void on_expire(void *ctx)
{
    struct sc_task_notes *t = ctx;
    struct sc_err err = SC_ERR_INIT;
    sc_wall before = { sc_clock_wall(&t->d.clock).ms - kept_ms };
    if (t->d.store.ops->expire(t->d.store.impl, before, &err) < 0)
        sc_log_warn(t->d.log, "task.expire_failed", SC_S("reason", err.text),
                    SC_S("instead", "old ones stay until the next try"));
    say_next(t);
    sc_timer_arm(t->expire, EXPIRE_MS);
}

struct sc_task_notes *sc_task_notes_new(const struct sc_task_notes_deps *deps)
{
    struct sc_task_notes *t = sc_xcalloc(1, sizeof *t);
    t->d = *deps;
    t->again = sc_timer_new(deps->loop, on_again, t);
    t->expire = sc_timer_new(deps->loop, on_expire, t);
    sc_timer_arm(t->expire, EXPIRE_MS);
    return t;
}

void sc_task_notes_free(struct sc_task_notes *t)
{
    if (!t)
        return;
    sc_timer_free(t->again);
    sc_timer_free(t->expire);
    sc_task_note_fini(&t->saying);
    free(t);
}
