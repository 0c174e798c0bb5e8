/* The write-ahead log before SQLite sees it. SQLite takes what it can use of a log and forgets the
 * rest without a word, also when the rest was committed and told to somebody. What a crash leaves
 * is no damage: an end that was being written. A log that is gone, or broken before transactions
 * that were synced, is.
 * Source: sqlite.org/fileformat2.html, "The Write-Ahead Log". */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sideclaw/mem.h"
#include "spool_internal.h"

enum {
    HEADER = 32,
    FRAME_HEADER = 24,
    PAGE_MIN = 512,
    PAGE_MAX = 65536,
    MAGIC = 0x377f0682, /* the lowest bit: checksums read words as big-endian */
};

struct wal {
    int fd;
    bool big_endian;
    uint32_t page, salt[2], sum[2];
    uint8_t *frame; /* its header and its page */
    off_t at;
};

static uint32_t big(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t little(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static void add_to_sum(struct wal *w, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i += 8) {
        uint32_t a = w->big_endian ? big(p + i) : little(p + i);
        uint32_t b = w->big_endian ? big(p + i + 4) : little(p + i + 4);
        w->sum[0] += a + w->sum[1];
        w->sum[1] += b + w->sum[0];
    }
}

static bool read_whole(const struct wal *w, uint8_t *p, size_t n, off_t at)
{
    size_t done = 0;
    while (done < n) {
        ssize_t r = pread(w->fd, p + done, n - done, at + (off_t)done);
        if (r <= 0)
            return false;
        done += (size_t)r;
    }
    return true;
}

/* False: nothing of this log can be used. */
static bool read_header(struct wal *w)
{
    uint8_t h[HEADER];
    if (!read_whole(w, h, sizeof h, 0) || (big(h) & ~1U) != MAGIC)
        return false;
    w->big_endian = big(h) & 1;
    w->page = big(h + 8);
    w->salt[0] = big(h + 16);
    w->salt[1] = big(h + 20);
    add_to_sum(w, h, 24);
    return w->page >= PAGE_MIN && w->page <= PAGE_MAX && w->sum[0] == big(h + 24) &&
           w->sum[1] == big(h + 28);
}

static bool next_frame(struct wal *w)
{
    if (!read_whole(w, w->frame, FRAME_HEADER + w->page, w->at))
        return false;
    w->at += FRAME_HEADER + (off_t)w->page;
    return true;
}

static bool is_of_this_log(const struct wal *w)
{
    return big(w->frame + 8) == w->salt[0] && big(w->frame + 12) == w->salt[1];
}

static bool is_good(struct wal *w)
{
    add_to_sum(w, w->frame, 8);
    add_to_sum(w, w->frame + FRAME_HEADER, w->page);
    return is_of_this_log(w) && w->sum[0] == big(w->frame + 16) && w->sum[1] == big(w->frame + 20);
}

static bool ends_transaction(const struct wal *w)
{
    return big(w->frame + 4) != 0;
}

/* Transactions behind the first frame that is not good. The first of them may be what was being
 * written when the machine stopped; before a second one began, it was synced. */
static int lost_transactions(struct wal *w)
{
    int lost = 0;
    w->at = HEADER;
    while (next_frame(w) && is_good(w))
        ;
    while (next_frame(w))
        lost += is_of_this_log(w) && ends_transaction(w);
    return lost > 1 ? lost : 0;
}

static int damaged(const char *name, const char *how, struct sc_err *err)
{
    (void)sc_fail(err, SC_EIO, "the spool's log %s is damaged: %s", name, how);
    return sc_err_remedy(err, "keep a copy of all three files; to go on without what the log held, "
                              "remove it and its -shm");
}

static int look(const char *name, int fd, off_t size, struct sc_err *err)
{
    struct wal w = { .fd = fd };
    char how[64];
    if (!read_header(&w))
        return size > HEADER + FRAME_HEADER ? damaged(name, "its beginning cannot be read", err)
                                            : SC_OK; /* nothing was ever in it */
    w.frame = sc_xmalloc(FRAME_HEADER + w.page);
    int lost = lost_transactions(&w);
    free(w.frame);
    (void)snprintf(how, sizeof how, "%d transactions behind a broken one", lost);
    return lost ? damaged(name, how, err) : SC_OK;
}

/* SQLite makes the log before its index, and removes it after: an index alone is what somebody
 * left. */
static int is_gone(const char *path, const char *name, struct sc_err *err)
{
    sc_auto_free char *index = sc_xasprintf("%s-shm", path);
    if (access(index, F_OK) < 0)
        return SC_OK;
    (void)sc_fail(err, SC_EIO, "the spool's log %s is gone, and with it the latest messages", name);
    return sc_err_remedy(err, "put it back; to go on without what it held, remove %.120s", index);
}

int sc_spool_wal_check(const char *path, struct sc_err *err)
{
    sc_auto_free char *name = sc_xasprintf("%s-wal", path);
    struct stat st;
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? is_gone(path, name, err)
                               : sc_fail_errno(err, errno, "cannot open %s", name);
    int r = fstat(fd, &st) == 0 ? look(name, fd, st.st_size, err)
                                : sc_fail_errno(err, errno, "%s", name);
    (void)close(fd); /* it was only read */
    return r;
}
