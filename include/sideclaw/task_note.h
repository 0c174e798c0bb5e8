/* task_note.h: what became of the work that one agent was asked for: kept on our disk, and said in
 * Consul KV (agents/<agent>/tasks/<name>), where its sender and the shell read it. */
#ifndef SIDECLAW_TASK_NOTE_H
#define SIDECLAW_TASK_NOTE_H

#include "sideclaw/clock.h"
#include "sideclaw/log.h"
#include "sideclaw/loop.h"
#include "sideclaw/message.h"
#include "sideclaw/spool.h"

/* GONE: over for so long that nobody needs it; until Consul has forgotten it, too. */
enum sc_note_state { SC_NOTE_QUEUED, SC_NOTE_RUNNING, SC_NOTE_DONE, SC_NOTE_FAILED, SC_NOTE_GONE };
const char *sc_note_state_name(enum sc_note_state s);

struct sc_task_note {
    char *agent, *name, *from;
    char *message; /* the id of the message that asked */
    enum sc_note_state state;
    char *result, *reason; /* NULL where absent */
    sc_wall queued, started, finished;
    int64_t version; /* the store's */
};
void sc_task_note_fini(struct sc_task_note *n);

/* Port: the disk (store/spool_notes.c); writes join the turn's transaction. */
struct sc_note_store_ops {
    /* Write it, and owe it to Consul. */
    int (*put)(void *impl, const struct sc_task_note *n, struct sc_err *err);
    /* agent NULL: whoever has one of that name. SC_ENOENT. ret is the caller's. */
    int (*get)(void *impl, const char *agent, const char *name, struct sc_task_note *ret,
               struct sc_err *err);
    /* The oldest that is owed; SC_ENOENT when nothing is. */
    int (*next_owed)(void *impl, struct sc_task_note *ret, struct sc_err *err);
    /* That version of it was said. One that is gone is so for good. */
    int (*said)(void *impl, const struct sc_task_note *n, struct sc_err *err);
    /* What was over and said before that time is gone, and owed once more. */
    int (*expire)(void *impl, sc_wall before, struct sc_err *err);
};
struct sc_note_store {
    const struct sc_note_store_ops *ops;
    void *impl;
};

/* All borrowed. */
struct sc_task_notes_deps {
    struct sc_loop *loop;
    struct sc_log *log;
    struct sc_clock clock;
    struct sc_spool spool;
    struct sc_note_store store;
    /* Say it to whom it concerns; sc_task_notes_said is called once, later. False: not now. */
    bool (*say)(void *ctx, const struct sc_task_note *n);
    void *ctx;
};
struct sc_task_notes;
struct sc_task_notes *sc_task_notes_new(const struct sc_task_notes_deps *deps);
void sc_task_notes_free(struct sc_task_notes *t);
/* Consul is there (again). */
void sc_task_notes_ready(struct sc_task_notes *t);
void sc_task_notes_said(struct sc_task_notes *t, bool ok);

/* The message that asks for `name` got that far at its receiver; text: the answer (REPLIED) or why
 * it died (DEAD). What the agent said by sc_task_notes_end stands. */
void sc_task_notes_reach(struct sc_task_notes *t, const struct sc_message *m, const char *name,
                         enum sc_stage stage, const char *text);
/* The agent says that it is done, or cannot be. SC_ENOENT: nobody asked him for that. */
int sc_task_notes_end(struct sc_task_notes *t, const char *agent, const char *name, bool ok,
                      const char *text, struct sc_err *err) SC_MUST_CHECK;
int sc_task_notes_get(struct sc_task_notes *t, const char *agent, const char *name,
                      struct sc_task_note *ret, struct sc_err *err) SC_MUST_CHECK;

#endif
