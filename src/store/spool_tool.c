#include "spool_tool.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "sideclaw/mem.h"

enum { PROGRESS_MS = 2000, BUSY_MS = 5000 };

static int64_t now_ms(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail for this clock */
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct spool_pace sc_spool_pace(const struct sc_spool_tool *tool)
{
    return (struct spool_pace){ .tool = tool, .next_ms = now_ms() + PROGRESS_MS };
}

void sc_spool_pace_step(struct spool_pace *p, const char *what, int64_t done, int64_t total)
{
    if (!p->tool || !p->tool->progress || now_ms() < p->next_ms)
        return;
    p->next_ms = now_ms() + PROGRESS_MS;
    p->tool->progress(p->tool->ctx, what, done, total);
}

static int open_db(struct sc_spool_sqlite *s, int *ret_version, struct sc_err *err)
{
    int rc = sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK)
        return sc_spool_fail(s, rc, err);
    (void)sqlite3_extended_result_codes(s->db, 1);
    (void)sqlite3_busy_timeout(s->db, BUSY_MS);
    /* The last one to close would empty the log into the file: that is the daemon's to do. */
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    int r = sc_spool_identify(s, ret_version, err);
    if (r == SC_OK && *ret_version == 0) {
        (void)sc_fail(err, SC_ECONFIG, "%s is empty: no sidecar has used it yet", s->path);
        r = SC_ECONFIG;
    }
    return r;
}

int sc_spool_tool_open(struct sc_spool_sqlite *s, const char *path, int *ret_version,
                       struct sc_err *err)
{
    struct stat st;
    *s = (struct sc_spool_sqlite){ .path = sc_xstrdup(path), .lock_fd = -1 };
    int r;
    if (stat(path, &st) < 0) {
        r = sc_fail_errno(err, errno, "cannot open the spool %s", path);
        (void)sc_err_remedy(err, "name it: --file STATE_DIR/spool.db, or --config FILE");
    } else if (!S_ISREG(st.st_mode)) {
        r = sc_fail(err, SC_EIO, "the spool %s is no file", path);
    } else {
        r = open_db(s, ret_version, err);
    }
    if (r < 0)
        sc_spool_tool_close(s);
    return r;
}

void sc_spool_tool_close(struct sc_spool_sqlite *s)
{
    (void)sqlite3_close(s->db); /* nothing is open in it */
    free(s->path);
    *s = (struct sc_spool_sqlite){ .lock_fd = -1 };
}
