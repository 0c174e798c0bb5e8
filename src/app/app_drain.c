/* Draining: who asks for it here, and what follows (ADR 0019). What an operator asks is a file in
 * the state folder, so that a restart does not take messages again by itself. */
#include <errno.h>
#include <unistd.h>

#include "app_internal.h"
#include "sideclaw/file.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"

enum { DISK_EVERY_MS = 5000 };

static char *path_of(const struct sc_app *a)
{
    return sc_xasprintf("%s/drain", a->cfg.state_dir);
}

/* --- who asks --- */

static int save(const struct sc_app *a, const char *why, struct sc_err *err)
{
    sc_auto_free char *path = path_of(a);
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    if (!why && unlink(path) < 0 && errno != ENOENT)
        return sc_fail_errno(err, errno, "remove %s", path);
    if (!why)
        return SC_OK;
    sc_buf_addf(&text, "%s\n", why);
    return sc_file_write(path, text.p, text.n, 0600, err);
}

bool app_set_drain(void *app, const char *why)
{
    struct sc_app *a = app;
    struct sc_err err = SC_ERR_INIT;
    int r = save(a, why, &err);
    if (r < 0)
        sc_log_warn(a->log, "drain.not_kept", SC_S("reason", err.text),
                    SC_S("instead", "it holds until the sidecar is restarted"));
    sc_drain_set(a->drain, SC_DRAIN_OPERATOR, why);
    return r == SC_OK;
}

void app_maintenance(void *app, bool on, const char *reason)
{
    struct sc_app *a = app;
    sc_drain_set(a->drain, SC_DRAIN_CONSUL, on ? *reason ? reason : "maintenance mode" : NULL);
}

void app_follow_board(struct sc_app *a)
{
    struct sc_signal_view v;
    if (!sc_board_wants_drain(a->board, &v)) {
        sc_drain_set(a->drain, SC_DRAIN_SIGNAL, NULL);
        return;
    }
    sc_auto_free char *why = sc_xasprintf("%s: %s", v.name, v.detail);
    sc_drain_set(a->drain, SC_DRAIN_SIGNAL, why);
}

/* The words stay the same while it lasts: they are a reason, and a new one is logged. */
static void show_disk(struct sc_app *a, bool low)
{
    sc_auto_free char *detail =
        sc_xasprintf("less than %lld MiB are free in %s",
                     (long long)(a->cfg.drain_disk_free_bytes >> 20), a->cfg.state_dir);
    sc_board_set(a->board, SC_SIG_DISK, low ? SC_SIGNAL_BAD : SC_SIGNAL_OK, low ? detail : "",
                 low ? "make room, or lower drain.disk_free_bytes" : "");
}

static void look_at_disk(struct sc_app *a)
{
    int64_t left, bound = a->cfg.drain_disk_free_bytes;
    struct sc_signal_view was;
    struct sc_err err = SC_ERR_INIT;
    sc_board_view(a->board, SC_SIG_DISK, &was);
    if (bound == 0)
        sc_board_set(a->board, SC_SIG_DISK, SC_SIGNAL_OFF, "drain.disk_free_bytes is 0", "");
    else if (sc_file_system_free(a->cfg.state_dir, &left, &err) < 0)
        sc_board_set(a->board, SC_SIG_DISK, SC_SIGNAL_UNKNOWN, err.text, "");
    else
        show_disk(a, sc_drain_disk_low(was.state == SC_SIGNAL_BAD, left, bound));
}

void app_on_disk(void *app)
{
    struct sc_app *a = app;
    look_at_disk(a);
    app_follow_board(a);
    sc_timer_arm(a->disk_timer, DISK_EVERY_MS);
}

static void load(struct sc_app *a)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_free char *path = path_of(a);
    sc_auto_free char *why = NULL;
    int r = sc_file_read_line(path, SC_REASON_MAX, &why, &err);
    if (r == SC_ENOENT)
        return;
    if (r < 0) /* it is there, and its words matter less */
        sc_log_warn(a->log, "drain.unreadable", SC_S("reason", err.text),
                    SC_S("instead", "it drains all the same"));
    sc_drain_set(a->drain, SC_DRAIN_OPERATOR, why && *why ? why : "asked before a restart");
}

/* Before anybody is told how we are. */
void app_begin_drain(struct sc_app *a)
{
    load(a);
    app_on_disk(a);
}

/* --- what follows --- */

static void add_causes(const struct sc_drain_view *v, struct sc_buf *out)
{
    for (int i = 0; i < SC_DRAIN_CAUSES; i++)
        if (v->why[i])
            sc_buf_addf(out, "%s%s: %s", out->n ? "; " : "",
                        sc_drain_cause_name((enum sc_drain_cause)i), v->why[i]);
}

/* Pages, the directory and everybody's registry follow the board's verdict. */
static void on_changed(void *app)
{
    struct sc_app *a = app;
    struct sc_drain_view v;
    sc_auto_buf struct sc_buf detail = SC_BUF_INIT;
    sc_drain_view(a->drain, &v);
    bool serves = v.phase == SC_DRAIN_SERVING;
    add_causes(&v, &detail);
    if (v.phase == SC_DRAIN_READY)
        sc_buf_adds(&detail, " (ready to stop)");
    sc_mailbox_hold(a->mailbox, !serves);
    sc_board_set(a->board, SC_SIG_DRAIN, serves ? SC_SIGNAL_OK : SC_SIGNAL_BAD, sc_buf_str(&detail),
                 v.why[SC_DRAIN_OPERATOR] ? "sideclaw undrain" : "");
    app_notify_status(a);
}

/* Leases come with channels: `leases` is where their count goes. */
void app_build_drain(struct sc_app *a)
{
    const struct sc_drain_deps deps = { .loop = a->loop,
                                        .log = a->log,
                                        .clock = a->clock,
                                        .notice_ms = a->cfg.drain_notice_s * 1000,
                                        .turns = app_turns,
                                        .changed = on_changed,
                                        .ctx = a };
    a->drain = sc_drain_new(&deps);
    a->disk_timer = sc_timer_new(a->loop, app_on_disk, a);
}
