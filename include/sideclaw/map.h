/* map.h: text (or ids) -> pointer, in order of insertion (uthash underneath). Keys are copied,
 * values are the caller's. */
#ifndef SIDECLAW_MAP_H
#define SIDECLAW_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "sideclaw/id.h"

struct sc_map;

struct sc_map *sc_map_new(void);
/* free_value may be NULL; NULL map is fine. */
void sc_map_free(struct sc_map *m, void (*free_value)(void *value));
void *sc_map_get(const struct sc_map *m, const char *key);
/* Returns the value that was there before, NULL when there was none. */
void *sc_map_set(struct sc_map *m, const char *key, void *value);
/* Returns the value that was there, NULL when there was none. */
void *sc_map_del(struct sc_map *m, const char *key);
/* The same for a map whose keys are all ids; its keys are no text for sc_map_each. */
void *sc_map_get_id(const struct sc_map *m, const struct sc_id *id);
void *sc_map_set_id(struct sc_map *m, const struct sc_id *id, void *value);
void *sc_map_del_id(struct sc_map *m, const struct sc_id *id);
/* The value that was put first of those there; NULL when empty. */
void *sc_map_first(const struct sc_map *m);
size_t sc_map_count(const struct sc_map *m);
/* Return false to stop. The visited entry may be deleted by fn. */
typedef bool sc_map_fn(void *ctx, const char *key, void *value);
void sc_map_each(const struct sc_map *m, sc_map_fn *fn, void *ctx);
/* The same, sorted by key: for people. */
void sc_map_each_sorted(struct sc_map *m, sc_map_fn *fn, void *ctx);

#endif
