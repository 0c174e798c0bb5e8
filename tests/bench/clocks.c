/* Wall time of this process and processor time of others. */
#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "bench.h"

int64_t bench_now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
    return (int64_t)t.tv_sec * BENCH_PACE_NS_PER_S + t.tv_nsec;
}

int64_t bench_due(int64_t start, int64_t n, int64_t rate)
{
    return start + n * BENCH_PACE_NS_PER_S / rate;
}

/* schedstat counts nanoseconds; /proc/PID/stat only hundredths of a second. */
static int64_t task_ns(int64_t pid, const char *task)
{
    char path[96], text[96];
    (void)snprintf(path, sizeof path, "/proc/%" PRId64 "/task/%.16s/schedstat", pid, task);
    FILE *f = fopen(path, "re");
    if (!f)
        return 0; /* a thread that has just ended */
    int64_t ns = fgets(text, sizeof text, f) ? strtoll(text, NULL, 10) : 0;
    (void)fclose(f);
    return ns;
}

int64_t bench_cpu_ns(int64_t pid)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%" PRId64 "/task", pid);
    DIR *d = opendir(path);
    if (!d)
        return -1;
    int64_t sum = 0;
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.')
            sum += task_ns(pid, e->d_name);
    (void)closedir(d);
    return sum;
}
