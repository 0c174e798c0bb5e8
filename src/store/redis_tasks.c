#include "sideclaw/redis_tasks.h"

#include <stdlib.h>
#include <string.h>

#include "redis_tasks_internal.h"
#include "sideclaw/id.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "sideclaw/task_json.h"

enum { SHA_SIZE = 41, KEPT_MS = 24 * 3600 * 1000 };

struct sc_redis_tasks {
    struct sc_redis_tasks_deps d;
    struct sc_redis_watcher watcher;
    char *front;
    char sha[SHA_SIZE]; /* "" until Redis has said it */
};

/* One ask on its way, with its words: a Redis that forgot the script is sent the whole of it. */
struct asking {
    struct sc_redis_tasks *t;
    struct redis_tasks_words words;
    enum sc_task_what what;
    bool whole;
    sc_task_fn *fn;
    void *ctx;
};

static void free_asking(struct asking *a)
{
    redis_tasks_words_fini(&a->words);
    free(a);
}

static void end_failed(struct asking *a, const struct sc_redis_reply *reply)
{
    struct sc_err err = SC_ERR_INIT;
    sc_redis_data_explain(a->t->d.redis, reply, &err);
    a->fn(a->ctx, NULL, &err);
    free_asking(a);
}

/* --- words --- */

static void head(const struct sc_redis_tasks *t, struct redis_tasks_words *w, const char *op)
{
    redis_tasks_word(w, ""); /* EVAL or EVALSHA, and the script: set when it leaves */
    redis_tasks_word(w, "");
    redis_tasks_word(w, "1");
    redis_tasks_word(w, t->front);
    redis_tasks_word(w, op);
    redis_tasks_word(w, t->d.prefix);
    redis_tasks_number(w, KEPT_MS);
    redis_tasks_number(w, SC_TASKS_FINISHED_MAX);
    redis_tasks_number(w, SC_TASKS_OPEN_MAX);
    redis_tasks_number(w, SC_TASK_BACKOFF_MAX_MS);
    redis_tasks_number(w, SC_TASK_ENTRY_MAX);
}

static void push_words(const struct sc_task_ask *q, struct redis_tasks_words *w)
{
    redis_tasks_word(w, q->task->id);
    if (q->again)
        redis_tasks_number(w, q->hold_ms);
    else
        redis_tasks_word(w, "");
    redis_tasks_spec(w, q->task);
    if (q->again)
        redis_tasks_fate(w, q->task);
}

static void ready_words(struct redis_tasks_words *w, const char *kind, const struct sc_strv *names)
{
    for (size_t i = 0; names && i < names->n; i++) {
        sc_auto_free char *key = sc_xasprintf("ready:%s:%s", kind, names->v[i]);
        redis_tasks_word(w, key);
    }
}

static void pop_words(const struct sc_redis_tasks *t, const struct sc_task_ask *q,
                      struct redis_tasks_words *w)
{
    sc_auto_free char *own = sc_xasprintf("ready:agent:%s", q->agent);
    redis_tasks_word(w, q->agent);
    redis_tasks_word(w, t->d.self_name);
    redis_tasks_word(w, "1");
    redis_tasks_word(w, own);
    ready_words(w, "capability", q->capabilities);
    ready_words(w, "group", q->groups);
    redis_tasks_word(w, "ready");
}

static void lease_words(const struct sc_task_ask *q, struct redis_tasks_words *w)
{
    redis_tasks_word(w, q->id);
    redis_tasks_number(w, (int64_t)q->fence);
    redis_tasks_word(w, q->agent);
}

static void confirm_words(const struct sc_redis_tasks *t, const struct sc_task_ask *q,
                          struct redis_tasks_words *w)
{
    static const char *const verdicts[] = { [SC_VERDICT_SEEN] = "seen",
                                            [SC_VERDICT_FINAL] = "final",
                                            [SC_VERDICT_REOPEN] = "seen",
                                            [SC_VERDICT_OVER] = "over",
                                            [SC_VERDICT_UNDO] = "undo" };
    redis_tasks_word(w, q->id);
    redis_tasks_word(w, t->d.self_name);
    redis_tasks_word(w, verdicts[q->verdict]);
    redis_tasks_word(w, sc_task_state_name(q->state));
    redis_tasks_number(w, (int64_t)q->fence);
    redis_tasks_word(w, "state");
    redis_tasks_word(w, q->task ? sc_task_state_name(q->task->state) : "");
    if (q->task)
        redis_tasks_fate(w, q->task);
}

static void make_words(const struct sc_redis_tasks *t, const struct sc_task_ask *q,
                       struct redis_tasks_words *w)
{
    static const char *const names[SC_TASK_WHATS] = {
        [SC_TASK_PUSH] = "push", [SC_TASK_POP] = "pop",         [SC_TASK_END] = "finish",
        [SC_TASK_FAIL] = "fail", [SC_TASK_RENEW] = "renew",     [SC_TASK_GET] = "get",
        [SC_TASK_LIST] = "list", [SC_TASK_RETRY] = "retry",     [SC_TASK_CANCEL] = "cancel",
        [SC_TASK_NEWS] = "news", [SC_TASK_CONFIRM] = "confirm",
    };
    head(t, w, names[q->what]);
    switch (q->what) {
    case SC_TASK_PUSH:
        push_words(q, w);
        break;
    case SC_TASK_POP:
        pop_words(t, q, w);
        break;
    case SC_TASK_END:
        lease_words(q, w);
        redis_tasks_word(w, q->text);
        redis_tasks_word(w, q->home);
        redis_tasks_word(w, t->d.self_name);
        break;
    case SC_TASK_FAIL:
        lease_words(q, w);
        redis_tasks_word(w, q->text);
        redis_tasks_word(w, q->retry ? "1" : "0");
        break;
    case SC_TASK_RENEW:
        lease_words(q, w);
        redis_tasks_word(w, t->d.self_name);
        break;
    case SC_TASK_LIST:
        redis_tasks_word(w, q->state < SC_TASK_STATES ? sc_task_state_name(q->state) : "");
        redis_tasks_number(w, q->limit);
        break;
    case SC_TASK_GET:
    case SC_TASK_RETRY:
    case SC_TASK_CANCEL:
        redis_tasks_word(w, q->id);
        redis_tasks_word(w, q->text);
        break;
    case SC_TASK_NEWS:
        redis_tasks_word(w, t->d.self_name);
        break;
    case SC_TASK_CONFIRM:
        confirm_words(t, q, w);
        break;
    case SC_TASK_WHATS:
        break;
    }
}

/* --- sending --- */

static void on_reply(void *ctx, const struct sc_redis_reply *reply);

static int leave(struct asking *a, void (*fn)(void *ctx, const struct sc_redis_reply *reply))
{
    const struct sc_redis_tasks *t = a->t;
    a->whole = a->whole || !t->sha[0];
    redis_tasks_set_word(&a->words, 0, a->whole ? "EVAL" : "EVALSHA");
    redis_tasks_set_word(&a->words, 1, a->whole ? sc_redis_tasks_script : t->sha);
    return sc_redis_data_command(t->d.redis, fn, a, (int)a->words.n, a->words.v, a->words.len);
}

/* True when the command leaves once more, with the whole script. */
static bool again_whole(struct asking *a, const struct sc_redis_reply *reply,
                        void (*fn)(void *ctx, const struct sc_redis_reply *reply))
{
    const char *text = sc_redis_reply_str(reply, NULL);
    if (a->whole || !text || strncmp(text, "NOSCRIPT", 8) != 0)
        return false;
    a->whole = true;
    return leave(a, fn) == SC_OK;
}

/* --- the front door: what lies in the list becomes tasks, one script call an entry --- */

/* A pop that found something there, and looks again when all of that is inside. */
struct taking {
    struct asking *pop;
    size_t left;
};

static void pop_again(struct asking *a)
{
    redis_tasks_set_word(&a->words, 13, "0"); /* what else came meanwhile is for the next one */
    if (leave(a, on_reply) < 0)
        end_failed(a, NULL);
}

struct take {
    struct asking a; /* first: it is what `leave` sends */
    struct taking *of;
};

static void on_taken(void *ctx, const struct sc_redis_reply *reply)
{
    struct take *k = ctx;
    struct taking *of = k->of;
    if (reply && sc_redis_reply_is_error(reply) && again_whole(&k->a, reply, on_taken))
        return;
    redis_tasks_words_fini(&k->a.words);
    free(k);
    if (--of->left > 0)
        return;
    pop_again(of->pop);
    free(of);
}

static struct take *take_one(struct taking *of, const char *raw, size_t n)
{
    struct sc_redis_tasks *t = of->pop->t;
    struct take *k = sc_xcalloc(1, sizeof *k);
    struct sc_err err = SC_ERR_INIT;
    struct sc_task task;
    struct redis_tasks_words *w = &k->a.words;
    *k = (struct take){ .a = { .t = t }, .of = of };
    if (sc_task_from_entry(raw, n, &task, &err) < 0) {
        head(t, w, "reject");
        redis_tasks_bytes(w, raw, n);
        redis_tasks_word(w, err.text);
        sc_log_warn(t->d.log, "task.rejected", SC_S("reason", err.text),
                    SC_S("instead", "it lies in <prefix>:tasks:rejected"));
        return k;
    }
    if (!task.id) {
        char id[SC_ID_TEXT_SIZE];
        struct sc_id new = sc_id_new(sc_clock_wall(&t->d.clock));
        sc_id_format(&new, id);
        task.id = sc_xstrdup(id);
    }
    head(t, w, "take");
    redis_tasks_bytes(w, raw, n);
    redis_tasks_word(w, task.id);
    redis_tasks_spec(w, &task);
    sc_task_fini(&task);
    return k;
}

/* The tail is the oldest; each is taken only while it still is. */
static void take_all(struct asking *pop, const struct sc_redis_reply *entries)
{
    struct taking *of = sc_xcalloc(1, sizeof *of);
    of->pop = pop;
    of->left = 1;
    for (size_t i = sc_redis_reply_count(entries); i > 0; i--) {
        size_t n = 0;
        const char *raw = sc_redis_reply_str(sc_redis_reply_at(entries, i - 1), &n);
        if (!raw)
            continue;
        struct take *k = take_one(of, raw, n);
        if (leave(&k->a, on_taken) == SC_OK) {
            of->left++;
            continue;
        }
        redis_tasks_words_fini(&k->a.words);
        free(k);
        break;
    }
    if (--of->left > 0)
        return;
    pop_again(pop);
    free(of);
}

/* --- answers --- */

static enum sc_task_answer answer_of(const char *word)
{
    static const struct {
        const char *word;
        enum sc_task_answer answer;
    } words[] = { { "ok", SC_TASK_OK },
                  { "pending", SC_TASK_PENDING },
                  { "empty", SC_TASK_EMPTY },
                  { "stale", SC_TASK_STALE },
                  { "full", SC_TASK_FULL } };
    for (size_t i = 0; i < SC_ARRAY_LEN(words); i++)
        if (sc_streq(words[i].word, word))
            return words[i].answer;
    return SC_TASK_UNKNOWN;
}

static void tell(struct asking *a, const struct sc_redis_reply *reply)
{
    bool many = a->what == SC_TASK_LIST || a->what == SC_TASK_NEWS;
    size_t first = many ? 3 : 1, n = sc_redis_reply_count(reply), used = 0;
    struct sc_task *v = sc_xcalloc(n + 1, sizeof *v);
    struct sc_task_reply r = { .answer =
                                   answer_of(sc_redis_reply_str(sc_redis_reply_at(reply, 0), NULL)),
                               .v = v };
    for (size_t i = first; i < n; i++)
        used += redis_tasks_read(sc_redis_reply_at(reply, i), &v[used]);
    r.n = used;
    if (a->what == SC_TASK_LIST && n > 2) {
        r.open = sc_redis_reply_int(sc_redis_reply_at(reply, 1));
        r.front = sc_redis_reply_int(sc_redis_reply_at(reply, 2));
    } else if (a->what == SC_TASK_NEWS && n > 2) {
        const char *life = sc_redis_reply_str(sc_redis_reply_at(reply, 1), NULL);
        r.life = life ? strtoull(life, NULL, 10) : 0;
    }
    a->fn(a->ctx, &r, NULL);
    for (size_t i = 0; i < used; i++)
        sc_task_fini(&v[i]);
    free(v);
    free_asking(a);
}

static void on_reply(void *ctx, const struct sc_redis_reply *reply)
{
    struct asking *a = ctx;
    if (!reply) {
        end_failed(a, NULL);
    } else if (sc_redis_reply_is_error(reply)) {
        if (!again_whole(a, reply, on_reply))
            end_failed(a, reply);
    } else if (sc_streq(sc_redis_reply_str(sc_redis_reply_at(reply, 0), NULL), "door")) {
        take_all(a, sc_redis_reply_at(reply, 1));
    } else {
        tell(a, reply);
    }
}

/* --- the port --- */

static int ask(void *impl, const struct sc_task_ask *q, sc_task_fn *fn, void *ctx,
               struct sc_err *err)
{
    struct sc_redis_tasks *t = impl;
    struct asking *a = sc_xcalloc(1, sizeof *a);
    *a = (struct asking){ .t = t, .what = q->what, .fn = fn, .ctx = ctx };
    make_words(t, q, &a->words);
    int r = leave(a, on_reply);
    if (r == SC_OK)
        return SC_OK;
    free_asking(a);
    if (r == SC_EBUSY)
        return sc_fail(err, SC_EBUSY, "redis is behind: too many answers are owed");
    (void)sc_fail(err, SC_EAWAY, "the task queue cannot be reached: redis is away");
    return sc_err_remedy(err, "wait and try again; sideclaw status says what is wrong with redis");
}

static bool is_up(const void *impl)
{
    const struct sc_redis_tasks *t = impl;
    return sc_redis_data_is_up(t->d.redis);
}

/* --- life --- */

static void on_loaded(void *ctx, const struct sc_redis_reply *reply)
{
    struct sc_redis_tasks *t = ctx;
    const char *sha =
        reply && !sc_redis_reply_is_error(reply) ? sc_redis_reply_str(reply, NULL) : "";
    (void)snprintf(t->sha, sizeof t->sha, "%s", sha ? sha : "");
}

static void on_ready(void *ctx)
{
    struct sc_redis_tasks *t = ctx;
    const char *argv[] = { "SCRIPT", "LOAD", sc_redis_tasks_script };
    t->sha[0] = 0;
    /* Failing, every command carries the whole script, which is slower and nothing else. */
    (void)!sc_redis_data_command(t->d.redis, on_loaded, t, 3, argv, NULL);
    t->d.ready(t->d.ctx);
}

static void on_lost(void *ctx)
{
    (void)ctx; /* what was under way is told by itself */
}

struct sc_redis_tasks *sc_redis_tasks_new(const struct sc_redis_tasks_deps *deps)
{
    struct sc_redis_tasks *t = sc_xcalloc(1, sizeof *t);
    t->d = *deps;
    t->front = sc_xasprintf("%s:shared:task-queue", deps->prefix);
    t->watcher = (struct sc_redis_watcher){ .ready = on_ready, .lost = on_lost, .ctx = t };
    sc_redis_data_watch(deps->redis, &t->watcher);
    return t;
}

struct sc_task_queue sc_redis_tasks_port(struct sc_redis_tasks *t)
{
    static const struct sc_task_queue_ops ops = { .ask = ask, .is_up = is_up };
    return (struct sc_task_queue){ .ops = &ops, .impl = t };
}

void sc_redis_tasks_free(struct sc_redis_tasks *t)
{
    if (!t)
        return;
    sc_redis_data_unwatch(&t->watcher);
    free(t->front);
    free(t);
}
