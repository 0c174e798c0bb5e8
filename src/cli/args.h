/* args.h: flags and words of one command, by a table. */
#ifndef SIDECLAW_CLI_ARGS_H
#define SIDECLAW_CLI_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "sideclaw/err.h"

enum { SC_FLAGS_MAX = 16, SC_MANY_MAX = 64 };

/* One flag. `value` is the word that stands for its value in the help; NULL: it has none. */
struct sc_flag {
    const char *name; /* "--to" */
    const char *value;
    const char *help;
    int64_t min, max; /* of a number; both 0: it is text */
    bool many;        /* it may stand more than once; one such flag a command */
};

/* What was found; all borrowed from argv. */
struct sc_args {
    const struct sc_flag *flags;      /* the table, name NULL ends */
    const char *values[SC_FLAGS_MAX]; /* in its order; "" for a flag without value */
    const char *many[SC_MANY_MAX];    /* of the flag that may stand more than once */
    int n_many;
    char **words; /* the rest */
    int n_words;
};

/* sc_args_parse: takes flags out of argv (argc words), which is compacted in place to the rest.
 * "--x=y" and "--x y" are the same, "--" ends the flags, "-" is a word. SC_EINVAL names the flag.
 */
int sc_args_parse(const struct sc_flag *flags, int argc, char **argv, struct sc_args *ret,
                  struct sc_err *err) SC_MUST_CHECK;

/* NULL, false or the default when the flag was not given. The name must be in the table. */
const char *sc_args_text(const struct sc_args *a, const char *flag);
bool sc_args_has(const struct sc_args *a, const char *flag);
int64_t sc_args_int(const struct sc_args *a, const char *flag, int64_t dflt);

#endif
