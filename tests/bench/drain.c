/* The job `drain`: messages accepted while nobody can be reached, and then seen to leave. It talks
 * with whoever makes the outage: "ready" when it listens, then it waits for a line; "accepted" with
 * figures when all is on the sender's disk; "draining" at the first receipt; its object at the end.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "load.h"
#include "sideclaw/mem.h"

static void say(const char *word)
{
    printf("%s\n", word);
    (void)fflush(stdout);
}

static bool accept_all(struct load *l)
{
    int64_t start = bench_now();
    if (!load_run(l, LOAD_ANSWERED))
        return false;
    /* What got through in spite of the outage would make the figure of the rest wrong. */
    printf("accepted {\"per_s\":%.0f,\"stored_already\":%" PRId64 "}\n",
           (double)l->total / ((double)(bench_now() - start) / 1e9), l->stored);
    (void)fflush(stdout);
    return l->answered == l->total;
}

static bool drain(struct load *l)
{
    if (!load_run(l, LOAD_FIRST_STORED))
        return false;
    say("draining");
    return load_run(l, LOAD_STORED);
}

int bench_drain(const struct bench_args *a)
{
    char line[16];
    struct load *l = sc_xmalloc(sizeof *l);
    bool ok = load_open(l, a);
    if (ok)
        say("ready");
    ok = ok && fgets(line, sizeof line, stdin) && accept_all(l) && drain(l);
    if (ok) {
        printf("{");
        ok = load_report(l);
        printf("}\n");
    }
    load_close(l);
    free(l);
    return ok ? 0 : 1;
}
