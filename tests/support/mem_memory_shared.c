/* The shared copy, as the scripts of store/redis_memory_exchange.lua keep it: the strings, and
 * beside them the stamps with a copy of what each was given for, in place of its digest. */
#include <stdlib.h>
#include <string.h>

#include "sideclaw/limits.h"
#include "sideclaw/map.h"
#include "sideclaw/mem.h"
#include "support/mem_memory.h"

struct stamp {
    char *agent, *key, *value; /* value: what it was given for */
    struct sc_stamp at;
    bool deleted;
    int64_t expires;
};
struct change {
    char *agent, *key;
    struct sc_stamp at;
    bool deleted;
};
struct mem_shared {
    const int64_t *wall;
    int64_t max_drift_ms;
    struct sc_map *strings; /* "agent key" -> text */
    struct sc_map *stamps;  /* "agent key" -> struct stamp */
    struct change *changes;
    size_t n_changes;
    int life;
};

/* What one call was given, until it is answered. */
struct owed {
    enum { OWED_EXCHANGE, OWED_STAMPS, OWED_KEYS, OWED_CHANGES } what;
    sc_memory_answers_fn *answers;
    sc_memory_page_fn *page;
    sc_memory_changes_fn *told;
    void *ctx;
    struct sc_memory_batch b;
    struct sc_memory_entry entries[SC_MEMORY_BATCH_MAX];
    char *texts[SC_MEMORY_BATCH_MAX][2];
    char *agent;
    bool lost;
};
struct mem_way {
    struct mem_shared *r;
    struct owed *owed[64];
    size_t n, calls;
    bool up;
    int life;
    size_t seen; /* changes */
};

static char *name_of(const char *agent, const char *key)
{
    return sc_xasprintf("%s %s", agent, key);
}

struct mem_shared *mem_shared_new(const int64_t *wall, int64_t max_drift_ms)
{
    struct mem_shared *r = sc_xcalloc(1, sizeof *r);
    r->wall = wall;
    r->max_drift_ms = max_drift_ms;
    r->strings = sc_map_new();
    r->stamps = sc_map_new();
    return r;
}

static void stamp_free(void *value)
{
    struct stamp *s = value;
    free(s->agent);
    free(s->key);
    free(s->value);
    free(s);
}

static void forget(struct mem_shared *r)
{
    sc_map_free(r->strings, free);
    sc_map_free(r->stamps, stamp_free);
    for (size_t i = 0; i < r->n_changes; i++) {
        free(r->changes[i].agent);
        free(r->changes[i].key);
    }
    r->n_changes = 0;
}

void mem_shared_free(struct mem_shared *r)
{
    forget(r);
    free(r->changes);
    free(r);
}

void mem_shared_flush(struct mem_shared *r)
{
    forget(r);
    r->strings = sc_map_new();
    r->stamps = sc_map_new();
    r->life++;
}

size_t mem_shared_stamps(const struct mem_shared *r)
{
    return sc_map_count(r->stamps);
}

static void set_string(struct mem_shared *r, const char *name, const char *value)
{
    free(value ? sc_map_set(r->strings, name, sc_xstrdup(value)) : sc_map_del(r->strings, name));
}

void mem_shared_write(struct mem_shared *r, const char *agent, const char *key, const char *value)
{
    sc_auto_free char *name = name_of(agent, key);
    set_string(r, name, value);
}

static bool is_dead(const struct mem_shared *r, const struct stamp *s)
{
    return s->deleted || (s->expires && s->expires <= *r->wall);
}

const char *mem_shared_read(const struct mem_shared *r, const char *agent, const char *key)
{
    sc_auto_free char *name = name_of(agent, key);
    const struct stamp *s = sc_map_get(r->stamps, name);
    const char *value = sc_map_get(r->strings, name);
    bool expired = s && !s->deleted && is_dead(r, s) && sc_streq(s->value, value);
    return expired ? NULL : value;
}

static struct stamp *keep(struct mem_shared *r, const char *agent, const char *key,
                          const struct sc_stamp *at, const char *value, int64_t expires)
{
    sc_auto_free char *name = name_of(agent, key);
    struct stamp *s = sc_xcalloc(1, sizeof *s), *old;
    *s = (struct stamp){ .agent = sc_xstrdup(agent),
                         .key = sc_xstrdup(key),
                         .value = sc_xstrdup(value),
                         .at = *at,
                         .deleted = !value,
                         .expires = expires };
    old = sc_map_set(r->stamps, name, s);
    if (old)
        stamp_free(old);
    r->changes = sc_xrealloc(r->changes, (r->n_changes + 1) * sizeof *r->changes);
    r->changes[r->n_changes++] = (struct change){
        .agent = sc_xstrdup(agent), .key = sc_xstrdup(key), .at = *at, .deleted = !value
    };
    return s;
}

static struct sc_stamp after(uint64_t seen, const struct stamp *s)
{
    struct sc_stamp at = { .hlc = s && s->at.hlc >= seen ? s->at.hlc + 1 : seen };
    (void)snprintf(at.node, sizeof at.node, "redis");
    return at;
}

/* What another program did gets its stamp. */
static struct stamp *look(struct mem_shared *r, const char *agent, const char *key, uint64_t seen)
{
    sc_auto_free char *name = name_of(agent, key);
    const char *value = mem_shared_read(r, agent, key);
    struct stamp *s = sc_map_get(r->stamps, name);
    bool dead = !s || is_dead(r, s);
    const struct sc_stamp at = after(seen, s);
    if (value ? !dead && sc_streq(value, s->value) : dead)
        return s;
    return keep(r, agent, key, &at, value, 0);
}

static bool spent(const struct stamp *s, int64_t horizon)
{
    return (s->deleted || s->expires) && s->expires < horizon &&
           sc_hlc_wall(s->at.hlc).ms < horizon;
}

static void exchange_one(struct mem_shared *r, const struct owed *o, size_t i,
                         struct sc_memory_answer *ret)
{
    const struct sc_memory_entry *e = &o->entries[i];
    uint64_t newest = sc_hlc_at((sc_wall){ *r->wall + r->max_drift_ms + 1 }) - 1;
    sc_auto_free char *name = name_of(o->agent, e->key);
    *ret = (struct sc_memory_answer){ .verdict = SC_MEMORY_SAME, .entry = *e };
    if (o->b.give && e->stamp.hlc > newest) {
        ret->verdict = SC_MEMORY_AHEAD;
        return;
    }
    struct stamp *s = look(r, o->agent, e->key, o->b.seen < newest ? o->b.seen : newest);
    int c = !s ? (e->stamp.hlc ? 1 : 0) : sc_stamp_cmp(&e->stamp, &s->at);
    if (c > 0 && o->b.give) {
        bool expired = e->expires.ms && e->expires.ms <= *r->wall;
        const char *value = e->deleted || expired ? NULL : e->value;
        set_string(r, name, value);
        (void)keep(r, o->agent, e->key, &e->stamp, value, e->expires.ms);
        ret->verdict = SC_MEMORY_TAKEN;
    } else if (c > 0) {
        ret->verdict = SC_MEMORY_WANTED;
    } else if (s && c <= 0 && (c < 0 || is_dead(r, s)) && spent(s, o->b.horizon.ms) &&
               (!e->stamp.hlc || c == 0)) {
        stamp_free(sc_map_del(r->stamps, name));
    } else if (c < 0 && (e->stamp.hlc || !is_dead(r, s))) {
        ret->verdict = SC_MEMORY_THEIRS;
        ret->entry.stamp = s->at;
        ret->entry.deleted = is_dead(r, s);
        ret->entry.expires.ms = s->expires;
        ret->entry.value = ret->entry.deleted ? NULL : s->value;
        ret->entry.n = ret->entry.value ? strlen(ret->entry.value) : 0;
    }
}

static void run_exchange(struct mem_way *w, struct owed *o, bool answer)
{
    struct sc_memory_answer a[SC_MEMORY_BATCH_MAX];
    for (size_t i = 0; i < o->b.n; i++)
        exchange_one(w->r, o, i, &a[i]);
    if (answer)
        o->answers(o->ctx, a, o->b.n, NULL);
}

struct page {
    const char *agent; /* NULL: all, those with a value */
    struct sc_memory_entry *e;
    size_t n;
    char *texts[256][2];
};

static bool page_stamp(void *ctx, const char *name, void *value)
{
    struct page *p = ctx;
    const struct stamp *s = value;
    (void)name;
    if (sc_streq(s->agent, p->agent)) {
        p->e = sc_xrealloc(p->e, (p->n + 1) * sizeof *p->e);
        p->e[p->n++] = (struct sc_memory_entry){
            .agent = s->agent, .key = s->key, .stamp = s->at, .deleted = s->deleted
        };
    }
    return true;
}

static bool page_string(void *ctx, const char *name, void *value)
{
    struct page *p = ctx;
    const char *blank = strchr(name, ' ');
    (void)value;
    sc_assert(p->n < SC_ARRAY_LEN(p->texts));
    p->texts[p->n][0] = sc_xstrndup(name, (size_t)(blank - name));
    p->texts[p->n][1] = sc_xstrdup(blank + 1);
    p->e = sc_xrealloc(p->e, (p->n + 1) * sizeof *p->e);
    p->e[p->n] = (struct sc_memory_entry){ .agent = p->texts[p->n][0], .key = p->texts[p->n][1] };
    p->n++;
    return true;
}

static void run_page(struct mem_way *w, struct owed *o)
{
    struct page p = { .agent = o->agent };
    if (o->what == OWED_STAMPS)
        sc_map_each(w->r->stamps, page_stamp, &p);
    else
        sc_map_each(w->r->strings, page_string, &p);
    o->page(o->ctx, p.e, p.n, "0", NULL);
    for (size_t i = 0; i < SC_ARRAY_LEN(p.texts); i++) {
        free(p.texts[i][0]);
        free(p.texts[i][1]);
    }
    free(p.e);
}

static void run_changes(struct mem_way *w, struct owed *o)
{
    struct mem_shared *r = w->r;
    bool lost = w->life != r->life || w->seen > r->n_changes;
    size_t from = lost ? r->n_changes : w->seen, n = r->n_changes - from;
    struct sc_memory_entry *e = sc_xcalloc(n ? n : 1, sizeof *e);
    for (size_t i = 0; i < n; i++) {
        const struct change *c = &r->changes[from + i];
        e[i] = (struct sc_memory_entry){
            .agent = c->agent, .key = c->key, .stamp = c->at, .deleted = c->deleted
        };
    }
    w->life = r->life;
    w->seen = r->n_changes;
    o->told(o->ctx, e, n, lost, false, NULL);
    free(e);
}

/* --- the way --- */

static void owed_free(struct owed *o)
{
    for (size_t i = 0; i < o->b.n; i++) {
        free(o->texts[i][0]);
        free(o->texts[i][1]);
    }
    free(o->agent);
    free(o);
}

static int owe(struct mem_way *w, struct owed *take_owed)
{
    if (!w->up || w->n == SC_ARRAY_LEN(w->owed)) {
        owed_free(take_owed);
        return SC_EAWAY;
    }
    w->calls++;
    w->owed[w->n++] = take_owed;
    return SC_OK;
}

static bool is_up(const void *impl)
{
    return ((const struct mem_way *)impl)->up;
}

static int exchange(void *impl, const struct sc_memory_batch *b, sc_memory_answers_fn *done,
                    void *ctx, struct sc_err *err)
{
    struct owed *o = sc_xcalloc(1, sizeof *o);
    (void)err;
    *o = (struct owed){ .what = OWED_EXCHANGE, .answers = done, .ctx = ctx, .b = *b };
    o->agent = sc_xstrdup(b->agent);
    for (size_t i = 0; i < b->n; i++) {
        o->entries[i] = b->entries[i];
        o->entries[i].agent = o->agent;
        o->entries[i].key = o->texts[i][0] = sc_xstrdup(b->entries[i].key);
        if (b->entries[i].value)
            o->texts[i][1] = sc_xstrndup(b->entries[i].value, b->entries[i].n);
        o->entries[i].value = o->texts[i][1];
    }
    return owe(impl, o);
}

static int stamps(void *impl, const char *agent, const char *cursor, sc_memory_page_fn *done,
                  void *ctx, struct sc_err *err)
{
    struct owed *o = sc_xcalloc(1, sizeof *o);
    (void)cursor;
    (void)err;
    *o = (struct owed){ .what = OWED_STAMPS, .page = done, .ctx = ctx, .agent = sc_xstrdup(agent) };
    return owe(impl, o);
}

static int keys(void *impl, const char *cursor, sc_memory_page_fn *done, void *ctx,
                struct sc_err *err)
{
    struct owed *o = sc_xcalloc(1, sizeof *o);
    (void)cursor;
    (void)err;
    *o = (struct owed){ .what = OWED_KEYS, .page = done, .ctx = ctx };
    return owe(impl, o);
}

static int changes(void *impl, sc_memory_changes_fn *done, void *ctx, struct sc_err *err)
{
    struct owed *o = sc_xcalloc(1, sizeof *o);
    (void)err;
    *o = (struct owed){ .what = OWED_CHANGES, .told = done, .ctx = ctx };
    return owe(impl, o);
}

static const struct sc_memory_remote_ops ops = {
    .is_up = is_up, .exchange = exchange, .stamps = stamps, .keys = keys, .changes = changes
};

struct mem_way *mem_way_new(struct mem_shared *r)
{
    struct mem_way *w = sc_xcalloc(1, sizeof *w);
    w->r = r;
    return w;
}

void mem_way_free(struct mem_way *w)
{
    for (size_t i = 0; i < w->n; i++)
        owed_free(w->owed[i]);
    free(w);
}

struct sc_memory_remote mem_way_port(struct mem_way *w)
{
    return (struct sc_memory_remote){ .ops = &ops, .impl = w };
}

void mem_way_set(struct mem_way *w, bool up, bool ran)
{
    for (size_t i = 0; i < w->n && !up; i++) {
        if (ran && !w->owed[i]->lost && w->owed[i]->what == OWED_EXCHANGE)
            run_exchange(w, w->owed[i], false);
        w->owed[i]->lost = true;
    }
    if (up && !w->up) {
        w->seen = w->r->n_changes;
        w->life = w->r->life;
    }
    w->up = up;
}

static void answer_lost(struct owed *o)
{
    struct sc_err away = { .code = SC_EAWAY, .text = "it went" };
    if (o->what == OWED_EXCHANGE)
        o->answers(o->ctx, NULL, 0, &away);
    else if (o->what == OWED_CHANGES)
        o->told(o->ctx, NULL, 0, false, false, &away);
    else
        o->page(o->ctx, NULL, 0, "0", &away);
}

bool mem_way_answer(struct mem_way *w)
{
    if (w->n == 0)
        return false;
    struct owed *o = w->owed[0];
    memmove(&w->owed[0], &w->owed[1], --w->n * sizeof w->owed[0]);
    if (o->lost)
        answer_lost(o);
    else if (o->what == OWED_EXCHANGE)
        run_exchange(w, o, true);
    else if (o->what == OWED_CHANGES)
        run_changes(w, o);
    else
        run_page(w, o);
    owed_free(o);
    return true;
}

size_t mem_way_calls(const struct mem_way *w)
{
    return w->calls;
}
