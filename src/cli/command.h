/* command.h: the table of commands and what each gets. */
#ifndef SIDECLAW_CLI_COMMAND_H
#define SIDECLAW_CLI_COMMAND_H

#include "args.h"
#include "sideclaw/cli.h"
#include "sideclaw/err.h"
#include "sideclaw/value.h"
#include "writer.h"

struct sc_command;

/* One run of the program. */
struct sc_cli {
    const struct sc_command *command; /* NULL before it is known */
    char *socket;
    bool json;
    char *const *envp;
    struct sc_writer writer;
};

struct sc_command {
    const char *name;
    const char *usage; /* what follows the name: "--to AGENT [TEXT...]" */
    const char *summary;
    const char *help;            /* a paragraph; NULL */
    const struct sc_flag *flags; /* name NULL ends */
    const char *examples;        /* lines; NULL */
    bool raw;                    /* argv goes through untouched (run) */
    int (*run)(struct sc_cli *cli, const struct sc_args *args);
};

/* The table; name NULL ends. */
extern const struct sc_command sc_commands[];
const struct sc_command *sc_command_find(const char *name);
void sc_command_help(struct sc_writer *w, const struct sc_command *c);
void sc_commands_help(struct sc_writer *w);

/* --- for commands --- */

/* sc_cli_fail: print "sideclaw: <command>: <err>" and its remedy; returns the exit code of err. */
int sc_cli_fail(const struct sc_cli *cli, const struct sc_err *err);
/* sc_cli_usage: the same for a mistake in the command line; returns SC_EXIT_USAGE. */
int sc_cli_usage(const struct sc_cli *cli, const char *fmt, ...) SC_PRINTF(2, 3);
int sc_cli_usage_err(const struct sc_cli *cli, const struct sc_err *err);

/* Call the daemon; NULL on failure, which was printed, and *ret_exit is what to return. */
struct sc_value *sc_cli_call(const struct sc_cli *cli, const char *method,
                             const struct sc_value *params, int *ret_exit);
/* Call and show: the whole of most commands. */
int sc_cli_show(struct sc_cli *cli, const char *method, const struct sc_value *params,
                sc_show_fn *show);

/* A file that was installed with us, "skills/x": beside a program in a build folder, else in
 * <prefix>/share/sideclaw. NULL when it is not there; the caller frees. */
char *sc_cli_data(const char *name);

/* Become the daemon's program, with `first` and then `rest` as its words; returns only on failure.
 */
int sc_cli_become_daemon(const struct sc_cli *cli, const char *const *first, size_t n_first,
                         char *const *rest, int n_rest);
/* Become the program `name` of our folder, else of PATH, with these arguments; returns only when
 * that failed. */
int sc_cli_exec(const struct sc_cli *cli, const char *name, char *const *argv);

/* The body of a message: --file, "-", the words, or what is piped in; SC_EINVAL, SC_ETOOBIG. */
int sc_cli_body(const struct sc_args *args, struct sc_buf *ret, struct sc_err *err) SC_MUST_CHECK;

/* message_text.c: one message with its body, for people. */
void sc_show_message(struct sc_writer *w, const struct sc_value *message);

int sc_cmd_send(struct sc_cli *cli, const struct sc_args *args);
int sc_cmd_ask(struct sc_cli *cli, const struct sc_args *args);
int sc_cmd_inbox(struct sc_cli *cli, const struct sc_args *args);
int sc_cmd_outbox(struct sc_cli *cli, const struct sc_args *args);
int sc_cmd_show(struct sc_cli *cli, const struct sc_args *args);
int sc_cmd_dead(struct sc_cli *cli, const struct sc_args *args);
int sc_cmd_memory(struct sc_cli *cli, const struct sc_args *args);
int sc_cmd_task(struct sc_cli *cli, const struct sc_args *args);
int sc_cmd_spool(struct sc_cli *cli, const struct sc_args *args);
int sc_cmd_status(struct sc_cli *cli, const struct sc_args *args);
int sc_cmd_agents(struct sc_cli *cli, const struct sc_args *args);
int sc_cmd_gateways(struct sc_cli *cli, const struct sc_args *args);
int sc_cmd_mcp(struct sc_cli *cli, const struct sc_args *args);
int sc_cmd_token(struct sc_cli *cli, const struct sc_args *args);
int sc_cmd_events(struct sc_cli *cli, const struct sc_args *args);
int sc_cmd_wait(struct sc_cli *cli, const struct sc_args *args);
int sc_cmd_health(struct sc_cli *cli, const struct sc_args *args);
int sc_cmd_drain(struct sc_cli *cli, const struct sc_args *args);
int sc_cmd_undrain(struct sc_cli *cli, const struct sc_args *args);
int sc_cmd_config(struct sc_cli *cli, const struct sc_args *args);
int sc_cmd_run(struct sc_cli *cli, const struct sc_args *args);
int sc_cmd_openclaw(struct sc_cli *cli, const struct sc_args *args);
int sc_cmd_version(struct sc_cli *cli, const struct sc_args *args);
int sc_cmd_help(struct sc_cli *cli, const struct sc_args *args);

#endif
