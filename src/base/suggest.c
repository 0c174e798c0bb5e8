#include "sideclaw/suggest.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "sideclaw/limits.h"

enum { WORD_MAX = SC_NAME_MAX };

static char lower(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return c;
}

static size_t min2(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Only three rows of the table are ever looked at: this one and the two above it (the second for
 * swapped neighbours), so they are kept in turn. */
size_t sc_edit_distance(const char *a, const char *b, size_t max)
{
    size_t na = strnlen(a, WORD_MAX + 1), nb = strnlen(b, WORD_MAX + 1);
    if (na > WORD_MAX || nb > WORD_MAX || (na > nb ? na - nb : nb - na) > max)
        return max + 1;
    uint16_t rows[3][WORD_MAX + 1];
    for (size_t j = 0; j <= nb; j++)
        rows[0][j] = (uint16_t)j;
    for (size_t i = 1; i <= na; i++) {
        uint16_t *row = rows[i % 3];
        const uint16_t *above = rows[(i - 1) % 3], *above2 = rows[(i + 1) % 3];
        size_t best = row[0] = (uint16_t)i;
        for (size_t j = 1; j <= nb; j++) {
            bool same = lower(a[i - 1]) == lower(b[j - 1]);
            size_t d = min2(above[j] + 1u, min2(row[j - 1] + 1u, above[j - 1] + (same ? 0u : 1u)));
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                lower(a[i - 2]) == lower(b[j - 1]))
                d = min2(d, above2[j - 2] + 1u);
            row[j] = (uint16_t)d;
            best = min2(best, d);
        }
        if (best > max)
            return max + 1;
    }
    return min2(rows[na % 3][nb], max + 1);
}

const char *sc_suggest(const char *word, const char *const *candidates, size_t n)
{
    size_t max = 1 + strnlen(word, WORD_MAX) / 4;
    const char *nearest = NULL;
    for (size_t i = 0; i < n; i++) {
        if (!candidates[i])
            continue;
        size_t d = sc_edit_distance(word, candidates[i], max);
        /* A word with every letter replaced is as long as its distance, and is no slip. */
        if (d <= max && d < strlen(candidates[i])) {
            nearest = candidates[i];
            if (d == 0)
                break;
            max = d - 1;
        }
    }
    return nearest;
}
