/* What Redis has: pages of stamps and of keys, and what changed since the last look. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis_memory_internal.h"
#include "sideclaw/crypto.h"
#include "sideclaw/mem.h"

enum {
    PAGE = 500, /* keys in one page of a scan */
    CHANGES_MAX = 500
};

/* --- pages of keys --- */

/* HSCAN: a key, its stamp, and so on. */
static void page_stamps(struct rmem_call *c, const struct sc_redis_reply *list, const char *cursor)
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
        rmem_read_clock(&e[found], &clock);
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

static void page_keys(struct rmem_call *c, const struct sc_redis_reply *list, const char *cursor)
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
    struct rmem_call *c = ctx;
    if (!rmem_reply_failed(c, reply) && !c->r->closed) {
        const char *cursor = sc_redis_reply_str(sc_redis_reply_at(reply, 0), NULL);
        const struct sc_redis_reply *list = sc_redis_reply_at(reply, 1);
        if (c->what == CALL_STAMPS)
            page_stamps(c, list, cursor ? cursor : "0");
        else
            page_keys(c, list, cursor ? cursor : "0");
    }
    rmem_call_free(c);
}

int rmem_stamps(void *impl, const char *agent, const char *cursor, sc_memory_page_fn *done,
                void *ctx, struct sc_err *err)
{
    struct sc_redis_memory *r = impl;
    struct rmem_call *c = rmem_call_new(r, CALL_STAMPS, agent, 0, ctx);
    struct rmem_arguments a = { .n = 0 };
    char count[RMEM_NUMBER_SIZE];
    sc_auto_free char *hash = rmem_agent_key(r, agent, "memory-clock");
    (void)snprintf(count, sizeof count, "%d", PAGE);
    c->done.page = done;
    const char *const words[] = { "HSCAN", hash, cursor, "COUNT", count };
    for (size_t i = 0; i < SC_ARRAY_LEN(words); i++)
        rmem_add(&a, words[i]);
    return rmem_start(c, on_page, &a, err);
}

int rmem_keys(void *impl, const char *cursor, sc_memory_page_fn *done, void *ctx,
              struct sc_err *err)
{
    struct sc_redis_memory *r = impl;
    struct rmem_call *c = rmem_call_new(r, CALL_KEYS, NULL, 0, ctx);
    struct rmem_arguments a = { .n = 0 };
    char count[RMEM_NUMBER_SIZE];
    sc_auto_free char *pattern = sc_xasprintf("%s*:memory:*", r->value_prefix);
    (void)snprintf(count, sizeof count, "%d", PAGE);
    c->done.page = done;
    const char *const words[] = { "SCAN", cursor, "MATCH", pattern, "COUNT", count };
    for (size_t i = 0; i < SC_ARRAY_LEN(words); i++)
        rmem_add(&a, words[i]);
    return rmem_start(c, on_page, &a, err);
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
    struct rmem_call *c = ctx;
    size_t all = sc_redis_reply_count(reply), found = 0;
    if (rmem_reply_failed(c, reply) || c->r->closed) {
        rmem_call_free(c);
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
        rmem_read_clock(&e[found], &clock);
        e[found].agent = text_at(reply, at);
        e[found++].key = text_at(reply, at + 1);
    }
    bool lost = new_life(c->r, text_at(reply, LIFE));
    (void)snprintf(c->r->last, sizeof c->r->last, "%s", text_at(reply, LAST));
    lost = lost || sc_redis_reply_int(sc_redis_reply_at(reply, LOST)) != 0;
    c->done.changes(c->ctx, e, found, lost, sc_redis_reply_int(sc_redis_reply_at(reply, MORE)) != 0,
                    NULL);
    free(e);
    rmem_call_free(c);
}

int rmem_changes(void *impl, sc_memory_changes_fn *done, void *ctx, struct sc_err *err)
{
    struct sc_redis_memory *r = impl;
    struct rmem_call *c = rmem_call_new(r, CALL_CHANGES, NULL, 0, ctx);
    struct rmem_arguments a = { .n = 0 };
    char count[RMEM_NUMBER_SIZE], life[33];
    sc_random_hex(life, 16);
    (void)snprintf(count, sizeof count, "%d", CHANGES_MAX);
    c->done.changes = done;
    const char *const words[] = {
        "EVALSHA", r->sha[SCRIPT_CHANGES], "2", r->log_key, r->life_key, r->last, life, count
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(words); i++)
        rmem_add(&a, words[i]);
    return rmem_start(c, on_changes, &a, err);
}
