/* run.c: what the daemon does better itself: running, and checking its configuration. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "sideclaw/mem.h"
#include "sideclaw/suggest.h"

static const char daemon_name[] = "sideclawd";

/* Relative to this program's own folder, so that a build folder works as well as /usr/bin; NULL
 * when there is none. */
static char *beside_us(const char *folder, const char *name)
{
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        return NULL;
    self[n] = 0;
    char *slash = strrchr(self, '/');
    if (!slash)
        return NULL;
    char *path = sc_xasprintf("%.*s/%s%s", (int)(slash - self), self, folder, name);
    if (access(path, X_OK) == 0) /* of a folder: it may be entered */
        return path;
    free(path);
    return NULL;
}

char *sc_cli_data(const char *name)
{
    sc_auto_free char *found = beside_us("", name);
    if (!found)
        found = beside_us("../share/sideclaw/", name);
    return found ? realpath(found, NULL) : NULL;
}

int sc_cli_exec(const struct sc_cli *cli, const char *name, char *const *argv)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_free char *path = beside_us("", name);
    if (path)
        (void)execv(path, argv);
    else
        (void)execvp(name, argv);
    (void)sc_fail_errno(&err, errno, "cannot start %s", path ? path : name);
    (void)sc_err_remedy(&err, "install %s beside sideclaw, or in a folder of PATH", name);
    return sc_cli_fail(cli, &err);
}

/* The daemon's name, then the given words, then NULL; the caller frees the array. */
static char **daemon_argv(const char *const *first, size_t n_first, char *const *rest, int n_rest)
{
    char **argv = sc_xcalloc(n_first + (size_t)n_rest + 2, sizeof *argv);
    size_t n = 0;
    argv[n++] = sc_xstrdup(daemon_name); /* these copies end with the exec, or with us */
    for (size_t i = 0; i < n_first; i++)
        argv[n++] = sc_xstrdup(first[i]);
    for (int i = 0; i < n_rest; i++)
        argv[n++] = sc_xstrdup(rest[i]);
    return argv;
}

static void free_argv(char **argv)
{
    for (size_t i = 0; argv[i]; i++)
        free(argv[i]);
    free(argv);
}

int sc_cli_become_daemon(const struct sc_cli *cli, const char *const *first, size_t n_first,
                         char *const *rest, int n_rest)
{
    char **argv = daemon_argv(first, n_first, rest, n_rest);
    int code = sc_cli_exec(cli, daemon_name, argv);
    free_argv(argv);
    return code;
}

int sc_cmd_run(struct sc_cli *cli, const struct sc_args *args)
{
    return sc_cli_become_daemon(cli, NULL, 0, args->words, args->n_words);
}

static int check(const struct sc_cli *cli, const struct sc_args *args)
{
    const char *const with_file[] = { "--check", "--config", args->words[1] };
    if (args->n_words > 2)
        return sc_cli_usage(cli, "check takes one file");
    return sc_cli_become_daemon(cli, with_file, args->n_words == 2 ? 3 : 1, NULL, 0);
}

int sc_cmd_config(struct sc_cli *cli, const struct sc_args *args)
{
    static const char *const actions[] = { "check", "sample", "options" };
    static const char *const sample[] = { "--print-options", "sample" };
    static const char *const options[] = { "--print-options", "text" };
    if (args->n_words == 0)
        return sc_cli_usage(cli, "check [FILE], sample or options?");
    if (sc_streq(args->words[0], "check"))
        return check(cli, args);
    if (sc_streq(args->words[0], "sample"))
        return sc_cli_become_daemon(cli, sample, SC_ARRAY_LEN(sample), NULL, 0);
    if (sc_streq(args->words[0], "options"))
        return sc_cli_become_daemon(cli, options, SC_ARRAY_LEN(options), NULL, 0);
    const char *nearest = sc_suggest(args->words[0], actions, SC_ARRAY_LEN(actions));
    return sc_cli_usage(cli, "there is no action '%.40s'%s%s%s", args->words[0],
                        nearest ? "; did you mean '" : "", nearest ? nearest : "",
                        nearest ? "'?" : "");
}
