#include "sim/options.h"

#include <string.h>

#include "sideclaw/mem.h"
#include "sideclaw/parse.h"
#include "support/mem_net.h"

enum { RUNS_MAX = 10000000, STEPS_MAX = 1000000 };

void options_usage(FILE *to)
{
    (void)fputs(
        "usage: tests/sim/run [--seed S] [--nodes N] [--steps M] [--runs R] [--jobs J]\n"
        "                     [--trace FILE] [--mutant NAME | --mutants]\n"
        "  --seed S       the first seed (1)\n"
        "  --nodes N      gateways, each with its sidecar; 0: 2 to 6, as the seed says (0)\n"
        "  --steps M      things that happen in one run (300)\n"
        "  --runs R       so many seeds, one after the other (1)\n"
        "  --jobs J       processes side by side (1); the trace does not depend on it\n"
        "  --trace FILE   write down all that happens (- for standard output)\n"
        "  --mutant NAME  with this mistake planted; --mutants: each must be noticed\n",
        to);
}

static bool number(const char *name, const char *value, struct options *o)
{
    const struct {
        const char *name;
        int64_t *value, min, max;
    } numbers[] = {
        { "--seed", &o->seed, 0, INT64_MAX / 2 },    { "--nodes", &o->nodes, 0, MEM_NET_NODES },
        { "--steps", &o->steps, 1, STEPS_MAX },      { "--runs", &o->runs, 1, RUNS_MAX },
        { "--jobs", &o->jobs, 1, OPTIONS_JOBS_MAX },
    };
    struct sc_err err = SC_ERR_INIT;
    for (size_t i = 0; i < SC_ARRAY_LEN(numbers); i++)
        if (strcmp(name, numbers[i].name) == 0)
            return sc_parse_i64(value, numbers[i].min, numbers[i].max, numbers[i].value, &err) ==
                   SC_OK;
    return false;
}

static bool take(const char *name, const char *value, struct options *o)
{
    if (strcmp(name, "--mutant") == 0) {
        o->mutant = value;
        return true;
    }
    if (strcmp(name, "--trace") == 0) {
        o->trace = strcmp(value, "-") == 0 ? stdout : fopen(value, "we");
        return o->trace != NULL;
    }
    return number(name, value, o);
}

bool options_parse(int argc, char **argv, struct options *ret)
{
    *ret = (struct options){ .seed = 1, .steps = 300, .runs = 1, .jobs = 1 };
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--mutants") == 0)
            ret->mutants = true;
        else if (i + 1 == argc || !take(argv[i], argv[i + 1], ret))
            return false;
        else
            i++;
    }
    return true;
}
