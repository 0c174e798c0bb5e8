#include "sideclaw/usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static int64_t cpu_us(void)
{
    struct rusage u;
    if (getrusage(RUSAGE_SELF, &u) < 0)
        return 0; /* cannot happen with this argument */
    return (int64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec +
           u.ru_stime.tv_usec;
}

static int64_t count_fds(void)
{
    int64_t n = 0;
    DIR *fds = opendir("/proc/self/fd");
    if (!fds)
        return 0;
    const struct dirent *e;
    while ((e = readdir(fds)))
        n += e->d_name[0] != '.';
    (void)closedir(fds);
    return n - 1; /* the one that looked */
}

static int64_t max_fds(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur == RLIM_INFINITY)
        return 0;
    return (int64_t)l.rlim_cur;
}

/* "size resident shared ...", in pages. */
static void read_memory(struct sc_usage *ret)
{
    char text[128] = "";
    char *end = text;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t n = read(fd, text, sizeof text - 1);
    (void)close(fd);
    if (n <= 0)
        return;
    int64_t page = sysconf(_SC_PAGESIZE);
    ret->virtual_bytes = strtoll(text, &end, 10) * page;
    ret->resident_bytes = strtoll(end, NULL, 10) * page;
}

void sc_usage_read(struct sc_usage *ret)
{
    *ret = (struct sc_usage){ .cpu_us = cpu_us(), .open_fds = count_fds(), .max_fds = max_fds() };
    read_memory(ret);
}
