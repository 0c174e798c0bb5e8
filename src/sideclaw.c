/* sideclaw: the shell command. Everything is a row of the table in cli/commands.c. */
#include <signal.h>
#include <unistd.h>

#include "sideclaw/cli.h"

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error we report, not our death */
    return sc_cli_main(argc, argv, environ);
}
