/* The port to the memory in Redis. Everything that decides something happens in two scripts, each
 * atomic there; this file carries to and fro. */
#include "sideclaw/redis_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis_link.h"
#include "redis_memory.h"
#include "sideclaw/crypto.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "sideclaw/memory_clock.h"
#include "sideclaw/parse.h"

enum {
    ANSWER_BYTES = 1024 * 1024, /* values in one answer */
    PAGE = 500,                 /* keys in one page of a scan */
    CHANGES_MAX = 500,
    HEAD = 8,      /* ARGV of the exchange before its entries */
    PER_ENTRY = 3, /* and for each */
    SHA_SIZE = 41,
    NUMBER_SIZE = 24,
    CURSOR_SIZE = 32
};

enum script { SCRIPT_EXCHANGE, SCRIPT_CHANGES, SCRIPTS };

struct sc_redis_memory {
    struct sc_redis_memory_deps d;
    struct sc_redis_watcher watcher;
    char sha[SCRIPTS][SHA_SIZE];
    char *log_key, *life_key, *value_prefix; /* <prefix>:agents: */
    char life[40], last[48];                 /* of the changes */
    unsigned loading;                        /* scripts whose answer is owed */
    bool up, closed;
};

enum what { CALL_EXCHANGE, CALL_STAMPS, CALL_KEYS, CALL_CHANGES };

/* One call; what the entries' texts are is copied, for the answer names them. */
struct call {
    struct sc_redis_memory *r;
    enum what what;
    union {
        sc_memory_answers_fn *answers;
        sc_memory_page_fn *page;
        sc_memory_changes_fn *changes;
    } done;
    void *ctx;
    char *agent;
    struct sc_buf keys; /* one after the other, with their NULs */
    size_t n;
    struct sc_memory_answer answers[]; /* n of an exchange */
};

static struct call *call_new(struct sc_redis_memory *r, enum what what, const char *agent, size_t n,
                             void *ctx)
{
    struct call *c = sc_xcalloc(1, sizeof *c + n * sizeof c->answers[0]);
    c->r = r;
    c->what = what;
    c->ctx = ctx;
    c->agent = sc_xstrdup(agent);
    c->n = n;
    return c;
}

static void call_free(struct call *c)
{
    free(c->agent);
    sc_buf_fini(&c->keys);
    free(c);
}

static void call_failed(struct call *c, const struct sc_err *err)
{
    switch (c->what) {
    case CALL_EXCHANGE:
        c->done.answers(c->ctx, NULL, 0, err);
        break;
    case CALL_STAMPS:
    case CALL_KEYS:
        c->done.page(c->ctx, NULL, 0, "0", err);
        break;
    case CALL_CHANGES:
        c->done.changes(c->ctx, NULL, 0, false, false, err);
        break;
    }
}

/* --- the scripts --- */

static void load(struct sc_redis_memory *r);

static void on_loaded(struct sc_redis_memory *r, enum script i, const struct sc_redis_reply *reply)
{
    const char *sha = sc_redis_reply_str(reply, NULL);
    if (!reply || r->closed)
        return;
    r->loading--;
    if (sc_redis_reply_is_error(reply)) {
        struct sc_err err = SC_ERR_INIT;
        sc_redis_data_explain(r->d.redis, reply, &err);
        sc_log_warn(r->d.log, "memory.no_scripts", SC_S("reason", err.text),
                    SC_S("instead", "memory stays in this sidecar until Redis takes scripts"));
        return;
    }
    (void)snprintf(r->sha[i], SHA_SIZE, "%s", sha ? sha : "");
    if (r->loading > 0 || !r->sha[SCRIPT_EXCHANGE][0] || !r->sha[SCRIPT_CHANGES][0] || r->up)
        return;
    r->up = true;
    r->last[0] = 0; /* everything is compared now: only what comes after it counts */
    r->d.up(r->d.ctx);
}

static void on_exchange_loaded(void *ctx, const struct sc_redis_reply *reply)
{
    on_loaded(ctx, SCRIPT_EXCHANGE, reply);
}

static void on_changes_loaded(void *ctx, const struct sc_redis_reply *reply)
{
    on_loaded(ctx, SCRIPT_CHANGES, reply);
}

static void load(struct sc_redis_memory *r)
{
    const char *exchange[] = { "SCRIPT", "LOAD", sc_redis_memory_exchange };
    const char *changes[] = { "SCRIPT", "LOAD", sc_redis_memory_changes };
    r->loading = 0;
    if (sc_redis_data_command(r->d.redis, on_exchange_loaded, r, 3, exchange, NULL) == SC_OK)
        r->loading++;
    if (sc_redis_data_command(r->d.redis, on_changes_loaded, r, 3, changes, NULL) == SC_OK)
        r->loading++;
}

static void went(struct sc_redis_memory *r)
{
    bool was = r->up;
    r->up = false;
    r->sha[SCRIPT_EXCHANGE][0] = r->sha[SCRIPT_CHANGES][0] = 0;
    if (was && !r->closed)
        r->d.down(r->d.ctx);
}

static void on_ready(void *ctx)
{
    load(ctx);
}

static void on_lost(void *ctx)
{
    went(ctx);
}

/* True when the reply is none: the call has ended then. */
static bool reply_failed(struct call *c, const struct sc_redis_reply *reply)
{
    struct sc_redis_memory *r = c->r;
    struct sc_err err = SC_ERR_INIT;
    if (reply && !sc_redis_reply_is_error(reply))
        return false;
    if (r->closed)
        return true;
    const char *text = reply ? sc_redis_reply_str(reply, NULL) : NULL;
    sc_redis_data_explain(r->d.redis, reply, &err);
    call_failed(c, &err);
    if (text && strncmp(text, "NOSCRIPT", 8) == 0 && r->up) {
        went(r); /* it was restarted or flushed: what it has must be compared, too */
        load(r);
    } else if (text) {
        sc_log_debug(r->d.log, "memory.redis_refused", SC_S("reason", err.text));
    }
    return true;
}

/* --- exchange --- */

static enum sc_memory_verdict verdict_of(const char *letter)
{
    switch (letter ? letter[0] : 0) {
    case 'T':
        return SC_MEMORY_TAKEN;
    case 'V':
        return SC_MEMORY_THEIRS;
    case 'W':
        return SC_MEMORY_WANTED;
    case 'A':
        return SC_MEMORY_AHEAD;
    case 'X':
        return SC_MEMORY_STRANGE;
    case 'L':
        return SC_MEMORY_LATER;
    default:
        return SC_MEMORY_SAME;
    }
}

static void read_clock(struct sc_memory_entry *e, const struct sc_memory_clock *c)
{
    e->stamp = c->stamp;
    e->deleted = c->deleted;
    e->expires = c->expires;
}

static void read_answer(const struct sc_redis_reply *reply, struct sc_memory_answer *a)
{
    struct sc_memory_clock c;
    size_t n = 0;
    a->verdict = verdict_of(sc_redis_reply_str(sc_redis_reply_at(reply, 0), NULL));
    if (a->verdict != SC_MEMORY_THEIRS)
        return;
    const char *text = sc_redis_reply_str(sc_redis_reply_at(reply, 1), &n);
    if (!text || sc_memory_clock_parse(text, n, &c, NULL) < 0) {
        a->verdict = SC_MEMORY_STRANGE; /* a stamp that nobody of us wrote */
        return;
    }
    read_clock(&a->entry, &c);
    a->entry.value = sc_redis_reply_str(sc_redis_reply_at(reply, 2), &a->entry.n);
    if (!a->entry.value) {
        a->entry.deleted = true;
        a->entry.n = 0;
    }
}

static void on_exchange(void *ctx, const struct sc_redis_reply *reply)
{
    struct call *c = ctx;
    size_t n = sc_redis_reply_count(reply) < c->n ? sc_redis_reply_count(reply) : c->n;
    if (reply_failed(c, reply) || c->r->closed) {
        call_free(c);
        return;
    }
    for (size_t i = 0; i < n; i++)
        read_answer(sc_redis_reply_at(reply, i), &c->answers[i]);
    c->done.answers(c->ctx, c->answers, n, NULL);
    call_free(c);
}

/* What the answer has when Redis has nothing to add. */
static void note_entries(struct call *c, const struct sc_memory_batch *b)
{
    size_t at = 0;
    for (size_t i = 0; i < b->n; i++)
        sc_buf_add(&c->keys, b->entries[i].key, strlen(b->entries[i].key) + 1);
    for (size_t i = 0; i < b->n; i++) {
        struct sc_memory_entry *e = &c->answers[i].entry;
        *e = b->entries[i];
        e->agent = c->agent;
        e->key = c->keys.p + at;
        e->value = NULL;
        at += strlen(e->key) + 1;
    }
}

struct arguments {
    const char *argv[3 + 2 + HEAD + PER_ENTRY * SC_MEMORY_BATCH_MAX];
    size_t lens[3 + 2 + HEAD + PER_ENTRY * SC_MEMORY_BATCH_MAX];
    int n;
    char clocks[SC_MEMORY_BATCH_MAX][SC_MEMORY_CLOCK_SIZE];
};

static void add_bytes(struct arguments *a, const char *p, size_t n)
{
    a->argv[a->n] = p;
    a->lens[a->n++] = n;
}

static void add(struct arguments *a, const char *text)
{
    add_bytes(a, text, strlen(text));
}

static void add_entries(struct arguments *a, const struct sc_memory_batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        const struct sc_memory_entry *e = &b->entries[i];
        const struct sc_memory_clock c = { .stamp = e->stamp,
                                           .deleted = e->deleted,
                                           .expires = e->expires };
        add(a, e->key);
        if (e->stamp.hlc) {
            sc_memory_clock_format(&c, a->clocks[i]);
            add(a, a->clocks[i]);
        } else {
            add(a, "");
        }
        add_bytes(a, b->give && e->value ? e->value : "", b->give && e->value ? e->n : 0);
    }
}

static char *agent_key(const struct sc_redis_memory *r, const char *agent, const char *what)
{
    return sc_xasprintf("%s%s:%s", r->value_prefix, agent, what);
}

static int start(struct call *take_call, void (*fn)(void *ctx, const struct sc_redis_reply *reply),
                 struct arguments *a, struct sc_err *err)
{
    struct sc_redis_memory *r = take_call->r;
    int rc = r->up && !r->closed
                 ? sc_redis_data_command(r->d.redis, fn, take_call, a->n, a->argv, a->lens)
                 : SC_EAWAY;
    if (rc == SC_OK)
        return SC_OK;
    call_free(take_call);
    return sc_fail(err, (enum sc_code)rc, "redis is away or behind");
}

static int exchange(void *impl, const struct sc_memory_batch *b, sc_memory_answers_fn *done,
                    void *ctx, struct sc_err *err)
{
    struct sc_redis_memory *r = impl;
    char seen[SC_MEMORY_HLC_SIZE], horizon[NUMBER_SIZE], drift[NUMBER_SIZE], largest[NUMBER_SIZE],
        room[NUMBER_SIZE];
    sc_assert(b->n > 0 && b->n <= SC_MEMORY_BATCH_MAX);
    struct call *c = call_new(r, CALL_EXCHANGE, b->agent, b->n, ctx);
    sc_auto_free struct arguments *a = sc_xcalloc(1, sizeof *a);
    sc_auto_free char *hash = agent_key(r, b->agent, "memory-clock"),
                      *base = agent_key(r, b->agent, "memory:");
    c->done.answers = done;
    note_entries(c, b);
    sc_memory_hlc_format(b->seen, seen);
    (void)snprintf(horizon, sizeof horizon, "%lld",
                   (long long)(b->horizon.ms > 0 ? b->horizon.ms : 0));
    (void)snprintf(drift, sizeof drift, "%lld", (long long)r->d.max_drift_ms);
    (void)snprintf(largest, sizeof largest, "%d", SC_MEMORY_VALUE_MAX);
    (void)snprintf(room, sizeof room, "%d", ANSWER_BYTES);
    const char *const head[] = { "EVALSHA",
                                 r->sha[SCRIPT_EXCHANGE],
                                 "2",
                                 hash,
                                 r->log_key,
                                 base,
                                 seen,
                                 horizon,
                                 drift,
                                 largest,
                                 room,
                                 b->agent,
                                 b->give ? "give" : "ask" };
    for (size_t i = 0; i < SC_ARRAY_LEN(head); i++)
        add(a, head[i]);
    add_entries(a, b);
    return start(c, on_exchange, a, err);
}

/* --- pages of keys --- */

/* HSCAN: a key, its stamp, and so on. */
static void page_stamps(struct call *c, const struct sc_redis_reply *list, const char *cursor)
{
    size_t n = sc_redis_reply_count(list) / 2, found = 0;
    struct sc_memory_entry *e = sc_xcalloc(n ? n : 1, sizeof *e);
    for (size_t i = 0; i < n; i++) {
        struct sc_memory_clock clock;
        size_t len = 0;
        const char *text = sc_redis_reply_str(sc_redis_reply_at(list, 2 * i + 1), &len);
        const char *key = sc_redis_reply_str(sc_redis_reply_at(list, 2 * i), NULL);
        if (!key || !text || sc_memory_clock_parse(text, len, &clock, NULL) < 0)
            continue;
        read_clock(&e[found], &clock);
        e[found].agent = c->agent;
        e[found++].key = key;
    }
    c->done.page(c->ctx, e, found, cursor, NULL);
    free(e);
}

/* "<prefix>:agents:<agent>:memory:<key>": cut in two; the agent's name is the caller's. */
static char *split_key(const struct sc_redis_memory *r, const char *whole, const char **ret_key)
{
    static const char middle[] = ":memory:";
    size_t n = strlen(r->value_prefix);
    if (!whole || strncmp(whole, r->value_prefix, n) != 0)
        return NULL;
    size_t agent = strcspn(whole + n, ":");
    if (strncmp(whole + n + agent, middle, sizeof middle - 1) != 0)
        return NULL;
    *ret_key = whole + n + agent + sizeof middle - 1;
    return sc_xstrndup(whole + n, agent);
}

static void page_keys(struct call *c, const struct sc_redis_reply *list, const char *cursor)
{
    size_t n = sc_redis_reply_count(list), found = 0;
    struct sc_memory_entry *e = sc_xcalloc(n ? n : 1, sizeof *e);
    char **agents = sc_xcalloc(n ? n : 1, sizeof *agents);
    for (size_t i = 0; i < n; i++) {
        const char *key = NULL;
        agents[found] = split_key(c->r, sc_redis_reply_str(sc_redis_reply_at(list, i), NULL), &key);
        if (!agents[found])
            continue;
        e[found] = (struct sc_memory_entry){ .agent = agents[found], .key = key };
        found++;
    }
    c->done.page(c->ctx, e, found, cursor, NULL);
    for (size_t i = 0; i < found; i++)
        free(agents[i]);
    free(agents);
    free(e);
}

static void on_page(void *ctx, const struct sc_redis_reply *reply)
{
    struct call *c = ctx;
    if (!reply_failed(c, reply) && !c->r->closed) {
        const char *cursor = sc_redis_reply_str(sc_redis_reply_at(reply, 0), NULL);
        const struct sc_redis_reply *list = sc_redis_reply_at(reply, 1);
        if (c->what == CALL_STAMPS)
            page_stamps(c, list, cursor ? cursor : "0");
        else
            page_keys(c, list, cursor ? cursor : "0");
    }
    call_free(c);
}

static int stamps(void *impl, const char *agent, const char *cursor, sc_memory_page_fn *done,
                  void *ctx, struct sc_err *err)
{
    struct sc_redis_memory *r = impl;
    struct call *c = call_new(r, CALL_STAMPS, agent, 0, ctx);
    struct arguments a = { .n = 0 };
    char count[NUMBER_SIZE];
    sc_auto_free char *hash = agent_key(r, agent, "memory-clock");
    (void)snprintf(count, sizeof count, "%d", PAGE);
    c->done.page = done;
    const char *const words[] = { "HSCAN", hash, cursor, "COUNT", count };
    for (size_t i = 0; i < SC_ARRAY_LEN(words); i++)
        add(&a, words[i]);
    return start(c, on_page, &a, err);
}

static int keys(void *impl, const char *cursor, sc_memory_page_fn *done, void *ctx,
                struct sc_err *err)
{
    struct sc_redis_memory *r = impl;
    struct call *c = call_new(r, CALL_KEYS, NULL, 0, ctx);
    struct arguments a = { .n = 0 };
    char count[NUMBER_SIZE];
    sc_auto_free char *pattern = sc_xasprintf("%s*:memory:*", r->value_prefix);
    (void)snprintf(count, sizeof count, "%d", PAGE);
    c->done.page = done;
    const char *const words[] = { "SCAN", cursor, "MATCH", pattern, "COUNT", count };
    for (size_t i = 0; i < SC_ARRAY_LEN(words); i++)
        add(&a, words[i]);
    return start(c, on_page, &a, err);
}

/* --- changes --- */

static const char *text_at(const struct sc_redis_reply *reply, size_t i)
{
    const char *s = sc_redis_reply_str(sc_redis_reply_at(reply, i), NULL);
    return s ? s : "";
}

/* Another life of Redis's data: whatever was there is gone. */
static bool new_life(struct sc_redis_memory *r, const char *life)
{
    bool other = r->life[0] && !sc_streq(r->life, life);
    (void)snprintf(r->life, sizeof r->life, "%s", life);
    return other;
}

static void on_changes(void *ctx, const struct sc_redis_reply *reply)
{
    enum { LIFE, LAST, LOST, MORE, FIRST, PER_CHANGE = 3 };
    struct call *c = ctx;
    size_t all = sc_redis_reply_count(reply), found = 0;
    if (reply_failed(c, reply) || c->r->closed) {
        call_free(c);
        return;
    }
    size_t n = all > FIRST ? (all - FIRST) / PER_CHANGE : 0;
    struct sc_memory_entry *e = sc_xcalloc(n ? n : 1, sizeof *e);
    for (size_t i = 0; i < n; i++) {
        size_t at = FIRST + i * PER_CHANGE, len = 0;
        struct sc_memory_clock clock;
        const char *text = sc_redis_reply_str(sc_redis_reply_at(reply, at + 2), &len);
        if (!text || sc_memory_clock_parse(text, len, &clock, NULL) < 0)
            continue;
        read_clock(&e[found], &clock);
        e[found].agent = text_at(reply, at);
        e[found++].key = text_at(reply, at + 1);
    }
    bool lost = new_life(c->r, text_at(reply, LIFE));
    (void)snprintf(c->r->last, sizeof c->r->last, "%s", text_at(reply, LAST));
    lost = lost || sc_redis_reply_int(sc_redis_reply_at(reply, LOST)) != 0;
    c->done.changes(c->ctx, e, found, lost, sc_redis_reply_int(sc_redis_reply_at(reply, MORE)) != 0,
                    NULL);
    free(e);
    call_free(c);
}

static int changes(void *impl, sc_memory_changes_fn *done, void *ctx, struct sc_err *err)
{
    struct sc_redis_memory *r = impl;
    struct call *c = call_new(r, CALL_CHANGES, NULL, 0, ctx);
    struct arguments a = { .n = 0 };
    char count[NUMBER_SIZE], life[33];
    sc_random_hex(life, 16);
    (void)snprintf(count, sizeof count, "%d", CHANGES_MAX);
    c->done.changes = done;
    const char *const words[] = {
        "EVALSHA", r->sha[SCRIPT_CHANGES], "2", r->log_key, r->life_key, r->last, life, count
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(words); i++)
        add(&a, words[i]);
    return start(c, on_changes, &a, err);
}

/* --- life --- */

static bool is_up(const void *impl)
{
    const struct sc_redis_memory *r = impl;
    return r->up && sc_redis_data_is_up(r->d.redis);
}

static const struct sc_memory_remote_ops ops = {
    .is_up = is_up, .exchange = exchange, .stamps = stamps, .keys = keys, .changes = changes
};

struct sc_memory_remote sc_redis_memory_port(struct sc_redis_memory *r)
{
    return (struct sc_memory_remote){ .ops = &ops, .impl = r };
}

struct sc_redis_memory *sc_redis_memory_new(const struct sc_redis_memory_deps *deps)
{
    struct sc_redis_memory *r = sc_xcalloc(1, sizeof *r);
    r->d = *deps;
    r->log_key = sc_redis_data_key(deps->redis, "memory-changes");
    r->life_key = sc_redis_data_key(deps->redis, "memory-life");
    r->value_prefix = sc_redis_data_key(deps->redis, "agents:");
    r->watcher = (struct sc_redis_watcher){ .ready = on_ready, .lost = on_lost, .ctx = r };
    sc_redis_data_watch(deps->redis, &r->watcher);
    return r;
}

void sc_redis_memory_close(struct sc_redis_memory *r)
{
    if (!r || r->closed)
        return;
    r->closed = true;
    sc_redis_data_unwatch(&r->watcher);
}

void sc_redis_memory_free(struct sc_redis_memory *r)
{
    if (!r)
        return;
    free(r->log_key);
    free(r->life_key);
    free(r->value_prefix);
    free(r);
}
