/* What the service manager is told: ready, how we are, that we stop, and that we live. Without
 * NOTIFY_SOCKET nobody listens, and all this does nothing. */
#include <string.h>

#include "app_internal.h"
#include "sideclaw/mem.h"
#include "sideclaw/notify.h"
#include "sideclaw/paths.h"

static void say(struct sc_app *a, const char *words)
{
    struct sc_err err = SC_ERR_INIT;
    if (sc_notify_say(a->notify, words, &err) < 0)
        sc_log_debug(a->log, "notify.unheard", SC_S("reason", err.text));
}

static void add_reason(void *ctx, const char *reason)
{
    struct sc_buf *text = ctx;
    sc_buf_addf(text, "%s%s", strchr(sc_buf_str(text), ':') ? "; " : ": ", reason);
}

void app_notify_status(struct sc_app *a)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    if (!a->notify)
        return;
    sc_buf_adds(&text, sc_health_name(sc_board_verdict(a->board)));
    sc_board_reasons(a->board, add_reason, &text);
    if (sc_streq(a->notified, sc_buf_str(&text)))
        return;
    sc_set_str(&a->notified, sc_buf_str(&text));
    if (sc_notify_status(a->notify, sc_buf_str(&text), &err) < 0)
        sc_log_debug(a->log, "notify.unheard", SC_S("reason", err.text));
}

static void on_first_turn(void *app)
{
    say(app, "READY=1");
    app_notify_status(app);
}

/* The loop turned, and the spool committed what the turn wrote. A commit that hangs stops the loop,
 * and one that fails is answered by its silence here. */
static void on_committed(void *app, const struct sc_err *err)
{
    struct sc_app *a = app;
    if (err)
        sc_log_warn(a->log, "watchdog.unfed", SC_S("reason", err->text));
    else
        say(a, "WATCHDOG=1");
}

static void on_watchdog(void *app)
{
    struct sc_app *a = app;
    const struct sc_spool spool = sc_spool_sqlite_port(a->spool);
    sc_timer_arm(a->watchdog_timer, a->watchdog_ms);
    spool.ops->after_commit(spool.impl, on_committed, a);
}

void app_notify_ready(struct sc_app *a)
{
    if (!a->notify)
        return;
    sc_loop_defer(a->loop, on_first_turn, a);
    if (a->watchdog_ms > 0)
        sc_timer_arm(a->watchdog_timer, 0);
}

void app_notify_stopping(struct sc_app *a)
{
    say(a, "STOPPING=1");
}

/* One that cannot be reached is no reason not to serve. */
void app_build_notify(struct sc_app *a)
{
    char *const *envp = a->args.envp;
    struct sc_err err = SC_ERR_INIT;
    const char *address = sc_env_get(envp, "NOTIFY_SOCKET");
    a->watchdog_timer = sc_timer_new(a->loop, on_watchdog, a);
    if (!address)
        return;
    a->notify = sc_notify_new(address, &err);
    if (!a->notify)
        sc_log_warn(a->log, "notify.unusable", SC_S("reason", err.text),
                    SC_S("instead", "the service manager is told nothing"));
    a->watchdog_ms =
        sc_notify_watchdog_ms(sc_env_get(envp, "WATCHDOG_USEC"), sc_env_get(envp, "WATCHDOG_PID"));
}
