/* Opening the spool's file: ours or refused, with what a person can do about it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sideclaw/mem.h"
#include "spool_internal.h"

enum {
    APPLICATION_ID = 0x53434c57, /* "SCLW"; `file spool.db` shows it */
    BUSY_MS = 100,               /* a person's sqlite3 may hold the lock for a moment */
    QUICK_CHECK_PAGES = 2048,    /* 8 MiB are checked within some ms; more is for `spool check` */
};

/* The page cache is small, because a million waiting messages must not show in memory; the log is
 * cut back after a burst. 1000 pages a checkpoint is SQLite's own default. */
static const char pragmas[] = "PRAGMA cache_size = -1024;"
                              "PRAGMA mmap_size = 0;"
                              "PRAGMA temp_store = MEMORY;"
                              "PRAGMA wal_autocheckpoint = 1000;"
                              "PRAGMA journal_size_limit = 16777216;"
                              "PRAGMA trusted_schema = OFF;";

static int lock_holder(int fd)
{
    char text[16] = "";
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    return n > 0 ? (int)strtol(text, NULL, 10) : 0;
}

static void write_pid(int fd)
{
    char text[16];
    int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
    /* For people only: the lock itself is the kernel's. */
    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) < 0)
        return;
}

/* A lock beside the file and not SQLite's exclusive mode: people may read the spool with sqlite3
 * while we run. */
int sc_spool_lock(const char *path, struct sc_err *err)
{
    sc_auto_free char *name = sc_xasprintf("%s.lock", path);
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        (void)sc_fail_errno(err, errno, "cannot open %s", name);
        (void)sc_err_remedy(err, "make the folder exist and writable, or set another state_dir");
        return err ? (int)err->code : SC_EIO;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        write_pid(fd);
        return fd;
    }
    int pid = lock_holder(fd);
    (void)close(fd); /* nothing was written through it */
    if (pid > 0)
        (void)sc_fail(err, SC_EBUSY, "%s is in use by another sidecar (pid %d)", path, pid);
    else
        (void)sc_fail(err, SC_EBUSY, "%s is in use by another sidecar", path);
    (void)sc_err_remedy(err, "stop it, or give this one its own state_dir");
    return SC_EBUSY;
}

void sc_spool_unlock(int fd)
{
    (void)close(fd); /* the lock goes with it; the file stays, or two could hold one */
}

/* Created by us and not by SQLite: mode 0600 from birth, and a read-only file is refused here,
 * where SQLite would go on without being able to write. */
static int touch(const char *path, struct sc_err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == EACCES || errno == EROFS || errno == EPERM)) {
        (void)sc_fail(err, SC_EIO, "the spool %s is read-only", path);
        return sc_err_remedy(err, "make it writable for this user (chmod u+rw, chown)");
    }
    if (fd < 0) {
        int r = sc_fail_errno(err, errno, "cannot open the spool %s", path);
        (void)sc_err_remedy(err, "move what is there away, or set another state_dir");
        return r;
    }
    (void)close(fd); /* nothing was written */
    return SC_OK;
}

static int pragma_int(struct sc_spool_sqlite *s, const char *sql, int *ret, struct sc_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    int r = SC_OK;
    if (rc == SQLITE_ROW)
        *ret = sqlite3_column_int(st, 0);
    else
        r = sc_spool_fail(s, rc, err);
    (void)sqlite3_finalize(st);
    return r;
}

static int not_ours(struct sc_spool_sqlite *s, struct sc_err *err)
{
    (void)sc_fail(err, SC_ECONFIG, "%s is a database, but not a sidecar's spool", s->path);
    return sc_err_remedy(err, "move it away, or set another state_dir");
}

int sc_spool_identify(struct sc_spool_sqlite *s, int *ret_version, struct sc_err *err)
{
    int app = 0, version = 0, tables = 0;
    int r = pragma_int(s, "PRAGMA application_id", &app, err);
    if (r == SC_OK)
        r = pragma_int(s, "PRAGMA user_version", &version, err);
    if (r == SC_OK)
        r = pragma_int(s, "SELECT count(*) FROM sqlite_master", &tables, err);
    if (r < 0)
        return r;
    if (app != APPLICATION_ID && (app != 0 || version != 0 || tables != 0))
        return not_ours(s, err);
    if (version > sc_spool_schema_version()) {
        (void)sc_fail(err, SC_ECONFIG,
                      "the spool %s was written by a newer sideclaw (schema %d, this one knows %d)",
                      s->path, version, sc_spool_schema_version());
        return sc_err_remedy(err, "run that version again, or move the file away");
    }
    *ret_version = app == APPLICATION_ID ? version : 0;
    return SC_OK;
}

static int exec(struct sc_spool_sqlite *s, const char *sql, struct sc_err *err)
{
    int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? SC_OK : sc_spool_fail(s, rc, err);
}

static int first_answer(void *ctx, int n, char **values, char **names)
{
    char *answer = ctx;
    (void)n;
    (void)names;
    (void)snprintf(answer, SC_ERR_TEXT_MAX / 2, "%s", values[0] ? values[0] : "");
    return 0;
}

static int quick_check(struct sc_spool_sqlite *s, struct sc_err *err)
{
    int pages = 0;
    char answer[SC_ERR_TEXT_MAX / 2] = "";
    int r = pragma_int(s, "PRAGMA page_count", &pages, err);
    if (r < 0 || pages > QUICK_CHECK_PAGES)
        return r;
    int rc = sqlite3_exec(s->db, "PRAGMA quick_check(1)", first_answer, answer, NULL);
    if (rc != SQLITE_OK)
        return sc_spool_fail(s, rc, err);
    return sc_streq(answer, "ok") ? SC_OK : sc_spool_fail(s, SQLITE_CORRUPT, err);
}

static int set_up(struct sc_spool_sqlite *s, bool is_new, bool full_sync, struct sc_err *err)
{
    char id[64], mode[SC_ERR_TEXT_MAX / 2] = "";
    (void)snprintf(id, sizeof id, "PRAGMA application_id = %d", APPLICATION_ID);
    int r = exec(s, pragmas, err);
    if (r == SC_OK && is_new)
        r = exec(s, id, err);
    if (r < 0)
        return r;
    int rc = sqlite3_exec(s->db, "PRAGMA journal_mode = WAL", first_answer, mode, NULL);
    if (rc != SQLITE_OK)
        return sc_spool_fail(s, rc, err);
    if (!sc_streq(mode, "wal")) {
        (void)sc_fail(err, SC_EIO, "the spool %s cannot use a write-ahead log there", s->path);
        return sc_err_remedy(err, "put state_dir on a local file system");
    }
    return exec(s, full_sync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", err);
}

int sc_spool_open_db(struct sc_spool_sqlite *s, bool full_sync, struct sc_err *err)
{
    int version = 0;
    int r = touch(s->path, err);
    if (r == SC_OK && full_sync) /* else a power cut may leave what looks like damage */
        r = sc_spool_wal_check(s->path, err);
    if (r < 0)
        return r;
    int rc = sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK)
        return sc_spool_fail(s, rc, err);
    (void)sqlite3_extended_result_codes(s->db, 1);
    (void)sqlite3_busy_timeout(s->db, BUSY_MS);
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL); /* till it is ours */
    r = sc_spool_identify(s, &version, err);
    if (r == SC_OK)
        r = quick_check(s, err);
    if (r == SC_OK)
        r = set_up(s, version == 0, full_sync, err);
    if (r < 0)
        return r;
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    return sc_spool_migrate(s, version, err);
}
