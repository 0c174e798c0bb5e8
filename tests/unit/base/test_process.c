#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sideclaw/file.h"
#include "sideclaw/process.h"

/* A child that does nothing, with this in its environment; it has begun when this returns. */
static pid_t child_of(const char *variable, const char *second)
{
    int began[2];
    char byte;
    cr_assert_eq(pipe2(began, O_CLOEXEC), 0); /* closed by the exec */
    pid_t pid = fork();
    if (pid == 0) {
        char *envp[] = { strdup(variable), second ? strdup(second) : NULL, NULL };
        (void)execle("/bin/sleep", "sleep", "60", (char *)NULL, envp);
        _exit(1);
    }
    cr_assert_gt(pid, 0);
    (void)close(began[1]);
    cr_assert_eq(read(began[0], &byte, 1), 0);
    (void)close(began[0]);
    return pid;
}

static void reap(pid_t pid)
{
    cr_assert_eq(kill(pid, SIGKILL), 0);
    cr_assert_eq(waitpid(pid, NULL, 0), pid);
}

Test(process, is_there_until_it_is_not)
{
    struct sc_process p;
    cr_assert_not(sc_process_get(0, &p));
    pid_t pid = child_of("A=1", NULL);
    cr_assert(sc_process_get(pid, &p));
    cr_assert_eq(p.pid, pid);
    cr_assert_gt(p.born, 0);
    cr_assert(p.age_ms > -1000 && p.age_ms < 60000, "%lld", (long long)p.age_ms);
    cr_assert(sc_process_again(&p));
    struct sc_process other = p;
    other.born--; /* the pid was another's before */
    cr_assert_not(sc_process_again(&other));
    reap(pid);
    cr_assert_not(sc_process_again(&p));
}

Test(process, nobody_collected_is_nobody_there)
{
    struct sc_process p;
    siginfo_t info;
    pid_t pid = child_of("A=1", NULL);
    cr_assert_eq(kill(pid, SIGKILL), 0);
    cr_assert_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    cr_assert_not(sc_process_get(pid, &p));
    cr_assert_eq(waitpid(pid, NULL, 0), pid);
}

Test(process, stopped_is_seen)
{
    struct sc_process p;
    int status;
    pid_t pid = child_of("A=1", NULL);
    cr_assert_eq(kill(pid, SIGSTOP), 0);
    cr_assert_eq(waitpid(pid, &status, WUNTRACED), pid);
    cr_assert(sc_process_get(pid, &p));
    cr_assert(p.stopped);
    cr_assert_eq(kill(pid, SIGCONT), 0);
    cr_assert_eq(waitpid(pid, &status, WCONTINUED), pid);
    cr_assert(sc_process_again(&p));
    cr_assert_not(p.stopped);
    reap(pid);
}

/* The child inherits a listening socket, and the parent closes it: only the child owns it. */
Test(process, the_owner_of_a_listening_socket)
{
    struct sc_process p;
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof in;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&in, sizeof in), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&in, &n), 0);
    cr_assert_not(sc_process_listens(ntohs(in.sin_port), &p), "bound is not listening");
    cr_assert_eq(listen(fd, 1), 0);
    pid_t pid = child_of("A=1", NULL);
    cr_assert_eq(close(fd), 0);
    cr_assert(sc_process_listens(ntohs(in.sin_port), &p));
    cr_assert_eq(p.pid, pid);
    reap(pid);
    cr_assert_not(sc_process_listens(ntohs(in.sin_port), &p));
}

/* A word in the command line is not enough: an editor that has its configuration open has it, too.
 */
Test(process, a_successor_is_of_the_same_kind)
{
    struct sc_process p, first;
    pid_t old = child_of("STATE=/home/jerry", NULL);
    cr_assert(sc_process_get(old, &first));
    struct sc_process_search what = { .text = "sleep 60",
                                      .after = first.born - 1,
                                      .variable = "STATE",
                                      .kind = sc_process_kind(old, "STATE") };
    cr_assert_neq(what.kind, 0);
    cr_assert(sc_process_find(&what, &p));
    cr_assert_eq(p.pid, old);
    reap(old);
    cr_assert_eq(sc_process_kind(old, "STATE"), 0, "gone");
    pid_t neighbour = child_of("STATE=/home/bobby", NULL);
    cr_assert_not(sc_process_find(&what, &p), "it lives elsewhere");
    pid_t reader = fork();
    if (reader == 0) {
        (void)execl("/bin/sh", "sh", "-c", "read x", "sleep 60", (char *)NULL);
        _exit(1);
    }
    cr_assert_not(sc_process_find(&what, &p), "another program");
    pid_t next = child_of("STATE=/home/jerry", NULL);
    cr_assert(sc_process_find(&what, &p));
    cr_assert_eq(p.pid, next);
    what.kind = 0;
    what.text = "sleep 61";
    cr_assert_not(sc_process_find(&what, &p), "no such word");
    reap(neighbour);
    reap(reader);
    reap(next);
}

Test(process, of_a_nomad_task)
{
    static const char alloc[] = "3f1c2a77-0000-4000-8000-5c1de0c1a0a1";
    struct sc_process p;
    pid_t other =
        child_of("NOMAD_ALLOC_ID=3f1c2a77-0000-4000-8000-5c1de0c1a0a1", "NOMAD_TASK_NAME=sidecar");
    cr_assert_not(sc_process_of_nomad(alloc, "gateway", &p));
    pid_t pid =
        child_of("NOMAD_ALLOC_ID=3f1c2a77-0000-4000-8000-5c1de0c1a0a1", "NOMAD_TASK_NAME=gateway");
    cr_assert(sc_process_of_nomad(alloc, "gateway", &p));
    cr_assert_eq(p.pid, pid);
    reap(pid);
    reap(other);
}

Test(process, a_pid_file)
{
    char path[] = "/tmp/sc-pid-XXXXXX";
    struct sc_err err = SC_ERR_INIT;
    int64_t pid;
    cr_assert_geq(close(mkstemp(path)), 0);
    cr_assert_eq(sc_file_write(path, "4711\n", 5, 0600, &err), SC_OK);
    cr_assert_eq(sc_process_read_pid(path, &pid, &err), SC_OK);
    cr_assert_eq(pid, 4711);
    cr_assert_eq(sc_file_write(path, "me\n", 3, 0600, &err), SC_OK);
    cr_assert_eq(sc_process_read_pid(path, &pid, &err), SC_EINVAL);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(sc_process_read_pid(path, &pid, &err), SC_ENOENT);
}
