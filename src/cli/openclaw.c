/* openclaw.c: `sideclaw openclaw install`: through the gateway, or into its file. */
#include "openclaw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control_client.h"
#include "sideclaw/mem.h"
#include "sideclaw/openclaw_config.h"
#include "sideclaw/paths.h"

enum { ASK_MS = 150 * 1000 }; /* a config.get and a config.patch, each bounded by the daemon */

/* ---- show ---- */

static void show_change(struct sc_writer *w, const struct sc_value *change)
{
    const char *op = sc_value_get_str(change, "op");
    const struct sc_value *v = sc_value_get(change, "value");
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    sc_value_dump(v, &text);
    bool in_list = sc_value_is_str(v) && !sc_streq(op, "change");
    sc_writer_line(w, "%c %s%s %s",
                   sc_streq(op, "add")      ? '+'
                   : sc_streq(op, "remove") ? '-'
                                            : '~',
                   sc_value_get_str(change, "path"), in_list ? "[]" : " =", sc_buf_str(&text));
}

static void show_installed(struct sc_writer *w, const struct sc_value *v)
{
    const struct sc_value *changes = sc_value_get(v, "changes");
    size_t n = sc_value_count(changes);
    const char *path = sc_value_get_str(v, "path");
    for (size_t i = 0; i < n; i++)
        show_change(w, sc_value_at(changes, i));
    if (n == 0)
        sc_writer_line(w, "%s: nothing to change", path);
    else if (sc_value_get_bool(v, "dry_run", false))
        sc_writer_line(w, "%s: %zu change%s to make", path, n, n == 1 ? "" : "s");
    else
        sc_writer_line(w, "%s: %zu change%s made%s", path, n, n == 1 ? "" : "s",
                       sc_streq(sc_value_get_str(v, "way"), "gateway") ? " by the gateway" : "");
}

/* ---- the two ways ---- */

static struct sc_value *through_gateway(const struct openclaw_job *job, struct sc_err *err)
{
    sc_auto_value struct sc_value *params = sc_value_object();
    if (job->agents.n) {
        struct sc_value *list = sc_value_array();
        for (size_t i = 0; i < job->agents.n; i++)
            sc_value_add_str(list, job->agents.v[i]);
        sc_value_set(params, "agents", list);
    }
    if (job->skill && !job->remove)
        sc_value_set_str(params, "skill", job->skill);
    sc_value_set_bool(params, "dry_run", job->dry_run);
    const struct sc_control_request req = { .socket = job->cli->socket,
                                            .method = job->remove ? "gateway.uninstall"
                                                                  : "gateway.install",
                                            .params = params,
                                            .timeout_ms = ASK_MS };
    return sc_control_call(&req, err);
}

/* Where OpenClaw itself looks for it; the caller frees. */
static char *default_file(char *const *envp)
{
    const char *path = sc_env_get(envp, "OPENCLAW_CONFIG_PATH");
    const char *state = sc_env_get(envp, "OPENCLAW_STATE_DIR"), *home = sc_env_get(envp, "HOME");
    if (path)
        return sc_xstrdup(path);
    if (state)
        return sc_xasprintf("%s/openclaw.json", state);
    return sc_xasprintf("%s/.openclaw/openclaw.json", home ? home : "");
}

static struct sc_value *no_token(void *ctx, const char *agent)
{
    (void)ctx;
    sc_auto_free char *token = sc_xasprintf("<sideclaw token %s>", agent);
    return sc_openclaw_server("http://127.0.0.1:<port of http.listen>/mcp", agent, token);
}

/* What a person has to add where we cannot: the tokens are for `sideclaw token`. */
static void print_snippet(const struct openclaw_job *job)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_value struct sc_value *config = sc_value_object();
    struct sc_value *agents = sc_value_object(), *entries = sc_value_object();
    for (size_t i = 0; i < job->agents.n; i++)
        sc_value_set(entries, job->agents.v[i], sc_value_object());
    sc_value_set(agents, "entries", entries);
    sc_value_set(config, "agents", agents);
    const struct sc_openclaw_want want = { .only = &job->agents,
                                           .skill = job->skill,
                                           .server = no_token };
    sc_auto_value struct sc_value *to = sc_openclaw_apply(config, &want, &err);
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    if (!to || job->remove)
        return;
    sc_value_dump_pretty(to, &text);
    (void)fprintf(stderr, "add this by hand%s:\n%s\n",
                  job->agents.n ? "" : " (of each agent; --agent A names them)", sc_buf_str(&text));
}

static struct sc_value *through_file(const struct openclaw_job *job, const char *path,
                                     struct sc_err *err)
{
    struct sc_value *v = openclaw_change_file(job, path, err);
    if (!v && err->code == SC_ECONFIG)
        print_snippet(job);
    return v;
}

static struct sc_value *change(const struct openclaw_job *job, const char *file, struct sc_err *err)
{
    if (file)
        return through_file(job, file, err);
    struct sc_value *v = through_gateway(job, err);
    if (v || err->code != SC_EAWAY)
        return v;
    sc_auto_free char *path = default_file(job->cli->envp);
    if (access(path, F_OK) < 0)
        return NULL; /* then what the daemon said is the better explanation */
    (void)fprintf(stderr, "sideclaw: openclaw: %s; changing %s\n", err->text, path);
    return through_file(job, path, err);
}

/* ---- the command ---- */

static void find_skill(struct openclaw_job *job, const struct sc_args *args)
{
    if (sc_args_has(args, "--no-skill") || job->remove)
        return;
    job->skill = sc_cli_data("skills/" SC_OPENCLAW_SKILL);
    if (!job->skill)
        (void)fputs("sideclaw: openclaw: the skill " SC_OPENCLAW_SKILL
                    " was not installed with this program; going on without it\n",
                    stderr);
}

int sc_cmd_openclaw(struct sc_cli *cli, const struct sc_args *args)
{
    if (args->n_words != 1 || !sc_streq(args->words[0], "install"))
        return sc_cli_usage(cli, "install?");
    struct openclaw_job job = { .cli = cli,
                                .remove = sc_args_has(args, "--uninstall"),
                                .dry_run = sc_args_has(args, "--dry-run") };
    struct sc_err err = SC_ERR_INIT;
    for (int i = 0; i < args->n_many; i++)
        sc_strv_add(&job.agents, args->many[i]);
    find_skill(&job, args);
    sc_auto_value struct sc_value *v = change(&job, sc_args_text(args, "--file"), &err);
    if (v)
        cli->writer.ops->result(&cli->writer, v, show_installed);
    int code = v ? SC_EXIT_OK : sc_cli_fail(cli, &err);
    sc_strv_fini(&job.agents);
    free(job.skill);
    return code;
}
