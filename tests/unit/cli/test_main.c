#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../src/cli/command.h"
#include "sideclaw/buf.h"
#include "sideclaw/file.h"
#include "sideclaw/mem.h"
#include "support/words.h"

static char folder[] = "/tmp/sc-cli-XXXXXX";
static char path[64], out_file[64], err_file[64];
static pid_t daemon_pid;

static void setup(void)
{
    cr_assert(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/s", folder);
    (void)snprintf(out_file, sizeof out_file, "%s/out", folder);
    (void)snprintf(err_file, sizeof err_file, "%s/err", folder);
}

static void teardown(void)
{
    char command[64];
    if (daemon_pid > 0) {
        (void)kill(daemon_pid, SIGKILL);
        (void)waitpid(daemon_pid, NULL, 0);
    }
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}
TestSuite(cli, .init = setup, .fini = teardown);

/* A daemon that takes one line and gives this answer, in two parts; NULL: it hangs up. */
static void serve(const char *answer)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    (void)snprintf(sun.sun_path, sizeof sun.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&sun, sizeof sun), 0);
    cr_assert_eq(listen(fd, 4), 0);
    daemon_pid = fork();
    if (daemon_pid == 0) {
        int c = accept(fd, NULL, NULL);
        char line[65536];
        size_t n = 0;
        while (n < sizeof line && (n == 0 || line[n - 1] != '\n')) {
            ssize_t got = read(c, line + n, sizeof line - n);
            if (got <= 0)
                _exit(1);
            n += (size_t)got;
        }
        struct sc_err err = SC_ERR_INIT;
        char request[80];
        (void)snprintf(request, sizeof request, "%s/request", folder);
        (void)!sc_file_write(request, line, n, 0600, &err);
        if (answer) {
            size_t half = strlen(answer) / 2;
            (void)!write(c, answer, half);
            (void)!write(c, answer + half, strlen(answer) - half);
            (void)!write(c, "\n", 1);
        }
        _exit(0);
    }
    (void)close(fd);
}

static char *content(const char *file)
{
    struct sc_buf b = SC_BUF_INIT;
    struct sc_err err = SC_ERR_INIT;
    cr_assert_eq(sc_file_read(file, 1 << 20, &b, &err), SC_OK, "%s", err.text);
    return sc_buf_steal(&b);
}

/* Runs the program with its output in files. */
static int run(char **argv, char *const *envp)
{
    int argc = 0;
    while (argv[argc])
        argc++;
    (void)fflush(NULL);
    int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
    int to_out = open(out_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int to_err = open(err_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    (void)dup2(to_out, STDOUT_FILENO);
    (void)dup2(to_err, STDERR_FILENO);
    int code = sc_cli_main(argc, argv, envp);
    (void)fflush(NULL);
    (void)dup2(out, STDOUT_FILENO);
    (void)dup2(err, STDERR_FILENO);
    (void)close(out);
    (void)close(err);
    (void)close(to_out);
    (void)close(to_err);
    return code;
}

static void expect(char **argv, int code, const char *out, const char *err)
{
    cr_assert_eq(run(argv, NULL), code);
    sc_auto_free char *got_out = content(out_file), *got_err = content(err_file);
    cr_assert(strstr(got_out, out), "no \"%s\" in:\n%s%s", out, got_out, got_err);
    cr_assert(strstr(got_err, err), "no \"%s\" in:\n%s", err, got_err);
}

Test(cli, help_names_every_command)
{
    cr_assert_eq(run(WORDS("sideclaw", "--help"), NULL), SC_EXIT_OK);
    sc_auto_free char *out = content(out_file);
    for (const struct sc_command *c = sc_commands; c->name; c++) {
        cr_assert(strstr(out, c->name), "%s", c->name);
        cr_assert(c->summary && c->usage && c->flags && c->run, "%s", c->name);
    }
    expect(WORDS("sideclaw", "help", "ask"), SC_EXIT_OK, "--timeout S", "");
    expect(WORDS("sideclaw", "ask", "--help"), SC_EXIT_OK, "examples:", "");
}

Test(cli, mistakes_of_usage_are_exit_2)
{
    expect(WORDS("sideclaw"), SC_EXIT_USAGE, "", "usage:");
    expect(WORDS("sideclaw", "sned"), SC_EXIT_USAGE, "", "did you mean 'send'?");
    expect(WORDS("sideclaw", "--nope", "send"), SC_EXIT_USAGE, "", "--nope");
    expect(WORDS("sideclaw", "--socket"), SC_EXIT_USAGE, "", "--socket PATH");
    expect(WORDS("sideclaw", "send", "hi"), SC_EXIT_USAGE, "", "--to AGENT");
    expect(WORDS("sideclaw", "inbox"), SC_EXIT_USAGE, "", "AGENT");
    expect(WORDS("sideclaw", "inbox", "jerry", "eat"), SC_EXIT_USAGE, "", "eat");
    expect(WORDS("sideclaw", "inbox", "jerry", "ack"), SC_EXIT_USAGE, "", "ack");
    expect(WORDS("sideclaw", "show"), SC_EXIT_USAGE, "", "id");
    expect(WORDS("sideclaw", "status", "x"), SC_EXIT_USAGE, "", "no words");
    expect(WORDS("sideclaw", "config", "smaple"), SC_EXIT_USAGE, "", "'sample'?");
    expect(WORDS("sideclaw", "help", "nope"), SC_EXIT_USAGE, "", "nope");
    expect(WORDS("sideclaw", "ask", "--to", "x", "--timeout", "0", "y"), SC_EXIT_USAGE, "",
           "--timeout");
}

Test(cli, no_daemon_is_exit_75_with_the_remedy)
{
    expect(WORDS("sideclaw", "--socket", "/tmp/no/such.sock", "status"), SC_EXIT_AWAY, "",
           "sideclaw: status: cannot reach the daemon at /tmp/no/such.sock: No such file");
    expect(WORDS("sideclaw", "--socket=/tmp/no/such.sock", "status"), SC_EXIT_AWAY, "",
           "try: sideclaw run");
}

Test(cli, a_body_that_cannot_be_is_refused_before_anybody_is_asked)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_buf big = SC_BUF_INIT;
    char file[64];
    (void)snprintf(file, sizeof file, "%s/body", folder);
    char **argv = WORDS("sideclaw", "send", "--to", "x", "--file", file);
    expect(argv, SC_EXIT_FAILED, "", file);
    for (int i = 0; i <= 256 * 1024; i++)
        sc_buf_addc(&big, 'x');
    cr_assert_eq(sc_file_write(file, big.p, big.n, 0600, &err), SC_OK);
    expect(WORDS("sideclaw", "send", "--to", "x", "--file", file), SC_EXIT_FAILED, "", "the body");
    cr_assert_eq(sc_file_write(file, "a\0b", 3, 0600, &err), SC_OK);
    expect(WORDS("sideclaw", "send", "--to", "x", "--file", file), SC_EXIT_FAILED, "", "NUL");
    cr_assert_eq(sc_file_write(file, "a\xff", 2, 0600, &err), SC_OK);
    expect(WORDS("sideclaw", "send", "--to", "x", "--file", file), SC_EXIT_FAILED, "", "UTF-8");
    cr_assert_eq(sc_file_write(file, "", 0, 0600, &err), SC_OK);
    expect(WORDS("sideclaw", "send", "--to", "x", "--file", file), SC_EXIT_FAILED, "", "empty");
    expect(WORDS("sideclaw", "send", "--to", "x", "--file", file, "words"), SC_EXIT_FAILED, "",
           "twice");
    sc_buf_fini(&big);
}

#define SOCKET "--socket", path

Test(cli, send_prints_id_and_stage_and_sends_what_was_said)
{
    serve("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"id\":\"ID\",\"stage\":\"accepted\"}}");
    expect(WORDS("sideclaw", SOCKET, "send", "--to", "bobby", "--ttl", "5", "two", "words"),
           SC_EXIT_OK, "ID  accepted\n", "");
    char request[80];
    (void)snprintf(request, sizeof request, "%s/request", folder);
    sc_auto_free char *line = content(request);
    cr_assert(strstr(line, "\"method\":\"message.send\""), "%s", line);
    cr_assert(strstr(line, "\"body\":\"two words\"") && strstr(line, "\"ttl_s\":5"), "%s", line);
    cr_assert_null(strstr(line, "\"from\""), "the daemon knows who the default is");
}

Test(cli, the_agent_of_the_environment_is_the_sender)
{
    serve("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"id\":\"ID\",\"stage\":\"accepted\"}}");
    char **env = WORDS("AGENT_ID=scribe");
    cr_assert_eq(run(WORDS("sideclaw", SOCKET, "send", "--to", "bobby", "x"), env), SC_EXIT_OK);
    char request[80];
    (void)snprintf(request, sizeof request, "%s/request", folder);
    sc_auto_free char *line = content(request);
    cr_assert(strstr(line, "\"from\":\"scribe\""), "%s", line);
}

Test(cli, a_message_that_is_dead_is_a_failure)
{
    serve("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"id\":\"ID\",\"stage\":\"dead\",\"reason\":"
          "\"loop: too many in one thread\"}}");
    expect(WORDS("sideclaw", SOCKET, "send", "--to", "bobby", "x"), SC_EXIT_FAILED, "ID  dead",
           "too many in one thread");
}

Test(cli, ask_prints_the_reply_alone)
{
    serve("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"id\":\"ID\",\"stage\":\"replied\","
          "\"timed_out\":false,\"reply\":{\"body\":\"forty-two\"}}}");
    cr_assert_eq(run(WORDS("sideclaw", SOCKET, "ask", "--to", "bobby", "x"), NULL), SC_EXIT_OK);
    sc_auto_free char *out = content(out_file);
    cr_assert_str_eq(out, "forty-two\n");
}

Test(cli, ask_that_timed_out_is_exit_75)
{
    serve("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"id\":\"ID\",\"stage\":\"started\",\"from\":"
          "\"operator\",\"timed_out\":true,\"reply\":null}}");
    expect(WORDS("sideclaw", SOCKET, "ask", "--to", "bobby", "--timeout", "1", "x"), SC_EXIT_AWAY,
           "", "the message is started");
}

Test(cli, the_daemons_error_is_shown_with_its_remedy)
{
    serve(
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32000,\"message\":\"no agent is called "
        "'boby'\",\"data\":{\"number\":-2,\"remedy\":\"did you mean 'bobby'?\"}}}");
    expect(WORDS("sideclaw", SOCKET, "send", "--to", "boby", "x"), SC_EXIT_FAILED, "",
           "sideclaw: send: no agent is called 'boby'\n  try: did you mean 'bobby'?\n");
}

Test(cli, a_daemon_that_hangs_up_is_exit_75)
{
    serve(NULL);
    expect(WORDS("sideclaw", SOCKET, "status"), SC_EXIT_AWAY, "", "closed the connection");
}

Test(cli, json_prints_the_daemons_object)
{
    serve("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"agents\":[{\"id\":\"a\"}]}}");
    expect(WORDS("sideclaw", SOCKET, "--json", "agents"), SC_EXIT_OK, "\"id\": \"a\"", "");
}

#define DRAIN(members) "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{" members "}}"

Test(cli, drain_says_how_far_it_is)
{
    serve(DRAIN("\"phase\":\"leaving\",\"turns\":2,\"kept\":false,\"causes\":[{\"by\":\"operator\","
                "\"why\":\"new disk\"}]"));
    expect(WORDS("sideclaw", SOCKET, "drain", "--why", "new disk"), SC_EXIT_OK,
           "draining: 2 turns to end\n  - operator: new disk\n  the disk does not have it", "");
    char request[80];
    (void)snprintf(request, sizeof request, "%s/request", folder);
    sc_auto_free char *line = content(request);
    cr_assert(strstr(line, "\"method\":\"gateway.drain\"") && strstr(line, "\"why\":\"new disk\""),
              "%s", line);
    cr_assert_null(strstr(line, "wait_ms"));
    expect(WORDS("sideclaw", "drain", "now"), SC_EXIT_USAGE, "", "--why TEXT");
    expect(WORDS("sideclaw", "drain", "--timeout", "5"), SC_EXIT_USAGE, "", "--wait");
}

Test(cli, drain_that_is_ready_to_stop)
{
    serve(DRAIN("\"phase\":\"ready\",\"ready\":true"));
    expect(WORDS("sideclaw", SOCKET, "drain", "--wait", "--timeout", "7"), SC_EXIT_OK,
           "ready to stop", "");
    char request[80];
    (void)snprintf(request, sizeof request, "%s/request", folder);
    sc_auto_free char *line = content(request);
    cr_assert(strstr(line, "\"wait_ms\":7000"), "%s", line);
}

/* What a script does next must not happen. */
Test(cli, drain_that_waited_in_vain_is_exit_75)
{
    serve(DRAIN("\"phase\":\"leaving\",\"turns\":1,\"timed_out\":true"));
    expect(WORDS("sideclaw", SOCKET, "drain", "--wait", "--timeout", "7"), SC_EXIT_AWAY,
           "1 turn to end", "within 7 s");
}

Test(cli, drain_that_was_taken_back_is_exit_75)
{
    serve(DRAIN("\"phase\":\"serving\",\"ready\":false"));
    expect(WORDS("sideclaw", SOCKET, "drain", "--wait"), SC_EXIT_AWAY, "serving", "took the drain");
}

Test(cli, undrain_that_something_else_keeps_is_a_failure)
{
    serve(DRAIN("\"phase\":\"leaving\",\"causes\":[{\"by\":\"consul\",\"why\":\"x\"}]"));
    expect(WORDS("sideclaw", SOCKET, "undrain"), SC_EXIT_FAILED, "  - consul: x", "");
}

Test(cli, undrain_serves_again)
{
    serve(DRAIN("\"phase\":\"serving\""));
    expect(WORDS("sideclaw", SOCKET, "undrain"), SC_EXIT_OK, "serving\n", "");
}

Test(cli, odd_objects_are_shown_without_harm)
{
    static const char *const commands[] = { "status", "agents", "gateways",
                                            "health", "outbox", "drain" };
    for (size_t i = 0; i < SC_ARRAY_LEN(commands); i++) {
        serve("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"agents\":[{}],\"gateways\":[{}],"
              "\"messages\":[{}],\"signals\":[5],\"links\":[],\"reasons\":[null],\"conflicts\":[{}]"
              "}}");
        (void)run(WORDS("sideclaw", SOCKET, commands[i]), NULL);
        (void)waitpid(daemon_pid, NULL, 0);
        daemon_pid = 0;
        (void)unlink(path);
    }
}
