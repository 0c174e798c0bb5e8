#include "sideclaw/map.h"

#include <stdlib.h>
#include <string.h>
/* uthash's default hash falls through its switch in a way that clang warns of. */
#define HASH_FUNCTION(k, n, h) HASH_FNV(k, n, h)
#include <uthash.h>

#include "sideclaw/mem.h"

struct item {
    UT_hash_handle hh;
    void *value;
    char key[]; /* NUL-terminated; one allocation an entry */
};

struct sc_map {
    struct item *items;
};

struct sc_map *sc_map_new(void)
{
    return sc_xcalloc(1, sizeof(struct sc_map));
}

void sc_map_free(struct sc_map *m, void (*free_value)(void *value))
{
    if (!m)
        return;
    struct item *it = m->items, *next;
    HASH_CLEAR(hh, m->items); /* the table; the items are still linked */
    for (; it; it = next) {
        next = it->hh.next;
        if (free_value)
            free_value(it->value);
        free(it);
    }
    free(m);
}

static struct item *find(const struct sc_map *m, const void *key, size_t n)
{
    struct item *it = NULL;
    HASH_FIND(hh, m->items, key, n, it);
    return it;
}

static void *get(const struct sc_map *m, const void *key, size_t n)
{
    struct item *it = find(m, key, n);
    return it ? it->value : NULL;
}

static void *set(struct sc_map *m, const void *key, size_t n, void *value)
{
    struct item *it = find(m, key, n);
    if (it) {
        void *old = it->value;
        it->value = value;
        return old;
    }
    it = sc_xcalloc(1, sizeof *it + n + 1);
    memcpy(it->key, key, n);
    it->value = value;
    HASH_ADD_KEYPTR(hh, m->items, it->key, n, it);
    return NULL;
}

static void *del(struct sc_map *m, const void *key, size_t n)
{
    struct item *it = find(m, key, n);
    if (!it)
        return NULL;
    void *value = it->value;
    HASH_DEL(m->items, it);
    free(it);
    return value;
}

void *sc_map_get(const struct sc_map *m, const char *key)
{
    return get(m, key, strlen(key));
}

void *sc_map_set(struct sc_map *m, const char *key, void *value)
{
    return set(m, key, strlen(key), value);
}

void *sc_map_del(struct sc_map *m, const char *key)
{
    return del(m, key, strlen(key));
}

void *sc_map_get_id(const struct sc_map *m, const struct sc_id *id)
{
    return get(m, id->b, sizeof id->b);
}

void *sc_map_set_id(struct sc_map *m, const struct sc_id *id, void *value)
{
    return set(m, id->b, sizeof id->b, value);
}

void *sc_map_del_id(struct sc_map *m, const struct sc_id *id)
{
    return del(m, id->b, sizeof id->b);
}

void *sc_map_first(const struct sc_map *m)
{
    return m->items ? m->items->value : NULL;
}

size_t sc_map_count(const struct sc_map *m)
{
    return HASH_COUNT(m->items);
}

void sc_map_each(const struct sc_map *m, sc_map_fn *fn, void *ctx)
{
    struct item *it, *tmp;
    HASH_ITER (hh, m->items, it, tmp) {
        if (!fn(ctx, it->key, it->value))
            return;
    }
}

static int by_key(const struct item *a, const struct item *b)
{
    return strcmp(a->key, b->key);
}

void sc_map_each_sorted(struct sc_map *m, sc_map_fn *fn, void *ctx)
{
    HASH_SORT(m->items, by_key);
    sc_map_each(m, fn, ctx);
}
