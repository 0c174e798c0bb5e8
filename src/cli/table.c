/* table.c: columns that align. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "writer.h"

/* The code point at p, and how many bytes it takes; a stray byte counts as one of its own. */
static uint32_t code_point(const unsigned char *p, size_t n, size_t *ret_len)
{
    size_t len = *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : *p >= 0xc0 ? 2 : 1;
    uint32_t c = len == 1 ? *p : *p & (0xffu >> (len + 1));
    *ret_len = 1;
    for (size_t i = 1; i < len; i++) {
        if (i >= n || (p[i] & 0xc0) != 0x80)
            return *p;
        c = c << 6 | (p[i] & 0x3f);
    }
    *ret_len = len;
    return c;
}

/* Enough of wcwidth for a table: it needs no locale, whose loading would cost a millisecond. */
static size_t columns_of(uint32_t c)
{
    static const struct {
        uint32_t first, last;
        size_t width;
    } ranges[] = {
        { 0x0300, 0x036f, 0 },   { 0x200b, 0x200f, 0 },   { 0xfe00, 0xfe0f, 0 },
        { 0x1100, 0x115f, 2 },   { 0x2e80, 0xa4cf, 2 },   { 0xac00, 0xd7a3, 2 },
        { 0xf900, 0xfaff, 2 },   { 0xfe30, 0xfe6f, 2 },   { 0xff00, 0xff60, 2 },
        { 0x1f300, 0x1faff, 2 }, { 0x20000, 0x3fffd, 2 },
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(ranges); i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return ranges[i].width;
    return 1;
}

size_t sc_text_width(const char *s, size_t n)
{
    size_t width = 0, len;
    for (size_t i = 0; i < n; i += len)
        width += columns_of(code_point((const unsigned char *)s + i, n - i, &len));
    return width;
}

void sc_table_init(struct sc_table *t, size_t columns, const char *const *heads)
{
    sc_assert(columns <= SC_COLUMNS_MAX);
    *t = (struct sc_table){ .columns = columns };
    for (size_t i = 0; i < columns; i++)
        sc_table_cell(t, heads[i]);
}

/* At most SC_CELL_WIDTH_MAX columns, without what could break the line. */
static char *clean(const char *text)
{
    struct sc_buf b = SC_BUF_INIT;
    size_t n = strlen(text), width = 0, len;
    for (size_t i = 0; i < n; i += len) {
        uint32_t c = code_point((const unsigned char *)text + i, n - i, &len);
        width += columns_of(c);
        if (width >= SC_CELL_WIDTH_MAX) {
            sc_buf_adds(&b, "…");
            break;
        }
        if (c < ' ' || (c >= 0x7f && c < 0xa0))
            sc_buf_addc(&b, ' ');
        else
            sc_buf_add(&b, text + i, len);
    }
    return sc_buf_steal(&b);
}

void sc_table_cell(struct sc_table *t, const char *text)
{
    t->cells = sc_xrealloc(t->cells, (t->n + 1) * sizeof *t->cells);
    t->cells[t->n++] = clean(text && *text ? text : "-");
}

void sc_table_cellf(struct sc_table *t, const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    sc_assert(n >= 0);
    sc_table_cell(t, text);
    free(text);
}

static void measure(const struct sc_table *t, size_t widths[SC_COLUMNS_MAX])
{
    for (size_t i = 0; i < t->n; i++) {
        size_t w = sc_text_width(t->cells[i], strlen(t->cells[i]));
        if (w > widths[i % t->columns])
            widths[i % t->columns] = w;
    }
}

static void print_row(const struct sc_table *t, size_t first, const size_t *widths,
                      struct sc_writer *w)
{
    for (size_t c = 0; c < t->columns; c++) {
        const char *cell = t->cells[first + c];
        size_t pad = widths[c] - sc_text_width(cell, strlen(cell)) + 2;
        if (first == 0)
            sc_buf_adds(&w->out, cell);
        else
            sc_writer_word(w, cell);
        for (; c + 1 < t->columns && pad; pad--)
            sc_buf_addc(&w->out, ' ');
    }
    sc_buf_addc(&w->out, '\n');
}

void sc_table_end(struct sc_table *t, struct sc_writer *w, const char *none)
{
    size_t widths[SC_COLUMNS_MAX] = { 0 };
    measure(t, widths);
    if (t->n == t->columns)
        sc_writer_line(w, "%s", none);
    for (size_t i = 0; t->n > t->columns && i + t->columns <= t->n; i += t->columns)
        print_row(t, i, widths, w);
    for (size_t i = 0; i < t->n; i++)
        free(t->cells[i]);
    free(t->cells);
    *t = (struct sc_table){ .cells = NULL };
}
