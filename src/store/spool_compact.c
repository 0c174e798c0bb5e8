/* Giving free pages back to the disk. SQLite writes the whole file anew and holds its lock all that
 * time, so it is for a stopped daemon only (ADR 0013). */
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sideclaw/mem.h"
#include "spool_tool.h"

enum { OPCODES_A_STEP = 100 * 1000 };

static int64_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}

struct work {
    struct spool_pace pace;
    const char *path;
};

static int on_progress(void *ctx)
{
    struct work *w = ctx;
    sc_spool_pace_step(&w->pace, "compacting", 0, 0);
    return 0; /* go on */
}

/* The copy is made beside the spool: /tmp may be smaller, or memory. */
static void work_beside(const char *path)
{
    sc_auto_free char *copy = sc_xstrdup(path);
    (void)setenv("SQLITE_TMPDIR", dirname(copy), 0); /* else SQLite's own choice is as good */
}

static int vacuum(struct sc_spool_sqlite *s, const struct sc_spool_tool *tool, struct sc_err *err)
{
    struct work w = { .pace = sc_spool_pace(tool), .path = s->path };
    work_beside(s->path);
    sqlite3_progress_handler(s->db, OPCODES_A_STEP, on_progress, &w);
    int rc = sqlite3_exec(s->db, "VACUUM", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_progress_handler(s->db, 0, NULL, NULL);
    return rc == SQLITE_OK ? SC_OK : sc_spool_fail(s, rc, err);
}

static int lock(const char *path, struct sc_err *err)
{
    if (access(path, F_OK) < 0)
        return -1; /* opening it says so better */
    int fd = sc_spool_lock(path, err);
    if (fd == SC_EBUSY)
        (void)sc_err_remedy(err,
                            "stop that daemon first; sideclaw spool check says what it would give");
    return fd;
}

int sc_spool_compact(const char *path, const struct sc_spool_tool *tool, int64_t *ret_before,
                     int64_t *ret_after, struct sc_err *err)
{
    struct sc_spool_sqlite s;
    struct sc_err locked = SC_ERR_INIT;
    int version, fd = lock(path, &locked);
    if (fd < 0 && locked.code != SC_OK) {
        *err = locked;
        return err->code;
    }
    int r = sc_spool_tool_open(&s, path, &version, err);
    if (r == SC_OK) {
        *ret_before = size_of(path);
        r = vacuum(&s, tool, err);
        *ret_after = size_of(path);
        sc_spool_tool_close(&s);
    }
    if (fd >= 0)
        sc_spool_unlock(fd);
    return r;
}
