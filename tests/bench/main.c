/* sideclaw_bench JOB [--OPTION VALUE]...: see tests/bench/README.md. */
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "bench.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

struct job {
    const char *name;
    int (*run)(const struct bench_args *a);
    const char *needs; /* of the options without a default */
};

static const struct job jobs[] = {
    { "send", bench_send, "--socket --port --channel" },
    { "drain", bench_drain, "--socket --port --channel" },
    { "ask", bench_ask, "--socket --port" },
    { "gateway", bench_gateway, "--port" },
    { "raw-latency", bench_raw_latency, "--port --rate" },
    { "raw-throughput", bench_raw_throughput, "--port" },
    { "raw-script", bench_raw_script, "--port" },
    { "raw-fsync", bench_raw_fsync, "--folder" },
};

static int usage(void)
{
    (void)fprintf(stderr, "usage: sideclaw_bench JOB [--OPTION VALUE]...\n"
                          "  --count N --warm-up N --in-flight N --rate PER_S --bytes N\n"
                          "  --connections N --agents N --to AGENT --pid NAME=PID\n");
    for (size_t i = 0; i < SC_ARRAY_LEN(jobs); i++)
        (void)fprintf(stderr, "  %-15s needs %s\n", jobs[i].name, jobs[i].needs);
    return 2;
}

static bool set_pid(struct bench_args *a, const char *value)
{
    const char *eq = strchr(value, '=');
    if (!eq || a->n_pids == BENCH_PIDS_MAX)
        return false;
    struct bench_pid *p = &a->pids[a->n_pids++];
    (void)snprintf(p->name, sizeof p->name, "%.*s", (int)(eq - value), value);
    return sc_parse_i64(eq + 1, 1, INT32_MAX, &p->pid, NULL) == SC_OK;
}

static bool set(struct bench_args *a, const char *name, const char *value)
{
    const struct {
        const char *name, **value;
    } texts[] = { { "--socket", &a->socket },
                  { "--channel", &a->channel },
                  { "--to", &a->to },
                  { "--folder", &a->folder } };
    const struct {
        const char *name;
        int64_t *value, min, max;
    } numbers[] = {
        { "--port", &a->port, 1, 65535 },
        { "--count", &a->count, 1, 10000000 },
        { "--warm-up", &a->warm_up, 0, 1000000 },
        { "--in-flight", &a->in_flight, 1, 1000000 },
        { "--rate", &a->rate, 0, 1000000 },
        { "--bytes", &a->bytes, 16, 262144 },
        { "--connections", &a->connections, 1, BENCH_CONNECTIONS_MAX },
        { "--agents", &a->agents, 1, 1000 },
    };
    if (strcmp(name, "--pid") == 0)
        return set_pid(a, value);
    for (size_t i = 0; i < SC_ARRAY_LEN(texts); i++)
        if (strcmp(name, texts[i].name) == 0) {
            *texts[i].value = value;
            return true;
        }
    for (size_t i = 0; i < SC_ARRAY_LEN(numbers); i++)
        if (strcmp(name, numbers[i].name) == 0)
            return sc_parse_i64(value, numbers[i].min, numbers[i].max, numbers[i].value, NULL) ==
                   SC_OK;
    return false;
}

static bool complete(const struct bench_args *a, const struct job *j)
{
    return (a->socket || !strstr(j->needs, "--socket")) &&
           (a->channel || !strstr(j->needs, "--channel")) &&
           (a->folder || !strstr(j->needs, "--folder")) &&
           (a->port || !strstr(j->needs, "--port")) && (a->rate || !strstr(j->needs, "--rate"));
}

int main(int argc, char **argv)
{
    struct bench_args a = {
        .to = "sink", .count = 10000, .in_flight = 64, .bytes = 1024, .connections = 1, .agents = 1
    };
    const struct job *job = NULL;
    for (size_t i = 0; argc > 1 && i < SC_ARRAY_LEN(jobs); i++)
        if (strcmp(argv[1], jobs[i].name) == 0)
            job = &jobs[i];
    bool ok = job && argc % 2 == 0;
    for (int i = 2; ok && i + 1 < argc; i += 2)
        ok = set(&a, argv[i], argv[i + 1]);
    if (!ok || !complete(&a, job))
        return usage();
    /* The kernel may be 50 us late by default: as much as what is to be measured. */
    (void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    return job->run(&a);
}
