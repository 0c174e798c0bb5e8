/* How the gateway beside us is: the prober's ways of looking, of which the process is ours, and the
 * picture of it that its own command line tool paints once. */
#include <stdlib.h>
#include <string.h>

#include "app_internal.h"
#include "sideclaw/crypto.h"
#include "sideclaw/mem.h"
#include "sideclaw/paths.h"

enum {
    SEARCH_MS = 30 * 1000, /* walking through /proc costs milliseconds, so not all the time */
    BASELINE_MS = 60 * 1000
};

/* ---- its process ---- */

static const char *const ways[] = {
    [APP_BY_PID_FILE] = "pid file",
    [APP_BY_NOMAD] = "Nomad's task",
    [APP_BY_SOCKET] = "socket",
    [APP_BY_COMMAND] = "command line",
};

/* Two gateways of one machine differ in it. */
static const char state_variable[] = "OPENCLAW_STATE_DIR";

/* The surest way first. By its command line only when the one we knew is gone: then whatever was
 * started since is likely to be its successor, whose port opens in 10 to 300 s. */
static bool find(struct sc_app *a, struct sc_process *ret, enum app_process_way *ret_way)
{
    struct sc_err err = SC_ERR_INIT;
    int64_t pid;
    uint16_t port = sc_gateway_ws_local_port(a->gateway);
    const char *alloc = sc_env_get(a->args.envp, "NOMAD_ALLOC_ID");
    *ret_way = APP_BY_PID_FILE;
    if (*a->cfg.gateway_pid_file)
        return sc_process_read_pid(a->cfg.gateway_pid_file, &pid, &err) == SC_OK &&
               sc_process_get(pid, ret);
    *ret_way = APP_BY_SOCKET;
    if (port && sc_process_listens(port, ret))
        return true;
    *ret_way = APP_BY_NOMAD;
    if (alloc && *alloc && *a->cfg.gateway_task &&
        sc_process_of_nomad(alloc, a->cfg.gateway_task, ret))
        return true;
    *ret_way = APP_BY_COMMAND;
    const struct sc_process_search what = { .text = a->cfg.gateway_process,
                                            .after = a->process.what.born,
                                            .variable = state_variable,
                                            .kind = a->process.kind };
    return a->process.seen && *a->cfg.gateway_process && sc_process_find(&what, ret);
}

/* A guess is looked at again now and then: once the port is open, its owner is the one. */
static bool is_there(struct sc_app *a)
{
    struct app_process *p = &a->process;
    struct sc_process found;
    enum app_process_way way;
    int64_t now = sc_clock_mono(&a->clock).ms;
    bool again = p->seen && sc_process_again(&p->what);
    bool sure = p->way == APP_BY_SOCKET || p->way == APP_BY_PID_FILE;
    bool searched = p->searched.ms && now - p->searched.ms < SEARCH_MS;
    if ((again && (sure || searched)) || (!p->seen && searched))
        return again;
    p->searched.ms = now;
    if (!find(a, &found, &way))
        return again;
    p->seen = true;
    p->what = found;
    p->way = way;
    p->kind = sc_process_kind(found.pid, state_variable);
    return true;
}

static void look_at_process(struct sc_app *a, struct sc_check_result *r)
{
    const struct app_process *p = &a->process;
    if (!is_there(a) && !p->seen) {
        r->answer = SC_ANSWER_OFF;
        (void)snprintf(r->text, sizeof r->text, "not found on this machine");
        return;
    }
    r->pid = p->what.pid;
    r->age_ms = p->what.age_ms;
    if (!sc_process_again(&a->process.what)) {
        r->answer = SC_ANSWER_REFUSED;
        (void)snprintf(r->text, sizeof r->text, "process %lld is gone", (long long)r->pid);
        (void)snprintf(r->remedy, sizeof r->remedy, "start the gateway: openclaw gateway run");
    } else if (p->what.stopped) {
        r->answer = SC_ANSWER_BAD;
        (void)snprintf(r->text, sizeof r->text, "process %lld is stopped", (long long)r->pid);
        (void)snprintf(r->remedy, sizeof r->remedy, "kill -CONT %lld", (long long)r->pid);
    } else {
        r->answer = SC_ANSWER_GOOD;
        (void)snprintf(r->text, sizeof r->text, "process %lld, by its %s", (long long)r->pid,
                       ways[p->way]);
    }
}

static void on_process(void *ctx)
{
    struct sc_app *a = ctx;
    struct sc_check_result r = { .answer = SC_ANSWER_NONE };
    sc_check_fn *fn = a->process.fn;
    a->process.fn = NULL;
    look_at_process(a, &r);
    fn(a->process.ctx, &r);
}

/* ---- the port ---- */

static struct sc_check *process_check(struct sc_app *a)
{
    return (struct sc_check *)(void *)&a->process; /* told apart by its address */
}

static struct sc_check *start_check(void *impl, enum sc_check_id id, int64_t wait_ms,
                                    sc_check_fn *fn, void *ctx)
{
    struct sc_app *a = impl;
    const struct sc_checks others = sc_gateway_ws_checks(a->gateway);
    if (id != SC_CHECK_PROCESS)
        return others.start(others.impl, id, wait_ms, fn, ctx);
    a->process.fn = fn;
    a->process.ctx = ctx;
    sc_loop_defer(a->loop, on_process, a);
    return process_check(a);
}

static void cancel_check(void *impl, struct sc_check *check)
{
    struct sc_app *a = impl;
    const struct sc_checks others = sc_gateway_ws_checks(a->gateway);
    if (check != process_check(a)) {
        others.cancel(others.impl, check);
        return;
    }
    sc_loop_undefer(a->loop, on_process, a);
    a->process.fn = NULL;
}

static void on_silent(void *ctx, bool answers_http)
{
    sc_gateway_ws_silent(((struct sc_app *)ctx)->gateway, answers_http);
}

void app_build_prober(struct sc_app *a)
{
    const struct sc_prober_deps deps = {
        .loop = a->loop,
        .log = a->log,
        .clock = a->clock,
        .board = a->board,
        .checks = { .start = start_check, .cancel = cancel_check, .impl = a },
        .start_grace_ms = a->cfg.gateway_start_grace_s * 1000,
        .silent = on_silent,
        .ctx = a,
    };
    a->prober = sc_prober_new(&deps);
}

/* ---- the baseline ---- */

static void on_baseline(void *ctx, const struct sc_err *err)
{
    struct sc_app *a = ctx;
    a->baseline = NULL;
    if (err)
        sc_log_info(a->log, "gateway.no_baseline", SC_S("reason", err->text));
    else
        sc_log_info(a->log, "gateway.baseline", SC_S("file", a->baseline_path));
}

/* Our environment, and what the tool needs to find this very gateway. */
static char **tool_env(const struct sc_app *a, char *port, char *token)
{
    size_t n = 0;
    while (a->args.envp[n])
        n++;
    char **env = sc_xcalloc(n + 3, sizeof *env);
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        if (strncmp(a->args.envp[i], "OPENCLAW_GATEWAY_TOKEN=", 23) != 0 &&
            strncmp(a->args.envp[i], "OPENCLAW_GATEWAY_PORT=", 22) != 0)
            env[k++] = a->args.envp[i];
    env[k++] = port;
    env[k] = *a->cfg.gateway_token ? token : NULL;
    return env;
}

/* Once in our life, and never again: the tool takes seconds of a processor (OPENCLAW 0). */
void app_take_baseline(struct sc_app *a)
{
    const char *const argv[] = { a->cfg.gateway_cli, "gateway", "status", "--json", NULL };
    struct sc_err err = SC_ERR_INIT;
    uint16_t port = sc_gateway_ws_local_port(a->gateway);
    if (a->baseline_taken || !port || !*a->cfg.gateway_cli)
        return;
    a->baseline_taken = true;
    sc_auto_free char *port_text = sc_xasprintf("OPENCLAW_GATEWAY_PORT=%u", port);
    char *token = sc_xasprintf("OPENCLAW_GATEWAY_TOKEN=%s", a->cfg.gateway_token);
    char **env = tool_env(a, port_text, token);
    a->baseline_path = sc_xasprintf("%s/gateway-status.json", a->cfg.state_dir);
    const struct sc_spawn_request req = {
        .argv = argv, .envp = env, .path = a->baseline_path, .timeout_ms = BASELINE_MS
    };
    if (sc_spawn_start(a->loop, &req, on_baseline, a, &a->baseline, &err) < 0)
        on_baseline(a, &err);
    free(env);
    sc_secret_free(token);
}
