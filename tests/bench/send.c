/* The job `send`: paced, or as fast as the window lets. */
#include <stdlib.h>

#include "load.h"
#include "sideclaw/mem.h"

int bench_send(const struct bench_args *a)
{
    struct load *l = sc_xmalloc(sizeof *l);
    bool ok = load_open(l, a) && load_run(l, LOAD_STORED);
    if (ok) {
        printf("{");
        ok = load_report(l);
        printf("}\n");
    }
    load_close(l);
    free(l);
    return ok ? 0 : 1;
}
