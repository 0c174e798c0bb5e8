/* drain.c: drain, which may wait until the sidecar can be stopped, and undrain. */
#include <stdio.h>
#include <unistd.h>

#include "command.h"
#include "control_client.h"
#include "sideclaw/mem.h"

enum { WAIT_DEFAULT_S = 600, MARGIN_MS = 5 * 1000, QUIET_MS = 2 * 1000 };

static void show_phase(struct sc_writer *w, const struct sc_value *v)
{
    const char *phase = sc_value_get_str(v, "phase");
    long long turns = (long long)sc_value_get_int(v, "turns", 0),
              leases = (long long)sc_value_get_int(v, "leases", 0);
    if (sc_streq(phase, "serving"))
        sc_writer_line(w, "serving");
    else if (sc_streq(phase, "ready"))
        sc_writer_line(w, "draining: ready to stop");
    else if (sc_streq(phase, "handing_on"))
        sc_writer_line(w, "draining: %lld leases to hand on", leases);
    else if (turns > 0)
        sc_writer_line(w, "draining: %lld turn%s to end", turns, turns == 1 ? "" : "s");
    else
        sc_writer_line(w, "draining: until load balancers have noticed");
}

static void show_drain(struct sc_writer *w, const struct sc_value *v)
{
    const struct sc_value *causes = sc_value_get(v, "causes");
    show_phase(w, v);
    for (size_t i = 0; i < sc_value_count(causes); i++) {
        const struct sc_value *c = sc_value_at(causes, i);
        sc_writer_line(w, "  - %s: %s", sc_value_get_str(c, "by"), sc_value_get_str(c, "why"));
    }
    if (!sc_value_get_bool(v, "kept", true))
        sc_writer_line(w, "  the disk does not have it: a restart of the sidecar forgets it");
}

/* Somebody sits there: say that it goes on. */
static void on_tick(void *ctx, int64_t waited_ms)
{
    bool *shown = ctx;
    if (waited_ms < QUIET_MS)
        return;
    *shown = true;
    (void)fprintf(stderr, "\rwaiting for the last turn … %lld s ", (long long)(waited_ms / 1000));
}

static struct sc_value *call(const struct sc_cli *cli, struct sc_value *params, int64_t wait_ms,
                             struct sc_err *err)
{
    bool shown = false;
    const struct sc_control_request req = { .socket = cli->socket,
                                            .method = "gateway.drain",
                                            .params = params,
                                            .timeout_ms = wait_ms + MARGIN_MS,
                                            .tick = isatty(STDERR_FILENO) ? on_tick : NULL,
                                            .ctx = &shown };
    if (wait_ms > 0)
        sc_value_set_int(params, "wait_ms", wait_ms);
    struct sc_value *v = sc_control_call(&req, err);
    if (shown)
        (void)fputs("\r\033[K", stderr);
    return v;
}

/* 0: it is over, one way or the other. */
static int check_end(const struct sc_value *v, int64_t timeout_s, struct sc_err *err)
{
    if (sc_value_get_bool(v, "timed_out", false)) {
        (void)sc_fail(err, SC_ETIMEDOUT, "not ready to stop within %lld s; it goes on draining",
                      (long long)timeout_s);
        return sc_err_remedy(err, "wait again: sideclaw drain --wait; see: sideclaw status");
    }
    if (!sc_value_get_bool(v, "ready", false))
        return sc_fail(err, SC_ECANCELED, "somebody took the drain back: it serves again");
    return SC_OK;
}

int sc_cmd_drain(struct sc_cli *cli, const struct sc_args *args)
{
    struct sc_err err = SC_ERR_INIT;
    bool wait = sc_args_has(args, "--wait");
    int64_t timeout_s = sc_args_int(args, "--timeout", WAIT_DEFAULT_S);
    if (args->n_words > 0)
        return sc_cli_usage(cli, "it takes no words; a reason is --why TEXT");
    if (!wait && sc_args_has(args, "--timeout"))
        return sc_cli_usage(cli, "--timeout goes with --wait");
    sc_auto_value struct sc_value *params = sc_value_object();
    if (sc_args_has(args, "--why"))
        sc_value_set_str(params, "why", sc_args_text(args, "--why"));
    sc_auto_value struct sc_value *v = call(cli, params, wait ? timeout_s * 1000 : 0, &err);
    if (!v)
        return sc_cli_fail(cli, &err);
    cli->writer.ops->result(&cli->writer, v, show_drain);
    return wait && check_end(v, timeout_s, &err) < 0 ? sc_cli_fail(cli, &err) : SC_EXIT_OK;
}

int sc_cmd_undrain(struct sc_cli *cli, const struct sc_args *args)
{
    int code;
    if (args->n_words > 0)
        return sc_cli_usage(cli, "it takes no words");
    sc_auto_value struct sc_value *v = sc_cli_call(cli, "gateway.undrain", NULL, &code);
    if (!v)
        return code;
    cli->writer.ops->result(&cli->writer, v, show_drain);
    return sc_streq(sc_value_get_str(v, "phase"), "serving") ? SC_EXIT_OK : SC_EXIT_FAILED;
}
