/* fuzz_cli_text: text of a stranger in a table and as a body: no line is broken, nothing steers the
 * terminal. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/cli/writer.h"
#include "sideclaw/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_table(const char *text)
{
    static const char *const heads[] = { "A", "B" };
    struct sc_writer w = { .ops = &sc_writer_text };
    struct sc_table t;
    size_t lines = 0;
    sc_table_init(&t, 2, heads);
    sc_table_cell(&t, text);
    sc_table_cell(&t, "end");
    sc_table_end(&t, &w, "none");
    for (size_t i = 0; i < w.out.n; i++) {
        lines += w.out.p[i] == '\n';
        if (w.out.p[i] == '\033')
            abort();
    }
    if (lines != 2)
        abort();
    sc_buf_fini(&w.out);
}

static void check_body(const char *text)
{
    struct sc_writer w = { .ops = &sc_writer_text, .is_terminal = true };
    sc_writer_body(&w, text);
    if (w.out.p[w.out.n - 1] != '\n' || memchr(w.out.p, '\033', w.out.n) ||
        memmem(w.out.p, w.out.n, "\xc2\x9b", 2))
        abort();
    sc_buf_fini(&w.out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    sc_auto_free char *text = sc_xstrndup((const char *)data, n);
    char age[24];
    check_table(text);
    check_body(text);
    (void)sc_age(text, age);
    return 0;
}
