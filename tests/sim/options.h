/* options.h: the simulator's command line. */
#ifndef SIDECLAW_TESTS_SIM_OPTIONS_H
#define SIDECLAW_TESTS_SIM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { OPTIONS_JOBS_MAX = 64 };

struct options {
    int64_t seed, nodes, steps, runs, jobs;
    const char *mutant; /* NULL: none */
    bool mutants;       /* all of them, one after the other */
    FILE *trace;        /* NULL: nowhere; the process's, never closed */
};

bool options_parse(int argc, char **argv, struct options *ret);
void options_usage(FILE *to);

#endif
