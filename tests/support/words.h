/* words.h: argv and envp from literals, which -Wwrite-strings makes const. */
#ifndef SIDECLAW_TESTS_WORDS_H
#define SIDECLAW_TESTS_WORDS_H

#include <criterion/criterion.h>
#include <string.h>

/* The few lists of one test live until its end. */
static inline char **words_copy(const char *const *v)
{
    enum { LISTS = 32, WORDS = 16 };
    static char *pool[LISTS][WORDS];
    static size_t used;
    size_t n = 0;
    while (v[n])
        n++;
    cr_assert(n < WORDS && used < LISTS);
    memcpy(pool[used], v, (n + 1) * sizeof *v);
    return pool[used++];
}
#define WORDS(...) words_copy((const char *const[]){ __VA_ARGS__, NULL })

#endif
