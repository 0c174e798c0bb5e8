/* Tasks as the hash that `redis-cli hgetall` shows, and the words of a command. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis_tasks_internal.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

void redis_tasks_bytes(struct redis_tasks_words *w, const char *p, size_t n)
{
    if (w->n == w->cap) {
        w->cap = w->cap ? w->cap * 2 : 32;
        w->v = sc_xrealloc(w->v, w->cap * sizeof *w->v);
        w->own = sc_xrealloc(w->own, w->cap * sizeof *w->own);
        w->len = sc_xrealloc(w->len, w->cap * sizeof *w->len);
    }
    char *copy = sc_xmalloc(n + 1);
    memcpy(copy, p, n);
    copy[n] = 0;
    w->v[w->n] = w->own[w->n] = copy;
    w->len[w->n++] = n;
}

void redis_tasks_set_word(struct redis_tasks_words *w, size_t i, const char *text)
{
    sc_set_str(&w->own[i], text);
    w->v[i] = w->own[i];
    w->len[i] = strlen(text);
}

void redis_tasks_word(struct redis_tasks_words *w, const char *text)
{
    redis_tasks_bytes(w, text ? text : "", text ? strlen(text) : 0);
}

void redis_tasks_number(struct redis_tasks_words *w, int64_t i)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRId64, i);
    redis_tasks_word(w, text);
}

void redis_tasks_words_fini(struct redis_tasks_words *w)
{
    for (size_t i = 0; i < w->n; i++)
        free(w->own[i]);
    free(w->own);
    free(w->v);
    free(w->len);
}

static void pair(struct redis_tasks_words *w, const char *name, const char *text)
{
    if (!text)
        return;
    redis_tasks_word(w, name);
    redis_tasks_word(w, text);
}

static void pair_number(struct redis_tasks_words *w, const char *name, int64_t i)
{
    redis_tasks_word(w, name);
    redis_tasks_number(w, i);
}

void redis_tasks_spec(struct redis_tasks_words *w, const struct sc_task *t)
{
    pair(w, "body", t->body);
    pair(w, "from", t->from);
    pair(w, "home", t->home);
    pair(w, "agent", t->agent);
    pair(w, "capability", t->capability);
    pair(w, "group", t->group);
    pair_number(w, "priority", t->priority);
    pair_number(w, "max_attempts", t->max_attempts);
    pair_number(w, "lease", t->lease_ms);
    pair_number(w, "backoff", t->backoff_ms);
    pair_number(w, "timeout", t->timeout_ms);
    pair_number(w, "delay", t->delay_ms);
    if (t->created.ms)
        pair_number(w, "created", t->created.ms);
}

void redis_tasks_fate(struct redis_tasks_words *w, const struct sc_task *t)
{
    pair_number(w, "attempts", t->attempts);
    pair_number(w, "lives", t->lives);
    pair_number(w, "fence", (int64_t)t->fence);
    pair(w, "holder", t->holder);
    pair(w, "gateway", t->holder_gateway);
    pair(w, "result", t->result);
    pair(w, "reason", t->reason);
}

/* --- rows --- */

struct reading {
    struct sc_task *t;
    const char *value;
    size_t n;
};

static void set_text(char **to, const struct reading *r)
{
    sc_set_str(to, sc_utf8_valid(r->value, r->n) ? r->value : "(no UTF-8)");
}

/* What a stranger wrote into the hash is no number: 0. */
static int64_t number(const struct reading *r)
{
    int64_t i = 0;
    return sc_parse_i64(r->value, 0, INT64_MAX, &i, NULL) == SC_OK ? i : 0;
}

static bool read_text(const struct reading *r, const char *name)
{
    struct sc_task *t = r->t;
    const struct {
        const char *name;
        char **to;
    } texts[] = {
        { "id", &t->id },         { "body", &t->body },     { "from", &t->from },
        { "home", &t->home },     { "agent", &t->agent },   { "capability", &t->capability },
        { "group", &t->group },   { "holder", &t->holder }, { "gateway", &t->holder_gateway },
        { "result", &t->result }, { "reason", &t->reason }
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(texts); i++) {
        if (!sc_streq(texts[i].name, name))
            continue;
        set_text(texts[i].to, r);
        return true;
    }
    return false;
}

static bool read_time(const struct reading *r, const char *name)
{
    struct sc_task *t = r->t;
    const struct {
        const char *name;
        int64_t *to;
    } times[] = { { "lease", &t->lease_ms },      { "backoff", &t->backoff_ms },
                  { "timeout", &t->timeout_ms },  { "delay", &t->delay_ms },
                  { "created", &t->created.ms },  { "until", &t->until.ms },
                  { "finished", &t->finished.ms } };
    for (size_t i = 0; i < SC_ARRAY_LEN(times); i++) {
        if (!sc_streq(times[i].name, name))
            continue;
        *times[i].to = number(r);
        return true;
    }
    return false;
}

static void read_number(const struct reading *r, const char *name)
{
    struct sc_task *t = r->t;
    if (sc_streq(name, "priority"))
        t->priority = (int)(number(r) % (SC_TASK_PRIORITY_MAX + 1));
    else if (sc_streq(name, "max_attempts"))
        t->max_attempts = (unsigned)number(r);
    else if (sc_streq(name, "attempts"))
        t->attempts = (unsigned)number(r);
    else if (sc_streq(name, "lives"))
        t->lives = (unsigned)number(r);
    else if (sc_streq(name, "fence"))
        t->fence = (uint64_t)number(r);
    else if (sc_streq(name, "confirmed"))
        t->confirmed = true;
    else if (sc_streq(name, "state"))
        (void)sc_task_state_parse(r->value, &t->state); /* another word: as if queued */
}

bool redis_tasks_read(const struct sc_redis_reply *row, struct sc_task *ret)
{
    size_t n = sc_redis_reply_count(row);
    sc_task_init(ret);
    for (size_t i = 0; i + 1 < n; i += 2) {
        struct reading r = { .t = ret };
        const char *name = sc_redis_reply_str(sc_redis_reply_at(row, i), NULL);
        r.value = sc_redis_reply_str(sc_redis_reply_at(row, i + 1), &r.n);
        if (!name || !r.value || read_text(&r, name) || read_time(&r, name))
            continue;
        read_number(&r, name);
    }
    if (ret->id)
        return true;
    sc_task_fini(ret);
    return false;
}
