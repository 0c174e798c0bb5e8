#include "sim/mutants.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sideclaw/mem.h"

enum { SEEDS_MAX = 60 };

static void spool_bug(struct world *w, size_t offset)
{
    for (int i = 0; i < world_nodes(w); i++) {
        struct mem_spool_bugs *b = mem_spool_bugs(world_node(w, i)->spool);
        *(bool *)((char *)b + offset) = true;
    }
}

static void ignore_resume(struct world *w)
{
    for (int i = 0; i < world_nodes(w); i++)
        fake_gateway_ignore_resume(world_node(w, i)->gateway);
}

static void begin_turns(struct world *w, size_t offset)
{
    (void)offset;
    for (int i = 0; i < world_nodes(w); i++)
        world_node(w, i)->never_holds = true;
}

static void link_bug(struct world *w, size_t offset)
{
    for (int k = 0; k < world_transports(w); k++) {
        struct mem_net_bugs *b = mem_net_bugs(world_transport(w, k));
        *(bool *)((char *)b + offset) = true;
    }
}

static const struct mutant {
    const char *name, *mistake;
    void (*plant)(struct world *w, size_t offset);
    size_t offset;
} mutants[] = {
    { "no-dedupe", "a duplicate is taken for a new message", spool_bug,
      offsetof(struct mem_spool_bugs, forgets_ids) },
    { "early-answer", "accepted and stored are told before the commit", spool_bug,
      offsetof(struct mem_spool_bugs, calls_too_early) },
    { "lost-commit", "a crash takes a told commit with it", spool_bug,
      offsetof(struct mem_spool_bugs, loses_commits) },
    { "no-retry", "nothing is sent a second time", spool_bug,
      offsetof(struct mem_spool_bugs, never_due) },
    { "lost-reply", "a reply is called stored, and is not", spool_bug,
      offsetof(struct mem_spool_bugs, drops_replies) },
    { "no-reason", "the dead have no reason", spool_bug,
      offsetof(struct mem_spool_bugs, drops_reasons) },
    { "not-stored", "a message is called stored, and is not", spool_bug,
      offsetof(struct mem_spool_bugs, stores_nothing) },
    { "rerun", "a new life hands over again what the old one did, without a look", spool_bug,
      offsetof(struct mem_spool_bugs, reruns) },
    { "no-hold", "a gateway that drains begins turns all the same", begin_turns, 0 },
    { "no-prev", "the receiver does not wait for the one before", link_bug,
      offsetof(struct mem_net_bugs, drops_prev) },
    { "boast", "receipts tell a stage too many", link_bug, offsetof(struct mem_net_bugs, boasts) },
    { "wrong-body", "a message arrives with the body of another", link_bug,
      offsetof(struct mem_net_bugs, mixes_bodies) },
};

void mutant_install(const char *name, struct world *w, struct ledger *l)
{
    if (!name)
        return;
    if (strcmp(name, "new-id") == 0) {
        ledger_forget_ids(l);
        return;
    }
    for (size_t i = 0; i < SC_ARRAY_LEN(mutants); i++) {
        if (strcmp(name, mutants[i].name) != 0)
            continue;
        mutants[i].plant(w, mutants[i].offset);
        if (strcmp(name, "rerun") == 0)
            ignore_resume(w);
        return;
    }
    (void)fprintf(stderr, "sim: there is no mutant %s\n", name);
    exit(2);
}

/* In a process of its own, which dies of what it finds. */
static bool is_noticed(struct options *o, job_fn *fn, uint64_t seed)
{
    int status = 0;
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        uint64_t totals[JOBS_TOTALS];
        (void)fn(o, seed, totals);
        exit(0);
    }
    (void)waitpid(pid, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

static bool hunt(struct options *o, job_fn *fn, const char *name)
{
    o->mutant = name;
    for (uint64_t i = 0; i < SEEDS_MAX; i++) {
        uint64_t seed = (uint64_t)o->seed + i;
        if (is_noticed(o, fn, seed)) {
            (void)printf("%-14s noticed, seed %" PRIu64 "\n", name, seed);
            return true;
        }
    }
    (void)printf("%-14s NOT NOTICED in %d seeds\n", name, SEEDS_MAX);
    return false;
}

int mutants_run(struct options *o, job_fn *fn)
{
    bool all = hunt(o, fn, "new-id");
    for (size_t i = 0; i < SC_ARRAY_LEN(mutants); i++)
        all = hunt(o, fn, mutants[i].name) && all;
    return all ? 0 : 1;
}
