#include "sideclaw/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sideclaw/buf.h"
#include "sideclaw/file.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"

/* One program, once in our life: asking every so often is simpler than sharing SIGCHLD. */
enum { LOOK_MS = 200 };

struct sc_spawn {
    pid_t pid;
    char *path;
    int fd;           /* the end of the pipe that we read; -1 when nobody writes any more */
    struct sc_io *io; /* a full pipe would stop it between two looks */
    struct sc_buf out;
    int64_t left_ms;
    struct sc_timer *timer;
    sc_spawn_fn *done;
    void *ctx;
};

static void pipe_close(struct sc_spawn *s)
{
    sc_io_free(sc_steal(&s->io));
    if (s->fd >= 0)
        (void)close(s->fd);
    s->fd = -1;
}

static void spawn_free(struct sc_spawn *s)
{
    pipe_close(s);
    sc_timer_free(s->timer);
    sc_buf_fini(&s->out);
    free(s->path);
    free(s);
}

static void kill_it(const struct sc_spawn *s)
{
    int status;
    (void)kill(-s->pid, SIGKILL); /* its own process group */
    (void)waitpid(s->pid, &status, 0);
}

static void end(struct sc_spawn *s, const struct sc_err *err)
{
    sc_spawn_fn *done = s->done;
    void *ctx = s->ctx;
    spawn_free(s);
    done(ctx, err);
}

/* What is there by now. */
static int read_output(struct sc_spawn *s, struct sc_err *err)
{
    char block[16 * 1024];
    ssize_t n;
    while (s->fd >= 0 && (n = read(s->fd, block, sizeof block)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) /* EAGAIN; the kernel knows no other error of a pipe */
            return SC_OK;
        if (s->out.n + (size_t)n > SC_SPAWN_OUTPUT_MAX)
            return sc_fail(err, SC_ETOOBIG, "it printed more than %d bytes and was killed",
                           SC_SPAWN_OUTPUT_MAX);
        sc_buf_add(&s->out, block, (size_t)n);
    }
    pipe_close(s);
    return SC_OK;
}

static int judge(struct sc_spawn *s, int status, struct sc_err *err)
{
    int r = read_output(s, err);
    if (r < 0)
        return r;
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
        return sc_fail(err, SC_EPROTO, "exit code %d", WEXITSTATUS(status));
    if (!WIFEXITED(status))
        return sc_fail(err, SC_EPROTO, "killed by signal %d", WTERMSIG(status));
    return sc_file_write(s->path, sc_buf_str(&s->out), s->out.n, 0600, err);
}

static void on_output(void *ctx, int fd, int what)
{
    struct sc_spawn *s = ctx;
    struct sc_err err = SC_ERR_INIT;
    (void)fd;
    (void)what;
    if (read_output(s, &err) == SC_OK)
        return;
    kill_it(s);
    end(s, &err);
}

static void on_look(void *ctx)
{
    struct sc_spawn *s = ctx;
    struct sc_err err = SC_ERR_INIT;
    int status = 0;
    s->left_ms -= LOOK_MS;
    pid_t r = waitpid(s->pid, &status, WNOHANG);
    if (r == s->pid) {
        end(s, judge(s, status, &err) == SC_OK ? NULL : &err);
    } else if (r < 0) {
        (void)sc_fail(&err, SC_EIO, "waitpid: %s", strerror(errno));
        end(s, &err);
    } else if (s->left_ms <= 0) {
        kill_it(s);
        (void)sc_fail(&err, SC_ETIMEDOUT, "it took too long and was killed");
        end(s, &err);
    } else {
        sc_timer_arm(s->timer, LOOK_MS);
    }
}

/* We ignore SIGPIPE, and may have blocked others: it must not inherit that. */
static void set_attributes(posix_spawnattr_t *attr)
{
    sigset_t none, all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                             POSIX_SPAWN_SETSIGDEF);
    (void)posix_spawnattr_setsigmask(attr, &none);
    (void)posix_spawnattr_setsigdefault(attr, &all);
}

/* 0, or an errno as posix_spawn returns it. */
static int launch(struct sc_spawn *s, const struct sc_spawn_request *req, int out)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    (void)posix_spawn_file_actions_init(&files);
    (void)posix_spawnattr_init(&attr);
    set_attributes(&attr);
    (void)posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    (void)posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    union {
        const char *const *borrowed;
        char *const *argv;
    } words = { .borrowed = req->argv }; /* posix_spawn changes no argument, but says so nowhere */
    int r = posix_spawnp(&s->pid, req->argv[0], &files, &attr, words.argv, req->envp);
    (void)posix_spawnattr_destroy(&attr);
    (void)posix_spawn_file_actions_destroy(&files);
    return r;
}

/* The same, with a pipe to what it prints. */
static int launch_piped(struct sc_spawn *s, const struct sc_spawn_request *req)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return errno;
    s->fd = ends[0];
    int flags = fcntl(s->fd, F_GETFL);
    int r = fcntl(s->fd, F_SETFL, flags | O_NONBLOCK) < 0 ? errno : launch(s, req, ends[1]);
    (void)close(ends[1]);
    return r;
}

int sc_spawn_start(struct sc_loop *loop, const struct sc_spawn_request *req, sc_spawn_fn *done,
                   void *ctx, struct sc_spawn **ret, struct sc_err *err)
{
    struct sc_spawn *s = sc_xcalloc(1, sizeof *s);
    *s = (struct sc_spawn){ .fd = -1, .left_ms = req->timeout_ms, .done = done, .ctx = ctx };
    s->path = sc_xstrdup(req->path);
    s->timer = sc_timer_new(loop, on_look, s);
    int r = launch_piped(s, req);
    if (r != 0) {
        spawn_free(s);
        return sc_fail(err, r == ENOENT ? SC_ENOENT : SC_EIO, "%s: %s", req->argv[0], strerror(r));
    }
    s->io = sc_io_new(loop, s->fd, SC_IO_READ, on_output, s);
    sc_timer_arm(s->timer, LOOK_MS);
    *ret = s;
    return SC_OK;
}

void sc_spawn_cancel(struct sc_spawn *s)
{
    if (!s)
        return;
    kill_it(s);
    spawn_free(s);
}
