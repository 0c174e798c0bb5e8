#include "sideclaw/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "sideclaw/mem.h"

static int read_all(int fd, const char *path, size_t max, struct sc_buf *ret, struct sc_err *err)
{
    char chunk[4096];
    size_t before = ret->n;
    for (;;) {
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return sc_fail_errno(err, errno, "read %s", path);
        if (n == 0)
            return SC_OK;
        if (ret->n - before + (size_t)n > max)
            return sc_fail(err, SC_ETOOBIG, "%s is longer than %zu bytes", path, max);
        sc_buf_add(ret, chunk, (size_t)n);
    }
}

int sc_file_read(const char *path, size_t max, struct sc_buf *ret, struct sc_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return sc_fail(err, SC_ENOENT, "there is no file %s", path);
    if (fd < 0)
        return sc_fail_errno(err, errno, "open %s", path);
    size_t before = ret->n;
    int r = read_all(fd, path, max, ret, err);
    (void)close(fd); /* read-only: nothing to lose */
    if (r < 0 && ret->p)
        ret->p[ret->n = before] = 0;
    return r;
}

int sc_file_read_line(const char *path, size_t max, char **ret, struct sc_err *err)
{
    struct sc_buf b = SC_BUF_INIT;
    int r = sc_file_read(path, max, &b, err);
    if (r < 0) {
        sc_buf_fini(&b);
        return r;
    }
    while (b.n && (b.p[b.n - 1] == '\n' || b.p[b.n - 1] == '\r'))
        b.p[--b.n] = 0;
    *ret = sc_buf_steal(&b);
    return SC_OK;
}

static int write_all(int fd, const char *data, size_t n)
{
    while (n) {
        ssize_t w = write(fd, data, n);
        if (w < 0 && errno != EINTR)
            return -1;
        if (w > 0) {
            data += w;
            n -= (size_t)w;
        }
    }
    return 0;
}

/* A rename is durable only when its folder is (fsync(2), notes). */
static int sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    sc_auto_free char *dir = slash ? sc_xstrndup(path, (size_t)(slash - path)) : sc_xstrdup(".");
    int fd = open(*dir ? dir : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int r = fsync(fd);
    (void)close(fd);
    return r;
}

int sc_file_write(const char *path, const void *data, size_t n, unsigned mode, struct sc_err *err)
{
    sc_auto_free char *tmp = sc_xasprintf("%s.new", path);
    /* A leftover would keep its own mode, or be a link to elsewhere. */
    (void)unlink(tmp);
    int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
    if (fd < 0)
        return sc_fail_errno(err, errno, "create %s", tmp);
    int bad = write_all(fd, data, n) < 0 || fsync(fd) < 0;
    int saved = errno;
    if (close(fd) < 0 && !bad) {
        bad = 1;
        saved = errno;
    }
    if (!bad && rename(tmp, path) < 0) {
        bad = 1;
        saved = errno;
    }
    if (bad) {
        (void)unlink(tmp);
        return sc_fail_errno(err, saved, "write %s", path);
    }
    if (sync_folder(path) < 0)
        return sc_fail_errno(err, errno, "fsync the folder of %s", path);
    return SC_OK;
}

int sc_mkdirs(const char *path, struct sc_err *err)
{
    sc_auto_free char *p = sc_xstrdup(path);
    for (char *s = p + 1; *p; s++) {
        if (*s && *s != '/')
            continue;
        char was = *s;
        *s = 0;
        if (mkdir(p, 0700) < 0 && errno != EEXIST)
            return sc_fail_errno(err, errno, "create folder %s", p);
        *s = was;
        if (!was)
            break;
    }
    struct stat st;
    if (stat(path, &st) < 0)
        return sc_fail_errno(err, errno, "look at %s", path);
    if (!S_ISDIR(st.st_mode))
        return sc_fail(err, SC_EIO, "%s is not a folder", path);
    return SC_OK;
}

int sc_file_system_free(const char *path, int64_t *ret_bytes, struct sc_err *err)
{
    struct statvfs fs;
    if (statvfs(path, &fs) < 0)
        return sc_fail_errno(err, errno, "look at the file system of %s", path);
    uint64_t blocks = fs.f_bavail, size = fs.f_frsize ? fs.f_frsize : 1;
    *ret_bytes = blocks > INT64_MAX / size ? INT64_MAX : (int64_t)(blocks * size);
    return SC_OK;
}
