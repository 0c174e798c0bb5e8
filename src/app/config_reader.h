/* config_reader.h: one reading of all sources: the values so far and who hears of what is wrong. */
#ifndef SIDECLAW_APP_CONFIG_READER_H
#define SIDECLAW_APP_CONFIG_READER_H

#include "options.h"
#include "sideclaw/config.h"
#include "sideclaw/err.h"

struct sc_config_reader {
    struct sc_config *c;
    sc_config_note_fn *fn;
    void *ctx;
    int errors;
    bool secret_in_file; /* the file itself holds one */
};

/* sc_config_error: counts and reports "<where>: <what->text>" with the remedy of `what`. `where` is
 * "FILE:LINE: key `x`", "environment variable X" or "flag --x". */
void sc_config_error(struct sc_config_reader *r, const struct sc_err *what, const char *where, ...)
    SC_PRINTF(3, 4);
void sc_config_warn(struct sc_config_reader *r, const struct sc_err *what, const char *where, ...)
    SC_PRINTF(3, 4);

/* What is wrong with a key that no option has, with the nearest one as the remedy. */
void sc_config_unknown_key(const char *key, struct sc_err *ret);

void sc_config_read_file(struct sc_config_reader *r, const char *path);
void sc_config_read_env(struct sc_config_reader *r, char *const *envp);
void sc_config_read_flags(struct sc_config_reader *r, int argc, char *const *argv);

/* sc_config_widen: `text` with an L behind each whole number. libconfig 1.5 reads a number without
 * one by atoi, so that 8589934592 would silently be 0. Strings and comments stay as they are. */
struct sc_buf;
void sc_config_widen(const char *text, struct sc_buf *out);

/* Warnings about files with secrets that others may read. */
void sc_config_check_modes(struct sc_config_reader *r, const char *file);

#endif
