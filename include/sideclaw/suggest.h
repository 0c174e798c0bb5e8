/* suggest.h: "did you mean": the known word nearest to a mistyped one. */
#ifndef SIDECLAW_SUGGEST_H
#define SIDECLAW_SUGGEST_H

#include <stddef.h>

/* sc_edit_distance: insertions, deletions, replacements and swaps of neighbours (optimal string
 * alignment) from a to b, letter case ignored; max + 1 as soon as it is more than max, and for
 * words longer than SC_NAME_MAX bytes. */
size_t sc_edit_distance(const char *a, const char *b, size_t max);

/* sc_suggest: the nearest of the n candidates, the first of equals; NULL when none is near enough
 * (one slip, and one more for every four letters) to be what was meant. NULL candidates are
 * skipped. */
const char *sc_suggest(const char *word, const char *const *candidates, size_t n);

#endif
