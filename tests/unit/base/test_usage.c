#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sideclaw/mem.h"
#include "sideclaw/usage.h"

Test(usage, each_open_descriptor_is_counted_and_the_look_is_not)
{
    struct sc_usage before, with, after;
    sc_usage_read(&before);
    int a = open("/dev/null", O_RDONLY | O_CLOEXEC), b = dup(a);
    sc_usage_read(&with);
    (void)close(a);
    (void)close(b);
    sc_usage_read(&after);
    cr_assert_geq(before.open_fds, 3);
    cr_assert_eq(with.open_fds, before.open_fds + 2);
    cr_assert_eq(after.open_fds, before.open_fds);
}

Test(usage, the_limit_is_the_kernels)
{
    struct sc_usage u;
    struct rlimit l = { .rlim_cur = 100, .rlim_max = 100 };
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &l), 0);
    sc_usage_read(&u);
    cr_assert_eq(u.max_fds, 100);
}

Test(usage, memory_that_is_touched_is_resident)
{
    enum { SIZE = 32 * 1024 * 1024 };
    struct sc_usage before, after;
    sc_usage_read(&before);
    char *p = sc_xmalloc(SIZE);
    volatile char *touched = p; /* else all of it could be left out */
    for (size_t i = 0; i < SIZE; i += 1024)
        touched[i] = 1;
    sc_usage_read(&after);
    free(p);
    cr_assert_gt(before.resident_bytes, 0);
    cr_assert_geq(before.virtual_bytes, before.resident_bytes);
    cr_assert_geq(after.resident_bytes, before.resident_bytes + SIZE / 2);
    cr_assert_geq(after.virtual_bytes, before.virtual_bytes + SIZE / 2);
}

Test(usage, work_costs_time_of_a_processor)
{
    struct sc_usage before, now;
    sc_usage_read(&before);
    do /* ends: each look is work */
        sc_usage_read(&now);
    while (now.cpu_us < before.cpu_us + 10000);
    cr_assert_geq(now.cpu_us, before.cpu_us + 10000);
}
