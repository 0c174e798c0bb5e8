/* cli.h: the shell command. Blocking and small: it links jansson and libc, so that `sideclaw send`
 * is over before a heavier program has loaded its libraries. */
#ifndef SIDECLAW_CLI_H
#define SIDECLAW_CLI_H

/* Exit codes, for people's scripts (DESIGN 9). */
enum {
    SC_EXIT_OK = 0,
    SC_EXIT_FAILED = 1,
    SC_EXIT_USAGE = 2,
    SC_EXIT_AWAY = 75, /* the daemon, or what it depends on, is away; or waiting took too long */
    SC_EXIT_CONFIG = 78
};

/* sc_cli_main: the whole of `sideclaw ARGS`; returns the exit code. argv ends with NULL. */
int sc_cli_main(int argc, char **argv, char *const *envp);

#endif
