/* Another program, once: its answer in a file, its end bounded, and nothing of it left behind. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sideclaw/clock.h"
#include "sideclaw/file.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "sideclaw/process.h"
#include "sideclaw/spawn.h"

struct fixture {
    struct sc_loop *loop;
    char folder[64], path[80];
    struct sc_spawn *spawn;
    int calls;
    bool went_well;
    struct sc_err err;
    int fds; /* open before */
};

static int open_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;
    cr_assert(d);
    while (readdir(d))
        n++;
    (void)closedir(d);
    return n;
}

static struct fixture start(void)
{
    struct sc_err err = SC_ERR_INIT;
    struct fixture f = { .folder = "/tmp/sc_spawn.XXXXXX", .err = SC_ERR_INIT };
    cr_assert(mkdtemp(f.folder));
    (void)snprintf(f.path, sizeof f.path, "%s/out", f.folder);
    f.loop = sc_loop_new(&err);
    cr_assert(f.loop);
    f.fds = open_fds();
    return f;
}

static int files_in(const char *folder)
{
    DIR *d = opendir(folder);
    int n = -2; /* . and .. */
    cr_assert(d);
    while (readdir(d))
        n++;
    (void)closedir(d);
    return n;
}

static void end(struct fixture *f)
{
    bool there = access(f->path, F_OK) == 0;
    cr_assert_eq(open_fds(), f->fds, "no descriptor is left");
    cr_assert_eq(waitpid(-1, NULL, WNOHANG), -1, "no child is left");
    cr_assert_eq(errno, ECHILD);
    cr_assert_eq(files_in(f->folder), there ? 1 : 0, "nothing half written is left");
    (void)unlink(f->path);
    cr_assert_eq(rmdir(f->folder), 0);
    sc_loop_free(f->loop);
}

static void on_done(void *ctx, const struct sc_err *err)
{
    struct fixture *f = ctx;
    f->spawn = NULL;
    f->calls++;
    f->went_well = !err;
    if (err)
        f->err = *err;
}

static void turn_until(struct fixture *f, bool (*over)(const struct fixture *f))
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_clock c = sc_clock_system();
    for (int64_t last = sc_clock_mono(&c).ms + 60000; !over(f);) {
        cr_assert_lt(sc_clock_mono(&c).ms, last, "it is over within a minute");
        cr_assert_eq(sc_loop_turn(f->loop, 20, &err), SC_OK);
    }
}

static bool ended(const struct fixture *f)
{
    return f->calls > 0;
}

static int launch(struct fixture *f, const char *const *argv, int64_t timeout_ms)
{
    static char path[] = "PATH=/usr/bin:/bin", word[] = "WORD=from us";
    char *const envp[] = { path, word, NULL };
    const struct sc_spawn_request req = {
        .argv = argv, .envp = envp, .path = f->path, .timeout_ms = timeout_ms
    };
    f->calls = 0;
    return sc_spawn_start(f->loop, &req, on_done, f, &f->spawn, &f->err);
}

static void start_shell(struct fixture *f, const char *script, int64_t timeout_ms)
{
    const char *const argv[] = { "sh", "-c", script, NULL };
    cr_assert_eq(launch(f, argv, timeout_ms), SC_OK, "%s", f->err.text);
    cr_assert_eq(f->calls, 0, "never before it has returned");
}

static void shell(struct fixture *f, const char *script, int64_t timeout_ms)
{
    start_shell(f, script, timeout_ms);
    turn_until(f, ended);
    cr_assert_eq(f->calls, 1);
}

static void assert_file(const struct fixture *f, const char *want)
{
    sc_auto_buf struct sc_buf got = SC_BUF_INIT;
    struct sc_err err = SC_ERR_INIT;
    struct stat st;
    cr_assert_eq(sc_file_read(f->path, 1 << 20, &got, &err), SC_OK, "%s", err.text);
    cr_assert_str_eq(sc_buf_str(&got), want);
    cr_assert_eq(stat(f->path, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600);
}

Test(spawn, what_it_prints_is_in_the_file)
{
    struct fixture f = start();
    shell(&f, "echo \"hello $WORD\"; echo noise >&2", 60000);
    cr_assert(f.went_well, "%s", f.err.text);
    assert_file(&f, "hello from us\n");
    end(&f);
}

Test(spawn, another_exit_code_leaves_the_file_as_it_was)
{
    struct fixture f = start();
    shell(&f, "echo good", 60000);
    shell(&f, "echo half; exit 3", 60000);
    cr_assert_not(f.went_well);
    cr_assert(strstr(f.err.text, "exit code 3"), "%s", f.err.text);
    assert_file(&f, "good\n");
    end(&f);
}

Test(spawn, killed_is_a_failure)
{
    struct fixture f = start();
    shell(&f, "kill -TERM $$", 60000);
    cr_assert_not(f.went_well);
    cr_assert(strstr(f.err.text, "signal 15"), "%s", f.err.text);
    end(&f);
}

Test(spawn, there_is_no_such_program)
{
    struct fixture f = start();
    const char *const argv[] = { "sideclaw-has-no-such-program", NULL };
    cr_assert_eq(launch(&f, argv, 1000), SC_ENOENT);
    cr_assert(strstr(f.err.text, argv[0]), "%s", f.err.text);
    cr_assert_null(f.spawn);
    end(&f);
}

static bool wrote_pid(const struct fixture *f)
{
    char path[96];
    int64_t pid;
    struct sc_err err = SC_ERR_INIT;
    (void)snprintf(path, sizeof path, "%s/pid", f->folder);
    return ended(f) || sc_process_read_pid(path, &pid, &err) == SC_OK;
}

/* The pid of the child's own child, which sleeps. */
static int64_t take_grandchild(const struct fixture *f)
{
    char path[96];
    int64_t pid = 0;
    struct sc_err err = SC_ERR_INIT;
    (void)snprintf(path, sizeof path, "%s/pid", f->folder);
    cr_assert_eq(sc_process_read_pid(path, &pid, &err), SC_OK, "%s", err.text);
    cr_assert_eq(unlink(path), 0);
    return pid;
}

static bool is_gone(int64_t pid)
{
    struct sc_process p;
    return !sc_process_get(pid, &p);
}

static void assert_gone(int64_t pid)
{
    struct sc_clock c = sc_clock_system();
    for (int64_t last = sc_clock_mono(&c).ms + 10000; !is_gone(pid);)
        cr_assert_lt(sc_clock_mono(&c).ms, last, "process %lld is gone", (long long)pid);
}

#define WITH_CHILD "sleep 600 & echo $! >\"$0.tmp\"; mv \"$0.tmp\" \"$0\"; echo half; wait"

static void start_family(struct fixture *f, int64_t timeout_ms)
{
    char pid_file[96];
    (void)snprintf(pid_file, sizeof pid_file, "%s/pid", f->folder);
    const char *const argv[] = { "sh", "-c", WITH_CHILD, pid_file, NULL };
    cr_assert_eq(launch(f, argv, timeout_ms), SC_OK, "%s", f->err.text);
    turn_until(f, wrote_pid);
}

Test(spawn, what_takes_too_long_is_killed_with_its_children)
{
    struct fixture f = start();
    struct sc_clock c = sc_clock_system();
    int64_t began = sc_clock_mono(&c).ms;
    start_family(&f, 2000);
    turn_until(&f, ended);
    cr_assert_not(f.went_well);
    cr_assert_eq(f.err.code, SC_ETIMEDOUT, "%s", f.err.text);
    cr_assert_geq(sc_clock_mono(&c).ms - began, 1900, "not before its time");
    assert_gone(take_grandchild(&f));
    end(&f);
}

Test(spawn, cancelled_it_is_killed_with_its_children_and_says_nothing)
{
    struct fixture f = start();
    start_family(&f, 60000);
    sc_spawn_cancel(sc_steal(&f.spawn));
    assert_gone(take_grandchild(&f));
    cr_assert_eq(f.calls, 0);
    sc_spawn_cancel(NULL);
    end(&f);
}

/* A daemon it leaves behind holds its output open, and is nobody we wait for. */
Test(spawn, a_background_process_does_not_hold_up_the_end)
{
    struct fixture f = start();
    char pid_file[96];
    (void)snprintf(pid_file, sizeof pid_file, "%s/pid", f.folder);
    const char *const argv[] = { "sh", "-c", "sleep 600 & echo $! >\"$0\"; echo all", pid_file,
                                 NULL };
    cr_assert_eq(launch(&f, argv, 60000), SC_OK, "%s", f.err.text);
    turn_until(&f, ended);
    cr_assert(f.went_well, "%s", f.err.text);
    assert_file(&f, "all\n");
    cr_assert_eq(kill((pid_t)take_grandchild(&f), SIGKILL), 0);
    end(&f);
}

Test(spawn, much_output_arrives_whole)
{
    struct fixture f = start();
    struct stat st;
    shell(&f, "head -c 200000 /dev/zero | tr '\\0' x", 60000); /* more than a pipe holds */
    cr_assert(f.went_well, "%s", f.err.text);
    cr_assert_eq(stat(f.path, &st), 0);
    cr_assert_eq(st.st_size, 200000);
    end(&f);
}

Test(spawn, who_never_stops_printing_is_killed)
{
    struct fixture f = start();
    shell(&f, "yes", 60000);
    cr_assert_not(f.went_well);
    cr_assert_eq(f.err.code, SC_ETOOBIG, "%s", f.err.text);
    cr_assert_neq(access(f.path, F_OK), 0);
    end(&f);
}

/* A daemon ignores and blocks signals that a program of others does not expect to be deaf to. */
Test(spawn, it_is_as_sensitive_as_from_a_shell)
{
    struct fixture f = start();
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigprocmask(SIG_BLOCK, &all, &before);
    start_shell(&f, "kill -PIPE $$; echo deaf", 60000);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    turn_until(&f, ended);
    cr_assert_not(f.went_well);
    cr_assert(strstr(f.err.text, "signal 13"), "%s", f.err.text);
    end(&f);
}

Test(spawn, it_has_none_of_our_descriptors)
{
    for (int fd = 3; fd < 256; fd++)
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC); /* Criterion's, which no rule of ours binds */
    struct fixture f = start();
    shell(&f, "ls /proc/$$/fd | tr '\\n' ' '", 60000);
    cr_assert(f.went_well, "%s", f.err.text);
    sc_auto_buf struct sc_buf got = SC_BUF_INIT;
    cr_assert_eq(sc_file_read(f.path, 4096, &got, &f.err), SC_OK);
    cr_assert_eq(strncmp(sc_buf_str(&got), "0 1 2 ", 6), 0, "%s", sc_buf_str(&got));
    cr_assert_leq(got.n, 9, "and at most one that the shell opened itself: %s", sc_buf_str(&got));
    end(&f);
}
