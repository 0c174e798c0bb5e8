/* Batches of entries given or asked for, and what Redis answers to each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis_memory_internal.h"
#include "sideclaw/mem.h"

enum { ANSWER_BYTES = 1024 * 1024 /* values in one answer */ };

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
    rmem_read_clock(&a->entry, &c);
    a->entry.value = sc_redis_reply_str(sc_redis_reply_at(reply, 2), &a->entry.n);
    if (!a->entry.value) {
        a->entry.deleted = true;
        a->entry.n = 0;
    }
}

static void on_exchange(void *ctx, const struct sc_redis_reply *reply)
{
    struct rmem_call *c = ctx;
    size_t n = sc_redis_reply_count(reply) < c->n ? sc_redis_reply_count(reply) : c->n;
    if (rmem_reply_failed(c, reply) || c->r->closed) {
        rmem_call_free(c);
        return;
    }
    for (size_t i = 0; i < n; i++)
        read_answer(sc_redis_reply_at(reply, i), &c->answers[i]);
    c->done.answers(c->ctx, c->answers, n, NULL);
    rmem_call_free(c);
}

/* What the answer has when Redis has nothing to add. */
static void note_entries(struct rmem_call *c, const struct sc_memory_batch *b)
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

static void add_entries(struct rmem_arguments *a, const struct sc_memory_batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        const struct sc_memory_entry *e = &b->entries[i];
        const struct sc_memory_clock c = { .stamp = e->stamp,
                                           .deleted = e->deleted,
                                           .expires = e->expires };
        rmem_add(a, e->key);
        if (e->stamp.hlc) {
            sc_memory_clock_format(&c, a->clocks[i]);
            rmem_add(a, a->clocks[i]);
        } else {
            rmem_add(a, "");
        }
        rmem_add_bytes(a, b->give && e->value ? e->value : "", b->give && e->value ? e->n : 0);
    }
}

int rmem_exchange(void *impl, const struct sc_memory_batch *b, sc_memory_answers_fn *done,
                  void *ctx, struct sc_err *err)
{
    struct sc_redis_memory *r = impl;
    char seen[SC_MEMORY_HLC_SIZE], horizon[RMEM_NUMBER_SIZE], drift[RMEM_NUMBER_SIZE],
        largest[RMEM_NUMBER_SIZE], room[RMEM_NUMBER_SIZE];
    sc_assert(b->n > 0 && b->n <= SC_MEMORY_BATCH_MAX);
    struct rmem_call *c = rmem_call_new(r, CALL_EXCHANGE, b->agent, b->n, ctx);
    sc_auto_free struct rmem_arguments *a = sc_xcalloc(1, sizeof *a);
    sc_auto_free char *hash = rmem_agent_key(r, b->agent, "memory-clock"),
                      *base = rmem_agent_key(r, b->agent, "memory:");
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
        rmem_add(a, head[i]);
    add_entries(a, b);
    return rmem_start(c, on_exchange, a, err);
}
