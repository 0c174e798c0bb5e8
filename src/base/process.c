#include "sideclaw/process.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sideclaw/buf.h"
#include "sideclaw/file.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

enum {
    STAT_MAX = 4096,
    TEXT_MAX = 64 * 1024,        /* of a command line or an environment we look at */
    TABLE_MAX = 8 * 1024 * 1024, /* /proc/net/tcp of a busy machine */
    SOCKETS_MAX = 16             /* that listen on one port: one per address, or SO_REUSEPORT */
};

/* A file of /proc/<pid>/, NULs and all; false when it is gone or not ours to read. */
static bool slurp(const char *path, size_t max, struct sc_buf *ret)
{
    char block[4096];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n;
    while (ret->n < max && (n = read(fd, block, sizeof block)) > 0)
        sc_buf_add(ret, block, (size_t)n);
    (void)close(fd);
    return ret->n > 0;
}

static bool slurp_of(int64_t pid, const char *what, size_t max, struct sc_buf *ret)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%" PRId64 "/%s", pid, what);
    return slurp(path, max, ret);
}

/* Field `index` of what follows the name in /proc/<pid>/stat; the name may hold blanks and
 * brackets, so it is skipped from behind. */
static const char *stat_field(const char *stat, int index)
{
    const char *p = strrchr(stat, ')');
    for (int i = 0; p && i <= index; i++)
        p = (p = strchr(p, ' ')) ? p + 1 : NULL;
    return p;
}

static int64_t uptime_ms(void)
{
    struct timespec t;
    return clock_gettime(CLOCK_BOOTTIME, &t) == 0 ? t.tv_sec * 1000 + t.tv_nsec / 1000000 : 0;
}

bool sc_process_get(int64_t pid, struct sc_process *ret)
{
    enum { STATE = 0, BORN = 19 }; /* fields 3 and 22 of proc(5) */
    sc_auto_buf struct sc_buf stat = SC_BUF_INIT;
    long hz = sysconf(_SC_CLK_TCK);
    if (pid <= 0 || hz <= 0 || !slurp_of(pid, "stat", STAT_MAX, &stat))
        return false;
    const char *state = stat_field(sc_buf_str(&stat), STATE);
    const char *born = stat_field(sc_buf_str(&stat), BORN);
    if (!state || !born || *state == 'Z' || *state == 'X')
        return false;
    *ret = (struct sc_process){ .pid = pid,
                                .born = strtoull(born, NULL, 10),
                                .stopped = *state == 'T' || *state == 't' };
    ret->age_ms = uptime_ms() - (int64_t)(ret->born * 1000 / (uint64_t)hz);
    return true;
}

bool sc_process_again(struct sc_process *p)
{
    struct sc_process now;
    if (!sc_process_get(p->pid, &now) || now.born != p->born)
        return false;
    *p = now;
    return true;
}

int sc_process_read_pid(const char *path, int64_t *ret, struct sc_err *err)
{
    char *line = NULL;
    int r = sc_file_read_line(path, 64, &line, err);
    if (r < 0)
        return r;
    r = sc_parse_i64(line, 1, INT32_MAX, ret, err);
    free(line);
    return r;
}

/* ---- all of them ---- */

/* true: this is it. */
typedef bool visit_fn(void *ctx, int64_t pid);

static bool each_process(visit_fn *fn, void *ctx)
{
    DIR *proc = opendir("/proc");
    bool found = false;
    if (!proc)
        return false;
    const struct dirent *e;
    while (!found && (e = readdir(proc))) {
        int64_t pid;
        if (isdigit((unsigned char)e->d_name[0]) &&
            sc_parse_i64(e->d_name, 1, INT32_MAX, &pid, NULL) == SC_OK && pid != getpid())
            found = fn(ctx, pid);
    }
    (void)closedir(proc);
    return found;
}

/* ---- who listens ---- */

struct listeners {
    int64_t inodes[SOCKETS_MAX];
    size_t n;
    struct sc_process *ret;
};

enum { WORD_SIZE = 64 };

/* The n-th word of a line, from 0; "" when it has fewer. */
static void word_at(const char *line, size_t n, char ret[WORD_SIZE])
{
    static const char blank[] = " \t";
    const char *w = line + strspn(line, blank);
    for (; n > 0; n--) {
        w += strcspn(w, " \t\n");
        w += strspn(w, blank);
    }
    (void)snprintf(ret, WORD_SIZE, "%.*s", (int)strcspn(w, " \t\n"), w);
}

static unsigned long hex(const char *s)
{
    return strtoul(s, NULL, 16);
}

/* "  0: 0100007F:4965 00000000:0000 0A ...": who listens has a state of 10. */
static void take_socket(struct listeners *l, const char *line, uint16_t port)
{
    enum { LOCAL = 1, STATE = 3, INODE = 9, LISTEN = 0x0A };
    char local[WORD_SIZE], state[WORD_SIZE], inode[WORD_SIZE];
    int64_t number;
    word_at(line, LOCAL, local);
    word_at(line, STATE, state);
    word_at(line, INODE, inode);
    const char *colon = strrchr(local, ':');
    if (colon && hex(colon + 1) == port && hex(state) == LISTEN && l->n < SOCKETS_MAX &&
        sc_parse_i64(inode, 1, INT64_MAX, &number, NULL) == SC_OK)
        l->inodes[l->n++] = number;
}

static void read_sockets(struct listeners *l, const char *path, uint16_t port)
{
    sc_auto_buf struct sc_buf table = SC_BUF_INIT;
    if (!slurp(path, TABLE_MAX, &table))
        return;
    const char *line = sc_buf_str(&table);
    while (line && *line) {
        take_socket(l, line, port);
        line = (line = strchr(line, '\n')) ? line + 1 : NULL;
    }
}

/* A descriptor's target: "socket:[INODE]". */
static bool is_one(const struct listeners *l, const char *target)
{
    static const char before[] = "socket:[";
    char number[WORD_SIZE];
    int64_t inode;
    if (strncmp(target, before, sizeof before - 1) != 0)
        return false;
    target += sizeof before - 1;
    (void)snprintf(number, sizeof number, "%.*s", (int)strcspn(target, "]"), target);
    if (sc_parse_i64(number, 1, INT64_MAX, &inode, NULL) < 0)
        return false;
    for (size_t i = 0; i < l->n; i++)
        if (l->inodes[i] == inode)
            return true;
    return false;
}

static bool owns_one(void *ctx, int64_t pid)
{
    struct listeners *l = ctx;
    char path[64], target[64];
    bool found = false;
    (void)snprintf(path, sizeof path, "/proc/%" PRId64 "/fd", pid);
    DIR *fds = opendir(path);
    if (!fds)
        return false;
    const struct dirent *e;
    while (!found && (e = readdir(fds))) {
        ssize_t n = readlinkat(dirfd(fds), e->d_name, target, sizeof target - 1);
        target[n > 0 ? n : 0] = 0;
        found = n > 0 && is_one(l, target);
    }
    (void)closedir(fds);
    return found && sc_process_get(pid, l->ret);
}

bool sc_process_listens(uint16_t port, struct sc_process *ret)
{
    struct listeners l = { .ret = ret };
    read_sockets(&l, "/proc/net/tcp", port);
    read_sockets(&l, "/proc/net/tcp6", port);
    return l.n > 0 && each_process(owns_one, &l);
}

/* ---- by what it was started with ---- */

/* FNV-1a, with the NUL, so that "a" "bc" is not "ab" "c". */
static uint64_t mix(uint64_t hash, const char *text)
{
    do
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    while (*text++);
    return hash;
}

/* The value in an environment block; NULL without it. */
static const char *variable_of(struct sc_buf *env, const char *name)
{
    size_t n = strlen(name);
    (void)sc_buf_str(env); /* ends the last one, should it have been cut */
    for (size_t at = 0; at < env->n; at += strlen(env->p + at) + 1)
        if (strncmp(env->p + at, name, n) == 0 && env->p[at + n] == '=')
            return env->p + at + n + 1;
    return NULL;
}

uint64_t sc_process_kind(int64_t pid, const char *variable)
{
    char path[64], exe[4096];
    sc_auto_buf struct sc_buf env = SC_BUF_INIT;
    (void)snprintf(path, sizeof path, "/proc/%" PRId64 "/exe", pid);
    ssize_t n = readlink(path, exe, sizeof exe - 1);
    if (n <= 0)
        return 0;
    exe[n] = 0;
    const char *slash = strrchr(exe, '/');
    const char *value = slurp_of(pid, "environ", TEXT_MAX, &env) ? variable_of(&env, variable) : "";
    return mix(mix(UINT64_C(0xcbf29ce484222325), slash ? slash + 1 : exe), value ? value : "");
}

struct search {
    const struct sc_process_search *what;
    struct sc_process best;
};

static bool is_of_kind(const struct sc_process_search *what, int64_t pid)
{
    return !what->kind || sc_process_kind(pid, what->variable) == what->kind;
}

/* Of wrapper, launcher and gateway the youngest is the gateway; its own helpers come and go, and
 * one more look finds it again. */
static bool matches(void *ctx, int64_t pid)
{
    struct search *s = ctx;
    struct sc_process p;
    sc_auto_buf struct sc_buf line = SC_BUF_INIT;
    if (!slurp_of(pid, "cmdline", TEXT_MAX, &line))
        return false;
    for (size_t i = 0; i < line.n; i++)
        if (!line.p[i])
            line.p[i] = ' ';
    if (strstr(sc_buf_str(&line), s->what->text) && sc_process_get(pid, &p) &&
        p.born > s->what->after && p.born > s->best.born && is_of_kind(s->what, pid))
        s->best = p;
    return false;
}

bool sc_process_find(const struct sc_process_search *what, struct sc_process *ret)
{
    struct search s = { .what = what };
    (void)each_process(matches, &s);
    if (s.best.pid)
        *ret = s.best;
    return s.best.pid != 0;
}

struct nomad_task {
    char *group; /* as it stands in the cgroup */
    const char *alloc, *task;
    struct sc_process *ret;
};

static bool is_of_task(void *ctx, int64_t pid)
{
    const struct nomad_task *t = ctx;
    sc_auto_buf struct sc_buf groups = SC_BUF_INIT, env = SC_BUF_INIT;
    bool is = slurp_of(pid, "cgroup", TEXT_MAX, &groups) && strstr(sc_buf_str(&groups), t->group);
    if (!is && slurp_of(pid, "environ", TEXT_MAX, &env))
        is = sc_streq(variable_of(&env, "NOMAD_ALLOC_ID"), t->alloc) &&
             sc_streq(variable_of(&env, "NOMAD_TASK_NAME"), t->task);
    return is && sc_process_get(pid, t->ret);
}

bool sc_process_of_nomad(const char *alloc, const char *task, struct sc_process *ret)
{
    struct nomad_task t = {
        .group = sc_xasprintf("%s.%s", alloc, task), .alloc = alloc, .task = task, .ret = ret
    };
    bool found = each_process(is_of_task, &t);
    free(t.group);
    return found;
}
