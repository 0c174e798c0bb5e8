/* What the disk takes to keep 4 KiB: one page of the spool's log. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "sideclaw/mem.h"

enum { PAGE = 4096 };

int bench_raw_fsync(const struct bench_args *a)
{
    static const char page[PAGE];
    sc_auto_free char *path = sc_xasprintf("%s/fsync.probe", a->folder);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    struct samples taken;
    samples_init(&taken, (size_t)a->count);
    bool ok = fd >= 0;
    for (int64_t i = 0; ok && i < a->warm_up + a->count; i++) {
        int64_t start = bench_now();
        ok = write(fd, page, PAGE) == PAGE && fdatasync(fd) == 0;
        if (i >= a->warm_up)
            samples_add(&taken, bench_now() - start);
    }
    if (ok) {
        printf("{");
        samples_print(&taken, "fsync");
        printf("}\n");
    } else {
        perror("sideclaw_bench: raw-fsync");
    }
    if (fd >= 0)
        (void)close(fd);
    (void)unlink(path); /* in a folder of ours */
    samples_fini(&taken);
    return ok ? 0 : 1;
}
