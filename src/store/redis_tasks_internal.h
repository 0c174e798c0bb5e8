/* redis_tasks_internal.h: the queue over Redis: its script, and rows to tasks and back. */
#ifndef SIDECLAW_REDIS_TASKS_INTERNAL_H
#define SIDECLAW_REDIS_TASKS_INTERNAL_H

#include "redis_link.h"
#include "sideclaw/redis_tasks.h"

extern const char sc_redis_tasks_script[]; /* redis_tasks.lua */

/* --- redis_tasks_rows.c --- */
/* The words of one EVAL; they own what was made for them. */
struct redis_tasks_words {
    const char **v; /* what `own` owns: a command takes its words const */
    char **own;
    size_t *len;
    size_t n, cap;
};
void redis_tasks_word(struct redis_tasks_words *w, const char *text);
void redis_tasks_bytes(struct redis_tasks_words *w, const char *p, size_t n);
void redis_tasks_number(struct redis_tasks_words *w, int64_t i);
void redis_tasks_set_word(struct redis_tasks_words *w, size_t i, const char *text);
void redis_tasks_words_fini(struct redis_tasks_words *w);
/* What its author chose, as pairs; `created` only when it is known. */
void redis_tasks_spec(struct redis_tasks_words *w, const struct sc_task *t);
/* What became of it, as pairs. */
void redis_tasks_fate(struct redis_tasks_words *w, const struct sc_task *t);
/* A hash as HGETALL answers it; false when it is none. */
bool redis_tasks_read(const struct sc_redis_reply *row, struct sc_task *ret);

#endif
