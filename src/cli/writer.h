/* writer.h: results go out through one of two writers: for people as text, for programs as JSON. */
#ifndef SIDECLAW_CLI_WRITER_H
#define SIDECLAW_CLI_WRITER_H

#include <stdbool.h>
#include <stddef.h>

#include "sideclaw/buf.h"
#include "sideclaw/value.h"

struct sc_writer;
/* How one command shows its result to people. */
typedef void sc_show_fn(struct sc_writer *w, const struct sc_value *result);

struct sc_writer_ops {
    void (*result)(struct sc_writer *w, const struct sc_value *result, sc_show_fn *show);
};
struct sc_writer {
    const struct sc_writer_ops *ops;
    int fd;            /* standard output; standard error for help that nobody asked for */
    struct sc_buf out; /* all of it, written at once at the end */
    bool is_terminal;
    bool colour;
};
extern const struct sc_writer_ops sc_writer_text, sc_writer_json;

/* sc_writer_flush: write what there is; false when that failed. */
bool sc_writer_flush(struct sc_writer *w);

/* --- for show functions (writer_text.c) --- */
void sc_writer_line(struct sc_writer *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* "name      value", skipped when value is NULL or "". */
void sc_writer_field(struct sc_writer *w, const char *name, const char *value);
/* Text of a stranger as it is; on a terminal without what could steer it. A newline is added when
 * it does not end in one. */
void sc_writer_body(struct sc_writer *w, const char *text);
/* A word of ours (a stage, a state) in the colour of its meaning. */
void sc_writer_word(struct sc_writer *w, const char *word);

/* A table: rows of up to SC_COLUMNS_MAX cells, columns as wide as their widest cell. */
enum { SC_COLUMNS_MAX = 8, SC_CELL_WIDTH_MAX = 60 };
struct sc_table {
    char **cells;
    size_t columns, n;
};
void sc_table_init(struct sc_table *t, size_t columns, const char *const *heads);
/* NULL is shown as "-"; line ends and control characters become blanks; long text is cut. */
void sc_table_cell(struct sc_table *t, const char *text);
void sc_table_cellf(struct sc_table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Prints and frees; `none` when there are no rows. */
void sc_table_end(struct sc_table *t, struct sc_writer *w, const char *none);

/* Columns of a terminal that n bytes of UTF-8 take. */
size_t sc_text_width(const char *s, size_t n);
/* "3s", "12m", "5h", "9d" since an RFC 3339 time; "-" for NULL. */
const char *sc_age(const char *rfc3339, char ret[24]);

#endif
