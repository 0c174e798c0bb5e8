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

#include "sideclaw/mem.h"

/* One program, once in our life: asking every so often is simpler than sharing SIGCHLD. */
enum { LOOK_MS = 200 };

struct sc_spawn {
    pid_t pid;
    char *path, *part; /* part: the file while it is written */
    int64_t left_ms;
    struct sc_timer *timer;
    sc_spawn_fn *done;
    void *ctx;
};

static void spawn_free(struct sc_spawn *s)
{
    (void)unlink(s->part); /* gone already when it was renamed */
    sc_timer_free(s->timer);
    free(s->path);
    free(s->part);
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

static int judge(const struct sc_spawn *s, int status, struct sc_err *err)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
        return sc_fail(err, SC_EPROTO, "exit code %d", WEXITSTATUS(status));
    if (!WIFEXITED(status))
        return sc_fail(err, SC_EPROTO, "killed by signal %d", WTERMSIG(status));
    if (rename(s->part, s->path) < 0)
        return sc_fail(err, SC_EIO, "%s: %s", s->path, strerror(errno));
    return SC_OK;
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

/* 0, or an errno as posix_spawn returns it. */
static int launch(struct sc_spawn *s, const struct sc_spawn_request *req)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    (void)posix_spawn_file_actions_init(&files);
    (void)posix_spawnattr_init(&attr);
    (void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
    (void)posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, s->part,
                                           O_WRONLY | O_CREAT | O_TRUNC, 0600);
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

int sc_spawn_start(struct sc_loop *loop, const struct sc_spawn_request *req, sc_spawn_fn *done,
                   void *ctx, struct sc_spawn **ret, struct sc_err *err)
{
    struct sc_spawn *s = sc_xcalloc(1, sizeof *s);
    *s = (struct sc_spawn){ .left_ms = req->timeout_ms, .done = done, .ctx = ctx };
    s->path = sc_xstrdup(req->path);
    s->part = sc_xasprintf("%s.part", req->path);
    s->timer = sc_timer_new(loop, on_look, s);
    int r = launch(s, req);
    if (r != 0) {
        spawn_free(s);
        return sc_fail(err, r == ENOENT ? SC_ENOENT : SC_EIO, "%s: %s", req->argv[0], strerror(r));
    }
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
